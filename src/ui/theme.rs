//! Themes: how a meaning looks. Code names roles, theme files give them colours; the one table of roles is here.
//!
//! A theme file (`themes/NAME.yaml`, or in the user's folder) has `about`, `inherits`, `background` (dark, light, any),
//! a `palette` of named colours and `roles`, each `COLOUR [on COLOUR] [bold dim italic underline reverse strike]`. A
//! child that only changes the palette changes every role that uses it.

mod colour;
mod file;

pub use colour::Depth;
pub(crate) use colour::sixteen;
pub use file::Themes;

use std::sync::Arc;

use ratatui::style::{Modifier, Style};

/// What a piece of the screen means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Text,
    Dim,
    Strong,
    Title,
    Border,
    BorderFocus,
    Key,
    Selected,
    Accent,
    Good,
    Warn,
    Bad,
    Nudge,
    Pause,
    Gauge,
    Match,
    Content(Content),
    Code(Code),
    Diff(Diff),
}

/// Parts of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    Heading,
    Link,
    Quote,
    Code,
    Reasoning,
    Rule,
    Human,
}

/// Parts of source code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Code {
    #[default]
    Plain,
    Keyword,
    String,
    Number,
    Comment,
    Function,
    Type,
}

/// Parts of a diff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Diff {
    Added,
    Removed,
    Hunk,
    File,
    AddedWord,
    RemovedWord,
}

/// One row of the table: a role, its name in files, what takes its place where no file sets it, whether it is text
/// (and so must be readable on the background).
pub struct Row {
    pub role: Role,
    pub name: &'static str,
    pub or: Role,
    pub is_text: bool,
}

const fn row(role: Role, name: &'static str, or: Role) -> Row {
    Row { role, name, or, is_text: true }
}

const fn shape(role: Role, name: &'static str, or: Role) -> Row {
    Row { role, name, or, is_text: false }
}

/// Every role. A role's place is its index in a theme.
pub const ROLES: &[Row] = &[
    row(Role::Text, "text", Role::Text),
    row(Role::Dim, "dim", Role::Text),
    row(Role::Strong, "strong", Role::Text),
    row(Role::Title, "title", Role::Strong),
    shape(Role::Border, "border", Role::Dim),
    shape(Role::BorderFocus, "border_focus", Role::Accent),
    row(Role::Key, "key", Role::Accent),
    row(Role::Selected, "selected", Role::Strong),
    row(Role::Accent, "accent", Role::Strong),
    row(Role::Good, "good", Role::Text),
    row(Role::Warn, "warn", Role::Strong),
    row(Role::Bad, "bad", Role::Strong),
    row(Role::Nudge, "nudge", Role::Warn),
    row(Role::Pause, "pause", Role::Warn),
    shape(Role::Gauge, "gauge", Role::Good),
    row(Role::Match, "match", Role::Selected),
    row(Role::Content(Content::Heading), "content.heading", Role::Title),
    row(Role::Content(Content::Link), "content.link", Role::Accent),
    row(Role::Content(Content::Quote), "content.quote", Role::Dim),
    row(Role::Content(Content::Code), "content.code", Role::Accent),
    row(Role::Content(Content::Reasoning), "content.reasoning", Role::Dim),
    row(Role::Content(Content::Rule), "content.rule", Role::Dim),
    row(Role::Content(Content::Human), "content.human", Role::Accent),
    row(Role::Code(Code::Plain), "code.plain", Role::Text),
    row(Role::Code(Code::Keyword), "code.keyword", Role::Strong),
    row(Role::Code(Code::String), "code.string", Role::Good),
    row(Role::Code(Code::Number), "code.number", Role::Warn),
    row(Role::Code(Code::Comment), "code.comment", Role::Dim),
    row(Role::Code(Code::Function), "code.function", Role::Accent),
    row(Role::Code(Code::Type), "code.type", Role::Accent),
    row(Role::Diff(Diff::Added), "diff.added", Role::Good),
    row(Role::Diff(Diff::Removed), "diff.removed", Role::Bad),
    row(Role::Diff(Diff::Hunk), "diff.hunk", Role::Accent),
    row(Role::Diff(Diff::File), "diff.file", Role::Strong),
    row(Role::Diff(Diff::AddedWord), "diff.added_word", Role::Good),
    row(Role::Diff(Diff::RemovedWord), "diff.removed_word", Role::Bad),
];

