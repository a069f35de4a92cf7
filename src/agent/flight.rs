//! What is in flight: model calls and turns whose cost is not counted yet. While they stream it is estimated from what
//! has streamed (about four bytes a token); each report replaces the estimate. Dies with the program, as they do.

use std::collections::BTreeMap;

use crate::{
    executors::News,
    protocol::{
        SessionId, Usage,
        command::Cap,
        event::{Scope, UsageRecorded},
        live::{InFlight, Notice},
    },
};

use super::{effect::Effect, machine::Machine, run::Phase};

/// Bytes of text that count as one token in an estimate.
const BYTES_PER_TOKEN: u64 = 4;
/// The least time between two words about what is in flight, in milliseconds.
const TOLD_EVERY_MS: u64 = 500;

/// All that is in flight.
#[derive(Debug, Default)]
pub(super) struct Purse {
    /// The orchestrator's call.
    call: Flight,
    /// Running turns.
    sessions: BTreeMap<SessionId, Flight>,
    /// What clients were told last, and when.
    told: InFlight,
    told_ms: u64,
    /// It was said that a price is unknown.
    pub unpriced: bool,
    /// What became of the orchestrator's newest call.
    cut: CutCall,
}

/// A call of the orchestrator that a cap has cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum CutCall {
    #[default]
    No,
    /// It was cancelled, or is about to be.
    Cut,
    /// The human lets the step be asked once more, over the cap.
    Again,
}

/// One of them.
#[derive(Clone, Debug, Default)]
struct Flight {
    /// Tokens that it takes at least, set aside when it started; 0 once something of it was counted.
    reserved: u64,
    /// What it has cost beyond what is counted, by estimate.
    usage: Usage,
    model: String,
    /// Dollars of that estimate, where the price is known.
    cost_usd: f64,
}

impl Flight {
    fn tokens(&self) -> u64 {
        self.usage.total()
    }

    /// Of what was set aside, the part that the estimate has not reached.
    fn still_reserved(&self) -> u64 {
        self.reserved.saturating_sub(self.tokens())
    }
}

impl Purse {
    fn of(&self, which: Cap) -> impl Iterator<Item = &Flight> {
        let call = !matches!(which, Cap::MaxExecutorTokens);
        let sessions = !matches!(which, Cap::MaxOrchestratorTokens);
        let call = call.then_some(&self.call).into_iter();
        call.chain(self.sessions.values().filter(move |_| sessions))
    }

    /// The estimate for a cap of the run, beyond what is counted.
    pub(super) fn in_flight(&self, which: Cap) -> f64 {
        match which {
            Cap::MaxTokens | Cap::MaxOrchestratorTokens | Cap::MaxExecutorTokens => {
                self.of(which).map(Flight::tokens).sum::<u64>() as f64
            }
            Cap::MaxCostUsd => self.of(which).map(|flight| flight.cost_usd).sum(),
            _ => 0.0,
        }
    }

    /// The same for a session.
    pub(super) fn in_flight_of(&self, id: SessionId, which: Cap) -> f64 {
        let Some(flight) = self.sessions.get(&id) else { return 0.0 };
        match which {
            Cap::MaxTokens => flight.tokens() as f64,
            Cap::MaxCostUsd => flight.cost_usd,
            _ => 0.0,
        }
    }

    /// Tokens that are set aside for what has started, beyond the estimates.
    pub(super) fn reserved(&self, which: Cap) -> u64 {
        self.of(which).map(Flight::still_reserved).sum()
    }

    /// Sets tokens aside for a turn.
    pub(super) fn reserve_turn(&mut self, id: SessionId, reserved: u64) {
        self.sessions.insert(id, Flight { reserved, ..Flight::default() });
    }

    /// Sets tokens aside for the orchestrator's call.
    pub(super) fn reserve_call(&mut self, reserved: u64) {
        self.call = Flight { reserved, ..Flight::default() };
        self.cut = CutCall::No;
    }

    /// The newest call was cut by a cap and no other was made since.
    pub(super) fn call_was_cut(&self) -> bool {
        self.cut != CutCall::No
    }

    /// The human wants the step finished: the call that was cut is made again, over the cap.
    pub(super) fn ask_again(&mut self) {
        if self.cut == CutCall::Cut {
            self.cut = CutCall::Again;
        }
    }

    /// Whether the next call may be made over the cap.
    pub(super) fn asks_again(&self) -> bool {
        self.cut == CutCall::Again
    }

    /// The call was counted, or is over.
    pub(super) fn call_counted(&mut self) {
        self.call = Flight::default();
    }

    fn now(&self) -> InFlight {
        let sessions = self.sessions.iter().filter(|(_, flight)| flight.tokens() > 0);
        InFlight {
            orchestrator: self.call.tokens(),
            micro_usd: (self.in_flight(Cap::MaxCostUsd) * 1e6) as u64,
            sessions: sessions.map(|(id, flight)| (*id, flight.tokens())).collect(),
        }
    }
}

