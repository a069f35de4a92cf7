//! A turn of ours, from its prompt to the last of claude's results that belong to it.

use super::results::Outcome;
use crate::{
    executors::{
        News,
        bound::{MAX_RESPONSE, cut},
    },
    protocol::event::TurnStatus,
};

/// The turn that runs.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pub(super) number: u32,
    /// What its results have said so far.
    answers: Vec<String>,
    /// Texts since the last result: what there is when it is cut.
    pub(super) said: Vec<String>,
    /// The worst of its results so far.
    pub(super) failed: Option<String>,
    /// We have asked for its end.
    pub(super) interrupted: bool,
    /// claude has said that it was cut.
    aborted: bool,
    /// A result is there; it is open for what still waits in claude's queue, and nothing has begun yet.
    pub(super) held: bool,
}

impl Turn {
    pub(super) fn new(number: u32) -> Self {
        Self { number, ..Self::default() }
    }

    /// One of claude's results.
    pub(super) fn take(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Answer(text) => {
                self.answers.push(text);
                self.said.clear();
            }
            Outcome::Aborted => self.aborted = true,
            Outcome::Failed(error) | Outcome::Limited { message: error, .. } => self.failed = Some(error),
        }
    }

    /// It is over.
    pub(super) fn end(self) -> News {
        let status = match &self.failed {
            _ if self.aborted => TurnStatus::Interrupted,
            Some(_) if self.interrupted => TurnStatus::Interrupted,
            Some(_) => TurnStatus::Failed,
            None => TurnStatus::Completed,
        };
        let completed = status == TurnStatus::Completed;
        let texts = if completed { self.answers } else { [self.answers, self.said].concat() };
        let error = self.failed.filter(|_| status == TurnStatus::Failed);
        let response = cut(&texts.join("\n\n"), MAX_RESPONSE);
        News::TurnEnded { turn: self.number, status, response, error }
    }
}
