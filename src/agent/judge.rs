//! What watchers get to see at a gate, and what their words amount to. Shared by the machine and by the replay, so that
//! both show and judge the same.

use std::collections::BTreeSet;

use crate::{
    config::Config,
    fold::{State, Watch, caps},
    protocol::{
        ToolCall,
        command::Cap,
        event::{Gate, WatcherSpoke, WatchersRun},
    },
    watchers::{BudgetSight, Folds, Frame, Outcome, Sight, Spoken},
};

use super::effect::Heard;

/// The sight of a state. `pending`: gate tools, the calls that wait.
pub(super) fn sight(
    state: &State,
    config: &Config,
    gate: Gate,
    pending: Vec<ToolCall>,
    now: jiff::Timestamp,
) -> Sight {
    let folds = Folds { trail: &state.trail, sessions: &state.sessions, spend: &state.spend };
    let frame = Frame {
        gate,
        step: state.run.progress.step + u32::from(gate == Gate::Step),
        max_steps: state.run.progress.last_step,
        task: state.run.task.clone(),
        pending,
        budget: budget(state, config, now),
    };
    Sight::new(folds, frame, now)
}

fn budget(state: &State, config: &Config, now: jiff::Timestamp) -> BudgetSight {
    let share = |which: Cap| {
        let cap = state.spend.cap(which).filter(|cap| *cap > 0.0)?;
        Some((caps::key(caps::RUN, which), 100.0 * state.spend.spent(which, now) / cap))
    };
    let strongest = caps::SPENT.into_iter().filter_map(share).max_by(|a, b| a.1.total_cmp(&b.1));
    let (max_sessions, watcher_answers) = (config.budget.max_sessions, state.watch.answers);
    BudgetSight { strongest, max_sessions, watcher_answers, watcher_tokens: 0 }
}

/// What is to be recorded of a look.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// `None`: nobody looked, or (gate activity) nothing has changed.
    pub run: Option<WatchersRun>,
    /// Who speaks, the strongest first; muted: without effect.
    pub spoke: Vec<(Spoken, bool)>,
}

/// Judges by edges and damping.
pub(super) fn judge(watch: &Watch, gate: Gate, step: u32, heard: &Heard) -> Judged {
    let mut fresh: Vec<(Spoken, bool)> = Vec::new();
    let mut holding = BTreeSet::new();
    for outcome in &heard.outcomes {
        let Outcome::Spoke { spoken, muted } = outcome else { continue };
        let key = spoken.key();
        holding.insert(key.clone());
        let Some(verdict) = watch.judge(gate, &key, spoken.verdict, step) else { continue };
        let mut spoken = spoken.clone();
        if verdict != spoken.verdict {
            spoken.reason = format!("{} (it was said before, without effect)", spoken.reason);
            spoken.verdict = verdict;
        }
        fresh.push((spoken, *muted));
    }
    fresh.sort_by_key(|(spoken, _)| std::cmp::Reverse(spoken.verdict));
    let strongest = fresh.iter().find(|(_, muted)| !muted).map(|(spoken, _)| spoken);
    let changed = watch.holding.get(&gate).map_or(!holding.is_empty(), |held| *held != holding);
    // At the gate "activity" only a change is worth a line.
    let worth = !heard.looked.is_empty() && (gate != Gate::Activity || changed || !fresh.is_empty());
    let run = worth.then(|| WatchersRun {
        step,
        watchers: heard.looked.clone(),
        action: strongest.map(|spoken| spoken.verdict).unwrap_or_default(),
        triggered_by: strongest.map(|spoken| spoken.watcher.clone()),
        reason: strongest.map(|spoken| spoken.reason.clone()),
        gate,
        holding: holding.into_iter().collect(),
        seen: heard.seen.clone(),
    });
    Judged { run, spoke: fresh }
}

/// The event of a verdict.
pub(super) fn spoke(spoken: &Spoken, gate: Gate, step: u32, muted: bool) -> WatcherSpoke {
    let spoken = spoken.clone();
    WatcherSpoke {
        watcher: spoken.watcher,
        verdict: spoken.verdict,
        gate,
        rule: spoken.rule,
        reason: spoken.reason,
        guidance: spoken.guidance,
        evidence: spoken.evidence,
        step,
        session: spoken.about.map(|about| about.session),
        muted,
    }
}
