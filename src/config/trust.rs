//! Trust in a project's own configuration: keys of a project file or of `.env` that can run something, loosen the
//! confinement, or send a key or the transcript elsewhere take effect only when the human has said so. What was
//! agreed to is remembered by the digest of exactly those keys and values, in the user's state folder.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::document::{Step, dotted};
use crate::error::UserError;

/// Whether the project's risky keys are agreed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Only where the user's state folder remembers it.
    #[default]
    Remembered,
    /// `--trust-project`, or the human has just agreed.
    Given,
}

/// Risky keys that were left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untrusted {
    /// One line a key: its place, its name and its value.
    pub keys: Vec<String>,
    /// What is remembered if the human agrees.
    pub digest: String,
}

impl Untrusted {
    /// The error where nobody can be asked.
    pub fn error(&self) -> UserError {
        let first = self.keys.first().map_or("", String::as_str);
        let more = match self.keys.len() {
            0 | 1 => String::new(),
            many => format!(" (and {} more)", many - 1),
        };
        UserError::usage(
            format!("{first} needs your trust in this project{more}"),
            "look at it and add --trust-project, or remove it",
        )
    }
}

/// The file in the user's state folder.
const FILE: &str = "trust.json";
/// Projects that are remembered; the oldest goes first.
const MAX_PROJECTS: usize = 1000;

/// The paths of risky keys in the values of a project's layer.
pub fn risky(values: &Map<String, Value>) -> Vec<Vec<Step>> {
    let mut found = Vec::new();
    let has = |path: &[&str]| {
        let mut value = values.get(*path.first()?)?;
        for key in path.get(1..)? {
            value = value.get(key)?;
        }
        let empty = value.is_null()
            || value.as_object().is_some_and(Map::is_empty)
            || value.as_array().is_some_and(Vec::is_empty);
        (!empty).then_some(value)
    };
    let key = |path: &[&str]| path.iter().map(|key| Step::Key((*key).to_owned())).collect::<Vec<_>>();
    for path in ALWAYS {
        if has(path).is_some() {
            found.push(key(path));
        }
    }
    for (path, harmless) in LOOSE {
        if has(path).is_some_and(|value| !value.as_str().is_some_and(|text| harmless.contains(&text))) {
            found.push(key(path));
        }
    }
    if has(&["orchestrator", "lm"]).and_then(Value::as_str).is_some_and(|lm| lm.starts_with("scripted")) {
        found.push(key(&["orchestrator", "lm"]));
    }
    let lists: [&[&str]; 3] = [&["watchers"], &["watchers", "watchers"], &["watchers", "enabled"]];
    for path in lists {
        for (index, entry) in has(path).and_then(Value::as_array).into_iter().flatten().enumerate() {
            if entry.get("command").is_some() || entry.pointer("/config/command").is_some() {
                let mut full = key(path);
                full.push(Step::Index(index));
                found.push(full);
            }
        }
    }
    found
}

/// Keys that run something or send something elsewhere, whatever their value.
const ALWAYS: [&[&str]; 13] = [
    &["executors"],
    &["providers"],
    &["notify_command"],
    &["executor", "setup_command"],
    &["executor", "env"],
    &["executor", "codex_path"],
    &["executor", "claude_path"],
    &["executor", "codex_args"],
    &["executor", "claude_args"],
    &["executor", "script"],
    &["orchestrator", "allowed_dirs"],
    &["otel"],
    &["weave", "project"],
];

/// Keys that loosen the confinement unless they have one of these values.
const LOOSE: [(&[&str], &[&str]); 2] = [
    (&["executor", "sandbox"], &["read-only", "workspace-write"]),
    (&["executor", "approval"], &["never", "on-request", "untrusted"]),
];

/// Whether a variable of `.env` is risky.
pub fn risky_variable(name: &str) -> bool {
    name.ends_with("_BASE_URL") || ["WEAVE_PROJECT", "WF_TRACE_SERVER_URL"].contains(&name)
}

/// Removes what is at a path (an entry of a list becomes the name of no watcher: the entry goes).
pub fn remove(values: &mut Map<String, Value>, path: &[Step]) {
    let Some((last, way)) = path.split_last() else { return };
    let mut holder: Option<&mut Value> = None;
    for step in way {
        holder = match (holder, step) {
            (None, Step::Key(key)) => values.get_mut(key),
            (Some(value), Step::Key(key)) => value.get_mut(key),
            (Some(value), Step::Index(index)) => value.get_mut(*index),
            (None, Step::Index(_)) => None,
        };
        if holder.is_none() {
            return;
        }
    }
    match (holder, last) {
        (None, Step::Key(key)) => drop(values.shift_remove(key)),
        (Some(Value::Object(map)), Step::Key(key)) => drop(map.shift_remove(key)),
        (Some(Value::Array(list)), Step::Index(index)) if *index < list.len() => drop(list.remove(*index)),
        _ => {}
    }
}

/// The value at a path, as compact JSON, for the line that the human reads.
pub fn describe(values: &Map<String, Value>, path: &[Step]) -> String {
    let mut value = Value::Object(values.clone());
    for step in path {
        value = match step {
            Step::Key(key) => value.get(key).cloned().unwrap_or_default(),
            Step::Index(index) => value.get(*index).cloned().unwrap_or_default(),
        };
    }
    format!("'{}' = {value}", dotted(path))
}

/// The digest (SHA-256, hex) of the risky lines; order counts.
pub fn digest(lines: &[String]) -> String {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for line in lines {
        context.update(&(line.len() as u64).to_le_bytes());
        context.update(line.as_bytes());
    }
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether the human has agreed to this digest for this project.
pub fn remembered(state: &Path, working_dir: &Path, digest: &str) -> bool {
    read(state).get(&name(working_dir)).and_then(Value::as_str) == Some(digest)
}

/// Remembers that the human has agreed. `state`: the user's state folder.
pub fn remember(state: &Path, working_dir: &Path, digest: &str) -> std::io::Result<()> {
    let mut all = read(state);
    all.shift_remove(&name(working_dir));
    while all.len() >= MAX_PROJECTS {
        let Some(oldest) = all.keys().next().cloned() else { break };
        all.shift_remove(&oldest);
    }
    all.insert(name(working_dir), json!(digest));
    std::fs::create_dir_all(state)?;
    let mut file = tempfile::NamedTempFile::new_in(state)?;
    std::io::Write::write_all(&mut file, Value::Object(all).to_string().as_bytes())?;
    file.as_file().sync_data()?;
    file.persist(state.join(FILE)).map_err(|e| e.error)?;
    Ok(())
}

/// A damaged file is as good as none: the human is asked again.
fn read(state: &Path) -> Map<String, Value> {
    let text = std::fs::read_to_string(state.join(FILE)).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn name(working_dir: &Path) -> String {
    let real: PathBuf = working_dir.canonicalize().unwrap_or_else(|_| working_dir.to_owned());
    real.display().to_string()
}
