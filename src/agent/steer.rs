//! Commands: what the human (here or from another process) asks, and what the machine makes of it.

use crate::{
    executors::Order,
    fold::{nudges::Stage, sessions::Doing},
    protocol::{
        Command, NudgeId, NudgeTarget, Sender, SessionId,
        command::{Cap, Delivery},
        event::{
            BudgetChanged, By, CommandReceived, CompactionUndone, Mode, NudgeQueued, NudgeWithdrawn, RunKind,
            RunRenamed, RunState, WatcherChanged,
        },
    },
};

use super::{
    effect::{Checked, Effect, Refusal},
    ending::Why,
    fleet::{ByHand, NewSession},
    machine::Machine,
    run::{Phase, Stop},
};

impl Machine {
    /// Records a command, then carries it out.
    pub(super) fn command(&mut self, command: Command, from: Sender) {
        self.record(CommandReceived { command: command.clone(), from });
        self.out.push(Effect::Sync);
        match command {
            Command::Nudge { nudge, target, text, how } => self.nudge(nudge, target, text, how),
            Command::EditNudge { nudge, text } => self.edit_nudge(nudge, text),
            Command::WithdrawNudge { nudge } => self.withdraw_nudge(nudge),
            Command::Pause { now } => self.pause_by_human(now),
            Command::Resume => self.resume(),
            Command::StepOnce => self.step_once(),
            Command::Reply(reply) => self.reply(reply),
            Command::SetBudget { cap, value } => self.set_budget(cap, value),
            Command::SetWatcher { name, mode, rule, config, taken_back } => {
                let by = "human".to_owned();
                self.set_watcher(WatcherChanged { watcher: name, mode, by, rule, config, taken_back });
            }
            Command::Interrupt { session } => {
                if self.fleet.live.contains(&session) {
                    self.out.push(Effect::Order(session, Order::Interrupt));
                }
            }
            Command::EndSession { session } => self.end_by_human(session),
            Command::Spawn { adapter, prompt, cwd } => self.spawn_by_hand(adapter, prompt, cwd),
            Command::Fork { session, prompt } => self.fork(session, prompt),
            Command::Settle { session, how } => self.settle_by_human(session, how),
            Command::Rename { name } => self.rename(&name),
            Command::UndoCompaction => self.undo_compaction(),
            Command::Abort { at_once } => self.abort(at_once, Why::HumanAbort, "aborted by the human"),
            Command::Shutdown { signal } => self.shutdown(signal),
        }
    }

    pub(super) fn is_queued(&self, nudge: NudgeId) -> bool {
        self.state.nudges.get(nudge).is_some_and(|nudge| nudge.stage == Stage::Queued)
    }

    fn nudge(&mut self, nudge_id: NudgeId, target: NudgeTarget, text: String, how: Delivery) {
        if text.trim().is_empty() || self.state.nudges.get(nudge_id).is_some() {
            return;
        }
        self.record(NudgeQueued { nudge_id, target, text: text.clone(), by: "human".to_owned() });
        self.out.push(Effect::Sync);
        match target {
            NudgeTarget::Orchestrator => self.wake_waiters(None, "human"),
            NudgeTarget::Session(id) => self.nudge_session(id, nudge_id, text, how),
        }
    }

    /// The human's reason for a refusal, to an executor whose protocol has no place for it: as a nudge.
    pub(super) fn tell_why(&mut self, id: SessionId, why: String) {
        /// claude is told with the refusal itself; behind a script there is nobody to tell.
        const OTHERWISE: [&str; 2] = ["claude", "script"];
        let adapter = self.state.sessions.get(id).map(|session| session.who.adapter.as_str());
        if adapter.is_some_and(|adapter| !OTHERWISE.contains(&adapter)) {
            let (nudge, text) =
                (NudgeId(self.new_id()), format!("What you asked leave for was declined: {why}"));
            self.nudge(nudge, NudgeTarget::Session(id), text, Delivery::Auto);
        }
    }

    fn nudge_session(&mut self, id: SessionId, nudge: NudgeId, text: String, how: Delivery) {
        let Some(session) = self.state.sessions.get(id) else {
            return self
                .record(NudgeWithdrawn { nudge_id: nudge, why: "there is no such session".to_owned() });
        };
        match session.doing {
            Doing::Ended => {
                let why = format!("{} has ended", session.short_id);
                self.record(NudgeWithdrawn { nudge_id: nudge, why });
            }
            Doing::Idle => self.send_queued_nudges(id),
            Doing::Working if how == Delivery::Auto => self.post(id, nudge, text),
            Doing::Working | Doing::Queued | Doing::Held => {}
        }
    }

