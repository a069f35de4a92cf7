//! The gates: when the watchers are asked, what they get to see, what their verdicts lead to.

use std::{sync::Arc, time::Duration};

use crate::{
    executors::Order,
    protocol::{
        NudgeTarget,
        command::{Delivery, WatcherMode},
        event::{Gate, Moment, NudgeQueued, RunState, Scope, UsageRecorded, Verdict, WatcherChanged},
        ids::NudgeId,
    },
    watchers::{self, Outcome, Panel, Spoken, Surroundings},
};

use super::{
    effect::{Effect, Heard, Timer},
    judge,
    machine::Machine,
    rules::WatcherRules,
    run::Phase,
};

/// The least time between two looks at what executors do.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(500);

impl Machine {
    /// Asks the watchers before a step or at its calls. False: there is nothing to ask.
    pub(super) fn ask_watchers(&mut self, gate: Gate) -> bool {
        if !watchers::in_run(&self.rules.config.watchers, &self.state.watch).enabled {
            return false;
        }
        self.step.asked += 1;
        let ask = self.step.asked;
        self.step.phase = if gate == Gate::Tools { Phase::ToolsGate(ask) } else { Phase::Gate(ask) };
        self.ask_panel(ask, gate);
        true
    }

    /// An executor was seen to do something: the watchers look soon.
    pub(super) fn activity_seen(&mut self) {
        if self.rules.watchers.at_activity && !std::mem::replace(&mut self.fleet.look_due, true) {
            self.out.push(Effect::SetTimer(Timer::Look, LOOK_EVERY));
        }
    }

    /// Silence brings no event: a timer looks at sessions that are at work.
    pub(super) fn watch_for_silence(&mut self) {
        if let Some(after) = self.rules.watchers.stall_after
            && self.state.sessions.working().next().is_some()
            && !self.fleet.look_due
        {
            self.out.push(Effect::SetTimer(Timer::Look, after + Duration::from_millis(50)));
        }
    }

    /// The timer of the gate "activity".
    pub(super) fn look_at_activity(&mut self) {
        self.fleet.look_due = false;
        if self.ending.is_none() && self.state.sessions.working().next().is_some() {
            self.ask_panel(0, Gate::Activity);
            self.watch_for_silence();
        }
    }

    /// The human switches a watcher, allows a rule of it (or no longer does) or sets keys of it, for this run.
    pub(super) fn set_watcher(&mut self, changed: WatcherChanged) {
        let (watcher, configured) = (&changed.watcher, &self.rules.config.watchers);
        let Some(entry) = configured.watchers.iter().find(|entry| entry.name == *watcher) else {
            let message = format!("there is no watcher '{watcher}' in this run");
            return self.problem("watchers", &message, "");
        };
        let set = changed.config.as_ref().or(self.state.watch.tuned.get(watcher));
        if changed.rule.is_none()
            && changed.mode != WatcherMode::Off
            && !configured.has_on(entry)
            && let Some(why) = entry.lacks(set)
        {
            let message = format!("the watcher '{watcher}' cannot be switched on: {why}");
            return self.problem("watchers", &message, "");
        }
        if let Some(config) = &changed.config {
            let mut wanted = self.state.watch.clone();
            wanted.tuned.insert(watcher.clone(), config.clone());
            let wanted = watchers::in_run(configured, &wanted);
            let built = Panel::from_config(&wanted, Surroundings::default());
            if watcher == "llm" && config.get("model").is_some() {
                return self.problem("watchers", "the model of 'llm' cannot be changed in a run", "");
            }
            if let Err(error) = built {
                return self.problem("watchers", &error.message, &error.hint);
            }
        }
        self.record(changed);
        self.retune();
        self.watch_for_silence();
    }

    /// What the machine knows of the panel, after watchers were switched or set.
    pub(super) fn retune(&mut self) {
        let wanted = watchers::in_run(&self.rules.config.watchers, &self.state.watch);
        if let Ok(panel) = Panel::from_config(&wanted, Surroundings::default()) {
            self.rules.watchers = WatcherRules::of(&panel);
        }
    }

    /// What the watchers are to see now.
    fn ask_panel(&mut self, ask: u64, gate: Gate) {
        let pending: Vec<_> =
            if gate == Gate::Tools { self.calls.pending.iter().cloned().collect() } else { Vec::new() };
        let config = &self.rules.config;
        let sight = Arc::new(judge::sight(&self.state, config, gate, pending, self.now.stamp.at));
        let seen = Moment { seq: self.state.seq, at: self.now.stamp.to_string() };
        self.out.push(Effect::AskWatchers { ask, gate, sight, seen });
    }

