//! The lines of a journal file, found from an offset on with bounded memory. Knows newlines and lengths; what a line
//! says is [`parse`]'s, and thus `protocol::event`'s.

use std::io;

use super::fs::ReadAt;
use crate::protocol::{Event, Pos, event::LineError};

/// Longest line that is read, in bytes; a longer one counts as damaged. An answer of 16 MB, the largest that is kept,
/// fits in even if every byte of it has to be escaped.
pub const MAX_LINE: usize = 128 * 1024 * 1024;
/// Bytes that are read at once.
const CHUNK: usize = 256 * 1024;

/// What stands at an offset.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A line; `bytes` are without its newline, which is there.
    Line { offset: u64, bytes: &'a [u8] },
    /// A line of more than the limit; `len` includes its newline.
    TooLong { offset: u64, len: u64 },
    /// The rest of the file, without a newline. `bytes` is `None` where it is too long.
    Tail { offset: u64, len: u64, bytes: Option<&'a [u8]> },
}

/// An iterator that lends its lines.
pub(super) struct Lines<'f> {
    file: &'f dyn ReadAt,
    limit: usize,
    /// Offset in the file of `buf[start]`.
    offset: u64,
    buf: Vec<u8>,
    start: usize,
    /// Up to where `buf` holds no newline.
    searched: usize,
    filled: usize,
}

impl<'f> Lines<'f> {
    pub(super) fn new(file: &'f dyn ReadAt, from: u64) -> Self {
        Self::limited(file, from, MAX_LINE)
    }

    fn limited(file: &'f dyn ReadAt, from: u64, limit: usize) -> Self {
        Self { file, limit, offset: from, buf: Vec::new(), start: 0, searched: 0, filled: 0 }
    }

    /// The next line, or the tail; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Found<'_>>> {
        // Bytes of an over-long line that have been thrown away.
        let mut dropped = 0_u64;
        let begun = self.offset;
        loop {
            let fresh = self.buf.get(self.searched..self.filled).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'\n', fresh) {
                let end = self.searched + at;
                let (from, len) = (self.start, end + 1 - self.start);
                (self.start, self.searched) = (end + 1, end + 1);
                self.offset += len as u64;
                if dropped > 0 {
                    return Ok(Some(Found::TooLong { offset: begun, len: dropped + len as u64 }));
                }
                let bytes = self.buf.get(from..end).unwrap_or_default();
                return Ok(Some(Found::Line { offset: begun, bytes }));
            }
            self.searched = self.filled;
            if self.filled - self.start > self.limit {
                dropped += (self.filled - self.start) as u64;
                self.offset += (self.filled - self.start) as u64;
                (self.start, self.searched, self.filled) = (0, 0, 0);
            }
            if self.fill()? == 0 {
                let (from, len) = (self.start, self.filled - self.start);
                (self.start, self.searched) = (self.filled, self.filled);
                self.offset += len as u64;
                let bytes = (dropped == 0).then(|| self.buf.get(from..self.filled).unwrap_or_default());
                let len = dropped + len as u64;
                return Ok((len > 0).then_some(Found::Tail { offset: begun, len, bytes }));
            }
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        if self.start > 0 && self.buf.len() - self.filled < CHUNK {
            self.buf.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.searched -= self.start;
            self.start = 0;
        }
        if self.buf.len() - self.filled < CHUNK {
            let more = (self.filled + CHUNK).max(self.buf.len() * 2).min(self.limit + 2 * CHUNK);
            self.buf.resize(more.max(self.filled + CHUNK), 0);
        }
        let at = self.offset + (self.filled - self.start) as u64;
        loop {
            match self.file.read_at(self.buf.get_mut(self.filled..).unwrap_or_default(), at) {
                Ok(count) => {
                    self.filled += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Reads a line without its newline.
pub(super) fn parse(bytes: &[u8]) -> Result<Event, LineError> {
    Event::from_line(text(bytes)?)
}

/// A line as text.
pub(super) fn text(bytes: &[u8]) -> Result<&str, LineError> {
    std::str::from_utf8(bytes).map_err(|error| LineError::Malformed(error.to_string()))
}

/// Where a line lies; `seq` 0 for one that could not be read, `len` without the newline given.
pub(super) fn pos(seq: u64, offset: u64, bytes: &[u8]) -> Pos {
    Pos { seq, offset, len: u32::try_from(bytes.len() + 1).unwrap_or(u32::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl ReadAt for Vec<u8> {
        fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
            let rest = &self[(offset as usize).min(self.len())..];
            let count = rest.len().min(buf.len()).min(7);
            buf[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        }
    }

    fn all(data: &str, from: u64, limit: usize) -> Vec<String> {
        let data = data.as_bytes().to_vec();
        let mut lines = Lines::limited(&data, from, limit);
        let mut seen = Vec::new();
        while let Some(found) = lines.next().unwrap() {
            seen.push(match found {
                Found::Line { offset, bytes } => format!("{offset}:{}", String::from_utf8_lossy(bytes)),
                Found::TooLong { offset, len } => format!("{offset}:too long {len}"),
                Found::Tail { offset, len, bytes } => format!("{offset}:tail {len} {}", bytes.is_some()),
            });
        }
        seen
    }

    #[test]
    fn lines_are_found_with_their_offsets_and_the_tail_is_told_apart() {
        assert_eq!(
            all("one\n\nthree is longer\nrest", 0, 64),
            ["0:one", "4:", "5:three is longer", "21:tail 4 true"]
        );
        assert_eq!(all("one\ntwo\n", 4, 64), ["4:two"]);
        assert!(all("", 0, 64).is_empty());
        assert!(all("one\n", 40, 64).is_empty());
    }

    #[test]
    fn an_over_long_line_costs_no_memory_and_the_next_one_is_found() {
        let long = "x".repeat(1000);
        assert_eq!(
            all(&format!("a\n{long}\nb\n{long}"), 0, 100),
            ["0:a", "2:too long 1001", "1003:b", "1005:tail 1000 false"]
        );
    }
}
