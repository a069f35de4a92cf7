//! The trail: the newest entries of the trajectory, the changed files and how long each session has been silent, in
//! bounded memory. It is what watchers look at; it judges nothing.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::{claim::Proof, sessions::in_a_few_words};
use crate::protocol::{
    Body, Event, InboxId, SessionId, ToolCall,
    event::{Activity, History, Human, Run, Session as SessionEvent},
    item::{self, ItemView},
};

/// How many entries of the orchestrator, and how many activities of executors, are kept.
pub const RECENT: usize = 60;
/// Characters that are kept of a text at each end.
const TEXT_KEPT: usize = 4_000;
/// Paths of changed files that are kept; more are only counted.
const FILES_KEPT: usize = 2_000;

/// One entry of the trajectory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Item id, or 0 for an activity.
    pub item: u64,
    pub what: SeenKind,
}

/// What an entry of the trajectory is. Texts are cut to their first and last 4,000 characters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SeenKind {
    /// The orchestrator said it.
    Said {
        text: String,
    },
    /// It was told (a nudge, a notice). Never the task.
    User {
        text: String,
    },
    Called(ToolCall),
    Returned {
        call_id: String,
        output: String,
    },
    /// A shell command of an executor.
    Shell {
        session: SessionId,
        /// Of the session.
        #[serde(default)]
        turn: u32,
        command: String,
        exit_code: Option<i32>,
        output: String,
    },
    /// An executor said it.
    Reported {
        session: SessionId,
        #[serde(default)]
        turn: u32,
        text: String,
    },
    /// An executor changed files.
    Changed {
        session: SessionId,
        paths: Vec<String>,
    },
    /// Files were found changed when a session's turn had ended: by it, or by others at the same time.
    Found {
        session: SessionId,
        paths: Vec<String>,
    },
}

/// The trail.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trail {
    /// Oldest first, each with the sequence number of its event.
    items: VecDeque<(u64, Seen)>,
    activities: VecDeque<(u64, Seen)>,
    /// Whether the model has spoken: what it was told before is the task.
    begun: bool,
    /// Whether older entries were dropped.
    cut: bool,
    files: BTreeSet<String>,
    more_files: u64,
    sessions: Vec<SessionTrail>,
    #[serde(default)]
    proof: Proof,
}

/// What was last seen of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionTrail {
    pub id: SessionId,
    /// Microseconds since the epoch.
    pub last_at_us: i64,
    /// The newest activity, in a few words.
    pub last: String,
    /// Approvals of it that wait for an answer.
    pub asks: Vec<InboxId>,
}

impl Trail {
    /// The newest entries of orchestrator and executors, at most [`RECENT`] of each, in the order in which they
    /// happened.
    pub fn recent(&self) -> Vec<Seen> {
        let mut all: Vec<_> = self.items.iter().chain(&self.activities).collect();
        all.sort_by_key(|(seq, _)| *seq);
        all.into_iter().map(|(_, seen)| seen.clone()).collect()
    }

    /// True when the trajectory has older entries than those of [`Trail::recent`].
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Paths that executors have changed, sorted, and how many more there are.
    pub fn files(&self) -> (Vec<String>, u64) {
        (self.files.iter().cloned().collect(), self.more_files)
    }

    /// Test runs, and what was claimed of them.
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// What was last seen of a session.
    pub fn session(&self, id: SessionId) -> Option<&SessionTrail> {
        self.sessions.iter().find(|session| session.id == id)
    }

    /// Follows one event.
    pub fn apply(&mut self, event: &Event) {
        match &event.body {
            Body::History(History::ItemAdded(added)) => {
                self.follow_item(event.seq, added.item_id, item::view(added.wire, added.item.get()))
            }
            Body::Session(body) => {
                let Some(id) = event.session_id else { return };
                self.follow_session(id, event.timestamp.at.as_microsecond(), body);
                match body {
                    SessionEvent::ActivityAdded(added) => {
                        self.follow_activity(event.seq, id, added.turn, &added.activity);
                    }
                    SessionEvent::FilesFound(found) => {
                        let paths = self.keep_paths(found.changes.iter().map(|change| change.path.as_str()));
                        self.add_activity(event.seq, SeenKind::Found { session: id, paths });
                    }
                    _ => {}
                }
            }
            Body::Run(Run::ClockChanged(clock)) => {
                let by = clock.by_ms.saturating_mul(1000);
                self.sessions.iter_mut().for_each(|s| s.last_at_us = s.last_at_us.saturating_add(by));
            }
            Body::Human(Human::InboxOpened(opened)) => {
                if let Some(session) = opened.session.and_then(|id| self.of(id)) {
                    session.asks.push(opened.inbox_id);
                }
            }
            Body::Human(Human::InboxClosed(closed)) => {
                let at = event.timestamp.at.as_microsecond();
                for session in self.sessions.iter_mut().filter(|s| s.asks.contains(&closed.inbox_id)) {
                    session.asks.retain(|id| *id != closed.inbox_id);
                    session.last_at_us = at;
                }
            }
            _ => {}
        }
    }

