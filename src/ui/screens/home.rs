//! Home: the instances of this directory, or of all known projects. What is done to one on disk is `shelf`'s.

mod draw;
mod order;
mod welcome;

use crossterm::event::{KeyCode, KeyModifiers};

pub use draw::draw;
pub use order::Sort;

use crate::{
    agent::launch::What,
    protocol::{InstanceId, event::RunKind},
    store::{Listed, Origin},
    ui::{
        actions::Browse,
        input::KeyPress,
        model::{Level, Model, Screen},
        msg::{Now, UiEffect},
        overlays::{Overlay, delete::Delete},
        shelf::Preview,
        update::act::resume,
    },
};

/// Characters of what is typed into the line.
const LINE: usize = 2_000;

/// What is being typed, and for what.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    Filter,
    Rename(Box<Listed>, String),
    /// A further task for one that has ended by `exit`.
    Further(Box<Listed>, String),
}

/// The list.
#[derive(Clone, Debug, Default)]
pub struct Home {
    all: Vec<Listed>,
    /// Places in `all`: those that the filter lets through, in their order.
    shown: Vec<usize>,
    /// A place in `shown`.
    selected: usize,
    everywhere: bool,
    sort: Sort,
    filter: String,
    line: Option<Line>,
    preview: Option<Preview>,
    /// Only what can be resumed.
    resumable: bool,
    /// The list was read at least once.
    read: bool,
    /// The run view from which the list was opened: Esc goes back there.
    from: Option<InstanceId>,
    /// The run view that was left: it is chosen once the list is read.
    left: Option<InstanceId>,
}

impl Home {
    /// The list as a picker of what to resume.
    pub fn picker() -> Self {
        Self { resumable: true, ..Self::default() }
    }

    /// The list was opened from a run view.
    pub fn opened_from(&mut self, run: Option<InstanceId>) {
        self.from = run;
    }

    /// The run view of this run was left for the list.
    pub fn left(&mut self, run: Option<InstanceId>) {
        self.left = run;
    }

    /// True where all known projects are listed.
    pub fn everywhere(&self) -> bool {
        self.everywhere
    }

    /// True while a filter is typed.
    pub fn is_filtering(&self) -> bool {
        self.line == Some(Line::Filter)
    }

    /// True while a filter or a name is typed.
    pub fn typing(&self) -> bool {
        self.line.is_some()
    }

    /// No run was ever started here.
    pub fn is_new(&self) -> bool {
        self.read && self.all.is_empty() && !self.everywhere
    }

    /// The chosen instance.
    pub fn chosen(&self) -> Option<&Listed> {
        self.all.get(*self.shown.get(self.selected)?)
    }

    fn select(&mut self, row: usize) {
        self.selected = row.min(self.shown.len().saturating_sub(1));
    }

    /// Filters and sorts; the chosen one stays chosen.
    fn arrange(&mut self, needs: &dyn Fn(&Listed) -> bool) {
        let chosen = self.chosen().map(|listed| listed.dir.clone());
        self.shown = order::arrange(&self.all, &self.filter, self.sort, self.resumable, needs);
        let at = chosen.and_then(|dir| self.shown.iter().position(|at| self.all[*at].dir == dir));
        self.select(at.unwrap_or(self.selected));
    }

    /// What the preview needs to be read, where it is of another instance.
    fn look(&self) -> Vec<UiEffect> {
        let known = self.preview.as_ref().map(|preview| &preview.dir);
        let chosen = self.chosen().filter(|listed| Some(&listed.dir) != known);
        chosen
            .map(|listed| UiEffect::Shelf(crate::ui::msg::Shelf::Preview(Box::new(listed.clone()))))
            .into_iter()
            .collect()
    }
}

/// Whether an instance waits for the human: what this process knows of it goes before what the file says.
fn needs_human(model: &Model, listed: &Listed) -> bool {
    match model.live().find(|run| run.id.to_string() == listed.meta.id) {
        Some(run) => !run.folds.inbox.open.is_empty(),
        None => listed.live.is_some() && listed.meta.inbox_open > 0,
    }
}

fn arrange(model: &mut Model) {
    let mut home = std::mem::take(&mut model.home);
    home.arrange(&|listed| needs_human(model, listed));
    model.home = home;
}

