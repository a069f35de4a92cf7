//! The run view: four panes at 120x32 and more, else one pane with tabs and a strip of sessions, without borders below
//! 80 columns, and a notice below 40x10.

use ratatui::layout::Rect;

use crate::ui::{
    kit::{Canvas, Span, cut, span, width},
    model::{Hit, Level, Model, Pane},
    msg::Now,
    overlays::Overlay,
    panes::{composer, header, sessions, status, texts, watchers},
    skin::Sign,
    theme::{Background, Depth},
};

/// Rows from which a line stands above the text that is written, where there are no borders.
pub const RULE_FROM: u16 = 14;

/// How the view is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Four panes.
    Wide,
    /// One pane, a strip of sessions.
    Medium,
    /// One pane without borders.
    Narrow,
}

/// The places of everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub mode: Mode,
    pub header: Rect,
    /// The tabs, where one pane is shown.
    pub tabs: Rect,
    pub panes: Vec<(Pane, Rect)>,
    /// Two sessions in a row each.
    pub strip: Rect,
    pub composer: Rect,
}

/// Divides an area (without the rows of status and remarks); `text`: rows that the composer's text wants.
pub fn layout(area: Rect, focus: Pane, zoom: bool, text: u16) -> Layout {
    let mode = match (area.width, area.height) {
        (120.., 30..) if !zoom => Mode::Wide,
        (80.., 22..) => Mode::Medium,
        _ => Mode::Narrow,
    };
    let line = |y: u16, height: u16| Rect::new(area.x, area.y + y, area.width, height).intersection(area);
    let borders = match mode {
        // A line above it.
        Mode::Narrow => u16::from(area.height >= RULE_FROM),
        _ => 2,
    };
    let text = text.max(if mode == Mode::Wide { 2 } else { 1 });
    let composer_rows = (text + borders).min(area.height / 3).max(1);
    let composer = line(area.height - composer_rows, composer_rows);
    let none = Rect::new(area.x, area.y, 0, 0);
    let mut layout =
        Layout { mode, header: line(0, 1), tabs: none, panes: Vec::new(), strip: none, composer };
    if mode == Mode::Wide {
        let body = line(1, area.height - 1 - composer_rows);
        let left = u16::try_from(u32::from(area.width) * 62 / 100).unwrap_or(area.width);
        let right = Rect::new(body.x + left, body.y, body.width - left, body.height);
        let watchers = (body.height / 4).max(6);
        let list = (body.height / 4).max(8);
        let live = body.height.saturating_sub(watchers + list);
        layout.panes = vec![
            (Pane::Orchestrator, Rect { width: left, ..body }),
            (Pane::Sessions, Rect { height: list, ..right }),
            (Pane::Live, Rect { y: right.y + list, height: live, ..right }),
            (Pane::Watchers, Rect { y: right.y + list + live, height: watchers, ..right }),
        ];
        return layout;
    }
    layout.tabs = line(1, 1);
    let strip = if mode == Mode::Medium && !zoom && focus != Pane::Sessions { 4 } else { 0 };
    let pane = area.height.saturating_sub(2 + composer_rows + strip);
    layout.panes = vec![(focus, line(2, pane))];
    layout.strip = line(2 + pane, strip);
    layout
}

/// Draws the run view.
pub fn draw(model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    // Made before its title is.
    let _ = model.run_mut().map(|run| run.live().is_some());
    let Some(run) = model.run() else { return };
    let text = composer::wanted(run, area.width);
    let places = layout(area, run.look.focus, run.look.zoom, text);
    header::draw(model, run, canvas, places.header);
    if !places.tabs.is_empty() {
        tabs(model, canvas, places.tabs);
    }
    for (pane, place) in &places.panes {
        draw_pane(model, canvas, *pane, *place, places.mode);
    }
    strip(model, canvas, places.strip);
    if let Some(run) = model.run() {
        composer::draw(model, run, canvas, places.composer, places.mode != Mode::Narrow);
    }
}

