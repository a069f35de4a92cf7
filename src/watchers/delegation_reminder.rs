//! Whether the orchestrator has forgotten that it has executors: many calls in a row, none to one of them.

use serde::Deserialize;
use serde_json::json;

use super::{
    Sight, Spoken, Watcher,
    table::{Kind, Row, key, rule},
};
use crate::protocol::{event::Gate, tool::TOOLS};

pub(super) const ROW: Row = Row {
    name: "delegation_reminder",
    about: "many calls in a row and none that concerns a session",
    keys: &[
        key("threshold", Kind::Count, "10", "calls in a row"),
        key("lookback", Kind::Count, "30", "entries that are looked at"),
    ],
    build: rule::<DelegationReminder>,
};

/// Whether a call concerns a session or the human.
fn hands_over(name: &str) -> bool {
    TOOLS.iter().any(|tool| tool.hands_over && tool.name == name)
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct DelegationReminder {
    threshold: usize,
    lookback: usize,
}

impl Default for DelegationReminder {
    fn default() -> Self {
        Self { threshold: 10, lookback: 30 }
    }
}

impl Watcher for DelegationReminder {
    fn name(&self) -> &str {
        ROW.name
    }

    fn looks_at(&self, gate: Gate) -> bool {
        gate == Gate::Step
    }

    fn look(&self, sight: &Sight) -> Vec<Spoken> {
        let Some(oldest) = sight.items().take(self.lookback).map(|seen| seen.item).last() else {
            return Vec::new();
        };
        let seen = sight.calls().take_while(|(item, _)| *item >= oldest);
        let row: Vec<u64> =
            seen.take_while(|(_, call)| !hands_over(&call.name)).map(|(item, _)| item).collect();
        if row.len() < self.threshold {
            return Vec::new();
        }
        let count = row.len();
        let reason = format!("{count} calls in a row without a word to an executor");
        let guidance = format!(
            "You have made {count} calls in a row yourself. Your part is to plan, to hand out and to check: write \
             down what is to be done next and give it to an executor with 'delegate', or go on with an open session \
             with 'converse'."
        );
        let evidence = json!({ "count": count, "items": [row.last(), row.first()] });
        vec![Spoken::nudge(ROW.name, "no_delegation", reason, guidance).with(evidence)]
    }
}
