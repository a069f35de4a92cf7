//! The beginning and the end of a launch: what a resumed run finds, how everything is stopped, what is recorded last.

use std::time::Duration;

use crate::{
    error::code,
    fold::sessions::Doing,
    protocol::{
        SessionId, ToolCall,
        event::{
            By, InboxKind, Mode, Recovered, RunFinished, RunKind, RunStarted, RunState, SessionTurnFinished,
            ToolFinished, TurnStatus,
        },
        item,
    },
};

use super::{
    effect::{Effect, Timer},
    fleet::{ByHand, NewSession},
    machine::Machine,
    run::Phase,
};

/// Seconds in which the human may stop a watcher's abort.
const ABORT_COUNTDOWN: Duration = Duration::from_secs(5);

/// Why a launch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Exit,
    Error,
    WatcherPause,
    WatcherAbort,
    HumanAbort,
    Budget,
    MaxSteps,
    NoExit,
    Limit,
    /// The program leaves; with the number of the signal, if it was one.
    Interrupted(Option<i32>),
}

impl Why {
    /// The word in `run_finished` and the exit code (PRODUCT §1).
    pub fn told(self) -> (&'static str, i32) {
        match self {
            Self::Exit => ("exit", code::OK),
            Self::Error => ("error", code::ERROR),
            Self::WatcherPause => ("watcher_pause", code::STOPPED),
            Self::WatcherAbort => ("watcher_abort", code::STOPPED),
            Self::HumanAbort => ("human_abort", code::STOPPED),
            Self::Budget => ("budget", code::BUDGET),
            Self::MaxSteps => ("max_steps", code::STEPS),
            Self::NoExit => ("no_exit", code::STEPS),
            Self::Limit => ("limit", code::LIMIT),
            Self::Interrupted(None) => ("interrupted", code::OK),
            Self::Interrupted(Some(signal)) => ("interrupted", code::SIGNAL + signal),
        }
    }
}

/// A launch that is ending: children are being stopped.
#[derive(Debug)]
pub(super) struct Ending {
    pub why: Why,
    pub message: String,
    pub at_once: bool,
}

impl Machine {
    /// The first input of a launch.
    pub(super) fn begin_launch(&mut self, started: RunStarted, recovered: Option<Recovered>) {
        let (resumed, further) = (started.resumed, started.task.clone());
        self.record(started);
        if let Some(recovered) = recovered {
            self.record(recovered);
        }
        self.mend();
        self.retune();
        if resumed && self.state.run.kind == RunKind::Run && !self.state.history.items.is_empty() {
            self.tell_of_resume(&further);
        }
        match self.state.run.kind {
            RunKind::Exec => self.begin_alone(),
            RunKind::Run => self.begin_run(),
        }
        self.check_budget();
        self.out.push(Effect::Sync);
    }

    /// The model is told once that there was a break.
    fn tell_of_resume(&mut self, further: &str) {
        let mut text =
            "[RESUMED] The run goes on after a break. Sessions are still there and can be continued with \
                        `converse`. Calls that were open are marked as interrupted."
                .to_owned();
        if !further.trim().is_empty() {
            text.push_str(&format!("\n\nTask: {further}"));
        }
        // Calls that never began still wait for their results: a message between would tear them apart.
        if self.state.history.open_calls.is_empty() {
            self.add_message("user", &text);
        }
    }

    fn begin_run(&mut self) {
        if self.state.history.items.is_empty() {
            let prompt = self.rules.model.prompt.clone();
            self.add_message("system", &prompt);
            let task = self.state.run.task.clone();
            self.add_message("user", &format!("Task: {task}"));
        }
        let unstarted: Vec<_> = self.state.history.open_calls.clone();
        self.calls.pending = unstarted
            .into_iter()
            .map(|open| ToolCall { call_id: open.call_id, name: open.name, arguments: open.arguments })
            .collect();
        if !self.calls.pending.is_empty() {
            self.step.phase = Phase::Doing;
            self.step.started_ms = self.now.mono_ms;
        }
        let waits = self.state.inbox.open.iter().any(|card| card.opened.what == InboxKind::WatcherPause);
        if waits && self.rules.human_present() {
            self.pause("a watcher's pause waits for an answer", "recovery");
        } else {
            self.drop_cards_of_the_pause();
        }
    }

    /// Without an orchestrator: one session does the task.
    fn begin_alone(&mut self) {
        self.step.phase = Phase::Alone;
        let task = self.state.run.task.clone();
        if let Some(session) = self.state.sessions.all.first() {
            let id = session.id;
            return self.queue_turn(id, task, By::Human);
        }
        if self.rules.config.executor.isolation == crate::config::Isolation::Worktree {
            let (key, adapter) = ("alone".to_owned(), self.rules.config.executor.adapter.clone());
            self.fleet.by_hand.insert(key.clone(), ByHand { adapter, prompt: task, fork_of: None });
            let short_id = self.next_short_id();
            return self.out.push(Effect::CheckDir { key, dir: None, short_id, fork_of: None });
        }
        let adapter = match self.choose_adapter(
            self.rules.config.executor.adapter.as_deref(),
            self.rules.config.executor.model.as_deref(),
        ) {
            Ok(adapter) => adapter,
            Err((error, hint)) => return self.failed("executor", &error, &hint),
        };
        let (cwd, model) = (self.rules.place.working_dir.clone(), self.rules.session_model(&adapter, None));
        let (mode, by) = (Mode::Sync, By::Human);
        self.open_session(NewSession { adapter, model, cwd, task, mode, by, tree: None, parent: None });
    }

