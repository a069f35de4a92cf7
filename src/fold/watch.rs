//! The memory of the watchers: what held when they last looked (so that they speak at an edge, not at every step),
//! what they have said (so that they do not nag), and how they are switched.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::protocol::{
    Body, Event,
    command::WatcherMode,
    event::{Gate, Guard, History, Scope, Verdict, WatcherChanged, WatcherSpoke},
};

/// The nudge of a rule that becomes a pause.
pub const THIRD: u32 = 3;
/// Steps after which a nudge is forgotten.
pub const FORGOTTEN_AFTER: u32 = 30;
/// Nudges that are remembered.
const KEPT: usize = 200;

/// The memory of the watchers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    /// Watchers that were switched during the run.
    pub modes: BTreeMap<String, WatcherMode>,
    /// Keys of watchers that were set during the run.
    #[serde(default)]
    pub tuned: BTreeMap<String, serde_json::Value>,
    /// `name/rule` that the human has allowed for the rest of the run.
    pub allowed: BTreeSet<String>,
    /// Keys of the conditions that held at the last look, by gate.
    pub holding: BTreeMap<Gate, BTreeSet<String>>,
    /// Answers of models that were asked on behalf of watchers.
    #[serde(default)]
    pub answers: u32,
    /// Keys of nudges that had an effect, with their step, oldest first.
    nudged: VecDeque<(String, u32)>,
}

/// The key of a condition: `name/rule`, for one session `name/rule@session`.
pub fn key(watcher: &str, rule: &str, session: Option<crate::protocol::SessionId>) -> String {
    match session {
        Some(session) => format!("{watcher}/{rule}@{session}"),
        None => format!("{watcher}/{rule}"),
    }
}

/// What was changed of a watcher, in words that follow its name.
pub fn told(changed: &WatcherChanged) -> String {
    let what = match (&changed.rule, &changed.config, changed.mode) {
        (Some(rule), _, _) if changed.taken_back => format!("rule '{rule}' no longer allowed"),
        (Some(rule), _, _) => format!("rule '{rule}' allowed"),
        (_, Some(serde_json::Value::Object(keys)), _) => {
            let each: Vec<String> = keys.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            format!("set to {}", each.join(", "))
        }
        (_, _, WatcherMode::On) => "switched on".to_owned(),
        (_, _, WatcherMode::Muted) => "muted".to_owned(),
        (_, _, WatcherMode::Off) => "switched off".to_owned(),
    };
    crate::text::clean_line(&what).into_string()
}

impl Watch {
    /// How a watcher is switched: as the human did last, else as the configuration has it.
    pub fn mode(&self, watcher: &str, configured: bool) -> WatcherMode {
        let default = if configured { WatcherMode::On } else { WatcherMode::Off };
        self.modes.get(watcher).copied().unwrap_or(default)
    }

    /// Whether a condition is new at its gate. At the gate of the tools everything is new: each look judges other
    /// calls, and a call that was rejected once must not slip through when it is asked for again.
    pub fn fresh(&self, gate: Gate, key: &str) -> bool {
        gate == Gate::Tools || !self.holding.get(&gate).is_some_and(|held| held.contains(key))
    }

