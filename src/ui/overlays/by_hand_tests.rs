use crate::{
    agent::look::{Around, Found},
    protocol::Command,
    ui::{
        fixture::Fixture,
        msg::{Answer, Msg, UiEffect},
        overlays::Overlay,
    },
};

fn opened() -> Fixture {
    let mut fixture = Fixture::busy(80, 24);
    fixture.keys("2 N");
    assert!(matches!(fixture.model.overlays.last(), Some(Overlay::ByHand(_))));
    fixture
}

fn spawned(fixture: &mut Fixture) -> Vec<Command> {
    let sent = std::mem::take(&mut fixture.effects).into_iter().filter_map(|effect| match effect {
        UiEffect::Send(_, command @ Command::Spawn { .. }) => Some(command),
        _ => None,
    });
    sent.collect()
}

#[test]
fn a_session_by_hand_is_asked_of_the_run_with_executor_and_directory() {
    let mut fixture = opened();
    fixture.types("write the docs");
    fixture.keys("tab right tab ctrl-u");
    fixture.types("/tmp/elsewhere");
    fixture.keys("enter");
    let (adapter, prompt) = (Some("codex".to_owned()), "write the docs".to_owned());
    let cwd = Some("/tmp/elsewhere".to_owned());
    assert_eq!(spawned(&mut fixture), [Command::Spawn { adapter, prompt, cwd }]);
    assert!(fixture.model.overlays.is_empty());
}

#[test]
fn without_a_prompt_or_with_a_missing_executor_nothing_is_started() {
    let mut fixture = opened();
    fixture.keys("enter");
    assert!(fixture.screen().contains("write what the session is to do"));
    let missing = Found { name: "codex".to_owned(), install: "install it".to_owned(), ..Found::default() };
    let around = Around {
        executors: vec![missing],
        dir: "/home/me/src/mylang".into(),
        directory: Ok("git main".to_owned()),
        lm: "gpt-5".to_owned(),
        model: Ok("ready".to_owned()),
    };
    fixture.send(Msg::Answer(Answer::Looked(Box::new(around))));
    fixture.types("x");
    fixture.keys("tab right enter");
    assert!(fixture.screen().contains("'codex' is not found: install it"));
    assert_eq!(spawned(&mut fixture), []);
}

#[test]
fn what_was_written_is_in_the_history_after_esc() {
    let mut fixture = opened();
    fixture.types("half a thought");
    fixture.keys("esc i up");
    assert!(fixture.screen().contains("half a thought"));
}
