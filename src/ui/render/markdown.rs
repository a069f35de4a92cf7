//! Markdown to rows. Not responsible for streams ([`super::transcript`] freezes finished blocks and gives only the last
//! one again), nor for parsing code (see [`super::highlight`]).

mod table;
mod writer;

use pulldown_cmark::{Event, Options, Parser};

use super::{Brush, Strip};

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

/// Finds what of a growing text is settled: every block but the last, or a piece of the last where it is long.
pub fn settled(text: &str) -> Settled {
    let (mut depth, mut last) = (0_usize, 0);
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        match event {
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Start(_) => {
                if depth == 0 {
                    last = range.start;
                }
                depth += 1;
            }
            _ if depth == 0 => last = range.start,
            _ => {}
        }
    }
    if last > 0 {
        return Settled::Blocks(last);
    }
    if text.len() < BLOCK_MAX {
        return Settled::Nothing;
    }
    let cut = text.rfind('\n').filter(|at| *at > BLOCK_MAX / 2).or_else(|| text.rfind(' '));
    cut.map_or(Settled::Nothing, |at| Settled::Piece(at + 1))
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
