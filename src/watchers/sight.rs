//! What a watcher sees, built from the folds. Cheap: bounded by what the trail keeps, never the whole history.

use jiff::Timestamp;
use serde::Serialize;

use super::{Seen, SeenKind};
use crate::{
    fold::{Sessions, Spend, Trail, claim::Proof, sessions::Doing},
    protocol::{SessionId, ToolCall, Usage, event::Gate},
};

/// What a watcher sees.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sight {
    pub gate: Gate,
    /// The step that is about to begin (gate step) or runs. The first is 1.
    pub step: u32,
    pub max_steps: u32,
    pub task: String,
    /// The newest entries of the trajectory (never the system prompt or the task), oldest first: at most
    /// [`super::RECENT`] of the orchestrator and as many activities of executors.
    pub recent: Vec<Seen>,
    /// Gate tools: the calls that the model has just asked for, in order.
    pub pending: Vec<ToolCall>,
    pub sessions: SessionCounts,
    /// The sessions that were not ended.
    pub open: Vec<SessionSight>,
    pub spent: Usage,
    /// Paths changed by executors since the run began.
    pub files_changed: Vec<String>,
    pub budget: BudgetSight,
    /// Test runs, and the newest claims about tests with what they rest on.
    pub proof: Proof,
}

/// Sessions by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SessionCounts {
    pub started: u32,
    /// Not ended.
    pub active: u32,
    pub completed: u32,
    /// Failed or cancelled.
    pub failed: u32,
}

/// A session that was not ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionSight {
    pub id: SessionId,
    /// `s1`, …
    pub short_id: String,
    pub adapter: String,
    pub doing: Doing,
    /// Its newest turn: a verdict about it is void in another one.
    pub turn: u32,
    /// Since it was last seen to do anything.
    pub silent_seconds: u64,
    /// Its newest activity, in a few words.
    pub last: String,
    /// Whether an approval of it waits for an answer.
    pub asks: bool,
}

/// What is known of the budget.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BudgetSight {
    /// The strongest share of any cap that is spent, in percent, and which cap it is.
    pub strongest: Option<(String, f64)>,
    pub max_sessions: Option<u32>,
    /// Tokens that watchers themselves have spent, and the answers that they got for them.
    pub watcher_tokens: u64,
    pub watcher_answers: u32,
}

/// The state that a sight is taken of.
#[derive(Clone, Copy, Debug)]
pub struct Folds<'a> {
    pub trail: &'a Trail,
    pub sessions: &'a Sessions,
    pub spend: &'a Spend,
}

/// What the folds do not say.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    pub gate: Gate,
    pub step: u32,
    pub max_steps: u32,
    pub task: String,
    pub pending: Vec<ToolCall>,
    /// `watcher_tokens` is filled in.
    pub budget: BudgetSight,
}

impl Sight {
    /// Takes it.
    pub fn new(folds: Folds<'_>, frame: Frame, now: Timestamp) -> Self {
        let mut spent = folds.spend.orchestrator;
        spent.add(&folds.spend.executors);
        spent.add(&folds.spend.watchers);
        Self {
            gate: frame.gate,
            step: frame.step,
            max_steps: frame.max_steps,
            task: frame.task,
            recent: folds.trail.recent(),
            pending: frame.pending,
            sessions: SessionCounts::of(folds.sessions),
            open: open_sessions(folds, now),
            spent,
            files_changed: folds.trail.files().0,
            proof: folds.trail.proof().clone(),
            budget: BudgetSight { watcher_tokens: folds.spend.watchers.total(), ..frame.budget },
        }
    }

    /// Entries of the orchestrator, newest first.
    pub(super) fn items(&self) -> impl Iterator<Item = &Seen> {
        self.recent.iter().rev().filter(|seen| seen.item != 0)
    }

    /// Calls of the orchestrator, newest first, with their item.
    pub(super) fn calls(&self) -> impl Iterator<Item = (u64, &ToolCall)> {
        self.items().filter_map(|seen| match &seen.what {
            SeenKind::Called(call) => Some((seen.item, call)),
            _ => None,
        })
    }

    /// What a session is called, and its turn.
    pub(super) fn session(&self, id: SessionId) -> Option<&SessionSight> {
        self.open.iter().find(|session| session.id == id)
    }
}

impl SessionCounts {
    fn of(sessions: &Sessions) -> Self {
        let mut counts = Self::default();
        for session in &sessions.all {
            counts.started += 1;
            match &session.end {
                None => counts.active += 1,
                Some(end) if end.status == "completed" => counts.completed += 1,
                Some(_) => counts.failed += 1,
            }
        }
        counts
    }
}

fn open_sessions(folds: Folds<'_>, now: Timestamp) -> Vec<SessionSight> {
    let see = |session: &crate::fold::sessions::Session| {
        let trail = folds.trail.session(session.id);
        let since = trail.map_or(0, |trail| now.as_microsecond() - trail.last_at_us);
        SessionSight {
            id: session.id,
            short_id: session.short_id.clone(),
            adapter: session.who.adapter.clone(),
            doing: session.doing,
            turn: session.turns,
            silent_seconds: u64::try_from(since / 1_000_000).unwrap_or_default(),
            last: trail.map(|trail| trail.last.clone()).unwrap_or_default(),
            asks: trail.is_some_and(|trail| !trail.asks.is_empty()),
        }
    };
    folds.sessions.open().map(see).collect()
}
