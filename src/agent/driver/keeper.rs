//! The keeper: writes what is derived (meta.json, instances.json, snapshots) on a thread of its own, so that the agent
//! never waits for it. Only the newest state counts; a light note follows at most once a second.

use std::{
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::{
    agent::machine::Machine,
    fold::{History, Ledger, Sessions},
    protocol::event::RunState,
    store::{self, Conversations, Meta},
};

/// The least time between two light notes.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// What is to be written.
#[derive(Default)]
struct Wanted {
    meta: Option<Meta>,
    /// All snapshots, not only the meta.
    full: Option<Box<Full>>,
    closed: bool,
}

struct Full {
    history: History,
    sessions: Sessions,
    ledger: Ledger,
    conversations: Conversations,
}

type Shared = Arc<(Mutex<Wanted>, Condvar)>;

/// The hand of the driver on the keeper's thread. The thread ends with `finish`.
pub(super) struct Keeper {
    shared: Shared,
    thread: Option<thread::JoinHandle<()>>,
    /// What was said in the sessions, for the snapshots.
    pub(super) conversations: Conversations,
    noted: Option<(Instant, RunState)>,
}

impl Keeper {
    pub(super) fn start(state_dir: PathBuf, dir: PathBuf, conversations: Conversations) -> Self {
        let shared = Shared::default();
        let theirs = shared.clone();
        let thread = thread::Builder::new()
            .name("keeper".to_owned())
            .spawn(move || {
                while let Some((meta, full)) = next(&theirs) {
                    write(&state_dir, &dir, &meta, full.as_deref());
                }
            })
            .ok();
        Self { shared, thread, conversations, noted: None }
    }

    /// Notes where the run stands; `full`: with all snapshots.
    pub(super) fn note(&mut self, machine: &Machine, full: bool) {
        let state = machine.state.run.status.state;
        let due = match self.noted {
            Some((at, before)) => at.elapsed() >= AT_MOST_EVERY || before != state,
            None => true,
        };
        if !full && !due {
            return;
        }
        self.noted = Some((Instant::now(), state));
        let meta = meta(machine);
        let full = full.then(|| {
            Box::new(Full {
                history: machine.state.history.clone(),
                sessions: machine.state.sessions.clone(),
                ledger: machine.state.ledger.clone(),
                conversations: self.conversations.clone(),
            })
        });
        let (wanted, wake) = &*self.shared;
        let mut wanted = wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.meta = Some(meta);
        if full.is_some() {
            wanted.full = full;
        }
        wake.notify_one();
    }

    /// Waits until everything noted is written.
    pub(super) async fn finish(&mut self) {
        let (wanted, wake) = &*self.shared;
        wanted.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        wake.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

fn next(shared: &Shared) -> Option<(Meta, Option<Box<Full>>)> {
    let (wanted, wake) = &**shared;
    let mut wanted = wanted.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some(meta) = wanted.meta.take() {
            return Some((meta, wanted.full.take()));
        }
        if wanted.closed {
            return None;
        }
        wanted = wake.wait(wanted).unwrap_or_else(PoisonError::into_inner);
    }
}

fn write(state_dir: &std::path::Path, dir: &std::path::Path, meta: &Meta, full: Option<&Full>) {
    let written = match full {
        Some(full) => {
            let (history, sessions) = (&full.history, &full.sessions);
            let input = store::snapshot::SnapshotInput {
                meta,
                history,
                sessions,
                ledger: &full.ledger,
                conversations: &full.conversations,
            };
            store::snapshot::write(dir, &input)
        }
        None => meta.write(dir),
    };
    // The journal is the truth: what is derived can be late or missing without harm.
    if let Err(error) = written.and_then(|()| store::registry::update(state_dir, meta)) {
        tracing::warn!("what is derived could not be written: {error}");
    }
}

/// The instance in short.
pub(super) fn meta(machine: &Machine) -> Meta {
    let state = &machine.state;
    let mut meta = store::view::meta_of(&state.run, &state.spend);
    meta.id = machine.rules.place.id();
    meta.pid = Some(std::process::id());
    meta.updated_at = crate::protocol::Stamp::now().to_string();
    meta.inbox_open = u32::try_from(state.inbox.open.len()).unwrap_or(u32::MAX);
    meta.open_sessions = u32::try_from(state.sessions.open().count()).unwrap_or(u32::MAX);
    meta.waiting_for = match state.inbox.open.first() {
        Some(card) => card.opened.title.clone(),
        None if matches!(state.run.status.state, RunState::Paused | RunState::Sleeping) => {
            state.run.status.reason.clone()
        }
        None => String::new(),
    };
    meta
}
