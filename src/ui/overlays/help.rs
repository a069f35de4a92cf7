//! The help: the effective keys, the focused context first. Typing filters.

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::layout::Rect;

use super::After;
use crate::ui::{
    actions::{Context, TABLE},
    input::{KeyPress, contexts},
    kit::{Canvas, centred, fit, row, span},
    model::Model,
    msg::UiEffect,
};

/// The help.
#[derive(Default)]
pub struct Help {
    /// The keys of what lies below it.
    here: Vec<(String, String)>,
    filter: String,
    top: usize,
    height: usize,
}

enum Line {
    Heading(&'static str),
    Key(String, String),
}

impl Help {
    /// With the keys of an overlay first.
    pub fn over(here: Vec<(String, String)>) -> Self {
        Self { here, ..Self::default() }
    }

    pub fn key(&mut self, key: &KeyPress) -> (After, Vec<UiEffect>) {
        let page = self.height.max(1);
        match key.event.code {
            KeyCode::Esc if self.filter.is_empty() => return (After::Close, Vec::new()),
            KeyCode::Esc => self.filter.clear(),
            KeyCode::F(1) | KeyCode::Enter => return (After::Close, Vec::new()),
            KeyCode::Char('?' | 'q') if self.filter.is_empty() => return (After::Close, Vec::new()),
            // Whoever is used to it begins to filter so.
            KeyCode::Char('/') if self.filter.is_empty() => {}
            KeyCode::Down => self.top += 1,
            KeyCode::Up => self.top = self.top.saturating_sub(1),
            KeyCode::PageDown => self.top += page,
            KeyCode::PageUp => self.top = self.top.saturating_sub(page),
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Char(c)
                if !key.event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) =>
            {
                self.filter.push(c);
                self.top = 0;
            }
            _ => {}
        }
        (After::Stay, Vec::new())
    }

    pub fn paste(&mut self, text: &str) -> bool {
        self.filter.push_str(&crate::text::clean_line(text));
        true
    }

    fn lines(&self, model: &Model) -> Vec<Line> {
        let here = contexts(model);
        let mut order: Vec<Context> = here.clone();
        order.extend(Context::ALL.into_iter().filter(|context| !here.contains(context)));
        let wanted = self.filter.to_lowercase();
        let mut lines = Vec::new();
        let fits = |(key, text): &&(String, String)| format!("{key} {text}").to_lowercase().contains(&wanted);
        let here: Vec<_> = self.here.iter().filter(fits).collect();
        if !here.is_empty() {
            lines.push(Line::Heading("What is open"));
            lines.extend(here.into_iter().map(|(key, text)| Line::Key(key.clone(), text.clone())));
        }
        for context in order {
            let mut heading = Some(context.title());
            for row in TABLE.iter().filter(|row| row.context == context) {
                let keys = model.fixed.keymap.labels(row.id, model.term.skin.ascii).join("  ");
                // What has no key is run from the palette.
                let keys = if keys.is_empty() { "palette".to_owned() } else { keys };
                let hay = format!("{keys} {} {}", row.id, row.text).to_lowercase();
                if !hay.contains(&wanted) {
                    continue;
                }
                lines.extend(heading.take().map(Line::Heading));
                lines.push(Line::Key(keys, row.text.to_owned()));
            }
        }
        lines
    }

    pub fn draw(&mut self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let lines = self.lines(model);
        let place = centred(
            area,
            area.width.saturating_sub(if area.width < 100 { 2 } else { 8 }).min(128),
            area.height.saturating_sub(2).min(40),
        );
        let (title, dim) = (canvas.skin.title(true), canvas.skin.dim());
        let shown = if model.fixed.keymap.is_changed() {
            "your keymap (keys.yaml)"
        } else {
            "change them in keys.yaml"
        };
        let inner = canvas.popup(place, &[span("Keys", title)], &[span(shown, dim)]);
        if inner.height < 2 {
            return;
        }
        self.height = usize::from(inner.height) - 2;
        self.top = self.top.min(lines.len().saturating_sub(self.height));
        let two = inner.width >= 84;
        let half = inner.width / if two { 2 } else { 1 };
        let per_column = self.height;
        let visible = lines.iter().skip(self.top).take(per_column * if two { 2 } else { 1 });
        for (n, line) in visible.enumerate() {
            let x = inner.x + if n >= per_column { half } else { 0 };
            let y = inner.y + u16::try_from(n % per_column.max(1)).unwrap_or(0);
            match line {
                Line::Heading(text) => {
                    canvas.put(x + 1, y, half.saturating_sub(1), text, title);
                }
                Line::Key(keys, text) => {
                    let style = canvas.skin.key();
                    canvas.put(x + 1, y, 13, &fit(keys, 13, canvas.skin.ascii), style);
                    let style = canvas.skin.text();
                    canvas.put(x + 15, y, half.saturating_sub(16), text, style);
                }
            }
        }
        let last = row(inner, inner.height - 1);
        canvas.put(last.x + 1, last.y, 9, "filter: ", dim);
        let style = canvas.skin.text();
        let used = canvas.put(last.x + 9, last.y, last.width.saturating_sub(10), &self.filter, style);
        canvas.cursor = Some((last.x + 9 + used, last.y).into());
    }
}
