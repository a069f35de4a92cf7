//! Plain lines that scroll, wrap and are searched: the raw lines of a session, what is known of it, and what most
//! overlays show. Only what is visible is wrapped. The view does not hold the lines: whoever shows it brings them.

use std::{borrow::Cow, sync::Arc};

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use tokio::sync::Notify;

use super::{Reading, Scroll, reading::Finds, transcript::SearchStatus};
use crate::{
    text::cut,
    ui::kit::{hanging, width},
};

/// Characters of a line that are laid out; the pager and the clipboard have the rest.
const SHOWN: usize = 16_000;

/// Styles of the view.
#[derive(Clone, Copy)]
pub struct Looks<'a> {
    /// Of a line, by its place and text.
    pub of: &'a dyn Fn(usize, &str) -> Style,
    pub selected: Style,
    pub found: Style,
}

/// A line, and a row in it.
type Place = (usize, usize);

/// How lines are looked at.
#[derive(Clone, Debug)]
pub struct LinesView {
    /// The line that is acted upon.
    cursor: usize,
    /// The first visible line, and its first visible row.
    top: Place,
    wrap: bool,
    /// Cells that are passed over where lines are cut.
    left: usize,
    /// Cells of the label that a line may begin with.
    label: usize,
    /// Nothing is acted upon: moves move the view.
    page: bool,
    find: Option<Finds<usize, (usize, Place)>>,
    /// Lines in which the search has looked.
    searched: usize,
    size: (usize, usize),
}

impl Default for LinesView {
    fn default() -> Self {
        Self {
            cursor: 0,
            top: (0, 0),
            wrap: true,
            left: 0,
            label: 0,
            page: false,
            find: None,
            searched: 0,
            size: (80, 20),
        }
    }
}

/// A view with its lines: what keys act on.
pub struct Lines<'a> {
    pub view: &'a mut LinesView,
    pub lines: Cow<'a, [String]>,
}

impl Reading for Lines<'_> {
    fn scroll(&mut self, to: Scroll) {
        self.view.scroll(&self.lines, to);
    }

    fn sideways(&mut self, by: isize) -> bool {
        if self.view.wrap {
            return false;
        }
        self.view.left = self.view.left.saturating_add_signed(by);
        true
    }

    fn search(&mut self, query: &str, _wake: &Arc<Notify>) {
        self.view.search(&self.lines, query);
    }

    fn next_find(&mut self, forward: bool) {
        self.view.next_find(&self.lines, forward);
    }

    fn search_end(&mut self, back: bool) -> bool {
        self.view.search_end(back)
    }

    fn finds(&self) -> Option<SearchStatus> {
        self.view.finds()
    }
}

impl LinesView {
    /// A view in which nothing is acted upon; `label`: cells of the label of a line, 0: none.
    pub fn page(label: usize) -> Self {
        Self { page: true, label, ..Self::default() }
    }

    /// Back to the first line, without a search; `label`: cells of the label of a line, 0: none.
    pub fn reset(&mut self, label: usize) {
        *self = Self { wrap: self.wrap, page: self.page, size: self.size, label, ..Self::default() };
    }

    /// The line that is acted upon.
    pub fn cursor(&self, lines: &[String]) -> usize {
        self.cursor.min(lines.len().saturating_sub(1))
    }

    /// Wraps long lines or cuts them. True: wraps.
    pub fn toggle_wrap(&mut self) -> bool {
        self.wrap = !self.wrap;
        (self.top.1, self.left) = (0, 0);
        self.wrap
    }

    /// Nothing is acted upon.
    pub fn is_page(&self) -> bool {
        self.page
    }

    /// The line that was shown last, of those that were found.
    pub fn at(&self) -> usize {
        self.cursor
    }

    /// Shows a line.
    pub fn show(&mut self, lines: &[String], at: usize) {
        self.go(lines, Some(at));
    }

    /// Rows that are shown at once.
    pub fn height(&self) -> usize {
        self.size.1
    }

