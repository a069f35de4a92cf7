//! Child processes that never leak: started through the `__exec` helper from one named thread, each in a session
//! and process group of its own, recorded before it runs, stopped by a ladder, reaped after a crash.
//!
//! Read in this order: [`exec`] (a child's first moments) → `spawn` (started, recorded, released) → `group` (seen to
//! end, killed, reaped) → `ladder` (asked to end, then made to) → `reap` (what a dead run has left) → [`shell`].
//! It knows nothing of executors or protocols. On macOS the tie to the parent, the confinement, the hunt for escaped
//! processes and the reaping after a crash are missing: the system has no means that are free of races.

pub mod capture;
mod ends;
mod environment;
pub mod exec;
mod find;
mod group;
mod ladder;
mod reap;
pub mod shell;
mod spawn;
mod table;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    process::{ChildStderr, ChildStdin, ChildStdout},
    task::JoinSet,
};

pub use environment::{ChildKind, environment};
pub use exec::exec_main;
pub use find::{find_program, helper};
pub use reap::{Reaped, reap};
pub use spawn::{PROCS_FILE, SpawnError};
pub use table::{boot_id, runs};

use crate::protocol::InstanceId;
use group::Group;

/// The variable that marks every child with its instance: a list `outer:inner`, since an executor may run us again.
pub const RUN_MARK: &str = "ZWARM_RUN";
/// The variable that names the session that a child works for.
pub const SESSION_MARK: &str = "ZWARM_SESSION";
/// The variable that marks everything that comes from one child: a list like [`RUN_MARK`].
pub const CHILD_MARK: &str = "ZWARM_CHILD";

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

/// A signal to a child's group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Int,
    Term,
    Kill,
    Stop,
    Cont,
}

impl Signal {
    fn raw(self) -> rustix::process::Signal {
        use rustix::process::Signal as Raw;
        match self {
            Self::Int => Raw::INT,
            Self::Term => Raw::TERM,
            Self::Kill => Raw::KILL,
            Self::Stop => Raw::STOP,
            Self::Cont => Raw::CONT,
        }
    }
}

/// A child to start.
#[derive(Clone, Debug)]
pub struct ChildSpec {
    /// A path, or a name that is found on the child's PATH.
    pub program: PathBuf,
    pub args: Vec<OsString>,
    pub cwd: PathBuf,
    /// The whole environment of the child (the markers are added).
    pub env: Vec<(OsString, OsString)>,
    /// Whether we write to its stdin (else `/dev/null`). Stdout and stderr are always piped.
    pub stdin: Stream,
    /// For `procs.jsonl` and messages: `bash`, `codex`, `s3 claude` …
    pub label: String,
    /// Directories that it may write to (Linux landlock); `None`: not confined.
    pub writable: Option<Vec<PathBuf>>,
    pub ladder: Ladder,
    /// Value of `ZWARM_SESSION`.
    pub session: Option<String>,
}

/// The children of one instance. Cheap to clone; when the last clone is gone, all children are killed.
#[derive(Clone, Debug)]
pub struct Processes {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    instance: InstanceId,
    run_mark: OsString,
    boot: String,
    /// The program that has `__exec`, absolute.
    helper: PathBuf,
    record: std::fs::File,
    children: Mutex<Children>,
}

#[derive(Debug, Default)]
struct Children {
    /// No new ones: the run ends.
    ending: bool,
    /// By the address of the group, which is its own as long as it is in here.
    groups: BTreeMap<usize, Arc<Group>>,
}

