//! The governor: caps over the whole tree and over each session. It warns, then stops: at a cap of the run every running
//! turn and the orchestrator's own call are cut and the run pauses with a card; at a cap of a session its turn is interrupted, and the orchestrator
//! is told. What has streamed and is not counted yet counts as an estimate (`flight`); what cannot fit any more is not
//! started (`room`). The caps themselves, and what the human changed of them, are a fold (`fold::caps`).

use std::time::Duration;

use crate::{
    config::OnLimit,
    executors::Order,
    fold::{
        caps::{OF_A_SESSION, RUN, SPENT, amount, key, parse_amount},
        sessions::Session,
    },
    protocol::{
        NudgeTarget, SessionId,
        command::Cap,
        event::{
            BudgetChanged, BudgetExceeded, BudgetWarned, By, InboxKind, InboxOpened, NudgeQueued, RunState,
        },
        ids::NudgeId,
    },
};

use super::{
    cards,
    effect::{Effect, Timer},
    ending::Why,
    machine::Machine,
    parked::GO_ON,
    run::Stop,
};

/// The longest that a timer is set for; it is set again then.
const LONGEST: f64 = 86_400.0;

impl Machine {
    /// A cap of the run as it stands.
    pub(super) fn cap(&self, cap: Cap) -> Option<f64> {
        self.state.spend.cap(cap)
    }

    /// What is spent of a cap of the run: counted, and in flight by estimate.
    pub(super) fn spent_of(&self, cap: Cap) -> f64 {
        self.state.spend.spent(cap, self.now.stamp.at) + self.purse.in_flight(cap)
    }

    /// The same for a cap of a session.
    pub(super) fn session_spent(&self, session: &Session, cap: Cap) -> f64 {
        session.spent_of(cap, self.now.stamp.at) + self.purse.in_flight_of(session.id, cap)
    }

    /// Warns of caps that are nearly spent and stops at those that are. Called whenever something was spent.
    pub(super) fn check_budget(&mut self) {
        if self.ending.is_some() {
            return;
        }
        for which in SPENT {
            let Some(cap) = self.cap(which) else { continue };
            let spent = self.spent_of(which);
            if spent >= cap {
                self.exceed(which, spent, cap);
            } else if self.to_be_warned(RUN, which, spent, cap) {
                self.warn(which, spent, cap);
            }
        }
        if self.state.spend.caps.any_of_sessions() {
            let working: Vec<_> = self.state.sessions.working().map(|session| session.id).collect();
            working.into_iter().for_each(|id| self.check_session(id));
        }
        self.watch_the_clock();
    }

    fn check_session(&mut self, id: SessionId) {
        for which in OF_A_SESSION {
            let Some(session) = self.state.sessions.get(id) else { return };
            let scope = session.short_id.clone();
            let Some(cap) = self.state.spend.caps.cap(&scope, which) else { continue };
            let spent = self.session_spent(session, which);
            if spent >= cap && !self.state.spend.caps.exceeded(&scope, which) {
                self.session_exceeds(id, &scope, which, spent, cap);
            } else if spent < cap && self.to_be_warned(&scope, which, spent, cap) {
                let estimated = self.is_estimate(which);
                self.record_for(id, BudgetWarned { which, spent, cap, scope, estimated });
            }
        }
    }

    fn to_be_warned(&self, scope: &str, which: Cap, spent: f64, cap: f64) -> bool {
        let caps = &self.state.spend.caps;
        spent >= cap * caps.warn_at_percent / 100.0 && !caps.warned(scope, which)
    }

    /// Whether what is spent of a cap rests on an estimate.
    fn is_estimate(&self, which: Cap) -> bool {
        which != Cap::MaxMinutes && (self.state.spend.estimated || self.purse.in_flight(which) > 0.0)
    }

    /// Caps on minutes are met by a timer, since nothing else may happen meanwhile.
    pub(super) fn watch_the_clock(&mut self) {
        let caps = &self.state.spend.caps;
        let mut next: Option<f64> = None;
        let mut watch = |scope: &str, cap: Option<f64>, spent: f64| {
            let Some(cap) = cap else { return };
            let warn_at = cap * caps.warn_at_percent / 100.0;
            let due = if spent < warn_at && !caps.warned(scope, Cap::MaxMinutes) { warn_at } else { cap };
            if spent < due {
                next = Some(next.map_or(due - spent, |next| next.min(due - spent)));
            }
        };
        if self.run_state() == RunState::Running {
            watch(RUN, self.cap(Cap::MaxMinutes), self.spent_of(Cap::MaxMinutes));
        }
        for session in self.state.sessions.working() {
            let scope = session.short_id.as_str();
            watch(scope, caps.cap(scope, Cap::MaxMinutes), self.session_spent(session, Cap::MaxMinutes));
        }
        if let Some(minutes) = next {
            let wait = Duration::from_secs_f64((minutes * 60.0).clamp(0.0, LONGEST) + 0.05);
            self.out.push(Effect::SetTimer(Timer::Minutes, wait));
        }
    }

    fn warn(&mut self, which: Cap, spent: f64, cap: f64) {
        let estimated = self.is_estimate(which);
        self.record(BudgetWarned { which, spent, cap, scope: RUN.to_owned(), estimated });
        let text = format!(
            "{} of {} are spent ({}). Bring the work to a close: finish what is open, check it, then call `exit`.",
            amount(which, spent),
            amount(which, cap),
            key(RUN, which)
        );
        let nudge_id = NudgeId(self.new_id());
        let target = NudgeTarget::Orchestrator;
        self.record(NudgeQueued { nudge_id, target, text, by: "watcher:budget".to_owned() });
    }

