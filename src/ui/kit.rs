//! The drawing kit: text cut to cells, framed boxes, popups, gauges. Everything that reaches a cell passes `put`,
//! which takes control characters out.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::{model::Hit, msg::Now, skin::Skin};
use crate::text::clean_line;

/// Where a frame is drawn, what it looks like and what a click on it means.
pub struct Canvas<'a> {
    pub buf: &'a mut Buffer,
    pub skin: &'a Skin,
    /// What a click means, last drawn last.
    pub hits: &'a mut Vec<(Rect, Hit)>,
    /// The caret, where there is one.
    pub cursor: Option<Position>,
    pub now: Now,
    /// Something lies over what is drawn: nothing of it has the focus.
    pub covered: bool,
}

/// A piece of a line.
pub type Span = (String, Style);

/// A span.
pub fn span(text: impl Into<String>, style: Style) -> Span {
    (text.into(), style)
}

/// Cells that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text cut to `cells`, with `…` where something was cut.
pub fn cut(text: &str, cells: usize, ascii: bool) -> String {
    if text.width() <= cells {
        return text.to_owned();
    }
    if cells == 0 {
        return String::new();
    }
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let wide = grapheme.width();
        if used + wide > cells - 1 {
            break;
        }
        used += wide;
        out.push_str(grapheme);
    }
    out.push_str(if ascii { "~" } else { "…" });
    out
}

/// The text cut and filled with blanks to exactly `cells`.
pub fn fit(text: &str, cells: usize, ascii: bool) -> String {
    let mut out = cut(text, cells, ascii);
    let used = out.width();
    out.extend(std::iter::repeat_n(' ', cells.saturating_sub(used)));
    out
}

/// A text wrapped at blanks to `cells`; long words are broken. Line breaks stay.
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let cells = cells.max(1);
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let mut current = String::new();
        let mut used = 0;
        for word in line.split_inclusive(' ') {
            let solid = word.trim_end_matches(' ').width();
            if used > 0 && used + solid > cells {
                lines.push(std::mem::take(&mut current));
                used = 0;
            }
            for grapheme in word.graphemes(true) {
                let wide = grapheme.width();
                if used + wide > cells {
                    if grapheme == " " {
                        continue;
                    }
                    lines.push(std::mem::take(&mut current));
                    used = 0;
                }
                current.push_str(grapheme);
                used += wide;
            }
        }
        lines.push(current);
    }
    lines
}

/// A line that begins with a label of so many cells, wrapped so that what follows stands below what is beside it.
pub fn hanging(line: &str, label: usize, cells: usize) -> Vec<String> {
    let Some((head, rest)) = line.split_at_checked(label).filter(|(head, _)| head.ends_with("  ")) else {
        return wrap(line, cells);
    };
    let parts = wrap(rest, cells.saturating_sub(label));
    let blank = " ".repeat(label);
    parts
        .iter()
        .enumerate()
        .map(|(n, part)| format!("{}{part}", if n == 0 { head } else { &blank }))
        .collect()
}

/// The middle of an area, at most `width` by `height`.
pub fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect::new(area.x + (area.width - width) / 2, area.y + (area.height - height) / 2, width, height)
}

/// The area without a border.
pub fn inside(area: Rect, by: u16) -> Rect {
    let (dx, dy) = (by.min(area.width / 2), by.min(area.height / 2));
    Rect::new(area.x + dx, area.y + dy, area.width - 2 * dx, area.height - 2 * dy)
}

/// One row of an area, or an empty rectangle below it.
pub fn row(area: Rect, n: u16) -> Rect {
    if n < area.height {
        Rect::new(area.x, area.y + n, area.width, 1)
    } else {
        Rect::new(area.x, area.bottom(), 0, 0)
    }
}

