//! Asking git what has changed in a directory since it was last asked: on a task, bounded in time and size. Git gets no
//! terminal, takes no lock and runs no program that the repository names.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use tokio::sync::Mutex;

use super::Driver;
use crate::{
    agent::effect::Input,
    protocol::{
        SessionId,
        event::{ChangeKind, FileChange},
    },
};

/// The longest that one look may take; the next step waits for it.
const WITHIN: Duration = Duration::from_secs(2);
/// Bytes of git's answer that are read; with more it is not known what has changed.
const ANSWER: usize = 2 << 20;

/// What git said last, by directory; `None`: it is no repository.
pub(super) type Surveys = Arc<Mutex<BTreeMap<PathBuf, Option<Survey>>>>;

/// A directory as git saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Survey {
    /// The commit; empty: none yet.
    head: String,
    /// Files that differ from it, relative to the directory: what git says, and time and size where they are there.
    dirty: BTreeMap<String, (String, Option<(u128, u64)>)>,
}

impl Driver {
    /// Looks; with a turn the answer goes to the machine.
    pub(super) fn survey(&mut self, turn: Option<(SessionId, u32)>, dir: PathBuf) {
        let (surveys, inputs) = (self.running.surveys.clone(), self.outboxes.inputs.clone());
        self.running.tasks.spawn(async move {
            let changes = tokio::time::timeout(WITHIN, changes(&surveys, &dir)).await.ok().flatten();
            if let Some((session, turn)) = turn {
                let _ = inputs.send(Input::FilesSurveyed { session, turn, changes }).await;
            }
        });
    }
}

/// What has changed since the last look; `None`: there was none, or there is no repository.
async fn changes(surveys: &Surveys, dir: &Path) -> Option<Vec<FileChange>> {
    // Held over the look: one at a time, in order.
    let mut surveys = surveys.lock().await;
    let before = surveys.get(dir).cloned();
    if before == Some(None) {
        return None;
    }
    let now = look(dir).await;
    surveys.insert(dir.to_owned(), now.clone());
    let (before, now) = (before.flatten()?, now?);
    let mut kinds: BTreeMap<String, ChangeKind> = BTreeMap::new();
    if before.head != now.head && !before.head.is_empty() && !now.head.is_empty() {
        let range = [before.head.as_str(), now.head.as_str()];
        let args =
            [&["diff", "--name-status", "-z", "--no-renames", "--relative"][..], &range, &["--"]].concat();
        let text = git(dir, &args).await?;
        let mut fields = text.split('\0');
        while let (Some(kind), Some(path)) = (fields.next(), fields.next()) {
            kinds.insert(path.to_owned(), kind_of(kind));
        }
    }
    let moved = now.dirty.iter().filter(|(path, seen)| before.dirty.get(*path) != Some(seen));
    kinds.extend(moved.map(|(path, (state, _))| (path.clone(), kind_of(state))));
    // What is clean again was taken back (or committed, which the commits tell).
    let back =
        before.dirty.iter().filter(|(path, _)| !now.dirty.contains_key(*path) && before.head == now.head);
    kinds.extend(back.map(|(path, (state, _))| {
        let new = kind_of(state) == ChangeKind::Add;
        (path.clone(), if new { ChangeKind::Delete } else { ChangeKind::Update })
    }));
    let change = |(path, kind)| FileChange { path, kind, added: 0, removed: 0 };
    Some(kinds.into_iter().map(change).collect())
}

fn kind_of(state: &str) -> ChangeKind {
    match state.trim() {
        state if state.contains('D') => ChangeKind::Delete,
        state if state.contains(['A', '?']) => ChangeKind::Add,
        _ => ChangeKind::Update,
    }
}

async fn look(dir: &Path) -> Option<Survey> {
    let prefix = git(dir, &["rev-parse", "--show-prefix"]).await?;
    let prefix = prefix.trim_end_matches('\n');
    let head = git(dir, &["rev-parse", "--verify", "-q", "HEAD"]).await.unwrap_or_default().trim().to_owned();
    let status =
        git(dir, &["status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--", "."])
            .await?;
    let dir = dir.to_owned();
    let paths: Vec<(String, String)> = status
        .split('\0')
        .filter_map(|entry| {
            Some((entry.get(..2)?.to_owned(), entry.get(3..)?.strip_prefix(prefix)?.to_owned()))
        })
        .collect();
    let stamped = tokio::task::spawn_blocking(move || {
        let stamp = |path: &str| {
            let meta = std::fs::symlink_metadata(dir.join(path)).ok()?;
            let time = meta.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
            Some((time.as_nanos(), meta.len()))
        };
        paths.into_iter().map(|(state, path)| (path.clone(), (state, stamp(&path)))).collect()
    });
    Some(Survey { head, dirty: stamped.await.ok()? })
}

/// What git answers; `None`: it failed, or said too much.
async fn git(dir: &Path, args: &[&str]) -> Option<String> {
    let mut command = tokio::process::Command::new("git");
    command.arg("-C").arg(dir).args(["-c", "core.quotepath=off", "-c", "core.fsmonitor=false"]).args(args);
    command.env("GIT_OPTIONAL_LOCKS", "0").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.ok()?;
    let fits = output.status.success() && output.stdout.len() <= ANSWER;
    fits.then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
#[path = "survey_tests.rs"]
mod tests;
