//! What a client asks of a running instance. A command is written to the journal (`command_received`) before it
//! is carried out; other processes drop the same JSON into `<instance>/commands/`.

use serde::{Deserialize, Serialize};

use super::{
    ids::{InboxId, NudgeId, SessionId},
    tree::Settle,
};

/// To whom a nudge goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NudgeTarget {
    /// Into the history of the orchestrator, before its next step.
    Orchestrator,
    /// To one session: steers the running turn where the executor can, else its next turn.
    Session(SessionId),
}

/// How a nudge to a session is to be delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Steer the running turn if the executor can, else queue it.
    #[default]
    Auto,
    /// Keep it for the next turn.
    Queue,
}

/// The answer to an inbox entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The entry.
    pub inbox: InboxId,
    /// One of the ids in the entry's `choices`.
    pub choice: String,
    /// What was typed with it: an answer, a reason, guidance, edited arguments.
    #[serde(default)]
    pub text: Option<String>,
    /// The digest of what was shown; an answer to something else is refused. `None`: from a client that shows none.
    #[serde(default)]
    pub digest: Option<String>,
}

/// Whether a watcher speaks, is only recorded, or does not look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatcherMode {
    /// Its verdicts act.
    #[default]
    On,
    /// Its verdicts are recorded and do nothing.
    Muted,
    /// It does not look.
    Off,
}

/// Which limit of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cap {
    MaxTokens,
    MaxOrchestratorTokens,
    MaxExecutorTokens,
    MaxCostUsd,
    MaxMinutes,
    MaxSessions,
    MaxTotalSessions,
    MaxSteps,
}

/// Everything that can be asked of a running instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Puts guidance into a conversation. The client chooses the id, so that it can follow it.
    Nudge {
        nudge: NudgeId,
        target: NudgeTarget,
        text: String,
        #[serde(default)]
        how: Delivery,
    },
    /// Changes a nudge that is still queued.
    EditNudge { nudge: NudgeId, text: String },
    /// Takes back a nudge that is still queued.
    WithdrawNudge { nudge: NudgeId },
    /// Nothing new starts; `now` also cancels what runs.
    Pause { now: bool },
    /// Goes on after a pause.
    Resume,
    /// One step, then pause again.
    StepOnce,
    /// Answers an inbox entry.
    Reply(Reply),
    /// Sets one cap; `None` removes it.
    SetBudget { cap: Cap, value: Option<f64> },
    /// Switches a watcher for this run, or (with `rule`) allows one of its rules or (`taken_back`) no longer does, or
    /// (with `config`) sets keys of it.
    SetWatcher {
        name: String,
        #[serde(default)]
        mode: WatcherMode,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        config: Option<serde_json::Value>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        taken_back: bool,
    },
    /// Interrupts the running turn of a session.
    Interrupt { session: SessionId },
    /// Ends a session.
    EndSession { session: SessionId },
    /// Starts a session by hand.
    Spawn { adapter: Option<String>, prompt: String, cwd: Option<String> },
    /// Starts a session that goes on from the conversation of another one, which stays as it is.
    Fork { session: SessionId, prompt: String },
    /// Keeps, merges or discards the work of an isolated session.
    Settle { session: SessionId, how: Settle },
    /// Gives the instance another name.
    Rename { name: String },
    /// Brings back what the last compaction dropped.
    UndoCompaction,
    /// Stops the run and every child; `at_once` kills instead of asking first.
    Abort { at_once: bool },
    /// The program leaves: pause now, save, end. The instance stays resumable. `signal`: the number of the signal
    /// that asked for it.
    Shutdown {
        #[serde(default)]
        signal: Option<i32>,
    },
}

/// Who sent a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sender {
    /// A client in this process.
    Screen,
    /// Another process, by the instance's `commands/` folder.
    Process,
}