    /// How often the rule has nudged in the last [`FORGOTTEN_AFTER`] steps, since its last pause.
    pub fn repeats(&self, key: &str, step: u32) -> u32 {
        let lately = |then: u32| step.saturating_sub(then) <= FORGOTTEN_AFTER;
        let count = self.nudged.iter().filter(|(known, then)| known == key && lately(*then)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Whether the human has allowed the rule for the rest of the run (for all sessions alike).
    pub fn is_allowed(&self, key: &str) -> bool {
        self.allowed.contains(key.split_once('@').map_or(key, |(rule, _)| rule))
    }

    /// What a verdict amounts to: `None`: nothing (it held before, or was allowed); the third equal nudge is a pause.
    pub fn judge(&self, gate: Gate, key: &str, verdict: Verdict, step: u32) -> Option<Verdict> {
        if verdict == Verdict::Continue || self.is_allowed(key) || !self.fresh(gate, key) {
            return None;
        }
        let tired = verdict == Verdict::Nudge && self.repeats(key, step) + 1 >= THIRD;
        Some(if tired { Verdict::Pause } else { verdict })
    }

    /// Follows one event.
    pub fn apply(&mut self, event: &Event) {
        let body = match &event.body {
            Body::Guard(body) => body,
            Body::History(History::UsageRecorded(usage)) => {
                self.answers += u32::from(usage.scope == Scope::Watcher);
                return;
            }
            _ => return,
        };
        match body {
            Guard::WatchersRun(run) => {
                self.holding.insert(run.gate, run.holding.iter().cloned().collect());
            }
            Guard::WatcherSpoke(spoke) if !spoke.muted => self.follow(spoke),
            Guard::WatcherChanged(changed) => match &changed.rule {
                Some(rule) if changed.taken_back => {
                    let rule = key(&changed.watcher, rule, None);
                    self.allowed.remove(&rule);
                    // What holds now shall speak: it never did while it was allowed.
                    let of_it =
                        |held: &String| held.split_once('@').map_or(held.as_str(), |(rule, _)| rule) == rule;
                    self.holding.values_mut().for_each(|held| held.retain(|held| !of_it(held)));
                }
                Some(rule) => {
                    self.allowed.insert(key(&changed.watcher, rule, None));
                }
                None => {
                    self.modes.insert(changed.watcher.clone(), changed.mode);
                    if let Some(serde_json::Value::Object(set)) = &changed.config {
                        let tuned = self
                            .tuned
                            .entry(changed.watcher.clone())
                            .or_insert_with(|| serde_json::json!({}));
                        if let Some(tuned) = tuned.as_object_mut() {
                            tuned.extend(set.clone());
                        }
                    }
                }
            },
            _ => {}
        }
    }

    fn follow(&mut self, spoke: &WatcherSpoke) {
        let key = key(&spoke.watcher, &spoke.rule, spoke.session);
        match spoke.verdict {
            Verdict::Nudge => {
                if self.nudged.len() >= KEPT {
                    self.nudged.pop_front();
                }
                self.nudged.push_back((key, spoke.step));
            }
            Verdict::Pause | Verdict::Abort => self.nudged.retain(|(known, _)| *known != key),
            Verdict::Continue => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{
        Stamp,
        event::{VERSION, WatchersRun},
    };

    fn follow(watch: &mut Watch, body: Body) {
        let timestamp = Stamp::parse("2026-11-24T06:43:56Z").unwrap();
        let id = uuid::Uuid::nil();
        watch.apply(&Event { v: VERSION, id, seq: 1, timestamp, session_id: None, task_id: None, body });
    }

    fn looked(watch: &mut Watch, gate: Gate, holding: &[&str]) {
        let run = WatchersRun {
            step: 1,
            watchers: vec!["progress".into()],
            action: Verdict::Continue,
            triggered_by: None,
            reason: None,
            gate,
            holding: holding.iter().map(|key| (*key).to_owned()).collect(),
            seen: None,
        };
        follow(watch, run.into());
    }

    fn spoke(watch: &mut Watch, verdict: Verdict, step: u32, muted: bool) {
        let spoke = WatcherSpoke {
            watcher: "progress".into(),
            verdict,
            gate: Gate::Step,
            rule: "same_calls".into(),
            reason: String::new(),
            guidance: String::new(),
            evidence: serde_json::Value::Null,
            step,
            session: None,
            muted,
        };
        follow(watch, spoke.into());
    }

    const KEY: &str = "progress/same_calls";

    #[test]
    fn a_condition_speaks_once_until_it_has_been_gone() {
        let mut watch = Watch::default();
        let judged = |watch: &Watch| watch.judge(Gate::Step, KEY, Verdict::Nudge, 5);
        assert_eq!(judged(&watch), Some(Verdict::Nudge));
        looked(&mut watch, Gate::Step, &[KEY]);
        assert_eq!(judged(&watch), None);
        looked(&mut watch, Gate::Activity, &[]);
        assert_eq!(judged(&watch), None, "another gate");
        assert_eq!(watch.judge(Gate::Tools, KEY, Verdict::Pause, 5), Some(Verdict::Pause));
        looked(&mut watch, Gate::Step, &[]);
        assert_eq!(judged(&watch), Some(Verdict::Nudge));
    }

    #[test]
    fn the_third_equal_nudge_is_a_pause_and_begins_the_count_anew() {
        let mut watch = Watch::default();
        let judged = |watch: &Watch, step| watch.judge(Gate::Step, KEY, Verdict::Nudge, step);
        spoke(&mut watch, Verdict::Nudge, 4, false);
        spoke(&mut watch, Verdict::Nudge, 5, true);
        assert_eq!(
            (watch.repeats(KEY, 9), judged(&watch, 9)),
            (1, Some(Verdict::Nudge)),
            "a muted one does not count"
        );
        spoke(&mut watch, Verdict::Nudge, 9, false);
        assert_eq!(judged(&watch, 12), Some(Verdict::Pause));
        assert_eq!(judged(&watch, 4 + FORGOTTEN_AFTER + 1), Some(Verdict::Nudge), "the first is forgotten");
        spoke(&mut watch, Verdict::Pause, 12, false);
        assert_eq!((watch.repeats(KEY, 12), judged(&watch, 13)), (0, Some(Verdict::Nudge)));
    }

    #[test]
    fn an_allowed_rule_is_silent_for_every_session_until_that_is_taken_back_and_a_switched_watcher_is_remembered()
     {
        let mut watch = Watch::default();
        let changed = |mode, rule: Option<&str>| WatcherChanged {
            watcher: "progress".into(),
            mode,
            by: "human".into(),
            rule: rule.map(str::to_owned),
            config: None,
            taken_back: false,
        };
        follow(&mut watch, changed(WatcherMode::On, Some("same_calls")).into());
        assert!(watch.modes.is_empty());
        assert_eq!(watch.judge(Gate::Tools, KEY, Verdict::Abort, 1), None);
        let session = crate::protocol::SessionId::random();
        assert_eq!(
            watch.judge(Gate::Activity, &key("progress", "same_calls", Some(session)), Verdict::Nudge, 1),
            None
        );
        looked(&mut watch, Gate::Step, &[KEY, "progress/other"]);
        let back = WatcherChanged { taken_back: true, ..changed(WatcherMode::On, Some("same_calls")) };
        follow(&mut watch, back.into());
        assert!(watch.allowed.is_empty());
        assert_eq!(
            watch.judge(Gate::Step, KEY, Verdict::Nudge, 5),
            Some(Verdict::Nudge),
            "what holds speaks now"
        );
        assert_eq!(watch.judge(Gate::Step, "progress/other", Verdict::Nudge, 5), None);
        follow(&mut watch, changed(WatcherMode::Muted, None).into());
        assert_eq!(watch.modes, BTreeMap::from([("progress".to_owned(), WatcherMode::Muted)]));
    }
}
