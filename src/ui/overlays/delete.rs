//! The question before an instance is deleted: a word must be typed.

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::layout::Rect;

use super::After;
use crate::{
    store::Listed,
    ui::{
        input::KeyPress,
        kit::{Canvas, centred, span, wrap},
        msg::UiEffect,
    },
};

/// What must be typed.
const WORD: &str = "delete";

/// The question.
pub struct Delete {
    listed: Box<Listed>,
    typed: String,
}

impl Delete {
    /// Asks about an instance.
    pub fn new(listed: Listed) -> Self {
        Self { listed: Box::new(listed), typed: String::new() }
    }

    pub fn key(&mut self, key: &KeyPress) -> (After, Vec<UiEffect>) {
        let ctrl = key.event.modifiers.contains(KeyModifiers::CONTROL);
        match key.event.code {
            KeyCode::Esc => return (After::Close, Vec::new()),
            KeyCode::Char('c' | 'g') if ctrl => return (After::Close, Vec::new()),
            KeyCode::Enter if self.typed.trim() == WORD => {
                return (
                    After::Close,
                    vec![UiEffect::Shelf(crate::ui::msg::Shelf::Delete(self.listed.clone()))],
                );
            }
            KeyCode::Char('u') if ctrl => self.typed.clear(),
            KeyCode::Backspace => {
                self.typed.pop();
            }
            KeyCode::Char(c) if !ctrl && self.typed.len() < 2 * WORD.len() => self.typed.push(c),
            _ => {}
        }
        (After::Stay, Vec::new())
    }

    pub fn draw(&mut self, canvas: &mut Canvas<'_>, area: Rect) {
        let place = centred(area, area.width.saturating_sub(4).clamp(20, 74), 11);
        let (warn, plain, dim, accent) =
            (canvas.skin.warn(), canvas.skin.text(), canvas.skin.dim(), canvas.skin.accent());
        let inner = canvas.popup(place, &[span("Delete instance?", warn)], &[]);
        let meta = &self.listed.meta;
        let text = [
            format!(
                "This deletes '{}' ({} {}) for good: its journal and the transcripts of its sessions.",
                meta.name,
                meta.steps,
                if meta.steps == 1 { "step" } else { "steps" }
            ),
            "Files in its working directory stay as they are.".to_owned(),
            String::new(),
            self.listed.dir.display().to_string(),
        ];
        let cells = usize::from(inner.width.saturating_sub(4));
        let lines: Vec<String> = text.iter().flat_map(|line| wrap(line, cells)).collect();
        let room = usize::from(inner.height.saturating_sub(2));
        for (y, line) in (inner.y + 1..).zip(lines.iter().take(room)) {
            canvas.put(inner.x + 2, y, inner.width.saturating_sub(4), line, plain);
        }
        let y = inner.bottom().saturating_sub(1);
        let mut x = inner.x + 2;
        x += canvas.put(x, y, inner.right().saturating_sub(x), &format!("type '{WORD}' and Enter: "), dim);
        x += canvas.put(x, y, inner.right().saturating_sub(x), &self.typed, accent);
        canvas.cursor = Some((x.min(inner.right().saturating_sub(1)), y).into());
    }
}