fn title(model: &Model, pane: Pane, canvas: &Canvas<'_>) -> (String, Vec<Span>) {
    let Some(run) = model.run() else { return (String::new(), Vec::new()) };
    let skin = canvas.skin;
    match pane {
        Pane::Orchestrator => {
            let dot = skin.sign(Sign::Ok);
            let mut right =
                vec![span(format!("{} {dot} {} {dot} ", run.folds.run.model, header::step(run)), skin.dim())];
            right.extend(texts::status(&run.texts.orchestrator, canvas));
            ("1 Orchestrator".to_owned(), right)
        }
        Pane::Sessions => {
            ("2 Sessions".to_owned(), vec![span(run.folds.sessions.all.len().to_string(), skin.dim())])
        }
        Pane::Live => {
            let session = run.look.selected.and_then(|id| run.folds.sessions.get(id));
            let dot = skin.sign(Sign::Ok);
            let name =
                session.map(|s| format!(" {dot} {} {}", s.short_id, s.who.adapter)).unwrap_or_default();
            let text = run.look.selected.and_then(|id| run.texts.sessions.get(&id));
            (format!("3 Live{name}"), text.map(|text| texts::status(text, canvas)).unwrap_or_default())
        }
        Pane::Watchers => ("4 Watchers".to_owned(), vec![span(watchers::summary(run), skin.dim())]),
    }
}

fn draw_pane(model: &mut Model, canvas: &mut Canvas<'_>, pane: Pane, area: Rect, mode: Mode) {
    let focused = model.run().is_some_and(|run| run.look.focus == pane && !run.look.typing);
    let (left, right) = title(model, pane, canvas);
    canvas.hit(area, Hit::Pane(pane));
    let inner = match mode {
        Mode::Wide => {
            let style = canvas.skin.title(focused);
            canvas.frame(area, &[span(left, style)], &right, focused)
        }
        // The tabs above say what it is.
        Mode::Medium => canvas.frame(area, &[], &[], focused),
        Mode::Narrow => area,
    };
    content(model, canvas, pane, inner, focused);
}

fn content(model: &mut Model, canvas: &mut Canvas<'_>, pane: Pane, area: Rect, focused: bool) {
    let Some(run) = model.run_mut() else { return };
    let search = run.look.search.clone().filter(|_| focused);
    let area = texts::elsewhere(run, pane, canvas, area);
    match pane {
        Pane::Orchestrator => {
            canvas.hit(area, Hit::Pane(pane));
            texts::draw(&mut run.texts.orchestrator, search.as_deref(), canvas, area, focused);
        }
        Pane::Live => {
            canvas.hit(area, Hit::Pane(pane));
            let tails = run.tails.clone();
            match run.live() {
                Some(text) => {
                    if let Some(tails) = tails {
                        text.tick_tails(&tails);
                    }
                    texts::draw(text, search.as_deref(), canvas, area, focused);
                }
                None => {
                    let dim = canvas.skin.dim();
                    canvas.put(area.x, area.y, area.width, "  no session to follow yet", dim);
                }
            }
        }
        Pane::Sessions => sessions::draw(run, canvas, area),
        Pane::Watchers => watchers::draw(run, canvas, area),
    }
}

