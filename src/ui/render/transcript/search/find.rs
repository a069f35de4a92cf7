//! Finds a needle in bytes, with or without regard to the case of ASCII letters. With regard it is `memmem`. Without,
//! `memmem` cannot be used; then the rarest letter of the needle is looked for by `memchr`, and where that one turns out
//! to be dense in this text, its rarest pair of neighbours in all of its spellings is looked for at once.

use memchr::memmem;

/// Letters, rarest last.
const BY_FREQUENCY: &[u8] = b"etaoinsrhldcumfpgwybvkxjqz";
/// Places of the rare letter that did not fit, with fewer than [`DENSE`] bytes to each, until pairs are looked for.
const TRIED: usize = 32;
const DENSE: usize = 128;
/// Bytes whose pairs are compared at once.
const BLOCK: usize = 64;

/// A needle, prepared.
#[derive(Clone, Debug)]
pub(super) struct Finder {
    needle: Vec<u8>,
    /// `None`: in any case.
    exact: Option<Box<memmem::Finder<'static>>>,
    /// Index of the rarest byte.
    rare: usize,
    /// Index of the first byte of the rarest pair.
    pair: usize,
}

impl Finder {
    /// `None` for an empty needle.
    pub(super) fn new(needle: &[u8], any_case: bool) -> Option<Self> {
        let letters = needle.iter().any(u8::is_ascii_alphabetic);
        let exact = (!any_case || !letters).then(|| Box::new(memmem::Finder::new(needle).into_owned()));
        let rare = (0..needle.len()).max_by_key(|at| rank(needle[*at]))?;
        let pairs = 0..needle.len().saturating_sub(1);
        let pair = pairs.max_by_key(|at| rank(needle[*at]) + rank(needle[at + 1])).unwrap_or(0);
        Some(Self { needle: needle.to_owned(), exact, rare, pair })
    }

    /// The first place at or after `from`.
    pub(super) fn find(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let rest = bytes.get(from..)?;
        if let Some(exact) = &self.exact {
            return exact.find(rest).map(|at| from + at);
        }
        let byte = *self.needle.get(self.rare)?;
        let searched = rest.get(self.rare..)?;
        let mut tried = 0;
        let places = memchr::memchr2_iter(byte.to_ascii_lowercase(), byte.to_ascii_uppercase(), searched);
        for at in places {
            if self.fits(rest, at) {
                return Some(from + at);
            }
            tried += 1;
            if tried >= TRIED && self.needle.len() > 1 && at < tried * DENSE {
                return self.by_pair(rest, at + 1).map(|at| from + at);
            }
        }
        None
    }

    fn fits(&self, bytes: &[u8], at: usize) -> bool {
        bytes.get(at..at + self.needle.len()).is_some_and(|part| part.eq_ignore_ascii_case(&self.needle))
    }

    /// Compares two neighbours at every place, without a branch for the bytes of a block.
    fn by_pair(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let (a, b) = (*self.needle.get(self.pair)?, *self.needle.get(self.pair + 1)?);
        let (fold_a, fold_b) = (fold(a), fold(b));
        let (a, b) = (a | fold_a, b | fold_b);
        let mut at = from;
        let first = |at: usize| bytes.get(at + self.pair..);
        while let Some(rest) = first(at).filter(|rest| rest.len() > BLOCK) {
            let (left, right) = (&rest[..BLOCK], &rest[1..=BLOCK]);
            let mut any = 0_u8;
            for (x, y) in left.iter().zip(right) {
                any |= u8::from((x | fold_a) == a) & u8::from((y | fold_b) == b);
            }
            if any != 0
                && let Some(found) = (at..at + BLOCK).find(|at| self.fits(bytes, *at))
            {
                return Some(found);
            }
            at += BLOCK;
        }
        (at..bytes.len()).find(|at| self.fits(bytes, *at))
    }
}

/// The bit in which the cases of this letter differ.
fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphabetic() { 0x20 } else { 0 }
}

fn rank(byte: u8) -> usize {
    let lower = byte.to_ascii_lowercase();
    BY_FREQUENCY.iter().position(|known| *known == lower).unwrap_or(if byte == b' ' { 0 } else { 30 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_needle_is_found_where_a_plain_search_finds_it() {
        let text =
            "six pixels of an axis, ".repeat(40) + "the XyloPhone, Xx yY" + &"xyx ".repeat(70) + "xylophone";
        let lower = text.to_lowercase();
        for needle in ["xylophone", "xx", "x", "axis", ", x", "of", "missing x", "e", "23"] {
            let any = Finder::new(needle.as_bytes(), true).unwrap();
            let exact = Finder::new(needle.as_bytes(), false).unwrap();
            for from in 0..=text.len() {
                let plain = |text: &str| text[from..].find(needle).map(|at| from + at);
                assert_eq!(any.find(text.as_bytes(), from), plain(&lower), "'{needle}' from {from}");
                assert_eq!(exact.find(text.as_bytes(), from), plain(&text), "'{needle}' from {from}");
            }
        }
        assert!(Finder::new(b"", true).is_none());
        assert!(Finder::new(b"a", true).unwrap().find(b"a", 2).is_none());
    }
}
