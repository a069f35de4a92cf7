//! One instance on the screen: the folds over its events, its transcripts, and how it is looked at.

use std::{
    collections::{HashMap, VecDeque},
    path::PathBuf,
    sync::Arc,
};

use super::{
    composer::Composer,
    folds::Folds,
    group::Group,
    notable::{Notable, notable},
};
use crate::{
    agent::{launch::Ended, link::Tails},
    fold::{View, sessions::Doing},
    protocol::{
        Body, Event, InstanceId, NudgeTarget, Pos, Published, SessionId,
        command::Cap,
        event::{Guard, Human, InboxClosed, InboxOpened, RunState, TurnStatus, WatcherSpoke},
    },
    ui::{
        msg::{Access, Opened, SessionRead},
        render::{Highlighter, Source, Transcript, lines::LinesView},
    },
};

/// Rows of the watchers' pane that are kept.
const SPOKEN: usize = 500;

/// The four panes of the run view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pane {
    #[default]
    Orchestrator,
    Sessions,
    Live,
    Watchers,
}

impl Pane {
    pub const ALL: [Self; 4] = [Self::Orchestrator, Self::Sessions, Self::Live, Self::Watchers];

    /// From its digit, from 0.
    pub fn at(index: usize) -> Self {
        Self::ALL[index % Self::ALL.len()]
    }

    /// Its digit, from 0.
    pub fn index(self) -> usize {
        self as usize
    }
}

/// Tabs of the session view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    #[default]
    Transcript,
    Diff,
    Raw,
    Info,
}

impl Tab {
    pub const ALL: [Self; 4] = [Self::Transcript, Self::Diff, Self::Raw, Self::Info];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Transcript => "Transcript",
            Self::Diff => "Diff",
            Self::Raw => "Raw",
            Self::Info => "Info",
        }
    }
}

/// One row of the watchers' pane.
#[derive(Clone, Debug, PartialEq)]
pub struct Spoken {
    /// `12:04:31`.
    pub at: String,
    pub what: What,
}

/// What such a row tells.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Watcher(Box<WatcherSpoke>),
    Budget { cap: Cap, spent: f64, of: Option<f64>, exceeded: bool },
    Decided { title: String, choice: String, by: String },
}

/// How a run is looked at.
#[derive(Clone, Debug, Default)]
pub struct Look {
    pub focus: Pane,
    pub zoom: bool,
    /// Keys go into the composer.
    pub typing: bool,
    pub selected: Option<SessionId>,
    /// The human has selected it: it stays.
    pub pinned: bool,
    /// Place in the watchers' pane, from the newest.
    pub verdict: usize,
    pub tab: Tab,
    /// The search line of the focused text, while it is typed.
    pub search: Option<String>,
}

/// The transcripts.
pub struct Texts {
    /// Places of all rows; a session's transcript is taken out of it when it is first shown.
    pub view: View,
    pub orchestrator: Transcript,
    pub sessions: HashMap<SessionId, Transcript>,
    pub read: Option<(SessionId, SessionRead)>,
    pub diff: crate::ui::render::diff::DiffView,
    pub tree: TreeText,
    pub lines: LinesView,
    code: Highlighter,
    ascii: bool,
}

/// What git says of the worktree of a session; the diff itself is in [`Texts::diff`].
#[derive(Clone, Debug, Default)]
pub struct TreeText {
    /// Whose diff is shown. `None`: of no worktree.
    pub of: Option<SessionId>,
    /// `None`: git has not answered yet.
    pub read: Option<Result<(), String>>,
    /// Git is being asked.
    pub asked: bool,
    /// Something has changed since it was asked.
    pub again: bool,
}

/// What is known of a run beside its events.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Why the journal cannot be written.
    pub store: Option<String>,
    /// All that was written so far has been followed (of an instance that this process does not run).
    pub read: bool,
    /// The task of the run has ended.
    pub ended: Option<Result<Ended, String>>,
}

/// One instance.
pub struct RunModel {
    pub id: InstanceId,
    pub name: String,
    pub dir: PathBuf,
    pub working_dir: PathBuf,
    pub access: Access,
    pub tails: Option<Arc<Tails>>,
    pub folds: Folds,
    /// Newest last.
    pub spoken: VecDeque<Spoken>,
    pub look: Look,
    pub composer: Composer,
    pub texts: Texts,
    pub health: Health,
}

