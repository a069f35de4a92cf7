//! The configuration: plain structs with their defaults. Reading it from files is [`load`]'s, judging it [`check`]'s.
//!
//! Names, keys and defaults are the reference's where it has them; every key works or does not exist. The shape of
//! the file decides the shape of the structs: one field a key.

mod budget;
pub mod check;
mod document;
mod executor;
mod layer;
pub mod load;
pub mod names;
mod orchestrator;
mod reference;
mod services;
mod shown;
mod suggest;
pub mod trust;
mod ui;
mod watchers;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use budget::{Budget, Limits, OnLimit, Pause, PauseExecutors, PerSession};
pub use executor::{AcpExecutor, Approval, Executor, Isolation, Sandbox};
pub use load::{Loaded, Sources, load};
pub use orchestrator::{
    Bash, Compaction, CompactionMode, Compressor, Orchestrator, Sandboxing, TcCompression,
};
pub use services::{Otel, Provider, Weave};
pub use shown::shown;
pub use suggest::closest;
pub use ui::{Icons, Notify, StartFocus, Ui};
pub use watchers::{WatcherEntry, Watchers};

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub orchestrator: Orchestrator,
    pub executor: Executor,
    /// ACP agents by name: each becomes an adapter.
    pub executors: BTreeMap<String, AcpExecutor>,
    pub watchers: Watchers,
    pub budget: Budget,
    pub pause: Pause,
    pub limits: Limits,
    /// Model servers by name, beside the built-in `openai`, `anthropic`, `scripted`.
    pub providers: BTreeMap<String, Provider>,
    pub ui: Ui,
    pub otel: Otel,
    pub weave: Weave,
    /// Command that is run (by `bash -lc`) with a JSON object on its stdin when something needs the human.
    pub notify_command: Option<String>,
    /// Name of the state folder below the working directory.
    pub state_dir: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            orchestrator: Orchestrator::default(),
            executor: Executor::default(),
            executors: BTreeMap::new(),
            watchers: Watchers::default(),
            budget: Budget::default(),
            pause: Pause::default(),
            limits: Limits::default(),
            providers: BTreeMap::new(),
            ui: Ui::default(),
            otel: Otel::default(),
            weave: Weave::default(),
            notify_command: None,
            state_dir: ".zwarm".to_owned(),
        }
    }
}
