//! What plain mode says and asks. Pure: lines and events in, lines and wishes out.

use std::path::PathBuf;

use super::launch;
use crate::{
    agent::launch::{Launch, What},
    headless::story::Story,
    protocol::{
        Body, Command, Event, InboxId, NudgeId, NudgeTarget, Reply, Stamp,
        command::Delivery,
        event::{Human, InboxOpened, RunKind, RunState},
    },
    store::{Listed, Origin},
    ui::{
        Start,
        kit::{ago, money, tokens_short},
        model::folds::Folds,
    },
};

/// Characters of a detail of a card.
const DETAIL: usize = 2_000;
/// Instances that are listed.
const LISTED: usize = 30;

/// What is to be done.
#[derive(Debug)]
pub enum Wish {
    Say(String),
    Send(Command),
    Launch(Box<Launch>),
    List {
        everywhere: bool,
    },
    /// Read an instance aloud.
    Show(Box<Listed>),
    /// Take the task of a new run from an instance of the reference.
    Adopt(Box<Listed>),
    Leave,
}

/// For what the next line is.
#[derive(Clone, Debug, Default)]
enum Asking {
    /// A number of the home menu.
    #[default]
    Home,
    /// The number of an instance, to read it or to resume it.
    Instance {
        resume: bool,
    },
    /// Lines of a task, until an empty one.
    Task {
        lines: Vec<String>,
        of: Option<Box<Listed>>,
    },
    /// A number of the run's menu.
    Run,
    Nudge,
    Abort,
    /// A number of a card's choices.
    Card(InboxId),
    /// The text that a choice wants.
    CardText(InboxId, String),
}

/// The talk.
#[derive(Default)]
pub struct Talk {
    asking: Asking,
    listed: Vec<Listed>,
    folds: Folds,
    story: Story,
    everywhere: bool,
    leaves: bool,
    /// The journal cannot be written.
    disk_failed: bool,
}

fn say(text: impl Into<String>) -> Wish {
    Wish::Say(text.into())
}

const HOME: &str =
    "Menu: 1 new run, 2 read an instance, 3 resume an instance, 4 this directory or all projects, 0 quit.";

impl Talk {
    /// The list was read: what is said of it.
    pub fn listed(&mut self, listed: Vec<Listed>, now: jiff::Timestamp) -> Vec<String> {
        let mut lines = vec![match listed.len() {
            0 => "No instance is here.".to_owned(),
            1 => "1 instance:".to_owned(),
            count => format!("{count} instances, the newest first:"),
        }];
        lines.extend(
            listed.iter().take(LISTED).enumerate().map(|(at, it)| format!("{}: {}", at + 1, words(it, now))),
        );
        if listed.len() > LISTED {
            lines.push(format!("and {} more; 'zwarm-tui instances' lists all", listed.len() - LISTED));
        }
        lines.push(HOME.to_owned());
        (self.listed, self.asking) = (listed, Asking::Home);
        lines
    }

    /// A run has begun.
    pub fn begun(&mut self, name: &str) -> Vec<String> {
        (self.folds, self.story, self.asking) = (Folds::default(), Story::default(), Asking::Run);
        self.disk_failed = false;
        vec![format!("Run '{name}'."), self.menu()]
    }

    /// It has ended. True: the program is to be left.
    pub fn ended(&mut self) -> bool {
        self.asking = Asking::Home;
        self.leaves
    }

    /// A task that was prepared: it is asked for what is to be added.
    pub fn adopt(&mut self, task: String) {
        self.asking = Asking::Task { lines: vec![task], of: None };
    }

    fn menu(&self) -> String {
        let pause = if self.is_held() { "continue" } else { "pause" };
        let inbox = self.folds.inbox.open.len();
        format!(
            "Menu: 1 {pause}, 2 pause now, 3 one step, 4 nudge, 5 inbox ({inbox}), 6 state, 7 abort, 0 pause and quit."
        )
    }

    fn is_held(&self) -> bool {
        self.disk_failed
            || matches!(
                self.folds.run.status.state,
                RunState::Paused | RunState::Pausing | RunState::Sleeping
            )
    }

    /// The journal cannot be written, or can again.
    pub fn disk(&mut self, failed: bool) {
        self.disk_failed = failed;
    }

    /// What is said of an event.
    pub fn event(&mut self, event: &Event) -> Vec<String> {
        self.folds.apply(event);
        let mut lines: Vec<String> =
            self.story.tell(event).map(|text| text.to_string()).into_iter().collect();
        if let Body::Human(Human::InboxOpened(opened)) = &event.body {
            lines.push(format!("Needs you: {}. 5 answers it.", opened.title));
        }
        lines
    }

