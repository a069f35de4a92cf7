//! A terminal of a test: the real program in a real pty, a screen that follows what it writes, answers to what it asks,
//! keys, pastes, sizes and signals. Waits for conditions, never for a time.

use std::{
    io::{Read, Write},
    os::{fd::AsFd, unix::process::ExitStatusExt},
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use pty_process::{Size, blocking};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, Signal},
    termios::Termios,
};

use crate::stream;

/// How long a condition is waited for on a machine that has other things to do.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// A run that stands: its first call never ends by itself, beside a session that never does.
pub const STANDING: &str = r#"
name: standing
model:
  - text: "I hand the work on."
    calls: [{delegate: {task: "stand there", mode: async}}]
  - text: "Now I wait for the shell."
    calls: [{bash: {command: "sleep 300"}}]
  - calls: [{exit: {exit_message: "Done."}}]
sessions:
  - match: "stand there"
    turns: [{steps: [{say: "I stand."}, {run: "sleep 300"}]}]
"#;

/// An empty home and a directory to work in.
pub struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(place.work()).unwrap();
        place.file("standing.yaml", STANDING);
        place
    }

    pub fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.work().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Processes that work in this place.
    pub fn processes(&self) -> Vec<u32> {
        let here = self.work().canonicalize().unwrap();
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid: &u32| {
            std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&here))
        })
        .collect()
    }

    /// The text of all journals.
    pub fn journal(&self) -> String {
        let instances = self.work().join(".zwarm/instances");
        let mut all = String::new();
        for entry in std::fs::read_dir(instances).into_iter().flatten().flatten() {
            all.push_str(&std::fs::read_to_string(entry.path().join("events.jsonl")).unwrap_or_default());
        }
        all
    }
}

/// What the terminal answers when it is asked.
#[derive(Clone)]
pub enum Answers {
    All,
    Never,
    /// All of it, but so much later.
    Late(Duration),
    /// These bytes instead.
    Bytes(Vec<u8>),
}

/// How a terminal is and what is started in it.
pub struct Setup {
    pub size: (u16, u16),
    pub answers: Answers,
    pub vars: Vec<(&'static str, String)>,
    pub args: Vec<String>,
    /// Bytes a second that the terminal takes.
    pub throttle: Option<usize>,
    /// Standard output goes to another terminal than the keys come from.
    pub elsewhere: bool,
}

impl Setup {
    pub fn new(args: &[&str]) -> Self {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let vars = vec![("TERM", "xterm-256color".to_owned()), ("LANG", "C.UTF-8".to_owned())];
        Self { size: (100, 30), answers: Answers::All, vars, args, throttle: None, elsewhere: false }
    }

    /// A run of a scenario that lies in the place.
    pub fn scripted(scenario: &str, more: &[&str]) -> Self {
        let lm = format!("orchestrator.lm=scripted:{scenario}");
        let first = ["-t", "do it", "--set", &lm, "--set", "executor.adapter=script"];
        Self::new(&[&first, more].concat())
    }

    pub fn size(mut self, columns: u16, rows: u16) -> Self {
        self.size = (columns, rows);
        self
    }

    pub fn var(mut self, name: &'static str, value: &str) -> Self {
        self.vars.retain(|(old, _)| *old != name);
        self.vars.push((name, value.to_owned()));
        self
    }

    pub fn answers(mut self, answers: Answers) -> Self {
        self.answers = answers;
        self
    }

    pub fn start(self, place: &Place) -> Term {
        Term::start(&program(), place, self)
    }
}

/// The program; `ZWARM_PROGRAM` names another build of it (for measuring).
pub fn program() -> PathBuf {
    std::env::var_os("ZWARM_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_zwarm-tui").into(), PathBuf::from)
}

/// What has come out of the program.
pub struct State {
    pub bytes: Vec<u8>,
    parser: vt100::Parser,
    size: (u16, u16),
    exit: Option<ExitStatus>,
    closed: bool,
    answered: usize,
}

impl State {
    /// The emulator of the tests breaks where a window is smaller than what is under way to it; it begins anew.
    fn draw(&mut self, bytes: &[u8]) {
        let parser = &mut self.parser;
        let drawn = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| parser.process(bytes)));
        if drawn.is_err() {
            let (rows, columns) = self.size;
            self.parser = vt100::Parser::new(rows, columns, 0);
            self.parser.process(b"\x1b[?1049h");
        }
    }

    pub fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }
}

