//! What a machine without some program says about the tests that need it.

use std::io::Write;

/// Says that this test does not run here, and what it needs. A test that passes has what it prints thrown away;
/// written to stderr itself, it is read.
pub fn left_out(needs: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "left out: {test} ({needs})");
}
