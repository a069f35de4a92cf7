//! Starting a session by hand: which executor, in which directory, to do what. The run's agent starts it, so it shows,
//! counts and is supervised as any other.

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::layout::Rect;

use super::After;
use crate::{
    agent::look::{Around, Found},
    protocol::{Command, InstanceId},
    ui::{
        input::KeyPress,
        kit::{Canvas, Span, centred, cut, row, span, width},
        model::{Hit, Model, RunModel, composer::Composer},
        msg::{Purpose, Shelf, UiEffect},
        panes::composer::draw_text,
    },
};

/// Rows of the text.
const ROWS: u16 = 5;
/// Cells of a label.
const LABEL: u16 = 10;

/// Where the focus stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Prompt,
    Executor,
    Directory,
    Start,
    Cancel,
}

const STOPS: [Stop; 5] = [Stop::Prompt, Stop::Executor, Stop::Directory, Stop::Start, Stop::Cancel];

/// The dialog.
pub struct ByHand {
    run: InstanceId,
    prompt: Composer,
    directory: Composer,
    /// `None`: the run's own choice.
    executor: Option<String>,
    executors: Vec<String>,
    found: Vec<Found>,
    /// What is known of the directory.
    place: Option<Result<String, String>>,
    focus: usize,
    problem: String,
}

impl ByHand {
    /// The dialog of a run, and the look around that it needs.
    pub fn open(model: &Model, run: &RunModel) -> (Self, Vec<UiEffect>) {
        let config = &model.fixed.config;
        let script = run.folds.run.model.starts_with("scripted:");
        let mut executors: Vec<String> = if script { vec!["script".to_owned()] } else { Vec::new() };
        executors.extend(["codex", "claude"].map(str::to_owned));
        executors.extend(
            config.executors.keys().filter(|name| !executors.contains(name)).cloned().collect::<Vec<_>>(),
        );
        let mut directory = Composer::default();
        let shown = crate::ui::kit::tilde(&run.working_dir.display().to_string(), &model.fixed.user_home);
        directory.set(&shown);
        let hand = Self {
            run: run.id,
            prompt: Composer::default(),
            directory,
            executor: None,
            executors,
            found: Vec::new(),
            place: None,
            focus: 0,
            problem: String::new(),
        };
        let (dir, lm) = (run.working_dir.clone(), run.folds.run.model.clone());
        let pattern = model.fixed.pattern.clone();
        let look = pattern.map(|pattern| UiEffect::Shelf(Shelf::Look { pattern, dir, lm, versions: false }));
        (hand, look.into_iter().collect())
    }

    /// What was found around.
    pub fn looked(&mut self, around: &Around) {
        self.found.clone_from(&around.executors);
        self.place = Some(around.directory.clone());
    }

    /// The prompt comes back from an editor.
    pub fn edited(&mut self, text: &str) {
        self.prompt.set(text.trim_end_matches('\n'));
    }

    /// A pasted text.
    pub fn paste(&mut self, text: &str) -> bool {
        match STOPS[self.focus] {
            Stop::Directory => self.directory.paste(crate::text::clean_line(text).trim()),
            _ => {
                self.focus = 0;
                self.prompt.paste(text);
            }
        }
        true
    }

    pub fn key(&mut self, model: &mut Model, key: &KeyPress) -> (After, Vec<UiEffect>) {
        let ctrl = key.event.modifiers.contains(KeyModifiers::CONTROL);
        let extra = key.event.modifiers.intersects(KeyModifiers::SHIFT | KeyModifiers::ALT);
        let stop = STOPS[self.focus];
        let in_prompt = stop == Stop::Prompt;
        match key.event.code {
            KeyCode::Esc => return self.leave(model),
            KeyCode::Char('c') if ctrl => return self.leave(model),
            KeyCode::Char('g') if ctrl => {
                let edit =
                    UiEffect::Edit { purpose: Purpose::ByHand, text: self.prompt.text(), ending: ".md" };
                return (After::Stay, vec![edit]);
            }
            KeyCode::Char('j') if ctrl && in_prompt => self.prompt.newline(),
            KeyCode::Char('o') if ctrl && in_prompt => {
                self.prompt.expand();
            }
            KeyCode::Enter if extra && in_prompt => self.prompt.newline(),
            KeyCode::Enter if stop == Stop::Cancel => return self.leave(model),
            KeyCode::Enter => return self.start(model),
            KeyCode::Tab => self.step(true),
            KeyCode::BackTab => self.step(false),
            KeyCode::Down if !in_prompt => self.step(true),
            KeyCode::Up if !in_prompt => self.step(false),
            KeyCode::Left if stop == Stop::Executor => self.turn(false),
            KeyCode::Right | KeyCode::Char(' ') if stop == Stop::Executor => self.turn(true),
            _ if in_prompt => self.prompt.key(key.event),
            _ if stop == Stop::Directory => self.directory.key(key.event),
            _ => {}
        }
        (After::Stay, Vec::new())
    }

