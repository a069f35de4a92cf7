//! `meta.json`: what the browser lists of an instance. Derived from the journal, written at commit points, small, and
//! enough to list a thousand instances without opening a journal.

use std::{
    ops::{Deref, DerefMut},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{
    StoreError,
    fs::{Disk, Fs, read_bounded},
    replace::replace_on,
};
use crate::protocol::event::{RunKind, RunState, VERSION};

pub(super) const META: &str = "meta.json";
/// Bytes that are read of a `meta.json`.
const MAX_META: u64 = 256 * 1024;
/// Characters of the task that are kept in it; the whole is in the journal.
const TASK_KEPT: usize = 2_000;

/// One instance in short. The numbers can be read and set as if they were its own fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Meta {
    /// A UUID; also the name of the folder.
    pub id: String,
    pub name: String,
    /// The first 2,000 characters.
    pub task: String,
    /// A word of [`state_word`], or `crashed` (found when listed, never written).
    pub state: String,
    /// As in `run_finished`; empty: the newest launch has not ended.
    pub stopped_by: String,
    pub kind: RunKind,
    pub working_dir: String,
    pub model: String,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub updated_at: String,
    /// The process that ran it last.
    pub pid: Option<u32>,
    #[serde(flatten)]
    pub numbers: Numbers,
}

/// What is counted of an instance, and what waits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Numbers {
    pub steps: u32,
    /// The step at which the allowance of the newest launch ends.
    pub max_steps: u32,
    /// Tokens of all scopes, input plus output.
    pub tokens: u64,
    /// Some of the tokens are an estimate.
    pub estimated: bool,
    /// Dollars; `None`: at least one price is unknown.
    pub cost_usd: Option<f64>,
    /// Open entries of the inbox.
    pub inbox_open: u32,
    /// What a run that does not move waits for, in a few words; else empty.
    pub waiting_for: String,
    /// Sessions that can be continued.
    pub open_sessions: u32,
    pub demo: bool,
    /// Format of the journal (0: not said).
    pub version: u32,
}

impl Deref for Meta {
    type Target = Numbers;
    fn deref(&self) -> &Numbers {
        &self.numbers
    }
}

impl DerefMut for Meta {
    fn deref_mut(&mut self) -> &mut Numbers {
        &mut self.numbers
    }
}

impl Meta {
    /// Writes `meta.json` of an instance's folder, atomically.
    pub fn write(&self, dir: &Path) -> Result<(), StoreError> {
        self.write_on(&Disk, dir)
    }

    pub(super) fn write_on(&self, fs: &dyn Fs, dir: &Path) -> Result<(), StoreError> {
        let path = dir.join(META);
        let mut meta = self.clone();
        meta.numbers.version = VERSION;
        if let Some((cut, _)) = self.task.char_indices().nth(TASK_KEPT) {
            meta.task.truncate(cut);
            meta.task.push('…');
        }
        let text = serde_json::to_vec_pretty(&meta).map_err(|e| StoreError::io("write", &path)(e.into()))?;
        replace_on(fs, &path, &text).map_err(StoreError::io("write", &path))
    }

    /// Reads `meta.json` of an instance's folder. Errors: [`StoreError::Io`], [`StoreError::Damaged`].
    pub fn read(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(META);
        let bytes = read_bounded(&path, MAX_META).map_err(StoreError::io("read", &path))?;
        serde_json::from_slice(&bytes).map_err(|error| StoreError::Damaged { path, why: error.to_string() })
    }

    /// True when its newest launch has ended in order.
    pub fn has_ended(&self) -> bool {
        !self.stopped_by.is_empty()
    }
}

/// The word for a state: `running`, `paused`, `sleeping`; of an ended run `done` (exit), `stopped` (a cap),
/// `failed`, `aborted`, or `paused` (it can go on as if it had never left).
pub fn state_word(state: RunState, stopped_by: Option<&str>) -> &'static str {
    match (state, stopped_by.unwrap_or_default()) {
        (RunState::Running | RunState::Pausing | RunState::Stopping, _) => "running",
        (RunState::Paused, _) => "paused",
        (RunState::Sleeping, _) => "sleeping",
        (RunState::Ended, "exit") => "done",
        (RunState::Ended, "watcher_abort" | "human_abort") => "aborted",
        (RunState::Ended, "budget" | "max_steps" | "no_exit" | "limit") => "stopped",
        (RunState::Ended, "watcher_pause" | "interrupted") => "paused",
        (RunState::Ended, _) => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meta_is_read_back_with_unknown_keys_ignored_and_a_long_task_cut() {
        let dir = tempfile::tempdir().unwrap();
        let mut meta = Meta { id: "i".into(), task: "é".repeat(3_000), ..Meta::default() };
        meta.tokens = 12;
        meta.cost_usd = Some(0.5);
        meta.write(dir.path()).unwrap();
        let read = Meta::read(dir.path()).unwrap();
        assert_eq!(read.task, format!("{}…", "é".repeat(2_000)));
        assert_eq!((read.tokens, read.cost_usd, read.version), (12, Some(0.5), VERSION));

        std::fs::write(dir.path().join(META), r#"{"id":"x","later":{"a":1},"steps":4}"#).unwrap();
        let read = Meta::read(dir.path()).unwrap();
        assert_eq!((read.id.as_str(), read.steps), ("x", 4));
    }

    #[test]
    fn a_damaged_or_huge_meta_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(META);
        for bytes in [b"".as_slice(), b"{\"id\":", b"\0\0\0\0"] {
            std::fs::write(&path, bytes).unwrap();
            assert!(matches!(Meta::read(dir.path()), Err(StoreError::Damaged { .. })));
        }
        std::fs::File::create(&path).unwrap().set_len(5 << 30).unwrap();
        assert!(matches!(Meta::read(dir.path()), Err(StoreError::Io { .. })));
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(Meta::read(dir.path()).is_err());
    }

    #[test]
    fn every_end_has_its_word() {
        let word = |by| state_word(RunState::Ended, Some(by));
        let words = ["exit", "error", "human_abort", "budget", "interrupted", "limit"].map(word);
        assert_eq!(words, ["done", "failed", "aborted", "stopped", "paused", "stopped"]);
        assert_eq!(state_word(RunState::Pausing, None), "running");
    }
}
