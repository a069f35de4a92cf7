//! The writer of a journal: one thread that performs the orders of the [`Queue`] on the file.
//!
//! After an error of the disk (EIO, a failed fsync) the kernel may have dropped what it could not write and call the
//! next fsync a success. So such a file is not trusted again: what is known to be on the disk is copied to a new
//! file, the lines since then are written anew from memory, and the new file is renamed over the old.

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::broadcast;

use super::{
    super::{
        EVENTS, StoreError,
        fs::{Fs, FsFile, Identity, write_all, write_from},
        lines::MAX_LINE,
        replace::temporary,
    },
    queue::{Order, Queue},
};
use crate::protocol::{Pos, Published, Recorded};

/// How long a written line may wait to be put on the disk.
const GROUP: Duration = Duration::from_millis(200);
/// Bytes that are copied at once.
const COPY: usize = 1024 * 1024;

pub(super) struct Writer {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    path: PathBuf,
    file: Box<dyn FsFile>,
    /// The folder, to see when it is gone or another one has its name.
    home: Identity,
    /// After the last whole line.
    end: u64,
    /// Bytes of the next line that are in the file already.
    partial: usize,
    /// Up to here the file is on the disk.
    synced: u64,
    /// Lines from there on.
    unsynced: VecDeque<Arc<Recorded>>,
    /// When `unsynced` has to be put on the disk.
    due: Option<Instant>,
    /// The file is not trusted any more.
    lost: bool,
    events: broadcast::Sender<Published>,
}

impl Writer {
    pub(super) fn new(
        fs: Arc<dyn Fs>,
        dir: &Path,
        file: Box<dyn FsFile>,
        end: u64,
        events: broadcast::Sender<Published>,
    ) -> Result<Self, StoreError> {
        let home = fs.identity(dir).map_err(StoreError::io("open", dir))?;
        Ok(Self {
            fs,
            dir: dir.to_owned(),
            path: dir.join(EVENTS),
            file,
            home,
            end,
            partial: 0,
            synced: end,
            unsynced: VecDeque::new(),
            due: None,
            lost: false,
            events,
        })
    }

    /// Performs orders until the queue is closed.
    pub(super) fn run(mut self, queue: &Queue) -> Result<(), StoreError> {
        loop {
            let done = match queue.next(self.due) {
                Order::Write(line) => self.write(&line, queue),
                Order::Sync => self.sync(queue),
                Order::Retry => self.retry(queue),
                Order::Close => return self.close(queue).map_err(|error| self.failed(&error)),
            };
            if let Err(error) = done {
                queue.fail(self.failed(&error).to_string());
            }
        }
    }

    fn failed(&self, error: &io::Error) -> StoreError {
        StoreError::Failed { message: format!("'{}' cannot be written: {error}", self.path.display()) }
    }

    fn write(&mut self, recorded: &Arc<Recorded>, queue: &Queue) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(recorded.line.len() + 1);
        bytes.extend_from_slice(recorded.line.as_bytes());
        bytes.push(b'\n');
        if bytes.len() > MAX_LINE {
            tracing::error!(seq = recorded.event.seq, "a line is too long to be read again");
        }
        let written = write_from(self.file.as_mut(), &bytes, &mut self.partial);
        if let Err(error) = written {
            // A full disk takes the rest of the line later; any other error makes the file doubtful.
            self.lost |= !is_full(&error);
            return Err(error);
        }
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let pos = Pos { seq: recorded.event.seq, offset: self.end, len };
        self.partial = 0;
        self.end += bytes.len() as u64;
        self.unsynced.push_back(Arc::clone(recorded));
        self.due.get_or_insert_with(|| Instant::now() + GROUP);
        queue.wrote();
        let _ = self.events.send(Published { pos, recorded: Arc::clone(recorded) });
        Ok(())
    }

    fn sync(&mut self, queue: &Queue) -> io::Result<()> {
        if !self.unsynced.is_empty() {
            self.check_home()?;
            self.check_file()?;
            if let Err(error) = self.file.sync() {
                self.lost = true;
                return Err(error);
            }
            self.all_synced();
        }
        queue.synced();
        Ok(())
    }

    fn all_synced(&mut self) {
        self.synced = self.end;
        self.unsynced.clear();
        self.due = None;
    }

    /// Mends the file, writes all that waits and puts it on the disk; only then all is well.
    fn retry(&mut self, queue: &Queue) -> io::Result<()> {
        self.mend()?;
        while let Some(line) = queue.front() {
            self.write(&line, queue)?;
        }
        self.sync(queue)?;
        queue.restore();
        Ok(())
    }

    fn close(&mut self, queue: &Queue) -> io::Result<()> {
        if self.lost || queue.front().is_some() { self.retry(queue) } else { self.sync(queue) }
    }

    /// The folder must be the one in which we began: nothing is ever written elsewhere.
    fn check_home(&self) -> io::Result<()> {
        if self.fs.identity(&self.dir)? == self.home {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::NotFound, "its folder was moved or replaced"))
    }

    /// The file under our name must be the one that we write; a missing one can be made anew.
    fn check_file(&mut self) -> io::Result<()> {
        match self.fs.identity(&self.path) {
            Ok(found) if found == self.file.identity()? => Ok(()),
            Ok(_) => Err(io::Error::new(io::ErrorKind::AlreadyExists, "another file has taken its place")),
            Err(error) => {
                self.lost |= error.kind() == io::ErrorKind::NotFound;
                Err(error)
            }
        }
    }

    fn mend(&mut self) -> io::Result<()> {
        self.check_home()?;
        match self.check_file() {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if self.lost { self.rebuild() } else { Ok(()) }
    }

    fn rebuild(&mut self) -> io::Result<()> {
        let path = temporary(&self.path)?;
        let placed = self.copy_to(&path).and_then(|file| {
            self.fs.rename(&path, &self.path)?;
            Ok(file)
        });
        match placed {
            Ok(file) => self.file = file,
            Err(error) => {
                let _ = self.fs.remove(&path);
                return Err(error);
            }
        }
        self.partial = 0;
        self.fs.sync_dir(&self.dir)?;
        self.lost = false;
        self.all_synced();
        Ok(())
    }

    fn copy_to(&self, path: &Path) -> io::Result<Box<dyn FsFile>> {
        let mut file = self.fs.create(path)?;
        let mut buf = vec![0; COPY];
        let mut at = 0;
        while at < self.synced {
            let left = usize::try_from(self.synced - at).unwrap_or(COPY).min(COPY);
            let count = match self.file.read_at(buf.get_mut(..left).unwrap_or_default(), at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            write_all(file.as_mut(), buf.get(..count).unwrap_or_default())?;
            at += count as u64;
        }
        for line in &self.unsynced {
            write_all(file.as_mut(), line.line.as_bytes())?;
            write_all(file.as_mut(), b"\n")?;
        }
        file.sync()?;
        Ok(file)
    }
}

fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}
