//! Nudges on their way into a running turn. An executor may only queue what it is handed; until it takes it the human
//! may still change it or take it back. What it has taken cannot be unsaid.

use crate::{
    executors::Order,
    protocol::{
        NudgeId, SessionId,
        command::Delivery,
        event::{NudgeChanged, NudgeWithdrawn},
        live::Notice,
    },
};

use super::{effect::Effect, machine::Machine};

/// A nudge that an executor was handed and has not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Posted {
    session: SessionId,
    wish: Wish,
}

/// What the human has asked for since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Wish {
    #[default]
    Deliver,
    Withdraw,
    Change(String),
}

impl Machine {
    /// Hands a nudge to the executor of a running turn.
    pub(super) fn post(&mut self, session: SessionId, nudge: NudgeId, text: String) {
        self.fleet.posted.insert(nudge, Posted { session, wish: Wish::Deliver });
        let how = Delivery::Auto;
        self.out.push(Effect::Order(session, Order::Steer { nudge, text, how }));
    }

    pub(super) fn edit_nudge(&mut self, nudge: NudgeId, text: String) {
        if self.is_queued(nudge) && !text.trim().is_empty() {
            self.wish(nudge, Wish::Change(text));
        }
    }

    pub(super) fn withdraw_nudge(&mut self, nudge: NudgeId) {
        if self.is_queued(nudge) {
            self.wish(nudge, Wish::Withdraw);
        }
    }

    /// Done at once where we hold the nudge ourselves; else the executor is asked to give it back first.
    fn wish(&mut self, nudge: NudgeId, wish: Wish) {
        let Some(posted) = self.fleet.posted.get_mut(&nudge) else { return self.grant(nudge, wish) };
        let asked = std::mem::replace(&mut posted.wish, wish) != Wish::Deliver;
        let session = posted.session;
        if !asked {
            self.out.push(Effect::Order(session, Order::Recall { nudge }));
        }
    }

    fn grant(&mut self, nudge: NudgeId, wish: Wish) {
        match wish {
            Wish::Deliver => {}
            Wish::Withdraw => self.record(NudgeWithdrawn { nudge_id: nudge, why: "withdrawn".to_owned() }),
            Wish::Change(text) => self.record(NudgeChanged { nudge_id: nudge, text }),
        }
    }

    /// The executor has it: a wish comes too late.
    pub(super) fn taken(&mut self, nudge: NudgeId) {
        let Some(posted) = self.fleet.posted.remove(&nudge) else { return };
        if posted.wish != Wish::Deliver {
            let who = self.short_id(posted.session);
            let message = format!("too late: {who} had the message already, as it was");
            self.out.push(Effect::Notice(Notice::Warning { message }));
        }
    }

    /// The executor does not have it, and will not have it unless it is sent again.
    pub(super) fn steer_refused(&mut self, id: SessionId, nudge: NudgeId, why: &str) {
        let wish = self.fleet.posted.remove(&nudge).map(|posted| posted.wish).unwrap_or_default();
        if !self.is_queued(nudge) {
            return;
        }
        let changed = matches!(wish, Wish::Change(_));
        if wish == Wish::Deliver {
            let message = format!("{} {why}: queued for its next turn", self.short_id(id));
            self.out.push(Effect::Notice(Notice::Warning { message }));
        }
        self.grant(nudge, wish);
        let works = self.state.sessions.working().any(|session| session.id == id);
        match self.state.nudges.get(nudge).map(|nudge| nudge.text.clone()) {
            Some(text) if changed && works => self.post(id, nudge, text),
            _ => self.send_queued_nudges(id),
        }
    }

    /// A session's task is over: what it was handed is ours again.
    pub(super) fn nothing_posted(&mut self, id: SessionId) {
        let own = |posted: &Posted| posted.session == id;
        let back: Vec<_> =
            self.fleet.posted.iter().filter(|(_, p)| own(p)).map(|(n, p)| (*n, p.wish.clone())).collect();
        self.fleet.posted.retain(|_, posted| !own(posted));
        for (nudge, wish) in back {
            if self.is_queued(nudge) {
                self.grant(nudge, wish);
            }
        }
    }

    fn short_id(&self, id: SessionId) -> String {
        self.state.sessions.get(id).map_or_else(|| id.to_string(), |session| session.short_id.clone())
    }
}
