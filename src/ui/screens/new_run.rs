//! The new-run dialog: what the fields hold, what keys do to them, and the launch that comes of it.

mod draw;
mod fields;

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyModifiers};

pub use draw::draw;
use fields::{Choices, Stop, Texts};

use crate::{
    agent::{
        launch::{Launch, What},
        look::Around,
    },
    config::Sandbox,
    protocol::event::RunKind,
    ui::{
        input::KeyPress,
        model::{Level, Model, Screen, composer::Composer},
        msg::{Now, Purpose, UiEffect},
    },
};

/// The dialog.
#[derive(Clone, Debug, Default)]
pub struct NewRun {
    task: Composer,
    texts: Texts,
    choices: Choices,
    focus: Stop,
    around: Option<Around>,
    versions: Vec<(String, String)>,
    /// What is wrong with the whole.
    problem: String,
    /// Full access was asked about.
    warned: bool,
    /// A launch is under way.
    starting: bool,
    opened: bool,
}

/// It is opened.
pub fn open(model: &mut Model, _now: Now) -> Vec<UiEffect> {
    let fixed = &model.fixed;
    let new = &mut model.new_run;
    if !new.opened {
        let dir = crate::ui::kit::tilde(&fixed.working_dir.display().to_string(), &fixed.user_home);
        new.texts = Texts::new(&fixed.config, &dir);
        new.choices = Choices::new(&fixed.config);
        new.opened = true;
    }
    (new.starting, new.warned, new.focus) = (false, false, Stop::Task);
    new.problem.clear();
    look(model, true)
}

/// Looks around for the first screen of a newcomer.
pub fn look_from_home(model: &Model) -> Vec<UiEffect> {
    let (dir, lm) = (model.fixed.working_dir.clone(), model.fixed.config.orchestrator.lm.clone());
    if model.new_run.around.is_some() {
        return Vec::new();
    }
    let Some(pattern) = model.fixed.pattern.clone() else { return Vec::new() };
    vec![UiEffect::Shelf(crate::ui::msg::Shelf::Look { pattern, dir, lm, versions: false })]
}

/// What is known of the surroundings.
pub fn around(model: &Model) -> Option<&Around> {
    model.new_run.around.as_ref()
}

/// A run was opened: what was written has become its task.
pub fn started(model: &mut Model) {
    if model.new_run.starting {
        model.new_run = NewRun::default();
    }
}

/// A launch has failed: the dialog stays with what was written.
pub fn failed(model: &mut Model, why: &str) {
    if model.new_run.starting {
        model.new_run.starting = false;
        model.new_run.problem = why.to_owned();
    }
}

/// A run that was asked for by the command line could not be started: the form has its task and says why.
pub fn again(model: &mut Model, task: &str, why: &str, now: Now) -> Vec<UiEffect> {
    model.screen = Screen::NewRun;
    let effects = open(model, now);
    model.new_run.task.set(task);
    model.new_run.problem = why.to_owned();
    effects
}

/// What was found around.
pub fn looked(model: &mut Model, around: Around) {
    model.new_run.around = Some(around);
}

/// The versions of the executors.
pub fn versions(model: &mut Model, versions: Vec<(String, String)>) {
    model.new_run.versions = versions;
}

/// Looks around where the directory or the model is another than before.
fn look(model: &Model, versions: bool) -> Vec<UiEffect> {
    let new = &model.new_run;
    let (dir, lm) = (directory(model), new.texts.model.text());
    let same = new.around.as_ref().is_some_and(|around| around.dir == dir && around.lm == lm);
    let Some(pattern) = model.fixed.pattern.clone().filter(|_| !same || versions) else { return Vec::new() };
    vec![UiEffect::Shelf(crate::ui::msg::Shelf::Look { pattern, dir, lm, versions })]
}

/// The directory of the run, absolute.
fn directory(model: &Model) -> PathBuf {
    let text = model.new_run.texts.directory.text();
    let text = text.trim();
    let path = match text.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            PathBuf::from(format!("{}{rest}", model.fixed.user_home))
        }
        _ => PathBuf::from(text),
    };
    model.fixed.working_dir.join(path)
}

/// A key.
pub fn key(model: &mut Model, key: &KeyPress, now: Now) -> Vec<UiEffect> {
    let ctrl = key.event.modifiers.contains(KeyModifiers::CONTROL);
    let extra = key.event.modifiers.intersects(KeyModifiers::SHIFT | KeyModifiers::ALT);
    let new = &mut model.new_run;
    let (in_task, focus) = (new.focus == Stop::Task, new.focus);
    match key.event.code {
        KeyCode::Esc => return cancel(model),
        KeyCode::Char('c') if ctrl => return cancel(model),
        KeyCode::Char('l') if ctrl => return vec![UiEffect::Redraw],
        KeyCode::Char('z') if ctrl && !in_task => return vec![UiEffect::Suspend],
        KeyCode::Char('g') if ctrl => {
            return vec![UiEffect::Edit { purpose: Purpose::Task, text: new.task.text(), ending: ".md" }];
        }
        KeyCode::Char('j') if ctrl && in_task => new.task.newline(),
        KeyCode::Char('o') if ctrl && in_task => {
            new.task.expand();
        }
        KeyCode::Enter if extra && in_task => new.task.newline(),
        KeyCode::Enter => match focus {
            Stop::Cancel => return cancel(model),
            Stop::Save => return save(model, now),
            _ => return start(model),
        },
        KeyCode::Tab => return go(model, true),
        KeyCode::BackTab => return go(model, false),
        KeyCode::Down if !in_task => return go(model, true),
        KeyCode::Up if !in_task => return go(model, false),
        KeyCode::Left if new.choices.turn(focus, false) => new.warned = false,
        KeyCode::Right if new.choices.turn(focus, true) => new.warned = false,
        KeyCode::Char(' ') if new.choices.toggle(focus) => {}
        _ => match new.texts.field(focus) {
            Some(field) => field.key(key.event),
            None if in_task => new.task.key(key.event),
            None => {}
        },
    }
    Vec::new()
}

