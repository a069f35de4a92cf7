//! The terminal's events, which are let go of while another program has the terminal.

use crossterm::event::{Event, EventStream};
use futures_util::StreamExt;

/// Reads the terminal on a thread of its own, until it is stopped.
pub(super) struct Listening(Option<EventStream>);

impl Listening {
    /// Begins to read.
    pub(super) fn begin() -> Self {
        Self(Some(EventStream::new()))
    }

    /// The next event; while it is stopped there is none.
    pub(super) async fn next(&mut self) -> Option<std::io::Result<Event>> {
        match &mut self.0 {
            Some(stream) => stream.next().await,
            None => std::future::pending().await,
        }
    }

    /// The other program's keys are its own from now on.
    pub(super) fn stop(&mut self) {
        self.0 = None;
    }

    /// Reads again. The thread that reads for the stream before must be gone first: a new stream waits for the reader that
    /// it holds, which is until the next key.
    pub(super) fn again(&mut self) {
        self.stop();
        self.0 = Some(EventStream::new());
    }
}
