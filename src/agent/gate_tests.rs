use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::{
    agent::{
        effect::{Input, Now},
        launch::Human,
        rules::{Adapters, ModelRules, Place, Rules, WatcherRules},
    },
    config::Config,
    fold::State,
    protocol::{
        Body, Command, Event, SessionId, Stamp,
        event::{
            By, Guard, Mode, Run, SessionStarted, SessionTurnFinished, SessionTurnStarted, TurnStatus,
            VERSION,
        },
    },
    text::Redactor,
    watchers::About,
};

const SESSION: SessionId = SessionId(uuid::Uuid::from_u128(7));

fn now() -> Now {
    Now { stamp: Stamp::parse("2026-11-24T06:43:56Z").unwrap(), mono_ms: 1 }
}

/// A machine whose session `s1` is in its second turn.
fn machine() -> Machine {
    let rules = Rules {
        config: Arc::new(Config::default()),
        place: Place::default(),
        human: Human::Present,
        demo: false,
        adapters: Adapters::default(),
        model: ModelRules::default(),
        redactor: Arc::new(Redactor::new([])),
        watchers: WatcherRules { at_activity: true, stall_after: None },
    };
    let mut state = State::default();
    let mut apply = |body: crate::protocol::Body| {
        let (id, seq) = (uuid::Uuid::nil(), state.seq + 1);
        let (timestamp, session_id) = (now().stamp, Some(SESSION));
        state.apply(&Event { v: VERSION, id, seq, timestamp, session_id, task_id: None, body });
    };
    apply(
        SessionStarted {
            adapter: "codex".into(),
            mode: Mode::Async,
            task: "Parser".into(),
            short_id: "s1".into(),
            model: None,
            working_dir: String::new(),
            native_id: None,
            cli_version: None,
            isolation: String::new(),
            pid: None,
            shared_pid: true,
            parent: None,
        }
        .into(),
    );
    let started = |turn| SessionTurnStarted { turn, prompt: "Parser".into(), by: By::Orchestrator };
    apply(started(1).into());
    let (status, response) = (TurnStatus::Completed, "Done.".to_owned());
    apply(SessionTurnFinished { turn: 1, status, response, error: None, duration_ms: 1 }.into());
    apply(started(2).into());
    Machine::new(state, rules, 1, now())
}

/// The effects of a verdict about a turn, as words.
fn verdict(machine: &mut Machine, verdict: Verdict, turn: u32) -> Vec<String> {
    let about = Some(About { session: SESSION, turn });
    let spoken = Spoken::nudge("stall", format!("silent {verdict:?}"), "r".into(), "Go on.".into());
    let spoken = Spoken { verdict, about, ..spoken.with(json!(1)) };
    let outcomes = vec![Outcome::Spoke { spoken, muted: false }];
    let heard = Heard { looked: vec!["stall".into()], outcomes, seen: None };
    let effects = machine.handle(Input::WatchersSpoke { ask: 0, gate: Gate::Activity, heard }, now());
    let word = |effect: &Effect| match effect {
        Effect::Record(recorded) => Some(recorded.event.body.kind().to_owned()),
        Effect::Order(_, Order::Steer { text, .. }) => Some(format!("steer: {text}")),
        Effect::Order(_, Order::Interrupt) => Some("interrupt".to_owned()),
        _ => None,
    };
    // The run itself is at rest.
    effects.iter().filter_map(word).filter(|word| word != "run_state_changed").collect()
}

#[test]
fn a_verdict_about_a_turn_that_is_over_is_recorded_and_does_nothing() {
    for kind in [Verdict::Nudge, Verdict::Abort] {
        assert_eq!(verdict(&mut machine(), kind, 1), ["watchers_run", "watcher_spoke"], "{kind:?}");
    }
}

#[test]
fn a_verdict_about_the_turn_that_runs_steers_or_interrupts_it() {
    let mut machine = machine();
    assert_eq!(
        verdict(&mut machine, Verdict::Nudge, 2),
        ["watchers_run", "watcher_spoke", "nudge_queued", "steer: [WATCHER: stall] Go on."]
    );
    let mut machine = self::machine();
    assert_eq!(
        verdict(&mut machine, Verdict::Abort, 2),
        ["watchers_run", "watcher_spoke", "problem_raised", "interrupt"]
    );
}

