//! The machine: an input and the time in, effects out. No await, no clock, no IO. Its state is the folds, changed only
//! by events that it has recorded itself; beside them stands what is in flight, which dies with the program.
//!
//! Read on in `run` (steps), `calls` (tools), `fleet` (sessions), `steer` (commands), `cards` (the inbox),
//! `governor` (budgets, with `room` and `flight`), `limits` and `parked`, `ending`.

use std::sync::Arc;

use uuid::Uuid;

use crate::{
    fold::State,
    protocol::{
        Body, Event, Recorded, SessionId,
        event::{ClockChanged, ProblemRaised, RunState, RunStateChanged, VERSION},
        ids::TaskId,
    },
};

use super::{
    calls::Calls,
    effect::{Effect, Input, Now, Timer},
    ending::Ending,
    fleet::Fleet,
    flight::Purse,
    rules::Rules,
    run::{Phase, StepRun},
};

/// Decisions that one input may lead to; far more than any reply has calls.
const MAX_ROUNDS: usize = 10_000;

/// The agent of one instance.
pub struct Machine {
    pub state: State,
    pub rules: Rules,
    pub(super) now: Now,
    pub(super) out: Vec<Effect>,
    pub(super) step: StepRun,
    pub(super) calls: Calls,
    pub(super) fleet: Fleet,
    pub(super) purse: Purse,
    pub(super) ending: Option<Ending>,
    pub(super) store_failed: bool,
    ids: fastrand::Rng,
    /// Sees each event with the state that it led to (tests).
    pub observer: Option<Observer>,
}

/// Sees each event with the state that it led to.
pub type Observer = Box<dyn FnMut(&Recorded, &State) + Send>;

impl Machine {
    /// A machine over the folded journal. `seed`: for the ids that it makes.
    pub fn new(state: State, rules: Rules, seed: u64, now: Now) -> Self {
        Self {
            state,
            rules,
            now,
            out: Vec::new(),
            step: StepRun::default(),
            calls: Calls::default(),
            fleet: Fleet::default(),
            purse: Purse::default(),
            ending: None,
            store_failed: false,
            ids: fastrand::Rng::with_seed(seed),
            observer: None,
        }
    }

    /// Decides.
    pub fn handle(&mut self, input: Input, now: Now) -> Vec<Effect> {
        let before = std::mem::replace(&mut self.now, now);
        if let Some(by_ms) = self.now.jumped_since(&before).filter(|_| self.state.run.launches > 0) {
            self.record(ClockChanged { by_ms });
        }
        match input {
            Input::Launch { started, recovered } => {
                self.begin_launch(*started, recovered.map(|mended| *mended))
            }
            Input::Command(command, from) => self.command(command, from),
            Input::WatchersSpoke { ask, gate, heard } => self.watchers_spoke(ask, gate, heard),
            Input::ModelReplied { call, reply } => self.model_replied(call, reply),
            Input::ModelFailed { call, error } => self.model_failed(call, error),
            Input::Summarized { call, result } => self.summarized(call, result),
            Input::FilesSurveyed { session, turn, changes } => self.files_surveyed(session, turn, changes),
            Input::ModelStreams { call, bytes } => self.model_streams(call, bytes),
            Input::ModelRetries { call, why, wait_ms } => self.model_retries(call, &why, wait_ms),
            Input::BashReturned { call_id, result } => self.bash_returned(&call_id, result),
            Input::WroteOutside { session, paths } => self.wrote_outside(session, &paths),
            Input::ChangedGuarded { session, turn, found } => self.changed_guarded(session, turn, &found),
            Input::DirChecked { key, result } => self.dir_checked(&key, result),
            Input::Settled { session, settled, tree } => {
                self.settled(session, *settled, tree.map(|tree| *tree));
            }
            Input::TrajectoryRead { call_id, output } => self.give(&call_id, true, &output, 0),
            Input::Session(id, news) => self.session_news(id, news),
            Input::Timer(timer) => self.timer(timer),
            Input::StoreFailed(message) => self.store_failed(message),
            Input::StoreRestored => self.store_restored(),
            Input::Stopped => self.stopped(),
        }
        self.advance();
        std::mem::take(&mut self.out)
    }

    /// Goes on for as long as something can be done at once.
    fn advance(&mut self) {
        for _ in 0..MAX_ROUNDS {
            if !self.turn_once() {
                return;
            }
        }
        self.problem("agent", "one decision led to too many others", "this is a defect: please report it");
    }

