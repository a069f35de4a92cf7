//! The reference's instances: listed, and read as items, sessions and events. Nothing here writes: its files stay as
//! they are, to the byte.

use std::{
    fs::File,
    io::Read,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::Value;

use super::{
    EVENTS, Listed, Message, Meta, Origin, StoreError,
    fs::read_bounded,
    instance::INSTANCES,
    lock::LOCK,
    reader::{open, scan_lines},
    registry,
};
use crate::protocol::{Event, Item, Pos, Usage, Wire, event::Stamp, item};

/// Bytes that are read of one of its JSON files.
const MAX_FILE: u64 = 256 * 1024 * 1024;
/// Bytes at the beginning of a history in which its task is looked for when it is listed.
const TASK_WITHIN: u64 = 64 * 1024;
/// Sessions that are looked through in the folder that all instances share.
const MAX_SESSIONS: usize = 10_000;

/// A session of the reference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    pub id: String,
    /// `codex_mcp`, `claude_code`, `codex` or `claude`.
    pub adapter: String,
    /// `sync`, `async`, or empty (3.10: always async).
    pub mode: String,
    /// `active`, `running`, `completed`, `failed`, `killed`, `pending`.
    pub status: String,
    pub task: String,
    pub model: Option<String>,
    pub working_dir: String,
    pub messages: Vec<Message>,
    pub exit_message: Option<String>,
    pub usage: Usage,
    /// The executor's own id of the conversation.
    pub native_id: Option<String>,
}

/// The history of an instance as items, compact and numbered from 1. Empty: it was killed before it was written.
pub fn items(dir: &Path) -> Result<Vec<Item>, StoreError> {
    let path = dir.join("orchestrator").join("messages.json");
    let values: Vec<Value> = match read_bounded(&path, MAX_FILE) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("read", &path)(error)),
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| StoreError::Damaged { path: path.clone(), why: error.to_string() })?,
    };
    let numbered = (1..).zip(&values);
    Ok(numbered
        .map(|(id, value)| {
            let raw = item::raw(value);
            let tokens = raw.get().len() as u64 / 4;
            Item { id, wire: Wire::Responses, raw, tokens }
        })
        .collect())
}

/// The events of an instance, numbered from 1 (its lines have no number). Returns how many lines are damaged.
pub fn events(dir: &Path, each: &mut dyn FnMut(Pos, Event)) -> Result<u64, StoreError> {
    let path = dir.join(EVENTS);
    let file = match open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        opened => opened.map_err(StoreError::io("read", &path))?,
    };
    let (mut seq, mut damaged) = (0, 0);
    let scanned = scan_lines(&file, 0, &mut |offset, _, bytes| {
        match bytes.and_then(|bytes| super::lines::parse(bytes).ok().map(|event| (event, bytes))) {
            Some((event, bytes)) => {
                seq += 1;
                each(super::lines::pos(seq, offset, bytes), Event { seq, ..event });
            }
            None => damaged += 1,
        }
        ControlFlow::Continue(())
    });
    scanned.map_err(StoreError::io("read", &path)).map(|_| damaged)
}

/// The sessions of an instance: from its `state.json` (1.3) and from the folder that all instances share (3.10, and
/// what 1.3 also keeps there). What cannot be read is left out.
pub fn sessions(dir: &Path) -> Vec<Session> {
    let mut found: Vec<Session> = Vec::new();
    let state: Value = json(&dir.join("state.json"));
    for entry in state.get("sessions").and_then(Value::as_object).into_iter().flat_map(|all| all.values()) {
        found.push(session(entry));
    }
    let (state_dir, source) = match dir.parent().filter(|above| above.ends_with(INSTANCES)) {
        Some(above) => (above.parent().unwrap_or(dir), Some(format!("orchestrator:{}", name_of(dir)))),
        None => (dir, None),
    };
    let folders = std::fs::read_dir(state_dir.join("sessions")).into_iter().flatten().flatten();
    for folder in folders.take(MAX_SESSIONS) {
        let meta: Value = json(&folder.path().join("meta.json"));
        let from = text(&meta, "source");
        let own = source.as_ref().map_or_else(|| from.starts_with("orchestrator:"), |source| from == *source);
        if own && !found.iter().any(|session| session.id == text(&meta, "id")) {
            found.push(session(&meta));
        }
    }
    found
}

fn json(path: &Path) -> Value {
    read_bounded(path, MAX_FILE)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn session(value: &Value) -> Session {
    let some = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let count =
        |key: &str| value.pointer(&format!("/token_usage/{key}")).and_then(Value::as_u64).unwrap_or(0);
    let message = |m: &Value| Message {
        role: text(m, "role"),
        content: text(m, "content"),
        timestamp: text(m, "timestamp"),
    };
    let messages = value.get("messages").and_then(Value::as_array);
    Session {
        id: text(value, "id"),
        adapter: text(value, "adapter"),
        mode: text(value, "mode"),
        status: text(value, "status"),
        task: some("task_description").unwrap_or_else(|| text(value, "task")),
        model: some("model").filter(|model| model != "unknown"),
        working_dir: text(value, "working_dir"),
        messages: messages.into_iter().flatten().map(message).collect(),
        exit_message: some("exit_message").or_else(|| some("error")),
        usage: Usage {
            input: count("input_tokens"),
            cached_input: count("cached_input_tokens"),
            output: count("output_tokens"),
            ..Usage::default()
        },
        native_id: some("conversation_id"),
    }
}

/// The reference's rows of `instances.json`, and a guess at its version.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: Vec<Row>,
    version: &'static str,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Row {
    id: String,
    name: Option<String>,
    task: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
    status: Option<String>,
}

