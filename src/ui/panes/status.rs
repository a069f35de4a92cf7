//! The last row: the keys that are valid here, most valuable first; and the row of remarks above it.

use ratatui::layout::Rect;

use crate::ui::{
    actions::{Act, Browse, Context, Go, Open, Run, Session, TABLE, Watcher, Write},
    input::contexts,
    keys::Chord,
    kit::{Canvas, Span, span, width},
    model::{Hit, Level, Model, Screen},
    skin::Sign,
};

/// A key, a word, what a click does.
struct Hint {
    key: String,
    text: String,
    act: Option<Act>,
}

fn hints(model: &Model) -> Vec<Hint> {
    if let Some(overlay) = model.overlays.last() {
        let plain = |(key, text)| Hint { key, text, act: None };
        return overlay.hints(model).into_iter().map(plain).collect();
    }
    if model.screen == Screen::NewRun {
        let keys = [
            ("Tab", "next field"),
            ("← →", "choose"),
            ("␣", "switch"),
            ("⏎", "start"),
            ("^G", "editor"),
            ("Esc", "cancel"),
        ];
        return keys.map(|(key, text)| Hint { key: key.to_owned(), text: text.to_owned(), act: None }).into();
    }
    if let Some(keys) = within_text(model) {
        return keys
            .iter()
            .map(|(key, text)| Hint { key: (*key).into(), text: (*text).into(), act: None })
            .collect();
    }
    let here = contexts(model);
    let ascii = model.term.skin.ascii;
    if let Some(prefix) = model.pressed.prefix {
        return after_prefix(model, &here, prefix);
    }
    let mut rows: Vec<_> =
        TABLE.iter().filter(|row| here.contains(&row.context) && !row.hint.is_empty()).collect();
    let depth = |row: &crate::ui::actions::Row| here.iter().position(|context| *context == row.context);
    // A key of an inner context hides the same key of an outer one.
    let first = |row: &crate::ui::actions::Row| model.fixed.keymap.label(row.id, ascii);
    let all = rows.clone();
    rows.retain(|row| !all.iter().any(|other| depth(other) < depth(row) && first(other) == first(row)));
    // Where no run is shown, what steers one means nothing.
    let needed = model.live().any(|run| !run.folds.inbox.open.is_empty());
    let of_a_run = |act: Act| match act {
        Act::Run(_) | Act::Write(_) | Act::Go(Go::NextPane | Go::Zoom) => true,
        Act::Open(Open::Inbox) => !needed,
        _ => false,
    };
    if model.screen == Screen::Home {
        rows.retain(|row| !of_a_run(row.act));
        // Without an instance, what is done to one means nothing; Enter plays the demo.
        let empty = model.home.is_new();
        rows.retain(|row| !empty || !matches!(row.act, Act::Browse(it) if !it.is_for_none()));
    }
    // What nobody runs takes no orders: it can only be resumed.
    let dead = model.present().is_some_and(|run| !run.can_steer());
    let orders = |act: Act| match act {
        Act::Run(run) => run != Run::Pause,
        Act::Session(it) => it != Session::Open,
        Act::Open(open) => open == Open::Inbox,
        Act::Write(it) => it == Write::Target,
        _ => false,
    };
    rows.retain(|row| !dead || !orders(row.act));
    // Where no verdict is there, none can be muted; Enter opens the list of all watchers.
    let silent = model.present().is_some_and(|run| run.spoken.is_empty());
    let of_a_verdict = |act: Act| matches!(act, Act::Watcher(it) if it != Watcher::Explain);
    rows.retain(|row| !silent || !of_a_verdict(row.act));
    rows.sort_by_key(|row| row.rank);
    let mut hints = of_the_past(model);
    for row in rows {
        let key = typeable(model, row.id);
        if key.is_empty() || hints.iter().any(|hint| hint.key == key) {
            continue;
        }
        let open: usize = match model.run() {
            Some(run) => run.folds.inbox.open.len(),
            None => model.live().map(|run| run.folds.inbox.open.len()).sum(),
        };
        let text = match row.act {
            Act::Open(Open::Inbox) => format!("inbox({open})"),
            Act::Run(Run::Pause) if dead => "resume".to_owned(),
            Act::Write(Write::Focus | Write::Send) if dead => "further task".to_owned(),
            Act::Run(Run::Pause) if row.hint == "pause" && is_held(model) => "continue".to_owned(),
            Act::Watcher(Watcher::Explain) if silent => "all watchers".to_owned(),
            Act::Go(Go::Back) if model.screen == Screen::Home => "quit".to_owned(),
            Act::Browse(Browse::Open) if model.home.is_new() => "demo".to_owned(),
            _ => row.hint.to_owned(),
        };
        hints.push(Hint { key, text, act: Some(row.act) });
    }
    hints
}