impl Canvas<'_> {
    /// Writes a text into at most `cells` cells of a row; the cells used. Control characters are taken out, and a
    /// wide character is never split.
    pub fn put(&mut self, x: u16, y: u16, cells: u16, text: &str, style: Style) -> u16 {
        let bounds = self.buf.area;
        if y < bounds.y || y >= bounds.bottom() || x < bounds.x || x >= bounds.right() || cells == 0 {
            return 0;
        }
        let cells = cells.min(bounds.right() - x);
        let clean = clean_line(text);
        let shown = cut(&clean, usize::from(cells), self.skin.ascii);
        let (end, _) = self.buf.set_stringn(x, y, &shown, usize::from(cells), style);
        end - x
    }

    /// A row: spans from the left, spans to the right; the left gives way.
    pub fn ends(&mut self, area: Rect, left: &[Span], right: &[Span]) {
        let right_cells: usize = right.iter().map(|(text, _)| width(text)).sum();
        let room = usize::from(area.width).saturating_sub(right_cells);
        let mut x = area.x;
        let stop = area.x + u16::try_from(room).unwrap_or(area.width);
        for (text, style) in left {
            x += self.put(x, area.y, stop.saturating_sub(x), text, *style);
        }
        let mut x = stop.min(area.right());
        for (text, style) in right {
            x += self.put(x, area.y, area.right().saturating_sub(x), text, *style);
        }
    }

    /// Spans one after the other.
    pub fn spans(&mut self, area: Rect, spans: &[Span]) {
        self.ends(area, spans, &[]);
    }

    /// Blanks an area.
    pub fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buf.area);
        for y in area.y..area.bottom() {
            for x in area.x..area.right() {
                if let Some(cell) = self.buf.cell_mut(Position::new(x, y)) {
                    cell.reset();
                    cell.set_style(self.skin.text());
                }
            }
        }
        self.mend_edges(area);
    }

    /// A wide character that an area now covers by half becomes a blank.
    fn mend_edges(&mut self, area: Rect) {
        if area.is_empty() || area.x == 0 {
            return;
        }
        for y in area.y..area.bottom() {
            if let Some(cell) = self.buf.cell_mut(Position::new(area.x - 1, y))
                && cell.symbol().width() > 1
            {
                cell.set_symbol(" ");
            }
        }
    }

    /// A box with a title at the left and one at the right; the area inside.
    pub fn frame(&mut self, area: Rect, left: &[Span], right: &[Span], focused: bool) -> Rect {
        if area.width < 2 || area.height < 2 {
            return Rect::new(area.x, area.y, 0, 0);
        }
        let focused = focused && !self.covered;
        let set = match (self.skin.ascii, focused) {
            (true, true) => ["+", "=", "+", "|", "+", "+"],
            (true, false) => ["+", "-", "+", "|", "+", "+"],
            (false, true) => ["┏", "━", "┓", "┃", "┗", "┛"],
            (false, false) => ["┌", "─", "┐", "│", "└", "┘"],
        };
        let style = self.skin.border(focused);
        self.boxed(area, left, right, set, style)
    }

    fn boxed(&mut self, area: Rect, left: &[Span], right: &[Span], set: [&str; 6], style: Style) -> Rect {
        let across = set[1].repeat(usize::from(area.width) - 2);
        let (last_x, last_y) = (area.right() - 1, area.bottom() - 1);
        for (y, corners) in [(area.y, (set[0], set[2])), (last_y, (set[4], set[5]))] {
            self.buf.set_string(area.x, y, corners.0, style);
            self.buf.set_string(area.x + 1, y, &across, style);
            self.buf.set_string(last_x, y, corners.1, style);
        }
        for y in area.y + 1..last_y {
            self.buf.set_string(area.x, y, set[3], style);
            self.buf.set_string(last_x, y, set[3], style);
        }
        self.titles(area, left, right, style, set[1]);
        inside(area, 1)
    }

    fn titles(&mut self, area: Rect, left: &[Span], right: &[Span], style: Style, line: &str) {
        let room = area.width.saturating_sub(4);
        let right_cells: usize = right.iter().map(|(text, _)| width(text)).sum();
        let left_cells: usize = left.iter().map(|(text, _)| width(text)).sum();
        let shows_right = right_cells > 0 && left_cells.min(8) + right_cells + 4 <= usize::from(room);
        let right_cells = if shows_right { u16::try_from(right_cells).unwrap_or(0) } else { 0 };
        let mut x = area.x + 1;
        x += self.put(x, area.y, 1, line, style);
        let stop = area.right().saturating_sub(if shows_right { right_cells + 5 } else { 3 });
        if !left.is_empty() {
            x += self.put(x, area.y, 1, " ", style);
            for (text, style) in left {
                x += self.put(x, area.y, stop.saturating_sub(x), text, *style);
            }
            self.put(x, area.y, 1, " ", style);
        }
        if shows_right {
            let mut x = area.right() - right_cells - 4;
            x += self.put(x, area.y, 1, " ", style);
            for (text, style) in right {
                x += self.put(x, area.y, area.right().saturating_sub(x + 2), text, *style);
            }
            self.put(x, area.y, 1, " ", style);
        }
    }

    /// A line above an area, with titles; the area below it.
    pub fn rule(&mut self, area: Rect, left: &[Span], right: &[Span], focused: bool) -> Rect {
        let focused = focused && !self.covered;
        let line = match (self.skin.ascii, focused) {
            (true, true) => "=",
            (true, false) => "-",
            (false, true) => "━",
            (false, false) => "─",
        };
        let style = self.skin.border(focused);
        self.buf.set_string(area.x, area.y, line.repeat(usize::from(area.width)), style);
        self.titles(area, left, right, style, line);
        Rect { y: area.y + 1, height: area.height - 1, ..area }
    }

    /// A box over everything else; the area inside.
    pub fn popup(&mut self, area: Rect, left: &[Span], right: &[Span]) -> Rect {
        self.clear(area);
        if area.width < 2 || area.height < 2 {
            return Rect::new(area.x, area.y, 0, 0);
        }
        let plain = ["+", "-", "+", "|", "+", "+"];
        let set = if self.skin.ascii { plain } else { ["┌", "─", "┐", "│", "└", "┘"] };
        let style = self.skin.border(true);
        self.boxed(area, left, right, set, style)
    }

    /// What a click there means.
    pub fn hit(&mut self, area: Rect, hit: Hit) {
        if !area.is_empty() {
            self.hits.push((area, hit));
        }
    }

    /// Puts a style over a row.
    pub fn paint(&mut self, area: Rect, style: Style) {
        self.buf.set_style(area.intersection(self.buf.area), style);
    }
}

