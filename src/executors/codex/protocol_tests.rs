//! The machine on recorded lines: `tests/fixtures/wire/codex`.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::{
    config::{Approval, Sandbox},
    executors::{ApprovalRequest, Resume},
    protocol::{
        SessionId,
        command::Delivery,
        event::{Activity, ChangeKind, FileChange},
    },
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
        prepare: None,
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
            let effects = if line["dir"] == "in" { self.said(&message) } else { self.heard(&message) };
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

fn message(text: &str) -> Activity {
    Activity::Message { text: text.into() }
}

fn of_turn(play: &Play, turn: u32) -> Vec<News> {
    let own = |news: &News| match news {
        News::Activity { turn: of, .. }
        | News::SteerTaken { turn: of, .. }
        | News::SteerSeen { turn: of, .. }
        | News::TurnEnded { turn: of, .. } => *of == turn,
        _ => false,
    };
    play.news().into_iter().filter(own).collect()
}

fn ended(turn: u32, status: TurnStatus, response: &str) -> News {
    News::TurnEnded { turn, status, response: response.into(), error: None }
}

#[test]
fn a_turn_is_told_item_by_item_and_ends_with_its_last_message() {
    let play = Play::new(None).file("steer-interrupt");
    let started = News::Started {
        native_id: Some("01a20c4e-9428-7302-922d-20cfd7dfdaaa".into()),
        cli_version: Some("0.169.0".into()),
        model: Some("gpt-5.5".into()),
        pid: Some(7),
        shared_pid: true,
    };
    assert_eq!(play.news()[0], started);
    let say = |activity| News::Activity { turn: 1, activity };
    let shell = Activity::Shell {
        command: "for i in 1 2 3; do echo line $i; sleep 0.2; done > a.txt; cat a.txt".into(),
        cwd: "/work-dir/c5".into(),
        exit_code: Some(0),
        output: "line 1\nline 2\nline 3\n".into(),
        duration_ms: Some(793),
    };
    let change = Activity::FileChange {
        changes: vec![FileChange {
            path: "/work-dir/c5/b.txt".into(),
            kind: ChangeKind::Add,
            added: 1,
            removed: 0,
        }],
        diff: "--- /dev/null\n+++ /work-dir/c5/b.txt\n@@ -0,0 +1,1 @@\n+hello\n".into(),
    };
    assert_eq!(
        of_turn(&play, 1),
        [
            say(Activity::Reasoning { text: "plan: one file".into() }),
            say(message("I will make a file now.")),
            say(shell),
            say(change),
            say(message("Finished turn one.")),
            ended(1, TurnStatus::Completed, "Finished turn one."),
        ]
    );
}

