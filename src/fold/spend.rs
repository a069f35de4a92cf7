//! What has been spent, and the caps as they stand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::protocol::{
    Body, Event, Usage,
    command::Cap,
    event::{Guard, History, Run, RunState, Scope, UsageTotals},
};

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
    /// Caps that were changed during the run; the others are the configuration's.
    pub caps: BTreeMap<Cap, Option<f64>>,
    /// Caps of the run of which a warning was recorded and that were not changed since.
    pub warned: Vec<Cap>,
    /// Caps of the run that were reached and not changed since.
    pub exceeded: Vec<Cap>,
    clock: Stretch,
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
        match &event.body {
            Body::History(History::UsageRecorded(usage)) => {
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
            Body::Guard(Guard::BudgetWarned(warned)) if warned.scope == RUN => {
                push_new(&mut self.warned, warned.which)
            }
            Body::Guard(Guard::BudgetExceeded(gone)) if gone.scope == RUN => {
                push_new(&mut self.exceeded, gone.which)
            }
            Body::Guard(Guard::BudgetChanged(changed)) if changed.scope == RUN => {
                self.caps.insert(changed.which, changed.cap);
                self.warned.retain(|cap| *cap != changed.which);
                self.exceeded.retain(|cap| *cap != changed.which);
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

/// The scope of caps that hold for the whole run.
pub const RUN: &str = "run";

fn push_new(caps: &mut Vec<Cap>, cap: Cap) {
    if !caps.contains(&cap) {
        caps.push(cap);
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
