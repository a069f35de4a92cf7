//! The caps of a budget: as configured, as changed during the run, warned of, reached; of the whole run and of each
//! session. The one place that knows what a cap is, for the governor and for every client.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::protocol::{
    Body, Event,
    command::Cap,
    event::{Guard, Run},
};

/// The scope of caps that hold for the whole run; any other scope is a session's short id.
pub const RUN: &str = "run";

/// Percent of a cap at which it is warned of, where the configuration says nothing.
const WARN_AT: f64 = 80.0;

/// Caps of the run, with their keys in the block `budget` (`max_steps`: in `orchestrator`).
pub const ALL: [(Cap, &str); 8] = [
    (Cap::MaxTokens, "max_tokens"),
    (Cap::MaxOrchestratorTokens, "max_orchestrator_tokens"),
    (Cap::MaxExecutorTokens, "max_executor_tokens"),
    (Cap::MaxCostUsd, "max_cost_usd"),
    (Cap::MaxMinutes, "max_minutes"),
    (Cap::MaxSessions, "max_sessions"),
    (Cap::MaxTotalSessions, "max_total_sessions"),
    (Cap::MaxSteps, "max_steps"),
];

/// The caps that stop a run once they are spent. (Steps and sessions are refused where they begin.)
pub const SPENT: [Cap; 5] =
    [Cap::MaxTokens, Cap::MaxOrchestratorTokens, Cap::MaxExecutorTokens, Cap::MaxCostUsd, Cap::MaxMinutes];

/// The caps that a session may have for itself.
pub const OF_A_SESSION: [Cap; 3] = [Cap::MaxTokens, Cap::MaxCostUsd, Cap::MaxMinutes];

/// All caps and how they stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Caps {
    configured: BTreeMap<Cap, f64>,
    /// For each session.
    per_session: BTreeMap<Cap, f64>,
    /// Percent.
    pub warn_at_percent: f64,
    /// By scope.
    standing: BTreeMap<String, Standing>,
}

/// What became of the caps of one scope.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Standing {
    /// Caps that were changed during the run; `None`: taken away.
    changed: BTreeMap<Cap, Option<f64>>,
    /// A warning was recorded, and the cap was not changed since.
    warned: Vec<Cap>,
    /// It was reached, and not changed since.
    exceeded: Vec<Cap>,
}

impl Default for Caps {
    fn default() -> Self {
        let (configured, per_session, standing) = Default::default();
        Self { configured, per_session, warn_at_percent: WARN_AT, standing }
    }
}

impl Caps {
    /// A cap as it stands.
    pub fn cap(&self, scope: &str, which: Cap) -> Option<f64> {
        if let Some(changed) = self.standing.get(scope).and_then(|standing| standing.changed.get(&which)) {
            return *changed;
        }
        let of = if scope == RUN { &self.configured } else { &self.per_session };
        of.get(&which).copied()
    }

    /// Whether it was warned of.
    pub fn warned(&self, scope: &str, which: Cap) -> bool {
        self.standing.get(scope).is_some_and(|standing| standing.warned.contains(&which))
    }

    /// Whether it was reached.
    pub fn exceeded(&self, scope: &str, which: Cap) -> bool {
        self.standing.get(scope).is_some_and(|standing| standing.exceeded.contains(&which))
    }

    /// Whether each session has a cap of its own.
    pub fn any_of_sessions(&self) -> bool {
        !self.per_session.is_empty() || self.standing.keys().any(|scope| scope != RUN)
    }

    /// As after a launch with another configuration: a cap whose key changed counts as the configuration says, others
    /// as the human had set them. What was warned of or reached is looked at anew.
    pub fn launched(&mut self, config: &Value) {
        let (configured, per_session) = (read(config), read_per_session(config));
        for (scope, standing) in &mut self.standing {
            let (old, new) = match scope.as_str() {
                RUN => (&self.configured, &configured),
                _ => (&self.per_session, &per_session),
            };
            standing.changed.retain(|cap, _| old.get(cap) == new.get(cap));
            standing.warned.clear();
            standing.exceeded.clear();
        }
        (self.configured, self.per_session) = (configured, per_session);
        let percent = config.pointer("/budget/warn_at_percent").and_then(Value::as_f64);
        self.warn_at_percent = percent.unwrap_or(WARN_AT);
    }

    /// Follows one event.
    pub fn apply(&mut self, event: &Event) {
        match &event.body {
            Body::Run(Run::RunStarted(started)) => self.launched(&started.config),
            Body::Guard(Guard::BudgetWarned(warned)) => {
                push_new(&mut self.of(&warned.scope).warned, warned.which);
            }
            Body::Guard(Guard::BudgetExceeded(gone)) => {
                push_new(&mut self.of(&gone.scope).exceeded, gone.which);
            }
            Body::Guard(Guard::BudgetChanged(changed)) => {
                let standing = self.of(&changed.scope);
                standing.changed.insert(changed.which, changed.cap);
                standing.warned.retain(|cap| *cap != changed.which);
                standing.exceeded.retain(|cap| *cap != changed.which);
            }
            _ => {}
        }
    }

