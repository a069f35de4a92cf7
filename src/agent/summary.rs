//! Compaction as the run does it: the groups that leave are dropped at once (`prune`), or the model is asked first for a
//! summary that takes their place (`summarize`). Whatever goes wrong with a summary, they are dropped as ever; what came
//! of it is in the journal, so that a resumed run does not ask again.

use crate::{
    config::CompactionMode,
    llm::{ErrorKind, ModelError, Reply},
    protocol::{
        Item, Usage,
        event::{ContextCompacted, ItemAdded, Scope, UsageRecorded},
        item::{self, ItemView},
    },
    text::cut_middle,
};

use super::{
    ask,
    compact::{self, Plan},
    effect::Effect,
    machine::Machine,
    run::Phase,
};

/// What the model is told.
const PROMPT: &str = include_str!("../../assets/summary.md");
/// Characters of what is summed up, and of one entry at each end.
const MATERIAL: usize = 60_000;
const ENTRY: usize = 1_000;
/// Characters of a summary that are kept.
const SUMMARY: usize = 6_000;
/// Tokens that must leave for a summary to be worth its price.
const WORTH: u64 = 1_000;

impl Machine {
    /// Drops old groups from the history when it is time (or when `forced`). True: it did, or has asked for a summary.
    pub(super) fn compact_if_needed(&mut self, forced: bool) -> bool {
        let Some(plan) = self.plan(forced) else { return false };
        let summarize = self.rules.config.orchestrator.compaction.mode == CompactionMode::Summarize;
        let text = material(&self.state.history.items, &plan);
        let tokens = self.request_tokens(compact::estimate(PROMPT) + compact::estimate(&text));
        if forced || !summarize || plan.before - plan.after < WORTH || !self.summary_has_room(tokens) {
            self.compact(plan, None);
            return true;
        }
        self.step.asked += 1;
        let call = self.step.asked;
        self.step.phase = Phase::Summing(call);
        self.purse.reserve_call(tokens);
        let request = ask::request(self.rules.model.wire, PROMPT, text, self.state.history.replies);
        self.out.push(Effect::CallModel { call, step: None, request });
        true
    }

    fn plan(&self, forced: bool) -> Option<Plan> {
        let config = &self.rules.config.orchestrator.compaction;
        let ratio = if self.step.ratio == 0.0 { 1.0 } else { self.step.ratio };
        compact::plan(&self.state.history, config, ratio, forced)
    }

    /// The summary is there, or is not to be had.
    pub(super) fn summarized(&mut self, call: u64, result: Result<Reply, ModelError>) {
        if self.step.phase != Phase::Summing(call) {
            return;
        }
        self.step.phase = Phase::Between;
        if result.is_err() {
            self.count_cut_call();
        }
        let summary = match result {
            Ok(reply) => {
                self.note_summary_usage(&reply);
                let text = ask::text(&reply);
                if text.trim().is_empty() { Err("the answer is empty".to_owned()) } else { Ok(text) }
            }
            // The human or a cap has stopped it: nothing leaves for now.
            Err(error) if error.kind == ErrorKind::Cancelled => return,
            Err(error) => Err(error.message),
        };
        if self.ending.is_some() {
            return;
        }
        if let Err(message) = &summary {
            let message = format!("there is no summary of what leaves the history: {message}");
            self.problem("compaction", &message, "it is left out without one");
        }
        if let Some(plan) = self.plan(false) {
            self.compact(plan, summary.ok().as_deref());
        }
    }

    fn note_summary_usage(&mut self, reply: &Reply) {
        let output = || reply.items.iter().map(|item| compact::estimate(item.get())).sum();
        let usage = reply.usage.unwrap_or_else(|| Usage { output: output(), ..Usage::default() });
        let cost = self.rules.model.prices.cost(&reply.model, &usage);
        let estimated = reply.usage.is_none();
        self.purse.call_counted();
        self.record(UsageRecorded::new(Scope::Orchestrator, &reply.model, usage, cost, estimated));
        self.check_budget();
    }

    fn compact(&mut self, plan: Plan, summary: Option<&str>) {
        let marker = self.state.history.last_id + 1;
        let original_count = self.state.history.items.len() as u64;
        let text = match summary {
            Some(summary) => plan.summary_text(&cut_middle(summary.trim(), SUMMARY / 2, SUMMARY / 2).0),
            None => plan.marker_text(),
        };
        let raw = item::message("user", &text);
        let tokens = compact::estimate(raw.get());
        self.record(ContextCompacted {
            step: self.state.run.progress.step + 1,
            original_count,
            new_count: original_count - plan.removed + 1,
            removed_count: plan.removed,
            tokens_before: plan.before,
            tokens_after: plan.after + tokens,
            dropped: plan.dropped,
            summary: summary.is_some(),
            marker: Some(marker),
        });
        self.record(ItemAdded { item_id: marker, item: raw, wire: self.rules.model.wire, tokens });
    }
}

/// What leaves, entry by entry, for the model that sums it up.
fn material(items: &[Item], plan: &Plan) -> String {
    let gone = |id: u64| plan.dropped.iter().any(|&(first, last)| (first..=last).contains(&id));
    let entries: Vec<String> = items.iter().filter(|item| gone(item.id)).filter_map(entry).collect();
    let (text, _) = cut_middle(&entries.join("\n"), MATERIAL / 2, MATERIAL / 2);
    let rule = "=".repeat(40);
    format!("{} entries leave the history. They are:\n{rule}\n{text}\n{rule}", entries.len())
}

fn entry(item: &Item) -> Option<String> {
    let short = |text: &str| cut_middle(text.trim(), ENTRY, ENTRY).0;
    let calls = |calls: &[crate::protocol::ToolCall]| {
        calls.iter().map(|call| format!("\n-> {} {}", call.name, short(&call.arguments))).collect::<String>()
    };
    let text = match item.view() {
        ItemView::User(text) => format!("told: {}", short(&text)),
        ItemView::Assistant { text, calls: own } => format!("said: {}{}", short(&text), calls(&own)),
        ItemView::Call(call) => format!("called: {} {}", call.name, short(&call.arguments)),
        ItemView::Output { output, .. } => format!("result: {}", short(&output)),
        ItemView::System(_) | ItemView::Reasoning { .. } | ItemView::Other => return None,
    };
    Some(format!("[{}] {text}", item.id))
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
