//! Blocks of text under a header: folded to their first rows, with a line that says what is missing.

use crate::{
    text::{ansi, cut, wrap::Break},
    ui::{
        render::{self, Brush, Strip},
        theme::{Icon, Role},
    },
};

/// Bytes of one item that are laid out; the rest is for the pager.
pub const ITEM_SHOWN: usize = 512 * 1024;
/// Rows of an opened item.
pub const EXPANDED_ROWS: usize = 5_000;
/// Bytes that are looked at of a folded block.
const FOLDED_BYTES: usize = 16 * 1024;

/// Command output, with its colours, behind a bar; `rows` at most while folded.
pub(super) fn output(raw: &str, open: bool, rows: usize, brush: &Brush<'_>, out: &mut Vec<Strip>) {
    let raw = raw.trim_end_matches(['\n', '\r', ' ']);
    if raw.is_empty() {
        return;
    }
    let head = cut::at_most(raw, if open { ITEM_SHOWN } else { FOLDED_BYTES });
    let bar = brush.mark(Icon::Bar, Role::Border);
    let text = ansi::styled(head);
    let base = brush.style(Role::Text);
    let mono = brush.style(Role::Bad).fg.is_none();
    let limit = if open { EXPANDED_ROWS } else { rows };
    let total = raw.split('\n').count();
    lay(render::ansi::lines(&text, base, mono), total, limit, Break::Anywhere, &bar, brush, out);
}

/// Plain text, indented; `rows` at most while folded.
pub(super) fn prose(
    raw: &str,
    open: bool,
    rows: usize,
    role: Role,
    indent: &Strip,
    brush: &Brush<'_>,
    out: &mut Vec<Strip>,
) {
    let raw = raw.trim_end();
    let head = cut::at_most(raw, if open { ITEM_SHOWN } else { FOLDED_BYTES });
    let text = crate::text::clean(head);
    let limit = if open { EXPANDED_ROWS } else { rows };
    let total = raw.split('\n').count();
    let lines = text.split('\n').map(|line| brush.strip(line, role));
    lay(lines, total, limit, Break::Words, indent, brush, out);
}

/// Lays lines out behind a prefix until `limit` rows are there, then says how many lines are missing. One line more
/// than the limit is shown rather than the remark.
fn lay(
    lines: impl Iterator<Item = Strip>,
    total: usize,
    limit: usize,
    at: Break,
    prefix: &Strip,
    brush: &Brush<'_>,
    out: &mut Vec<Strip>,
) {
    let start = out.len();
    let mut used = 0;
    for line in lines {
        if out.len() - start > limit {
            break;
        }
        used += 1;
        brush.lay(&line, at, prefix, prefix, out);
    }
    if used == total && out.len() - start <= limit + 1 {
        return;
    }
    let rows = (out.len() - start).min(limit);
    out.truncate(start + rows);
    let missing = total.saturating_sub(used.min(rows));
    let mut more = prefix.clone();
    more.push(format!("{} {}", brush.sign(Icon::More), more_lines(missing, brush)), brush.style(Role::Dim));
    out.push(more.cut(brush.width));
}

fn more_lines(missing: usize, brush: &Brush<'_>) -> String {
    let enter = if brush.ascii { "Enter" } else { "⏎" };
    let lines = if missing == 0 { "more".to_owned() } else { format!("{missing} more lines") };
    if brush.width >= 60 {
        format!("{lines}  ({enter} expand, o open in $PAGER)")
    } else {
        format!("{lines} ({enter} expand)")
    }
}
