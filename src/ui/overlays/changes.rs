//! The changes: what git says is different in the working directory since the run began, per file.

use std::path::{Component, Path, PathBuf};

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::{
    After,
    page::{Took, read},
};
use crate::ui::{
    actions::Item,
    input::KeyPress,
    kit::{Canvas, centred, row, span},
    model::{Hit, Model, RunModel},
    msg::UiEffect,
    panes::texts,
    render::{Brush, Reading, Scroll, diff::DiffView},
};

/// The diff, or why there is none.
pub struct Changes {
    dir: PathBuf,
    base: Option<String>,
    read: Option<Result<String, String>>,
    view: DiffView,
    /// The search line, while one is typed.
    line: Option<String>,
}

impl Changes {
    /// A search line is being typed.
    pub fn is_typing(&self) -> bool {
        self.line.is_some()
    }

    /// Opens it; the effect reads the diff.
    pub fn open(run: &RunModel) -> (Self, UiEffect) {
        let it = Self {
            dir: run.working_dir.clone(),
            base: run.folds.run.git_base.clone(),
            read: None,
            view: DiffView::default(),
            line: None,
        };
        let effect = it.ask();
        (it, effect)
    }

    fn ask(&self) -> UiEffect {
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

    pub fn key(&mut self, model: &Model, key: &KeyPress) -> (After, Vec<UiEffect>) {
        let page = || {
            let text = self.read.as_ref().and_then(|read| read.as_ref().ok());
            text.map(|text| crate::text::clean_whole(text).into_string())
        };
        let copy = |text: String, what: &str| vec![UiEffect::Copy { text, what: what.to_owned() }];
        if self.line.is_none() && key.event.code == KeyCode::Enter {
            return (After::Stay, self.edit().into_iter().collect());
        }
        let effects = match read(&mut self.view, &mut self.line, model, key) {
            Took::Yes => Vec::new(),
            Took::Item(Item::Pager | Item::PagerAll) => page().map(UiEffect::Page).into_iter().collect(),
            Took::Item(Item::Copy) => match self.view.file() {
                Some(file) => copy(file.path.to_string(), "the path"),
                None => Vec::new(),
            },
            Took::Item(Item::Wrap) => {
                self.view.toggle_wrap();
                Vec::new()
            }
            Took::Item(Item::CopyPane) => page().map(|text| copy(text, "the diff")).unwrap_or_default(),
            Took::Item(_) | Took::No => match key.event.code {
                KeyCode::Esc | KeyCode::Char('q' | 'V') => return (After::Close, Vec::new()),
                KeyCode::Char('r') => vec![self.ask()],
                KeyCode::Char(']') => self.to(Scroll::StepNext),
                KeyCode::Char('[') => self.to(Scroll::StepPrev),
                KeyCode::Tab => {
                    self.view.toggle();
                    Vec::new()
                }
                _ => Vec::new(),
            },
        };
        (After::Stay, effects)
    }

    fn to(&mut self, to: Scroll) -> Vec<UiEffect> {
        self.view.scroll(to);
        Vec::new()
    }

    /// A click on a row.
    pub fn click(&mut self, row: usize) -> (After, Vec<UiEffect>) {
        self.view.click(row);
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
        let mut right: Vec<_> = texts::found(self.view.finds(), canvas).into_iter().collect();
        right.push(span(count, dim));
        let inner = canvas.popup(place, &[span("Changes since the run began", title)], &right);
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
                let inner = texts::search_line(self.line.as_deref(), self.view.finds(), canvas, inner);
                for n in 0..inner.height {
                    canvas.hit(row(inner, n), Hit::Choice(usize::from(n)));
                }
                self.view.render(inner, canvas.buf, &brush, true);
            }
        }
    }
}
