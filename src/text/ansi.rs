//! Styles of command output: SGR by a whitelist, as plain data beside clean text. Blink and conceal are not on the
//! list, and a colour on itself is not kept: nothing can be hidden.

use std::ops::Range;

use super::clean::{CleanText, Cleaner};

/// Style changes that are kept of one text; later ones are dropped.
const MARKS_MAX: usize = 100_000;

/// A colour of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Colour {
    /// One of the terminal's own sixteen (0–15).
    Ansi(u8),
    /// One of the 256.
    Indexed(u8),
    Rgb(u8, u8, u8),
}

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Style {
    pub fg: Option<Colour>,
    pub bg: Option<Colour>,
    pub bold: bool,
    pub dim: bool,
    pub italic: bool,
    pub underline: bool,
    pub reverse: bool,
    pub strike: bool,
}

/// Clean text and where its style changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StyledText {
    pub text: CleanText,
    marks: Marks,
}

/// Style changes: from a byte offset on, a style.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    changes: Vec<(usize, Style)>,
    current: Style,
}

impl Marks {
    /// Takes the parameters of a `CSI … m` that stands at a byte offset of the text.
    pub(super) fn sgr(&mut self, at: usize, params: &str) {
        apply(&mut self.current, params);
        self.set(at);
    }

    fn set(&mut self, at: usize) {
        let mut style = self.current;
        if style.bg.is_some() && style.bg == style.fg {
            style.bg = None;
        }
        while self.changes.last().is_some_and(|(before, _)| *before >= at) {
            self.changes.pop();
        }
        let before = self.changes.last().map_or(Style::default(), |(_, style)| *style);
        if before != style && self.changes.len() < MARKS_MAX {
            self.changes.push((at, style));
        }
    }

    /// The text was cut to `at` bytes; what follows has the current style.
    pub(super) fn truncate(&mut self, at: usize) {
        self.set(at);
    }

    /// Moves everything `by` bytes to the left: that much text was taken away at the front.
    pub fn drop_front(&mut self, by: usize) {
        let kept = self.changes.partition_point(|(at, _)| *at <= by);
        if let Some((_, style)) = kept.checked_sub(1).and_then(|last| self.changes.get(last).copied()) {
            self.changes.drain(..kept);
            self.changes.insert(0, (0, style));
        }
        for change in &mut self.changes {
            change.0 = change.0.saturating_sub(by);
        }
    }

    /// The pieces of one part of the text, in order, without gaps.
    pub fn within(&self, range: Range<usize>) -> impl Iterator<Item = (Range<usize>, Style)> {
        let first = self.changes.partition_point(|(at, _)| *at <= range.start);
        let before = first.checked_sub(1).map_or(Style::default(), |at| self.changes[at].1);
        let mut from = range.start;
        let mut style = before;
        let mut next = first;
        std::iter::from_fn(move || {
            if from >= range.end {
                return None;
            }
            let upcoming = self.changes.get(next).filter(|(at, _)| *at < range.end);
            let to = upcoming.map_or(range.end, |(at, _)| *at);
            let piece = (from..to, style);
            from = to;
            if let Some((_, change)) = upcoming {
                style = *change;
                next += 1;
            }
            Some(piece)
        })
    }
}

impl StyledText {
    /// The pieces of one part of the text.
    pub fn within(&self, range: Range<usize>) -> impl Iterator<Item = (Range<usize>, Style)> {
        self.marks.within(range)
    }

    /// Takes the first `by` bytes away.
    pub fn drop_front(&mut self, by: usize) {
        self.text = self.text.split_off(by);
        self.marks.drop_front(by);
    }
}

/// Cleans text and keeps its styles.
pub fn styled(raw: &str) -> StyledText {
    let mut stream = StyledStream::default();
    stream.push(raw);
    stream.finish();
    stream.text
}

/// The same for a stream.
#[derive(Clone, Debug, Default)]
pub struct StyledStream {
    cleaner: Cleaner,
    pub text: StyledText,
}

impl StyledStream {
    /// Takes the next chunk.
    pub fn push(&mut self, raw: &str) {
        self.cleaner.push_styled(raw, &mut self.text.text, &mut self.text.marks);
    }

