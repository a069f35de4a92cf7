//! A working directory with a home of its own, runs in it, and what they left.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use zwarm_tui::{fold::State, protocol::Event, store::Reader};

/// Nothing in a test takes longer.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Place {
    pub root: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("work")).unwrap();
        Self { root }
    }

    pub fn with(scenario: &str) -> Self {
        let place = Self::new();
        place.write("s.yaml", scenario);
        place
    }

    pub fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.work().join(name), text).unwrap();
    }

    /// A program in the place, without anything of whoever runs the tests.
    pub fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.root.path()).env("ZWARM_HOME", self.root.path().join("home"));
        command.current_dir(self.work()).stdin(Stdio::null());
        command
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_zwarm-tui"));
        command.args(args);
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
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

    pub fn instances(&self) -> Vec<PathBuf> {
        let Ok(all) = std::fs::read_dir(self.work().join(".zwarm/instances")) else { return Vec::new() };
        all.flatten().map(|entry| entry.path()).collect()
    }

    /// The only instance.
    pub fn instance(&self) -> PathBuf {
        let mut all = self.instances();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
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

/// The good events of a journal, and how many lines are bad.
pub fn journal(dir: &Path) -> (Vec<Event>, usize) {
    let (mut events, mut bad) = (Vec::new(), 0);
    let Ok(reader) = Reader::open(dir) else { return (events, bad) };
    let mut each = |_, event: Result<Event, _>| {
        match event {
            Ok(event) => events.push(event),
            Err(_) => bad += 1,
        }
        std::ops::ControlFlow::Continue(())
    };
    reader.scan(0, &mut each).unwrap();
    (events, bad)
}

pub fn fold(events: &[Event]) -> State {
    let mut state = State::default();
    events.iter().for_each(|event| state.apply(event));
    state
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

/// Processes that carry the mark of an instance.
pub fn survivors(instance: &str) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let marked = |pid: &u32| {
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let zombie = stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'));
        !zombie && environ.windows(instance.len()).any(|window| window == instance.as_bytes())
    };
    pids.filter(marked).collect()
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
        crate::left_out::left_out(&format!("{left_out}: needs '{what} {}'", args.join(" ")));
    }
    works
}

/// A mount namespace of one's own, where the system allows it.
pub fn may_mount(left_out: &str) -> bool {
    works("unshare", &["-m", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt"], left_out)
}
