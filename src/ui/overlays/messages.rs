//! The log of all remarks of this screen, the newest first.

use crossterm::event::KeyCode;
use jiff::tz::TimeZone;
use ratatui::layout::Rect;

use super::{After, page::Page};
use crate::{
    protocol::Stamp,
    ui::{
        input::KeyPress,
        kit::{Canvas, centred, span},
        model::{Level, Model},
        msg::UiEffect,
    },
};

/// Cells of the time before a remark.
const LABEL: usize = 10;

/// The log.
pub struct Messages {
    page: Page,
}

impl Messages {
    /// A search line is being typed.
    pub fn is_typing(&self) -> bool {
        self.page.is_typing()
    }

    /// What was said so far.
    pub fn open(model: &Model) -> Self {
        let mut page = Page::default();
        page.view.reset(LABEL);
        let mut it = Self { page };
        it.fill(model);
        it
    }

    fn fill(&mut self, model: &Model) {
        let zone = TimeZone::system();
        let line = |toast: &crate::ui::model::toasts::Toast| {
            format!("{:<LABEL$}{}", Stamp::new(toast.at, &zone).clock(), toast.text.replace('\n', " "))
        };
        self.page.lines = model.toasts.log.iter().rev().map(line).collect();
    }

    pub fn key(&mut self, model: &mut Model, key: &KeyPress) -> (After, Vec<UiEffect>) {
        let what = format!("{} messages", self.page.lines.len());
        if let Some(done) = self.page.key(model, key, &what) {
            return done;
        }
        if matches!(key.event.code, KeyCode::Esc | KeyCode::Char('q' | 'M')) {
            while model.toasts.close() {}
            return (After::Close, Vec::new());
        }
        (After::Stay, Vec::new())
    }

    pub fn draw(&mut self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        self.fill(model);
        let place = centred(area, area.width.saturating_sub(6).min(110), area.height.saturating_sub(4));
        let (title, dim) = (canvas.skin.title(true), canvas.skin.dim());
        let count = format!("{} since the start, newest first", self.page.lines.len());
        let inner = canvas.popup(place, &[span("Messages", title)], &[span(count, dim)]);
        if self.page.lines.is_empty() {
            canvas.put(inner.x + 1, inner.y, inner.width.saturating_sub(2), "nothing was said yet", dim);
            return;
        }
        let skin = canvas.skin;
        let levels: Vec<Level> = model.toasts.log.iter().rev().map(|toast| toast.level).collect();
        self.page.draw(canvas, inner, &|at, _| match levels.get(at) {
            Some(Level::Warning) => skin.warn(),
            Some(Level::Error) => skin.error(),
            _ => skin.text(),
        });
    }
}
