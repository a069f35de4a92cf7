//! zwarm-tui: a person gives a long coding task to a team of agents, watches it and steers it.
//!
//! The map of the crate; read in this order:
//! [`protocol`] (the shared words) → [`fold`] (state as folds over events) → [`agent`] (the pure machine and its
//! driver) → `ui` (the screen, one client among several). The rest are leaves that do not know each other.

#[cfg(windows)]
compile_error!("zwarm-tui needs a Unix system (Linux or macOS): process groups and signals carry it");

pub mod agent;
pub mod cli;
pub mod commands;
pub mod companions;
pub mod config;
pub mod error;
pub mod executors;
pub mod fold;
pub mod git;
pub mod headless;
pub mod llm;
pub mod logging;
pub mod paths;
pub mod process;
pub mod protocol;
pub mod store;
pub mod text;
pub mod tools;
#[cfg(feature = "tui")]
pub mod ui;
pub mod watchers;
