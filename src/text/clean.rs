//! The border between raw text and every sink (screen, title, notification, clipboard, pager, log, plain mode): a
//! [`CleanText`] holds no control character but newline and tab, no sequence, no character that hides or reorders.
//!
//! What is taken out (QUALITY §6): control sequences with their payload, in 7-bit and C1 forms; all of C0 (but `\n`,
//! `\t`), DEL and C1; bidi and zero-width characters, tags, variation supplements; combining marks beyond a bound. A
//! line that was rewritten by a lone carriage return keeps its last version, marked [`REWRITTEN`]. A line that is too
//! long for a screen is cut and says so.

use std::{fmt, ops::Deref};

use unicode_width::UnicodeWidthChar;

use super::{
    ansi::Marks,
    vt::{Machine, Seen},
};

/// Bytes of one line that are shown.
pub const LINE_SHOWN: usize = 8 * 1024;
/// Combining marks on one character.
const MARKS_PER_CELL: u32 = 8;
/// Combining marks on one line.
const MARKS_PER_LINE: u32 = 1_000;
/// Stands before a line that was rewritten by a carriage return.
pub const REWRITTEN: &str = "↺ ";

/// Text that may go to a sink. Only this module makes one from raw text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CleanText(String);

impl CleanText {
    /// Text of ours, in the program's source.
    pub fn literal(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// Appends text that is clean too.
    pub fn push(&mut self, other: &Self) {
        self.0.push_str(&other.0);
    }

    /// The rest from a byte offset on (rounded up to a character).
    pub fn split_off(&mut self, at: usize) -> Self {
        let mut at = at.min(self.0.len());
        while !self.0.is_char_boundary(at) {
            at += 1;
        }
        Self(self.0.split_off(at))
    }

    /// The text.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl Deref for CleanText {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for CleanText {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CleanText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<CleanText> for String {
    fn from(text: CleanText) -> Self {
        text.0
    }
}

/// Cleans text of several lines for the screen; lines over [`LINE_SHOWN`] bytes are cut.
pub fn clean(raw: &str) -> CleanText {
    let mut out = CleanText::default();
    let mut cleaner = Cleaner::new();
    cleaner.push(raw, &mut out);
    cleaner.finish(&mut out);
    out
}

/// Cleans text for a file or the clipboard: as [`clean`], but no line is cut.
pub fn clean_whole(raw: &str) -> CleanText {
    let mut out = CleanText::default();
    let mut cleaner = Cleaner::whole();
    cleaner.push(raw, &mut out);
    cleaner.finish(&mut out);
    out
}

/// Cleans text for one line: newlines become `⏎`, tabs a space; at most [`LINE_SHOWN`] bytes, then `…`.
pub fn clean_line(raw: &str) -> CleanText {
    let head = super::cut::at_most(raw, 4 * LINE_SHOWN);
    let text = clean_whole(head).0;
    let text = text.trim_end_matches('\n');
    let mut line: String = super::cut::at_most(text, LINE_SHOWN)
        .chars()
        .map(|ch| match ch {
            '\n' => '⏎',
            '\t' => ' ',
            other => other,
        })
        .collect();
    if head.len() < raw.len() || text.len() > LINE_SHOWN {
        line.push('…');
    }
    CleanText(line)
}

/// As [`clean`], and how many hidden characters were taken out (approvals show it).
pub fn clean_counted(raw: &str) -> (CleanText, u64) {
    let mut out = CleanText::default();
    let mut cleaner = Cleaner::new();
    cleaner.push(raw, &mut out);
    cleaner.finish(&mut out);
    (out, cleaner.hidden())
}

/// Cleans a stream chunk by chunk. The unfinished last line must stay in the `out` that is passed to the next call,
/// because a carriage return may take it back.
#[derive(Clone, Debug, Default)]
pub struct Cleaner {
    machine: Machine,
    whole: bool,
    line: LineState,
    /// The character before was part of an emoji; `joiner`: and a ZWJ followed that waits for another one.
    emoji: bool,
    joiner: bool,
    hidden: u64,
}

/// What is known of the line that is being written.
#[derive(Clone, Copy, Debug, Default)]
struct LineState {
    bytes: usize,
    cut: usize,
    marks: u32,
    cell: u32,
    /// A carriage return has come; the next character rewrites the line.
    returned: bool,
}

impl Cleaner {
    /// For the screen.
    pub fn new() -> Self {
        Self::default()
    }

    /// Without the cut of long lines.
    pub fn whole() -> Self {
        Self { whole: true, ..Self::default() }
    }

    /// The same cleaner, from now on without the cut of long lines: prose is wrapped anyway.
    pub fn for_prose(mut self) -> Self {
        self.whole = true;
        self
    }

    /// Hidden characters (bidi, zero-width, tags, surplus combining marks) taken out so far.
    pub fn hidden(&self) -> u64 {
        self.hidden
    }

    /// Cleans the next chunk and appends it to `out`.
    pub fn push(&mut self, raw: &str, out: &mut CleanText) {
        self.run(raw, &mut out.0, None);
    }

    /// The same, keeping the styles.
    pub(super) fn push_styled(&mut self, raw: &str, out: &mut CleanText, marks: &mut Marks) {
        self.run(raw, &mut out.0, Some(marks));
    }

    /// Ends the stream: says what was cut of the last line.
    pub fn finish(&mut self, out: &mut CleanText) {
        self.close_line(&mut out.0);
    }

