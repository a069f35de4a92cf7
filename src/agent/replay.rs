//! Watchers over an old journal: what they would have said, where, at no cost. The journal is folded forward to each
//! gate, and the same panel gets the same sight as in a live run. Nothing is started, asked or written: what a program or
//! a model was asked for then is told as it was recorded, and named where it is not.
//!
//! The trajectory is the one that was: with other settings a nudge that did not come then changes nothing that follows.

use std::{collections::BTreeSet, ops::ControlFlow, path::Path, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{
    effect::Heard,
    gate::LOOK_EVERY,
    judge::{self, Judged},
};
use crate::{
    config::{Config, Watchers},
    error::UserError,
    fold::{State, Watch},
    protocol::{
        Body, Event, Stamp, ToolCall,
        event::{Gate, Guard, History, Moment, Run, RunStarted, Session, VERSION, Verdict, WatcherSpoke},
    },
    store::Reader,
    watchers::{Outcome, Panel, Replays, Surroundings},
};

/// How near a recorded look must be to one that is due, to be the same.
const SAME_LOOK: Duration = Duration::from_millis(250);

/// What a watcher says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Said {
    pub step: u32,
    pub gate: Gate,
    pub watcher: String,
    pub verdict: Verdict,
    pub reason: String,
    pub guidance: String,
    pub evidence: Value,
    pub rule: String,
    /// Short name of the session that it is about.
    pub session: Option<String>,
    pub muted: bool,
    /// The moment that it saw: the newest event.
    pub seq: u64,
    /// False: told as the journal has it, since it is no rule.
    pub replayed: bool,
}

/// What the replay came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub looks: u64,
    /// Watchers that looked.
    pub watchers: Vec<String>,
    /// No rules: told as they are recorded, in this journal.
    pub recorded: Vec<String>,
    /// No rules, and never asked in this journal: not replayed.
    pub left_out: Vec<String>,
    /// Watchers that could not look, and why; each once.
    pub failed: BTreeSet<String>,
    pub damaged_lines: u64,
}

/// A look that the journal tells of.
struct Look {
    gate: Gate,
    seen: Moment,
    at: Timestamp,
}

/// Plays them. `watchers`: other settings than those of the run. Blocking; must not be called on a runtime.
pub fn replay(
    dir: &Path,
    watchers: Option<&Watchers>,
    runtime: &tokio::runtime::Runtime,
    each: &mut dyn FnMut(Said),
) -> Result<Summary, UserError> {
    let reader = Reader::open(dir)?;
    let (looks, asked) = recorded_looks(&reader)?;
    let mut replay = Replay {
        state: State::default(),
        watch: Watch::default(),
        looks: looks.into_iter().peekable(),
        due: Due::default(),
        gates: Gates::default(),
        panel: None,
        runtime,
        summary: Summary::default(),
    };
    let mut wrong = None;
    reader.scan(0, &mut |_, event| match event {
        Err(_) => {
            replay.summary.damaged_lines += 1;
            ControlFlow::Continue(())
        }
        Ok(event) => match replay.follow(&event, watchers, &asked, each) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                wrong = Some(error);
                ControlFlow::Break(())
            }
        },
    })?;
    wrong.map_or(Ok(replay.summary), Err)
}

/// The looks of the run, by the moment that they saw, and who was ever asked.
fn recorded_looks(reader: &Reader) -> Result<(Vec<Look>, BTreeSet<String>), UserError> {
    let (mut looks, mut asked) = (Vec::new(), BTreeSet::new());
    reader.scan(0, &mut |_, event| {
        if let Ok(event) = event
            && let Body::Guard(Guard::WatchersRun(run)) = &event.body
        {
            // Journals of older versions do not say what was seen: the event before it.
            let seen = run.seen.clone().unwrap_or_else(|| Moment {
                seq: event.seq.saturating_sub(1),
                at: event.timestamp.to_string(),
            });
            let at = Stamp::parse(&seen.at).map_or(event.timestamp.at, |stamp| stamp.at);
            asked.extend(run.watchers.iter().cloned());
            looks.push(Look { gate: run.gate, seen, at });
        }
        ControlFlow::Continue(())
    })?;
    looks.sort_by_key(|look| look.seen.seq);
    Ok((looks, asked))
}

/// When the watchers would look at executors next, as the live timer has it.
#[derive(Default)]
struct Due {
    at: Option<Timestamp>,
    /// Because something was done (not because of silence).
    active: bool,
}

