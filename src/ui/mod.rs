//! The screen (feature `tui`): one client of an instance among several. It may use the link to an agent, the
//! configuration and the store (reading, and dropping commands); it decides nothing about a run.
//!
//! Elm shape: [`msg`] (what happens, what is asked) → [`update`] (pure) → [`app`] (the only owner of terminal and model;
//! one draw site). Read `msg.rs`, `model/mod.rs`, `app.rs`, then one pane.
//!
//! # How a screen or an overlay is written
//!
//! A plain struct that holds what it shows, without a trait:
//!
//! ```text
//! pub struct Ledger { … }
//! impl Ledger {
//!     pub fn key(&mut self, model: &mut Model, key: &KeyPress, now: Now) -> (After, Vec<UiEffect>);
//!     pub fn draw(&mut self, model: &Model, canvas: &mut Canvas<'_>, area: Rect);
//! }
//! ```
//!
//! Overlays are variants of `overlays::Overlay` and are dispatched there (`key`, `draw`, `hints`, `paste`, `click`);
//! they are opened in `update::act::open`. While an overlay has a key it is taken out of the model. Screens are variants
//! of `model::Screen`, drawn by `screens::draw`, with their state in a field of `Model`; their actions come from the
//! table (`update::act`), and what is typed into them from `input::key`. What they want done is a `UiEffect`, performed
//! by `effects`; what they draw goes through `kit::Canvas`, which cleans all text.

pub mod actions;
mod app;
mod arrivals;
mod begin;
mod copy;
mod editor;
mod effects;
mod export;
mod farewell;
mod frame_clock;
mod git;
mod input;
mod kept;
pub mod keymap;
pub mod keys;
mod kit;
mod listening;
mod model;
mod msg;
mod notify;
mod overlays;
mod panes;
mod past;
pub mod plain;
mod probe;
mod rehearse;
pub mod render;
mod runs;
mod screens;
mod shelf;
mod signals;
mod skin;
pub mod terminal;
pub mod theme;
mod update;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use futures_util::future::BoxFuture;

use crate::{
    agent::launch::{Launch, Running},
    config::Config,
    error::UserError,
    paths::Home,
};

/// Starts an agent: [`crate::agent::launch::start`], or a fake of a test.
pub type StartFn = Arc<dyn Fn(Launch) -> BoxFuture<'static, Result<Running, UserError>> + Send + Sync>;

/// With what the screen begins.
#[derive(Clone)]
pub struct Start {
    pub home: Home,
    pub config: Config,
    pub working_dir: PathBuf,
    /// A run to start (or resume) at once; without one the screen shows the instances.
    pub launch: Option<Launch>,
    pub start_fn: StartFn,
    /// An instance that another process runs: it is followed.
    pub follow: Option<crate::store::Listed>,
    /// The list of instances is opened to resume one.
    pub resume_picker: bool,
    /// A theme by name, over the configuration's.
    pub theme: Option<String>,
    /// For runs that are started from the screen.
    pub secrets: Vec<(String, String)>,
    pub variables: BTreeMap<String, String>,
}

/// Shows the screen until the human leaves; the exit code.
pub async fn run(start: Start) -> Result<i32, UserError> {
    app::run(start).await
}

#[cfg(test)]
mod approval_tests;
#[cfg(test)]
mod docs_tests;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod isolated_tests;
#[cfg(test)]
#[path = "picture_tests.rs"]
mod picture;
#[cfg(test)]
mod replay_tests;
#[cfg(test)]
mod screens_tests;
#[cfg(test)]
mod steering_tests;
#[cfg(test)]
mod tabs_tests;
