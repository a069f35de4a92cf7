//! The views over a run: ledger, changes, log, themes.

use std::path::PathBuf;

use super::{Overlay, log::Log};
use crate::ui::{
    fixture::Fixture,
    model::Screen,
    msg::{Answer, Msg, Shelf, UiEffect},
};

const DIFF: &str = "diff --git a/src/lexer.rs b/src/lexer.rs\n--- a/src/lexer.rs\n+++ b/src/lexer.rs\n@@ -1,2 +1,3 @@\n fn lex() {\n-    old();\n+    new();\n+    newer(\"\u{1b}[2J\");\n";

fn at_all_sizes(name: &str, build: impl Fn(u16, u16) -> Fixture) {
    for (width, height) in [(140, 40), (80, 24), (60, 20)] {
        let screen = build(width, height).screen();
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), screen);
    }
}

fn changes(width: u16, height: u16) -> Fixture {
    let mut f = Fixture::busy(width, height);
    f.keys("V");
    let dir = f.model.run().unwrap().working_dir.clone();
    f.send(Msg::Answer(Answer::Changes { dir, diff: Ok(DIFF.to_owned()) }));
    f
}

#[test]
fn the_ledger_at_all_sizes() {
    at_all_sizes("ledger", |width, height| {
        let mut f = Fixture::busy(width, height);
        f.keys("L j j j");
        f
    });
}

#[test]
fn the_budget_at_all_sizes_counts_what_is_in_flight_and_marks_it() {
    at_all_sizes("budget", |width, height| {
        let mut f = Fixture::busy(width, height);
        let sessions = f.model.run().unwrap().folds.sessions.working().map(|session| (session.id, 1_234));
        let flight = crate::protocol::live::InFlight {
            orchestrator: 300,
            micro_usd: 90_000,
            sessions: sessions.collect(),
        };
        f.notice(crate::protocol::Notice::InFlight(flight));
        f.keys("$");
        f
    });
}

#[test]
fn the_changes_at_all_sizes() {
    at_all_sizes("changes", changes);
}

#[test]
fn the_themes_at_all_sizes() {
    at_all_sizes("themes", |width, height| {
        let mut f = Fixture::busy(width, height);
        f.keys("T j");
        f
    });
}

#[test]
fn the_log_shows_its_end_and_stays_clean() {
    let mut f = Fixture::busy(80, 24);
    f.keys("D");
    assert!(matches!(&f.effects[..], [.., UiEffect::Shelf(Shelf::ReadLog(_))]));
    let lines = (0..100).map(|n| format!("2026-11-24T12:04:31Z  WARN line {n} \u{1b}]0;x\u{7}")).collect();
    f.send(Msg::Answer(Answer::Log { file: "/state/log/zwarm-tui.log".to_owned(), lines }));
    let screen = f.screen();
    assert!(
        screen.contains("line 99") && !screen.contains("line 0 ") && !screen.contains('\u{1b}'),
        "{screen}"
    );
    f.keys("g");
    assert!(f.screen().contains("line 0 "));
    let _ = Log::default();
}

#[test]
fn a_file_of_the_changes_is_opened_in_the_editor_and_never_one_outside() {
    let mut f = changes(80, 24);
    f.keys("j j j enter");
    let opened = f.effects.iter().find_map(|effect| match effect {
        UiEffect::EditFile { path, line } => Some((path.clone(), *line)),
        _ => None,
    });
    let (path, line) = opened.unwrap();
    assert_eq!(path, PathBuf::from("/home/me/src/mylang/src/lexer.rs"));
    assert!(line.is_some());
    let mut f = changes(80, 24);
    let dir = f.model.run().unwrap().working_dir.clone();
    let outside = DIFF.replace("src/lexer.rs", "../../.bashrc");
    f.send(Msg::Answer(Answer::Changes { dir, diff: Ok(outside) }));
    f.keys("enter");
    assert!(!f.effects.iter().any(|effect| matches!(effect, UiEffect::EditFile { .. })));
}

#[test]
fn moving_tries_a_theme_and_escape_brings_back_what_was() {
    let mut f = Fixture::busy(80, 24);
    let before = f.model.term.skin.theme.clone();
    f.keys("T j j");
    assert_ne!(f.model.term.skin.theme.name, before.name);
    f.keys("esc");
    assert_eq!(f.model.term.skin.theme, before);
    f.keys("T j enter");
    assert_ne!(f.model.term.skin.theme.name, before.name);
}

#[test]
fn the_ledger_leads_to_the_session_of_an_entry() {
    let mut f = Fixture::busy(80, 24);
    f.keys("L G enter");
    assert_eq!(f.model.screen, Screen::Session);
    assert!(!f.model.overlays.iter().any(|overlay| matches!(overlay, Overlay::Ledger(_))));
}

