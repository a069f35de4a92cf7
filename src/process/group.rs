//! One child with its process group: signalled, killed and reaped without ever touching anyone else.
//!
//! As long as its leader was not reaped, the pid and the group cannot be given to another process. So the leader is
//! only *seen* to end (`WNOWAIT`), then what is left of the group is killed, and only then is the leader reaped: all
//! of it under one lock. Nothing here waits for other pids (`waitpid(-1)` would steal those of others).

use std::{
    collections::BTreeSet,
    os::unix::process::ExitStatusExt as _,
    process::ExitStatus,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::process::{
    Pid, WaitId, WaitIdOptions, kill_process, kill_process_group, test_kill_process_group, waitid,
};
use tokio::sync::{Notify, watch};

use super::{
    CHILD_MARK, Ladder, Signal,
    ladder::{self, Act},
    table::{self, Known},
};

/// How long the rest of a group may live on after its leader (to write its last words).
pub(super) const GRACE: Duration = Duration::from_millis(200);
/// How often and how long apart a killed group is looked at until it is empty.
const GROUP_LOOKS: u32 = 20;
const BETWEEN_GROUP_LOOKS: Duration = Duration::from_millis(5);
/// How often a marker is looked for again before we give up (processes that are just being born).
const SWEEPS: u32 = 40;
const BETWEEN_SWEEPS: Duration = Duration::from_millis(10);

/// How far a child has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Runs,
    /// The leader has ended; its group may still live for [`GRACE`].
    Exited(ExitStatus),
    /// Nothing is left of it.
    Gone(ExitStatus),
}

impl Phase {
    pub(super) fn status(self) -> Option<ExitStatus> {
        match self {
            Self::Runs => None,
            Self::Exited(status) | Self::Gone(status) => Some(status),
        }
    }
}

/// What a child is called and how it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) pid: u32,
    pub(super) label: String,
    pub(super) ladder: Ladder,
    /// Its entry in `ZWARM_CHILD`.
    pub(super) mark: String,
}

/// A child and its group.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) tag: Tag,
    fate: Mutex<Fate>,
    phase: watch::Sender<Phase>,
    hurry: Notify,
}

#[derive(Debug, Default)]
struct Fate {
    reaped: bool,
    /// We ended it: whatever escaped from the group is hunted by its marker.
    hunted: bool,
    /// Processes below it that were seen before it was made to end.
    below: BTreeSet<Known>,
}

impl Group {
    pub(super) fn new(tag: Tag) -> Self {
        let phase = watch::Sender::new(Phase::Runs);
        Self { tag, fate: Mutex::default(), phase, hurry: Notify::new() }
    }

