//! The machine on recorded lines: `tests/fixtures/wire/codex`.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::{
    config::{Approval, Sandbox},
    executors::{ApprovalRequest, Resume},
    protocol::{SessionId, command::Delivery, event::ChangeKind, event::FileChange},
};

fn spec(resume: Option<Resume>) -> SessionSpec {
    SessionSpec {
        id: SessionId::random(),
        short_id: "s1".into(),
        adapter: "codex".into(),
        model: Some("gpt-5.5".into()),
        cwd: "/work-dir/c5".into(),
        dir: "/none".into(),
        task: "t".into(),
        resume,
        approval: Approval::Never,
        sandbox: Sandbox::DangerFullAccess,
    }
}

fn nudge() -> NudgeId {
    "00000000-0000-4000-8000-000000000001".parse().unwrap()
}

/// Plays a recording: what we said becomes orders, what codex said is heard. Returns all effects but timers.
struct Play {
    thread: Thread,
    tags: BTreeMap<u64, Tag>,
    turns: u32,
    effects: Vec<Effect>,
}

impl Play {
    fn new(resume: Option<Resume>) -> Self {
        let turns = resume.as_ref().map_or(0, |resume| resume.turns);
        Self { thread: Thread::new(spec(resume)), tags: BTreeMap::new(), turns, effects: Vec::new() }
    }

    fn file(mut self, name: &str) -> Self {
        let path = format!("{}/tests/fixtures/wire/codex/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
        for line in std::fs::read_to_string(path).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let message = rpc::parse(&line["msg"].to_string()).unwrap();
            let effects =
                if line["dir"] == "in" { self.said(&message) } else { self.heard(&message) };
            self.effects.extend(effects);
        }
        self
    }

    fn said(&mut self, message: &Message) -> Vec<Effect> {
        let (id, method, params) = match message {
            Message::Request { id, method, params } => (id.as_u64().unwrap(), method.as_str(), params),
            Message::Response { id, result } => {
                let decision = match result.as_ref().unwrap()["decision"].as_str().unwrap() {
                    "accept" => Decision::Accept,
                    "decline" => Decision::Decline,
                    _ => Decision::Cancel,
                };
                return self.thread.order(Order::Answer { key: id.to_string(), decision, reason: None });
            }
            Message::Notification { .. } => return Vec::new(),
        };
        let said = text(&params["input"][0], "text").to_owned();
        let (tag, effects) = match method {
            "thread/start" | "thread/resume" => {
                let up = self.thread.up(Peer { pid: Some(7), version: Some("0.169.0".into()) });
                (if method == "thread/start" { Tag::Start } else { Tag::Resume }, up)
            }
            "turn/start" => {
                self.turns += 1;
                (Tag::Turn, self.thread.order(Order::Turn { turn: self.turns, prompt: said }))
            }
            "turn/steer" => {
                let how = Delivery::Auto;
                (Tag::Steer(nudge()), self.thread.order(Order::Steer { nudge: nudge(), text: said, how }))
            }
            "turn/interrupt" => (Tag::Interrupt, self.thread.order(Order::Interrupt)),
            _ => return Vec::new(),
        };
        self.tags.insert(id, tag);
        effects
    }

    fn heard(&mut self, message: &Message) -> Vec<Effect> {
        match message {
            Message::Response { id, result } => match self.tags.remove(id) {
                Some(tag) => self.thread.answered(tag, result.clone()),
                None => Vec::new(),
            },
            message => self.thread.message(message),
        }
    }

    fn news(&self) -> Vec<News> {
        let news = |effect: &Effect| match effect {
            Effect::News(news) => Some(news.clone()),
            _ => None,
        };
        self.effects.iter().filter_map(news).collect()
    }

    fn asked(&self) -> Vec<(&'static str, Value)> {
        let asked = |effect: &Effect| match effect {
            Effect::Ask { method, params, .. } => Some((*method, params.clone())),
            _ => None,
        };
        self.effects.iter().filter_map(asked).collect()
    }
}

fn usage(input: u64, cached_input: u64, output: u64) -> Usage {
    Usage { input, cached_input, output, ..Usage::default() }
}

fn spent(news: &[News], of_estimates: bool) -> Usage {
    let mut sum = Usage::default();
    for news in news {
        match news {
            News::Usage { usage, estimated, .. } if *estimated == of_estimates => sum.add(usage),
            _ => {}
        }
    }
    sum
}

#[test]
fn show() {
    for file in ["steer-interrupt", "resume", "approvals", "error-401", "error-429", "error-context"] {
        println!("=== {file}");
        for effect in Play::new(None).file(file).effects {
            println!("{effect:?}");
        }
    }
}
