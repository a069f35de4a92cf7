//! The signals that end a run: INT, TERM and HUP.

use tokio::signal::unix::{self, SignalKind};

use crate::error::UserError;

/// Which signal came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Interrupt,
    Terminate,
    HangUp,
}

impl Signal {
    /// Its number on every Unix.
    pub fn number(self) -> i32 {
        match self {
            Self::HangUp => 1,
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }
}

/// Listens from its making on; until then (and only until then) the signals end the program.
#[derive(Debug)]
pub struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hang_up: unix::Signal,
}

impl Signals {
    /// Must be called within a tokio runtime.
    pub fn new() -> Result<Self, UserError> {
        let listen = |kind: SignalKind| {
            unix::signal(kind)
                .map_err(|error| UserError::failed(format!("signals cannot be heard: {error}"), ""))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// The next one. Cancel-safe.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            Some(()) = self.interrupt.recv() => Signal::Interrupt,
            Some(()) = self.terminate.recv() => Signal::Terminate,
            Some(()) = self.hang_up.recv() => Signal::HangUp,
            else => std::future::pending().await,
        }
    }
}