    fn exceed(&mut self, which: Cap, spent: f64, cap: f64) {
        if self.state.spend.caps.exceeded(RUN, which) {
            return;
        }
        let title = self.title(which, spent, cap);
        let interrupted = self.interrupt_turns();
        self.cut_call(which);
        let working: Vec<_> = self.state.sessions.working().map(|session| session.id).collect();
        for id in working {
            self.fleet.parked.cut(id, &title);
        }
        self.record_exceeded(RUN, which, spent, cap, interrupted);
        self.out.push(Effect::Sync);
        self.stop_at(which, &title);
    }

    fn title(&self, which: Cap, spent: f64, cap: f64) -> String {
        let about = if self.is_estimate(which) { "~" } else { "" };
        format!("{about}{} of {} are spent", amount(which, spent), amount(which, cap))
    }

    /// What a card says of a cap, and what it could be raised to.
    fn card_detail(&self, scope: &str, which: Cap, spent: f64, cap: f64) -> serde_json::Value {
        let about = if self.is_estimate(which) { "~" } else { "" };
        serde_json::json!({
            "cap": key(scope, which), "which": which, "scope": scope, "spent": format!("{about}{}", amount(which, spent)),
            "limit": amount(which, cap), "suggested": (spent.max(cap) * 1.5).ceil(), "least": spent,
            "least": spent,
        })
    }

    pub(super) fn record_exceeded(
        &mut self,
        scope: &str,
        which: Cap,
        spent: f64,
        cap: f64,
        interrupted_sessions: Vec<String>,
    ) {
        let action = match (scope, self.rules.config.budget.on_limit) {
            (RUN, OnLimit::Abort) => "abort",
            (RUN, OnLimit::Pause) => "pause",
            _ => "interrupt",
        };
        self.record(BudgetExceeded {
            which,
            spent,
            cap,
            scope: scope.to_owned(),
            action: action.to_owned(),
            interrupted_sessions,
            overshoot: (spent - cap).max(0.0),
            estimated: self.is_estimate(which),
        });
    }

    /// Stops the run at a cap: pauses with a card, or ends it where nobody is there or the configuration says so.
    pub(super) fn stop_at(&mut self, which: Cap, title: &str) {
        let abort = self.rules.config.budget.on_limit == OnLimit::Abort;
        if abort || !self.rules.human_present() {
            return self.end(Why::Budget, &format!("{title}; raise it with --set {}=…", key(RUN, which)));
        }
        let about_the_run =
            |opened: &InboxOpened| opened.what == InboxKind::Budget && opened.session.is_none();
        if !self.state.inbox.open.iter().any(|card| about_the_run(&card.opened)) {
            let (spent, cap) = (self.spent_of(which), self.cap(which).unwrap_or_default());
            let detail = self.card_detail(RUN, which, spent, cap);
            self.open_card(InboxKind::Budget, None, title, detail, cards::budget_choices());
        }
        self.pause(title, "budget");
    }

    /// A session's own cap: its turn is interrupted, the orchestrator hears why, the human may raise it.
    fn session_exceeds(&mut self, id: SessionId, scope: &str, which: Cap, spent: f64, cap: f64) {
        let title = format!("{scope}: {} (its own cap)", self.title(which, spent, cap));
        if self.fleet.live.contains(&id) {
            self.out.push(Effect::Order(id, Order::Interrupt));
        }
        self.fleet.parked.ended_by(id, &title);
        self.record_exceeded(scope, which, spent, cap, vec![scope.to_owned()]);
        self.out.push(Effect::Sync);
        if self.rules.human_present() {
            let detail = self.card_detail(scope, which, spent, cap);
            self.open_card(InboxKind::Budget, Some(id), &title, detail, cards::session_budget_choices());
        }
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
        let title = self.title(which, self.spent_of(which), self.cap(which).unwrap_or_default());
        self.stop_at(which, &title);
        true
    }

    pub(super) fn answer_budget(&mut self, opened: &InboxOpened, choice: &str, text: Option<String>) {
        if choice == "raise" {
            return self.raise(opened, text.unwrap_or_default());
        }
        self.close_card(opened.inbox_id, choice, text, "human");
        match choice {
            "abort" => self.abort(false, Why::HumanAbort, "aborted by the human"),
            "wrap_up" => {
                self.release_parked();
                self.step.wrap_up = true;
                self.step.passed = true;
                self.resume();
            }
            "finish_step" => {
                self.release_parked();
                self.step.stop = Stop::AfterThis;
                self.purse.ask_again();
                self.resume();
            }
            _ => {}
        }
    }

    fn raise(&mut self, opened: &InboxOpened, text: String) {
        let which: Option<Cap> =
            opened.detail.get("which").and_then(|which| serde_json::from_value(which.clone()).ok());
        let (Some(which), Some(value)) = (which, parse_amount(&text)) else {
            let message = format!("'{text}' is not a number");
            return self.problem("inbox", &message, "for example 250k or 1.5m");
        };
        let session = opened.session.and_then(|id| self.state.sessions.get(id));
        let spent =
            session.map_or_else(|| self.spent_of(which), |session| self.session_spent(session, which));
        if value <= spent {
            let message = format!("'{text}' is not more than what is already spent");
            return self.problem("inbox", &message, "name a larger number");
        }
        let session = session.map(|session| (session.id, session.short_id.clone(), session.turn.is_none()));
        self.close_card(opened.inbox_id, "raise", Some(text), "human");
        let Some((id, scope, idle)) = session else {
            self.set_budget(which, Some(value));
            return self.resume();
        };
        self.record_for(id, BudgetChanged { which, spent, cap: Some(value), scope });
        self.out.push(Effect::Sync);
        if idle {
            self.queue_turn(id, GO_ON.to_owned(), By::Human);
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
