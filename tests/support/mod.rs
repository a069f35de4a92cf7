//! Support for the integration tests: the outside, faked at the wire.
#![allow(dead_code, unused_imports)]

pub mod model_server;
pub mod sessions;
