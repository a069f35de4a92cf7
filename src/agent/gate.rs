//! The gates: when the watchers are asked, what they get to see, what their verdicts lead to.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    fold::watch,
    protocol::{
        Item, NudgeTarget, Usage,
        command::{Cap, WatcherMode},
        event::{Gate, NudgeQueued, RunState, Verdict, WatcherSpoke, WatchersRun},
        ids::NudgeId,
        item::ItemView,
    },
    watchers::{BudgetSight, RECENT, Seen, SeenKind, SessionCounts, Sight, Spoken},
};

use super::{
    effect::{Effect, Heard},
    governor,
    machine::Machine,
    run::Phase,
};

/// A rule whose nudge would be its third in a row becomes a pause.
const DAMPED_AFTER: u32 = 2;

impl Machine {
    /// Asks the watchers. False: there is nothing to ask.
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

    fn sight(&self, gate: Gate) -> Sight {
        let step = self.state.run.progress.step + u32::from(gate == Gate::Step);
        let pending =
            if gate == Gate::Tools { self.calls.pending.iter().cloned().collect() } else { Vec::new() };
        let mut spent = self.state.spend.orchestrator;
        for other in [&self.state.spend.executors, &self.state.spend.watchers] {
            Usage::add(&mut spent, other);
        }
        Sight {
            gate,
            step,
            max_steps: self.rules.config.orchestrator.max_steps,
            task: self.state.run.task.clone(),
            recent: recent(&self.state.history.items),
            pending,
            sessions: self.session_counts(),
            spent,
            files_changed: self.state.ledger.files_changed(),
            budget: self.budget_sight(),
        }
    }

    fn session_counts(&self) -> SessionCounts {
        let mut counts = SessionCounts::default();
        for session in &self.state.sessions.all {
            counts.started += 1;
            match &session.end {
                Some(end) if end.status == "completed" => counts.completed += 1,
                Some(_) => counts.failed += 1,
                None => counts.active += 1,
            }
        }
        counts
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
        BudgetSight { strongest, max_sessions: self.rules.config.budget.max_sessions }
    }

    /// The panel has spoken.
    pub(super) fn watchers_spoke(&mut self, ask: u64, gate: Gate, heard: Heard) {
        let asked = match self.step.phase {
            Phase::Gate(asked) | Phase::ToolsGate(asked) => asked,
            _ => return,
        };
        if asked != ask || self.ending.is_some() {
            return;
        }
        self.step.phase = if gate == Gate::Tools { Phase::Doing } else { Phase::Between };
        for (watcher, problem) in &heard.problems {
            self.problem(&format!("watcher:{watcher}"), problem, "the other watchers went on");
        }
        let acting = self.record_spoken(gate, &heard);
        let stopped = acting.iter().any(|spoken| self.follow_verdict(gate, spoken));
        if gate == Gate::Step && !stopped && self.run_state() == RunState::Running {
            self.step.passed = true;
        }
    }

    /// Records who spoke; returns those whose verdict acts, the strongest first.
    fn record_spoken(&mut self, gate: Gate, heard: &Heard) -> Vec<Spoken> {
        let step = self.state.run.progress.step + u32::from(gate == Gate::Step);
        let mut acting: Vec<Spoken> = Vec::new();
        let mut muted: BTreeSet<String> = BTreeSet::new();
        for spoken in &heard.spoken {
            let mode = self.state.watch.mode(&spoken.watcher);
            let fresh = self.state.watch.fresh(gate, &spoken.watcher, &spoken.rule);
            if spoken.verdict == Verdict::Continue || !fresh || mode == WatcherMode::Off {
                continue;
            }
            let mut spoken = spoken.clone();
            let times = self.state.watch.times(&spoken.watcher, &spoken.rule);
            if spoken.verdict == Verdict::Nudge && times >= DAMPED_AFTER {
                spoken.verdict = Verdict::Pause;
                spoken.reason = format!("{} (said {} times without effect)", spoken.reason, times + 1);
            }
            if mode == WatcherMode::Muted {
                muted.insert(watch::key(&spoken.watcher, &spoken.rule));
            }
            acting.push(spoken);
        }
        acting.sort_by(|a, b| b.verdict.cmp(&a.verdict));
        let silent = |spoken: &Spoken| muted.contains(&watch::key(&spoken.watcher, &spoken.rule));
        let strongest = acting.iter().find(|spoken| !silent(spoken));
        let holding = heard.spoken.iter().filter(|spoken| spoken.verdict > Verdict::Continue);
        let run = WatchersRun {
            step,
            watchers: heard.looked.clone(),
            action: strongest.map(|spoken| spoken.verdict).unwrap_or_default(),
            triggered_by: strongest.map(|spoken| spoken.watcher.clone()),
            reason: strongest.map(|spoken| spoken.reason.clone()),
            gate,
            holding: holding.map(|spoken| watch::key(&spoken.watcher, &spoken.rule)).collect(),
        };
        if !heard.looked.is_empty() {
            self.record(run);
        }
        for spoken in &acting {
            let muted = silent(spoken);
            let spoken = spoken.clone();
            self.record(WatcherSpoke {
                watcher: spoken.watcher,
                verdict: spoken.verdict,
                gate,
                rule: spoken.rule,
                reason: spoken.reason,
                guidance: spoken.guidance,
                evidence: spoken.evidence,
                step,
                session: None,
                muted,
            });
        }
        acting.retain(|spoken| !silent(spoken));
        acting
    }

    /// True: the run does not simply go on.
    fn follow_verdict(&mut self, gate: Gate, spoken: &Spoken) -> bool {
        let by = format!("watcher:{}", spoken.watcher);
        match spoken.verdict {
            Verdict::Continue => false,
            Verdict::Nudge => {
                let nudge_id = NudgeId(self.new_id());
                let (target, text) = (NudgeTarget::Orchestrator, spoken.guidance.clone());
                self.record(NudgeQueued { nudge_id, target, text, by });
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
            Verdict::Abort => {
                self.watcher_aborts(&format!("watcher '{}': {}", spoken.watcher, spoken.reason), &by);
                true
            }
        }
    }
}

/// A call as the human sees and edits it.
fn call_shown(call: &crate::protocol::ToolCall) -> serde_json::Value {
    let arguments: serde_json::Value =
        serde_json::from_str(&call.arguments).unwrap_or_else(|_| call.arguments.clone().into());
    serde_json::json!({ "name": call.name, "arguments": arguments })
}

/// The last entries of the trajectory, without the system prompt and the task.
fn recent(items: &[Item]) -> Vec<Seen> {
    let body = items.get(2..).unwrap_or_default();
    let tail = &body[body.len().saturating_sub(RECENT)..];
    tail.iter().flat_map(seen).collect()
}

fn seen(item: &Item) -> Vec<Seen> {
    let entry = |what| Seen { item: item.id, what };
    match item.view() {
        ItemView::User(text) => vec![entry(SeenKind::User(text))],
        ItemView::Assistant { text, calls } => {
            let said = (!text.is_empty()).then(|| entry(SeenKind::Said(text)));
            said.into_iter().chain(calls.into_iter().map(|call| entry(SeenKind::Called(call)))).collect()
        }
        ItemView::Call(call) => vec![entry(SeenKind::Called(call))],
        ItemView::Output { call_id, output } => vec![entry(SeenKind::Returned { call_id, output })],
        ItemView::Reasoning { .. } | ItemView::System(_) | ItemView::Other => Vec::new(),
    }
}