impl Processes {
    /// Opens the record in the instance's folder. `helper`: the program that has `__exec` (this one).
    pub fn open(instance: InstanceId, dir: &Path, helper: PathBuf) -> io::Result<Self> {
        let inner = Inner {
            instance,
            run_mark: spawn::inside(RUN_MARK, &instance.to_string()),
            boot: table::boot_id(),
            helper: std::path::absolute(helper)?,
            record: spawn::open_record(dir)?,
            children: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Starts a child. It is on record, on the disk, before its program runs. Giving the future up kills it.
    pub async fn spawn(&self, spec: ChildSpec) -> Result<Child, SpawnError> {
        spawn::check(&spec)?;
        let label = spec.label.clone();
        let (answer, started) = tokio::sync::oneshot::channel();
        let inner = Arc::clone(&self.inner);
        let runtime = tokio::runtime::Handle::current();
        let job = move || {
            let _inside = runtime.enter();
            let _ = answer.send(inner.start(spec, &runtime));
        };
        let not_started = |error| SpawnError::NotStarted { label: label.clone(), error };
        spawn::on_spawn_thread(Box::new(job)).map_err(not_started)?;
        started.await.map_err(|_| not_started(io::Error::other("it was given up")))?
    }

    /// Ends the run's children: nothing new is started from now on, all climb their ladders at the same time, after
    /// `at_most` they are killed, and whatever escaped is hunted by its marker. Waits for the end of all.
    pub async fn stop_all(&self, at_most: Duration) {
        let groups = self.inner.end();
        let mut ladders = JoinSet::new();
        for group in &groups {
            let group = Arc::clone(group);
            ladders.spawn(async move { group.stop(|| {}).await });
        }
        if tokio::time::timeout(at_most, ladders.join_all()).await.is_err() {
            groups.iter().for_each(|group| group.kill());
        }
        for group in &groups {
            group.hurry();
            let _ = tokio::time::timeout(ladder::AFTER_KILL, group.gone()).await;
        }
        let run = self.inner.instance.to_string();
        let _ = tokio::task::spawn_blocking(move || group::sweep(RUN_MARK, &run)).await;
    }

    /// Kills everything now, escaped processes too. Nothing new is started afterwards.
    pub fn kill_all(&self) {
        self.inner.end().iter().for_each(|group| group.kill());
        group::sweep(RUN_MARK, &self.inner.instance.to_string());
    }

    /// Pids and labels of the children that are not gone.
    pub fn alive(&self) -> Vec<(u32, String)> {
        let children = self.inner.children();
        children.groups.values().map(|group| (group.tag.pid, group.tag.label.clone())).collect()
    }
}

impl Inner {
    fn children(&self) -> MutexGuard<'_, Children> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, group: &Arc<Group>) -> Result<(), SpawnError> {
        let mut children = self.children();
        if children.ending {
            return Err(SpawnError::Ending(group.tag.label.clone()));
        }
        children.groups.insert(Arc::as_ptr(group) as usize, Arc::clone(group));
        Ok(())
    }

    fn leave(&self, key: usize) {
        self.children().groups.remove(&key);
    }

    fn end(&self) -> Vec<Arc<Group>> {
        let mut children = self.children();
        children.ending = true;
        children.groups.values().cloned().collect()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end().iter().for_each(|group| group.kill());
    }
}

/// A running child. Dropping it kills its group (without waiting; it is reaped in the background).
#[derive(Debug)]
pub struct Child {
    /// Also the number of its session and group.
    pub pid: u32,
    pub stdin: Option<ChildStdin>,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<ChildStderr>,
    group: Arc<Group>,
}

impl Child {
    /// Waits until it has ended. What is left of its group is killed 200 ms later. Can be given up and called again.
    pub async fn wait(&mut self) -> ExitStatus {
        self.group.exited().await
    }

    /// Ends it by its ladder; nothing is left of it afterwards. A ladder that begins with the end of its stdin can
    /// only close what is still in [`Child::stdin`]: who took it out must drop it first.
    pub async fn stop(&mut self) {
        let Self { stdin, group, .. } = self;
        group.stop(|| drop(stdin.take())).await;
    }

    /// Kills what is left of its group once the leader has ended, without the grace, and waits for it.
    pub async fn finish(&mut self) -> ExitStatus {
        self.group.hurry();
        self.group.gone().await
    }

    /// Kills the group and what is below it. Never waits.
    pub fn kill(&self) {
        self.group.kill();
    }

    /// Sends a signal to the group.
    pub fn signal(&self, signal: Signal) {
        self.group.signal(signal);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.group.kill();
    }
}
