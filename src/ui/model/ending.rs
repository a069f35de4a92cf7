//! How a run ended, as far as it did: crashed, or saved for later.

use super::RunModel;
use crate::{protocol::event::RunState, ui::msg::Access};

impl RunModel {
    /// Nobody runs it, and it did not come to an end. Known only when its journal has been read.
    pub fn has_crashed(&self) -> bool {
        self.access == Access::ReadOnly && self.health.read && self.folds.run.end.is_none()
    }

    /// The time that its clocks show: of what has crashed, that of the newest event.
    pub fn wall(&self, now: jiff::Timestamp) -> jiff::Timestamp {
        if self.has_crashed() { self.folds.at.unwrap_or(now) } else { now }
    }

    /// `lexer is paused: zwarm-tui --resume -i a7c1e200`, for a run of this process that can go on. `here`: where the
    /// program was started.
    pub fn how_to_resume(&self, here: &std::path::Path) -> Option<String> {
        let stopped = self.folds.run.end.as_ref().map(|end| end.stopped_by.as_str());
        if self.access != Access::Ours || stopped == Some("exit") {
            return None;
        }
        let word = stopped.map_or("paused", |by| crate::store::state_word(RunState::Ended, Some(by)));
        let mut line = format!("{} is {word}: zwarm-tui --resume -i {}", self.name, self.id.short());
        if self.working_dir != here {
            line.push_str(&format!(" -w '{}'", self.working_dir.display()));
        }
        Some(crate::text::clean_line(&line).into_string())
    }
}
