//! The `executor` and `executors` blocks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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

/// Where a session works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// In the directory that it was given.
    #[default]
    None,
    /// In a git worktree on a branch of its own.
    Worktree,
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
    /// Whether each session works in a git worktree of its own.
    pub isolation: Isolation,
    /// Command (by `bash -lc`) that prepares a new worktree.
    pub setup_command: Option<String>,
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
            isolation: Isolation::default(),
            setup_command: None,
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
