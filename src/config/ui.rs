//! The `ui` block.

use serde::{Deserialize, Serialize};

/// The screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ui {
    pub theme: Option<String>,
    pub start_focus: StartFocus,
    #[serde(deserialize_with = "switch")]
    pub mouse: bool,
    /// `None`: on, but off over SSH.
    #[serde(deserialize_with = "maybe_switch")]
    pub animations: Option<bool>,
    pub icons: Icons,
    pub notify: Notify,
    /// Whether the terminal's title is set.
    #[serde(deserialize_with = "switch")]
    pub title: bool,
    /// Whether the terminal's progress mark is set (OSC 9;4).
    #[serde(deserialize_with = "switch")]
    pub progress: bool,
}

impl Default for Ui {
    fn default() -> Self {
        Self {
            theme: None,
            start_focus: StartFocus::default(),
            mouse: true,
            animations: None,
            icons: Icons::default(),
            notify: Notify::default(),
            title: false,
            progress: false,
        }
    }
}

/// How the terminal is asked to notify when something needs the human and it is not focused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notify {
    /// What the terminal is known to understand.
    #[default]
    Auto,
    Osc9,
    Osc777,
    Bel,
    Off,
}

/// Where the keys go when a run view opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartFocus {
    #[default]
    Pane,
    Composer,
}

/// Which signs are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Icons {
    /// Unicode where the locale is UTF-8.
    #[default]
    Auto,
    Unicode,
    Ascii,
}

/// `true`, `false`, `on` or `off` (YAML 1.2 reads the last two as text).
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected on or off")]
enum Switch {
    Bool(bool),
    Word(Word),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    On,
    Off,
}

fn switch<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(match Switch::deserialize(deserializer)? {
        Switch::Bool(on) => on,
        Switch::Word(word) => matches!(word, Word::On),
    })
}

fn maybe_switch<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    struct Wrapped(#[serde(deserialize_with = "switch")] bool);
    Ok(Option::<Wrapped>::deserialize(deserializer)?.map(|wrapped| wrapped.0))
}
