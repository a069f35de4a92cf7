//! What the events of an instance add up to, as far as the screen shows it; and what is read of a single session.

use crate::{
    config::Watchers,
    fold::{Inbox, Ledger, Nudges, RunView, Sessions, Spend, Watch, sessions::Session},
    protocol::{
        Body, Event,
        command::Cap,
        event::{Activity, Guard, Run, Session as SessionEvent, WatcherChanged},
        live::InFlight,
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
    /// When the newest event happened.
    pub at: Option<jiff::Timestamp>,
    pub run: RunView,
    pub sessions: Sessions,
    pub ledger: Ledger,
    pub spend: Spend,
    pub inbox: Inbox,
    pub nudges: Nudges,
    /// What streams and is not counted yet, by estimate.
    pub flight: InFlight,
    /// The watchers of the configuration of the newest launch.
    pub watchers: Watchers,
    pub watch: Watch,
    /// What was changed of watchers during the run and when, oldest first: at most [`SWITCHED`].
    pub switched: Vec<(String, WatcherChanged)>,
}

/// Changes of watchers that are kept.
const SWITCHED: usize = 100;

impl Folds {
    /// Follows one event.
    pub fn apply(&mut self, event: &Event) {
        self.seq = event.seq;
        self.at = Some(event.timestamp.at);
        self.run.apply(event);
        self.sessions.apply(event);
        self.ledger.apply(event);
        self.spend.apply(event);
        self.inbox.apply(event);
        self.nudges.apply(event);
        self.watch.apply(event);
        if let Body::Run(Run::RunStarted(started)) = &event.body
            && let Some(watchers) = started.config.get("watchers")
            && let Ok(watchers) = serde_json::from_value(watchers.clone())
        {
            self.watchers = watchers;
        }
        if let Body::Guard(Guard::WatcherChanged(changed)) = &event.body {
            if self.switched.len() >= SWITCHED {
                self.switched.remove(0);
            }
            self.switched.push((event.timestamp.clock(), changed.clone()));
        }
    }

    /// A cap as it stands.
    pub fn cap(&self, cap: Cap) -> Option<f64> {
        self.spend.cap(cap)
    }

    /// What is spent of a cap of the run, with what is in flight.
    pub fn spent(&self, cap: Cap, now: jiff::Timestamp) -> f64 {
        let flight = match cap {
            Cap::MaxTokens => self.flight.orchestrator + self.flight.executors(),
            Cap::MaxOrchestratorTokens => self.flight.orchestrator,
            Cap::MaxExecutorTokens => self.flight.executors(),
            Cap::MaxCostUsd => return self.spend.cost_usd + self.flight.micro_usd as f64 / 1e6,
            _ => 0,
        };
        self.spend.spent(cap, now) + flight as f64
    }

    /// Tokens of a session, with what is in flight; and whether a part is estimated.
    pub fn session_tokens(&self, session: &Session) -> (u64, bool) {
        let flight = self.flight.sessions.get(&session.id).copied().unwrap_or(0);
        (session.spent.usage.total() + flight, session.spent.estimated || flight > 0)
    }

    /// Whether a part of what is spent is estimated.
    pub fn estimated(&self) -> bool {
        self.spend.estimated || self.flight != InFlight::default()
    }
}

impl SessionRead {
    /// One more line of the session. True: it brought a diff.
    pub fn add(&mut self, line: &str, event: &Event) -> bool {
        self.seq = event.seq;
        if self.lines.len() >= RAW_LINES {
            self.lines.drain(..RAW_LINES / 4);
            self.seqs.drain(..RAW_LINES / 4);
            self.left_out += (RAW_LINES / 4) as u64;
        }
        self.seqs.push(event.seq);
        self.lines.push(crate::text::clean_line(line).into_string());
        let Body::Session(SessionEvent::ActivityAdded(added)) = &event.body else { return false };
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
