//! A text that scrolls over the screen.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::{After, scrolled};
use crate::ui::{
    input::KeyPress,
    kit::{Canvas, centred, row, span, wrap},
    msg::UiEffect,
};

/// The text.
pub struct Sheet {
    title: String,
    text: Vec<String>,
    top: usize,
    height: usize,
}

impl Sheet {
    /// A sheet; the lines are wrapped when it is drawn.
    pub fn new(title: impl Into<String>, text: Vec<String>) -> Self {
        Self { title: title.into(), text, top: 0, height: 1 }
    }

    pub fn key(&mut self, key: &KeyPress) -> (After, Vec<UiEffect>) {
        match key.event.code {
            KeyCode::Esc | KeyCode::Char('q') | KeyCode::Enter => (After::Close, Vec::new()),
            _ => {
                self.top = scrolled(self.top, key, self.height).unwrap_or(self.top);
                (After::Stay, Vec::new())
            }
        }
    }

    pub fn draw(&mut self, canvas: &mut Canvas<'_>, area: Rect) {
        let width = area.width.saturating_sub(6).min(110);
        let cells = usize::from(width.saturating_sub(4));
        let lines: Vec<String> = self.text.iter().flat_map(|line| wrap(line, cells)).collect();
        let height =
            u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).clamp(5, area.height.saturating_sub(2).max(5));
        let place = centred(area, width, height);
        let title = canvas.skin.title(true);
        let inner = canvas.popup(place, &[span(self.title.clone(), title)], &[]);
        self.height = usize::from(inner.height);
        self.top = self.top.min(lines.len().saturating_sub(self.height));
        for (y, line) in lines.iter().skip(self.top).take(self.height).enumerate() {
            let at = row(inner, u16::try_from(y).unwrap_or(0));
            let style = canvas.skin.text();
            canvas.put(at.x + 1, at.y, at.width.saturating_sub(2), line, style);
        }
    }
}
