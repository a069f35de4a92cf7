//! Parts of the run view. Each draws itself from a run into an area.

pub mod composer;
pub mod header;
pub mod sessions;
pub mod status;
pub mod texts;
pub mod watchers;
