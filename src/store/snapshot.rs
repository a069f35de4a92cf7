//! The snapshots in the reference's shapes, so that both programs show each other's instances: `state.json`,
//! `orchestrator/messages.json`, `sessions/<id>/messages.json`, and our `meta.json`. Derived from folds, each file
//! replaced atomically and only if it changed; whatever is wrong with an old one does not matter.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{
    Conversations, Meta, StoreError,
    fs::{Disk, Fs},
    instance::private,
    json::{ascii, pretty},
    replace::replace_if_changed,
};
use crate::fold::{
    History, Ledger, Sessions,
    ledger::{Entry, EntryState},
    sessions::{Doing, Session},
};

/// Characters of an answer that stand for an exit message, as the reference cuts it.
const EXIT_KEPT: usize = 500;

/// What a snapshot is made of.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotInput<'a> {
    pub meta: &'a Meta,
    pub history: &'a History,
    pub sessions: &'a Sessions,
    pub ledger: &'a Ledger,
    pub conversations: &'a Conversations,
}

/// Writes all snapshots of an instance's folder; `meta.json` last.
pub fn write(dir: &Path, input: &SnapshotInput<'_>) -> Result<(), StoreError> {
    write_on(&Disk, dir, input)
}

/// The same on a given file system.
pub fn write_on(fs: &dyn Fs, dir: &Path, input: &SnapshotInput<'_>) -> Result<(), StoreError> {
    super::instance::is_there(dir)?;
    for session in &input.sessions.all {
        let folder = dir.join("sessions").join(session.id.to_string());
        put(fs, &folder.join("messages.json"), &pretty(&messages(session, input.conversations)))?;
    }
    put(fs, &dir.join("orchestrator").join("messages.json"), &items(input.history))?;
    if !input.sessions.all.is_empty() {
        put(fs, &dir.join("state.json"), &pretty(&state(input)))?;
    }
    input.meta.write_on(fs, dir)
}

fn put(fs: &dyn Fs, path: &Path, text: &str) -> Result<(), StoreError> {
    let folder = super::replace::folder(path);
    private().recursive(true).create(folder).map_err(StoreError::io("create", folder))?;
    replace_if_changed(fs, path, text.as_bytes()).map(|_| ()).map_err(StoreError::io("write", path))
}

/// The history as the reference's list; each item as the model gave or gets it.
fn items(history: &History) -> String {
    if history.items.is_empty() {
        return "[]".to_owned();
    }
    let items: Vec<_> = history.items.iter().map(|item| format!("  {}", item.raw.get())).collect();
    ascii(&format!("[\n{}\n]", items.join(",\n")))
}

fn state(input: &SnapshotInput<'_>) -> Value {
    let entry = |session: &Session| (session.id.to_string(), session_entry(session, input.conversations));
    let sessions: Map<String, Value> = input.sessions.all.iter().map(entry).collect();
    let tasks: Map<String, Value> = input.ledger.entries.iter().map(task_entry).collect();
    json!({ "updated_at": input.meta.updated_at, "sessions": sessions, "tasks": tasks })
}

/// An entry of the ledger as the reference's task (it has the shape and never fills it in). It knows no key beside its
/// own, so that what contradicts a result stands in the result.
fn task_entry(entry: &Entry) -> (String, Value) {
    let id = entry.task_id.map_or_else(|| entry.session.to_string(), |id| id.to_string());
    let status = match entry.state {
        EntryState::Working | EntryState::Answered | EntryState::Interrupted => "in_progress",
        EntryState::Completed => "completed",
        EntryState::Failed | EntryState::Cancelled => "failed",
    };
    let contradicted = entry.contradictions.iter().map(|claim| format!("[contradicted: {claim}]"));
    let result: Vec<String> = std::iter::once(entry.result.clone()).chain(contradicted).collect();
    let result = result.join("\n");
    let task = json!({
        "id": id,
        "description": entry.task,
        "status": status,
        "session_id": entry.session,
        "created_at": entry.started_at,
        "completed_at": entry.ended_at,
        "result": if result.is_empty() { Value::Null } else { result.into() },
        "parent_task_id": null,
    });
    (id, task)
}

fn messages(session: &Session, conversations: &Conversations) -> Value {
    let message =
        |m: &super::Message| json!({ "role": m.role, "content": m.content, "timestamp": m.timestamp });
    conversations.of(session.id).iter().map(message).collect()
}

fn session_entry(session: &Session, conversations: &Conversations) -> Value {
    let usage = session.spent.usage;
    let said = session.last.as_ref().map(|last| last.response.chars().take(EXIT_KEPT).collect::<String>());
    let ended = session.end.as_ref();
    json!({
        "id": session.id,
        "adapter": adapter(&session.who.adapter),
        "mode": session.mode,
        "status": status(session),
        "working_dir": session.who.working_dir,
        "messages": messages(session, conversations),
        "started_at": session.started_at,
        "completed_at": ended.map(|end| end.at.clone()),
        "conversation_id": session.who.native_id,
        "task_description": session.task,
        "model": session.who.model,
        "exit_message": ended.and_then(|end| end.message.clone().or(said)),
        "token_usage": {
            "input_tokens": usage.input,
            "output_tokens": usage.output,
            "total_tokens": usage.total(),
        },
    })
}

/// The reference's names of its two adapters; others keep theirs.
fn adapter(name: &str) -> &str {
    match name {
        "codex" => "codex_mcp",
        "claude" => "claude_code",
        other => other,
    }
}

fn status(session: &Session) -> &'static str {
    match (session.doing, session.end.as_ref().map(|end| end.status.as_str())) {
        (Doing::Ended, Some("completed")) => "completed",
        (Doing::Ended, _) => "failed",
        _ => "active",
    }
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
