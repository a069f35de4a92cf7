//! The claude adapter: one process a session, over bidirectional stream-json.
//!
//! `protocol` is the machine; its parts are `wire` (the lines), `post` (what waits in claude's queue), `speech` (what
//! streams), `tools` (calls as activities), `asks` (permissions), `meter` (tokens and dollars), `results` (how a turn
//! ended). `run` starts the process.

mod asks;
mod meter;
mod post;
mod protocol;
mod results;
mod run;
mod speech;
mod tools;
mod wire;

pub(super) use run::run;
