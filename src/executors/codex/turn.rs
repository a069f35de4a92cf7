//! One running turn of a codex thread: its open items, its answer, the steers on their way. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    fault::{self, Fault},
    item::{self, text},
};
use crate::{
    executors::{
        News,
        bound::{self, MAX_OUTPUT, MAX_RESPONSE, MAX_TEXT},
    },
    protocol::{
        NudgeId,
        event::{Activity, TurnStatus},
    },
};

/// Items that may be open at once; more are passed over until they are finished.
const MAX_OPEN: usize = 1_000;
/// What is added to a text that was cut by a steer or an interrupt.
const CUT_OFF: &str = " […cut off]";

/// An item that has begun and not ended.
#[derive(Clone, Debug, PartialEq)]
struct Open {
    item: Value,
    /// What has streamed of it.
    live: String,
}

/// A steer that is not yet in the conversation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Steer {
    pub(super) nudge: NudgeId,
    pub(super) text: String,
    pub(super) stage: Stage,
}

/// How far a steer or an interrupt is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not sent: the turn has no id yet.
    #[default]
    Held,
    Sent,
    /// Codex has it.
    Taken,
}

/// A running turn.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Turn {
    pub(super) number: u32,
    pub(super) prompt: String,
    /// Codex's id; `None` until it has answered.
    pub(super) native: Option<String>,
    pub(super) steers: Vec<Steer>,
    /// `None`: it is not to be interrupted.
    pub(super) interrupt: Option<Stage>,
    /// Tokens were counted after the interrupt: nothing was cut.
    pub(super) settled: bool,
    open: BTreeMap<String, Open>,
    answer: String,
    /// The answer is codex's own final one.
    answered: bool,
    fault: Option<Fault>,
    plan: Option<Activity>,
}

/// What an item's beginning or end leads to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Seen {
    pub(super) activities: Vec<Activity>,
    /// A steer that has reached the conversation, and whether codex had said before that it has it.
    pub(super) nudge: Option<(NudgeId, bool)>,
    /// Model output was cut: its request is never counted.
    pub(super) cut: bool,
}

impl Turn {
    pub(super) fn new(number: u32, prompt: String) -> Self {
        Self {
            number,
            prompt,
            native: None,
            steers: Vec::new(),
            interrupt: None,
            settled: false,
            open: BTreeMap::new(),
            answer: String::new(),
            answered: false,
            fault: None,
            plan: None,
        }
    }

    /// `item/started`. Our own words show that a steer is in the conversation; they cut what was streaming.
    pub(super) fn began(&mut self, item: &Value) -> Seen {
        let mut seen = Seen::default();
        if text(item, "type") == "userMessage" {
            seen.nudge = self.delivered(item);
            if seen.nudge.is_some() {
                (seen.activities, seen.cut) = self.close(true);
            }
        } else if self.open.len() < MAX_OPEN {
            let open = Open { item: item.clone(), live: String::new() };
            self.open.insert(text(item, "id").to_owned(), open);
        }
        seen
    }

    /// A steer whose message this is: by its id, else by its text.
    fn delivered(&mut self, item: &Value) -> Option<(NudgeId, bool)> {
        let by_id: Option<NudgeId> = text(item, "clientId").parse().ok();
        let content = item.get("content").and_then(Value::as_array);
        let said = content.and_then(|parts| parts.first()).map(|part| text(part, "text"));
        let at = self.steers.iter().position(|steer| match by_id {
            Some(id) => steer.nudge == id,
            None => steer.stage != Stage::Held && Some(steer.text.as_str()) == said,
        })?;
        let steer = self.steers.remove(at);
        Some((steer.nudge, steer.stage == Stage::Taken))
    }

    /// A delta of an item.
    pub(super) fn grew(&mut self, id: &str, piece: &str) {
        if let Some(open) = self.open.get_mut(id) {
            bound::grow(&mut open.live, piece, MAX_OUTPUT);
        }
    }

    /// `item/completed`.
    pub(super) fn finished(&mut self, item: &Value) -> Option<Activity> {
        let open = self.open.remove(text(item, "id"));
        if text(item, "type") == "agentMessage" {
            let last = text(item, "phase") != "commentary";
            if last || !self.answered {
                self.answer = bound::cut(text(item, "text"), MAX_RESPONSE);
                self.answered = last;
            }
        }
        item::activity(item, open.as_ref().map_or("", |open| &open.live))
    }

