//! Text that a human is asked to judge: nothing in it may be out of sight.

/// Blanks in a row that are shown as they are.
const BLANKS: usize = 16;

/// The text with all that is not seen, or that changes how the rest is seen, written out: control characters but line
/// feed and tab, marks of direction, characters without width, and long rows of blanks.
pub fn seen(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blanks = 0;
    for c in text.chars() {
        if is_blank(c) {
            blanks += 1;
            continue;
        }
        put_blanks(&mut out, std::mem::take(&mut blanks));
        match c {
            '\n' | '\t' => out.push(c),
            _ if c.is_control() || is_unseen(c) => out.extend(c.escape_default()),
            _ => out.push(c),
        }
    }
    put_blanks(&mut out, blanks);
    out
}

fn put_blanks(out: &mut String, count: usize) {
    if count > BLANKS {
        out.push_str(&format!(" [{count} blanks] "));
    } else {
        out.extend(std::iter::repeat_n(' ', count));
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
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
        ] {
            assert_eq!(seen(raw), shown);
            assert_eq!(&*crate::text::clean(shown), shown, "nothing more is taken away on the screen");
        }
        let far = format!("ls{}; rm -rf x", " ".repeat(5000));
        assert_eq!(seen(&far), "ls [5000 blanks] ; rm -rf x");
    }
}
