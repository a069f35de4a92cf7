//! The claude adapter with the real CLI (`ZWARM_TEST_CLAUDE`: the path of the native program) against the scripted
//! model server.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "../support/mod.rs"]
mod support;

mod ending;
mod forks;
mod turns;
mod world;