impl Rows {
    /// A registry that cannot be read has no rows.
    pub(super) fn read(state_dir: &Path) -> Self {
        let registry = registry::read(&state_dir.join(registry::REGISTRY)).ok().flatten().unwrap_or_default();
        let rows = registry.get("instances").and_then(Value::as_array).into_iter().flatten();
        let rows = rows.filter_map(|row| Row::deserialize(row).ok()).collect();
        Self { rows, version: version(state_dir) }
    }

    pub(super) fn get(&self, id: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.id == id)
    }
}

/// The newer one also writes a file of settings for each executor.
fn version(state_dir: &Path) -> &'static str {
    let newer = ["codex.toml", "claude.toml"].iter().any(|name| state_dir.join(name).exists());
    if newer { "3.10" } else { "1.3" }
}

/// Whether a folder without a `meta.json` is ours all the same.
pub(super) fn is_ours(dir: &Path) -> bool {
    let mut start = [0; 5];
    let read = File::open(dir.join(EVENTS)).and_then(|mut file| file.read_exact(&mut start));
    dir.join(LOCK).exists() || (read.is_ok() && start == *b"{\"v\":")
}

/// An instance of the reference in a folder of its own.
pub(super) fn listed(dir: &Path, id: &str, rows: &Rows) -> Listed {
    let default = Row::default();
    let row = rows.get(id).unwrap_or(&default);
    let changed = || changed_at(&dir.join(EVENTS)).or_else(|| changed_at(dir));
    let time =
        |given: &Option<String>| given.as_deref().and_then(Stamp::parse).map(|stamp| stamp.to_string());
    let state = match row.status.as_deref() {
        Some("completed") => "done",
        Some("failed") => "failed",
        // It may run, have been interrupted or killed: it leaves no lock that would tell.
        _ => "crashed",
    };
    let stopped_by = match state {
        "done" => "exit",
        "failed" => "error",
        _ => "",
    };
    let meta = Meta {
        id: id.to_owned(),
        name: row.name.clone().filter(|n| !n.is_empty()).unwrap_or_else(|| id.chars().take(8).collect()),
        task: row.task.clone().filter(|task| !task.is_empty()).or_else(|| task(dir)).unwrap_or_default(),
        state: state.to_owned(),
        stopped_by: stopped_by.to_owned(),
        working_dir: working_dir(dir),
        created_at: time(&row.created_at).or_else(changed).unwrap_or_default(),
        updated_at: time(&row.updated_at).or_else(changed).unwrap_or_default(),
        ..Meta::default()
    };
    Listed { dir: dir.to_owned(), meta, origin: Origin::Reference(rows.version), live: None }
}

/// The one instance of the layout without an `instances` folder, named `legacy`.
pub(super) fn root_layout(state_dir: &Path) -> Option<Listed> {
    let history = state_dir.join("orchestrator").join("messages.json");
    if !history.is_file() && !state_dir.join(EVENTS).is_file() {
        return None;
    }
    let rows = Rows { rows: Vec::new(), version: version(state_dir) };
    let mut listed = listed(state_dir, "legacy", &rows);
    // It has no registry: a history is only written at a clean end.
    if history.is_file() {
        (listed.meta.state, listed.meta.stopped_by) = ("done".to_owned(), "exit".to_owned());
    }
    listed.meta.updated_at = changed_at(&history).unwrap_or(listed.meta.updated_at);
    Some(listed)
}

/// The state folder lies in the working directory by default.
fn working_dir(dir: &Path) -> String {
    let state_dir = match dir.parent().filter(|above| above.ends_with(INSTANCES)) {
        Some(above) => above.parent(),
        None => Some(dir),
    };
    let above: Option<PathBuf> = state_dir.and_then(Path::parent).map(Path::to_owned);
    above.map(|dir| dir.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The task near the beginning of a history, without reading all of it.
fn task(dir: &Path) -> Option<String> {
    const MARK: &[u8] = b"\"Task: ";
    let file = File::open(dir.join("orchestrator").join("messages.json")).ok()?;
    let mut start = Vec::new();
    file.take(TASK_WITHIN).read_to_end(&mut start).ok()?;
    let at = memchr::memmem::find(&start, MARK)?;
    let mut strings = serde_json::Deserializer::from_slice(start.get(at..)?).into_iter::<String>();
    let text = strings.next()?.ok()?;
    text.strip_prefix("Task: ").map(str::to_owned)
}

/// When a file was last changed, RFC 3339.
pub(super) fn changed_at(path: &Path) -> Option<String> {
    let time = std::fs::metadata(path).and_then(|found| found.modified()).ok()?;
    let at = jiff::Timestamp::try_from(time).ok()?;
    Some(Stamp::new(at, &jiff::tz::TimeZone::system()).to_string())
}

fn name_of(dir: &Path) -> String {
    dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
