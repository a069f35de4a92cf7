//! Instances and events for the tests.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use uuid::Uuid;
use zwarm_tui::{
    protocol::{
        Body, Event, Recorded, Stamp,
        event::{Clock, RunFinished, RunKind, RunStarted, StepStarted, VERSION},
    },
    store::{Journal, Lock, Meta, instance},
};

pub fn recorded(seq: u64, body: Body) -> Arc<Recorded> {
    let timestamp = Stamp::parse("2026-11-24T06:43:56.512590+01:00").unwrap();
    let event =
        Event { v: VERSION, id: Uuid::new_v4(), seq, timestamp, session_id: None, task_id: None, body };
    let line = event.to_line(&event.body.payload().unwrap()).into();
    Arc::new(Recorded { event, line })
}

pub fn step(seq: u64) -> Arc<Recorded> {
    recorded(seq, StepStarted { step: u32::try_from(seq).unwrap() }.into())
}

pub fn started(task: &str) -> Body {
    let started = RunStarted {
        task: task.into(),
        working_dir: "/home/dev/project".into(),
        instance_name: "named".into(),
        model: "gpt-5".into(),
        version: "0.1.0".into(),
        kind: RunKind::Run,
        resumed: false,
        demo: false,
        parent: None,
        git_base: None,
        config: serde_json::json!({"orchestrator": {"max_steps": 50}}),
        clock: Clock::default(),
    };
    started.into()
}

pub fn finished(stopped_by: &str) -> Body {
    let finished = RunFinished {
        stopped_by: stopped_by.into(),
        steps: 1,
        exit_message: String::new(),
        exit_code: 0,
        usage: Default::default(),
        open_sessions: Vec::new(),
        unmerged: Vec::new(),
    };
    finished.into()
}

/// A meta of an instance that has ended by `exit`; `minute` makes it newer than those with a smaller one.
pub fn meta(id: &str, minute: u32) -> Meta {
    let at = format!("2026-11-24T{:02}:{:02}:00.000000+01:00", minute / 60, minute % 60);
    Meta {
        id: id.into(),
        name: format!("name-{id}"),
        task: "do it".into(),
        state: "done".into(),
        stopped_by: "exit".into(),
        created_at: at.clone(),
        updated_at: at,
        ..Meta::default()
    }
}

pub fn journal(dir: &Path) -> (Lock, Journal, u64) {
    let lock = Lock::take(dir).unwrap();
    let (journal, opened) = Journal::open(dir, &mut |_, _| {}).unwrap();
    (lock, journal, opened.last_seq)
}

/// An instance whose journal has these events.
pub fn instance_with(state: &Path, meta: &Meta, bodies: Vec<Body>) -> PathBuf {
    let dir = instance::create(state, meta).unwrap();
    let (_lock, journal, _) = journal(&dir);
    for (seq, body) in (1..).zip(bodies) {
        journal.append(recorded(seq, body));
    }
    journal.close().unwrap();
    dir
}
