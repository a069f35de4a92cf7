//! Steps: perceive → invoke → do. When a step may begin, what the model is asked, what its answer leads to.

use std::time::Duration;

use crate::{
    llm::{ErrorKind, ModelError, Reply, Request},
    protocol::{
        Item, NudgeTarget, ToolCall, Usage,
        event::{
            Gate, InboxKind, ItemAdded, NudgeSeen, NudgeSent, RunKind, RunState, Scope, SentHow,
            StepFinished, StepStarted, UsageRecorded,
        },
        item,
    },
};

use super::{
    cards, compact,
    effect::{Effect, Timer},
    ending::Why,
    launch::Human,
    machine::Machine,
    observe,
};

/// Where the step is. Dies with the program: a resumed run begins between two steps, or with calls that never began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Between,
    /// The watchers look before the step.
    Gate(u64),
    /// The model is asked.
    Calling(u64),
    /// The model is asked for a summary of what leaves the history.
    Summing(u64),
    /// The watchers look at the calls that the model asks for.
    ToolsGate(u64),
    /// Its calls run.
    Doing,
    /// No orchestrator (`exec`): one executor's turn runs.
    Alone,
}

/// The step in flight.
#[derive(Debug, Default)]
pub(super) struct StepRun {
    pub phase: Phase,
    /// Asks and calls are numbered, so that a late answer is known as late.
    pub asked: u64,
    pub started_ms: u64,
    /// Answers in a row without a tool call.
    pub text_only: u32,
    /// A pause that the human wants at the end of a step.
    pub stop: Stop,
    /// The human let the next step pass the watchers.
    pub passed: bool,
    /// The last step: only `exit` is on offer.
    pub wrap_up: bool,
    /// The step that runs is that last one.
    pub wraps_up: bool,
    /// The model said that the request is too long; compaction was forced once.
    pub overflowed: bool,
    /// How many tokens a provider counts for one that we estimate (1.0 until it has told).
    pub ratio: f64,
    /// Estimated tokens of the request in flight.
    pub estimate: u64,
    /// The first `exit` was refused because sessions run.
    pub exit_warned: bool,
}

/// Whether the human wants a pause at the end of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stop {
    #[default]
    No,
    /// At the end of the step that is open, or of the next one where none is.
    AfterThis,
    /// The open step only waits: at the end of the one behind it.
    AfterNext,
}

impl Machine {
    /// Begins the next step, or says why not. True: something was done.
    pub(super) fn begin_step(&mut self) -> bool {
        if self.state.run.kind == RunKind::Exec {
            return false;
        }
        let next = self.state.run.progress.step + 1;
        if next > self.state.run.progress.last_step && !self.step.wrap_up {
            self.end(Why::MaxSteps, "the step limit of this launch is reached");
            return true;
        }
        let over_the_cap = self.step.wrap_up || self.purse.asks_again();
        if !over_the_cap && self.budget_stops() {
            return true;
        }
        // What was changed in the last turns is part of what the watchers see.
        if !self.fleet.looks.open.is_empty() {
            return false;
        }
        if self.compact_if_needed(false) {
            return true;
        }
        if !self.step.passed && self.ask_watchers(Gate::Step) {
            return true;
        }
        if !over_the_cap && let Err(why) = self.step_has_room() {
            self.no_room(&why, "the next step");
            return true;
        }
        self.step.passed = false;
        self.step.started_ms = self.now.mono_ms;
        self.step.wraps_up = self.step.wrap_up;
        self.record(StepStarted { step: next });
        self.deliver_nudges();
        self.out.push(Effect::Sync);
        self.call_model();
        true
    }

    fn deliver_nudges(&mut self) {
        let queued: Vec<_> = self.state.nudges.queued(NudgeTarget::Orchestrator).cloned().collect();
        for nudge in queued {
            let (role, text) = match nudge.by.strip_prefix("watcher:") {
                Some(watcher) => (self.watcher_role(), format!("[WATCHER: {watcher}] {}", nudge.text)),
                None => ("user".to_owned(), format!("[NUDGE] {}", nudge.text)),
            };
            self.add_message(&role, &text);
            self.record(NudgeSent { nudge_id: nudge.id, how: SentHow::Step });
        }
    }

    fn watcher_role(&self) -> String {
        match self.rules.config.watchers.message_role.as_str() {
            role @ ("assistant" | "system") => role.to_owned(),
            _ => "user".to_owned(),
        }
    }

