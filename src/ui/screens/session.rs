//! The session view: transcript, diff, raw lines and what is known of one session.

use ratatui::layout::Rect;

use crate::{
    fold::sessions::Session,
    protocol::tree::Outcome,
    ui::{
        actions::Item,
        kit::{Canvas, hanging, money, span, tokens, width},
        model::{
            Hit, Model, Pane, RunModel,
            run::{Group, Tab},
        },
        msg::UiEffect,
        panes::{composer, header, sessions, texts},
        render::{Brush, Highlighter},
    },
};

/// Scrolls the tabs that are plain lists, and the diff.
pub fn scroll(run: &mut RunModel, by: isize) {
    match run.look.tab {
        Tab::Diff => run.texts.diff.scroll(by),
        Tab::Raw => {
            let last = run.texts.read.as_ref().map_or(0, |(_, read)| read.lines.len()).saturating_sub(1);
            run.look.scroll = run.look.scroll.saturating_add_signed(by).min(last);
        }
        Tab::Info => run.look.scroll = run.look.scroll.saturating_add_signed(by).min(500),
        Tab::Transcript => {}
    }
}

/// Actions on an item in the tabs that are not the transcript.
pub fn item(run: &mut RunModel, it: Item) -> Vec<UiEffect> {
    let Some((_, read)) = &run.texts.read else { return Vec::new() };
    let copy = |text: String, what: &str| vec![UiEffect::Copy { text, what: what.to_owned() }];
    match (run.look.tab, it) {
        (Tab::Diff, Item::Toggle) => run.texts.diff.toggle(),
        (Tab::Diff, Item::Pager | Item::PagerAll) => {
            return vec![UiEffect::Page(crate::text::clean_whole(&read.diff).into_string())];
        }
        (Tab::Diff, Item::Copy | Item::CopyPane) => {
            return copy(crate::text::clean_whole(&read.diff).into_string(), "the diff");
        }
        (Tab::Raw, Item::Pager | Item::PagerAll) => return vec![UiEffect::Page(read.lines.join("\n"))],
        (Tab::Raw, Item::Copy) => {
            let at = run.look.scroll.min(read.lines.len().saturating_sub(1));
            return read.lines.get(at).map(|line| copy(line.clone(), "the line")).unwrap_or_default();
        }
        (Tab::Raw, Item::CopyPane) => return copy(read.lines.join("\n"), "the raw lines"),
        _ => {}
    }
    Vec::new()
}

/// Draws the view.
pub fn draw(model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    let _ = model.run_mut().map(|run| run.live().is_some());
    let Some(run) = model.run() else { return };
    let Some(session) = run.look.selected.and_then(|id| run.folds.sessions.get(id)) else { return };
    let bordered = area.width >= 80 && area.height >= 16;
    let text = composer::wanted(run, area.width) + if bordered { 2 } else { 0 };
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
    let (tab, info) = (run.look.tab, info(session));
    let code = model.term.code.clone();
    let Some(run) = model.run_mut() else { return };
    let search = run.look.search.clone();
    match tab {
        Tab::Transcript => {
            let tails = run.tails.clone();
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
            run.texts.diff.render(inner, canvas.buf, &brush, focused);
        }
        Tab::Diff => {
            let dim = canvas.skin.dim();
            canvas.put(inner.x, inner.y, inner.width, "  no change of a file was seen yet", dim);
        }
        Tab::Raw => raw(run, canvas, inner),
        Tab::Info => lines(&info, run.look.scroll, canvas, inner),
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
    let left = format!(" {} since {base}  {} files +{added} -{removed}", isolated.tree.branch, files.len());
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
            run.texts.diff.render(rest, canvas.buf, &brush, focused);
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
        _ => Vec::new(),
    };
    let room: usize = left.iter().chain(&right).map(|(text, _)| width(text)).sum();
    let right = if room + 2 > usize::from(area.width) { Vec::new() } else { right };
    canvas.ends(area, &left, &right);
}

