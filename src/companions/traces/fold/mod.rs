//! Events of a journal in, finished spans out. Pure: the time is in the events, ids are made of theirs, so the same
//! journal gives the same spans whoever folds it.
//!
//! ```text
//! invoke_agent zwarm-tui            one launch: a trace of its own
//! ├─ step N                         ├─ chat MODEL            one call of the orchestrator's model
//! │                                 ├─ execute_tool NAME     one call of a tool
//! │                                 └─ watcher NAME          it had something to say
//! └─ session sN                     └─ invoke_agent ADAPTER  one turn
//!                                        ├─ execute_tool shell | NAME
//!                                        └─ watcher NAME
//! ```
//!
//! Tokens stand where they were spent (calls, turns, what a watcher's model took) and nowhere else, so that their sum
//! over a trace is what the journal counts.

mod orchestrator;
mod sessions;

#[cfg(test)]
#[path = "../fold_tests.rs"]
mod tests;

use std::collections::BTreeMap;

use super::{
    messages::{self, Said},
    names,
    span::{Attributes, Kind, Span, SpanId, TraceId},
};
use crate::protocol::{
    Body, Event, InstanceId, SessionId,
    event::{Guard, Human, ProblemRaised, Run, RunFinished, RunStarted, UsageRecorded, WatcherSpoke},
};
use orchestrator::Step;
use sessions::{Known, Open};

/// Characters of a name that comes from outside.
const MAX_NAME: usize = 80;

/// The state of the fold.
#[derive(Debug, Default)]
pub struct Fold {
    /// Whether what was said goes into the spans.
    content: bool,
    /// Identity of the instance.
    instance: String,
    launch: Option<Launch>,
    /// What is known of sessions, also of earlier launches.
    known: BTreeMap<SessionId, Known>,
}

/// What is open of the present launch.
#[derive(Debug)]
struct Launch {
    run: Span,
    provider: String,
    step: Option<Step>,
    /// By the model's id of the call.
    tools: Vec<(String, Span)>,
    sessions: BTreeMap<SessionId, Open>,
    /// What the next call of the model gets that the one before did not.
    inputs: Said,
}

/// What a span begins with.
struct Seed<'a> {
    event: &'a Event,
    trace: TraceId,
    parent: Option<SpanId>,
}

impl Seed<'_> {
    fn span(&self, name: String, kind: Kind) -> Span {
        let at = time(self.event);
        Span {
            trace: self.trace,
            id: span_id(self.event),
            parent: self.parent,
            name,
            kind,
            start: at,
            end: at,
            attributes: Attributes::new(),
            moments: Vec::new(),
            error: None,
        }
    }
}

/// Microseconds since the epoch.
fn time(event: &Event) -> i64 {
    event.timestamp.at.as_microsecond()
}

/// The random half of the event's id; no event begins two spans.
fn span_id(event: &Event) -> SpanId {
    let [.., a, b, c, d, e, f, g, h] = *event.id.as_bytes();
    // All zero would be no id.
    if [a, b, c, d, e, f, g, h] == [0; 8] { [0, 0, 0, 0, 0, 0, 0, 1] } else { [a, b, c, d, e, f, g, h] }
}

/// A name that comes from a model or an executor, fit for a span's.
fn name_of(text: &str) -> String {
    let line: String = crate::text::clean_line(text).chars().take(MAX_NAME).collect();
    if line.trim().is_empty() { "unnamed".to_owned() } else { line }
}

/// How a value of a small set is written in the journal.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

impl Fold {
    /// `content`: what was said (prompts, answers, commands and their output) goes into the spans too.
    pub fn new(instance: InstanceId, content: bool) -> Self {
        Self { content, instance: instance.to_string(), ..Self::default() }
    }

