//! What the events of an instance add up to, as far as the screen shows it; and what is read of a single session.

use crate::{
    config::Budget,
    fold::{Inbox, Ledger, Nudges, RunView, Sessions, Spend},
    protocol::{
        Body, Event,
        command::Cap,
        event::{Activity, Run, Session},
    },
    ui::msg::SessionRead,
};

/// Raw lines of a session that are kept.
pub const RAW_LINES: usize = 5_000;
/// Bytes of the diffs of a session that are kept.
pub const DIFF_BYTES: usize = 4 << 20;

/// The folds that the screen shows.
#[derive(Clone, Debug, Default)]
pub struct Folds {
    pub seq: u64,
    pub run: RunView,
    pub sessions: Sessions,
    pub ledger: Ledger,
    pub spend: Spend,
    pub inbox: Inbox,
    pub nudges: Nudges,
    /// The caps of the configuration of the newest launch.
    pub budget: Budget,
}

impl Folds {
    /// Follows one event.
    pub fn apply(&mut self, event: &Event) {
        self.seq = event.seq;
        self.run.apply(event);
        self.sessions.apply(event);
        self.ledger.apply(event);
        self.spend.apply(event);
        self.inbox.apply(event);
        self.nudges.apply(event);
        if let Body::Run(Run::RunStarted(started)) = &event.body
            && let Some(budget) = started.config.get("budget")
            && let Ok(budget) = serde_json::from_value(budget.clone())
        {
            self.budget = budget;
        }
    }

    /// A cap as it stands.
    pub fn cap(&self, cap: Cap) -> Option<f64> {
        if let Some(changed) = self.spend.caps.get(&cap) {
            return *changed;
        }
        let budget = &self.budget;
        match cap {
            Cap::MaxTokens => budget.max_tokens.map(|n| n as f64),
            Cap::MaxOrchestratorTokens => budget.max_orchestrator_tokens.map(|n| n as f64),
            Cap::MaxExecutorTokens => budget.max_executor_tokens.map(|n| n as f64),
            Cap::MaxCostUsd => budget.max_cost_usd,
            Cap::MaxMinutes => budget.max_minutes,
            Cap::MaxSessions => budget.max_sessions.map(f64::from),
            Cap::MaxTotalSessions => budget.max_total_sessions.map(f64::from),
            Cap::MaxSteps => None,
        }
    }
}

impl SessionRead {
    /// One more line of the session. True: it brought a diff.
    pub fn add(&mut self, line: &str, event: &Event) -> bool {
        self.seq = event.seq;
        if self.lines.len() >= RAW_LINES {
            self.lines.drain(..RAW_LINES / 4);
            self.left_out += (RAW_LINES / 4) as u64;
        }
        self.lines.push(crate::text::clean_line(line).into_string());
        let Body::Session(Session::ActivityAdded(added)) = &event.body else { return false };
        let Activity::FileChange { diff, changes } = &added.activity else { return false };
        if self.diff.len() > DIFF_BYTES {
            return false;
        }
        if diff.is_empty() {
            for change in changes {
                let (path, added, removed) = (&change.path, change.added, change.removed);
                self.diff.push_str(&format!(
                    "--- a/{path}\n+++ b/{path}\n@@ {added} added, {removed} removed @@\n"
                ));
            }
        } else {
            self.diff.push_str(diff);
            if !diff.ends_with('\n') {
                self.diff.push('\n');
            }
        }
        true
    }
}
