//! The list of sessions, in groups: what needs the human first.

use ratatui::{layout::Rect, style::Style};

use crate::{
    fold::sessions::{Doing, Session},
    protocol::event::TurnStatus,
    ui::{
        kit::{Canvas, ago, fit, span, tokens},
        model::{Hit, Pane, RunModel, group::Group},
        skin::{Sign, Skin},
    },
};

/// Sign, word and style of a session.
pub fn state(session: &Session, group: Group, skin: &Skin) -> (&'static str, &'static str, Style) {
    let last = session.last.as_ref().map(|last| last.status);
    match (group, session.doing) {
        (Group::NeedsYou, _) => (skin.sign(Sign::Warning), "asks", skin.warn()),
        (_, Doing::Working) => (skin.sign(Sign::Running), "running", skin.ok()),
        (_, Doing::Queued) => (skin.sign(Sign::Queued), "queued", skin.text()),
        (_, Doing::Held) => (skin.sign(Sign::Paused), "held", skin.warn()),
        (Group::Failed, _) => (skin.sign(Sign::Failed), "failed", skin.error()),
        (_, Doing::Ended) => (skin.sign(Sign::Done), "ended", skin.dim()),
        (_, Doing::Idle) if last == Some(TurnStatus::Interrupted) => {
            (skin.sign(Sign::Aborted), "stopped", skin.warn())
        }
        (_, Doing::Idle) if last.is_some() => (skin.sign(Sign::Done), "done", skin.ok()),
        (_, Doing::Idle) => (skin.sign(Sign::Idle), "idle", skin.dim()),
    }
}

/// What it does now, or what came of it.
pub fn now(session: &Session, wall: jiff::Timestamp) -> String {
    if let Some(turn) = &session.turn {
        return if turn.now.is_empty() { turn.prompt.replace('\n', " ") } else { turn.now.clone() };
    }
    if let Some(error) = session.last.as_ref().and_then(|last| last.error.as_ref()) {
        return error.replace('\n', " ");
    }
    let at = session.end.as_ref().map(|end| &end.at).or(session.last.as_ref().map(|last| &last.at));
    at.map_or_else(String::new, |at| ago(i64::try_from(super::header::since(at, wall)).unwrap_or(0)))
}

/// One row; `short` leaves columns out.
pub fn row(
    run: &RunModel,
    group: Group,
    session: &Session,
    canvas: &mut Canvas<'_>,
    line: Rect,
    short: bool,
) {
    let skin = canvas.skin;
    let (sign, word, style) = match session.doing {
        Doing::Working if run.has_crashed() => (skin.sign(Sign::Failed), "cut off", skin.error()),
        _ => state(session, group, skin),
    };
    let selected = run.look.selected == Some(session.id);
    let mark = if selected { skin.sign(Sign::Selected) } else { " " };
    let (spent, estimated) = run.folds.session_tokens(session);
    let spent = format!("{}{}", if estimated { "~" } else { "" }, tokens(spent));
    let plain = skin.text();
    let mut spans = vec![
        span(format!("{mark} {} ", fit(&session.short_id, 3, skin.ascii)), skin.strong()),
        span(format!("{} ", fit(&session.who.adapter, 6, skin.ascii)), plain),
        span(format!("{sign} {} ", fit(word, 7, skin.ascii)), style),
    ];
    if !short {
        spans.push(span(format!("{:>3} ", session.turns), plain));
    }
    spans.push(span(format!("{spent:>6}  "), plain));
    spans.push(span(
        now(session, canvas.now.wall),
        if session.doing == Doing::Working { plain } else { skin.dim() },
    ));
    canvas.spans(line, &spans);
    if selected && run.look.focus == Pane::Sessions && !run.look.typing {
        let style = canvas.skin.selected();
        canvas.paint(line, style);
    }
    canvas.hit(line, Hit::Session(session.id));
}

/// `2 running · 1 done · 1 failed`.
pub fn summary(run: &RunModel, canvas: &Canvas<'_>) -> String {
    let listed = run.listed();
    let dot = canvas.skin.sign(Sign::Ok);
    let mut parts = Vec::new();
    for (group, word) in [
        (Group::NeedsYou, "asking"),
        (Group::Working, "running"),
        (Group::Queued, "queued"),
        (Group::Done, "done"),
        (Group::Failed, "failed"),
    ] {
        let count = listed.iter().filter(|(of, _)| *of == group).count();
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    parts.join(&format!(" {dot} "))
}

/// Draws the list.
pub fn draw(run: &RunModel, canvas: &mut Canvas<'_>, area: Rect) {
    if area.is_empty() {
        return;
    }
    let listed = run.listed();
    canvas.hit(area, Hit::Pane(Pane::Sessions));
    let dim = canvas.skin.dim();
    if listed.is_empty() {
        canvas.put(area.x, area.y, area.width, "  no session yet", dim);
        return;
    }
    let short = area.width < 46;
    // Headings of the groups where everything fits with them.
    let mut groups: Vec<Group> = listed.iter().map(|(group, _)| *group).collect();
    groups.dedup();
    let headings = listed.len() + groups.len() < usize::from(area.height) && groups.len() > 1;
    let foot = u16::from(area.height > 4);
    let room = usize::from(area.height - foot);
    let at = listed.iter().position(|(_, id)| Some(*id) == run.look.selected).unwrap_or(0);
    let top = if headings { 0 } else { (at + 1).saturating_sub(room) };
    let mut y = area.y;
    let mut before = None;
    for (group, id) in listed.iter().skip(top) {
        if headings && before.replace(*group) != Some(*group) {
            canvas.put(area.x, y, area.width, group.title(), dim);
            y += 1;
        }
        if y >= area.bottom() - foot {
            break;
        }
        if let Some(session) = run.folds.sessions.get(*id) {
            row(run, *group, session, canvas, Rect::new(area.x, y, area.width, 1), short);
        }
        y += 1;
    }
    if foot > 0 {
        let text = format!("  {}", summary(run, canvas));
        canvas.put(area.x, area.bottom() - 1, area.width, &text, dim);
    }
}
