//! Following a journal without loss and without slowing its writer: the file up to now, then what is published (own
//! process) or what file events announce (another process). Who lags reads the file.

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{
    sync::broadcast::{self, error::RecvError},
    task::JoinHandle,
};

use super::{
    EVENTS,
    lines::{parse, pos, text},
    reader::{open, scan_lines},
    watch::{Change, Watch},
};
use crate::protocol::{Pos, Published, Recorded, event::LineError};

/// Lines and bytes that are read from the file at once.
const BATCH_LINES: usize = 512;
const BATCH_BYTES: u64 = 1024 * 1024;

/// A stream of the events of one journal, each once, in order.
#[derive(Debug)]
pub struct Feed {
    dir: PathBuf,
    /// After the last line that was taken from the file or the broadcast.
    offset: u64,
    ready: VecDeque<Published>,
    /// A read of the file that is under way; kept here so that a cancelled [`Feed::next`] loses nothing.
    reading: Option<JoinHandle<Batch>>,
    /// The file may hold lines that have not been taken.
    due: bool,
    source: Source,
    skipped: u64,
}

#[derive(Debug)]
enum Source {
    Live(broadcast::Receiver<Published>),
    /// `None`: not watched yet.
    Foreign(Option<Watch>),
    Ended,
}

#[derive(Debug, Default)]
struct Batch {
    lines: Vec<Published>,
    end: u64,
    skipped: u64,
}

impl Feed {
    /// Follows a journal of this process. `rx` must have been subscribed before the call; `from` is 0 or the end of
    /// a line. Ends after the journal was closed.
    pub fn live(dir: &Path, rx: broadcast::Receiver<Published>, from: u64) -> Self {
        Self::new(dir, from, Source::Live(rx))
    }

    /// Follows a journal that another process writes. Ends when its folder is gone
    /// and no process has a file in it open any more.
    pub fn foreign(dir: &Path, from: u64) -> Self {
        Self::new(dir, from, Source::Foreign(None))
    }

    fn new(dir: &Path, offset: u64, source: Source) -> Self {
        let dir = dir.to_owned();
        Self { dir, offset, ready: VecDeque::new(), reading: None, due: true, source, skipped: 0 }
    }

    /// Damaged lines that were passed over.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The offset after the newest event that [`Feed::next`] will give without reading on.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// True when everything that is in the file has been given: what comes next is new.
    pub fn caught_up(&self) -> bool {
        self.ready.is_empty() && !self.due && self.reading.is_none()
    }

    /// The next event; `None` at the end. Cancel-safe. Must be called within a tokio runtime.
    pub async fn next(&mut self) -> Option<Published> {
        loop {
            if let Some(published) = self.ready.pop_front() {
                return Some(published);
            }
            if self.due || self.reading.is_some() {
                self.watch();
                self.read().await;
                continue;
            }
            match &mut self.source {
                Source::Live(events) => match events.recv().await {
                    Ok(published) => {
                        if let Some(published) = self.take(published) {
                            return Some(published);
                        }
                    }
                    Err(RecvError::Lagged(_)) => self.due = true,
                    Err(RecvError::Closed) => (self.due, self.source) = (true, Source::Ended),
                },
                Source::Foreign(Some(watch)) => {
                    let change = watch.changed().await;
                    self.due = true;
                    if change == Change::Gone {
                        self.source = Source::Ended;
                    }
                }
                Source::Foreign(None) | Source::Ended => return None,
            }
        }
    }

    /// Watches before the file is read, so that no change falls between.
    fn watch(&mut self) {
        if let Source::Foreign(watch @ None) = &mut self.source {
            match Watch::new(&self.dir, Some(EVENTS)) {
                Ok(new) => *watch = Some(new),
                Err(error) => {
                    tracing::warn!(%error, "a journal cannot be followed");
                    self.source = Source::Ended;
                }
            }
        }
    }

    /// What was published, if it is the next one; after a gap the file is due.
    fn take(&mut self, published: Published) -> Option<Published> {
        match published.pos.offset.cmp(&self.offset) {
            std::cmp::Ordering::Less => None,
            std::cmp::Ordering::Equal => {
                self.offset += u64::from(published.pos.len);
                Some(published)
            }
            std::cmp::Ordering::Greater => {
                self.due = true;
                None
            }
        }
    }

    async fn read(&mut self) {
        let (path, from) = (self.dir.join(EVENTS), self.offset);
        let reading =
            self.reading.get_or_insert_with(|| tokio::task::spawn_blocking(move || read_batch(&path, from)));
        let batch = reading.await.unwrap_or_default();
        self.reading = None;
        // Short of a full batch the file has been read to its end.
        self.due = batch.lines.len() >= BATCH_LINES || batch.end.saturating_sub(self.offset) >= BATCH_BYTES;
        self.offset = self.offset.max(batch.end);
        self.skipped += batch.skipped;
        self.ready.extend(batch.lines);
    }
}

fn read_batch(path: &Path, from: u64) -> Batch {
    let mut batch = Batch { end: from, ..Batch::default() };
    let mut each = |offset: u64, len: u64, bytes: Option<&[u8]>| {
        batch.end = offset + len;
        match bytes.and_then(|bytes| published(offset, bytes).ok()) {
            Some(published) => batch.lines.push(published),
            None => batch.skipped += 1,
        }
        if batch.lines.len() >= BATCH_LINES || batch.end - from >= BATCH_BYTES {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let read = open(path).and_then(|file| scan_lines(&file, from, &mut each));
    if let Err(error) = read {
        tracing::debug!(%error, "a journal cannot be read at present");
    }
    batch
}

/// A line as it would have been published.
pub(super) fn published(offset: u64, bytes: &[u8]) -> Result<Published, LineError> {
    let event = parse(bytes)?;
    let line: Arc<str> = text(bytes)?.into();
    let pos: Pos = pos(event.seq, offset, bytes);
    let recorded = Arc::new(Recorded { event, line });
    Ok(Published { pos, recorded })
}