    /// Follows one event; the spans that it ends, children first.
    pub fn apply(&mut self, event: &Event) -> Vec<Span> {
        let mut out = Vec::new();
        match &event.body {
            Body::Run(body) => self.run(event, body, &mut out),
            Body::History(body) => self.history(event, body, &mut out),
            Body::Session(body) => self.session(event, body, &mut out),
            Body::Guard(Guard::WatcherSpoke(spoke)) => self.watcher(event, spoke, &mut out),
            Body::Guard(Guard::WatchersRun(_)) => self.settle(&mut out),
            Body::Guard(Guard::BudgetWarned(warned)) => {
                self.note(event, "budget_warned", vec![(names::REASON, word(&warned.which).into())]);
            }
            Body::Guard(Guard::BudgetExceeded(gone)) => {
                self.note(event, "budget_exceeded", vec![(names::REASON, word(&gone.which).into())]);
            }
            Body::Human(Human::NudgeSent(_)) => self.note(event, "nudge_sent", Vec::new()),
            Body::Human(Human::InboxOpened(opened)) => {
                self.note(event, "inbox_opened", vec![(names::REASON, word(&opened.what).into())]);
            }
            Body::Human(Human::InboxClosed(closed)) => {
                let attributes = vec![
                    (names::REASON, closed.choice.as_str().into()),
                    (names::BY, closed.by.as_str().into()),
                ];
                self.note(event, "inbox_closed", attributes);
            }
            _ => {}
        }
        out
    }

    fn run(&mut self, event: &Event, body: &Run, out: &mut Vec<Span>) {
        match body {
            Run::RunStarted(started) => {
                let mut launch = Launch::new(event, started, self.content);
                launch.run.set(names::AGENT_ID, self.instance.as_str());
                launch.run.set(names::CONVERSATION, self.instance.as_str());
                self.launch = Some(launch);
            }
            Run::StepStarted(started) => self.step_started(event, started.step, out),
            Run::StepFinished(finished) => self.step_finished(event, finished.interrupted, out),
            Run::ProblemRaised(problem) => self.problem(event, problem),
            Run::RunStateChanged(changed) => {
                let Some(launch) = &mut self.launch else { return };
                let attributes = vec![
                    (names::STATUS, word(&changed.state).into()),
                    (names::BY, changed.by.as_str().into()),
                ];
                launch.run.note("state", time(event), attributes);
            }
            Run::RunFinished(finished) => self.finished(event, finished, out),
            Run::Recovered(_) | Run::RunRenamed(_) | Run::ClockChanged(_) => {}
        }
    }

    /// Ends whatever is open, innermost first.
    fn finished(&mut self, event: &Event, finished: &RunFinished, out: &mut Vec<Span>) {
        self.step_finished(event, true, out);
        let Some(launch) = self.launch.take() else { return };
        let at = time(event);
        for mut tool in launch.tools.into_iter().map(|(_, span)| span) {
            tool.end = at;
            tool.set(names::INTERRUPTED, true);
            out.push(tool);
        }
        for open in launch.sessions.into_values() {
            open.close(at, out);
        }
        let mut run = launch.run;
        run.end = at;
        run.set(names::STOPPED_BY, finished.stopped_by.as_str());
        run.set(names::EXIT_CODE, finished.exit_code);
        run.set(names::STEPS, finished.steps);
        run.set(names::TOTAL_TOKENS, finished.usage.total);
        if let Some(cost) = finished.usage.cost_usd {
            run.set(names::COST, cost);
        }
        if self.content && !finished.exit_message.is_empty() {
            run.set(names::OUTPUT, messages::answer(&finished.exit_message));
        }
        if finished.stopped_by == "error" {
            run.fail("error", &finished.exit_message);
        }
        out.push(run);
    }

    fn problem(&mut self, event: &Event, problem: &ProblemRaised) {
        let attributes = vec![
            (names::PLACE, problem.place.as_str().into()),
            (names::REASON, problem.message.as_str().into()),
        ];
        self.note(event, "problem", attributes);
    }

    /// Notes a moment where it belongs: the session's turn, else the step, else the run.
    fn note(&mut self, event: &Event, name: &'static str, attributes: Attributes) {
        let Some(launch) = &mut self.launch else { return };
        let open = event.session_id.and_then(|id| launch.sessions.get_mut(&id));
        let span = match (open, &mut launch.step) {
            (Some(open), _) => open.innermost(),
            (None, Some(step)) => &mut step.span,
            (None, None) => &mut launch.run,
        };
        span.note(name, time(event), attributes);
    }

