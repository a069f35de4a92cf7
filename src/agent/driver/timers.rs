//! Timers of the machine: the earliest is slept for, nothing polls.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use crate::agent::effect::Timer;

/// A timer that comes so late found this process stopped, or starved: what has happened meanwhile (a turn that ended, an
/// answer) lies in pipes and is heard first.
const LATE: Duration = Duration::from_secs(1);
/// So long.
const HEARING: Duration = Duration::from_millis(250);

/// Timers that are set.
#[derive(Debug, Default)]
pub(super) struct Timers {
    due: BTreeMap<Timer, Instant>,
    /// The one that was put off because it came late: once.
    put_off: Option<Timer>,
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
        loop {
            let earliest = self.due.iter().min_by_key(|(_, at)| **at).map(|(timer, at)| (timer.clone(), *at));
            let Some((timer, at)) = earliest else { return std::future::pending().await };
            tokio::time::sleep_until(at).await;
            let late = Instant::now().saturating_duration_since(at) >= LATE;
            if late && self.put_off.as_ref() != Some(&timer) {
                self.due.insert(timer.clone(), Instant::now() + HEARING);
                self.put_off = Some(timer);
                continue;
            }
            self.put_off.take_if(|put_off| *put_off == timer);
            self.due.remove(&timer);
            return timer;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn b15_a_timer_that_comes_late_lets_what_came_meanwhile_be_heard_first_once() {
        let mut timers = Timers::default();
        timers.set(Timer::Wake, Duration::from_secs(5));
        let began = Instant::now();
        assert_eq!(timers.next().await, Timer::Wake);
        assert_eq!(began.elapsed(), Duration::from_secs(5), "in time it is not put off");
        timers.set(Timer::Wake, Duration::from_secs(5));
        tokio::time::advance(Duration::from_secs(60)).await;
        let began = Instant::now();
        let heard = tokio::time::timeout(HEARING / 2, timers.next()).await;
        assert!(heard.is_err(), "what came meanwhile has its time");
        assert_eq!(timers.next().await, Timer::Wake);
        assert_eq!(began.elapsed(), HEARING);
    }
}
