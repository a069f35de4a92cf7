//! The protocol machine of one claude process (bidirectional stream-json): lines in; activities, news, lines out.
//! No IO, no clock. What it must not trust: the text of anything.
//!
//! A turn of ours is everything from its prompt to the `result` after which nothing of ours waits in claude's queue:
//! a nudge that comes while text streams is queued there and gets a `result` of its own; one that comes while a tool
//! runs is folded into the tool's result and gets none. A turn that claude began by itself (a background task has
//! ended) is shown with the last turn, counted, and ends nothing.

mod counted;
mod orders;

use serde_json::{Value, json};

use super::{
    asks::Asks,
    hello::{HELLO, Hello, VERSION},
    meter::Meter,
    numbers::Numbers,
    post::Post,
    results::{self, Outcome},
    said,
    speech::Speech,
    tools::{Returned, Tools},
    turn::Turn,
    wire::{self, text},
};
use crate::{
    executors::{
        News, Order, bound,
        lines::{Line, MAX_LINE},
        shape::{Effect, Machine, Odd},
    },
    protocol::event::Activity,
};

const INTERRUPT: &str = "interrupt";
const TOTALS: &str = "totals";

/// One claude process.
#[derive(Debug)]
pub(super) struct Claude {
    cwd: String,
    numbers: Numbers,
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
    odd: Odd,
    /// When the limit that was last reported is over.
    limit: Option<String>,
}

impl Claude {
    /// `native`: the conversation's UUID. `seed`: a random number. `turns`: turns of the conversation so far.
    pub(super) fn new(native: String, cwd: String, model: Option<String>, seed: u128, turns: u32) -> Self {
        Self {
            cwd,
            numbers: Numbers { seed, count: 0 },
            hello: Hello::new(native, model),
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

    fn control(&mut self, kind: &str, request: Value) -> (String, Effect) {
        let id = self.numbers.request(kind);
        let line = wire::control(&id, request);
        (id, Effect::Write(line))
    }

    fn activity(&self, activity: Activity) -> Effect {
        Effect::News(News::Activity { turn: self.number(), activity })
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
            _ => vec![self.activity(Activity::Unknown { raw: bound::raw(&message) })],
        }
    }

    fn control_answered(&mut self, response: &Value) -> Vec<Effect> {
        let (id, failed) = (text(response, "request_id"), text(response, "subtype") == "error");
        let body = &response["response"];
        match id.split('-').next().unwrap_or_default() {
            HELLO => {
                self.meter.can_ask = self.hello.greeted(response);
                Vec::new()
            }
            VERSION => vec![Effect::News(self.hello.versioned(response))],
            "recall" => {
                let nudge = self.post.recalled(id, body["cancelled"] == true);
                let why = "gave the message back unread".to_owned();
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
                let mut out = news(self.hello.model(message["model"].as_str()));
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

    /// A block of a message is whole. One line a block.
    fn said(&mut self, message: &Value) -> Vec<Effect> {
        let parent = text(message, "parent_tool_use_id");
        let body = &message["message"];
        let mut out = Vec::new();
        for block in body["content"].as_array().into_iter().flatten() {
            if text(block, "type") == "tool_use" {
                self.tools.called(block);
            }
            let Some(activity) = said::activity(block, text(body, "model"), !parent.is_empty()) else {
                continue;
            };
            if let (Some(turn), Activity::Message { .. }, true) =
                (&mut self.turn, &activity, parent.is_empty())
            {
                turn.said.push(text(block, "text").to_owned());
            }
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
        out.push(Effect::News(turn.end()));
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
        self.desk.odd.line("claude", line)
    }
}

fn news(news: Option<News>) -> Vec<Effect> {
    news.map(Effect::News).into_iter().collect()
}

impl Machine for Claude {
    fn opening(&mut self) -> Vec<Effect> {
        Hello::requests().into_iter().map(|(kind, request)| self.control(kind, request).1).collect()
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
                self.turn = Some(Turn::new(turn));
                vec![self.say(prompt, None)]
            }
            Order::Steer { nudge, text, how } => self.steer(nudge, text, how),
            Order::Recall { nudge } => self.recall(nudge),
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

#[cfg(test)]
#[path = "protocol_odd_tests.rs"]
mod odd_tests;