    /// `turn/plan/updated`; the same plan twice is one.
    pub(super) fn planned(&mut self, params: &Value) -> Option<Activity> {
        let plan = item::plan(params);
        (self.plan.as_ref() != Some(&plan)).then(|| {
            self.plan = Some(plan.clone());
            plan
        })
    }

    /// `error`: one that is tried again is an activity; the last one is the turn's.
    pub(super) fn erred(&mut self, params: &Value) -> Option<Activity> {
        if params["willRetry"] == Value::Bool(true) {
            return Some(Activity::Error { message: fault::message(&params["error"]), will_retry: true });
        }
        self.fault = Some(fault::fault(&params["error"]));
        None
    }

    /// The diff and the paths of an open file change.
    pub(super) fn change(&self, id: &str) -> (Vec<String>, String) {
        let Some(open) = self.open.get(id) else { return (Vec::new(), String::new()) };
        let (changes, diff) = item::changes(&open.item);
        (changes.into_iter().map(|change| change.path).collect(), diff)
    }

    /// Whether a model's output is open (`true`), else a command or another tool.
    pub(super) fn has_open(&self, of_model: bool) -> bool {
        self.open.values().any(|open| is_model(&open.item) == of_model)
    }

    /// Closes open items that will never be completed: those of the model, or all. True: output was cut.
    fn close(&mut self, only_model: bool) -> (Vec<Activity>, bool) {
        let mut cut = false;
        let mut closed = Vec::new();
        for (id, open) in std::mem::take(&mut self.open) {
            let of_model = is_model(&open.item);
            if only_model && !of_model {
                self.open.insert(id, open);
                continue;
            }
            cut |= of_model;
            closed.extend(cut_off(open));
        }
        (closed, cut)
    }

    /// The turn is over: what is still open is closed, steers that got nowhere are given back, and the end is told.
    pub(super) fn end(mut self, status: TurnStatus, error: Option<Fault>) -> Vec<News> {
        let turn = self.number;
        let (closed, _) = self.close(false);
        // The last words of a turn that was cut off are its answer.
        if let Some(Activity::Message { text }) =
            closed.iter().rfind(|it| matches!(it, Activity::Message { .. }))
        {
            self.answer = bound::cut(text, MAX_RESPONSE);
        }
        let mut news: Vec<News> =
            closed.into_iter().map(|activity| News::Activity { turn, activity }).collect();
        for steer in std::mem::take(&mut self.steers) {
            let why = "the turn ended before the model had it".to_owned();
            news.push(News::SteerRefused { nudge: steer.nudge, why });
        }
        let fault = error.or(self.fault);
        let error = match status {
            TurnStatus::Failed => {
                Some(fault.map_or("codex gave no reason".to_owned(), |fault| fault.message))
            }
            TurnStatus::Interrupted => fault.map(|fault| fault.message),
            TurnStatus::Completed => None,
        };
        news.push(News::TurnEnded { turn, status, response: self.answer, error });
        news
    }

    /// `turn/completed` repeats the last message: taken where no item had it.
    pub(super) fn answer_from(&mut self, turn: &Value) {
        if !self.answer.is_empty() {
            return;
        }
        let items = turn.get("items").and_then(Value::as_array).into_iter().flatten();
        if let Some(last) = items.rev().find(|item| text(item, "type") == "agentMessage") {
            self.answer = bound::cut(text(last, "text"), MAX_RESPONSE);
        }
    }
}

fn is_model(item: &Value) -> bool {
    matches!(text(item, "type"), "agentMessage" | "reasoning" | "plan")
}

/// What an item that was cut off leaves behind. `None`: nothing had come of it.
fn cut_off(open: Open) -> Option<Activity> {
    let live = bound::cut(open.live.trim_end(), MAX_TEXT);
    if !is_model(&open.item) {
        // A change that never ended is not known to be made.
        return (text(&open.item, "type") != "fileChange").then(|| item::activity(&open.item, &live))?;
    }
    match text(&open.item, "type") {
        _ if live.is_empty() => None,
        "reasoning" => Some(Activity::Reasoning { text: live + CUT_OFF }),
        _ => Some(Activity::Message { text: live + CUT_OFF }),
    }
}