impl Texts {
    /// A run with texts that are drawn as these are.
    pub(super) fn like(&self, opened: Opened) -> RunModel {
        RunModel::new(opened, self.code.clone(), self.ascii)
    }

    /// The transcript of a session.
    pub fn session(&mut self, id: SessionId, dir: &std::path::Path) -> &mut Transcript {
        self.sessions.entry(id).or_insert_with(|| {
            let source = Source { dir: dir.to_owned(), session: Some(id) };
            let mut text = Transcript::new(source).with_highlighter(self.code.clone()).with_ascii(self.ascii);
            text.seed(&self.view);
            text
        })
    }

    /// Takes what searches have found, before a frame counts and shows it.
    pub fn take_finds(&mut self) {
        self.orchestrator.poll_search();
        self.sessions.values_mut().for_each(|text| {
            text.poll_search();
        });
    }
}

impl RunModel {
    /// An instance of which no event has come yet.
    pub fn new(opened: Opened, code: Highlighter, ascii: bool) -> Self {
        let source = Source { dir: opened.dir.clone(), session: None };
        let orchestrator = Transcript::new(source).with_highlighter(code.clone()).with_ascii(ascii);
        let mut composer = Composer::default();
        composer.set(&opened.draft);
        let texts = Texts {
            view: View::default(),
            orchestrator,
            sessions: HashMap::new(),
            read: None,
            diff: crate::ui::render::diff::DiffView::default(),
            tree: TreeText::default(),
            lines: LinesView::default(),
            code,
            ascii,
        };
        Self {
            id: opened.id,
            name: opened.name,
            dir: opened.dir,
            working_dir: opened.working_dir,
            access: opened.access,
            tails: opened.tails,
            folds: Folds::default(),
            spoken: VecDeque::new(),
            look: Look::default(),
            composer,
            texts,
            health: Health::default(),
        }
    }

    /// Follows one event; what the human should notice of it.
    pub fn follow(&mut self, published: &Published) -> Option<Notable> {
        let notable = self.follow_event(&published.pos, &published.recorded.event);
        self.keep_reading(published);
        notable
    }

    /// The same for an event that was read from the file.
    pub(super) fn follow_event(&mut self, pos: &Pos, event: &Event) -> Option<Notable> {
        let title = match &event.body {
            Body::Human(Human::InboxClosed(closed)) => {
                self.folds.inbox.get(closed.inbox_id).map(crate::ui::render::items::asked)
            }
            _ => None,
        };
        self.folds.apply(event);
        self.texts.view.apply(pos, event);
        self.texts.orchestrator.push_event(pos, event);
        for text in self.texts.sessions.values_mut() {
            text.push_event(pos, event);
        }
        if !self.folds.run.name.is_empty() {
            self.name.clone_from(&self.folds.run.name);
        }
        self.note(&event.timestamp.clock(), &event.body, title);
        self.select_newest();
        notable(&event.body, &self.folds)
    }

    /// The raw lines and diffs of the session that is read go on with what comes.
    fn keep_reading(&mut self, published: &Published) {
        let Some((session, read)) = &mut self.texts.read else { return };
        let event = &published.recorded.event;
        if event.session_id != Some(*session) || event.seq <= read.seq {
            return;
        }
        let isolated = self.look.selected == self.texts.tree.of;
        if read.add(&published.recorded.line, event) && !isolated {
            self.texts.diff.set(&read.diff);
        }
    }

    fn note(&mut self, at: &str, body: &Body, title: Option<String>) {
        let what = match body {
            Body::Guard(Guard::WatcherSpoke(spoke)) => What::Watcher(Box::new(spoke.clone())),
            Body::Guard(Guard::BudgetWarned(warned)) => {
                let (cap, spent, of) = (warned.which, warned.spent, Some(warned.cap));
                What::Budget { cap, spent, of, exceeded: false }
            }
            Body::Guard(Guard::BudgetExceeded(gone)) => {
                let (cap, spent, of) = (gone.which, gone.spent, Some(gone.cap));
                What::Budget { cap, spent, of, exceeded: true }
            }
            Body::Human(Human::InboxClosed(InboxClosed { choice, by, .. })) => {
                What::Decided { title: title.unwrap_or_default(), choice: choice.clone(), by: by.clone() }
            }
            Body::Human(Human::NudgeQueued(queued)) if queued.by == "human" => {
                return self.composer.remember(&queued.text);
            }
            _ => return,
        };
        if self.spoken.len() >= SPOKEN {
            self.spoken.pop_front();
        }
        self.spoken.push_back(Spoken { at: at.to_owned(), what });
        if self.look.verdict > 0 {
            self.look.verdict = (self.look.verdict + 1).min(self.spoken.len() - 1);
        }
    }

