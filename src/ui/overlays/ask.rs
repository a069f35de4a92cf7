//! Questions before something that cannot be taken back, and the quit question. The safe answer has the focus.

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::layout::Rect;

use super::After;
use crate::{
    fold::sessions::Doing,
    protocol::{Command, InstanceId, SessionId, command::WatcherMode, event::RunState, tree::Settle},
    text::say::count,
    ui::{
        input::KeyPress,
        kit::{Canvas, centred, span, width, wrap},
        model::{Hit, Model, RunModel},
        msg::{Now, Shelf, UiEffect},
        update::leave,
    },
};

/// A second `X` within this time skips the question.
const TWICE: Duration = Duration::from_secs(1);

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    Abort(InstanceId),
    EndSession(InstanceId, SessionId),
    /// A `SetWatcher` that is sent.
    Watcher(InstanceId, Command),
    /// The work of a session in its worktree.
    Settle(InstanceId, SessionId, Settle),
    /// Leave while runs are live.
    Quit,
    /// Abort all of them, then leave.
    QuitAborting,
}

/// A question.
pub struct Ask {
    question: Question,
    focus: usize,
    opened: Instant,
}

struct Button {
    label: String,
    key: &'static str,
}

fn button(label: &str, key: &'static str) -> Button {
    Button { label: label.to_owned(), key }
}

/// Asks the run that is alive; else the journal is opened for that moment.
fn settle(model: &mut Model, id: InstanceId, session: SessionId, how: Settle) -> Vec<UiEffect> {
    let Some(run) = model.by_id(id) else { return Vec::new() };
    if run.can_steer() {
        return vec![UiEffect::Send(id, Command::Settle { session, how })];
    }
    vec![UiEffect::Shelf(Shelf::Settle { dir: run.dir.clone(), session, how })]
}

fn settle_text(run: Option<&RunModel>, session: SessionId, how: Settle) -> (String, Vec<String>) {
    let found = run.and_then(|run| run.folds.sessions.get(session));
    let tree = found.and_then(|found| Some(&found.who.isolated.as_ref()?.tree));
    let (Some(found), Some(tree)) = (found, tree) else { return ("Settle?".to_owned(), Vec::new()) };
    let short = &found.short_id;
    let place = format!("Branch '{}' in '{}'.", tree.branch, tree.worktree);
    let (title, text) = match how {
        Settle::Merge => (
            format!("Merge the work of {short}?"),
            "What is there is committed and merged into the branch of the working directory. A conflict, or a file \
             that is not committed there, changes nothing.",
        ),
        Settle::Discard => (
            format!("Discard the work of {short}?"),
            "Worktree and branch are removed and the session is ended. The commit that held the work is told, so that \
             it can be had back until git cleans up.",
        ),
        Settle::Keep | Settle::Tidy => (
            format!("Keep the work of {short}?"),
            "Worktree and branch stay as they are, and nobody is reminded of them any more.",
        ),
    };
    (title, vec![text.to_owned(), String::new(), place])
}

/// A sentence, and the runs of this process that go on.
fn live(model: &Model, first: &str) -> Vec<String> {
    let mut lines = vec![first.to_owned(), String::new()];
    for run in model.live() {
        let working = count(run.folds.sessions.working().count(), "executor");
        let (id, step) = (run.id.short(), run.folds.run.progress.step);
        lines.push(format!("  {}  {id}  step {step}, {working} working", run.name));
    }
    lines
}

impl Ask {
    pub fn new(question: Question, now: Now) -> Self {
        Self { question, focus: 0, opened: now.instant }
    }

    /// What is asked.
    pub fn question(&self) -> &Question {
        &self.question
    }

    fn buttons(&self) -> Vec<Button> {
        match &self.question {
            Question::Abort(_) => {
                vec![button("Keep running", "Esc"), button("Abort", "y"), button("At once", "X")]
            }
            Question::EndSession(..) => vec![button("Keep it", "Esc"), button("End it", "y")],
            Question::Settle(_, _, how) => {
                let yes = match how {
                    Settle::Merge => "Merge it",
                    Settle::Discard => "Discard it",
                    Settle::Keep | Settle::Tidy => "Keep it",
                };
                vec![button("Not now", "Esc"), button(yes, "y")]
            }
            Question::Watcher(..) => vec![button("Leave it", "Esc"), button("Switch it", "y")],
            Question::QuitAborting => vec![button("Keep running", "Esc"), button("Abort and quit", "y")],
            Question::Quit => {
                vec![button("Pause and quit", "p"), button("Abort…", "a"), button("Cancel", "Esc")]
            }
        }
    }

