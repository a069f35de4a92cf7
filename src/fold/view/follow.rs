//! How the view follows events: which of them are rows, and what of an item's JSON tells its kind.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Change, Kind, OPEN_CALLS, OpenCall, Outcome, Row, StepInfo, View, Whose};
use crate::protocol::{
    Body, Event, NudgeTarget, Pos, SessionId,
    event::{
        Activity, Guard, History, Human, ItemAdded, NudgeChanged, NudgeSent, NudgeWithdrawn, Run, RunState,
        Scope, Session, ToolStarted, Verdict,
    },
};

/// Calls of one item that get rows of their own.
const CALLS_PER_ITEM: usize = 200;

impl View {
    /// Follows one event.
    pub fn apply(&mut self, pos: &Pos, event: &Event) -> Change {
        self.counts.events += 1;
        let before = self.rows.len();
        let touched = match &event.body {
            Body::Run(body) => self.run(pos, body),
            Body::History(body) => self.history(pos, body),
            Body::Session(body) => {
                self.session(pos, event.session_id, body);
                None
            }
            Body::Human(body) => {
                self.human(pos, body);
                None
            }
            Body::Guard(body) => {
                self.guard(pos, body);
                None
            }
            Body::Unknown { .. } => None,
        };
        Change { added: self.rows.len() - before, touched }
    }

    fn run(&mut self, pos: &Pos, body: &Run) -> Option<usize> {
        match body {
            Run::StepStarted(started) => {
                self.step = started.step;
                self.counts.steps = self.counts.steps.max(started.step);
                if let Some(row) = self.add(pos, None, Kind::Step, 0) {
                    self.steps.push(StepInfo { row, step: started.step, tokens: 0, finished: false });
                }
                return None;
            }
            Run::StepFinished(_) => {
                let step = self.steps.last_mut()?;
                step.finished = true;
                return Some(step.row as usize);
            }
            Run::RunStateChanged(changed) if matches!(changed.state, RunState::Pausing | RunState::Ended) => {
            }
            Run::ProblemRaised(_) => {
                self.counts.problems += 1;
                self.add(pos, None, Kind::Problem, 0);
            }
            Run::RunStarted(_)
            | Run::RunStateChanged(_)
            | Run::RunRenamed(_)
            | Run::Recovered(_)
            | Run::ClockChanged(_)
            | Run::RunFinished(_) => {
                self.add(pos, None, Kind::Run, 0);
            }
        }
        None
    }

    fn history(&mut self, pos: &Pos, body: &History) -> Option<usize> {
        match body {
            History::ItemAdded(added) => return self.item(pos, added),
            History::ContextCompacted(_) | History::CompactionUndone(_) => {
                self.add(pos, None, Kind::Compaction, 0);
            }
            History::ToolFinished(finished) => {
                self.counts.failed_calls += u32::from(!finished.ok);
                let at = self.close_half(&finished.call_id)?;
                let call = self.calls.get_mut(at)?;
                call.duration_ms = Some(u32::try_from(finished.duration_ms).unwrap_or(u32::MAX));
                call.ok = finished.ok;
                return Some(call.call as usize);
            }
            History::UsageRecorded(usage) if usage.scope == Scope::Orchestrator => {
                let step = self.steps.last_mut()?;
                step.tokens = step.tokens.saturating_add(u32::try_from(usage.total).unwrap_or(u32::MAX));
                return Some(step.row as usize);
            }
            History::ToolStarted(started) => return self.call_starts(pos, started),
            History::UsageRecorded(_) | History::ItemReplaced(_) => {}
        }
        None
    }

