//! Timers of the machine: the earliest is slept for, nothing polls.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use crate::agent::effect::Timer;

/// Timers that are set.
#[derive(Debug, Default)]
pub(super) struct Timers {
    due: BTreeMap<Timer, Instant>,
}

impl Timers {
    pub(super) fn set(&mut self, timer: Timer, after: Duration) {
        self.due.insert(timer, Instant::now() + after);
    }

    pub(super) fn clear(&mut self, timer: &Timer) {
        self.due.remove(timer);
    }

    /// The next one that is due. Cancel-safe; pending while none is set.
    pub(super) async fn next(&mut self) -> Timer {
        let earliest = self.due.iter().min_by_key(|(_, at)| **at).map(|(timer, at)| (timer.clone(), *at));
        match earliest {
            None => std::future::pending().await,
            Some((timer, at)) => {
                tokio::time::sleep_until(at).await;
                self.due.remove(&timer);
                timer
            }
        }
    }
}
