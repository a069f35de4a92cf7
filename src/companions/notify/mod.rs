//! `notify_command`: the human's own command, called when something needs them and when a run ends. It gets one JSON
//! object on its standard input, no key in its environment, and [`WITHIN`] to be done; one call at a time.

pub mod word;

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use super::Ending;
use crate::{
    agent::{launch::Launch, link::Link},
    config::Config,
    process::{self, ChildKind, ChildSpec, Ladder, Processes, Stream, find_program},
    protocol::{Body, InstanceId, Notice, event::Run},
    store::Feed,
    text::clean_line,
};
use word::Words;

/// How long one call may take.
pub const WITHIN: Duration = Duration::from_secs(10);
/// At the end of the program: how long the call about the end may take.
const LAST: Duration = Duration::from_secs(5);
/// How long the last event of a run is waited for.
const LAST_EVENTS: Duration = Duration::from_millis(500);
/// Calls that may wait for the one that runs.
const MAX_WAITING: usize = 16;
/// Bytes of its error output that are read.
const MAX_ERRORS: u64 = 4096;

/// The command of a run, before it starts.
#[derive(Debug)]
pub struct Bell {
    command: String,
    config: Arc<Config>,
}

impl Bell {
    /// `None`: no command is configured.
    pub(super) fn of(launch: &Launch) -> Option<Self> {
        let command = launch.config.notify_command.clone().filter(|command| !command.trim().is_empty())?;
        Some(Self { command, config: Arc::new(launch.config.clone()) })
    }

    /// Goes along to the end of the run. The link is not kept: it would keep the journal open.
    pub(super) fn attend(
        self,
        link: &Link,
        from: u64,
        leaving: CancellationToken,
    ) -> impl Future<Output = Option<String>> + Send + use<> {
        let task = Task {
            words: Words::new(link.instance, &link.name, &link.working_dir.display().to_string()),
            feed: Feed::live(&link.dir, link.events(), 0),
            from,
            ending: Ending { notices: link.notices(), leaving },
            hand: Hand { bell: self, dir: link.dir.clone(), cwd: link.working_dir.clone(), processes: None },
            warn: link.warner(),
            said: false,
        };
        task.run()
    }
}

struct Task<W> {
    words: Words,
    feed: Feed,
    from: u64,
    ending: Ending,
    hand: Hand,
    warn: W,
    /// A failure has been said.
    said: bool,
}

/// What calls the command.
struct Hand {
    bell: Bell,
    /// The instance's folder.
    dir: PathBuf,
    cwd: PathBuf,
    processes: Option<Processes>,
}

impl<W: Fn(Notice) + Send> Task<W> {
    /// What went wrong at the end, when nobody listens any more.
    async fn run(mut self) -> Option<String> {
        let began = Instant::now();
        let now = || u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut waiting: VecDeque<Value> = VecDeque::new();
        let mut last = false;
        while !last {
            let due = self.words.due().map(|at| Duration::from_millis(at.saturating_sub(now())));
            let ripe = async {
                match due {
                    Some(after) => tokio::time::sleep(after).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                notice = self.ending.next() => match notice {
                    Some(Notice::StoreFailed { message }) => waiting.push_back(self.words.held_up(&message)),
                    Some(_) => {}
                    None => break,
                },
                () = ripe => waiting.extend(self.words.ripe(now())),
                event = self.feed.next() => last = self.take(event, now(), &mut waiting),
            }
            while waiting.len() > MAX_WAITING {
                waiting.pop_front();
            }
            // While a call runs, events wait in the journal.
            while !last && let Some(word) = waiting.pop_front() {
                if let Some(message) = self.call(&word, WITHIN).await {
                    (self.warn)(Notice::Warning { message });
                }
            }
        }
        self.close(last, waiting).await
    }

    /// True: the run has ended.
    fn take(
        &mut self,
        event: Option<crate::protocol::Published>,
        now: u64,
        waiting: &mut VecDeque<Value>,
    ) -> bool {
        let Some(published) = event else { return true };
        let event = &published.recorded.event;
        let word = self.words.apply(event, now);
        let fresh = published.pos.offset >= self.from;
        waiting.extend(word.filter(|_| fresh));
        fresh && matches!(&event.body, Body::Run(Run::RunFinished(_)))
    }

    /// The end of the run is told, whatever waited before it is not.
    async fn close(&mut self, mut last: bool, mut waiting: VecDeque<Value>) -> Option<String> {
        let until = tokio::time::Instant::now() + LAST_EVENTS;
        while !last && let Ok(event) = tokio::time::timeout_at(until, self.feed.next()).await {
            last = self.take(event, 0, &mut waiting);
        }
        let word = waiting.pop_back().filter(|word| word["event"] == "ended")?;
        self.call(&word, LAST).await
    }

    /// A warning, if it is the first failure.
    async fn call(&mut self, word: &Value, within: Duration) -> Option<String> {
        let why = self.hand.call(word, within).await.err()?;
        let message = format!("'notify_command' failed: {why}");
        tracing::warn!("{message}");
        (!std::mem::replace(&mut self.said, true)).then_some(message)
    }
}

impl Hand {
    async fn call(&mut self, word: &Value, within: Duration) -> Result<(), String> {
        let processes = match &self.processes {
            Some(processes) => processes.clone(),
            None => {
                let helper = process::helper().map_err(|error| error.to_string())?;
                // Not the run's own mark: the end of the run must not end the call that tells of it.
                let opened = Processes::open(InstanceId::random(), &self.dir, helper);
                self.processes.insert(opened.map_err(|error| error.to_string())?).clone()
            }
        };
        let spec = ChildSpec {
            program: find_program("bash", None).unwrap_or_else(|| "/bin/bash".into()),
            args: vec!["-lc".into(), self.bell.command.clone().into()],
            cwd: self.cwd.clone(),
            env: process::environment(ChildKind::Bash, &self.bell.config),
            stdin: Stream::Piped,
            label: "notify".to_owned(),
            writable: None,
            ladder: Ladder::Plain,
            session: None,
        };
        let mut child = processes.spawn(spec).await.map_err(|error| error.to_string())?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let talk = async {
            let write = async {
                if let Some(mut stdin) = stdin {
                    // Who does not read it needs none.
                    let _ = stdin.write_all(format!("{word}\n").as_bytes()).await;
                }
            };
            let ((), _, errors, status) = tokio::join!(write, read(stdout), read(stderr), child.wait());
            (status, errors)
        };
        // Dropping the child kills whatever is left of its group.
        let done = tokio::time::timeout(within, talk).await;
        let (status, errors) = done.map_err(|_| format!("it took longer than {} s", within.as_secs()))?;
        if status.success() {
            return Ok(());
        }
        let last: String = errors.lines().last().unwrap_or_default().chars().take(160).collect();
        Err(format!("it ended with {status}: {}", clean_line(&last)))
    }
}

/// Reads to the end; keeps the beginning.
async fn read(pipe: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let Some(mut pipe) = pipe else { return String::new() };
    let mut kept = Vec::new();
    let _ = (&mut pipe).take(MAX_ERRORS).read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&kept).into_owned()
}
