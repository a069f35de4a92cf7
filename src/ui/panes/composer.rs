//! The composer: what is being written, to whom it goes, what is queued.

use ratatui::{layout::Rect, style::Style};
use unicode_segmentation::UnicodeSegmentation;

use crate::{
    fold::{nudges::Stage, sessions::Doing},
    protocol::{NudgeTarget, SessionId, event::RunState},
    ui::{
        kit::{Canvas, span, width},
        model::{Hit, Model, RunModel, Screen, composer::Composer},
        msg::Access,
        skin::Sign,
    },
};

/// Rows of text at most.
pub const ROWS: u16 = 8;

/// One row of wrapped text, and the caret's column if it is in it.
struct Line {
    text: String,
    caret: Option<usize>,
}

fn rows(composer: &Composer, cells: usize) -> Vec<Line> {
    let cells = cells.max(2);
    let (caret_line, caret_char) = composer.caret();
    let mut out = Vec::new();
    for (n, line) in composer.lines().iter().enumerate() {
        let (mut text, mut used, mut chars) = (String::new(), 0, 0);
        let mut caret = None;
        for grapheme in line.graphemes(true) {
            let wide = width(grapheme).max(1);
            if used + wide > cells {
                out.push(Line { text: std::mem::take(&mut text), caret: caret.take() });
                used = 0;
            }
            let count = grapheme.chars().count();
            if n == caret_line && (chars..chars + count).contains(&caret_char) {
                caret = Some(used);
            }
            chars += count;
            text.push_str(if grapheme == "\t" { " " } else { grapheme });
            used += wide;
        }
        if n == caret_line && caret_char >= chars {
            if used >= cells {
                out.push(Line { text: std::mem::take(&mut text), caret: None });
                used = 0;
            }
            caret = Some(used);
        }
        out.push(Line { text, caret });
    }
    out
}

/// Draws a text that is being written; the real cursor stands at the caret.
pub fn draw_text(composer: &Composer, canvas: &mut Canvas<'_>, area: Rect, focused: bool) {
    if area.is_empty() {
        return;
    }
    let lines = rows(composer, usize::from(area.width));
    let caret = lines.iter().position(|line| line.caret.is_some()).unwrap_or(0);
    let top = (caret + 1).saturating_sub(usize::from(area.height));
    let style = canvas.skin.text();
    for (n, line) in lines.iter().skip(top).take(usize::from(area.height)).enumerate() {
        let y = area.y + u16::try_from(n).unwrap_or(0);
        canvas.put(area.x, y, area.width, &line.text, style);
        if let Some(column) = line.caret.filter(|_| focused) {
            let x = area.x + u16::try_from(column).unwrap_or(0).min(area.width - 1);
            canvas.cursor = Some((x, y).into());
        }
    }
}

/// `▓▓▓▓░░░░ after step 7 of 13, at 12:04:31`: where the past that is shown lies.
fn place_in_time(model: &Model, cells: u16, canvas: &Canvas<'_>) -> String {
    let Some((replay, past)) = model.past() else { return String::new() };
    let newest = model.present().map_or(0, |run| run.folds.run.progress.step).max(1);
    let at =
        past.folds.at.map(|at| crate::protocol::event::Stamp::new(at, &jiff::tz::TimeZone::system()).clock());
    let at = at.map(|at| format!(", at {at}")).unwrap_or_default();
    let text = format!("{} of {newest}{at}", replay.when());
    let bar = usize::from(cells).saturating_sub(width(&text) + 1).min(40);
    format!("{} {text}", canvas.skin.gauge(f64::from(replay.step) / f64::from(newest), bar))
}

/// It was paused and left.
fn saved(run: &RunModel) -> bool {
    let end = run.folds.run.end.as_ref();
    end.is_some_and(|end| crate::store::state_word(RunState::Ended, Some(&end.stopped_by)) == "paused")
}

/// Rows that the text wants within a width.
pub fn wanted(run: &RunModel, cells: u16) -> u16 {
    let inner = usize::from(cells.saturating_sub(4));
    u16::try_from(rows(&run.composer, inner).len()).unwrap_or(ROWS).clamp(1, ROWS)
}

/// To whom a text goes, in words.
pub fn target(run: &RunModel, target: NudgeTarget) -> String {
    match target {
        NudgeTarget::Orchestrator => "orchestrator (next step)".to_owned(),
        NudgeTarget::Session(id) => match run.folds.sessions.get(id) {
            Some(session) => format!("{} {}", session.short_id, session.who.adapter),
            None => "a session".to_owned(),
        },
    }
}