/// A key while something is typed.
pub fn key(model: &mut Model, key: &KeyPress, _now: Now) -> Vec<UiEffect> {
    let ctrl = key.event.modifiers.contains(KeyModifiers::CONTROL);
    match key.event.code {
        KeyCode::Esc => {
            let left = model.home.line.take();
            if left == Some(Line::Filter) {
                model.home.filter.clear();
            }
        }
        KeyCode::Char('c' | 'g') if ctrl => model.home.line = None,
        KeyCode::Enter => return entered(model),
        KeyCode::Down | KeyCode::Up if model.home.line == Some(Line::Filter) => {
            step(model, if key.event.code == KeyCode::Down { 1 } else { -1 });
        }
        KeyCode::Char('u') if ctrl => edit(model, |text| text.clear()),
        KeyCode::Char('w') if ctrl => edit(model, |text| {
            let kept = text.trim_end().rfind(' ').map_or(0, |at| at + 1);
            text.truncate(kept);
        }),
        KeyCode::Backspace => edit(model, |text| {
            text.pop();
        }),
        KeyCode::Char(c) if !ctrl => edit(model, |text| text.push(c)),
        _ => {}
    }
    arrange(model);
    model.home.look()
}

/// A pasted text.
pub fn paste(model: &mut Model, text: &str) -> Vec<UiEffect> {
    if model.home.typing() {
        edit(model, |line| line.push_str(&crate::text::clean_line(text)));
        arrange(model);
    }
    model.home.look()
}

fn edit(model: &mut Model, change: impl FnOnce(&mut String)) {
    let home = &mut model.home;
    let text = match &mut home.line {
        Some(Line::Filter) => &mut home.filter,
        Some(Line::Rename(_, text) | Line::Further(_, text)) => text,
        None => return,
    };
    change(text);
    if let Some((cut, _)) = text.char_indices().nth(LINE) {
        text.truncate(cut);
    }
}

fn entered(model: &mut Model) -> Vec<UiEffect> {
    match model.home.line.take() {
        Some(Line::Rename(listed, name)) if !name.trim().is_empty() => {
            vec![UiEffect::Shelf(crate::ui::msg::Shelf::Rename {
                dir: listed.dir.clone(),
                name: name.trim().to_owned(),
            })]
        }
        Some(Line::Further(listed, task)) if !task.trim().is_empty() => launch(model, &listed, Some(task)),
        _ => Vec::new(),
    }
}

/// A launch that goes on with an instance.
fn launch(model: &Model, listed: &Listed, task: Option<String>) -> Vec<UiEffect> {
    let working_dir = listed.meta.working_dir.clone().into();
    let Some(UiEffect::Launch(mut launch)) = resume(model, listed.dir.clone(), working_dir) else {
        return Vec::new();
    };
    launch.kind = listed.meta.kind;
    if let What::Resume { task: further, .. } = &mut launch.what {
        *further = task;
    }
    vec![UiEffect::Launch(launch)]
}

/// The list was read.
pub fn listed(model: &mut Model, all: Vec<Listed>) -> Vec<UiEffect> {
    let chosen = model.home.chosen().map(|listed| listed.dir.clone());
    model.home.all = all;
    model.home.read = true;
    arrange(model);
    let home = &mut model.home;
    let left = home.left.take().map(|run| run.to_string());
    let at = left.and_then(|id| home.shown.iter().position(|at| home.all[*at].meta.id == id));
    let at = at.or_else(|| chosen.and_then(|dir| home.shown.iter().position(|at| home.all[*at].dir == dir)));
    home.select(at.unwrap_or(home.selected));
    if home.is_new() {
        return crate::ui::screens::new_run::look_from_home(model);
    }
    // What is shown of it stays until it is read anew.
    let chosen = home.chosen().cloned();
    chosen.map(|it| UiEffect::Shelf(crate::ui::msg::Shelf::Preview(Box::new(it)))).into_iter().collect()
}

/// A preview was read.
pub fn previewed(model: &mut Model, preview: Preview) {
    model.home.preview = Some(preview);
}

fn step(model: &mut Model, by: isize) {
    let at = model.home.selected.saturating_add_signed(by);
    model.home.select(at);
}

/// Esc: clears the filter, else goes back to the run view from which the list was opened.
pub fn close(model: &mut Model) -> Vec<UiEffect> {
    if model.home.filter.is_empty() {
        let from = model.home.from.take();
        if let Some(id) = from.filter(|id| model.runs.iter().any(|run| run.id == *id)) {
            model.show(Some(id));
            model.screen = Screen::Run;
        }
        return Vec::new();
    }
    model.home.filter.clear();
    arrange(model);
    model.home.look()
}

/// A click on a row: chooses it, a second one opens it.
pub fn click(model: &mut Model, row: usize, now: Now) -> Vec<UiEffect> {
    if model.home.selected == row {
        return act(model, Browse::Open, now);
    }
    model.home.select(row);
    model.home.look()
}

