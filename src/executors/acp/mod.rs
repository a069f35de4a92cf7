//! The acp adapter.

use super::session::{Ending, Session};

/// Plays one session.
pub(super) async fn run(session: Session) -> Ending {
    Err(format!("the adapter '{}' is not there yet", session.spec.adapter))
}
