//! Wrapping of one logical line (no newline, tabs expanded) into rows of at most so many cells: byte ranges, no copies.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::width;

/// Where a line may be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// Between words; a word that is too long is broken anywhere.
    Words,
    /// Anywhere, keeping every blank: code and command output.
    Anywhere,
}

/// Appends the rows of `line`; an empty line has one empty row. Rows are at most `width` cells (but a grapheme wider
/// than that gets a row of its own). With [`Break::Words`] the blanks at a break belong to no row.
pub fn rows(line: &str, width: usize, at: Break, out: &mut Vec<Range<usize>>) {
    let width = width.max(1);
    if line.is_ascii() {
        ascii(line.as_bytes(), width, at, out);
    } else {
        graphemes(line, width, at, out);
    }
}

fn ascii(line: &[u8], width: usize, at: Break, out: &mut Vec<Range<usize>>) {
    let mut start = 0;
    while line.len() - start > width {
        let limit = start + width;
        let blank = (at == Break::Words)
            .then(|| line[start..=limit].iter().rposition(|b| *b == b' '))
            .flatten()
            .map(|found| start + found)
            .filter(|found| line[start..*found].iter().any(|b| *b != b' '));
        let (end, next) = match blank {
            Some(blank) => {
                let end =
                    line[start..blank].iter().rposition(|b| *b != b' ').map_or(blank, |p| start + p + 1);
                let next = line[blank..].iter().position(|b| *b != b' ').map_or(line.len(), |p| blank + p);
                (end, next)
            }
            None => (limit, limit),
        };
        out.push(start..end);
        start = next;
        if start >= line.len() {
            return;
        }
    }
    out.push(start..line.len());
}

fn graphemes(line: &str, width: usize, at: Break, out: &mut Vec<Range<usize>>) {
    // `end`: end of the last word that fits, `next`: where the row after it would begin.
    let (mut start, mut cells) = (0, 0);
    let mut point: Option<(usize, usize, usize)> = None;
    let mut words = false;
    for (offset, part) in line.grapheme_indices(true) {
        let wide = width::grapheme(part);
        if at == Break::Words && part == " " {
            if words {
                let end = point.filter(|(_, next, _)| *next == offset).map_or(offset, |(end, _, _)| end);
                point = Some((end, offset + 1, cells + 1));
            }
            cells += 1;
            continue;
        }
        if cells + wide > width && offset > start {
            match point.take() {
                Some((end, next, before)) => {
                    out.push(start..end);
                    start = next;
                    cells -= before;
                }
                None => {
                    out.push(start..offset);
                    start = offset;
                    cells = 0;
                }
            }
            if cells + wide > width && offset > start {
                out.push(start..offset);
                start = offset;
                cells = 0;
            }
        }
        words = true;
        cells += wide;
    }
    out.push(start..line.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(line: &str, width: usize, at: Break) -> Vec<&str> {
        let mut out = Vec::new();
        rows(line, width, at, &mut out);
        out.into_iter().map(|range| &line[range]).collect()
    }

    #[test]
    fn lines_are_broken_between_words_and_long_words_anywhere() {
        assert_eq!(wrapped("the quick brown fox", 10, Break::Words), ["the quick", "brown fox"]);
        assert_eq!(wrapped("abcdefghijkl mn", 5, Break::Words), ["abcde", "fghij", "kl mn"]);
        assert_eq!(wrapped("", 5, Break::Words), [""]);
        assert_eq!(wrapped("    indented text", 8, Break::Words), ["    inde", "nted", "text"]);
        assert_eq!(wrapped("a  b", 2, Break::Anywhere), ["a ", " b"]);
    }

    #[test]
    fn wide_characters_are_never_split() {
        assert_eq!(wrapped("日本語です", 5, Break::Words), ["日本", "語で", "す"]);
        assert_eq!(wrapped("añb wörd two", 8, Break::Words), ["añb wörd", "two"]);
        assert_eq!(wrapped("日", 1, Break::Words), ["日"]);
        assert_eq!(wrapped("a日", 1, Break::Anywhere), ["a", "日"]);
    }

    #[test]
    fn no_row_is_too_wide_and_no_word_is_lost() {
        let texts = [
            "the quick  brown fox jumps",
            "ünïcode words in a röw here",
            "日本 語 です ab cd",
            "x y z",
            "   ",
        ];
        for text in texts {
            for width in 2..30 {
                for at in [Break::Words, Break::Anywhere] {
                    let got = wrapped(text, width, at);
                    assert!(got.iter().all(|row| width::of(row.trim_end()) <= width), "{got:?} at {width}");
                    let squeeze = |t: &str| t.split_whitespace().collect::<String>();
                    assert_eq!(squeeze(&got.concat()), squeeze(text), "{width} {at:?}");
                }
            }
        }
    }
}
