//! What the machine is told and what it wants done: the whole of what an agent can do, as data.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    executors::{News, Order, SessionSpec},
    llm,
    protocol::{
        Command, InboxId, Recorded, Sender, SessionId, Stamp,
        event::{FileChange, Gate, Moment, Recovered, RunFinished, RunStarted},
        live::Notice,
        tree::{Settle, Settled, Tree},
    },
    watchers::{Outcome, Sight},
};

/// The time, as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    pub stamp: Stamp,
    /// Milliseconds of the monotonic clock since the launch.
    pub mono_ms: u64,
}

/// A difference between the two clocks that is no mere correction of the time, in milliseconds.
const JUMP_MS: i64 = 5000;

impl Now {
    /// How much further the wall clock went than the monotonic one (negative: back); `None`: as much, or nearly.
    pub fn jumped_since(&self, before: &Self) -> Option<i64> {
        let wall = self.stamp.at.as_millisecond().saturating_sub(before.stamp.at.as_millisecond());
        let mono = i64::try_from(self.mono_ms.saturating_sub(before.mono_ms)).unwrap_or(i64::MAX);
        let by = wall.saturating_sub(mono);
        (by.abs() >= JUMP_MS).then_some(by)
    }
}

/// Files that decide what runs and that have changed, relative to the session's directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// The session has named them.
    pub own: Vec<String>,
    /// Nobody has.
    pub unknown: Vec<String>,
    /// Who else worked in the same directory then.
    pub others: Vec<SessionId>,
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The journal is open and folded; the launch begins.
    Launch {
        started: Box<RunStarted>,
        /// What was mended when the journal was opened.
        recovered: Option<Box<Recovered>>,
    },
    Command(Command, Sender),
    WatchersSpoke {
        ask: u64,
        gate: Gate,
        heard: Heard,
    },
    ModelReplied {
        call: u64,
        reply: llm::Reply,
    },
    ModelFailed {
        call: u64,
        error: llm::ModelError,
    },
    Summarized {
        call: u64,
        result: Result<llm::Reply, llm::ModelError>,
    },
    /// What git found changed; `None`: no repository, or git took too long.
    FilesSurveyed {
        session: SessionId,
        turn: u32,
        changes: Option<Vec<FileChange>>,
    },
    /// The model call streams: bytes so far.
    ModelStreams {
        call: u64,
        bytes: u64,
    },
    /// The model call is tried again.
    ModelRetries {
        call: u64,
        why: String,
        wait_ms: u64,
    },
    BashReturned {
        call_id: String,
        result: BashResult,
    },
    /// The directory of a `delegate` or of a session by hand, as it really is.
    DirChecked {
        key: String,
        result: Result<Checked, Refusal>,
    },
    /// The work of a session was kept, merged, discarded, tidied, or not.
    Settled {
        session: SessionId,
        settled: Box<Settled>,
        /// As it is now, where it changed.
        tree: Option<Box<Tree>>,
    },
    /// The text of `get_trajectory`.
    TrajectoryRead {
        call_id: String,
        output: String,
    },
    Session(SessionId, News),
    /// Before the activity that tells of it: files outside of what the run may use were written.
    WroteOutside {
        session: SessionId,
        paths: Vec<String>,
    },
    /// Files that decide what runs (of git, of agents, ours) changed while a turn ran.
    ChangedGuarded {
        session: SessionId,
        turn: u32,
        found: Changed,
    },
    Timer(Timer),
    StoreFailed(String),
    StoreRestored,
    /// After [`Effect::StopAll`]: no child is left.
    Stopped,
}

/// Where a session is to work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Real.
    pub cwd: PathBuf,
    /// The worktree that was made for it, where it gets one.
    pub tree: Option<Tree>,
}

/// Why it cannot work there, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub error: String,
    pub hint: String,
}