    /// Moves the cursor; through a line that is higher than the view row by row. A page moves by rows.
    pub fn scroll(&mut self, lines: &[String], to: Scroll) {
        let height = self.size.1.max(1) as isize;
        match to {
            Scroll::Lines(by) => self.move_by(lines, by),
            Scroll::HalfPage(by) => self.move_by(lines, by * (height / 2).max(1)),
            Scroll::Page(by) => self.move_by(lines, by * height),
            Scroll::Top => (self.cursor, self.top) = (0, (0, 0)),
            Scroll::Bottom => {
                self.cursor = lines.len().saturating_sub(1);
                self.top = self.last_top(lines);
            }
            _ => {}
        }
    }

    /// Looks for a text; the cursor goes to the first line at or below it that has it. An empty one ends the search.
    pub fn search(&mut self, lines: &[String], query: &str) {
        let before = self.find.take().map_or((self.cursor, self.top), |find| find.before);
        (self.cursor, self.top) = before;
        if query.is_empty() {
            return;
        }
        self.find = Some(Finds::new(query, before));
        self.look_in(lines);
        let here = if self.page { self.top.0 } else { self.cursor };
        let found = self.find.as_ref().and_then(|find| find.from(here));
        self.go(lines, found);
    }

    /// To the next or the previous line that was found, around the end.
    pub fn next_find(&mut self, lines: &[String], forward: bool) {
        self.look_in(lines);
        let found = self.find.as_ref().and_then(|find| find.next(self.cursor, forward));
        self.go(lines, found);
    }

    /// Ends a search; `back`: to where it began. False: there was none.
    pub fn search_end(&mut self, back: bool) -> bool {
        let Some(find) = self.find.take() else { return false };
        if back {
            (self.cursor, self.top) = find.before;
        }
        true
    }

    /// What is searched, and how many lines have it.
    pub fn finds(&self) -> Option<SearchStatus> {
        self.find.as_ref().map(|find| find.status(self.cursor))
    }

    /// A click on a row of the view.
    pub fn click(&mut self, lines: &[String], row: usize) {
        let (mut line, mut left) = (self.top.0, row + self.top.1);
        while left >= self.rows_of(lines, line) && line + 1 < lines.len() {
            left -= self.rows_of(lines, line);
            line += 1;
        }
        self.cursor = line;
    }

    /// Draws what is visible.
    pub fn render(
        &mut self,
        lines: &[String],
        area: Rect,
        buf: &mut Buffer,
        looks: &Looks<'_>,
        focused: bool,
    ) {
        self.size = (usize::from(area.width), usize::from(area.height));
        self.cursor = self.cursor(lines);
        if self.page {
            self.top = self.top.min(self.last_top(lines));
        } else {
            self.keep_visible(lines);
        }
        if self.find.is_some() && self.searched != lines.len() {
            self.look_in(lines);
        }
        let marked =
            focused && (!self.page || self.find.as_ref().is_some_and(|find| !find.places.is_empty()));
        let mut y = area.y;
        let (first, skipped) = self.top;
        for (at, line) in lines.iter().enumerate().skip(first) {
            for row in self.rows(line).iter().skip(if at == first { skipped } else { 0 }) {
                if y >= area.bottom() {
                    return;
                }
                buf.set_stringn(area.x, y, row, self.size.0, (looks.of)(at, line));
                if marked && at == self.cursor {
                    buf.set_style(Rect { y, height: 1, ..area }, looks.selected);
                }
                let marks = self.find.iter().flat_map(|find| find.needle.ranges(row));
                for range in marks.filter(|range| row.is_char_boundary(range.start)) {
                    let x = area.x.saturating_add(cells(&row[..range.start]));
                    let mark = Rect::new(x, y, cells(row.get(range).unwrap_or_default()), 1);
                    buf.set_style(mark.intersection(area), looks.found);
                }
                y += 1;
            }
        }
    }

    /// Looks through the lines, where they have changed.
    fn look_in(&mut self, lines: &[String]) {
        let Some(find) = &mut self.find else { return };
        let has = |(at, line): (usize, &String)| find.needle.is_in(line).then_some(at);
        find.places = lines.iter().enumerate().filter_map(has).collect();
        self.searched = lines.len();
    }