    fn run(&mut self, raw: &str, out: &mut String, mut marks: Option<&mut Marks>) {
        out.reserve(raw.len());
        let mut rest = raw;
        while !rest.is_empty() {
            if self.machine.is_ground() && !self.line.returned && !self.joiner {
                let plain = plain_len(rest.as_bytes());
                if plain > 0 {
                    self.plain(&rest[..plain], out);
                    rest = &rest[plain..];
                    continue;
                }
            }
            let Some(ch) = rest.chars().next() else { break };
            rest = &rest[ch.len_utf8()..];
            self.one(ch, out, &mut marks);
        }
    }

    fn one(&mut self, ch: char, out: &mut String, marks: &mut Option<&mut Marks>) {
        match self.machine.step(ch) {
            Seen::Print(ch) => self.print(ch, out, marks),
            Seen::Newline => {
                self.drop_joiner();
                self.close_line(out);
                out.push('\n');
            }
            Seen::Tab => self.print('\t', out, marks),
            Seen::Return => self.line.returned = true,
            Seen::Control => {}
            Seen::Sgr => {
                if let Some(marks) = marks {
                    marks.sgr(out.len(), self.machine.params());
                }
            }
        }
    }

    /// Printable ASCII, newlines and tabs.
    fn plain(&mut self, text: &str, out: &mut String) {
        self.emoji = false;
        if !self.whole && self.line.bytes + text.len() > LINE_SHOWN {
            for line in text.split_inclusive('\n') {
                self.plain_line(line, out);
            }
            return;
        }
        out.push_str(text);
        match text.as_bytes().iter().rposition(|b| *b == b'\n') {
            Some(at) => self.line = LineState { bytes: text.len() - at - 1, ..LineState::default() },
            None => {
                self.line.bytes += text.len();
                self.line.cell = 0;
            }
        }
    }

    fn plain_line(&mut self, line: &str, out: &mut String) {
        let text = line.strip_suffix('\n').unwrap_or(line);
        let room = LINE_SHOWN.saturating_sub(self.line.bytes).min(text.len());
        out.push_str(&text[..room]);
        self.line.bytes += room;
        self.line.cell = 0;
        self.line.cut += text.len() - room;
        if text.len() < line.len() {
            self.close_line(out);
            out.push('\n');
        }
    }

    fn print(&mut self, ch: char, out: &mut String, marks: &mut Option<&mut Marks>) {
        if self.joiner {
            self.joiner = false;
            if is_emoji(ch) { self.put('\u{200d}', out) } else { self.hidden += 1 }
        }
        if ch == '\u{200d}' && self.emoji {
            self.joiner = true;
            return;
        }
        if is_hidden(ch) {
            self.hidden += 1;
            return;
        }
        self.rewrite(out, marks);
        let ch = if matches!(ch, '\u{2028}' | '\u{2029}') { ' ' } else { ch };
        if ch.width() == Some(0) && ch != '\t' {
            self.line.cell += 1;
            self.line.marks += 1;
            if self.line.cell > MARKS_PER_CELL || self.line.marks > MARKS_PER_LINE {
                self.hidden += 1;
                return;
            }
        } else {
            self.line.cell = 0;
            self.emoji = is_emoji(ch);
        }
        self.put(ch, out);
    }

    fn put(&mut self, ch: char, out: &mut String) {
        let len = ch.len_utf8();
        if !self.whole && self.line.bytes + len > LINE_SHOWN {
            self.line.cut += len;
        } else {
            self.line.bytes += len;
            out.push(ch);
        }
    }

    fn drop_joiner(&mut self) {
        self.hidden += u64::from(self.joiner);
        self.joiner = false;
        self.emoji = false;
    }

    /// A carriage return came and now text: the line begins anew.
    fn rewrite(&mut self, out: &mut String, marks: &mut Option<&mut Marks>) {
        if !std::mem::take(&mut self.line.returned) {
            return;
        }
        let start = out.rfind('\n').map_or(0, |at| at + 1);
        if out.len() == start {
            return;
        }
        out.truncate(start);
        if let Some(marks) = marks {
            marks.truncate(start);
        }
        out.push_str(REWRITTEN);
        self.line = LineState { bytes: REWRITTEN.len(), ..LineState::default() };
    }

    fn close_line(&mut self, out: &mut String) {
        if self.line.cut > 0 {
            let (shown, cut) = (self.line.bytes, self.line.cut);
            out.push_str(&format!(" … {cut} more bytes on this line ({shown} shown)"));
        }
        self.line = LineState::default();
    }
}

/// Bytes at the beginning that are printable ASCII, newline or tab. Blocks of 32 without a branch in them, so that the
/// compiler makes vectors of it.
fn plain_len(bytes: &[u8]) -> usize {
    let odd = |b: u8| (b < 0x20) & (b != b'\n') & (b != b'\t') | (b >= 0x7f);
    let mut len = 0;
    for block in bytes.chunks(32) {
        let any = block.iter().fold(false, |any, b| any | odd(*b));
        if any {
            return len + block.iter().position(|b| odd(*b)).unwrap_or(block.len());
        }
        len += block.len();
    }
    len
}

/// Characters that hide, reorder or smuggle text.
fn is_hidden(ch: char) -> bool {
    matches!(ch,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Characters that a zero-width joiner may join.
fn is_emoji(ch: char) -> bool {
    matches!(ch,
        '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{2190}'..='\u{21ff}'
        | '\u{2300}'..='\u{23ff}')
}

#[cfg(test)]
#[path = "clean_tests.rs"]
mod tests;