    /// A typed line.
    pub fn line(&mut self, line: &str, start: &Start) -> Vec<Wish> {
        let text = line.trim();
        match std::mem::take(&mut self.asking) {
            Asking::Home => self.home(text),
            Asking::Instance { resume } => self.instance(text, resume, start),
            Asking::Task { mut lines, of } if !text.is_empty() => {
                lines.push(line.to_owned());
                self.asking = Asking::Task { lines, of };
                Vec::new()
            }
            Asking::Task { lines, of } => self.task(&lines.join("\n"), of, start),
            Asking::Run => self.steer(text),
            Asking::Nudge => {
                self.asking = Asking::Run;
                if text.is_empty() {
                    return vec![say("Nothing was sent.")];
                }
                let (nudge, target, text) = (NudgeId::random(), NudgeTarget::Orchestrator, text.to_owned());
                vec![Wish::Send(Command::Nudge { nudge, target, text, how: Delivery::default() })]
            }
            Asking::Abort => {
                self.asking = Asking::Run;
                match text {
                    "yes" => vec![Wish::Send(Command::Abort { at_once: false })],
                    _ => vec![say("It goes on.")],
                }
            }
            Asking::Card(id) => self.choose(id, text),
            Asking::CardText(id, choice) => {
                self.asking = Asking::Run;
                self.reply(id, choice, Some(line.to_owned()))
            }
        }
    }

    fn home(&mut self, text: &str) -> Vec<Wish> {
        match text {
            "0" | "q" => vec![Wish::Leave],
            "1" => {
                self.asking = Asking::Task { lines: Vec::new(), of: None };
                vec![say("The task, in one or more lines; an empty line ends it:")]
            }
            "2" | "3" if self.listed.is_empty() => vec![say("No instance is here."), say(HOME)],
            "2" | "3" => {
                self.asking = Asking::Instance { resume: text == "3" };
                vec![say(format!(
                    "Which one? 1 to {}, an empty line goes back:",
                    self.listed.len().min(LISTED)
                ))]
            }
            "4" => {
                self.everywhere = !self.everywhere;
                vec![Wish::List { everywhere: self.everywhere }]
            }
            "" => vec![Wish::List { everywhere: self.everywhere }],
            _ => vec![say(HOME)],
        }
    }

    fn instance(&mut self, text: &str, resume: bool, start: &Start) -> Vec<Wish> {
        let at = text.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let Some(listed) = at.and_then(|at| self.listed.get(at)).cloned().map(Box::new) else {
            return vec![say(HOME)];
        };
        if !resume {
            return vec![Wish::Show(listed), say(HOME)];
        }
        match (&listed.origin, listed.live) {
            (_, Some(_)) => vec![say("It is live in another process."), say(HOME)],
            (Origin::Damaged(why), _) => vec![say(format!("It cannot be resumed: {why}")), say(HOME)],
            (Origin::Reference(_), _) => {
                vec![
                    Wish::Adopt(listed),
                    say("A new run goes on from it. What is to be added? An empty line starts it:"),
                ]
            }
            (Origin::Ours, _) if listed.meta.stopped_by == "exit" || listed.meta.kind == RunKind::Exec => {
                self.asking = Asking::Task { lines: Vec::new(), of: Some(listed) };
                vec![say("It is done. A further task; an empty line ends it:")]
            }
            (Origin::Ours, _) => vec![resumed(&listed, None, start)],
        }
    }

    fn task(&mut self, task: &str, of: Option<Box<Listed>>, start: &Start) -> Vec<Wish> {
        if task.trim().is_empty() {
            return vec![say("Nothing was started."), say(HOME)];
        }
        match of {
            Some(listed) => vec![resumed(&listed, Some(task.to_owned()), start)],
            None => {
                let what = What::New { task: task.to_owned(), name: None };
                vec![Wish::Launch(launch(start, what, RunKind::Run, start.working_dir.clone()))]
            }
        }
    }

    fn steer(&mut self, text: &str) -> Vec<Wish> {
        self.asking = Asking::Run;
        match text {
            "1" if self.is_held() => vec![Wish::Send(Command::Resume), say("Continuing.")],
            "1" => vec![Wish::Send(Command::Pause { now: false }), say("Pausing.")],
            "2" => vec![Wish::Send(Command::Pause { now: true }), say("Pausing now.")],
            "3" => vec![Wish::Send(Command::StepOnce)],
            "4" => {
                self.asking = Asking::Nudge;
                vec![say("The nudge to the orchestrator, one line:")]
            }
            "5" => self.card(),
            "6" => vec![say(self.state()), say(self.menu())],
            "7" => {
                self.asking = Asking::Abort;
                vec![say("This stops the run and every executor. Type yes to do it:")]
            }
            "0" => {
                self.leaves = true;
                vec![Wish::Send(Command::Shutdown { signal: None }), say("Saving and leaving.")]
            }
            _ => vec![say(self.menu())],
        }
    }

