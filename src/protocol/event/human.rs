//! Events around the human: nudges, the inbox, commands.

use serde::{Deserialize, Serialize};

use super::events;
use crate::protocol::{
    SessionId,
    command::{Command, NudgeTarget, Sender},
    ids::{InboxId, NudgeId},
};

events! {
    /// What the human does and what waits for the human.
    Human {
        NudgeQueued = "nudge_queued",
        NudgeChanged = "nudge_changed",
        NudgeSent = "nudge_sent",
        NudgeSeen = "nudge_seen",
        NudgeWithdrawn = "nudge_withdrawn",
        InboxOpened = "inbox_opened",
        InboxClosed = "inbox_closed",
        CommandReceived = "command_received",
    }
}

/// A nudge waits to be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NudgeQueued {
    pub nudge_id: NudgeId,
    pub target: NudgeTarget,
    pub text: String,
    /// `human` or `watcher:NAME`.
    pub by: String,
}

/// A queued nudge has another text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NudgeChanged {
    pub nudge_id: NudgeId,
    pub text: String,
}

/// How a nudge went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SentHow {
    /// Into the history, before a step.
    Step,
    /// Into a running turn.
    Steer,
    /// As a turn of its own.
    NextTurn,
}

/// A nudge has left us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NudgeSent {
    pub nudge_id: NudgeId,
    pub how: SentHow,
}

/// A nudge has reached the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NudgeSeen {
    pub nudge_id: NudgeId,
    /// The step, for the orchestrator.
    #[serde(default)]
    pub step: Option<u32>,
    /// The turn, for a session.
    #[serde(default)]
    pub turn: Option<u32>,
}

/// A nudge was taken back, or could not be delivered (`why`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NudgeWithdrawn {
    pub nudge_id: NudgeId,
    #[serde(default)]
    pub why: String,
}

/// What an inbox entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InboxKind {
    /// An executor wants to do something that its policy does not allow.
    Approval,
    /// The orchestrator asks (tool `chat`).
    Question,
    WatcherPause,
    Budget,
    Failure,
}

/// One possible answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What a reply names: `accept`, `accept_for_session`, `decline`, `cancel`, `answer`, `continue_once`, …
    pub id: String,
    /// Its key on the screen.
    pub key: char,
    /// In a few words.
    pub label: String,
    /// True where a text goes with it.
    #[serde(default)]
    pub wants_text: bool,
}

/// Something waits for the human.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InboxOpened {
    pub inbox_id: InboxId,
    pub what: InboxKind,
    pub session: Option<SessionId>,
    pub title: String,
    /// `kind`, `command`, `cwd`, `reason`, `diff`, `call`, `rule` … as far as they apply.
    pub detail: serde_json::Value,
    pub choices: Vec<Choice>,
    /// Hex digest of what is shown; the reply must name the same.
    pub digest: String,
}

/// It was answered, or is void.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxClosed {
    pub inbox_id: InboxId,
    pub choice: String,
    #[serde(default)]
    pub text: Option<String>,
    /// `human`, `config`, `watcher`, `dropped`.
    pub by: String,
    pub digest: String,
    /// What was asked, in short. Empty: an older journal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
}

/// A client asked for something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandReceived {
    pub command: Command,
    pub from: Sender,
}