fn raw(run: &RunModel, canvas: &mut Canvas<'_>, area: Rect) {
    let (dim, plain) = (canvas.skin.dim(), canvas.skin.text());
    let Some((_, read)) = &run.texts.read else {
        canvas.put(area.x, area.y, area.width, "  reading…", dim);
        return;
    };
    let room = usize::from(area.height);
    let top = run.look.scroll.min(read.lines.len().saturating_sub(room));
    for (n, line) in read.lines.iter().skip(top).take(room).enumerate() {
        canvas.put(area.x, area.y + u16::try_from(n).unwrap_or(0), area.width, line, plain);
    }
}

fn lines(all: &[String], top: usize, canvas: &mut Canvas<'_>, area: Rect) {
    let plain = canvas.skin.text();
    let cells = usize::from(area.width.saturating_sub(2));
    let wrapped: Vec<String> = all.iter().flat_map(|line| hanging(line, INFO, cells)).collect();
    let top = top.min(wrapped.len().saturating_sub(usize::from(area.height)));
    for (n, line) in wrapped.iter().skip(top).take(usize::from(area.height)).enumerate() {
        canvas.put(
            area.x + 1,
            area.y + u16::try_from(n).unwrap_or(0),
            area.width.saturating_sub(2),
            line,
            plain,
        );
    }
}

/// Cells of a label.
const INFO: usize = 12;

/// What is known of a session.
fn info(session: &Session) -> Vec<String> {
    let who = &session.who;
    let mut lines = vec![
        format!("Session     {}  {}", session.short_id, session.id),
        format!("Executor    {} {}", who.adapter, who.cli_version.as_deref().unwrap_or_default()),
        format!("Model       {}", who.model.as_deref().unwrap_or("not said")),
        format!("Directory   {}", who.working_dir),
    ];
    let optional = [("Branch", &who.branch), ("Worktree", &who.worktree), ("Its own id", &who.native_id)];
    if let Some(isolated) = &who.isolated {
        let carried = if isolated.tree.carried { " (with what was not committed)" } else { "" };
        lines.push(format!("Base        {}{carried}", isolated.tree.base));
        let work = isolated.work.as_ref().map_or("not merged", |work| work.message.as_str());
        lines.push(format!("Work        {work}"));
        lines.extend(isolated.tree.notes.iter().map(|note| format!("Note        {note}")));
    }
    if let Some(parent) = &who.parent {
        lines.push(format!("Forked from {} after turn {}", parent.native_id, parent.turns));
    }
    lines.extend(optional.iter().filter_map(|(name, value)| Some(format!("{name:<11} {}", value.as_ref()?))));
    if let Some(pid) = who.pid {
        let shared = if who.shared_pid { " (shared with other sessions)" } else { "" };
        lines.push(format!("Process     {pid}{shared}"));
    }
    let usage = &session.spent.usage;
    let about = if session.spent.estimated { "~" } else { "" };
    lines.push(format!(
        "Tokens      {about}{} (in {}, cached {}, out {}, reasoning {})",
        tokens(usage.total()),
        tokens(usage.input),
        tokens(usage.cached_input),
        tokens(usage.output),
        tokens(usage.reasoning)
    ));
    lines.push(format!("Cost        {}", money(session.spent.cost(), session.spent.estimated)));
    lines.push(format!("Turns       {}", session.turns));
    lines.push(format!(
        "Started     {}",
        session.started_at.get(..19).unwrap_or(&session.started_at).replace('T', " ")
    ));
    let native = who.native_id.as_deref().map(|id| match who.adapter.as_str() {
        "codex" => format!("codex resume {id}"),
        "claude" => format!("claude --resume {id}"),
        _ => String::new(),
    });
    lines.extend(native.filter(|text| !text.is_empty()).map(|text| format!("By itself   {text}")));
    if let Some(end) = &session.end {
        lines.push(format!("Ended       {} {}", end.status, end.message.as_deref().unwrap_or_default()));
    }
    lines.push(String::new());
    lines.push("Task".to_owned());
    lines.extend(session.task.lines().map(|line| format!("  {line}")));
    if let Some(last) = &session.last {
        lines.push(String::new());
        lines.push(format!(
            "Answer of turn {} ({})",
            last.number,
            format!("{:?}", last.status).to_lowercase()
        ));
        lines.extend(last.response.lines().map(|line| format!("  {line}")));
    }
    lines.into_iter().map(|line| crate::text::clean_line(&line).into_string()).collect()
}