    fn item(&mut self, pos: &Pos, added: &ItemAdded) -> Option<usize> {
        let head: Head = serde_json::from_str(added.item.get()).unwrap_or_default();
        let has_text = head.content.is_some_and(|raw| !matches!(raw.get(), "null" | "\"\"" | "[]"));
        match (head.kind.as_deref().unwrap_or_default(), head.role.as_deref().unwrap_or_default()) {
            ("function_call", _) => {
                self.call(pos, 0, head.call_id.as_deref(), head.name.as_deref(), head.arguments.as_deref());
            }
            ("function_call_output", _) => return self.output(pos, head.call_id.as_deref()),
            ("reasoning", _) => {
                if head.summary.is_some_and(|raw| !matches!(raw.get(), "null" | "\"\"" | "[]")) {
                    self.add(pos, None, Kind::Reasoning, 0);
                }
            }
            (_, "tool") => return self.output(pos, head.tool_call_id.as_deref()),
            (_, "system" | "developer") => {
                self.add(pos, None, Kind::System, 0);
            }
            (_, "user") => {
                let start: String = head.content.map_or("", RawValue::get).chars().take(80).collect();
                let is_nudge = start.contains("[NUDGE]") || start.contains("[WATCHER: ");
                self.counts.nudges += u32::from(is_nudge);
                self.add(pos, None, if is_nudge { Kind::Nudge } else { Kind::User }, 0);
            }
            (_, "assistant") => {
                if has_text {
                    self.counts.messages += 1;
                    self.add(pos, None, Kind::Message, 0);
                }
                for (at, call) in head.tool_calls.iter().flatten().take(CALLS_PER_ITEM).enumerate() {
                    let function = call.function.as_ref();
                    let name = function.and_then(|function| function.name.as_deref());
                    let arguments = function.and_then(|function| function.arguments.as_deref());
                    self.call(pos, at as u8 + 1, call.id.as_deref(), name, arguments);
                }
            }
            _ => {
                self.add(pos, None, Kind::Other, 0);
            }
        }
        None
    }

    fn call_starts(&mut self, pos: &Pos, started: &ToolStarted) -> Option<usize> {
        let open = self.open.get(&started.call_id)?;
        let call = self.calls.get_mut(open.at)?;
        call.started = true;
        if open.arguments != checksum(&started.arguments) {
            self.edited.insert(call.call, *pos);
        }
        Some(call.call as usize)
    }

    fn call(&mut self, pos: &Pos, part: u8, id: Option<&str>, name: Option<&str>, arguments: Option<&str>) {
        self.counts.calls += 1;
        let Some(row) = self.add(pos, None, Kind::Call, part) else { return };
        if self.open.len() >= OPEN_CALLS {
            let oldest = self.open.iter().min_by_key(|(_, call)| call.at).map(|(id, _)| id.clone());
            oldest.map(|id| self.open.remove(&id));
        }
        let open = OpenCall {
            at: self.calls.len(),
            is_command: name == Some("bash"),
            arguments: checksum(arguments.unwrap_or_default()),
            half: false,
        };
        self.open.insert(id.unwrap_or_default().to_owned(), open);
        self.calls.push(Outcome { call: row, output: None, duration_ms: None, ok: true, started: false });
    }

    fn output(&mut self, pos: &Pos, id: Option<&str>) -> Option<usize> {
        let id = id.unwrap_or_default();
        let is_command = self.open.get(id).is_none_or(|open| open.is_command);
        let row = self.add(pos, None, if is_command { Kind::Output } else { Kind::Answer }, 0)?;
        let at = self.close_half(id)?;
        let call = self.calls.get_mut(at)?;
        call.output = Some(row);
        Some(call.call as usize)
    }

    /// One of the two ends of a call (its output, its `tool_finished`) has come; after both it is forgotten.
    fn close_half(&mut self, id: &str) -> Option<usize> {
        let open = self.open.get_mut(id)?;
        let at = open.at;
        if std::mem::replace(&mut open.half, true) {
            self.open.remove(id);
        }
        Some(at)
    }

