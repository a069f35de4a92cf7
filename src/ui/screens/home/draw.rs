//! How the list of instances and the preview are drawn.

use ratatui::{layout::Rect, style::Style};

use super::{Home, Line, arrange, needs_human, welcome};
use crate::{
    protocol::{Stamp, event::RunState},
    store::{Listed, Origin},
    ui::{
        kit::{Canvas, Span, ago, fit, row, span, tilde, tokens_short, width, wrap},
        model::{Hit, Model, RunModel},
        panes::header,
        skin::Sign,
    },
};

/// Days from which a date is shown instead of an age.
const OLD: i64 = 30 * 86_400;

/// Draws the list.
pub fn draw(model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    arrange(model);
    let model = &*model;
    let bordered = area.width >= 80;
    let preview = if area.height < 16 { 0 } else { (area.height / 3).clamp(6, 10) };
    heading(model, canvas, row(area, 0));
    let preview = if model.home.chosen().is_none() { 0 } else { preview };
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(1 + preview), ..area };
    let place = match (model.home.everywhere, model.home.resumable) {
        (true, false) => "all projects".to_owned(),
        (true, true) => "all projects, to resume".to_owned(),
        (false, picks) => {
            let here = tilde(&model.fixed.working_dir.display().to_string(), &model.fixed.user_home);
            if picks { format!("{here}, to resume") } else { here }
        }
    };
    let (title, dim) = (canvas.skin.title(true), canvas.skin.dim());
    let inner = match bordered {
        true => canvas.frame(list, &[span("Instances", title)], &[span(place, dim)], true),
        false => list,
    };
    if model.home.is_new() {
        welcome::draw(model, canvas, inner);
        return;
    }
    rows(model, canvas, inner);
    if preview > 0 {
        let below = Rect { y: list.bottom(), height: preview, ..area };
        show_preview(&model.home, canvas, below, bordered);
    }
}

/// The first row: what is typed, how many, the order.
fn heading(model: &Model, canvas: &mut Canvas<'_>, line: Rect) {
    let home = &model.home;
    let (dim, strong, accent) = (canvas.skin.dim(), canvas.skin.strong(), canvas.skin.accent());
    let (label, text) = match &home.line {
        Some(Line::Rename(_, text)) => ("name: ", text.as_str()),
        Some(Line::Further(_, text)) => ("further task: ", text.as_str()),
        Some(Line::Filter) => ("filter: ", home.filter.as_str()),
        None if !home.filter.is_empty() => ("filter: ", home.filter.as_str()),
        None => ("", ""),
    };
    let into = canvas.skin.sign(Sign::Into);
    let lead = match home.line.is_some() && line.width < 100 {
        true => " ".to_owned(),
        false => format!(" zwarm {into} instances   "),
    };
    let count = format!("{} of {}  sort: {} ", home.shown.len(), home.all.len(), home.sort.word());
    let right = if home.line.is_some() && line.width < 100 { Vec::new() } else { vec![span(count, dim)] };
    let room = usize::from(line.width).saturating_sub(width(&lead) + width(label) + 2);
    let room = room.saturating_sub(right.iter().map(|(text, _)| width(text)).sum());
    // The end of a long text is what is being typed.
    let mut tail = crate::text::clean_line(text).into_string();
    while width(&tail) > room && !tail.is_empty() {
        tail.remove(0);
    }
    canvas.ends(line, &[span(lead.clone(), strong), span(label, dim), span(tail.clone(), accent)], &right);
    if home.line.is_some() {
        let x = line.x + u16::try_from(width(&lead) + width(label) + width(&tail)).unwrap_or(0);
        canvas.cursor = Some((x.min(line.right().saturating_sub(1)), line.y).into());
    }
}

/// One row as text.
struct Row {
    name: String,
    sign: &'static str,
    style: Style,
    word: String,
    steps: String,
    tokens: String,
    cost: String,
    age: String,
    directory: String,
    waits: String,
}

