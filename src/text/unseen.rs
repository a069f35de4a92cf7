//! Text that a human is asked to judge: nothing in it may be out of sight, and nothing may pass for something else.
//!
//! Written out (`\u{…}`) are: what is not seen, what changes how the rest is seen, what looks like a blank and is none,
//! and letters that look like ASCII letters where they stand among those.

use unicode_width::UnicodeWidthChar;

/// Blanks in a row that are shown as they are.
const BLANKS: usize = 16;
/// Line feeds in a row that are shown as they are.
const FEEDS: usize = 8;

/// Letters of other scripts that look like ASCII letters.
const CYRILLIC: &str = "аеорсухіјѕһԁԛԝӏАВЕЅІЈКМНОРСТУХӀ";
const GREEK: &str = "αγικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧϲϳ";
const OTHERS: &str = "ıɑɡɩʋԍօսոհցⲟⲣ\u{212a}\u{212b}";
/// Punctuation that looks like what means something to a shell.
const PUNCTUATION: &str =
    "‐‑‒–—―−∕⁄⧸․‚‘’‛“”„‟ʹʺʻʼˈ´｀；\u{37e}꞉∶ǀ❘∣⏐﹣－＼⧵∖﹨＆＄＞＜｜＂＇＊？～．／（）［］｛｝＝＋";

/// The text with all that is not seen written out: control characters but line feed and tab, marks of direction,
/// characters without width, blanks that are none, long rows of blanks and of line feeds, letters that pass for others.
pub fn seen(text: &str) -> String {
    write_out(text, false)
}

/// The same for what a shell will read: look-alikes of its punctuation too.
pub fn seen_command(text: &str) -> String {
    write_out(text, true)
}

fn write_out(text: &str, command: bool) -> String {
    let meant = Script::meant(text);
    let mut out = String::with_capacity(text.len());
    let (mut blanks, mut feeds) = (0, 0);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == ' ' {
            blanks += 1;
            rest = &rest[1..];
            continue;
        }
        put_blanks(&mut out, std::mem::take(&mut blanks));
        feeds = if c == '\n' { feeds + 1 } else { put_feeds(&mut out, feeds) };
        if c.is_alphanumeric() {
            let end = rest.find(|c: char| !c.is_alphanumeric() && !is_mark(c)).unwrap_or(rest.len());
            put_word(&mut out, &rest[..end], meant);
            rest = &rest[end..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '\n' if feeds > FEEDS => {}
            '\n' | '\t' => out.push(c),
            _ if c.is_control() || is_unseen(c) || is_false_blank(c) => out.extend(c.escape_default()),
            _ if command && !c.is_ascii() && PUNCTUATION.contains(c) => out.extend(c.escape_default()),
            _ => out.push(c),
        }
    }
    put_blanks(&mut out, blanks);
    put_feeds(&mut out, feeds);
    out
}

fn put_blanks(out: &mut String, count: usize) {
    if count > BLANKS {
        out.push_str(&format!(" [{count} blanks] "));
    } else {
        out.extend(std::iter::repeat_n(' ', count));
    }
}

/// A row of line feeds has ended; says how many of it were left out. The new count.
fn put_feeds(out: &mut String, count: usize) -> usize {
    if count > FEEDS {
        out.push_str(&format!("[{count} line feeds]\n"));
    }
    0
}

