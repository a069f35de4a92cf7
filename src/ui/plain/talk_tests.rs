use std::sync::Arc;

use super::*;
use crate::{config::Config, error::UserError, paths::Home, store::Meta};

fn start() -> Start {
    Start {
        home: Home { config: "/c".into(), state: "/s".into() },
        config: Config::default(),
        working_dir: "/src".into(),
        launch: None,
        start_fn: Arc::new(|_| Box::pin(async { Err(UserError::failed("not in a test", "")) })),
        follow: None,
        resume_picker: false,
        theme: None,
        secrets: Vec::new(),
        variables: std::collections::BTreeMap::new(),
    }
}

fn one(name: &str, state: &str, stopped_by: &str) -> Listed {
    let meta = Meta {
        name: name.to_owned(),
        state: state.to_owned(),
        stopped_by: stopped_by.to_owned(),
        working_dir: "/src".to_owned(),
        updated_at: "2026-11-24T10:00:00.000000+00:00".to_owned(),
        ..Meta::default()
    };
    Listed { dir: "/s/instances/1".into(), meta, origin: Origin::Ours, live: None }
}

fn at() -> jiff::Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn what(wishes: &[Wish]) -> Option<&What> {
    wishes.iter().find_map(|wish| match wish {
        Wish::Launch(launch) => Some(&launch.what),
        _ => None,
    })
}

#[test]
fn the_list_is_labelled_lines_and_a_numbered_menu() {
    let mut talk = Talk::default();
    let lines = talk.listed(vec![one("lexer", "paused", "interrupted")], at());
    assert_eq!(lines, ["1 instance:", "1: lexer, paused, step 0 of 0, 0 tokens, 2h ago", HOME]);
    assert_eq!(talk.listed(Vec::new(), at())[0], "No instance is here.");
}

#[test]
fn a_task_of_several_lines_starts_a_run_at_an_empty_line() {
    let (mut talk, start) = (Talk::default(), start());
    talk.line("1", &start);
    assert!(talk.line("first", &start).is_empty() && talk.line("second", &start).is_empty());
    let wishes = talk.line("", &start);
    assert_eq!(what(&wishes), Some(&What::New { task: "first\nsecond".to_owned(), name: None }));
}

#[test]
fn an_instance_is_resumed_by_its_number_and_one_that_is_done_asks_for_a_further_task() {
    let (mut talk, start) = (Talk::default(), start());
    talk.listed(vec![one("lexer", "paused", "interrupted"), one("docs", "done", "exit")], at());
    talk.line("3", &start);
    let wishes = talk.line("1", &start);
    assert_eq!(what(&wishes), Some(&What::Resume { dir: "/s/instances/1".into(), task: None }));
    talk.listed(vec![one("lexer", "paused", "interrupted"), one("docs", "done", "exit")], at());
    talk.line("3", &start);
    assert!(what(&talk.line("2", &start)).is_none());
    talk.line("more", &start);
    let wishes = talk.line("", &start);
    let task = Some("more".to_owned());
    assert_eq!(what(&wishes), Some(&What::Resume { dir: "/s/instances/1".into(), task }));
}

fn sent(wishes: Vec<Wish>) -> Vec<Command> {
    let commands = wishes.into_iter().filter_map(|wish| match wish {
        Wish::Send(command) => Some(command),
        _ => None,
    });
    commands.collect()
}

#[test]
fn a_run_is_steered_by_numbers_and_an_abort_must_be_spelled() {
    let (mut talk, start) = (Talk::default(), start());
    talk.begun("lexer");
    assert_eq!(sent(talk.line("1", &start)), [Command::Pause { now: false }]);
    talk.line("7", &start);
    assert_eq!(sent(talk.line("y", &start)), []);
    talk.line("7", &start);
    assert_eq!(sent(talk.line("yes", &start)), [Command::Abort { at_once: false }]);
    talk.line("4", &start);
    let nudged = sent(talk.line("keep the API", &start));
    assert!(matches!(&nudged[..], [Command::Nudge { text, .. }] if text == "keep the API"));
    assert_eq!(sent(talk.line("0", &start)), [Command::Shutdown { signal: None }]);
    assert!(talk.ended());
}

#[test]
fn plain_mode_is_taken_where_it_is_asked_for_or_the_terminal_cannot_do_more() {
    let with =
        |key: &'static str, value: &'static str| move |name: &str| (name == key).then(|| value.to_owned());
    assert!(super::super::wanted(true, with("TERM", "xterm")));
    assert!(super::super::wanted(false, with("TERM", "dumb")));
    assert!(super::super::wanted(false, with("ZWARM_PLAIN", "1")));
    assert!(!super::super::wanted(false, with("ZWARM_PLAIN", "0")));
    assert!(!super::super::wanted(false, with("TERM", "xterm-256color")));
}

#[test]
fn a_card_tells_what_it_has_and_nothing_of_what_it_has_not() {
    let opened = InboxOpened {
        inbox_id: crate::protocol::InboxId(uuid::Uuid::nil()),
        what: crate::protocol::event::InboxKind::Approval,
        session: None,
        title: "s1 wants to run a command".to_owned(),
        detail: serde_json::json!({"command": "make", "outside": [], "diff": "", "request": "ask:1-3", "n": 2}),
        choices: Vec::new(),
        digest: String::new(),
    };
    assert_eq!(details(&opened), ["command: make", "n: 2"]);
}
