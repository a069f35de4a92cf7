//! Sessions, their turns, and what executors were seen to do in them.

use super::{
    super::{
        messages, names,
        span::{Kind, Span},
    },
    Fold, name_of, spend, time,
};
use crate::protocol::{
    Event, SessionId,
    event::{
        Activity, By, Session, SessionStarted, SessionTurnFinished, SessionTurnStarted, TurnStatus,
        UsageRecorded,
    },
};

/// What is known of a session.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    short: String,
    adapter: String,
    model: Option<String>,
}

/// A session of the present launch.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) session: Span,
    pub(super) turn: Option<Span>,
}

impl Open {
    pub(super) fn innermost(&mut self) -> &mut Span {
        self.turn.as_mut().unwrap_or(&mut self.session)
    }

    /// Ends what is open of it.
    pub(super) fn close(mut self, at: i64, out: &mut Vec<Span>) {
        if let Some(mut turn) = self.turn.take() {
            turn.end = at;
            turn.set(names::INTERRUPTED, true);
            out.push(turn);
        }
        self.session.end = at;
        out.push(self.session);
    }
}

impl Known {
    fn of(started: &SessionStarted) -> Self {
        Self {
            short: name_of(&started.short_id),
            adapter: name_of(&started.adapter),
            model: started.model.as_deref().map(name_of),
        }
    }

    /// Whose models an executor uses, as far as its name tells.
    fn provider(&self) -> &str {
        match self.adapter.as_str() {
            "codex" => "openai",
            "claude" => "anthropic",
            other => other,
        }
    }
}

impl Fold {
    pub(super) fn session(&mut self, event: &Event, body: &Session, out: &mut Vec<Span>) {
        let Some(id) = event.session_id else { return };
        match body {
            Session::SessionStarted(started) => {
                self.known.insert(id, Known::of(started));
                self.open(event, id);
            }
            Session::SessionTurnStarted(started) => self.turn_started(event, id, started, out),
            Session::SessionTurnFinished(finished) => self.turn_finished(event, id, finished, out),
            Session::SessionChanged(changed) => {
                if let (Some(model), Some(known)) = (&changed.model, self.known.get_mut(&id)) {
                    known.model = Some(name_of(model));
                }
            }
            Session::ActivityAdded(added) => self.activity(event, id, &added.activity, out),
            Session::SessionCompleted(completed) => {
                let Some(launch) = &mut self.launch else { return };
                let Some(mut open) = launch.sessions.remove(&id) else { return };
                open.session.set(names::STATUS, name_of(&completed.status));
                open.close(time(event), out);
            }
            Session::SessionTurnQueued(_) | Session::FilesFound(_) => {}
        }
    }

    /// The session's span, begun if it is not open: a session of an earlier launch goes on in this one.
    fn open(&mut self, event: &Event, id: SessionId) -> Option<&mut Open> {
        let launch = self.launch.as_mut()?;
        if !launch.sessions.contains_key(&id) {
            let known = self.known.entry(id).or_default();
            let mut span =
                launch.seed(event, launch.run.id).span(format!("session {}", known.short), Kind::Internal);
            span.set(names::SESSION, known.short.as_str());
            span.set(names::AGENT_NAME, known.adapter.as_str());
            span.set(names::CONVERSATION, id.to_string());
            launch.sessions.insert(id, Open { session: span, turn: None });
        }
        launch.sessions.get_mut(&id)
    }

    fn turn_started(
        &mut self,
        event: &Event,
        id: SessionId,
        started: &SessionTurnStarted,
        out: &mut Vec<Span>,
    ) {
        let content = self.content;
        let known = self.known.get(&id).cloned().unwrap_or_default();
        let opened_now = self.launch.as_ref().is_some_and(|launch| !launch.sessions.contains_key(&id));
        let Some(open) = self.open(event, id) else { return };
        let (trace, parent) = (open.session.trace, open.session.id);
        if let Some(mut old) = open.turn.take() {
            old.end = time(event);
            out.push(old);
        }
        let seed = super::Seed { event, trace, parent: Some(parent) };
        let mut turn = seed.span(format!("invoke_agent {}", known.adapter), Kind::Client);
        if opened_now {
            // The event has begun the session's span too.
            turn.id[0] ^= 0xff;
        }
        turn.set(names::OPERATION, "invoke_agent");
        turn.set(names::PROVIDER, known.provider());
        turn.set(names::AGENT_NAME, known.adapter.as_str());
        turn.set(names::CONVERSATION, id.to_string());
        turn.set(names::SESSION, known.short.as_str());
        turn.set(names::TURN, started.turn);
        turn.set(names::BY, if started.by == By::Human { "human" } else { "orchestrator" });
        if let Some(model) = &known.model {
            turn.set(names::REQUEST_MODEL, model.as_str());
        }
        if content {
            turn.set(names::INPUT, messages::question(&started.prompt));
        }
        open.turn = Some(turn);
    }

