//! The panel: all configured watchers, asked at the same time, each within its time; none can end the run by failing.

use std::{collections::BTreeMap, ffi::OsString, fmt, path::PathBuf, sync::Arc, time::Duration};

use tokio::task::JoinSet;

use super::{
    AskModel, Sight, Spoken, Watcher,
    command::Command,
    llm::{self, Llm},
    stall, table,
};
use crate::{
    config::Watchers,
    error::UserError,
    fold::watch::Watch,
    process::Processes,
    protocol::{
        Usage,
        command::WatcherMode,
        event::{Gate, Verdict},
    },
};

/// How long a watcher may look.
pub const DEADLINE: Duration = Duration::from_secs(5);
/// How long a model may take that is asked as a watcher.
pub const MODEL_DEADLINE: Duration = Duration::from_secs(30);

/// What watchers need that are more than a rule.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// For commands.
    pub processes: Option<Processes>,
    pub working_dir: PathBuf,
    /// The whole environment of commands: [`crate::process::environment`] of `ChildKind::Bash`.
    pub env: Vec<(OsString, OsString)>,
    /// For the watcher `llm`.
    pub model: Option<Arc<dyn AskModel>>,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("working_dir", &self.working_dir).finish_non_exhaustive()
    }
}

/// A place in the panel.
pub(super) enum Seat {
    Rule(Arc<dyn Watcher>),
    Command(Command),
    Model(Llm),
}

/// All configured watchers.
#[derive(Clone)]
pub struct Panel {
    seats: Arc<Vec<(String, Seat)>>,
    around: Surroundings,
    stall_after: Option<Duration>,
}

impl fmt::Debug for Panel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panel").field("names", &self.names()).finish_non_exhaustive()
    }
}

/// What came of asking one watcher.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A condition of its holds. Muted: to be recorded, without effect.
    Spoke { spoken: Spoken, muted: bool },
    /// A model was asked on its behalf; told of even where its answer is no use.
    Spent { watcher: String, model: String, usage: Usage, estimated: bool },
    /// It could not look: a problem, not an end.
    Failed { watcher: String, message: String },
}

/// How a watcher can be asked again over an old journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replays {
    /// It is a rule: the same sight gives the same answer.
    Rule,
    /// It is a program or a model: only what it said then is known.
    Recorded,
}

/// What asking one came to: what it said (or why not), and what a model spent on it.
type Told = (Result<Vec<Spoken>, String>, Option<Outcome>);

impl Panel {
    /// Builds all that are on. Unknown names and keys, and values of the wrong kind, are errors with a hint.
    pub fn from_config(config: &Watchers, around: Surroundings) -> Result<Self, UserError> {
        let mut seats: Vec<(String, Seat)> = Vec::new();
        let mut stall_after = None;
        for entry in &config.watchers {
            // One that is off is judged too: a mistake shall not wait for the day when it is switched on.
            let seat = table::build(entry)?;
            if seats.iter().any(|(name, _)| *name == entry.name) {
                let message = format!("the watcher '{}' is there twice", entry.name);
                return Err(UserError::usage(message, "put all its keys into one entry"));
            }
            if !config.enabled || !entry.enabled {
                continue;
            }
            if entry.name == stall::ROW.name {
                let seconds = entry.config.get("seconds").and_then(serde_json::Value::as_f64);
                stall_after = Some(Duration::from_secs_f64(seconds.unwrap_or(stall::SECONDS)));
            }
            seats.push((entry.name.clone(), seat));
        }
        Ok(Self { seats: Arc::new(seats), around, stall_after })
    }

    /// The same surroundings with other settings.
    pub fn with_config(&self, config: &Watchers) -> Result<Self, UserError> {
        Self::from_config(config, self.around.clone())
    }

    /// In the order of the configuration.
    pub fn names(&self) -> Vec<String> {
        self.seats.iter().map(|(name, _)| name.clone()).collect()
    }

    /// All of them, with how each can be asked over an old journal.
    pub fn replays(&self) -> Vec<(String, Replays)> {
        let how = |seat: &Seat| if matches!(seat, Seat::Rule(_)) { Replays::Rule } else { Replays::Recorded };
        self.seats.iter().map(|(name, seat)| (name.clone(), how(seat))).collect()
    }

    /// Those that look at a gate and are not off, for `watchers_run`.
    pub fn looking(&self, gate: Gate, modes: &BTreeMap<String, WatcherMode>) -> Vec<String> {
        let looking = self
            .seats
            .iter()
            .filter(|(name, seat)| seat.looks_at(gate) && mode(modes, name) != WatcherMode::Off);
        looking.map(|(name, _)| name.clone()).collect()
    }

    /// After how much silence of a session the watcher `stall` wants to look (gate activity): silence brings no
    /// event, so that a timer has to.
    pub fn stall_after(&self) -> Option<Duration> {
        self.stall_after
    }

