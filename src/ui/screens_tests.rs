//! Whole screens from events, and what keys do to them.

use super::{
    fixture::Fixture,
    model::{Pane, Screen},
    msg::{Msg, UiEffect},
    overlays::Overlay,
};

fn at_all_sizes(name: &str, build: impl Fn(u16, u16) -> Fixture) {
    for (width, height) in [(140, 40), (80, 24), (60, 20)] {
        let screen = build(width, height).screen();
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), screen);
    }
}

#[test]
fn a_busy_run() {
    at_all_sizes("run", Fixture::busy);
}

#[test]
fn an_empty_run() {
    at_all_sizes("empty", Fixture::new);
}

#[test]
fn a_nudge_is_written() {
    at_all_sizes("nudge", |width, height| {
        let mut f = Fixture::busy(width, height);
        f.nudge("keep the public API");
        f.keys("i");
        f.types("make sure the golden files include a BOM case");
        f
    });
}

#[test]
fn each_overlay() {
    for (name, keys) in [
        ("help", "?"),
        ("palette", ": p a u"),
        ("abort", "X"),
        ("messages", "M"),
        ("quit", "q q"),
        ("ledger", "L"),
    ] {
        at_all_sizes(name, |width, height| {
            let mut f = Fixture::busy(width, height);
            f.keys(keys);
            f
        });
    }
}

#[test]
fn a_card_of_the_inbox() {
    at_all_sizes("card", |width, height| {
        let mut f = Fixture::busy(width, height);
        f.card();
        f
    });
}

#[test]
fn the_watchers_explain_themselves() {
    at_all_sizes("explain", |width, height| {
        let mut f = Fixture::busy(width, height);
        f.keys("4 enter");
        f
    });
}

#[test]
fn the_session_view() {
    for (name, keys) in [("session", "2 enter"), ("session_info", "2 enter [")] {
        at_all_sizes(name, |width, height| {
            let mut f = Fixture::busy(width, height);
            f.keys(keys);
            f
        });
    }
}

#[test]
fn each_pane_alone() {
    for (name, keys) in [("sessions", "2 z"), ("live", "3 z"), ("watchers", "4 z")] {
        at_all_sizes(name, |width, height| {
            let mut f = Fixture::busy(width, height);
            f.keys(keys);
            f
        });
    }
}

#[test]
fn no_size_breaks_a_screen() {
    let mut f = Fixture::busy(140, 40);
    f.card();
    f.keys("esc");
    for keys in ["", "?", "esc :", "esc X", "esc a", "esc 4 enter", "esc 2 enter", "[", "i", "esc b n", "esc"]
    {
        f.model.term.size = (140, 40);
        f.keys(keys);
        let (across, down) = if keys.is_empty() { (1, 1) } else { (7, 5) };
        for width in (1..=200).step_by(across) {
            for height in (1..=60).step_by(down) {
                f.screen_at(width, height);
            }
        }
    }
}

