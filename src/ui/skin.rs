//! How things look, by meaning: the theme's roles under the names that the screens use, and the signs of states.

use ratatui::style::Style;

use super::theme::{Role, Theme};

/// Theme and signs.
#[derive(Clone, Debug)]
pub struct Skin {
    pub theme: Theme,
    /// Only ASCII signs and borders.
    pub ascii: bool,
}

/// A sign beside a word: state is never told by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Running,
    Paused,
    Done,
    Failed,
    Warning,
    Aborted,
    Queued,
    Sleeping,
    Idle,
    Nudge,
    Ok,
    Selected,
    Follow,
    Into,
    More,
}

impl Sign {
    /// The sign in both alphabets.
    fn both(self) -> (&'static str, &'static str) {
        match self {
            Self::Running => ("●", "*"),
            Self::Paused => ("‖", "="),
            Self::Done => ("✔", "+"),
            Self::Failed => ("✖", "x"),
            Self::Warning => ("⚠", "!"),
            Self::Aborted => ("■", "#"),
            Self::Queued => ("◌", "o"),
            Self::Sleeping => ("☾", "z"),
            Self::Idle => ("○", "-"),
            Self::Nudge => ("▲", "^"),
            Self::Ok => ("·", "."),
            Self::Selected => ("▶", ">"),
            Self::Follow => ("↓", "v"),
            Self::Into => ("▸", ">"),
            Self::More => ("…", "~"),
        }
    }
}

impl Skin {
    /// One sign.
    pub fn sign(&self, sign: Sign) -> &'static str {
        let (unicode, ascii) = sign.both();
        if self.ascii { ascii } else { unicode }
    }

    /// Eight (or `width`) cells of a gauge.
    pub fn gauge(&self, share: f64, width: usize) -> String {
        let full = ((share.clamp(0.0, 1.0) * width as f64).round() as usize).min(width);
        let (on, off) = if self.ascii { ("#", ".") } else { ("▓", "░") };
        on.repeat(full) + &off.repeat(width - full)
    }

    /// Plain text.
    pub fn text(&self) -> Style {
        self.theme.style(Role::Text)
    }

    /// What matters less.
    pub fn dim(&self) -> Style {
        self.theme.style(Role::Dim)
    }

    /// What stands out.
    pub fn strong(&self) -> Style {
        self.theme.style(Role::Strong)
    }

    /// Headings of panes and overlays.
    pub fn title(&self, focused: bool) -> Style {
        if focused { self.theme.style(Role::Title) } else { self.theme.style(Role::Text) }
    }

    /// Borders.
    pub fn border(&self, focused: bool) -> Style {
        self.theme.style(if focused { Role::BorderFocus } else { Role::Border })
    }

    /// Keys in hints.
    pub fn key(&self) -> Style {
        self.theme.style(Role::Key)
    }

    /// Good.
    pub fn ok(&self) -> Style {
        self.theme.style(Role::Good)
    }

    /// Needs attention.
    pub fn warn(&self) -> Style {
        self.theme.style(Role::Warn)
    }

    /// Bad.
    pub fn error(&self) -> Style {
        self.theme.style(Role::Bad)
    }

    /// The human's own.
    pub fn accent(&self) -> Style {
        self.theme.style(Role::Accent)
    }

    /// The chosen row of a list.
    pub fn selected(&self) -> Style {
        self.theme.style(Role::Selected)
    }

    /// What a search has found.
    pub fn found(&self) -> Style {
        self.theme.style(Role::Match)
    }

    /// A gauge, by how much is spent.
    pub fn spent(&self, share: f64, warn_at: f64) -> Style {
        match share {
            s if s >= 1.0 => self.error(),
            s if s * 100.0 >= warn_at => self.warn(),
            _ => self.ok(),
        }
    }
}