    /// The panel has spoken.
    pub(super) fn watchers_spoke(&mut self, ask: u64, gate: Gate, heard: Heard) {
        if self.ending.is_some() {
            return;
        }
        if gate != Gate::Activity {
            let asked = match self.step.phase {
                Phase::Gate(asked) | Phase::ToolsGate(asked) => asked,
                _ => return,
            };
            if asked != ask {
                return;
            }
            self.step.phase = if gate == Gate::Tools { Phase::Doing } else { Phase::Between };
        }
        for outcome in &heard.outcomes {
            match outcome {
                Outcome::Failed { watcher, message } => {
                    self.problem(&format!("watcher:{watcher}"), message, "the other watchers went on");
                }
                Outcome::Spent { model, usage, estimated, .. } => {
                    let cost = self.rules.model.prices.cost(model, usage);
                    self.record(UsageRecorded::new(Scope::Watcher, model, *usage, cost, *estimated));
                }
                Outcome::Spoke { .. } => {}
            }
        }
        self.check_budget();
        if self.ending.is_some() {
            return;
        }
        let acting = self.record_spoken(gate, &heard);
        let mut stopped = false;
        for spoken in &acting {
            stopped |= self.follow_verdict(gate, spoken);
            if self.ending.is_some() {
                return;
            }
        }
        if gate == Gate::Step && !stopped && self.run_state() == RunState::Running {
            self.step.passed = true;
        }
    }

    /// Records who spoke; returns those whose verdict acts, the strongest first.
    fn record_spoken(&mut self, gate: Gate, heard: &Heard) -> Vec<Spoken> {
        let step = self.state.run.progress.step + u32::from(gate == Gate::Step);
        let judged = judge::judge(&self.state.watch, gate, step, heard);
        if let Some(run) = judged.run {
            self.record(run);
        }
        for (spoken, muted) in &judged.spoke {
            let spoke = judge::spoke(spoken, gate, step, *muted);
            match spoke.session {
                Some(id) => self.record_for(id, spoke),
                None => self.record(spoke),
            }
        }
        judged.spoke.into_iter().filter(|(_, muted)| !muted).map(|(spoken, _)| spoken).collect()
    }

    /// True: the run does not simply go on.
    fn follow_verdict(&mut self, gate: Gate, spoken: &Spoken) -> bool {
        let by = format!("watcher:{}", spoken.watcher);
        if let Some(about) = spoken.about {
            // A verdict about a turn that is over is void.
            let turn = self.state.sessions.get(about.session).and_then(|session| session.turn.as_ref());
            if turn.is_none_or(|turn| turn.number != about.turn) {
                return false;
            }
        }
        match spoken.verdict {
            Verdict::Continue => false,
            Verdict::Nudge => {
                self.watcher_nudges(spoken, by);
                false
            }
            Verdict::Pause => {
                let calls: Vec<_> = self.calls.pending.iter().map(call_shown).collect();
                let detail = serde_json::json!({
                    "watcher": spoken.watcher, "rule": spoken.rule, "gate": gate, "reason": spoken.reason,
                    "guidance": spoken.guidance, "evidence": spoken.evidence, "calls": calls,
                });
                let title = format!("watcher '{}': {}", spoken.watcher, spoken.reason);
                self.watcher_pauses(&title, detail, gate == Gate::Tools, &by);
                true
            }
            Verdict::Abort => match spoken.about {
                Some(about) => {
                    self.session_problem(about.session, &spoken.reason, "its turn is interrupted");
                    self.out.push(Effect::Order(about.session, Order::Interrupt));
                    false
                }
                None => {
                    self.watcher_aborts(&format!("watcher '{}': {}", spoken.watcher, spoken.reason), &by);
                    true
                }
            },
        }
    }

    /// Guidance goes to the orchestrator, or into the turn that it is about.
    fn watcher_nudges(&mut self, spoken: &Spoken, by: String) {
        let nudge = NudgeId(self.new_id());
        let text = spoken.guidance.clone();
        let Some(about) = spoken.about else {
            let target = NudgeTarget::Orchestrator;
            return self.record(NudgeQueued { nudge_id: nudge, target, text, by });
        };
        let target = NudgeTarget::Session(about.session);
        self.record_for(about.session, NudgeQueued { nudge_id: nudge, target, text: text.clone(), by });
        let text = format!("[WATCHER: {}] {text}", spoken.watcher);
        self.out.push(Effect::Order(about.session, Order::Steer { nudge, text, how: Delivery::Auto }));
    }
}

/// A call as the human sees and edits it.
fn call_shown(call: &crate::protocol::ToolCall) -> serde_json::Value {
    let arguments: serde_json::Value =
        serde_json::from_str(&call.arguments).unwrap_or_else(|_| call.arguments.clone().into());
    serde_json::json!({ "name": call.name, "arguments": arguments })
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
