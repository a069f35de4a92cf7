//! The task that goes along with a run: takes its events, folds them, has the spans sent. It ends with the run.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Traces, fold::Fold, sender::Sender};
use crate::{
    agent::link::Link,
    companions::Ending,
    protocol::{Body, Notice, Published, event::Run},
    store::Feed,
};

/// How long spans may wait for others.
const EVERY: Duration = Duration::from_secs(5);
/// At the end: how long the last events may take to come, and the last spans to go.
const LAST_EVENTS: Duration = Duration::from_millis(500);
const LAST_SPANS: Duration = Duration::from_secs(2);

impl Traces {
    /// Goes along to the end. The link is not kept: it would keep the journal open.
    pub(in crate::companions) fn attend(
        self,
        link: &Link,
        from: u64,
        leaving: CancellationToken,
    ) -> impl Future<Output = Option<String>> + Send + use<> {
        let common = [
            ("service.name", "zwarm-tui".to_owned()),
            ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("service.instance.id", link.instance.to_string()),
        ];
        let task = Task {
            // What was before this launch is read for what it says of sessions; its spans were sent then.
            feed: Feed::live(&link.dir, link.events(), 0),
            from,
            ending: Ending { notices: link.notices(), leaving },
            fold: Fold::new(link.instance, self.content),
            senders: self.targets.into_iter().map(|target| Sender::new(target, &common)).collect(),
            warn: link.warner(),
        };
        task.run()
    }
}

struct Task<W> {
    feed: Feed,
    from: u64,
    ending: Ending,
    fold: Fold,
    senders: Vec<Sender>,
    warn: W,
}

impl<W: Fn(Notice) + Send> Task<W> {
    /// What went wrong at the end, when nobody listens any more.
    async fn run(mut self) -> Option<String> {
        let mut due: Option<Instant> = None;
        loop {
            let timer = async {
                match due {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                notice = self.ending.next() => if notice.is_none() { break },
                () = timer => {
                    self.send().await;
                    due = None;
                }
                published = self.feed.next() => {
                    let Some(published) = published else { break };
                    if self.take(&published) {
                        break;
                    }
                    due = due.or_else(|| Some(Instant::now() + EVERY));
                    if self.senders.iter().any(Sender::is_full) {
                        self.send().await;
                    }
                }
            }
        }
        self.close().await
    }

    /// Folds one event. True: it was the last of the run.
    fn take(&mut self, published: &Published) -> bool {
        let event = &published.recorded.event;
        let spans = self.fold.apply(event);
        if published.pos.offset < self.from {
            return false;
        }
        self.senders.iter_mut().for_each(|sender| sender.push(&spans));
        matches!(&event.body, Body::Run(Run::RunFinished(_)))
    }

    async fn send(&mut self) {
        let sent = futures_util::future::join_all(self.senders.iter_mut().map(Sender::send)).await;
        for message in sent.into_iter().flatten() {
            tracing::warn!("{message}");
            (self.warn)(Notice::Warning { message });
        }
    }

    async fn close(&mut self) -> Option<String> {
        let until = Instant::now() + LAST_EVENTS;
        while let Ok(Some(published)) = tokio::time::timeout_at(until, self.feed.next()).await {
            if self.take(&published) {
                break;
            }
        }
        let closing = self.senders.iter_mut().map(|sender| sender.close(LAST_SPANS));
        let sent = futures_util::future::join_all(closing).await;
        let said: Vec<String> = sent.into_iter().flatten().collect();
        said.iter().for_each(|message| tracing::warn!("{message}"));
        (!said.is_empty()).then(|| said.join("; "))
    }
}
