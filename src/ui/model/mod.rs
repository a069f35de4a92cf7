//! The state of the screen, split by owner: the runs, the screens, the overlays, remarks, keys, the terminal.

pub mod burst;
pub mod composer;
pub mod ending;
pub mod folds;
pub mod group;
pub mod known;
pub mod notable;
pub mod reads;
pub mod replay;
pub mod run;
pub mod toasts;

use std::{path::PathBuf, sync::Arc, time::Instant};

use ratatui::layout::Rect;

use super::{
    actions::Act,
    keymap::Keymap,
    keys::Chord,
    overlays::Overlay,
    render::Highlighter,
    screens::{home::Home, new_run::NewRun},
    skin::Skin,
    theme::Themes,
};
use crate::{
    agent::launch::Launch,
    config::Config,
    protocol::{InstanceId, SessionId},
};
pub use run::{Pane, RunModel};
pub use toasts::{Level, Toasts};

/// Which screen is shown; home is always below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    Home,
    /// The run view of [`Model::shown`].
    Run,
    /// The session view of the selected session of [`Model::shown`].
    Session,
    NewRun,
}

/// What a click means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    Pane(Pane),
    Composer,
    Session(SessionId),
    Verdict(usize),
    /// A hint of the status bar.
    Act(Act),
    /// A row of the screen's own list.
    Row(usize),
    /// A row or button of the topmost overlay.
    Choice(usize),
    /// Inside of an overlay: nothing behind it is meant.
    Nothing,
}

/// What does not change while the program runs.
#[derive(Clone, Debug)]
pub struct Fixed {
    pub config: Arc<Config>,
    pub working_dir: PathBuf,
    /// The user's folders.
    pub home: crate::paths::Home,
    pub keymap: Keymap,
    /// `HOME`, for paths that are shown.
    pub user_home: String,
    /// A launch to take as a pattern for new ones (secrets and variables).
    pub pattern: Option<Box<Launch>>,
}

/// The terminal as it is.
#[derive(Clone)]
pub struct Term {
    pub size: (u16, u16),
    pub mouse: bool,
    /// The window has the focus (as far as it says).
    pub focused: bool,
    pub skin: Skin,
    pub code: Highlighter,
    pub themes: Arc<Themes>,
    /// A clock that moves by itself may be shown.
    pub animations: bool,
    /// Keys come in the kitty protocol, which tells more of them apart.
    pub kitty: bool,
    /// What a click means, last drawn last.
    pub hits: Vec<(Rect, Hit)>,
    /// Rings when something that was asked of another thread is there.
    pub wake: Arc<tokio::sync::Notify>,
}

/// What was pressed lately.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pressed {
    /// The first chord of a sequence.
    pub prefix: Option<Chord>,
    /// The newest key.
    pub last: Option<Instant>,
    /// The newest Ctrl-C.
    pub interrupt: Option<Instant>,
    /// Characters that come faster than anybody types.
    pub burst: burst::Burst,
}

/// Everything.
pub struct Model {
    pub fixed: Fixed,
    pub term: Term,
    pub screen: Screen,
    pub runs: Vec<RunModel>,
    pub shown: Option<InstanceId>,
    /// The past of the run that is shown, while it is looked at.
    pub replay: Option<replay::Replay>,
    pub home: Home,
    pub new_run: NewRun,
    /// The last is on top and has the keys.
    pub overlays: Vec<Overlay>,
    pub toasts: Toasts,
    pub pressed: Pressed,
    /// Leave as soon as the runs of this process have ended, with this code.
    pub leaving: Option<Leaving>,
}

/// How the program is being left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// The number of a signal: leaves with 128 more.
    pub signal: Option<i32>,
}

impl Model {
    /// The run that is shown; while its past is looked at, that.
    pub fn run(&self) -> Option<&RunModel> {
        self.past().map(|(_, run)| run).or_else(|| self.present())
    }

    /// The same to be changed.
    pub fn run_mut(&mut self) -> Option<&mut RunModel> {
        if self.past().is_some() {
            return self.replay.as_mut()?.run.as_deref_mut();
        }
        self.shown.and_then(|id| self.by_id(id))
    }

    /// The run that is shown, as it is now.
    pub fn present(&self) -> Option<&RunModel> {
        self.shown.and_then(|id| self.runs.iter().find(|run| run.id == id))
    }

    /// Another run is shown, or none: as it is now.
    pub fn show(&mut self, id: Option<InstanceId>) {
        (self.shown, self.replay) = (id, None);
    }

    /// A run.
    pub fn by_id(&mut self, id: InstanceId) -> Option<&mut RunModel> {
        self.runs.iter_mut().find(|run| run.id == id)
    }

    /// Runs of this process that have not ended.
    pub fn live(&self) -> impl Iterator<Item = &RunModel> {
        self.runs.iter().filter(|run| run.is_live_here())
    }

    /// Says something above the status bar.
    pub fn say(&mut self, level: Level, text: impl Into<String>, now: super::msg::Now) {
        self.toasts.say(level, text, now);
    }

    /// True while characters go into the composer.
    pub fn typing(&self) -> bool {
        matches!(self.screen, Screen::Run | Screen::Session) && self.run().is_some_and(|run| run.look.typing)
    }

    /// The terminal is too small for anything but the notice.
    pub fn too_small(&self) -> bool {
        self.term.size.0 < 40 || self.term.size.1 < 10
    }
}
