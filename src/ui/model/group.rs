//! Groups of the list of sessions.

/// Groups of the list of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    NeedsYou,
    Working,
    Queued,
    Done,
    Failed,
}

impl Group {
    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::NeedsYou => "Needs you",
            Self::Working => "Working",
            Self::Queued => "Queued",
            Self::Done => "Done",
            Self::Failed => "Failed",
        }
    }
}
