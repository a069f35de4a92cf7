//! A run's folder, and ways to look at processes without believing the code under test.

use std::{process::Command, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio_util::sync::CancellationToken;
use zwarm_tui::{
    process::{
        Child, ChildSpec, Ladder, Processes, Stream,
        shell::{self, ShellCall, ShellResult},
    },
    protocol::InstanceId,
};

pub(crate) const HELPER: &str = env!("CARGO_BIN_EXE_zwarm-tui");

pub(crate) struct Place {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) instance: InstanceId,
    pub(crate) processes: Processes,
}

pub(crate) fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let instance = InstanceId::random();
    let processes = Processes::open(instance, dir.path(), HELPER.into()).unwrap();
    Place { dir, instance, processes }
}

impl Place {
    pub(crate) fn spec(&self, script: &str) -> ChildSpec {
        ChildSpec {
            program: "/bin/bash".into(),
            args: vec!["-c".into(), script.into()],
            cwd: self.dir.path().to_owned(),
            env: std::env::vars_os().collect(),
            stdin: Stream::Null,
            label: "bash".into(),
            writable: None,
            ladder: Ladder::Plain,
            session: Some("s1".into()),
        }
    }

    pub(crate) async fn spawn(&self, script: &str) -> Child {
        self.processes.spawn(self.spec(script)).await.unwrap()
    }

    pub(crate) async fn shell(&self, command: &str, timeout: Duration) -> ShellResult {
        shell::run(&self.processes, self.call(command, timeout), CancellationToken::new(), &|_| {}).await
    }

    pub(crate) fn call(&self, command: &str, timeout: Duration) -> ShellCall {
        ShellCall {
            command: command.into(),
            cwd: self.dir.path().to_owned(),
            timeout,
            env: std::env::vars_os().collect(),
            writable: None,
            label: "bash".into(),
        }
    }
}

/// The pids that a script printed, a line each.
pub(crate) async fn pids(child: &mut Child, count: usize) -> Vec<u32> {
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let mut pids = Vec::new();
    while pids.len() < count {
        pids.push(lines.next_line().await.unwrap().unwrap().trim().parse().unwrap());
    }
    pids
}

/// Waits for the end of any process.
pub(crate) fn ends_within(pid: u32, seconds: i64) -> bool {
    let Ok(fd) = pidfd_open(Pid::from_raw(pid as i32).unwrap(), PidfdFlags::empty()) else { return true };
    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec { tv_sec: seconds, tv_nsec: 0 })).unwrap() > 0
}

pub(crate) fn is_gone(pid: u32) -> bool {
    ends_within(pid, 0)
}

/// Live processes whose environment carries the instance.
pub(crate) fn survivors(instance: InstanceId) -> Vec<String> {
    let marker = instance.to_string();
    let own = std::process::id().to_string();
    let table = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = table.filter_map(|entry| entry.file_name().into_string().ok()).filter(|pid| *pid != own);
    let marked = pids.filter(|pid| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(&marker)
    });
    marked.collect()
}

pub(crate) const ESCAPE: &str =
    "(setsid bash -c 'trap \"\" INT TERM HUP; echo $$; exec sleep 1000' &) ; echo $$; sleep 1000; :";

/// Lines of `/proc/*/stat` whose parent it is: zombies too.
pub(crate) fn children_of(parent: u32) -> Vec<String> {
    let table = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = table.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    let parent = parent.to_string();
    stats
        .filter(|stat| stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(1) == Some(&parent))
        .collect()
}

/// Runs an ignored test of this file in a process of its own.
pub(crate) fn run_alone(test: &str) {
    let output =
        Command::new(std::env::current_exe().unwrap()).args(["--ignored", "--exact", test]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}
