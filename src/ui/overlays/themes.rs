//! Picking a theme: moving applies it, Enter keeps it, Esc brings back what was.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::After;
use crate::ui::{
    input::KeyPress,
    kept::Kept,
    kit::{Canvas, row, span},
    model::{Hit, Model},
    msg::{Shelf, UiEffect},
    skin::Sign,
    theme::{Depth, Theme},
};

/// The list of themes.
pub struct Pick {
    names: Vec<String>,
    selected: usize,
    before: Theme,
}

impl Pick {
    /// With the theme of now chosen.
    pub fn new(model: &Model) -> Self {
        let names: Vec<String> = model.term.themes.names().map(str::to_owned).collect();
        let before = model.term.skin.theme.clone();
        let selected = names.iter().position(|name| *name == before.name).unwrap_or(0);
        Self { names, selected, before }
    }

    pub fn key(&mut self, model: &mut Model, key: &KeyPress) -> (After, Vec<UiEffect>) {
        let last = self.names.len().saturating_sub(1);
        match key.event.code {
            KeyCode::Esc | KeyCode::Char('q' | 'T') => {
                model.term.skin.theme = self.before.clone();
                return (After::Close, vec![UiEffect::Redraw]);
            }
            KeyCode::Enter => {
                let theme = Some(model.term.skin.theme.name.clone());
                let over = model.fixed.config.ui.theme.clone();
                let kept = UiEffect::Shelf(Shelf::Keep(Kept { theme, over }));
                return (After::Close, vec![kept, UiEffect::Redraw]);
            }
            KeyCode::Down | KeyCode::Char('j') => self.apply(model, (self.selected + 1).min(last)),
            KeyCode::Up | KeyCode::Char('k') => self.apply(model, self.selected.saturating_sub(1)),
            KeyCode::Home | KeyCode::Char('g') => self.apply(model, 0),
            KeyCode::End | KeyCode::Char('G') => self.apply(model, last),
            _ => {}
        }
        (After::Stay, Vec::new())
    }

    /// Applies a theme at once.
    pub fn apply(&mut self, model: &mut Model, at: usize) {
        self.selected = at;
        let Some(name) = self.names.get(at) else { return };
        // Themes were checked when they were loaded.
        if let Ok(theme) = model.term.themes.get(name) {
            model.term.skin.theme = theme.at(Depth::detect(|name| std::env::var(name).ok()));
        }
    }

    pub fn draw(&mut self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let width = area.width.saturating_sub(2).min(44);
        let rows = u16::try_from(self.names.len()).unwrap_or(u16::MAX);
        let height = rows.saturating_add(3).min(area.height.saturating_sub(1));
        // At the right, so that the screen is seen in the theme.
        let place =
            Rect::new(area.right().saturating_sub(width + 1), area.y + 1, width, height).intersection(area);
        let (title, dim, plain) = (canvas.skin.title(true), canvas.skin.dim(), canvas.skin.text());
        let inner = canvas.popup(place, &[span("Theme", title)], &[]);
        if inner.height < 2 {
            return;
        }
        let room = usize::from(inner.height - 1);
        let top = (self.selected + 1).saturating_sub(room);
        for (n, name) in self.names.iter().enumerate().skip(top).take(room) {
            let line = row(inner, u16::try_from(n - top).unwrap_or(0));
            let mark = if n == self.selected { canvas.skin.sign(Sign::Selected) } else { " " };
            canvas.spans(line, &[span(format!("{mark} {name}"), plain)]);
            if n == self.selected {
                let style = canvas.skin.selected();
                canvas.paint(line, style);
            }
            canvas.hit(line, Hit::Choice(n));
        }
        let about = row(inner, inner.height - 1);
        canvas.put(about.x + 1, about.y, about.width.saturating_sub(2), &model.term.skin.theme.about, dim);
    }
}
