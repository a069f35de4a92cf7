//! What has been spent, how fast, and the caps as they stand.

use serde::{Deserialize, Serialize};

use super::caps::{Caps, RUN};
use crate::protocol::{
    Body, Event, Usage,
    command::Cap,
    event::{History, Run, RunState, Scope, UsageTotals},
};

/// Minutes over which the rate is taken.
const RATE_OVER: i64 = 5;
/// Microseconds of a minute.
const MINUTE: i64 = 60_000_000;

/// Tokens, money and time of the whole tree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spend {
    pub orchestrator: Usage,
    pub executors: Usage,
    pub watchers: Usage,
    /// Sum of the known prices.
    pub cost_usd: f64,
    /// Something was spent whose price is unknown.
    pub cost_unknown: bool,
    pub estimated: bool,
    /// Input tokens of the orchestrator's newest request, as the provider counted them.
    pub last_request: u64,
    pub caps: Caps,
    recent: Recent,
    clock: Stretch,
}

/// Tokens of the last minutes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Recent {
    /// Minutes since the epoch, with the tokens that were counted in them; oldest first, at most [`RATE_OVER`] + 1.
    minutes: Vec<(i64, u64)>,
}

/// Time in state running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Stretch {
    /// Microseconds that have been counted.
    counted_us: i64,
    /// Microseconds since the epoch up to which the present stretch has been counted; `None`: not running.
    until_us: Option<i64>,
}

impl Spend {
    /// Tokens of all scopes.
    pub fn total(&self) -> u64 {
        self.orchestrator.total() + self.executors.total() + self.watchers.total()
    }

    /// Dollars, where every price is known.
    pub fn cost(&self) -> Option<f64> {
        (!self.cost_unknown).then_some(self.cost_usd)
    }

    /// A cap of the run as it stands.
    pub fn cap(&self, which: Cap) -> Option<f64> {
        self.caps.cap(RUN, which)
    }

    /// What has been counted of a cap of the run until `now`.
    pub fn spent(&self, which: Cap, now: jiff::Timestamp) -> f64 {
        match which {
            Cap::MaxTokens => self.total() as f64,
            Cap::MaxOrchestratorTokens => self.orchestrator.total() as f64,
            Cap::MaxExecutorTokens => self.executors.total() as f64,
            Cap::MaxCostUsd => self.cost_usd,
            Cap::MaxMinutes => self.minutes(now),
            Cap::MaxSessions | Cap::MaxTotalSessions | Cap::MaxSteps => 0.0,
        }
    }

    /// Tokens a minute, over the last five minutes in which the run was running. Before the first minute is full it counts
    /// as one: too little to go by.
    pub fn rate(&self, now: jiff::Timestamp) -> f64 {
        let from = now.as_microsecond() / MINUTE - RATE_OVER;
        let tokens: u64 = self.recent.minutes.iter().filter(|(at, _)| *at > from).map(|(_, n)| n).sum();
        tokens as f64 / self.minutes(now).clamp(1.0, RATE_OVER as f64)
    }

    /// Minutes in state running until `now`. The time between a crash and the next launch does not count.
    pub fn minutes(&self, now: jiff::Timestamp) -> f64 {
        let present = self.clock.until_us.map_or(0, |until| (now.as_microsecond() - until).max(0));
        (self.clock.counted_us + present) as f64 / 60e6
    }

    /// For the end of a launch.
    pub fn totals(&self) -> UsageTotals {
        let (orchestrator, executors) = (self.orchestrator, self.executors);
        UsageTotals { orchestrator, executors, total: self.total(), cost_usd: self.cost() }
    }

    /// Follows one event.
    pub fn apply(&mut self, event: &Event) {
        let at = event.timestamp.at.as_microsecond();
        let jumped_us = match &event.body {
            Body::Run(Run::ClockChanged(clock)) => clock.by_ms.saturating_mul(1000),
            _ => 0,
        };
        let new_launch = matches!(event.body, Body::Run(Run::RunStarted(_)));
        if let Some(until) = self.clock.until_us.replace(at).filter(|_| !new_launch) {
            self.clock.counted_us += (at - until).saturating_sub(jumped_us).max(0);
        } else if !new_launch {
            self.clock.until_us = None;
        }
        self.caps.apply(event);
        match &event.body {
            Body::History(History::UsageRecorded(usage)) => {
                self.recent.add(at / MINUTE, usage.total);
                match usage.scope {
                    Scope::Orchestrator => {
                        self.orchestrator.add(&usage.usage());
                        self.last_request = usage.input;
                    }
                    Scope::Session => self.executors.add(&usage.usage()),
                    Scope::Watcher => self.watchers.add(&usage.usage()),
                }
                self.estimated |= usage.estimated;
                match usage.cost_usd {
                    Some(cost) => self.cost_usd += cost,
                    None => self.cost_unknown |= usage.total > 0,
                }
            }
            Body::Run(Run::RunStateChanged(changed)) => {
                let runs = matches!(changed.state, RunState::Running | RunState::Pausing);
                self.clock.until_us = runs.then_some(at);
            }
            Body::Run(Run::RunFinished(_)) => self.clock.until_us = None,
            _ => {}
        }
    }
}

impl Recent {
    fn add(&mut self, minute: i64, tokens: u64) {
        match self.minutes.last_mut() {
            Some((last, sum)) if *last >= minute => *sum += tokens,
            _ => self.minutes.push((minute, tokens)),
        }
        self.minutes.retain(|(at, _)| *at >= minute - RATE_OVER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{
        Stamp,
        event::{ClockChanged, StepStarted, VERSION},
    };

    /// Minutes after events at these times (seconds).
    fn minutes(events: &[(i64, Body)]) -> f64 {
        let mut spend = Spend::default();
        // A launch begins the count; its own payload does not matter.
        spend.clock.until_us = Some(0);
        for (at, body) in events {
            let mut timestamp = Stamp::parse("1970-01-01T00:00:00Z").unwrap();
            timestamp.at = jiff::Timestamp::from_second(*at).unwrap();
            let id = uuid::Uuid::nil();
            let event = Event {
                v: VERSION,
                id,
                seq: 1,
                timestamp,
                session_id: None,
                task_id: None,
                body: body.clone(),
            };
            spend.apply(&event);
        }
        spend.clock.counted_us as f64 / 60e6
    }

    #[test]
    fn a_clock_that_jumps_spends_no_minutes_and_gives_none_back() {
        let step = || Body::from(StepStarted { step: 1 });
        let jump = |by_ms| Body::from(ClockChanged { by_ms });
        assert_eq!(minutes(&[(60, step()), (120, step())]), 2.0);
        let years = 10 * 365 * 86_400;
        assert_eq!(minutes(&[(60, step()), (120 + years, jump(years * 1000)), (180 + years, step())]), 3.0);
        assert_eq!(minutes(&[(3660, step()), (120, jump(-3_600_000)), (180, step())]), 63.0);
    }
}
