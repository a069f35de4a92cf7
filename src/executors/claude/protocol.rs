//! The protocol machine of one claude process (bidirectional stream-json): lines in; activities, news, lines out.
//! No IO, no clock. What it must not trust: the text of anything.
//!
//! A turn of ours is everything from its prompt to the `result` after which nothing of ours waits in claude's queue:
//! a nudge that comes while text streams is queued there and gets a `result` of its own; one that comes while a tool
//! runs is folded into the tool's result and gets none. A turn that claude began by itself (a background task has
//! ended) is shown with the last turn, counted, and ends nothing.

use serde_json::{Value, json};

use super::{
    asks::Asks,
    meter::Meter,
    post::{Letter, Post},
    results::{self, Outcome},
    speech::{Cut, Heard, Speech},
    tools::{Returned, Tools},
    wire::{self, text},
};
use crate::{
    executors::{
        Decision, News, Order,
        lines::{Line, MAX_LINE},
        shape::{Effect, Machine, answer, cut, unknown},
    },
    protocol::{
        NudgeId,
        command::Delivery,
        event::{Activity, TurnStatus},
    },
};

/// Odd lines that are reported; more are only in the raw log.
const MAX_ODD: u32 = 3;
/// Characters of an odd line that are shown.
const SHOWN_OF_ODD: usize = 60;
const HELLO: &str = "hello";
const VERSION: &str = "version";
const INTERRUPT: &str = "interrupt";
const TOTALS: &str = "totals";

/// The turn that runs.
#[derive(Debug, Default)]
struct Turn {
    number: u32,
    /// What its results have said so far.
    answers: Vec<String>,
    /// Texts since the last result: what there is when it is cut.
    said: Vec<String>,
    /// The worst of its results so far.
    failed: Option<String>,
    /// We have asked for its end.
    interrupted: bool,
    /// claude has said that it was cut.
    aborted: bool,
    /// A result is there; it is open for what still waits in claude's queue, and nothing has begun yet.
    held: bool,
}

/// How far the handshake is.
#[derive(Debug, Default)]
struct Hello {
    heard: bool,
    ready: bool,
    refused: Option<String>,
    version: Option<String>,
    model: Option<String>,
}

/// One claude process.
#[derive(Debug)]
pub(super) struct Claude {
    /// The conversation's id, chosen by us.
    native: String,
    cwd: String,
    /// Base of the uuids of our messages: random, another one for each process.
    seed: u128,
    /// Our requests and messages so far.
    count: u64,
    hello: Hello,
    turn: Option<Turn>,
    last_turn: u32,
    post: Post,
    speech: Speech,
    meter: Meter,
    tools: Tools,
    desk: Desk,
}

/// What is asked of us, and what is odd.
#[derive(Debug, Default)]
struct Desk {
    asks: Asks,
    odd: u32,
    /// When the limit that was last reported is over.
    limit: Option<String>,
}

impl Claude {
    /// `native`: the conversation's UUID. `seed`: a random number. `turns`: turns of the conversation so far.
    pub(super) fn new(native: String, cwd: String, model: Option<String>, seed: u128, turns: u32) -> Self {
        Self {
            native,
            cwd,
            seed,
            count: 0,
            hello: Hello { model, ..Hello::default() },
            turn: None,
            last_turn: turns,
            post: Post::default(),
            speech: Speech::default(),
            meter: Meter::default(),
            tools: Tools::default(),
            desk: Desk::default(),
        }
    }

    fn number(&self) -> u32 {
        self.turn.as_ref().map_or(self.last_turn, |turn| turn.number)
    }

