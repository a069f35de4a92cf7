//! Several real executors in one run of the real program: at once, steered, interrupted, aborted, killed and resumed.
//! The programs are named by `ZWARM_TEST_CODEX`, `ZWARM_TEST_CLAUDE` and `ZWARM_TEST_CODEX_ACP`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../support/mod.rs"]
mod support;

mod approvals;
mod ending;
mod human;
mod together;
mod world;
