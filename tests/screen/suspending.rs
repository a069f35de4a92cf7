//! Ctrl-Z and back (C12), an editor that breaks (C13), children without a terminal (C19).

use std::time::Duration;

use rustix::process::Signal;

use crate::terminal::{Place, Setup};

#[test]
fn a_stopped_program_gives_the_terminal_away_and_comes_back_twenty_times() {
    let place = Place::new();
    let term = Setup::scripted("standing.yaml", &[]).start(&place);
    term.sees("Now I wait for the shell.");
    for _ in 0..20 {
        term.keys("\x1a");
        term.until("it is stopped", |state| {
            term.process_state() == 'T' && crate::stream::left_on(&state.bytes).is_empty()
        });
        term.signal(Signal::CONT);
        term.until("it is back", |state| {
            state.screen().alternate_screen()
                && state.screen().contents().contains("Now I wait for the shell.")
        });
    }
    term.keys("i");
    term.sees("send");
    term.keys("still here");
    term.sees("still here");
    assert!(!place.journal().contains("timed out"));
    term.signal(Signal::TERM);
    assert_eq!(term.exit(Duration::from_secs(12)), 143);
    term.assert_given_back();
}

#[test]
fn a_draft_survives_an_editor_that_fails_and_one_that_is_killed() {
    for editor in ["false", "sh -c 'kill -9 $$'", "/no/such/editor"] {
        let place = Place::new();
        let term = Setup::scripted("standing.yaml", &[]).var("EDITOR", editor).start(&place);
        term.sees("Now I wait for the shell.");
        term.keys("i");
        term.sees("send");
        term.paste("half a thought");
        term.sees("half a thought");
        term.keys("\x07");
        term.sees("the text is as it was");
        term.sees("half a thought");
        term.paste(" and the rest");
        term.sees("half a thought and the rest");
    }
}

#[test]
fn an_editor_has_the_terminal_to_itself_and_its_text_comes_back() {
    let place = Place::new();
    let script = place.file("edit.sh", "stty -a >tty.txt; printf 'edited text' >\"$1\"\n");
    let editor = format!("sh {}", script.display());
    let term = Setup::scripted("standing.yaml", &[]).var("EDITOR", &editor).start(&place);
    term.sees("Now I wait for the shell.");
    term.keys("i");
    term.sees("send");
    term.keys("\x07");
    term.sees("edited text");
    let modes = std::fs::read_to_string(place.work().join("tty.txt")).unwrap();
    assert!(modes.contains(" icanon") && modes.contains(" echo"), "{modes}");
    // The file was private, and it is gone.
    let left = std::fs::read_dir(place.home().join("state")).unwrap().flatten();
    assert!(!left.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().starts_with("zwarm-")));
}

#[test]
fn a_child_cannot_reach_the_terminal() {
    let place = Place::new();
    place.file("reach.yaml", r#"
name: reach
model:
  - calls: [{bash: {command: "(printf 'EV''IL' >/dev/tty) 2>/dev/null && echo reached || echo un''reachable"}}]
  - calls: [{delegate: {task: "reach", mode: sync}}]
  - calls: [{exit: {exit_message: "All tried."}}]
sessions:
  - turns: [{steps: [{run: "(printf 'EV''IL' >/dev/tty) 2>/dev/null && echo reached || echo un''reachable"}, {say: "tried"}]}]
"#);
    let term = Setup::scripted("reach.yaml", &[]).size(140, 40).start(&place);
    term.until_outside("both have tried", || place.journal().contains("All tried."));
    term.sees("unreachable");
    assert!(place.journal().matches("unreachable").count() >= 2, "{}", place.journal());
    assert!(!String::from_utf8_lossy(&term.bytes()).contains("EVIL"));
}
