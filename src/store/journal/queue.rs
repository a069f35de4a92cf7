//! What the owner of a journal wants of its writer: lines in order, syncs, another try, the end. The only lock
//! between the two; it is never held while the disk works.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::{oneshot, watch};

use super::{super::StoreError, Health};
use crate::protocol::Recorded;

/// Lines that may wait on a healthy disk before `append` waits too.
const MAX_PENDING: usize = 4096;
/// Bytes of lines that are kept while the disk refuses; then `append` waits.
const MAX_KEPT: usize = 256 * 1024 * 1024;

type Answer = oneshot::Sender<Result<(), StoreError>>;

/// The queue between owner and writer.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Something is to be done.
    work: Condvar,
    /// There is room for lines.
    room: Condvar,
    health: watch::Sender<Health>,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Arc<Recorded>>,
    bytes: usize,
    /// Lines appended and lines written since the journal was opened.
    appended: u64,
    written: u64,
    /// Each with the count of lines that must be on the disk.
    waiting: Vec<(u64, Answer)>,
    failed: Option<String>,
    /// A retry is wanted; it is wanted or under way.
    retry: bool,
    trying: bool,
    closing: bool,
}

/// What the writer does next.
#[derive(Debug)]
pub(super) enum Order {
    /// Write the oldest line; it stays in the queue until [`Queue::wrote`].
    Write(Arc<Recorded>),
    /// Put what is written on the disk.
    Sync,
    /// Mend what failed.
    Retry,
    /// Nothing more comes.
    Close,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn append(&self, recorded: Arc<Recorded>) {
        let mut state = self.lock();
        while !state.closing && state.is_full() {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closing {
            return;
        }
        state.bytes += recorded.line.len();
        state.appended += 1;
        state.lines.push_back(recorded);
        drop(state);
        self.work.notify_one();
    }

    pub(super) fn sync(&self) -> oneshot::Receiver<Result<(), StoreError>> {
        let (answer, receiver) = oneshot::channel();
        let mut state = self.lock();
        match state.failed.clone() {
            Some(message) if !state.trying => drop(answer.send(Err(StoreError::Failed { message }))),
            _ => {
                let wanted = state.appended;
                state.waiting.push((wanted, answer));
            }
        }
        drop(state);
        self.work.notify_one();
        receiver
    }

    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    pub(super) fn retry(&self) {
        let mut state = self.lock();
        (state.retry, state.trying) = (true, true);
        drop(state);
        self.work.notify_one();
    }

    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.work.notify_one();
        self.room.notify_all();
    }

    /// Waits for the next order. `due`: when what is written has to be put on the disk.
    pub(super) fn next(&self, due: Option<Instant>) -> Order {
        let mut state = self.lock();
        loop {
            if let Some(order) = state.order(due) {
                return order;
            }
            state = match due.filter(|_| state.failed.is_none()) {
                Some(due) => {
                    let left = due.saturating_duration_since(Instant::now());
                    self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// The oldest line that waits.
    pub(super) fn front(&self) -> Option<Arc<Recorded>> {
        self.lock().lines.front().cloned()
    }

    /// The oldest line is in the file.
    pub(super) fn wrote(&self) {
        let mut state = self.lock();
        if let Some(line) = state.lines.pop_front() {
            state.bytes = state.bytes.saturating_sub(line.line.len());
            state.written += 1;
        }
        drop(state);
        self.room.notify_one();
    }

    /// All that is written is on the disk.
    pub(super) fn synced(&self) {
        let mut state = self.lock();
        let written = state.written;
        let (done, waiting) =
            std::mem::take(&mut state.waiting).into_iter().partition(|(wanted, _)| *wanted <= written);
        state.waiting = waiting;
        drop(state);
        answer(done, || Ok(()));
    }

    /// The disk refuses; says so once.
    pub(super) fn fail(&self, message: String) {
        let mut state = self.lock();
        state.failed = Some(message.clone());
        state.trying = state.retry;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        self.room.notify_all();
        tracing::error!(message, "the journal cannot be written");
        // First the state, then the answers: who hears a failure and asks for another try must not see the old state.
        self.tell(Health { failed: Some(message.clone()) });
        answer(waiting, || Err(StoreError::Failed { message: message.clone() }));
    }

    /// The disk is good again.
    pub(super) fn restore(&self) {
        let mut state = self.lock();
        (state.failed, state.trying) = (None, false);
        drop(state);
        self.tell(Health::default());
    }

    fn tell(&self, health: Health) {
        self.health.send_if_modified(|old| std::mem::replace(old, health.clone()) != health);
    }
}

impl State {
    fn is_full(&self) -> bool {
        match self.failed {
            None => self.lines.len() >= MAX_PENDING,
            Some(_) => self.bytes >= MAX_KEPT,
        }
    }

    fn order(&mut self, due: Option<Instant>) -> Option<Order> {
        if self.closing && (self.lines.is_empty() || self.failed.is_some()) {
            return Some(Order::Close);
        }
        if self.failed.is_some() {
            return std::mem::take(&mut self.retry).then_some(Order::Retry);
        }
        self.retry = false;
        let wanted = self.waiting.iter().any(|(wanted, _)| *wanted <= self.written);
        if wanted || due.is_some_and(|due| due <= Instant::now()) {
            return Some(Order::Sync);
        }
        self.lines.front().cloned().map(Order::Write)
    }
}

fn answer(waiting: Vec<(u64, Answer)>, with: impl Fn() -> Result<(), StoreError>) {
    for (_, answer) in waiting {
        let _ = answer.send(with());
    }
}
