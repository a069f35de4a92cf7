//! The store: everything of an instance that is on disk.
//!
//! Responsible for: the journal (`events.jsonl`, the only truth), the lock, the small derived files (`meta.json`,
//! `instances.json`, the reference's snapshots), listing and finding instances, following another process's journal,
//! the drop folder for commands, and reading what the reference has written. Not responsible for what an event means
//! (`fold`) nor for who writes when (`agent`).
//!
//! Layout below `<working_dir>/.zwarm/` (the state folder): `.gitignore`, `instances.json` (+ `.lock`) and
//! `instances/<id>/{events.jsonl, events.jsonl.torn, lock, meta.json, view.json, commands/, state.json,
//! orchestrator/messages.json, sessions/<id>/messages.json}`. Files are 0600, folders 0700.

pub mod commands;
mod conversations;
mod follow;
pub mod fs;
pub mod instance;
mod journal;
mod json;
pub mod legacy;
mod lines;
mod list;
mod lock;
mod meta;
pub mod projects;
mod reader;
pub mod registry;
mod rename;
mod replace;
pub mod snapshot;
mod stale;
pub mod view;
mod watch;

#[cfg(test)]
mod faults;

use std::{
    io,
    path::{Path, PathBuf},
};

pub use conversations::{Conversations, Message};
pub use follow::Feed;
pub use journal::{Health, Journal, Opened};
pub use lines::MAX_LINE;
pub use list::{Listed, Origin, find, list};
pub use lock::{Holder, Lock};
pub use meta::{Meta, Numbers, state_word};
pub use reader::Reader;
pub use rename::{Renamed, rename};
pub use replace::{replace, replace_on};
pub use stale::stale;

use crate::error::UserError;

/// Name of the journal in an instance's folder.
pub const EVENTS: &str = "events.jsonl";
/// Where unfinished last lines of the journal are kept.
pub const TORN: &str = "events.jsonl.torn";

/// What goes wrong on disk.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file operation failed.
    #[error("cannot {doing} '{}': {source}", path.display())]
    Io {
        /// A verb: `write`, `open`, `create` …
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// Another process (or another part of this one) writes this instance.
    #[error("'{}' is in use by process {pid}", dir.display())]
    Held {
        dir: PathBuf,
        /// 0: it does not say.
        pid: u32,
    },
    /// A newer version of the program has written it.
    #[error("'{}' has format {v}, which is newer than this program's", path.display())]
    Newer { path: PathBuf, v: u32 },
    /// The reference has written it: it is read, never changed.
    #[error("'{}' belongs to another program and is only read", path.display())]
    Foreign { path: PathBuf },
    /// Something of this name is there already.
    #[error("'{}' exists already", path.display())]
    Exists { path: PathBuf },
    /// A file is not what it should be.
    #[error("'{}' is damaged: {why}", path.display())]
    Damaged { path: PathBuf, why: String },
    /// A lock was not given up in time.
    #[error("'{}' stayed locked for {seconds} seconds", path.display())]
    Busy { path: PathBuf, seconds: u64 },
    /// The journal cannot be written at present; the message says why.
    #[error("{message}")]
    Failed { message: String },
    /// The journal has been closed.
    #[error("the journal is closed")]
    Closed,
}

impl StoreError {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "make the folder writable, or choose another one with --working-dir or --set state_dir=…"
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space and try again",
                _ => "",
            },
            Self::Held { .. } => "it can be watched and steered from here, or wait until that process ends",
            Self::Newer { .. } => "update this program; until then the instance can be read",
            Self::Foreign { .. } => "start a new instance from it",
            Self::Exists { .. } | Self::Damaged { .. } | Self::Closed => "",
            Self::Busy { .. } => "another zwarm-tui holds it; try again",
            Self::Failed { .. } => "nothing is lost yet: mend the cause and resume",
        }
    }
}

impl From<StoreError> for UserError {
    fn from(error: StoreError) -> Self {
        Self::failed(error.to_string(), error.hint())
    }
}
