//! Support for the integration tests: the outside, faked at the wire.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

pub mod by_hand;
pub mod codex_home;
pub mod journal;
mod left_out;
pub mod marks;
pub mod model_server;
pub mod place;
pub mod sessions;

pub use left_out::left_out;