fn tabs(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(run) = model.run() else { return };
    let skin = canvas.skin;
    let mut x = area.x + 1;
    let short = area.width < 80;
    let working = run.folds.sessions.working().count();
    let failed =
        run.listed().iter().filter(|(group, _)| *group == crate::ui::model::group::Group::Failed).count();
    let live = run.look.selected.and_then(|id| run.folds.sessions.get(id)).map(|s| s.short_id.clone());
    for pane in Pane::ALL {
        let name = match pane {
            Pane::Orchestrator => "1 Orch".to_owned(),
            Pane::Sessions => {
                let mut name = if short { "2 Sess".to_owned() } else { "2 Sessions".to_owned() };
                for (count, sign) in [(working, Sign::Running), (failed, Sign::Failed)] {
                    if count > 0 {
                        name.push_str(&format!("{}{count}", skin.sign(sign)));
                    }
                }
                name
            }
            Pane::Live => format!("3 Live {}", live.as_deref().unwrap_or_default()).trim_end().to_owned(),
            Pane::Watchers => match watchers::said(run) {
                0 => "4 Watch".to_owned(),
                n => format!("4 Watch{}{n}", skin.sign(Sign::Nudge)),
            },
        };
        let here = run.look.focus == pane;
        let text = if here { format!("[{name}]") } else { name };
        let style = if here { skin.title(true) } else { skin.dim() };
        let start = x;
        x += canvas.put(x, area.y, area.right().saturating_sub(x), &text, style);
        canvas.hit(Rect::new(start, area.y, x - start, 1), Hit::Pane(pane));
        x += 1;
    }
    let (_, right) = title(model, run.look.focus, canvas);
    let right: Vec<Span> = match run.look.focus {
        Pane::Orchestrator => texts::status(&run.texts.orchestrator, canvas),
        _ => right,
    };
    let cells = u16::try_from(right.iter().map(|(text, _)| width(text)).sum::<usize>()).unwrap_or(0);
    let mut at = area.right().saturating_sub(cells + 1);
    if at > x {
        for (text, style) in &right {
            at += canvas.put(at, area.y, area.right().saturating_sub(at), text, *style);
        }
    }
}

fn strip(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(run) = model.run().filter(|_| area.height > 2) else { return };
    let listed = run.listed();
    let (style, dim) = (canvas.skin.title(false), canvas.skin.dim());
    let shown = listed.len().min(2);
    let right = span(format!("{shown} of {}", listed.len()), dim);
    canvas.hit(area, Hit::Pane(Pane::Sessions));
    let inner = canvas.frame(area, &[span("Sessions", style)], &[right], false);
    if listed.is_empty() {
        canvas.put(inner.x, inner.y, inner.width, "  no session yet", dim);
    }
    let at = listed.iter().position(|(_, id)| Some(*id) == run.look.selected).unwrap_or(0);
    let top = at.min(listed.len().saturating_sub(2));
    for (n, (group, id)) in listed.iter().skip(top).take(usize::from(inner.height)).enumerate() {
        if let Some(session) = run.folds.sessions.get(*id) {
            let line = Rect { y: inner.y + u16::try_from(n).unwrap_or(0), height: 1, ..inner };
            sessions::row(run, *group, session, canvas, line, true);
        }
    }
}

/// What a screen that is too small shows: the state of the run, and the three keys that act.
pub fn notice(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let skin = canvas.skin;
    let mut lines = vec![("too small: 40x10 at least".to_owned(), skin.warn())];
    if let Some(run) = model.run() {
        let (sign, _, short, style) = header::state(&run.folds.run, skin);
        lines.insert(0, (format!("{sign} {short} {}", run.name), style));
    }
    match model.overlays.last() {
        Some(Overlay::Ask(_)) => lines.push(("X again: abort".to_owned(), skin.error())),
        _ => lines.push(("p pause  X abort  q back".to_owned(), skin.key())),
    }
    for (n, (text, style)) in lines.iter().take(usize::from(area.height)).enumerate() {
        let text = cut(text, usize::from(area.width), skin.ascii);
        canvas.put(area.x, area.y + u16::try_from(n).unwrap_or(0), area.width, &text, *style);
    }
    let _ = status::draw;
}

/// The terminal has said what its background is: the theme that fits it.
pub fn background(model: &mut Model, found: Option<(u8, u8, u8)>, now: Now) {
    let Some((r, g, b)) = found else {
        model.say(Level::Warning, "the terminal does not say what its background is", now);
        return;
    };
    let light = u32::from(r) * 299 + u32::from(g) * 587 + u32::from(b) * 114 > 128_000;
    let wanted = if light { Background::Light } else { Background::Dark };
    let name = model.term.skin.theme.name.clone();
    let next = model.term.themes.counterpart(&name, wanted).unwrap_or(&name).to_owned();
    if let Ok(theme) = model.term.themes.get(&next) {
        let depth = Depth::detect(|name| std::env::var(name).ok());
        model.term.skin.theme = theme.at(depth);
    }
    let word = if light { "light" } else { "dark" };
    model.say(Level::Info, format!("the background is {word}: theme '{next}'"), now);
}