#[test]
fn pause_shows_at_once_and_the_next_press_goes_on() {
    let mut f = Fixture::busy(80, 24);
    f.keys("p");
    assert_eq!(f.commands(), [r#"{"command":"pause","now":false}"#]);
    assert!(f.screen().contains("PAUSING"));
    f.keys("p P .");
    let expected =
        [r#"{"command":"resume"}"#, r#"{"command":"pause","now":true}"#, r#"{"command":"step_once"}"#];
    assert_eq!(f.commands(), expected);
}

#[test]
fn keys_go_into_the_text_and_the_prefix_still_steers() {
    let mut f = Fixture::busy(80, 24);
    f.keys("i");
    f.types("pX?");
    assert_eq!(f.model.run().unwrap().composer.text(), "pX?");
    assert_eq!(f.commands(), Vec::<String>::new());
    f.keys("ctrl-x p");
    assert_eq!(f.commands(), [r#"{"command":"pause","now":false}"#]);
    f.keys("enter");
    let sent = f.commands();
    assert!(sent[0].contains(r#""target":"orchestrator","text":"pX?""#), "{sent:?}");
    assert!(f.model.run().unwrap().composer.is_empty());
}

#[test]
fn abort_asks_and_twice_quickly_does_not() {
    let mut f = Fixture::busy(80, 24);
    f.keys("X enter");
    assert_eq!((f.commands(), f.model.overlays.len()), (vec![], 0), "the safe answer has the focus");
    f.keys("X y");
    assert_eq!(f.commands(), [r#"{"command":"abort","at_once":false}"#]);
    f.keys("X X");
    assert_eq!(f.commands(), [r#"{"command":"abort","at_once":false}"#]);
    f.keys("X");
    f.wait(2_000);
    f.keys("X");
    assert_eq!(f.commands(), [r#"{"command":"abort","at_once":true}"#]);
}

#[test]
fn a_card_opens_only_when_nothing_is_typed_and_answers_only_after_a_pause() {
    let mut f = Fixture::busy(80, 24);
    f.card();
    assert!(matches!(f.model.overlays.last(), Some(Overlay::Inbox(_))));
    f.keys("c");
    assert_eq!(f.commands(), Vec::<String>::new(), "it was not drawn yet");
    f.screen();
    f.keys("c");
    assert_eq!(f.commands(), Vec::<String>::new(), "a key was pressed just before");
    f.wait(800);
    f.keys("c");
    let sent = f.commands();
    assert!(sent[0].contains(r#""choice":"continue_once","text":null,"digest":"0badcafe""#), "{sent:?}");

    let mut f = Fixture::busy(80, 24);
    f.keys("i");
    f.types("half a th");
    f.card();
    assert!(f.model.overlays.is_empty());
    f.types("ought");
    assert_eq!(f.model.run().unwrap().composer.text(), "half a thought");
    assert!(f.screen().contains("needs you"));
}

#[test]
fn a_text_goes_with_an_answer() {
    let mut f = Fixture::busy(80, 24);
    f.card();
    f.screen();
    f.wait(800);
    f.keys("g");
    f.types("use std only");
    f.keys("enter");
    let sent = f.commands();
    assert!(sent[0].contains(r#""choice":"guide","text":"use std only""#), "{sent:?}");
}

#[test]
fn leaving_asks_while_a_run_is_live() {
    let mut f = Fixture::busy(80, 24);
    f.keys("q");
    assert_eq!((f.model.screen, f.model.overlays.len()), (Screen::Home, 0), "leaving the run view is free");
    f.keys("q enter");
    assert_eq!(f.commands(), [r#"{"command":"shutdown","signal":null}"#]);

    let mut f = Fixture::busy(80, 24);
    f.keys("ctrl-c ctrl-c esc");
    assert_eq!(f.commands(), Vec::<String>::new());
    f.wait(3_000);
    f.keys("ctrl-c ctrl-c ctrl-c");
    assert_eq!(f.commands(), [r#"{"command":"shutdown","signal":null}"#]);
}

#[test]
fn a_paste_opens_the_composer_and_never_sends() {
    let mut f = Fixture::busy(80, 24);
    f.send(Msg::Paste("one\ntwo\n".to_owned()));
    assert_eq!(f.model.run().unwrap().composer.text(), "one\ntwo\n");
    assert!(f.model.typing());
    assert_eq!(f.commands(), Vec::<String>::new());
}

#[test]
fn below_the_minimum_only_three_keys_act() {
    let mut f = Fixture::busy(30, 8);
    f.keys("i a ? :");
    assert!(f.model.overlays.is_empty() && !f.model.typing());
    f.keys("p X X");
    assert_eq!(
        f.commands(),
        [r#"{"command":"pause","now":false}"#, r#"{"command":"abort","at_once":false}"#]
    );
}

#[test]
fn panes_are_reached_by_keys_and_esc_never_leaves_the_run() {
    let mut f = Fixture::busy(140, 40);
    let focus = |f: &Fixture| f.model.run().unwrap().look.focus;
    f.keys("tab tab");
    assert_eq!(focus(&f), Pane::Live);
    f.keys("ctrl-w h");
    assert_eq!(focus(&f), Pane::Orchestrator);
    f.keys("4 esc esc esc");
    assert_eq!((focus(&f), f.model.screen), (Pane::Watchers, Screen::Run));
    f.keys("2 enter esc");
    assert_eq!(f.model.screen, Screen::Run);
}

#[test]
fn an_item_is_copied() {
    let mut f = Fixture::busy(140, 40);
    f.screen();
    f.keys("y");
    assert!(f.effects.iter().any(|effect| matches!(effect, UiEffect::Copy { text, .. } if !text.is_empty())));
}
