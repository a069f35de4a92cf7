//! How the new-run dialog is drawn: the task on top, the other fields below it (they scroll where there is little room),
//! and the buttons.

use ratatui::layout::Rect;

use super::{
    NewRun, Stop,
    fields::{APPROVALS, NUMBERS, SANDBOXES},
};
use crate::ui::{
    kit::{Canvas, Span, centred, cut, inside, row, span, width, wrap},
    model::{Hit, Model, composer::Composer},
    panes::composer::draw_text,
    skin::Skin,
};

/// Cells of a label.
const LABEL: u16 = 10;

/// One thing in a row: its cells, its text, where the focus stands when it is chosen.
struct Piece {
    x: u16,
    y: u16,
    spans: Vec<Span>,
    stop: Option<Stop>,
    /// Cells from its start to the caret.
    caret: Option<u16>,
}

/// Rows that flow: a piece that finds no room goes to the next row.
struct Flow {
    pieces: Vec<Piece>,
    x: u16,
    y: u16,
    width: u16,
}

impl Flow {
    fn row(&mut self, label: &str, skin: &Skin) {
        if !self.pieces.is_empty() {
            self.y += 1;
        }
        self.pieces.push(Piece {
            x: 0,
            y: self.y,
            spans: vec![span(label, skin.dim())],
            stop: None,
            caret: None,
        });
        self.x = LABEL;
    }

    fn put(&mut self, spans: Vec<Span>, stop: Option<Stop>, caret: Option<u16>) {
        let cells: usize = spans.iter().map(|(text, _)| width(text)).sum();
        let cells = u16::try_from(cells).unwrap_or(u16::MAX);
        if self.x > LABEL && self.x.saturating_add(cells) > self.width {
            (self.x, self.y) = (LABEL, self.y + 1);
        }
        self.pieces.push(Piece { x: self.x, y: self.y, spans, stop, caret });
        self.x = self.x.saturating_add(cells + 2);
    }

    /// A field that is typed into, at most so many cells.
    fn field(&mut self, text: &Composer, cells: usize, here: bool, stop: Stop, skin: &Skin) {
        let line = text.lines().first().map(String::as_str).unwrap_or_default();
        let (_, caret) = text.caret();
        // What stands before the caret stays in view.
        let mut skip = 0;
        let before = |skip: usize| {
            width(&line.chars().skip(skip).take(caret.saturating_sub(skip)).collect::<String>())
        };
        while before(skip) >= cells {
            skip += 1;
        }
        let shown: String = line.chars().skip(skip).collect();
        let shown = cut(&crate::text::clean_line(&shown), cells, skin.ascii);
        let at = u16::try_from(before(skip)).unwrap_or(0);
        let style = if here { skin.accent() } else { skin.text() };
        let shown = if shown.is_empty() && !here { "-".to_owned() } else { shown };
        let fill = if here { " ".repeat(usize::from(width(&shown) < cells)) } else { String::new() };
        self.put(vec![span(shown + &fill, style)], Some(stop), here.then_some(at));
    }

    /// One of several choices.
    fn choice(&mut self, mark: &str, text: &str, on: bool, here: bool, stop: Stop, skin: &Skin) {
        let style = match (here, on) {
            (true, _) => skin.accent(),
            (false, true) => skin.text(),
            (false, false) => skin.dim(),
        };
        self.put(vec![span(format!("{mark} {text}"), style)], Some(stop), None);
    }
}

/// `(•)`, `( )`.
fn radio(on: bool, ascii: bool) -> &'static str {
    match (on, ascii) {
        (true, false) => "(•)",
        (true, true) => "(*)",
        (false, _) => "( )",
    }
}

