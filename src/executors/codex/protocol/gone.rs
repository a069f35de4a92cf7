//! How a thread ends, and what goes wrong around it: the end of the session, time-outs, the server's death.

use serde_json::json;

use super::{ENDING, Effect, OPENING, Phase, Tag, Thread, problem};
use crate::{
    executors::{
        Order,
        bound::{self, MAX_SHORT},
        codex::fault::Fault,
    },
    protocol::event::TurnStatus,
};

impl Thread {
    /// Nothing was ever said over this server.
    pub(in crate::executors::codex) fn never_open(&self) -> bool {
        !self.was_open
    }

    /// The turn that waits for the server, as it was ordered: somebody else plays it.
    pub(in crate::executors::codex) fn take_turn(&mut self) -> Option<Order> {
        self.turn.take().map(|turn| Order::Turn { turn: turn.number, prompt: turn.prompt })
    }

    /// An interrupted turn leaves its commands running: they are cleaned away.
    pub(super) fn clean(&self) -> Option<Effect> {
        let id = self.id.as_ref().filter(|_| self.phase == Phase::Open && self.turns > 0)?;
        let params = json!({"threadId": id});
        Some(Effect::Ask { tag: Tag::Clean, method: "thread/backgroundTerminals/clean", params })
    }

    pub(super) fn end(&mut self) -> Vec<Effect> {
        self.ending = true;
        let mut out = match &self.turn {
            Some(_) => self.interrupt(),
            None => self.leave(),
        };
        if !out.iter().any(|effect| matches!(effect, Effect::Over(_))) {
            out.push(Effect::Timer(Some(ENDING)));
        }
        out
    }

    /// No turn runs any more and the session ends: its commands go, then the thread is let go.
    pub(super) fn leave(&mut self) -> Vec<Effect> {
        match self.clean() {
            Some(clean) => vec![clean],
            None => vec![Effect::Over(Ok(()))],
        }
    }

    /// The timer has run out.
    pub(in crate::executors::codex) fn late(&mut self) -> Vec<Effect> {
        if self.ending {
            let mut out = self.end_turn(TurnStatus::Interrupted, None);
            out.push(Effect::Over(Ok(())));
            return out;
        }
        if self.phase == Phase::Opening {
            let why = format!("codex did not open the thread within {} s", OPENING.as_secs());
            return self.not_open(why);
        }
        if self.turn.as_ref().is_some_and(|turn| turn.interrupt.is_some()) {
            let why = "codex did not confirm the interrupt".to_owned();
            let mut out: Vec<Effect> = self.clean().into_iter().collect();
            let fault = Fault { message: why, limit: false };
            out.extend(self.end_turn(TurnStatus::Interrupted, Some(fault)));
            return out;
        }
        Vec::new()
    }

    /// The server has died, or could not be started. A running turn fails; the next one starts the server again.
    pub(in crate::executors::codex) fn died(&mut self, why: &str) -> Vec<Effect> {
        self.phase = Phase::Down;
        let fault = Fault { message: bound::cut(why, MAX_SHORT), limit: false };
        let mut out = vec![Effect::Timer(None)];
        out.extend(self.asks_dropped());
        if self.ending {
            out.extend(self.end_turn(TurnStatus::Interrupted, None));
            out.push(Effect::Over(Ok(())));
        } else if !self.was_open {
            out.extend(self.end_turn(TurnStatus::Failed, Some(fault)));
            out.push(Effect::Over(Err(why.to_owned())));
        } else if self.turn.is_some() {
            out.extend(self.end_turn(TurnStatus::Failed, Some(fault)));
        } else {
            out.push(problem(
                bound::cut(why, MAX_SHORT),
                "the next turn starts it again and resumes the thread",
            ));
        }
        out
    }

    /// The thread does not open: the waiting turn fails; a session that has never been open is over.
    pub(super) fn not_open(&mut self, why: String) -> Vec<Effect> {
        self.phase = Phase::Down;
        let fault = Fault { message: why.clone(), limit: false };
        let mut out = vec![Effect::Timer(None)];
        out.extend(self.end_turn(TurnStatus::Failed, Some(fault)));
        if !self.was_open {
            out.push(Effect::Over(Err(why)));
        }
        out
    }
}
