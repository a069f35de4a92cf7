//! Unified diffs: parsed into files and lines, painted with colours, line numbers and changed words, folded by file.

mod parse;
mod view;

pub use parse::{DiffLine, FileDiff, LineKind, parse};
pub use view::DiffView;

use super::{Brush, Strip};
use crate::{
    text::cut,
    ui::theme::{Diff, Icon, Role},
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

/// One line of a file's changes, cut to the width.
pub fn line(line: &DiffLine, brush: &Brush<'_>) -> Strip {
    let (role, word, sign) = match line.kind {
        LineKind::Context => (Role::Text, Role::Text, " "),
        LineKind::Added => (Role::Diff(Diff::Added), Role::Diff(Diff::AddedWord), "+"),
        LineKind::Removed => (Role::Diff(Diff::Removed), Role::Diff(Diff::RemovedWord), "-"),
        LineKind::Hunk => (Role::Diff(Diff::Hunk), Role::Diff(Diff::Hunk), ""),
        LineKind::Note => (Role::Dim, Role::Dim, ""),
    };
    let mut strip = Strip::default();
    if brush.width >= 60 && !sign.is_empty() {
        strip.push(format!("{:>5} ", line.number), brush.style(Role::Dim));
    }
    strip.push(sign, brush.style(role));
    let (from, to) = (line.changed.start.min(line.text.len()), line.changed.end.min(line.text.len()));
    strip.push(&line.text[..from], brush.style(role));
    strip.push(&line.text[from..to], brush.style(word));
    strip.push(&line.text[to..], brush.style(role));
    let mut strip = strip.cut(brush.width);
    if strip.is_empty() {
        strip.push(" ", brush.style(role));
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
