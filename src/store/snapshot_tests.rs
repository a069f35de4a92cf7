use serde_json::Value;

use super::*;
use crate::{
    protocol::{
        Body, Event, SessionId, Wire,
        event::{
            By, ItemAdded, Mode, SessionCompleted, SessionStarted, SessionTurnFinished, SessionTurnStarted,
            TurnStatus,
        },
        item,
    },
    store::faults::{Fault, Faulty, recorded},
};

#[derive(Default)]
struct Folds {
    meta: Meta,
    history: History,
    sessions: Sessions,
    ledger: Ledger,
    conversations: Conversations,
}

impl Folds {
    fn apply(&mut self, event: &Event) {
        self.history.apply(event);
        self.sessions.apply(event);
        self.ledger.apply(event);
        self.conversations.apply(event);
    }
    fn input(&self) -> SnapshotInput<'_> {
        SnapshotInput {
            meta: &self.meta,
            history: &self.history,
            sessions: &self.sessions,
            ledger: &self.ledger,
            conversations: &self.conversations,
        }
    }
}

fn folds(session: SessionId) -> Folds {
    let started = SessionStarted {
        adapter: "codex".into(),
        mode: Mode::Sync,
        task: "say ✓".into(),
        short_id: "s1".into(),
        model: None,
        working_dir: "/home/dev/project".into(),
        native_id: Some("thread-1".into()),
        cli_version: None,
        isolation: String::new(),
        pid: None,
        shared_pid: false,
        parent: None,
    };
    let finished = SessionTurnFinished {
        turn: 1,
        status: TurnStatus::Completed,
        response: "✓".into(),
        error: None,
        duration_ms: 5,
    };
    let completed = SessionCompleted { status: "completed".into(), exit_message: None, message_count: 2 };
    let bodies: [Body; 5] = [
        ItemAdded { item_id: 1, item: item::message("user", "Task: é"), wire: Wire::Responses, tokens: 3 }
            .into(),
        started.into(),
        SessionTurnStarted { turn: 1, prompt: "say ✓".into(), by: By::Orchestrator }.into(),
        finished.into(),
        completed.into(),
    ];
    let mut folds = Folds::default();
    folds.meta.updated_at = "2026-11-24T06:43:56.512590+01:00".into();
    for (seq, body) in (1..).zip(bodies) {
        let event = Event { session_id: Some(session), ..recorded(seq, body).event.clone() };
        folds.apply(&event);
    }
    folds
}

fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.is_ascii());
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_snapshots_have_the_shapes_of_the_reference() {
    let dir = tempfile::tempdir().unwrap();
    let id = SessionId::random();
    write(dir.path(), &folds(id).input()).unwrap();
    let at = "2026-11-24T06:43:56.512590+01:00";
    let messages = json!([
        {"role": "user", "content": "say ✓", "timestamp": at},
        {"role": "assistant", "content": "✓", "timestamp": at},
    ]);
    assert_eq!(json(&dir.path().join(format!("sessions/{id}/messages.json"))), messages);
    let items = json!([{"role": "user", "content": "Task: é"}]);
    assert_eq!(json(&dir.path().join("orchestrator/messages.json")), items);
    let session = json!({
        "id": id, "adapter": "codex_mcp", "mode": "sync", "status": "completed", "working_dir": "/home/dev/project",
        "messages": messages, "started_at": at, "completed_at": at, "conversation_id": "thread-1",
        "task_description": "say ✓", "model": null, "exit_message": "✓",
        "token_usage": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0},
    });
    let mut sessions = Map::new();
    sessions.insert(id.to_string(), session);
    // Each delegation of the ledger is a task, under its session's id.
    let task = json!({
        "id": id, "description": "say ✓", "status": "completed", "session_id": id, "created_at": at,
        "completed_at": at, "result": "✓", "parent_task_id": null,
    });
    let mut tasks = Map::new();
    tasks.insert(id.to_string(), task);
    let state = json!({"updated_at": at, "sessions": sessions, "tasks": tasks});
    assert_eq!(json(&dir.path().join("state.json")), state);
}

#[test]
fn garbage_emptiness_a_huge_file_or_a_folder_in_the_place_of_a_snapshot_is_replaced() {
    let folds = folds(SessionId::random());
    let fresh = tempfile::tempdir().unwrap();
    write(fresh.path(), &folds.input()).unwrap();
    let good = std::fs::read(fresh.path().join("state.json")).unwrap();
    let damages: [fn(&Path); 4] = [
        |path| std::fs::write(path, "garbage").unwrap(),
        |path| std::fs::write(path, "").unwrap(),
        |path| std::fs::File::create(path).unwrap().set_len(5 << 30).unwrap(),
        |path| std::fs::create_dir(path).unwrap(),
    ];
    for damage in damages {
        let dir = tempfile::tempdir().unwrap();
        damage(&dir.path().join("state.json"));
        write(dir.path(), &folds.input()).unwrap();
        assert_eq!(std::fs::read(dir.path().join("state.json")).unwrap(), good);
    }
}

#[test]
fn whichever_call_fails_every_snapshot_is_the_old_one_or_the_new_one() {
    let id = SessionId::random();
    let new = folds(id);
    let files = ["state.json", "orchestrator/messages.json", "meta.json"];
    for fault in [Fault::Eio, Fault::Full] {
        for nth in 1.. {
            assert!(nth < 200, "the loop must end");
            let dir = tempfile::tempdir().unwrap();
            write(dir.path(), &Folds::default().input()).unwrap();
            let read = || files.map(|file| std::fs::read(dir.path().join(file)).ok());
            let old = read();
            let fs = Faulty::nth(fault, nth);
            let written = write_on(&fs, dir.path(), &new.input());
            let between = read();
            write(dir.path(), &new.input()).unwrap();
            let new = read();
            for ((old, between), new) in old.iter().zip(&between).zip(&new) {
                assert!(between == old || between == new, "call {nth}");
            }
            if fs.is_spent() {
                written.unwrap();
                break;
            }
        }
    }
}
