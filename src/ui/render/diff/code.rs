//! Colours of the code in a diff. Each hunk has two texts, what was and what is; each is highlighted as a block.

use std::{cell::RefCell, sync::Arc};

use super::{FileDiff, LineKind};
use crate::ui::{
    render::{
        Highlighter,
        highlight::{Answer, Lines},
    },
    theme::Code,
};

/// A text of a hunk: what was, or what is.
#[derive(Clone, Debug, Default)]
struct Block {
    text: String,
    lines: u32,
    /// The highlighter's version when it was asked, and its answer. `None`: to be asked (again).
    asked: RefCell<Option<(u64, Option<Arc<Lines>>)>>,
}

/// The code of one file.
#[derive(Clone, Debug, Default)]
pub struct Coded {
    language: String,
    blocks: Vec<Block>,
    /// Of each line of the diff: its block, and its line there.
    places: Vec<Option<(u32, u32)>>,
}

impl Coded {
    /// The blocks of a file.
    pub fn new(file: &FileDiff) -> Self {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let language = name.rsplit_once('.').map_or(name, |(_, end)| end).to_owned();
        let mut it = Self { language, blocks: vec![Block::default(), Block::default()], places: Vec::new() };
        for line in &file.lines {
            let at = it.blocks.len();
            let place = match line.kind {
                LineKind::Hunk => {
                    it.blocks.extend([Block::default(), Block::default()]);
                    None
                }
                LineKind::Note => None,
                LineKind::Removed => Some(it.blocks[at - 2].add(&line.text, at - 2)),
                LineKind::Added => Some(it.blocks[at - 1].add(&line.text, at - 1)),
                LineKind::Context => {
                    it.blocks[at - 2].add(&line.text, at - 2);
                    Some(it.blocks[at - 1].add(&line.text, at - 1))
                }
            };
            it.places.push(place);
        }
        it
    }

    /// Something is being highlighted: ask again when the highlighter has another version.
    pub fn is_pending(&self) -> bool {
        let waits =
            |block: &Block| matches!(&*block.asked.borrow(), Some((asked, None)) if *asked != u64::MAX);
        self.blocks.iter().any(waits)
    }

    /// The pieces of a line, by their ends in bytes. Empty: it stays plain (for now).
    pub fn pieces(&self, line: usize, code: &Highlighter) -> Vec<(u32, Code)> {
        let Some((block, at)) = self.places.get(line).copied().flatten() else { return Vec::new() };
        let Some(block) = self.blocks.get(block as usize) else { return Vec::new() };
        let lines = block.lines(&self.language, code);
        lines.and_then(|lines| lines.get(at as usize).cloned()).unwrap_or_default()
    }
}

impl Block {
    fn add(&mut self, text: &str, block: usize) -> (u32, u32) {
        self.text.push_str(text);
        self.text.push('\n');
        self.lines += 1;
        (block as u32, self.lines - 1)
    }

    fn lines(&self, language: &str, code: &Highlighter) -> Option<Arc<Lines>> {
        let version = code.version();
        if let Some((asked, lines)) = &*self.asked.borrow()
            && (lines.is_some() || *asked == version)
        {
            return lines.clone();
        }
        let (asked, lines) = match code.get(language, &self.text) {
            Answer::Ready(lines) => (version, Some(lines)),
            // Asked again when something is ready; a language that is not known never.
            Answer::Pending => (version, None),
            Answer::Plain => (u64::MAX, None),
        };
        *self.asked.borrow_mut() = Some((asked, lines.clone()));
        lines
    }
}
