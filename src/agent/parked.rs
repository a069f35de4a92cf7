//! Turns that were cut by a budget or a limit and go on when the run does: by a further turn of the same session, so by
//! the executor's own resume. Calls of the orchestrator that wait for such a turn go on waiting.

use std::collections::{BTreeMap, BTreeSet};

use crate::protocol::{
    SessionId,
    event::{By, TurnStatus},
};

use super::{calls::On, limits::Limits, machine::Machine, unconfined::Leave};

/// What a session is told when it goes on.
pub(super) const GO_ON: &str = "You were interrupted because a budget or a limit was reached. That is over now: go on \
                                where you stopped, and do not begin again with what is done.";

/// Turns that are cut or were cut.
#[derive(Debug, Default)]
pub(super) struct Parked {
    /// Interrupts on their way: why, and whether the turn is to go on later.
    cuts: BTreeMap<SessionId, (String, bool)>,
    /// Sessions that go on when the run does.
    waiting: BTreeSet<SessionId>,
    /// Turns without confinement wait for this.
    pub(super) leave: Leave,
    /// Why they may have been.
    pub(super) limits: Limits,
}

impl Parked {
    /// The session's turn is being interrupted and goes on later.
    pub(super) fn cut(&mut self, id: SessionId, why: &str) {
        self.cuts.insert(id, (why.to_owned(), true));
    }

    /// The session's turn is being interrupted, for good.
    pub(super) fn ended_by(&mut self, id: SessionId, why: &str) {
        self.cuts.insert(id, (why.to_owned(), false));
    }

    /// The session goes on when the run does.
    pub(super) fn add(&mut self, id: SessionId) {
        self.waiting.insert(id);
    }

    pub(super) fn remove(&mut self, id: SessionId) {
        self.waiting.remove(&id);
        self.cuts.remove(&id);
    }

    /// What is still being interrupted does not go on later.
    pub(super) fn give_up(&mut self) {
        self.cuts.values_mut().for_each(|(_, later)| *later = false);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// A turn has ended: why it was cut, and whether it goes on later.
    pub(super) fn ended(&mut self, id: SessionId, status: TurnStatus) -> (Option<String>, bool) {
        match self.cuts.remove(&id) {
            Some((why, later)) if status == TurnStatus::Interrupted => (Some(why), later),
            _ => (None, false),
        }
    }
}

impl Machine {
    /// The run goes on, and so do the turns that were cut.
    pub(super) fn continue_parked(&mut self) {
        for id in std::mem::take(&mut self.fleet.parked.waiting) {
            let Some(session) = self.state.sessions.get(id).filter(|session| session.end.is_none()) else {
                continue;
            };
            let before = session.last.as_ref().map_or(0, |last| last.number);
            if session.turn.is_none() {
                // Nothing that could be resumed: it begins again with what it was asked.
                let prompt = match session.who.native_id {
                    None => session.task.clone(),
                    Some(_) => GO_ON.to_owned(),
                };
                self.queue_turn(id, prompt, By::Orchestrator);
            }
            let next = self.state.sessions.get(id).map_or(before, |session| session.turns);
            for call in self.calls.running.values_mut() {
                if let On::Turn { session, turn, .. } = &mut call.on
                    && *session == id
                    && *turn == before
                {
                    *turn = next;
                }
            }
        }
    }

    /// They do not go on: whoever waits for them is told, of those still being interrupted when they end.
    pub(super) fn release_parked(&mut self) {
        self.fleet.parked.give_up();
        for id in std::mem::take(&mut self.fleet.parked.waiting) {
            let turn =
                self.state.sessions.get(id).and_then(|session| session.last.as_ref()).map(|t| t.number);
            if let Some(turn) = turn {
                self.tell_turn(id, turn);
            }
        }
    }
}

#[cfg(test)]
#[path = "parked_tests.rs"]
mod tests;