    fn turn_once(&mut self) -> bool {
        if self.ending.is_some() {
            return false;
        }
        if self.run_state() == RunState::Pausing && self.quiet() {
            let (reason, by) = (self.state.run.status.reason.clone(), self.state.run.status.by.clone());
            self.set_state(RunState::Paused, &reason, &by);
            self.out.push(Effect::Sync);
            self.out.push(Effect::Snapshot);
            return true;
        }
        if !self.running() {
            return false;
        }
        if !self.fleet.parked.is_empty() {
            if self.budget_stops() {
                return true;
            }
            self.continue_parked();
        }
        if self.start_queued_turns() {
            return true;
        }
        match self.step.phase {
            Phase::Between => self.begin_step(),
            Phase::Doing => self.do_calls(),
            Phase::Gate(_) | Phase::Summing(_) | Phase::Calling(_) | Phase::ToolsGate(_) | Phase::Alone => {
                false
            }
        }
    }

    /// True when neither a model call nor bash runs.
    fn quiet(&self) -> bool {
        let calling = matches!(
            self.step.phase,
            Phase::Gate(_) | Phase::Summing(_) | Phase::Calling(_) | Phase::ToolsGate(_)
        );
        !calling && !self.calls.bash_runs()
    }

    pub(super) fn run_state(&self) -> RunState {
        self.state.run.status.state
    }

    /// True when something new may start.
    pub(super) fn running(&self) -> bool {
        self.run_state() == RunState::Running && !self.store_failed && self.ending.is_none()
    }

    /// Records an event about the run as a whole.
    pub(super) fn record(&mut self, body: impl Into<Body>) {
        self.record_full(None, None, body.into());
    }

    /// Records an event about a session.
    pub(super) fn record_for(&mut self, session: SessionId, body: impl Into<Body>) {
        let task = self.state.ledger.of(session).and_then(|entry| entry.task_id);
        self.record_full(Some(session), task, body.into());
    }

    pub(super) fn record_full(&mut self, session_id: Option<SessionId>, task_id: Option<TaskId>, body: Body) {
        // A payload of ours always serialises; were it not so, the event would be lost, not the run.
        let Ok(payload) = body.payload() else { return };
        let redacted = self.rules.redactor.redact(&payload);
        let body = match &redacted {
            std::borrow::Cow::Borrowed(_) => body,
            std::borrow::Cow::Owned(text) => Body::parse(body.kind(), text).unwrap_or(body),
        };
        let (id, seq) = (self.new_id(), self.state.seq + 1);
        let event = Event { v: VERSION, id, seq, timestamp: self.now.stamp, session_id, task_id, body };
        let line: Arc<str> = Arc::from(event.to_line(&redacted));
        // What is applied is what a reader of the journal will apply: folds equal the live state by construction.
        debug_assert_eq!(
            Event::from_line(&line).as_ref(),
            Ok(&event),
            "an event is not read back as it was recorded"
        );
        self.state.apply(&event);
        let recorded = Arc::new(Recorded { event, line });
        if let Some(observer) = &mut self.observer {
            observer(&recorded, &self.state);
        }
        self.out.push(Effect::Record(recorded));
    }

    pub(super) fn set_state(&mut self, state: RunState, reason: &str, by: &str) {
        let (reason, by) = (reason.to_owned(), by.to_owned());
        self.record(RunStateChanged { state, reason, by, until: None });
    }

    pub(super) fn problem(&mut self, place: &str, message: &str, hint: &str) {
        let (place, message, hint) = (place.to_owned(), message.to_owned(), hint.to_owned());
        self.record(ProblemRaised { place, message, hint, fatal: false });
    }

    /// A random id (version 4).
    pub(super) fn new_id(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.ids.u128(..).to_le_bytes()).into_uuid()
    }

    fn timer(&mut self, timer: Timer) {
        match timer {
            Timer::Turn(session, turn) => self.turn_timed_out(session, turn),
            Timer::Call(call_id) => self.call_timed_out(&call_id),
            Timer::Wake => self.wake(),
            Timer::Demo(inbox) => self.demo_answers(inbox),
            Timer::Minutes => self.check_budget(),
            Timer::Look => self.look_at_activity(),
            Timer::AbortNow => self.abort_now(),
        }
    }

    fn store_failed(&mut self, message: String) {
        self.store_failed = true;
        self.out.push(Effect::Notice(crate::protocol::Notice::StoreFailed { message }));
        if !self.rules.human_present() {
            // Nobody can mend it: the driver gives up.
            self.out.push(Effect::Sync);
        }
    }

    fn store_restored(&mut self) {
        self.store_failed = false;
        self.out.push(Effect::Notice(crate::protocol::Notice::StoreRestored));
        // Only the human has it tried again, by going on: so it goes on.
        self.problem("store", "the journal could not be written for a while; nothing of it is lost", "");
    }
}
