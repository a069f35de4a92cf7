//! Files that nobody told of: when a turn has ended git is asked what has changed in its directory, so that edits by shell
//! commands count too. A directory that is no repository has only what executors tell.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::protocol::{
    SessionId,
    event::{FileChange, FilesFound, RunKind},
};

use super::{effect::Effect, machine::Machine};

/// Files that one look records; more are counted.
const FILES: usize = 200;

/// Looks of git at the directories of sessions.
#[derive(Debug, Default)]
pub(super) struct FileLooks {
    /// Turns after which git is being asked what has changed.
    pub open: BTreeSet<(SessionId, u32)>,
    /// Sessions whose directory git was asked about.
    known: BTreeSet<SessionId>,
    /// The orchestrator ran a command since: it may have changed files too.
    pub stirred: bool,
}

impl Machine {
    /// Before a turn, where something else may have changed files since git was last asked.
    pub(super) fn survey_before(&mut self, session: SessionId) {
        let known = self.fleet.looks.known.contains(&session) && !self.fleet.looks.stirred;
        if self.state.run.kind == RunKind::Exec || known {
            return;
        }
        if let Some(dir) = self.dir_of(session) {
            self.fleet.looks.known.insert(session);
            self.fleet.looks.stirred = false;
            self.out.push(Effect::SurveyFiles { session, turn: None, dir });
        }
    }

    /// After a turn. The next step waits for the answer, which is bounded in time.
    pub(super) fn survey_after(&mut self, session: SessionId, turn: u32) {
        if self.state.run.kind == RunKind::Exec || self.ending.is_some() {
            return;
        }
        if let Some(dir) = self.dir_of(session) {
            self.fleet.looks.open.insert((session, turn));
            self.out.push(Effect::SurveyFiles { session, turn: Some(turn), dir });
        }
    }

    /// Git has answered.
    pub(super) fn files_surveyed(&mut self, session: SessionId, turn: u32, changes: Option<Vec<FileChange>>) {
        self.fleet.looks.open.remove(&(session, turn));
        let (Some(changes), Some(dir)) = (changes, self.dir_of(session)) else { return };
        let (told, _) = self.state.trail.files();
        let known = |path: &str| {
            told.iter().any(|told| {
                told == path || Path::new(told).strip_prefix(&dir).is_ok_and(|t| t == Path::new(path))
            })
        };
        let mut new: Vec<FileChange> = changes.into_iter().filter(|change| !known(&change.path)).collect();
        if new.is_empty() || self.ending.is_some() {
            return;
        }
        let more = new.len().saturating_sub(FILES) as u64;
        new.truncate(FILES);
        // Whoever works in the same directory now, or was begun meanwhile, may have done it as well.
        let shared = self.state.sessions.working().any(|other| {
            other.id != session
                && self
                    .dir_of(other.id)
                    .is_some_and(|other| other.starts_with(&dir) || dir.starts_with(other))
        });
        self.record_for(session, FilesFound { turn, changes: new, shared, more });
    }

    fn dir_of(&self, session: SessionId) -> Option<PathBuf> {
        let who = &self.state.sessions.get(session)?.who;
        let dir = who.worktree.as_deref().unwrap_or(&who.working_dir);
        (!dir.is_empty()).then(|| PathBuf::from(dir))
    }
}
