//! The view: where each thing that a transcript shows lies in the journal, and a few counters. Never the text: that is
//! read from the journal when it becomes visible. A row is 24 bytes.

use std::collections::{HashMap, HashSet};

use crate::protocol::{NudgeId, Pos, SessionId};

mod follow;

/// Calls without an output that are remembered; the oldest is forgotten.
const OPEN_CALLS: usize = 1_024;

/// What a row shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A step begins.
    Step,
    /// What the orchestrator or an executor said.
    Message,
    Reasoning,
    /// A tool call.
    Call,
    /// The output of a command, shown below its call.
    Output,
    /// The result of another tool, shown when its call is open.
    Answer,
    System,
    /// The task, or what else was said to the orchestrator.
    User,
    Nudge,
    /// A watcher or a budget stops something.
    Guard,
    /// Launches, pauses, the end.
    Run,
    Problem,
    Inbox,
    Compaction,
    /// A turn of a session begins, with its prompt.
    Turn,
    TurnEnd,
    Shell,
    Edit,
    Plan,
    Other,
}

/// One thing that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Byte offset of its line in the journal.
    pub offset: u64,
    /// Bytes of the line.
    pub len: u32,
    /// Sequence number (its low 32 bits).
    pub seq: u32,
    /// The orchestrator's step at that time, or the session's turn.
    pub step: u32,
    /// Place in [`View::sessions`] plus one; 0: the orchestrator.
    pub session: u16,
    pub kind: Kind,
    /// 0: the event itself; n: the nth call of a message that carries calls.
    pub part: u8,
}

impl Row {
    /// Where its line lies.
    pub fn pos(&self) -> Pos {
        Pos { seq: u64::from(self.seq), offset: self.offset, len: self.len }
    }
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its row.
    pub call: u32,
    /// The row of its output.
    pub output: Option<u32>,
    /// Milliseconds; `None`: it has not returned.
    pub duration_ms: Option<u32>,
    pub ok: bool,
    /// It has begun: a call that a watcher holds has not.
    pub started: bool,
}

/// What is known of a step beyond its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepInfo {
    pub row: u32,
    pub step: u32,
    /// Tokens that the orchestrator spent in it.
    pub tokens: u32,
    pub finished: bool,
}

/// How much of what there was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub events: u64,
    pub steps: u32,
    pub messages: u32,
    pub calls: u32,
    pub failed_calls: u32,
    pub commands: u32,
    pub edits: u32,
    pub nudges: u32,
    pub problems: u32,
}

/// Whose rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whose {
    #[default]
    All,
    Orchestrator,
    Session(SessionId),
}

/// What an event changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Rows that were added at the end.
    pub added: usize,
    /// An older row that looks different now.
    pub touched: Option<usize>,
}

/// The rows of a journal.
#[derive(Clone, Debug, Default)]
pub struct View {
    pub whose: Whose,
    pub rows: Vec<Row>,
    pub sessions: Vec<SessionId>,
    pub steps: Vec<StepInfo>,
    /// By row of the call, ascending.
    pub calls: Vec<Outcome>,
    pub counts: Counts,
    step: u32,
    open: HashMap<String, OpenCall>,
    /// By row of the call: where its start lies, of calls that did not start as the model had asked.
    edited: HashMap<u32, Pos>,
    /// Nudges to sessions that are not delivered.
    queued: Vec<(NudgeId, SessionId)>,
}

#[derive(Clone, Copy, Debug)]
struct OpenCall {
    /// Place in `calls`.
    at: usize,
    is_command: bool,
    /// Checksum of the arguments that the model gave.
    arguments: u32,
    /// Its output has come, its end not yet; or the other way round.
    half: bool,
}

impl View {
    /// An empty view of somebody's rows.
    pub fn new(whose: Whose) -> Self {
        Self { whose, ..Self::default() }
    }

    /// The rows of one owner out of a view of all.
    pub fn part(&self, whose: Whose) -> Self {
        let mut part = Self { whose, step: self.step, sessions: self.sessions.clone(), ..Self::default() };
        part.counts = self.counts;
        part.queued.clone_from(&self.queued);
        let wanted = match whose {
            Whose::All => return Self { whose, ..self.clone() },
            Whose::Orchestrator => 0,
            Whose::Session(id) => {
                self.sessions.iter().position(|s| *s == id).map_or(u16::MAX, |at| at as u16 + 1)
            }
        };
        let (mut steps, mut calls) = (self.steps.iter().peekable(), self.calls.iter().peekable());
        let mut moved: HashMap<u32, usize> = HashMap::new();
        let is_open: HashSet<u32> =
            self.open.values().filter_map(|open| self.calls.get(open.at)).map(|call| call.call).collect();
        let mut places: HashMap<u32, usize> = HashMap::new();
        for (at, row) in self.rows.iter().enumerate().filter(|(_, row)| row.session == wanted) {
            let (old, new) = (at as u32, part.rows.len() as u32);
            part.rows.push(*row);
            while steps.next_if(|step| step.row < old).is_some() {}
            if let Some(step) = steps.next_if(|step| step.row == old) {
                part.steps.push(StepInfo { row: new, ..*step });
            }
            while calls.next_if(|call| call.call < old).is_some() {}
            if let Some(call) = calls.next_if(|call| call.call == old) {
                if is_open.contains(&old) {
                    places.insert(old, part.calls.len());
                }
                call.output.map(|output| moved.insert(output, part.calls.len()));
                part.calls.push(Outcome { call: new, output: None, ..*call });
                if let Some(pos) = self.edited.get(&old) {
                    part.edited.insert(new, *pos);
                }
            }
            if let Some(call) = moved.remove(&old) {
                part.calls[call].output = Some(new);
            }
        }
        let open = self.open.iter().filter_map(|(id, open)| {
            let at = *places.get(&self.calls.get(open.at)?.call)?;
            Some((id.clone(), OpenCall { at, ..*open }))
        });
        part.open = open.collect();
        part
    }

    /// What became of the call in a row.
    pub fn outcome(&self, row: usize) -> Option<&Outcome> {
        self.calls.binary_search_by_key(&(row as u32), |call| call.call).ok().map(|at| &self.calls[at])
    }

    /// Where the event lies that a row shows: its own, or the start of a call that the human has edited.
    pub fn shown(&self, row: usize) -> Option<Pos> {
        let edited = u32::try_from(row).ok().and_then(|row| self.edited.get(&row)).copied();
        edited.or_else(|| self.rows.get(row).map(Row::pos))
    }

    /// The rows with the places of what they show.
    pub fn rows_shown(&self) -> Vec<Row> {
        let mut rows = self.rows.clone();
        for (row, pos) in &self.edited {
            if let Some(row) = rows.get_mut(*row as usize) {
                (row.offset, row.len, row.seq) = (pos.offset, pos.len, pos.seq as u32);
            }
        }
        rows
    }

    /// The call whose output is in a row.
    pub fn call_of(&self, row: usize) -> Option<&Outcome> {
        let row = row as u32;
        let end = self.calls.partition_point(|call| call.call < row);
        self.calls[..end].iter().rev().take(OPEN_CALLS).find(|call| call.output == Some(row))
    }

    /// What is known of the step that begins in a row.
    pub fn step_at(&self, row: usize) -> Option<&StepInfo> {
        self.steps.binary_search_by_key(&(row as u32), |step| step.row).ok().map(|at| &self.steps[at])
    }

    /// The session of a row.
    pub fn session_of(&self, row: &Row) -> Option<SessionId> {
        usize::from(row.session).checked_sub(1).and_then(|at| self.sessions.get(at).copied())
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
