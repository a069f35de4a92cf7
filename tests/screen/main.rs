//! The screen in a real terminal: the program itself in a pty.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod ending;
mod keyboard;
mod stream;
mod suspending;
mod terminal;
mod window;
