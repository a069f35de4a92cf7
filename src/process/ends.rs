//! The two ends of an output of any length, in bounded memory: the first and the last characters, and how much is
//! missing between.

use std::collections::VecDeque;

/// Characters that are kept of a stream at each end.
pub(super) const KEPT: usize = 4_000;
/// Bytes that surely hold as many characters.
const ROOM: usize = 4 * KEPT;

/// What is kept of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ends {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl Ends {
    /// Takes what was read.
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let free = ROOM.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..free]);
        bytes = &bytes[free..];
        if bytes.len() >= ROOM {
            self.tail.clear();
            bytes = &bytes[bytes.len() - ROOM..];
        }
        let over = (self.tail.len() + bytes.len()).saturating_sub(ROOM);
        self.tail.drain(..over);
        self.tail.extend(bytes);
    }

    /// The text (what is not UTF-8 is replaced) and the bytes that were left out of it.
    pub(super) fn finish(self) -> (String, u64) {
        let seen = self.head.len() + self.tail.len();
        let lost = self.total.saturating_sub(seen as u64);
        let mut bytes = self.head;
        if lost == 0 {
            bytes.extend(self.tail);
            let text = String::from_utf8_lossy(&bytes);
            let count = text.chars().count();
            if count <= 2 * KEPT {
                return (text.into_owned(), 0);
            }
            let (head, tail) = (first(&text, KEPT), last(&text, KEPT));
            let cut = (text.len() - head.len() - tail.len()) as u64;
            return (joined(head, tail, cut), cut);
        }
        let (front, back) = (String::from_utf8_lossy(&bytes), Vec::from(self.tail));
        let back = String::from_utf8_lossy(&back);
        let (head, tail) = (first(&front, KEPT), last(&back, KEPT));
        let cut = lost + (front.len() - head.len()) as u64 + (back.len() - tail.len()) as u64;
        (joined(head, tail, cut), cut)
    }
}

fn joined(head: &str, tail: &str, cut: u64) -> String {
    format!("{head}\n… {cut} bytes left out …\n{tail}")
}

fn first(text: &str, count: usize) -> &str {
    let end = text.char_indices().nth(count).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

fn last(text: &str, count: usize) -> &str {
    let start = count.checked_sub(1).and_then(|back| text.char_indices().nth_back(back));
    &text[start.map_or(0, |(at, _)| at)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(pieces: impl Iterator<Item = Vec<u8>>) -> (String, u64) {
        let mut ends = Ends::default();
        pieces.for_each(|piece| ends.push(&piece));
        ends.finish()
    }

    #[test]
    fn what_fits_is_whole_and_what_does_not_says_what_is_missing() {
        assert_eq!(ends([b"a".to_vec(), b"b".to_vec()].into_iter()), ("ab".into(), 0));
        assert_eq!(ends(std::iter::once(vec![b'x'; 8_000])), ("x".repeat(8_000), 0));
        let (text, cut) = ends(std::iter::once(vec![b'x'; 8_001]));
        assert_eq!((text.lines().nth(1), cut), (Some("… 1 bytes left out …"), 1));
    }

    #[test]
    fn a_long_stream_keeps_its_two_ends_whatever_the_pieces() {
        let whole: Vec<u8> = (0..200_000).flat_map(|n: u32| format!("{n:06}\n").into_bytes()).collect();
        let expected_head: String = String::from_utf8_lossy(&whole).chars().take(KEPT).collect();
        for size in [1, 7, 4_096, 65_536, whole.len()] {
            let (text, cut) = ends(whole.chunks(size).map(<[u8]>::to_vec));
            assert!(text.starts_with(&expected_head) && text.ends_with("199998\n199999\n"), "{size}");
            assert_eq!(cut, whole.len() as u64 - 2 * KEPT as u64, "{size}");
        }
    }

    #[test]
    fn characters_are_counted_not_bytes_and_what_is_no_text_is_replaced() {
        let (text, cut) = ends("€".repeat(10_000).into_bytes().chunks(5).map(<[u8]>::to_vec));
        assert_eq!(text.chars().filter(|c| *c == '€').count(), 2 * KEPT);
        assert_eq!(cut, 3 * 2_000);
        assert_eq!(ends(std::iter::once(vec![b'a', 0xff, b'b'])), ("a\u{fffd}b".into(), 0));
    }
}
