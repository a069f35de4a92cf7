use super::*;
use crate::{
    agent::look::Found,
    config::{Approval, Config},
    ui::{
        fixture::Fixture,
        msg::{Answer, Msg},
    },
};

fn around(f: &Fixture) -> Around {
    let found = |name: &str, usable, signed_in| Found {
        name: name.to_owned(),
        usable,
        signed_in,
        install: format!("npm install -g {name}"),
        version: None,
    };
    Around {
        executors: vec![found("codex", true, Some(true)), found("claude", true, Some(false))],
        dir: f.model.fixed.working_dir.clone(),
        directory: Ok("git main, clean".to_owned()),
        lm: "gpt-5".to_owned(),
        model: Ok("ready".to_owned()),
    }
}

fn dialog(width: u16, height: u16) -> Fixture {
    let mut f = Fixture::new(width, height);
    f.keys("q n");
    let around = around(&f);
    f.send(Msg::Answer(Answer::Looked(Box::new(around))));
    f.send(Msg::Answer(Answer::Versions(vec![("codex".to_owned(), "0.169.0".to_owned())])));
    f.effects.clear();
    f
}

fn launched(f: &Fixture) -> Option<&Launch> {
    f.effects.iter().find_map(|effect| match effect {
        UiEffect::Launch(launch) => Some(&**launch),
        _ => None,
    })
}

#[test]
fn the_dialog_at_all_sizes() {
    for (width, height) in [(140, 40), (80, 24), (60, 20)] {
        let mut f = dialog(width, height);
        f.types("Rewrite the lexer so nested comments work");
        insta::assert_snapshot!(format!("new_run_{width}x{height}"), f.screen());
    }
}

#[test]
fn where_there_is_little_room_the_focused_field_is_in_view() {
    let mut f = dialog(60, 14);
    f.keys("tab tab tab tab tab tab tab tab tab tab tab tab");
    assert!(f.screen().contains("Approval"), "{}", f.screen());
}

#[test]
fn what_is_chosen_becomes_a_launch() {
    let mut f = dialog(80, 24);
    f.types("Rewrite it");
    f.keys("tab tab l e x tab tab right tab right tab ctrl-u 6 0 tab 1 0 0 k");
    f.keys("tab tab tab 2 . 5 tab space tab right enter");
    let launch = launched(&f).unwrap();
    assert_eq!(launch.what, What::New { task: "Rewrite it".to_owned(), name: Some("lex".to_owned()) });
    let config = &launch.config;
    assert_eq!(
        (config.executor.adapter.as_deref(), config.executor.sandbox),
        (Some("codex"), Sandbox::ReadOnly)
    );
    assert_eq!((config.orchestrator.max_steps, config.budget.max_orchestrator_tokens), (60, Some(100_000)));
    assert_eq!((config.budget.max_cost_usd, config.executor.approval), (Some(2.5), Some(Approval::Never)));
    let watchers: Vec<_> = config.watchers.watchers.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(watchers, ["budget", "delegation_reminder"]);
}

#[test]
fn what_is_missing_or_wrong_is_said_at_its_place_and_nothing_starts() {
    let mut f = dialog(80, 24);
    f.keys("enter");
    assert!(f.screen().contains("write what is to be done"));
    f.types("x");
    f.keys("tab tab tab tab tab tab ctrl-u a b c enter");
    assert!(f.screen().contains("steps: 'abc' is not a number above 0"));
    f.keys("ctrl-u 5 enter");
    assert!(launched(&f).is_some());
    let mut f = dialog(80, 24);
    let mut bad = around(&f);
    bad.model = Err("OPENAI_API_KEY is not set".to_owned());
    f.send(Msg::Answer(Answer::Looked(Box::new(bad))));
    f.types("x");
    f.keys("enter");
    assert!(f.screen().contains("OPENAI_API_KEY is not set") && launched(&f).is_none());
}

#[test]
fn full_access_is_asked_about_once_more() {
    let mut f = dialog(80, 24);
    f.types("x");
    f.keys("tab tab tab tab tab left enter");
    assert!(launched(&f).is_none() && f.screen().contains("full access: executors may change everything"));
    f.keys("enter");
    assert_eq!(launched(&f).map(|launch| launch.config.executor.sandbox), Some(Sandbox::DangerFullAccess));
}

#[test]
fn a_launch_that_fails_keeps_what_was_written_and_a_paste_never_starts_one() {
    let mut f = dialog(80, 24);
    f.send(Msg::Paste("first\nsecond\n".to_owned()));
    assert!(launched(&f).is_none());
    f.keys("enter enter");
    assert_eq!(f.effects.len(), 1);
    let error = crate::error::UserError::failed("'/x' is not a directory", "");
    f.send(Msg::Answer(Answer::NotOpened(error, None)));
    assert!(f.screen().contains("first") && f.screen().contains("'/x' is not a directory"));
}

#[test]
fn it_is_saved_as_a_configuration_that_can_be_read() {
    let mut f = dialog(80, 24);
    f.keys("tab tab l e x tab tab right");
    f.model.new_run.focus = Stop::Save;
    f.keys("enter");
    let saved = f.effects.iter().find_map(|effect| match effect {
        UiEffect::Shelf(crate::ui::msg::Shelf::Save { path, text }) => Some((path.clone(), text.clone())),
        _ => None,
    });
    let (path, text) = saved.unwrap();
    assert_eq!(path, f.model.fixed.working_dir.join("zwarm-lex.yaml"));
    let config: Config = serde_yaml::from_str(&text).unwrap();
    assert_eq!(config.executor.adapter.as_deref(), Some("codex"));
}

#[test]
fn numbers_are_read_with_their_endings() {
    assert_eq!(fields::number("100k"), Ok(Some(100_000.0)));
    assert_eq!(fields::number("1.5M"), Ok(Some(1_500_000.0)));
    assert_eq!(fields::number(" "), Ok(None));
    assert_eq!([fields::number("0"), fields::number("-3"), fields::number("k")], [Err(()); 3]);
}

#[test]
fn a_task_of_the_command_line_that_cannot_be_started_is_not_lost() {
    let mut f = Fixture::new(80, 24);
    let error = crate::error::UserError::usage("there is no model 'gpt-nine'", "name another one");
    f.send(Msg::Answer(Answer::NotOpened(error, Some("Port the parser to nom".to_owned()))));
    let screen = f.screen();
    assert!(
        screen.contains("Port the parser to nom") && screen.contains("there is no model 'gpt-nine'"),
        "{screen}"
    );
}
