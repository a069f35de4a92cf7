//! The agent: a pure machine that decides, and a dull driver that performs.

mod ask;
mod calls;
mod cards;
mod compact;
mod compress;
mod demo;
mod driver;
pub mod effect;
mod ending;
mod fleet;
mod found;
mod gate;
pub mod governor;
mod isolate;
mod judge;
pub mod launch;
pub mod link;
pub mod look;
pub mod machine;
mod observe;
mod open;
mod outside;
mod post;
mod prompt;
pub mod replay;
pub mod rules;
mod run;
mod steer;
mod summary;
mod talk;
pub mod trees;

pub use launch::start;
