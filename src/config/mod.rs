//! The configuration: plain structs with their defaults. Reading it from files is `load`'s, judging it `check`'s.
//!
//! Names, keys and defaults are the reference's where it has them (CONTRACT §4.6); every key works or does not exist.

mod watchers;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use watchers::{WatcherEntry, Watchers};

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub orchestrator: Orchestrator,
    pub executor: Executor,
    /// ACP agents by name: each becomes an adapter.
    pub executors: BTreeMap<String, AcpExecutor>,
    pub watchers: Watchers,
    pub budget: Budget,
    pub pause: Pause,
    pub limits: Limits,
    /// Model servers by name, beside the built-in `openai`, `anthropic`, `scripted`.
    pub providers: BTreeMap<String, Provider>,
    pub ui: Ui,
    /// Command that is run (by `bash -lc`) with a JSON object on its stdin when something needs the human.
    pub notify_command: Option<String>,
    /// Name of the state folder below the working directory.
    pub state_dir: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            orchestrator: Orchestrator::default(),
            executor: Executor::default(),
            executors: BTreeMap::new(),
            watchers: Watchers::default(),
            budget: Budget::default(),
            pause: Pause::default(),
            limits: Limits::default(),
            providers: BTreeMap::new(),
            ui: Ui::default(),
            notify_command: None,
            state_dir: ".zwarm".to_owned(),
        }
    }
}

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
            bash: Bash::default(),
        }
    }
}

/// When and how old groups leave the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Compaction {
    pub enabled: bool,
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
            max_tokens: 100_000,
            threshold_pct: 0.85,
            target_pct: 0.7,
            keep_first_n: 2,
            keep_last_n: 10,
        }
    }
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

/// What an executor may do without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approval {
    Never,
    OnRequest,
    Untrusted,
    Accept,
}

/// How an executor is confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sandbox {
    ReadOnly,
    #[default]
    WorkspaceWrite,
    DangerFullAccess,
}

/// The agents that do the work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Executor {
    /// `None`: the first of codex, claude that is installed.
    pub adapter: Option<String>,
    /// `None`: the CLI's own default.
    pub model: Option<String>,
    pub sandbox: Sandbox,
    /// Seconds after which a turn is interrupted.
    pub timeout: u64,
    /// `None`: `on-request` on the screen, `never` headless.
    pub approval: Option<Approval>,
    /// Variables that children get (`null` removes one).
    pub env: BTreeMap<String, Option<String>>,
    /// Path of the `codex` program; `None`: found on PATH.
    pub codex_path: Option<String>,
    /// Path of the `claude` program; `None`: found on PATH.
    pub claude_path: Option<String>,
    /// More arguments for `codex app-server` (each a word).
    pub codex_args: Vec<String>,
    /// More arguments for `claude` (each a word).
    pub claude_args: Vec<String>,
    /// Scenario file of the script executor; `None`: that of the scripted model.
    pub script: Option<String>,
}

impl Default for Executor {
    fn default() -> Self {
        Self {
            adapter: None,
            model: None,
            sandbox: Sandbox::default(),
            timeout: 3600,
            approval: None,
            env: BTreeMap::new(),
            codex_path: None,
            claude_path: None,
            codex_args: Vec::new(),
            claude_args: Vec::new(),
            script: None,
        }
    }
}

/// An agent that speaks ACP.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AcpExecutor {
    /// Program and arguments.
    pub acp: Vec<String>,
    /// Variables that it gets beside the inherited ones.
    pub env: BTreeMap<String, Option<String>>,
}

/// Limits on what a run may spend. `None`: no limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    pub max_tokens: Option<u64>,
    pub max_orchestrator_tokens: Option<u64>,
    pub max_executor_tokens: Option<u64>,
    pub max_cost_usd: Option<f64>,
    /// Minutes in state running.
    pub max_minutes: Option<f64>,
    /// Sessions that may be open at once.
    pub max_sessions: Option<u32>,
    pub max_total_sessions: Option<u32>,
    pub per_session: PerSession,
    /// Percent of a cap.
    pub warn_at_percent: f64,
    pub on_limit: OnLimit,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            max_tokens: None,
            max_orchestrator_tokens: None,
            max_executor_tokens: None,
            max_cost_usd: None,
            max_minutes: None,
            max_sessions: None,
            max_total_sessions: None,
            per_session: PerSession::default(),
            warn_at_percent: 80.0,
            on_limit: OnLimit::default(),
        }
    }
}

/// Limits of each session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PerSession {
    pub max_tokens: Option<u64>,
    pub max_cost_usd: Option<f64>,
    pub max_minutes: Option<f64>,
}

/// What happens at a cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLimit {
    #[default]
    Pause,
    Abort,
}

/// What a pause does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pause {
    /// To running executor turns.
    pub executors: PauseExecutors,
}

/// What a pause does to running executor turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseExecutors {
    #[default]
    Run,
    Interrupt,
}

/// Rate and usage limits with a reset time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Sleep until the reset (on the screen; headless: `--max-wait`).
    pub sleep: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sleep: true }
    }
}

/// A model server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Provider {
    /// Up to and including `/v1`.
    pub base_url: String,
    pub wire: crate::protocol::Wire,
    /// Variable that holds the key; `None`: no key is sent.
    pub api_key_env: Option<String>,
}

/// The screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ui {
    pub theme: Option<String>,
    pub start_focus: StartFocus,
    pub mouse: bool,
    /// `None`: on, but off over SSH.
    pub animations: Option<bool>,
    pub icons: Icons,
}

impl Default for Ui {
    fn default() -> Self {
        Self {
            theme: None,
            start_focus: StartFocus::default(),
            mouse: true,
            animations: None,
            icons: Icons::default(),
        }
    }
}

/// Where the keys go when a run view opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartFocus {
    #[default]
    Pane,
    Composer,
}

/// Which signs are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Icons {
    /// Unicode where the locale is UTF-8.
    #[default]
    Auto,
    Unicode,
    Ascii,
}
