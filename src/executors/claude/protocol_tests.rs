//! The machine against recordings of the real CLI (`tests/fixtures/wire/claude`).

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{
    executors::{ApprovalRequest, Decision},
    protocol::{NudgeId, Usage, command::Delivery},
};

/// A machine in front of a recording.
pub(super) struct Lab {
    pub(super) machine: Claude,
    turns: u32,
    pub(super) news: Vec<News>,
    live: Vec<(String, String)>,
    pub(super) written: Vec<Value>,
    /// Decisions for the requests of the recording, in order.
    decisions: Vec<Decision>,
}

impl Lab {
    pub(super) fn new() -> Self {
        let machine = Claude::new("n".into(), "/work-dir".into(), None, 1, 0);
        let (news, live, written) = (Vec::new(), Vec::new(), Vec::new());
        Self { machine, turns: 0, news, live, written, decisions: Vec::new() }
    }

    pub(super) fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Write(line) => self.written.push(serde_json::from_str(&line).unwrap()),
                Effect::News(news) => self.news.push(news),
                Effect::Live { item, text, .. } => self.live.push((item, text)),
            }
        }
    }

    pub(super) fn order(&mut self, order: Order) {
        let effects = self.machine.order(order);
        self.perform(effects);
    }

    pub(super) fn line(&mut self, line: &Value) {
        let effects = self.machine.line(&Line { text: line.to_string(), cut: 0 });
        self.perform(effects);
    }

    /// Plays a recording: what was said to the CLI becomes orders, what it said comes in. Up to `to` its entries.
    pub(super) fn play(&mut self, name: &str) -> &mut Self {
        let path = format!("{}/tests/fixtures/wire/claude/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
        let entries = std::fs::read_to_string(path).unwrap();
        for entry in entries.lines() {
            let entry: Value = serde_json::from_str(entry).unwrap();
            self.entry(&entry["dir"], &entry["msg"]);
        }
        self
    }

    pub(super) fn entry(&mut self, dir: &Value, msg: &Value) {
        match (dir.as_str().unwrap(), text(msg, "type")) {
            ("case", _) => self.turn("case"),
            ("in", "user") if self.machine.works() => {
                let (nudge, text) = (nudge(self.turns), said(msg));
                self.turns += 1;
                self.order(Order::Steer { nudge, text, how: Delivery::Auto });
            }
            ("in", "user") => self.turn(&said(msg)),
            ("in", "control_request") if msg["request"]["subtype"] == "interrupt" => {
                self.order(Order::Interrupt)
            }
            ("in", "control_response") => {
                let decision = self.decisions.remove(0);
                let key = text(&msg["response"], "request_id").to_owned();
                self.order(Order::Answer { key, decision, reason: Some("no".into()) });
            }
            ("in", _) => {}
            (_, "control_response") => self.line(&self.with_our_id(msg)),
            _ => self.line(msg),
        }
    }

    pub(super) fn turn(&mut self, prompt: &str) {
        self.turns += 1;
        self.order(Order::Turn { turn: self.turns, prompt: prompt.into() });
    }

    /// The recording's answer, with the id of our newest request of the same kind.
    pub(super) fn with_our_id(&self, msg: &Value) -> Value {
        let kind = text(&msg["response"], "request_id").split('-').next().unwrap();
        let ours = self.written.iter().rev().map(|line| text(line, "request_id"));
        let mut msg = msg.clone();
        if let Some(id) = ours.into_iter().find(|id| id.starts_with(&format!("{kind}-"))) {
            msg["response"]["request_id"] = id.into();
        }
        msg
    }

    pub(super) fn activities(&self) -> Vec<Activity> {
        let activities = self.news.iter().filter_map(|news| match news {
            News::Activity { activity, .. } => Some(activity.clone()),
            _ => None,
        });
        activities.collect()
    }

    /// Everything but activities, usage and starts.
    pub(super) fn story(&self) -> Vec<String> {
        let told = self.news.iter().filter_map(|news| match news {
            News::TurnEnded { turn, status, response, error } => {
                Some(format!("{turn} {status:?} '{response}' {}", error.as_deref().unwrap_or("-")))
            }
            News::SteerTaken { .. } => Some("taken".into()),
            News::SteerSeen { turn, .. } => Some(format!("seen in {turn}")),
            News::SteerRefused { why, .. } => Some(format!("refused: {why}")),
            News::Asked(ask) => Some(format!("asked: {} {}", ask.kind, ask.command)),
            News::AskDropped { .. } => Some("dropped".into()),
            News::Limited { until, .. } => Some(format!("limited until {until:?}")),
            News::Problem { message, .. } => Some(message.clone()),
            _ => None,
        });
        told.collect()
    }

    pub(super) fn spent(&self) -> (Usage, f64, bool) {
        let mut sum = (Usage::default(), 0.0, false);
        for news in &self.news {
            if let News::Usage { usage, cost_usd, estimated, .. } = news {
                sum.0.add(usage);
                sum.1 += cost_usd.unwrap_or(0.0);
                sum.2 |= estimated;
            }
        }
        sum
    }
}

