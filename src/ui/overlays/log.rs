//! The end of the program's own log file.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::{After, page::Page};
use crate::ui::{
    input::KeyPress,
    kit::{Canvas, centred, span},
    model::Model,
    msg::{Shelf, UiEffect},
    render::{Reading, Scroll},
};

/// The log.
#[derive(Default)]
pub struct Log {
    file: String,
    was_read: bool,
    page: Page,
}

impl Log {
    /// A search line is being typed.
    pub fn is_typing(&self) -> bool {
        self.page.is_typing()
    }

    /// It was read: the newest file and its last lines, of which the newest is in view.
    pub fn set(&mut self, file: String, lines: Vec<String>) {
        (self.file, self.was_read, self.page.lines) = (file, true, lines);
        self.page.text().scroll(Scroll::Bottom);
    }

    pub fn key(&mut self, model: &Model, key: &KeyPress) -> (After, Vec<UiEffect>) {
        if let Some(done) = self.page.key(model, key, "the log") {
            return done;
        }
        match key.event.code {
            KeyCode::Esc | KeyCode::Char('q' | 'D') => (After::Close, Vec::new()),
            KeyCode::Char('r') => {
                (After::Stay, vec![UiEffect::Shelf(Shelf::ReadLog(model.fixed.home.log()))])
            }
            _ => (After::Stay, Vec::new()),
        }
    }

    pub fn draw(&mut self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let place = centred(area, area.width.saturating_sub(4).min(150), area.height.saturating_sub(2));
        let (title, dim, plain) = (canvas.skin.title(true), canvas.skin.dim(), canvas.skin.text());
        let file = crate::ui::kit::tilde(&self.file, &model.fixed.user_home);
        let inner = canvas.popup(place, &[span("Log", title)], &[span(file, dim)]);
        let word = if self.was_read { "the log is empty" } else { "reading…" };
        if self.page.lines.is_empty() {
            canvas.put(inner.x + 1, inner.y, inner.width.saturating_sub(2), word, dim);
            return;
        }
        let skin = canvas.skin;
        self.page.draw(canvas, inner, &|_, line| match line.split_whitespace().nth(1) {
            Some("ERROR") => skin.error(),
            Some("WARN") => skin.warn(),
            _ => plain,
        });
    }
}
