//! Unified diffs: parsed into files and lines, painted with colours, line numbers and changed words, folded by file.

mod code;
mod parse;
mod view;

pub use code::Coded;
pub use parse::{DiffLine, FileDiff, LineKind, parse};
pub use view::DiffView;

use ratatui::style::Style;

use super::{Brush, Strip};
use crate::{
    text::{
        cut,
        wrap::{self, Break},
    },
    ui::theme::{Code, Diff, Icon, Role},
};

/// Cells of a line's number, with the blank behind it.
const NUMBER: usize = 6;

/// The line above a file's changes.
pub fn header(file: &FileDiff, open: bool, brush: &Brush<'_>) -> Strip {
    let icon = if open { Icon::Open } else { Icon::Closed };
    let mut strip = brush.mark(icon, Role::Dim);
    strip.push(&file.path, brush.style(Role::Diff(Diff::File)));
    if let Some(old) = &file.renamed_from {
        strip.push(format!(" (was {old})"), brush.style(Role::Dim));
    }
    strip.with_right(&counts(file.added, file.removed, brush), brush.width)
}

/// `+12 -3`.
pub fn counts(added: u64, removed: u64, brush: &Brush<'_>) -> Strip {
    let mut strip = brush.strip(format!("+{added}"), Role::Diff(Diff::Added));
    if removed > 0 {
        strip.push(format!(" -{removed}"), brush.style(Role::Diff(Diff::Removed)));
    }
    strip
}

/// Whether the number of a line is shown in so many cells.
fn numbered(line: &DiffLine, width: usize) -> bool {
    width >= 60 && !looks(line.kind).2.is_empty()
}

/// What stands before the text of a line: its number, where there is room, and its sign.
fn gutter(line: &DiffLine, brush: &Brush<'_>) -> Strip {
    let (role, _, sign) = looks(line.kind);
    let mut strip = Strip::default();
    if numbered(line, brush.width) {
        strip.push(format!("{:>1$} ", line.number, NUMBER - 1), brush.style(Role::Dim));
    }
    strip.push(sign, brush.style(role));
    strip
}

/// The roles of a line and of the words that have changed in it, and its sign.
fn looks(kind: LineKind) -> (Role, Role, &'static str) {
    match kind {
        LineKind::Context => (Role::Text, Role::Text, " "),
        LineKind::Added => (Role::Diff(Diff::Added), Role::Diff(Diff::AddedWord), "+"),
        LineKind::Removed => (Role::Diff(Diff::Removed), Role::Diff(Diff::RemovedWord), "-"),
        LineKind::Hunk => (Role::Diff(Diff::Hunk), Role::Diff(Diff::Hunk), ""),
        LineKind::Note => (Role::Dim, Role::Dim, ""),
    }
}

/// The text of a line; `code`: its colours as code. True: it has a ground of its own.
fn text(line: &DiffLine, code: &[(u32, Code)], brush: &Brush<'_>) -> (Strip, bool) {
    let (role, word, _) = looks(line.kind);
    let mut text = Strip::of(&*line.text, brush.style(role));
    // On a theme without a ground of its own for changes the colour alone says what they are.
    let ground = brush.style(role).bg;
    let grounded = ground.is_some() && ground != brush.style(Role::Text).bg;
    if line.kind == LineKind::Context || grounded {
        let mut from = 0;
        for (end, code) in code {
            let range = from..(*end as usize).min(line.text.len());
            from = range.end;
            let style = brush.style(Role::Code(*code));
            if *code != Code::Plain {
                text.patch(range, Style { bg: ground, ..style });
            }
        }
    }
    let (from, to) = (line.changed.start.min(line.text.len()), line.changed.end.min(line.text.len()));
    if from < to {
        text.patch(from..to, brush.style(word));
    }
    (text, grounded)
}

/// One line of a file's changes, cut to the width; `left`: cells that are passed over.
pub fn line(line: &DiffLine, code: &[(u32, Code)], left: usize, brush: &Brush<'_>) -> Strip {
    let (text, grounded) = text(line, code, brush);
    let passed = cut::to_cells(text.text(), left).0.len();
    let mut strip = gutter(line, brush);
    strip.push_part(&text, passed..text.text().len());
    filled(strip.cut(brush.width), line, grounded, brush)
}

/// The same in as many rows as it takes.
pub fn rows(line: &DiffLine, code: &[(u32, Code)], brush: &Brush<'_>) -> Vec<Strip> {
    let ((text, grounded), gutter) = (text(line, code, brush), gutter(line, brush));
    let mut rows = Vec::new();
    text.wrap(brush.width, Break::Anywhere, &gutter, &brush.indent(&gutter), &mut rows);
    rows.into_iter().map(|row| filled(row, line, grounded, brush)).collect()
}

/// How many rows that are.
pub fn height(line: &DiffLine, width: usize) -> usize {
    let sign = looks(line.kind).2.len();
    let room = width.saturating_sub(if numbered(line, width) { NUMBER + sign } else { sign }).max(1);
    let mut rows = Vec::new();
    wrap::rows(&line.text, room, Break::Anywhere, &mut rows);
    rows.len()
}

fn filled(mut strip: Strip, line: &DiffLine, grounded: bool, brush: &Brush<'_>) -> Strip {
    let style = brush.style(looks(line.kind).0);
    if strip.is_empty() {
        strip.push(" ", style);
    }
    if grounded {
        strip.pad(brush.width, style);
    }
    strip
}

/// A path that fits: its end is what tells it apart.
pub fn short_path(path: &str, cells: usize) -> String {
    let chars = path.chars().count();
    if chars <= cells {
        return path.to_owned();
    }
    let tail: String = path.chars().skip(chars - cells.saturating_sub(1)).collect();
    cut::ellipsis(&format!("…{tail}"), cells)
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
