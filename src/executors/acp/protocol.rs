//! The protocol machine of one ACP agent: lines in; activities, news, lines out. No IO, no clock.
//!
//! One agent process holds one session. What it tells outside a turn (the replay of `session/load` above all) is
//! neither shown nor counted: it was, when it happened.

use serde_json::{Value, json};

use super::{asks::Asks, feed::Feed, meter::Meter, opening::Opening, text};
use crate::{
    executors::{
        Decision, News, Order, Resume,
        bound::{MAX_SHORT, cut},
        lines::Line,
        rpc::{self, Message, RpcError},
        shape::{Effect, Machine, Odd},
    },
    protocol::{NudgeId, command::Delivery, event::TurnStatus},
};

/// The turn that runs.
#[derive(Debug)]
struct Turn {
    number: u32,
    /// Our request `session/prompt`.
    request: u64,
    feed: Feed,
    /// Characters of the prompt.
    said: u64,
    interrupted: bool,
}

/// A nudge that was sent into the turn.
#[derive(Debug)]
struct Steer {
    request: u64,
    nudge: NudgeId,
    taken: bool,
}

/// One agent.
#[derive(Debug)]
pub(super) struct Acp {
    opening: Opening,
    cwd: String,
    /// Our requests so far: the next id.
    count: u64,
    turn: Option<Turn>,
    steers: Vec<Steer>,
    asks: Asks,
    meter: Meter,
    odd: Odd,
}

impl Acp {
    /// `resume`: the conversation to take up again, or to fork.
    pub(super) fn new(cwd: String, resume: Option<Resume>, model: Option<String>) -> Self {
        Self {
            opening: Opening::new(cwd.clone(), resume, model),
            cwd,
            count: 0,
            turn: None,
            steers: Vec::new(),
            asks: Asks::default(),
            meter: Meter::default(),
            odd: Odd::default(),
        }
    }

    fn request(&mut self, method: &str, params: Value) -> (u64, Effect) {
        let id = self.count;
        self.count += 1;
        (id, Effect::Write(rpc::request(id, method, params)))
    }

    fn session(&self) -> &str {
        self.opening.session.as_deref().unwrap_or_default()
    }

    fn begin(&mut self, number: u32, prompt: &str) -> Vec<Effect> {
        let params = json!({"sessionId": self.session(), "prompt": [{"type": "text", "text": prompt}]});
        let (request, write) = self.request("session/prompt", params);
        let feed = Feed::new(number);
        self.turn = Some(Turn { number, request, feed, said: prompt.len() as u64, interrupted: false });
        vec![write]
    }

    fn steer(&mut self, nudge: NudgeId, said: &str, how: Delivery) -> Vec<Effect> {
        let why = match &self.turn {
            None => "has no running turn",
            Some(turn) if turn.interrupted => "is being interrupted",
            Some(_) if how == Delivery::Queue => "was told to wait",
            Some(_) if !self.opening.can_steer => "cannot take messages in mid-turn",
            Some(_) => {
                let params = json!({
                    "sessionId": self.session(),
                    "prompt": [{"type": "text", "text": said}],
                    "_meta": {"steering": {"idleBehavior": "promptRequired"}},
                });
                let (request, write) = self.request("_session/steering", params);
                self.steers.push(Steer { request, nudge, taken: false });
                return vec![write];
            }
        };
        vec![refused(nudge, why)]
    }

    fn interrupt(&mut self) -> Vec<Effect> {
        let cancel = rpc::notification("session/cancel", json!({"sessionId": self.session()}));
        let Some(turn) = &mut self.turn else { return Vec::new() };
        turn.interrupted = true;
        let mut out = vec![Effect::Write(cancel)];
        out.extend(self.close_asks());
        out
    }

    /// The protocol wants an answer to every request of a turn that is cancelled.
    fn close_asks(&mut self) -> Vec<Effect> {
        let open = self.asks.close().into_iter();
        open.flat_map(|(key, line)| [Effect::Write(line), Effect::News(News::AskDropped { key })]).collect()
    }

    fn answer(&mut self, key: &str, decision: Decision) -> Vec<Effect> {
        let Some(line) = self.asks.answered(key, decision) else { return Vec::new() };
        let mut out = vec![Effect::Write(line)];
        if decision == Decision::Cancel {
            out.extend(self.interrupt());
        }
        out
    }

    fn asked(&mut self, id: &Value, method: &str, params: &Value) -> Vec<Effect> {
        let (Some(turn), "session/request_permission") = (&self.turn, method) else {
            let why = format!("zwarm-tui has no '{method}'");
            return vec![Effect::Write(rpc::failure(id, rpc::METHOD_NOT_FOUND, &why))];
        };
        let call = turn.feed.calls.known(&params["toolCall"]);
        let ask = self.asks.opened(id, params, &call, &self.cwd);
        if turn.interrupted {
            return self
                .close_asks()
                .into_iter()
                .filter(|effect| matches!(effect, Effect::Write(_)))
                .collect();
        }
        vec![Effect::News(News::Asked(ask))]
    }

