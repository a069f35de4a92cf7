//! The machine of one codex thread: orders and messages in; requests, answers, news and live text out. Pure: no IO,
//! no clock (the driver keeps the one timer). Facts of the protocol: codex 0.169, `codex app-server`.
//!
//! A thread is down (no server), attaching, opening (`thread/start`, `thread/resume` or `thread/fork` is on its way) or open. A turn that is
//! ordered while it is down brings the server up again and resumes the thread first.

mod gone;
mod heard;

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use super::{
    fault::Fault,
    item::text,
    params,
    spent::Spent,
    turn::{Stage, Steer, Turn},
};
use crate::{
    executors::{
        Decision, News, Order, SessionSpec,
        bound::{self, MAX_SHORT},
        rpc::{self, Message, RpcError},
    },
    protocol::{NudgeId, Usage, event::TurnStatus},
};

/// How long a thread may take to open.
const OPENING: Duration = Duration::from_secs(90);
/// How long an interrupted turn may take to end.
const INTERRUPTING: Duration = Duration::from_secs(10);
/// How long the end of a session may take: the interrupt and the cleaning of its commands.
const ENDING: Duration = Duration::from_secs(2);

/// What a request of ours was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Start,
    Resume,
    Fork,
    Turn,
    Steer(NudgeId),
    Interrupt,
    Clean,
    Unsubscribe,
}

/// What the driver is to do, in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Effect {
    /// Get the server up; [`Thread::up`] or [`Thread::died`] follows.
    Attach,
    Ask {
        tag: Tag,
        method: &'static str,
        params: Value,
    },
    /// Answer a request of the server.
    Answer {
        id: Value,
        result: Value,
    },
    Refuse {
        id: Value,
        code: i64,
        why: String,
    },
    News(News),
    /// Live text: see [`crate::protocol::StreamKey::item`].
    Delta {
        turn: u32,
        item: String,
        text: String,
    },
    /// Set the one timer (`None`: clear it); [`Thread::late`] follows.
    Timer(Option<Duration>),
    /// The session's task is over; `Err`: it could not even begin.
    Over(Result<(), String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Down,
    /// The server is being got up.
    Attaching,
    Opening,
    Open,
}

/// The server that a thread talks to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) pid: Option<u32>,
    pub(super) version: Option<String>,
}

/// One thread.
#[derive(Debug)]
pub(super) struct Thread {
    spec: SessionSpec,
    phase: Phase,
    peer: Peer,
    /// Codex's id of the thread.
    pub(super) id: Option<String>,
    /// Turns that have begun: a thread without one leaves nothing that could be resumed.
    turns: u32,
    turn: Option<Turn>,
    model: Option<String>,
    spent: Spent,
    /// Approval requests that wait for an answer.
    asks: BTreeSet<String>,
    /// The last word on the account's limits.
    limits: Value,
    /// It was open before: a death ends the turn, not the session.
    was_open: bool,
    ending: bool,
}

impl Thread {
    pub(super) fn new(spec: SessionSpec) -> Self {
        let resume = spec.resume.clone().unwrap_or_default();
        let mut spent = Spent::default();
        match &resume.native_id {
            // Its totals hold what its parent had spent, which is not known here.
            Some(id) if resume.fork_of.is_some() => spent.forked(id),
            Some(id) => spent.baseline(id, resume.counted),
            None => {}
        }
        Self {
            phase: Phase::Down,
            peer: Peer::default(),
            id: resume.native_id,
            turns: resume.turns,
            turn: None,
            model: spec.model.clone(),
            spent,
            asks: BTreeSet::new(),
            limits: Value::Null,
            was_open: false,
            ending: false,
            spec,
        }
    }

    /// Gets the server up and the thread open: the session's first step, and again after the server has died.
    pub(super) fn begin(&mut self) -> Vec<Effect> {
        self.phase = Phase::Attaching;
        vec![Effect::Attach]
    }

    /// The server is up.
    pub(super) fn up(&mut self, peer: Peer) -> Vec<Effect> {
        self.phase = Phase::Opening;
        self.peer = peer;
        let ask = match &self.id {
            Some(id) => params::resume(&self.spec, id),
            None => params::begin(&self.spec),
        };
        vec![Effect::Timer(Some(OPENING)), ask]
    }

