//! The agent: a pure machine that decides, and a dull driver that performs.

mod calls;
mod cards;
mod compact;
mod demo;
mod driver;
pub mod effect;
mod ending;
mod fleet;
mod gate;
pub mod governor;
mod isolate;
pub mod launch;
pub mod link;
pub mod look;
pub mod machine;
mod observe;
mod open;
mod post;
mod prompt;
pub mod rules;
mod run;
mod steer;
mod talk;
pub mod trees;

pub use launch::start;