fn rows(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let home = &model.home;
    let (dim, strong, plain) = (canvas.skin.dim(), canvas.skin.strong(), canvas.skin.text());
    let ascii = canvas.skin.ascii;
    canvas.put(area.x + 2, area.y, area.width.saturating_sub(2), &headings(area.width, ascii), dim);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    if home.shown.is_empty() {
        let text = match (home.read, home.all.is_empty(), home.resumable) {
            (false, ..) => "reading…",
            (true, true, _) => "no instance in any known project: n starts a run",
            (true, false, true) => "nothing can be resumed here: / shows all, t looks into all projects",
            (true, false, false) => "none fits: Esc clears the filter",
        };
        canvas.put(body.x + 2, body.y, body.width.saturating_sub(2), text, dim);
    }
    let room = usize::from(body.height);
    let top = (home.selected + 1).saturating_sub(room);
    for (n, at) in home.shown.iter().enumerate().skip(top).take(room) {
        let Some(listed) = home.all.get(*at) else { continue };
        let line = row(body, u16::try_from(n - top).unwrap_or(0));
        let needs = needs_human(model, listed);
        let it = describe(model, canvas, listed, needs);
        let mark = match (n == home.selected, needs) {
            (true, _) => canvas.skin.sign(Sign::Selected),
            (false, true) => canvas.skin.sign(Sign::Nudge),
            (false, false) => " ",
        };
        let mark_style = if needs { canvas.skin.warn() } else { strong };
        let name_style = if needs { canvas.skin.warn() } else { strong };
        let mut spans = vec![
            span(format!("{mark} "), mark_style),
            span(fit(&it.name, name_cells(area.width), ascii), name_style),
            span(format!(" {} {}", it.sign, fit(&it.word, 10, ascii)), it.style),
            span(format!("{:>6} ", it.steps), plain),
        ];
        if area.width >= 70 {
            spans.push(span(format!("{:>6} ", it.tokens), plain));
        }
        spans.push(span(format!("{:>7} ", it.cost), plain));
        spans.push(span(format!(" {} ", fit(&it.age, 8, ascii)), dim));
        if area.width >= 120 {
            spans.push(span(fit(&it.waits, 26, ascii) + " ", if needs { canvas.skin.warn() } else { dim }));
        }
        if area.width >= 70 {
            spans.push(span(it.directory, dim));
        }
        canvas.spans(line, &spans);
        if n == home.selected {
            let style = canvas.skin.selected();
            canvas.paint(line, style);
        }
        canvas.hit(line, Hit::Row(n));
    }
}

fn name_cells(area: u16) -> usize {
    match area {
        120.. => 30,
        70.. => 18,
        _ => 16,
    }
}

fn headings(area: u16, ascii: bool) -> String {
    let mut text = fit("name", name_cells(area), ascii) + &fit(" state", 13, ascii) + " steps ";
    if area >= 70 {
        text.push_str("tokens ");
    }
    text.push_str("   cost  when     ");
    if area >= 120 {
        text.push_str(&fit("waits for", 27, ascii));
    }
    if area >= 70 {
        text.push_str("directory");
    }
    text
}

/// The state in a sign, a word and a style.
fn state(canvas: &Canvas<'_>, listed: &Listed, own: Option<&RunModel>) -> (&'static str, String, Style) {
    let skin = canvas.skin;
    if let Some(run) = own {
        let (sign, _, _, style) = header::state(&run.folds.run, skin);
        let state = match run.state() {
            RunState::Pausing => "pausing",
            RunState::Stopping => "stopping",
            state => {
                crate::store::state_word(state, run.folds.run.end.as_ref().map(|end| end.stopped_by.as_str()))
            }
        };
        return (sign, state.to_owned(), style);
    }
    if let Origin::Damaged(_) = listed.origin {
        return (skin.sign(Sign::Failed), "damaged".to_owned(), skin.error());
    }
    let (sign, style) = match listed.meta.state.as_str() {
        "running" | "active" => (Sign::Running, skin.ok()),
        "paused" => (Sign::Paused, skin.warn()),
        "sleeping" => (Sign::Sleeping, skin.warn()),
        "done" | "completed" => (Sign::Done, skin.ok()),
        "stopped" | "crashed" => (Sign::Warning, skin.warn()),
        "aborted" => (Sign::Aborted, skin.error()),
        "failed" => (Sign::Failed, skin.error()),
        _ => (Sign::Idle, skin.dim()),
    };
    let word = if listed.meta.state.is_empty() { "unknown".to_owned() } else { listed.meta.state.clone() };
    (skin.sign(sign), word, style)
}

