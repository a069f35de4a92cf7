//! Launching an instance: what a client says to start or resume one, and what it gets back.

use std::path::PathBuf;

use tokio::task::JoinHandle;

use super::link::Link;
use crate::{
    config::Config,
    error::UserError,
    protocol::event::{RunKind, UsageTotals},
};

/// What to start.
#[derive(Clone, Debug)]
pub struct Launch {
    pub config: Config,
    /// An existing, writable directory, absolute.
    pub working_dir: PathBuf,
    pub what: What,
    pub kind: RunKind,
    pub demo: bool,
    /// Whether a human can answer (screen) or not (headless).
    pub human: Human,
    /// Secrets by variable (environment and `.env`), for the providers and for redaction.
    pub secrets: Vec<(String, String)>,
    /// Variables by name (environment, over it `.env`), for base URLs and the like.
    pub variables: std::collections::BTreeMap<String, String>,
}

/// A new instance, or one that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    New {
        task: String,
        name: Option<String>,
    },
    /// The instance's folder; a further task where it ended by `exit`.
    Resume {
        dir: PathBuf,
        task: Option<String>,
    },
}

/// Who is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Human {
    /// The screen.
    Present,
    /// Headless: what would wait ends the run instead; see PRODUCT §1.
    Absent {
        /// `--on-pause continue`.
        continue_on_pause: bool,
        /// `--max-wait`, in seconds.
        max_wait_seconds: u64,
    },
}

/// A started instance.
#[derive(Debug)]
pub struct Running {
    pub link: Link,
    /// Ends when the run has ended, everything is saved and no child is left.
    pub done: JoinHandle<Ended>,
}

/// How a launch ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// As in `run_finished`.
    pub stopped_by: String,
    pub exit_code: i32,
    pub exit_message: String,
    pub usage: UsageTotals,
    /// The command that resumes it; `None` where there is nothing to resume.
    pub resume_hint: Option<String>,
}

/// Starts an instance: loads, recovers and locks it, and runs it on a task of its own.
pub async fn start(launch: Launch) -> Result<Running, UserError> {
    super::open::start(launch).await
}