    fn session(&mut self, pos: &Pos, session: Option<SessionId>, body: &Session) {
        let kind = match body {
            Session::SessionStarted(_) => {
                self.session_place(session);
                return;
            }
            Session::SessionTurnQueued(_) | Session::SessionChanged(_) => return,
            Session::SessionTurnStarted(_) => Kind::Turn,
            Session::SessionTurnFinished(_) | Session::SessionCompleted(_) => Kind::TurnEnd,
            Session::FilesFound(_) => Kind::Edit,
            Session::ActivityAdded(added) => match &added.activity {
                Activity::Message { .. } => Kind::Message,
                Activity::Reasoning { .. } => Kind::Reasoning,
                Activity::Shell { .. } => Kind::Shell,
                Activity::FileChange { .. } => Kind::Edit,
                Activity::ToolCall { .. } => Kind::Call,
                Activity::Plan { .. } => Kind::Plan,
                Activity::Error { .. } => Kind::Problem,
                Activity::Unknown { .. } => Kind::Other,
            },
        };
        self.counts.commands += u32::from(kind == Kind::Shell);
        self.counts.edits += u32::from(kind == Kind::Edit);
        let turn = match body {
            Session::SessionTurnStarted(started) => Some(started.turn),
            Session::SessionTurnFinished(finished) => Some(finished.turn),
            Session::ActivityAdded(added) => Some(added.turn),
            Session::FilesFound(found) => Some(found.turn),
            _ => None,
        };
        if let Some(row) = self.add(pos, session, kind, 0) {
            self.rows[row as usize].step = turn.unwrap_or(self.step);
        }
    }

    fn human(&mut self, pos: &Pos, body: &Human) {
        match body {
            Human::InboxOpened(_) | Human::InboxClosed(_) => {
                self.add(pos, None, Kind::Inbox, 0);
            }
            Human::NudgeQueued(queued) => {
                if let NudgeTarget::Session(session) = queued.target {
                    self.counts.nudges += 1;
                    self.add(pos, Some(session), Kind::Nudge, 0);
                    self.queued.push((queued.nudge_id, session));
                }
            }
            Human::NudgeChanged(NudgeChanged { nudge_id, .. }) => {
                if let Some((_, session)) = self.queued.iter().find(|(id, _)| id == nudge_id).copied() {
                    self.add(pos, Some(session), Kind::Nudge, 0);
                }
            }
            Human::NudgeSent(NudgeSent { nudge_id, .. }) => self.queued.retain(|(id, _)| id != nudge_id),
            Human::NudgeWithdrawn(NudgeWithdrawn { nudge_id, .. }) => {
                if let Some(at) = self.queued.iter().position(|(id, _)| id == nudge_id) {
                    let (_, session) = self.queued.remove(at);
                    self.add(pos, Some(session), Kind::Nudge, 0);
                }
            }
            _ => {}
        }
    }

    fn guard(&mut self, pos: &Pos, body: &Guard) {
        let shown = match body {
            Guard::WatcherSpoke(spoke) => spoke.verdict >= Verdict::Pause && !spoke.muted,
            Guard::BudgetWarned(_) | Guard::BudgetExceeded(_) | Guard::BudgetChanged(_) => true,
            Guard::WatchersRun(_) | Guard::WatcherChanged(_) => false,
        };
        if shown {
            self.add(pos, None, Kind::Guard, 0);
        }
    }

    /// `None`: the row is not of this view.
    fn add(&mut self, pos: &Pos, session: Option<SessionId>, kind: Kind, part: u8) -> Option<u32> {
        let of_view = match self.whose {
            Whose::All => true,
            Whose::Orchestrator => session.is_none(),
            Whose::Session(id) => session == Some(id),
        };
        if !of_view {
            return None;
        }
        let session = if session.is_some() { self.session_place(session) } else { 0 };
        let row = u32::try_from(self.rows.len()).ok()?;
        let seq = pos.seq as u32;
        self.rows.push(Row { offset: pos.offset, len: pos.len, seq, step: self.step, session, kind, part });
        Some(row)
    }

    fn session_place(&mut self, session: Option<SessionId>) -> u16 {
        let Some(id) = session else { return 0 };
        let at = self.sessions.iter().rposition(|known| *known == id).unwrap_or_else(|| {
            self.sessions.push(id);
            self.sessions.len() - 1
        });
        u16::try_from(at + 1).unwrap_or(u16::MAX)
    }
}

fn checksum(arguments: &str) -> u32 {
    crc32fast::hash(arguments.as_bytes())
}

/// What the kind of an item is told by; the text is not looked at.
#[derive(Default, Deserialize)]
struct Head<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    arguments: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    call_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    tool_call_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    summary: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<HeadCall<'a>>>,
}

#[derive(Deserialize)]
struct HeadCall<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    function: Option<HeadFunction<'a>>,
}

#[derive(Deserialize)]
struct HeadFunction<'a> {
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    arguments: Option<Cow<'a, str>>,
}
