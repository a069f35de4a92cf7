//! The store from outside: instances as they are made, listed, locked, followed and killed, and the reference's.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests are tests too")]

mod follow;
mod killed;
mod listing;
mod reference;
mod support;
