//! Markdown to rows. Not responsible for streams ([`super::transcript`] freezes finished blocks and gives only the last
//! one again), nor for parsing code (see [`super::highlight`]).

mod table;
mod writer;

use pulldown_cmark::{Event, Options, Parser};

use super::{Brush, Strip};
use crate::{text::wrap::Break, ui::theme::Role};

/// A block that grows beyond this many bytes is settled in pieces.
const BLOCK_MAX: usize = 4 * 1024;

fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS
}

/// Appends the rows of a text; the first begins with `first`, the others with `rest`. True: some code in it is not
/// highlighted yet.
pub fn lines(text: &str, brush: &Brush<'_>, first: &Strip, rest: &Strip, out: &mut Vec<Strip>) -> bool {
    let mut writer = writer::Writer::new(*brush, first.clone(), rest.clone(), out);
    for event in Parser::new_ext(text, options()) {
        writer.event(event);
    }
    writer.finish()
}

/// How a growing text is divided: what of it will not change any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Nothing yet.
    Nothing,
    /// Whole blocks up to this offset.
    Blocks(usize),
    /// A piece of one long block up to this offset (the end of a line or of a word).
    Piece(usize),
}

/// Appends the rows of a growing text like [`lines`], and tells in the same pass what of it is settled: every block but
/// the last, or a piece of the last where it is long. The number is of the rows in `out` that belong to settled blocks.
pub fn grown(
    text: &str,
    brush: &Brush<'_>,
    first: &Strip,
    rest: &Strip,
    out: &mut Vec<Strip>,
) -> (Settled, usize) {
    if is_prose(text) {
        return prose(text, brush, first, rest, out);
    }
    let (none, mut depth, mut last, mut rows) = (out.len(), 0_usize, 0, 0);
    let mut writer = writer::Writer::new(*brush, first.clone(), rest.clone(), out);
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        let begins = depth == 0 && !matches!(event, Event::End(_));
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        let before = writer.rows();
        writer.event(event);
        // What follows an open line without an empty row may become a part of it: `|` goes on a table.
        let sure = begins && (text[range.start..].contains('\n') || text[..range.start].ends_with("\n\n"));
        if sure {
            // The empty row between the blocks belongs to what is settled.
            (last, rows) = (line_start(text, range.start), if before > none { before + 1 } else { none });
        }
    }
    writer.finish();
    if last > 0 {
        return (Settled::Blocks(last), rows);
    }
    let long = text.len() >= BLOCK_MAX;
    let line = || text.rfind('\n').filter(|at| *at > BLOCK_MAX / 2).or_else(|| text.rfind(' '));
    let cut = long.then(line).flatten();
    (cut.map_or(Settled::Nothing, |at| Settled::Piece(at + 1)), none)
}

/// Bytes that mean nothing but themselves in the middle of a line: what sentences are written with.
static PLAIN: [bool; 256] = {
    let (mut table, mut byte) = ([false; 256], b' ');
    while byte <= b'~' {
        table[byte as usize] = !matches!(
            byte,
            b'*' | b'_' | b'`' | b'[' | b']' | b'<' | b'>' | b'&' | b'\\' | b'~' | b'|' | b'!' | b'$' | b'#'
        );
        byte += 1;
    }
    table
};

/// Whether a text is nothing but paragraphs without markup: each line begins with a letter, and no line that goes on ends
/// with a blank.
fn is_prose(text: &str) -> bool {
    let mut before: &[u8] = b"";
    for line in text.as_bytes().split(|byte| *byte == b'\n') {
        let begins = line.first().is_none_or(u8::is_ascii_alphabetic);
        let breaks = before.ends_with(b" ") && !line.is_empty();
        if !begins || breaks || !line.iter().all(|byte| PLAIN[usize::from(*byte)]) {
            return false;
        }
        before = line;
    }
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.len() < BLOCK_MAX
}

/// [`grown`] for a text that [`is_prose`], without the parser.
fn prose(
    text: &str,
    brush: &Brush<'_>,
    first: &Strip,
    rest: &Strip,
    out: &mut Vec<Strip>,
) -> (Settled, usize) {
    let (style, mut settled) = (brush.style(Role::Text), (Settled::Nothing, out.len()));
    let mut at = 0;
    while at < text.len() {
        let end = memchr::memmem::find(&text.as_bytes()[at..], b"\n\n").map_or(text.len(), |len| at + len);
        if at > 0 {
            out.push(rest.clone());
            settled = (Settled::Blocks(at), out.len());
        }
        let line = text[at..end].trim_end();
        let line = if line.contains('\n') {
            Strip::of(line.replace('\n', " "), style)
        } else {
            Strip::of(line, style)
        };
        brush.lay(&line, Break::Words, if at == 0 { first } else { rest }, rest, out);
        at = text.len() - text[end..].trim_start_matches('\n').len();
    }
    settled
}

/// The indent of a block belongs to it.
fn line_start(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    let start = before.trim_end_matches(' ').len();
    if start == 0 || before[..start].ends_with('\n') { start } else { at }
}

/// The line that opens a fenced code block, where `text` begins with one.
pub fn fence(text: &str) -> Option<&str> {
    let line = text.split('\n').next()?;
    let bare = line.trim_start_matches(' ');
    (line.len() - bare.len() < 4 && (bare.starts_with("```") || bare.starts_with("~~~"))).then_some(line)
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
