//! Budgets and limits in the real program: caps that stop a turn in the middle of its stream, turns that go on after a
//! raise, sleeping until a limit is over. The real codex and claude where they are there; only the models are scripted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod caps;
mod limits;
mod measured;
mod steering;
mod streaming;
mod woken;
mod world;
