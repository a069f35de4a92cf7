//! One task a session: what an adapter's `run` is given, and who starts and ends these tasks.
//!
//! Every session's task sits in one [`TaskTracker`]; it ends by [`Order::End`] or [`Order::Kill`], by its executor's
//! death, or by [`Executors::shutdown`]. Whatever happens, [`News::Ended`] is the last that is heard of it, once.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    DeltaSink, Handle, News, Order, SessionSpec, acp, claude, codex, prepare,
    raw::RawLog,
    registry::{self, Kind},
    script,
};
use crate::{
    config::Config,
    process::Processes,
    protocol::{SessionId, StreamKey, scenario::Scenario},
    text::Redactor,
};

/// Orders that may wait for a session's task.
const MAX_ORDERS: usize = 64;

/// What all sessions of an instance share.
#[derive(Clone)]
pub struct Setup {
    pub config: Arc<Config>,
    pub processes: Processes,
    /// What the script executor plays where `executor.script` is not set.
    pub scenario: Option<Arc<Scenario>>,
    /// Where live text goes.
    pub deltas: DeltaSink,
    /// Takes the keys out of what is written of the wire.
    pub redactor: Arc<Redactor>,
}

/// Starts sessions and ends them all.
#[derive(Clone)]
pub struct Executors {
    setup: Arc<Setup>,
    /// The one codex server of the instance; started at its first use.
    codex: codex::Server,
    tasks: TaskTracker,
    /// Ask all to end; kill all.
    end: CancellationToken,
    kill: CancellationToken,
}

/// How a session's task ended: `Err` = it died, with the tail of its stderr.
pub(super) type Ending = Result<(), String>;

/// What an adapter's `run` gets.
pub(super) struct Session {
    pub(super) spec: SessionSpec,
    pub(super) orders: Orders,
    pub(super) news: NewsSender,
    pub(super) deltas: Deltas,
    pub(super) raw: RawLog,
    pub(super) setup: Arc<Setup>,
}

impl Session {
    pub(super) fn config(&self) -> &Config {
        &self.setup.config
    }
}

/// The orders of a session. When nobody can give any more, or all are to end, that is [`Order::End`].
pub(super) struct Orders {
    from: mpsc::Receiver<Order>,
    end: CancellationToken,
    ended: bool,
    /// Given back: it comes first.
    back: Option<Order>,
}

impl Orders {
    /// The next order. Cancel-safe. `End` is given once; after it only what is still sent (a `Kill`).
    pub(super) async fn next(&mut self) -> Order {
        if let Some(order) = self.back.take() {
            return order;
        }
        let order = tokio::select! {
            biased;
            order = self.from.recv() => order,
            () = self.end.cancelled(), if !self.ended => None,
        };
        match order {
            Some(order) => {
                self.ended |= order == Order::End;
                order
            }
            None if self.ended => std::future::pending().await,
            None => {
                self.ended = true;
                Order::End
            }
        }
    }
}

impl Orders {
    /// Gives an order back: it is the next one again.
    pub(super) fn give_back(&mut self, order: Order) {
        self.back = Some(order);
    }
}

/// Reports what a session does.
#[derive(Clone, Debug)]
pub(super) struct NewsSender {
    session: SessionId,
    to: mpsc::Sender<(SessionId, News)>,
}

impl NewsSender {
    /// Reports; waits while the agent is behind. An agent that is gone hears nothing.
    pub(super) async fn send(&self, news: News) {
        let _ = self.to.send((self.session, news)).await;
    }
}

/// Live text of one session.
#[derive(Clone)]
pub(super) struct Deltas {
    session: SessionId,
    sink: DeltaSink,
}

impl Deltas {
    /// Appends to a stream: `item` as in [`StreamKey::item`] (`text:ID`, `reasoning:ID`, `output:ID`, `tool:ID`).
    pub(super) fn push(&self, turn: u32, item: impl Into<String>, text: impl AsRef<str>) {
        let stream = StreamKey { session: Some(self.session), turn, item: item.into() };
        (self.sink)(&stream, text.as_ref());
    }
}

impl Executors {
    /// Starts nothing yet. Must be called inside the runtime.
    pub fn new(setup: Setup) -> Self {
        let setup = Arc::new(setup);
        Self {
            codex: codex::Server::new(setup.clone()),
            setup,
            tasks: TaskTracker::new(),
            end: CancellationToken::new(),
            kill: CancellationToken::new(),
        }
    }

    /// Starts a session's task. Every failure is [`News`]; the last of them is [`News::Ended`].
    pub fn start(&self, spec: SessionSpec, news: mpsc::Sender<(SessionId, News)>) -> Handle {
        let (orders, from) = mpsc::channel(MAX_ORDERS);
        let news = NewsSender { session: spec.id, to: news };
        let session = Session {
            orders: Orders { from, end: self.end.child_token(), ended: false, back: None },
            news: news.clone(),
            deltas: Deltas { session: spec.id, sink: self.setup.deltas.clone() },
            raw: RawLog::new(spec.dir.clone(), self.setup.redactor.clone()),
            setup: self.setup.clone(),
            spec,
        };
        let all = self.clone();
        self.tasks.spawn(async move {
            let kill = all.kill.clone();
            let ending = tokio::select! {
                ending = AssertUnwindSafe(all.play(session)).catch_unwind() => {
                    ending.unwrap_or_else(|_| Err("the session's task failed by a bug of zwarm-tui".to_owned()))
                }
                () = kill.cancelled() => Err("killed: it did not end in time".to_owned()),
            };
            news.send(News::Ended { error: ending.err() }).await;
        });
        Handle { orders }
    }

    async fn play(&self, mut session: Session) -> Ending {
        if !prepare::prepare(&mut session).await {
            return Ok(());
        }
        let name = session.spec.adapter.clone();
        match registry::kind(&name, &self.setup.config) {
            Some(Kind::Codex) => codex::run(session, &self.codex).await,
            Some(Kind::Claude) => claude::run(session).await,
            Some(Kind::Acp) => acp::run(session).await,
            Some(Kind::Script) => script::run(session).await,
            None => Err(format!(
                "there is no adapter '{name}' (hint: codex, claude, script, or a name under 'executors:')"
            )),
        }
    }

    /// Ends every session by its ladder and then the shared servers; what is not over after `at_most` is killed.
    pub async fn shutdown(&self, at_most: Duration) {
        self.end.cancel();
        self.tasks.close();
        let all = async {
            self.tasks.wait().await;
            self.codex.stop().await;
        };
        if tokio::time::timeout(at_most, all).await.is_err() {
            self.kill.cancel();
            self.codex.kill();
        }
    }
}
