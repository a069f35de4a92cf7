//! Renderers: events, markdown, command output, diffs and lists become rows of cells. They draw into a buffer and know
//! nothing of keys, panes or the run.

pub mod ansi;
pub mod brush;
pub mod diff;
pub mod gauge;
pub mod highlight;
pub mod items;
pub mod lines;
pub mod list;
pub mod markdown;
pub mod reading;
pub mod strip;
pub mod transcript;

pub use brush::Brush;
pub use highlight::Highlighter;
pub use reading::Reading;
pub use strip::Strip;
pub use transcript::{Scroll, Source, Transcript};