    fn state(&self) -> String {
        let (run, spend) = (&self.folds.run, &self.folds.spend);
        let mut text = format!("State: {:?}", run.status.state).to_lowercase();
        if self.disk_failed {
            "state: held, the disk fails".clone_into(&mut text);
        }
        if !run.status.reason.is_empty() {
            text.push_str(&format!(", {}", run.status.reason));
        }
        text.push_str(&format!(", step {} of {}", run.progress.step, run.progress.last_step));
        let (total, cost) = (tokens_short(spend.total()), money(spend.cost(), spend.estimated));
        text.push_str(&format!(
            ", {total} tokens, {cost}, {} executors working",
            self.folds.sessions.working().count()
        ));
        text
    }

    /// The oldest card, with its choices.
    fn card(&mut self) -> Vec<Wish> {
        let Some(card) = self.folds.inbox.open.first() else { return vec![say("The inbox is empty.")] };
        let opened = &card.opened;
        let mut wishes = vec![say(opened.title.clone())];
        wishes.extend(details(opened).into_iter().map(Wish::Say));
        let choices =
            opened.choices.iter().enumerate().map(|(at, choice)| format!("{} {}", at + 1, choice.label));
        wishes.push(say(format!(
            "Choose: {}. An empty line decides later.",
            choices.collect::<Vec<_>>().join(", ")
        )));
        self.asking = Asking::Card(opened.inbox_id);
        wishes
    }

    fn choose(&mut self, id: InboxId, text: &str) -> Vec<Wish> {
        self.asking = Asking::Run;
        let Some(opened) = self.folds.inbox.get(id) else { return vec![say("It was answered elsewhere.")] };
        let at = text.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let Some(choice) = at.and_then(|at| opened.choices.get(at)) else {
            return vec![say("Decided later.")];
        };
        if choice.wants_text {
            let question = format!("{}, one line:", choice.label);
            self.asking = Asking::CardText(id, choice.id.clone());
            return vec![say(question)];
        }
        let choice = choice.id.clone();
        self.reply(id, choice, None)
    }

    fn reply(&self, inbox: InboxId, choice: String, text: Option<String>) -> Vec<Wish> {
        let Some(opened) = self.folds.inbox.get(inbox) else {
            return vec![say("It was answered elsewhere.")];
        };
        let digest = Some(opened.digest.clone());
        vec![Wish::Send(Command::Reply(Reply { inbox, choice, text, digest }))]
    }
}

fn resumed(listed: &Listed, task: Option<String>, start: &Start) -> Wish {
    let what = What::Resume { dir: listed.dir.clone(), task };
    Wish::Launch(launch(start, what, listed.meta.kind, PathBuf::from(&listed.meta.working_dir)))
}

/// What a card tells, a line each.
fn details(opened: &InboxOpened) -> Vec<String> {
    let Some(all) = opened.detail.as_object() else { return Vec::new() };
    let short = |text: &str| text.chars().take(DETAIL).collect::<String>();
    all.iter()
        .filter(|(key, value)| *key != "request" && !crate::ui::overlays::inbox::says_nothing(value))
        .map(|(key, value)| match value.as_str() {
            Some(text) => format!("{key}: {}", short(text)),
            None => format!("{key}: {}", short(&value.to_string())),
        })
        .collect()
}

fn words(listed: &Listed, now: jiff::Timestamp) -> String {
    let meta = &listed.meta;
    let state = match &listed.origin {
        Origin::Damaged(_) => "damaged".to_owned(),
        Origin::Reference(version) => format!("{} (zwarm {version})", meta.state),
        Origin::Ours if listed.live.is_some() => format!("{}, live", meta.state),
        Origin::Ours => meta.state.clone(),
    };
    let when = Stamp::parse(&meta.updated_at).map(|stamp| ago(now.as_second() - stamp.at.as_second()));
    let needs =
        if meta.inbox_open > 0 { format!(", needs you ({})", meta.inbox_open) } else { String::new() };
    format!(
        "{}, {state}{needs}, step {} of {}, {} tokens, {}",
        meta.name,
        meta.steps,
        meta.max_steps,
        tokens_short(meta.tokens),
        when.unwrap_or_else(|| "at an unknown time".to_owned())
    )
}

#[cfg(test)]
#[path = "talk_tests.rs"]
mod tests;
