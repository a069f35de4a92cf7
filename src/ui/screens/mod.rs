//! The screens, and the one function that draws a frame.

pub mod home;
pub mod new_run;
pub mod run;
pub mod session;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    kit::Canvas,
    model::{Hit, Model, Screen},
    msg::Now,
    panes::status,
};

/// Draws everything; where the caret stands.
pub fn draw(model: &mut Model, buf: &mut Buffer, now: Now) -> Option<Position> {
    let area = buf.area;
    model.toasts.expire(now.instant);
    if let Some(run) = model.run_mut() {
        run.texts.take_finds();
    }
    let now = model.time(now);
    let mut hits = std::mem::take(&mut model.term.hits);
    hits.clear();
    let skin = model.term.skin.clone();
    let mut canvas =
        Canvas { buf, skin: &skin, hits: &mut hits, cursor: None, now, covered: !model.overlays.is_empty() };
    let background = canvas.skin.text();
    canvas.paint(area, background);
    model.term.size = (area.width, area.height);
    if model.too_small() {
        run::notice(model, &mut canvas, area);
    } else {
        screen(model, &mut canvas, area);
    }
    let cursor = canvas.cursor;
    model.term.hits = hits;
    if skin.ascii {
        in_ascii(buf);
    }
    cursor
}

/// Our own signs that stand inside of sentences. What agents write stays as it is.
const SIGNS: &[(&str, &str)] = &[
    ("·", "."),
    ("…", "~"),
    ("⏎", "<"),
    ("⇧", "^"),
    ("↑", "^"),
    ("↓", "v"),
    ("←", "<"),
    ("→", ">"),
    ("–", "-"),
    ("—", "-"),
    ("×", "x"),
];

/// The same frame in the plain alphabet.
fn in_ascii(buf: &mut Buffer) {
    for cell in &mut buf.content {
        if !cell.symbol().is_ascii()
            && let Some((_, plain)) = SIGNS.iter().find(|(sign, _)| *sign == cell.symbol())
        {
            cell.set_symbol(plain);
        }
    }
}

fn screen(model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    let remark = u16::from(model.toasts.current().is_some());
    let body = Rect { height: area.height.saturating_sub(1 + remark), ..area };
    match model.screen {
        Screen::Run if model.run().is_some() => run::draw(model, canvas, body),
        Screen::Session if model.run().is_some() => session::draw(model, canvas, body),
        Screen::NewRun => new_run::draw(model, canvas, body),
        Screen::Home | Screen::Run | Screen::Session => home::draw(model, canvas, body),
    }
    if remark > 0 {
        status::toast(model, canvas, Rect { y: body.bottom(), height: 1, ..area });
    }
    status::draw(model, canvas, Rect { y: area.bottom() - 1, height: 1, ..area });
    canvas.covered = false;
    let mut overlays = std::mem::take(&mut model.overlays);
    if !overlays.is_empty() {
        canvas.cursor = None;
    }
    for overlay in &mut overlays {
        canvas.hit(area, Hit::Nothing);
        overlay.draw(model, canvas, body);
    }
    model.overlays = overlays;
}
