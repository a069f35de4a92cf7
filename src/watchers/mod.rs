//! Watchers: rules that look at the trajectory at a gate and give a verdict. One file a watcher; the panel asks all.

use crate::protocol::{
    SessionId, ToolCall, Usage,
    event::{Gate, Verdict},
};

/// What a watcher sees. Built by the agent from its folds; cheap to build, never the whole history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sight {
    pub gate: Gate,
    /// The step that is about to begin (gate step) or runs.
    pub step: u32,
    pub max_steps: u32,
    pub task: String,
    /// The last [`RECENT`] entries of the trajectory (never the system prompt or the task), oldest first.
    pub recent: Vec<Seen>,
    /// Gate tools: the calls that the model has just asked for, in order.
    pub pending: Vec<ToolCall>,
    pub sessions: SessionCounts,
    pub spent: Usage,
    /// Paths changed by executors since the run began.
    pub files_changed: Vec<String>,
    pub budget: BudgetSight,
}

/// How many entries of the trajectory a watcher sees at most.
pub const RECENT: usize = 60;

/// One entry of the trajectory.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Item id, or 0 for an activity.
    pub item: u64,
    pub what: SeenKind,
}

/// What an entry of the trajectory is.
#[derive(Clone, Debug, PartialEq)]
pub enum SeenKind {
    Said(String),
    User(String),
    Called(ToolCall),
    Returned {
        call_id: String,
        output: String,
    },
    /// A shell command of an executor, with its exit code.
    Shell {
        session: SessionId,
        command: String,
        exit_code: Option<i32>,
    },
}

/// Sessions by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionCounts {
    pub started: u32,
    pub active: u32,
    pub completed: u32,
    pub failed: u32,
}

/// What is known of the budget.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BudgetSight {
    /// The strongest share of any cap that is spent, in percent, and which cap it is.
    pub strongest: Option<(String, f64)>,
    pub max_sessions: Option<u32>,
}

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
