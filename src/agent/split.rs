//! A session is forked: a new one goes on from its conversation, and it stays as it is.
//!
//! Without a worktree both work in the same directory. From a worktree the fork gets one of its own, which begins with
//! all that lies in the first, committed or not, and whose work goes where that of the first would go: it is another
//! way to the same end. (claude finds a conversation from every worktree of its repository.)

use std::path::PathBuf;

use crate::{
    fold::sessions::Session,
    protocol::{
        SessionId,
        event::{By, ForkedFrom, Mode},
    },
};

use super::{
    effect::{Checked, Effect, Refusal},
    fleet::{ByHand, NewSession},
    machine::Machine,
};

/// A sentence and a hint.
type Refused = (String, String);

impl Machine {
    /// The human wants a session forked.
    pub(super) fn fork(&mut self, id: SessionId, prompt: String) {
        if let Err((error, hint)) = self.try_fork(id, prompt) {
            self.problem("session", &error, &hint);
        }
    }

    fn try_fork(&mut self, id: SessionId, prompt: String) -> Result<(), Refused> {
        let session = self.forkable(id, &prompt)?;
        let cwd = PathBuf::from(&session.who.working_dir);
        match session.who.isolated.clone() {
            None => self.open_fork(id, prompt, Checked { cwd, tree: None }),
            Some(isolated) => {
                // Before anything is made: what would be refused afterwards anyway.
                let adapter = session.who.adapter.clone();
                self.choose_adapter(Some(&adapter), None)?;
                self.session_budget()?;
                let key = format!("fork-{}", self.new_id());
                self.fleet.by_hand.insert(key.clone(), ByHand { adapter: None, prompt, fork_of: Some(id) });
                let (dir, short_id) = (Some(cwd.display().to_string()), self.next_short_id());
                let fork_of = Some(Box::new(isolated.tree));
                self.out.push(Effect::CheckDir { key, dir, short_id, fork_of });
                Ok(())
            }
        }
    }

    fn forkable(&self, id: SessionId, prompt: &str) -> Result<&Session, Refused> {
        let Some(session) = self.state.sessions.get(id) else {
            return Err(("there is no such session".to_owned(), String::new()));
        };
        let short = &session.short_id;
        if prompt.trim().is_empty() {
            return Err((format!("a fork of {short} needs a prompt"), String::new()));
        }
        if session.who.native_id.is_none() || session.last.is_none() {
            let hint = "wait for the end of its first turn".to_owned();
            return Err((format!("{short} has no conversation yet that could be forked"), hint));
        }
        if session.who.isolated.as_ref().is_some_and(|isolated| isolated.is_removed()) {
            return Err((format!("the worktree of {short} is removed"), "start a new session".to_owned()));
        }
        Ok(session)
    }

    /// The worktree of a fork is made.
    pub(super) fn forked(&mut self, id: SessionId, prompt: String, result: Result<Checked, Refusal>) {
        let opened = result.map_err(|refusal| (refusal.error, refusal.hint)).and_then(|checked| {
            let tree = checked.tree.clone();
            self.open_fork(id, prompt, checked).inspect_err(|_| self.unused(tree))
        });
        if let Err((error, hint)) = opened {
            self.problem("session", &error, &hint);
        }
    }

    fn open_fork(&mut self, id: SessionId, task: String, checked: Checked) -> Result<(), Refused> {
        let session = self.forkable(id, &task)?;
        let native_id = session.who.native_id.clone().unwrap_or_default();
        let turns = session.last.as_ref().map_or(0, |last| last.number);
        let (adapter, model) = (session.who.adapter.clone(), session.who.model.clone());
        let adapter = self.choose_adapter(Some(&adapter), None)?;
        self.session_budget()?;
        let parent = Some(ForkedFrom { session: id, native_id, turns });
        let Checked { cwd, tree } = checked;
        let (mode, by) = (Mode::Async, By::Human);
        self.open_session(NewSession { adapter, model, cwd, task, mode, by, tree, parent });
        Ok(())
    }
}
