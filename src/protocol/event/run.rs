//! Events of the run: its launches, states, steps, problems and end.

use serde::{Deserialize, Serialize};

use super::events;
use crate::protocol::{InstanceId, Usage};

events! {
    /// The life of the run.
    Run {
        /// A launch: the first of an instance, or a resume.
        RunStarted = "run_started",
        RunStateChanged = "run_state_changed",
        RunRenamed = "run_renamed",
        StepStarted = "step_started",
        StepFinished = "step_finished",
        ProblemRaised = "problem_raised",
        /// What was mended when a journal was opened after a crash.
        Recovered = "recovered",
        /// The wall clock was changed, or the machine slept.
        ClockChanged = "clock_changed",
        RunFinished = "run_finished",
    }
}

/// The clock of a launch, by which durations survive a change of the wall clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Milliseconds of the monotonic clock.
    pub mono_ms: u64,
    /// Identity of the boot (`/proc/sys/kernel/random/boot_id` on Linux), or empty.
    pub boot: String,
}

/// What kind of instance it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// An orchestrator with its executors.
    #[default]
    Run,
    /// One executor without an orchestrator (`zwarm-tui exec`).
    Exec,
}

/// From where an instance was forked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The other instance.
    pub instance: InstanceId,
    /// Up to which of its events.
    pub seq: u64,
}

/// A launch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStarted {
    pub task: String,
    pub working_dir: String,
    pub instance_name: String,
    pub model: String,
    /// The program's version.
    pub version: String,
    #[serde(default)]
    pub kind: RunKind,
    #[serde(default)]
    pub resumed: bool,
    #[serde(default)]
    pub demo: bool,
    pub parent: Option<Parent>,
    /// Commit that holds HEAD plus uncommitted work at the start, for the changes view.
    pub git_base: Option<String>,
    /// The effective configuration, without secrets.
    pub config: serde_json::Value,
    #[serde(default)]
    pub clock: Clock,
}

/// The state of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    #[default]
    Running,
    /// Paused as soon as no model call and no bash runs.
    Pausing,
    Paused,
    /// Waits for a rate or usage limit to reset.
    Sleeping,
    /// Children are being stopped.
    Stopping,
    Ended,
}

/// Why and by whom a run changed its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStateChanged {
    pub state: RunState,
    pub reason: String,
    /// `human`, `watcher:NAME`, `budget`, `limit`, `error`, `recovery`.
    pub by: String,
    /// RFC 3339; only while sleeping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// The instance has another name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRenamed {
    pub name: String,
}

/// A step begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepStarted {
    /// From 1; goes on after a resume.
    pub step: u32,
}

/// A step is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFinished {
    pub step: u32,
    pub duration_ms: u64,
    #[serde(default)]
    pub interrupted: bool,
}

/// Something went wrong; the run goes on unless `fatal`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemRaised {
    /// Where: `model`, `tool:bash`, `executor:codex`, `watcher:NAME`, `store`, `config` …
    #[serde(rename = "where")]
    pub place: String,
    pub message: String,
    #[serde(default)]
    pub hint: String,
    #[serde(default)]
    pub fatal: bool,
}

/// What was mended when the journal was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    /// Bytes of an unfinished last line, moved to `events.jsonl.torn`.
    #[serde(default)]
    pub torn_bytes: u64,
    /// Damaged lines in the middle; they stay in the file and are skipped.
    #[serde(default)]
    pub skipped_lines: u64,
    /// The step that had begun and not ended.
    #[serde(default)]
    pub interrupted_step: Option<u32>,
    /// Processes of the dead program that were still alive and have been ended.
    #[serde(default)]
    pub reaped_processes: u32,
    #[serde(default)]
    pub clock: Clock,
}

/// The wall clock went another way than the monotonic one: it was set, or the machine was suspended. Written where it
/// was noticed; what is counted by timestamps leaves the difference out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockChanged {
    /// How much further the wall clock went; negative: back.
    pub by_ms: i64,
}

impl ClockChanged {
    /// `forward by 8 h 2 min`, `back by 40 s`.
    pub fn words(&self) -> String {
        let way = if self.by_ms < 0 { "back" } else { "forward" };
        let seconds = self.by_ms.unsigned_abs() / 1000;
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
        match seconds {
            0..60 => format!("{way} by {seconds} s"),
            60..3600 => format!("{way} by {minutes} min"),
            3600..86_400 => format!("{way} by {hours} h {minutes} min"),
            _ => format!("{way} by {days} days"),
        }
    }
}

/// Tokens by scope at the end of a launch, over the whole life of the instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UsageTotals {
    pub orchestrator: Usage,
    pub executors: Usage,
    /// Input plus output of all scopes.
    pub total: u64,
    /// `None`: at least one price is unknown.
    pub cost_usd: Option<f64>,
}

/// A launch is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFinished {
    /// `exit`, `error`, `watcher_pause`, `watcher_abort`, `human_abort`, `budget`, `max_steps`, `no_exit`, `limit`,
    /// `interrupted`.
    pub stopped_by: String,
    pub steps: u32,
    #[serde(default)]
    pub exit_message: String,
    pub exit_code: i32,
    #[serde(default)]
    pub usage: UsageTotals,
    /// Short ids of sessions that can still be continued.
    #[serde(default)]
    pub open_sessions: Vec<String>,
    /// Branches of isolated sessions whose work is not in the main tree: `s2: BRANCH in DIRECTORY`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmerged: Vec<String>,
}
