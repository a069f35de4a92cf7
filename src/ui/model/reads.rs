//! The text that keys act on: of the focused pane, or of the tab of the session view.

use std::borrow::Cow;

use super::{RunModel, known, run::Tab};
use crate::ui::render::{
    Reading, Transcript,
    diff::DiffView,
    lines::{Lines, LinesView},
};

/// A text and what is special about it.
pub enum Text<'a> {
    Transcript(&'a mut Transcript),
    /// Raw lines, or what is known.
    Lines(Lines<'a>),
    Diff(&'a mut DiffView),
}

impl Text<'_> {
    /// Ends a selection of lines. False: there was none.
    pub fn clear_selection(&mut self) -> bool {
        match self {
            Self::Transcript(text) => text.clear_selection(),
            Self::Lines(_) | Self::Diff(_) => false,
        }
    }

    /// What all of them can do.
    pub fn reading(&mut self) -> &mut dyn Reading {
        match self {
            Self::Transcript(text) => *text,
            Self::Lines(text) => text,
            Self::Diff(text) => *text,
        }
    }
}

impl RunModel {
    /// The text that keys act on; none where a list is focused.
    pub fn reads(&mut self, in_session_view: bool) -> Option<Text<'_>> {
        match self.look.tab {
            Tab::Diff if in_session_view => Some(Text::Diff(&mut self.texts.diff)),
            Tab::Raw | Tab::Info if in_session_view => Some(Text::Lines(self.lines())),
            _ => self.text(in_session_view).map(Text::Transcript),
        }
    }

    /// The lines of the tab that is shown, with their view. Empty: it has none (yet).
    pub fn lines(&mut self) -> Lines<'_> {
        let session = self.look.selected.and_then(|id| self.folds.sessions.get(id));
        let lines = match (self.look.tab, &self.texts.read) {
            (Tab::Raw, Some((_, read))) => Cow::Borrowed(&read.lines[..]),
            (Tab::Info, _) => {
                Cow::Owned(session.map(|session| known::lines(session, self.can_steer())).unwrap_or_default())
            }
            _ => Cow::Borrowed(&[][..]),
        };
        Lines { view: &mut self.texts.lines, lines }
    }

    /// Another tab or session is shown: its lines begin at the top, a search of the one before is over.
    pub fn turn_page(&mut self) {
        self.look.search = None;
        self.texts.diff.search_end(false);
        let view: &mut LinesView = &mut self.texts.lines;
        view.reset(if self.look.tab == Tab::Info { known::LABEL } else { 0 });
    }
}
