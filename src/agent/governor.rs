//! The governor: caps over the whole tree. It warns, then stops: running turns are interrupted and the run pauses with
//! a card. Caps that the human changed during the run win over the configuration's.

use std::time::Duration;

use crate::{
    config::{Config, OnLimit},
    fold::{Spend, spend::RUN},
    protocol::{
        NudgeTarget,
        command::Cap,
        event::{BudgetExceeded, BudgetWarned, InboxKind, InboxOpened, NudgeQueued, RunState},
        ids::NudgeId,
    },
};

use super::{
    cards,
    effect::{Effect, Timer},
    ending::Why,
    machine::Machine,
};

/// The caps that stop a run once they are spent. (Steps and sessions are refused where they begin.)
pub(super) const SPENT: [Cap; 5] =
    [Cap::MaxTokens, Cap::MaxOrchestratorTokens, Cap::MaxExecutorTokens, Cap::MaxCostUsd, Cap::MaxMinutes];

/// The name of a cap in the configuration.
pub fn key(cap: Cap) -> &'static str {
    match cap {
        Cap::MaxTokens => "budget.max_tokens",
        Cap::MaxOrchestratorTokens => "budget.max_orchestrator_tokens",
        Cap::MaxExecutorTokens => "budget.max_executor_tokens",
        Cap::MaxCostUsd => "budget.max_cost_usd",
        Cap::MaxMinutes => "budget.max_minutes",
        Cap::MaxSessions => "budget.max_sessions",
        Cap::MaxTotalSessions => "budget.max_total_sessions",
        Cap::MaxSteps => "orchestrator.max_steps",
    }
}

/// A cap as it is configured.
pub fn configured(config: &Config, cap: Cap) -> Option<f64> {
    let budget = &config.budget;
    match cap {
        Cap::MaxTokens => budget.max_tokens.map(|n| n as f64),
        Cap::MaxOrchestratorTokens => budget.max_orchestrator_tokens.map(|n| n as f64),
        Cap::MaxExecutorTokens => budget.max_executor_tokens.map(|n| n as f64),
        Cap::MaxCostUsd => budget.max_cost_usd,
        Cap::MaxMinutes => budget.max_minutes,
        Cap::MaxSessions => budget.max_sessions.map(f64::from),
        Cap::MaxTotalSessions => budget.max_total_sessions.map(f64::from),
        Cap::MaxSteps => Some(f64::from(config.orchestrator.max_steps)),
    }
}

/// What has been spent of a cap.
pub fn spent(spend: &Spend, cap: Cap, now: jiff::Timestamp) -> f64 {
    match cap {
        Cap::MaxTokens => spend.total() as f64,
        Cap::MaxOrchestratorTokens => spend.orchestrator.total() as f64,
        Cap::MaxExecutorTokens => spend.executors.total() as f64,
        Cap::MaxCostUsd => spend.cost_usd,
        Cap::MaxMinutes => spend.minutes(now),
        Cap::MaxSessions | Cap::MaxTotalSessions | Cap::MaxSteps => 0.0,
    }
}

impl Machine {
    /// A cap as it stands.
    pub(super) fn cap(&self, cap: Cap) -> Option<f64> {
        if let Some(changed) = self.state.spend.caps.get(&cap) {
            return *changed;
        }
        configured(&self.rules.config, cap)
    }

    pub(super) fn spent_of(&self, cap: Cap) -> f64 {
        spent(&self.state.spend, cap, self.now.stamp.at)
    }

    /// Warns of caps that are nearly spent and stops at those that are. Called whenever something was spent.
    pub(super) fn check_budget(&mut self) {
        if self.ending.is_some() {
            return;
        }
        let warn_at = self.rules.config.budget.warn_at_percent / 100.0;
        for which in SPENT {
            let Some(cap) = self.cap(which) else { continue };
            let spent = self.spent_of(which);
            if spent >= cap {
                self.exceed(which, spent, cap);
            } else if spent >= cap * warn_at && !self.state.spend.warned.contains(&which) {
                self.warn(which, spent, cap);
            }
        }
        self.watch_the_clock();
    }

    /// A cap on minutes is met by a timer, since nothing else may happen meanwhile.
    fn watch_the_clock(&mut self) {
        let Some(cap) = self.cap(Cap::MaxMinutes) else { return };
        let warn_at = cap * self.rules.config.budget.warn_at_percent / 100.0;
        let spent = self.spent_of(Cap::MaxMinutes);
        let next = if spent < warn_at { warn_at } else { cap };
        if spent < next && self.run_state() == RunState::Running {
            let wait = Duration::from_secs_f64(((next - spent) * 60.0).min(86_400.0) + 0.05);
            self.out.push(Effect::SetTimer(Timer::Minutes, wait));
        }
    }

    fn warn(&mut self, which: Cap, spent: f64, cap: f64) {
        self.record(BudgetWarned { which, spent, cap, scope: RUN.to_owned() });
        let text = format!(
            "{} of {} are spent ({}). Bring the work to a close: finish what is open, check it, then call `exit`.",
            amount(which, spent),
            amount(which, cap),
            key(which)
        );
        let nudge_id = NudgeId(self.new_id());
        let target = NudgeTarget::Orchestrator;
        self.record(NudgeQueued { nudge_id, target, text, by: "watcher:budget".to_owned() });
    }

