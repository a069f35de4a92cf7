//! The gates: when the watchers are asked, what they get to see, what their verdicts lead to.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use crate::{
    executors::Order,
    protocol::{
        NudgeTarget,
        command::{Cap, Delivery},
        event::{Gate, NudgeQueued, RunState, Verdict, WatcherSpoke, WatchersRun},
        ids::NudgeId,
    },
    watchers::{BudgetSight, Folds, Frame, Outcome, Sight, Spoken},
};

use super::{
    effect::{Effect, Heard, Timer},
    governor,
    machine::Machine,
    run::Phase,
};

/// The least time between two looks at what executors do.
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl Machine {
    /// Asks the watchers before a step or at its calls. False: there is nothing to ask.
    pub(super) fn ask_watchers(&mut self, gate: Gate) -> bool {
        if !self.rules.config.watchers.enabled {
            return false;
        }
        self.step.asked += 1;
        let ask = self.step.asked;
        self.step.phase = if gate == Gate::Tools { Phase::ToolsGate(ask) } else { Phase::Gate(ask) };
        let sight = Arc::new(self.sight(gate));
        self.out.push(Effect::AskWatchers { ask, gate, sight });
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
            let sight = Arc::new(self.sight(Gate::Activity));
            self.out.push(Effect::AskWatchers { ask: 0, gate: Gate::Activity, sight });
            self.watch_for_silence();
        }
    }

    fn sight(&self, gate: Gate) -> Sight {
        let pending =
            if gate == Gate::Tools { self.calls.pending.iter().cloned().collect() } else { Vec::new() };
        let state = &self.state;
        let folds = Folds { trail: &state.trail, sessions: &state.sessions, spend: &state.spend };
        let frame = Frame {
            gate,
            step: state.run.progress.step + u32::from(gate == Gate::Step),
            max_steps: state.run.progress.last_step,
            task: state.run.task.clone(),
            pending,
            budget: self.budget_sight(),
        };
        Sight::new(folds, frame, self.now.stamp.at)
    }

    fn budget_sight(&self) -> BudgetSight {
        let caps = [
            Cap::MaxTokens,
            Cap::MaxOrchestratorTokens,
            Cap::MaxExecutorTokens,
            Cap::MaxCostUsd,
            Cap::MaxMinutes,
        ];
        let share = |which: Cap| {
            let cap = self.cap(which).filter(|cap| *cap > 0.0)?;
            Some((governor::key(which).to_owned(), 100.0 * self.spent_of(which) / cap))
        };
        let strongest = caps.into_iter().filter_map(share).max_by(|a, b| a.1.total_cmp(&b.1));
        BudgetSight { strongest, max_sessions: self.rules.config.budget.max_sessions, watcher_tokens: 0 }
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
            if let Outcome::Failed { watcher, message } = outcome {
                self.problem(&format!("watcher:{watcher}"), message, "the other watchers went on");
            }
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
        let mut fresh: Vec<(Spoken, bool)> = Vec::new();
        let mut holding = BTreeSet::new();
        for outcome in &heard.outcomes {
            let Outcome::Spoke { spoken, muted } = outcome else { continue };
            let key = spoken.key();
            holding.insert(key.clone());
            let Some(verdict) = self.state.watch.judge(gate, &key, spoken.verdict, step) else { continue };
            let mut spoken = spoken.clone();
            if verdict != spoken.verdict {
                spoken.reason = format!("{} (it was said before, without effect)", spoken.reason);
                spoken.verdict = verdict;
            }
            fresh.push((spoken, *muted));
        }
        fresh.sort_by_key(|(spoken, _)| std::cmp::Reverse(spoken.verdict));
        let strongest = fresh.iter().find(|(_, muted)| !muted).map(|(spoken, _)| spoken);
        let changed =
            self.state.watch.holding.get(&gate).map_or(!holding.is_empty(), |held| *held != holding);
        // At the gate "activity" only a change is worth a line.
        if !heard.looked.is_empty() && (gate != Gate::Activity || changed || !fresh.is_empty()) {
            self.record(WatchersRun {
                step,
                watchers: heard.looked.clone(),
                action: strongest.map(|spoken| spoken.verdict).unwrap_or_default(),
                triggered_by: strongest.map(|spoken| spoken.watcher.clone()),
                reason: strongest.map(|spoken| spoken.reason.clone()),
                gate,
                holding: holding.into_iter().collect(),
            });
        }
        for (spoken, muted) in fresh.clone() {
            let session = spoken.about.map(|about| about.session);
            let spoke = WatcherSpoke {
                watcher: spoken.watcher,
                verdict: spoken.verdict,
                gate,
                rule: spoken.rule,
                reason: spoken.reason,
                guidance: spoken.guidance,
                evidence: spoken.evidence,
                step,
                session,
                muted,
            };
            match session {
                Some(id) => self.record_for(id, spoke),
                None => self.record(spoke),
            }
        }
        fresh.into_iter().filter(|(_, muted)| !muted).map(|(spoken, _)| spoken).collect()
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
