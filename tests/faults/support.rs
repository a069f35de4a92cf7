//! A place with a scenario, runs in it, and what is asked of what they left.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::common::{journal::journal, place::Place};

/// Nothing in a test takes longer.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A place with a scenario.
pub struct Bench(Place);

impl std::ops::Deref for Bench {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.0
    }
}

impl Bench {
    pub fn with(scenario: &str) -> Self {
        Self(Place::with(&[("s.yaml", scenario)]))
    }

    /// A run of the scenario that prints the lines of its journal.
    pub fn scripted(&self, args: &[&str]) -> Command {
        self.command(&[&["run", "--json", "--set", "orchestrator.lm=scripted:s.yaml"], args].concat())
    }

    /// A run that is read line by line.
    pub fn start(&self, command: &mut Command) -> Run {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Run { child, out, printed: Vec::new() }
    }

    /// Goes on with the only instance to the end of its scenario.
    pub fn resume(&self, dir: &Path) -> Output {
        let id = name(dir);
        let output = self.scripted(&["--resume", "-i", &id]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        output
    }
}

/// A run whose lines are read.
pub struct Run {
    pub child: Child,
    out: BufReader<ChildStdout>,
    /// The lines so far.
    pub printed: Vec<String>,
}

impl Run {
    /// Reads on to the next line.
    pub fn line(&mut self) -> Option<Value> {
        let mut line = String::new();
        if self.out.read_line(&mut line).ok()? == 0 {
            return None;
        }
        // A killed program may leave half a line.
        let value = serde_json::from_str(&line).ok()?;
        self.printed.push(line.trim_end().to_owned());
        Some(value)
    }

    /// Reads on until an event of one of these kinds; `None`: it ended before.
    pub fn until(&mut self, kinds: &[&str]) -> Option<Value> {
        loop {
            let event = self.line()?;
            if kinds.contains(&event["kind"].as_str().unwrap()) {
                return Some(event);
            }
        }
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        let _ = rustix::process::kill_process(pid, signal);
    }

    /// Kills it and reads what it had printed.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        while self.line().is_some() {}
    }

    /// Reads to its end: exit code, standard error.
    pub fn end(mut self) -> (Option<i32>, String, Vec<String>) {
        while self.line().is_some() {}
        let output = self.child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned(), self.printed)
    }
}

pub fn name(dir: &Path) -> String {
    dir.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Every printed line is in the journal, its numbers have no gap, at most its tail is torn.
pub fn assert_sound(dir: &Path, printed: &[String]) {
    let bytes = std::fs::read(dir.join("events.jsonl")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: std::collections::HashSet<&str> = text.lines().collect();
    for line in printed {
        assert!(lines.contains(line.as_str()), "a printed event is not in the journal: {line}");
    }
    let (events, bad) = journal(dir);
    assert!(bad == 0, "{bad} damaged lines that are not the tail");
    let seqs: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
}

/// Waits for something that must come.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "{what} did not come");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// How often a thing is done: the variable, else the default.
pub fn times(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Whether a program is there and works here; says what is left out where it does not.
pub fn works(what: &str, args: &[&str], left_out: &str) -> bool {
    let run = Command::new(what)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let works = run.is_ok_and(|status| status.success());
    if !works {
        crate::common::left_out::left_out(&format!("{left_out}: needs '{what} {}'", args.join(" ")));
    }
    works
}

/// A mount namespace of one's own, where the system allows it.
pub fn may_mount(left_out: &str) -> bool {
    works("unshare", &["-m", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt"], left_out)
}
