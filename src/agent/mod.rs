//! The agent: a pure machine that decides, and a dull driver that performs.

pub mod launch;
pub mod link;

pub use launch::start;
