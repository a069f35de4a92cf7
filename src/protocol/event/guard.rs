//! Events of the guards: watchers and budgets.

use serde::{Deserialize, Serialize};

use super::events;
use crate::protocol::{
    SessionId,
    command::{Cap, WatcherMode},
};

events! {
    /// Watchers and budgets.
    Guard {
        WatchersRun = "watchers_run",
        WatcherSpoke = "watcher_spoke",
        WatcherChanged = "watcher_changed",
        BudgetWarned = "budget_warned",
        BudgetExceeded = "budget_exceeded",
        BudgetChanged = "budget_changed",
    }
}

/// When watchers look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Before a step.
    #[default]
    Step,
    /// After the model has answered, before its calls run.
    Tools,
    /// While an executor works.
    Activity,
}

/// What a watcher wants, weakest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    #[default]
    Continue,
    Nudge,
    Pause,
    Abort,
}

/// The panel has looked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchersRun {
    pub step: u32,
    /// Names of those that looked.
    pub watchers: Vec<String>,
    /// The strongest verdict.
    pub action: Verdict,
    pub triggered_by: Option<String>,
    pub reason: Option<String>,
    #[serde(default)]
    pub gate: Gate,
    /// `name/rule` of conditions that hold; one that held before does not speak again until it has been gone.
    #[serde(default)]
    pub holding: Vec<String>,
    /// The moment that they saw; other things may have been recorded while they looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Moment>,
}

/// A moment of a run: what was known then can be folded from the journal again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// The newest event.
    pub seq: u64,
    /// RFC 3339, as in the envelope.
    pub at: String,
}

/// A watcher has something to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatcherSpoke {
    pub watcher: String,
    pub verdict: Verdict,
    pub gate: Gate,
    /// Which of its rules.
    pub rule: String,
    pub reason: String,
    /// What the agent is told.
    pub guidance: String,
    /// Items, commands, numbers that it rests on.
    pub evidence: serde_json::Value,
    pub step: u32,
    pub session: Option<SessionId>,
    /// True where the watcher is muted: recorded, without effect.
    #[serde(default)]
    pub muted: bool,
}

/// A watcher was switched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatcherChanged {
    pub watcher: String,
    pub mode: WatcherMode,
    /// `human` or `config`.
    pub by: String,
    /// A single rule that is allowed for the rest of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Keys of it that were set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<serde_json::Value>,
    /// `rule` was allowed before and is no longer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken_back: bool,
}

/// A share of a cap is spent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetWarned {
    pub which: Cap,
    pub spent: f64,
    pub cap: f64,
    /// `run`, or a session's short id.
    pub scope: String,
    /// True where a part of it was estimated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
}

/// A cap is spent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetExceeded {
    pub which: Cap,
    pub spent: f64,
    pub cap: f64,
    pub scope: String,
    /// `pause` or `abort`; at a cap of a session `interrupt`.
    pub action: String,
    #[serde(default)]
    pub interrupted_sessions: Vec<String>,
    /// How much was spent beyond the cap when it was met; 0 where something was not started because it did not fit.
    #[serde(default)]
    pub overshoot: f64,
    /// True where a part of what was spent was estimated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
}

/// A cap was changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetChanged {
    pub which: Cap,
    pub spent: f64,
    /// `None`: no cap any more.
    pub cap: Option<f64>,
    pub scope: String,
}
