//! Support for the integration tests: the outside, faked at the wire.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

pub mod model_server;
pub mod sessions;
