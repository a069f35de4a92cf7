//! The changes: what git says is different in the working directory since the run began, per file.

use std::path::{Component, Path, PathBuf};

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::After;
use crate::ui::{
    input::KeyPress,
    kit::{Canvas, centred, span},
    model::{Model, RunModel},
    msg::UiEffect,
    render::{Brush, diff::DiffView},
};

/// The diff, or why there is none.
pub struct Changes {
    dir: PathBuf,
    base: Option<String>,
    read: Option<Result<String, String>>,
    view: DiffView,
}

impl Changes {
    /// Opens it; the effect reads the diff.
    pub fn open(run: &RunModel) -> (Self, UiEffect) {
        let it = Self {
            dir: run.working_dir.clone(),
            base: run.folds.run.git_base.clone(),
            read: None,
            view: DiffView::default(),
        };
        let effect = it.read();
        (it, effect)
    }

    fn read(&self) -> UiEffect {
        UiEffect::Shelf(crate::ui::msg::Shelf::ReadChanges { dir: self.dir.clone(), base: self.base.clone() })
    }

    /// The diff was read.
    pub fn set(&mut self, dir: &Path, diff: Result<String, String>) {
        if dir != self.dir {
            return;
        }
        self.view.set(diff.as_deref().unwrap_or_default());
        self.read = Some(diff);
    }

    pub fn key(&mut self, key: &KeyPress) -> (After, Vec<UiEffect>) {
        let ctrl = key.event.modifiers.contains(crossterm::event::KeyModifiers::CONTROL);
        match key.event.code {
            KeyCode::Esc | KeyCode::Char('q' | 'V') => return (After::Close, Vec::new()),
            KeyCode::Char('r') => return (After::Stay, vec![self.read()]),
            KeyCode::Down | KeyCode::Char('j') => self.view.scroll(1),
            KeyCode::Up | KeyCode::Char('k') => self.view.scroll(-1),
            KeyCode::PageDown | KeyCode::Char(' ') => self.view.page(1),
            KeyCode::Char('d') if ctrl => self.view.page(1),
            KeyCode::PageUp => self.view.page(-1),
            KeyCode::Char('u') if ctrl => self.view.page(-1),
            KeyCode::Home | KeyCode::Char('g') => self.view.scroll(isize::MIN / 2),
            KeyCode::End | KeyCode::Char('G') => self.view.scroll(isize::MAX / 2),
            KeyCode::Char('}' | ']' | 'n') => self.view.next_file(true),
            KeyCode::Char('{' | '[' | 'N') => self.view.next_file(false),
            KeyCode::Tab | KeyCode::Left | KeyCode::Right => self.view.toggle(),
            KeyCode::Enter => return (After::Stay, self.edit().into_iter().collect()),
            KeyCode::Char('o') => {
                let text = self.read.as_ref().and_then(|read| read.as_ref().ok());
                let page = text.map(|text| UiEffect::Page(crate::text::clean_whole(text).into_string()));
                return (After::Stay, page.into_iter().collect());
            }
            KeyCode::Char('y') => {
                if let Some(file) = self.view.file() {
                    let text = crate::text::clean_line(&file.path).into_string();
                    return (After::Stay, vec![UiEffect::Copy { text, what: "the path".to_owned() }]);
                }
            }
            _ => {}
        }
        (After::Stay, Vec::new())
    }

    /// Opens the file at the cursor, where it lies in the working directory.
    fn edit(&self) -> Option<UiEffect> {
        let path = Path::new(AsRef::<str>::as_ref(&self.view.file()?.path));
        let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        inside.then(|| UiEffect::EditFile { path: self.dir.join(path), line: self.view.line_number() })
    }

    pub fn draw(&mut self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let place = centred(area, area.width.saturating_sub(4).min(150), area.height.saturating_sub(2));
        let (title, dim) = (canvas.skin.title(true), canvas.skin.dim());
        let (added, removed) =
            self.view.files.iter().fold((0, 0), |sum, file| (sum.0 + file.added, sum.1 + file.removed));
        let files = if self.view.files.len() == 1 { "file" } else { "files" };
        let count = format!("{} {files} +{added} -{removed}", self.view.files.len());
        let inner = canvas.popup(place, &[span("Changes since the run began", title)], &[span(count, dim)]);
        match &self.read {
            None => {
                canvas.put(inner.x + 1, inner.y, inner.width.saturating_sub(2), "asking git…", dim);
            }
            Some(Err(why)) => {
                let style = canvas.skin.warn();
                canvas.put(inner.x + 1, inner.y, inner.width.saturating_sub(2), why, style);
            }
            Some(Ok(_)) if self.view.files.is_empty() => {
                canvas.put(inner.x + 1, inner.y, inner.width.saturating_sub(2), "nothing has changed", dim);
            }
            Some(Ok(_)) => {
                let theme = canvas.skin.theme.clone();
                let (width, ascii) = (usize::from(inner.width), canvas.skin.ascii);
                let brush = Brush { theme: &theme, width, ascii, wrap: false, code: &model.term.code };
                self.view.render(inner, canvas.buf, &brush, true);
            }
        }
    }
}
