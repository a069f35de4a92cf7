//! The human's own command (`notify_command`) in whole runs: what it is told, what it does not get, and that it
//! disturbs nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support {
    pub mod place;
}

use std::{
    io::Read,
    path::PathBuf,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use support::place::Place;

const SHORT: &str = r#"
name: short
model:
  - calls: [{exit: {exit_message: "All is well."}}]
    usage: {input: 120, output: 5}
"#;

const ASKS: &str = r#"
name: asks
model:
  - calls: [{delegate: {task: "x"}}]
  - calls: [{exit: {exit_message: "Done."}}]
sessions:
  - turns:
      - steps: [{ask: {kind: shell, command: "rm -rf build", reason: "to begin anew"}}, {say: ok}]
"#;

/// A place with both scenarios.
struct Bench(Place);

impl Bench {
    fn new() -> Self {
        Self(Place::with(&[("short.yaml", SHORT), ("asks.yaml", ASKS)]))
    }

    fn work(&self) -> PathBuf {
        self.0.work()
    }

    fn command(&self, args: &[&str], scenario: &str, notify: &str) -> Command {
        let mut command = self.0.command(args);
        command.env("OPENAI_API_KEY", "canary-key-0123456789");
        let settings =
            [format!("orchestrator.lm=scripted:{scenario}.yaml"), format!("notify_command={notify}")];
        command.args(["-t", "do it", "-n", "mine"]);
        for setting in settings {
            command.arg("--set").arg(setting);
        }
        command
    }

    fn run(&self, notify: &str) -> Output {
        self.command(&["run"], "short", notify).output().unwrap()
    }

    /// What the command was told so far.
    fn told(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.work().join("told")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
fn the_end_of_a_run_is_told_and_no_key_goes_along() {
    let bench = Bench::new();
    let output = bench.run("cat >> told; env > variables");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let told = bench.told();
    assert_eq!(told.len(), 1, "{told:?}");
    let word = |key: &str| told[0][key].clone();
    assert_eq!((word("event"), word("name")), ("ended".into(), "mine".into()));
    assert_eq!((word("stopped_by"), word("exit_code")), ("exit".into(), 0.into()));
    assert_eq!((word("exit_message"), word("tokens")), ("All is well.".into(), 125.into()));
    assert_eq!(word("working_dir"), bench.work().canonicalize().unwrap().to_str().unwrap());
    let variables = std::fs::read_to_string(bench.work().join("variables")).unwrap();
    assert!(variables.contains("PATH=") && !variables.contains("canary-key"), "{variables}");
}

#[test]
fn a_question_that_waits_for_the_human_is_told_and_then_the_end() {
    let bench = Bench::new();
    let mut command = bench.command(&["--plain"], "asks", "cat >> told");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while bench.told().is_empty() {
        assert!(Instant::now() < until, "nothing was told");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let first = bench.told().remove(0);
    assert_eq!((&first["event"], &first["what"]), (&"needs_you".into(), &"approval".into()));
    assert_eq!(first["session"], "s1");
    // Its standard input ends: the run is saved and the program leaves.
    drop(child.stdin.take());
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    child.wait().unwrap();
    let told = bench.told();
    assert_eq!((told.len(), &told[1]["event"]), (2, &"ended".into()), "{told:?}\n{said}");
}

#[test]
fn a_command_that_fails_is_said_once_and_one_that_hangs_is_ended() {
    let bench = Bench::new();
    let output = bench.run("echo broken >&2; exit 3");
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.matches("'notify_command' failed").count(), 1, "{said}");
    assert!(said.contains("broken"), "{said}");
    let began = Instant::now();
    let output = bench.run("echo $$ > pid; sleep 300");
    assert_eq!(output.status.code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(30));
    let pid = std::fs::read_to_string(bench.work().join("pid")).unwrap();
    let stat = format!("/proc/{}/stat", pid.trim());
    let gone = || std::fs::read_to_string(&stat).map_or(true, |state| state.contains(") Z "));
    let until = Instant::now() + Duration::from_secs(10);
    while !gone() {
        assert!(Instant::now() < until, "it is gone");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn a_project_may_not_name_a_command_before_it_is_trusted() {
    let bench = Bench::new();
    std::fs::create_dir(bench.work().join(".zwarm")).unwrap();
    std::fs::write(bench.work().join(".zwarm/config.toml"), "notify_command = \"touch owned\"\n").unwrap();
    let output = bench.0.run(&["run", "-t", "x", "--set", "orchestrator.lm=scripted:short.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("'notify_command'"));
    assert!(!bench.work().join("owned").exists());
}
