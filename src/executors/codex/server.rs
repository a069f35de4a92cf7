//! The one `codex app-server` of an instance: a task that owns the process, started at its first use, ended by
//! [`Server::stop`] (or when nobody holds a [`Server`] any more), started again at the next use after it has died.
//!
//! Sessions hand it lines to write and get the messages that are theirs. It never waits for a session that waits for
//! it: sessions hand over without waiting, and so does it to the writer of the pipe.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    process::{NotUp, Running, told},
    protocol::Peer,
    router::{Route, Router},
};
use crate::{
    executors::{lines::Line, rpc::Message, session::Setup},
    protocol::SessionId,
};

/// Lines that may wait in either direction.
const MAX_WAITING: usize = 1024;
/// Requests of the server task itself; those of sessions are numbered from here on.
const OURS: u64 = 10;

/// What sessions ask of the server task.
enum Ask {
    /// Get the server up if it is not; [`Said::Up`] or [`Said::Died`] follows.
    Attach {
        session: SessionId,
        to: mpsc::Sender<Said>,
        cwd: PathBuf,
    },
    /// Write a line. `id`: it is a request; `thread`: whose.
    Write {
        session: SessionId,
        line: String,
        id: Option<u64>,
        thread: Option<String>,
    },
    Detach {
        session: SessionId,
    },
    Stop {
        done: oneshot::Sender<()>,
    },
}

/// What a session hears.
#[derive(Clone, Debug)]
pub(super) enum Said {
    Up(Peer),
    /// A message of the session's own thread, of its request, or one that concerns all; with its line.
    Line(Message, Arc<str>),
    /// The server is not there (any more).
    Died(String),
    /// It was started and does not answer: it is not tried again.
    Mute(String),
}

/// A handle on the shared server.
#[derive(Clone)]
pub(in crate::executors) struct Server {
    asks: mpsc::Sender<Ask>,
    next: Arc<AtomicU64>,
    kill: CancellationToken,
}

impl Server {
    /// Starts the task, not the process.
    pub(in crate::executors) fn new(setup: Arc<Setup>) -> Self {
        let (asks, from) = mpsc::channel(MAX_WAITING);
        let kill = CancellationToken::new();
        let task = Task {
            setup,
            from,
            sessions: BTreeMap::new(),
            router: Router::default(),
            running: None,
            mute: None,
        };
        let killed = kill.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = task.run() => {}
                () = killed.cancelled() => {}
            }
        });
        Self { asks, next: Arc::new(AtomicU64::new(OURS)), kill }
    }

    /// A number for a request.
    pub(super) fn next_id(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// False: the server task does not take it.
    pub(super) fn attach(&self, session: SessionId, to: mpsc::Sender<Said>, cwd: PathBuf) -> bool {
        self.asks.try_send(Ask::Attach { session, to, cwd }).is_ok()
    }

    pub(super) fn write(
        &self,
        session: SessionId,
        line: String,
        id: Option<u64>,
        thread: Option<String>,
    ) -> bool {
        self.asks.try_send(Ask::Write { session, line, id, thread }).is_ok()
    }

    pub(super) fn detach(&self, session: SessionId) {
        let _ = self.asks.try_send(Ask::Detach { session });
    }

    /// Ends the process by its ladder.
    pub(in crate::executors) async fn stop(&self) {
        let (done, ended) = oneshot::channel();
        if self.asks.send(Ask::Stop { done }).await.is_ok() {
            let _ = ended.await;
        }
    }

    /// Kills the process and ends the task.
    pub(in crate::executors) fn kill(&self) {
        self.kill.cancel();
    }
}

struct Task {
    setup: Arc<Setup>,
    from: mpsc::Receiver<Ask>,
    sessions: BTreeMap<SessionId, mpsc::Sender<Said>>,
    router: Router,
    running: Option<Running>,
    /// Why it is not tried again.
    mute: Option<String>,
}

