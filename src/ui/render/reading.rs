//! What every text can do that scrolls and is searched: transcripts, plain lines, diffs, the ledger. Keys, the wheel
//! and search lines are written once, against this.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{
    Scroll, Transcript,
    transcript::{Needle, SearchStatus},
};

/// A text that scrolls and is searched.
pub trait Reading {
    /// Moves the view, or the row that is acted upon.
    fn scroll(&mut self, to: Scroll);

    /// Moves what is cut at the right into view. False: nothing is cut there.
    fn sideways(&mut self, _by: isize) -> bool {
        false
    }

    /// Looks for a text (smart case) from the present place on; an empty one ends the search and goes back. `wake` is
    /// told when something is found later.
    fn search(&mut self, query: &str, wake: &Arc<Notify>);

    /// To the next find or the one before, around the end.
    fn next_find(&mut self, forward: bool);

    /// Ends the search; `back`: to where it began. False: there was none.
    fn search_end(&mut self, back: bool) -> bool;

    /// What is searched, and how many finds there are. `None`: nothing is searched.
    fn finds(&self) -> Option<SearchStatus>;
}

impl Reading for Transcript {
    fn scroll(&mut self, to: Scroll) {
        Self::scroll(self, to);
    }

    fn search(&mut self, query: &str, wake: &Arc<Notify>) {
        let wake = wake.clone();
        Self::search(self, query, move || wake.notify_one());
    }

    fn next_find(&mut self, forward: bool) {
        if forward {
            self.search_next()
        } else {
            self.search_prev()
        };
    }

    fn search_end(&mut self, back: bool) -> bool {
        Self::search_end(self, back)
    }

    fn finds(&self) -> Option<SearchStatus> {
        self.search_status()
    }
}

/// A search within a text that lies in memory: the places of its finds, in order, and where the view was before.
#[derive(Clone, Debug)]
pub struct Finds<P, B> {
    pub needle: Needle,
    pub places: Vec<P>,
    pub before: B,
}

impl<P: Copy + Ord, B> Finds<P, B> {
    /// A search without finds yet.
    pub fn new(query: &str, before: B) -> Self {
        Self { needle: Needle::new(query), places: Vec::new(), before }
    }

    /// The first find at or behind a place, else the first of all.
    pub fn from(&self, here: P) -> Option<P> {
        self.places.iter().find(|at| **at >= here).or_else(|| self.places.first()).copied()
    }

    /// The next find or the one before, around the end.
    pub fn next(&self, here: P, forward: bool) -> Option<P> {
        let found = if forward {
            self.places.iter().find(|at| **at > here).or_else(|| self.places.first())
        } else {
            self.places.iter().rev().find(|at| **at < here).or_else(|| self.places.last())
        };
        found.copied()
    }

    /// The count, seen from a place.
    pub fn status(&self, here: P) -> SearchStatus {
        SearchStatus {
            query: self.needle.query().to_owned(),
            current: self.places.iter().position(|at| *at == here).map_or(0, |at| at + 1),
            total: self.places.len(),
            running: false,
            capped: false,
        }
    }
}