fn cancel(model: &mut Model) -> Vec<UiEffect> {
    model.screen = if model.shown.is_some() { Screen::Run } else { Screen::Home };
    Vec::new()
}

fn go(model: &mut Model, forward: bool) -> Vec<UiEffect> {
    let from = model.new_run.focus;
    model.new_run.focus = from.next(forward);
    if matches!(from, Stop::Directory | Stop::Model) { look(model, false) } else { Vec::new() }
}

/// A pasted text.
pub fn paste(model: &mut Model, text: &str) -> Vec<UiEffect> {
    let focus = model.new_run.focus;
    match model.new_run.texts.field(focus) {
        Some(field) => field.paste(crate::text::clean_line(text).trim()),
        None => {
            model.new_run.focus = Stop::Task;
            model.new_run.task.paste(text);
        }
    }
    Vec::new()
}

/// The task comes back from an editor.
pub fn edited(model: &mut Model, text: String) {
    model.new_run.task.set(text.trim_end_matches('\n'));
}

/// A click on a field.
pub fn click(model: &mut Model, stop: usize) -> Vec<UiEffect> {
    let from = model.new_run.focus;
    model.new_run.focus = Stop::at(stop);
    match model.new_run.focus {
        Stop::Start => start(model),
        Stop::Cancel => cancel(model),
        _ if matches!(from, Stop::Directory | Stop::Model) => look(model, false),
        _ => Vec::new(),
    }
}

impl NewRun {
    /// The first thing that is wrong: where, and what.
    fn wrong(&self) -> Option<(Stop, String)> {
        if self.task.text().trim().is_empty() {
            return Some((Stop::Task, "write what is to be done".to_owned()));
        }
        let around = self.around.as_ref();
        if let Some(Err(why)) = around.map(|around| &around.directory) {
            return Some((Stop::Directory, format!("the directory: {why}")));
        }
        if self.texts.model.text().trim().is_empty() {
            return Some((Stop::Model, "name a model".to_owned()));
        }
        if let Some(around) = around.filter(|around| around.lm == self.texts.model.text())
            && let Err(why) = &around.model
        {
            return Some((Stop::Model, why.clone()));
        }
        self.texts.wrong()
    }
}

/// The command within words on how to install something; where there is none, the words.
pub fn command(install: &str) -> &str {
    install.split('\'').nth(1).unwrap_or(install)
}

/// A name from the first words of the task; empty where it has none.
fn auto_name(task: &str) -> String {
    let words = task.lines().next().unwrap_or_default().split(|c: char| !c.is_alphanumeric());
    let words: Vec<String> = words.filter(|word| !word.is_empty()).take(4).map(str::to_lowercase).collect();
    words.join("-").chars().take(32).collect::<String>().trim_matches('-').to_owned()
}

/// The launch that the fields say.
fn launch(model: &Model) -> Option<Box<Launch>> {
    let new = &model.new_run;
    let mut launch = model.fixed.pattern.clone()?;
    new.texts.put(&mut launch.config);
    new.choices.put(&mut launch.config);
    launch.working_dir = directory(model);
    let typed = new.texts.name.text().trim().to_owned();
    let name = if typed.is_empty() { auto_name(&new.task.text()) } else { typed };
    launch.what = What::New { task: new.task.text(), name: (!name.is_empty()).then_some(name) };
    (launch.kind, launch.demo) = (RunKind::Run, false);
    Some(launch)
}

fn start(model: &mut Model) -> Vec<UiEffect> {
    if model.new_run.starting {
        return Vec::new();
    }
    if let Some((stop, why)) = model.new_run.wrong() {
        (model.new_run.focus, model.new_run.problem) = (stop, why);
        return look(model, false);
    }
    if model.new_run.choices.sandbox == Sandbox::DangerFullAccess && !model.new_run.warned {
        model.new_run.warned = true;
        "full access: executors may change everything on this machine. Enter again starts it"
            .clone_into(&mut model.new_run.problem);
        return Vec::new();
    }
    let Some(launch) = launch(model) else { return Vec::new() };
    model.new_run.starting = true;
    model.new_run.problem.clear();
    vec![UiEffect::Launch(launch)]
}

/// Writes what the fields say as a configuration file that `-c` takes.
fn save(model: &mut Model, now: Now) -> Vec<UiEffect> {
    if let Some((stop, why)) = model.new_run.texts.wrong() {
        (model.new_run.focus, model.new_run.problem) = (stop, why);
        return Vec::new();
    }
    let new = &model.new_run;
    let name = new.texts.name.text();
    let plain = |c: char| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    let name: String = name.trim().chars().take(40).map(plain).collect();
    let name = if name.is_empty() { "zwarm-run.yaml".to_owned() } else { format!("zwarm-{name}.yaml") };
    let path = directory(model).join(name);
    match serde_yaml::to_string(&fields::document(&new.texts, &new.choices)) {
        Ok(text) => {
            let text = format!("# Start with it: zwarm-tui -c {}\n{text}", path.display());
            vec![UiEffect::Shelf(crate::ui::msg::Shelf::Save { path, text })]
        }
        Err(error) => {
            model.say(Level::Warning, format!("it cannot be written: {error}"), now);
            Vec::new()
        }
    }
}

#[cfg(test)]
#[path = "new_run/new_run_tests.rs"]
mod tests;
