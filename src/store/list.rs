//! Listing and finding the instances of a state folder: ours by their `meta.json`, the reference's by its registry.
//! One that cannot be read never hides another.

use std::path::{Path, PathBuf};

use super::{EVENTS, Lock, Meta, StoreError, instance::INSTANCES, legacy, meta, view::rebuild_meta};
use crate::{error::UserError, protocol::event::Stamp};

/// Who has written an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This program.
    Ours,
    /// The reference; a guess at its version: `1.3` or `3.10`.
    Reference(&'static str),
    /// Nobody can tell: why it cannot be read, in one sentence.
    Damaged(String),
}

/// One instance as it is listed.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Its folder.
    pub dir: PathBuf,
    pub meta: Meta,
    pub origin: Origin,
    /// The process that runs it (0: a process that does not say its number); `None`: nobody does.
    pub live: Option<u32>,
}

/// All instances of a state folder, the most recently active first. A missing folder holds none.
pub fn list(state_dir: &Path) -> Vec<Listed> {
    let rows = legacy::Rows::read(state_dir);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(state_dir.join(INSTANCES)).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(look(&entry.path(), &rows));
        }
    }
    found.extend(legacy::root_layout(state_dir));
    let age = |listed: &Listed| {
        let time = Stamp::parse(&listed.meta.updated_at).or_else(|| Stamp::parse(&listed.meta.created_at));
        time.map(|stamp| stamp.at.as_microsecond())
    };
    found.sort_by_cached_key(|listed| (std::cmp::Reverse(age(listed)), listed.meta.id.clone()));
    found
}

/// The one instance that a person means: its id, its name, or the unique beginning of an id.
pub fn find(state_dir: &Path, needle: &str) -> Result<Listed, UserError> {
    let needle = needle.trim();
    let all = list(state_dir);
    let narrow = |fits: &dyn Fn(&Meta) -> bool| {
        all.iter().filter(|listed| fits(&listed.meta)).cloned().collect::<Vec<_>>()
    };
    let lower = needle.to_ascii_lowercase();
    let rounds: [&dyn Fn(&Meta) -> bool; 3] =
        [&|meta| meta.id == needle, &|meta| meta.name == needle, &|meta| {
            meta.id.to_ascii_lowercase().starts_with(&lower)
        }];
    for fits in rounds.into_iter().take(if needle.is_empty() { 0 } else { 3 }) {
        let mut fitting = narrow(fits);
        match fitting.len() {
            0 => {}
            1 => return Ok(fitting.remove(0)),
            _ => return Err(ambiguous(needle, &fitting)),
        }
    }
    let hint = match all.first() {
        Some(newest) => format!("'zwarm-tui instances' lists them; the newest is '{}'", short(&newest.meta)),
        None => "there is none in this directory yet; --working-dir names another one".to_owned(),
    };
    Err(UserError::usage(format!("there is no instance '{needle}'"), hint))
}

fn ambiguous(needle: &str, fitting: &[Listed]) -> UserError {
    const SHOWN: usize = 4;
    let mut names: Vec<_> = fitting.iter().take(SHOWN).map(|listed| listed.meta.id.clone()).collect();
    if fitting.len() > SHOWN {
        names.push(format!("{} more", fitting.len() - SHOWN));
    }
    UserError::usage(
        format!("'{needle}' means {} instances", fitting.len()),
        format!("say one of {}", names.join(", ")),
    )
}

fn short(meta: &Meta) -> String {
    meta.id.chars().take(8).collect()
}

/// One folder; `None`: it holds no instance (an empty folder).
fn look(dir: &Path, rows: &legacy::Rows) -> Option<Listed> {
    let id = dir.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let live = Lock::holder(dir).map(|holder| holder.pid);
    let read = match Meta::read(dir) {
        Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            if !dir.join(EVENTS).exists() && rows.get(&id).is_none() && live.is_none() {
                return None;
            }
            if !legacy::is_ours(dir) {
                return Some(legacy::listed(dir, &id, rows));
            }
            rebuild_meta(dir)
        }
        Err(error) => rebuild_meta(dir).map_err(|_| error),
        Ok(meta) => Ok(meta),
    };
    let (mut meta, origin) = match read {
        Ok(meta) => (meta, Origin::Ours),
        Err(error) => (Meta::default(), Origin::Damaged(error.to_string())),
    };
    // The folder's name is what every command takes: a file cannot say otherwise.
    meta.id = id;
    if meta.name.is_empty() {
        meta.name = short(&meta);
    }
    if meta.updated_at.is_empty() {
        meta.updated_at =
            legacy::changed_at(&dir.join(meta::META)).or_else(|| legacy::changed_at(dir)).unwrap_or_default();
    }
    if origin == Origin::Ours && live.is_none() && !meta.has_ended() {
        meta.state = "crashed".to_owned();
    }
    Some(Listed { dir: dir.to_owned(), meta, origin, live })
}
