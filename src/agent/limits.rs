//! Rate and usage limits with a reset time: the run sleeps until then, or stops; meanwhile new delegations may go to
//! another executor.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::protocol::{
    SessionId, Stamp,
    event::{RunState, RunStateChanged},
};

use super::{
    effect::{Effect, Timer},
    ending::Why,
    launch::Human,
    machine::Machine,
    reset_words,
};

/// Where a limit without a reset is from, in its card.
const UNTOLD: &str = "limit";

/// What is known of limits.
#[derive(Debug, Default)]
pub(super) struct Limits {
    /// When an adapter's limit is over.
    until: BTreeMap<String, Timestamp>,
    /// Sessions whose running turn has met a limit: its words and its reset.
    met: BTreeMap<SessionId, (String, Option<String>)>,
}

impl Limits {
    /// When the limit of this adapter is over, if it is limited now.
    pub(super) fn of(&self, adapter: &str, now: Timestamp) -> Option<Timestamp> {
        self.until.get(adapter).copied().filter(|until| *until > now)
    }
}

impl Machine {
    /// Whole seconds until a time, at least one; `None`: there is no such time, or it is over.
    fn seconds_until(&self, until: Option<&str>) -> Option<u64> {
        let until: Timestamp = until?.parse().ok()?;
        let left = until.as_millisecond() - self.now.stamp.at.as_millisecond();
        u64::try_from(left).ok().map(|left| left / 1000 + 1)
    }

    /// Whether the run may sleep that long.
    fn may_sleep(&self, seconds: u64) -> bool {
        let wanted = self.rules.config.limits.sleep;
        match self.rules.human {
            Human::Present => wanted,
            Human::Absent { max_wait_seconds, .. } => wanted && seconds <= max_wait_seconds,
        }
    }

    /// When a limit is over: as it is told in a field, else as its words have it. In the form of our own stamps.
    fn reset(&self, message: &str, until: Option<String>) -> Option<String> {
        let told = until.and_then(|text| text.parse().ok());
        let at = told.or_else(|| reset_words::reset(message, self.now.stamp))?;
        Some(Stamp::new(at, &self.now.stamp.offset.to_time_zone()).to_string())
    }

    /// A limit of the orchestrator's model: sleep until it is over where that is wanted, else stop.
    pub(super) fn limited(&mut self, message: &str, until: Option<String>) {
        let until = self.reset(message, until);
        match self.seconds_until(until.as_deref()) {
            Some(seconds) if self.may_sleep(seconds) => self.sleep(message, until, seconds),
            _ if self.rules.human_present() => {
                self.failed("model", message, "continue when the limit is over");
            }
            _ => self.end(Why::Limit, message),
        }
    }

    fn sleep(&mut self, message: &str, until: Option<String>, seconds: u64) {
        match self.run_state() {
            RunState::Running => {}
            RunState::Sleeping if until > self.state.run.status.until => {}
            _ => return,
        }
        let reason = message.to_owned();
        self.record(RunStateChanged { state: RunState::Sleeping, reason, by: "limit".into(), until });
        self.hold_queue(true);
        self.out.push(Effect::SetTimer(Timer::Wake, Duration::from_secs(seconds)));
        self.out.push(Effect::Sync);
        self.out.push(Effect::Snapshot);
    }

    pub(super) fn wake(&mut self) {
        if self.run_state() == RunState::Sleeping {
            self.set_state(RunState::Running, "the limit is over", "limit");
            self.hold_queue(false);
        }
    }

    /// An executor says that it is limited; its turn will fail.
    pub(super) fn session_limited(&mut self, id: SessionId, message: &str, until: Option<String>) {
        let Some(session) = self.state.sessions.get(id) else { return };
        let adapter = session.who.adapter.clone();
        let until = self.reset(message, until);
        let reset: Option<Timestamp> = until.as_deref().and_then(|until| until.parse().ok());
        let known = match reset {
            Some(reset) => self.fleet.parked.limits.until.insert(adapter, reset) == Some(reset),
            None => self.fleet.parked.limits.met.contains_key(&id),
        };
        if !known {
            let told = until.as_deref().map(|until| self.now.stamp.tell(until));
            let hint = told.map(|until| format!("the limit is over at {until}")).unwrap_or_default();
            self.session_problem(id, message, &hint);
        }
        self.fleet.parked.limits.met.insert(id, (message.to_owned(), until));
    }

    /// A turn has failed. True: by a limit, and it goes on when that is over.
    pub(super) fn waits_for_limit(&mut self, id: SessionId) -> bool {
        let Some((message, until)) = self.fleet.parked.limits.met.remove(&id) else { return false };
        let Some(session) = self.state.sessions.get(id) else { return false };
        let who = format!("{} ({}): {message}", session.short_id, session.who.adapter);
        if self.ending.is_some() || self.fallback(&session.who.adapter.clone()).is_some() {
            return false;
        }
        let Some(seconds) = self.seconds_until(until.as_deref()) else {
            return until.is_none() && self.ask_about_limit(&who);
        };
        if self.may_sleep(seconds) {
            self.sleep(&who, until, seconds);
            return true;
        }
        if !self.rules.human_present() {
            self.end(Why::Limit, &who);
        }
        false
    }

    /// Nobody knows when a limit is over: only the human can say when to try again. False: no human is there; whoever
    /// waits for the turn is told that it has failed.
    fn ask_about_limit(&mut self, who: &str) -> bool {
        if !self.rules.human_present() {
            return false;
        }
        let open = self.state.inbox.open.iter();
        if !open.into_iter().any(|card| card.opened.detail["where"] == UNTOLD) {
            self.failed(UNTOLD, who, "it does not say when it is over: try again when you know that it is");
        }
        true
    }

    pub(super) fn forget_limit(&mut self, id: SessionId) {
        self.fleet.parked.limits.met.remove(&id);
    }

    /// Who takes the delegations of a limited adapter, and until when; `None`: it is not limited, or nobody.
    pub(super) fn fallback(&self, adapter: &str) -> Option<(String, Timestamp)> {
        let now = self.now.stamp.at;
        let until = self.fleet.parked.limits.of(adapter, now)?;
        let other = self.rules.config.limits.fallback_adapter.as_deref()?;
        let usable = self.rules.adapters.get(other).is_some_and(|other| other.installed);
        let free = usable && other != adapter && self.fleet.parked.limits.of(other, now).is_none();
        free.then(|| (other.to_owned(), until))
    }
}