    /// An order of the agent.
    pub(super) fn order(&mut self, order: Order) -> Vec<Effect> {
        match order {
            Order::Turn { turn, prompt } => self.start_turn(turn, prompt),
            Order::Steer { nudge, text, .. } => self.steer(nudge, text),
            Order::Recall { nudge } => self.recall(nudge),
            Order::Interrupt => self.interrupt(),
            Order::Answer { key, decision, .. } => self.answer(&key, decision),
            Order::End => self.end(),
            Order::Kill => {
                let mut out = self.interrupt();
                out.extend(self.clean());
                out.extend(self.end_turn(TurnStatus::Interrupted, None));
                out.push(Effect::Over(Ok(())));
                out
            }
        }
    }

    fn start_turn(&mut self, number: u32, prompt: String) -> Vec<Effect> {
        if self.turn.is_some() {
            let message = format!("turn {number} was not started: another one runs");
            return vec![problem(message, "")];
        }
        self.turn = Some(Turn::new(number, prompt));
        match self.phase {
            Phase::Open => self.send_turn(),
            Phase::Attaching | Phase::Opening => Vec::new(),
            Phase::Down => self.begin(),
        }
    }

    fn send_turn(&mut self) -> Vec<Effect> {
        let (Some(turn), Some(id)) = (&self.turn, &self.id) else { return Vec::new() };
        self.turns += 1;
        vec![params::turn(&self.spec, id, &turn.prompt)]
    }

    fn steer(&mut self, nudge: NudgeId, text: String) -> Vec<Effect> {
        let Some(turn) = self.turn.as_mut().filter(|turn| turn.interrupt.is_none()) else {
            return vec![refused(nudge, "no turn runs")];
        };
        turn.steers.push(Steer { nudge, text, stage: Stage::Held });
        self.flush()
    }

    /// What was sent to codex is in the turn: only what is still held here can be taken back.
    fn recall(&mut self, nudge: NudgeId) -> Vec<Effect> {
        let Some(turn) = &mut self.turn else { return Vec::new() };
        let held = |steer: &Steer| steer.nudge == nudge && steer.stage == Stage::Held;
        let Some(at) = turn.steers.iter().position(held) else { return Vec::new() };
        turn.steers.remove(at);
        vec![refused(nudge, "has not been told yet")]
    }

    fn interrupt(&mut self) -> Vec<Effect> {
        let Some(turn) = &mut self.turn else { return Vec::new() };
        turn.interrupt.get_or_insert(Stage::Held);
        if self.phase == Phase::Down {
            return self.end_turn(TurnStatus::Interrupted, None);
        }
        let mut out = vec![Effect::Timer(Some(INTERRUPTING))];
        out.extend(self.flush());
        out
    }

    /// Sends what was held until the turn has its id.
    fn flush(&mut self) -> Vec<Effect> {
        let (Some(turn), Some(id)) = (&mut self.turn, &self.id) else { return Vec::new() };
        let Some(native) = turn.native.clone() else { return Vec::new() };
        let mut out = Vec::new();
        for steer in turn.steers.iter_mut().filter(|steer| steer.stage == Stage::Held) {
            steer.stage = Stage::Sent;
            out.push(params::steer(id, &native, steer));
        }
        if turn.interrupt == Some(Stage::Held) {
            turn.interrupt = Some(Stage::Sent);
            out.push(params::interrupt(id, &native));
        }
        out
    }

    fn answer(&mut self, key: &str, decision: Decision) -> Vec<Effect> {
        if !self.asks.remove(key) {
            return Vec::new();
        }
        let decision = match decision {
            Decision::Accept => "accept",
            Decision::AcceptForSession => "acceptForSession",
            Decision::Decline => "decline",
            Decision::Cancel => "cancel",
        };
        vec![Effect::Answer { id: rpc::id_of(key), result: json!({"decision": decision}) }]
    }

    /// A message of the server that concerns this thread. (Answers to our requests: [`Thread::answered`].)
    pub(super) fn message(&mut self, message: &Message) -> Vec<Effect> {
        match message {
            Message::Notification { method, params } => self.notified(method, params),
            Message::Request { id, method, params } => self.asked(id, method, params),
            Message::Response { .. } => Vec::new(),
        }
    }

