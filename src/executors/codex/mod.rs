//! The codex adapter.

use std::sync::Arc;

use super::session::{Ending, Session, Setup};

/// The shared server.
#[derive(Clone)]
pub(super) struct Server {
    _setup: Arc<Setup>,
}

impl Server {
    pub(super) fn new(setup: Arc<Setup>) -> Self {
        Self { _setup: setup }
    }
    pub(super) async fn stop(&self) {}
    pub(super) fn kill(&self) {}
}

/// Plays one session.
pub(super) async fn run(session: Session, _server: &Server) -> Ending {
    Err(format!("the adapter '{}' is not there yet", session.spec.adapter))
}
