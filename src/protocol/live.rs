//! What moves beside the events: where an event lies, throw-away streaming text and throw-away notices.

use std::sync::Arc;

use super::{event::Recorded, ids::SessionId};

/// Where a line lies in `events.jsonl`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct Pos {
    /// Sequence number of the event.
    pub seq: u64,
    /// Byte offset of the first byte of the line.
    pub offset: u64,
    /// Length of the line in bytes, its newline included.
    pub len: u32,
}

/// An event that is on disk, as clients receive it.
#[derive(Clone, Debug)]
pub struct Published {
    /// Where it lies.
    pub pos: Pos,
    /// What it says.
    pub recorded: Arc<Recorded>,
}

/// One stream of live text: a model call of the orchestrator (`session` is `None`, `turn` is the step) or an item
/// of an executor's turn.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamKey {
    /// `None`: the orchestrator.
    pub session: Option<SessionId>,
    /// The step, or the session's turn.
    pub turn: u32,
    /// The item within it: the wire's own item id, prefixed by its kind: `text:ID`, `reasoning:ID`, `output:ID`
    /// (a command's output) or `tool:ID`.
    pub item: String,
}

/// Tokens of model calls that stream and are not counted yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InFlight {
    pub orchestrator: u64,
    /// Millionths of a dollar of all of it, as far as prices are known.
    pub micro_usd: u64,
    /// Running turns that have spent something.
    pub sessions: std::collections::BTreeMap<SessionId, u64>,
}

impl InFlight {
    /// Tokens of all turns.
    pub fn executors(&self) -> u64 {
        self.sessions.values().sum()
    }
}

/// A throw-away message to the human.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The journal cannot be written; the run is held until it can.
    StoreFailed { message: String },
    /// The journal can be written again.
    StoreRestored,
    /// A file changed outside the directories that the run is allowed to touch, a slow client was dropped, ...
    Warning { message: String },
    /// What is in flight by estimate, beyond what the events count; it replaces what was said before.
    InFlight(InFlight),
    /// The instance has ended and its task is gone: no command will be answered any more.
    Closed,
}
