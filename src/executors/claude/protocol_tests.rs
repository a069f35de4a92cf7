//! The machine against recordings of the real CLI (`tests/fixtures/wire/claude`).

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{executors::ApprovalRequest, protocol::Usage};

/// A machine in front of a recording.
struct Lab {
    machine: Claude,
    turns: u32,
    news: Vec<News>,
    live: Vec<(String, String)>,
    written: Vec<Value>,
    /// Decisions for the requests of the recording, in order.
    decisions: Vec<Decision>,
}

impl Lab {
    fn new() -> Self {
        let machine = Claude::new("n".into(), "/work-dir".into(), None, 1, 0);
        let (news, live, written) = (Vec::new(), Vec::new(), Vec::new());
        Self { machine, turns: 0, news, live, written, decisions: Vec::new() }
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Write(line) => self.written.push(serde_json::from_str(&line).unwrap()),
                Effect::News(news) => self.news.push(news),
                Effect::Live { item, text, .. } => self.live.push((item, text)),
            }
        }
    }

    fn order(&mut self, order: Order) {
        let effects = self.machine.order(order);
        self.perform(effects);
    }

    fn line(&mut self, line: &Value) {
        let effects = self.machine.line(&Line { text: line.to_string(), cut: 0 });
        self.perform(effects);
    }

    /// Plays a recording: what was said to the CLI becomes orders, what it said comes in. Up to `to` its entries.
    fn play(&mut self, name: &str) -> &mut Self {
        let path = format!("{}/tests/fixtures/wire/claude/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
        let entries = std::fs::read_to_string(path).unwrap();
        for entry in entries.lines() {
            let entry: Value = serde_json::from_str(entry).unwrap();
            self.entry(&entry["dir"], &entry["msg"]);
        }
        self
    }

    fn entry(&mut self, dir: &Value, msg: &Value) {
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

    fn turn(&mut self, prompt: &str) {
        self.turns += 1;
        self.order(Order::Turn { turn: self.turns, prompt: prompt.into() });
    }

    /// The recording's answer, with the id of our newest request of the same kind.
    fn with_our_id(&self, msg: &Value) -> Value {
        let kind = text(&msg["response"], "request_id").split('-').next().unwrap();
        let ours = self.written.iter().rev().map(|line| text(line, "request_id"));
        let mut msg = msg.clone();
        if let Some(id) = ours.into_iter().find(|id| id.starts_with(&format!("{kind}-"))) {
            msg["response"]["request_id"] = id.into();
        }
        msg
    }

    fn activities(&self) -> Vec<Activity> {
        let activities = self.news.iter().filter_map(|news| match news {
            News::Activity { activity, .. } => Some(activity.clone()),
            _ => None,
        });
        activities.collect()
    }

    /// Everything but activities, usage and starts.
    fn story(&self) -> Vec<String> {
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

    fn spent(&self) -> (Usage, f64, bool) {
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

fn nudge(number: u32) -> NudgeId {
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
fn a_nudge_is_not_seen_before_a_request_carries_it() {
    let mut lab = Lab::new();
    lab.turn("go");
    lab.order(Order::Steer { nudge: nudge(1), text: "hey".into(), how: Delivery::Auto });
    let uuid = lab.written[1]["uuid"].clone();
    let echo = json!({"type": "user", "isReplay": true, "uuid": uuid, "message": {"content": [{"type": "text", "text": "hey"}]}});
    lab.line(&echo);
    assert_eq!(lab.story(), ["taken"]);
    lab.line(&json!({"type": "stream_event", "event": {"type": "message_start", "message": {"id": "m"}}}));
    assert_eq!(lab.story(), ["taken", "seen in 1"]);
}

#[test]
fn an_interrupt_takes_back_what_waits_in_the_queue() {
    let mut lab = Lab::new();
    lab.play("interrupt");
    assert_eq!(
        lab.story(),
        [
            "refused: was interrupted before it took the message",
            "1 Interrupted 'first half and second half of a long tex' -",
        ]
    );
    let asked: Vec<_> = lab.written.iter().map(|line| text(&line["request"], "subtype")).collect();
    assert_eq!(asked, ["", "", "cancel_async_message", "interrupt"]);
    assert!(lab.spent().2);
}

#[test]
fn an_interrupt_before_claude_has_begun_is_repeated_when_it_begins() {
    let mut lab = Lab::new();
    lab.turn("go");
    lab.order(Order::Interrupt);
    lab.line(&json!({"type": "system", "subtype": "init", "model": "m"}));
    assert_eq!(lab.written.len(), 3);
    assert_eq!(lab.written[2]["request"]["subtype"], "interrupt");
    lab.line(&json!({"type": "result", "subtype": "error_during_execution", "is_error": true}));
    assert_eq!(lab.story(), ["1 Interrupted '' -"]);
}

#[test]
fn a_nudge_that_is_never_taken_does_not_hold_the_turn_for_ever() {
    let mut lab = Lab::new();
    lab.turn("go");
    lab.order(Order::Steer { nudge: nudge(1), text: "/odd".into(), how: Delivery::Auto });
    assert!(!lab.machine.waits());
    lab.line(&json!({"type": "result", "subtype": "success", "is_error": false, "result": "done"}));
    assert!(lab.machine.waits() && lab.machine.works());
    let effects = lab.machine.waited();
    lab.perform(effects);
    assert_eq!(lab.story(), ["refused: did not take the message in this turn", "1 Completed 'done' -"]);
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
        diff: String::new(),
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
fn a_cancelled_request_interrupts_and_a_withdrawn_one_is_dropped() {
    let mut lab = Lab::new();
    lab.turn("go");
    let ask = |id: &str| {
        json!({"type": "control_request", "request_id": id, "request": {"subtype": "can_use_tool",
        "tool_name": "WebFetch", "input": {"url": "u"}}})
    };
    lab.line(&ask("a"));
    lab.line(&json!({"type": "control_cancel_request", "request_id": "a"}));
    lab.line(&ask("b"));
    lab.order(Order::Answer { key: "a".into(), decision: Decision::Accept, reason: None });
    lab.order(Order::Answer { key: "b".into(), decision: Decision::Cancel, reason: None });
    lab.line(&json!({"type": "control_request", "request_id": "h", "request": {"subtype": "hook_callback"}}));
    lab.line(&json!({"type": "result", "subtype": "error_during_execution", "is_error": true}));
    let ask = r#"asked: tool WebFetch {"url":"u"}"#;
    assert_eq!(lab.story(), [ask, "dropped", ask, "1 Interrupted '' -"]);
    assert_eq!(lab.written[1]["response"]["response"]["interrupt"], true);
    assert_eq!(lab.written[2]["response"]["subtype"], "error");
    assert_eq!(lab.written.len(), 3);
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
    assert_eq!(diff, "--- /dev/null\n+++ b//work-dir/a.txt\n@@ -0,0 +1,2 @@\n+one\n+two\n");
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

#[test]
fn a_prompt_behind_a_turn_of_claudes_own_is_answered_by_its_own_result() {
    let mut lab = Lab::new();
    lab.turn("go");
    let by_itself = json!({"type": "result", "subtype": "success", "result": "mine", "origin": {"kind": "task-notification"}});
    lab.line(&by_itself);
    assert!(lab.machine.works());
    lab.line(&json!({"type": "result", "subtype": "success", "result": "yours"}));
    assert_eq!(lab.story(), ["1 Completed 'yours' -"]);
}

#[test]
fn lines_of_subagents_are_marked_and_are_not_the_answer() {
    let mut lab = Lab::new();
    lab.turn("go");
    let line = |parent: &str, text: &str| {
        json!({"type": "assistant", "parent_tool_use_id": parent,
        "message": {"model": "m", "content": [{"type": "text", "text": text}]}})
    };
    lab.line(&line("toolu_1", "inner"));
    lab.line(&line("", "outer"));
    let effects = lab.machine.ended("it died");
    lab.perform(effects);
    let message = |text: &str| Activity::Message { text: text.into() };
    assert_eq!(lab.activities(), [message("[subagent] inner"), message("outer")]);
    assert_eq!(lab.story(), ["1 Failed 'outer' it died"]);
}

#[test]
fn garbage_is_reported_three_times_and_unknown_lines_are_kept() {
    let mut lab = Lab::new();
    lab.turn("go");
    for _ in 0..5 {
        let effects = lab.machine.line(&Line { text: "Warning: é".into(), cut: 0 });
        lab.perform(effects);
    }
    lab.line(&json!({"type": "novelty", "x": 1}));
    lab.line(&json!({"type": "keep_alive"}));
    assert_eq!(lab.story(), ["claude printed a line that is not JSON: 'Warning: é'"; 3]);
    assert_eq!(lab.activities(), [Activity::Unknown { raw: json!({"type": "novelty", "x": 1}) }]);
}

#[test]
fn a_result_too_long_to_be_read_still_ends_the_turn() {
    let mut lab = Lab::new();
    lab.turn("go");
    let effects = lab.machine.line(&Line { text: r#"{"type":"result","result":"x"#.into(), cut: 7 });
    lab.perform(effects);
    assert_eq!(lab.story(), ["1 Failed '' the result has 33554439 bytes: too long"]);
}

#[test]
fn a_limit_is_told_with_its_reset() {
    let mut lab = Lab::new();
    lab.turn("go");
    let info = json!({"status": "rejected", "resetsAt": 1_764_000_000, "rateLimitType": "five_hour"});
    lab.line(&json!({"type": "rate_limit_event", "rate_limit_info": info}));
    lab.line(&json!({"type": "result", "subtype": "success", "is_error": true, "api_error_status": 429, "result": "no"}));
    let limited = "limited until Some(\"2025-11-24T16:00:00Z\")";
    assert_eq!(lab.story(), [limited, limited, "1 Failed '' no"]);
}

#[test]
fn the_handshake_tells_the_version_and_whether_totals_can_be_asked_for() {
    let mut lab = Lab::new();
    let opening = lab.machine.opening();
    lab.perform(opening);
    let answer = |id: &Value, response: Value| {
        json!({"type": "control_response",
        "response": {"subtype": "success", "request_id": id, "response": response}})
    };
    let account = json!({"account": {"tokenSource": "none", "apiKeySource": "ANTHROPIC_API_KEY"}});
    lab.line(&answer(&lab.written[0]["request_id"].clone(), account));
    assert!(!lab.machine.ready());
    lab.line(&answer(&lab.written[1]["request_id"].clone(), json!({"version": "2.1.197"})));
    assert!(lab.machine.ready() && lab.machine.meter.can_ask);
    let (native_id, cli_version) = (Some("n".into()), Some("2.1.197".into()));
    assert_eq!(
        lab.news,
        [News::Started { native_id, cli_version, model: None, pid: None, shared_pid: false }]
    );
}
