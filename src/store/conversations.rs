//! What was said in each session, as the reference keeps it: prompts and answers. A fold for the snapshots; long
//! texts are cut, the whole is in the journal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::protocol::{Body, Event, SessionId, event::Session};

/// Characters that are kept of each message.
const KEPT: usize = 24_000;

/// The messages of all sessions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conversations {
    by_session: BTreeMap<SessionId, Vec<Message>>,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `user`, `assistant` or `system`.
    pub role: String,
    pub content: String,
    /// RFC 3339 (of the reference: its local time).
    pub timestamp: String,
}

impl Conversations {
    /// The messages of one session, oldest first.
    pub fn of(&self, session: SessionId) -> &[Message] {
        self.by_session.get(&session).map_or(&[], Vec::as_slice)
    }

    /// Follows one event.
    pub fn apply(&mut self, event: &Event) {
        let (Some(id), Body::Session(body)) = (event.session_id, &event.body) else { return };
        let (role, text) = match body {
            Session::SessionTurnStarted(started) => ("user", started.prompt.as_str()),
            Session::SessionTurnFinished(finished) if !finished.response.is_empty() => {
                ("assistant", finished.response.as_str())
            }
            _ => return,
        };
        let content = cut(text);
        let message = Message { role: role.to_owned(), content, timestamp: event.timestamp.to_string() };
        self.by_session.entry(id).or_default().push(message);
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(KEPT) {
        None => text.to_owned(),
        Some((at, _)) => {
            let (kept, rest) = text.split_at(at);
            format!("{kept}\n… {} characters left out …", rest.chars().count())
        }
    }
}
