//! The session view: transcript, diff, raw lines and what is known of one session.

use ratatui::layout::Rect;

use crate::{
    fold::sessions::Session,
    protocol::tree::Outcome,
    ui::{
        kit::{Canvas, span, width},
        model::{Hit, Model, Pane, RunModel, group::Group, run::Tab},
        panes::{composer, header, sessions, texts},
        render::{Brush, Highlighter, Reading, lines::Looks},
        screens::run::RULE_FROM,
    },
};

/// Draws the view.
pub fn draw(model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    let _ = model.run_mut().map(|run| run.live().is_some());
    let Some(run) = model.run() else { return };
    let Some(session) = run.look.selected.and_then(|id| run.folds.sessions.get(id)) else { return };
    let bordered = area.width >= 80 && area.height >= 16;
    let rule = u16::from(area.height >= RULE_FROM);
    let text = composer::wanted(run, area.width) + if bordered { 2 } else { rule };
    let text = text.min(area.height / 3).max(1);
    let line = |y: u16, height: u16| Rect::new(area.x, area.y + y, area.width, height).intersection(area);
    header::draw(model, run, canvas, line(0, 1));
    let group =
        run.listed().iter().find(|(_, id)| *id == session.id).map_or(Group::Done, |(group, _)| *group);
    head(run, session, group, canvas, line(1, 1));
    let body = line(2, area.height.saturating_sub(2 + text));
    let focused = !run.look.typing;
    canvas.hit(body, Hit::Pane(Pane::Live));
    let inner = if bordered { canvas.frame(body, &[], &[], focused) } else { body };
    composer::draw(model, run, canvas, line(area.height - text, text), bordered);
    let tab = run.look.tab;
    let code = model.term.code.clone();
    let Some(run) = model.run_mut() else { return };
    let search = run.look.search.clone();
    match tab {
        Tab::Transcript => {
            let tails = run.tails.clone();
            let inner = texts::elsewhere(run, Pane::Live, canvas, inner);
            if let Some(text) = run.live() {
                if let Some(tails) = tails {
                    text.tick_tails(&tails);
                }
                texts::draw(text, search.as_deref(), canvas, inner, focused);
            }
        }
        Tab::Diff if run.texts.tree.of.is_some() => tree(run, &code, canvas, inner, focused),
        Tab::Diff if run.texts.read.as_ref().is_some_and(|(_, read)| !read.diff.is_empty()) => {
            let theme = canvas.skin.theme.clone();
            let brush = Brush {
                theme: &theme,
                width: usize::from(inner.width),
                ascii: canvas.skin.ascii,
                wrap: false,
                code: &code,
            };
            let body = texts::search_line(search.as_deref(), run.texts.diff.finds(), canvas, inner);
            run.texts.diff.render(body, canvas.buf, &brush, focused);
        }
        Tab::Diff => {
            let dim = canvas.skin.dim();
            canvas.put(inner.x, inner.y, inner.width, "  no change of a file was seen yet", dim);
        }
        Tab::Raw | Tab::Info => plain(run, canvas, inner, focused),
    }
}

