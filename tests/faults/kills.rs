//! A1–A8: kill -9 in eight phases of a run. Whenever it happens: the instance opens, all that was printed is there,
//! numbers have no gap, no process is left, and a resume finishes the task.

use std::time::Duration;

use rustix::process::Signal;

use super::{
    common::{
        journal::{fold, journal},
        marks::survivors,
    },
    support::{Bench, Run, assert_sound, name, times, wait_for},
};

/// Three steps with bash, a session that asks, compaction when the history is small enough.
const SCENARIO: &str = r#"
name: killed
model:
  - text: "I look."
    calls: [{bash: {command: "echo a; sleep 0.03"}}]
    usage: {input: 900, output: 10}
    delay_ms: 40
  - calls: [{delegate: {task: "write it"}}]
    usage: {input: 1000, output: 10}
    delay_ms: 40
  - calls: [{bash: {command: "echo b"}}, {bash: {command: "echo c"}}]
    usage: {input: 1300, output: 10}
  - calls: [{converse: {session_id: s1, message: "go on"}}]
    usage: {input: 1300, output: 10}
  - text: "I read a lot."
    calls: [{bash: {command: "seq 1 900"}}]
    usage: {input: 2400, output: 10}
  - calls: [{bash: {command: "seq 1 900"}}]
    usage: {input: 4000, output: 10}
  - calls: [{exit: {exit_message: "all is done"}}]
    usage: {input: 500, output: 10}
sessions:
  - turns:
      - steps:
          - think: hm
          - write: {path: out.txt, text: hello}
          - run: "cat out.txt; sleep 0.03"
          - ask: {kind: shell, command: "make", reason: "to see"}
          - say: written
        usage: {input: 1000, output: 20}
"#;

/// So small that the history of the scenario is compacted before its end.
const SMALL: [&str; 4] =
    ["--set", "orchestrator.compaction.max_tokens=2400", "--set", "orchestrator.compaction.keep_last_n=2"];

