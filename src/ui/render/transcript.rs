//! A transcript: everything that the orchestrator (or one session) said and did, as a virtual list over the journal.
//! Rows are places in the file; only what is visible is read, parsed and laid out, so a million lines cost what a
//! thousand do. The place of the view is a row and a line in it: corrections, resizes and new text never move it.
//!
//! It does no drawing of borders or titles and knows no keys. Reading the file happens on the caller's thread (a few
//! visible lines); searching has a thread of its own.

mod cache;
mod draw;
pub mod export;
mod heights;
mod journal;
pub mod markdown;
mod scroll;
mod search;
mod select;
mod streams;

pub use export::Exporter;
pub use scroll::Scroll;
pub use search::{Needle, SearchStatus};

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use super::{Brush, Highlighter, items};
use crate::{
    agent::link::Tails,
    fold::view::{Kind, View, Whose},
    protocol::{Event, Pos, Published, SessionId},
    ui::theme::{Background, Theme},
};
use cache::{Cache, Laid};
use heights::Heights;
use journal::Journal;

/// Whose transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The instance's folder.
    pub dir: PathBuf,
    /// `None`: the orchestrator.
    pub session: Option<SessionId>,
}

/// Which rows are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    #[default]
    All,
    /// What was said, by whom so ever.
    Messages,
    /// Calls, commands, changes.
    Work,
    /// Nudges, guards, problems, the inbox.
    Attention,
}

/// A line: a row, and one of its lines. Rows beyond the last event are streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    row: usize,
    line: usize,
}

/// Where the view is.
#[derive(Clone, Debug, Default)]
struct Place {
    /// The first visible line.
    top: Spot,
    /// Where the last change of the width put the top, and the letters before its text.
    anchor: Option<(Spot, usize)>,
    follow: bool,
    /// The row that is acted upon.
    cursor: usize,
    /// Rows that were there when following ended.
    seen: usize,
    /// Rows that were drawn last.
    drawn: std::ops::Range<usize>,
}

/// How it is laid out.
#[derive(Clone, Debug)]
struct Look {
    width: u16,
    height: u16,
    wrap: bool,
    ascii: bool,
    filter: Filter,
    theme: Theme,
    /// Of the highlighter.
    version: u64,
}

/// What work was done: the same for a thousand and for a million rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Rows that were laid out.
    pub laid: u64,
    /// Bytes that were read from the journal.
    pub bytes_read: u64,
}

/// The transcript.
pub struct Transcript {
    source: Source,
    journal: Journal,
    view: View,
    heights: Heights,
    cache: Cache,
    streams: streams::Streams,
    place: Place,
    look: Look,
    open: HashSet<u32>,
    search: Option<search::Search>,
    selection: Option<select::Selection>,
    code: Highlighter,
}

impl Transcript {
    /// An empty transcript; [`Transcript::push`] or [`Transcript::seed`] fills it.
    pub fn new(source: Source) -> Self {
        let whose = source.session.map_or(Whose::Orchestrator, Whose::Session);
        let look = Look {
            width: 80,
            height: 24,
            wrap: true,
            ascii: false,
            filter: Filter::All,
            theme: Theme::none(Background::Any),
            version: 0,
        };
        Self {
            journal: Journal::new(&source.dir),
            source,
            view: View::new(whose),
            heights: Heights::default(),
            cache: Cache::default(),
            streams: streams::Streams::default(),
            place: Place { follow: true, ..Place::default() },
            look,
            open: HashSet::new(),
            search: None,
            selection: None,
            code: Highlighter::default(),
        }
    }

    /// With a highlighter that other transcripts share.
    pub fn with_highlighter(mut self, code: Highlighter) -> Self {
        self.code = code;
        self
    }

    /// Only ASCII signs.
    pub fn with_ascii(mut self, ascii: bool) -> Self {
        self.look.ascii = ascii;
        self.cache.clear();
        self
    }