    /// Adds a message of ours to the history.
    pub(super) fn add_message(&mut self, role: &str, text: &str) {
        self.add_item(item::message(role, text));
    }

    pub(super) fn add_item(&mut self, raw: std::sync::Arc<serde_json::value::RawValue>) {
        let (item_id, wire) = (self.state.history.last_id + 1, self.rules.model.wire);
        let tokens = compact::estimate(raw.get());
        self.record(ItemAdded { item_id, item: raw, wire, tokens });
    }

    fn call_model(&mut self) {
        self.step.asked += 1;
        let call = self.step.asked;
        self.step.phase = Phase::Calling(call);
        let observation = observe::observation(&self.state, &self.rules, self.fleet.untold(), self.now);
        let mut tools = self.rules.model.tools.clone();
        if self.step.wrap_up {
            tools = std::sync::Arc::new(tools.iter().filter(|tool| tool.name == "exit").cloned().collect());
        }
        let items: Vec<Item> = self.state.history.items.clone();
        self.step.estimate = self.state.history.tokens() + compact::estimate(&observation);
        self.purse.reserve_call(self.request_tokens(self.step.estimate));
        let orchestrator = &self.rules.config.orchestrator;
        let request = Request {
            items,
            observation,
            tools,
            reasoning_effort: orchestrator.reasoning_effort.clone(),
            temperature: orchestrator.temperature,
            cache_key: self.rules.place.id(),
            replies: self.state.history.replies,
        };
        let step = Some(self.state.run.progress.step);
        self.out.push(Effect::CallModel { call, step, request });
    }

    pub(super) fn model_replied(&mut self, call: u64, reply: Reply) {
        if self.step.phase != Phase::Calling(call) {
            return;
        }
        // From here on nothing can be cut any more.
        self.step.phase = Phase::Doing;
        self.step.overflowed = false;
        self.fleet.tell_all(&self.state);
        self.note_usage(&reply);
        let seen: Vec<_> = self.state.nudges.sent_to_orchestrator().collect();
        let step = self.state.run.progress.step;
        for nudge_id in seen {
            self.record(NudgeSeen { nudge_id, step: Some(step), turn: None });
        }
        let calls = self.keep_items(&reply);
        self.out.push(Effect::Sync);
        if calls.is_empty() {
            self.text_only();
            return;
        }
        self.step.text_only = 0;
        self.calls.pending.extend(calls);
        if self.stop_requested() {
            return;
        }
        self.ask_watchers(Gate::Tools);
    }

    /// Adds the reply's items; a call id that was there before is dropped with a problem. Returns the calls.
    fn keep_items(&mut self, reply: &Reply) -> Vec<ToolCall> {
        let mut calls: Vec<ToolCall> = Vec::new();
        for raw in &reply.items {
            let probe = Item { id: 0, wire: reply.wire, raw: raw.clone(), tokens: 0 };
            let own = probe.calls();
            let known = |call: &ToolCall| calls.iter().any(|other| other.call_id == call.call_id);
            let (double, new): (Vec<_>, Vec<_>) = own.into_iter().partition(known);
            for call in &double {
                let message =
                    format!("the call id '{}' came twice in one reply; it is executed once", call.call_id);
                self.problem("model", &message, "");
            }
            if !double.is_empty() && new.is_empty() {
                continue;
            }
            let mut seen = std::collections::BTreeSet::new();
            calls.extend(new.into_iter().filter(|call| seen.insert(call.call_id.clone())));
            let (item_id, tokens) = (self.state.history.last_id + 1, compact::estimate(raw.get()));
            self.record(ItemAdded { item_id, item: raw.clone(), wire: reply.wire, tokens });
        }
        calls
    }

    fn note_usage(&mut self, reply: &Reply) {
        let estimated = reply.usage.is_none();
        let usage = reply.usage.unwrap_or_else(|| {
            let output = reply.items.iter().map(|item| compact::estimate(item.get())).sum();
            Usage { input: self.step.estimate, output, ..Usage::default() }
        });
        if !estimated && self.step.estimate > 0 {
            let ratio = (usage.input as f64 / self.step.estimate as f64).clamp(0.25, 4.0);
            self.step.ratio =
                if self.step.ratio == 0.0 { ratio } else { 0.7 * self.step.ratio + 0.3 * ratio };
        }
        let cost = self.rules.model.prices.cost(&reply.model, &usage);
        self.purse.call_counted();
        self.record(UsageRecorded::new(Scope::Orchestrator, &reply.model, usage, cost, estimated));
        self.say_unpriced(&reply.model, cost);
        self.tell_flight(true);
        self.check_budget();
    }