    /// Ends the stream.
    pub fn finish(&mut self) {
        self.cleaner.finish(&mut self.text.text);
    }
}

fn apply(style: &mut Style, params: &str) {
    let mut numbers = params.split([';', ':']).map(|text| text.parse::<u16>().unwrap_or(0));
    while let Some(number) = numbers.next() {
        match number {
            0 => *style = Style::default(),
            1 => style.bold = true,
            2 => style.dim = true,
            3 => style.italic = true,
            4 | 21 => style.underline = true,
            7 => style.reverse = true,
            9 => style.strike = true,
            22 => (style.bold, style.dim) = (false, false),
            23 => style.italic = false,
            24 => style.underline = false,
            27 => style.reverse = false,
            29 => style.strike = false,
            30..=37 => style.fg = Some(Colour::Ansi((number - 30) as u8)),
            90..=97 => style.fg = Some(Colour::Ansi((number - 82) as u8)),
            40..=47 => style.bg = Some(Colour::Ansi((number - 40) as u8)),
            100..=107 => style.bg = Some(Colour::Ansi((number - 92) as u8)),
            38 => style.fg = extended(&mut numbers).or(style.fg),
            48 => style.bg = extended(&mut numbers).or(style.bg),
            39 => style.fg = None,
            49 => style.bg = None,
            _ => {}
        }
    }
}

/// The rest of `38;5;n` or `38;2;r;g;b` (with colons: `38:2::r:g:b`, where the empty part reads as 0 and is skipped
/// when there is one number more).
fn extended(numbers: &mut impl Iterator<Item = u16>) -> Option<Colour> {
    let byte = |n: u16| u8::try_from(n).ok();
    match numbers.next()? {
        5 => numbers.next().and_then(byte).map(Colour::Indexed),
        2 => {
            let (r, g, b) = (numbers.next()?, numbers.next()?, numbers.next()?);
            Some(Colour::Rgb(byte(r)?, byte(g)?, byte(b)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(raw: &str) -> Vec<(String, Style)> {
        let styled = styled(raw);
        styled
            .within(0..styled.text.len())
            .map(|(range, style)| (styled.text[range].to_owned(), style))
            .collect()
    }

    #[test]
    fn colours_of_the_whitelist_are_kept_and_nothing_else() {
        let red = Style { fg: Some(Colour::Ansi(1)), ..Style::default() };
        let bold = Style { bold: true, ..red };
        assert_eq!(
            pieces("a\x1b[31mb\x1b[1mc\x1b[0md\x1b[5;8mx\x1b[?25ly\x1b[2Jz"),
            [
                ("a".into(), Style::default()),
                ("b".into(), red),
                ("c".into(), bold),
                ("dxyz".into(), Style::default())
            ]
        );
        let rgb =
            Style { fg: Some(Colour::Rgb(1, 2, 3)), bg: Some(Colour::Indexed(200)), ..Style::default() };
        assert_eq!(pieces("\x1b[38;2;1;2;3;48;5;200mx"), [("x".to_owned(), rgb)]);
        let black = Style { fg: Some(Colour::Ansi(0)), ..Style::default() };
        assert_eq!(pieces("\x1b[30;40mhidden"), [("hidden".to_owned(), black)]);
    }

    #[test]
    fn a_rewritten_line_loses_the_styles_of_what_was_there() {
        let green = Style { fg: Some(Colour::Ansi(2)), ..Style::default() };
        assert_eq!(
            pieces("ok\n\x1b[31mbad\r\x1b[32mgood"),
            [("ok\n".to_owned(), Style::default()), ("↺ good".to_owned(), green)]
        );
    }

    #[test]
    fn the_front_can_be_dropped() {
        let mut text = styled("aa\x1b[31mbb\x1b[0mcc");
        text.drop_front(3);
        let red = Style { fg: Some(Colour::Ansi(1)), ..Style::default() };
        let pieces: Vec<_> = text.within(0..text.text.len()).collect();
        assert_eq!(&*text.text, "bcc");
        assert_eq!(pieces, [(0..1, red), (1..3, Style::default())]);
    }
}
