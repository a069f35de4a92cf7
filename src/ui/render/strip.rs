//! A strip: one row of styled text, ready to be drawn. All text in it comes from [`crate::text::CleanText`] or from the
//! program's own source.

use std::ops::Range;

use ratatui::{
    buffer::{Buffer, Cell},
    style::Style,
};

use crate::text::{
    cut, width,
    wrap::{self, Break},
};

/// Pieces for which a wrapped row makes room at once.
const ROW_PIECES: usize = 4;

/// One row of styled text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strip {
    text: String,
    /// End of each piece in bytes, and its style.
    pieces: Vec<(u32, Style)>,
}

impl Strip {
    /// One piece.
    pub fn of(text: impl AsRef<str>, style: Style) -> Self {
        let mut strip = Self::default();
        strip.push(text, style);
        strip
    }

    /// Appends a piece. Tabs are expanded.
    pub fn push(&mut self, text: impl AsRef<str>, style: Style) {
        let text = text.as_ref();
        if text.is_empty() {
            return;
        }
        match text.contains('\t').then(|| width::expand_tabs(text, self.width())).flatten() {
            Some(expanded) => self.text.push_str(&expanded),
            None => return self.append(text, style),
        }
        self.ends_with(style);
    }

    /// The same for a text without tabs.
    fn append(&mut self, text: &str, style: Style) {
        self.text.push_str(text);
        self.ends_with(style);
    }

    fn ends_with(&mut self, style: Style) {
        let end = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        match self.pieces.last_mut() {
            Some((last, same)) if *same == style => *last = end,
            _ => self.pieces.push((end, style)),
        }
    }

    /// Appends a part of another strip.
    pub fn push_part(&mut self, other: &Self, range: Range<usize>) {
        for (piece, style) in other.pieces() {
            let (from, to) = (piece.start.max(range.start), piece.end.min(range.end));
            if from < to {
                self.append(&other.text[from..to], style);
            }
        }
    }

    /// Appends all of another strip.
    pub fn push_all(&mut self, other: &Self) {
        self.push_part(other, 0..other.text.len());
    }

    /// Blanks up to a column.
    pub fn pad(&mut self, cells: usize, style: Style) {
        let missing = cells.saturating_sub(self.width());
        self.push(" ".repeat(missing), style);
    }

    /// Puts `right` at the right edge of `cells`, cutting what is on the left where both do not fit.
    pub fn with_right(self, right: &Self, cells: usize) -> Self {
        let wide = right.width();
        if wide == 0 || wide + 2 > cells {
            return self.cut(cells);
        }
        let mut strip = self.cut(cells - wide - 1);
        strip.pad(cells - wide, Style::default());
        strip.push_all(right);
        strip
    }

    /// At most so many cells, with `…` where something is missing.
    pub fn cut(self, cells: usize) -> Self {
        if self.width() <= cells {
            return self;
        }
        let (head, _) = cut::to_cells(&self.text, cells.saturating_sub(1));
        let end = head.trim_end().len();
        let mut strip = Self::default();
        strip.push_part(&self, 0..end);
        let style = strip.pieces.last().map_or(Style::default(), |(_, style)| *style);
        if cells > 0 {
            strip.push("…", style);
        }
        strip
    }

    /// The rows of this line in so many cells; the first begins with `first`, the others with `rest`.
    pub fn wrap(&self, cells: usize, at: Break, first: &Self, rest: &Self, out: &mut Vec<Self>) {
        let room = cells.saturating_sub(first.width().max(rest.width())).max(1);
        let mut ranges = Vec::new();
        wrap::rows(&self.text, room, at, &mut ranges);
        for (at, range) in ranges.into_iter().enumerate() {
            let prefix = if at == 0 { first } else { rest };
            let pieces = prefix.pieces.len() + self.pieces.len().min(ROW_PIECES);
            let mut row = Self {
                text: String::with_capacity(prefix.text.len() + range.len()),
                pieces: Vec::with_capacity(pieces),
            };
            row.push_all(prefix);
            row.push_part(self, range);
            out.push(row);
        }
    }

