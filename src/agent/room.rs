//! Room: whether a step or a turn still fits into what is left of the caps. What cannot fit is not started; what starts
//! has its least cost set aside, so that several turns at once do not count on the same tokens.

use crate::{
    fold::caps::{OF_A_SESSION, RUN, amount},
    protocol::{
        SessionId, Usage,
        command::Cap,
        event::{SessionTurnFinished, TurnStatus},
    },
};

use super::{compact, effect::Effect, machine::Machine, run::Stop};

/// The caps that the cost of something new is held against.
const HELD_AGAINST: [Cap; 4] =
    [Cap::MaxTokens, Cap::MaxOrchestratorTokens, Cap::MaxExecutorTokens, Cap::MaxCostUsd];

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NoRoom {
    pub which: Cap,
    /// What it takes at least, and what is left.
    pub needs: f64,
    pub left: f64,
}

impl NoRoom {
    /// `s2's turn needs at least ~1200 tokens and 300 tokens are left`.
    pub(super) fn told(&self, what: &str) -> String {
        let (needs, left) = (amount(self.which, self.needs), amount(self.which, self.left.max(0.0)));
        format!("{what} needs at least ~{needs} and {left} are left")
    }
}

impl Machine {
    /// What a turn takes at least: its prompt, and what the executor has to read before it. For a session that is known,
    /// that is its newest request; for a new one, the first request of an earlier session of the same adapter.
    fn turn_needs(&self, id: SessionId, prompt: &str) -> u64 {
        let prompt = compact::estimate(prompt);
        let Some(session) = self.state.sessions.get(id) else { return prompt };
        if session.spent.last_request > 0 {
            return prompt + session.spent.last_request;
        }
        let all = self.state.sessions.all.iter();
        let firsts = all.filter(|other| other.who.adapter == session.who.adapter && other.id != id);
        let first = firsts.map(|other| other.spent.first_request).filter(|first| *first > 0).min();
        first.unwrap_or(0).max(prompt)
    }

    fn run_has_room(&self, tokens: u64, model: &str, of_session: bool) -> Result<(), NoRoom> {
        let usage = Usage { input: tokens, ..Usage::default() };
        let dollars = self.rules.model.prices.cost(model, &usage).unwrap_or(0.0);
        let other = if of_session { Cap::MaxOrchestratorTokens } else { Cap::MaxExecutorTokens };
        for which in HELD_AGAINST.into_iter().filter(|which| *which != other) {
            let Some(cap) = self.cap(which) else { continue };
            let (needs, reserved) = match which {
                Cap::MaxCostUsd => (dollars, 0.0),
                _ => (tokens as f64, self.purse.reserved(which) as f64),
            };
            let left = cap - self.spent_of(which) - reserved;
            if needs > left || left <= 0.0 {
                return Err(NoRoom { which, needs, left });
            }
        }
        Ok(())
    }

    /// Whether the next step fits.
    pub(super) fn step_has_room(&self) -> Result<(), NoRoom> {
        let tokens = self.request_tokens(self.state.history.tokens());
        self.run_has_room(tokens, &self.rules.model.name, false)
    }

    /// Whether a summary of so many tokens fits; beyond a cap only what the human asked for is done.
    pub(super) fn summary_has_room(&self, tokens: u64) -> bool {
        let over_the_cap = self.step.wrap_up || self.purse.asks_again();
        !over_the_cap && self.run_has_room(tokens, &self.rules.model.name, false).is_ok()
    }

    /// Whether a turn fits into the caps of the run.
    pub(super) fn turn_has_room(&self, id: SessionId, prompt: &str) -> Result<(), NoRoom> {
        let model = self.state.sessions.get(id).and_then(|session| session.who.model.clone());
        self.run_has_room(self.turn_needs(id, prompt), &model.unwrap_or_default(), true)
    }

    /// Sets aside what a turn takes at least.
    pub(super) fn reserve_turn(&mut self, id: SessionId, prompt: &str) {
        let needs = self.turn_needs(id, prompt);
        self.purse.reserve_turn(id, needs);
    }

    /// Whether a further turn fits into the session's own caps.
    pub(super) fn session_has_room(&self, id: SessionId, prompt: &str) -> Result<(), (String, String)> {
        let Some(session) = self.state.sessions.get(id) else { return Ok(()) };
        let (needs, name) = (self.turn_needs(id, prompt) as f64, &session.short_id);
        let hint = "delegate what is left to a new session, or do without".to_owned();
        for which in OF_A_SESSION {
            let Some(cap) = self.state.spend.caps.cap(name, which) else { continue };
            let left = cap - self.session_spent(session, which);
            if left <= 0.0 {
                return Err((format!("{name} has spent its cap of {}", amount(which, cap)), hint));
            }
            if which == Cap::MaxTokens && needs > left {
                return Err((NoRoom { which, needs, left }.told(&format!("a turn of {name}")), hint));
            }
        }
        Ok(())
    }

    /// A turn that waits does not fit. While something else may still come to its end, it goes on waiting; else the run
    /// stops. True: something was done.
    pub(super) fn turn_does_not_fit(&mut self, id: SessionId, turn: u32, why: &NoRoom) -> bool {
        let Some(session) = self.state.sessions.get(id) else { return false };
        let what = format!("the turn of {}", session.short_id);
        if self.step.stop != Stop::No || self.step.wrap_up {
            self.fleet.queue.retain(|queued| *queued != id);
            let error = Some(format!("not started: {}", why.told(&what)));
            let (status, response) = (TurnStatus::Failed, String::new());
            if self.state.sessions.get(id).is_some_and(|session| session.turn.is_some()) {
                self.turn_ended(id, turn, status, response, error);
            } else {
                self.record_for(id, SessionTurnFinished { turn, status, response, error, duration_ms: 0 });
            }
            return true;
        }
        let others = self.state.sessions.working().next().is_some();
        if others || matches!(self.step.phase, super::run::Phase::Calling(_)) {
            return false;
        }
        self.no_room(why, &what);
        true
    }

    /// Stops because something does not fit.
    pub(super) fn no_room(&mut self, why: &NoRoom, what: &str) {
        let (spent, cap) = (self.spent_of(why.which), self.cap(why.which).unwrap_or_default());
        let title = why.told(what);
        if !self.state.spend.caps.exceeded(RUN, why.which) {
            self.record_exceeded(RUN, why.which, spent, cap, Vec::new());
            self.out.push(Effect::Sync);
        }
        self.stop_at(why.which, &title);
    }
}