fn describe(model: &Model, canvas: &Canvas<'_>, listed: &Listed, needs: bool) -> Row {
    let own = model.live().find(|run| run.id.to_string() == listed.meta.id);
    let (sign, word, style) = state(canvas, listed, own);
    let meta = &listed.meta;
    let reference = matches!(listed.origin, Origin::Reference(_));
    let (steps, spent, cost, about) = match own {
        Some(run) => {
            let spend = &run.folds.spend;
            let at = &run.folds.run.progress;
            let steps =
                if at.last_step > 0 { format!("{}/{}", at.step, at.last_step) } else { at.step.to_string() };
            (steps, spend.total(), spend.cost(), spend.estimated)
        }
        None if meta.max_steps > 0 => {
            (format!("{}/{}", meta.steps, meta.max_steps), meta.tokens, meta.cost_usd, meta.estimated)
        }
        None => (meta.steps.to_string(), meta.tokens, meta.cost_usd, meta.estimated),
    };
    // What nobody has written down is unknown, not nothing.
    let unknown = if reference { "-" } else { "?" };
    let written = spent > 0 || !(reference || meta.state == "crashed");
    let known = |text: String| if written { text } else { unknown.to_owned() };
    let about = if about && spent > 0 { "~" } else { "" };
    let cost = cost.map_or_else(|| "?".to_owned(), |cost| format!("{about}{cost:.2}"));
    let directory = match &listed.origin {
        Origin::Reference(version) => format!("(zwarm {version})"),
        _ => tilde(&meta.working_dir, &model.fixed.user_home),
    };
    let waits = match (needs, own) {
        (true, Some(run)) => run.oldest_card().map(|card| card.title.clone()).unwrap_or_default(),
        (true, None) => format!("you: {} in the inbox", meta.inbox_open),
        (false, Some(run)) => run.folds.run.status.reason.clone(),
        (false, None) => meta.waiting_for.clone(),
    };
    Row {
        name: own.map_or_else(|| meta.name.clone(), |run| run.name.clone()),
        sign,
        style,
        word,
        steps: known(steps),
        tokens: known(format!("{about}{}", tokens_short(spent))),
        cost: known(cost),
        age: age(canvas, listed),
        directory,
        waits,
    }
}

/// `now`, `2h ago`, or a date.
fn age(canvas: &Canvas<'_>, listed: &Listed) -> String {
    if listed.live.is_some() {
        return "now".to_owned();
    }
    let Some(stamp) = Stamp::parse(&listed.meta.updated_at) else { return "-".to_owned() };
    let seconds = canvas.now.wall.as_second() - stamp.at.as_second();
    if seconds < OLD {
        return ago(seconds);
    }
    jiff::tz::TimeZone::system().to_datetime(stamp.at).strftime("%b %-d").to_string()
}

fn show_preview(home: &Home, canvas: &mut Canvas<'_>, area: Rect, bordered: bool) {
    let (title, dim, plain) = (canvas.skin.title(false), canvas.skin.dim(), canvas.skin.text());
    let Some(listed) = home.chosen() else { return };
    let head: Vec<Span> = vec![span("Preview ", dim), span(listed.meta.name.clone(), title)];
    let inner = if bordered {
        canvas.frame(area, &head, &[], false)
    } else {
        canvas.spans(row(area, 0), &head);
        Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }
    };
    let Some(preview) = home.preview.as_ref().filter(|preview| preview.dir == listed.dir) else {
        canvas.put(inner.x, inner.y, inner.width, "reading…", dim);
        return;
    };
    let cells = usize::from(inner.width.saturating_sub(8));
    let mut spare = usize::from(inner.height).saturating_sub(preview.lines.len());
    let mut y = 0;
    for (label, text) in &preview.lines {
        // Long ones take what is left over, the first of them first.
        let most = spare + 1;
        let parts = wrap(&crate::text::clean_line(text), cells);
        spare -= parts.len().clamp(1, most) - 1;
        for (part, line) in parts.iter().take(most).enumerate() {
            let at = row(inner, y);
            canvas.put(at.x, at.y, 7.min(at.width), if part == 0 { label } else { "" }, dim);
            let more = part + 1 == most && parts.len() > most;
            let line = if more { format!("{line} {}", canvas.skin.sign(Sign::More)) } else { line.clone() };
            canvas.put(at.x + 7, at.y, at.width.saturating_sub(7), &line, plain);
            y += 1;
        }
    }
}
