//! The nudges and how far each has come: queued, sent, seen.

use serde::{Deserialize, Serialize};

use crate::protocol::{
    Body, Event, NudgeId, NudgeTarget,
    event::{Human, SentHow},
};

/// Finished nudges that are kept to be shown.
const KEPT: usize = 50;

/// All nudges that are not finished, and the newest finished ones, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Nudges {
    pub all: Vec<Nudge>,
}

/// How far a nudge has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    #[default]
    Queued,
    Sent(SentHow),
    /// At this step (orchestrator) or turn (session).
    Seen(u32),
    Withdrawn(String),
}

/// One nudge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nudge {
    pub id: NudgeId,
    pub target: NudgeTarget,
    pub text: String,
    /// `human` or `watcher:NAME`.
    pub by: String,
    pub stage: Stage,
}

impl Nudges {
    /// One nudge.
    pub fn get(&self, id: NudgeId) -> Option<&Nudge> {
        self.all.iter().find(|nudge| nudge.id == id)
    }

    /// Those that wait for a target, oldest first.
    pub fn queued(&self, target: NudgeTarget) -> impl Iterator<Item = &Nudge> {
        self.all.iter().filter(move |nudge| nudge.target == target && nudge.stage == Stage::Queued)
    }

    /// Those that went into the history and that the model has not answered to yet, oldest first.
    pub fn sent_to_orchestrator(&self) -> impl Iterator<Item = NudgeId> {
        let sent = |nudge: &&Nudge| {
            nudge.target == NudgeTarget::Orchestrator && nudge.stage == Stage::Sent(SentHow::Step)
        };
        self.all.iter().filter(sent).map(|nudge| nudge.id)
    }

    /// Follows one event.
    pub fn apply(&mut self, event: &Event) {
        let Body::Human(body) = &event.body else { return };
        match body {
            Human::NudgeQueued(queued) => {
                let (id, target) = (queued.nudge_id, queued.target);
                let (text, by) = (queued.text.clone(), queued.by.clone());
                self.all.push(Nudge { id, target, text, by, stage: Stage::Queued });
            }
            Human::NudgeChanged(changed) => {
                self.with(changed.nudge_id, |nudge| nudge.text.clone_from(&changed.text))
            }
            Human::NudgeSent(sent) => self.with(sent.nudge_id, |nudge| nudge.stage = Stage::Sent(sent.how)),
            Human::NudgeSeen(seen) => {
                self.with(seen.nudge_id, |nudge| {
                    nudge.stage = Stage::Seen(seen.step.or(seen.turn).unwrap_or(0))
                });
                self.forget_old();
            }
            Human::NudgeWithdrawn(gone) => {
                self.with(gone.nudge_id, |nudge| nudge.stage = Stage::Withdrawn(gone.why.clone()));
                self.forget_old();
            }
            Human::InboxOpened(_) | Human::InboxClosed(_) | Human::CommandReceived(_) => {}
        }
    }

    fn with(&mut self, id: NudgeId, change: impl FnOnce(&mut Nudge)) {
        if let Some(nudge) = self.all.iter_mut().rev().find(|nudge| nudge.id == id) {
            change(nudge);
        }
    }

    fn forget_old(&mut self) {
        let finished = |nudge: &Nudge| matches!(nudge.stage, Stage::Seen(_) | Stage::Withdrawn(_));
        if self.all.iter().filter(|nudge| finished(nudge)).count() > KEPT
            && let Some(at) = self.all.iter().position(finished)
        {
            self.all.remove(at);
        }
    }
}
