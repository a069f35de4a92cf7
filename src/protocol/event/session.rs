//! Events of executor sessions. The envelope's `session_id` says which session.

use serde::{Deserialize, Serialize};

use super::events;
use crate::protocol::{
    SessionId,
    tree::{Settled, Tree},
};

events! {
    /// Executor sessions.
    Session {
        SessionStarted = "session_started",
        SessionTurnQueued = "session_turn_queued",
        SessionTurnStarted = "session_turn_started",
        SessionTurnFinished = "session_turn_finished",
        SessionChanged = "session_changed",
        ActivityAdded = "activity_added",
        FilesFound = "files_found",
        SessionCompleted = "session_completed",
    }
}

/// How the orchestrator waits for a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The call returns when the turn has ended.
    #[default]
    Sync,
    /// The call returns at once.
    Async,
}

/// A session exists; its first turn follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStarted {
    pub adapter: String,
    pub mode: Mode,
    pub task: String,
    /// `s1`, `s2`, … by order of start.
    #[serde(default)]
    pub short_id: String,
    pub model: Option<String>,
    #[serde(default)]
    pub working_dir: String,
    /// The executor's own id of the conversation, where it is known before the start.
    pub native_id: Option<String>,
    pub cli_version: Option<String>,
    #[serde(default)]
    pub isolation: String,
    pub pid: Option<u32>,
    /// True where the process serves other sessions too.
    #[serde(default)]
    pub shared_pid: bool,
    /// The session whose conversation it goes on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ForkedFrom>,
}

/// From which conversation a session was forked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForkedFrom {
    pub session: SessionId,
    /// The executor's own id of that conversation.
    pub native_id: String,
    /// Turns of it that had ended.
    pub turns: u32,
}

/// Who asked for a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    #[default]
    Orchestrator,
    Human,
}

/// A turn waits for a free place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionTurnQueued {
    pub turn: u32,
    pub prompt: String,
    /// True while the run is paused.
    #[serde(default)]
    pub held: bool,
    #[serde(default)]
    pub by: By,
}

/// A turn runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionTurnStarted {
    pub turn: u32,
    pub prompt: String,
    #[serde(default)]
    pub by: By,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnStatus {
    Completed,
    Interrupted,
    Failed,
}

/// A turn has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionTurnFinished {
    pub turn: u32,
    pub status: TurnStatus,
    /// The whole answer (up to 16 MB, then cut and marked).
    pub response: String,
    pub error: Option<String>,
    pub duration_ms: u64,
}

/// Something about a session changed; only what changed is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionChanged {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worktree: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cli_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_pid: Option<bool>,
    /// It works in a worktree of its own from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tree: Option<Tree>,
    /// The set-up command has run in the worktree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prepared: Option<bool>,
    /// In a forked run: the conversation is another run's and is forked when this one first speaks to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forked: Option<Box<ForkedFrom>>,
    /// What became of the work in the worktree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work: Option<Settled>,
}

/// A session was ended for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionCompleted {
    /// `completed`, `failed` or `cancelled`.
    pub status: String,
    pub exit_message: Option<String>,
    #[serde(default)]
    pub message_count: u64,
}

/// An executor was seen to do something. Only what is finished; live text goes by deltas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActivityAdded {
    pub turn: u32,
    pub activity: Activity,
}

/// Files that git found changed when a turn had ended and that nobody had told of: edits by shell commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesFound {
    pub turn: u32,
    /// Paths relative to the session's working directory. Lines are not counted.
    pub changes: Vec<FileChange>,
    /// Others worked in the same directory meanwhile: it may have been one of them.
    #[serde(default)]
    pub shared: bool,
    /// Files beyond those that are listed.
    #[serde(default)]
    pub more: u64,
}

/// How a file changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Add,
    Update,
    Delete,
}

/// One changed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    pub path: String,
    pub kind: ChangeKind,
    /// Lines added; 0 where it is not known.
    #[serde(default)]
    pub added: u64,
    #[serde(default)]
    pub removed: u64,
}

/// One entry of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanItem {
    pub text: String,
    /// `pending`, `in_progress` or `completed`.
    pub status: String,
}

/// One thing that an executor was seen to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Activity {
    Message {
        text: String,
    },
    Reasoning {
        text: String,
    },
    Shell {
        command: String,
        cwd: String,
        exit_code: Option<i32>,
        /// Cut to its first and last part.
        output: String,
        duration_ms: Option<u64>,
    },
    FileChange {
        changes: Vec<FileChange>,
        /// Unified diff, where the executor gives one.
        #[serde(default)]
        diff: String,
    },
    ToolCall {
        name: String,
        arguments: String,
        result: String,
        ok: bool,
    },
    Plan {
        items: Vec<PlanItem>,
    },
    Error {
        message: String,
        will_retry: bool,
    },
    Unknown {
        raw: serde_json::Value,
    },
}

/// The output of a command that was declined.
pub const DECLINED: &str = "(declined; it did not run)";

impl Activity {
    /// A command that was asked for and declined: it did not run.
    pub fn is_declined(&self) -> bool {
        matches!(self, Self::Shell { exit_code: None, output, .. } if output == DECLINED)
    }
}
