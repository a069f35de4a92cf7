//! The orchestrator's tools, purely: what is offered, a call parsed into data, a result printed as JSON. Names,
//! parameters and result keys are the reference's where it has them (CONTRACT §4.2). Doing is the agent's.

mod parse;
mod results;
mod specs;

pub use parse::parse;
pub use results::{
    cannot_converse, check_session, converse_ended, converse_started, delegate_ended, delegate_started,
    list_sessions, session_ended, session_merged, trajectory, unknown_session, wait_result,
};
pub use specs::{NAMES, specs};

use crate::protocol::event::Mode;

/// A call, understood.
#[derive(Clone, Debug, PartialEq)]
pub enum Parsed {
    Delegate(Delegate),
    Converse(Converse),
    CheckSession { session_id: String },
    GetTrajectory { session_id: String, full: bool, last: usize },
    EndSession(EndSession),
    ListSessions { status: Option<String> },
    Wait { session_ids: Option<Vec<String>>, timeout_seconds: u64 },
    Sleep { seconds: u64 },
    Bash(Bash),
    Chat { message: String, wait: bool },
    Exit { exit_message: String },
}

impl Parsed {
    /// Whether it does something outside that a crash could leave half done: it is recorded on disk first.
    pub fn touches_the_world(&self) -> bool {
        matches!(
            self,
            Self::Delegate(_) | Self::Converse(_) | Self::Bash(_) | Self::EndSession(_) | Self::Exit { .. }
        )
    }
}

/// Start a session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delegate {
    pub task: String,
    /// `None`: the configuration's `orchestrator.sync_first` decides.
    pub mode: Option<Mode>,
    pub adapter: Option<String>,
    pub model: Option<String>,
    pub working_dir: Option<String>,
}

/// Say something to a session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Converse {
    pub session_id: String,
    pub message: String,
    pub mode: Option<Mode>,
}

/// End a session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndSession {
    pub session_id: String,
    /// `completed`, `failed` or `cancelled`.
    pub verdict: String,
    pub summary: Option<String>,
}

/// Run a command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bash {
    pub command: String,
    pub cwd: Option<String>,
    pub timeout_seconds: u64,
}
