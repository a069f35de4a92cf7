//! The claude adapter: one process a session, over bidirectional stream-json.
//!
//! `protocol` is the machine; its parts are `wire` (the lines), `hello` (the handshake), `turn`, `post` (what waits in
//! claude's queue), `speech` (what streams), `said` and `tools` (blocks and calls as activities), `asks` (permissions),
//! `meter` (tokens and dollars), `results` (how a turn ended). `run` starts the process.

mod asks;
mod hello;
mod meter;
mod numbers;
mod post;
mod protocol;
mod results;
mod run;
mod said;
mod speech;
mod tools;
mod turn;
mod wire;

pub(super) use run::run;
