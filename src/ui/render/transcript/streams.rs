//! Live text below the last event: what streams now, one item a stream. Finished blocks are frozen, only the last one
//! is laid out again, so that a long stream costs as much as its text once. Memory is bounded: the last bytes of the
//! source (for another width) and the last frozen rows.

use std::sync::LazyLock;

use crate::{
    agent::link::Tails,
    protocol::{SessionId, StreamKey},
    text::{CleanText, Cleaner, ansi::StyledStream, cut, wrap::Break},
    ui::{
        render::{
            Brush, Highlighter, Strip, ansi,
            markdown::{self, Settled},
        },
        theme::{Content, Icon, Role},
    },
};

/// Bytes of source that are kept of a stream.
const KEPT: usize = 128 * 1024;
/// Frozen rows of a stream; beyond it, the first [`DROPPED`] go.
const FROZEN: usize = 6_000;
const DROPPED: usize = 2_000;
/// Bytes of a paragraph from which its rows are frozen one by one.
const PARAGRAPH: usize = 160;
/// What may mean something other in markdown than itself.
static MARKUP: [bool; 256] = {
    let (mut table, bytes, mut at) = ([false; 256], b"*_`[]<>&\\~|!$#", 0);
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
};
/// Streams that are shown.
const STREAMS: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Markdown,
    Thought,
    Output,
    /// The arguments of a call, as they are written.
    Call,
}

/// One stream.
#[derive(Debug)]
pub(super) struct Stream {
    key: StreamKey,
    form: Form,
    /// Byte offset up to which the stream has been taken.
    seen: u64,
    source: String,
    /// Bytes of `source` that are laid out.
    used: usize,
    /// The beginning is missing.
    gap: bool,
    text: Text,
    frozen: Vec<Strip>,
    tail: Vec<Strip>,
    /// What its first row begins with, and the others; made anew for another theme.
    marks: Option<(Strip, Strip)>,
    /// Bytes of markdown that were parsed.
    parsed: u64,
}

/// The text that is not frozen yet.
#[derive(Debug, Default)]
struct Text {
    cleaner: Cleaner,
    styled: StyledStream,
    open: CleanText,
    /// The open text goes on within a fenced code block that began with this line.
    fence: Option<String>,
}

/// All streams of one transcript.
#[derive(Debug, Default)]
pub(super) struct Streams {
    pub(super) list: Vec<Stream>,
    width: usize,
    stamp: u64,
}

impl Streams {
    /// Takes what is new. True: something is, or a stream has gone.
    pub(super) fn take(&mut self, session: Option<SessionId>, tails: &Tails) -> bool {
        let mut changed = false;
        let mut old = std::mem::take(&mut self.list);
        tails.each(session, |key, tail| {
            if self.list.len() >= STREAMS {
                return;
            }
            let known = old.iter().position(|stream| stream.key == *key);
            let mut stream = match known {
                Some(at) => old.swap_remove(at),
                None => Stream::new(key.clone()),
            };
            changed |= known.is_none() || tail.end() > stream.seen;
            let from = stream.seen.max(tail.from);
            if from > stream.seen {
                stream.restart();
            }
            let at = usize::try_from(from - tail.from).unwrap_or(usize::MAX).min(tail.text.len());
            stream.push(tail.text.get(at..).unwrap_or_default());
            stream.seen = tail.end();
            self.list.push(stream);
        });
        changed || !old.is_empty()
    }

    /// Lays out what is new; how many rows were dropped at the front of each stream that dropped some.
    pub(super) fn lay(&mut self, brush: &Brush<'_>) -> Vec<(usize, usize)> {
        let anew = (self.width, self.stamp) != (brush.width, brush.theme.stamp());
        (self.width, self.stamp) = (brush.width, brush.theme.stamp());
        let mut dropped = Vec::new();
        for (at, stream) in self.list.iter_mut().enumerate() {
            if anew {
                stream.used = 0;
                stream.text = Text::default();
                stream.frozen.clear();
                stream.marks = None;
            }
            if anew || stream.used < stream.source.len() || stream.tail.is_empty() {
                stream.lay(brush);
            }
            if stream.frozen.len() > FROZEN {
                stream.frozen.drain(..DROPPED);
                stream.gap = true;
                dropped.push((at, DROPPED));
            }
        }
        dropped
    }
}

