use uuid::Uuid;

use super::*;
use crate::protocol::{
    Body, Event, Stamp, Wire,
    event::{
        Activity, ActivityAdded, ItemAdded, Scope, SessionStarted, StepStarted, ToolFinished, UsageRecorded,
    },
    item,
};

fn apply(view: &mut View, seq: u64, session: Option<SessionId>, body: impl Into<Body>) -> Change {
    let timestamp = Stamp::parse("2026-11-24T06:43:56.512590+01:00").unwrap();
    let event = Event {
        v: 1,
        id: Uuid::nil(),
        seq,
        timestamp,
        session_id: session,
        task_id: None,
        body: body.into(),
    };
    view.apply(&Pos { seq, offset: seq * 100, len: 100 }, &event)
}

fn item_added(id: u64, json: serde_json::Value) -> ItemAdded {
    ItemAdded { item_id: id, item: item::raw(&json), wire: Wire::Responses, tokens: 1 }
}

fn kinds(view: &View) -> Vec<Kind> {
    view.rows.iter().map(|row| row.kind).collect()
}

fn journal(view: &mut View) -> SessionId {
    let session = SessionId(Uuid::from_u128(7));
    apply(view, 1, None, StepStarted { step: 1 });
    apply(view, 2, None, item_added(1, serde_json::json!({"role": "user", "content": "[NUDGE] faster"})));
    apply(
        view,
        3,
        None,
        item_added(
            2,
            serde_json::json!({"role": "assistant", "content": "ok", "tool_calls": [
        {"id": "a", "function": {"name": "bash", "arguments": "{}"}},
        {"id": "b", "function": {"name": "delegate", "arguments": "{}"}}]}),
        ),
    );
    let who = SessionStarted {
        adapter: "codex".into(),
        mode: Default::default(),
        task: "t".into(),
        short_id: "s1".into(),
        model: None,
        working_dir: String::new(),
        native_id: None,
        cli_version: None,
        isolation: String::new(),
        pid: None,
        shared_pid: false,
        parent: None,
    };
    apply(view, 4, Some(session), who);
    let activity = Activity::Message { text: "hi".into() };
    apply(view, 5, Some(session), ActivityAdded { turn: 2, activity });
    apply(
        view,
        6,
        None,
        item_added(3, serde_json::json!({"role": "tool", "tool_call_id": "b", "content": "done"})),
    );
    apply(
        view,
        7,
        None,
        item_added(4, serde_json::json!({"role": "tool", "tool_call_id": "a", "content": "out"})),
    );
    let finished = ToolFinished {
        call_id: "a".into(),
        name: "bash".into(),
        ok: false,
        duration_ms: 8_400,
        cut_bytes: 0,
    };
    assert_eq!(apply(view, 8, None, finished).added, 0);
    let usage = crate::protocol::Usage { input: 1_000, output: 400, ..Default::default() };
    apply(view, 9, None, UsageRecorded::new(Scope::Orchestrator, "m", usage, None, false));
    session
}

#[test]
fn rows_point_into_the_journal_and_calls_know_their_outputs() {
    let mut view = View::new(Whose::Orchestrator);
    journal(&mut view);
    assert_eq!(
        kinds(&view),
        [Kind::Step, Kind::Nudge, Kind::Message, Kind::Call, Kind::Call, Kind::Answer, Kind::Output]
    );
    assert_eq!((view.rows[4].part, view.rows[4].pos()), (2, Pos { seq: 3, offset: 300, len: 100 }));
    let bash = Outcome { call: 3, output: Some(6), duration_ms: Some(8_400), ok: false, started: false };
    assert_eq!(view.outcome(3), Some(&bash));
    assert_eq!(view.call_of(6), Some(&bash));
    assert_eq!(view.call_of(5).map(|call| call.call), Some(4));
    assert_eq!(view.step_at(0).map(|step| step.tokens), Some(1_400));
    assert_eq!(size_of::<Row>(), 24);
}

#[test]
fn a_part_of_all_equals_the_view_that_saw_only_its_own() {
    let mut all = View::new(Whose::All);
    let session = journal(&mut all);
    for whose in [Whose::Orchestrator, Whose::Session(session)] {
        let mut own = View::new(whose);
        journal(&mut own);
        let part = all.part(whose);
        assert_eq!(kinds(&part), kinds(&own));
        assert_eq!((&part.calls, &part.steps), (&own.calls, &own.steps));
    }
    let part = all.part(Whose::Session(session));
    assert_eq!((part.rows[0].step, part.session_of(&part.rows[0])), (2, Some(session)));
}

#[test]
fn a_part_goes_on_as_the_view_that_saw_only_its_own() {
    let call =
        serde_json::json!({"type": "function_call", "call_id": "z", "name": "bash", "arguments": "{}"});
    let out = serde_json::json!({"type": "function_call_output", "call_id": "z", "output": "x"});
    let mut all = View::new(Whose::All);
    let mut own = View::new(Whose::Orchestrator);
    for view in [&mut all, &mut own] {
        journal(view);
        apply(view, 10, None, item_added(9, call.clone()));
    }
    let mut part = all.part(Whose::Orchestrator);
    for view in [&mut part, &mut own] {
        apply(view, 11, None, item_added(10, out.clone()));
    }
    assert_eq!((part.calls, part.rows), (own.calls, own.rows));
}