struct Shared {
    state: Mutex<State>,
    moved: Condvar,
}

/// The terminal. Dropping it kills what runs in it.
pub struct Term {
    shared: Arc<Shared>,
    /// `None`: the window was closed.
    master: Option<Arc<blocking::Pty>>,
    pts: Option<blocking::Pts>,
    other: Option<(blocking::Pty, blocking::Pts)>,
    before: Termios,
    pub pid: u32,
}

const QUESTION: &[u8] = b"\x1b[c";
const ANSWER: &[u8] = b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\\x1b[?62;22c";

impl Term {
    pub fn start(program: &Path, place: &Place, setup: Setup) -> Self {
        let (master, pts) = blocking::open().unwrap();
        let (columns, rows) = setup.size;
        master.resize(Size::new(rows, columns)).unwrap();
        let before = rustix::termios::tcgetattr(&pts).unwrap();
        let mut command = blocking::Command::new(program)
            .args(&setup.args)
            .current_dir(place.work())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", place.dir.path())
            .env("ZWARM_HOME", place.home())
            .envs(setup.vars.iter().map(|(name, value)| (*name, value.as_str())));
        let other = setup.elsewhere.then(|| {
            let (other, its) = blocking::open().unwrap();
            other.resize(Size::new(rows, columns)).unwrap();
            (other, its)
        });
        if let Some((_, its)) = &other {
            command = command.stdout(std::process::Stdio::from(its.as_fd().try_clone_to_owned().unwrap()));
        }
        let mut child = command.spawn_borrowed(&pts).unwrap();
        let pid = child.id();
        let state = State {
            bytes: Vec::new(),
            parser: vt100::Parser::new(rows, columns, 0),
            size: (rows, columns),
            exit: None,
            closed: false,
            answered: 0,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), moved: Condvar::new() });
        let master = Arc::new(master);
        let told = shared.clone();
        std::thread::spawn(move || {
            let status = child.wait().unwrap();
            told.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).exit = Some(status);
            told.moved.notify_all();
        });
        let (follower, from) = (shared.clone(), master.clone());
        std::thread::spawn(move || follow(&follower, from, &setup.answers, setup.throttle));
        let pts = Some(pts);
        Self { shared, master: Some(master), pts, other, before, pid }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What is on the screen.
    pub fn text(&self) -> String {
        self.state().screen().contents()
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.state().bytes.clone()
    }

    /// Waits until something holds; else shows the screen.
    pub fn until(&self, what: &str, holds: impl Fn(&State) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.state();
        while !holds(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            let gone = state.exit.filter(|_| state.closed || state.exit.is_some());
            assert!(
                !left.is_zero() && gone.is_none(),
                "waited for: {what} (ended: {gone:?})\n{}",
                state.screen().contents()
            );
            state = self.shared.moved.wait_timeout(state, left.min(Duration::from_millis(200))).unwrap().0;
        }
    }

    /// Waits until a text is on the screen.
    pub fn sees(&self, text: &str) {
        self.until(text, |state| state.screen().contents().contains(text));
    }

    /// Waits until a file-like condition outside of the terminal holds.
    pub fn until_outside(&self, what: &str, holds: impl Fn() -> bool) {
        self.until(what, |_| holds());
    }

    /// Types bytes as they are.
    pub fn keys(&self, keys: impl AsRef<[u8]>) {
        let master = self.master.as_ref().unwrap();
        let _ = (&**master).write_all(keys.as_ref());
    }

    pub fn paste(&self, text: &str) {
        self.keys([b"\x1b[200~", text.as_bytes(), b"\x1b[201~"].concat());
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        let mut state = self.state();
        state.size = (rows, columns);
        let parser = &mut state.parser;
        let set = std::panic::AssertUnwindSafe(|| parser.screen_mut().set_size(rows, columns));
        if std::panic::catch_unwind(set).is_err() {
            state.parser = vt100::Parser::new(rows, columns, 0);
            state.draw(b"\x1b[?1049h");
        }
        drop(state);
        self.master.as_ref().unwrap().resize(Size::new(rows, columns)).unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid).unwrap()).unwrap();
        let _ = rustix::process::kill_process(pid, signal);
    }

    /// The window goes away.
    pub fn close(&mut self) {
        self.state().closed = true;
        (self.master, self.pts) = (None, None);
    }

    /// The terminal of standard output goes away; the one of the keys stays.
    pub fn close_output(&mut self) {
        self.other = None;
    }

    /// Waits until the program has ended: its exit code, or 1000 and the signal that killed it.
    pub fn exit(&self, within: Duration) -> i32 {
        let deadline = Instant::now() + within;
        let mut state = self.state();
        loop {
            if let Some(status) = state.exit {
                return status.code().unwrap_or_else(|| 1000 + status.signal().unwrap_or(0));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "it does not end\n{}", state.screen().contents());
            state = self.shared.moved.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Nothing is left switched on, and the line discipline is as before.
    pub fn assert_given_back(&self) {
        self.assert_line_discipline();
        // The last bytes may still be under way.
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.state();
        loop {
            let left = stream::left_on(&state.bytes);
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "left on: {left:?}");
            state = self.shared.moved.wait_timeout(state, Duration::from_millis(50)).unwrap().0;
        }
    }

    pub fn assert_line_discipline(&self) {
        let Some(pts) = &self.pts else { return };
        let now = rustix::termios::tcgetattr(pts).unwrap();
        // What a line of the shell adds (an interrupt on a break) is no concern.
        let input = |t: &Termios| t.input_modes.difference(rustix::termios::InputModes::BRKINT);
        let modes = |t: &Termios| (t.local_modes, input(t), t.output_modes, t.control_modes);
        assert_eq!(modes(&now), modes(&self.before), "the line discipline");
    }

    pub fn is_alive(&self) -> bool {
        self.state().exit.is_none()
    }

    /// Waits until nothing has been written for a while (longer than the gap between frames, shorter than a clock).
    pub fn settled(&self) {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.state();
        while Instant::now() < deadline {
            let (next, quiet) = self.shared.moved.wait_timeout(state, Duration::from_millis(300)).unwrap();
            state = next;
            if quiet.timed_out() {
                return;
            }
        }
    }

    /// Resident memory in kB.
    pub fn resident_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).unwrap_or(0)
    }

    /// The letter of the process in `/proc`.
    pub fn process_state(&self) -> char {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('?')
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        self.state().closed = true;
        if self.state().exit.is_none() {
            self.signal(Signal::CONT);
            self.signal(Signal::KILL);
        }
    }
}

