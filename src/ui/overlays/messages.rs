//! The log of all remarks of this screen, the newest first.

use crossterm::event::KeyCode;
use jiff::tz::TimeZone;
use ratatui::layout::Rect;

use super::{After, scrolled};
use crate::protocol::Stamp;
use crate::ui::{
    input::KeyPress,
    kit::{Canvas, centred, span, wrap},
    model::{Level, Model},
    msg::UiEffect,
};

/// The log.
#[derive(Default)]
pub struct Messages {
    top: usize,
    height: usize,
}

impl Messages {
    pub fn key(&mut self, model: &mut Model, key: &KeyPress) -> (After, Vec<UiEffect>) {
        match key.event.code {
            KeyCode::Esc | KeyCode::Char('q' | 'M') => {
                while model.toasts.close() {}
                (After::Close, Vec::new())
            }
            KeyCode::Char('y') => {
                let all: Vec<_> = model.toasts.log.iter().map(|toast| toast.text.clone()).collect();
                let what = format!("{} messages", all.len());
                (After::Stay, vec![UiEffect::Copy { text: all.join("\n"), what }])
            }
            _ => {
                self.top = scrolled(self.top, key, self.height).unwrap_or(self.top);
                (After::Stay, Vec::new())
            }
        }
    }

    pub fn draw(&mut self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let place = centred(area, area.width.saturating_sub(6).min(110), area.height.saturating_sub(4));
        let title = canvas.skin.title(true);
        let inner = canvas.popup(place, &[span("Messages", title)], &[]);
        self.height = usize::from(inner.height);
        let cells = usize::from(inner.width).saturating_sub(13);
        let mut lines = Vec::new();
        let zone = TimeZone::system();
        for toast in model.toasts.log.iter().rev() {
            let at = Stamp::new(toast.at, &zone).clock();
            let style = match toast.level {
                Level::Info => canvas.skin.text(),
                Level::Warning => canvas.skin.warn(),
                Level::Error => canvas.skin.error(),
            };
            for (n, part) in wrap(&toast.text, cells).into_iter().enumerate() {
                lines.push((if n == 0 { at.clone() } else { String::new() }, part, style));
            }
        }
        if lines.is_empty() {
            let style = canvas.skin.dim();
            canvas.put(inner.x + 1, inner.y, inner.width, "nothing was said yet", style);
        }
        self.top = self.top.min(lines.len().saturating_sub(self.height));
        for (n, (at, text, style)) in lines.iter().skip(self.top).take(self.height).enumerate() {
            let y = inner.y + u16::try_from(n).unwrap_or(0);
            let dim = canvas.skin.dim();
            canvas.put(inner.x + 1, y, 9, at, dim);
            canvas.put(inner.x + 11, y, inner.width.saturating_sub(12), text, *style);
        }
    }
}