    /// Asks all that look at the gate, at the same time. What they say comes strongest first, then in the order of
    /// the configuration; what failed comes last.
    pub async fn look(
        &self,
        sight: Arc<Sight>,
        gate: Gate,
        modes: &BTreeMap<String, WatcherMode>,
    ) -> Vec<Outcome> {
        let sight = if sight.gate == gate { sight } else { Arc::new(Sight { gate, ..Sight::clone(&sight) }) };
        let mut asked = JoinSet::new();
        let mut waits = BTreeMap::new();
        for (place, (name, seat)) in self.seats.iter().enumerate() {
            if !seat.looks_at(gate) || mode(modes, name) == WatcherMode::Off {
                continue;
            }
            let (panel, sight) = (self.clone(), Arc::clone(&sight));
            let task = asked.spawn(async move { (place, panel.ask(place, sight).await) });
            waits.insert(task.id(), place);
        }
        let mut answers: Vec<(usize, Told)> = Vec::new();
        while let Some(answer) = asked.join_next_with_id().await {
            answers.push(match answer {
                Ok((_, answer)) => answer,
                Err(error) => {
                    let place = waits.get(&error.id()).copied().unwrap_or_default();
                    (place, (Err("it panicked".to_owned()), None))
                }
            });
        }
        answers.sort_by_key(|(place, _)| *place);
        self.in_order(answers, modes)
    }

    fn in_order(&self, answers: Vec<(usize, Told)>, modes: &BTreeMap<String, WatcherMode>) -> Vec<Outcome> {
        let (mut spoke, mut failed) = (Vec::new(), Vec::new());
        for (place, (answer, spent)) in answers {
            let Some((name, _)) = self.seats.get(place) else { continue };
            failed.extend(spent);
            let muted = mode(modes, name) == WatcherMode::Muted;
            match answer {
                Ok(all) => spoke.extend(
                    all.into_iter()
                        .filter(|spoken| spoken.verdict != Verdict::Continue)
                        .map(|spoken| (spoken, muted)),
                ),
                Err(message) => failed.push(Outcome::Failed { watcher: name.clone(), message }),
            }
        }
        // Stable: equal verdicts stay in the order of the configuration.
        spoke.sort_by_key(|(spoken, _)| std::cmp::Reverse(spoken.verdict));
        spoke.into_iter().map(|(spoken, muted)| Outcome::Spoke { spoken, muted }).chain(failed).collect()
    }

    async fn ask(&self, place: usize, sight: Arc<Sight>) -> Told {
        let Some((name, seat)) = self.seats.get(place) else { return (Ok(Vec::new()), None) };
        let said = match seat {
            Seat::Rule(rule) => {
                let rule = Arc::clone(rule);
                let look = tokio::task::spawn_blocking(move || rule.look(&sight));
                match tokio::time::timeout(DEADLINE, look).await {
                    Ok(Ok(spoken)) => Ok(spoken),
                    Ok(Err(_)) => Err("it panicked".to_owned()),
                    Err(_) => Err(format!("it did not answer within {} s", DEADLINE.as_secs())),
                }
            }
            // It keeps its own deadline.
            Seat::Command(command) => command.look(&sight, &self.around).await,
            Seat::Model(watcher) => return self.ask_model(name, watcher, &sight).await,
        };
        (said, None)
    }

    async fn ask_model(&self, name: &str, watcher: &Llm, sight: &Sight) -> Told {
        let Some(question) = watcher.question(sight) else { return (Ok(Vec::new()), None) };
        let Some(model) = self.around.model.as_ref() else {
            return (Err("no model can be asked here".to_owned()), None);
        };
        let guess = Usage { input: question.tokens(), ..Usage::default() };
        let spent = |model: String, usage: Option<Usage>| Outcome::Spent {
            watcher: name.to_owned(),
            model,
            estimated: usage.is_none(),
            usage: usage.unwrap_or(guess),
        };
        let asked = question.model.clone();
        match tokio::time::timeout(MODEL_DEADLINE, model.ask(question)).await {
            Ok(Ok(answer)) => (llm::read(&answer.text), Some(spent(answer.model, answer.usage))),
            // A model that refused has cost nothing.
            Ok(Err(error)) => (Err(error), None),
            // One that was given up may have: at least the question.
            Err(_) => {
                let late = format!("it did not answer within {} s", MODEL_DEADLINE.as_secs());
                (Err(late), Some(spent(asked, None)))
            }
        }
    }
}

/// The configuration as the run has changed it: keys that were set, and watchers on that the configuration has off.
/// One that was switched off keeps its seat, where it has one: the modes keep it from looking.
pub fn in_run(config: &Watchers, watch: &Watch) -> Watchers {
    let mut wanted = config.clone();
    for entry in &mut wanted.watchers {
        let configured = config.has_on(entry);
        entry.enabled = configured || watch.mode(&entry.name, configured) != WatcherMode::Off;
        let Some(serde_json::Value::Object(set)) = watch.tuned.get(&entry.name) else { continue };
        match &mut entry.config {
            serde_json::Value::Object(keys) => keys.extend(set.clone()),
            other => *other = serde_json::Value::Object(set.clone()),
        }
    }
    wanted.enabled = wanted.watchers.iter().any(|entry| entry.enabled);
    wanted
}

impl Seat {
    fn looks_at(&self, gate: Gate) -> bool {
        match self {
            Self::Rule(rule) => rule.looks_at(gate),
            Self::Command(command) => command.looks_at(gate),
            Self::Model(_) => gate == Gate::Step,
        }
    }
}

fn mode(modes: &BTreeMap<String, WatcherMode>, name: &str) -> WatcherMode {
    modes.get(name).copied().unwrap_or_default()
}

#[cfg(test)]
#[path = "panel_tests.rs"]
mod tests;
