//! Short remarks above the status bar, and the log of all of them.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::ui::msg::Now;

/// How long a remark stays.
pub const SHOWN: Duration = Duration::from_secs(4);
/// Remarks that are kept for the log.
const KEPT: usize = 500;

/// How grave it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Goes away by itself.
    Info,
    /// Stays until it is closed.
    Warning,
    Error,
}

/// One remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    pub level: Level,
    pub text: String,
    /// When it was said, on the wall.
    pub at: jiff::Timestamp,
    until: Option<Instant>,
    /// It goes when nothing waits for the human any more.
    needs_answer: bool,
}

/// All remarks.
#[derive(Clone, Debug, Default)]
pub struct Toasts {
    /// Oldest first.
    pub log: VecDeque<Toast>,
    shown: Vec<Toast>,
}

impl Toasts {
    /// Says something. The same remark twice is shown once.
    pub fn say(&mut self, level: Level, text: impl Into<String>, now: Now) {
        let until = (level == Level::Info).then(|| now.instant + SHOWN);
        self.add(Toast { level, text: text.into(), at: now.wall, until, needs_answer: false });
    }

    /// Says that something waits for the human, until [`Self::answered`].
    pub fn ask(&mut self, text: impl Into<String>, now: Now) {
        self.add(Toast {
            level: Level::Warning,
            text: text.into(),
            at: now.wall,
            until: None,
            needs_answer: true,
        });
    }

    /// Nothing waits for the human.
    pub fn answered(&mut self) {
        self.shown.retain(|toast| !toast.needs_answer);
    }

    /// What begins so holds no more.
    pub fn over(&mut self, beginning: &str) {
        self.shown.retain(|toast| !toast.text.starts_with(beginning));
    }

    fn add(&mut self, toast: Toast) {
        let level = toast.level;
        self.shown.retain(|old| old.text != toast.text && (level != Level::Info || old.level != Level::Info));
        self.shown.push(toast.clone());
        if self.log.len() >= KEPT {
            self.log.pop_front();
        }
        self.log.push_back(toast);
    }

    /// The one that is shown: the newest; how many wait behind it.
    pub fn current(&self) -> Option<(&Toast, usize)> {
        self.shown.last().map(|toast| (toast, self.shown.len() - 1))
    }

    /// Closes the one that is shown. False: there was none.
    pub fn close(&mut self) -> bool {
        self.shown.pop().is_some()
    }

    /// Drops what has been shown long enough. True: something went.
    pub fn expire(&mut self, now: Instant) -> bool {
        let before = self.shown.len();
        self.shown.retain(|toast| toast.until.is_none_or(|until| until > now));
        before != self.shown.len()
    }

    /// When the next one goes.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.shown.iter().filter_map(|toast| toast.until).min()
    }
}