#[test]
fn who_looks_elsewhere_is_told_by_the_terminal() {
    let mut f = Fixture::busy(80, 24);
    f.card();
    assert!(!f.effects.iter().any(|effect| matches!(effect, UiEffect::Notify(_))));
    let mut f = Fixture::busy(80, 24);
    f.send(Msg::Focus(false));
    f.card();
    let told = |effect: &UiEffect| matches!(effect, UiEffect::Notify(text) if text.starts_with("lexer-rewrite needs you"));
    assert!(f.effects.iter().any(told));
}

#[test]
fn what_is_typed_replaces_the_suggested_cap() {
    let mut f = Fixture::busy(80, 24);
    let raise = crate::protocol::event::Choice {
        id: "raise".to_owned(),
        key: '+',
        label: "raise the cap to".to_owned(),
        wants_text: true,
    };
    let opened = crate::protocol::event::InboxOpened {
        inbox_id: crate::protocol::InboxId(uuid::Uuid::from_u128(7)),
        what: crate::protocol::event::InboxKind::Budget,
        session: None,
        title: "1500 of 1500 tokens are spent".to_owned(),
        detail: serde_json::json!({"suggested": 2250.0}),
        choices: vec![raise],
        digest: String::new(),
    };
    f.event(None, opened);
    f.screen();
    f.wait(1_000);
    f.keys("+");
    assert!(f.screen().contains("2250"));
    f.keys("5 k enter");
    let said = f.effects.iter().find_map(|effect| match effect {
        UiEffect::Send(_, crate::protocol::Command::Reply(reply)) => reply.text.clone(),
        _ => None,
    });
    assert_eq!(said.as_deref(), Some("5k"));
}

#[test]
fn a_card_counts_the_hidden_characters_and_writes_them_out() {
    let mut f = Fixture::busy(80, 24);
    let mut card = |id: u128, command: &str| {
        let opened = crate::protocol::event::InboxOpened {
            inbox_id: crate::protocol::InboxId(uuid::Uuid::from_u128(id)),
            what: crate::protocol::event::InboxKind::Approval,
            session: None,
            title: "s1 asks to run a command".to_owned(),
            detail: serde_json::json!({"command": command, "paths": ["a\u{202e}b"]}),
            choices: Vec::new(),
            digest: String::new(),
        };
        f.event(None, opened);
        f.screen()
    };
    let screen = card(7, "rm\u{200b} -r\u{202e}f /\u{2066}x");
    assert!(screen.contains("4 hidden chars, written out as"), "{screen}");
    assert!(screen.contains("rm\\u{200b} -r\\u{202e}f /\\u{2066}x"), "{screen}");
}

#[test]
fn every_text_that_opens_over_the_screen_is_searched_by_the_same_keys() {
    for (width, height) in [(140, 40), (80, 24), (60, 20)] {
        let mut f = Fixture::busy(width, height);
        f.keys("D");
        let lines = (0..200).map(|n| format!("2026-11-24T12:04:31Z  INFO line {n} needle{n}")).collect();
        f.send(Msg::Answer(Answer::Log { file: "/state/log/zwarm-tui.log".to_owned(), lines }));
        f.keys("/ n e e d l e 7");
        assert!(f.screen().contains("needle7"), "{}", f.screen());
        f.keys("enter n n");
        assert!(f.screen().contains("needle71"), "{}", f.screen());
        f.keys("N");
        assert!(f.screen().contains("needle70"), "{}", f.screen());
        f.keys("esc");
        assert!(f.screen().contains("needle199"), "Esc goes back first: {}", f.screen());
        f.keys("esc");
        assert!(!f.screen().contains("needle"), "{}", f.screen());
        let mut f = changes(width, height);
        f.keys("/ n e w e r enter");
        assert!(f.screen().contains("/newer 1/1"), "{}", f.screen());
        f.keys("esc");
        assert!(f.screen().contains("Changes"), "{}", f.screen());
        let mut f = Fixture::busy(width, height);
        f.keys("L / g o l d e n");
        assert!(f.screen().contains("golden"), "{}", f.screen());
        f.keys("enter n esc esc");
        assert!(!f.screen().contains("Ledger"), "{}", f.screen());
        f.send(Msg::Answer(Answer::Sheet {
            title: "A sheet".to_owned(),
            lines: (0..99).map(|n| format!("row {n}")).collect(),
        }));
        f.keys("/ r o w space 9 8");
        assert!(f.screen().contains("row 98"), "{}", f.screen());
        f.keys("enter q");
        assert!(!f.screen().contains("A sheet"), "{}", f.screen());
    }
}
