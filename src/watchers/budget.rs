//! Whether the allowance comes to its end: steps of this launch, and sessions at once. (Caps in tokens, money and
//! time are the governor's; it warns by itself.)

use serde::Deserialize;
use serde_json::json;

use super::{
    Sight, Spoken, Watcher,
    table::{Kind, Row, key, rule},
};
use crate::protocol::event::Gate;

pub(super) const ROW: Row = Row {
    name: "budget",
    about: "most of the steps are used, or too many sessions are open",
    keys: &[
        key("warn_at_percent", Kind::Percent, "80", "share of the steps"),
        key("max_sessions", Kind::Count, "10", "open sessions"),
    ],
    build: rule::<Budget>,
};

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Budget {
    warn_at_percent: f64,
    max_sessions: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self { warn_at_percent: 80.0, max_sessions: 10 }
    }
}

impl Watcher for Budget {
    fn name(&self) -> &str {
        ROW.name
    }

    fn looks_at(&self, gate: Gate) -> bool {
        gate == Gate::Step
    }

    fn look(&self, sight: &Sight) -> Vec<Spoken> {
        self.steps(sight).into_iter().chain(self.sessions(sight)).collect()
    }
}

impl Budget {
    fn steps(&self, sight: &Sight) -> Option<Spoken> {
        let (done, max) = (sight.step.saturating_sub(1), sight.max_steps);
        let percent = 100.0 * f64::from(done) / f64::from(max.max(1));
        if max == 0 || percent < self.warn_at_percent {
            return None;
        }
        let left = max.saturating_sub(done);
        let reason = format!("{done} of {max} steps are used ({percent:.0} %)");
        let guidance = format!(
            "{done} of {max} steps are used; {left} are left. Start nothing large any more: bring what runs to an \
             end, check it, and call 'exit' with what is done and what is not before the steps are gone."
        );
        let strongest =
            sight.budget.strongest.as_ref().map(|(cap, percent)| json!({ "cap": cap, "percent": percent }));
        let evidence = json!({ "steps": done, "max_steps": max, "percent": percent, "strongest": strongest });
        Some(Spoken::nudge(ROW.name, "steps", reason, guidance).with(evidence))
    }

    fn sessions(&self, sight: &Sight) -> Option<Spoken> {
        let active = sight.sessions.active;
        if active < self.max_sessions {
            return None;
        }
        let reason = format!("{active} sessions are open (limit {})", self.max_sessions);
        let guidance = format!(
            "{active} sessions are open. Before you delegate more, end those that have delivered, and go on with one \
             that knows the matter ('converse') rather than to start a new one."
        );
        let evidence = json!({ "active": active, "max_sessions": self.max_sessions });
        Some(Spoken::nudge(ROW.name, "sessions", reason, guidance).with(evidence))
    }
}
