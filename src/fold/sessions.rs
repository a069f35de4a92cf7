//! The executor sessions: who they are, what they do now, what came out.

use serde::{Deserialize, Serialize};

use crate::protocol::{
    Body, Event, SessionId, Usage,
    command::Cap,
    event::{
        Activity, By, ForkedFrom, History, Mode, Scope, Session as SessionEvent, SessionChanged,
        SessionStarted, Stamp, TurnStatus,
    },
    tree::{Settled, Tree},
};

/// Characters that are kept of a response at each end; the whole is in the journal.
pub const RESPONSE_KEPT: usize = 12_000;

/// All sessions, in the order of their start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sessions {
    pub all: Vec<Session>,
}

/// What a session is about to do or does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// A turn waits for a free place.
    Queued,
    /// A turn waits until the run goes on.
    Held,
    /// A turn runs.
    Working,
    /// No turn; can be continued.
    #[default]
    Idle,
    /// Ended for good.
    Ended,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    /// `s1`, …
    pub short_id: String,
    pub who: Who,
    pub task: String,
    pub mode: Mode,
    pub doing: Doing,
    /// Turns that have been asked for.
    pub turns: u32,
    pub turn: Option<Turn>,
    pub last: Option<LastTurn>,
    pub spent: Spent,
    pub end: Option<SessionEnd>,
    /// RFC 3339.
    pub started_at: String,
}

/// The executor behind a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    pub adapter: String,
    pub model: Option<String>,
    pub working_dir: String,
    pub native_id: Option<String>,
    pub cli_version: Option<String>,
    pub pid: Option<u32>,
    pub shared_pid: bool,
    pub branch: Option<String>,
    pub worktree: Option<String>,
    /// Its worktree, where it has one of its own.
    #[serde(default)]
    pub isolated: Option<Isolated>,
    /// The conversation that it was forked from.
    #[serde(default)]
    pub parent: Option<ForkedFrom>,
}

/// The worktree of a session and what became of the work in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Isolated {
    pub tree: Tree,
    /// The set-up command has run.
    pub prepared: bool,
    /// `None`: nobody has decided since its last turn.
    pub work: Option<Settled>,
}

impl Isolated {
    /// Whether somebody should still decide what becomes of the work.
    pub fn is_open(&self) -> bool {
        let settled = |work: &Settled| work.is_done() || work.outcome == crate::protocol::tree::Outcome::Kept;
        !self.work.as_ref().is_some_and(settled)
    }

    /// Whether worktree and branch are gone.
    pub fn is_removed(&self) -> bool {
        self.work.as_ref().is_some_and(|work| work.removed)
    }
}

/// The turn that is queued or runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    pub number: u32,
    pub prompt: String,
    pub by: By,
    /// RFC 3339; `None` while it is queued.
    pub started_at: Option<String>,
    /// The newest activity, in a few words.
    pub now: String,
}

/// The newest turn that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastTurn {
    pub number: u32,
    pub status: TurnStatus,
    /// First and last [`RESPONSE_KEPT`] characters.
    pub response: String,
    /// Characters left out in the middle.
    pub cut: usize,
    pub error: Option<String>,
    /// RFC 3339.
    pub at: String,
}

/// What a session has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    pub usage: Usage,
    /// The part that the executor itself reported (without estimates): the baseline when it is resumed.
    pub reported: Usage,
    /// Sum of the known prices.
    pub cost_usd: f64,
    /// Something was spent whose price is unknown.
    pub cost_unknown: bool,
    pub estimated: bool,
    /// Milliseconds of its turns that have ended.
    pub worked_ms: u64,
    /// What its first and its newest counted request had to read: what a further turn costs at least.
    pub first_request: u64,
    pub last_request: u64,
}

/// How a session was ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEnd {
    /// `completed`, `failed`, `cancelled`.
    pub status: String,
    pub message: Option<String>,
    /// RFC 3339.
    pub at: String,
}

impl Sessions {
    /// One session.
    pub fn get(&self, id: SessionId) -> Option<&Session> {
        self.all.iter().find(|session| session.id == id)
    }