/// How one looks back further, and comes back to now.
fn of_the_past(model: &Model) -> Vec<Hint> {
    if model.past().is_none() {
        return Vec::new();
    }
    let rows = [("replay.back", "step back"), ("replay.on", "step on"), ("close", "now")];
    let hint = |(id, text): (&str, &str)| {
        let row = crate::ui::actions::find(id)?;
        let key = model.fixed.keymap.label(id, model.term.skin.ascii);
        Some(Hint { key, text: text.to_owned(), act: Some(row.act) }).filter(|hint| !hint.key.is_empty())
    };
    rows.into_iter().filter_map(hint).collect()
}

/// The first key of an action that this terminal can tell from others: without the kitty protocol it sends Shift-Enter
/// as Enter.
fn typeable(model: &Model, id: &str) -> String {
    let labels = model.fixed.keymap.labels(id, model.term.skin.ascii);
    let shifted = [
        Chord::parse("shift-enter").map(|chord| chord.label(false)),
        Chord::parse("shift-enter").map(|chord| chord.label(true)),
    ];
    let told = |label: &&String| model.term.kitty || !shifted.iter().flatten().any(|it| it == *label);
    labels.iter().find(told).or(labels.first()).cloned().unwrap_or_default()
}

/// What can follow the first chord of a sequence.
fn after_prefix(model: &Model, here: &[Context], prefix: Chord) -> Vec<Hint> {
    let ascii = model.term.skin.ascii;
    let first =
        Hint { key: prefix.label(ascii), text: model.term.skin.sign(Sign::More).to_owned(), act: None };
    let next = model.fixed.keymap.after(here, prefix).into_iter().map(|(chord, row)| Hint {
        key: chord.label(ascii),
        text: row.text.to_owned(),
        act: Some(row.act),
    });
    std::iter::once(first).chain(next).collect()
}

/// While a search is typed or lines are selected, other keys count.
fn within_text(model: &Model) -> Option<&'static [(&'static str, &'static str)]> {
    if model.screen == Screen::Home && model.home.typing() {
        return Some(match model.home.is_filtering() {
            true => &[("type", "to filter"), ("↑↓", "choose"), ("⏎", "keep the filter"), ("Esc", "all")],
            false => &[("⏎", "done"), ("^U", "empty"), ("Esc", "cancel")],
        });
    }
    let run = model.run().filter(|_| !model.typing() && model.screen != Screen::Home)?;
    if run.look.search.is_some() {
        return Some(&[("type", "to search"), ("↑↓", "matches"), ("⏎", "keep (n N go on)"), ("Esc", "back")]);
    }
    let selecting = run.is_selecting(model.screen == Screen::Session);
    selecting.then_some(&[("j k", "more lines"), ("y", "copy"), ("Esc", "no selection")])
}

fn is_held(model: &Model) -> bool {
    use crate::protocol::event::RunState::{Paused, Pausing, Sleeping};
    let held = |run: &crate::ui::model::RunModel| run.health.store.is_some();
    model.run().is_some_and(|run| held(run) || matches!(run.state(), Paused | Pausing | Sleeping))
}

