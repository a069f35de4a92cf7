//! A text that scrolls over the screen.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::{After, page::Page};
use crate::ui::{
    input::KeyPress,
    kit::{Canvas, centred, span, wrap},
    model::Model,
    msg::UiEffect,
};

/// The text.
pub struct Sheet {
    title: String,
    page: Page,
}

impl Sheet {
    /// A search line is being typed.
    pub fn is_typing(&self) -> bool {
        self.page.is_typing()
    }

    /// A sheet; the lines are wrapped when it is drawn.
    pub fn new(title: impl Into<String>, text: Vec<String>) -> Self {
        let mut page = Page::plain(0);
        page.lines = text;
        Self { title: title.into(), page }
    }

    pub fn key(&mut self, model: &Model, key: &KeyPress) -> (After, Vec<UiEffect>) {
        if let Some(done) = self.page.key(model, key, "the text") {
            return done;
        }
        match key.event.code {
            KeyCode::Esc | KeyCode::Char('q') | KeyCode::Enter => (After::Close, Vec::new()),
            _ => (After::Stay, Vec::new()),
        }
    }

    pub fn draw(&mut self, canvas: &mut Canvas<'_>, area: Rect) {
        let width = area.width.saturating_sub(6).min(110);
        let cells = usize::from(width.saturating_sub(4));
        let most = usize::from(area.height.saturating_sub(4));
        let rows = self.page.lines.iter().map(|line| wrap(line, cells).len());
        let rows = rows.scan(0, |sum, rows| (*sum < most).then(|| *sum += rows).map(|()| *sum)).last();
        let height = u16::try_from(rows.unwrap_or(0).min(most) + 2).unwrap_or(u16::MAX).max(5);
        let place = centred(area, width, height);
        let (title, plain) = (canvas.skin.title(true), canvas.skin.text());
        let inner = canvas.popup(place, &[span(self.title.clone(), title)], &[]);
        self.page.draw(canvas, inner, &|_, _| plain);
    }
}
