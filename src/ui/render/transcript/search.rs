//! Searching the whole transcript: the state on the screen's side. The file is scanned by a thread ([`scan`]); its
//! finds are taken before a frame.

mod find;
mod scan;

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::{Spot, Transcript};
use crate::{fold::view::Row, protocol::Event, ui::render::items};
pub use scan::Needle;

/// Finds that are kept; the count then says `+`.
const HITS_MAX: usize = 100_000;
/// Finds within one row.
const HITS_PER_ROW: usize = u16::MAX as usize;

/// How far a search is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchStatus {
    pub query: String,
    /// From 1; 0: none is shown.
    pub current: usize,
    pub total: usize,
    /// The file is still being read.
    pub running: bool,
    /// There are more than are counted.
    pub capped: bool,
}

impl SearchStatus {
    /// `3/41`, with `…` while it runs.
    pub fn count(&self) -> String {
        let more = if self.capped { "+" } else { "" };
        let running = if self.running { "…" } else { "" };
        format!("{}/{}{more}{running}", self.current, self.total)
    }
}

/// What the thread has found: offset of the line, part, finds in it.
#[derive(Debug, Default)]
pub(super) struct Found {
    hits: Vec<(u64, u8, u16)>,
    done: bool,
    capped: bool,
}

/// A search.
#[derive(Debug)]
pub(super) struct Search {
    needle: Needle,
    found: Arc<Mutex<Found>>,
    cancel: Arc<AtomicBool>,
    /// Row, and which of the finds in it.
    hits: Vec<(u32, u16)>,
    taken: usize,
    current: Option<usize>,
    /// The view before, to which Esc goes back.
    before: (Spot, usize, bool),
    done: bool,
    capped: bool,
}

impl Drop for Search {
    fn drop(&mut self) {
        self.cancel.store(true, Ordering::Relaxed);
    }
}

impl Search {
    pub(super) fn needle(&self) -> &Needle {
        &self.needle
    }

    /// Looks into an event that came after the search began.
    pub(super) fn add_new(&mut self, event: &Event, rows: &[Row], first: usize) {
        for (at, row) in rows.iter().enumerate() {
            let count = self.needle.ranges(&items::text(event, row.part)).take(HITS_PER_ROW).count();
            self.hits.extend((0..count).map(|nth| ((first + at) as u32, nth as u16)));
        }
    }
}

impl Transcript {
    /// Searches for a text (smart case), beginning at the present place. An empty query ends the search. `wake` is
    /// called from another thread when something was found; draw then.
    pub fn search(&mut self, query: &str, wake: impl Fn() + Send + 'static) {
        let before = match self.search.take() {
            Some(search) => search.before,
            None => (self.place.top, self.place.cursor, self.place.follow),
        };
        if query.is_empty() {
            return self.restore(before);
        }
        let needle = Needle::new(query);
        let (found, cancel) = (Arc::<Mutex<Found>>::default(), Arc::<AtomicBool>::default());
        let end = self.view.rows.last().map_or(0, |row| row.offset + u64::from(row.len));
        let job = scan::Job {
            path: self.journal.path().to_owned(),
            end,
            needle: needle.clone(),
            whose: self.view.whose,
            found: found.clone(),
            cancel: cancel.clone(),
        };
        let started = scan::start(job, wake);
        self.search = Some(Search {
            needle,
            found,
            cancel,
            hits: Vec::new(),
            taken: 0,
            current: None,
            before,
            done: !started,
            capped: false,
        });
    }

    /// To the next find, and after the last to the first.
    pub fn search_next(&mut self) -> bool {
        self.search_step(1)
    }

    /// To the find before.
    pub fn search_prev(&mut self) -> bool {
        self.search_step(-1)
    }

    /// Ends the search; `restore`: back to where the view was.
    pub fn search_end(&mut self, restore: bool) -> bool {
        let Some(search) = self.search.take() else { return false };
        if restore {
            self.restore(search.before);
        }
        true
    }

    /// How far the search is.
    pub fn search_status(&self) -> Option<SearchStatus> {
        let search = self.search.as_ref()?;
        Some(SearchStatus {
            query: search.needle.query().to_owned(),
            current: search.current.map_or(0, |at| at + 1),
            total: search.hits.len(),
            running: !search.done,
            capped: search.capped,
        })
    }

    /// Takes what the thread has found and shows the first find from the present place on. True: something is new.
    pub fn poll_search(&mut self) -> bool {
        let Some(search) = &mut self.search else { return false };
        if search.done && search.current.is_some() {
            return false;
        }
        let found = search.found.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hits = std::mem::take(&mut search.hits);
        for (offset, part, count) in &found.hits[search.taken..] {
            let first = self.view.rows.partition_point(|row| (row.offset, row.part) < (*offset, *part));
            let is_it =
                self.view.rows.get(first).is_some_and(|row| (row.offset, row.part) == (*offset, *part));
            if is_it && hits.len() < HITS_MAX {
                hits.extend((0..*count).map(|nth| (first as u32, nth)));
            }
        }
        let news = found.hits.len() > search.taken || found.done != search.done;
        search.taken = found.hits.len();
        search.done = found.done;
        search.capped = found.capped || hits.len() >= HITS_MAX;
        drop(found);
        search.hits = hits;
        if search.current.is_none() && news {
            let from = search.before.0.row as u32;
            let next = search.hits.iter().position(|(row, _)| *row >= from);
            let wrapped = (search.done && !search.hits.is_empty()).then_some(0);
            if let Some(at) = next.or(wrapped) {
                self.show_hit(at);
            }
        }
        news
    }

    fn search_step(&mut self, by: isize) -> bool {
        self.poll_search();
        let Some(search) = &self.search else { return false };
        let count = search.hits.len() as isize;
        if count == 0 {
            return false;
        }
        let at = search
            .current
            .map_or(if by > 0 { 0 } else { count - 1 }, |at| (at as isize + by).rem_euclid(count));
        self.show_hit(at as usize);
        true
    }

    /// Shows one find in the upper third, opening its item where it is folded away.
    fn show_hit(&mut self, at: usize) {
        let Some(search) = &mut self.search else { return };
        let Some((row, nth)) = search.hits.get(at).copied() else { return };
        search.current = Some(at);
        let (row, needle) = (row as usize, search.needle.clone());
        let mut line = self.hit_line(row, usize::from(nth), &needle);
        if (line.is_none() || self.heights.get(row) == 0) && !self.open.contains(&(row as u32)) {
            self.place.cursor = row;
            self.toggle_item();
            line = self.hit_line(row, usize::from(nth), &needle);
        }
        self.stop_following();
        let spot = Spot { row, line: line.unwrap_or(0) };
        let above = isize::from(self.look.height as i16 / 3);
        let top = self.moved(spot, -above);
        let bottom = self.bottom();
        self.place.top = top.min(bottom);
        self.place.cursor = row;
    }

    /// The line of a row that holds its nth find, or the last one there is.
    fn hit_line(&mut self, row: usize, nth: usize, needle: &Needle) -> Option<usize> {
        let laid = self.laid(row);
        let lines = laid.rows.iter().enumerate();
        let finds = lines.flat_map(|(line, strip)| needle.ranges(strip.text()).map(move |_| line));
        finds.take(nth + 1).last()
    }

    fn restore(&mut self, (top, cursor, follow): (Spot, usize, bool)) {
        self.place.top = top;
        self.place.cursor = cursor;
        self.place.follow = follow;
    }
}
