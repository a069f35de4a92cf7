//! Real children: none outlives its end, none is lost, nobody else is touched.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![cfg(target_os = "linux")]

mod ending;
mod reaping;
mod shell_calls;
mod starting;
mod support;