    /// The newest working session is shown live until the human chooses one.
    fn select_newest(&mut self) {
        let (sessions, pinned) = (&self.folds.sessions, self.look.pinned);
        if pinned && self.look.selected.is_some() {
            return;
        }
        let newest = sessions.working().last().or_else(|| sessions.all.last()).map(|session| session.id);
        let selected = self.look.selected.and_then(|id| sessions.get(id));
        let still = selected.is_some_and(|session| session.doing == Doing::Working);
        if !still
            || self.look.selected.is_none()
            || sessions.working().last().map(|s| s.id) != self.look.selected
        {
            self.look.selected = newest.or(self.look.selected);
        }
    }

    /// The sessions in the order of the list: what needs the human first.
    pub fn listed(&self) -> Vec<(Group, SessionId)> {
        let asks = |id: SessionId| self.folds.inbox.open.iter().any(|card| card.opened.session == Some(id));
        let mut all: Vec<_> = self
            .folds
            .sessions
            .all
            .iter()
            .enumerate()
            .map(|(at, session)| {
                let failed = session.last.as_ref().is_some_and(|last| last.status == TurnStatus::Failed)
                    || session.end.as_ref().is_some_and(|end| end.status == "failed");
                let group = match session.doing {
                    _ if asks(session.id) => Group::NeedsYou,
                    Doing::Working => Group::Working,
                    Doing::Queued | Doing::Held => Group::Queued,
                    _ if failed => Group::Failed,
                    Doing::Idle | Doing::Ended => Group::Done,
                };
                (group, std::cmp::Reverse(at), session.id)
            })
            .collect();
        all.sort();
        all.into_iter().map(|(group, _, id)| (group, id)).collect()
    }

    /// True while the agent of this run lives in this process.
    pub fn is_live_here(&self) -> bool {
        self.access == Access::Ours && self.health.ended.is_none()
    }

    /// True where commands reach somebody.
    pub fn can_steer(&self) -> bool {
        match self.access {
            Access::Ours => self.health.ended.is_none(),
            Access::Foreign => self.folds.run.end.is_none(),
            Access::ReadOnly | Access::Past => false,
        }
    }

    /// To whom a nudge can go.
    pub fn targets(&self) -> Vec<NudgeTarget> {
        let is_open = |id: &SessionId| self.folds.sessions.get(*id).is_some_and(|s| s.doing != Doing::Ended);
        let open = self.listed().into_iter().map(|(_, id)| id).filter(is_open);
        std::iter::once(NudgeTarget::Orchestrator).chain(open.map(NudgeTarget::Session)).collect()
    }

    /// The oldest open card.
    pub fn oldest_card(&self) -> Option<&InboxOpened> {
        self.folds.inbox.open.first().map(|card| &card.opened)
    }

    /// The transcript of the selected session, made when it is first shown.
    pub fn live(&mut self) -> Option<&mut Transcript> {
        let id = self.look.selected?;
        Some(self.texts.session(id, &self.dir))
    }

    /// The transcript that keys of the text act on.
    pub fn text(&mut self, in_session_view: bool) -> Option<&mut Transcript> {
        match (in_session_view, self.look.focus) {
            (true, _) | (false, Pane::Live) => self.live(),
            (false, Pane::Orchestrator) => Some(&mut self.texts.orchestrator),
            (false, Pane::Sessions | Pane::Watchers) => None,
        }
    }

    /// Lines of the text that keys act on are being selected.
    pub fn is_selecting(&self, in_session_view: bool) -> bool {
        match (in_session_view, self.look.focus) {
            (true, _) | (false, Pane::Live) => self
                .look
                .selected
                .and_then(|id| self.texts.sessions.get(&id))
                .is_some_and(Transcript::is_selecting),
            (false, Pane::Orchestrator) => self.texts.orchestrator.is_selecting(),
            (false, Pane::Sessions | Pane::Watchers) => false,
        }
    }

    /// The state as it is shown now.
    pub fn state(&self) -> RunState {
        self.folds.run.status.state
    }
}
