//! Starting a child: the helper is started, recorded, and only then released.
//!
//! All children of the program are started on one named thread that lives as long as the program: the kernel ties
//! "die with your parent" to the *thread* that started a child, and a thread of a pool ends after some idle seconds.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, OnceLock, mpsc},
};

use serde::{Deserialize, Serialize};
use tokio::{runtime::Handle, signal::unix::SignalKind};

use super::{
    CHILD_MARK, Child, ChildSpec, Inner, RUN_MARK, SESSION_MARK, Stream, exec::Orders, find, group::Group,
    group::Tag, table,
};

/// The list of children of an instance, in its folder: one JSON object a line, appended and synced before a child
/// runs.
pub const PROCS_FILE: &str = "procs.jsonl";

/// One line of [`PROCS_FILE`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) pid: u32,
    /// Field 22 of `/proc/PID/stat`; 0 where there is none.
    pub(super) start: u64,
    /// Boot id of the machine.
    pub(super) boot: String,
    pub(super) label: String,
    /// The instance, as in `ZWARM_RUN`.
    pub(super) run: String,
    /// The child, as in `ZWARM_CHILD`.
    pub(super) child: String,
}

/// Why a child was not started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    #[error("the program '{}' does not exist", .0.display())]
    NoProgram(PathBuf),
    #[error("the program '{}' is not executable", .0.display())]
    NotExecutable(PathBuf),
    #[error("the directory '{}' does not exist", .0.display())]
    NoDirectory(PathBuf),
    #[error("'{label}' cannot be started: {error}")]
    NotStarted { label: String, error: io::Error },
    /// It never ran: a child that is not on record could outlive us.
    #[error("'{label}' was not started, because it could not be recorded: {error}")]
    NotRecorded { label: String, error: io::Error },
    #[error("'{0}' was not started: the run is ending")]
    Ending(String),
}

type Job = Box<dyn FnOnce() + Send>;

/// Hands a job to the thread that starts all children.
pub(super) fn on_spawn_thread(job: Job) -> io::Result<()> {
    static THREAD: OnceLock<Result<mpsc::Sender<Job>, io::ErrorKind>> = OnceLock::new();
    let thread = THREAD.get_or_init(|| {
        let (jobs, open) = mpsc::channel::<Job>();
        let work = move || open.into_iter().for_each(|job| job());
        let started = std::thread::Builder::new().name("zwarm-spawn".to_owned()).spawn(work);
        started.map(|_| jobs).map_err(|error| error.kind())
    });
    let jobs = thread.as_ref().map_err(|kind| io::Error::from(*kind))?;
    jobs.send(job).map_err(|_| io::Error::other("the thread that starts children has ended"))
}

/// What can be known to go wrong before anything is started.
pub(super) fn check(spec: &ChildSpec) -> Result<(), SpawnError> {
    if !spec.cwd.is_dir() {
        return Err(SpawnError::NoDirectory(spec.cwd.clone()));
    }
    if spec.program.components().count() > 1 {
        let path = spec.cwd.join(&spec.program);
        if !path.exists() {
            return Err(SpawnError::NoProgram(spec.program.clone()));
        }
        if !find::is_executable(&path) {
            return Err(SpawnError::NotExecutable(spec.program.clone()));
        }
    }
    Ok(())
}

/// Opens the record for appending.
pub(super) fn open_record(dir: &Path) -> io::Result<std::fs::File> {
    std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(dir.join(PROCS_FILE))
}

impl Inner {
    /// Starts, records and releases a child. On the spawn thread, inside the runtime.
    pub(super) fn start(self: &Arc<Self>, spec: ChildSpec, runtime: &Handle) -> Result<Child, SpawnError> {
        let label = spec.label.clone();
        let not_started = |error| SpawnError::NotStarted { label: label.clone(), error };
        let ended = tokio::signal::unix::signal(SignalKind::child()).map_err(not_started)?;
        let mark = uuid::Uuid::new_v4().simple().to_string();
        let mut started = self.command(&spec, &mark).spawn().map_err(not_started)?;
        let tag = Tag { pid: started.id(), label: label.clone(), ladder: spec.ladder, mark };
        let group = Arc::new(Group::new(tag));
        if let Err(refused) = self.record(&group.tag).and_then(|()| self.enter(&group)) {
            // The end of its stdin makes the helper end without running the program.
            drop(started.stdin.take());
            let _ = started.wait();
            return Err(refused);
        }
        let released = started.stdin.as_mut().map_or(Ok(()), |stdin| stdin.write_all(b"\n"));
        let home = Arc::downgrade(self);
        let (tended, key) = (Arc::clone(&group), Arc::as_ptr(&group) as usize);
        runtime.spawn(async move {
            tended.tend(ended).await;
            if let Some(home) = home.upgrade() {
                home.leave(key);
            }
        });
        let stdin = started.stdin.take().filter(|_| spec.stdin == Stream::Piped);
        let child = Child {
            pid: group.tag.pid,
            stdin: stdin.map(tokio::process::ChildStdin::from_std).transpose().map_err(not_started)?,
            stdout: started
                .stdout
                .take()
                .map(tokio::process::ChildStdout::from_std)
                .transpose()
                .map_err(not_started)?,
            stderr: started
                .stderr
                .take()
                .map(tokio::process::ChildStderr::from_std)
                .transpose()
                .map_err(not_started)?,
            group,
        };
        released.map_err(not_started)?;
        Ok(child)
    }

    fn command(&self, spec: &ChildSpec, mark: &str) -> Command {
        let orders = Orders {
            stdin_null: spec.stdin == Stream::Null,
            limits: vec![("core".to_owned(), 0)],
            writable: spec.writable.clone(),
            program: spec.program.clone().into(),
            args: spec.args.clone(),
        };
        let mut command = Command::new(&self.helper);
        command.args(orders.to_args()).current_dir(&spec.cwd);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env_clear().envs(spec.env.iter().map(|(name, value)| (name, value)));
        command.env(RUN_MARK, &self.run_mark).env(CHILD_MARK, inside(CHILD_MARK, mark));
        match &spec.session {
            Some(session) => command.env(SESSION_MARK, session),
            None => command.env_remove(SESSION_MARK),
        };
        command
    }

    fn record(&self, tag: &Tag) -> Result<(), SpawnError> {
        let record = Record {
            pid: tag.pid,
            start: table::start_time(tag.pid).unwrap_or_default(),
            boot: self.boot.clone(),
            label: tag.label.clone(),
            run: self.instance.to_string(),
            child: tag.mark.clone(),
        };
        let write = || {
            let mut line = serde_json::to_string(&record)?;
            line.push('\n');
            let mut file = &self.record;
            file.write_all(line.as_bytes())?;
            file.sync_data()
        };
        write().map_err(|error| SpawnError::NotRecorded { label: tag.label.clone(), error })
    }
}

/// The value of a marker for a child: what this process itself carries, then the entry.
pub(super) fn inside(variable: &str, entry: &str) -> OsString {
    match std::env::var_os(variable) {
        Some(outer) if !outer.is_empty() && outer != OsStr::new(entry) => {
            let mut list = outer;
            list.push(":");
            list.push(entry);
            list
        }
        _ => entry.into(),
    }
}