#[test]
fn live_text_goes_by_streams_named_after_their_items() {
    let play = Play::new(None).file("steer-interrupt");
    let live: Vec<_> = play
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Delta { turn: 1, item, text } => Some((item.as_str(), text.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(
        live,
        [
            ("reasoning:rs_1_0", "plan: one file"),
            ("text:msg_1_1", "I will make a fi"),
            ("text:msg_1_1", "le now."),
            ("output:call_1_0", "line 1\nline 2\nline 3\n"),
            ("text:msg_3_0", "Finished turn on"),
            ("text:msg_3_0", "e."),
        ]
    );
}

#[test]
fn a_steer_is_taken_then_seen_and_the_text_that_it_cut_is_closed() {
    let play = Play::new(None).file("steer-interrupt");
    let cut = "steady stream of words steady stream of words steady stream of w […cut off]";
    assert_eq!(
        of_turn(&play, 2),
        [
            News::SteerTaken { nudge: nudge(), turn: 2 },
            News::SteerSeen { nudge: nudge(), turn: 2 },
            News::Activity { turn: 2, activity: message(cut) },
            News::Activity { turn: 2, activity: message("I saw the steer message.") },
            ended(2, TurnStatus::Completed, "I saw the steer message."),
        ]
    );
    let steer = play.asked().into_iter().find(|(method, _)| *method == "turn/steer").unwrap().1;
    assert_eq!(steer["expectedTurnId"], "01a20c4e-9915-7ea3-866a-446bd9782ec6");
    assert_eq!(steer["clientUserMessageId"], nudge().to_string());
}

#[test]
fn an_interrupt_is_followed_by_the_cleaning_of_its_commands() {
    let play = Play::new(None).file("steer-interrupt");
    let asked: Vec<_> = play.asked().into_iter().map(|(method, _)| method).collect();
    assert_eq!(
        asked,
        [
            "thread/start",
            "turn/start",
            "turn/start",
            "turn/steer",
            "turn/start",
            "turn/interrupt",
            "thread/backgroundTerminals/clean",
            "turn/start"
        ]
    );
    assert_eq!(
        of_turn(&play, 3).last(),
        Some(&ended(
            3,
            TurnStatus::Interrupted,
            "very slow very slow very slow very slow very slo […cut off]"
        ))
    );
}

#[test]
fn totals_become_differences_and_cut_requests_become_estimates() {
    let news = Play::new(None).file("steer-interrupt").news();
    assert_eq!(spent(&news, false), usage(6150, 5200, 139));
    // Two requests were cut: each had at least the last counted request as its input.
    assert_eq!(spent(&news, true), usage(1212 + 1361, 1100 + 1300, 16 + 12));
}

#[test]
fn a_resumed_thread_counts_only_what_the_journal_does_not_know() {
    let thread = "01a20c4e-9428-7302-922d-20cfd7dfdaaa";
    let resume = |counted| Resume { native_id: Some(thread.into()), counted, turns: 4, ..Resume::default() };
    let play = Play::new(Some(resume(usage(6150, 5200, 139)))).file("resume");
    assert_eq!(spent(&play.news(), false), usage(1600, 1500, 7));
    assert_eq!(of_turn(&play, 5).last(), Some(&ended(5, TurnStatus::Completed, "After the restart.")));
    // A request that was counted by codex while nobody listened is not lost.
    let play = Play::new(Some(resume(usage(5000, 5000, 100)))).file("resume");
    assert_eq!(spent(&play.news(), false), usage(1600 + 1150, 1500 + 200, 7 + 39));
    let (method, params) = play.asked().remove(0);
    assert_eq!(method, "thread/resume");
    assert_eq!(
        params,
        json!({"cwd": "/work-dir/c5", "approvalPolicy": "never", "sandbox": "danger-full-access",
            "model": "gpt-5.5", "threadId": thread, "excludeTurns": true})
    );
}

#[test]
fn a_fork_does_not_pay_for_its_parent() {
    let mut spent = Spent::default();
    let total = |input: u64| json!({"total": {"inputTokens": input}, "last": {"inputTokens": 10}});
    spent.forked("fork");
    assert_eq!(spent.updated("fork", &total(7896)), None);
    assert_eq!(spent.updated("fork", &total(8946)), Some(usage(1050, 0, 0)));
    assert_eq!(spent.updated("fork", &total(8946)), None);
    assert_eq!(spent.updated("fork", &json!({"odd": 1})), None);
    // Codex may tell no total at the fork: then the first one has our own request in it.
    spent.forked("quiet");
    spent.begins("quiet", &total(7906));
    assert_eq!(spent.updated("quiet", &total(7906)), Some(usage(10, 0, 0)));
    spent.begins("quiet", &total(7916));
    assert_eq!(spent.updated("quiet", &total(7916)), Some(usage(10, 0, 0)));
}

#[test]
fn approvals_become_asks_with_command_or_diff_and_are_answered_by_their_id() {
    let play = in_turn("01a20c4f-56ec-73f3-b468-cb8a48f8128a", "01a20c4f-570e-7342-bb4c-6fe756739712");
    let play = play.file("approvals");
    let asks: Vec<_> = play
        .news()
        .into_iter()
        .filter_map(|news| match news {
            News::Asked(ask) => Some(ask),
            _ => None,
        })
        .collect();
    let ask = |key: &str, kind: &str, command: &str, reason: &str, diff: &str| ApprovalRequest {
        key: key.into(),
        kind: kind.into(),
        command: command.into(),
        cwd: if kind == "shell" { "/work-dir/c6".into() } else { "/work-dir/c5".into() },
        reason: reason.into(),
        diff: diff.into(),
        paths: if kind == "shell" { Vec::new() } else { vec![command.into()] },
        ..ApprovalRequest::default()
    };
    assert_eq!(
        asks,
        [
            ask("0", "shell", "touch one.txt", "", ""),
            ask("1", "shell", "touch two.txt", "", ""),
            ask(
                "2",
                "file_change",
                "/work-dir/c6/p.txt",
                "",
                "--- /dev/null\n+++ /work-dir/c6/p.txt\n@@ -0,0 +1,1 @@\n+hello\n"
            ),
            ask("3", "shell", "touch /lab/forbid.txt", "need it", ""),
        ]
    );
    let answers: Vec<_> = play
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Answer { id, result } => Some((id.clone(), result["decision"].clone())),
            _ => None,
        })
        .collect();
    assert_eq!(
        answers,
        [
            (json!(0), json!("accept")),
            (json!(1), json!("decline")),
            (json!(2), json!("accept")),
            (json!(3), json!("cancel"))
        ]
    );
    assert_eq!(of_turn(&play, 1).last(), Some(&ended(1, TurnStatus::Interrupted, "")));
    assert!(!play.news().iter().any(|news| matches!(news, News::AskDropped { .. })));
}

/// A thread in its first turn, as the recordings of errors begin.
fn in_turn(thread: &str, turn: &str) -> Play {
    let mut play = Play::new(None);
    play.thread.up(Peer { pid: Some(7), version: None });
    play.thread.answered(Tag::Start, Ok(json!({"thread": {"id": thread}, "model": "gpt-5.5"})));
    play.thread.order(Order::Turn { turn: 1, prompt: "12345678".into() });
    play.thread.answered(Tag::Turn, Ok(json!({"turn": {"id": turn}})));
    play
}

fn notify(play: &mut Play, method: &str, params: Value) -> Vec<Effect> {
    play.thread.message(&Message::Notification { method: method.into(), params })
}

#[path = "protocol_edge_tests.rs"]
mod edges;
