//! What the watchers remember: which conditions held when they last looked (so that only an edge speaks), how often one
//! has spoken (so that it is damped), who is muted or off, which rules the human allowed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::protocol::{
    Body, Event,
    command::WatcherMode,
    event::{Gate, Guard},
};

/// The memory of the panel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    /// `name/rule` of the conditions that held when the panel last looked, by gate.
    pub holding: BTreeMap<Gate, BTreeSet<String>>,
    /// How often each `name/rule` has spoken in this launch.
    pub spoken: BTreeMap<String, u32>,
    pub modes: BTreeMap<String, WatcherMode>,
    /// `name/rule` that the human allowed for the rest of the run.
    pub allowed: BTreeSet<String>,
}

/// The key of a rule.
pub fn key(watcher: &str, rule: &str) -> String {
    format!("{watcher}/{rule}")
}

impl Watch {
    /// Whether a condition is new: it did not hold when the panel last looked at this gate, and is not allowed.
    pub fn fresh(&self, gate: Gate, watcher: &str, rule: &str) -> bool {
        let key = key(watcher, rule);
        !self.allowed.contains(&key) && !self.holding.get(&gate).is_some_and(|held| held.contains(&key))
    }

    /// How often a rule has spoken so far.
    pub fn times(&self, watcher: &str, rule: &str) -> u32 {
        self.spoken.get(&key(watcher, rule)).copied().unwrap_or(0)
    }

    /// Whether a watcher acts, is only recorded, or does not look.
    pub fn mode(&self, watcher: &str) -> WatcherMode {
        self.modes.get(watcher).copied().unwrap_or_default()
    }

    /// Follows one event.
    pub fn apply(&mut self, event: &Event) {
        let Body::Guard(body) = &event.body else { return };
        match body {
            Guard::WatchersRun(run) => {
                self.holding.insert(run.gate, run.holding.iter().cloned().collect());
            }
            Guard::WatcherSpoke(spoke) => {
                *self.spoken.entry(key(&spoke.watcher, &spoke.rule)).or_default() += 1;
            }
            Guard::WatcherChanged(changed) => match &changed.rule {
                Some(rule) => {
                    self.allowed.insert(key(&changed.watcher, rule));
                }
                None => {
                    self.modes.insert(changed.watcher.clone(), changed.mode);
                }
            },
            Guard::BudgetWarned(_) | Guard::BudgetExceeded(_) | Guard::BudgetChanged(_) => {}
        }
    }
}