    /// By full id, unique prefix of at least four characters, or `sN`.
    pub fn find(&self, text: &str) -> Option<&Session> {
        let text = text.trim().trim_end_matches('.');
        if let Some(session) = self.all.iter().find(|s| s.short_id.eq_ignore_ascii_case(text)) {
            return Some(session);
        }
        if text.len() < 4 {
            return None;
        }
        let wanted = text.to_ascii_lowercase();
        let mut fitting = self.all.iter().filter(|s| s.id.to_string().starts_with(&wanted));
        match (fitting.next(), fitting.next()) {
            (Some(one), None) => Some(one),
            _ => None,
        }
    }

    /// Sessions with a running turn.
    pub fn working(&self) -> impl Iterator<Item = &Session> {
        self.all.iter().filter(|s| s.doing == Doing::Working)
    }

    /// Sessions that were not ended.
    pub fn open(&self) -> impl Iterator<Item = &Session> {
        self.all.iter().filter(|s| s.doing != Doing::Ended)
    }

    /// Follows one event.
    pub fn apply(&mut self, event: &Event) {
        let Some(id) = event.session_id else { return };
        if let Body::Session(SessionEvent::SessionStarted(started)) = &event.body {
            let number = self.all.len() + 1;
            self.all.push(Session::new(id, started, number, event.timestamp.to_string()));
            return;
        }
        let Some(session) = self.all.iter_mut().find(|session| session.id == id) else { return };
        match &event.body {
            Body::Session(body) => session.follow(body, || event.timestamp.to_string()),
            Body::History(History::UsageRecorded(usage)) if usage.scope == Scope::Session => {
                session.spent.usage.add(&usage.usage());
                session.spent.estimated |= usage.estimated;
                if !usage.estimated {
                    session.spent.counted(&usage.usage());
                }
                match usage.cost_usd {
                    Some(cost) => session.spent.cost_usd += cost,
                    None => session.spent.cost_unknown |= usage.total > 0,
                }
            }
            _ => {}
        }
    }
}

impl Spent {
    /// Dollars, where every price is known.
    pub fn cost(&self) -> Option<f64> {
        (!self.cost_unknown).then_some(self.cost_usd)
    }

    fn counted(&mut self, usage: &Usage) {
        self.reported.add(usage);
        if usage.input > 0 {
            self.last_request = usage.total();
            if self.first_request == 0 {
                self.first_request = usage.input;
            }
        }
    }
}

impl Session {
    /// What has been counted of a cap of this session until `now`.
    pub fn spent_of(&self, which: Cap, now: jiff::Timestamp) -> f64 {
        match which {
            Cap::MaxTokens => self.spent.usage.total() as f64,
            Cap::MaxCostUsd => self.spent.cost_usd,
            Cap::MaxMinutes => self.minutes(now),
            _ => 0.0,
        }
    }

    /// Minutes at work until `now`.
    pub fn minutes(&self, now: jiff::Timestamp) -> f64 {
        let began = self.turn.as_ref().and_then(|turn| Stamp::parse(turn.started_at.as_deref()?));
        let running = began.map_or(0, |began| (now.as_millisecond() - began.at.as_millisecond()).max(0));
        (self.spent.worked_ms as f64 + running as f64) / 60e3
    }

    fn new(id: SessionId, started: &SessionStarted, number: usize, at: String) -> Self {
        let short_id =
            if started.short_id.is_empty() { format!("s{number}") } else { started.short_id.clone() };
        let who = Who {
            adapter: started.adapter.clone(),
            model: started.model.clone(),
            working_dir: started.working_dir.clone(),
            native_id: started.native_id.clone(),
            cli_version: started.cli_version.clone(),
            pid: started.pid,
            shared_pid: started.shared_pid,
            parent: started.parent.clone(),
            ..Who::default()
        };
        Self {
            id,
            short_id,
            who,
            task: started.task.clone(),
            mode: started.mode,
            doing: Doing::Idle,
            turns: 0,
            turn: None,
            last: None,
            spent: Spent::default(),
            end: None,
            started_at: at,
        }
    }