/// Signs of keys in words.
fn in_ascii(key: &str) -> String {
    let words = [("⏎", "Enter"), ("↑↓", "up/down"), ("← →", "left/right"), ("␣", "Space")];
    words.iter().fold(key.to_owned(), |key, (sign, word)| key.replace(sign, word))
}

/// Draws the status bar.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    if area.is_empty() {
        return;
    }
    let skin = canvas.skin;
    let help = model.fixed.keymap.label("help.toggle", skin.ascii);
    let right = side(model, canvas);
    let right_cells: usize = right.iter().map(|(text, _)| width(text)).sum();
    let shows_right = usize::from(area.width) >= 100 && right_cells > 0;
    let word = if shows_right { " help   " } else { " help " };
    let last: Vec<Span> = vec![span(format!(" {help}"), skin.key()), span(word, skin.dim())];
    let last_cells: usize = last.iter().map(|(text, _)| width(text)).sum();
    let room = usize::from(area.width).saturating_sub(last_cells + if shows_right { right_cells } else { 0 });
    let mut x = area.x + 1;
    let mut used = 1;
    for mut hint in hints(model) {
        if skin.ascii {
            hint.key = in_ascii(&hint.key);
        }
        let cells = width(&hint.key) + 1 + width(&hint.text) + 2;
        if used + cells > room {
            break;
        }
        let start = x;
        x += canvas.put(x, area.y, area.width, &format!("{} ", hint.key), skin.key());
        x += canvas.put(x, area.y, area.width, &format!("{}  ", hint.text), skin.dim());
        used += cells;
        if let Some(act) = hint.act {
            canvas.hit(Rect::new(start, area.y, x - start, 1), Hit::Act(act));
        }
    }
    // At the right edge, or before what stands there.
    let before = if shows_right { right_cells } else { 0 };
    let mut x = area.right().saturating_sub(u16::try_from(last_cells + before).unwrap_or(0)).max(x);
    let start = x;
    for (text, style) in &last {
        x += canvas.put(x, area.y, area.right().saturating_sub(x), text, *style);
    }
    canvas.hit(Rect::new(start, area.y, x - start, 1), Hit::Act(Act::Open(Open::Help)));
    if shows_right {
        let start = area.right() - u16::try_from(right_cells).unwrap_or(0);
        let mut x = start;
        for (text, style) in &right {
            x += canvas.put(x, area.y, area.right().saturating_sub(x), text, *style);
        }
    }
}

fn side(model: &Model, canvas: &Canvas<'_>) -> Vec<Span> {
    let skin = canvas.skin;
    let Some(run) = model.run() else { return Vec::new() };
    let running = run.folds.sessions.working().count();
    let dot = skin.sign(Sign::Ok);
    match &run.health.store {
        Some(_) => {
            vec![span(format!("{running} running {dot} "), skin.dim()), span("disk FAILED ", skin.error())]
        }
        None => vec![span(format!("{running} running {dot} disk ok "), skin.dim())],
    }
}

/// Draws the newest remark.
pub fn toast(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let Some((toast, behind)) = model.toasts.current() else { return };
    let skin = canvas.skin;
    let (sign, style) = match toast.level {
        Level::Info => (skin.sign(Sign::Ok), skin.text()),
        Level::Warning => (skin.sign(Sign::Warning), skin.warn()),
        Level::Error => (skin.sign(Sign::Failed), skin.error()),
    };
    let mut right = Vec::new();
    if behind > 0 {
        right.push(span(format!("  +{behind}"), skin.dim()));
    }
    if toast.level != Level::Info {
        let view = model.fixed.keymap.label("messages.open", skin.ascii);
        right.push(span(format!("  {view} view  Esc close "), skin.dim()));
    }
    canvas.ends(area, &[span(format!(" {sign} {}", toast.text), style)], &right);
}