    /// A click.
    pub fn click(&mut self, model: &mut Model, choice: usize) -> (After, Vec<UiEffect>) {
        let Some(stop) = STOPS.get(choice) else {
            self.focus = 1;
            let at = choice - STOPS.len();
            self.executor = at.checked_sub(1).and_then(|at| self.executors.get(at)).cloned();
            return (After::Stay, Vec::new());
        };
        self.focus = choice;
        match stop {
            Stop::Start => self.start(model),
            Stop::Cancel => self.leave(model),
            _ => (After::Stay, Vec::new()),
        }
    }

    fn step(&mut self, forward: bool) {
        let count = STOPS.len();
        self.focus = (self.focus + if forward { 1 } else { count - 1 }) % count;
    }

    fn turn(&mut self, forward: bool) {
        let count = self.executors.len() + 1;
        let at = self
            .executors
            .iter()
            .position(|name| Some(name) == self.executor.as_ref())
            .map_or(0, |at| at + 1);
        let next = (at + if forward { 1 } else { count - 1 }) % count;
        self.executor = next.checked_sub(1).and_then(|at| self.executors.get(at)).cloned();
    }

    /// What was written is not lost: the composer's history has it.
    fn leave(&self, model: &mut Model) -> (After, Vec<UiEffect>) {
        if let Some(run) = model.by_id(self.run) {
            run.composer.remember(&self.prompt.text());
        }
        (After::Close, Vec::new())
    }