    fn go(&mut self, lines: &[String], at: Option<usize>) {
        if let Some(at) = at {
            self.cursor = at;
            self.keep_visible(lines);
        }
    }

    /// The rows of a line.
    fn rows(&self, line: &str) -> Vec<String> {
        let shown = match line.char_indices().nth(SHOWN) {
            Some((cut, _)) => format!("{}… {} bytes more", &line[..cut], line.len() - cut),
            None => line.to_owned(),
        };
        if self.wrap {
            return hanging(&shown, self.label, self.size.0);
        }
        let passed = cut::to_cells(&shown, self.left).0.len();
        vec![shown[passed..].to_owned()]
    }

    fn rows_of(&self, lines: &[String], at: usize) -> usize {
        lines.get(at).map_or(1, |line| self.rows(line).len().max(1))
    }

    fn end_of(&self, lines: &[String], at: usize) -> Place {
        (at, self.rows_of(lines, at) - 1)
    }

    /// The top at which the last row is the last of the view.
    fn last_top(&self, lines: &[String]) -> Place {
        self.back(lines, self.end_of(lines, lines.len().saturating_sub(1)), self.size.1.saturating_sub(1))
    }

    /// The place so many rows above a place.
    fn back(&self, lines: &[String], from: Place, mut rows: usize) -> Place {
        let (mut line, mut row) = from;
        while rows > row && line > 0 {
            rows -= row + 1;
            line -= 1;
            row = self.rows_of(lines, line) - 1;
        }
        (line, row.saturating_sub(rows))
    }

    /// The place so many rows below a place.
    fn onward(&self, lines: &[String], from: Place, mut rows: usize) -> Place {
        let (mut line, mut row) = from;
        while line + 1 < lines.len() && row + rows >= self.rows_of(lines, line) {
            rows -= self.rows_of(lines, line) - row;
            (line, row) = (line + 1, 0);
        }
        (line, row + rows)
    }

    fn move_by(&mut self, lines: &[String], by: isize) {
        let last = lines.len().saturating_sub(1);
        if self.page {
            let rows = by.unsigned_abs();
            let to =
                if by < 0 { self.back(lines, self.top, rows) } else { self.onward(lines, self.top, rows) };
            self.top = to.min(self.last_top(lines));
            return;
        }
        for _ in 0..by.unsigned_abs() {
            let tall = self.rows_of(lines, self.cursor) > self.size.1 && self.top.0 == self.cursor;
            let hidden = self.rows_of(lines, self.cursor).saturating_sub(self.top.1 + self.size.1);
            if tall && by > 0 && hidden > 0 {
                self.top.1 += 1;
            } else if tall && by < 0 && self.top.1 > 0 {
                self.top.1 -= 1;
            } else {
                self.cursor = self.cursor.saturating_add_signed(by.signum()).min(last);
                self.keep_visible(lines);
                // A tall line that is come to from below is read from its end.
                let (line, row) = self.end_of(lines, self.cursor);
                if by < 0 && row >= self.size.1 && self.top == (line, 0) {
                    self.top.1 = row + 1 - self.size.1;
                }
            }
        }
    }

    /// The cursor's line is in view: all of it, or, where it is higher than the view, a part.
    fn keep_visible(&mut self, lines: &[String]) {
        let end = self.end_of(lines, self.cursor);
        self.top.0 = self.top.0.min(lines.len().saturating_sub(1));
        self.top.1 = self.top.1.min(self.rows_of(lines, self.top.0) - 1);
        if end.1 >= self.size.1 && self.top.0 == self.cursor {
            return;
        }
        self.top = self.top.min((self.cursor, 0));
        let lowest = self.back(lines, end, self.size.1.saturating_sub(1));
        self.top = self.top.max(lowest).min((self.cursor, 0));
    }
}

fn cells(text: &str) -> u16 {
    u16::try_from(width(text)).unwrap_or(u16::MAX)
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
