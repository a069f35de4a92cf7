//! Runs without a screen as the program plays them, with a scripted model: output, exit codes, steering from another
//! process, signals, a reader that goes away, resume.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support {
    pub mod place;
}

use std::{
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use support::place::Place;

const SHORT: &str = r#"
name: short
model:
  - text: "I look [/x] around."
    calls: [{bash: {command: "echo hello"}}]
    usage: {input: 100, output: 10}
  - calls: [{exit: {exit_message: "All is well."}}]
    usage: {input: 120, output: 5}
"#;

const LONG: &str = r#"
name: long
model:
  - calls: [{bash: {command: "sleep 300"}}]
  - calls: [{exit: {exit_message: "Done."}}]
"#;

/// A place with both scenarios.
struct Bench(Place);

impl Bench {
    fn new() -> Self {
        Self(Place::with(&[("short.yaml", SHORT), ("long.yaml", LONG)]))
    }

    fn command(&self, args: &[&str]) -> Command {
        self.0.command(args)
    }

    fn run(&self, args: &[&str]) -> Output {
        self.0.run(args)
    }

    fn scripted(&self, scenario: &str, more: &[&str]) -> Output {
        let lm = format!("orchestrator.lm=scripted:{scenario}.yaml");
        self.run(&[&["run", "-t", "do it", "--set", &lm], more].concat())
    }

    /// A run that stands in its first tool call.
    fn standing(&self, more: &[&str]) -> Standing {
        let args = ["run", "-t", "do it", "--json", "--set", "orchestrator.lm=scripted:long.yaml"];
        let mut command = self.command(&[&args, more].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut standing = Standing { child, lines, seen: Vec::new() };
        standing.until("tool_started");
        standing
    }

    fn instances(&self) -> Vec<Value> {
        lines(&self.run(&["instances", "--json"]).stdout)
    }
}

struct Standing {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    seen: Vec<Value>,
}

impl Standing {
    /// Reads on until an event of this kind.
    fn until(&mut self, kind: &str) -> Value {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "no '{kind}' in {:?}", self.seen);
            let event: Value = serde_json::from_str(&line).unwrap();
            self.seen.push(event.clone());
            if event["kind"] == kind {
                return event;
            }
        }
    }

    fn signal(&self, name: &str) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        let signal = match name {
            "INT" => rustix::process::Signal::INT,
            "TERM" => rustix::process::Signal::TERM,
            _ => rustix::process::Signal::HUP,
        };
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Exit code and standard error.
    fn end(mut self) -> (i32, String) {
        let code = self.child.wait().unwrap().code().unwrap();
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (code, stderr)
    }
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

#[test]
fn json_prints_exactly_the_lines_of_the_journal_and_ends_with_run_finished() {
    let bench = Bench::new();
    let output = bench.scripted("short", &["--json", "-n", "first run"]);
    assert_eq!(output.status.code(), Some(0));
    let events = lines(&output.stdout);
    let sequence: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(sequence, (1..=events.len() as u64).collect::<Vec<_>>());
    assert_eq!(events.last().unwrap()["kind"], "run_finished");
    assert_eq!(events.last().unwrap()["payload"]["exit_message"], "All is well.");
    let listed = bench.instances();
    assert_eq!((&listed[0]["name"], &listed[0]["state"]), (&"first-run".into(), &"done".into()));
    let dir = PathBuf::from(listed[0]["dir"].as_str().unwrap());
    assert_eq!(std::fs::read(dir.join("events.jsonl")).unwrap(), output.stdout);
}

#[test]
fn text_is_for_people_and_data_is_not_markup() {
    let bench = Bench::new();
    let output = bench.scripted("short", &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["orchestrator: I look [/x] around.", "→ bash", "── step 2 ──", "ended by exit after 2 steps"]
    {
        assert!(text.contains(part), "no '{part}' in {text}");
    }
    assert!(!text.contains('\u{1b}'));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn the_step_limit_has_its_own_code_and_the_run_can_go_on() {
    let bench = Bench::new();
    let output = bench.scripted("short", &["--max-steps", "1"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{stderr}");
    let id = bench.instances()[0]["id"].as_str().unwrap()[..8].to_owned();
    assert_eq!(stderr, format!("resume: zwarm-tui run --resume -i {id}\n"));
    let model = ["--set", "orchestrator.lm=scripted:short.yaml"];
    let output = bench.run(&[&["run", "--resume", "--json"], &model[..]].concat());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with(&format!("resuming {id}")), "{stderr}");
    let events = lines(&output.stdout);
    let first = events.iter().find(|event| event["kind"] == "run_started").unwrap();
    assert_eq!(first["payload"]["resumed"], true);
    assert!(events.iter().all(|event| event["seq"].as_u64() > Some(5)), "only this launch is printed");
    assert_eq!(bench.instances().len(), 1);
}

#[test]
fn a_run_that_ended_by_itself_wants_a_further_task() {
    let bench = Bench::new();
    bench.scripted("short", &["-n", "one"]);
    let output = bench.run(&["run", "--resume", "-i", "one"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: the instance 'one' has ended by itself\nhint: give it a further task with -t\n"
    );
}

#[test]
fn another_process_steers_a_run() {
    let bench = Bench::new();
    let mut standing = bench.standing(&["-n", "far"]);
    let says = |args: &[&str]| {
        let output = bench.run(args);
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(
        says(&["nudge", "look at x", "-i", "far"]),
        (0, "'far' has received: a nudge to the orchestrator\n".into())
    );
    let nudge = standing.until("nudge_queued");
    assert_eq!((&nudge["payload"]["text"], &nudge["payload"]["by"]), (&"look at x".into(), &"human".into()));
    assert_eq!(says(&["pause", "-i", "far"]), (0, "'far' has received: pause\n".into()));
    assert_eq!(standing.until("run_state_changed")["payload"]["state"], "pausing");
    assert_eq!(says(&["resume", "-i", "far"]), (0, "'far' has received: resume\n".into()));
    assert_eq!(standing.until("run_state_changed")["payload"]["state"], "running");
    let output = bench.run(&["nudge", "x", "-i", "far", "--session", "s7"]);
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: there is no session 's7'\nhint: it has none yet\n"
    );
    let output = bench.run(&["run", "--resume", "-i", "far"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("error: the instance 'far' runs in process "), "{stderr}");
    assert_eq!(says(&["abort", "-i", "far"]).0, 0);
    assert_eq!(standing.until("run_finished")["payload"]["stopped_by"], "human_abort");
    assert_eq!(standing.end().0, 3);
    let output = bench.run(&["pause", "-i", "far"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(1) && stderr.starts_with("error: the instance 'far' does not run\n"),
        "{stderr}"
    );
}

#[test]
fn a_signal_pauses_saves_stops_the_children_and_says_how_to_resume() {
    for (name, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let bench = Bench::new();
        let mut standing = bench.standing(&[]);
        let begun = Instant::now();
        standing.signal(name);
        let end = standing.until("run_finished");
        assert_eq!(
            (&end["payload"]["stopped_by"], &end["payload"]["exit_code"]),
            (&"interrupted".into(), &code.into())
        );
        let (got, stderr) = standing.end();
        assert_eq!(got, code, "{stderr}");
        assert!(stderr.contains("resume: zwarm-tui run --resume -i "), "{stderr}");
        assert!(begun.elapsed() < Duration::from_secs(10));
        assert_eq!(bench.instances()[0]["state"], "paused");
    }
}

#[test]
fn a_second_interrupt_leaves_at_once() {
    let bench = Bench::new();
    let standing = bench.standing(&[]);
    let begun = Instant::now();
    standing.signal("INT");
    standing.signal("INT");
    let (code, _) = standing.end();
    assert_eq!(code, 130);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_run_whose_reader_goes_away_ends_quietly_and_saved() {
    let bench = Bench::new();
    let mut standing = bench.standing(&["-n", "unread"]);
    standing.lines = BufReader::new({
        // The old reader is dropped; a new one of an unrelated pipe takes its bench.
        let mut other = Command::new("true").stdout(Stdio::piped()).spawn().unwrap();
        other.wait().unwrap();
        other.stdout.take().unwrap()
    });
    // Something must be written before the program can know.
    bench.run(&["nudge", "x", "-i", "unread"]);
    let (code, stderr) = standing.end();
    assert_eq!((code, stderr.as_str()), (141, ""));
    assert_eq!(bench.instances()[0]["state"], "paused");
}
