//! The ledger: what was delegated to whom, with its result and the evidence for it. It is part of every observation,
//! so it survives compaction; a claim that the evidence contradicts is flagged.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::protocol::{
    Body, Event, SessionId,
    event::{Activity, History, Scope, Session as SessionEvent, SessionStarted, TurnStatus},
    ids::TaskId,
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
        let Some(id) = event.session_id else { return };
        if let Body::Session(SessionEvent::SessionStarted(started)) = &event.body {
            let number = self.entries.len() + 1;
            self.entries.push(Entry::new(id, event.task_id, started, number));
            return;
        }
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.session == id) else { return };
        match &event.body {
            Body::Session(body) => entry.follow(body),
            Body::History(History::UsageRecorded(usage)) if usage.scope == Scope::Session => {
                entry.evidence.tokens += usage.total;
                entry.evidence.estimated |= usage.estimated;
            }
            _ => {}
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
        }
    }

    fn follow(&mut self, body: &SessionEvent) {
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
                self.contradictions = self.evidence.contradictions(&finished.response);
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
            SessionEvent::SessionStarted(_) | SessionEvent::SessionChanged(_) => {}
        }
    }
}

impl Evidence {
    fn follow(&mut self, activity: &Activity) {
        match activity {
            Activity::FileChange { changes, .. } => {
                for change in changes {
                    if self.files.len() < FILES_KEPT {
                        self.files.insert(change.path.clone());
                    } else if !self.files.contains(&change.path) {
                        self.more_files += 1;
                    }
                }
                self.tested = None;
            }
            Activity::Shell { command, exit_code, .. } => {
                if is_test_command(command) {
                    self.tested = Some(*exit_code == Some(0));
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

    /// Claims of an answer that contradict what was seen.
    fn contradictions(&self, answer: &str) -> Vec<String> {
        let claims_success = claims_passing_tests(answer);
        match self.tested {
            _ if !claims_success => Vec::new(),
            Some(true) => Vec::new(),
            Some(false) => vec!["says that tests pass; the last test command failed".to_owned()],
            None => vec!["says that tests pass; no test command was run since the last change".to_owned()],
        }
    }
}

/// Whether a shell command runs tests, as far as its words tell.
pub fn is_test_command(command: &str) -> bool {
    const WORDS: [&str; 14] = [
        "cargo test",
        "cargo nextest",
        "pytest",
        "npm test",
        "npm run test",
        "yarn test",
        "pnpm test",
        "go test",
        "make test",
        "make check",
        "unittest",
        "mvn test",
        "ctest",
        "rspec",
    ];
    let command = command.to_ascii_lowercase();
    WORDS.iter().any(|word| command.contains(word))
        || command.contains("run_tests")
        || command.contains("test.sh")
}

/// Whether an answer says that tests pass.
pub fn claims_passing_tests(answer: &str) -> bool {
    let answer = answer.to_ascii_lowercase();
    let sentences = answer.split(['.', '\n', '!', ';']);
    sentences.into_iter().any(|sentence| {
        let about_tests = sentence.contains("test");
        let passing = ["pass", "green", "succeed"].iter().any(|word| sentence.contains(word));
        let denied = [
            " not ",
            "n't",
            " no ",
            "fail",
            "should",
            "would",
            "could",
            "will",
            "until",
            "make sure",
            " if ",
        ]
        .iter()
        .any(|word| sentence.contains(word));
        about_tests && passing && !denied
    })
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

    #[test]
    fn a_claim_without_evidence_is_flagged_and_one_with_evidence_is_not() {
        let mut seen = Evidence::default();
        assert_eq!(seen.contradictions("Done. All tests pass.").len(), 1);
        assert!(seen.contradictions("I did not run the tests.").is_empty());
        seen.follow(&shell("cargo test -q", 0));
        assert!(seen.contradictions("All tests pass.").is_empty());
        seen.follow(&shell("cargo test -q", 101));
        assert_eq!(
            seen.contradictions("All tests pass."),
            ["says that tests pass; the last test command failed"]
        );
    }
}