    fn exceed(&mut self, which: Cap, spent: f64, cap: f64) {
        if self.state.spend.exceeded.contains(&which) {
            return;
        }
        let abort = self.rules.config.budget.on_limit == OnLimit::Abort;
        let interrupted_sessions = self.interrupt_turns();
        self.record(BudgetExceeded {
            which,
            spent,
            cap,
            scope: RUN.to_owned(),
            action: if abort { "abort" } else { "pause" }.to_owned(),
            interrupted_sessions,
            overshoot: spent - cap,
        });
        self.out.push(Effect::Sync);
        let title = format!("{} of {} are spent", amount(which, spent), amount(which, cap));
        if abort || !self.rules.human_present() {
            return self.end(Why::Budget, &format!("{title}; raise it with --set {}=…", key(which)));
        }
        let detail = serde_json::json!({ "cap": key(which), "which": which, "spent": spent, "limit": cap });
        self.open_card(InboxKind::Budget, None, &title, detail, cards::budget_choices());
        self.pause(&title, "budget");
    }

    /// True where a spent cap forbids another step.
    pub(super) fn budget_stops(&mut self) -> bool {
        self.check_budget();
        if self.ending.is_some() || self.run_state() != RunState::Running {
            return true;
        }
        let over =
            SPENT.into_iter().find(|cap| self.cap(*cap).is_some_and(|limit| self.spent_of(*cap) >= limit));
        let Some(which) = over else { return false };
        // It was met before and not raised: the run cannot go on.
        let (spent, cap) = (self.spent_of(which), self.cap(which).unwrap_or_default());
        let title = format!("{} of {} are spent", amount(which, spent), amount(which, cap));
        if self.rules.human_present() {
            let open = self.state.inbox.open.iter().any(|card| card.opened.what == InboxKind::Budget);
            if !open {
                let detail =
                    serde_json::json!({ "cap": key(which), "which": which, "spent": spent, "limit": cap });
                self.open_card(InboxKind::Budget, None, &title, detail, cards::budget_choices());
            }
            self.pause(&title, "budget");
        } else {
            self.end(Why::Budget, &format!("{title}; raise it with --set {}=…", key(which)));
        }
        true
    }

    pub(super) fn answer_budget(&mut self, opened: &InboxOpened, choice: &str, text: Option<String>) {
        let which: Option<Cap> =
            opened.detail.get("which").and_then(|which| serde_json::from_value(which.clone()).ok());
        match choice {
            "raise" => {
                let text = text.unwrap_or_default();
                let value = parse_amount(&text);
                let (Some(which), Some(value)) = (which, value) else {
                    return self.problem(
                        "inbox",
                        &format!("'{text}' is not a number"),
                        "for example 250k or 1.5m",
                    );
                };
                if value <= self.spent_of(which) {
                    let message = format!("'{text}' is not more than what is already spent");
                    return self.problem("inbox", &message, "name a larger number");
                }
                self.close_card(opened.inbox_id, choice, Some(text), "human");
                self.set_budget(which, Some(value));
                self.resume();
            }
            "abort" => {
                self.close_card(opened.inbox_id, choice, text, "human");
                self.abort(false, Why::HumanAbort, "aborted by the human");
            }
            "wrap_up" => {
                self.close_card(opened.inbox_id, choice, text, "human");
                self.step.wrap_up = true;
                self.step.passed = true;
                self.resume();
            }
            _ => {
                self.close_card(opened.inbox_id, choice, text, "human");
                self.step.once = true;
                self.resume();
            }
        }
    }

    /// Whether one more session may be opened.
    pub(super) fn session_budget(&self) -> Result<(), (String, String)> {
        let open = self.state.sessions.open().count() as f64;
        if let Some(cap) = self.cap(Cap::MaxSessions).filter(|cap| open >= *cap) {
            let error = format!("{open} sessions are open and the budget allows {cap}");
            return Err((error, "end a session, or continue one with `converse`".to_owned()));
        }
        let all = self.state.sessions.all.len() as f64;
        if let Some(cap) = self.cap(Cap::MaxTotalSessions).filter(|cap| all >= *cap) {
            let error = format!("{all} sessions were opened and the budget allows {cap} in all");
            return Err((error, "continue one of them with `converse`".to_owned()));
        }
        Ok(())
    }
}

/// An amount for people: tokens, dollars or minutes.
pub fn amount(cap: Cap, value: f64) -> String {
    match cap {
        Cap::MaxCostUsd => format!("${value:.2}"),
        Cap::MaxMinutes => format!("{value:.1} minutes"),
        _ if value >= 1_000_000.0 => format!("{:.1}m tokens", value / 1_000_000.0),
        _ if value >= 10_000.0 => format!("{:.0}k tokens", value / 1_000.0),
        _ => format!("{value:.0} tokens"),
    }
}

/// Reads `250000`, `250k`, `1.5m`, `$5`.
pub fn parse_amount(text: &str) -> Option<f64> {
    let text = text.trim().trim_start_matches('$').replace('_', "").to_ascii_lowercase();
    let (digits, factor) = match text.strip_suffix(['k', 'm']) {
        Some(digits) if text.ends_with('k') => (digits, 1e3),
        Some(digits) => (digits, 1e6),
        None => (text.as_str(), 1.0),
    };
    digits.trim().parse::<f64>().ok().map(|n| n * factor).filter(|n| n.is_finite() && *n >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        assert_eq!(parse_amount("250k"), Some(250_000.0));
        assert_eq!(parse_amount(" 1.5M "), Some(1_500_000.0));
        assert_eq!(parse_amount("$5"), Some(5.0));
        assert_eq!(parse_amount("100_000"), Some(100_000.0));
        assert_eq!(parse_amount("lots"), None);
        assert_eq!(parse_amount("-1"), None);
    }
}
