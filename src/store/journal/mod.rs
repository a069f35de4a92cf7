//! The journal of one instance for its owner: events go in, in order; a thread of its own writes them, puts them on
//! the disk and publishes them. Reading is [`super::Reader`]'s.
//!
//! A line is one write at the end of the file. What was appended is put on the disk at the latest 200 ms later, or at
//! once for [`Journal::sync`]. While the disk refuses, nothing is dropped and nothing spins: lines wait in memory
//! until [`Journal::retry`].

mod open;
mod queue;
mod writer;

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;

use std::{path::Path, sync::Arc, thread};

use tokio::sync::{broadcast, watch};

pub use open::Opened;
use queue::Queue;
use writer::Writer;

use super::{
    StoreError,
    fs::{Disk, Fs},
};
use crate::protocol::{Event, Pos, Published, Recorded};

/// Events that a slow client may be behind before it has to read the file.
const BROADCAST: usize = 1024;

/// How the journal fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Why nothing can be written at present, in one sentence; `None`: all is well.
    pub failed: Option<String>,
}

/// The journal, held by the instance's owner. Dropping it closes it.
#[derive(Debug)]
pub struct Journal {
    queue: Arc<Queue>,
    events: broadcast::Sender<Published>,
    /// Ends when the queue is closed; `None`: it has been joined.
    thread: Option<thread::JoinHandle<Result<(), StoreError>>>,
}

impl Journal {
    /// Opens the journal in an instance's folder (a missing one is made) and replays its good lines. The caller holds
    /// the folder's [`super::Lock`].
    ///
    /// An unfinished or damaged last line is moved to `events.jsonl.torn`; damaged lines before it stay, are skipped
    /// and counted. Errors: [`StoreError::Newer`], [`StoreError::Foreign`], and [`StoreError::Io`].
    pub fn open(dir: &Path, each: &mut dyn FnMut(Pos, &Event)) -> Result<(Self, Opened), StoreError> {
        Self::open_on(Arc::new(Disk), dir, each)
    }

    /// The same on a given file system.
    pub fn open_on(
        fs: Arc<dyn Fs>,
        dir: &Path,
        each: &mut dyn FnMut(Pos, &Event),
    ) -> Result<(Self, Opened), StoreError> {
        super::replace::sweep(dir);
        let (file, opened) = open::recover(fs.as_ref(), dir, each)?;
        let queue = Arc::new(Queue::default());
        let (events, _) = broadcast::channel(BROADCAST);
        let writer = Writer::new(fs, dir, file, opened.end, events.clone())?;
        let orders = Arc::clone(&queue);
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(&orders))
            .map_err(StoreError::io("start the writer of", dir))?;
        Ok((Self { queue, events, thread: Some(thread) }, opened))
    }

    /// Hands an event to the writer. Waits only while 4096 lines are pending on a healthy disk (or, on a failed one,
    /// lines of more than 256 MB). After `close` it does nothing.
    pub fn append(&self, recorded: Arc<Recorded>) {
        self.queue.append(recorded);
    }

    /// Resolves when everything that was appended before the call is on the disk. Fails, instead of waiting, while
    /// the disk refuses.
    pub fn sync(&self) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        let written = self.queue.sync();
        async move { written.await.unwrap_or(Err(StoreError::Closed)) }
    }

    /// Where events are published as soon as they are in the file.
    pub fn events(&self) -> broadcast::Sender<Published> {
        self.events.clone()
    }

    /// Whether it can be written.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.queue.health()
    }

    /// Tries again after a failure: what waits is written, after an error of the disk to a copied file.
    pub fn retry(&self) {
        self.queue.retry();
    }

    /// Writes what waits, puts it on the disk and ends the writer. After a failure it tries once more.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), StoreError> {
        self.queue.close();
        let Some(thread) = self.thread.take() else { return Ok(()) };
        let died = |_| Err(StoreError::Failed { message: "the writer of the journal has died".to_owned() });
        thread.join().unwrap_or_else(died)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!(%error, "the journal was not written to its end");
        }
    }
}
