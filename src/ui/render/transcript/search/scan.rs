//! The thread that reads the journal in slices. A line is looked into only where its bytes may hold the query (found by
//! [`super::find`]); whether the shown text does is decided by the same text that is copied. Ends at the end of the
//! file, at a bound, or when the search is dropped.

use std::{
    fs::File,
    ops::Range,
    os::unix::fs::FileExt,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{Found, HITS_MAX, HITS_PER_ROW, find::Finder};
use crate::{
    fold::view::Whose,
    protocol::{Body, Event, event::History},
    ui::render::items,
};

/// Bytes that are read at once.
const SLICE: usize = 4 << 20;
/// Bytes of one line; a longer one is not searched.
const LINE_MAX: usize = 64 << 20;

/// What is searched for. Smart case: a query without capitals fits in any case (ASCII letters).
#[derive(Clone, Debug)]
pub struct Needle {
    query: String,
    /// Finds the longest part of the query that stands in JSON as it is; `None`: no part does.
    bare: Option<Finder>,
    whole: Option<Finder>,
}

impl Needle {
    /// Looks for this text.
    pub fn new(query: &str) -> Self {
        let any_case = !query.chars().any(char::is_uppercase);
        let bare = query.split(|ch: char| !matches!(ch, ' '..='~') || matches!(ch, '"' | '\\'));
        let bare = bare.max_by_key(|part| part.len()).unwrap_or_default();
        let finder = |text: &str| Finder::new(text.as_bytes(), any_case);
        Self { query: query.to_owned(), bare: finder(bare), whole: finder(query) }
    }

    /// The text as it was typed.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Where the query stands in a text.
    pub fn ranges<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        let mut from = 0;
        std::iter::from_fn(move || {
            let at = self.whole.as_ref()?.find(text.as_bytes(), from)?;
            from = at + self.query.len();
            Some(at..from)
        })
    }

    /// It stands in a text.
    pub fn is_in(&self, text: &str) -> bool {
        self.ranges(text).next().is_some()
    }

    /// The first place at or after `from` where a line may hold the query.
    fn candidate(&self, bytes: &[u8], from: usize) -> Option<usize> {
        match &self.bare {
            Some(bare) => bare.find(bytes, from),
            None => (from < bytes.len()).then_some(from),
        }
    }
}

pub(super) struct Job {
    pub(super) path: PathBuf,
    /// Bytes of the file that belong to the search.
    pub(super) end: u64,
    pub(super) needle: Needle,
    pub(super) whose: Whose,
    pub(super) found: Arc<Mutex<Found>>,
    pub(super) cancel: Arc<AtomicBool>,
}

/// Starts the thread. False: it could not be.
pub(super) fn start(job: Job, wake: impl Fn() + Send + 'static) -> bool {
    let run = move || {
        job.scan(&wake);
        job.found.lock().unwrap_or_else(PoisonError::into_inner).done = true;
        wake();
    };
    std::thread::Builder::new().name("search".into()).spawn(run).is_ok()
}

impl Job {
    /// Reads to the end or to what ends it before; how many bytes it has read.
    fn scan(&self, wake: &impl Fn()) -> u64 {
        let Ok(file) = File::open(&self.path) else { return 0 };
        let (mut buffer, mut kept, mut offset) = (Vec::new(), 0, 0_u64);
        // `offset`: where the buffer begins in the file; its first `kept` bytes are an unfinished line.
        loop {
            let read_at = offset + kept as u64;
            let want = usize::try_from(self.end.saturating_sub(read_at)).unwrap_or(SLICE).min(SLICE);
            buffer.resize(kept + want, 0);
            if self.cancel.load(Ordering::Relaxed) {
                return read_at;
            }
            let Ok(count @ 1..) = file.read_at(&mut buffer[kept..], read_at) else { return read_at };
            buffer.truncate(kept + count);
            let lines_end = memchr::memrchr(b'\n', &buffer).map_or(0, |at| at + 1);
            if self.slice(&buffer[..lines_end], offset) > 0 {
                wake();
            }
            if self.found.lock().unwrap_or_else(PoisonError::into_inner).capped {
                return read_at + count as u64;
            }
            kept = buffer.len() - lines_end;
            if kept > LINE_MAX {
                kept = 0;
                offset += buffer.len() as u64;
            } else {
                buffer.copy_within(lines_end.., 0);
                offset += lines_end as u64;
            }
        }
    }

    /// Searches whole lines; how many of them hold the query.
    fn slice(&self, bytes: &[u8], offset: u64) -> usize {
        let (mut from, mut count) = (0, 0);
        while let Some(at) = self.needle.candidate(bytes, from) {
            if self.cancel.load(Ordering::Relaxed) {
                return count;
            }
            let start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |at| at + 1);
            let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |len| at + len);
            count += usize::from(self.line(&bytes[start..end], offset + start as u64));
            from = end + 1;
        }
        count
    }

    fn line(&self, line: &[u8], offset: u64) -> bool {
        let Some(event) = std::str::from_utf8(line).ok().and_then(|line| Event::from_line(line).ok()) else {
            return false;
        };
        let of_view = match self.whose {
            Whose::All => true,
            Whose::Orchestrator => !matches!(event.body, Body::Session(_)),
            // A nudge to a session has no session in its envelope.
            Whose::Session(id) => event.session_id == Some(id) || matches!(event.body, Body::Human(_)),
        };
        if !of_view {
            return false;
        }
        let parts = if matches!(event.body, Body::History(History::ItemAdded(_))) { u8::MAX } else { 0 };
        let mut hits = Vec::new();
        for part in 0..=parts {
            let text = items::text(&event, part);
            if text.is_empty() && part > 0 {
                break;
            }
            let count = self.needle.ranges(&text).take(HITS_PER_ROW).count();
            if count > 0 {
                hits.push((offset, part, count as u16));
            }
            let is_message = matches!(&event.body, Body::History(History::ItemAdded(added)) if added.item.get().contains("\"tool_calls\""));
            if !is_message {
                break;
            }
        }
        let found_here = !hits.is_empty();
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.hits.append(&mut hits);
        found.capped = found.hits.len() >= HITS_MAX;
        found_here
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