/// The diff of a worktree against its base, below a line about it.
fn tree(run: &mut RunModel, code: &Highlighter, canvas: &mut Canvas<'_>, area: Rect, focused: bool) {
    let session = run.texts.tree.of.and_then(|id| run.folds.sessions.get(id));
    let Some(isolated) = session.and_then(|session| session.who.isolated.as_ref()) else { return };
    let (dim, warn, plain) = (canvas.skin.dim(), canvas.skin.warn(), canvas.skin.text());
    let files = &run.texts.diff.files;
    let (added, removed) = files.iter().fold((0, 0), |sum, file| (sum.0 + file.added, sum.1 + file.removed));
    let base: String = isolated.tree.base.chars().take(8).collect();
    let word = match &isolated.work {
        Some(work) if work.is_done() => "merged",
        Some(work) => match work.outcome {
            Outcome::Conflicts => "conflict",
            Outcome::Refused => "not merged",
            _ => "kept",
        },
        None => "not merged",
    };
    let count = if files.len() == 1 { "1 file".to_owned() } else { format!("{} files", files.len()) };
    let left = format!(" {} since {base}  {count} +{added} -{removed}", isolated.tree.branch);
    let left = crate::text::clean_line(&left).into_string();
    let keys = if area.width >= 100 { "   + merge  = keep  - discard" } else { "" };
    let line = Rect { height: 1.min(area.height), ..area };
    canvas.ends(line, &[span(left, plain)], &[span(format!("{word}{keys} "), dim)]);
    let rest = Rect { y: area.y + line.height, height: area.height - line.height, ..area };
    let room = rest.width.saturating_sub(2);
    let mut say = |text: &str, style| canvas.put(rest.x + 1, rest.y, room, text, style);
    match &run.texts.tree.read {
        None => {
            say("asking git…", dim);
        }
        Some(Err(why)) => {
            say(&crate::text::clean_line(why), warn);
        }
        Some(Ok(())) if files.is_empty() => {
            say("nothing has changed", dim);
        }
        Some(Ok(())) => {
            let theme = canvas.skin.theme.clone();
            let (width, ascii) = (usize::from(rest.width), canvas.skin.ascii);
            let brush = Brush { theme: &theme, width, ascii, wrap: false, code };
            let search = run.look.search.clone();
            let body = texts::search_line(search.as_deref(), run.texts.diff.finds(), canvas, rest);
            run.texts.diff.render(body, canvas.buf, &brush, focused);
        }
    }
}

fn head(run: &RunModel, session: &Session, group: Group, canvas: &mut Canvas<'_>, area: Rect) {
    let skin = canvas.skin;
    let (sign, word, style) = sessions::state(session, group, skin);
    let mut left = vec![
        span(format!(" {} {} ", session.short_id, session.who.adapter), skin.strong()),
        span(format!("{sign} {word}  "), style),
    ];
    for tab in Tab::ALL {
        let here = tab == run.look.tab;
        let text = if here { format!("[{}] ", tab.title()) } else { format!("{} ", tab.title()) };
        left.push(span(text, if here { skin.title(true) } else { skin.dim() }));
    }
    let right = match (run.look.tab, run.texts.sessions.get(&session.id)) {
        (Tab::Transcript, Some(text)) => texts::status(text, canvas),
        (Tab::Raw | Tab::Info, _) => texts::found(run.texts.lines.finds(), canvas).into_iter().collect(),
        (Tab::Diff, _) => texts::found(run.texts.diff.finds(), canvas).into_iter().collect(),
        _ => Vec::new(),
    };
    let room: usize = left.iter().chain(&right).map(|(text, _)| width(text)).sum();
    let right = if room + 2 > usize::from(area.width) { Vec::new() } else { right };
    canvas.ends(area, &left, &right);
}

/// Raw lines, or what is known: wrapped, with the search line while one is typed.
fn plain(run: &mut RunModel, canvas: &mut Canvas<'_>, area: Rect, focused: bool) {
    let (dim, plain) = (canvas.skin.dim(), canvas.skin.text());
    let search = run.look.search.clone();
    let left_out = run.texts.read.as_ref().map_or(0, |(_, read)| read.left_out);
    let word = if run.texts.read.is_none() { "reading…" } else { "no line yet" };
    let raw = run.look.tab == Tab::Raw;
    let text = run.lines();
    let mut area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }.intersection(area);
    if raw && left_out > 0 && area.height > 2 {
        let note = format!("… {left_out} older lines are not shown: O opens all of them in $PAGER");
        canvas.put(area.x, area.y, area.width, &note, dim);
        area = Rect { y: area.y + 1, height: area.height - 1, ..area };
    }
    let body = texts::search_line(search.as_deref(), text.view.finds(), canvas, area);
    if text.lines.is_empty() {
        canvas.put(area.x, area.y, area.width, word, dim);
        return;
    }
    let looks = Looks { of: &|_, _| plain, selected: canvas.skin.selected(), found: canvas.skin.found() };
    text.view.render(&text.lines, body, canvas.buf, &looks, focused);
}
