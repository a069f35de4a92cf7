//! Plain lines that scroll, wrap and are searched: the raw lines of a session, what is known of it. Only what is
//! visible is wrapped. It does not hold the lines: whoever shows it brings them.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::Scroll;
use crate::ui::kit::{hanging, width};

/// Characters of a line that are laid out; the pager and the clipboard have the rest.
const SHOWN: usize = 16_000;

/// Styles of the view.
#[derive(Clone, Copy, Debug, Default)]
pub struct Looks {
    pub plain: Style,
    pub selected: Style,
    pub found: Style,
}

/// How lines are looked at.
#[derive(Clone, Debug)]
pub struct LinesView {
    /// The line that is acted upon.
    cursor: usize,
    /// The first visible line, and its first visible row.
    top: (usize, usize),
    wrap: bool,
    /// Cells of the label that a line may begin with.
    label: usize,
    query: String,
    size: (usize, usize),
}

impl Default for LinesView {
    fn default() -> Self {
        Self { cursor: 0, top: (0, 0), wrap: true, label: 0, query: String::new(), size: (80, 20) }
    }
}

impl LinesView {
    /// Back to the first line, without a search; `label`: cells of the label of a line, 0: none.
    pub fn reset(&mut self, label: usize) {
        *self = Self { wrap: self.wrap, size: self.size, label, ..Self::default() };
    }

    /// The line that is acted upon.
    pub fn cursor(&self, lines: &[String]) -> usize {
        self.cursor.min(lines.len().saturating_sub(1))
    }

    /// Wraps long lines or cuts them. True: wraps.
    pub fn toggle_wrap(&mut self) -> bool {
        self.wrap = !self.wrap;
        self.top.1 = 0;
        self.wrap
    }

    /// Moves the cursor; through a line that is higher than the view row by row.
    pub fn scroll(&mut self, lines: &[String], to: Scroll) {
        let height = self.size.1.max(1) as isize;
        match to {
            Scroll::Lines(by) => self.move_by(lines, by),
            Scroll::HalfPage(by) => self.move_by(lines, by * (height / 2).max(1)),
            Scroll::Page(by) => self.move_by(lines, by * height),
            Scroll::Top => (self.cursor, self.top) = (0, (0, 0)),
            Scroll::Bottom => {
                self.cursor = lines.len().saturating_sub(1);
                self.top = self.back(lines, self.end_of(lines, self.cursor), self.size.1.saturating_sub(1));
            }
            _ => {}
        }
    }

    /// Looks for a text; the cursor goes to the first line at or below it that has it.
    pub fn search(&mut self, lines: &[String], query: &str) {
        query.clone_into(&mut self.query);
        if !query.is_empty() {
            let at = self.finds(lines).find(|at| *at >= self.cursor).or_else(|| self.finds(lines).next());
            self.go(lines, at);
        }
    }

    /// To the next or the previous line that was found, around the end.
    pub fn next_find(&mut self, lines: &[String], forward: bool) {
        let here = self.cursor;
        let at = if forward {
            self.finds(lines).find(|at| *at > here).or_else(|| self.finds(lines).next())
        } else {
            self.finds(lines).take_while(|at| *at < here).last().or_else(|| self.finds(lines).last())
        };
        self.go(lines, at);
    }

    /// Ends a search. False: there was none.
    pub fn search_end(&mut self) -> bool {
        !std::mem::take(&mut self.query).is_empty()
    }

    /// `/word 2/7`. `None`: nothing is searched.
    pub fn status(&self, lines: &[String]) -> Option<String> {
        let query = Some(&self.query).filter(|query| !query.is_empty())?;
        let at = self.finds(lines).take_while(|at| *at <= self.cursor).count();
        Some(format!("/{query} {}/{}", at, self.finds(lines).count()))
    }

