//! Drawing the visible lines, and keeping the place when the size changes.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{Spot, Transcript, brush};
use crate::{
    text::width,
    ui::{
        render::Strip,
        theme::{Role, Theme},
    },
};

impl Transcript {
    /// A new size. The same text stays at the top; nothing but visible rows is laid out anew.
    pub fn resize(&mut self, width: u16, height: u16) {
        let (width, height) = (width.max(1), height.max(1));
        if width != self.look.width && !self.place.follow && self.place.top.row < self.view.rows.len() {
            self.keep_text(width);
        }
        (self.look.width, self.look.height) = (width, height);
    }

    /// Draws the visible part.
    pub fn render(&mut self, area: Rect, buf: &mut Buffer, theme: &Theme, focused: bool) {
        if area.is_empty() {
            return;
        }
        if theme.stamp() != self.look.theme.stamp() {
            self.look.theme = theme.clone();
            self.cache.clear();
        }
        if self.code.version() != self.look.version {
            self.look.version = self.code.version();
            self.cache.forget_pending();
        }
        self.resize(area.width, area.height);
        self.lay_streams();
        self.settle_top();
        let first = self.place.top.row;
        let mut spot = self.place.top;
        let mut last = first;
        for y in area.y..area.bottom() {
            let Some(drawn) = self.draw_line(spot, Rect { y, height: 1, ..area }, buf, focused) else {
                break;
            };
            last = spot.row;
            match drawn {
                Some(next) => spot = next,
                None => break,
            }
        }
        self.place.drawn = first..last + 1;
    }

    /// Streams are laid out only here: what is hidden is not. A line that was dropped at the front of a stream moves
    /// the place with it.
    fn lay_streams(&mut self) {
        let dropped = self.streams.lay(&brush(&self.look, &self.code));
        for (stream, lines) in dropped {
            if self.place.top.row == self.view.rows.len() + stream {
                self.place.top.line = self.place.top.line.saturating_sub(lines);
            }
        }
    }

    /// The first visible line: the bottom while following, else what it was, within what there is.
    fn settle_top(&mut self) {
        if self.place.follow {
            self.place.top = self.bottom();
            return;
        }
        let last = self.rows().saturating_sub(1);
        let top = self.place.top;
        if top.row > last || (top.row < self.heights.len() && self.heights.get(top.row) == 0) {
            self.place.top = Spot { row: self.heights.near(top.row.min(last)).unwrap_or(0), line: 0 };
        }
        if self.rows() > 0 {
            let height = self.height_of(self.place.top.row);
            self.place.top.line = self.place.top.line.min(height.saturating_sub(1));
        }
        // The end may have moved up: a fold, a wider window.
        let bottom = self.bottom();
        self.place.top = self.place.top.min(bottom);
    }

    /// Draws one line. `None`: there is none; else the next spot.
    fn draw_line(&mut self, spot: Spot, area: Rect, buf: &mut Buffer, focused: bool) -> Option<Option<Spot>> {
        let selected = self.is_selected(spot);
        let cursor = focused && spot.line == 0 && spot.row == self.place.cursor && self.selection.is_none();
        let (height, found) = match spot.row.checked_sub(self.view.rows.len()) {
            Some(stream) => {
                let stream = self.streams.list.get(stream)?;
                let strip = stream.row(spot.line)?;
                strip.draw(buf, area.x, area.y, area.width);
                (stream.len(), self.matches(strip))
            }
            None => {
                let laid = self.laid(spot.row);
                let strip = laid.rows.get(spot.line)?;
                strip.draw(buf, area.x, area.y, area.width);
                (laid.rows.len(), self.matches(strip))
            }
        };
        let theme = &self.look.theme;
        for (from, to) in found {
            let (from, to) = (from.min(area.width), to.min(area.width));
            buf.set_style(Rect { x: area.x + from, width: to - from, ..area }, theme.style(Role::Match));
        }
        if selected {
            buf.set_style(area, theme.style(Role::Selected));
        }
        if cursor {
            let mark = Rect { width: 1, ..area };
            buf.set_style(mark, Style::default().add_modifier(Modifier::REVERSED));
        }
        let next = if spot.line + 1 < height {
            Some(Spot { line: spot.line + 1, ..spot })
        } else {
            self.next(spot.row).map(|row| Spot { row, line: 0 })
        };
        Some(next)
    }

    /// The cells of a line that the search has found.
    fn matches(&self, strip: &Strip) -> Vec<(u16, u16)> {
        let Some(search) = &self.search else { return Vec::new() };
        let cells = |at: usize| u16::try_from(width::of(&strip.text()[..at])).unwrap_or(u16::MAX);
        search.needle().ranges(strip.text()).map(|range| (cells(range.start), cells(range.end))).collect()
    }

    /// Moves the top to the line that holds the same text at another width: letters and digits are counted, since
    /// wrapping changes none of them. Several changes of the width in a row go back to the same text, not to the
    /// beginning of the line that each of them ended in.
    fn keep_text(&mut self, width: u16) {
        let top = self.place.top;
        if top.line == 0 && self.place.anchor.is_none_or(|(spot, _)| spot != top) {
            return;
        }
        let letters = |strip: &Strip| strip.text().chars().filter(|ch| ch.is_alphanumeric()).count();
        let before = match self.place.anchor {
            Some((spot, before)) if spot == top => before,
            _ => self.laid(top.row).rows.iter().take(top.line).map(letters).sum(),
        };
        let new = self.laid_at(top.row, width);
        let mut seen = 0;
        let holds = |strip: &Strip| {
            seen += letters(strip);
            seen > before
        };
        self.place.top.line = new.rows.iter().position(holds).unwrap_or(new.rows.len().saturating_sub(1));
        self.place.anchor = Some((self.place.top, before));
    }
}
