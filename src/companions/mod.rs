//! Companions of a run: clients that go along with every run of this program, screen or not, and tell others of it.
//! Traces go to a collector ([`traces`]), and a command of the human's own is called ([`notify`]).
//!
//! A companion only reads what is recorded. It asks nothing of the run, slows it by nothing, and what goes wrong with
//! it is said once as a warning.

pub mod notify;
pub mod traces;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::broadcast::error::RecvError, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    agent::launch::{self, Launch, Running, What},
    config::Config,
    error::UserError,
    protocol::Notice,
    store::Reader,
};

/// How long companions may take for their last words when the program ends.
const LAST_WORDS: Duration = Duration::from_secs(6);

/// The companions of all runs of this process.
#[derive(Debug, Default)]
pub struct Companions {
    /// Each ends with its run, or by the token, and gives what could not be said any more.
    tasks: Mutex<JoinSet<Option<String>>>,
    leaving: CancellationToken,
}

impl Companions {
    /// Starts a run and what goes along with it.
    pub async fn start(&self, launch: Launch) -> Result<Running, UserError> {
        if launch.demo {
            // The demo reaches nobody.
            return launch::start(launch).await;
        }
        let from = match &launch.what {
            What::New { .. } => 0,
            What::Resume { dir, .. } => end_of(dir),
        };
        let bell = notify::Bell::of(&launch);
        let traces = traces::wanted(&launch);
        let running = launch::start(launch).await?;
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(done) = tasks.try_join_next() {
            if let Ok(Some(warning)) = done {
                running.link.notify(Notice::Warning { message: warning });
            }
        }
        if let Some(bell) = bell {
            tasks.spawn(bell.attend(&running.link, from, self.leaving.clone()));
        }
        if let Some(traces) = traces {
            tasks.spawn(traces.attend(&running.link, from, self.leaving.clone()));
        }
        drop(tasks);
        Ok(running)
    }

    /// Waits until the companions are done, within a bound. What went wrong at the very end, a sentence each.
    pub async fn finish(&self) -> Vec<String> {
        self.leaving.cancel();
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let mut warnings = Vec::new();
        let all = async {
            while let Some(done) = tasks.join_next().await {
                warnings.extend(done.ok().flatten());
            }
        };
        if tokio::time::timeout(LAST_WORDS, all).await.is_err() {
            tracing::warn!("what goes along with the runs was given up after {} s", LAST_WORDS.as_secs());
        }
        warnings
    }
}

/// What the configuration asks for and cannot be had, a sentence each.
pub fn warnings(config: &Config, variables: &BTreeMap<String, String>) -> Vec<String> {
    traces::warnings(config, variables)
}

/// The offset after the last whole line of a journal; what cannot be read is taken from its beginning.
fn end_of(dir: &Path) -> u64 {
    let reader = Reader::open(dir).ok();
    let scanned = reader.map(|reader| reader.scan(0, &mut |_, _| std::ops::ControlFlow::Continue(())));
    scanned.and_then(Result::ok).unwrap_or(0)
}

/// When a run is over for its companions.
#[derive(Debug)]
struct Ending {
    notices: tokio::sync::broadcast::Receiver<Notice>,
    leaving: CancellationToken,
}

impl Ending {
    /// The next notice; `None`: the instance is closed, or the program leaves. Cancel-safe.
    async fn next(&mut self) -> Option<Notice> {
        loop {
            let notice = tokio::select! {
                () = self.leaving.cancelled() => return None,
                notice = self.notices.recv() => notice,
            };
            match notice {
                Ok(Notice::Closed) | Err(RecvError::Closed) => return None,
                Ok(notice) => return Some(notice),
                Err(RecvError::Lagged(_)) => {}
            }
        }
    }
}
