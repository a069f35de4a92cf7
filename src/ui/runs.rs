//! Following instances: one task each hands their events, notices and live text to the loop. Each ends with its
//! instance, or when the loop drops it.

use std::{path::PathBuf, time::Duration};

use tokio::{sync::mpsc, task::JoinHandle};

use super::msg::{Msg, News};
use crate::{
    agent::{launch::Ended, link::Link},
    protocol::InstanceId,
    store::Feed,
};

/// How long the last events of an ended instance are waited for.
const LAST: Duration = Duration::from_millis(200);

/// Follows an instance of this process to its end, and then its journal.
pub(super) async fn follow(link: Link, mut done: JoinHandle<Ended>, to: mpsc::Sender<Msg>) {
    let id = link.instance;
    let mut feed = Feed::live(&link.dir, link.events(), 0);
    let mut notices = link.notices();
    let mut streams = link.tails.changes();
    let mut read = 0;
    let ended = loop {
        let news = tokio::select! {
            biased;
            event = feed.next() => match event {
                Some(event) => {
                    read = event.pos.offset + u64::from(event.pos.len);
                    News::Event(event)
                }
                None => break (&mut done).await,
            },
            notice = notices.recv() => match notice {
                Ok(notice) => News::Notice(notice),
                Err(_) => continue,
            },
            ended = &mut done => break ended,
            Ok(()) = streams.changed() => News::Streaming,
        };
        if to.send(Msg::From(id, news)).await.is_err() {
            return;
        }
    };
    while let Ok(Some(event)) = tokio::time::timeout(LAST, feed.next()).await {
        read = event.pos.offset + u64::from(event.pos.len);
        if to.send(Msg::From(id, News::Event(event))).await.is_err() {
            return;
        }
    }
    let ended = News::Ended(ended.map_err(|error| error.to_string()));
    if to.send(Msg::From(id, ended)).await.is_ok() {
        // What is settled after its end is told too.
        follow_on(id, Feed::foreign(&link.dir, read), to).await;
    }
}

/// Follows an instance that another process runs, or reads one that nobody runs.
pub(super) async fn follow_foreign(id: InstanceId, dir: PathBuf, to: mpsc::Sender<Msg>) {
    follow_on(id, Feed::foreign(&dir, 0), to).await;
}

async fn follow_on(id: InstanceId, mut feed: Feed, to: mpsc::Sender<Msg>) {
    while let Some(event) = feed.next().await {
        if to.send(Msg::From(id, News::Event(event))).await.is_err() {
            return;
        }
    }
}
