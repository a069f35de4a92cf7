//! `instances.json`, the registry that the reference lists by. Ours are listed by their folders, so it is derived:
//! written under a lock, rebuilt from the folders if it is damaged, and what others have put in is kept.

use std::{path::Path, time::Duration};

use serde_json::{Map, Value, json};

use super::{
    Listed, Meta, Origin, StoreError,
    fs::{Disk, read_bounded},
    json::pretty,
    list::list,
    lock::with_lock,
    replace::replace_if_changed,
};

pub(super) const REGISTRY: &str = "instances.json";
/// Bytes that are read of a registry (at about 400 a row).
pub(super) const MAX_REGISTRY: u64 = 64 * 1024 * 1024;
/// How long another process may hold the registry.
const PATIENCE: Duration = Duration::from_secs(10);
/// Characters of the task in a row.
const TASK_KEPT: usize = 100;

/// Puts an instance into the registry, or its row up to date. Errors: [`StoreError::Busy`], [`StoreError::Io`].
pub fn update(state_dir: &Path, meta: &Meta) -> Result<(), StoreError> {
    super::instance::is_there(state_dir)?;
    let path = state_dir.join(REGISTRY);
    with_lock(&state_dir.join("instances.json.lock"), PATIENCE, || {
        let mut registry = match read(&path) {
            Ok(Some(registry)) => registry,
            Ok(None) => rebuild(state_dir, None),
            Err(why) => {
                tracing::warn!(why, "the registry is damaged and is rebuilt");
                rebuild(state_dir, Some(&path))
            }
        };
        put(&mut registry, &meta.id, row(meta));
        let text = pretty(&Value::Object(registry));
        replace_if_changed(&Disk, &path, text.as_bytes()).map_err(StoreError::io("write", &path))?;
        Ok(())
    })
}

/// Takes an instance out of the registry. A missing or damaged registry stays as it is.
/// Errors: [`StoreError::Busy`], [`StoreError::Io`].
pub fn remove(state_dir: &Path, id: &str) -> Result<(), StoreError> {
    let path = state_dir.join(REGISTRY);
    if !path.exists() {
        return Ok(());
    }
    with_lock(&state_dir.join("instances.json.lock"), PATIENCE, || {
        let Ok(Some(mut registry)) = read(&path) else { return Ok(()) };
        if let Some(Value::Array(rows)) = registry.get_mut("instances") {
            rows.retain(|row| row.get("id").and_then(Value::as_str) != Some(id));
        }
        let text = pretty(&Value::Object(registry));
        replace_if_changed(&Disk, &path, text.as_bytes()).map_err(StoreError::io("write", &path))?;
        Ok(())
    })
}

/// The registry as it is; `None`: there is none. Errors say what is wrong with it.
pub(super) fn read(path: &Path) -> Result<Option<Map<String, Value>>, String> {
    let bytes = match read_bounded(path, MAX_REGISTRY) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(registry)) if registry.get("instances").is_none_or(Value::is_array) => {
            Ok(Some(registry))
        }
        Ok(_) => Err("it has no list of instances".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A registry of what the folders hold; a damaged one is kept beside it.
fn rebuild(state_dir: &Path, damaged: Option<&Path>) -> Map<String, Value> {
    if let Some(path) = damaged {
        let _ = std::fs::rename(path, path.with_file_name("instances.json.damaged"));
    }
    let mut registry = Map::new();
    // Oldest first, as the reference appends.
    for Listed { dir, meta, origin, .. } in list(state_dir).into_iter().rev() {
        match origin {
            Origin::Ours => put(&mut registry, &meta.id, row(&meta)),
            Origin::Reference(_) if dir != state_dir => {
                let ours = ["state", "steps", "tokens", "cost_usd", "pid", "updated_by"];
                let kept = row(&meta).into_iter().filter(|(key, _)| !ours.contains(&key.as_str()));
                put(&mut registry, &meta.id, kept.collect());
            }
            Origin::Reference(_) | Origin::Damaged(_) => {}
        }
    }
    registry
}

/// Sets the keys of an instance's row; keys that are not given stay.
fn put(registry: &mut Map<String, Value>, id: &str, row: Map<String, Value>) {
    let rows = registry.entry("instances").or_insert_with(|| json!([]));
    let Value::Array(rows) = rows else { return };
    let old = rows.iter_mut().filter_map(Value::as_object_mut);
    match old.into_iter().find(|old| old.get("id").and_then(Value::as_str) == Some(id)) {
        Some(old) => old.extend(row),
        None => rows.push(Value::Object(row)),
    }
}

fn row(meta: &Meta) -> Map<String, Value> {
    let task: String = meta.task.chars().take(TASK_KEPT).collect();
    let row = json!({
        "id": meta.id,
        "name": if meta.name.is_empty() { meta.id.chars().take(8).collect() } else { meta.name.clone() },
        "task": if task.is_empty() { Value::Null } else { task.into() },
        "created_at": meta.created_at,
        "updated_at": meta.updated_at,
        "status": status(&meta.state),
        "state": meta.state,
        "steps": meta.steps,
        "tokens": meta.tokens,
        "cost_usd": meta.cost_usd,
        "pid": meta.pid,
        "updated_by": concat!("zwarm-tui ", env!("CARGO_PKG_VERSION")),
    });
    match row {
        Value::Object(row) => row,
        _ => Map::new(),
    }
}

/// The reference knows three: what can go on is active.
fn status(state: &str) -> &'static str {
    match state {
        "done" => "completed",
        "failed" | "aborted" => "failed",
        _ => "active",
    }
}
