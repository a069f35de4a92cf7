//! The drop folder of an instance: another process puts one JSON command a file into `commands/`, the owner takes
//! them in order. A file is there whole or not at all.

use std::{
    ffi::OsString,
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{
    StoreError,
    fs::read_bounded,
    instance::private,
    lock::LOCK,
    replace::replace,
    watch::{Change, Watch},
};
use crate::protocol::Command;

pub(super) const COMMANDS: &str = "commands";
/// Bytes of one command; a larger file is refused.
pub const MAX_COMMAND: u64 = 1024 * 1024;

/// Drops a command for the owner of an instance's folder. That there is an owner is the caller's to see
/// ([`super::Lock::holder`]).
pub fn drop_in(dir: &Path, command: &Command) -> Result<(), StoreError> {
    let now = jiff::Timestamp::now().as_microsecond();
    // Names sort by time; the random part keeps two senders apart.
    let name = format!("{now:020}-{}.json", uuid::Uuid::new_v4());
    let path = dir.join(COMMANDS).join(name);
    let text = serde_json::to_vec(command).map_err(|error| StoreError::io("write", &path)(error.into()))?;
    if text.len() as u64 > MAX_COMMAND {
        let error = io::Error::new(io::ErrorKind::FileTooLarge, "the command is too long");
        return Err(StoreError::io("write", &path)(error));
    }
    replace(&path, &text).map_err(StoreError::io("write", &path))
}

/// A file in the drop folder that was not carried out, and was set aside as `NAME.refused`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the command in '{file}' was refused: {why}")]
pub struct Refused {
    /// Name of the file.
    pub file: String,
    pub why: String,
}

/// The owner's end of the drop folder.
#[derive(Debug)]
pub struct Inlet {
    folder: PathBuf,
    /// Files older than this were dropped for a run that is dead: an abort must not meet its successor.
    since: Option<(i64, i64)>,
    /// `None`: not watched yet.
    watch: Option<Watch>,
    /// The command that was given last.
    taken: Option<PathBuf>,
}

impl Inlet {
    /// Opens the drop folder of an instance's folder (made if it is missing). The caller holds the lock: what was
    /// dropped before that is refused.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let folder = dir.join(COMMANDS);
        private().recursive(true).create(&folder).map_err(StoreError::io("create", &folder))?;
        super::replace::sweep(&folder);
        let since = std::fs::metadata(dir.join(LOCK)).ok().map(|found| changed(&found));
        Ok(Self { folder, since, watch: None, taken: None })
    }

    /// The next command, or a file that was refused. The file of the one before is deleted: the owner has recorded
    /// it by then. Waits for ever when the folder is gone. Cancel-safe. Must be called within a tokio runtime.
    pub async fn next(&mut self) -> Result<Command, Refused> {
        self.done();
        loop {
            if self.watch.is_none() {
                self.watch = Watch::new(&self.folder, None).ok();
            }
            if let Some(path) = oldest(&self.folder) {
                return self.take(path);
            }
            let change = match &mut self.watch {
                Some(watch) => watch.changed().await,
                None => Change::Gone,
            };
            if change == Change::Gone {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The command that was given last has been recorded: its file is deleted.
    pub fn done(&mut self) {
        if let Some(path) = self.taken.take()
            && let Err(error) = std::fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a command that was carried out cannot be deleted");
            set_aside(&path);
        }
    }

    fn take(&mut self, path: PathBuf) -> Result<Command, Refused> {
        match self.read(&path) {
            Ok(command) => {
                self.taken = Some(path);
                Ok(command)
            }
            Err(why) => {
                set_aside(&path);
                let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                Err(Refused { file, why })
            }
        }
    }

    fn read(&self, path: &Path) -> Result<Command, String> {
        let found = std::fs::symlink_metadata(path).map_err(|error| error.to_string())?;
        if !found.is_file() {
            return Err("it is not a file".to_owned());
        }
        if self.since.is_some_and(|since| changed(&found) < since) {
            return Err("it was meant for a run that has ended".to_owned());
        }
        let bytes = read_bounded(path, MAX_COMMAND).map_err(|error| error.to_string())?;
        serde_json::from_slice(&bytes).map_err(|error| error.to_string())
    }
}

/// Seconds and nanoseconds of the last change.
fn changed(found: &std::fs::Metadata) -> (i64, i64) {
    (found.mtime(), found.mtime_nsec())
}

/// The first `*.json` by name.
fn oldest(folder: &Path) -> Option<PathBuf> {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let wanted = |name: &OsString| {
        name.to_str().is_none_or(|name| !name.starts_with('.'))
            && Path::new(name).extension().is_some_and(|kind| kind == "json")
    };
    names.filter(wanted).min().map(|name| folder.join(name))
}

/// Renames a file so that it is not looked at again; where that fails it is deleted.
fn set_aside(path: &Path) {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".refused");
    if std::fs::rename(path, path.with_file_name(name)).is_err() {
        let _ = std::fs::remove_file(path);
    }
}

#[cfg(test)]
#[path = "commands_tests.rs"]
mod tests;
