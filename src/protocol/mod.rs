//! The shared words: plain data that every other module speaks. Serde only; no IO, no async, no clock.
//!
//! Read in this order: [`ids`], [`item`], [`usage`], [`event`], [`command`], [`scenario`].

pub mod command;
pub mod event;
pub mod ids;
pub mod item;
pub mod live;
pub mod scenario;
pub mod tool;
pub mod tree;
pub mod usage;

pub use command::{Command, NudgeTarget, Reply, Sender};
pub use event::{Body, Event, Recorded, Stamp};
pub use ids::{InboxId, InstanceId, NudgeId, SessionId};
pub use item::{Item, ToolCall, Wire};
pub use live::{Notice, Pos, Published, StreamKey};
pub use tool::ToolSpec;
pub use usage::Usage;
