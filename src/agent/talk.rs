//! What the orchestrator asks of a session after its first turn: go on, end; and nudges that become turns.

use crate::{
    executors::Order,
    fold::sessions::Doing,
    protocol::{
        NudgeTarget, SessionId,
        event::{By, Mode, NudgeSeen, NudgeSent, NudgeWithdrawn, SentHow, SessionCompleted, TurnStatus},
    },
    tools,
};

use super::{calls::On, effect::Effect, machine::Machine};

impl Machine {
    pub(super) fn converse(&mut self, call_id: &str, converse: &tools::Converse) {
        let found = self.state.sessions.find(&converse.session_id);
        let Some(session) = found else {
            let error = tools::unknown_session(&self.state.sessions, &converse.session_id);
            return self.give_result(call_id, Err(error));
        };
        if let Some(error) = tools::cannot_converse(session) {
            return self.give_result(call_id, Err(error));
        }
        let (id, turn) = (session.id, session.turns + 1);
        if let Err((error, hint)) = self.session_has_room(id, &converse.message) {
            let error = serde_json::json!({ "success": false, "error": error, "hint": hint });
            return self.give_result(call_id, Err(error));
        }
        self.queue_turn(id, converse.message.clone(), By::Orchestrator);
        if converse.mode == Some(Mode::Async) {
            let result = self.state.sessions.get(id).map(tools::converse_started).unwrap_or_default();
            return self.give_result(call_id, Ok(result));
        }
        if let Some(call) = self.calls.running.get_mut(call_id) {
            call.on = On::Turn { session: id, turn, converse: true };
        }
    }

    pub(super) fn end_session_call(&mut self, call_id: &str, end: &tools::EndSession) {
        let Some(session) = self.state.sessions.find(&end.session_id) else {
            let error = tools::unknown_session(&self.state.sessions, &end.session_id);
            return self.give_result(call_id, Err(error));
        };
        let id = session.id;
        if self.merge_at_end(call_id, id, end) {
            return;
        }
        if self.state.sessions.get(id).is_some_and(|session| session.doing != Doing::Ended) {
            self.complete_session(id, &end.verdict, end.summary.clone());
        }
        self.fleet.tell(&self.state, id);
        let result = self.state.sessions.get(id).map(|s| tools::session_ended(s, end)).unwrap_or_default();
        self.give_result(call_id, Ok(result));
    }

    /// Ends a session for good, its running turn first.
    pub(super) fn complete_session(&mut self, id: SessionId, verdict: &str, summary: Option<String>) {
        let turn =
            self.state.sessions.get(id).and_then(|session| session.turn.as_ref().map(|turn| turn.number));
        self.fleet.queue.retain(|queued| *queued != id);
        self.drop_session_cards(id);
        self.fleet.parked.remove(id);
        if turn.is_none()
            && let Some(last) = self.state.sessions.get(id).and_then(|session| session.last.as_ref())
        {
            // A turn that was to go on later does not: whoever waits for it is told.
            let last = last.number;
            self.give_waiting_turns(id, last);
        }
        if let Some(turn) = turn {
            let error = Some("the session was ended".to_owned());
            self.turn_ended(id, turn, TurnStatus::Interrupted, String::new(), error);
        }
        let message_count = self.state.sessions.get(id).map_or(0, |session| u64::from(session.turns) * 2);
        self.record_for(
            id,
            SessionCompleted { status: verdict.to_owned(), exit_message: summary, message_count },
        );
        self.out.push(Effect::Sync);
        if self.fleet.live.contains(&id) {
            self.out.push(Effect::Order(id, Order::End));
        }
        self.withdraw_nudges(id, "the session was ended");
        self.tidy(id, turn.is_none());
    }

    fn withdraw_nudges(&mut self, id: SessionId, why: &str) {
        let queued: Vec<_> =
            self.state.nudges.queued(NudgeTarget::Session(id)).map(|nudge| nudge.id).collect();
        for nudge_id in queued {
            self.record_for(id, NudgeWithdrawn { nudge_id, why: why.to_owned() });
        }
    }

    /// Queued nudges become the session's next turn.
    pub(super) fn send_queued_nudges(&mut self, id: SessionId) {
        let idle = self.state.sessions.get(id).is_some_and(|s| s.turn.is_none() && s.doing != Doing::Ended);
        let queued: Vec<_> = self.state.nudges.queued(NudgeTarget::Session(id)).cloned().collect();
        if !idle || queued.is_empty() || self.ending.is_some() {
            return;
        }
        let turn = self.state.sessions.get(id).map_or(0, |session| session.turns + 1);
        let texts: Vec<_> = queued.iter().map(|nudge| nudge.text.as_str()).collect();
        if let Err((error, _)) = self.session_has_room(id, &texts.join("\n\n")) {
            return self.withdraw_nudges(id, &error);
        }
        for nudge in &queued {
            self.record_for(id, NudgeSent { nudge_id: nudge.id, how: SentHow::NextTurn });
            self.record_for(id, NudgeSeen { nudge_id: nudge.id, step: None, turn: Some(turn) });
        }
        self.queue_turn(id, texts.join("\n\n"), By::Human);
    }

    pub(super) fn tell_of(&mut self, text: &str) {
        if let Some(id) = self.state.sessions.find(text).map(|session| session.id) {
            self.fleet.tell(&self.state, id);
        }
    }
}