/// `18.2k`, `126k`, `1.2M`: tokens in few cells.
pub fn tokens(count: u64) -> String {
    match count {
        0..=999 => count.to_string(),
        1_000..=99_949 => format!("{:.1}k", count as f64 / 1e3),
        99_950..=999_499 => format!("{:.0}k", count as f64 / 1e3),
        999_500..=99_949_999 => format!("{:.1}M", count as f64 / 1e6),
        _ => format!("{:.0}M", count as f64 / 1e6),
    }
}

/// `126k`: without a decimal from a thousand on.
pub fn tokens_short(count: u64) -> String {
    match count {
        0..=999 => count.to_string(),
        1_000..=999_499 => format!("{:.0}k", count as f64 / 1e3),
        _ => format!("{:.1}M", count as f64 / 1e6),
    }
}

/// `$1.92`, `~$1.92`, `$?`.
pub fn money(cost: Option<f64>, estimated: bool) -> String {
    let about = if estimated { "~" } else { "" };
    cost.map_or_else(|| "$?".to_owned(), |cost| format!("{about}${cost:.2}"))
}

/// `00:14:22`.
pub fn clock(seconds: u64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `now`, `6m ago`, `2h ago`, `3d ago`.
pub fn ago(seconds: i64) -> String {
    match seconds {
        ..60 => "now".to_owned(),
        60..3_600 => format!("{}m ago", seconds / 60),
        3_600..86_400 => format!("{}h ago", seconds / 3_600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}

/// The home directory as `~`.
pub fn tilde(path: &str, home: &str) -> String {
    match path.strip_prefix(home) {
        Some(rest) if !home.is_empty() && (rest.is_empty() || rest.starts_with('/')) => format!("~{rest}"),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_by_cells_and_never_in_the_middle_of_a_wide_character() {
        assert_eq!(cut("lexer", 5, false), "lexer");
        assert_eq!(cut("lexers", 5, false), "lexe…");
        assert_eq!(cut("日本語", 4, false), "日…");
        assert_eq!(fit("日本語", 4, false), "日… ");
        assert_eq!(cut("abc", 0, false), "");
    }

    #[test]
    fn a_text_is_wrapped_at_blanks_and_a_long_word_is_broken() {
        assert_eq!(wrap("one two three", 7), ["one two", " three"].map(str::trim));
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("a\n\nb", 9), ["a", "", "b"]);
        assert_eq!(hanging("task  one two", 6, 10), ["task  one ", "      two"]);
        assert_eq!(hanging("no label here", 6, 8), wrap("no label here", 8));
    }

    #[test]
    fn numbers_are_told_in_few_cells() {
        assert_eq!(
            [tokens(999), tokens(18_200), tokens(126_400), tokens(1_234_000)],
            ["999", "18.2k", "126k", "1.2M"]
        );
        assert_eq!(
            [money(Some(1.918), false), money(None, false), money(Some(2.0), true)],
            ["$1.92", "$?", "~$2.00"]
        );
        assert_eq!(clock(862), "00:14:22");
        assert_eq!([ago(5), ago(360), ago(7_300), ago(90_000)], ["now", "6m ago", "2h ago", "1d ago"]);
        assert_eq!(tilde("/h/me/src", "/h/me"), "~/src");
        assert_eq!(tilde("/h/meals", "/h/me"), "/h/meals");
    }
}
