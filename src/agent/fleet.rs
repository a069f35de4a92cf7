//! The fleet: sessions of executors, the queue of their turns, what they ask, and which results the model has seen.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::PathBuf,
    time::Duration,
};

use crate::{
    executors::{self, Order, Resume, SessionSpec},
    fold::State,
    protocol::{
        NudgeId, SessionId,
        event::{
            By, ForkedFrom, Mode, RunKind, SessionStarted, SessionTurnFinished, SessionTurnQueued,
            SessionTurnStarted, TurnStatus,
        },
        ids::TaskId,
        tree::{Settle, Tree},
    },
    tools,
};

use super::{
    approvals::Asks,
    calls::On,
    effect::{Effect, Timer},
    ending::Why,
    found::FileLooks,
    machine::Machine,
    parked::Parked,
    post::Posted,
    rules,
};

/// Sessions in flight.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    /// Sessions whose task is alive in this process.
    pub live: BTreeSet<SessionId>,
    /// Sessions with a turn that waits for a free place, oldest first.
    pub queue: VecDeque<SessionId>,
    pub asks: Asks,
    /// Milliseconds of the monotonic clock at which the running turns began.
    pub began: BTreeMap<SessionId, u64>,
    /// Ended turns that the model has not been told of.
    untold: BTreeSet<(SessionId, u32)>,
    /// Sessions to be started by hand, while their directory is looked at.
    pub by_hand: BTreeMap<String, ByHand>,
    /// Sessions whose work is being merged, discarded or tidied.
    pub settling: BTreeMap<SessionId, Settle>,
    /// Sessions whose worktree was looked at after their end.
    pub tidied: BTreeSet<SessionId>,
    /// Nudges that an executor was handed and has not taken: what the human wants with each since.
    pub posted: BTreeMap<NudgeId, Posted>,
    /// A look at what executors do is due.
    pub look_due: bool,
    pub looks: FileLooks,
    pub parked: Parked,
}

/// What the human wants done by a session whose directory is being looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ByHand {
    pub adapter: Option<String>,
    pub prompt: String,
    /// It goes on from this session's conversation, in a worktree of its own.
    pub fork_of: Option<SessionId>,
}

impl Fleet {
    /// Ended turns that the model has not been told of.
    pub(super) fn untold(&self) -> &BTreeSet<(SessionId, u32)> {
        &self.untold
    }

    /// The model gets the newest result of a session by a tool.
    pub(super) fn tell(&mut self, state: &State, id: SessionId) {
        if let Some(last) = state.sessions.get(id).and_then(|session| session.last.as_ref()) {
            self.untold.retain(|&(session, turn)| session != id || turn > last.number);
        }
    }

    /// The model has answered to an observation that told of all.
    pub(super) fn tell_all(&mut self, _state: &State) {
        self.untold.clear();
    }

    /// Sessions that wait for an approval.
    pub(super) fn asking(&self) -> Vec<SessionId> {
        let all: BTreeSet<_> = self.asks.open.values().map(|(session, _)| *session).collect();
        all.into_iter().collect()
    }
}

/// What a new session is to be.
pub(super) struct NewSession {
    pub adapter: String,
    pub model: Option<String>,
    pub cwd: PathBuf,
    pub task: String,
    pub mode: Mode,
    pub by: By,
    /// A worktree of its own.
    pub tree: Option<Tree>,
    /// The conversation that it goes on from.
    pub parent: Option<ForkedFrom>,
}

impl Machine {
    /// An adapter that is known and installed.
    /// `model`: the one that is asked for; without a wish for an adapter it chooses its own.
    pub(super) fn choose_adapter(
        &self,
        wanted: Option<&str>,
        model: Option<&str>,
    ) -> Result<String, (String, String)> {
        let adapters = &self.rules.adapters;
        let own = || model.and_then(executors::of_model).filter(|name| adapters.has(name)).map(str::to_owned);
        let Some(name) = wanted.map(str::to_owned).or_else(own).or_else(|| adapters.default.clone()) else {
            return Err(("no executor is installed".to_owned(), "install codex or claude".to_owned()));
        };
        match adapters.get(&name) {
            None => Err((
                format!("there is no adapter '{name}'"),
                format!("known adapters: {}", adapters.names()),
            )),
            Some(adapter) if !adapter.installed => {
                Err((format!("the executor '{name}' is not installed"), adapter.hint.clone()))
            }
            Some(_) => Ok(name),
        }
    }