impl Machine {
    /// The orchestrator's call, of a step or for a summary, streams: `bytes` so far.
    pub(super) fn model_streams(&mut self, call: u64, bytes: u64) {
        if ![Phase::Calling(call), Phase::Summing(call)].contains(&self.step.phase) {
            return;
        }
        // What was set aside for it is its request.
        let input = self.purse.call.reserved;
        let usage = Usage { input, output: bytes.div_ceil(BYTES_PER_TOKEN), ..Usage::default() };
        let cost = self.rules.model.prices.cost(&self.rules.model.name, &usage);
        let flight = &mut self.purse.call;
        (flight.usage, flight.cost_usd) = (usage, cost.unwrap_or(0.0));
        self.tell_flight(false);
        self.check_budget();
    }

    /// A cap of the run is met: the orchestrator's call in flight is cancelled, unless it costs nothing of what is capped.
    /// What had streamed is kept when it reports (`model_failed`); when the run goes on, the model is asked again.
    pub(super) fn cut_call(&mut self, which: Cap) {
        if which != Cap::MaxExecutorTokens && matches!(self.step.phase, Phase::Calling(_) | Phase::Summing(_))
        {
            self.purse.cut = CutCall::Cut;
            self.cancel_model();
        }
    }

    /// The call was cut: what had streamed is paid for, and nobody will count it.
    pub(super) fn count_cut_call(&mut self) {
        let usage = self.purse.call.usage;
        self.purse.call_counted();
        if !usage.is_zero() {
            let model = self.rules.model.name.clone();
            let cost = self.rules.model.prices.cost(&model, &usage);
            self.record(UsageRecorded::new(Scope::Orchestrator, &model, usage, cost, true));
            self.tell_flight(true);
        }
    }

    /// Estimated tokens as this provider counts them.
    pub(super) fn request_tokens(&self, estimated: u64) -> u64 {
        let ratio = if self.step.ratio == 0.0 { 1.0 } else { self.step.ratio };
        (estimated as f64 * ratio) as u64
    }

    /// A turn streams.
    pub(super) fn turn_streams(&mut self, id: SessionId, usage: Usage, model: Option<String>) {
        let Some(session) = self.state.sessions.get(id).filter(|session| session.turn.is_some()) else {
            return;
        };
        let model = model.or(session.who.model.clone()).unwrap_or_default();
        let cost_usd = self.rules.model.prices.cost(&model, &usage).unwrap_or(0.0);
        let flight = self.purse.sessions.entry(id).or_default();
        (flight.usage, flight.model, flight.cost_usd) = (usage, model, cost_usd);
        self.tell_flight(false);
        self.check_budget();
    }

    /// A session's tokens were counted: the estimate is void.
    pub(super) fn turn_counted(&mut self, id: SessionId, news: News) {
        let News::Usage { usage, model, cost_usd, estimated } = news else { return };
        if let Some(flight) = self.purse.sessions.get_mut(&id) {
            *flight = Flight::default();
        }
        let known = self.state.sessions.get(id).and_then(|session| session.who.model.clone());
        let model = model.or(known).unwrap_or_default();
        let cost = cost_usd.or_else(|| self.rules.model.prices.cost(&model, &usage));
        self.record_for(id, UsageRecorded::new(Scope::Session, &model, usage, cost, estimated));
        self.say_unpriced(&model, cost);
        self.tell_flight(true);
        self.check_budget();
    }

    /// A turn is over: what nobody has counted of it stays as an estimate.
    pub(super) fn turn_landed(&mut self, id: SessionId) {
        let Some(flight) = self.purse.sessions.remove(&id) else { return };
        if !flight.usage.is_zero() {
            let cost = self.rules.model.prices.cost(&flight.model, &flight.usage);
            let usage = UsageRecorded::new(Scope::Session, &flight.model, flight.usage, cost, true);
            self.record_for(id, usage);
        }
        self.tell_flight(true);
    }

    /// A cap on dollars that cannot be counted is said, once.
    pub(super) fn say_unpriced(&mut self, model: &str, cost: Option<f64>) {
        let capped =
            self.cap(Cap::MaxCostUsd).is_some() || self.state.spend.caps.cap("", Cap::MaxCostUsd).is_some();
        if cost.is_none() && capped && !std::mem::replace(&mut self.purse.unpriced, true) {
            let message =
                format!("the price of '{model}' is unknown: the cap on dollars does not count what it costs");
            self.problem("budget", &message, "set a cap on tokens too");
        }
    }

    /// Tells the clients what is in flight: at most twice a second, and at once when something of it was counted.
    pub(super) fn tell_flight(&mut self, counted: bool) {
        let early = self.now.mono_ms < self.purse.told_ms + TOLD_EVERY_MS;
        let now = self.purse.now();
        if now == self.purse.told || early && !counted {
            return;
        }
        self.purse.told_ms = self.now.mono_ms;
        self.purse.told = now.clone();
        self.out.push(Effect::Notice(Notice::InFlight(now)));
    }
}