    /// Takes the rows of this owner out of a view of the whole journal.
    pub fn seed(&mut self, all: &View) {
        self.view = all.part(self.view.whose);
        self.rebuild();
        self.cache.clear();
        self.place.seen = self.view.rows.len();
        self.place.cursor = self.heights.near(self.view.rows.len().saturating_sub(1)).unwrap_or(0);
    }

    /// Whose transcript it is.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The rows and counters.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Follows one event. True: something that is visible (or the count of what is new) has changed.
    pub fn push(&mut self, published: &Published) -> bool {
        self.push_event(&published.pos, &published.recorded.event)
    }

    /// The same for an event that was read from the file.
    pub fn push_event(&mut self, pos: &Pos, event: &Event) -> bool {
        let change = self.view.apply(pos, event);
        let was_last = self.heights.next(self.place.cursor).is_none();
        for row in self.heights.len()..self.view.rows.len() {
            self.heights.push(self.estimate(row));
        }
        let mut visible = change.added > 0;
        if let Some(row) = change.touched {
            self.cache.forget(row);
            visible |= self.place.drawn.contains(&row);
        }
        if change.added > 0 {
            if self.place.follow && was_last {
                self.place.cursor = self.heights.near(self.heights.len() - 1).unwrap_or(0);
            }
            if let Some(search) = &mut self.search {
                let first = self.view.rows.len() - change.added;
                search.add_new(event, &self.view.rows[first..], first);
            }
        }
        visible
    }

    /// Takes what is new in the live text. True: something is.
    pub fn tick_tails(&mut self, tails: &Tails) -> bool {
        self.streams.take(self.source.session, tails)
    }

    /// Rows that came below since following ended.
    pub fn new_below(&self) -> usize {
        if self.place.follow { 0 } else { self.view.rows.len() - self.place.seen.min(self.view.rows.len()) }
    }

    /// True while the newest text is shown as it comes.
    pub fn follow(&self) -> bool {
        self.place.follow
    }

    /// The work done so far.
    pub fn cost(&self) -> Cost {
        Cost { laid: self.cache.laid, bytes_read: self.journal.bytes_read }
    }

    /// Bytes of laid out rows in memory.
    pub fn cached_bytes(&self) -> usize {
        self.cache.bytes()
    }

    /// Wraps long lines or cuts them.
    pub fn toggle_wrap(&mut self) -> bool {
        self.look.wrap = !self.look.wrap;
        self.cache.clear();
        self.look.wrap
    }

    /// Shows only some kinds of rows, and steps.
    pub fn set_filter(&mut self, filter: Filter) {
        self.look.filter = filter;
        self.rebuild();
        let near = |row: usize| self.heights.near(row).unwrap_or(0);
        self.place.cursor = near(self.place.cursor);
        self.place.top = Spot { row: near(self.place.top.row), line: 0 };
    }

    /// The filter.
    pub fn filter(&self) -> Filter {
        self.look.filter
    }

    /// Opens or closes the item at the cursor. A call and its output open together.
    pub fn toggle_item(&mut self) -> bool {
        let row = self.place.cursor;
        if row >= self.view.rows.len() {
            return false;
        }
        let opened = !self.open.contains(&(row as u32));
        let call = self.view.outcome(row).or_else(|| self.view.call_of(row)).copied();
        let rows = call
            .map_or(vec![row as u32], |call| [Some(call.call), call.output].into_iter().flatten().collect());
        for row in rows {
            if opened {
                self.open.insert(row)
            } else {
                self.open.remove(&row)
            };
            self.cache.forget(row as usize);
            let height = self.estimate(row as usize);
            self.heights.set(row as usize, height);
        }
        self.place.cursor = self.heights.near(row).unwrap_or(row);
        if self.heights.get(self.place.top.row) == 0 && self.place.top.row < self.heights.len() {
            self.place.top = Spot { row: self.place.cursor, line: 0 };
        }
        let opened_row = Spot { row: self.place.cursor, line: 0 };
        if self.place.top.row == opened_row.row {
            self.place.top.line = self.place.top.line.min(self.height_of(opened_row.row).saturating_sub(1));
        }
        true
    }