    /// Closes what a dead program left open: turns, calls that had begun, cards whose asker is gone, a step.
    fn mend(&mut self) {
        let open: Vec<_> =
            self.state.sessions.all.iter().filter_map(|s| Some((s.id, s.turn.as_ref()?.number))).collect();
        for (id, turn) in open {
            let error = Some("the program ended in mid-turn".to_owned());
            let (status, response) = (TurnStatus::Interrupted, String::new());
            self.record_for(id, SessionTurnFinished { turn, status, response, error, duration_ms: 0 });
        }
        let begun: Vec<_> =
            self.state.history.open_calls.iter().filter(|open| open.started).cloned().collect();
        for open in begun {
            let text = "interrupted; its effect is unknown, check before repeating";
            let error = serde_json::json!({ "success": false, "interrupted": true, "error": text });
            self.add_item(item::tool_output(open.wire, &open.call_id, &error.to_string()));
            let (call_id, name) = (open.call_id, open.name);
            self.record(ToolFinished { call_id, name, ok: false, duration_ms: 0, cut_bytes: 0 });
        }
        let gone = |what| matches!(what, InboxKind::Approval | InboxKind::Question);
        let cards = self.state.inbox.open.iter().map(|card| &card.opened);
        let dropped: Vec<_> = cards.filter(|card| gone(card.what)).map(|card| card.inbox_id).collect();
        for inbox in dropped {
            self.close_card(inbox, "cancel", None, "dropped");
        }
        if self.state.run.progress.in_step && self.state.history.open_calls.is_empty() {
            self.finish_step(true);
        }
    }

    /// Hands a result to a call that never began.
    pub(super) fn give_unstarted(&mut self, call: &ToolCall, output: &str) {
        let wire =
            self.state.history.open_call(&call.call_id).map_or(self.rules.model.wire, |open| open.wire);
        self.add_item(item::tool_output(wire, &call.call_id, output));
        let (call_id, name) = (call.call_id.clone(), call.name.clone());
        self.record(ToolFinished { call_id, name, ok: false, duration_ms: 0, cut_bytes: 0 });
    }

    /// Ends the launch: children are stopped first, then the end is recorded.
    pub(super) fn end(&mut self, why: Why, message: &str) {
        if self.ending.is_some() {
            return;
        }
        self.ending = Some(Ending { why, message: message.to_owned(), at_once: false });
        self.cancel_model();
        let (word, _) = why.told();
        self.set_state(RunState::Stopping, message, word);
        self.out.push(Effect::Sync);
        self.out.push(Effect::StopAll { at_once: false });
    }

    /// Stops the run and every child; asked again, it kills.
    pub(super) fn abort(&mut self, at_once: bool, why: Why, message: &str) {
        match &mut self.ending {
            Some(ending) if at_once && !ending.at_once => {
                ending.at_once = true;
                self.out.push(Effect::StopAll { at_once: true });
            }
            Some(_) => {}
            None => {
                self.end(why, message);
                if at_once {
                    self.abort(true, why, message);
                }
            }
        }
    }

    /// A watcher wants the run aborted: at once where nobody is there, else after a countdown.
    pub(super) fn watcher_aborts(&mut self, message: &str, by: &str) {
        if !self.rules.human_present() {
            return self.end(Why::WatcherAbort, message);
        }
        self.pause(message, by);
        self.out.push(Effect::SetTimer(Timer::AbortNow, ABORT_COUNTDOWN));
        let message = format!("{message}; the run is aborted in 5 s (continue to stop that)");
        self.out.push(Effect::Notice(crate::protocol::Notice::Warning { message }));
    }

    pub(super) fn abort_now(&mut self) {
        if matches!(self.run_state(), RunState::Pausing | RunState::Paused) {
            let message = self.state.run.status.reason.clone();
            self.end(Why::WatcherAbort, &message);
        }
    }

    /// The program leaves: pause now, save, end. Resumable.
    pub(super) fn shutdown(&mut self, signal: Option<i32>) {
        self.end(Why::Interrupted(signal), "the program was asked to leave");
    }

    /// No child is left: the last records.
    pub(super) fn stopped(&mut self) {
        let Some(ending) = self.ending.as_ref() else { return };
        let (why, message) = (ending.why, ending.message.clone());
        self.close_what_runs();
        let (stopped_by, exit_code) = why.told();
        let finished = RunFinished {
            stopped_by: stopped_by.to_owned(),
            steps: self.state.run.progress.step,
            exit_message: message,
            exit_code,
            usage: self.state.spend.totals(),
            open_sessions: self.state.sessions.open().map(|session| session.short_id.clone()).collect(),
            unmerged: self.unmerged_words(true),
        };
        self.record(finished.clone());
        self.out.push(Effect::Sync);
        self.out.push(Effect::Snapshot);
        self.out.push(Effect::Finish(Box::new(finished)));
    }

    /// Turns and calls that have not reported by now never will.
    fn close_what_runs(&mut self) {
        let open: Vec<(SessionId, u32)> = self
            .state
            .sessions
            .all
            .iter()
            .filter(|session| session.doing != Doing::Ended)
            .filter_map(|session| Some((session.id, session.turn.as_ref()?.number)))
            .collect();
        for (id, turn) in open {
            let error = Some("the run ended".to_owned());
            let (status, response) = (TurnStatus::Interrupted, String::new());
            self.record_for(id, SessionTurnFinished { turn, status, response, error, duration_ms: 0 });
        }
        let running: Vec<_> = self.calls.running.keys().cloned().collect();
        for call_id in running {
            let text = "interrupted; its effect is unknown, check before repeating";
            let error = serde_json::json!({ "success": false, "interrupted": true, "error": text });
            self.give(&call_id, false, &error.to_string(), 0);
        }
        if self.state.run.progress.in_step && self.calls.pending.is_empty() {
            self.finish_step(true);
        }
    }
}
