//! What is drawn in the measurements: a transcript over a real file.

use std::io::Write;

use ratatui::layout::Rect;
use zwarm_tui::{
    fold::view::{View, Whose},
    protocol::{Event, Pos, Stamp, Wire, event::ItemAdded, item},
    ui::render::{Source, Transcript},
};

/// Columns and rows of a large terminal.
pub const AREA: Rect = Rect { x: 0, y: 0, width: 200, height: 60 };

/// A transcript of so many rows over a file of a thousand messages.
pub fn transcript(rows: usize) -> (tempfile::TempDir, Transcript) {
    let dir = tempfile::tempdir().expect("a folder");
    let mut file = std::fs::File::create(dir.path().join("events.jsonl")).expect("a file");
    let mut few = View::new(Whose::All);
    let mut offset = 0;
    for seq in 1..=1_000_u64 {
        let text = format!(
            "Message {seq} with *some* `markdown`. {}",
            "More words follow. ".repeat(seq as usize % 20)
        );
        let raw = item::raw(&serde_json::json!({"role": "assistant", "content": text}));
        let body = ItemAdded { item_id: seq, item: raw, wire: Wire::Responses, tokens: 1 }.into();
        let (id, timestamp) =
            (uuid::Uuid::nil(), Stamp::parse("2026-11-24T12:00:00.000000+00:00").expect("a time"));
        let event = Event { v: 1, id, seq, timestamp, session_id: None, task_id: None, body };
        let line = event.to_line(&event.body.payload().expect("a payload")) + "\n";
        file.write_all(line.as_bytes()).expect("written");
        few.apply(&Pos { seq, offset, len: line.len() as u32 }, &event);
        offset += line.len() as u64;
    }
    let mut all = View::new(Whose::All);
    all.rows.extend(few.rows.iter().cycle().take(rows));
    let mut transcript = Transcript::new(Source { dir: dir.path().to_owned(), session: None });
    transcript.seed(&all);
    (dir, transcript)
}
