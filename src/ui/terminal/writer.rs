//! The thread that writes to the terminal, so that a slow one never stops the loop. One frame is under way at a time;
//! what is asked to be written meanwhile waits in the buffer of the next one. It also tells of full seconds while a
//! clock is on the screen: a timer of the runtime wakes threads four times for one.

use std::{
    fs::File,
    io::{self, Write},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
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
    /// Full seconds of the wall clock are told.
    clock: AtomicBool,
    /// Notified with every full second, where a clock shows.
    pub second: Notify,
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
            while let Some(frame) = next(&frames, &told) {
                if frame.is_empty() {
                    continue;
                }
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

    /// Whether full seconds are told. An empty frame wakes the thread, so that it looks at the clock.
    pub(super) fn seconds(&self, on: bool) {
        if self.state.clock.swap(on, Ordering::SeqCst) != on && on {
            // Where a frame stands in the queue, it wakes the thread as well.
            let _ = self.to.try_send(Vec::new());
        }
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

/// The next frame; meanwhile full seconds are told, where a clock shows. `None`: the terminal was dropped.
fn next(frames: &mpsc::Receiver<Vec<u8>>, told: &WriterState) -> Option<Vec<u8>> {
    while told.clock.load(Ordering::SeqCst) {
        match frames.recv_timeout(rest_of_second()) {
            Ok(frame) => return Some(frame),
            Err(RecvTimeoutError::Timeout) => told.second.notify_one(),
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
    frames.recv().ok()
}

fn rest_of_second() -> Duration {
    let rest = 1_000 - jiff::Timestamp::now().as_millisecond().rem_euclid(1_000);
    Duration::from_millis(u64::try_from(rest).unwrap_or(1_000))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_thread_tells_of_full_seconds_while_a_clock_shows() {
        let state = Arc::new(WriterState::default());
        let (to, frames) = mpsc::sync_channel::<Vec<u8>>(1);
        let told = state.clone();
        let thread = std::thread::spawn(move || std::iter::from_fn(|| next(&frames, &told)).count());
        let writer = FrameWriter { frame: Arc::default(), to, state: state.clone() };
        writer.seconds(true);
        for _ in 0..2 {
            state.second.notified().await;
            let behind = jiff::Timestamp::now().as_millisecond().rem_euclid(1_000);
            assert!(behind < 900, "told before the second was full: {behind}");
        }
        writer.seconds(true);
        writer.seconds(false);
        drop(writer);
        assert_eq!(thread.join().unwrap(), 1, "the thread is woken only when the clock begins to show");
    }
}