    /// The answer to a request of ours.
    pub(super) fn answered(&mut self, tag: Tag, result: Result<Value, RpcError>) -> Vec<Effect> {
        match (tag, result) {
            (Tag::Fork, Ok(result)) => {
                // It begins with its parent's total, which is told next.
                self.spent.forked(text(&result["thread"], "id"));
                self.opened(&result)
            }
            (Tag::Start | Tag::Resume, Ok(result)) => self.opened(&result),
            (Tag::Resume, Err(error)) if self.turns == 0 && error.message.contains("no rollout") => {
                self.id = None;
                vec![params::begin(&self.spec)]
            }
            (Tag::Start | Tag::Resume | Tag::Fork, Err(error)) => {
                self.not_open(params::not_opened(tag, &error))
            }
            (Tag::Turn, Ok(result)) => self.turn_id(text(&result["turn"], "id")),
            (Tag::Turn, Err(error)) => {
                let message = bound::cut(&format!("codex refused the turn: {error}"), MAX_SHORT);
                self.end_turn(TurnStatus::Failed, Some(Fault { message, limit: false }))
            }
            (Tag::Steer(nudge), result) => self.steered(nudge, result),
            (Tag::Interrupt, Err(error)) => {
                tracing::debug!(%error, "codex had nothing to interrupt");
                Vec::new()
            }
            (Tag::Clean, _) if self.ending => {
                let params = json!({"threadId": self.id});
                let ask = Effect::Ask { tag: Tag::Unsubscribe, method: "thread/unsubscribe", params };
                vec![ask, Effect::Over(Ok(()))]
            }
            (Tag::Interrupt | Tag::Clean | Tag::Unsubscribe, _) => Vec::new(),
        }
    }

    fn opened(&mut self, result: &Value) -> Vec<Effect> {
        let thread = &result["thread"];
        let id = text(thread, "id").to_owned();
        if id.is_empty() {
            return self
                .not_open("codex opened a thread without an id; this version is not known".to_owned());
        }
        self.phase = Phase::Open;
        self.was_open = true;
        self.spent.baseline(&id, Usage::default());
        self.id = Some(id.clone());
        self.model = Some(text(result, "model").to_owned()).filter(|model| !model.is_empty());
        let version = self.peer.version.clone().unwrap_or_else(|| text(thread, "cliVersion").to_owned());
        let started = News::Started {
            native_id: Some(id),
            cli_version: Some(version),
            model: self.model.clone(),
            pid: self.peer.pid,
            shared_pid: true,
        };
        let mut out = vec![Effect::Timer(None), Effect::News(started)];
        if self.turn.as_ref().is_some_and(|turn| turn.interrupt.is_some()) || self.ending {
            out.extend(self.end_turn(TurnStatus::Interrupted, None));
        } else {
            out.extend(self.send_turn());
        }
        out
    }

    fn turn_id(&mut self, id: &str) -> Vec<Effect> {
        match &mut self.turn {
            Some(turn) if turn.native.is_none() && !id.is_empty() => turn.native = Some(id.to_owned()),
            _ => return Vec::new(),
        }
        self.flush()
    }

    fn steered(&mut self, nudge: NudgeId, result: Result<Value, RpcError>) -> Vec<Effect> {
        let Some(turn) = &mut self.turn else { return Vec::new() };
        // Gone: it was seen, or given back at the turn's end, before codex answered.
        let Some(at) = turn.steers.iter().position(|steer| steer.nudge == nudge) else { return Vec::new() };
        match result {
            Ok(_) => {
                turn.steers[at].stage = Stage::Taken;
                vec![Effect::News(News::SteerTaken { nudge, turn: turn.number })]
            }
            Err(error) => {
                turn.steers.remove(at);
                vec![refused(nudge, &bound::cut(&error.message, MAX_SHORT))]
            }
        }
    }
}

fn problem(message: String, hint: &str) -> Effect {
    Effect::News(News::Problem { message, hint: hint.to_owned() })
}

fn refused(nudge: NudgeId, why: &str) -> Effect {
    Effect::News(News::SteerRefused { nudge, why: why.to_owned() })
}

#[cfg(test)]
#[path = "protocol_tests.rs"]
mod tests;