/// A word: letters that look like ASCII are written out where they stand among ASCII letters, or where the whole word
/// is made of them and its script is used nowhere else in the text.
fn put_word(out: &mut String, word: &str, meant: Script) {
    if word.is_ascii() {
        return out.push_str(word);
    }
    let letters = || word.chars().filter(|c| c.is_alphabetic());
    let among_ascii = letters().any(|c| c.is_ascii());
    let passes = letters().all(|c| looks_ascii(c) && !meant.covers(c));
    for c in word.chars() {
        if is_styled(c) || is_unseen(c) || (looks_ascii(c) && (among_ascii || passes)) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
}

/// Which scripts a text really uses: it has letters of theirs that look like no ASCII letter.
#[derive(Clone, Copy, Default)]
struct Script {
    cyrillic: bool,
    greek: bool,
}

impl Script {
    fn meant(text: &str) -> Self {
        let of = |range: std::ops::RangeInclusive<char>| {
            text.chars().any(|c| range.contains(&c) && c.is_alphabetic() && !looks_ascii(c))
        };
        if text.is_ascii() {
            return Self::default();
        }
        Self { cyrillic: of('\u{400}'..='\u{52f}'), greek: of('\u{370}'..='\u{3ff}') }
    }

    fn covers(self, c: char) -> bool {
        (self.cyrillic && CYRILLIC.contains(c)) || (self.greek && GREEK.contains(c))
    }
}

fn looks_ascii(c: char) -> bool {
    !c.is_ascii() && (CYRILLIC.contains(c) || GREEK.contains(c) || OTHERS.contains(c) || is_styled(c))
}

/// ASCII letters and digits in another dress: full width, mathematical, Roman numerals, in circles.
fn is_styled(c: char) -> bool {
    matches!(c, '\u{ff10}'..='\u{ff5a}' | '\u{1d400}'..='\u{1d7ff}' | '\u{2160}'..='\u{217f}'
        | '\u{24b6}'..='\u{24e9}' | '\u{1f130}'..='\u{1f189}')
}

/// Marks that belong to the letter before them.
fn is_mark(c: char) -> bool {
    c.width() == Some(0) && !c.is_control() && !is_unseen(c)
}

/// It takes room on the screen like a blank.
fn is_false_blank(c: char) -> bool {
    c != ' '
        && (c.is_whitespace() || matches!(c, '\u{2800}' | '\u{3164}' | '\u{115f}' | '\u{1160}' | '\u{ffa0}'))
}

/// It is not seen, or changes how the rest is seen.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d9_what_would_hide_in_a_command_is_written_out() {
        for (raw, shown) in [
            ("ls -l\n\tdone", "ls -l\n\tdone"),
            ("rm -rf x;#\rls", "rm -rf x;#\\rls"),
            ("ls \u{202e}gpj.x", "ls \\u{202e}gpj.x"),
            ("pay\u{200b}pal \x1b[2K\u{9b}1A", "pay\\u{200b}pal \\u{1b}[2K\\u{9b}1A"),
            ("a    b", "a    b"),
            ("rm\u{a0}-rf \u{2800}\u{3164}x", "rm\\u{a0}-rf \\u{2800}\\u{3164}x"),
            ("a\u{fe0f}\u{e0041}\u{34f}b", "a\\u{fe0f}\\u{e0041}\\u{34f}b"),
        ] {
            assert_eq!(seen(raw), shown);
            assert_eq!(&*crate::text::clean(shown), shown, "nothing more is taken away on the screen");
        }
        let far = format!("ls{}; rm -rf x", " ".repeat(5000));
        assert_eq!(seen(&far), "ls [5000 blanks] ; rm -rf x");
        let below = format!("ls{}rm -rf x", "\n".repeat(5000));
        assert_eq!(seen(&below), format!("ls{}[5000 line feeds]\nrm -rf x", "\n".repeat(8)));
    }

    #[test]
    fn d9_letters_that_pass_for_others_are_written_out() {
        for (raw, shown) in [
            // Among ASCII letters.
            ("curl gith\u{443}b.com", "curl gith\\u{443}b.com"),
            ("p\u{430}ypal", "p\\u{430}ypal"),
            // A whole word of look-alikes, in a text that has nothing else of their script.
            ("run \u{441}\u{43e}\u{440}\u{443} now", "run \\u{441}\\u{43e}\\u{440}\\u{443} now"),
            ("sh -\u{441} x", "sh -\\u{441} x"),
            // Letters in another dress.
            ("\u{ff52}\u{ff4d} x", "\\u{ff52}\\u{ff4d} x"),
            ("\u{1d42b}m", "\\u{1d42b}m"),
        ] {
            assert_eq!(seen(raw), shown);
        }
        // Other languages stay as they are.
        for text in ["на оси x: сухо, ura", "größe naïve Δx → ∑ 日本語", "ο λόγος και η α", "it’s — fine…"]
        {
            assert_eq!(seen(text), text);
        }
    }

    #[test]
    fn d9_punctuation_that_passes_for_a_shell_s_is_written_out_in_commands() {
        assert_eq!(seen_command("rm \u{2013}rf \u{2215}etc"), "rm \\u{2013}rf \\u{2215}etc");
        assert_eq!(seen_command("a\u{37e} b `c` 'd'"), "a\\u{37e} b `c` 'd'");
    }
}
