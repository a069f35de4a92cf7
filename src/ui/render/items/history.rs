//! The orchestrator's items: what it was told, what it said, thought and called, what came back.

use super::{Painted, Shown, block, call};
use crate::{
    protocol::{
        event::History,
        item::{self, ItemView},
    },
    text::{clean_whole, cut},
    ui::{
        render::{Brush, Strip, gauge, markdown},
        theme::{Content, Icon, Role},
    },
};

/// Rows of the task and of thoughts while folded.
const TASK_ROWS: usize = 8;
const THOUGHT_ROWS: usize = 2;
/// Ranges of items that are named where a compaction is shown.
const RANGES: usize = 6;

pub(super) fn paint(shown: &Shown<'_>, body: &History, brush: &Brush<'_>, painted: &mut Painted) {
    let out = &mut painted.rows;
    match body {
        History::ToolStarted(started) => {
            let tool = crate::protocol::ToolCall {
                call_id: started.call_id.clone(),
                name: started.name.clone(),
                arguments: started.arguments.clone(),
            };
            call::paint(shown, &tool, brush, out);
        }
        History::ItemAdded(added) => match item::view(added.wire, added.item.get()) {
            ItemView::Call(tool) => call::paint(shown, &tool, brush, out),
            ItemView::Assistant { .. } if shown.row.part > 0 => {
                if let Some(tool) = call::of(shown) {
                    call::paint(shown, &tool, brush, out);
                }
            }
            ItemView::Assistant { text, .. } => painted.pending = message(&text, brush, out),
            ItemView::Reasoning { summary } => thought(&summary, shown.open, brush, out),
            ItemView::Output { output, .. } => {
                let facts = call::facts(&output);
                block::output(&facts.body, shown.open, call::OUTPUT_ROWS, brush, out);
                if out.is_empty() {
                    let mut none = brush.mark(Icon::Bar, Role::Border);
                    none.push("(no output)", brush.style(Role::Dim));
                    out.push(none);
                }
            }
            ItemView::System(text) => {
                let mut head = brush.mark(if shown.open { Icon::Open } else { Icon::Closed }, Role::Dim);
                head.push(
                    format!("instructions, {}", gauge::bytes(text.len() as u64)),
                    brush.style(Role::Dim),
                );
                out.push(head);
                if shown.open {
                    block::prose(&text, true, 0, Role::Dim, &brush.strip("  ", Role::Dim), brush, out);
                }
            }
            ItemView::User(text) => told(&text, shown.open, brush, out),
            ItemView::Other => {}
        },
        History::ContextCompacted(compacted) => {
            let (before, after) =
                (gauge::count(compacted.tokens_before), gauge::count(compacted.tokens_after));
            let how = if compacted.summary { "summed up" } else { "left out" };
            let ranges = compacted.dropped.iter().map(|(first, last)| match first == last {
                true => first.to_string(),
                false => format!("{first}-{last}"),
            });
            let text = format!(
                "context compacted at step {}: {} items {how} ({}), {before} to {after} tokens",
                compacted.step,
                compacted.removed_count,
                ranges.take(RANGES).collect::<Vec<_>>().join(", "),
            );
            note(&text, brush, out);
        }
        History::CompactionUndone(_) => note("compaction undone", brush, out),
        History::ItemReplaced(_) | History::ToolFinished(_) | History::UsageRecorded(_) => {}
    }
}

/// What an agent said: markdown behind a sign. True: code in it is pending.
pub(super) fn message(raw: &str, brush: &Brush<'_>, out: &mut Vec<Strip>) -> bool {
    let head = cut::at_most(raw.trim_end(), block::ITEM_SHOWN);
    let first = brush.mark(Icon::Message, Role::Accent);
    let rest = brush.indent(&first);
    let pending = markdown::lines(&clean_whole(head), brush, &first, &rest, out);
    let missing = raw.trim_end().len() - head.len();
    if missing > 0 {
        let mut more = rest;
        more.push(
            format!("… {} more (o open in $PAGER)", gauge::bytes(missing as u64)),
            brush.style(Role::Dim),
        );
        out.push(more.cut(brush.width));
    }
    pending
}

pub(super) fn thought(raw: &str, open: bool, brush: &Brush<'_>, out: &mut Vec<Strip>) {
    let mark = brush.mark(Icon::Note, Role::Dim);
    let start = out.len();
    let role = Role::Content(Content::Reasoning);
    block::prose(raw, open, THOUGHT_ROWS, role, &brush.indent(&mark), brush, out);
    put_mark(&mark, &mut out[start..], brush);
}

/// The task, a nudge, a notice.
fn told(raw: &str, open: bool, brush: &Brush<'_>, out: &mut Vec<Strip>) {
    if let Some(text) = raw.trim_start().strip_prefix("[NUDGE]") {
        return nudge("", text, brush, out);
    }
    let watcher = raw.trim_start().strip_prefix("[WATCHER: ").and_then(|rest| rest.split_once(']'));
    if let Some((name, text)) = watcher {
        return nudge(&format!("{name}: "), text, brush, out);
    }
    let mark = brush.mark(Icon::Human, Role::Content(Content::Human));
    let start = out.len();
    block::prose(raw, open, TASK_ROWS, Role::Text, &brush.indent(&mark), brush, out);
    put_mark(&mark, &mut out[start..], brush);
}

/// `▲ NUDGE who: text`.
pub(super) fn nudge(who: &str, text: &str, brush: &Brush<'_>, out: &mut Vec<Strip>) {
    let mut line = brush.mark(Icon::Nudge, Role::Nudge);
    let rest = brush.indent(&line);
    let first = std::mem::take(&mut line);
    line.push("NUDGE ", brush.style(Role::Nudge));
    line.push(clean_paragraph(&format!("{who}{}", text.trim())), brush.style(Role::Text));
    brush.lay(&line, crate::text::wrap::Break::Words, &first, &rest, out);
}

fn clean_paragraph(text: &str) -> crate::text::CleanText {
    crate::text::clean_line(&text.replace('\n', " "))
}

pub(super) fn note(text: &str, brush: &Brush<'_>, out: &mut Vec<Strip>) {
    let first = brush.mark(Icon::Note, Role::Dim);
    let rest = brush.indent(&first);
    brush.lay(&brush.strip(text, Role::Dim), crate::text::wrap::Break::Words, &first, &rest, out);
}

/// Puts a sign over the indent of the first row.
pub(super) fn put_mark(mark: &Strip, rows: &mut [Strip], brush: &Brush<'_>) {
    let Some(first) = rows.first_mut() else { return };
    let indent = brush.indent(mark).text().len();
    let mut marked = mark.clone();
    marked.push_part(first, indent..first.text().len());
    *first = marked;
}