/// Draws the composer of a run: with a border, or as one line with it.
pub fn draw(model: &Model, run: &RunModel, canvas: &mut Canvas<'_>, area: Rect, bordered: bool) {
    if area.is_empty() {
        return;
    }
    let typing = run.look.typing;
    let (dim, key) = (canvas.skin.dim(), canvas.skin.key());
    // What the key that begins to write would aim at.
    let idle = run.composer.is_empty() && !typing;
    let here = run.look.selected.filter(|_| idle && model.screen == Screen::Session);
    let aim = here.map_or(run.composer.target, NudgeTarget::Session);
    let to = format!("to: {}", target(run, aim));
    let (title, to) = match (run.can_steer(), run.composer.editing.is_some()) {
        _ if run.access == Access::Past => ("The past", String::new()),
        (false, _) => ("Further task", "Enter resumes the run with it".to_owned()),
        (true, true) => ("Nudge (changing a queued one)", to),
        (true, false) => ("Nudge", to),
    };
    let (title, to) = match aim {
        NudgeTarget::Session(id) if run.can_steer() => of_session(run, id, title, to, canvas.skin.ascii),
        _ => (title.to_owned(), to),
    };
    let to = match (
        typing && run.composer.has_folded_paste(),
        model.fixed.keymap.label("nudge.expand_paste", canvas.skin.ascii),
    ) {
        (true, key) if !key.is_empty() => format!("{key} shows the paste · {to}"),
        _ => to,
    };
    canvas.hit(area, Hit::Composer);
    let inner = if bordered {
        let style = canvas.skin.title(typing);
        canvas.frame(area, &[span(title, style)], &[span(to.clone(), dim)], typing)
    } else if area.height > wanted(run, area.width) {
        let style = canvas.skin.title(typing);
        canvas.rule(area, &[span(title, style)], &[span(to.clone(), dim)], typing)
    } else {
        area
    };
    if inner.is_empty() {
        return;
    }
    let style: Style = if typing { key } else { dim };
    canvas.put(inner.x, inner.y, 2, "> ", style);
    let field = Rect::new(inner.x + 2, inner.y, inner.width.saturating_sub(2), inner.height);
    if run.composer.is_empty() && !typing {
        let label = model.fixed.keymap.label("nudge.focus", canvas.skin.ascii);
        let text = match queued(run, canvas) {
            Some(queued) => queued,
            None if run.access == Access::Past => place_in_time(model, field.width, canvas),
            None if run.has_crashed() => {
                format!("nobody runs it: p goes on with it, {label} with a further task")
            }
            None if saved(run) => {
                format!("it is paused and saved: p goes on with it, {label} with a further task")
            }
            None if !run.can_steer() => format!("it has ended: {label} gives it a further task"),
            None => match here.and_then(|id| run.folds.sessions.get(id)) {
                Some(session) => format!("{label} writes a message to {}", session.short_id),
                None => format!("{label} writes a nudge to the orchestrator or a session"),
            },
        };
        canvas.put(field.x, field.y, field.width, &text, dim);
        return;
    }
    // What became of the last one stands behind the caret while nothing is written, else below the text.
    let hint = queued(run, canvas);
    if let Some(hint) = hint.as_ref().filter(|_| run.composer.is_empty() && field.height == 1) {
        canvas.put(field.x + 2, field.y, field.width.saturating_sub(2), hint, dim);
    }
    let hint = hint.filter(|_| field.height > 1);
    let rows = field.height - u16::from(hint.is_some());
    draw_text(&run.composer, canvas, Rect { height: rows, ..field }, typing);
    if let Some(hint) = hint {
        canvas.put(field.x, field.bottom() - 1, field.width, &hint, dim);
    }
}

/// Title and right title of a message to a session: what Enter will do.
fn of_session(run: &RunModel, id: SessionId, title: &str, to: String, ascii: bool) -> (String, String) {
    let Some(session) = run.folds.sessions.get(id) else { return (title.to_owned(), to) };
    let enter = if ascii { "Enter" } else { "⏎" };
    let title = if run.composer.editing.is_some() {
        title.to_owned()
    } else {
        format!("Message {} {}", session.short_id, session.who.adapter)
    };
    let does = match session.doing {
        Doing::Working => format!(
            "{} is mid-turn: {enter} {}, Alt-{enter} queues",
            session.short_id,
            steers(&session.who.adapter)
        ),
        Doing::Queued | Doing::Held => format!("{} waits: {enter} adds to its turn", session.short_id),
        Doing::Idle => format!("{enter} begins its next turn"),
        Doing::Ended => "it has ended".to_owned(),
    };
    (title, does)
}

/// When a message reaches a running turn: codex cuts its answer for it, claude takes it between two requests, of others
/// it is not known.
fn steers(adapter: &str) -> &'static str {
    match adapter {
        "codex" => "steers now",
        "claude" => "at its next request",
        _ => "hands it over",
    }
}

/// What has become of the newest nudges, in one line.
fn queued(run: &RunModel, canvas: &Canvas<'_>) -> Option<String> {
    let mine = |nudge: &&crate::fold::nudges::Nudge| nudge.by == "human";
    let all = &run.folds.nudges.all;
    let queued: Vec<_> = all.iter().filter(|nudge| nudge.stage == Stage::Queued).filter(mine).collect();
    if let Some(newest) = queued.last() {
        let text = newest.text.replace('\n', " ");
        let sign = canvas.skin.sign(Sign::Queued);
        return Some(format!("{sign} {} queued (Alt-Up edits, Alt-Del withdraws): {text}", queued.len()));
    }
    let newest = all.iter().rev().find(mine)?;
    let (sign, word) = match (&newest.stage, newest.target) {
        (Stage::Sent(_), _) => (Sign::Into, "sent".to_owned()),
        (Stage::Seen(step), NudgeTarget::Orchestrator) => (Sign::Done, format!("seen at step {step}")),
        (Stage::Seen(turn), NudgeTarget::Session(_)) => (Sign::Done, format!("seen in turn {turn}")),
        (Stage::Queued | Stage::Withdrawn(_), _) => return None,
    };
    Some(format!("{} {word}: {}", canvas.skin.sign(sign), newest.text.replace('\n', " ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_wrapped_and_the_caret_stays_in_it() {
        let mut composer = Composer::default();
        composer.set("abcdefgh\n日本語");
        let lines = rows(&composer, 4);
        let shown: Vec<_> = lines.iter().map(|line| (line.text.as_str(), line.caret)).collect();
        assert_eq!(shown, [("abcd", None), ("efgh", None), ("日本", None), ("語", Some(2))]);
        composer.set("abcd");
        let lines = rows(&composer, 4);
        let shown: Vec<_> = lines.iter().map(|line| (line.text.as_str(), line.caret)).collect();
        assert_eq!(shown, [("abcd", None), ("", Some(0))]);
    }
}