    fn of(&mut self, scope: &str) -> &mut Standing {
        self.standing.entry(scope.to_owned()).or_default()
    }
}

/// The caps of the run in an effective configuration.
fn read(config: &Value) -> BTreeMap<Cap, f64> {
    let of = |cap: Cap, key: &str| {
        let block = if cap == Cap::MaxSteps { "orchestrator" } else { "budget" };
        config.get(block)?.get(key)?.as_f64()
    };
    ALL.into_iter().filter_map(|(cap, key)| Some((cap, of(cap, key)?))).collect()
}

fn read_per_session(config: &Value) -> BTreeMap<Cap, f64> {
    let block = config.pointer("/budget/per_session");
    let of = |cap: Cap| block?.get(name(cap))?.as_f64();
    OF_A_SESSION.into_iter().filter_map(|cap| Some((cap, of(cap)?))).collect()
}

/// The last part of a cap's key.
pub fn name(cap: Cap) -> &'static str {
    ALL.into_iter().find(|(other, _)| *other == cap).map_or("", |(_, name)| name)
}

/// The key of a cap in the configuration.
pub fn key(scope: &str, cap: Cap) -> String {
    match (scope, cap) {
        (RUN, Cap::MaxSteps) => "orchestrator.max_steps".to_owned(),
        (RUN, cap) => format!("budget.{}", name(cap)),
        (_, cap) => format!("budget.per_session.{}", name(cap)),
    }
}

/// An amount for people: tokens, dollars, minutes or a number.
pub fn amount(cap: Cap, value: f64) -> String {
    match cap {
        Cap::MaxCostUsd => format!("${value:.2}"),
        Cap::MaxMinutes => format!("{value:.1} minutes"),
        Cap::MaxSessions | Cap::MaxTotalSessions => format!("{value:.0} sessions"),
        Cap::MaxSteps => format!("{value:.0} steps"),
        _ if value >= 1_000_000.0 => format!("{:.1}m tokens", value / 1_000_000.0),
        _ if value >= 10_000.0 => format!("{:.1}k tokens", value / 1_000.0),
        _ => format!("{value:.0} tokens"),
    }
}

/// Reads `250000`, `250k`, `1.5m`, `$5`.
pub fn parse_amount(text: &str) -> Option<f64> {
    let text = text.trim().trim_start_matches('$').replace('_', "").to_ascii_lowercase();
    let (digits, factor) = match text.strip_suffix(['k', 'm']) {
        Some(digits) if text.ends_with('k') => (digits, 1e3),
        Some(digits) => (digits, 1e6),
        None => (text.as_str(), 1.0),
    };
    digits.trim().parse::<f64>().ok().map(|n| n * factor).filter(|n| n.is_finite() && *n >= 0.0)
}

fn push_new(caps: &mut Vec<Cap>, cap: Cap) {
    if !caps.contains(&cap) {
        caps.push(cap);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_human_raised_holds_until_the_configuration_says_something_else() {
        let mut caps = Caps::default();
        let config = |tokens: u64| {
            json!({"budget": {"max_tokens": tokens, "max_minutes": 5.0, "max_cost_usd": null,
                "per_session": {"max_tokens": 50}}, "orchestrator": {"max_steps": 9}})
        };
        caps.launched(&config(100));
        assert_eq!(caps.cap(RUN, Cap::MaxTokens), Some(100.0));
        assert_eq!(caps.cap(RUN, Cap::MaxSteps), Some(9.0));
        assert_eq!(caps.cap(RUN, Cap::MaxCostUsd), None);
        assert_eq!(caps.cap("s1", Cap::MaxTokens), Some(50.0));
        caps.of(RUN).changed.insert(Cap::MaxTokens, Some(400.0));
        caps.of("s1").changed.insert(Cap::MaxTokens, None);
        caps.of(RUN).exceeded.push(Cap::MaxTokens);
        caps.launched(&config(100));
        assert_eq!(caps.cap(RUN, Cap::MaxTokens), Some(400.0));
        assert_eq!((caps.cap("s1", Cap::MaxTokens), caps.cap("s2", Cap::MaxTokens)), (None, Some(50.0)));
        assert!(!caps.exceeded(RUN, Cap::MaxTokens), "a new launch looks anew");
        caps.launched(&config(600));
        assert_eq!(caps.cap(RUN, Cap::MaxTokens), Some(600.0), "what was written last counts");
    }

    #[test]
    fn amounts_are_read_as_people_write_them() {
        assert_eq!(parse_amount("250k"), Some(250_000.0));
        assert_eq!(parse_amount(" 1.5M "), Some(1_500_000.0));
        assert_eq!(parse_amount("$5"), Some(5.0));
        assert_eq!(parse_amount("100_000"), Some(100_000.0));
        assert_eq!(parse_amount("lots"), None);
        assert_eq!(parse_amount("-1"), None);
    }
}
