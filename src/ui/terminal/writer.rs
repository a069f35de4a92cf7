//! The thread that writes to the terminal, so that a slow one never stops the loop. One frame is under way at a time;
//! what is asked to be written meanwhile waits in the buffer of the next one.

use std::{
    fs::File,
    io::{self, Write},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};

use tokio::sync::Notify;

use super::Shared;

/// Bytes of a frame that are reserved.
const FRAME_BYTES: usize = 64 * 1024;
/// Bytes that are written at once; between two such pieces the terminal may have been given back.
const PIECE: usize = 1024;

/// The writing thread's end of the terminal.
#[derive(Clone)]
pub struct FrameWriter {
    /// Shared by the backend, which fills it, and [`super::Screen`], which sends it; both are of one thread.
    frame: Arc<Mutex<Vec<u8>>>,
    to: mpsc::SyncSender<Vec<u8>>,
    state: Arc<WriterState>,
}

/// Whether a frame is under way, and whether the terminal is gone.
#[derive(Debug, Default)]
pub struct WriterState {
    busy: AtomicBool,
    broken: AtomicBool,
    /// Notified when a frame has been written, or could not be.
    pub written: Notify,
}

impl WriterState {
    /// A frame is still being written.
    pub fn busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst)
    }

    /// Nothing can be written any more.
    pub fn broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }
}

impl FrameWriter {
    pub(super) fn spawn(mut out: File, shared: Arc<Shared>) -> io::Result<(Self, Arc<WriterState>)> {
        let (to, frames) = mpsc::sync_channel::<Vec<u8>>(1);
        let state = Arc::new(WriterState::default());
        let told = state.clone();
        // Ends when the terminal (the sender) is dropped.
        std::thread::Builder::new().name("zwarm-screen".into()).spawn(move || {
            while let Ok(frame) = frames.recv() {
                for piece in frame.chunks(PIECE) {
                    // Nothing of a frame goes to a terminal that was given back.
                    if !shared.entered.load(Ordering::SeqCst) {
                        break;
                    }
                    if out.write_all(piece).is_err() {
                        told.broken.store(true, Ordering::SeqCst);
                        break;
                    }
                }
                told.busy.store(false, Ordering::SeqCst);
                told.written.notify_one();
            }
        })?;
        let frame = Arc::new(Mutex::new(Vec::with_capacity(FRAME_BYTES)));
        Ok((Self { frame, to, state: state.clone() }, state))
    }

    fn frame(&self) -> MutexGuard<'_, Vec<u8>> {
        self.frame.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that wait to be sent.
    pub(super) fn waiting(&self) -> usize {
        self.frame().len()
    }

    /// Puts marks around what was added behind `from`; nothing where nothing was added.
    pub(super) fn frame_since(&self, from: usize, before: &[u8], after: &[u8]) {
        let mut frame = self.frame();
        if frame.len() > from {
            frame.splice(from..from, before.iter().copied());
            frame.extend_from_slice(after);
        }
    }

    /// What waits is forgotten: the terminal was given back.
    pub(super) fn forget(&self) {
        self.frame().clear();
    }

    /// Sends what waits, unless something is under way.
    pub(super) fn send(&self) -> io::Result<()> {
        let mut frame = self.frame();
        if frame.is_empty() || self.state.busy() {
            return Ok(());
        }
        let frame = std::mem::replace(&mut *frame, Vec::with_capacity(FRAME_BYTES));
        self.state.busy.store(true, Ordering::SeqCst);
        self.to.send(frame).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

impl Write for FrameWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Does not send: a frame is several flushes of ratatui; [`FrameWriter::send`] ends it.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
