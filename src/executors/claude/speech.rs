//! claude's messages as they stream: live text, and the counters of each message. One message at a time is open for
//! the main conversation and for each subagent.

use std::collections::BTreeMap;

use serde_json::Value;

use super::wire::{Counters, text};
use crate::{executors::bound::LIVE_STEP, protocol::Usage};

/// Most blocks of one message that are followed.
const MAX_BLOCKS: usize = 1024;
/// Most subagents that are followed at once.
const MAX_OPEN: usize = 256;
/// About how many characters make a token, for messages that were cut.
const CHARS_PER_TOKEN: u64 = 4;

/// What an event of the stream means.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    Nothing,
    /// The model has read its prompt and answers. With it: what is known of a message that never ended.
    Began(Option<Cut>),
    /// Live text of an item.
    Live {
        item: String,
        text: String,
    },
    /// A message was counted (again: only what is new).
    Counted {
        usage: Usage,
        model: String,
    },
    Closed,
}

/// A message that did not end.
#[derive(Debug, PartialEq)]
pub(super) struct Cut {
    pub(super) usage: Usage,
    pub(super) model: String,
}

#[derive(Debug, Default)]
struct Open {
    id: String,
    model: String,
    counters: Counters,
    /// `None` until the message was counted by its end.
    counted: Option<Usage>,
    chars: u64,
    /// The stream of each block, by its index.
    blocks: BTreeMap<u64, String>,
}

/// The open messages, by the tool call that they belong to; empty: the main conversation.
#[derive(Debug, Default)]
pub(super) struct Speech {
    open: BTreeMap<String, Open>,
    /// Characters that have streamed since [`Speech::grown`] last said so.
    untold: u64,
}

impl Speech {
    /// Whether the model answers the main conversation now.
    pub(super) fn answers(&self) -> bool {
        self.open.contains_key("")
    }

    /// One raw event of the provider's stream.
    pub(super) fn event(&mut self, parent: &str, event: &Value) -> Heard {
        if text(event, "type") == "message_start" {
            let cut = self.begin(parent, &event["message"]);
            return Heard::Began(cut);
        }
        let Some(open) = self.open.get_mut(parent) else { return Heard::Nothing };
        match text(event, "type") {
            "content_block_start" => {
                open.start_block(event);
                Heard::Nothing
            }
            "content_block_delta" => {
                let before = open.chars;
                let heard = open.delta(event);
                self.untold += open.chars - before;
                heard
            }
            "message_delta" => open.count(&event["usage"]),
            "message_stop" => {
                self.open.remove(parent);
                Heard::Closed
            }
            _ => Heard::Nothing,
        }
    }

    fn begin(&mut self, parent: &str, message: &Value) -> Option<Cut> {
        let cut = self.open.remove(parent).and_then(Open::cut);
        if self.open.len() < MAX_OPEN {
            let mut open = Open {
                id: text(message, "id").to_owned(),
                model: text(message, "model").to_owned(),
                ..Open::default()
            };
            open.counters.update(&message["usage"]);
            self.open.insert(parent.to_owned(), open);
        }
        cut
    }

    /// Whether enough has streamed to be told.
    pub(super) fn grown(&mut self) -> bool {
        let grown = self.untold >= LIVE_STEP;
        if grown {
            self.untold = 0;
        }
        grown
    }

    /// What the open messages have cost so far, by estimate.
    pub(super) fn live(&self) -> Usage {
        let mut sum = Usage::default();
        self.open.values().filter_map(Open::so_far).for_each(|usage| sum.add(&usage));
        sum
    }

    /// Closes what is open: everything, or (at the end of a turn) the main conversation.
    pub(super) fn close(&mut self, all: bool) -> Vec<Cut> {
        let closed = if all {
            std::mem::take(&mut self.open).into_values().collect()
        } else {
            self.open.remove("").into_iter().collect::<Vec<_>>()
        };
        closed.into_iter().filter_map(Open::cut).collect()
    }
}

impl Open {
    fn start_block(&mut self, event: &Value) {
        let Some(index) = event["index"].as_u64() else { return };
        let block = &event["content_block"];
        let item = match text(block, "type") {
            "text" => format!("text:{}.{index}", self.id),
            "thinking" => format!("reasoning:{}.{index}", self.id),
            "tool_use" => format!("tool:{}", text(block, "id")),
            _ => return,
        };
        if self.blocks.len() < MAX_BLOCKS {
            self.blocks.insert(index, item);
        }
    }

    fn delta(&mut self, event: &Value) -> Heard {
        let delta = &event["delta"];
        let piece = match text(delta, "type") {
            "text_delta" => text(delta, "text"),
            "thinking_delta" => text(delta, "thinking"),
            "input_json_delta" => text(delta, "partial_json"),
            _ => "",
        };
        self.chars += piece.len() as u64;
        match event["index"].as_u64().and_then(|index| self.blocks.get(&index)) {
            Some(item) if !piece.is_empty() => Heard::Live { item: item.clone(), text: piece.to_owned() },
            _ => Heard::Nothing,
        }
    }

    fn count(&mut self, usage: &Value) -> Heard {
        self.counters.update(usage);
        let now = self.counters.usage();
        let new = now.since(&self.counted.unwrap_or_default());
        self.counted = Some(now);
        Heard::Counted { usage: new, model: self.model.clone() }
    }

    /// What a message that was not counted has cost at least.
    fn cut(self) -> Option<Cut> {
        Some(Cut { usage: self.so_far()?, model: self.model })
    }

    fn so_far(&self) -> Option<Usage> {
        if self.counted.is_some() {
            return None;
        }
        let mut usage = self.counters.usage();
        usage.output = usage.output.max(self.chars / CHARS_PER_TOKEN);
        Some(usage)
    }
}