impl Task {
    async fn run(mut self) {
        loop {
            tokio::select! {
                ask = self.from.recv() => match ask {
                    Some(ask) => self.ask(ask).await,
                    None => return self.stop().await,
                },
                line = next_line(&mut self.running) => match line {
                    Some(line) => self.line(line).await,
                    None => self.died().await,
                },
            }
        }
    }

    async fn ask(&mut self, ask: Ask) {
        match ask {
            Ask::Attach { session, to, cwd } => {
                if self.running.is_none()
                    && let Err(said) = self.start(cwd).await
                {
                    let _ = to.send(said).await;
                    return;
                }
                let peer = self.running.as_ref().map(|running| running.peer.clone()).unwrap_or_default();
                if to.send(Said::Up(peer)).await.is_ok() {
                    self.sessions.insert(session, to);
                }
            }
            Ask::Write { session, line, id, thread } => {
                if let Some(id) = id {
                    self.router.asked(session, id, thread.as_deref());
                }
                self.write(line).await;
            }
            Ask::Detach { session } => {
                self.sessions.remove(&session);
                self.router.forget(session);
            }
            Ask::Stop { done } => {
                self.stop().await;
                let _ = done.send(());
            }
        }
    }

    async fn start(&mut self, cwd: PathBuf) -> Result<(), Said> {
        if let Some(why) = &self.mute {
            return Err(Said::Mute(why.clone()));
        }
        match Running::start(&self.setup, cwd).await {
            Ok(running) => {
                self.running = Some(running);
                Ok(())
            }
            Err(NotUp { why, mute: false }) => Err(Said::Died(why)),
            Err(NotUp { why, mute: true }) => {
                self.mute = Some(why.clone());
                Err(Said::Mute(why))
            }
        }
    }

    /// A server that does not read what it is told is dead.
    async fn write(&mut self, line: String) {
        let Some(running) = &self.running else { return };
        let taken = running.writer.as_ref().is_some_and(|writer| writer.try_send(line).is_ok());
        if !taken {
            running.child.kill();
        }
    }

    async fn line(&mut self, line: Line) {
        if line.cut > 0 {
            tracing::warn!(bytes = line.cut, "a line of codex was longer than our limit and is lost");
        }
        match self.router.line(&line.text) {
            Route::One(session, message) => self.tell(session, message, line.text.into()).await,
            Route::All(message) => {
                let text: Arc<str> = line.text.into();
                let all: Vec<_> = self.sessions.keys().copied().collect();
                for session in all {
                    self.tell(session, message.clone(), text.clone()).await;
                }
            }
            Route::Back(refusal) => self.write(refusal).await,
            Route::Ours(_) | Route::Nobody => {
                tracing::debug!(line = %line.text.chars().take(200).collect::<String>(), "a line for nobody");
            }
        }
    }

    async fn tell(&mut self, session: SessionId, message: Message, line: Arc<str>) {
        let Some(to) = self.sessions.get(&session) else { return };
        if to.send(Said::Line(message, line)).await.is_err() {
            self.sessions.remove(&session);
            self.router.forget(session);
        }
    }

    /// The process has ended by itself.
    async fn died(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        running.child.kill();
        let status = running.child.finish().await;
        let tail = running.stderr.end().await;
        let why = format!("the codex server ended ({status}){}", told(&tail));
        self.router = Router::default();
        for (_, to) in std::mem::take(&mut self.sessions) {
            let _ = to.send(Said::Died(why.clone())).await;
        }
    }

    async fn stop(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        running.writer = None;
        if tokio::time::timeout(Duration::from_millis(200), &mut running.writing).await.is_err() {
            running.writing.abort();
            let _ = (&mut running.writing).await;
        }
        // Its output is drained meanwhile, or it could not end.
        let drained = async { while running.lines.next().await.is_some() {} };
        tokio::join!(running.child.stop(), drained);
        self.router = Router::default();
        for (_, to) in std::mem::take(&mut self.sessions) {
            let _ = to.send(Said::Died("the codex server was stopped".to_owned())).await;
        }
    }
}

async fn next_line(running: &mut Option<Running>) -> Option<Line> {
    match running {
        Some(running) => running.lines.next().await,
        None => std::future::pending().await,
    }
}
