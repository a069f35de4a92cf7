//! For tests: a file system that lets its n-th call fail, and lines to write.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use rustix::io::Errno;
use uuid::Uuid;

use super::fs::{Disk, Fs, FsFile, Identity, ReadAt};
use crate::protocol::{
    Body, Event, Recorded, Stamp,
    event::{StepStarted, VERSION},
};

/// What the failing call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The disk is broken; an fsync that fails so loses what was not on the disk.
    Eio,
    /// Only an fsync fails, and loses what was not on the disk.
    Fsync,
    /// The disk is full; a write takes half of its bytes first.
    Full,
    /// A write takes half of its bytes.
    Short,
    /// A signal came.
    Interrupted,
}

/// The disk, but for one call (or all from it on).
#[derive(Clone, Debug)]
pub(super) struct Faulty(Arc<Plan>);

#[derive(Debug)]
struct Plan {
    fault: Fault,
    /// From 1.
    first: AtomicUsize,
    last: AtomicUsize,
    calls: AtomicUsize,
}

impl Faulty {
    /// Only the n-th call fails.
    pub(super) fn nth(fault: Fault, nth: usize) -> Self {
        Self::range(fault, nth, nth)
    }

    pub(super) fn range(fault: Fault, first: usize, last: usize) -> Self {
        let (first, last) = (AtomicUsize::new(first), AtomicUsize::new(last));
        Self(Arc::new(Plan { fault, first, last, calls: AtomicUsize::new(0) }))
    }

    /// From now on everything fails, or nothing.
    pub(super) fn broken(&self, broken: bool) {
        self.0.first.store(if broken { 0 } else { usize::MAX }, Ordering::SeqCst);
        self.0.last.store(usize::MAX, Ordering::SeqCst);
    }

    pub(super) fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// The calls did not reach the one that fails.
    pub(super) fn is_spent(&self) -> bool {
        self.calls() < self.0.first.load(Ordering::SeqCst)
    }

    fn strikes(&self) -> Option<Fault> {
        let call = self.0.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let range = self.0.first.load(Ordering::SeqCst)..=self.0.last.load(Ordering::SeqCst);
        range.contains(&call).then_some(self.0.fault)
    }

    /// For calls that are not writes.
    fn check(&self) -> io::Result<()> {
        match self.strikes() {
            Some(Fault::Eio) => Err(Errno::IO.into()),
            Some(Fault::Full) => Err(Errno::NOSPC.into()),
            Some(Fault::Short | Fault::Interrupted | Fault::Fsync) | None => Ok(()),
        }
    }

    fn wrap(&self, file: Box<dyn FsFile>, len: u64) -> Box<dyn FsFile> {
        Box::new(FaultyFile { file, plan: self.clone(), len, synced: AtomicU64::new(len) })
    }
}

impl Fs for Faulty {
    fn append(&self, path: &Path) -> io::Result<Box<dyn FsFile>> {
        self.check()?;
        let file = Disk.append(path)?;
        Ok(self.wrap(file, std::fs::metadata(path)?.len()))
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn FsFile>> {
        self.check()?;
        Ok(self.wrap(Disk.create(path)?, 0))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check()?;
        Disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.check()?;
        Disk.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.check()?;
        Disk.sync_dir(dir)
    }
    fn identity(&self, path: &Path) -> io::Result<Identity> {
        self.check()?;
        Disk.identity(path)
    }
}

#[derive(Debug)]
struct FaultyFile {
    file: Box<dyn FsFile>,
    plan: Faulty,
    len: u64,
    synced: AtomicU64,
}

impl ReadAt for FaultyFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.plan.check()?;
        self.file.read_at(buf, offset)
    }
}

impl FsFile for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let half = bytes.len() / 2;
        let count = match self.plan.strikes() {
            Some(Fault::Eio) => return Err(Errno::IO.into()),
            Some(Fault::Interrupted) => return Err(Errno::INTR.into()),
            Some(Fault::Full) if half == 0 => return Err(Errno::NOSPC.into()),
            Some(Fault::Full | Fault::Short) if half > 0 => self.file.write(&bytes[..half])?,
            _ => self.file.write(bytes)?,
        };
        self.len += count as u64;
        Ok(count)
    }
    fn sync(&mut self) -> io::Result<()> {
        let failed = match self.plan.strikes() {
            Some(Fault::Eio | Fault::Fsync) => Some(Errno::IO),
            Some(Fault::Full) => Some(Errno::NOSPC),
            _ => None,
        };
        if let Some(error) = failed {
            // As some kernels do: the pages are gone, and the next fsync knows nothing of it.
            self.len = self.synced.load(Ordering::SeqCst);
            self.file.cut(self.len)?;
            return Err(error.into());
        }
        self.synced.store(self.len, Ordering::SeqCst);
        self.file.sync()
    }
    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.plan.check()?;
        self.len = len;
        self.file.cut(len)
    }
    fn identity(&self) -> io::Result<Identity> {
        self.plan.check()?;
        self.file.identity()
    }
}

/// An event with its line.
pub(super) fn recorded(seq: u64, body: Body) -> Arc<Recorded> {
    let timestamp = Stamp::parse("2026-11-24T06:43:56.512590+01:00").unwrap();
    let id = Uuid::from_u128(u128::from(seq));
    let event = Event { v: VERSION, id, seq, timestamp, session_id: None, task_id: None, body };
    let line = event.to_line(&event.body.payload().unwrap()).into();
    Arc::new(Recorded { event, line })
}

/// The events 1 to `count`: steps.
pub(super) fn steps(count: u64) -> Vec<Arc<Recorded>> {
    (1..=count).map(|seq| recorded(seq, StepStarted { step: seq as u32 }.into())).collect()
}

/// A journal's bytes.
pub(super) fn journal_of(lines: &[Arc<Recorded>]) -> Vec<u8> {
    lines.iter().flat_map(|line| format!("{}\n", line.line).into_bytes()).collect()
}
