//! Every way out gives the terminal back (C1-C9): all modes off, the line discipline as before, the run paused and
//! saved, no process left, and the exit code that a shell expects.

use std::time::Duration;

use rustix::process::Signal;

use crate::terminal::{Place, Setup, Term};

/// Time that the orderly end of a run may take (the deadline is 10 s).
const IN_ORDER: Duration = Duration::from_secs(12);

/// A run with a shell command and a session that both stand.
fn standing(place: &Place, more: impl FnOnce(Setup) -> Setup) -> Term {
    let term = more(Setup::scripted("standing.yaml", &[])).start(place);
    term.until_outside("both commands stand", || {
        place.journal().contains("tool_started") && place.journal().contains("I stand.")
    });
    term.sees("RUN");
    term
}

fn assert_ended_in_order(place: &Place, term: &Term, code: i32) {
    assert_eq!(term.exit(IN_ORDER), code);
    term.assert_given_back();
    assert_saved(place);
    assert_eq!(place.processes(), Vec::<u32>::new(), "processes are left");
}

/// The run was paused in order: its last record says so, and it can go on.
fn assert_saved(place: &Place) {
    let journal = place.journal();
    let last = journal.lines().last().unwrap_or_default();
    assert!(last.contains(r#""run_finished""#) && last.contains(r#""interrupted""#), "not saved: {last}");
}

#[test]
fn q_asks_pauses_and_leaves() {
    let place = Place::new();
    let term = standing(&place, |setup| setup);
    term.keys("q");
    term.sees("instances");
    term.keys("q");
    term.sees("Pause and quit");
    term.keys("p");
    assert_ended_in_order(&place, &term, 0);
}

#[test]
fn ctrl_c_twice_asks_and_once_more_pauses_and_leaves() {
    let place = Place::new();
    let term = standing(&place, |setup| setup);
    term.keys("\x03");
    term.sees("Ctrl-C again");
    term.keys("\x03");
    term.sees("Pause and quit");
    term.keys("\x03");
    assert_ended_in_order(&place, &term, 0);
}

#[test]
fn a_panic_of_the_loop_gives_the_terminal_back_and_pauses_the_run() {
    panics("ui", "a rehearsed panic of the loop");
}

#[test]
fn a_panic_of_a_worker_gives_the_terminal_back_and_pauses_the_run() {
    panics("worker", "a rehearsed panic of a worker");
}

fn panics(which: &str, message: &str) {
    let place = Place::new();
    let term = standing(&place, |setup| setup.var("ZWARM_TEST_PANIC", which));
    term.keys("\x1b[24~");
    assert_ended_in_order(&place, &term, 128 + 6);
    let screen = term.state();
    assert!(!screen.screen().alternate_screen() && screen.screen().contents().contains(message));
}

#[test]
fn a_signal_pauses_the_run_and_leaves_with_its_number() {
    for (signal, number) in [(Signal::TERM, 15), (Signal::HUP, 1), (Signal::INT, 2)] {
        let place = Place::new();
        let term = standing(&place, |setup| setup);
        term.signal(signal);
        assert_ended_in_order(&place, &term, 128 + number);
    }
}

#[test]
fn a_window_that_closes_pauses_the_run() {
    let place = Place::new();
    let mut term = standing(&place, |setup| setup);
    term.close();
    assert_eq!(term.exit(IN_ORDER), 128 + 1);
    assert_saved(&place);
    assert_eq!(place.processes(), Vec::<u32>::new(), "processes are left");
}

#[test]
fn an_output_that_takes_nothing_more_pauses_the_run() {
    let place = Place::new();
    let setup = Setup { elsewhere: true, ..Setup::scripted("standing.yaml", &[]) };
    let mut term = setup.start(&place);
    term.until_outside("both commands stand", || {
        place.journal().contains("tool_started") && place.journal().contains("I stand.")
    });
    term.close_output();
    // A key makes a frame, and the frame finds out.
    term.keys("?");
    assert_eq!(term.exit(IN_ORDER), 128 + 1);
    assert_saved(&place);
    assert_eq!(place.processes(), Vec::<u32>::new(), "processes are left");
}

#[test]
fn an_empty_standard_input_does_not_matter_because_keys_come_from_the_terminal() {
    let place = Place::new();
    let script = format!("exec '{}' </dev/null", env!("CARGO_BIN_EXE_zwarm-tui"));
    let setup = Setup::new(&["-c", &script]);
    let term = Term::start(std::path::Path::new("/bin/sh"), &place, setup);
    term.sees("instances");
    term.keys("q");
    assert_eq!(term.exit(IN_ORDER), 0);
    term.assert_given_back();
}

/// What `end` leaves behind is on the terminal; doctor takes it back.
fn ends_and_is_mended(end: impl Fn(&Term), signal: i32) {
    let place = Place::new();
    let term = Setup::new(&[]).start(&place);
    term.sees("instances");
    end(&term);
    assert_eq!(term.exit(IN_ORDER), 1_000 + signal);
    assert!(!crate::stream::left_on(&term.bytes()).is_empty());
    let script = format!("stty raw -echo; exec '{}' doctor --fix-terminal", env!("CARGO_BIN_EXE_zwarm-tui"));
    let mended = Term::start(std::path::Path::new("/bin/sh"), &place, Setup::new(&["-c", &script]));
    assert_eq!(mended.exit(IN_ORDER), 0);
    let deadline = std::time::Instant::now() + crate::terminal::PATIENCE;
    loop {
        // The last bytes may still be under way. The title's stack is the terminal's own affair, and one pop too many
        // is harmless.
        let left = crate::stream::left_on(&[term.bytes(), mended.bytes()].concat());
        if left.iter().all(|what| what.starts_with("titles") || what.starts_with("kitty")) {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{left:?} {:?}", mended.text());
        std::thread::sleep(Duration::from_millis(20));
    }
    mended.assert_line_discipline();
}

#[test]
fn what_a_killed_program_left_behind_is_mended_by_doctor() {
    ends_and_is_mended(|term| term.signal(Signal::KILL), 9);
}

/// No hook runs when an allocation fails: the program aborts.
#[test]
fn c10_what_a_program_without_memory_left_behind_is_mended_by_doctor() {
    let no_more = |term: &Term| {
        let pid = rustix::process::Pid::from_raw(i32::try_from(term.pid).unwrap());
        let none = rustix::process::Rlimit { current: Some(1 << 20), maximum: Some(1 << 20) };
        rustix::process::prlimit(pid, rustix::process::Resource::As, none).unwrap();
        // The larger frame needs some.
        term.resize(500, 200);
    };
    ends_and_is_mended(no_more, 6);
}
