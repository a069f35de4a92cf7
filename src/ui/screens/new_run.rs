//! The new-run dialog.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use crate::{
    agent::launch::What,
    ui::{
        input::KeyPress,
        kit::{Canvas, centred, span},
        model::{Model, Screen, composer::Composer},
        msg::{Now, Purpose, UiEffect},
        panes::composer::draw_text,
    },
};

/// The dialog: the task.
#[derive(Clone, Debug, Default)]
pub struct NewRun {
    task: Composer,
}

/// It is opened.
pub fn open(_model: &mut Model, _now: Now) -> Vec<UiEffect> {
    Vec::new()
}

/// A key.
pub fn key(model: &mut Model, key: &KeyPress, _now: Now) -> Vec<UiEffect> {
    let ctrl = key.event.modifiers.contains(crossterm::event::KeyModifiers::CONTROL);
    let extra = key
        .event
        .modifiers
        .intersects(crossterm::event::KeyModifiers::SHIFT | crossterm::event::KeyModifiers::ALT);
    match key.event.code {
        KeyCode::Esc => model.screen = Screen::Home,
        KeyCode::Char('c') if ctrl => model.screen = Screen::Home,
        KeyCode::Char('g') if ctrl => {
            let text = model.new_run.task.text();
            return vec![UiEffect::Edit { purpose: Purpose::Task, text, ending: ".md" }];
        }
        KeyCode::Char('j') if ctrl => model.new_run.task.newline(),
        KeyCode::Enter if extra => model.new_run.task.newline(),
        KeyCode::Enter => {
            let task = model.new_run.task.text();
            if let Some(mut launch) = model.fixed.pattern.clone().filter(|_| !task.trim().is_empty()) {
                model.new_run.task.take();
                launch.what = What::New { task, name: None };
                return vec![UiEffect::Launch(launch)];
            }
        }
        _ => model.new_run.task.key(key.event),
    }
    Vec::new()
}

/// A pasted text.
pub fn paste(model: &mut Model, text: &str) -> Vec<UiEffect> {
    model.new_run.task.paste(text);
    Vec::new()
}

/// The task comes back from an editor.
pub fn edited(model: &mut Model, text: String) {
    model.new_run.task.set(text.trim_end_matches('\n'));
}

/// Draws the dialog.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let (title, dim) = (canvas.skin.title(true), canvas.skin.dim());
    let place = centred(area, 72, 12);
    let inner =
        canvas.popup(place, &[span("New run", title)], &[span("⏎ start  ^G editor  Esc cancel", dim)]);
    draw_text(&model.new_run.task, canvas, inner, true);
}