    pub(super) fn delegated(&mut self, call_id: &str, session: SessionId) {
        let Some(found) = self.state.sessions.get(session) else { return };
        if found.mode == Mode::Async {
            let result = tools::delegate_started(found);
            return self.give_result(call_id, Ok(result));
        }
        let turn = found.turns;
        if let Some(call) = self.calls.running.get_mut(call_id) {
            call.on = On::Turn { session, turn, converse: false };
        }
    }

    /// The name of the next session.
    pub(super) fn next_short_id(&self) -> String {
        format!("s{}", self.state.sessions.all.len() + 1)
    }

    /// Records a new session and asks for its first turn.
    pub(super) fn open_session(&mut self, new: NewSession) -> SessionId {
        let id = SessionId(self.new_id());
        let task_id = TaskId(self.new_id());
        // claude is told its conversation's id, so that it can be resumed however early it dies.
        let native_id = (new.adapter == "claude").then(|| id.to_string());
        let started = SessionStarted {
            adapter: new.adapter,
            mode: new.mode,
            task: new.task.clone(),
            short_id: self.next_short_id(),
            model: new.model,
            working_dir: rules::text(&new.cwd),
            native_id,
            cli_version: None,
            isolation: if new.tree.is_some() { "worktree" } else { "none" }.to_owned(),
            pid: None,
            shared_pid: false,
            parent: new.parent,
        };
        self.record_full(Some(id), Some(task_id), crate::protocol::Body::from(started));
        if let Some(tree) = new.tree {
            self.note_tree(id, tree);
        }
        self.queue_turn(id, new.task, new.by);
        id
    }

    /// Asks for a turn: it starts at once where there is a free place.
    pub(super) fn queue_turn(&mut self, id: SessionId, prompt: String, by: By) {
        let Some(session) = self.state.sessions.get(id) else { return };
        let turn = session.turns + 1;
        let free = self.free_place() && !self.fleet.settling.contains_key(&id);
        let starts = self.running() && free && self.fleet.queue.is_empty() && !self.waits_for_leave(id);
        if starts && self.turn_has_room(id, &prompt).is_ok() {
            self.start_turn(id, turn, prompt, by);
        } else {
            let held = !self.running();
            self.record_for(id, SessionTurnQueued { turn, prompt, held, by });
            self.fleet.queue.push_back(id);
        }
    }

    fn free_place(&self) -> bool {
        let limit = self.rules.config.orchestrator.parallel_delegations.max(1) as usize;
        self.state.sessions.working().count() < limit
    }

    /// Starts queued turns while there are free places and they fit. True: one that does not fit led to something.
    pub(super) fn start_queued_turns(&mut self) -> bool {
        while self.free_place() {
            let queue: Vec<_> = self.fleet.queue.iter().copied().enumerate().collect();
            let waits = |machine: &mut Self, id| {
                machine.fleet.settling.contains_key(&id) || machine.waits_for_leave(id)
            };
            let Some((at, id)) = queue.into_iter().find(|(_, id)| !waits(self, *id)) else { return false };
            let turn = self.state.sessions.get(id).and_then(|session| session.turn.clone());
            if let Some(turn) = &turn
                && let Err(why) = self.turn_has_room(id, &turn.prompt)
            {
                return self.turn_does_not_fit(id, turn.number, &why);
            }
            self.fleet.queue.remove(at);
            if let Some(turn) = turn {
                self.start_turn(id, turn.number, turn.prompt, turn.by);
            }
        }
        false
    }

    /// Shows the queued turns as held, or as queued again.
    pub(super) fn hold_queue(&mut self, held: bool) {
        for id in self.fleet.queue.clone() {
            let turn = self.state.sessions.get(id).and_then(|session| session.turn.clone());
            if let Some(turn) = turn {
                let (number, prompt, by) = (turn.number, turn.prompt, turn.by);
                self.record_for(id, SessionTurnQueued { turn: number, prompt, held, by });
            }
        }
    }

    fn start_turn(&mut self, id: SessionId, turn: u32, prompt: String, by: By) {
        self.reserve_turn(id, &prompt);
        self.record_for(id, SessionTurnStarted { turn, prompt: prompt.clone(), by });
        self.fleet.began.insert(id, self.now.mono_ms);
        self.survey_before(id);
        self.out.push(Effect::Sync);
        if self.fleet.live.insert(id) {
            self.start_session(id);
        }
        self.out.push(Effect::Order(id, Order::Turn { turn, prompt }));
        let timeout = Duration::from_secs(self.rules.config.executor.timeout);
        self.out.push(Effect::SetTimer(Timer::Turn(id, turn), timeout));
        self.watch_for_silence();
        self.watch_the_clock();
    }