    /// All rows: events, then streams.
    fn rows(&self) -> usize {
        self.view.rows.len() + self.streams.list.len()
    }

    /// Lines of a row, laid out if need be.
    fn height_of(&mut self, row: usize) -> usize {
        match row.checked_sub(self.view.rows.len()) {
            Some(stream) => self.streams.list.get(stream).map_or(0, streams::Stream::len),
            None => self.laid(row).rows.len(),
        }
    }

    /// A row of the journal, laid out at the present width.
    fn laid(&mut self, row: usize) -> Arc<Laid> {
        self.laid_at(row, self.look.width)
    }

    fn laid_at(&mut self, row: usize, width: u16) -> Arc<Laid> {
        if let Some(laid) = self.cache.get(row, width) {
            return laid;
        }
        let laid = Arc::new(self.lay(row, width));
        self.cache.laid += 1;
        if width == self.look.width && self.heights.get(row) > 0 {
            self.heights.set(row, u32::try_from(laid.rows.len()).unwrap_or(u32::MAX));
        }
        self.cache.insert(row, width, laid.clone());
        laid
    }

    fn lay(&mut self, row: usize, width: u16) -> Laid {
        let brush = Brush { width: usize::from(width), ..brush(&self.look, &self.code) };
        let Some(place) = self.view.rows.get(row) else { return Laid::default() };
        let event = match self.journal.get(self.view.shown(row).unwrap_or(place.pos())) {
            Ok(event) => event,
            Err(why) => return items::unreadable(&why, &brush).into(),
        };
        let outcome = self.view.outcome(row);
        let output = outcome.and_then(|call| call.output).and_then(|row| self.view.rows.get(row as usize));
        let output = output.and_then(|row| self.journal.get(row.pos()).ok());
        let shown = items::Shown {
            event: &event,
            row: place,
            open: self.open.contains(&(row as u32)),
            outcome,
            output: output.as_ref(),
            step: self.view.step_at(row),
            first: row == 0,
            newest: self.view.steps.last().is_some_and(|step| step.row as usize == row),
        };
        items::paint(&shown, &brush).into()
    }

    /// How high a row is, guessed from its length; 0: hidden.
    fn estimate(&self, row: usize) -> u32 {
        let Some(place) = self.view.rows.get(row) else { return 0 };
        let shown = match self.look.filter {
            Filter::All => true,
            _ if place.kind == Kind::Step => true,
            Filter::Messages => matches!(place.kind, Kind::Message | Kind::User | Kind::Nudge | Kind::Turn),
            Filter::Work => {
                matches!(
                    place.kind,
                    Kind::Call | Kind::Output | Kind::Answer | Kind::Shell | Kind::Edit | Kind::Plan
                )
            }
            Filter::Attention => matches!(
                place.kind,
                Kind::Nudge | Kind::Guard | Kind::Problem | Kind::Inbox | Kind::Run | Kind::TurnEnd
            ),
        };
        let open = self.open.contains(&(row as u32));
        if !shown || (place.kind == Kind::Answer && !open) {
            return 0;
        }
        let whole = (place.len.saturating_sub(250) / u32::from(self.look.width.max(20)) + 1).min(2_000);
        match place.kind {
            _ if open => whole,
            Kind::Message => whole,
            Kind::User | Kind::Turn => whole.min(6),
            Kind::Output => whole.min(5),
            Kind::Reasoning => whole.min(3),
            _ => 1,
        }
    }

    fn rebuild(&mut self) {
        self.heights = Heights::build((0..self.view.rows.len()).map(|row| self.estimate(row)));
    }
}

fn brush<'a>(look: &'a Look, code: &'a Highlighter) -> Brush<'a> {
    Brush { theme: &look.theme, width: usize::from(look.width), ascii: look.ascii, wrap: look.wrap, code }
}

#[cfg(test)]
#[path = "transcript_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "transcript_live_tests.rs"]
mod live_tests;
