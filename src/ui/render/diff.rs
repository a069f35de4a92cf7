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
    text::cut,
    ui::theme::{Code, Diff, Icon, Role},
};

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

/// One line of a file's changes, cut to the width; `code`: its colours as code, `left`: cells that are passed over.
pub fn line(line: &DiffLine, code: &[(u32, Code)], left: usize, brush: &Brush<'_>) -> Strip {
    let (role, word, sign) = match line.kind {
        LineKind::Context => (Role::Text, Role::Text, " "),
        LineKind::Added => (Role::Diff(Diff::Added), Role::Diff(Diff::AddedWord), "+"),
        LineKind::Removed => (Role::Diff(Diff::Removed), Role::Diff(Diff::RemovedWord), "-"),
        LineKind::Hunk => (Role::Diff(Diff::Hunk), Role::Diff(Diff::Hunk), ""),
        LineKind::Note => (Role::Dim, Role::Dim, ""),
    };
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
    let passed = cut::to_cells(text.text(), left).0.len();
    let mut strip = Strip::default();
    if brush.width >= 60 && !sign.is_empty() {
        strip.push(format!("{:>5} ", line.number), brush.style(Role::Dim));
    }
    strip.push(sign, brush.style(role));
    strip.push_part(&text, passed..text.text().len());
    let mut strip = strip.cut(brush.width);
    if strip.is_empty() {
        strip.push(" ", brush.style(role));
    }
    if grounded {
        strip.pad(brush.width, brush.style(role));
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
