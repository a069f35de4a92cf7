//! Server-sent events: bytes in, events out. Works on bytes, so a character may be split anywhere; lines may end in
//! LF, CR or CRLF; comments, ids and retry times are skipped. What a payload means is not known here.

/// Bytes that one event may have: room for a whole reply of [`super::MAX_REPLY`] as escaped JSON.
pub const MAX_EVENT: usize = 40 * 1024 * 1024;

/// One event of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Empty: the stream does not name its events.
    pub name: String,
    pub data: String,
}

/// An event grew beyond [`MAX_EVENT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is longer than {} MB", MAX_EVENT / 1024 / 1024)]
pub struct TooLong;

/// The decoder of one stream.
#[derive(Debug, Default)]
pub struct Decoder {
    line: Vec<u8>,
    /// The last line ended in CR: an LF that follows belongs to it.
    after_cr: bool,
    /// A byte order mark may still come.
    begun: bool,
    name: String,
    data: Vec<u8>,
    has_data: bool,
}

impl Decoder {
    /// Takes the next bytes; gives the events that they complete.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        while !bytes.is_empty() {
            if std::mem::take(&mut self.after_cr) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = memchr::memchr2(b'\n', b'\r', bytes) else {
                self.line.extend_from_slice(bytes);
                break;
            };
            self.line.extend_from_slice(&bytes[..end]);
            self.after_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            self.end_of_line(&mut events);
        }
        if self.line.len() + self.data.len() > MAX_EVENT {
            return Err(TooLong);
        }
        Ok(events)
    }

    /// The stream is over: an event that lacks only its empty line still counts.
    pub fn finish(&mut self) -> Option<Event> {
        let mut events = Vec::new();
        if !self.line.is_empty() {
            self.end_of_line(&mut events);
        }
        self.dispatch(&mut events);
        events.pop()
    }

    fn end_of_line(&mut self, events: &mut Vec<Event>) {
        let line = std::mem::take(&mut self.line);
        let mut line = line.as_slice();
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            self.dispatch(events);
            return;
        }
        let (field, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &line[line.len()..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => self.name = String::from_utf8_lossy(value).into_owned(),
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
            }
            _ => {}
        }
    }

    fn dispatch(&mut self, events: &mut Vec<Event>) {
        let name = std::mem::take(&mut self.name);
        let data = std::mem::take(&mut self.data);
        if std::mem::take(&mut self.has_data) {
            let data = match String::from_utf8(data) {
                Ok(text) => text,
                Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            };
            events.push(Event { name, data });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(name: &str, data: &str) -> Event {
        Event { name: name.to_owned(), data: data.to_owned() }
    }

    fn all(decoder: &mut Decoder, pieces: &[&[u8]]) -> Vec<Event> {
        let mut events = Vec::new();
        for piece in pieces {
            events.extend(decoder.push(piece).unwrap());
        }
        events.extend(decoder.finish());
        events
    }

    #[test]
    fn every_kind_of_line_end_and_of_field_is_read() {
        let text = b"\xef\xbb\xbf: comment\r\nevent: a\r\ndata: 1\r\n\r\nid: 7\ndata:2\ndata: 3\n\ndata\r\rretry: 1\n\ndata: end";
        let expected = vec![event("a", "1"), event("", "2\n3"), event("", ""), event("", "end")];
        assert_eq!(all(&mut Decoder::default(), &[text]), expected);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut decoder = Decoder::default();
        let piece = vec![b'x'; 8 * 1024 * 1024];
        let refused = (0..10).any(|_| decoder.push(&piece).is_err());
        assert!(refused);
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_split_changes_nothing(
            payloads in proptest::collection::vec("[^\r\n]{0,40}", 1..6),
            cuts in proptest::collection::vec(1usize..9, 0..200),
            crlf in any::<bool>(),
        ) {
            let end = if crlf { "\r\n" } else { "\n" };
            let text: String =
                payloads.iter().map(|data| format!("event: e{end}data: {data}{end}{end}")).collect();
            let mut pieces = Vec::new();
            let mut rest = text.as_bytes();
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            let expected: Vec<_> = payloads.iter().map(|data| event("e", data)).collect();
            prop_assert_eq!(all(&mut Decoder::default(), &pieces), expected);
        }

        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            all(&mut Decoder::default(), &[&bytes]);
        }
    }
}
