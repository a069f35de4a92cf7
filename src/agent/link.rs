//! The link between an instance and its clients: commands in; events, live text and notices out.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{broadcast, mpsc, watch};

use crate::protocol::{Command, InstanceId, Notice, Published, Sender, StreamKey};

/// Bytes of live text that are kept of each stream.
pub const TAIL_BYTES: usize = 64 * 1024;
/// Streams that are kept; the oldest goes first.
pub const MAX_STREAMS: usize = 512;

/// How a client holds an instance. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Link {
    pub instance: InstanceId,
    pub name: String,
    /// The instance's folder (`events.jsonl` is in it).
    pub dir: PathBuf,
    pub working_dir: PathBuf,
    commands: mpsc::Sender<(Command, Sender)>,
    events: broadcast::Sender<Published>,
    notices: broadcast::Sender<Notice>,
    pub tails: Arc<Tails>,
}

impl Link {
    /// A link and the agent's end of it.
    pub fn new(
        instance: InstanceId,
        name: String,
        dir: PathBuf,
        working_dir: PathBuf,
        events: broadcast::Sender<Published>,
    ) -> (Self, mpsc::Receiver<(Command, Sender)>) {
        let (commands, receiver) = mpsc::channel(64);
        let (notices, _) = broadcast::channel(64);
        let tails = Arc::new(Tails::default());
        (Self { instance, name, dir, working_dir, commands, events, notices, tails }, receiver)
    }

    /// Asks something of the instance. False: it has ended.
    pub async fn send(&self, command: Command) -> bool {
        self.commands.send((command, Sender::Screen)).await.is_ok()
    }

    /// The same without waiting. False: it has ended, or 64 commands wait.
    pub fn try_send(&self, command: Command) -> bool {
        self.commands.try_send((command, Sender::Screen)).is_ok()
    }

    /// The same on behalf of another process.
    pub async fn send_from(&self, command: Command, from: Sender) -> bool {
        self.commands.send((command, from)).await.is_ok()
    }

    /// Events from now on. A receiver that lags reads what it missed from the journal by sequence number.
    pub fn events(&self) -> broadcast::Receiver<Published> {
        self.events.subscribe()
    }

    /// Notices from now on.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// Tells every client, for one who must not hold the link itself.
    pub fn warner(&self) -> impl Fn(Notice) + Send + Sync + use<> {
        let notices = self.notices.clone();
        move |notice| drop(notices.send(notice))
    }

    /// Tells every client.
    pub fn notify(&self, notice: Notice) {
        let _ = self.notices.send(notice);
    }
}

/// The live text of all streams: a bounded tail each, behind one [`watch`]. Clients take what is new when they draw.
#[derive(Debug, Default)]
pub struct Tails {
    streams: Mutex<Streams>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Streams {
    /// In the order in which they opened.
    open: Vec<(StreamKey, Tail)>,
    /// The one that was written to last: mostly it is the next one, too.
    last: usize,
}

impl Streams {
    /// The tail of a stream. A new stream is opened; where there are too many, the oldest goes.
    fn tail(&mut self, stream: &StreamKey) -> &mut Tail {
        if self.open.get(self.last).is_none_or(|(key, _)| key != stream) {
            self.last = self.open.iter().position(|(key, _)| key == stream).unwrap_or_else(|| {
                if self.open.len() >= MAX_STREAMS {
                    self.open.remove(0);
                }
                self.open.push((stream.clone(), Tail::default()));
                self.open.len() - 1
            });
        }
        &mut self.open[self.last].1
    }
}

/// The end of one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// Byte offset of `text` in the whole stream: more than 0 when its beginning was dropped.
    pub from: u64,
    pub text: String,
}

impl Tail {
    /// Bytes that have streamed so far.
    pub fn end(&self) -> u64 {
        self.from + self.text.len() as u64
    }

    /// Appends; beyond twice the bound the beginning goes.
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        if self.text.len() > 2 * TAIL_BYTES {
            let mut cut = self.text.len() - TAIL_BYTES;
            while !self.text.is_char_boundary(cut) {
                cut += 1;
            }
            self.text.drain(..cut);
            self.from += cut as u64;
        }
    }
}

impl Tails {
    /// Appends live text; an empty one opens the stream.
    pub fn push(&self, stream: &StreamKey, text: &str) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.tail(stream).push(text);
        drop(streams);
        // Where nobody listens, this costs nothing; who begins to listen looks at all there is first.
        let _ = self.changed.send(());
    }

    /// Drops the streams for which `gone` holds (their finished events are there).
    pub fn close(&self, gone: impl Fn(&StreamKey) -> bool) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.open.retain(|(key, _)| !gone(key));
        drop(streams);
        let _ = self.changed.send(());
    }

    /// The open streams of one owner (`None`: the orchestrator), with their tails, in the order in which they opened.
    pub fn of(&self, session: Option<crate::protocol::SessionId>) -> Vec<(StreamKey, Tail)> {
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.open.iter().filter(|(key, _)| key.session == session).cloned().collect()
    }

    /// Looks at the open streams of one owner without copying them, in the order in which they opened. `look` must be
    /// quick: those who write wait.
    pub fn each(&self, session: Option<crate::protocol::SessionId>, mut look: impl FnMut(&StreamKey, &Tail)) {
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let own = streams.open.iter().filter(|(key, _)| key.session == session);
        own.for_each(|(key, tail)| look(key, tail));
    }

    /// Tells whether something has streamed or closed since it was last asked. What happens between two questions is
    /// never missed.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_closes_while_nobody_waits_is_told_at_the_next_question() {
        let tails = Tails::default();
        let mut changes = tails.changes();
        let stream = StreamKey { session: None, turn: 1, item: "tool:1.0 exit".into() };
        tails.push(&stream, "{");
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        tails.close(|_| true);
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        assert!(!changes.has_changed().unwrap());
    }

    #[test]
    fn a_tail_keeps_the_end_of_a_stream_and_knows_what_it_dropped() {
        let tails = Tails::default();
        let stream = StreamKey { session: None, turn: 1, item: "text:1".into() };
        for _ in 0..5_000 {
            tails.push(&stream, "añ€ 0123456789 ");
        }
        let all = tails.of(None);
        let tail = &all[0].1;
        assert!(tail.text.len() <= 2 * TAIL_BYTES && tail.text.len() >= TAIL_BYTES / 2);
        assert_eq!(tail.end(), 5_000 * "añ€ 0123456789 ".len() as u64);
        tails.close(|key| key.turn == 1);
        assert!(tails.of(None).is_empty());
    }
}
