//! The `orchestrator` block.

use serde::{Deserialize, Serialize};

/// The agent that plans.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Orchestrator {
    /// `NAME` or `provider/NAME`, or `scripted:FILE`.
    pub lm: String,
    /// Path of a file whose text replaces the built-in system prompt.
    pub prompt: Option<String>,
    /// Names of the tools on offer; `None` = all. `exit` is always there.
    pub tools: Option<Vec<String>>,
    /// Allowance of one launch.
    pub max_steps: u32,
    /// Executor turns that run at the same time; more are queued.
    pub parallel_delegations: u32,
    /// Whether `delegate` without a mode waits.
    pub sync_first: bool,
    /// `None`: the working directory and what is below it; `["*"]`: any.
    pub allowed_dirs: Option<Vec<String>>,
    /// `low`, `medium`, `high`; `None`: the model's own default.
    pub reasoning_effort: Option<String>,
    /// `None`: the model's own default.
    pub temperature: Option<f64>,
    pub compaction: Compaction,
    /// Cutting of long tool results as they enter the history.
    pub tc_compression: TcCompression,
    pub bash: Bash,
}

impl Default for Orchestrator {
    fn default() -> Self {
        Self {
            lm: "gpt-5".to_owned(),
            prompt: None,
            tools: None,
            max_steps: 50,
            parallel_delegations: 4,
            sync_first: true,
            allowed_dirs: None,
            reasoning_effort: None,
            temperature: None,
            compaction: Compaction::default(),
            tc_compression: TcCompression::default(),
            bash: Bash::default(),
        }
    }
}

/// When and how old groups leave the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Compaction {
    pub enabled: bool,
    pub mode: CompactionMode,
    /// Tokens that the request may have.
    pub max_tokens: u64,
    /// Share of `max_tokens` at which it acts.
    pub threshold_pct: f64,
    /// Share of `max_tokens` that is aimed at.
    pub target_pct: f64,
    /// Items at the head that always stay (the system prompt and the task do anyway).
    pub keep_first_n: usize,
    /// Items at the end that always stay.
    pub keep_last_n: usize,
}

impl Default for Compaction {
    fn default() -> Self {
        Self {
            enabled: true,
            mode: CompactionMode::default(),
            max_tokens: 100_000,
            threshold_pct: 0.85,
            target_pct: 0.7,
            keep_first_n: 2,
            keep_last_n: 10,
        }
    }
}

/// What stands in the place of groups that left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompactionMode {
    /// A marker that says how many items left.
    #[default]
    Prune,
    /// A summary written by the orchestrator's model.
    Summarize,
}

/// Cutting of long tool results (the newer reference's key).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TcCompression {
    /// Off: results keep the limits of their tools.
    pub enabled: bool,
    pub compressor: Compressor,
    /// Characters that a result may have.
    pub max_chars: usize,
}

impl Default for TcCompression {
    fn default() -> Self {
        Self { enabled: true, compressor: Compressor::default(), max_chars: 25_000 }
    }
}

/// How a long tool result is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compressor {
    /// Its first and its last part stay.
    #[default]
    NaiveSize,
}

/// The orchestrator's own shell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bash {
    /// `off` or `landlock`.
    pub sandbox: Sandboxing,
}

/// How the orchestrator's shell is confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sandboxing {
    #[default]
    Off,
    /// Writes only below the working directory and the temp folder (Linux).
    Landlock,
}