    fn turn_finished(
        &mut self,
        event: &Event,
        id: SessionId,
        finished: &SessionTurnFinished,
        out: &mut Vec<Span>,
    ) {
        let content = self.content;
        let Some(open) = self.launch.as_mut().and_then(|launch| launch.sessions.get_mut(&id)) else { return };
        let Some(mut turn) = open.turn.take() else { return };
        turn.end = time(event);
        match finished.status {
            TurnStatus::Completed => turn.set(names::STATUS, "completed"),
            TurnStatus::Interrupted => {
                turn.set(names::STATUS, "interrupted");
                turn.set(names::INTERRUPTED, true);
            }
            TurnStatus::Failed => {
                turn.set(names::STATUS, "failed");
                turn.fail("turn_failed", finished.error.as_deref().unwrap_or("the turn failed"));
            }
        }
        if content && !finished.response.is_empty() {
            turn.set(names::OUTPUT, messages::answer(&finished.response));
        }
        out.push(turn);
    }

    /// To the turn that runs, else to the session; where neither is open, to a span of its own.
    pub(super) fn session_usage(&mut self, event: &Event, usage: &UsageRecorded, out: &mut Vec<Span>) {
        let Some(launch) = &mut self.launch else { return };
        match event.session_id.and_then(|id| launch.sessions.get_mut(&id)) {
            Some(open) => spend(open.innermost(), usage),
            None => {
                let mut late = launch.seed(event, launch.run.id).span("usage".to_owned(), Kind::Internal);
                spend(&mut late, usage);
                out.push(late);
            }
        }
    }

    fn activity(&mut self, event: &Event, id: SessionId, activity: &Activity, out: &mut Vec<Span>) {
        let content = self.content;
        let Some(launch) = &mut self.launch else { return };
        if !launch.sessions.contains_key(&id) {
            return;
        }
        let seed = launch.seed(event, launch.inside(event));
        let tool = |name: &str, kind: &str| {
            let mut span = seed.span(format!("execute_tool {name}"), Kind::Internal);
            span.set(names::OPERATION, "execute_tool");
            span.set(names::TOOL_NAME, name);
            span.set(names::TOOL_TYPE, kind);
            span
        };
        match activity {
            Activity::Shell { command, exit_code, output, duration_ms, .. } => {
                let mut span = tool("shell", "extension");
                let took = duration_ms.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(0);
                span.start = span.end.saturating_sub(took.saturating_mul(1000));
                if let Some(code) = exit_code {
                    span.set(names::SHELL_EXIT, *code);
                    if *code != 0 {
                        span.fail("exit_code", &format!("it ended with {code}"));
                    }
                }
                if content {
                    span.set(names::ARGUMENTS, command.as_str());
                    span.set(names::RESULT, output.as_str());
                }
                out.push(span);
            }
            Activity::ToolCall { name, arguments, result, ok } => {
                let mut span = tool(&name_of(name), "extension");
                if !ok {
                    span.fail("tool_failed", "the tool says that it failed");
                }
                if content {
                    span.set(names::ARGUMENTS, arguments.as_str());
                    span.set(names::RESULT, result.as_str());
                }
                out.push(span);
            }
            Activity::FileChange { changes, .. } => {
                self.note(event, "file_change", vec![(names::FILES, (changes.len() as u64).into())]);
            }
            Activity::Error { message, .. } => {
                self.note(event, "problem", vec![(names::REASON, message.as_str().into())]);
            }
            Activity::Message { .. }
            | Activity::Reasoning { .. }
            | Activity::Plan { .. }
            | Activity::Unknown { .. } => {}
        }
    }
}
