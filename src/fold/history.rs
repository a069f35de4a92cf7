//! The history: the exact items that the model gets, what compaction dropped last, and the calls without an output.

use crate::protocol::{
    Body, Event, Item, Wire,
    event::{History as HistoryEvent, Scope},
    item::ItemView,
};

/// The items of the next request, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    pub items: Vec<Item>,
    /// Id of the newest item (0: none).
    pub last_id: u64,
    /// Calls that have no output yet, oldest first.
    pub open_calls: Vec<OpenCall>,
    /// Replies of the model so far (counted by their usage).
    pub replies: u32,
    undo: Option<Undo>,
    /// Tokens when a compaction was last undone: the human wants to keep what is there.
    undone: Option<u64>,
    /// A compaction waits for its marker item, which goes to this place.
    marker: Option<(u64, usize)>,
}

/// A call without an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCall {
    pub item: u64,
    pub call_id: String,
    pub name: String,
    /// As the model wrote them.
    pub arguments: String,
    pub wire: Wire,
    /// It has begun: what it did is not known.
    pub started: bool,
}

/// What the last compaction dropped. Only one is kept: memory stays bounded.
#[derive(Clone, Debug, PartialEq)]
struct Undo {
    seq: u64,
    marker: Option<u64>,
    /// Where the first of them stood.
    at: usize,
    dropped: Vec<Item>,
}

impl History {
    /// Follows one event.
    pub fn apply(&mut self, event: &Event) {
        let Body::History(body) = &event.body else { return };
        match body {
            HistoryEvent::ItemAdded(added) => {
                let item = Item {
                    id: added.item_id,
                    wire: added.wire,
                    raw: added.item.clone(),
                    tokens: added.tokens,
                };
                self.last_id = self.last_id.max(item.id);
                self.follow_calls(&item);
                match self.marker.take_if(|(id, _)| *id == item.id) {
                    Some((_, at)) => self.items.insert(at.min(self.items.len()), item),
                    None => self.items.push(item),
                }
            }
            HistoryEvent::ItemReplaced(replaced) => {
                if let Some(item) = self.items.iter_mut().find(|item| item.id == replaced.item_id) {
                    item.raw = replaced.item.clone();
                    item.tokens = replaced.tokens;
                }
            }
            HistoryEvent::ContextCompacted(compacted) => {
                let gone =
                    |id: u64| compacted.dropped.iter().any(|&(first, last)| (first..=last).contains(&id));
                let at = self.items.iter().position(|item| gone(item.id)).unwrap_or(self.items.len());
                let (dropped, kept) =
                    std::mem::take(&mut self.items).into_iter().partition(|item| gone(item.id));
                self.items = kept;
                self.marker = compacted.marker.map(|id| (id, at));
                self.undone = None;
                self.undo = Some(Undo { seq: event.seq, marker: compacted.marker, at, dropped });
            }
            HistoryEvent::CompactionUndone(undone) => {
                let Some(undo) = self.undo.take_if(|undo| undo.seq == undone.compaction_seq) else { return };
                self.items.retain(|item| Some(item.id) != undo.marker);
                let at = undo.at.min(self.items.len());
                self.items.splice(at..at, undo.dropped);
                self.undone = Some(self.tokens());
            }
            HistoryEvent::UsageRecorded(usage) => {
                self.replies += u32::from(usage.scope == Scope::Orchestrator)
            }
            HistoryEvent::ToolStarted(started) => {
                if let Some(open) = self.open_calls.iter_mut().find(|open| open.call_id == started.call_id) {
                    open.started = true;
                }
            }
            HistoryEvent::ToolFinished(_) => {}
        }
    }

    /// Estimated tokens of all items.
    pub fn tokens(&self) -> u64 {
        self.items.iter().map(|item| item.tokens).sum()
    }

    /// A call that has no output yet.
    pub fn open_call(&self, call_id: &str) -> Option<&OpenCall> {
        self.open_calls.iter().find(|open| open.call_id == call_id)
    }

    /// Tokens when a compaction was last undone, if none has come since.
    pub fn undone_at(&self) -> Option<u64> {
        self.undone
    }

    /// Sequence number of the compaction that can be undone.
    pub fn undoable(&self) -> Option<u64> {
        self.undo.as_ref().map(|undo| undo.seq)
    }

    fn follow_calls(&mut self, item: &Item) {
        match item.view() {
            ItemView::Output { call_id, .. } => self.open_calls.retain(|open| open.call_id != call_id),
            ItemView::Call(_) | ItemView::Assistant { .. } => {
                let (item_id, wire) = (item.id, item.wire);
                let open = |call: crate::protocol::ToolCall| OpenCall {
                    item: item_id,
                    call_id: call.call_id,
                    name: call.name,
                    arguments: call.arguments,
                    wire,
                    started: false,
                };
                self.open_calls.extend(item.calls().into_iter().map(open));
            }
            _ => {}
        }
    }
}