    fn of(&mut self, id: SessionId) -> Option<&mut SessionTrail> {
        self.sessions.iter_mut().find(|session| session.id == id)
    }

    fn follow_item(&mut self, seq: u64, item: u64, view: ItemView) {
        let mut add = |what| push(&mut self.items, &mut self.cut, seq, Seen { item, what });
        let proof = &mut self.proof;
        match view {
            ItemView::Assistant { text, calls } => {
                self.begun = true;
                if !text.trim().is_empty() {
                    proof.said(seq, item, None, 0, &text);
                    add(SeenKind::Said { text: cut(&text) });
                }
                for call in calls {
                    proof.called(&call);
                    add(SeenKind::Called(cut_call(call)));
                }
            }
            ItemView::Call(call) => {
                self.begun = true;
                proof.called(&call);
                add(SeenKind::Called(cut_call(call)));
            }
            ItemView::Output { call_id, output } => {
                proof.returned(seq, &call_id, &output);
                add(SeenKind::Returned { call_id, output: cut(&output) });
            }
            ItemView::User(text) if self.begun => add(SeenKind::User { text: cut(&text) }),
            ItemView::User(_) | ItemView::System(_) | ItemView::Reasoning { .. } | ItemView::Other => {}
        }
    }

    fn follow_session(&mut self, id: SessionId, at: i64, body: &SessionEvent) {
        if self.of(id).is_none() {
            self.sessions.push(SessionTrail { id, last_at_us: at, last: String::new(), asks: Vec::new() });
        }
        let Some(session) = self.of(id) else { return };
        session.last_at_us = at;
        match body {
            SessionEvent::ActivityAdded(added) => session.last = in_a_few_words(&added.activity),
            SessionEvent::SessionTurnFinished(_) | SessionEvent::SessionCompleted(_) => session.asks.clear(),
            _ => {}
        }
    }

    fn follow_activity(&mut self, seq: u64, session: SessionId, turn: u32, activity: &Activity) {
        let by = Some(session);
        let what = match activity {
            Activity::Message { text } => {
                self.proof.said(seq, 0, by, turn, text);
                SeenKind::Reported { session, turn, text: cut(text) }
            }
            Activity::Shell { command, exit_code, output, .. } => {
                self.proof.ran(seq, by, command, exit_code.map(i64::from), output);
                let (command, output) = (cut(command), cut(output));
                SeenKind::Shell { session, turn, command, exit_code: *exit_code, output }
            }
            Activity::FileChange { changes, .. } => {
                self.proof.changed(seq, session);
                let paths = self.keep_paths(changes.iter().map(|change| change.path.as_str()));
                SeenKind::Changed { session, paths }
            }
            _ => return,
        };
        self.add_activity(seq, what);
    }

    fn add_activity(&mut self, seq: u64, what: SeenKind) {
        push(&mut self.activities, &mut self.cut, seq, Seen { item: 0, what });
    }

    /// Remembers changed files; gives them as they are shown.
    fn keep_paths<'a>(&mut self, paths: impl Iterator<Item = &'a str>) -> Vec<String> {
        let paths: Vec<String> = paths.map(cut).collect();
        for path in &paths {
            if self.files.len() < FILES_KEPT {
                self.files.insert(path.clone());
            } else if !self.files.contains(path) {
                self.more_files += 1;
            }
        }
        paths
    }
}

fn push(ring: &mut VecDeque<(u64, Seen)>, cut: &mut bool, seq: u64, seen: Seen) {
    if ring.len() >= RECENT {
        ring.pop_front();
        *cut = true;
    }
    ring.push_back((seq, seen));
}

fn cut_call(call: ToolCall) -> ToolCall {
    ToolCall { arguments: cut(&call.arguments), ..call }
}

/// The first and last [`TEXT_KEPT`] characters.
fn cut(text: &str) -> String {
    if text.len() <= 2 * TEXT_KEPT {
        return text.to_owned();
    }
    let count = text.chars().count();
    if count <= 2 * TEXT_KEPT {
        return text.to_owned();
    }
    let head: String = text.chars().take(TEXT_KEPT).collect();
    let tail: String = text.chars().skip(count - TEXT_KEPT).collect();
    format!("{head}\n… {} characters left out …\n{tail}", count - 2 * TEXT_KEPT)
}