    fn text_only(&mut self) {
        self.step.text_only += 1;
        if self.step.text_only == 1 {
            let notice = "Your reply had no tool call. It has been kept. The run goes on until you call the tool \
                          `exit` with a closing message; call it if the task is done, else go on with the next call.";
            self.add_message("user", notice);
            self.finish_step(false);
            return;
        }
        self.step.text_only = 0;
        self.finish_step(false);
        match self.rules.human {
            Human::Present => {
                self.pause("the model answered twice without calling a tool", "error");
            }
            Human::Absent { .. } => self.end(Why::NoExit, "the model answered twice without calling a tool"),
        }
    }

    pub(super) fn finish_step(&mut self, interrupted: bool) {
        let step = self.state.run.progress.step;
        let duration_ms = self.now.mono_ms.saturating_sub(self.step.started_ms);
        self.record(StepFinished { step, duration_ms, interrupted });
        self.out.push(Effect::Sync);
        self.step.phase = Phase::Between;
        if std::mem::take(&mut self.step.wraps_up) && self.ending.is_none() {
            self.step.wrap_up = false;
            self.end(Why::Budget, "the last step after a budget stop is over");
            return;
        }
        match std::mem::take(&mut self.step.stop) {
            Stop::AfterNext => self.step.stop = Stop::AfterThis,
            Stop::AfterThis if self.running() => self.pause("one step was asked for", "human"),
            Stop::AfterThis | Stop::No => {}
        }
    }

    pub(super) fn model_retries(&mut self, call: u64, why: &str, wait_ms: u64) {
        if self.step.phase == Phase::Calling(call) {
            let wait = Duration::from_millis(wait_ms).as_secs_f64();
            self.problem("model", why, &format!("it is tried again in {wait:.1} s"));
        }
    }

    pub(super) fn model_failed(&mut self, call: u64, error: ModelError) {
        if self.step.phase != Phase::Calling(call) {
            return;
        }
        if error.kind == ErrorKind::ContextOverflow && !self.step.overflowed {
            self.step.overflowed = true;
            if self.compact_if_needed(true) {
                self.problem(
                    "model",
                    &error.message,
                    "old parts of the history were dropped; it is tried again",
                );
                self.call_model();
                return;
            }
        }
        self.count_cut_call();
        self.keep_partial(&error.partial);
        // A step that a cap has cut is not the one step that the human asked for.
        let (stop, cut) = (self.step.stop, self.purse.call_was_cut());
        if cut {
            self.step.stop = Stop::No;
        }
        self.finish_step(true);
        if cut {
            self.step.stop = stop;
        }
        match error.kind {
            ErrorKind::Cancelled => {}
            ErrorKind::Limit { until } => self.limited(&error.message, until),
            _ => self.failed("model", &error.message, &error.hint),
        }
    }

    /// What had streamed when a call was cut stays in the history, marked.
    pub(super) fn keep_partial(&mut self, partial: &str) {
        if !partial.trim().is_empty() {
            self.add_message("assistant", &format!("{partial}\n[cut off here]"));
        }
    }

    /// The run cannot go on by itself: it waits for the human, or ends.
    pub(super) fn failed(&mut self, place: &str, message: &str, hint: &str) {
        if self.rules.human_present() {
            self.problem(place, message, hint);
            let detail = serde_json::json!({ "reason": message, "hint": hint, "where": place });
            self.open_card(InboxKind::Failure, None, message, detail, cards::failure_choices());
            self.pause(message, "error");
        } else {
            let (place, message, hint) = (place.to_owned(), message.to_owned(), hint.to_owned());
            let text = message.clone();
            self.record(crate::protocol::event::ProblemRaised { place, message, hint, fatal: true });
            self.end(Why::Error, &text);
        }
    }

    /// Puts the run into pause: nothing new starts.
    pub(super) fn pause(&mut self, reason: &str, by: &str) {
        if matches!(self.run_state(), RunState::Running | RunState::Sleeping) {
            self.set_state(RunState::Pausing, reason, by);
            self.hold_queue(true);
            self.out.push(Effect::ClearTimer(Timer::Wake));
            self.out.push(Effect::Sync);
        }
    }

    /// True where what has just been asked for must not start.
    fn stop_requested(&self) -> bool {
        self.run_state() != RunState::Running
    }
}