    fn fate(&self) -> MutexGuard<'_, Fate> {
        self.fate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.tag.pid).ok().and_then(Pid::from_raw)
    }

    /// Sends a signal to the whole group.
    pub(super) fn signal(&self, signal: Signal) {
        let fate = self.fate();
        if let Some(pid) = self.pid().filter(|_| !fate.reaped) {
            send(pid, signal);
        }
    }

    /// Kills the group and all that is seen below its leader. Never waits.
    pub(super) fn kill(&self) {
        let mut fate = self.fate();
        if fate.reaped {
            return;
        }
        self.note_below(&mut fate);
        if let Some(pid) = self.pid() {
            send(pid, Signal::Kill);
        }
        for known in &fate.below {
            known.kill();
        }
    }

    fn note_below(&self, fate: &mut Fate) {
        fate.hunted = true;
        fate.below.extend(table::descendants(self.tag.pid));
    }

    /// What is left of the group need not be waited for: it ends as soon as the leader has.
    pub(super) fn hurry(&self) {
        self.hurry.notify_one();
    }

    /// Waits until the leader has ended.
    pub(super) async fn exited(&self) -> ExitStatus {
        self.until(|phase| phase.status().is_some()).await
    }

    /// Waits until nothing is left.
    pub(super) async fn gone(&self) -> ExitStatus {
        self.until(|phase| matches!(phase, Phase::Gone(_))).await
    }

    async fn until(&self, reached: impl Fn(&Phase) -> bool) -> ExitStatus {
        let mut phases = self.phase.subscribe();
        let phase = phases.wait_for(reached).await.map(|phase| *phase).unwrap_or(Phase::Runs);
        phase.status().unwrap_or_else(unknown)
    }

    /// Climbs the child's ladder, then waits until nothing is left of it (at most [`ladder::AFTER_KILL`]).
    pub(super) async fn stop(&self, mut close_stdin: impl FnMut()) {
        for rung in ladder::rungs(self.tag.ladder) {
            self.note_below(&mut self.fate());
            match rung.act {
                Act::CloseStdin => close_stdin(),
                Act::Signal(signal) => self.signal(signal),
            }
            if tokio::time::timeout(rung.wait, self.exited()).await.is_ok() {
                break;
            }
        }
        self.kill();
        self.hurry();
        let _ = tokio::time::timeout(ladder::AFTER_KILL, self.gone()).await;
    }

    /// The life of the child: sees its end, gives the group its grace, kills the rest, reaps. Spawned once a child;
    /// ends with it. `ended` wakes for every child of this process (made before this one was started).
    pub(super) async fn tend(self: Arc<Self>, mut ended: tokio::signal::unix::Signal) {
        let status = loop {
            if let Some(status) = self.peek() {
                break status;
            }
            if ended.recv().await.is_none() {
                return;
            }
        };
        self.phase.send_replace(Phase::Exited(status));
        let _ = tokio::time::timeout(GRACE, self.hurry.notified()).await;
        let (hunted, below) = self.reap();
        self.group_is_empty().await;
        if hunted || self.tag.ladder != Ladder::Plain {
            let mark = self.tag.mark.clone();
            let hunt = move || {
                below.iter().for_each(|known| {
                    known.kill();
                });
                sweep(CHILD_MARK, &mark);
            };
            let _ = tokio::task::spawn_blocking(hunt).await;
        }
        self.phase.send_replace(Phase::Gone(status));
    }

    /// Whether the leader has ended; it stays a zombie, so that its pid stays its own.
    fn peek(&self) -> Option<ExitStatus> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(self.pid()?), options) {
            Ok(Some(status)) => Some(exit_status(&status)),
            Ok(None) | Err(rustix::io::Errno::INTR) => None,
            Err(_) => Some(unknown()),
        }
    }

    /// Waits (a little) for the killed members of the group to be gone. It only asks: the number may already be
    /// somebody else's.
    async fn group_is_empty(&self) {
        for _ in 0..GROUP_LOOKS {
            if self.pid().is_none_or(|pid| test_kill_process_group(pid).is_err()) {
                return;
            }
            tokio::time::sleep(BETWEEN_GROUP_LOOKS).await;
        }
    }

    fn reap(&self) -> (bool, BTreeSet<Known>) {
        let mut fate = self.fate();
        if let Some(pid) = self.pid().filter(|_| !fate.reaped) {
            let _ = kill_process_group(pid, rustix::process::Signal::KILL);
            let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
        }
        fate.reaped = true;
        (fate.hunted, std::mem::take(&mut fate.below))
    }
}

/// To the group; to the leader alone while it has not made its group yet.
fn send(pid: Pid, signal: Signal) {
    if kill_process_group(pid, signal.raw()).is_err() {
        let _ = kill_process(pid, signal.raw());
    }
}

fn exit_status(status: &rustix::process::WaitIdStatus) -> ExitStatus {
    let signal = || status.terminating_signal();
    ExitStatus::from_raw(status.exit_status().map(|code| code << 8).or_else(signal).unwrap_or_default())
}

/// The status of a child that somebody else has reaped.
fn unknown() -> ExitStatus {
    ExitStatus::from_raw(0xff << 8)
}

/// Kills all that carry a marker, until none is left (those that are born meanwhile too). Returns how many.
/// Takes some milliseconds: not for an async task.
pub(super) fn sweep(variable: &str, entry: &str) -> u32 {
    let mut killed = BTreeSet::new();
    for _ in 0..SWEEPS {
        let found = table::marked(variable, entry);
        if found.is_empty() {
            break;
        }
        killed.extend(found.into_iter().filter(Known::kill));
        std::thread::sleep(BETWEEN_SWEEPS);
    }
    u32::try_from(killed.len()).unwrap_or(u32::MAX)
}