impl Stream {
    fn new(key: StreamKey) -> Self {
        let form = match key.item.split(':').next() {
            Some("reasoning") => Form::Thought,
            Some("output") => Form::Output,
            Some("tool") => Form::Call,
            _ => Form::Markdown,
        };
        Self {
            key,
            form,
            seen: 0,
            source: String::new(),
            used: 0,
            gap: false,
            text: Text::default(),
            frozen: Vec::new(),
            tail: Vec::new(),
            marks: None,
            parsed: 0,
        }
    }

    /// Bytes of markdown that were parsed for it.
    #[cfg(test)]
    pub(super) fn parsed(&self) -> u64 {
        self.parsed
    }

    /// Rows.
    pub(super) fn len(&self) -> usize {
        self.frozen.len() + self.tail.len()
    }

    /// One row.
    pub(super) fn row(&self, at: usize) -> Option<&Strip> {
        self.frozen.get(at).or_else(|| self.tail.get(at.checked_sub(self.frozen.len())?))
    }

    /// The text as it came (the last part of it).
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// A part of the stream was missed: begin with what is there.
    fn restart(&mut self) {
        self.gap = self.seen > 0 || self.gap;
        self.source.clear();
        self.used = 0;
        self.text = Text::default();
        self.frozen.clear();
        self.gap = true;
    }

    fn push(&mut self, text: &str) {
        self.source.push_str(text);
        if self.source.len() > 2 * KEPT {
            let keep = cut::last(&self.source, KEPT).len();
            let gone = self.source.len() - keep;
            self.source.drain(..gone);
            if self.used < gone {
                // It was never shown: what is lost of it is told by the gap.
                self.used = gone;
                self.text = Text::default();
                self.frozen.clear();
                self.gap = true;
            }
            self.used -= gone;
        }
    }

    fn lay(&mut self, brush: &Brush<'_>) {
        let new = self.used..self.source.len();
        self.used = self.source.len();
        match self.form {
            Form::Markdown => {
                self.text.cleaner = std::mem::take(&mut self.text.cleaner).for_prose();
                self.text.cleaner.push(&self.source[new], &mut self.text.open);
                self.markdown(brush);
            }
            Form::Thought => {
                self.text.cleaner = std::mem::take(&mut self.text.cleaner).for_prose();
                self.text.cleaner.push(&self.source[new], &mut self.text.open);
                self.thought(brush);
            }
            Form::Output => {
                self.text.styled.push(&self.source[new]);
                self.output(brush);
            }
            Form::Call => self.call(brush),
        }
        let caret = brush.sign(Icon::Caret);
        if self.tail.is_empty() {
            self.tail.push(Strip::default());
        }
        if let Some(last) = self.tail.pop() {
            let mut last = last.cut(brush.width.saturating_sub(1));
            last.push(caret, brush.style(Role::Accent));
            self.tail.push(last);
        }
    }

    /// The prefix of the next row: the sign, if it is the first of all.
    fn prefix(&mut self, icon: Icon, role: Role, brush: &Brush<'_>) -> (Strip, Strip) {
        let (mark, rest) = self.marks.get_or_insert_with(|| {
            let mark = brush.mark(icon, role);
            let rest = brush.indent(&mark);
            (mark, rest)
        });
        let rest = rest.clone();
        let mut first = if self.frozen.is_empty() { mark.clone() } else { rest.clone() };
        if self.frozen.is_empty() && self.gap {
            first.push(format!("{} ", brush.sign(Icon::More)), brush.style(Role::Dim));
        }
        (first, rest)
    }

