//! The driver: performs what the machine decides, in order, and tells it what happened. It decides nothing itself.
//!
//! One task an instance. It ends when the machine says `Finish`; by then no child is left and everything is saved.

mod bash;
mod guard;
mod guarded;
mod keeper;
mod model;
mod perform;
mod survey;
mod timers;
mod trees;

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    executors::{Executors, News, Order},
    llm::Model,
    process::Processes,
    protocol::{Command, Sender, SessionId, Stamp},
    store::{self, Health, Journal},
    watchers::Panel,
};

use super::{
    effect::{Input, Now},
    launch::Ended,
    link::Link,
    machine::Machine,
};
use keeper::Keeper;
use timers::Timers;

/// News that may wait for the driver; a session's task waits beyond that.
pub const MAX_NEWS: usize = 1024;
/// Answers of the driver's own tasks that may wait.
const MAX_INPUTS: usize = 256;

/// Everything that is not the machine's.
pub struct Leaves {
    /// `None`: an instance without an orchestrator.
    pub model: Option<Arc<Model>>,
    pub executors: Executors,
    pub processes: Processes,
    pub panel: Arc<Panel>,
}

/// The driver of one instance.
pub struct Driver {
    machine: Machine,
    journal: Journal,
    leaves: Leaves,
    link: Link,
    inboxes: Inboxes,
    outboxes: Outboxes,
    timers: Timers,
    running: Running,
    keeper: Keeper,
    clock: Clock,
    /// Held for as long as the driver lives.
    _lock: store::Lock,
}

/// Where inputs come from.
struct Inboxes {
    commands: mpsc::Receiver<(Command, Sender)>,
    dropped_in: Option<store::commands::Inlet>,
    inputs: mpsc::Receiver<Input>,
    news: mpsc::Receiver<(SessionId, News)>,
    health: watch::Receiver<Health>,
}

/// Where the driver's own tasks report.
struct Outboxes {
    inputs: mpsc::Sender<Input>,
    news: mpsc::Sender<(SessionId, News)>,
}

/// What runs on behalf of the machine.
#[derive(Default)]
struct Running {
    sessions: BTreeMap<SessionId, mpsc::Sender<Order>>,
    model: Option<(u64, CancellationToken)>,
    bash: BTreeMap<String, CancellationToken>,
    /// The guarded files of sessions with a turn, as they were when it began.
    guarded: guarded::Guarded,
    /// Git that makes and settles worktrees: it is waited for, a merge is never cut.
    settling: tokio_util::task::TaskTracker,
    surveys: survey::Surveys,
    /// With what the panel was built. `None`: with the configuration as it is.
    watchers: Option<crate::config::Watchers>,
    /// Model calls, bash, looks of watchers: each ends by its token or with the driver.
    tasks: JoinSet<()>,
}

/// The clock of a launch.
pub struct Clock {
    began: Instant,
    zone: jiff::tz::TimeZone,
}

impl Default for Clock {
    fn default() -> Self {
        Self { began: Instant::now(), zone: jiff::tz::TimeZone::system() }
    }
}

impl Clock {
    /// The time now.
    pub fn now(&self) -> Now {
        let mono_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now { stamp: Stamp::new(jiff::Timestamp::now(), &self.zone), mono_ms }
    }
}

/// What a driver is made of.
pub struct Parts {
    pub machine: Machine,
    pub journal: Journal,
    pub leaves: Leaves,
    pub link: Link,
    pub commands: mpsc::Receiver<(Command, Sender)>,
    pub clock: Clock,
    pub lock: store::Lock,
    /// The `.zwarm` folder.
    pub state_dir: std::path::PathBuf,
    /// What was said in the sessions so far.
    pub conversations: store::Conversations,
}

impl Driver {
    /// Ready to run.
    pub fn new(parts: Parts) -> Self {
        let (inputs, inputs_in) = mpsc::channel(MAX_INPUTS);
        let (news, news_in) = mpsc::channel(MAX_NEWS);
        let dropped_in = store::commands::Inlet::open(&parts.link.dir).ok();
        let keeper = Keeper::start(parts.state_dir, parts.link.dir.clone(), parts.conversations);
        Self {
            inboxes: Inboxes {
                commands: parts.commands,
                dropped_in,
                inputs: inputs_in,
                news: news_in,
                health: parts.journal.health(),
            },
            outboxes: Outboxes { inputs, news },
            machine: parts.machine,
            journal: parts.journal,
            leaves: parts.leaves,
            link: parts.link,
            timers: Timers::default(),
            running: Running::default(),
            keeper,
            clock: parts.clock,
            _lock: parts.lock,
        }
    }

    /// Runs the instance to the end of this launch.
    pub async fn run(mut self, first: Input) -> Ended {
        // What differs from the last commit now is nobody's work in this run.
        let working_dir = self.machine.rules.place.working_dir.clone();
        self.survey(None, working_dir);
        let mut next = Some(first);
        loop {
            let input = match next.take() {
                Some(input) => input,
                None => self.next_input().await,
            };
            if matches!(input, Input::Stopped) {
                // What the sessions said last comes first.
                while let Ok((id, news)) = self.inboxes.news.try_recv() {
                    if let Some(ended) = self.take(Input::Session(id, news)).await {
                        return self.close(ended).await;
                    }
                }
            }
            if let Some(ended) = self.take(input).await {
                return self.close(ended).await;
            }
            self.keeper.note(&self.machine, false);
        }
    }

    /// One decision, performed.
    async fn take(&mut self, mut input: Input) -> Option<Ended> {
        let seen = match &mut input {
            Input::Session(id, news) => self.look_at(*id, news),
            _ => None,
        };
        let now = self.clock.now();
        for input in seen.into_iter().chain([input]) {
            for effect in self.machine.handle(input, now) {
                if let Some(ended) = self.perform(effect).await {
                    return Some(ended);
                }
            }
        }
        None
    }

    async fn next_input(&mut self) -> Input {
        let inboxes = &mut self.inboxes;
        loop {
            let dropped_in = async {
                match &mut inboxes.dropped_in {
                    Some(inlet) => inlet.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some((command, from)) = inboxes.commands.recv() => return Input::Command(command, from),
                dropped = dropped_in => match dropped {
                    Ok(command) => return Input::Command(command, Sender::Process),
                    Err(error) => tracing::warn!("a command of another process was set aside: {error}"),
                },
                timer = self.timers.next() => return Input::Timer(timer),
                Some(input) = inboxes.inputs.recv() => return input,
                Some((id, news)) = inboxes.news.recv() => return Input::Session(id, news),
                Ok(()) = inboxes.health.changed() => {
                    let failed = inboxes.health.borrow_and_update().failed.clone();
                    return failed.map_or(Input::StoreRestored, Input::StoreFailed);
                }
                Some(_) = self.running.tasks.join_next() => {}
            }
        }
    }

    /// Everything is saved and closed.
    async fn close(mut self, ended: Ended) -> Ended {
        self.running.tasks.shutdown().await;
        self.leaves.executors.shutdown(std::time::Duration::ZERO).await;
        self.leaves.processes.kill_all();
        self.keeper.note(&self.machine, true);
        self.keeper.finish().await;
        let journal = self.journal;
        let closed = tokio::task::spawn_blocking(move || journal.close()).await;
        if let Ok(Err(error)) = closed {
            tracing::error!("the journal could not be closed: {error}");
        }
        self.link.notify(crate::protocol::Notice::Closed);
        ended
    }
}
