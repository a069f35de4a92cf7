//! The screen (feature `tui`): one client of an instance among several.

pub mod render;
pub mod theme;
