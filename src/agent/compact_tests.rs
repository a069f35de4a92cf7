use super::*;
use crate::protocol::{Wire, item};

fn history(raws: &[&str]) -> History {
    let mut history = History::default();
    for (at, raw) in raws.iter().enumerate() {
        let raw = item::raw(&serde_json::from_str(raw).unwrap());
        let item = Item { id: at as u64 + 1, wire: Wire::Responses, raw, tokens: 100 };
        history.last_id = item.id;
        history.items.push(item);
    }
    history
}

fn small() -> Compaction {
    Compaction { max_tokens: 1000, keep_first_n: 2, keep_last_n: 2, ..Compaction::default() }
}

const SYSTEM: &str = r#"{"role":"system","content":"s"}"#;
const TASK: &str = r#"{"role":"user","content":"Task: t"}"#;

fn reply(n: u32) -> [String; 3] {
    [
        format!(r#"{{"type":"reasoning","id":"rs_{n}","summary":[]}}"#),
        format!(r#"{{"type":"function_call","call_id":"c{n}","name":"bash","arguments":"{{}}"}}"#),
        format!(r#"{{"type":"function_call_output","call_id":"c{n}","output":"ok"}}"#),
    ]
}

fn filled(replies: u32) -> History {
    let replies: Vec<_> = (0..replies).flat_map(reply).collect();
    let all: Vec<&str> = [SYSTEM, TASK].into_iter().chain(replies.iter().map(String::as_str)).collect();
    history(&all)
}

#[test]
fn reasoning_calls_and_outputs_leave_together_and_the_task_never() {
    let history = filled(3);
    let plan = plan(&history, &small(), 1.0, false).unwrap();
    assert_eq!(plan, Plan { dropped: vec![(3, 8)], removed: 6, before: 1100, after: 500 });
}

#[test]
fn a_marker_alone_is_never_dropped_for_another_marker() {
    let mut history =
        history(&[SYSTEM, TASK, r#"{"role":"user","content":"[Context compacted]"}"#, TASK, TASK]);
    for item in &mut history.items {
        item.tokens = 600;
    }
    history.items[2].tokens = 40;
    assert_eq!(plan(&history, &small(), 1.0, false), None);
}

#[test]
fn it_acts_at_the_threshold_and_not_before() {
    assert_eq!(plan(&filled(2), &small(), 1.0, false), None, "800 of 1000 is below 85 %");
    assert!(plan(&filled(2), &small(), 1.1, false).is_some(), "the provider counts 880");
}

#[test]
fn a_call_without_output_stays() {
    let mut history = filled(3);
    history.open_calls.push(crate::fold::history::OpenCall {
        item: 4,
        call_id: "c0".into(),
        name: "bash".into(),
        arguments: "{}".into(),
        wire: Wire::Responses,
        started: true,
    });
    let plan = plan(&history, &small(), 1.0, false).unwrap();
    assert_eq!(plan.dropped, [(6, 8)]);
}

#[test]
fn parallel_calls_of_one_reply_are_one_group() {
    let two = [
        r#"{"type":"reasoning","id":"rs","summary":[]}"#,
        r#"{"type":"function_call","call_id":"a","name":"bash","arguments":"{}"}"#,
        r#"{"type":"function_call","call_id":"b","name":"bash","arguments":"{}"}"#,
        r#"{"type":"function_call_output","call_id":"b","output":"ok"}"#,
        r#"{"type":"function_call_output","call_id":"a","output":"ok"}"#,
        r#"{"role":"user","content":"[NUDGE] hi"}"#,
    ];
    let all: Vec<&str> = [SYSTEM, TASK].into_iter().chain(two).collect();
    assert_eq!(groups(&history(&all).items), [vec![0], vec![1], vec![2, 3, 4, 5, 6], vec![7]]);
}
