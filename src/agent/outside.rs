//! What an executor touched that it should not have: told as problems. Nothing is undone.

use crate::protocol::SessionId;

use super::{effect::Changed, machine::Machine};

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
    pub(super) fn changed_guarded(&mut self, id: SessionId, turn: u32, found: &Changed) {
        let hint = "look at them before anything else is started here";
        if !found.own.is_empty() {
            let message =
                format!("in turn {turn} it changed files that decide what runs: {}", named(&found.own));
            self.session_problem(id, &message, hint);
        }
        if found.unknown.is_empty() {
            return;
        }
        let others: Vec<_> = found.others.iter().filter_map(|id| self.state.sessions.get(*id)).collect();
        let others: Vec<_> = others.iter().map(|session| session.short_id.as_str()).collect();
        let also = match others.is_empty() {
            true => String::new(),
            false => format!(" ({} worked there too)", others.join(", ")),
        };
        let paths = named(&found.unknown);
        let message = format!("while turn {turn} ran{also}, files changed that decide what runs: {paths}");
        self.session_problem(id, &message, hint);
    }
}

fn named(paths: &[String]) -> String {
    let shown: Vec<_> = paths.iter().take(NAMED).map(|path| format!("'{path}'")).collect();
    match paths.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
