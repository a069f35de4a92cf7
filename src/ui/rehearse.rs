//! Breakdowns on purpose, for the tests of what the terminal looks like afterwards. Only in debug builds, and only with
//! `ZWARM_TEST_PANIC=ui` or `worker`: F12 is then the key that breaks the loop, or a thread beside it.

use crossterm::event::{KeyCode, KeyEvent};

use super::msg::Msg;

/// Breaks down if this message is the sign for it.
#[allow(clippy::panic, reason = "a panic is what is rehearsed")]
pub(super) fn breakdown(msg: &Msg) {
    let asked = matches!(msg, Msg::Key(KeyEvent { code: KeyCode::F(12), .. }));
    if !cfg!(debug_assertions) || !asked {
        return;
    }
    match std::env::var("ZWARM_TEST_PANIC").as_deref() {
        Ok("ui") => std::panic::panic_any("a rehearsed panic of the loop"),
        Ok("worker") => {
            tokio::spawn(async { std::panic::panic_any("a rehearsed panic of a worker") });
        }
        _ => {}
    }
}
