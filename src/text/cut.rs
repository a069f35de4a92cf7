//! Cutting text to a size, always saying that and how much was cut.

use unicode_segmentation::UnicodeSegmentation;

use super::width;

/// The first `head` and last `tail` characters with a line between them that says how many were left out; the second
/// value is that number (0: nothing was cut).
pub fn cut_middle(text: &str, head: usize, tail: usize) -> (String, usize) {
    if text.len() <= head.saturating_add(tail) {
        return (text.to_owned(), 0);
    }
    let count = text.chars().count();
    let Some(cut) = count.checked_sub(head.saturating_add(tail)).filter(|cut| *cut > 0) else {
        return (text.to_owned(), 0);
    };
    let offset = |at: usize| text.char_indices().nth(at).map_or(text.len(), |(at, _)| at);
    let (first, last) = (&text[..offset(head)], &text[offset(count - tail)..]);
    (format!("{first}\n… {cut} characters left out …\n{last}"), cut)
}

/// Characters of an instance's name that are kept.
const NAME_KEPT: usize = 80;

/// What is typed as the name of an instance, on one line and bounded; it may be empty.
pub fn name(typed: &str) -> String {
    let clean: String = super::clean_line(typed).chars().take(NAME_KEPT).collect();
    clean.trim().to_owned()
}

/// The first `max` bytes, rounded down to a character.
pub fn at_most(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The last `max` bytes, rounded down to a character.
pub fn last(text: &str, max: usize) -> &str {
    let mut start = text.len().saturating_sub(max);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

/// The part of a line that fits into `cells`, and its cells. A wide character is never split.
pub fn to_cells(text: &str, cells: usize) -> (&str, usize) {
    if text.is_ascii() {
        let end = text.len().min(cells);
        return (&text[..end], end);
    }
    let mut at = 0;
    for (offset, part) in text.grapheme_indices(true) {
        let next = at + width::grapheme(part);
        if next > cells {
            return (&text[..offset], at);
        }
        at = next;
    }
    (text, at)
}

/// A line in at most `cells` cells, with `…` at its end where something is missing.
pub fn ellipsis(text: &str, cells: usize) -> String {
    if width::of(text) <= cells {
        return text.to_owned();
    }
    let (head, _) = to_cells(text, cells.saturating_sub(1));
    if cells == 0 { String::new() } else { format!("{}…", head.trim_end()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_cut_and_counted_in_characters() {
        assert_eq!(cut_middle("short", 4, 4), ("short".into(), 0));
        assert_eq!(cut_middle("añ€bcdefgh", 3, 2), ("añ€\n… 5 characters left out …\ngh".into(), 5));
        assert_eq!(cut_middle("€€€€", 2, 2), ("€€€€".into(), 0));
    }

    #[test]
    fn a_wide_character_is_never_split() {
        assert_eq!(to_cells("日本語", 5), ("日本", 4));
        assert_eq!(ellipsis("日本語", 5), "日本…");
        assert_eq!(ellipsis("日本語", 6), "日本語");
        assert_eq!(ellipsis("abc", 0), "");
        assert_eq!(at_most("a€", 2), "a");
        assert_eq!(last("€a", 2), "a");
    }
}