    /// Styles a part anew, over what it has.
    pub fn patch(&mut self, range: Range<usize>, style: Style) {
        let old = std::mem::take(self);
        for (piece, before) in old.pieces() {
            let (from, to) = (piece.start.max(range.start), piece.end.min(range.end));
            if from >= to {
                self.push(&old.text[piece], before);
                continue;
            }
            self.push(&old.text[piece.start..from], before);
            self.push(&old.text[from..to], before.patch(style));
            self.push(&old.text[to..piece.end], before);
        }
    }

    /// The text without styles.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Cells.
    pub fn width(&self) -> usize {
        width::of(&self.text)
    }

    /// True without text.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The pieces with their styles.
    pub fn pieces(&self) -> impl Iterator<Item = (Range<usize>, Style)> {
        let mut from = 0;
        self.pieces.iter().map(move |(end, style)| {
            let range = from..*end as usize;
            from = range.end;
            (range, *style)
        })
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.text.capacity() + self.pieces.capacity() * size_of::<(u32, Style)>()
    }

    /// Draws it; what does not fit into `cells` is left out, a wide character never split.
    pub fn draw(&self, buf: &mut Buffer, x: u16, y: u16, cells: u16) {
        let mut at = x;
        let end = x.saturating_add(cells);
        for (range, style) in self.pieces() {
            if at >= end {
                return;
            }
            let text = &self.text[range];
            at = match plain_cells(buf, at, y, end, text) {
                Some(cells) => {
                    for (cell, byte) in cells.iter_mut().zip(text.bytes()) {
                        cell.set_char(char::from(byte)).set_style(style);
                    }
                    at + u16::try_from(cells.len()).unwrap_or(0)
                }
                None => buf.set_stringn(at, y, text, usize::from(end - at), style).0,
            };
        }
    }
}

/// The cells for a text that has one in each byte, up to `end`; `None`: it has others.
fn plain_cells<'a>(buf: &'a mut Buffer, x: u16, y: u16, end: u16, text: &str) -> Option<&'a mut [Cell]> {
    let area = buf.area;
    let inside = area.left() <= x && (area.top()..area.bottom()).contains(&y);
    if !inside || !text.bytes().all(|b| (b' '..0x7f).contains(&b)) {
        return None;
    }
    let count = usize::from(end.min(area.right()).saturating_sub(x)).min(text.len());
    let from = usize::from(y - area.y) * usize::from(area.width) + usize::from(x - area.x);
    buf.content.get_mut(from..from + count)
}

#[cfg(test)]
mod tests {
    use ratatui::{
        layout::Rect,
        style::{Color, Modifier},
    };

    use super::*;

    #[test]
    fn a_strip_is_wrapped_with_its_styles_and_prefixes() {
        let red = Style::default().fg(Color::Red);
        let mut strip = Strip::of("the quick ", Style::default());
        strip.push("brown fox", red);
        let mut rows = Vec::new();
        let (first, rest) = (Strip::of("● ", red), Strip::of("  ", Style::default()));
        strip.wrap(14, Break::Words, &first, &rest, &mut rows);
        let texts: Vec<_> = rows.iter().map(Strip::text).collect();
        assert_eq!(texts, ["● the quick", "  brown fox"]);
        assert_eq!(rows[1].pieces().collect::<Vec<_>>(), [(0..2, Style::default()), (2..11, red)]);
    }

    #[test]
    fn a_strip_is_cut_patched_and_drawn() {
        let plain = Style::default();
        let strip = Strip::of("日本語 text", plain);
        assert_eq!(strip.clone().cut(6).text(), "日本…");
        let right = Strip::of("exit 0", plain);
        assert_eq!(strip.clone().with_right(&right, 20).text(), "日本語 text   exit 0");
        assert_eq!(strip.clone().with_right(&right, 14).text(), "日本語… exit 0");
        let mut patched = Strip::of("find me", plain);
        patched.patch(5..7, plain.add_modifier(Modifier::REVERSED));
        assert_eq!(patched.pieces().count(), 2);
        let mut buf = Buffer::empty(Rect::new(0, 0, 5, 1));
        strip.draw(&mut buf, 0, 0, 5);
        assert_eq!(buf, Buffer::with_lines(["日本 "]));
        assert_eq!(Strip::of("a\tb", plain).text(), "a   b");
    }
}
