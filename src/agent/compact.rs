//! Compaction: which old groups leave the history. A group is what must stay together: reasoning with its calls and
//! their outputs. The system prompt and the task never leave; the ledger is not part of the history at all.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    config::Compaction,
    fold::History,
    protocol::{Item, item::ItemView},
};

/// Characters of a token, by rule of thumb.
const CHARS_A_TOKEN: u64 = 4;

/// A compaction that was undone is done again once the history has grown by one part of so many.
const UNDONE_GROWTH: u64 = 10;
/// Tokens of a marker, generously.
const MARKER_TOKENS: u64 = 80;

/// Estimated tokens of a text.
pub fn estimate(text: &str) -> u64 {
    (text.chars().count() as u64).div_ceil(CHARS_A_TOKEN)
}

/// What is to be dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Ranges of item ids, both ends included.
    pub dropped: Vec<(u64, u64)>,
    /// Items dropped.
    pub removed: u64,
    /// Estimated tokens before and after (the marker not counted).
    pub before: u64,
    pub after: u64,
}

impl Plan {
    /// The same with a summary by the model.
    pub fn summary_text(&self, summary: &str) -> String {
        format!(
            "[Context compacted: {} older entries were summed up to make room. The ledger in the observation lists \
             every delegation with its result.]\n\n{summary}",
            self.removed
        )
    }

    /// What stands in their place.
    pub fn marker_text(&self) -> String {
        format!(
            "[Context compacted: {} older entries were dropped to make room. The ledger in the observation lists every \
             delegation with its result; look at files or ask a session for what is missing.]",
            self.removed
        )
    }
}

/// What must leave, oldest groups first, until the target is met. `None`: nothing needs to, or nothing can.
/// `ratio`: tokens that the provider counts for one that we estimate.
pub fn plan(history: &History, config: &Compaction, ratio: f64, forced: bool) -> Option<Plan> {
    let before = history.tokens();
    let real = |estimated: u64| estimated as f64 * ratio;
    let limit = config.max_tokens as f64;
    if !forced && (!config.enabled || real(before) < limit * config.threshold_pct) {
        return None;
    }
    // After an undo it waits until there is more to gain, or no room is left.
    let kept = history.undone_at().is_some_and(|tokens| before < tokens + tokens / UNDONE_GROWTH);
    if !forced && kept && real(before) < limit {
        return None;
    }
    let target = if forced { real(before).min(limit) * config.target_pct } else { limit * config.target_pct };
    let first = config.keep_first_n.max(2);
    let last = history.items.len().saturating_sub(config.keep_last_n);
    let mut after = before;
    let mut dropped: Vec<&Item> = Vec::new();
    for group in groups(&history.items) {
        let inside = group.iter().all(|at| (first..last).contains(at));
        let open =
            group.iter().any(|at| history.open_calls.iter().any(|call| call.item == history.items[*at].id));
        if !inside || open {
            continue;
        }
        if real(after) <= target {
            break;
        }
        let items = group.iter().map(|at| &history.items[*at]);
        after -= items.clone().map(|item| item.tokens).sum::<u64>();
        dropped.extend(items);
    }
    // What is dropped must be more than the marker that takes its place, else it would go on for ever.
    if before - after <= MARKER_TOKENS {
        return None;
    }
    let removed = dropped.len() as u64;
    Some(Plan { dropped: ranges(&history.items, &dropped), removed, before, after })
}

/// Indices of items by group, in order of the first item of each.
fn groups(items: &[Item]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut of_call: BTreeMap<String, usize> = BTreeMap::new();
    // Reasoning belongs to the next thing that the model said or called.
    let mut leading: Option<usize> = None;
    let mut calling: Option<usize> = None;
    for (at, item) in items.iter().enumerate() {
        let view = item.view();
        let group = match &view {
            ItemView::Output { call_id, .. } => of_call.get(call_id).copied(),
            // Parallel calls of one reply stay with the reasoning before them.
            ItemView::Call(_) => leading.or(calling),
            ItemView::Assistant { .. } | ItemView::Other | ItemView::Reasoning { .. } => leading,
            ItemView::System(_) | ItemView::User(_) => None,
        };
        let group = group.unwrap_or_else(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(at);
        for call in item.calls() {
            of_call.insert(call.call_id, group);
        }
        match view {
            ItemView::Reasoning { .. } => leading = Some(group),
            ItemView::Call(_) => (leading, calling) = (None, Some(group)),
            ItemView::Output { .. } | ItemView::User(_) | ItemView::System(_) => {
                (leading, calling) = (None, None)
            }
            // Text after reasoning may still be followed by the calls of the same reply.
            ItemView::Assistant { .. } | ItemView::Other => {}
        }
    }
    groups
}

/// Runs of neighbours among the dropped, by id.
fn ranges(items: &[Item], dropped: &[&Item]) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    let gone: BTreeSet<u64> = dropped.iter().map(|item| item.id).collect();
    let mut open = false;
    for item in items {
        if !gone.contains(&item.id) {
            open = false;
            continue;
        }
        match ranges.last_mut() {
            // Ids of neighbours may have a gap where an earlier marker stands elsewhere; ranges must not span it.
            Some(range) if open && range.1 + 1 == item.id => range.1 = item.id,
            _ => ranges.push((item.id, item.id)),
        }
        open = true;
    }
    ranges
}

#[cfg(test)]
#[path = "compact_tests.rs"]
mod tests;
