//! Sessions in worktrees of their own: where a session works, and how its work comes back. (Git itself: the driver.)
//!
//! The orchestrator has one word for it: `end_session` with the verdict `completed` merges, and ends the session only
//! when that went well. The human has keep, merge and discard. What nobody decides stays where it is and is listed.

use std::path::PathBuf;

use serde_json::json;

use crate::{
    fold::sessions::{Doing, Session},
    protocol::{
        SessionId,
        event::{By, Mode, SessionChanged},
        tree::{Outcome, Settle, Settled, Tree},
    },
    tools,
};

use super::{
    calls::On,
    effect::{Checked, Effect, Refusal},
    fleet::{ByHand, NewSession},
    machine::Machine,
};

/// Characters of a task in the first line of a commit.
const TITLE: usize = 60;

impl Machine {
    /// The real directory of a `delegate` (or of a session by hand) is known, its worktree is made.
    pub(super) fn dir_checked(&mut self, key: &str, result: Result<Checked, Refusal>) {
        match self.fleet.by_hand.remove(key) {
            Some(ByHand { prompt, fork_of: Some(id), .. }) => return self.forked(id, prompt, result),
            Some(ByHand { adapter, prompt, .. }) => return self.spawned_by_hand(adapter, prompt, result),
            None => {}
        }
        let Some(call) = self.calls.running.get_mut(key) else { return };
        let On::Directory(delegate) = std::mem::replace(&mut call.on, On::Journal) else { return };
        match self.open_delegation(&delegate, result) {
            Err((error, hint)) => {
                let error = json!({ "success": false, "error": error, "hint": hint });
                self.give_result(key, Err(error));
            }
            Ok(session) => self.delegated(key, session),
        }
    }

    fn open_delegation(
        &mut self,
        delegate: &tools::Delegate,
        checked: Result<Checked, Refusal>,
    ) -> Result<SessionId, (String, String)> {
        let Checked { cwd, tree } = checked.map_err(|refusal| (refusal.error, refusal.hint))?;
        let opened =
            self.choose_adapter(delegate.adapter.as_deref(), delegate.model.as_deref()).and_then(|adapter| {
                self.session_budget()?;
                Ok(adapter)
            });
        let wanted = opened.inspect_err(|_| self.unused(tree.clone()))?;
        let first = if self.rules.config.orchestrator.sync_first { Mode::Sync } else { Mode::Async };
        let mode = delegate.mode.unwrap_or(first);
        let model = self.rules.session_model(&wanted, delegate.model.clone());
        let task = delegate.task.clone();
        let by = By::Orchestrator;
        let new = NewSession { adapter: wanted.clone(), model, cwd, task, mode, by, tree, parent: None };
        let Some((adapter, until)) = self.fallback(&wanted) else { return Ok(self.open_session(new)) };
        let until = self.now.stamp.tell(&until.to_string());
        let message = format!("'{wanted}' is limited until {until}: this goes to '{adapter}'");
        // A model's name is one vendor's.
        let id = self.open_session(NewSession { adapter, model: None, ..new });
        self.session_problem(id, &message, "limits.fallback_adapter says so");
        Ok(id)
    }

    /// A worktree for a session that is not opened after all.
    pub(super) fn unused(&mut self, tree: Option<Tree>) {
        if let Some(tree) = tree {
            let how = Settle::Tidy;
            self.out.push(Effect::Settle { session: None, tree: Box::new(tree), how, title: String::new() });
        }
    }

    /// Records the worktree of a session that has just been opened.
    pub(super) fn note_tree(&mut self, id: SessionId, tree: Tree) {
        let (branch, worktree) = (Some(tree.branch.clone()), Some(tree.worktree.clone()));
        self.record_for(
            id,
            SessionChanged { branch, worktree, tree: Some(tree), ..SessionChanged::default() },
        );
    }

    /// The human wants something done with the work of a session.
    pub(super) fn settle_by_human(&mut self, id: SessionId, how: Settle) {
        let how = if how == Settle::Tidy { Settle::Keep } else { how };
        if let Err((error, hint)) = self.settle(id, how) {
            self.problem("session", &error, &hint);
        }
    }

    /// `end_session` with the verdict `completed`. True: the call waits for the merge (or has got its answer).
    pub(super) fn merge_at_end(&mut self, call_id: &str, id: SessionId, end: &tools::EndSession) -> bool {
        let Some(session) = self.state.sessions.get(id) else { return false };
        let open = session.who.isolated.as_ref().is_some_and(crate::fold::sessions::Isolated::is_open);
        if !open || end.verdict != "completed" || session.doing == Doing::Ended {
            return false;
        }
        match self.settle(id, Settle::Merge) {
            Ok(()) => {
                if let Some(call) = self.calls.running.get_mut(call_id) {
                    call.on = On::Settling(id, Box::new(end.clone()));
                }
            }
            Err((error, hint)) => {
                let error =
                    json!({ "success": false, "error": error, "session_id": id.to_string(), "hint": hint });
                self.give_result(call_id, Err(error));
            }
        }
        true
    }