/// An action of the browser.
pub fn act(model: &mut Model, it: Browse, now: Now) -> Vec<UiEffect> {
    let chosen = model.home.chosen().cloned();
    // There is nothing to be opened yet: the key shows what a run is.
    if it == Browse::Open && model.home.is_new() {
        return demo(model);
    }
    let line = |listed: Listed, make: fn(Box<Listed>, String) -> Line, text: String| {
        Some(make(Box::new(listed), text))
    };
    match (it, chosen) {
        (Browse::Next, _) => step(model, 1),
        (Browse::Prev, _) => step(model, -1),
        (Browse::First, _) => model.home.select(0),
        (Browse::Last, _) => model.home.select(usize::MAX),
        (Browse::Refresh, _) => return vec![UiEffect::List { everywhere: model.home.everywhere }],
        (Browse::Scope, _) => {
            model.home.everywhere = !model.home.everywhere;
            return vec![UiEffect::List { everywhere: model.home.everywhere }];
        }
        (Browse::Filter, _) => {
            model.home.line = Some(Line::Filter);
            model.home.resumable = false;
            arrange(model);
        }
        (Browse::Sort, _) => {
            model.home.sort = model.home.sort.next();
            arrange(model);
        }
        (_, None) => model.say(Level::Info, "no instance is chosen", now),
        (Browse::Open, Some(listed)) => return open(model, listed),
        (Browse::Resume, Some(listed)) => return resumed(model, listed, now),
        (Browse::Rename, Some(listed)) => match refusal(&listed) {
            // The process that runs it is asked.
            Some(why) if listed.live.is_none() || listed.origin != Origin::Ours => {
                model.say(Level::Warning, format!("it cannot be renamed: {why}"), now)
            }
            _ => {
                let name = listed.meta.name.clone();
                model.home.line = line(listed, Line::Rename, name);
            }
        },
        (Browse::Delete, Some(listed)) => match refusal(&listed) {
            Some(why) if !matches!(listed.origin, Origin::Damaged(_)) || listed.live.is_some() => {
                model.say(Level::Warning, format!("it cannot be deleted: {why}"), now);
            }
            _ => model.overlays.push(Overlay::Delete(Delete::new(listed))),
        },
        (Browse::CopyId, Some(listed)) => {
            return vec![UiEffect::Copy { text: listed.meta.id.clone(), what: "the id".to_owned() }];
        }
        (Browse::Export, Some(listed)) => {
            return vec![UiEffect::Shelf(crate::ui::msg::Shelf::Export(listed.dir))];
        }
    }
    model.home.look()
}

/// Plays the demo: a real run, in which only model and executor are scripted.
pub fn demo(model: &Model) -> Vec<UiEffect> {
    let Some(mut launch) = model.fixed.pattern.clone() else { return Vec::new() };
    launch.what = What::New { task: String::new(), name: None };
    (launch.kind, launch.demo) = (RunKind::Run, true);
    vec![UiEffect::Launch(launch)]
}

fn open(model: &mut Model, listed: Listed) -> Vec<UiEffect> {
    let own = model.runs.iter().find(|run| run.id.to_string() == listed.meta.id).map(|run| run.id);
    if let Some(id) = own {
        model.show(Some(id));
        model.screen = Screen::Run;
        return Vec::new();
    }
    vec![UiEffect::Open(Box::new(listed))]
}

fn resumed(model: &mut Model, listed: Listed, now: Now) -> Vec<UiEffect> {
    let (live, meta) = (listed.live.is_some(), &listed.meta);
    match &listed.origin {
        _ if live => model.say(Level::Info, "it is live: Enter opens it", now),
        Origin::Damaged(why) => model.say(Level::Warning, format!("it cannot be resumed: {why}"), now),
        Origin::Reference(_) => {
            if let Some(pattern) = model.fixed.pattern.clone() {
                return vec![UiEffect::Shelf(crate::ui::msg::Shelf::Adopt(Box::new(listed), pattern))];
            }
        }
        // One that is done, or one turn of an executor, needs something further to do.
        Origin::Ours if meta.stopped_by == "exit" || meta.kind == RunKind::Exec => {
            model.home.line = Some(Line::Further(Box::new(listed), String::new()));
        }
        Origin::Ours => return launch(model, &listed, None),
    }
    Vec::new()
}

/// Why an instance cannot be changed.
fn refusal(listed: &Listed) -> Option<String> {
    match (&listed.origin, listed.live) {
        (_, Some(_)) => Some("it is live".to_owned()),
        (Origin::Reference(version), None) => Some(format!("it belongs to zwarm {version} and is only read")),
        (Origin::Damaged(why), None) => Some(why.clone()),
        (Origin::Ours, None) => None,
    }
}

#[cfg(test)]
#[path = "home/home_tests.rs"]
pub(crate) mod tests;
