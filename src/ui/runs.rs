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

/// Follows an instance of this process to its end.
pub(super) async fn follow(link: Link, mut done: JoinHandle<Ended>, to: mpsc::Sender<Msg>) {
    let id = link.instance;
    let mut feed = Feed::live(&link.dir, link.events(), 0);
    let mut notices = link.notices();
    let ended = loop {
        let news = tokio::select! {
            biased;
            event = feed.next() => match event {
                Some(event) => News::Event(event),
                None => break (&mut done).await,
            },
            notice = notices.recv() => match notice {
                Ok(notice) => News::Notice(notice),
                Err(_) => continue,
            },
            ended = &mut done => break ended,
            () = link.tails.changed() => News::Streaming,
        };
        if to.send(Msg::From(id, news)).await.is_err() {
            return;
        }
    };
    while let Ok(Some(event)) = tokio::time::timeout(LAST, feed.next()).await {
        if to.send(Msg::From(id, News::Event(event))).await.is_err() {
            return;
        }
    }
    let _ = to.send(Msg::From(id, News::Ended(ended.map_err(|error| error.to_string())))).await;
}

/// Follows an instance that another process runs, or reads one that nobody runs.
pub(super) async fn follow_foreign(id: InstanceId, dir: PathBuf, to: mpsc::Sender<Msg>) {
    let mut feed = Feed::foreign(&dir, 0);
    while let Some(event) = feed.next().await {
        if to.send(Msg::From(id, News::Event(event))).await.is_err() {
            return;
        }
    }
}
