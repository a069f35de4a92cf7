//! The screen in a real terminal: the program itself in a pty.
// It looks at threads and descriptors by `/proc`, and opens its terminals as Linux does.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../../src/text/hostile.rs"]
mod corpus;
mod ending;
mod hostile;
mod keyboard;
#[path = "../support/left_out.rs"]
mod left_out;
mod multiplexer;
mod past;
mod stream;
mod suspending;
mod terminal;
mod window;