    fn settle(&mut self, id: SessionId, how: Settle) -> Result<(), (String, String)> {
        let Some(session) = self.state.sessions.get(id) else {
            return Err(("there is no such session".to_owned(), String::new()));
        };
        let short = session.short_id.clone();
        let Some(isolated) = session.who.isolated.as_ref().filter(|isolated| !isolated.is_removed()) else {
            let hint = "executor.isolation: worktree gives new sessions one".to_owned();
            return Err((format!("{short} has no worktree of its own"), hint));
        };
        let (tree, title) = (isolated.tree.clone(), title(session));
        if let Some(busy) = self.at_work_in(&tree).filter(|_| how != Settle::Keep) {
            return Err((format!("{busy} is still at work"), "wait for it, or interrupt it".to_owned()));
        }
        if self.fleet.settling.contains_key(&id) {
            return Err((format!("the work of {short} is being settled already"), "wait for it".to_owned()));
        }
        self.fleet.settling.insert(id, how);
        if how == Settle::Discard && self.state.sessions.get(id).is_some_and(|s| s.doing != Doing::Ended) {
            self.complete_session(id, "cancelled", Some("its work was discarded".to_owned()));
        }
        self.out.push(Effect::Sync);
        self.out.push(Effect::Settle { session: Some(id), tree: Box::new(tree), how, title });
        Ok(())
    }

    /// A session whose turn runs (or is about to) in a worktree: its own, or one that was forked from it.
    fn at_work_in(&self, tree: &Tree) -> Option<String> {
        let inside = |session: &&Session| PathBuf::from(&session.who.working_dir).starts_with(&tree.worktree);
        let busy = |session: &&Session| session.turn.is_some();
        self.state.sessions.all.iter().filter(inside).find(busy).map(|session| session.short_id.clone())
    }

    /// How it went.
    pub(super) fn settled(&mut self, id: SessionId, settled: Settled, tree: Option<Tree>) {
        let how = self.fleet.settling.remove(&id);
        if how != Some(Settle::Tidy) {
            self.fleet.tidied.remove(&id);
        }
        // Tidying that left it as it was decides nothing about the work.
        if how != Some(Settle::Tidy) || settled.removed {
            let branch = None;
            let work = Some(settled.clone());
            self.record_for(id, SessionChanged { branch, work, tree, ..SessionChanged::default() });
            self.out.push(Effect::Sync);
        }
        for call_id in self.calls.ids(|on| matches!(on, On::Settling(session, _) if *session == id)) {
            self.give_settled(&call_id, id, &settled);
        }
        self.tidy(id, false);
    }

    fn give_settled(&mut self, call_id: &str, id: SessionId, settled: &Settled) {
        let Some(call) = self.calls.running.get_mut(call_id) else { return };
        let On::Settling(_, end) = std::mem::replace(&mut call.on, On::Journal) else { return };
        if settled.is_done() {
            self.complete_session(id, &end.verdict, end.summary.clone());
        }
        self.fleet.tell(&self.state, id);
        let Some(session) = self.state.sessions.get(id) else { return };
        let result = tools::session_merged(session, &end, settled);
        self.give_result(call_id, result);
    }

    /// Removes the worktree of a session that has ended, where nothing is lost by that. (Git looks; this only asks.)
    /// `idle`: no turn of it ran when it was ended, so that its executor writes nothing while it leaves.
    pub(super) fn tidy(&mut self, id: SessionId, idle: bool) {
        let Some(session) = self.state.sessions.get(id) else { return };
        let Some(isolated) = &session.who.isolated else { return };
        let kept = isolated.work.as_ref().is_some_and(|work| work.outcome == Outcome::Kept);
        let over = session.doing == Doing::Ended && (idle || !self.fleet.live.contains(&id));
        let inside =
            |other: &Session| PathBuf::from(&other.who.working_dir).starts_with(&isolated.tree.worktree);
        let shared = self.state.sessions.open().any(|other| other.id != id && inside(other));
        if self.ending.is_some() || !over || kept || shared || isolated.is_removed() {
            return;
        }
        let tree = Box::new(isolated.tree.clone());
        if self.fleet.tidied.insert(id) && !self.fleet.settling.contains_key(&id) {
            self.fleet.settling.insert(id, Settle::Tidy);
            self.out.push(Effect::Settle {
                session: Some(id),
                tree,
                how: Settle::Tidy,
                title: String::new(),
            });
        }
    }

    /// Branches whose work is not in the main tree and about which nobody has decided.
    fn unmerged(&self) -> Vec<&Session> {
        let open = |session: &&Session| {
            session.last.is_some() && session.who.isolated.as_ref().is_some_and(|isolated| isolated.is_open())
        };
        self.state.sessions.all.iter().filter(open).collect()
    }

    /// The same for people; `ended`: those too whose session was ended.
    pub(super) fn unmerged_words(&self, ended: bool) -> Vec<String> {
        let words = |session: &Session| {
            let tree = &session.who.isolated.as_ref()?.tree;
            Some(format!("{}: {} in {}", session.short_id, tree.branch, tree.worktree))
        };
        let wanted = self.unmerged().into_iter().filter(|session| ended || session.doing != Doing::Ended);
        wanted.filter_map(words).collect()
    }
}

/// The first line of the session's commits.
pub(super) fn title(session: &Session) -> String {
    let task: String = crate::text::clean_line(session.task.lines().next().unwrap_or_default())
        .chars()
        .take(TITLE)
        .collect();
    format!("{} ({}): {}", session.short_id, session.who.adapter, task.trim())
}
