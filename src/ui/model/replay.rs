//! A run as it stood after one of its steps: a second [`RunModel`], filled with the beginning of the journal, which is
//! shown instead of the present one. Panes, session view, ledger and budgets show it as they show any run; nothing can
//! be asked of it.

use std::{fmt, ops::ControlFlow};

use super::{Model, RunModel};
use crate::{
    protocol::{Body, Event, InstanceId, event::Run},
    store::Reader,
    ui::msg::{Access, Now, Opened},
};

/// What is looked back at.
pub struct Replay {
    /// Whose past.
    pub id: InstanceId,
    /// After this step; 0: before the first.
    pub step: u32,
    /// `None`: it is read for the first time.
    pub run: Option<Box<RunModel>>,
    /// The step that is being read; one at a time.
    pub reading: Option<u32>,
}

impl Replay {
    /// `after step 7`, `before step 1`.
    pub fn when(&self) -> String {
        if self.step == 0 { "before step 1".to_owned() } else { format!("after step {}", self.step) }
    }
}

impl fmt::Debug for RunModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunModel").field("id", &self.id).finish_non_exhaustive()
    }
}

impl RunModel {
    /// The same run without an event yet, to be filled by [`RunModel::read_until`].
    pub fn emptied(&self) -> Self {
        let opened = Opened {
            id: self.id,
            name: self.name.clone(),
            dir: self.dir.clone(),
            working_dir: self.working_dir.clone(),
            access: Access::Past,
            tails: None,
            draft: String::new(),
        };
        self.texts.like(opened)
    }

    /// Follows the journal up to where the step behind `step` begins. Reads the file: not for the loop.
    ///
    /// # Errors
    /// Why the journal cannot be read, in words.
    pub fn read_until(&mut self, step: u32) -> Result<(), String> {
        let later = |event: &Event| match &event.body {
            Body::Run(Run::StepStarted(started)) => started.step > step,
            _ => false,
        };
        let reader = Reader::open(&self.dir).map_err(|error| error.to_string())?;
        let each = &mut |pos, event: Result<Event, _>| match event {
            Ok(event) if later(&event) => ControlFlow::Break(()),
            Ok(event) => {
                self.follow_event(&pos, &event);
                ControlFlow::Continue(())
            }
            Err(_) => ControlFlow::Continue(()),
        };
        reader.scan(0, each).map(|_| ()).map_err(|error| error.to_string())
    }

    /// It is looked at as `other` was.
    pub fn looks_like(&mut self, other: &Self) {
        let newest = self.look.selected;
        self.look = other.look.clone();
        (self.look.search, self.look.typing) = (None, false);
        if self.look.selected.is_none_or(|id| self.folds.sessions.get(id).is_none()) {
            (self.look.selected, self.look.pinned) = (newest, false);
        }
    }
}

impl Model {
    /// What is looked back at, while it is shown.
    pub fn past(&self) -> Option<(&Replay, &RunModel)> {
        let replay = self.replay.as_ref().filter(|replay| Some(replay.id) == self.shown)?;
        Some((replay, replay.run.as_deref()?))
    }

    /// The time for what is drawn: of the past, that of its newest event.
    pub fn time(&self, now: Now) -> Now {
        let wall = self.past().and_then(|(_, run)| run.folds.at).unwrap_or(now.wall);
        Now { wall, ..now }
    }
}