    /// For the status bar.
    pub fn hints(&self) -> Vec<(String, String)> {
        self.buttons()
            .into_iter()
            .map(|button| (button.key.to_owned(), button.label.to_lowercase()))
            .collect()
    }

    pub fn key(&mut self, model: &mut Model, key: &KeyPress, now: Now) -> (After, Vec<UiEffect>) {
        let count = self.buttons().len();
        let ctrl = key.event.modifiers.contains(KeyModifiers::CONTROL);
        let at_once = matches!(self.question, Question::Abort(_));
        match (key.event.code, &self.question) {
            (KeyCode::Char('c'), Question::Quit) if ctrl => self.choose(model, 0, now),
            (KeyCode::Char('c'), _) if ctrl => (After::Close, Vec::new()),
            (KeyCode::Char('X'), _) if at_once => {
                let quick = now.instant.saturating_duration_since(self.opened) <= TWICE;
                self.choose(model, if quick { 1 } else { 2 }, now)
            }
            (KeyCode::Char('p'), Question::Quit) => self.choose(model, 0, now),
            (KeyCode::Char('a'), Question::Quit) => self.choose(model, 1, now),
            (KeyCode::Char('y'), Question::Quit) => (After::Stay, Vec::new()),
            (KeyCode::Char('y'), _) => self.choose(model, 1, now),
            (KeyCode::Esc | KeyCode::Char('n' | 'q'), _) => (After::Close, Vec::new()),
            (KeyCode::Enter, _) => self.choose(model, self.focus, now),
            (KeyCode::Tab | KeyCode::Right | KeyCode::Char('l'), _) => {
                self.focus = (self.focus + 1) % count;
                (After::Stay, Vec::new())
            }
            (KeyCode::BackTab | KeyCode::Left | KeyCode::Char('h'), _) => {
                self.focus = (self.focus + count - 1) % count;
                (After::Stay, Vec::new())
            }
            _ => (After::Stay, Vec::new()),
        }
    }

    /// One of the buttons.
    pub fn choose(&mut self, model: &mut Model, choice: usize, now: Now) -> (After, Vec<UiEffect>) {
        let send = |id: InstanceId, command| (After::Close, vec![UiEffect::Send(id, command)]);
        match (&self.question, choice) {
            (Question::Abort(id), 1) => send(*id, Command::Abort { at_once: false }),
            (Question::Abort(id), 2) => send(*id, Command::Abort { at_once: true }),
            (Question::EndSession(id, session), 1) => send(*id, Command::EndSession { session: *session }),
            (Question::Settle(id, session, how), 1) => (After::Close, settle(model, *id, *session, *how)),
            (Question::Watcher(id, command), 1) => send(*id, command.clone()),
            (Question::Quit, 0) => (After::Close, leave::pause_and_quit(model, None)),
            (Question::Quit, 1) => {
                *self = Self::new(Question::QuitAborting, now);
                (After::Stay, Vec::new())
            }
            (Question::QuitAborting, 1) => (After::Close, leave::abort_and_quit(model)),
            _ => (After::Close, Vec::new()),
        }
    }

    fn text(&self, model: &Model) -> (String, Vec<String>) {
        let run = |id: &InstanceId| model.runs.iter().find(|run| run.id == *id);
        match &self.question {
            Question::Abort(id) => {
                let Some(run) = run(id) else { return ("Abort run?".to_owned(), Vec::new()) };
                let working: Vec<_> = run
                    .folds
                    .sessions
                    .all
                    .iter()
                    .filter(|s| s.doing == Doing::Working)
                    .map(|s| {
                        let pid = s.who.pid.map(|pid| format!(", pid {pid}")).unwrap_or_default();
                        format!("{} ({}{pid})", s.short_id, s.who.adapter)
                    })
                    .collect();
                let (stops, who) = if working.is_empty() {
                    (String::new(), "no executor works now".to_owned())
                } else {
                    let stops = format!(" and its {}", count(working.len(), "running executor"));
                    let who = working.join(", ");
                    (stops, format!("{who}: stopped by their ladders, in at most 8 s"))
                };
                let mut text = vec![
                    format!("This stops the run '{}'{stops}.", run.name),
                    String::new(),
                    format!(
                        "1. the model call is cancelled; step {} ends as interrupted",
                        run.folds.run.progress.step
                    ),
                    format!("2. {who}"),
                    "3. state is saved; you can resume. Your files stay as they are".to_owned(),
                ];
                if run.state() == RunState::Stopping {
                    text = vec!["The run is being stopped. Abort at once kills what is left.".to_owned()];
                }
                ("Abort run?".to_owned(), text)
            }
            Question::EndSession(id, session) => {
                let found = run(id).and_then(|run| run.folds.sessions.get(*session));
                let name =
                    found.map_or("the session".to_owned(), |s| format!("{} ({})", s.short_id, s.who.adapter));
                let lines = vec![format!(
                    "This ends {name} for good: its turn is interrupted, it cannot be continued."
                )];
                ("End session?".to_owned(), lines)
            }
            Question::Settle(id, session, how) => settle_text(run(id), *session, *how),
            Question::Watcher(_, command) => watcher_text(command),
            Question::Quit => {
                let first = "Runs are live. Pausing saves everything: running turns are interrupted, queued ones and open 
                             cards are dropped; after a resume the sessions can be continued.";
                ("Quit?".to_owned(), live(model, first))
            }
            Question::QuitAborting => {
                let first =
                    "These runs are aborted: every executor and command is stopped, then the program leaves.";
                ("Abort and quit?".to_owned(), live(model, first))
            }
        }
    }