    /// One pass over the open text; another only where a piece was cut off.
    fn markdown(&mut self, brush: &Brush<'_>) {
        static PLAIN: LazyLock<Highlighter> = LazyLock::new(Highlighter::off);
        let brush = &Brush { code: &PLAIN, ..*brush };
        loop {
            let (first, rest) = self.prefix(Icon::Message, Role::Accent, brush);
            let fenced = self.text.fence.as_ref().map(|fence| format!("{fence}\n{}", &*self.text.open));
            let shift = self.text.fence.as_ref().map_or(0, |fence| fence.len() + 1);
            let text: &str = fenced.as_deref().unwrap_or(&self.text.open);
            self.parsed += text.len() as u64;
            self.tail.clear();
            let (settled, rows) = markdown::grown(text, brush, &first, &rest, &mut self.tail);
            match settled {
                Settled::Blocks(at) if at > shift => {
                    self.frozen.extend(self.tail.drain(..rows));
                    self.text.fence = None;
                    self.text.open = self.text.open.split_off(at - shift);
                    return;
                }
                Settled::Piece(at) if at > shift => {
                    let fence = markdown::fence(text).map(|line| cut::at_most(line, 200).to_owned());
                    markdown::lines(&text[..at], brush, &first, &rest, &mut self.frozen);
                    self.text.fence = fence;
                    self.text.open = self.text.open.split_off(at - shift);
                }
                _ => {
                    if shift == 0 {
                        self.freeze_rows(&first, &rest);
                    }
                    return;
                }
            }
        }
    }

    /// The rows of a long paragraph up to the first markup, all but the last one, will not change any more.
    fn freeze_rows(&mut self, first: &Strip, rest: &Strip) {
        if self.text.open.len() <= PARAGRAPH {
            return;
        }
        let last = self.tail.len().saturating_sub(1);
        let (mut at, mut rows) = (0, 0);
        for (n, row) in self.tail[..last].iter().enumerate() {
            let prefix = if n == 0 { first } else { rest };
            let Some(words) = row.text().get(prefix.text().len()..).map(str::trim_end) else { break };
            let open = &self.text.open[at..];
            let blanks = open.len() - open.trim_start_matches(' ').len();
            let markup = words.bytes().any(|byte| MARKUP[usize::from(byte)]);
            if words.is_empty() || markup || !open[blanks..].starts_with(words) {
                break;
            }
            at += blanks + words.len();
            rows += 1;
        }
        // The next row begins a text of its own: it must not look like a list or a heading.
        let next = self.text.open[at..].trim_start_matches(' ');
        if at == 0 || !next.starts_with(char::is_alphabetic) {
            return;
        }
        let at = self.text.open.len() - next.len();
        self.frozen.extend(self.tail.drain(..rows));
        self.text.open = self.text.open.split_off(at);
    }

    fn thought(&mut self, brush: &Brush<'_>) {
        let style = brush.style(Role::Content(Content::Reasoning));
        let long = |text: &str| (text.len() > 4_096).then(|| text.rfind(' ').map(|at| at + 1)).flatten();
        while let Some(cut) = self.text.open.rfind('\n').map(|at| at + 1).or_else(|| long(&self.text.open)) {
            let rest = self.text.open.split_off(cut);
            let settled = std::mem::replace(&mut self.text.open, rest);
            for line in settled.strip_suffix('\n').unwrap_or(&settled).split('\n') {
                let (first, rest) = self.prefix(Icon::Note, Role::Dim, brush);
                brush.lay(&Strip::of(line, style), Break::Words, &first, &rest, &mut self.frozen);
            }
        }
        let (first, rest) = self.prefix(Icon::Note, Role::Dim, brush);
        self.tail.clear();
        brush.lay(&Strip::of(&*self.text.open, style), Break::Words, &first, &rest, &mut self.tail);
    }

    fn output(&mut self, brush: &Brush<'_>) {
        let bar = brush.mark(Icon::Bar, Role::Border);
        let (base, mono) = (brush.style(Role::Text), brush.style(Role::Bad).fg.is_none());
        let text = &mut self.text.styled.text;
        let settled = text.text.rfind('\n').map_or(0, |at| at + 1);
        let mut lines = ansi::lines(text, base, mono).peekable();
        self.tail.clear();
        while let Some(line) = lines.next() {
            let out = if lines.peek().is_some() { &mut self.frozen } else { &mut self.tail };
            brush.lay(&line, Break::Anywhere, &bar, &bar, out);
        }
        drop(lines);
        text.drop_front(settled);
    }

    fn call(&mut self, brush: &Brush<'_>) {
        let end = cut::last(&self.source, 400);
        let mut strip = brush.mark(Icon::Closed, Role::Dim);
        let room = brush.width.saturating_sub(strip.width() + 2);
        let text = crate::text::clean_line(end);
        let chars = text.chars().count();
        let shown: String = text.chars().skip(chars.saturating_sub(room)).collect();
        strip.push(shown, brush.style(Role::Dim));
        self.tail = vec![strip];
    }
}