    fn fresh_uuid(&mut self) -> String {
        self.count += 1;
        let bytes = self.seed.wrapping_add(u128::from(self.count)).to_be_bytes();
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    fn control(&mut self, kind: &str, request: Value) -> (String, Effect) {
        self.count += 1;
        let id = format!("{kind}-{}", self.count);
        let line = wire::control(&id, request);
        (id, Effect::Write(line))
    }

    fn activity(&self, activity: Activity) -> Effect {
        Effect::News(News::Activity { turn: self.number(), activity })
    }

    fn say(&mut self, said: String, nudge: Option<NudgeId>) -> Effect {
        let uuid = self.fresh_uuid();
        let line = wire::user(&uuid, &said);
        self.post.send(Letter { uuid, text: said, nudge });
        Effect::Write(line)
    }

    fn steer(&mut self, nudge: NudgeId, said: String, how: Delivery) -> Vec<Effect> {
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
        let mut out = Vec::new();
        for uuid in self.post.waiting() {
            let request = json!({"subtype": "cancel_async_message", "message_uuid": uuid});
            let (id, write) = self.control("recall", request);
            self.post.recall(id, uuid);
            out.push(write);
        }
        out
    }

    fn interrupt(&mut self) -> Vec<Effect> {
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

    fn answer(&mut self, key: &str, decision: Decision, reason: Option<&str>) -> Vec<Effect> {
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

    fn message(&mut self, message: Value) -> Vec<Effect> {
        match text(&message, "type") {
            "control_response" => self.control_answered(&message["response"]),
            "control_request" => self.asked(&message),
            "control_cancel_request" => {
                let key = text(&message, "request_id");
                let open = self.desk.asks.dropped(key);
                Vec::from_iter(open.then(|| Effect::News(News::AskDropped { key: key.to_owned() })))
            }
            "system" => self.system(&message),
            "stream_event" => self.streamed(&message),
            "assistant" => self.said(&message),
            "user" => self.heard(&message),
            "result" => self.result(&message),
            "rate_limit_event" => self.limit(&message["rate_limit_info"]),
            "keep_alive" | "tool_progress" | "tool_use_summary" | "auth_status" | "prompt_suggestion" => {
                Vec::new()
            }
            _ => vec![self.activity(Activity::Unknown { raw: unknown(message) })],
        }
    }

    fn control_answered(&mut self, response: &Value) -> Vec<Effect> {
        let (id, failed) = (text(response, "request_id"), text(response, "subtype") == "error");
        let body = &response["response"];
        match id.split('-').next().unwrap_or_default() {
            HELLO if failed => {
                self.hello.refused = Some(format!("it refused the handshake: {}", text(response, "error")));
                Vec::new()
            }
            HELLO => {
                self.hello.heard = true;
                let account = &body["account"];
                self.meter.can_ask =
                    text(account, "tokenSource") == "none" && !text(account, "apiKeySource").is_empty();
                Vec::new()
            }
            VERSION => {
                self.hello.version = body["version"].as_str().map(ToOwned::to_owned);
                self.hello.ready = self.hello.heard;
                vec![Effect::News(self.started())]
            }
            "recall" => {
                let nudge = self.post.recalled(id, body["cancelled"] == true);
                let why = "was interrupted before it took the message".to_owned();
                Vec::from_iter(nudge.map(|nudge| Effect::News(News::SteerRefused { nudge, why })))
            }
            TOTALS if failed => {
                self.meter.can_ask = false;
                news(self.meter.flush())
            }
            TOTALS => {
                let session = &body["session"];
                let total = wire::model_usage(&session["model_usage"]);
                news(self.meter.settle(total, session["total_cost_usd"].as_f64()))
            }
            _ => Vec::new(),
        }
    }

    fn started(&self) -> News {
        News::Started {
            native_id: Some(self.native.clone()),
            cli_version: self.hello.version.clone(),
            model: self.hello.model.clone(),
            pid: None,
            shared_pid: false,
        }
    }

    fn asked(&mut self, message: &Value) -> Vec<Effect> {
        let (id, request) = (text(message, "request_id"), &message["request"]);
        if text(request, "subtype") == "can_use_tool" {
            let ask = self.desk.asks.opened(id, request, &self.cwd);
            return vec![Effect::News(News::Asked(ask))];
        }
        vec![Effect::Write(wire::refused(id, "zwarm-tui does not know this request"))]
    }

    fn system(&mut self, message: &Value) -> Vec<Effect> {
        match text(message, "subtype") {
            "init" => {
                let model = message["model"].as_str().map(ToOwned::to_owned);
                let known = self.hello.model == model;
                self.hello.model = model;
                let mut out = Vec::from_iter((!known).then(|| Effect::News(self.started())));
                out.extend(self.begun());
                out
            }
            "api_retry" => vec![self.activity(results::retry(message))],
            _ => Vec::new(),
        }
    }

    /// claude has begun something. After an interrupt nothing may: it came before claude had begun, or something
    /// slipped in.
    fn begun(&mut self) -> Option<Effect> {
        let turn = self.turn.as_mut()?;
        turn.held = false;
        let interrupted = turn.interrupted;
        interrupted.then(|| self.control(INTERRUPT, json!({"subtype": "interrupt"})).1)
    }

    fn streamed(&mut self, message: &Value) -> Vec<Effect> {
        let parent = text(message, "parent_tool_use_id");
        match self.speech.event(parent, &message["event"]) {
            Heard::Nothing => Vec::new(),
            Heard::Began(cut) => {
                let mut out = self.count_cut(cut);
                if parent.is_empty() {
                    let turn = self.number();
                    let seen = self.post.seen().into_iter();
                    out.extend(seen.map(|nudge| Effect::News(News::SteerSeen { nudge, turn })));
                    out.extend(self.begun());
                }
                out
            }
            Heard::Live { item, text } => vec![Effect::Live { turn: self.number(), item, text }],
            Heard::Counted { usage, model } => news(self.meter.finished(usage, &model)),
            Heard::Closed if self.meter.can_ask => {
                vec![self.control(TOTALS, json!({"subtype": "get_usage"})).1]
            }
            Heard::Closed => Vec::new(),
        }
    }

    fn count_cut(&mut self, cut: impl IntoIterator<Item = Cut>) -> Vec<Effect> {
        let counted = cut.into_iter().filter_map(|cut| self.meter.cut(cut.usage, &cut.model));
        counted.map(Effect::News).collect()
    }

    /// A block of a message is whole. One line a block.
    fn said(&mut self, message: &Value) -> Vec<Effect> {
        let parent = text(message, "parent_tool_use_id");
        let body = &message["message"];
        let mut out = Vec::new();
        for block in body["content"].as_array().into_iter().flatten() {
            let said = text(block, "text");
            let activity = match text(block, "type") {
                "text" if text(body, "model") == "<synthetic>" => {
                    Activity::Error { message: said.to_owned(), will_retry: false }
                }
                "text" if said.is_empty() => continue,
                "text" if parent.is_empty() => {
                    if let Some(turn) = &mut self.turn {
                        turn.said.push(said.to_owned());
                    }
                    Activity::Message { text: answer(said.to_owned()) }
                }
                "text" => Activity::Message { text: answer(format!("[subagent] {said}")) },
                "thinking" if text(block, "thinking").is_empty() => continue,
                "thinking" => Activity::Reasoning { text: answer(text(block, "thinking").to_owned()) },
                "tool_use" => {
                    self.tools.called(block);
                    continue;
                }
                _ => continue,
            };
            out.push(self.activity(activity));
        }
        out
    }

    /// What claude's side of the conversation has heard: results of tools, echoes of ours.
    fn heard(&mut self, message: &Value) -> Vec<Effect> {
        if message["isReplay"] == true {
            return self.echoed(message);
        }
        let mut out = Vec::new();
        for block in message["message"]["content"].as_array().into_iter().flatten() {
            if text(block, "type") == "tool_result" {
                let returned = Returned { block, detail: &message["tool_use_result"] };
                if let Some(activity) = self.tools.returned(&returned, &self.cwd) {
                    out.push(self.activity(activity));
                }
            }
        }
        out
    }

    fn echoed(&mut self, message: &Value) -> Vec<Effect> {
        let turn = self.number();
        let mut out = Vec::new();
        for nudge in self.post.echoed(message).into_iter().filter_map(|letter| letter.nudge) {
            out.push(Effect::News(News::SteerTaken { nudge, turn }));
            if self.speech.answers() {
                out.push(Effect::News(News::SteerSeen { nudge, turn }));
            } else {
                self.post.unseen(nudge);
            }
        }
        out
    }

    fn limit(&mut self, info: &Value) -> Vec<Effect> {
        let until = results::reset(&info["resetsAt"]);
        if text(info, "status") != "rejected" {
            return Vec::new();
        }
        self.desk.limit.clone_from(&until);
        let message = format!("claude's limit '{}' is reached", text(info, "rateLimitType"));
        vec![Effect::News(News::Limited { message, until })]
    }

    fn result(&mut self, message: &Value) -> Vec<Effect> {
        let cut = self.speech.close(false);
        let mut out = self.count_cut(cut);
        let total = wire::model_usage(&message["modelUsage"]);
        out.extend(news(self.meter.settle(total, message["total_cost_usd"].as_f64())));
        let outcome = results::outcome(message);
        if let Outcome::Limited { message, until } = &outcome {
            let (message, until) = (message.clone(), until.clone().or_else(|| self.desk.limit.take()));
            out.push(Effect::News(News::Limited { message, until }));
        }
        // A turn that claude began by itself, while our prompt still waits behind it.
        let by_itself = text(&message["origin"], "kind") == "task-notification";
        if by_itself && self.post.prompt_waits() {
            return out;
        }
        self.post.prompt_taken();
        let Some(turn) = &mut self.turn else { return out };
        turn.take(outcome);
        if self.post.nudges_wait() && !turn.interrupted {
            turn.held = true;
            return out;
        }
        out.extend(self.end_turn());
        out
    }

    /// Closes what is open and reports the turn's end.
    fn end_turn(&mut self) -> Vec<Effect> {
        let mut out = self.close_items();
        let Some(turn) = self.turn.take() else { return out };
        self.last_turn = turn.number;
        let status = match &turn.failed {
            _ if turn.aborted => TurnStatus::Interrupted,
            Some(_) if turn.interrupted => TurnStatus::Interrupted,
            Some(_) => TurnStatus::Failed,
            None => TurnStatus::Completed,
        };
        let texts =
            if status == TurnStatus::Completed { turn.answers } else { [turn.answers, turn.said].concat() };
        let error = (status == TurnStatus::Failed).then_some(turn.failed).flatten();
        let response = answer(texts.join("\n\n"));
        out.push(Effect::News(News::TurnEnded { turn: turn.number, status, response, error }));
        out
    }

    fn close_items(&mut self) -> Vec<Effect> {
        let mut out: Vec<_> =
            self.tools.close(&self.cwd).into_iter().map(|activity| self.activity(activity)).collect();
        let void = self.desk.asks.close().into_iter();
        out.extend(void.map(|key| Effect::News(News::AskDropped { key })));
        let why = "did not take the message in this turn";
        let lost = self.post.close().into_iter();
        out.extend(lost.map(|nudge| Effect::News(News::SteerRefused { nudge, why: why.to_owned() })));
        out
    }

    fn odd(&mut self, line: &Line) -> Vec<Effect> {
        if line.cut > 0 && line.text.starts_with(r#"{"type":"result""#) {
            let bytes = MAX_LINE as u64 + line.cut;
            let result =
                json!({"is_error": true, "result": format!("the result has {bytes} bytes: too long")});
            return self.result(&result);
        }
        self.desk.odd += 1;
        if self.desk.odd > MAX_ODD || line.text.trim().is_empty() {
            return Vec::new();
        }
        let shown = cut(line.text.get(..4096).unwrap_or(&line.text), SHOWN_OF_ODD);
        let message = format!("claude printed a line that is not JSON: '{shown}'");
        vec![Effect::News(News::Problem { message, hint: "the raw log of the turn has it whole".to_owned() })]
    }
}

impl Turn {
    fn take(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Answer(text) => {
                self.answers.push(text);
                self.said.clear();
            }
            Outcome::Aborted => self.aborted = true,
            Outcome::Failed(error) | Outcome::Limited { message: error, .. } => self.failed = Some(error),
        }
    }
}

fn news(news: Option<News>) -> Vec<Effect> {
    news.map(Effect::News).into_iter().collect()
}

impl Machine for Claude {
    fn opening(&mut self) -> Vec<Effect> {
        let hello = self.control(HELLO, json!({"subtype": "initialize", "hooks": {}})).1;
        vec![hello, self.control(VERSION, json!({"subtype": "get_binary_version"})).1]
    }

    fn ready(&self) -> bool {
        self.hello.ready
    }

    fn refused(&self) -> Option<&str> {
        self.hello.refused.as_deref()
    }

    fn line(&mut self, line: &Line) -> Vec<Effect> {
        match serde_json::from_str(&line.text) {
            Ok(message @ Value::Object(_)) if line.cut == 0 => self.message(message),
            _ => self.odd(line),
        }
    }

    fn order(&mut self, order: Order) -> Vec<Effect> {
        match order {
            Order::Turn { turn, prompt } => {
                self.turn = Some(Turn { number: turn, ..Turn::default() });
                vec![self.say(prompt, None)]
            }
            Order::Steer { nudge, text, how } => self.steer(nudge, text, how),
            Order::Interrupt => self.interrupt(),
            Order::Answer { key, decision, reason } => self.answer(&key, decision, reason.as_deref()),
            Order::End | Order::Kill => Vec::new(),
        }
    }

    fn works(&self) -> bool {
        self.turn.is_some()
    }

    fn waits(&self) -> bool {
        self.post.nudges_wait() && self.turn.as_ref().is_some_and(|turn| turn.held)
    }

    fn waited(&mut self) -> Vec<Effect> {
        self.end_turn()
    }

    fn ended(&mut self, why: &str) -> Vec<Effect> {
        let cut = self.speech.close(true);
        let mut out = self.count_cut(cut);
        out.extend(news(self.meter.flush()));
        if let Some(turn) = &mut self.turn {
            turn.failed = Some(why.to_owned());
        }
        out.extend(self.end_turn());
        out
    }
}

#[cfg(test)]
#[path = "protocol_tests.rs"]
mod tests;
