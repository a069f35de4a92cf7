use uuid::Uuid;

use super::*;
use crate::{
    fold::view::{View, Whose},
    protocol::{
        Pos, SessionId, Stamp, Wire,
        event::{
            Activity, ActivityAdded, ChangeKind, FileChange, ItemAdded, PlanItem, StepStarted, ToolFinished,
        },
        item,
    },
    text::hostile,
    ui::{render::Highlighter, theme::Theme},
};

fn event(body: impl Into<Body>) -> Event {
    let timestamp = Stamp::parse("2026-11-24T12:05:02.000000+00:00").unwrap();
    Event {
        v: 1,
        id: Uuid::nil(),
        seq: 1,
        timestamp,
        session_id: Some(SessionId(Uuid::nil())),
        task_id: None,
        body: body.into(),
    }
}

fn item(json: serde_json::Value) -> Event {
    event(ItemAdded { item_id: 1, item: item::raw(&json), wire: Wire::Responses, tokens: 0 })
}

/// Paints every row of a few events, those of the orchestrator or of a session.
fn painted(events: &[Event], width: usize, open: bool) -> Vec<String> {
    let mut view = View::new(Whose::All);
    for (at, event) in events.iter().enumerate() {
        view.apply(&Pos { seq: at as u64, offset: at as u64, len: 1 }, event);
    }
    let (theme, code) = (Theme::default(), Highlighter::default());
    let brush = Brush { theme: &theme, width, ascii: false, wrap: true, code: &code };
    let mut out = Vec::new();
    for (at, row) in view.rows.iter().enumerate() {
        let outcome = view.outcome(at);
        let output = outcome.and_then(|o| o.output).map(|o| &events[view.rows[o as usize].offset as usize]);
        let event = &events[row.offset as usize];
        let shown =
            Shown { event, row, open, outcome, output, step: view.step_at(at), first: at == 0, newest: true };
        let rows = paint(&shown, &brush).rows;
        assert!(!rows.is_empty());
        for strip in rows {
            assert!(strip.width() <= width, "{:?}", strip.text());
            out.push(strip.text().trim_end().to_owned());
        }
    }
    out
}

fn bash_events(output: &str) -> Vec<Event> {
    let result =
        serde_json::json!({"success": false, "returncode": 101, "cwd": "/w", "stdout": output, "stderr": ""});
    vec![
        event(StepStarted { step: 12 }),
        item(
            serde_json::json!({"type": "function_call", "call_id": "c", "name": "bash", "arguments": "{\"command\":\"cargo test -q\"}"}),
        ),
        item(
            serde_json::json!({"type": "function_call_output", "call_id": "c", "output": result.to_string()}),
        ),
        event(ToolFinished {
            call_id: "c".into(),
            name: "bash".into(),
            ok: false,
            duration_ms: 8_400,
            cut_bytes: 0,
        }),
    ]
}

#[test]
fn a_step_with_a_command_looks_as_in_the_mock_up() {
    let output: String = (1..=20).map(|n| format!("line {n}\n")).collect();
    let rows = painted(&bash_events(&output), 60, false);
    assert_eq!(rows[0], "step 12 ──────────────────────────────── 12:05:02  running");
    assert_eq!(
        rows[2..],
        ["│ line 1", "│ line 2", "│ line 3", "│ line 4", "│ … 16 more lines  (⏎ expand, o open in $PAGER)"]
    );
    let header = &rows[1];
    assert!(header.starts_with("▾ bash  cargo test -q ") && header.ends_with(" exit 101   8.4s"), "{header}");
    assert_eq!(painted(&bash_events(&output), 60, true).len(), 2 + 1 + 20);
}

