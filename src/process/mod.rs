//! Child processes that never leak: started through the `__exec` helper from one named thread, each in a session
//! and process group of its own, recorded before it runs, stopped by a ladder, reaped after a crash.

use std::{ffi::OsString, path::PathBuf};

/// What a child's standard stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stream {
    #[default]
    Null,
    Piped,
}

/// Which stop ladder fits a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ladder {
    /// INT, 2 s, TERM, 3 s, KILL of the group: bash, script, ACP agents.
    Plain,
    /// Stdin EOF, 2 s, KILL of the group: the shared codex server (its turns were interrupted before).
    CodexServer,
    /// (control interrupt by the adapter) stdin EOF, 1 s, INT, 2 s, KILL of the group and of recorded descendants;
    /// never TERM.
    Claude,
}

/// A child to start.
#[derive(Clone, Debug)]
pub struct ChildSpec {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    pub cwd: PathBuf,
    /// The whole environment of the child.
    pub env: Vec<(OsString, OsString)>,
    /// Whether we write to its stdin (else `/dev/null`). Stdout and stderr are always piped.
    pub stdin: Stream,
    /// For `procs.jsonl` and messages: `bash`, `codex`, `s3 claude` …
    pub label: String,
    /// Directories that it may write to (Linux landlock); `None`: not confined.
    pub writable: Option<Vec<PathBuf>>,
    pub ladder: Ladder,
    /// The session that it belongs to (`ZWARM_SESSION`).
    pub session: Option<String>,
}

/// Whose child it is: which variables it inherits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildKind {
    Bash,
    Codex,
    Claude,
    Acp,
    Script,
}

/// Why a child could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start '{label}': {source}")]
pub struct SpawnError {
    pub label: String,
    pub source: std::io::Error,
}

/// Starts children.
#[derive(Clone, Debug, Default)]
pub struct Processes {}

impl Processes {
    /// For one instance.
    pub fn open(_: crate::protocol::InstanceId, _: &std::path::Path, _: PathBuf) -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Starts a child.
    pub async fn spawn(&self, spec: ChildSpec) -> Result<Child, SpawnError> {
        let mut command = tokio::process::Command::new(&spec.program);
        command.args(&spec.args).current_dir(&spec.cwd).env_clear().envs(spec.env).process_group(0);
        command.stdin(match spec.stdin {
            Stream::Null => std::process::Stdio::null(),
            Stream::Piped => std::process::Stdio::piped(),
        });
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let mut inner = command.spawn().map_err(|source| SpawnError { label: spec.label, source })?;
        Ok(Child {
            pid: inner.id().unwrap_or(0),
            stdin: inner.stdin.take(),
            stdout: inner.stdout.take(),
            stderr: inner.stderr.take(),
            inner,
        })
    }
}

/// A running child.
#[derive(Debug)]
pub struct Child {
    pub pid: u32,
    pub stdin: Option<tokio::process::ChildStdin>,
    pub stdout: Option<tokio::process::ChildStdout>,
    pub stderr: Option<tokio::process::ChildStderr>,
    inner: tokio::process::Child,
}

impl Child {
    /// Waits for its end.
    pub async fn wait(&mut self) -> std::process::ExitStatus {
        self.inner.wait().await.unwrap_or_default()
    }

    /// Stops it by its ladder.
    pub async fn stop(&mut self) {
        self.kill();
        self.wait().await;
    }

    /// Kills the group.
    pub fn kill(&self) {
        let pid = rustix::process::Pid::from_raw(self.pid as i32);
        let _ = pid.map(|pid| rustix::process::kill_process_group(pid, rustix::process::Signal::KILL));
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The environment of a child.
pub fn environment(_: ChildKind, config: &crate::config::Config) -> Vec<(OsString, OsString)> {
    let mut all: std::collections::BTreeMap<OsString, OsString> = std::env::vars_os().collect();
    for (name, value) in &config.executor.env {
        match value {
            Some(value) => all.insert(name.into(), value.into()),
            None => all.remove(OsString::from(name).as_os_str()),
        };
    }
    all.into_iter().collect()
}

/// Finds a program.
pub fn find_program(name: &str, configured: Option<&str>) -> Option<PathBuf> {
    if let Some(path) = configured {
        return std::path::Path::new(path).is_file().then(|| path.into());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|path| path.is_file())
}