    fn told(&mut self, method: &str, params: &Value) -> Vec<Effect> {
        if method != "session/update" {
            return Vec::new();
        }
        let update = &params["update"];
        if text(update, "sessionUpdate") == "usage_update" {
            self.meter.update(update, !self.opening.is_ready());
        }
        let ours = params["sessionId"].as_str().is_none_or(|id| id == self.session());
        match &mut self.turn {
            Some(turn) if ours => {
                let mut out = turn.feed.update(update, &self.cwd);
                if turn.feed.grown() {
                    out.push(Effect::News(self.meter.live(turn.said, turn.feed.chars)));
                }
                out
            }
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, id: u64, result: Result<Value, RpcError>) -> Vec<Effect> {
        if !self.opening.is_ready() {
            return self.opened(result);
        }
        if let Some(at) = self.steers.iter().position(|steer| steer.request == id) {
            return self.steered(at, &result);
        }
        match &self.turn {
            Some(turn) if turn.request == id => self.prompted(result),
            _ => Vec::new(),
        }
    }

    fn opened(&mut self, result: Result<Value, RpcError>) -> Vec<Effect> {
        if let Some((method, params)) = self.opening.answered(result) {
            return vec![self.request(method, params).1];
        }
        if !self.opening.is_ready() {
            return Vec::new();
        }
        let Opening { session, version, model, remark, .. } = &self.opening;
        self.meter.model.clone_from(model);
        let mut out = vec![Effect::News(News::Started {
            native_id: session.clone(),
            cli_version: version.clone(),
            model: model.clone(),
            pid: None,
            shared_pid: false,
        })];
        if let Some(message) = remark.clone() {
            out.push(Effect::News(News::Problem { message, hint: String::new() }));
        }
        out
    }

    fn steered(&mut self, at: usize, result: &Result<Value, RpcError>) -> Vec<Effect> {
        let outcome = result.as_ref().map(|result| text(result, "outcome")).unwrap_or_default();
        let Steer { nudge, .. } = self.steers[at];
        let (Some(turn), "injected" | "startedNewTurn") = (&self.turn, outcome) else {
            self.steers.remove(at);
            let why =
                if self.turn.is_some() { "cannot take messages in mid-turn" } else { "has no running turn" };
            return vec![refused(nudge, why)];
        };
        self.steers[at].taken = true;
        vec![Effect::News(News::SteerTaken { nudge, turn: turn.number })]
    }

    /// The turn is over.
    fn prompted(&mut self, result: Result<Value, RpcError>) -> Vec<Effect> {
        let (usage, end) = match result {
            Ok(mut result) => {
                let end = match text(&result, "stopReason") {
                    "end_turn" => Ok(()),
                    "cancelled" => Err(None),
                    reason => Err(Some(format!("the agent stopped: {}", reason.replace('_', " ")))),
                };
                (result["usage"].take(), end)
            }
            Err(error) => {
                let data = if error.data.is_null() { String::new() } else { format!(": {}", error.data) };
                (Value::Null, Err(Some(cut(&format!("{error}{data}"), MAX_SHORT))))
            }
        };
        self.end_turn(&usage, end)
    }

    /// `end`: `Err(None)` = it was interrupted.
    fn end_turn(&mut self, usage: &Value, end: Result<(), Option<String>>) -> Vec<Effect> {
        let Some(mut turn) = self.turn.take() else { return Vec::new() };
        let (mut out, response) = turn.feed.close(&self.cwd);
        out.extend(self.close_asks());
        for steer in std::mem::take(&mut self.steers) {
            let (nudge, number) = (steer.nudge, turn.number);
            // The wire does not say when the model has it: when the turn has come to its end, it had.
            match (steer.taken, &end) {
                (true, Ok(())) => out.push(Effect::News(News::SteerSeen { nudge, turn: number })),
                (true, Err(_)) => {}
                (false, _) => out.push(refused(nudge, "did not take the message in this turn")),
            }
        }
        out.push(Effect::News(self.meter.turn(usage, turn.said, turn.feed.chars)));
        let (status, error) = match end {
            Ok(()) => (TurnStatus::Completed, None),
            Err(None) => (TurnStatus::Interrupted, None),
            Err(Some(_)) if turn.interrupted => (TurnStatus::Interrupted, None),
            Err(Some(error)) => (TurnStatus::Failed, Some(error)),
        };
        out.push(Effect::News(News::TurnEnded { turn: turn.number, status, response, error }));
        out
    }
}

fn refused(nudge: NudgeId, why: &str) -> Effect {
    Effect::News(News::SteerRefused { nudge, why: why.to_owned() })
}

impl Machine for Acp {
    fn opening(&mut self) -> Vec<Effect> {
        let (method, params) = Opening::hello();
        vec![self.request(method, params).1]
    }

    fn ready(&self) -> bool {
        self.opening.is_ready()
    }

    fn refused(&self) -> Option<&str> {
        self.opening.refused.as_deref()
    }

    fn line(&mut self, line: &Line) -> Vec<Effect> {
        match rpc::parse(&line.text).filter(|_| line.cut == 0) {
            Some(Message::Request { id, method, params }) => self.asked(&id, &method, &params),
            Some(Message::Notification { method, params }) => self.told(&method, &params),
            Some(Message::Response { id, result }) => self.answered(id, result),
            None => self.odd.line("the agent", line),
        }
    }

    fn order(&mut self, order: Order) -> Vec<Effect> {
        match order {
            Order::Turn { turn, prompt } => self.begin(turn, &prompt),
            Order::Steer { nudge, text, how } => self.steer(nudge, &text, how),
            // The wire has no word for it: a message that was sent is in the turn.
            Order::Recall { .. } => Vec::new(),
            Order::Interrupt => self.interrupt(),
            Order::Answer { key, decision, .. } => self.answer(&key, decision),
            Order::End | Order::Kill => Vec::new(),
        }
    }

    fn works(&self) -> bool {
        self.turn.is_some()
    }

    fn ended(&mut self, why: &str) -> Vec<Effect> {
        self.end_turn(&Value::Null, Err(Some(why.to_owned())))
    }
}

#[cfg(test)]
#[path = "protocol_tests.rs"]
mod tests;
