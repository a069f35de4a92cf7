use super::*;
use crate::{
    fold::sessions::{SessionEnd, Spent, Turn, Who},
    protocol::{Usage, event::By},
};

const ID: &str = "1a2b3c4d-0000-4000-8000-000000000001";

fn session() -> Session {
    Session {
        id: ID.parse().unwrap(),
        short_id: "s1".into(),
        who: Who { adapter: "codex".into(), ..Who::default() },
        task: "Write the parser".into(),
        mode: Mode::Sync,
        doing: Doing::Idle,
        turns: 1,
        turn: None,
        last: Some(LastTurn {
            number: 1,
            status: TurnStatus::Completed,
            response: "Done.".into(),
            cut: 0,
            error: None,
            at: "2026-11-24T12:00:00Z".into(),
        }),
        spent: Spent { usage: Usage { input: 100, output: 10, ..Usage::default() }, ..Spent::default() },
        end: None,
        started_at: "2026-11-24T11:59:00Z".into(),
    }
}

fn working() -> Session {
    let turn = Turn {
        number: 2,
        prompt: "more".into(),
        by: By::Orchestrator,
        started_at: Some("2026-11-24T12:00:00Z".into()),
        now: "$ cargo test".into(),
    };
    Session { doing: Doing::Working, turns: 2, turn: Some(turn), ..session() }
}

fn tokens_json() -> Value {
    json!({ "input_tokens": 100, "output_tokens": 10, "total_tokens": 110 })
}

#[test]
fn a_delegation_that_ended_has_the_references_keys() {
    let value = delegate_ended(&session(), "turns/turn_1.jsonl").unwrap();
    let keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    for key in ["success", "session", "session_id", "status", "task", "response", "tokens", "hint"] {
        assert!(keys.contains(&key), "{key} in {keys:?}");
    }
    assert_eq!((&value["session"], &value["response"]), (&json!("[1a2b3c4d] codex (sync)"), &json!("Done.")));
    assert_eq!((&value["success"], &value["tokens"]), (&json!(true), &tokens_json()));
}

#[test]
fn an_interrupted_turn_says_so_and_is_no_success() {
    let mut session = session();
    session.last.as_mut().unwrap().status = TurnStatus::Interrupted;
    let value = delegate_ended(&session, "").unwrap_err();
    assert_eq!((&value["success"], &value["interrupted"]), (&json!(false), &json!(true)));
}

#[test]
fn an_answer_that_was_cut_names_the_file() {
    let mut session = session();
    session.last.as_mut().unwrap().cut = 5;
    let value = delegate_ended(&session, "turns/turn_1.jsonl").unwrap();
    assert_eq!(value["response"], "Done.\n[the whole answer: turns/turn_1.jsonl]");
}

#[test]
fn a_check_of_a_running_session_says_what_it_does_and_for_how_long() {
    let sessions = Sessions { all: vec![working()] };
    let value = check_session(&sessions, "1a2b", "2026-11-24T12:00:42Z".parse().unwrap()).unwrap();
    let expected = json!({
        "success": true, "session": "[1a2b3c4d] codex (sync)", "session_id": ID, "short_id": "s1", "mode": "sync",
        "status": "running", "is_running": true, "messages": 4, "turn": 2, "task": "Write the parser",
        "usage": tokens_json(), "now": "$ cargo test", "runtime_seconds": 42,
    });
    assert_eq!(value, expected);
    let unknown = check_session(&sessions, "s9", jiff::Timestamp::UNIX_EPOCH).unwrap_err();
    assert_eq!(
        unknown,
        json!({ "success": false, "error": "there is no session 's9'", "hint": "sessions: s1" })
    );
}

#[test]
fn only_an_idle_session_can_be_continued() {
    assert_eq!(cannot_converse(&session()), None);
    assert_eq!(cannot_converse(&working()).unwrap()["error"], "s1 is still at work");
    let ended = Session { doing: Doing::Ended, ..session() };
    assert_eq!(cannot_converse(&ended).unwrap()["error"], "s1 has ended");
}

#[test]
fn a_list_counts_and_filters() {
    let end = SessionEnd { status: "completed".into(), message: None, at: String::new() };
    let ended = Session { doing: Doing::Ended, end: Some(end), ..session() };
    let sessions = Sessions { all: vec![ended, working()] };
    let all = list_sessions(&sessions, None);
    assert_eq!((&all["count"], &all["filter"]), (&json!(2), &json!("all")));
    let done = list_sessions(&sessions, Some("completed"));
    let row = json!({
        "id": "1a2b3c4d...", "full_id": ID, "short_id": "s1", "status": "✓ completed", "is_running": false,
        "adapter": "codex", "mode": "sync", "task": "Write the parser", "turns": 1, "tokens": 110,
    });
    assert_eq!(done, json!({ "success": true, "sessions": [row], "count": 1, "filter": "completed" }));
}

#[test]
fn a_wait_tells_the_ended_from_the_running() {
    let other: SessionId = "2a2b3c4d-0000-4000-8000-000000000002".parse().unwrap();
    let busy = Session { id: other, short_id: "s2".into(), ..working() };
    let sessions = Sessions { all: vec![session(), busy] };
    let value = wait_result(&sessions, &[ID.parse().unwrap(), other], &[other], "session");
    let ended = json!({ "session_id": ID, "short_id": "s1", "status": "completed", "response": "Done." });
    let expected = json!({
        "success": true, "ended": [ended], "asking": ["s2"], "still_running": ["s2"], "woke_by": "session",
    });
    assert_eq!(value, expected);
}

#[test]
fn an_end_has_the_references_signs_and_sums() {
    let end =
        super::super::EndSession { session_id: "s1".into(), verdict: "cancelled".into(), summary: None };
    let expected = json!({
        "success": true, "session": "[1a2b3c4d] codex (sync)", "session_id": ID, "verdict": "○ cancelled",
        "summary": "(no summary)", "total_turns": 1, "total_tokens": 110, "token_usage": tokens_json(),
    });
    assert_eq!(session_ended(&session(), &end), expected);
}

#[test]
fn a_trajectory_is_short_unless_it_is_wanted_in_full() {
    let shell = Activity::Shell {
        command: "x".repeat(1_000),
        cwd: "/w".into(),
        exit_code: Some(1),
        output: "long".into(),
        duration_ms: None,
    };
    let activities = [(1, shell)];
    let brief = trajectory(&activities, 9, false);
    assert_eq!(brief["activities"][0]["command"].as_str().unwrap().chars().count(), 301);
    assert_eq!((brief["activities"][0].get("output"), &brief["total"]), (None, &json!(9)));
    let full = trajectory(&activities, 9, true);
    assert_eq!(
        (&full["activities"][0]["output"], &full["activities"][0]["turn"]),
        (&json!("long"), &json!(1))
    );
}