#[test]
fn calls_nudges_and_messages() {
    let events = [
        item(serde_json::json!({"role": "user", "content": "[WATCHER: progress] run the tests"})),
        item(serde_json::json!({"role": "user", "content": "[NUDGE] faster"})),
        item(
            serde_json::json!({"role": "assistant", "content": [{"type": "output_text", "text": "I **split** it."}]}),
        ),
        item(
            serde_json::json!({"type": "function_call", "call_id": "d", "name": "delegate", "arguments": "{\"executor\":\"codex\",\"task\":\"Implement lexer per SPEC\"}"}),
        ),
        item(
            serde_json::json!({"type": "function_call_output", "call_id": "d", "output": "{\"success\":true,\"session\":\"s3\",\"status\":\"queued\"}"}),
        ),
    ];
    let rows = painted(&events, 80, false);
    assert_eq!(rows[..3], ["▲ NUDGE progress: run the tests", "▲ NUDGE faster", "● I split it."]);
    assert!(rows[3].starts_with("▸ delegate(codex, \"Implement lexer per SPEC\") "), "{}", rows[3]);
    assert!(rows[3].ends_with(" → s3"), "how it stands is in the list, not here: {}", rows[3]);
}

#[test]
fn what_an_executor_does() {
    let activity = |activity| event(ActivityAdded { turn: 1, activity });
    let change = FileChange { path: "src/lexer.rs".into(), kind: ChangeKind::Update, added: 212, removed: 3 };
    let events = [
        activity(Activity::Shell {
            command: "cargo check".into(),
            cwd: "/w".into(),
            exit_code: Some(0),
            output: "ok\n".into(),
            duration_ms: Some(2_100),
        }),
        activity(Activity::FileChange { changes: vec![change], diff: "@@ -1 +1 @@\n-a\n+b\n".into() }),
        activity(Activity::Plan {
            items: vec![
                PlanItem { text: "lex".into(), status: "completed".into() },
                PlanItem { text: "parse".into(), status: "pending".into() },
            ],
        }),
        activity(Activity::Error { message: "no network".into(), will_retry: true }),
    ];
    let closed = painted(&events, 40, false);
    assert_eq!(
        closed,
        [
            "▸ $ cargo check            exit 0   2.1s",
            "▸ ✎ src/lexer.rs                 +212 -3",
            "✔ lex",
            "☐ parse",
            "✖ no network (tries again)",
        ]
    );
    assert_eq!(
        painted(&events[..2], 40, true),
        [
            "▾ $ cargo check            exit 0   2.1s",
            "│ ok",
            "▾ ✎ src/lexer.rs                 +212 -3",
            "@@ -1 +1 @@",
            "-a",
            "+b"
        ]
    );
}

#[test]
fn hostile_text_leaves_nothing_in_any_kind_of_item() {
    for raw in hostile::corpus().into_iter().chain(hostile::unterminated()) {
        let activity = |activity| event(ActivityAdded { turn: 1, activity });
        let text = || raw.clone();
        let mut events = bash_events(&raw);
        events.extend([
            item(serde_json::json!({"role": "user", "content": raw})),
            item(serde_json::json!({"role": "assistant", "content": raw})),
            item(serde_json::json!({"type": "function_call", "call_id": raw, "name": raw, "arguments": raw})),
            item(serde_json::json!({"type": "function_call", "call_id": "e", "name": "x", "arguments": serde_json::json!({"a": raw}).to_string()})),
            item(serde_json::json!({"type": "function_call_output", "call_id": "e", "output": serde_json::json!({"error": raw, "session": raw}).to_string()})),
            activity(Activity::Shell { command: text(), cwd: text(), exit_code: None, output: text(), duration_ms: None }),
            activity(Activity::ToolCall { name: text(), arguments: text(), result: text(), ok: true }),
            activity(Activity::FileChange { changes: vec![FileChange { path: text(), kind: ChangeKind::Add, added: 0, removed: 0 }], diff: text() }),
            activity(Activity::Error { message: text(), will_retry: false }),
            activity(Activity::Unknown { raw: serde_json::json!({"x": raw}) }),
        ]);
        for line in [painted(&events, 50, false), painted(&events, 50, true)].concat() {
            hostile::assert_clean(&line, &raw);
        }
    }
}
