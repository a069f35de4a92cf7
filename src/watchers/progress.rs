//! Whether the run gets anywhere: the same call again and again, or sessions without a result.

use serde::Deserialize;
use serde_json::json;

use super::{
    SeenKind, Sight, Spoken, Watcher,
    table::{Kind, Row, key, rule},
    words::quote,
};
use crate::protocol::event::Gate;

pub(super) const ROW: Row = Row {
    name: "progress",
    about: "the same call again and again; sessions were started and none was completed",
    keys: &[
        key("max_same_calls", Kind::Count, "3", "equal calls in a row"),
        key("min_progress_steps", Kind::Count, "5", "steps before a completed session is expected"),
    ],
    build: rule::<Progress>,
};

/// Tools that are meant to be called again with the same arguments: they wait for something new.
const WAITS: [&str; 1] = ["wait"];

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Progress {
    max_same_calls: usize,
    min_progress_steps: u32,
}

impl Default for Progress {
    fn default() -> Self {
        Self { max_same_calls: 3, min_progress_steps: 5 }
    }
}

impl Watcher for Progress {
    fn name(&self) -> &str {
        ROW.name
    }

    fn looks_at(&self, gate: Gate) -> bool {
        gate == Gate::Step
    }

    fn look(&self, sight: &Sight) -> Vec<Spoken> {
        self.same_calls(sight).into_iter().chain(self.no_result(sight)).collect()
    }
}

impl Progress {
    fn same_calls(&self, sight: &Sight) -> Option<Spoken> {
        // Models talk beside their calls; but being told something, a nudge for one, begins a new row.
        if !matches!(sight.items().next()?.what, SeenKind::Returned { .. }) {
            return None;
        }
        let told = sight.items().find(|seen| matches!(seen.what, SeenKind::User { .. }));
        let told = told.map_or(0, |seen| seen.item);
        let newest: Vec<_> =
            sight.calls().take(self.max_same_calls).take_while(|(item, _)| *item > told).collect();
        let (_, first) = *newest.first()?;
        let same =
            newest.iter().all(|(_, call)| call.name == first.name && call.arguments == first.arguments);
        if newest.len() < self.max_same_calls || !same || WAITS.contains(&first.name.as_str()) {
            return None;
        }
        let (count, call) = (newest.len(), quote(&format!("{} {}", first.name, first.arguments), 120));
        let items: Vec<u64> = newest.iter().rev().map(|(item, _)| *item).collect();
        let reason = format!("the last {count} calls were all {call}");
        let guidance = format!(
            "You made the same call {count} times in a row: {call}. Asking again will not change the answer. \
             Say what you expected, look at the result that you have, and take another way; to wait for sessions use \
             'wait'."
        );
        Some(
            Spoken::nudge(ROW.name, "same_calls", reason, guidance)
                .with(json!({ "items": items, "count": count })),
        )
    }

    fn no_result(&self, sight: &Sight) -> Option<Spoken> {
        let counts = sight.sessions;
        let done = sight.step.saturating_sub(1);
        if done < self.min_progress_steps || counts.started == 0 || counts.completed > 0 {
            return None;
        }
        let started = counts.started;
        let reason = format!("after {done} steps {started} sessions were started and none was completed");
        let guidance = format!(
            "{done} steps are done and none of the {started} sessions was brought to an end. Look at what each of \
             them has: end with 'end_session' what is finished, tell the others what is missing, and make the next \
             task smaller."
        );
        let evidence =
            json!({ "steps": done, "started": started, "active": counts.active, "failed": counts.failed });
        Some(Spoken::nudge(ROW.name, "no_result", reason, guidance).with(evidence))
    }
}