    fn follow(&mut self, body: &SessionEvent, at: impl FnOnce() -> String) {
        match body {
            SessionEvent::SessionStarted(_) | SessionEvent::FilesFound(_) => {}
            SessionEvent::SessionTurnQueued(queued) => {
                self.turns = self.turns.max(queued.turn);
                self.doing = if queued.held { Doing::Held } else { Doing::Queued };
                self.turn = Some(Turn::new(queued.turn, &queued.prompt, queued.by, None));
            }
            SessionEvent::SessionTurnStarted(started) => {
                self.turns = self.turns.max(started.turn);
                self.doing = Doing::Working;
                // New work: what was decided before is about other work.
                if let Some(isolated) = &mut self.who.isolated {
                    isolated.work = None;
                }
                self.turn = Some(Turn::new(started.turn, &started.prompt, started.by, Some(at())));
            }
            SessionEvent::SessionTurnFinished(finished) => {
                let (response, cut) = keep_ends(&finished.response, RESPONSE_KEPT);
                if self.doing != Doing::Ended {
                    self.doing = Doing::Idle;
                }
                self.turn = None;
                self.spent.worked_ms = self.spent.worked_ms.saturating_add(finished.duration_ms);
                let (number, status, error) = (finished.turn, finished.status, finished.error.clone());
                self.last = Some(LastTurn { number, status, response, cut, error, at: at() });
            }
            SessionEvent::SessionChanged(changed) => self.who.follow(changed),
            SessionEvent::ActivityAdded(added) => {
                if let Some(turn) = &mut self.turn {
                    turn.now = in_a_few_words(&added.activity);
                }
            }
            SessionEvent::SessionCompleted(completed) => {
                self.doing = Doing::Ended;
                self.turn = None;
                let (status, message) = (completed.status.clone(), completed.exit_message.clone());
                self.end = Some(SessionEnd { status, message, at: at() });
            }
        }
    }
}

impl Turn {
    fn new(number: u32, prompt: &str, by: By, started_at: Option<String>) -> Self {
        Self { number, prompt: prompt.to_owned(), by, started_at, now: String::new() }
    }
}

impl Who {
    fn follow(&mut self, changed: &SessionChanged) {
        let set = |to: &mut Option<String>, from: &Option<String>| {
            if from.is_some() {
                to.clone_from(from);
            }
        };
        if let Some(parent) = &changed.forked {
            (self.parent, self.native_id) = (Some((**parent).clone()), None);
            (self.isolated, self.branch, self.worktree) = (None, None, None);
        }
        set(&mut self.native_id, &changed.native_id);
        set(&mut self.model, &changed.model);
        set(&mut self.cli_version, &changed.cli_version);
        set(&mut self.branch, &changed.branch);
        set(&mut self.worktree, &changed.worktree);
        if let Some(tree) = &changed.tree {
            let prepared = self.isolated.as_ref().is_some_and(|isolated| isolated.prepared);
            let work = self.isolated.take().and_then(|isolated| isolated.work);
            self.isolated = Some(Isolated { tree: tree.clone(), prepared, work });
        }
        if let Some(isolated) = &mut self.isolated {
            isolated.prepared |= changed.prepared == Some(true);
            if changed.work.is_some() {
                isolated.work.clone_from(&changed.work);
            }
        }
        self.pid = changed.pid.or(self.pid);
        self.shared_pid = changed.shared_pid.unwrap_or(self.shared_pid);
    }
}

/// The first and last `each` characters, and how many were left out between.
fn keep_ends(text: &str, each: usize) -> (String, usize) {
    let count = if text.len() <= 2 * each { 0 } else { text.chars().count() };
    if count <= 2 * each {
        return (text.to_owned(), 0);
    }
    let head: String = text.chars().take(each).collect();
    let tail: String = text.chars().skip(count - each).collect();
    let cut = count - 2 * each;
    (format!("{head}\n… {cut} characters left out …\n{tail}"), cut)
}

/// An activity in at most 120 characters of one line.
pub fn in_a_few_words(activity: &Activity) -> String {
    let text = match activity {
        Activity::Message { text } | Activity::Reasoning { text } => text.clone(),
        Activity::Shell { command, .. } => format!("$ {command}"),
        Activity::FileChange { changes, .. } => {
            let paths: Vec<_> = changes.iter().map(|change| change.path.as_str()).collect();
            format!("edit {}", paths.join(", "))
        }
        Activity::ToolCall { name, .. } => name.clone(),
        Activity::Plan { items } => format!("plan of {}", items.len()),
        Activity::Error { message, .. } => format!("error: {message}"),
        Activity::Unknown { .. } => "…".to_owned(),
    };
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().chars().take(120).collect()
}
