//! A transcript in an area, with its search line; what its title says at the right.

use ratatui::layout::Rect;

use crate::ui::{
    kit::{Canvas, Span, span},
    render::Transcript,
    skin::Sign,
};

/// `follow ↓`, `↓ 37 new`, `3/41`.
pub fn status(text: &Transcript, canvas: &Canvas<'_>) -> Vec<Span> {
    let skin = canvas.skin;
    let mut spans = Vec::new();
    if let Some(search) = text.search_status() {
        spans.push(span(format!("/{} {}  ", search.query, search.count()), skin.accent()));
    }
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

/// Draws it; the last row is the search line while one is typed.
pub fn draw(text: &mut Transcript, search: Option<&str>, canvas: &mut Canvas<'_>, area: Rect, focused: bool) {
    if area.is_empty() {
        return;
    }
    let search = search.filter(|_| area.height > 1);
    let body = Rect { height: area.height - u16::from(search.is_some()), ..area };
    let theme = canvas.skin.theme.clone();
    text.render(body, canvas.buf, &theme, focused);
    if let Some(line) = search {
        let (key, plain) = (canvas.skin.key(), canvas.skin.text());
        let y = area.bottom() - 1;
        canvas.put(area.x, y, 1, "/", key);
        let used = canvas.put(area.x + 1, y, area.width.saturating_sub(2), line, plain);
        canvas.cursor = Some((area.x + 1 + used, y).into());
        if let Some(status) = text.search_status() {
            let place = Rect::new(area.x + 3 + used, y, area.width.saturating_sub(4 + used), 1);
            let dim = canvas.skin.dim();
            canvas.put(place.x, place.y, place.width, &status.count(), dim);
        }
    }
}
