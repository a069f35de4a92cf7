//! The ledger: what was delegated to whom, with its result and the evidence for it. It is part of every observation,
//! so it survives compaction; a claim that the evidence contradicts is flagged, until tests bear it out.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    claim::{Basis, Proof, claimed},
    tested::Tested,
};
use crate::protocol::{
    Body, Event, SessionId,
    event::{Activity, FileChange, History, Scope, Session as SessionEvent, SessionStarted, TurnStatus},
    ids::TaskId,
    item::{self, ItemView},
};

/// Characters of a task and of a result that are kept.
const TEXT_KEPT: usize = 400;
/// Paths that are kept of each entry; more are counted.
const FILES_KEPT: usize = 40;
/// Commands that are kept of each entry, the newest; more are counted.
const COMMANDS_KEPT: usize = 12;
/// Characters of a command that are kept.
const COMMAND_CHARS: usize = 160;

/// All delegations, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    pub entries: Vec<Entry>,
    /// Test runs of all, the orchestrator's own too.
    #[serde(default)]
    proof: Proof,
}

/// One delegation: a session and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The envelope's `task_id`, where the events carry one.
    pub task_id: Option<TaskId>,
    pub session: SessionId,
    /// `s1`, …
    pub short_id: String,
    pub adapter: String,
    pub task: String,
    pub state: EntryState,
    /// Turns that have ended.
    pub turns: u32,
    /// The newest answer, shortened.
    pub result: String,
    pub evidence: Evidence,
    /// Claims of the newest answer that the evidence contradicts.
    pub contradictions: Vec<String>,
    /// RFC 3339.
    #[serde(default)]
    pub started_at: String,
    /// When it was ended for good.
    #[serde(default)]
    pub ended_at: Option<String>,
}

/// Where a delegation stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    #[default]
    Working,
    /// The newest turn was answered.
    Answered,
    Interrupted,
    Failed,
    /// Ended by the orchestrator or the human with this verdict.
    Completed,
    Cancelled,
}

/// What was seen of the work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Changed files, sorted.
    pub files: BTreeSet<String>,
    /// Changed files beyond those.
    pub more_files: u64,
    /// The newest commands with their exit codes, oldest first.
    pub commands: Vec<(String, Option<i32>)>,
    /// Commands before those.
    pub more_commands: u64,
    /// Tokens, input and output.
    pub tokens: u64,
    pub estimated: bool,
    /// How the newest test command after the last change of a file ended; `None`: none was run.
    pub tested: Option<bool>,
}

impl Ledger {
    /// The entry of a session.
    pub fn of(&self, session: SessionId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.session == session)
    }

    /// All changed files, sorted.
    pub fn files_changed(&self) -> Vec<String> {
        let all: BTreeSet<&String> = self.entries.iter().flat_map(|entry| &entry.evidence.files).collect();
        all.into_iter().cloned().collect()
    }

    /// Follows one event.
    pub fn apply(&mut self, event: &Event) {
        match (&event.body, event.session_id) {
            (Body::Session(SessionEvent::SessionStarted(started)), Some(id)) => {
                let number = self.entries.len() + 1;
                let mut entry = Entry::new(id, event.task_id, started, number);
                entry.started_at = event.timestamp.to_string();
                self.entries.push(entry);
            }
            (Body::Session(body), Some(id)) => self.follow_session(event, id, body),
            (Body::History(History::UsageRecorded(usage)), Some(id)) if usage.scope == Scope::Session => {
                if let Some(entry) = self.entries.iter_mut().find(|entry| entry.session == id) {
                    entry.evidence.tokens += usage.total;
                    entry.evidence.estimated |= usage.estimated;
                }
            }
            (Body::History(History::ItemAdded(added)), _) => {
                match item::view(added.wire, added.item.get()) {
                    ItemView::Call(call) => self.proof.called(&call),
                    ItemView::Assistant { calls, .. } => {
                        calls.iter().for_each(|call| self.proof.called(call))
                    }
                    ItemView::Output { call_id, output } => self.proof.returned(event.seq, &call_id, &output),
                    _ => return,
                }
                self.review();
            }
            _ => {}
        }
    }

    fn follow_session(&mut self, event: &Event, id: SessionId, body: &SessionEvent) {
        if let SessionEvent::ActivityAdded(added) = body {
            if added.activity.is_declined() {
                return;
            }
            match &added.activity {
                Activity::Shell { command, exit_code, output, .. } => {
                    self.proof.ran(event.seq, Some(id), command, exit_code.map(i64::from), output);
                }
                Activity::FileChange { .. } => self.proof.changed(event.seq, id),
                _ => {}
            }
        }
        let basis = self.proof.basis(Some(id));
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.session == id) else { return };
        entry.follow(body, &basis);
        if matches!(body, SessionEvent::SessionCompleted(_)) {
            entry.ended_at = Some(event.timestamp.to_string());
        }
        self.review();
    }

    /// A contradiction is over once tests that passed bear the claim out.
    fn review(&mut self) {
        let flagged = self.entries.iter_mut().filter(|entry| !entry.contradictions.is_empty());
        for entry in flagged {
            if self.proof.basis(Some(entry.session)) == Basis::Shown && self.proof.passed() {
                entry.contradictions.clear();
            }
        }
    }
}

