//! The whole transcript as text, for the pager and for copying a pane: read row by row, so that memory stays small. It
//! may be moved to another thread.

use std::io::{self, Write};

use super::{Journal, Transcript};
use crate::{
    fold::view::{Kind, Row},
    text::{CleanText, clean_whole},
    ui::render::items,
};

/// Writes a transcript.
#[derive(Debug)]
pub struct Exporter {
    pub(super) journal: Journal,
    pub(super) rows: Vec<Row>,
}

impl Transcript {
    /// What writes the whole transcript as it is now.
    pub fn exporter(&self) -> Exporter {
        Exporter { journal: Journal::new(&self.source.dir), rows: self.view.rows_shown() }
    }
}

impl Exporter {
    /// The newest part of the transcript's text, at most about so many bytes (`Y` copies it).
    pub fn newest(mut self, bytes: usize) -> CleanText {
        let mut parts = Vec::new();
        let mut size = 0;
        for row in self.rows.iter().rev() {
            if size >= bytes {
                break;
            }
            let text =
                self.journal.get(row.pos()).map(|event| items::text(&event, row.part)).unwrap_or_default();
            size += text.len() + 2;
            parts.push(clean_whole(text.trim_end()));
        }
        let mut all = CleanText::default();
        for part in parts.iter().rev().filter(|part| !part.is_empty()) {
            if !all.is_empty() {
                all.push(&CleanText::literal("\n\n"));
            }
            all.push(part);
        }
        let cut = all.len().saturating_sub(bytes);
        all.split_off(cut)
    }

    /// Writes it. Clean text only: it is made to be shown.
    pub fn write(mut self, out: &mut dyn Write) -> io::Result<()> {
        for row in &self.rows {
            let text = match self.journal.get(row.pos()) {
                Ok(event) => items::text(&event, row.part),
                Err(why) => format!("(unreadable: {why})"),
            };
            if text.trim().is_empty() {
                continue;
            }
            let name = match row.kind {
                Kind::Step | Kind::Message | Kind::Run => "",
                Kind::Reasoning => "thought: ",
                Kind::Call | Kind::Shell => "call: ",
                Kind::Output | Kind::Answer => "output: ",
                Kind::User | Kind::Turn => "told: ",
                Kind::Nudge => "nudge: ",
                Kind::Problem => "problem: ",
                Kind::System => "instructions: ",
                _ => "note: ",
            };
            writeln!(out, "{name}{}\n", clean_whole(text.trim_end()))?;
        }
        out.flush()
    }
}
