//! The agent: a pure machine that decides, and a dull driver that performs.

mod calls;
mod cards;
mod compact;
pub mod effect;
mod ending;
mod fleet;
mod gate;
pub mod governor;
pub mod launch;
pub mod link;
pub mod machine;
mod observe;
mod prompt;
pub mod rules;
mod run;
mod steer;

pub use launch::start;
