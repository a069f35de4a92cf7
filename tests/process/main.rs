//! Real children: none outlives its end, none is lost, nobody else is touched.
#![cfg(target_os = "linux")]

mod ending;
mod reaping;
mod shell_calls;
mod starting;
mod support;
