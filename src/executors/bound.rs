//! Bounds on what executors say, before it becomes events.

/// Most bytes of a turn's response; the whole answer is kept up to here.
pub(super) const MAX_RESPONSE: usize = 16 * 1024 * 1024;
/// Most bytes of one text of an activity (a message, a diff, a tool's result).
pub(super) const MAX_TEXT: usize = 1024 * 1024;
/// Most bytes of a command's output in an activity.
pub(super) const MAX_OUTPUT: usize = 32 * 1024;
/// Most bytes of a short text: an error, a reason, a command line.
pub(super) const MAX_SHORT: usize = 16 * 1024;
/// Bytes of a model's text after which an estimate of what it has cost so far is told again.
pub(super) const LIVE_STEP: u64 = 128;
/// Most bytes of an unknown message that is kept.
const MAX_RAW: usize = 64 * 1024;

/// The text, cut in its middle to about `most` bytes; the cut says how much is left out.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut head = most / 2;
    while !text.is_char_boundary(head) {
        head -= 1;
    }
    let mut tail = text.len() - (most - most / 2);
    while !text.is_char_boundary(tail) {
        tail += 1;
    }
    let (before, after) = (&text[..head], &text[tail..]);
    format!("{before}\n… {} bytes left out …\n{after}", tail - head)
}

/// Appends to a live text that is kept up to `most` bytes; what does not fit is dropped from its middle.
pub(super) fn grow(text: &mut String, piece: &str, most: usize) {
    text.push_str(piece);
    if text.len() > most.saturating_mul(2) {
        *text = cut(text, most);
    }
}

/// A message that is kept as it is, or its beginning as text where it is too long.
pub(super) fn raw(value: &serde_json::Value) -> serde_json::Value {
    let text = value.to_string();
    if text.len() <= MAX_RAW { value.clone() } else { serde_json::Value::String(cut(&text, MAX_RAW)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_keeps_both_ends_on_character_boundaries_and_says_how_much_is_gone() {
        assert_eq!(cut("short", 5), "short");
        let text = format!("{}{}", "ä".repeat(10), "€".repeat(10));
        let short = cut(&text, 15);
        assert_eq!(short, "äää\n… 38 bytes left out …\n€€");
        let mut live = String::new();
        (0..1_000).for_each(|_| grow(&mut live, "0123456789", 100));
        assert!(live.len() < 300 && live.ends_with("0123456789"));
    }
}
