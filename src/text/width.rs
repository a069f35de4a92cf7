//! How many cells text takes on a screen, by grapheme: the same model that the cell buffer uses, so that what is
//! measured is what is drawn.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Columns between tab stops.
pub const TAB: usize = 4;

/// Cells of one grapheme.
pub fn grapheme(text: &str) -> usize {
    text.width()
}

/// Cells of one line of text; a tab counts to the next stop.
pub fn of(text: &str) -> usize {
    if text.is_ascii() && !text.contains('\t') {
        return text.len();
    }
    text.graphemes(true).fold(0, |at, part| at + advance(at, part))
}

/// Cells that a grapheme takes when it stands in column `at`.
pub fn advance(at: usize, part: &str) -> usize {
    if part == "\t" { TAB - at % TAB } else { part.width() }
}

/// Tabs become spaces up to the next stop, where the text begins in column `at`. `None`: there is none.
pub fn expand_tabs(text: &str, at: usize) -> Option<String> {
    if !text.contains('\t') {
        return None;
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut column = at;
    for part in text.graphemes(true) {
        let cells = advance(column, part);
        if part == "\t" {
            out.extend(std::iter::repeat_n(' ', cells));
        } else {
            out.push_str(part);
        }
        column += cells;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_counted_by_grapheme() {
        assert_eq!(of("plain"), 5);
        assert_eq!(of("日本"), 4);
        assert_eq!(of("e\u{301}"), 1);
        assert_eq!(of("👩‍👩‍👧"), 2);
        assert_eq!(of("a\tb"), 5);
        assert_eq!(expand_tabs("a\tb", 0).as_deref(), Some("a   b"));
        assert_eq!(expand_tabs("a\tb", 2).as_deref(), Some("a b"));
        assert_eq!(expand_tabs("ab", 0), None);
    }
}
