//! Instances that nobody runs any more, and how a run is taken up again.

use std::time::Duration;

use rustix::process::Signal;

use crate::terminal::{Place, Setup};

/// What a run may take to end in order.
const IN_ORDER: Duration = Duration::from_secs(12);

#[test]
fn a_follower_sees_that_the_process_was_killed_and_is_refused() {
    let place = Place::new();
    let run = Setup::scripted("standing.yaml", &["-n", "lexer"]).size(140, 40).start(&place);
    run.sees("Now I wait for the shell.");
    let follower = Setup::new(&["-i", "lexer"]).size(140, 40).start(&place);
    follower.sees("(another process)");
    run.signal(Signal::KILL);
    follower.sees("CRASHED");
    follower.sees("the process that ran 'lexer' is gone");
    follower.sees("cut off");
    follower.keys("X");
    follower.sees("nobody runs this instance");
    assert!(
        !place
            .work()
            .join(".zwarm/instances")
            .read_dir()
            .unwrap()
            .flatten()
            .any(|dir| { dir.path().join("commands").read_dir().is_ok_and(|mut all| all.next().is_some()) })
    );
}

#[test]
fn what_was_left_is_shown_by_its_name_and_taken_up_by_the_line_that_was_said() {
    let place = Place::new();
    let run = Setup::scripted("standing.yaml", &["-n", "lexer"]).size(140, 40).start(&place);
    run.sees("Now I wait for the shell.");
    run.keys("qq");
    run.sees("pause and quit");
    run.keys("p");
    assert_eq!(run.exit(IN_ORDER), 0);
    run.assert_given_back();
    let bytes = run.bytes();
    let said = String::from_utf8_lossy(&bytes);
    assert!(
        said.contains("lexer is paused: zwarm-tui --resume -i "),
        "{}",
        &said[said.len().saturating_sub(400)..]
    );
    let journal = place.journal().lines().count();
    let shown = Setup::new(&["-i", "lexer"]).size(140, 40).start(&place);
    shown.sees("Now I wait for the shell.");
    shown.sees("it is paused and saved");
    shown.settled();
    assert_eq!(place.journal().lines().count(), journal, "nothing goes on by looking at it");
}

#[test]
fn a_journal_that_is_empty_or_rubbish_is_said_to_be() {
    for (content, told) in [("", "is empty or missing"), ("rubbish\nmore\n", "2 damaged lines")] {
        let place = Place::new();
        let run = Setup::scripted("standing.yaml", &["-n", "lexer"]).size(140, 40).start(&place);
        run.sees("Now I wait for the shell.");
        run.signal(Signal::KILL);
        run.exit(IN_ORDER);
        let instance = place.work().join(".zwarm/instances").read_dir().unwrap().flatten().next().unwrap();
        std::fs::write(instance.path().join("events.jsonl"), content).unwrap();
        let shown = Setup::new(&["-i", "lexer"]).size(140, 40).start(&place);
        shown.sees(told);
        shown.sees("UNREADABLE");
    }
}