    /// A watcher spoke: a span without length, so that it can be found and counted.
    fn watcher(&mut self, event: &Event, spoke: &WatcherSpoke, out: &mut Vec<Span>) {
        let Some(launch) = &self.launch else { return };
        let mut span = launch
            .seed(event, launch.inside(event))
            .span(format!("watcher {}", name_of(&spoke.watcher)), Kind::Internal);
        span.set(names::EVALUATION, name_of(&spoke.watcher));
        span.set(names::EVALUATION_LABEL, word(&spoke.verdict));
        span.set(names::GATE, word(&spoke.gate));
        span.set(names::RULE, spoke.rule.as_str());
        span.set(names::STEP, spoke.step);
        if spoke.muted {
            span.set(names::MUTED, true);
        }
        if self.content {
            span.set(names::EXPLANATION, spoke.reason.as_str());
        }
        out.push(span);
    }
}

impl Launch {
    fn new(event: &Event, started: &RunStarted, content: bool) -> Self {
        let lm = started.config.pointer("/orchestrator/lm").and_then(|lm| lm.as_str()).unwrap_or_default();
        let provider = provider(lm);
        let seed = Seed { event, trace: *event.id.as_bytes(), parent: None };
        let mut run = seed.span("invoke_agent zwarm-tui".to_owned(), Kind::Internal);
        run.set(names::OPERATION, "invoke_agent");
        run.set(names::PROVIDER, provider.as_str());
        run.set(names::AGENT_NAME, "zwarm-tui");
        run.set(names::AGENT_VERSION, started.version.as_str());
        run.set(names::INSTANCE, name_of(&started.instance_name));
        run.set(
            names::KIND,
            if started.kind == crate::protocol::event::RunKind::Exec { "exec" } else { "run" },
        );
        run.set(names::RESUMED, started.resumed);
        if !started.model.is_empty() {
            run.set(names::REQUEST_MODEL, started.model.as_str());
        }
        if content && !started.task.is_empty() {
            run.set(names::INPUT, messages::question(&started.task));
        }
        let sessions = BTreeMap::new();
        Self { run, provider, step: None, tools: Vec::new(), sessions, inputs: Said::default() }
    }

    fn seed<'a>(&self, event: &'a Event, parent: SpanId) -> Seed<'a> {
        Seed { event, trace: self.run.trace, parent: Some(parent) }
    }

    /// Inside of what an event happened: the session's turn, else the step, else the run.
    fn inside(&self, event: &Event) -> SpanId {
        let open = event.session_id.and_then(|id| self.sessions.get(&id));
        match (open, &self.step) {
            (Some(open), _) => open.turn.as_ref().unwrap_or(&open.session).id,
            (None, Some(step)) => step.span.id,
            (None, None) => self.run.id,
        }
    }
}

/// The provider of a model as the configuration names it.
fn provider(lm: &str) -> String {
    match lm.split_once('/') {
        _ if lm.starts_with("scripted") => "scripted".to_owned(),
        Some((provider, _)) => name_of(provider),
        None if lm.starts_with("claude-") => "anthropic".to_owned(),
        None => "openai".to_owned(),
    }
}

/// Adds what was spent to a span.
fn spend(span: &mut Span, usage: &UsageRecorded) {
    span.add(names::INPUT_TOKENS, usage.input);
    span.add(names::OUTPUT_TOKENS, usage.output);
    for (name, count) in [
        (names::CACHED_TOKENS, usage.cached_input),
        (names::WRITTEN_TOKENS, usage.cache_write),
        (names::REASONING_TOKENS, usage.reasoning),
    ] {
        if count > 0 {
            span.add(name, count);
        }
    }
    if !usage.model.is_empty() {
        span.set(names::RESPONSE_MODEL, name_of(&usage.model));
    }
    if usage.estimated {
        span.set(names::ESTIMATED, true);
    }
    if let Some(cost) = usage.cost_usd {
        let old = match span.get(names::COST) {
            Some(super::span::Value::Float(old)) => *old,
            _ => 0.0,
        };
        span.set(names::COST, old + cost);
    }
}