    fn pause_by_human(&mut self, now: bool) {
        match self.run_state() {
            RunState::Running | RunState::Sleeping => self.pause("paused", "human"),
            RunState::Pausing | RunState::Paused if now => {}
            _ => return,
        }
        let interrupt = self.rules.config.pause.executors == crate::config::PauseExecutors::Interrupt;
        if now {
            self.cancel_model();
            self.interrupt_calls();
        }
        if now || interrupt {
            self.interrupt_turns();
        }
    }

    /// Cancels the model call in flight; what had streamed is kept when it reports.
    pub(super) fn cancel_model(&mut self) {
        if let Phase::Calling(call) | Phase::Summing(call) = self.step.phase {
            self.out.push(Effect::CancelModel { call });
        }
    }

    /// Interrupts every running turn; the sessions stay usable.
    pub(super) fn interrupt_turns(&mut self) -> Vec<String> {
        let running: Vec<_> = self.state.sessions.working().map(|s| (s.id, s.short_id.clone())).collect();
        for (id, _) in &running {
            if self.fleet.live.contains(id) {
                self.out.push(Effect::Order(*id, Order::Interrupt));
            }
        }
        running.into_iter().map(|(_, short)| short).collect()
    }

    /// Goes on after a pause.
    pub(super) fn resume(&mut self) {
        if self.store_failed {
            self.out.push(Effect::RetryStore);
        }
        if !matches!(self.run_state(), RunState::Pausing | RunState::Paused | RunState::Sleeping) {
            return;
        }
        self.drop_cards_of_the_pause();
        self.set_state(RunState::Running, "", "human");
        self.out.push(Effect::ClearTimer(super::effect::Timer::Wake));
        self.hold_queue(false);
        self.out.push(Effect::Sync);
    }

    fn step_once(&mut self) {
        if matches!(self.run_state(), RunState::Pausing | RunState::Paused | RunState::Sleeping) {
            // A step that only waits is not the one that is asked for; one whose calls were held is.
            let waits = self.state.run.progress.in_step && self.calls.pending.is_empty();
            self.step.stop = if waits { Stop::AfterNext } else { Stop::AfterThis };
            self.resume();
        }
    }

    /// Sets a cap of the run.
    pub(super) fn set_budget(&mut self, cap: Cap, value: Option<f64>) {
        if value.is_some_and(|value| !value.is_finite() || value < 0.0) {
            return self.problem("budget", "a cap must be a number that is not negative", "");
        }
        let spent = self.spent_of(cap);
        let scope = crate::fold::caps::RUN.to_owned();
        self.record(BudgetChanged { which: cap, spent, cap: value, scope });
        self.out.push(Effect::Sync);
        self.check_budget();
    }

    fn end_by_human(&mut self, id: SessionId) {
        if self.state.sessions.get(id).is_some_and(|session| session.doing != Doing::Ended) {
            self.complete_session(id, "cancelled", Some("ended by the human".to_owned()));
        }
    }

    fn spawn_by_hand(&mut self, adapter: Option<String>, prompt: String, cwd: Option<String>) {
        if prompt.trim().is_empty() {
            return self.problem("session", "a session needs a prompt", "");
        }
        let key = format!("hand-{}", self.new_id());
        self.fleet.by_hand.insert(key.clone(), ByHand { adapter, prompt, fork_of: None });
        let short_id = self.next_short_id();
        self.out.push(Effect::CheckDir { key, dir: cwd, short_id, fork_of: None });
    }

    /// The directory of a session by hand is known.
    pub(super) fn spawned_by_hand(
        &mut self,
        adapter: Option<String>,
        task: String,
        checked: Result<Checked, Refusal>,
    ) {
        let alone = self.state.run.kind == RunKind::Exec;
        let checked = checked.map_err(|refusal| (refusal.error, refusal.hint));
        let found = checked.and_then(|it| match self.choose_adapter(adapter.as_deref(), None) {
            Ok(adapter) => Ok((it, adapter)),
            Err(refusal) => {
                self.unused(it.tree);
                Err(refusal)
            }
        });
        let (Checked { cwd, tree }, adapter) = match found {
            Ok(found) => found,
            Err((error, hint)) if alone => return self.failed("executor", &error, &hint),
            Err((error, hint)) => return self.problem("session", &error, &hint),
        };
        let model = self.rules.session_model(&adapter, None);
        let mode = if alone { Mode::Sync } else { Mode::Async };
        self.open_session(NewSession { adapter, model, cwd, task, mode, by: By::Human, tree, parent: None });
    }

    fn rename(&mut self, name: &str) {
        let name = crate::text::cut::name(name);
        if !name.is_empty() && name != self.state.run.name {
            self.record(RunRenamed { name });
        }
    }

    fn undo_compaction(&mut self) {
        match self.state.history.undoable() {
            Some(compaction_seq) => self.record(CompactionUndone { compaction_seq }),
            None => self.problem("compaction", "there is no compaction to undo", ""),
        }
    }
}
