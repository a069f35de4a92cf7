//! The thread that reads the journal in slices. A line is looked into only where its bytes may hold the query (found by
//! `memchr::memmem`); whether the shown text does is decided by the same text that is copied. Ends at the end of the file, at a
//! bound, or when the search is dropped.

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

use memchr::memmem::Finder;

use super::{Found, HITS_MAX, HITS_PER_ROW};
use crate::{
    fold::view::Whose,
    protocol::{Body, Event, event::History},
    ui::render::items,
};

/// Bytes that are read at once.
const SLICE: usize = 4 << 20;
/// Bytes of one line; a longer one is not searched.
const LINE_MAX: usize = 64 << 20;
/// Letters, rarest last: the rarest pair of a query is what is looked for where case does not matter.
const BY_FREQUENCY: &[u8] = b"etaoinsrhldcumfpgwybvkxjqz";

/// What is searched for. Smart case: a query without capitals fits in any case (ASCII letters).
#[derive(Clone, Debug)]
pub struct Needle {
    query: String,
    any_case: bool,
    /// The longest part of the query that stands in JSON as it is.
    bare: Vec<u8>,
    /// Where `bare` has what `finders` look for.
    rare: usize,
    /// One for each way in which it may be written: the whole of `bare`, or its rarest pair in each case.
    finders: Arc<[Finder<'static>]>,
}

/// Where lines of one slice may hold the query. Every finder reads the slice once.
struct Candidates<'a> {
    needle: &'a Needle,
    bytes: &'a [u8],
    /// The next place of each finder; none: it has none any more.
    next: Vec<Option<usize>>,
}

impl Needle {
    /// Looks for this text.
    pub fn new(query: &str) -> Self {
        let any_case = !query.chars().any(char::is_uppercase);
        let bare = query.split(|ch: char| !matches!(ch, ' '..='~') || matches!(ch, '"' | '\\'));
        let bare = bare.max_by_key(|part| part.len()).unwrap_or_default().as_bytes().to_vec();
        let (rare, finders) = if any_case { rarest(&bare) } else { (0, vec![bare.clone()]) };
        let finders = finders.iter().map(|text| Finder::new(text).into_owned()).collect();
        Self { query: query.to_owned(), any_case, bare, rare, finders }
    }

    /// The text as it was typed.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Where the query stands in a text.
    pub fn ranges<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        let (needle, bytes) = (self.query.as_bytes(), text.as_bytes());
        let mut from = 0;
        std::iter::from_fn(move || {
            let at = find(bytes, from, needle, self.any_case)?;
            from = at + needle.len();
            Some(at..from)
        })
    }

    /// It stands in a text.
    pub fn is_in(&self, text: &str) -> bool {
        self.ranges(text).next().is_some()
    }

    /// Where lines of these may hold the query.
    fn candidates<'a>(&'a self, bytes: &'a [u8]) -> Candidates<'a> {
        let next = self.finders.iter().map(|finder| finder.find(bytes)).collect();
        Candidates { needle: self, bytes, next }
    }
}

impl Candidates<'_> {
    /// The first place at or after `from`, which does not go back from call to call.
    fn from(&mut self, from: usize) -> Option<usize> {
        let (needle, bytes) = (self.needle, self.bytes);
        if needle.bare.is_empty() {
            return (from < bytes.len()).then_some(from);
        }
        let mut least = from + needle.rare;
        loop {
            for (finder, next) in needle.finders.iter().zip(&mut self.next) {
                if next.is_some_and(|at| at < least) {
                    *next = bytes.get(least..).and_then(|rest| finder.find(rest)).map(|at| least + at);
                }
            }
            let found = self.next.iter().flatten().min()?;
            let at = found - needle.rare;
            if fits(bytes, at, &needle.bare, needle.any_case) {
                return Some(at);
            }
            least = found + 1;
        }
    }
}

/// The rarest two neighbours of a text (or what it has of them), where they are, and all their ways of writing.
fn rarest(text: &[u8]) -> (usize, Vec<Vec<u8>>) {
    let rank = |b: &u8| {
        let known = BY_FREQUENCY.iter().position(|known| *known == b.to_ascii_lowercase());
        known.unwrap_or(if *b == b' ' { 0 } else { BY_FREQUENCY.len() })
    };
    let pairs = text.windows(2).enumerate();
    let rarest = pairs.max_by_key(|(_, pair)| pair.iter().map(rank).sum::<usize>());
    let (at, pair) = rarest.unwrap_or((0, text));
    let mut ways = vec![Vec::new()];
    for byte in pair {
        let mut cases = vec![byte.to_ascii_lowercase(), byte.to_ascii_uppercase()];
        cases.dedup();
        let longer =
            |way: &Vec<u8>| cases.iter().map(|case| [way, &[*case][..]].concat()).collect::<Vec<_>>();
        ways = ways.iter().flat_map(longer).collect();
    }
    (at, ways)
}

/// The needle stands at this place.
fn fits(bytes: &[u8], at: usize, needle: &[u8], any_case: bool) -> bool {
    let part = bytes.get(at..at + needle.len());
    part.is_some_and(|part| if any_case { part.eq_ignore_ascii_case(needle) } else { part == needle })
}

/// The first place at or after `from` of a needle.
fn find(bytes: &[u8], from: usize, needle: &[u8], any_case: bool) -> Option<usize> {
    let (byte, rest) = (*needle.first()?, bytes.get(from..)?);
    let (lower, upper) = (byte.to_ascii_lowercase(), byte.to_ascii_uppercase());
    if any_case {
        let mut both = memchr::memchr2_iter(lower, upper, rest).map(|at| from + at);
        both.find(|at| fits(bytes, *at, needle, true))
    } else {
        memchr::memmem::find(rest, needle).map(|at| from + at)
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
        let (mut from, mut count, mut candidates) = (0, 0, self.needle.candidates(bytes));
        while let Some(at) = candidates.from(from) {
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