#[test]
fn a_rule_that_the_human_allowed_is_silent_until_that_is_taken_back_and_then_speaks_of_what_holds() {
    let mut machine = machine();
    machine.state.run.progress.last_step = 9;
    let set = |machine: &mut Machine, taken_back| {
        let (name, rule) = ("progress".to_owned(), Some("silent Nudge".to_owned()));
        let mode = crate::protocol::command::WatcherMode::On;
        let command = crate::protocol::Command::SetWatcher { name, mode, rule, config: None, taken_back };
        let effects = machine.handle(Input::Command(command, crate::protocol::Sender::Screen), now());
        let changed = effects.iter().find_map(|effect| match effect {
            Effect::Record(recorded) => match &recorded.event.body {
                crate::protocol::Body::Guard(crate::protocol::event::Guard::WatcherChanged(changed)) => {
                    Some(changed.clone())
                }
                _ => None,
            },
            _ => None,
        });
        changed.unwrap()
    };
    let nudge = |machine: &mut Machine| {
        let about = Some(About { session: SESSION, turn: 2 });
        let spoken = Spoken::nudge("progress", "silent Nudge".to_owned(), "r".into(), "Go on.".into());
        let outcomes = vec![Outcome::Spoke { spoken: Spoken { about, ..spoken }, muted: false }];
        let heard = Heard { looked: vec!["progress".into()], outcomes, seen: None };
        let effects = machine.handle(Input::WatchersSpoke { ask: 0, gate: Gate::Activity, heard }, now());
        effects.iter().any(|effect| matches!(effect, Effect::Order(_, Order::Steer { .. })))
    };
    assert!(!set(&mut machine, false).taken_back);
    assert!(!nudge(&mut machine), "allowed");
    assert!(set(&mut machine, true).taken_back);
    assert!(nudge(&mut machine), "the condition held all the time");
    assert!(!nudge(&mut machine), "and is said once");
}

/// Sends a switch; what is recorded of it: the change, or the problem.
fn switched(
    machine: &mut Machine,
    name: &str,
    mode: WatcherMode,
    config: Option<serde_json::Value>,
) -> String {
    let command = Command::SetWatcher { name: name.to_owned(), mode, rule: None, config, taken_back: false };
    let effects = machine.handle(Input::Command(command, crate::protocol::Sender::Screen), now());
    let told = effects.iter().find_map(|effect| match effect {
        Effect::Record(recorded) => match &recorded.event.body {
            Body::Guard(Guard::WatcherChanged(changed)) => Some(crate::fold::watch::told(changed)),
            Body::Run(Run::ProblemRaised(problem)) => Some(problem.message.clone()),
            _ => None,
        },
        _ => None,
    });
    told.unwrap()
}

#[test]
fn a_watcher_that_is_off_in_the_configuration_looks_once_it_is_switched_on_and_one_without_its_key_does_not()
{
    let mut machine = machine();
    let off = |name: &str| serde_json::json!({ "name": name, "enabled": false });
    let config =
        serde_json::json!({ "enabled": false, "watchers": [off("quality"), off("stall"), off("pattern")] });
    let watchers = serde_json::from_value(config).unwrap();
    machine.rules.config = Arc::new(Config { watchers, ..Config::default() });
    machine.retune();
    assert!(!machine.ask_watchers(Gate::Step), "all are off");
    assert!(!machine.rules.watchers.at_activity);
    assert_eq!(switched(&mut machine, "quality", WatcherMode::On, None), "switched on");
    assert!(machine.ask_watchers(Gate::Step));
    assert_eq!(switched(&mut machine, "stall", WatcherMode::Muted, None), "muted");
    assert!(machine.rules.watchers.at_activity && machine.rules.watchers.stall_after.is_some());
    let why = "the watcher 'pattern' cannot be switched on: it needs 'patterns'";
    assert_eq!(switched(&mut machine, "pattern", WatcherMode::On, None), why);
    let patterns = serde_json::json!({ "patterns": [{ "regex": "rm -rf" }] });
    switched(&mut machine, "pattern", WatcherMode::On, Some(patterns));
    let all = crate::watchers::in_run(&machine.rules.config.watchers, &machine.state.watch);
    assert!(all.watchers.iter().all(|entry| entry.enabled), "{all:?}");
    for name in ["quality", "stall", "pattern"] {
        assert_eq!(switched(&mut machine, name, WatcherMode::Off, None), "switched off");
    }
    assert!(!machine.ask_watchers(Gate::Step), "all are off again");
}