    fn start(&mut self, model: &mut Model) -> (After, Vec<UiEffect>) {
        let prompt = self.prompt.text();
        if prompt.trim().is_empty() {
            (self.focus, self.problem) = (0, "write what the session is to do".to_owned());
            return (After::Stay, Vec::new());
        }
        let named = self.executor.as_ref();
        let missing = self.found.iter().find(|found| Some(&found.name) == named && !found.usable);
        if let Some(found) = missing {
            (self.focus, self.problem) = (1, format!("'{}' is not found: {}", found.name, found.install));
            return (After::Stay, Vec::new());
        }
        let typed = self.directory.text();
        let typed = typed.trim();
        let cwd = match typed.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                format!("{}{rest}", model.fixed.user_home)
            }
            _ => typed.to_owned(),
        };
        let Some(run) = model.by_id(self.run) else { return (After::Close, Vec::new()) };
        run.composer.remember(&prompt);
        let cwd = (!cwd.is_empty() && run.working_dir != std::path::Path::new(&cwd)).then_some(cwd);
        let command = Command::Spawn { adapter: self.executor.clone(), prompt, cwd };
        (After::Close, vec![UiEffect::Send(self.run, command)])
    }

    pub fn draw(&mut self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let place = centred(area, area.width.saturating_sub(4).clamp(36, 86), ROWS + 2 + 7);
        let (title, dim, warn) = (canvas.skin.title(true), canvas.skin.dim(), canvas.skin.warn());
        let name = model.run().map(|run| format!("of {}", run.name)).unwrap_or_default();
        let outer = canvas.popup(
            place,
            &[span("Session by hand ", title), span(name, dim)],
            &[span("Tab next field", dim)],
        );
        let inner = Rect { x: outer.x + 1, width: outer.width.saturating_sub(2), ..outer };
        self.draw_prompt(canvas, Rect { height: (ROWS + 2).min(inner.height), ..inner });
        self.draw_executors(canvas, row(inner, ROWS + 2));
        self.draw_directory(canvas, row(inner, ROWS + 3));
        let problem = row(inner, ROWS + 4);
        let text = if self.problem.is_empty() { self.about_choice() } else { self.problem.clone() };
        let style = if self.problem.is_empty() { dim } else { warn };
        canvas.put(problem.x, problem.y, problem.width, &text, style);
        let buttons = row(inner, ROWS + 6);
        let mut x = buttons.x;
        for (at, label) in [(3, "[ Start ⏎ ]"), (4, "[ Cancel Esc ]")] {
            let label = if canvas.skin.ascii { label.replace(" ⏎", "") } else { label.to_owned() };
            let style = if self.focus == at { canvas.skin.selected() } else { canvas.skin.key() };
            let used = canvas.put(x, buttons.y, buttons.right().saturating_sub(x), &label, style);
            canvas.hit(Rect { x, width: used, ..buttons }, Hit::Choice(at));
            x = x.saturating_add(used + 2);
        }
    }

    fn draw_prompt(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let here = self.focus == 0;
        let (title, dim) = (canvas.skin.title(here), canvas.skin.dim());
        let frame =
            canvas.frame(area, &[span("Prompt", title)], &[span("^J new line  ^G editor", dim)], here);
        draw_text(&self.prompt, canvas, frame, here);
        if self.prompt.is_empty() {
            canvas.put(frame.x, frame.y, frame.width, "what the session is to do", dim);
        }
        canvas.hit(area, Hit::Choice(0));
    }

    fn draw_executors(&self, canvas: &mut Canvas<'_>, line: Rect) {
        let dim = canvas.skin.dim();
        canvas.put(line.x, line.y, LABEL, "Executor", dim);
        let mut x = line.x + LABEL;
        let names = std::iter::once(None).chain(self.executors.iter().map(Some));
        for (n, name) in names.enumerate() {
            let on = self.executor.as_ref() == name;
            let mark = if !on {
                "( )"
            } else if canvas.skin.ascii {
                "(*)"
            } else {
                "(•)"
            };
            let missing = self.found.iter().any(|found| Some(&found.name) == name && !found.usable);
            let style = match (on && self.focus == 1, on && !missing) {
                (true, _) => canvas.skin.accent(),
                (false, true) => canvas.skin.text(),
                (false, false) => dim,
            };
            let label = format!("{mark} {}", name.map_or("auto", String::as_str));
            let used = canvas.put(x, line.y, line.right().saturating_sub(x), &label, style);
            canvas.hit(Rect { x, width: used, ..line }, Hit::Choice(STOPS.len() + n));
            x = x.saturating_add(used + 2);
        }
    }

    fn draw_directory(&self, canvas: &mut Canvas<'_>, line: Rect) {
        let here = self.focus == 2;
        let (dim, text) = (canvas.skin.dim(), if here { canvas.skin.accent() } else { canvas.skin.text() });
        canvas.put(line.x, line.y, LABEL, "Directory", dim);
        let room = usize::from(line.width.saturating_sub(LABEL + 1));
        let typed = self.directory.lines().first().map(String::as_str).unwrap_or_default();
        let (_, caret) = self.directory.caret();
        // What stands before the caret stays in view.
        let mut skip = 0;
        let before = |skip: usize| {
            width(&typed.chars().skip(skip).take(caret.saturating_sub(skip)).collect::<String>())
        };
        while before(skip) >= room.max(1) {
            skip += 1;
        }
        let shown: String = typed.chars().skip(skip).collect();
        let mut spans: Vec<Span> = vec![span(cut(&shown, room, canvas.skin.ascii), text)];
        if !here {
            match &self.place {
                Some(Ok(about)) => spans.push(span(format!("  {about}"), dim)),
                Some(Err(why)) => spans.push(span(format!("  {why}"), canvas.skin.warn())),
                None => {}
            }
        }
        canvas.spans(Rect { x: line.x + LABEL, width: line.width.saturating_sub(LABEL), ..line }, &spans);
        if here {
            let x = line.x + LABEL + u16::try_from(before(skip)).unwrap_or(0);
            canvas.cursor = Some((x.min(line.right().saturating_sub(1)), line.y).into());
        }
        canvas.hit(line, Hit::Choice(2));
    }

    /// What is known of the chosen executor.
    fn about_choice(&self) -> String {
        let Some(name) = &self.executor else { return "auto: the run's own executor".to_owned() };
        match self.found.iter().find(|found| found.name == *name) {
            None => String::new(),
            Some(found) if !found.usable => format!("{name} is not found: {}", found.install),
            Some(found) if found.signed_in == Some(false) => format!("{name} is found, but not signed in"),
            Some(_) => format!("{name} is found"),
        }
    }
}

#[cfg(test)]
#[path = "by_hand_tests.rs"]
mod tests;