impl Role {
    /// Its place in [`ROLES`].
    fn index(self) -> usize {
        const CONTENT: usize = 16;
        const CODE: usize = CONTENT + 7;
        const DIFF: usize = CODE + 7;
        match self {
            Self::Text => 0,
            Self::Dim => 1,
            Self::Strong => 2,
            Self::Title => 3,
            Self::Border => 4,
            Self::BorderFocus => 5,
            Self::Key => 6,
            Self::Selected => 7,
            Self::Accent => 8,
            Self::Good => 9,
            Self::Warn => 10,
            Self::Bad => 11,
            Self::Nudge => 12,
            Self::Pause => 13,
            Self::Gauge => 14,
            Self::Match => 15,
            Self::Content(part) => CONTENT + part as usize,
            Self::Code(part) => CODE + part as usize,
            Self::Diff(part) => DIFF + part as usize,
        }
    }
}

/// For which background a theme is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Background {
    Dark,
    Light,
    #[default]
    Any,
}

/// A theme, ready to draw with. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    pub name: String,
    pub about: String,
    pub background: Background,
    styles: Arc<[Style]>,
    stamp: u64,
}

impl Theme {
    fn new(name: &str, about: &str, background: Background, styles: Vec<Style>) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in format!("{styles:?}").bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Self {
            name: name.to_owned(),
            about: about.to_owned(),
            background,
            styles: styles.into(),
            stamp: hash,
        }
    }

    /// Without any style.
    pub fn none(background: Background) -> Self {
        Self::new("none", "", background, vec![Style::default(); ROLES.len()])
    }

    /// How a role looks.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role.index()).copied().unwrap_or_default()
    }

    /// Changes when any style does: caches of styled text compare it.
    pub fn stamp(&self) -> u64 {
        self.stamp
    }

    /// The theme as a terminal of this depth can show it.
    pub fn at(&self, depth: Depth) -> Self {
        // Without colours, what stands out by its background does so by reverse video.
        let filled = |role: Role| depth == Depth::Mono && matches!(role, Role::Selected | Role::Match);
        let style = |row: &Row| {
            let style = depth.style(self.style(row.role));
            if filled(row.role) { style.add_modifier(Modifier::REVERSED) } else { style }
        };
        let styles = ROLES.iter().map(style).collect();
        Self::new(&self.name, &self.about, self.background, styles)
    }
}

impl Default for Theme {
    /// The terminal's own colours.
    fn default() -> Self {
        let themes = Themes::built_in();
        themes
            .get("ansi")
            .unwrap_or_else(|_| Self::new("none", "", Background::Any, vec![Style::default(); ROLES.len()]))
    }
}

/// A sign before or in a line. Each has an ASCII form for terminals whose font or width tables are in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Message,
    Closed,
    Open,
    Nudge,
    Pause,
    Edit,
    Good,
    Bad,
    Warn,
    Stop,
    Human,
    Bar,
    Rule,
    Caret,
    Todo,
    Doing,
    Into,
    Bullet,
    More,
    Note,
}

impl Icon {
    /// The sign.
    pub fn sign(self, ascii: bool) -> &'static str {
        let (unicode, plain) = match self {
            Self::Message => ("●", "*"),
            Self::Closed => ("▸", ">"),
            Self::Open => ("▾", "v"),
            Self::Nudge => ("▲", "^"),
            Self::Pause => ("‖", "="),
            Self::Edit => ("✎", "~"),
            Self::Good => ("✔", "+"),
            Self::Bad => ("✖", "x"),
            Self::Warn => ("⚠", "!"),
            Self::Stop => ("■", "#"),
            Self::Human => ("›", ">"),
            Self::Bar => ("│", "|"),
            Self::Rule => ("─", "-"),
            Self::Caret => ("▌", "_"),
            Self::Todo => ("☐", "[ ]"),
            Self::Doing => ("◐", "[>]"),
            Self::Into => ("→", "->"),
            Self::Bullet => ("•", "-"),
            Self::More => ("…", "..."),
            Self::Note => ("·", "."),
        };
        if ascii { plain } else { unicode }
    }
}

#[cfg(test)]
#[path = "theme_tests.rs"]
mod tests;
