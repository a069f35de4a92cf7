//! Approvals: an executor asks for leave, the human or the configuration answers, the executor is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    config::Approval,
    executors::{ApprovalRequest, Decision, Order},
    protocol::{
        InboxId, SessionId,
        event::{Choice, InboxKind},
    },
    text::{seen, seen_command},
};

use super::{
    cards::choice,
    effect::{Effect, Timer},
    machine::Machine,
};

/// Seconds after which the demo answers an approval itself.
const DEMO_ANSWERS_AFTER: Duration = Duration::from_secs(5);
/// Paths outside of the run's directories that are remembered as allowed.
const MAX_GRANTED: usize = 10_000;

/// What executors have asked.
#[derive(Debug, Default)]
pub(super) struct Asks {
    /// Open ones: the session and the wire's own id of the request.
    pub open: BTreeMap<InboxId, (SessionId, String)>,
    /// Paths outside of the run's directories that the human has allowed to a session.
    granted: BTreeSet<(SessionId, String)>,
}

impl Asks {
    /// The paths that the human has not allowed to this session.
    pub(super) fn not_granted(&self, id: SessionId, paths: &[String]) -> Vec<String> {
        let known = |path: &&String| self.granted.contains(&(id, (*path).clone()));
        paths.iter().filter(|path| !known(path)).cloned().collect()
    }
}

/// For an approval of an executor.
pub(super) fn approval_choices() -> Vec<Choice> {
    vec![
        choice("accept", 'c', "accept", false),
        choice("accept_for_session", 'w', "accept for this session", false),
        choice("decline", 'r', "decline with a reason", true),
        choice("cancel", 'x', "cancel (interrupts the turn)", false),
    ]
}

/// What the card shows. Nothing in it is out of sight; the diff, which may be long, comes last.
fn detail(request: &ApprovalRequest) -> serde_json::Value {
    let command =
        if request.kind == "file_change" { seen(&request.command) } else { seen_command(&request.command) };
    let outside: Vec<_> = request.outside.iter().map(|path| seen_command(path)).collect();
    serde_json::json!({
        "kind": request.kind, "command": command, "cwd": seen_command(&request.cwd),
        "reason": seen(&request.reason), "outside": outside, "diff": seen(&request.diff), "request": request.key,
    })
}

impl Machine {
    /// An executor asks for leave.
    pub(super) fn asked(&mut self, id: SessionId, request: ApprovalRequest) {
        let key = request.key.clone();
        let Some(session) = self.state.sessions.get(id) else { return };
        let title = match request.kind.as_str() {
            "shell" => format!("{} wants to run a command", session.short_id),
            "file_change" => format!("{} wants to change files", session.short_id),
            _ => format!("{} asks for leave", session.short_id),
        };
        let detail = detail(&request);
        let asks_paths = session.who.adapter == "claude";
        let inbox = self.open_card(InboxKind::Approval, Some(id), &title, detail, approval_choices());
        self.fleet.asks.open.insert(inbox, (id, key));
        match self.rules.approval() {
            Approval::Accept if asks_paths && !request.outside.is_empty() => {
                let paths = request.outside.join("', '");
                let reason = format!("'{paths}' is outside of what the run may use, or decides what runs");
                self.answer_approval(inbox, "decline", Some(reason), "config");
            }
            Approval::Accept => self.answer_approval(inbox, "accept", None, "config"),
            Approval::Never => {
                let reason = Some("no human is present".to_owned());
                self.answer_approval(inbox, "decline", reason, "config");
            }
            Approval::OnRequest | Approval::Untrusted if !self.rules.human_present() && !self.rules.demo => {
                let reason = Some("no human is present".to_owned());
                self.answer_approval(inbox, "decline", reason, "config");
            }
            Approval::OnRequest | Approval::Untrusted => {
                if self.rules.demo {
                    self.out.push(Effect::SetTimer(Timer::Demo(inbox), DEMO_ANSWERS_AFTER));
                }
                self.wake_waiters(Some(id), "session");
            }
        }
    }

    /// The executor has withdrawn its request.
    pub(super) fn ask_dropped(&mut self, id: SessionId, key: &str) {
        let dropped = |(_, asked): &(&InboxId, &(SessionId, String))| asked.0 == id && asked.1 == key;
        if let Some(inbox) = self.fleet.asks.open.iter().find(dropped).map(|(inbox, _)| *inbox) {
            self.fleet.asks.open.remove(&inbox);
            self.close_card(inbox, "cancel", None, "dropped");
        }
    }

    /// Open requests of a session are void: its turn is over.
    pub(super) fn drop_asks(&mut self, id: SessionId) {
        let own: Vec<_> =
            self.fleet.asks.open.iter().filter(|(_, asked)| asked.0 == id).map(|(i, _)| *i).collect();
        for inbox in own {
            self.fleet.asks.open.remove(&inbox);
            self.close_card(inbox, "cancel", None, "dropped");
        }
    }

    pub(super) fn demo_answers(&mut self, inbox: InboxId) {
        if self.fleet.asks.open.contains_key(&inbox) {
            self.answer_approval(inbox, "accept", None, "config");
        }
    }

    pub(super) fn answer_approval(&mut self, inbox: InboxId, choice: &str, reason: Option<String>, by: &str) {
        let decision = match choice {
            "accept" => Decision::Accept,
            "accept_for_session" => Decision::AcceptForSession,
            "cancel" => Decision::Cancel,
            _ => Decision::Decline,
        };
        if by == "human" && matches!(decision, Decision::Accept | Decision::AcceptForSession) {
            self.grant_paths(inbox);
        }
        self.close_card(inbox, choice, reason.clone(), by);
        if let Some((session, key)) = self.fleet.asks.open.remove(&inbox) {
            self.out.push(Effect::Order(session, Order::Answer { key, decision, reason }));
        }
    }

    /// What the human has seen on a card and allowed is not told as a problem when it happens.
    fn grant_paths(&mut self, inbox: InboxId) {
        let Some((opened, id)) = self.state.inbox.get(inbox).and_then(|o| Some((o, o.session?))) else {
            return;
        };
        let paths = opened.detail["outside"].as_array().into_iter().flatten();
        let paths: Vec<_> = paths.filter_map(|path| path.as_str().map(str::to_owned)).collect();
        if self.fleet.asks.granted.len() + paths.len() <= MAX_GRANTED {
            self.fleet.asks.granted.extend(paths.into_iter().map(|path| (id, path)));
        }
    }
}
