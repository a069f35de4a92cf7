//! Executors: the coding agents that do the work. Each adapter is one folder; each session is one task that is
//! handed [`Order`]s and reports [`News`]. Protocols are pure machines (lines in; activities, news, lines out).
//!
//! To add an adapter: one folder with `pub(super) async fn run(session: Session) -> Ending`, one row in
//! [`registry`] and one arm in `Executors::play`. What every adapter shares is [`session`] (what `run` gets),
//! [`lines`] (reading a child's output), [`rpc`] (JSON-RPC lines) and [`raw`] (the wire log). An adapter whose session
//! is one child that talks in lines is a pure `Machine` ([`shape`]) driven by [`stdio`].

mod acp;
mod bound;
mod claude;
mod codex;
mod lines;
mod named;
mod prepare;
mod raw;
mod registry;
mod rpc;
mod script;
mod session;
mod shape;
mod stdio;

use std::path::PathBuf;

pub use registry::{Adapter, installed, of_model};
pub use session::{Executors, Setup};

use crate::{
    config::{Approval, Sandbox},
    protocol::{
        NudgeId, SessionId, Usage,
        command::Delivery,
        event::{Activity, TurnStatus},
        tree::Tree,
    },
};

/// What a session is started, or taken up again, with.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionSpec {
    pub id: SessionId,
    /// `s1`, …
    pub short_id: String,
    /// `codex`, `claude`, `script`, or a name under `executors:`.
    pub adapter: String,
    /// `None`: the CLI's own default.
    pub model: Option<String>,
    /// An existing directory.
    pub cwd: PathBuf,
    /// The session's own folder in the instance; the raw wire goes to `turns/turn_N.jsonl` below it.
    pub dir: PathBuf,
    /// The task of the first turn (the script executor chooses its script by it).
    pub task: String,
    /// Set: take the conversation up again by the executor's own resume.
    pub resume: Option<Resume>,
    pub approval: Approval,
    pub sandbox: Sandbox,
    /// Set: it works in a worktree of its own.
    pub prepare: Option<Prepare>,
}

/// What is seen to before the first turn in a worktree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepare {
    pub tree: Tree,
    /// `executor.setup_command`; `None`: there is none, or it has run.
    pub command: Option<String>,
}

/// What is known of a conversation that is taken up again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resume {
    /// The executor's own id. `None`: it died before it had one; the conversation starts anew.
    pub native_id: Option<String>,
    /// The executor's own id of the conversation that it was forked from.
    pub fork_of: Option<String>,
    /// What has been counted of it so far: the baseline for cumulative counters.
    pub counted: Usage,
    /// Turns that have ended.
    pub turns: u32,
}

/// The executor asks for leave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApprovalRequest {
    /// The wire's own id of the request, as text; names it in [`Order::Answer`].
    pub key: String,
    /// `shell`, `file_change`, `tool`, `other`.
    pub kind: String,
    pub command: String,
    pub cwd: String,
    pub reason: String,
    pub diff: String,
    /// Paths that it names, where the adapter can tell.
    pub paths: Vec<String>,
    /// Those of `paths` that really lead out of what the run may use, or to files that decide what runs: the agent's
    /// driver looks.
    pub outside: Vec<String>,
}

/// The answer to an approval request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Accept,
    AcceptForSession,
    /// The turn goes on without it.
    Decline,
    /// The turn is interrupted.
    Cancel,
}

/// What a session's task is told to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Start a turn. Only when none runs.
    Turn { turn: u32, prompt: String },
    /// Say something to the running turn.
    Steer { nudge: NudgeId, text: String, how: Delivery },
    /// Take a message back that the executor only queues: [`News::SteerRefused`] follows where it still could be; else
    /// nothing, and what becomes of the message is told as if this had not been asked.
    Recall { nudge: NudgeId },
    /// Stop the running turn; the session stays usable.
    Interrupt,
    /// Answer an approval request.
    Answer { key: String, decision: Decision, reason: Option<String> },
    /// End the session by its ladder; the task ends with [`News::Ended`].
    End,
    /// Kill it now.
    Kill,
}

/// What a session's task reports. Everything is in the order in which it happened.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// The executor is there.
    Started {
        native_id: Option<String>,
        cli_version: Option<String>,
        model: Option<String>,
        pid: Option<u32>,
        shared_pid: bool,
    },
    /// The set-up command has run in the worktree.
    Prepared,
    /// Something finished. (Live text goes to the [`Deltas`].)
    Activity {
        turn: u32,
        activity: Activity,
    },
    /// Tokens since the last report (never a running total).
    Usage {
        usage: Usage,
        model: Option<String>,
        cost_usd: Option<f64>,
        estimated: bool,
    },
    /// An estimate of what the requests that are answered just now have cost so far: it replaces the one before, and
    /// the next [`News::Usage`] (or the turn's end) makes it void. About every [`bound::LIVE_STEP`] bytes.
    Streaming {
        usage: Usage,
        model: Option<String>,
    },
    Asked(ApprovalRequest),
    /// An open request is void (turn over, withdrawn by the executor).
    AskDropped {
        key: String,
    },
    /// The executor has taken a steer: it will reach (or has reached) the model in this turn.
    SteerTaken {
        nudge: NudgeId,
        turn: u32,
    },
    /// The model has it.
    SteerSeen {
        nudge: NudgeId,
        turn: u32,
    },
    /// It cannot be steered now: to be sent as a turn of its own.
    SteerRefused {
        nudge: NudgeId,
        why: String,
    },
    /// A turn is over.
    TurnEnded {
        turn: u32,
        status: TurnStatus,
        response: String,
        error: Option<String>,
    },
    /// Something odd that ends nothing.
    Problem {
        message: String,
        hint: String,
    },
    /// A rate or usage limit with a known reset (RFC 3339).
    Limited {
        message: String,
        until: Option<String>,
    },
    /// The session's task is over. `error`: it died, with the tail of its stderr. A running turn ended before this.
    Ended {
        error: Option<String>,
    },
}

/// Where live text goes.
pub type DeltaSink = std::sync::Arc<dyn Fn(&crate::protocol::StreamKey, &str) + Send + Sync>;

/// How the agent holds a session's task.
#[derive(Clone, Debug)]
pub struct Handle {
    pub orders: tokio::sync::mpsc::Sender<Order>,
}