    /// Draws what is visible.
    pub fn render(&mut self, lines: &[String], area: Rect, buf: &mut Buffer, looks: &Looks, focused: bool) {
        self.size = (usize::from(area.width), usize::from(area.height));
        self.cursor = self.cursor(lines);
        self.keep_visible(lines);
        let mut y = area.y;
        let (first, skipped) = self.top;
        for (at, line) in lines.iter().enumerate().skip(first) {
            for row in self.rows(line).iter().skip(if at == first { skipped } else { 0 }) {
                if y >= area.bottom() {
                    return;
                }
                buf.set_stringn(area.x, y, row, self.size.0, looks.plain);
                if focused && at == self.cursor {
                    buf.set_style(Rect { y, height: 1, ..area }, looks.selected);
                }
                for (from, to) in self.marks(row) {
                    let x = area.x + u16::try_from(width(&row[..from])).unwrap_or(area.width);
                    let cells = u16::try_from(width(&row[from..to])).unwrap_or(0);
                    let mark = Rect::new(x, y, cells, 1).intersection(area);
                    buf.set_style(mark, looks.found);
                }
                y += 1;
            }
        }
    }

    fn go(&mut self, lines: &[String], at: Option<usize>) {
        if let Some(at) = at {
            self.cursor = at;
            self.keep_visible(lines);
        }
    }

    fn finds<'a>(&'a self, lines: &'a [String]) -> impl Iterator<Item = usize> + 'a {
        let query = self.query.to_lowercase();
        let has = move |line: &String| !query.is_empty() && line.to_lowercase().contains(&query);
        lines.iter().enumerate().filter(move |(_, line)| has(line)).map(|(at, _)| at)
    }

    /// Where a row has what is searched (bytes).
    fn marks(&self, row: &str) -> Vec<(usize, usize)> {
        let (low, query) = (row.to_lowercase(), self.query.to_lowercase());
        // A text whose small letters are longer has no marks: their places would not be the text's.
        if query.is_empty() || low.len() != row.len() {
            return Vec::new();
        }
        let found = low.match_indices(&query).map(|(at, find)| (at, at + find.len()));
        found.filter(|(from, to)| row.is_char_boundary(*from) && row.is_char_boundary(*to)).collect()
    }

    /// The rows of a line.
    fn rows(&self, line: &str) -> Vec<String> {
        let shown = match line.char_indices().nth(SHOWN) {
            Some((cut, _)) => format!("{}… {} bytes more", &line[..cut], line.len() - cut),
            None => line.to_owned(),
        };
        if self.wrap { hanging(&shown, self.label, self.size.0) } else { vec![shown] }
    }

    fn height(&self, lines: &[String], at: usize) -> usize {
        lines.get(at).map_or(1, |line| self.rows(line).len().max(1))
    }

    fn end_of(&self, lines: &[String], at: usize) -> (usize, usize) {
        (at, self.height(lines, at) - 1)
    }

    /// The place so many rows above a place.
    fn back(&self, lines: &[String], from: (usize, usize), mut rows: usize) -> (usize, usize) {
        let (mut line, mut row) = from;
        while rows > row && line > 0 {
            rows -= row + 1;
            line -= 1;
            row = self.height(lines, line) - 1;
        }
        (line, row.saturating_sub(rows))
    }

    fn move_by(&mut self, lines: &[String], by: isize) {
        let last = lines.len().saturating_sub(1);
        for _ in 0..by.unsigned_abs() {
            let tall = self.height(lines, self.cursor) > self.size.1 && self.top.0 == self.cursor;
            let hidden = self.height(lines, self.cursor).saturating_sub(self.top.1 + self.size.1);
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
        self.top.1 = self.top.1.min(self.height(lines, self.top.0) - 1);
        if end.1 >= self.size.1 && self.top.0 == self.cursor {
            return;
        }
        self.top = self.top.min((self.cursor, 0));
        let lowest = self.back(lines, end, self.size.1.saturating_sub(1));
        self.top = self.top.max(lowest).min((self.cursor, 0));
    }
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
