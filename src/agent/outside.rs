//! What an executor touched that it should not have: told as problems. Nothing is undone.

use crate::protocol::SessionId;

use super::machine::Machine;

/// Paths that a message names; more are counted.
const NAMED: usize = 5;

impl Machine {
    /// A file change outside of the directories that the run may use, which the human has not allowed.
    pub(super) fn wrote_outside(&mut self, id: SessionId, paths: &[String]) {
        let paths = self.fleet.asks.not_granted(id, paths);
        if paths.is_empty() {
            return;
        }
        let message = format!("it wrote outside of the directories that the run may use: {}", named(&paths));
        self.session_problem(id, &message, "look at orchestrator.allowed_dirs and executor.sandbox");
    }

    /// Files that decide what runs were changed while a turn ran.
    pub(super) fn changed_guarded(&mut self, id: SessionId, turn: u32, paths: &[String]) {
        let message = format!("while turn {turn} ran, files changed that decide what runs: {}", named(paths));
        self.session_problem(id, &message, "look at them before anything else is started here");
    }
}

fn named(paths: &[String]) -> String {
    let shown: Vec<_> = paths.iter().take(NAMED).map(|path| format!("'{path}'")).collect();
    match paths.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
