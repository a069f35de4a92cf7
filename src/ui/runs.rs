//! Following instances: one task each hands their events, notices and live text to the loop. Each ends with its
//! instance, or when the loop drops it.

use std::{path::PathBuf, time::Duration};

use tokio::{sync::mpsc, task::JoinHandle};

use super::msg::{Msg, News};
use crate::{
    agent::{launch::Ended, link::Link},
    protocol::{InstanceId, Notice},
    store::{Feed, Lock},
};

/// How long the last events of an ended instance are waited for.
const LAST: Duration = Duration::from_millis(200);
/// How often the holder of an instance of another process is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// After so long without an event it is told what cannot be read.
const UNREADABLE: Duration = Duration::from_secs(1);

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

/// Follows an instance that another process runs, or reads one that nobody runs. Tells what of it cannot be read, and
/// whether somebody holds it: a process that was killed says nothing, so while one does it is looked at.
pub(super) async fn follow_foreign(id: InstanceId, dir: PathBuf, to: mpsc::Sender<Msg>) {
    let mut feed = Feed::foreign(&dir, 0);
    let holds = || Lock::holder(&dir).is_some();
    let (mut held, mut events, mut told, mut read) = (holds(), 0_u64, false, false);
    loop {
        let wait = if told && read { LOOK } else { UNREADABLE };
        let news = tokio::select! {
            biased;
            event = feed.next() => match event {
                Some(event) => {
                    events += 1;
                    News::Event(event)
                }
                None => break,
            },
            () = tokio::time::sleep(wait), if held || !told || !read => {
                match (std::mem::replace(&mut told, true), unread(events, feed.skipped())) {
                    (false, Some(message)) => News::Notice(Notice::Warning { message }),
                    _ if std::mem::replace(&mut held, holds()) != held => News::Held(held),
                    _ if !read => News::Held(held),
                    _ => continue,
                }
            }
        };
        let is_event = matches!(news, News::Event(_));
        read |= matches!(news, News::Held(_));
        if to.send(Msg::From(id, news)).await.is_err() {
            return;
        }
        // Who writes holds it. What was there has been read: now it is known how it stands.
        let comes = is_event && feed.caught_up() && !held && holds();
        if comes || (is_event && !read && feed.caught_up()) {
            (held, read) = (held || comes, true);
            if to.send(Msg::From(id, News::Held(held))).await.is_err() {
                return;
            }
        }
    }
    if let Some(message) = unread(events, feed.skipped()).filter(|_| !told) {
        let _ = to.send(Msg::From(id, News::Notice(Notice::Warning { message }))).await;
    }
}

/// What cannot be read of a journal.
fn unread(events: u64, skipped: u64) -> Option<String> {
    match (events, skipped) {
        (0, 0) => {
            Some("the journal of this instance is empty or missing: nothing of it can be shown".to_owned())
        }
        (_, 0) => None,
        (0, lines) => Some(format!("nothing of the journal can be read: {lines} damaged lines")),
        (_, 1) => Some("1 line of the journal is damaged and left out".to_owned()),
        (_, lines) => Some(format!("{lines} lines of the journal are damaged and left out")),
    }
}

async fn follow_on(id: InstanceId, mut feed: Feed, to: mpsc::Sender<Msg>) {
    while let Some(event) = feed.next().await {
        if to.send(Msg::From(id, News::Event(event))).await.is_err() {
            return;
        }
    }
}
