//! Orders, in claude's words.

use serde_json::json;

use super::{Claude, INTERRUPT};
use crate::{
    executors::{
        Decision, News,
        claude::{post::Letter, wire},
        shape::Effect,
    },
    protocol::{NudgeId, command::Delivery},
};

impl Claude {
    pub(super) fn say(&mut self, said: String, nudge: Option<NudgeId>) -> Effect {
        let uuid = self.numbers.uuid();
        let line = wire::user(&uuid, &said);
        self.post.send(Letter { uuid, text: said, nudge });
        Effect::Write(line)
    }

    pub(super) fn steer(&mut self, nudge: NudgeId, said: String, how: Delivery) -> Vec<Effect> {
        let why = match &self.turn {
            None => "has no running turn",
            Some(turn) if turn.interrupted => "is being interrupted",
            Some(_) if how == Delivery::Queue => "was told to wait",
            Some(_) => return vec![self.say(said, Some(nudge))],
        };
        vec![Effect::News(News::SteerRefused { nudge, why: why.to_owned() })]
    }

    /// Takes back what waits in claude's queue: an interrupt alone would let it run at once, as a turn.
    fn recall_nudges(&mut self) -> Vec<Effect> {
        let waiting = self.post.waiting();
        self.ask_back(waiting)
    }

    /// Takes back one message, if it still waits there.
    pub(super) fn recall(&mut self, nudge: NudgeId) -> Vec<Effect> {
        let letter = self.post.letter(nudge);
        self.ask_back(letter)
    }

    fn ask_back(&mut self, uuids: impl IntoIterator<Item = String>) -> Vec<Effect> {
        let mut out = Vec::new();
        for uuid in uuids {
            let request = json!({"subtype": "cancel_async_message", "message_uuid": uuid});
            let (id, write) = self.control("recall", request);
            self.post.recall(id, uuid);
            out.push(write);
        }
        out
    }

    pub(super) fn interrupt(&mut self) -> Vec<Effect> {
        if self.turn.is_none() {
            return Vec::new();
        }
        let mut out = self.recall_nudges();
        out.push(self.control(INTERRUPT, json!({"subtype": "interrupt"})).1);
        if let Some(turn) = &mut self.turn {
            turn.interrupted = true;
        }
        out
    }

    pub(super) fn answer(&mut self, key: &str, decision: Decision, reason: Option<&str>) -> Vec<Effect> {
        let Some(line) = self.desk.asks.answered(key, decision, reason) else { return Vec::new() };
        let mut out = Vec::new();
        if decision == Decision::Cancel {
            out.extend(self.recall_nudges());
            if let Some(turn) = &mut self.turn {
                turn.interrupted = true;
            }
        }
        out.push(Effect::Write(line));
        out
    }
}
