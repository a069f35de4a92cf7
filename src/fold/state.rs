//! The whole state of an instance: all folds, and the one way to change them.

use crate::protocol::Event;

use super::{History, Inbox, Ledger, Nudges, RunView, Sessions, Spend, Trail, Watch};

/// Everything that the events of an instance add up to. The agent's state is this, and nothing else changes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Sequence number of the newest event.
    pub seq: u64,
    pub run: RunView,
    pub history: History,
    pub sessions: Sessions,
    pub ledger: Ledger,
    pub spend: Spend,
    pub inbox: Inbox,
    pub nudges: Nudges,
    pub trail: Trail,
    pub watch: Watch,
}

impl State {
    /// Follows one event.
    pub fn apply(&mut self, event: &Event) {
        self.seq = event.seq;
        self.run.apply(event);
        self.history.apply(event);
        self.sessions.apply(event);
        self.ledger.apply(event);
        self.spend.apply(event);
        self.inbox.apply(event);
        self.nudges.apply(event);
        self.trail.apply(event);
        self.watch.apply(event);
    }
}
