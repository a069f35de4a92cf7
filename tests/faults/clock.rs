//! E14: the wall clock is set while a run goes on. Order is by number, durations are by the monotonic clock, nothing
//! times out, and what is counted in minutes leaves the jump out.

use std::{path::PathBuf, process::Command};

use super::{
    common::journal::{fold, journal},
    support::{Bench, wait_for},
};

/// Shifts `CLOCK_REALTIME` (with `SHIFT_BOTH` the monotonic clock too) by as many seconds as the file says that `SHIFT`
/// names.
const SHIFT: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(id, at);
    const char *path = getenv("SHIFT");
    const char *both = getenv("SHIFT_BOTH");
    if (done == 0 && path && (id == CLOCK_REALTIME || (both && id == CLOCK_MONOTONIC))) {
        FILE *file = fopen(path, "r");
        long long by = 0;
        if (file) {
            if (fscanf(file, "%lld", &by) == 1) at->tv_sec += by;
            fclose(file);
        }
    }
    return done;
}
"#;

const SCENARIO: &str = r#"
name: clock
model:
  - calls: [{delegate: {task: "x", mode: async}}]
  - calls: [{bash: {command: "while [ ! -e go1 ]; do sleep 0.05; done"}}]
  - calls: [{bash: {command: "while [ ! -e go2 ]; do sleep 0.05; done"}}]
  - calls: [{bash: {command: "while [ ! -e go3 ]; do sleep 0.05; done"}}]
  - calls: [{wait: {}}]
  - calls: [{exit: {exit_message: "all is done"}}]
sessions:
  - turns:
      - steps: [{run: "while [ ! -e go3 ]; do sleep 0.05; done"}, {say: ok}]
"#;

/// The library and the file that it reads; says so where there is no compiler.
pub fn shifting(place: &Bench) -> Option<(PathBuf, PathBuf)> {
    let (source, library) = (place.root.path().join("shift.c"), place.root.path().join("shift.so"));
    std::fs::write(&source, SHIFT).unwrap();
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl").status();
    if !built.is_ok_and(|status| status.success()) {
        crate::common::left_out::left_out("needs 'cc' and a dynamic libc");
        return None;
    }
    let shift = place.root.path().join("shift");
    std::fs::write(&shift, "0").unwrap();
    Some((library, shift))
}

#[test]
fn e14_a_clock_that_is_set_forward_and_back_times_nothing_out() {
    let place = Bench::with(SCENARIO);
    let Some((library, shift)) = shifting(&place) else { return };
    let mut command =
        place.scripted(&["-t", "go", "--set", "budget.max_minutes=5", "--set", "executor.timeout=600"]);
    command.args(["-c", "w.yaml"]).env("LD_PRELOAD", &library).env("SHIFT", &shift);
    place.write("w.yaml", "watchers:\n  watchers: [{name: stall, config: {seconds: 60}}]\n");
    let mut run = place.start(&mut command);
    // Ten years on; an hour back; and the eight hours of a night with the lid closed.
    for (at, by) in [315_360_000_i64, 315_356_400, 315_385_200].into_iter().enumerate() {
        wait_for("a step with bash", || {
            let event = run.until(&["tool_started", "run_finished"])?;
            (event["payload"]["name"] == "bash").then_some(())
        });
        std::fs::write(&shift, by.to_string()).unwrap();
        place.write(&format!("go{}", at + 1), "");
    }
    let (code, said, printed) = run.end();
    assert_eq!(code, Some(0), "{said}");
    let count =
        |kind: &str| printed.iter().filter(|line| line.contains(&format!("\"kind\":\"{kind}\""))).count();
    assert_eq!((count("budget_warned"), count("budget_exceeded"), count("watcher_spoke")), (0, 0, 0));
    assert_eq!(count("clock_changed"), 3, "each is noticed once");
    let (events, _) = journal(&place.instance());
    let state = fold(&events);
    assert_eq!(state.run.end.as_ref().map(|end| end.stopped_by.as_str()), Some("exit"));
    let seqs: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "order is by number");
    assert!(state.spend.minutes(events.last().unwrap().timestamp.at) < 2.0);
    for event in &events {
        if let zwarm_tui::protocol::Body::History(zwarm_tui::protocol::event::History::ToolFinished(tool)) =
            &event.body
        {
            assert!(tool.duration_ms < 60_000, "{tool:?}");
        }
    }
    let listed = String::from_utf8(place.run(&["instances"]).stdout).unwrap();
    assert!(listed.contains("done"), "{listed}");
}
