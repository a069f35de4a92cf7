//! The end of the program's own log file.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::{After, scrolled};
use crate::ui::{
    input::KeyPress,
    kit::{Canvas, centred, row, span, wrap},
    model::Model,
    msg::UiEffect,
};

/// The log.
#[derive(Default)]
pub struct Log {
    file: String,
    read: Option<Vec<String>>,
    /// Rows from the end; 0: the newest is in view.
    up: usize,
    height: usize,
    rows: usize,
}

impl Log {
    /// It was read: the newest file and its last lines.
    pub fn set(&mut self, file: String, lines: Vec<String>) {
        (self.file, self.read) = (file, Some(lines));
    }

    pub fn key(&mut self, model: &Model, key: &KeyPress) -> (After, Vec<UiEffect>) {
        let lines = || self.read.as_ref().map(|lines| lines.join("\n")).unwrap_or_default();
        match key.event.code {
            KeyCode::Esc | KeyCode::Char('q' | 'D') => return (After::Close, Vec::new()),
            KeyCode::Char('r') => {
                return (
                    After::Stay,
                    vec![UiEffect::Shelf(crate::ui::msg::Shelf::ReadLog(model.fixed.home.log()))],
                );
            }
            KeyCode::Char('o') => return (After::Stay, vec![UiEffect::Page(lines())]),
            KeyCode::Char('y') => {
                return (After::Stay, vec![UiEffect::Copy { text: lines(), what: "the log".to_owned() }]);
            }
            _ => {
                let most = self.rows.saturating_sub(self.height);
                let top = most.saturating_sub(self.up);
                let top = scrolled(top, key, self.height).unwrap_or(top).min(most);
                self.up = most - top;
            }
        }
        (After::Stay, Vec::new())
    }

    pub fn draw(&mut self, canvas: &mut Canvas<'_>, area: Rect) {
        let place = centred(area, area.width.saturating_sub(4).min(150), area.height.saturating_sub(2));
        let (title, dim, plain) = (canvas.skin.title(true), canvas.skin.dim(), canvas.skin.text());
        let inner = canvas.popup(place, &[span("Log", title)], &[span(self.file.clone(), dim)]);
        let cells = usize::from(inner.width.saturating_sub(2));
        self.height = usize::from(inner.height);
        let Some(lines) = &self.read else {
            canvas.put(inner.x + 1, inner.y, inner.width, "reading…", dim);
            return;
        };
        let styled: Vec<_> = lines
            .iter()
            .flat_map(|line| {
                let style = match line.split_whitespace().nth(1) {
                    Some("ERROR") => canvas.skin.error(),
                    Some("WARN") => canvas.skin.warn(),
                    _ => plain,
                };
                wrap(line, cells).into_iter().map(move |part| (part, style))
            })
            .collect();
        self.rows = styled.len();
        if styled.is_empty() {
            canvas.put(inner.x + 1, inner.y, inner.width, "the log is empty", dim);
        }
        self.up = self.up.min(self.rows.saturating_sub(self.height));
        let top = self.rows.saturating_sub(self.height + self.up);
        for (n, (line, style)) in styled.iter().skip(top).take(self.height).enumerate() {
            let at = row(inner, u16::try_from(n).unwrap_or(0));
            canvas.put(at.x + 1, at.y, at.width.saturating_sub(2), line, *style);
        }
    }
}