/// Draws the dialog.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let new = &model.new_run;
    let cells = area.width.saturating_sub(4).clamp(36, 86);
    let flow = fields(new, cells.saturating_sub(4), canvas.skin);
    let rows = flow.y + 1;
    let task = if area.height >= 22 { 4 } else { 3 };
    let place = centred(area, cells, task + 2 + rows + 1 + 2 + 2);
    let (title, dim) = (canvas.skin.title(true), canvas.skin.dim());
    let outer = canvas.popup(place, &[span("New run", title)], &[span("Tab next field", dim)]);
    let inner = Rect { x: outer.x + 1, width: outer.width.saturating_sub(2), ..outer };
    task_field(new, canvas, Rect { height: (task + 2).min(inner.height), ..inner });
    let fixed = task + 2 + 2;
    let body = Rect { y: inner.y + task + 2, height: inner.height.saturating_sub(fixed), ..inner };
    let focused = flow.pieces.iter().find(|piece| piece.stop == Some(new.focus)).map_or(0, |piece| piece.y);
    let top = if body.height == 0 { 0 } else { (focused + 1).saturating_sub(body.height) };
    for piece in &flow.pieces {
        let Some(y) = piece.y.checked_sub(top).filter(|y| *y < body.height) else { continue };
        let line = row(body, y);
        let mut x = line.x + piece.x;
        let start = x;
        for (text, style) in &piece.spans {
            x += canvas.put(x, line.y, line.right().saturating_sub(x), text, *style);
        }
        if let Some(stop) = piece.stop {
            canvas.hit(Rect { x: start, width: x.saturating_sub(start), ..line }, Hit::Row(stop.index()));
        }
        if let Some(caret) = piece.caret {
            canvas.cursor = Some(((start + caret).min(line.right().saturating_sub(1)), line.y).into());
        }
    }
    if inner.height >= 2 {
        let problem = row(inner, inner.height - 2);
        let style = if new.starting { dim } else { canvas.skin.warn() };
        let text = if new.starting { "starting…" } else { new.problem.as_str() };
        canvas.put(problem.x, problem.y, problem.width, text, style);
        buttons(new, canvas, row(inner, inner.height - 1));
    }
}

fn task_field(new: &NewRun, canvas: &mut Canvas<'_>, area: Rect) {
    let here = new.focus == Stop::Task;
    let dim = canvas.skin.dim();
    let title = canvas.skin.title(here);
    let frame = canvas.frame(area, &[span("Task", title)], &[span("^J new line  ^G editor", dim)], here);
    draw_text(&new.task, canvas, frame, here);
    if new.task.is_empty() && !here {
        canvas.put(frame.x, frame.y, frame.width, "what is to be done", dim);
    }
    canvas.hit(inside(area, 0), Hit::Row(Stop::Task.index()));
}

