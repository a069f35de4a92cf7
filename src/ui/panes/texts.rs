//! A transcript in an area, with its search line; what its title says at the right.

use ratatui::layout::Rect;

use crate::{
    fold::sessions::Doing,
    protocol::event::RunState,
    ui::{
        kit::{Canvas, Span, span},
        model::{Pane, RunModel},
        msg::Access,
        render::{Transcript, transcript::SearchStatus},
        skin::Sign,
    },
};

/// `follow ↓`, `↓ 37 new`, `3/41`.
pub fn status(text: &Transcript, canvas: &Canvas<'_>) -> Vec<Span> {
    let skin = canvas.skin;
    let mut spans = Vec::new();
    spans.extend(found(text.search_status(), canvas));
    if text.is_selecting() {
        spans.push(span("lines: j k, then y  ", skin.accent()));
    }
    let down = skin.sign(Sign::Follow);
    match (text.follow(), text.new_below()) {
        (true, _) => spans.push(span(format!("follow {down}"), skin.dim())),
        (false, 0) => spans.push(span("not following", skin.dim())),
        (false, new) => spans.push(span(format!("{down} {new} new"), skin.warn())),
    }
    spans
}

/// `/word 3/41`.
pub fn found(finds: Option<SearchStatus>, canvas: &Canvas<'_>) -> Option<Span> {
    finds.map(|finds| span(format!("/{} {}  ", finds.query, finds.count()), canvas.skin.accent()))
}

/// Another process runs it and somebody speaks there: live text stays in that process, the journal has what is finished.
/// A line says so; what is left of the area.
pub fn elsewhere(run: &RunModel, pane: Pane, canvas: &mut Canvas<'_>, area: Rect) -> Rect {
    let running = matches!(run.state(), RunState::Running | RunState::Pausing);
    if run.access != Access::Foreign || !run.can_steer() || !running || area.height < 4 {
        return area;
    }
    let selected = run.look.selected.and_then(|id| run.folds.sessions.get(id));
    let who = match (pane, selected) {
        (Pane::Live, Some(session)) if session.doing == Doing::Working => session.short_id.clone(),
        (Pane::Orchestrator, _) if run.folds.run.progress.in_step => "the orchestrator".to_owned(),
        _ => return area,
    };
    let (sign, dim) = (canvas.skin.sign(Sign::Running), canvas.skin.dim());
    let text = format!("{sign} {who} works in another process: shown when done");
    let y = area.bottom() - 1;
    canvas.put(area.x, y, area.width, &text, dim);
    Rect { height: area.height - 1, ..area }
}

/// Draws the search line into the last row of an area, while one is typed; what is left of the area.
pub fn search_line(
    line: Option<&str>,
    finds: Option<SearchStatus>,
    canvas: &mut Canvas<'_>,
    area: Rect,
) -> Rect {
    let Some(line) = line.filter(|_| area.height > 1) else { return area };
    let (key, plain, dim) = (canvas.skin.key(), canvas.skin.text(), canvas.skin.dim());
    let y = area.bottom() - 1;
    canvas.clear(Rect { y, height: 1, ..area });
    canvas.put(area.x, y, 1, "/", key);
    let used = canvas.put(area.x + 1, y, area.width.saturating_sub(2), line, plain);
    canvas.cursor = Some((area.x + 1 + used, y).into());
    let count =
        finds.map_or_else(|| "type to search  ↑↓ other finds  ⏎ keep  Esc back".to_owned(), |it| it.count());
    canvas.put(area.x + 3 + used, y, area.width.saturating_sub(4 + used), &count, dim);
    Rect { height: area.height - 1, ..area }
}

/// Draws it; the last row is the search line while one is typed.
pub fn draw(text: &mut Transcript, search: Option<&str>, canvas: &mut Canvas<'_>, area: Rect, focused: bool) {
    if area.is_empty() {
        return;
    }
    let body = search_line(search, text.search_status(), canvas, area);
    let theme = canvas.skin.theme.clone();
    text.render(body, canvas.buf, &theme, focused);
}