pub(super) fn nudge(number: u32) -> NudgeId {
    NudgeId(Uuid::from_u128(u128::from(number)))
}

fn said(msg: &Value) -> String {
    content(&msg["message"]["content"])
}

use super::super::wire::content;

fn usage(input: u64, cached_input: u64, cache_write: u64, output: u64) -> Usage {
    Usage { input, cached_input, cache_write, output, reasoning: 0 }
}

fn shell(command: &str, exit_code: Option<i32>, output: &str) -> Activity {
    let (command, cwd) = (command.into(), "/work-dir".into());
    Activity::Shell { command, cwd, exit_code, output: output.into(), duration_ms: None }
}

#[test]
fn a_turn_with_thinking_tools_and_text_is_counted_to_the_token() {
    let mut lab = Lab::new();
    lab.turn("go");
    lab.play("2-stream-json");
    let activities = lab.activities();
    assert_eq!(activities[0], Activity::Reasoning { text: "let me think".into() });
    assert_eq!(activities[1], Activity::Message { text: "I will list files.".into() });
    assert_eq!(activities[2], shell("echo hi > a.txt; ls", Some(0), "a.txt"));
    let Activity::FileChange { changes, diff } = &activities[3] else { panic!("{activities:?}") };
    assert_eq!((changes[0].path.as_str(), changes[0].added), ("/work-dir/k2/b.txt", 1));
    assert!(diff.ends_with("+hello\n"), "{diff}");
    assert_eq!(activities[4], Activity::Message { text: "Done one.".into() });
    assert_eq!(activities.len(), 5);
    assert_eq!(lab.story(), ["1 Completed 'Done one.' -"]);
    let (spent, cost, estimated) = lab.spent();
    assert_eq!((spent, estimated), (usage(3300, 2500, 100, 122), false));
    assert!((cost - 0.005055).abs() < 1e-9, "{cost}");
    assert_eq!(lab.live[0], ("reasoning:msg_000001.0".into(), "let me think".into()));
    let tool: String =
        lab.live.iter().filter(|live| live.0 == "tool:toolu_call_1_0").map(|live| live.1.as_str()).collect();
    assert_eq!(tool, r#"{"command": "echo hi > a.txt; ls", "description": "list"}"#);
}

#[test]
fn several_turns_an_interrupt_and_a_queued_message_over_one_process() {
    let mut lab = Lab::new();
    lab.play("3-bidirectional");
    let slow = "slow words ".repeat(10);
    assert_eq!(
        lab.story(),
        [
            "1 Completed 'Done two.' -".to_owned(),
            format!("2 Interrupted '{}' -", &slow[..80]),
            "3 Completed 'After interrupt.' -".to_owned(),
            "taken".to_owned(),
            "seen in 4".to_owned(),
            format!("4 Completed '{slow}\n\nSteered reply.' -"),
        ]
    );
    let (spent, _, estimated) = lab.spent();
    // The interrupted message is in no total: its prompt is known, its answer is an estimate.
    assert_eq!(spent, usage(1300 + 1400 + 1500 + 1600 + 1700, 6600, 0, 9 + 20 + 8 + 80 + 8));
    assert!(estimated);
}

#[test]
fn a_nudge_is_queued_while_text_streams_and_folded_while_a_tool_runs() {
    let mut lab = Lab::new();
    lab.play("steer");
    let first = "first half and second half of a long text";
    assert_eq!(
        lab.story(),
        [
            "taken".to_owned(),
            "seen in 1".to_owned(),
            "taken".to_owned(),
            "seen in 1".to_owned(),
            format!("1 Completed '{first}\n\nsteered reply' -"),
            "taken".to_owned(),
            "seen in 4".to_owned(),
            "4 Completed 'after tool' -".to_owned(),
        ]
    );
    let shells: Vec<_> =
        lab.activities().into_iter().filter(|a| matches!(a, Activity::Shell { .. })).collect();
    assert!(matches!(&shells[0], Activity::Shell { exit_code: Some(3), output, .. } if output == "out"));
}

#[test]
fn an_interrupt_takes_back_what_waits_in_the_queue() {
    let mut lab = Lab::new();
    lab.play("interrupt");
    assert_eq!(
        lab.story(),
        [
            "refused: gave the message back unread",
            "1 Interrupted 'first half and second half of a long tex' -",
        ]
    );
    let asked: Vec<_> = lab.written.iter().map(|line| text(&line["request"], "subtype")).collect();
    assert_eq!(asked, ["", "", "cancel_async_message", "interrupt"]);
    assert!(lab.spent().2);
}

#[test]
fn permissions_are_asked_answered_and_told_to_the_model() {
    let mut lab = Lab::new();
    lab.decisions = vec![Decision::AcceptForSession, Decision::Decline, Decision::Accept];
    lab.play("5-permission-stdio");
    assert_eq!(
        lab.story(),
        [
            "asked: shell touch one.txt",
            "asked: shell touch two.txt",
            "asked: file_change Write /work-dir/k3/p.txt",
            "1 Completed 'perm done' -",
        ]
    );
    let asks: Vec<_> =
        lab.news.iter().filter_map(|news| if let News::Asked(a) = news { Some(a) } else { None }).collect();
    let expected = ApprovalRequest {
        key: "30ad3076-6b99-4166-a5dc-541769f85765".into(),
        kind: "shell".into(),
        command: "touch one.txt".into(),
        cwd: "/work-dir".into(),
        reason: "x (path: /work-dir/k3/one.txt)".into(),
        paths: Vec::new(),
        ..ApprovalRequest::default()
    };
    assert_eq!(asks[0], &expected);
    assert!(asks[2].diff.ends_with("+hi\n\\ No newline at end of file\n"), "{}", asks[2].diff);
    let allowed = &lab.written[1]["response"]["response"];
    assert_eq!(allowed["updatedInput"]["command"], "touch one.txt");
    let granted = allowed["updatedPermissions"].as_array().unwrap();
    assert!(granted.iter().all(|rule| rule["destination"] == "session" && rule["type"] != "setMode"));
    let refused = &lab.written[2]["response"]["response"];
    assert_eq!(refused, &json!({"behavior": "deny", "message": "no"}));
    assert!(lab.activities().contains(&shell("touch two.txt", None, "no, said the human")));
}

#[test]
fn faults_are_retried_or_fail_the_turn_and_are_never_an_answer() {
    let mut lab = Lab::new();
    lab.play("6-faults");
    let story = lab.story();
    let ends: Vec<_> = story.iter().map(|line| line.get(..40).unwrap_or(line)).collect();
    assert_eq!(
        ends,
        [
            "1 Completed 'Recovered.' -",
            "2 Completed 'Recovered.' -",
            "3 Completed 'Recovered.' -",
            "5 Failed '' API Error: 400 bad thing",
            "6 Failed '' Prompt is too long · the re",
            "7 Completed 'Recovered.' -",
            "8 Completed 'Recovered.' -",
            "9 Failed 'x' API Error: mockllm injected",
            "10 Completed 'Recovered.' -",
        ]
    );
    let first =
        Activity::Error { message: "rate_limit (429): try 1 of 10 in 1.0 s".into(), will_retry: true };
    assert_eq!(lab.activities()[0], first);
    let errors =
        lab.activities().into_iter().filter(|a| matches!(a, Activity::Error { will_retry: false, .. }));
    assert_eq!(errors.count(), 3);
}

#[test]
fn tools_become_activities_and_a_turn_by_itself_ends_nothing() {
    let mut lab = Lab::new();
    lab.play("tools");
    let activities = lab.activities();
    let Activity::FileChange { diff, .. } = &activities[0] else { panic!("{activities:?}") };
    assert_eq!(diff, "--- /dev/null\n+++ /work-dir/a.txt\n@@ -0,0 +1,2 @@\n+one\n+two\n");
    let Activity::FileChange { changes, diff } = &activities[1] else { panic!("{activities:?}") };
    assert_eq!((changes[0].added, changes[0].removed), (1, 1));
    assert!(diff.ends_with("@@ -1,2 +1,2 @@\n one\n-two\n+three\n"), "{diff}");
    assert_eq!(activities[2], shell("echo err >&2; false", Some(1), "err"));
    let plan = |status: &str| Activity::Plan {
        items: vec![crate::protocol::event::PlanItem { text: "Plan it".into(), status: status.into() }],
    };
    assert_eq!(activities[3..5], [plan("pending"), plan("completed")]);
    assert!(
        matches!(&activities[5], Activity::Shell { exit_code: None, output, .. } if output.contains("background"))
    );
    assert_eq!(
        activities[6..],
        [Activity::Message { text: "edited".into() }, Activity::Message { text: "by myself".into() }]
    );
    assert_eq!(lab.story(), ["1 Completed 'edited' -"]);
    assert_eq!(lab.spent().0, usage(800, 0, 0, 80));
}
