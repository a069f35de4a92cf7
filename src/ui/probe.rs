//! One question to the terminal before the event stream exists: background colour, kitty keys, "are you there".
//!
//! All three are written together and the answers are read here, until the last one or 100 ms. After that nothing is
//! asked any more, because an answer could be taken for typing.

use std::{
    io::{self, Read, Write},
    os::fd::AsFd,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// OSC 11 ?, CSI ? u, CSI c.
const QUESTION: &[u8] = b"\x1b]11;?\x1b\\\x1b[?u\x1b[c";
/// How long a terminal may take to answer.
pub const PATIENCE: Duration = Duration::from_millis(100);
/// Bytes of answers that are read.
const MAX_ANSWER: usize = 4096;

/// What the terminal said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Background, 8 bits a channel.
    pub background: Option<(u8, u8, u8)>,
    /// It speaks the kitty keyboard protocol.
    pub kitty: bool,
    /// It answered the last question: nothing comes late.
    pub complete: bool,
    /// What was typed meanwhile (printable characters only).
    pub typed: String,
}

/// Asks. The terminal must be in raw mode; no event stream may exist.
pub fn ask() -> io::Result<Answers> {
    let mut tty = std::fs::File::options().read(true).write(true).open("/dev/tty")?;
    tty.write_all(QUESTION)?;
    let deadline = Instant::now() + PATIENCE;
    let mut read = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || read.len() >= MAX_ANSWER {
            return Ok(parse(&read));
        }
        let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(left.subsec_nanos()) };
        let mut fds = [PollFd::from_borrowed_fd(tty.as_fd(), PollFlags::IN)];
        match poll(&mut fds, Some(&wait)) {
            Ok(0) => return Ok(parse(&read)),
            Ok(_) => {
                let mut chunk = [0; 512];
                match tty.read(&mut chunk) {
                    Ok(0) => return Ok(parse(&read)),
                    Ok(n) => read.extend_from_slice(&chunk[..n]),
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => return Err(e),
                }
                let answers = parse(&read);
                if answers.complete {
                    return Ok(answers);
                }
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// Reads answers, in any order, among typed characters and rubbish.
pub fn parse(bytes: &[u8]) -> Answers {
    let text = String::from_utf8_lossy(bytes);
    let mut answers = Answers::default();
    let mut rest = text.as_ref();
    while let Some(c) = rest.chars().next() {
        if let Some(body) = rest.strip_prefix("\x1b]") {
            let Some((at, len)) =
                [body.find('\x07').map(|at| (at, 1)), body.find("\x1b\\").map(|at| (at, 2))]
                    .into_iter()
                    .flatten()
                    .min()
            else {
                break;
            };
            if let Some(colour) = body[..at].strip_prefix("11;") {
                answers.background = colour_of(colour);
            }
            rest = &body[at + len..];
        } else if let Some(body) = rest.strip_prefix("\x1b[") {
            let Some(end) = body.find(|c: char| ('\x40'..='\x7e').contains(&c)) else { break };
            match (body.starts_with('?'), body.as_bytes().get(end)) {
                (true, Some(b'u')) => answers.kitty = true,
                (true, Some(b'c')) => answers.complete = true,
                _ => {}
            }
            rest = &body[end + 1..];
        } else {
            if !c.is_control() {
                answers.typed.push(c);
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    answers
}

/// `rgb:ffff/0000/1234` or `#rrggbb`.
fn colour_of(text: &str) -> Option<(u8, u8, u8)> {
    let channel = |part: &str| -> Option<u8> {
        let value = u32::from_str_radix(part, 16).ok()?;
        let top = (1u32 << (4 * part.len().min(4))) - 1;
        u8::try_from(value * 255 / top).ok()
    };
    let parts: Vec<&str> = match (text.strip_prefix("rgb:").or_else(|| text.strip_prefix("rgba:")), text) {
        (Some(list), _) => list.split('/').take(3).collect(),
        (None, hex) => {
            let hex = hex.strip_prefix('#')?;
            (0..3).map(|i| hex.get(2 * i..2 * i + 2)).collect::<Option<_>>()?
        }
    };
    match parts[..] {
        [r, g, b] if parts.iter().all(|p| (1..=4).contains(&p.len())) => {
            Some((channel(r)?, channel(g)?, channel(b)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_in_any_order_among_typed_characters() {
        let all = parse(b"a\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\\x1b[?0u b\x1b[?62;22c");
        let expected = Answers {
            background: Some((0x1e, 0x1e, 0x2e)),
            kitty: true,
            complete: true,
            typed: "a b".into(),
        };
        assert_eq!(all, expected);
        assert_eq!(parse(b"\x1b[?1;2c"), Answers { complete: true, ..Answers::default() });
        assert_eq!(parse(b"\x1b]11;#ffffff\x07").background, Some((255, 255, 255)));
    }

    #[test]
    fn rubbish_and_half_answers_are_no_answers() {
        for bytes in [&b"\x1b]11;rgb:zz/1/1\x1b\\"[..], b"\x1b]11;rgb:ffff", b"\x1b[?1", b"\xff\xfe\x1b", b""]
        {
            let answers = parse(bytes);
            assert_eq!(
                (answers.background, answers.kitty, answers.complete),
                (None, false, false),
                "{bytes:?}"
            );
        }
    }
}