fn fields(new: &NewRun, cells: u16, skin: &Skin) -> Flow {
    let mut flow = Flow { pieces: Vec::new(), x: 0, y: 0, width: cells };
    let here = |stop: Stop| new.focus == stop;
    let note = |result: Option<&Result<String, String>>| match result {
        Some(Ok(text)) if text == crate::agent::look::NO_GIT => vec![span(text.clone(), skin.dim())],
        Some(Ok(text)) => vec![span(text.clone(), skin.ok())],
        Some(Err(text)) => vec![span(text.clone(), skin.warn())],
        None => Vec::new(),
    };
    let wide = usize::from(cells.saturating_sub(LABEL));
    flow.row("Directory", skin);
    flow.field(&new.texts.directory, wide.min(34), here(Stop::Directory), Stop::Directory, skin);
    flow.put(note(new.around.as_ref().map(|around| &around.directory)), None, None);
    flow.row("Name", skin);
    flow.field(&new.texts.name, wide.min(34), here(Stop::Name), Stop::Name, skin);
    if new.texts.name.is_empty() {
        let auto = super::auto_name(&new.task.text());
        let auto = if auto.is_empty() { "its id".to_owned() } else { auto };
        flow.put(vec![span(format!("(auto: {auto})"), skin.dim())], None, None);
    }
    flow.row("Model", skin);
    flow.field(&new.texts.model, wide.min(34), here(Stop::Model), Stop::Model, skin);
    let known = new.around.as_ref().filter(|around| around.lm == new.texts.model.text());
    match known.map(|around| &around.model) {
        // What is missing is told in full, on rows of its own.
        Some(Err(text)) => {
            for part in wrap(text, wide) {
                (flow.x, flow.y) = (LABEL, flow.y + 1);
                flow.put(vec![span(part, skin.warn())], None, None);
            }
        }
        known => flow.put(note(known), None, None),
    }
    flow.row("Executor", skin);
    executors(new, &mut flow, skin);
    flow.row("Sandbox", skin);
    for (sandbox, text, _) in SANDBOXES {
        let on = new.choices.sandbox == sandbox;
        flow.choice(radio(on, skin.ascii), text, on, on && here(Stop::Sandbox), Stop::Sandbox, skin);
    }
    flow.row("Budgets", skin);
    for (at, (label, _)) in NUMBERS.iter().enumerate() {
        let stop = Stop::Number(at);
        let room = width(label) + 8;
        if flow.x > LABEL && usize::from(flow.x) + room > usize::from(cells) {
            (flow.x, flow.y) = (LABEL, flow.y + 1);
        }
        flow.put(vec![span(*label, skin.dim())], None, None);
        flow.x -= 1;
        flow.field(&new.texts.numbers[at], 7, here(stop), stop, skin);
    }
    flow.row("Watchers", skin);
    for (at, (entry, on)) in new.choices.watchers.iter().enumerate() {
        let mark = if *on { "[x]" } else { "[ ]" };
        let chosen = here(Stop::Watchers) && at == new.choices.at;
        flow.choice(mark, &entry.name, *on, chosen, Stop::Watchers, skin);
    }
    flow.row("Approval", skin);
    for (approval, text) in APPROVALS {
        let on = new.choices.approval == Some(approval);
        flow.choice(radio(on, skin.ascii), text, on, on && here(Stop::Approval), Stop::Approval, skin);
    }
    flow
}

/// Each executor with its state.
fn executors(new: &NewRun, flow: &mut Flow, skin: &Skin) {
    let here = new.focus == Stop::Executor;
    let on = new.choices.executor.is_none();
    flow.choice(radio(on, skin.ascii), "auto", on, on && here, Stop::Executor, skin);
    for name in &new.choices.executors {
        let on = new.choices.executor.as_ref() == Some(name);
        let found =
            new.around.as_ref().and_then(|around| around.executors.iter().find(|found| found.name == *name));
        let version = new.versions.iter().find(|(of, _)| of == name).map(|(_, version)| version.as_str());
        let (text, style) = match found {
            None => (String::new(), skin.dim()),
            Some(found) if !found.usable => {
                (format!("not found: {}", super::command(&found.install)), skin.dim())
            }
            Some(found) => match found.signed_in {
                Some(false) => (format!("{} not signed in", version.unwrap_or_default()), skin.warn()),
                _ => (format!("{} found", version.unwrap_or_default()), skin.ok()),
            },
        };
        let name_style = match (on && here, on) {
            (true, _) => skin.accent(),
            (false, true) => skin.text(),
            (false, false) => skin.dim(),
        };
        let spans = vec![
            span(format!("{} {name} ", radio(on, skin.ascii)), name_style),
            span(text.trim_start().to_owned(), style),
        ];
        flow.put(spans, Some(Stop::Executor), None);
    }
}

fn buttons(new: &NewRun, canvas: &mut Canvas<'_>, line: Rect) {
    let mut x = line.x;
    for (stop, label) in
        [(Stop::Start, "[ Start ⏎ ]"), (Stop::Save, "[ Save as config ]"), (Stop::Cancel, "[ Cancel Esc ]")]
    {
        let label = if canvas.skin.ascii { label.replace(" ⏎", "") } else { label.to_owned() };
        let style = if new.focus == stop { canvas.skin.selected() } else { canvas.skin.key() };
        let used = canvas.put(x, line.y, line.right().saturating_sub(x), &label, style);
        canvas.hit(Rect { x, width: used, ..line }, Hit::Row(stop.index()));
        x = x.saturating_add(used + 2);
    }
}
