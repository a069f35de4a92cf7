//! What we have said to claude and not yet seen taken. claude queues what it is told while it is busy; the echo of a
//! message (`isReplay`, with our uuid) says that it has left that queue. Messages that waited together are echoed as
//! one, with the uuid of the first;
//! a version that gives echoes uuids of its own is understood by the texts.

use serde_json::Value;

use super::wire::text;
use crate::protocol::NudgeId;

/// A message that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) uuid: String,
    pub(super) text: String,
    /// `None`: the prompt of the turn.
    pub(super) nudge: Option<NudgeId>,
}

/// The messages that are under way, and the nudges that were taken but that no request has carried yet.
#[derive(Debug, Default)]
pub(super) struct Post {
    sent: Vec<Letter>,
    unseen: Vec<NudgeId>,
    /// Recalls that were asked for: (id of our request, uuid of the message).
    recalls: Vec<(String, String)>,
}

impl Post {
    pub(super) fn send(&mut self, letter: Letter) {
        self.sent.push(letter);
    }

    /// The messages that an echo tells of; they are not under way any more.
    pub(super) fn echoed(&mut self, message: &Value) -> Vec<Letter> {
        let uuid = text(message, "uuid");
        let mut taken = Vec::new();
        if let Some(at) = self.sent.iter().position(|letter| letter.uuid == uuid) {
            taken.push(self.sent.remove(at));
        }
        let blocks = message["message"]["content"].as_array().map(Vec::as_slice).unwrap_or_default();
        for block in blocks.iter().skip(taken.len()) {
            let said = text(block, "text");
            if let Some(at) = self.sent.iter().position(|letter| letter.text == said) {
                taken.push(self.sent.remove(at));
            }
        }
        taken
    }

    /// The prompt has been taken, whether it was echoed or not.
    pub(super) fn prompt_taken(&mut self) {
        self.sent.retain(|letter| letter.nudge.is_some());
    }

    /// Whether the turn's prompt still waits.
    pub(super) fn prompt_waits(&self) -> bool {
        self.sent.iter().any(|letter| letter.nudge.is_none())
    }

    /// Whether a nudge still waits.
    pub(super) fn nudges_wait(&self) -> bool {
        self.sent.iter().any(|letter| letter.nudge.is_some())
    }

    /// A nudge was taken before a request carries it.
    pub(super) fn unseen(&mut self, nudge: NudgeId) {
        self.unseen.push(nudge);
    }

    /// A request has carried all that was taken.
    pub(super) fn seen(&mut self) -> Vec<NudgeId> {
        std::mem::take(&mut self.unseen)
    }

    /// The nudges that may still be taken back.
    pub(super) fn waiting(&self) -> Vec<String> {
        let nudges = self.sent.iter().filter(|letter| letter.nudge.is_some());
        nudges.map(|letter| letter.uuid.clone()).collect()
    }

    /// The message that carries a nudge, while it may be taken back.
    pub(super) fn letter(&self, nudge: NudgeId) -> Option<String> {
        self.sent.iter().find(|letter| letter.nudge == Some(nudge)).map(|letter| letter.uuid.clone())
    }

    /// A request to take one back was sent.
    pub(super) fn recall(&mut self, request: String, uuid: String) {
        self.recalls.push((request, uuid));
    }

    /// The answer to such a request: the nudge that claude will not see.
    pub(super) fn recalled(&mut self, request: &str, done: bool) -> Option<NudgeId> {
        let at = self.recalls.iter().position(|(id, _)| id == request)?;
        let (_, uuid) = self.recalls.remove(at);
        if !done {
            return None;
        }
        let at = self.sent.iter().position(|letter| letter.uuid == uuid)?;
        self.sent.remove(at).nudge
    }

    /// Nothing will be heard of these any more.
    pub(super) fn close(&mut self) -> Vec<NudgeId> {
        let sent = std::mem::take(self).sent;
        sent.into_iter().filter_map(|letter| letter.nudge).collect()
    }
}