/// What the panel of watchers said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// Names of those that looked.
    pub looked: Vec<String>,
    /// Strongest first; what failed comes last.
    pub outcomes: Vec<Outcome>,
    /// The moment that they saw.
    pub seen: Option<Moment>,
}

/// How a bash call ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BashResult {
    /// The tool result, as JSON text.
    pub output: String,
    pub ok: bool,
    /// Bytes that the model does not get.
    pub cut_bytes: u64,
}

/// What a timer is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// `executor.timeout` of a turn.
    Turn(SessionId, u32),
    /// The deadline of `wait` or `sleep`.
    Call(String),
    /// A limit is over.
    Wake,
    /// The demo answers this card itself.
    Demo(InboxId),
    /// A cap on minutes may be reached.
    Minutes,
    /// The watchers look at what executors do (gate activity).
    Look,
    /// A watcher's abort may be stopped by the human until now.
    AbortNow,
}

/// What is to be done. The effects of one decision are performed in order.
#[derive(Debug)]
pub enum Effect {
    /// Write it. It has been applied.
    Record(Arc<Recorded>),
    /// Go on only when everything recorded so far is on disk.
    Sync,
    AskWatchers {
        ask: u64,
        gate: Gate,
        sight: Arc<Sight>,
        seen: Moment,
    },
    /// `step`: a step's call; `None`: for a summary of what leaves the history, answered by [`Input::Summarized`].
    CallModel {
        call: u64,
        step: Option<u32>,
        request: llm::Request,
    },
    CancelModel {
        call: u64,
    },
    /// Ask git what has changed in a directory since it was last asked. `turn`: answer by [`Input::FilesSurveyed`];
    /// `None`: only take note.
    SurveyFiles {
        session: SessionId,
        turn: Option<u32>,
        dir: PathBuf,
    },
    RunBash(BashCall),
    CancelBash {
        call_id: String,
    },
    /// Look at a directory, and make a worktree where sessions are isolated.
    CheckDir {
        key: String,
        dir: Option<String>,
        /// The name that the session will probably get.
        short_id: String,
        /// It is a fork of a session that works in this worktree.
        fork_of: Option<Box<Tree>>,
    },
    /// Settle the work in a worktree. `session`: who hears of it; `title`: of its commits.
    Settle {
        session: Option<SessionId>,
        tree: Box<Tree>,
        how: Settle,
        title: String,
    },
    ReadTrajectory {
        call_id: String,
        session: SessionId,
        full: bool,
        last: usize,
    },
    StartSession(Box<SessionSpec>),
    Order(SessionId, Order),
    SetTimer(Timer, Duration),
    ClearTimer(Timer),
    /// Write what is derived (state.json, messages.json, meta.json) now.
    Snapshot,
    /// Try to write the journal again.
    RetryStore,
    /// Stop every child by its ladder (or kill them), then report [`Input::Stopped`].
    StopAll {
        at_once: bool,
    },
    Notice(Notice),
    /// The launch is over: save, tell the clients, leave.
    Finish(Box<RunFinished>),
}

/// A bash call of the orchestrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BashCall {
    pub call_id: String,
    pub step: u32,
    pub command: String,
    /// `None`: the working directory.
    pub cwd: Option<String>,
    pub timeout: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_noticed_and_one_that_is_corrected_is_not() {
        let now = |seconds: i64, mono_ms| {
            let mut stamp = Stamp::parse("2026-11-24T06:00:00+01:00").unwrap();
            stamp.at = jiff::Timestamp::from_second(seconds).unwrap();
            Now { stamp, mono_ms }
        };
        let before = now(1000, 500);
        assert_eq!(now(1060, 60_500).jumped_since(&before), None);
        assert_eq!(now(1063, 60_500).jumped_since(&before), None, "a correction");
        assert_eq!(now(1060 + 86_400, 60_500).jumped_since(&before), Some(86_400_000));
        assert_eq!(now(1000 - 3540, 60_500).jumped_since(&before), Some(-3_600_000));
    }
}
