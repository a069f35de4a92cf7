//! Watchers: rules that look at the trajectory at a gate and give a verdict. One file a watcher; the panel asks all.
//!
//! To add one: its file, and its row in `table`. It is pure: the same [`Sight`] gives the same answer. What a verdict
//! amounts to (edges, damping, what was allowed) is [`crate::fold::watch`]'s; acting on it is the agent's. A watcher
//! never sees the system prompt or the task among the entries it judges, and what it says to the model is its own
//! text: of what it saw it only quotes short pieces in 'single quotes'.

mod budget;
mod claims;
mod command;
mod delegation;
mod delegation_reminder;
mod llm;
mod panel;
mod pattern;
mod progress;
mod quality;
mod scope;
mod sight;
mod stall;
mod table;
mod words;

#[cfg(test)]
#[path = "scenes_tests.rs"]
mod scenes;

use crate::protocol::{
    SessionId,
    event::{Gate, Verdict},
};

pub use crate::fold::trail::{RECENT, Seen, SeenKind};
pub use llm::{Answer, AskModel, Question};
pub use panel::{Outcome, Panel, Replays, Surroundings, in_run};
pub use sight::{BudgetSight, Folds, Frame, SessionCounts, SessionSight, Sight};
pub use table::{ROWS, Row};

/// What a watcher says.
#[derive(Clone, Debug, PartialEq)]
pub struct Spoken {
    pub watcher: String,
    pub verdict: Verdict,
    /// Which of its rules; with the watcher's name it is the edge key.
    pub rule: String,
    pub reason: String,
    /// What the agent is told.
    pub guidance: String,
    /// What it rests on: items, commands, numbers.
    pub evidence: serde_json::Value,
    /// Set: it is about this turn of a session, and void when another runs.
    pub about: Option<About>,
}

/// A turn of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    pub session: SessionId,
    pub turn: u32,
}

impl Spoken {
    /// A nudge for the orchestrator.
    pub fn nudge(watcher: &str, rule: impl Into<String>, reason: String, guidance: String) -> Self {
        Self {
            watcher: watcher.to_owned(),
            verdict: Verdict::Nudge,
            rule: rule.into(),
            reason,
            guidance,
            evidence: serde_json::Value::Null,
            about: None,
        }
    }

    /// With what it rests on.
    pub fn with(self, evidence: serde_json::Value) -> Self {
        Self { evidence, ..self }
    }

    /// The edge key, for [`crate::fold::Watch`] and `watchers_run.holding`.
    pub fn key(&self) -> String {
        crate::fold::watch::key(&self.watcher, &self.rule, self.about.map(|about| about.session))
    }
}

/// A rule over the trajectory. Pure: the same sight gives the same answer.
pub trait Watcher: Send + Sync {
    /// Its name in the configuration.
    fn name(&self) -> &str;
    /// Whether it looks at this gate.
    fn looks_at(&self, gate: Gate) -> bool;
    /// All its conditions that hold now (the panel and the agent damp what held before).
    fn look(&self, sight: &Sight) -> Vec<Spoken>;
}
