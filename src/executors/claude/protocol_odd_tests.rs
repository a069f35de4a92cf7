//! The machine against lines that no recording has.

use serde_json::{Value, json};

use super::tests::{Lab, nudge};
use super::*;
use crate::{executors::Decision, protocol::command::Delivery};

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
    assert_eq!(lab.story(), ["claude printed a line that is not of its protocol: 'Warning: é'"; 3]);
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