impl Entry {
    fn new(session: SessionId, task_id: Option<TaskId>, started: &SessionStarted, number: usize) -> Self {
        let short_id =
            if started.short_id.is_empty() { format!("s{number}") } else { started.short_id.clone() };
        Self {
            task_id,
            session,
            short_id,
            adapter: started.adapter.clone(),
            task: shorten(&started.task, TEXT_KEPT),
            state: EntryState::Working,
            turns: 0,
            result: String::new(),
            evidence: Evidence::default(),
            contradictions: Vec::new(),
            started_at: String::new(),
            ended_at: None,
        }
    }

    fn follow(&mut self, body: &SessionEvent, basis: &Basis) {
        match body {
            SessionEvent::SessionTurnQueued(_) | SessionEvent::SessionTurnStarted(_) => {
                self.state = EntryState::Working;
            }
            SessionEvent::ActivityAdded(added) => self.evidence.follow(&added.activity),
            SessionEvent::SessionTurnFinished(finished) => {
                self.turns += 1;
                self.state = match finished.status {
                    TurnStatus::Completed => EntryState::Answered,
                    TurnStatus::Interrupted => EntryState::Interrupted,
                    TurnStatus::Failed => EntryState::Failed,
                };
                let text = match &finished.error {
                    Some(error) if finished.response.is_empty() => error,
                    _ => &finished.response,
                };
                self.result = shorten(text, TEXT_KEPT);
                self.contradictions = contradictions(&finished.response, basis);
            }
            SessionEvent::SessionCompleted(completed) => {
                self.state = match completed.status.as_str() {
                    "failed" => EntryState::Failed,
                    "cancelled" => EntryState::Cancelled,
                    _ => EntryState::Completed,
                };
                if let Some(message) = completed.exit_message.as_deref().filter(|m| !m.is_empty()) {
                    self.result = shorten(message, TEXT_KEPT);
                }
            }
            SessionEvent::FilesFound(found) if !found.shared => {
                self.evidence.keep_files(&found.changes);
                self.evidence.more_files += found.more;
            }
            SessionEvent::FilesFound(_)
            | SessionEvent::SessionStarted(_)
            | SessionEvent::SessionChanged(_) => {}
        }
    }
}

impl Evidence {
    fn follow(&mut self, activity: &Activity) {
        match activity {
            Activity::FileChange { changes, .. } => {
                self.keep_files(changes);
                self.tested = None;
            }
            Activity::Shell { command, exit_code, output, .. } => {
                match super::tested::tested(command, exit_code.map(i64::from), output) {
                    Some(Tested::Passed) => self.tested = Some(true),
                    Some(Tested::Failed) => self.tested = Some(false),
                    Some(Tested::Unknown) | None => {}
                }
                if self.commands.len() == COMMANDS_KEPT {
                    self.commands.remove(0);
                    self.more_commands += 1;
                }
                self.commands.push((shorten(command, COMMAND_CHARS), *exit_code));
            }
            _ => {}
        }
    }

    fn keep_files(&mut self, changes: &[FileChange]) {
        for change in changes {
            if self.files.len() < FILES_KEPT {
                self.files.insert(change.path.clone());
            } else if !self.files.contains(&change.path) {
                self.more_files += 1;
            }
        }
    }
}

/// Claims of an answer that contradict what was seen.
fn contradictions(answer: &str, basis: &Basis) -> Vec<String> {
    let but = match basis {
        Basis::Shown => return Vec::new(),
        Basis::NotRun => "no test command was run".to_owned(),
        Basis::Failed(command) => format!("the last test run failed ('{}')", shorten(command, COMMAND_CHARS)),
        Basis::Outdated(command) => {
            format!("files were changed after the last test run ('{}')", shorten(command, COMMAND_CHARS))
        }
    };
    claimed(answer).map(|_| format!("says that tests pass; {but}")).into_iter().collect()
}

fn shorten(text: &str, chars: usize) -> String {
    let text = text.trim();
    match text.char_indices().nth(chars) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(command: &str, code: i32) -> Activity {
        Activity::Shell {
            command: command.into(),
            cwd: String::new(),
            exit_code: Some(code),
            output: String::new(),
            duration_ms: None,
        }
    }

    fn said(proof: &mut Proof, seq: u64, activity: &Activity) {
        if let Activity::Shell { command, exit_code, output, .. } = activity {
            proof.ran(seq, Some(SessionId(uuid::Uuid::nil())), command, exit_code.map(i64::from), output);
        }
    }

    #[test]
    fn a_claim_without_evidence_is_flagged_and_one_with_evidence_is_not() {
        let mut proof = Proof::default();
        let judged = |proof: &Proof, text: &str| {
            contradictions(text, &proof.basis(Some(SessionId(uuid::Uuid::nil()))))
        };
        assert_eq!(
            judged(&proof, "Done. All tests pass."),
            ["says that tests pass; no test command was run"]
        );
        assert!(judged(&proof, "I did not run the tests.").is_empty());
        said(&mut proof, 1, &shell("cargo test -q", 0));
        assert!(judged(&proof, "All tests pass.").is_empty());
        said(&mut proof, 2, &shell("cargo test -q", 101));
        assert_eq!(
            judged(&proof, "All tests pass."),
            ["says that tests pass; the last test run failed ('cargo test -q')"]
        );
    }
}
