//! The ACP adapter: any agent that speaks the Agent Client Protocol over its pipes (`executors: {NAME: {acp: […]}}`).
//!
//! `protocol` is the machine; its parts are `opening` (the handshake), `feed` (what streams, as activities), `calls`
//! (tool calls), `asks` (permissions), `meter` (tokens and dollars). `run` starts the process.

mod asks;
mod calls;
mod feed;
mod meter;
mod opening;
mod protocol;
mod run;

use serde_json::Value;

pub(super) use run::run;

/// A string of a message; empty where it is not one.
fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
