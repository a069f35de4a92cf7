//! B12: a bash call that forks without end. B15: the program is stopped for a minute and goes on.

use std::{os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use rustix::process::Signal;

use super::{
    clock::shifting,
    common::marks::survivors,
    support::{Bench, assert_sound, name, wait_for, works},
};

/// Bounded by itself (2^9 processes), should nothing else bound it.
const BOMB: &str = r#"
name: bomb
model:
  - calls:
      - bash:
          command: "trap '' TERM INT; bomb() { if (($1 > 0)); then bomb $(($1-1)) & bomb $(($1-1)) & fi; exec sleep 600; }; bomb 8"
          timeout_seconds: 3
  - calls: [{bash: {command: "echo al''ive"}}]
  - calls: [{exit: {exit_message: "gone on"}}]
"#;

/// The results of the calls, in their order.
fn outputs(printed: &[String]) -> Vec<String> {
    printed.iter().filter(|line| line.contains("function_call_output")).cloned().collect()
}

#[test]
fn b12_a_bash_call_that_forks_and_forks_fails_and_leaves_nothing() {
    let place = Bench::with(BOMB);
    let (code, said, printed) = place.start(&mut place.scripted(&["-t", "go"])).end();
    assert_eq!(code, Some(0), "{said}");
    let all = outputs(&printed);
    assert!(all[0].contains("it was ended after 3 s"), "{}", all[0]);
    assert!(all[1].contains("alive"), "{}", all[1]);
    assert_eq!(survivors(&name(&place.instance())), Vec::<String>::new());
}

#[test]
fn b12_under_a_limit_of_processes_the_call_fails_and_the_program_lives() {
    const NOBODY: &str = "64123";
    let to_be = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"];
    let trial = [&to_be[..], &["prlimit", "--nproc=150", "true"]].concat();
    // The limit counts all processes of a user, and root has none.
    if !works("setpriv", &trial, "the limit of processes") {
        return;
    }
    let place = Bench::with(BOMB);
    let open = |path: PathBuf| std::fs::set_permissions(path, PermissionsExt::from_mode(0o777)).unwrap();
    std::fs::create_dir(place.root.path().join("home")).unwrap();
    [place.root.path().to_owned(), place.work(), place.root.path().join("home")].into_iter().for_each(open);
    // The build may lie where only its owner may go.
    let program = place.root.path().join("zwarm-tui");
    std::fs::copy(env!("CARGO_BIN_EXE_zwarm-tui"), &program).unwrap();
    let mut command: Command = place.program("setpriv");
    command.args(to_be).args(["prlimit", "--nproc=150"]).arg(program);
    command.args(["run", "--json", "--set", "orchestrator.lm=scripted:s.yaml", "-t", "go"]);
    let (code, said, printed) = place.start(&mut command).end();
    assert_eq!(code, Some(0), "{said}");
    let all = outputs(&printed);
    assert!(all[0].replace([' ', '\\'], "").contains("\"success\":false"), "{}", all[0]);
    assert!(all[1].contains("alive"), "{}", all[1]);
    assert_eq!(survivors(&name(&place.instance())), Vec::<String>::new());
}

const STANDING: &str = r#"
name: standing
model:
  - calls: [{delegate: {task: "x", mode: async}}]
  - calls: [{bash: {command: "echo x > begun1; while [ ! -e go ]; do sleep 0.02; done; echo fini''shed; echo x > done1", timeout_seconds: 20}}]
  - calls: [{wait: {timeout_seconds: 20}}]
  - calls: [{exit: {exit_message: "all is done"}}]
sessions:
  - turns:
      - steps: [{run: "echo x > begun2; while [ ! -e go ]; do sleep 0.02; done; echo x > done2"}, {say: "and the turn too"}]
"#;

#[test]
fn b15_stopped_for_a_minute_it_goes_on_and_nothing_times_out_that_had_ended() {
    let place = Bench::with(STANDING);
    let Some((library, shift)) = shifting(&place) else { return };
    let mut command = place.scripted(&["-t", "go", "--set", "executor.timeout=20"]);
    command.env("LD_PRELOAD", &library).env("SHIFT", &shift).env("SHIFT_BOTH", "1");
    let run = place.start(&mut command);
    let there = |file: &str| wait_for(file, || place.work().join(file).exists().then_some(()));
    ["begun1", "begun2"].iter().for_each(|file| there(file));
    run.signal(Signal::STOP);
    let stat = format!("/proc/{}/stat", run.child.id());
    wait_for("the stop", || {
        let stat = std::fs::read_to_string(&stat).ok()?;
        stat.rsplit_once(')')?.1.trim_start().starts_with('T').then_some(())
    });
    // Both end while the program is stopped; then a minute has passed.
    place.write("go", "");
    ["done1", "done2"].iter().for_each(|file| there(file));
    std::fs::write(&shift, "60").unwrap();
    run.signal(Signal::CONT);
    let (code, said, printed) = run.end();
    assert_eq!(code, Some(0), "{said}");
    let all = outputs(&printed);
    assert!(all[1].contains("finished") && !all[1].contains("it was ended after"), "{}", all[1]);
    let ended = printed.iter().find(|line| line.contains("session_turn_finished")).unwrap();
    assert!(ended.contains("\"status\":\"completed\"") && ended.contains("and the turn too"), "{ended}");
    assert_sound(&place.instance(), &printed);
}