/// Gates of the present step that were looked at.
#[derive(Default)]
struct Gates {
    step: bool,
    tools: bool,
}

/// The panel of the present launch.
struct Seated {
    config: Config,
    panel: Panel,
    /// No rules.
    told: BTreeSet<String>,
    at_activity: bool,
    stall_after: Option<Duration>,
}

struct Replay<'a> {
    state: State,
    /// The replay's own memory: edges and damping follow what is said here.
    watch: Watch,
    looks: std::iter::Peekable<std::vec::IntoIter<Look>>,
    due: Due,
    gates: Gates,
    panel: Option<Seated>,
    runtime: &'a tokio::runtime::Runtime,
    summary: Summary,
}

impl Replay<'_> {
    fn follow(
        &mut self,
        event: &Event,
        watchers: Option<&Watchers>,
        asked: &BTreeSet<String>,
        each: &mut dyn FnMut(Said),
    ) -> Result<(), UserError> {
        let at = event.timestamp.at;
        self.look_at_activity_until(at, each);
        match &event.body {
            Body::Run(Run::StepStarted(_)) if !self.gates.step => self.look(Gate::Step, at, each),
            Body::History(History::ToolStarted(_)) if !self.gates.tools => self.look(Gate::Tools, at, each),
            _ => {}
        }
        self.state.apply(event);
        match &event.body {
            Body::Run(Run::RunStarted(started)) => self.seat(started, watchers, asked)?,
            Body::Run(Run::RunFinished(_)) => self.due = Due::default(),
            Body::Run(Run::StepStarted(_)) => self.gates = Gates { step: true, tools: false },
            Body::Run(Run::StepFinished(_)) => self.gates = Gates::default(),
            Body::Session(Session::ActivityAdded(_)) => self.arm(at, true),
            Body::Session(Session::SessionTurnStarted(_)) => self.arm(at, false),
            Body::Guard(Guard::WatcherChanged(changed)) => {
                self.watch.apply(event);
                // Other settings than those of the run stay as they were given.
                if let Some(seated) = self.panel.take_if(|_| changed.rule.is_none() && watchers.is_none()) {
                    self.sit(seated.config, asked)?;
                }
            }
            Body::History(History::UsageRecorded(_)) => self.watch.apply(event),
            Body::Guard(Guard::WatcherSpoke(spoke)) => self.tell_recorded(event.seq, spoke, each),
            _ => {}
        }
        while let Some(look) = self.looks.next_if(|look| look.seen.seq <= event.seq) {
            self.look(look.gate, look.at, each);
        }
        Ok(())
    }

    /// A launch begins: its own settings, or those that were given.
    fn seat(
        &mut self,
        started: &RunStarted,
        watchers: Option<&Watchers>,
        asked: &BTreeSet<String>,
    ) -> Result<(), UserError> {
        (self.due, self.gates) = (Due::default(), Gates::default());
        let mut config: Config = serde_json::from_value(started.config.clone()).map_err(|error| {
            UserError::failed(
                format!("the configuration of this run cannot be read: {error}"),
                "it was written by another version of this program",
            )
        })?;
        if let Some(watchers) = watchers {
            config.watchers = watchers.clone();
        }
        self.sit(config, asked)
    }

    fn sit(&mut self, config: Config, asked: &BTreeSet<String>) -> Result<(), UserError> {
        let wanted = crate::watchers::in_run(&config.watchers, &self.watch);
        let all = Panel::from_config(&wanted, Surroundings::default())?;
        let told: BTreeSet<String> = all
            .replays()
            .into_iter()
            .filter(|(_, how)| *how == Replays::Recorded)
            .map(|(name, _)| name)
            .collect();
        let mut rules = wanted;
        rules.watchers.retain(|entry| !told.contains(&entry.name));
        let panel = Panel::from_config(&rules, Surroundings::default())?;
        for name in panel.names() {
            push_new(&mut self.summary.watchers, name);
        }
        for name in &told {
            let list =
                if asked.contains(name) { &mut self.summary.recorded } else { &mut self.summary.left_out };
            push_new(list, name.clone());
        }
        let at_activity = !panel.looking(Gate::Activity, &self.watch.modes).is_empty();
        let stall_after = panel.stall_after();
        self.panel = Some(Seated { config, panel, told, at_activity, stall_after });
        Ok(())
    }

    /// Sets the timer as the machine does.
    fn arm(&mut self, at: Timestamp, active: bool) {
        let Some(seated) = self.panel.as_ref().filter(|_| !self.due.active) else { return };
        if active && seated.at_activity {
            self.due = Due { at: at.checked_add(LOOK_EVERY).ok(), active: true };
        } else if !active
            && let Some(after) = seated.stall_after
            && self.state.sessions.working().next().is_some()
        {
            self.due = Due { at: at.checked_add(after + Duration::from_millis(50)).ok(), active: false };
        }
    }

    /// Looks that were due before something else happened.
    fn look_at_activity_until(&mut self, until: Timestamp, each: &mut dyn FnMut(Said)) {
        while let Some(at) = self.due.at.filter(|at| *at <= until) {
            self.due = Due::default();
            let near = |look: &Look| {
                look.gate == Gate::Activity && look.at.duration_since(at).unsigned_abs() <= SAME_LOOK
            };
            if self.looks.peek().is_some_and(near) {
                return;
            }
            if self.state.sessions.working().next().is_some() {
                self.look(Gate::Activity, at, each);
            }
        }
    }

    fn look(&mut self, gate: Gate, at: Timestamp, each: &mut dyn FnMut(Said)) {
        match gate {
            Gate::Step => self.gates.step = true,
            Gate::Tools => self.gates.tools = true,
            Gate::Activity => self.due = Due::default(),
        }
        let Some(seated) = &self.panel else { return };
        if !crate::watchers::in_run(&seated.config.watchers, &self.watch).enabled {
            return;
        }
        let unstarted = self.state.history.open_calls.iter().filter(|open| !open.started);
        let pending: Vec<ToolCall> = match gate {
            Gate::Tools => unstarted
                .map(|open| ToolCall {
                    call_id: open.call_id.clone(),
                    name: open.name.clone(),
                    arguments: open.arguments.clone(),
                })
                .collect(),
            Gate::Step | Gate::Activity => Vec::new(),
        };
        let sight = Arc::new(judge::sight(&self.state, &seated.config, gate, pending, at));
        let step = sight.step;
        let looked = seated.panel.looking(gate, &self.watch.modes);
        let outcomes = self.runtime.block_on(seated.panel.look(sight, gate, &self.watch.modes));
        self.summary.looks += 1;
        for outcome in &outcomes {
            if let Outcome::Failed { watcher, message } = outcome {
                self.summary.failed.insert(format!("{watcher}: {message}"));
            }
        }
        let judged = judge::judge(&self.watch, gate, step, &Heard { looked, outcomes, seen: None });
        self.remember(gate, step, at, judged, each);
        if gate == Gate::Activity {
            self.arm(at, false);
        }
    }

    /// What was said becomes the replay's memory, as the recorded events do in a run.
    fn remember(&mut self, gate: Gate, step: u32, at: Timestamp, judged: Judged, each: &mut dyn FnMut(Said)) {
        let seq = self.state.seq;
        let timestamp = Stamp::new(at, &jiff::tz::TimeZone::UTC);
        let event = |session_id, body| Event {
            v: VERSION,
            id: uuid::Uuid::nil(),
            seq,
            timestamp,
            session_id,
            task_id: None,
            body,
        };
        if let Some(run) = judged.run {
            self.watch.apply(&event(None, run.into()));
        }
        for (spoken, muted) in &judged.spoke {
            let spoke = judge::spoke(spoken, gate, step, *muted);
            each(self.said(seq, &spoke, true));
            self.watch.apply(&event(spoke.session, spoke.into()));
        }
    }

    fn tell_recorded(&mut self, seq: u64, spoke: &WatcherSpoke, each: &mut dyn FnMut(Said)) {
        if self.panel.as_ref().is_some_and(|seated| seated.told.contains(&spoke.watcher)) {
            each(self.said(seq, spoke, false));
        }
    }

    fn said(&self, seq: u64, spoke: &WatcherSpoke, replayed: bool) -> Said {
        let spoke = spoke.clone();
        let session = spoke.session.and_then(|id| self.state.sessions.get(id));
        Said {
            step: spoke.step,
            gate: spoke.gate,
            watcher: spoke.watcher,
            verdict: spoke.verdict,
            reason: spoke.reason,
            guidance: spoke.guidance,
            evidence: spoke.evidence,
            rule: spoke.rule,
            session: session.map(|session| session.short_id.clone()),
            muted: spoke.muted,
            seq,
            replayed,
        }
    }
}

fn push_new(list: &mut Vec<String>, name: String) {
    if !list.contains(&name) {
        list.push(name);
    }
}
