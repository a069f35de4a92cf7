//! Counts claude's tokens and dollars: per message from the stream, made whole by the process's own totals.
//!
//! A message that was cut (interrupt, dropped connection) is in no total of claude's: it is reported at once, as an
//! estimate. `assistant` lines and the `usage` of a `result` are never counted: the one says what was known at the
//! start of the message, the other 0 for an interrupted turn.

use crate::{executors::News, protocol::Usage};

/// What one process has spent. Its totals begin at 0 again after `--resume`.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// Finished messages, whether reported or not.
    counted: Usage,
    /// Of these, not reported yet: they wait for their price.
    pending: Usage,
    /// Dollars that were reported.
    cost: f64,
    /// claude can be asked for its totals in mid-turn without a look on the network.
    pub(super) can_ask: bool,
    /// The model of the newest message.
    model: Option<String>,
}

impl Meter {
    /// A message ended. Where its price can be asked for, its tokens wait for that; else its price comes with the
    /// turn's result.
    pub(super) fn finished(&mut self, usage: Usage, model: &str) -> Option<News> {
        self.counted.add(&usage);
        self.pending.add(&usage);
        if !model.is_empty() {
            self.model = Some(model.to_owned());
        }
        if self.can_ask { None } else { self.report(Some(0.0)) }
    }

    /// A message was cut: what is known of it is a lower bound.
    pub(super) fn cut(&mut self, usage: Usage, model: &str) -> Option<News> {
        let model = (!model.is_empty()).then(|| model.to_owned());
        (!usage.is_zero()).then_some(News::Usage { usage, model, cost_usd: None, estimated: true })
    }

    /// The process says what it has spent in all: tokens that no stream showed (side requests) and dollars.
    pub(super) fn settle(&mut self, total: Option<Usage>, cost_usd: Option<f64>) -> Option<News> {
        let unseen = total.unwrap_or_default().since(&self.counted);
        self.counted.add(&unseen);
        self.pending.add(&unseen);
        let cost = cost_usd.map(|total| (total - self.cost).max(0.0));
        self.cost += cost.unwrap_or(0.0);
        self.report(cost)
    }

    /// What is not reported yet, with what the open messages have cost by estimate.
    pub(super) fn live(&self, mut open: Usage) -> Option<News> {
        open.add(&self.pending);
        (!open.is_zero()).then(|| News::Streaming { usage: open, model: self.model.clone() })
    }

    /// Nothing will say more of what is pending.
    pub(super) fn flush(&mut self) -> Option<News> {
        self.report(None)
    }

    fn report(&mut self, cost_usd: Option<f64>) -> Option<News> {
        let usage = std::mem::take(&mut self.pending);
        if usage.is_zero() && cost_usd.unwrap_or(0.0) == 0.0 {
            return None;
        }
        Some(News::Usage { usage, model: self.model.clone(), cost_usd, estimated: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(input: u64, output: u64) -> Usage {
        Usage { input, output, ..Usage::default() }
    }

    fn news(usage: Usage, cost_usd: Option<f64>) -> Option<News> {
        Some(News::Usage { usage, model: Some("m".into()), cost_usd, estimated: false })
    }

    #[test]
    fn cumulative_totals_become_differences_and_side_requests_are_found() {
        let mut meter = Meter::default();
        assert_eq!(meter.finished(tokens(100, 10), "m"), news(tokens(100, 10), Some(0.0)));
        assert_eq!(meter.settle(Some(tokens(130, 12)), Some(0.5)), news(tokens(30, 2), Some(0.5)));
        assert_eq!(meter.settle(Some(tokens(130, 12)), Some(0.5)), None);
        assert_eq!(meter.settle(Some(tokens(130, 12)), Some(0.75)), news(tokens(0, 0), Some(0.25)));
    }

    #[test]
    fn tokens_wait_for_their_price_where_it_can_be_asked_for() {
        let mut meter = Meter { can_ask: true, ..Meter::default() };
        assert_eq!(meter.finished(tokens(100, 10), "m"), None);
        assert_eq!(meter.settle(Some(tokens(100, 10)), Some(0.5)), news(tokens(100, 10), Some(0.5)));
        assert_eq!(meter.finished(tokens(7, 1), "m"), None);
        assert_eq!(meter.flush(), news(tokens(7, 1), None));
    }
}