    pub fn draw(&mut self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let (title, text) = self.text(model);
        let cells = area.width.saturating_sub(4).clamp(20, 74);
        let lines: Vec<String> =
            text.iter().flat_map(|line| listed(line, usize::from(cells.saturating_sub(6)))).collect();
        let height = u16::try_from(lines.len()).unwrap_or(10) + 5;
        let place = centred(area, cells, height);
        let (warn, plain) = (canvas.skin.warn(), canvas.skin.text());
        let inner = canvas.popup(place, &[span(title, warn)], &[]);
        if inner.height < 2 {
            return;
        }
        for (n, line) in lines.iter().take(usize::from(inner.height) - 2).enumerate() {
            let y = inner.y + 1 + u16::try_from(n).unwrap_or(0);
            canvas.put(inner.x + 2, y.min(inner.bottom() - 1), inner.width.saturating_sub(4), line, plain);
        }
        let mut x = inner.x + 2;
        let y = inner.bottom() - 1;
        for (n, button) in self.buttons().iter().enumerate() {
            let label = format!("[ {}  {} ]", button.label, button.key);
            let cells = u16::try_from(width(&label)).unwrap_or(0);
            let style = if n == self.focus { canvas.skin.selected() } else { canvas.skin.key() };
            canvas.put(x, y, inner.right().saturating_sub(x), &label, style);
            canvas.hit(Rect::new(x, y, cells, 1), Hit::Choice(n));
            x = x.saturating_add(cells + 1);
        }
    }
}

/// A line wrapped; what follows the number of an item stands below its text.
fn listed(line: &str, cells: usize) -> Vec<String> {
    let number = line.find(". ").filter(|at| *at > 0 && line[..*at].bytes().all(|b| b.is_ascii_digit()));
    let Some(label) = number.map(|at| at + 2) else { return wrap(line, cells) };
    let (head, rest) = line.split_at(label);
    let put = |(n, part): (usize, &String)| match n {
        0 => format!("{head}{part}"),
        _ => format!("{:label$}{part}", ""),
    };
    wrap(rest, cells.saturating_sub(label)).iter().enumerate().map(put).collect()
}

fn watcher_text(command: &Command) -> (String, Vec<String>) {
    let Command::SetWatcher { name, mode, rule, taken_back, .. } = command else { return Default::default() };
    let what = match (rule, mode) {
        (Some(rule), _) if *taken_back => {
            format!(
                "The rule '{rule}' of the watcher '{name}' is no longer allowed: it speaks again where it holds."
            )
        }
        (Some(rule), _) => {
            format!("This allows the rule '{rule}' of the watcher '{name}' for the rest of the run.")
        }
        (None, WatcherMode::On) => {
            format!("The watcher '{name}' looks, and what it says acts, for this run.")
        }
        (None, WatcherMode::Off) => format!("The watcher '{name}' does not look any more, for this run."),
        (None, WatcherMode::Muted) => {
            format!("What the watcher '{name}' says is only recorded and has no effect, for this run.")
        }
    };
    let title = match rule {
        Some(_) if *taken_back => "Take it back?",
        Some(_) => "Allow rule?",
        None => "Switch watcher?",
    };
    (title.to_owned(), vec![crate::text::clean_line(&what).into_string()])
}