    fn start_session(&mut self, id: SessionId) {
        let Some(session) = self.state.sessions.get(id) else { return };
        let parent = session.who.parent.as_ref();
        let resume = (session.turns > 1 || session.last.is_some() || parent.is_some()).then(|| Resume {
            native_id: session.who.native_id.clone(),
            fork_of: parent.map(|parent| parent.native_id.clone()),
            counted: session.spent.reported,
            turns: session.last.as_ref().map_or(0, |last| last.number),
        });
        let spec = SessionSpec {
            id,
            short_id: session.short_id.clone(),
            adapter: session.who.adapter.clone(),
            model: session.who.model.clone(),
            cwd: PathBuf::from(&session.who.working_dir),
            task: session.task.clone(),
            resume,
            approval: self.rules.approval(),
            sandbox: self.sandbox(id),
            dir: self.rules.session_dir(id),
            prepare: session.who.isolated.as_ref().map(|isolated| self.rules.prepare(isolated)),
        };
        self.out.push(Effect::StartSession(Box::new(spec)));
    }

    pub(super) fn turn_ended(
        &mut self,
        id: SessionId,
        turn: u32,
        status: TurnStatus,
        response: String,
        error: Option<String>,
    ) {
        self.turn_landed(id);
        let (why, cut) = self.fleet.parked.ended(id, status);
        let error = error.or(why);
        let duration_ms =
            self.fleet.began.remove(&id).map_or(0, |began| self.now.mono_ms.saturating_sub(began));
        self.record_for(id, SessionTurnFinished { turn, status, response, error, duration_ms });
        self.out.push(Effect::Sync);
        self.out.push(Effect::ClearTimer(Timer::Turn(id, turn)));
        self.survey_after(id, turn);
        self.drop_asks(id);
        let limited = status == TurnStatus::Failed && self.waits_for_limit(id);
        self.forget_limit(id);
        if (limited || cut) && self.ending.is_none() {
            return self.fleet.parked.add(id);
        }
        self.tell_turn(id, turn);
        self.send_queued_nudges(id);
        if self.state.run.kind == RunKind::Exec
            && self.state.sessions.get(id).is_some_and(|s| s.turn.is_none())
        {
            self.end_alone(id);
        }
    }

    /// Whoever waits for a turn is told that it is over; else the next observation tells.
    pub(super) fn tell_turn(&mut self, id: SessionId, turn: u32) {
        self.fleet.untold.insert((id, turn));
        self.give_waiting_turns(id, turn);
        self.wake_waiters(Some(id), "session");
    }

    /// Calls that wait for this turn return.
    pub(super) fn give_waiting_turns(&mut self, id: SessionId, turn: u32) {
        let waits = |on: &On| matches!(on, On::Turn { session, turn: t, .. } if *session == id && *t == turn);
        for call_id in self.calls.ids(waits) {
            self.give_turn(&call_id, id);
        }
    }

    /// A sync `delegate` or a `converse` returns.
    fn give_turn(&mut self, call_id: &str, id: SessionId) {
        let converse = matches!(
            self.calls.running.get(call_id).map(|call| &call.on),
            Some(On::Turn { converse: true, .. })
        );
        let Some(session) = self.state.sessions.get(id) else { return };
        let file = rules::text(&self.rules.session_dir(id).join("messages.json"));
        let result = if converse {
            tools::converse_ended(session, &file)
        } else {
            tools::delegate_ended(session, &file)
        };
        self.fleet.tell(&self.state, id);
        self.give_result(call_id, result);
    }

    fn end_alone(&mut self, id: SessionId) {
        let Some(last) = self.state.sessions.get(id).and_then(|session| session.last.clone()) else { return };
        match last.status {
            TurnStatus::Completed => self.end(Why::Exit, &last.response),
            TurnStatus::Interrupted => self.end(Why::Interrupted(None), "the turn was interrupted"),
            TurnStatus::Failed => self.end(Why::Error, last.error.as_deref().unwrap_or("the turn failed")),
        }
    }

    pub(super) fn turn_timed_out(&mut self, id: SessionId, turn: u32) {
        let runs =
            self.state.sessions.get(id).and_then(|s| s.turn.as_ref()).is_some_and(|t| t.number == turn);
        if runs {
            let seconds = self.rules.config.executor.timeout;
            self.session_problem(
                id,
                &format!("the turn took longer than {seconds} s and is interrupted"),
                "",
            );
            self.out.push(Effect::Order(id, Order::Interrupt));
        }
    }
}