/// Kills in a phase: `reach` brings a run to it, then some time (at most `spread`) goes by.
fn kill_in(phase: &str, seed: u64, spread: Duration, reach: impl Fn(&Bench, &mut Run)) {
    let mut random = fastrand::Rng::with_seed(seed);
    for round in 0..times("ZWARM_KILLS", 3) {
        let place = Bench::with(SCENARIO);
        let mut run = place.start(place.scripted(&["-t", "go"]).args(SMALL));
        reach(&place, &mut run);
        std::thread::sleep(spread.mul_f64(random.f64()));
        run.kill();
        let Some(dir) = place.instances().pop() else {
            assert!(run.printed.is_empty(), "{phase} {round}: printed, and there is no instance");
            continue;
        };
        assert_sound(&dir, &run.printed);
        assert!(place.run(&["instances"]).status.success(), "{phase} {round}: they list");
        let before = fold(&journal(&dir).0);
        if before.run.launches == 0 {
            // Not even the task is there: nothing to resume, and the next start says so.
            let refused = place.scripted(&["--resume", "-i", &name(&dir)]).output().unwrap();
            assert!(refused.status.code().is_some_and(|code| code <= 2), "{phase} {round}");
        } else if before.run.end.is_none() {
            let id = name(&dir);
            let output = place.scripted(&["--resume", "-i", &id]).args(SMALL).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{phase} {round} after {}: {said}", run.printed.len());
            assert_sound(&dir, &run.printed);
            let after = fold(&journal(&dir).0);
            assert_eq!(
                after.run.end.as_ref().map(|end| end.stopped_by.as_str()),
                Some("exit"),
                "{phase} {round}"
            );
            assert!(after.history.open_calls.is_empty(), "{phase} {round}: every call has its output");
            assert!(after.inbox.open.is_empty(), "{phase} {round}: no card is left over");
        }
        assert_eq!(survivors(&name(&dir)), Vec::<String>::new(), "{phase} {round}: no process is left");
    }
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn a1_killed_while_a_new_run_is_made() {
    kill_in("new run", 1, ms(60), |_, _| {});
}

#[test]
fn a2_killed_while_the_model_is_called() {
    kill_in("model call", 2, ms(40), |_, run| drop(run.until(&["step_started"])));
}

#[test]
fn a3_killed_while_events_are_appended() {
    kill_in("append", 3, ms(5), |_, run| {
        for _ in 0..fastrand::Rng::with_seed(run.child.id().into()).usize(4..40) {
            let _ = run.line();
        }
    });
}

#[test]
fn a4_killed_while_snapshots_are_replaced() {
    kill_in("snapshot", 4, ms(30), |_, run| {
        run.until(&["tool_started"]);
        // Everything is saved when a run is interrupted.
        run.signal(Signal::INT);
    });
}

#[test]
fn a5_killed_while_a_nudge_is_sent() {
    kill_in("nudge", 5, ms(30), |place, run| {
        run.until(&["step_started"]);
        let id = name(&place.instance());
        assert!(place.run(&["nudge", "mind the gap", "-i", &id]).status.success());
    });
}

#[test]
fn a6_killed_while_an_approval_is_decided() {
    kill_in("approval", 6, ms(10), |_, run| drop(run.until(&["inbox_opened", "inbox_closed"])));
}

#[test]
fn a7_killed_while_a_session_starts() {
    kill_in("session start", 7, ms(20), |_, run| drop(run.until(&["session_started"])));
}

#[test]
fn a8_killed_while_the_history_is_compacted() {
    let place = Bench::with(SCENARIO);
    let run = place.start(place.scripted(&["-t", "go"]).args(SMALL));
    let (code, said, printed) = run.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(
        printed.iter().any(|line| line.contains("\"context_compacted\"")),
        "the scenario reaches the phase"
    );
    kill_in("compaction", 8, ms(5), |_, run| drop(run.until(&["context_compacted"])));
}

/// A nudge that the run had taken is delivered once, however the run ends.
#[test]
fn a5_a_nudge_that_was_recorded_reaches_the_model_once_after_the_kill() {
    let place = Bench::with(
        "name: n\nmodel:\n  - calls: [{sleep: {seconds: 60}}]\n  - calls: [{exit: {exit_message: done}}]\n",
    );
    let mut run = place.start(&mut place.scripted(&["-t", "go"]));
    run.until(&["tool_started"]).unwrap();
    // Paused, so that the nudge waits in the queue.
    let dir = place.instance();
    assert!(place.run(&["pause", "-i", &name(&dir)]).status.success());
    run.until(&["run_state_changed"]).unwrap();
    assert!(place.run(&["nudge", "mind the gap", "-i", &name(&dir)]).status.success());
    run.until(&["nudge_queued"]).unwrap();
    run.kill();
    place.resume(&dir);
    let seen = journal(&dir).0.iter().filter(|event| event.body.kind() == "nudge_seen").count();
    assert_eq!(seen, 1);
}

/// A21: two processes and one instance.
#[test]
fn a21_a_second_process_only_watches_and_the_lock_of_a_killed_one_is_free_at_once() {
    let place = Bench::with(
        "name: n\nmodel:\n  - calls: [{bash: {command: \"sleep 300\"}}]\n  - calls: [{exit: {exit_message: done}}]\n",
    );
    let mut run = place.start(&mut place.scripted(&["-t", "go"]));
    run.until(&["tool_started"]).unwrap();
    let (dir, pid) = (place.instance(), run.child.id());
    let before = std::fs::read(dir.join("events.jsonl")).unwrap();
    let second = place.scripted(&["--resume", "-i", &name(&dir)]).output().unwrap();
    assert_eq!(second.status.code(), Some(2));
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains(&format!("process {pid}")), "{said}");
    assert_eq!(std::fs::read(dir.join("events.jsonl")).unwrap(), before, "it wrote nothing");
    let listed = String::from_utf8(place.run(&["instances"]).stdout).unwrap();
    assert!(listed.contains("running"), "{listed}");
    run.kill();
    place.resume(&dir);
    wait_for("the end of its children", || survivors(&name(&dir)).is_empty().then_some(()));
}
