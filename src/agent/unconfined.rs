//! Executors that would work without any confinement (claude with `executor.sandbox: danger-full-access`): where a
//! human is there, the first turn of a launch waits for leave. Headless the key itself is the leave: it can only be
//! written by the user, or by a project that the user trusts.

use crate::{
    config::Sandbox,
    protocol::{
        InboxId, SessionId,
        event::{Choice, InboxKind},
    },
};

use super::machine::Machine;

/// The human's word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Leave {
    #[default]
    NotAsked,
    Asked(InboxId),
    Given,
    /// Sessions are confined to their directories instead.
    Refused,
}

fn choices() -> Vec<Choice> {
    let choice = |id: &str, key: char, label: &str| Choice {
        id: id.to_owned(),
        key,
        label: label.to_owned(),
        wants_text: false,
    };
    vec![
        choice("accept", 'c', "let it, and every further one of this run"),
        choice("decline", 'r', "keep it to its directory (workspace-write)"),
    ]
}

impl Machine {
    /// Whether a session's turns must wait for the human's word; opens the card the first time.
    pub(super) fn waits_for_leave(&mut self, id: SessionId) -> bool {
        if !self.rules.human_present() || self.rules.demo || !self.unconfined(id) {
            return false;
        }
        match self.fleet.parked.leave {
            Leave::Given | Leave::Refused => false,
            Leave::Asked(_) => true,
            Leave::NotAsked => {
                let Some(session) = self.state.sessions.get(id) else { return false };
                let title = format!("{} would work without any confinement", session.short_id);
                let detail = serde_json::json!({
                    "kind": "unconfined", "command": "claude --permission-mode bypassPermissions",
                    "cwd": session.who.working_dir,
                    "reason": "executor.sandbox is danger-full-access: it may change everything that you can, and \
                               asks nothing",
                });
                let inbox = self.open_card(InboxKind::Approval, None, &title, detail, choices());
                self.fleet.parked.leave = Leave::Asked(inbox);
                self.wake_waiters(None, "human");
                true
            }
        }
    }

    /// The human has answered that card.
    pub(super) fn leave_answered(&mut self, inbox: InboxId, choice: &str) {
        if self.fleet.parked.leave == Leave::Asked(inbox) {
            self.fleet.parked.leave = if choice == "accept" { Leave::Given } else { Leave::Refused };
        }
    }

    /// How a session is confined.
    pub(super) fn sandbox(&self, id: SessionId) -> Sandbox {
        match self.fleet.parked.leave {
            Leave::Refused if self.unconfined(id) => Sandbox::WorkspaceWrite,
            _ => self.rules.config.executor.sandbox,
        }
    }

    fn unconfined(&self, id: SessionId) -> bool {
        let asked = |adapter: &str| adapter == "claude";
        self.rules.config.executor.sandbox == Sandbox::DangerFullAccess
            && self.state.sessions.get(id).is_some_and(|session| asked(&session.who.adapter))
    }
}
