//! The lock of an instance: whoever holds it may write. It is a lock of the operating system on the file `lock`, so
//! it is free the moment its holder dies; what is written in the file is for messages only.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{StoreError, fs::read_bounded};
use crate::process;

pub(super) const LOCK: &str = "lock";
/// How long a lock is tried for: another process may hold it for a moment only to see whether it is free.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long more when its holder is dead: a child that was just being forked has the lock too until it runs its own
/// program, and a dead one's last children may take a moment.
const AFTER_DEATH: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(5);
/// Bytes that are read of a lock file.
const MAX_NOTE: u64 = 4096;

/// The right to write an instance; ends with the value, and with the process.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Who holds a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Holder {
    /// 0: it does not say.
    pub pid: u32,
    /// Identity of the boot, or empty.
    pub boot: String,
}

impl Holder {
    /// It says who it is, of this boot, and that process does not run.
    fn is_dead(&self) -> bool {
        self.pid != 0 && self.boot == process::boot_id() && !process::runs(self.pid)
    }
}

impl Lock {
    /// Takes the lock of an instance's folder. Errors: [`StoreError::Held`] with the holder's pid, and
    /// [`StoreError::Io`].
    pub fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(LOCK);
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = file.map_err(StoreError::io("lock", &path))?;
        let taken = match wait_for(&file, PATIENCE) {
            Ok(false) if note(&path).is_dead() => wait_for(&file, AFTER_DEATH),
            taken => taken,
        };
        match taken {
            Ok(true) => {}
            Ok(false) => return Err(StoreError::Held { dir: dir.to_owned(), pid: note(&path).pid }),
            Err(error) => return Err(StoreError::io("lock", &path)(error)),
        }
        let holder = Holder { pid: std::process::id(), boot: process::boot_id() };
        let text = serde_json::to_vec(&holder).unwrap_or_default();
        let noted = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(&text));
        if let Err(error) = noted {
            // A full disk must not keep anybody from reading and ending what is there.
            tracing::warn!(%error, "the lock does not say who holds it");
        }
        Ok(Self { _file: file })
    }

    /// Who holds the lock of an instance's folder; `None`: nobody, or one who is dead and will not hold it for long.
    /// Looks, never takes.
    pub fn holder(dir: &Path) -> Option<Holder> {
        let path = dir.join(LOCK);
        let file = File::open(&path).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(note(&path)).filter(|holder| !holder.is_dead()),
            Ok(()) | Err(TryLockError::Error(_)) => None,
        }
    }
}

fn note(path: &Path) -> Holder {
    let bytes = read_bounded(path, MAX_NOTE).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Locks a file within a time; `false`: it stayed locked.
pub(super) fn wait_for(file: &File, at_most: Duration) -> io::Result<bool> {
    let until = Instant::now() + at_most;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if Instant::now() >= until => return Ok(false),
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Holds a lock file beside a shared file (made if it is missing) while `work` runs.
pub(super) fn with_lock<T>(
    path: &Path,
    at_most: Duration,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = file.map_err(StoreError::io("lock", path))?;
    match wait_for(&file, at_most) {
        Ok(true) => work(),
        Ok(false) => Err(StoreError::Busy { path: path.to_owned(), seconds: at_most.as_secs() }),
        Err(error) => Err(StoreError::io("lock", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_the_pid_of_the_first_and_a_dropped_lock_is_free() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Lock::holder(dir.path()), None);
        let lock = Lock::take(dir.path()).unwrap();
        assert_eq!(Lock::holder(dir.path()).unwrap().pid, std::process::id());
        match Lock::take(dir.path()) {
            Err(StoreError::Held { pid, .. }) => assert_eq!(pid, std::process::id()),
            other => panic!("{other:?}"),
        }
        drop(lock);
        assert_eq!(Lock::holder(dir.path()), None);
        assert!(Lock::take(dir.path()).is_ok());
    }

    #[test]
    fn a_lock_that_a_dead_holder_still_has_is_nobodys_and_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let lock = Lock::take(dir.path()).unwrap();
        // As after a kill in the middle of a fork: the lock is held, its holder is gone.
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let (pid, boot) = (child.id(), process::boot_id());
        child.wait().unwrap();
        std::fs::write(dir.path().join(LOCK), serde_json::to_vec(&Holder { pid, boot }).unwrap()).unwrap();
        assert_eq!(Lock::holder(dir.path()), None);
        std::thread::scope(|scope| {
            let taken = scope.spawn(|| Lock::take(dir.path()).is_ok());
            std::thread::sleep(PATIENCE * 3);
            drop(lock);
            assert!(taken.join().unwrap());
        });
    }
}
