//! The codex adapter: all codex sessions of an instance share one `codex app-server`, each is a thread of it.
//!
//! `protocol` is the pure machine of one thread (with `turn`, `item`, `spent`, `fault`, `params`), `router` the pure
//! one of the traffic, `server` the task that owns the process. Here is the driver of one session. `exec` is the way
//! round an app-server that does not answer.

mod exec;
mod fault;
mod item;
mod params;
mod process;
mod protocol;
mod router;
mod server;
mod spent;
mod turn;

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    News,
    raw::Way,
    rpc::{self, Message},
    session::{Ending, Session},
};
use protocol::{Effect, Tag, Thread};
use server::Said;
pub(super) use server::Server;

/// Messages that may wait for a session.
const MAX_MESSAGES: usize = 1024;

/// Plays one session. It ends by its orders; the server's death ends its turn only.
pub(super) async fn run(session: Session, server: &Server) -> Ending {
    let thread = Thread::new(session.spec.clone());
    let (to, mut said) = mpsc::channel(MAX_MESSAGES);
    let mut driver = Driver { server, to, tags: BTreeMap::new(), timer: None, thread, session };
    let mut effects = driver.thread.begin();
    loop {
        if let Some(ending) = driver.perform(effects).await {
            server.detach(driver.session.spec.id);
            return ending;
        }
        effects = tokio::select! {
            biased;
            order = driver.session.orders.next() => {
                if let super::Order::Turn { turn, .. } = &order {
                    driver.session.raw.turn(*turn);
                }
                driver.thread.order(order)
            }
            Some(said) = said.recv() => match said {
                Said::Mute(why) if driver.thread.never_open() => {
                    let turn = driver.thread.take_turn();
                    turn.into_iter().for_each(|turn| driver.session.orders.give_back(turn));
                    return exec::run(driver.session, why).await;
                }
                said => driver.hear(said),
            },
            () = late(driver.timer) => {
                driver.timer = None;
                driver.thread.late()
            }
        };
    }
}

/// Performs effects and feeds results back.
struct Driver<'a> {
    session: Session,
    server: &'a Server,
    to: mpsc::Sender<Said>,
    /// What our requests were about.
    tags: BTreeMap<u64, Tag>,
    timer: Option<Instant>,
    thread: Thread,
}

impl Driver<'_> {
    fn hear(&mut self, said: Said) -> Vec<Effect> {
        match said {
            Said::Up(peer) => self.thread.up(peer),
            Said::Died(why) | Said::Mute(why) => {
                self.tags.clear();
                self.thread.died(&why)
            }
            Said::Line(message, line) => {
                self.session.raw.line(Way::Out, &line);
                match message {
                    Message::Response { id, result } => match self.tags.remove(&id) {
                        Some(tag) => self.thread.answered(tag, result),
                        None => Vec::new(),
                    },
                    message => self.thread.message(&message),
                }
            }
        }
    }

    /// `Some`: the session is over.
    async fn perform(&mut self, effects: Vec<Effect>) -> Option<Ending> {
        for effect in effects {
            let done = match effect {
                Effect::Attach => {
                    let spec = &self.session.spec;
                    self.server.attach(spec.id, self.to.clone(), spec.cwd.clone())
                }
                Effect::Ask { tag, method, params } => self.ask(tag, method, params),
                Effect::Answer { id, result } => self.write(rpc::response(&id, result), None, None),
                Effect::Refuse { id, code, why } => self.write(rpc::failure(&id, code, &why), None, None),
                Effect::News(news) => {
                    self.report(news).await;
                    true
                }
                Effect::Delta { turn, item, text } => {
                    self.session.deltas.push(turn, item, text);
                    true
                }
                Effect::Timer(after) => {
                    self.timer = after.map(|after| Instant::now() + after);
                    true
                }
                Effect::Over(ending) => return Some(ending),
            };
            if !done {
                let _ = self.to.try_send(Said::Died("the codex server does not listen any more".to_owned()));
            }
        }
        None
    }

    async fn report(&self, news: News) {
        self.session.news.send(news).await;
    }

    fn ask(&mut self, tag: Tag, method: &str, params: Value) -> bool {
        let id = self.server.next_id();
        self.tags.insert(id, tag);
        let thread = (tag == Tag::Resume).then(|| self.thread.id.clone()).flatten();
        self.write(rpc::request(id, method, params), Some(id), thread)
    }

    fn write(&mut self, line: String, id: Option<u64>, thread: Option<String>) -> bool {
        self.session.raw.line(Way::In, &line);
        self.server.write(self.session.spec.id, line, id, thread)
    }
}

async fn late(timer: Option<Instant>) {
    match timer {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
