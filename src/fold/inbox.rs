//! What waits for the human.

use serde::{Deserialize, Serialize};

use crate::protocol::{
    Body, Event, InboxId,
    event::{Human, InboxOpened},
};

/// The open entries, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inbox {
    pub open: Vec<Card>,
}

/// One open entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    pub opened: InboxOpened,
    /// RFC 3339.
    pub since: String,
}

impl Inbox {
    /// One entry.
    pub fn get(&self, id: InboxId) -> Option<&InboxOpened> {
        self.open.iter().map(|card| &card.opened).find(|opened| opened.inbox_id == id)
    }

    /// Follows one event.
    pub fn apply(&mut self, event: &Event) {
        match &event.body {
            Body::Human(Human::InboxOpened(opened)) => {
                self.open.push(Card { opened: opened.clone(), since: event.timestamp.to_string() });
            }
            Body::Human(Human::InboxClosed(closed)) => {
                self.open.retain(|card| card.opened.inbox_id != closed.inbox_id);
            }
            _ => {}
        }
    }
}