/// Reads what the program writes until the window is closed or nobody writes any more; answers its questions.
fn follow(shared: &Shared, master: Arc<blocking::Pty>, answers: &Answers, throttle: Option<usize>) {
    let mut chunk = [0; 65_536];
    loop {
        {
            let state = shared.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if state.closed {
                return;
            }
        }
        let wait = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        let mut fds = [PollFd::from_borrowed_fd(master.as_fd(), PollFlags::IN)];
        if !poll(&mut fds, Some(&wait)).is_ok_and(|ready| ready > 0) {
            continue;
        }
        let most = throttle.map_or(chunk.len(), |rate| (rate / 20).max(1));
        let Ok(read) = (&*master).read(&mut chunk[..most]) else { return };
        if throttle.is_some() {
            // This is what a slow line is.
            std::thread::sleep(Duration::from_millis(50));
        }
        let mut state = shared.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.bytes.extend_from_slice(&chunk[..read]);
        state.draw(&chunk[..read]);
        let asked = state.bytes.windows(QUESTION.len()).filter(|part| *part == QUESTION).count();
        let new = asked > state.answered;
        state.answered = asked;
        drop(state);
        shared.moved.notify_all();
        if new {
            answer(master.clone(), answers);
        }
    }
}

fn answer(master: Arc<blocking::Pty>, answers: &Answers) {
    let (wait, bytes) = match answers {
        Answers::All => (None, ANSWER.to_vec()),
        Answers::Never => return,
        Answers::Late(wait) => (Some(*wait), ANSWER.to_vec()),
        Answers::Bytes(bytes) => (None, bytes.clone()),
    };
    std::thread::spawn(move || {
        if let Some(wait) = wait {
            std::thread::sleep(wait);
        }
        let _ = (&*master).write_all(&bytes);
    });
}
