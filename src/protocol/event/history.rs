//! Events of the orchestrator's history: items, tools, compaction, usage.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::events;
use crate::protocol::{Usage, Wire};

events! {
    /// The orchestrator's history, its tools and what they cost.
    History {
        ItemAdded = "item_added",
        ItemReplaced = "item_replaced",
        ToolStarted = "tool_started",
        ToolFinished = "tool_finished",
        ContextCompacted = "context_compacted",
        CompactionUndone = "compaction_undone",
        UsageRecorded = "usage_recorded",
    }
}

/// An item was appended to the history.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ItemAdded {
    /// From 1, without gaps.
    pub item_id: u64,
    /// JSON-equal to what the model gave or gets.
    pub item: Arc<RawValue>,
    pub wire: Wire,
    /// Estimate.
    pub tokens: u64,
}

impl PartialEq for ItemAdded {
    fn eq(&self, other: &Self) -> bool {
        (self.item_id, self.wire, self.tokens) == (other.item_id, other.wire, other.tokens)
            && self.item.get() == other.item.get()
    }
}

/// An item was replaced by a shorter one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ItemReplaced {
    pub item_id: u64,
    pub item: Arc<RawValue>,
    #[serde(default)]
    pub tokens: u64,
    /// `tool_compression`.
    pub why: String,
}

impl PartialEq for ItemReplaced {
    fn eq(&self, other: &Self) -> bool {
        (self.item_id, self.tokens, &self.why) == (other.item_id, other.tokens, &other.why)
            && self.item.get() == other.item.get()
    }
}

/// A tool call begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolStarted {
    pub call_id: String,
    pub name: String,
    /// As the model wrote them.
    pub arguments: String,
}

/// A tool call has returned; its output is an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolFinished {
    pub call_id: String,
    pub name: String,
    pub ok: bool,
    pub duration_ms: u64,
    /// Bytes of its output that the model does not get.
    #[serde(default)]
    pub cut_bytes: u64,
}

/// Old groups left the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextCompacted {
    pub step: u32,
    /// Items before.
    pub original_count: u64,
    /// Items after, the marker included.
    pub new_count: u64,
    pub removed_count: u64,
    #[serde(default)]
    pub tokens_before: u64,
    #[serde(default)]
    pub tokens_after: u64,
    /// Ranges of item ids, both ends included.
    #[serde(default)]
    pub dropped: Vec<(u64, u64)>,
    /// True: the marker is a summary by the model.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub summary: bool,
    /// Id of the marker item that stands in their place (an `item_added` that follows this event).
    #[serde(default)]
    pub marker: Option<u64>,
}

/// What the last compaction dropped is back, and its marker gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactionUndone {
    /// Sequence number of the `context_compacted`.
    pub compaction_seq: u64,
}

/// Who spent tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Orchestrator,
    /// The envelope's `session_id` says which.
    Session,
    Watcher,
}

/// Tokens were spent: always a difference, never a running total.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsageRecorded {
    pub scope: Scope,
    /// Empty: the executor did not say.
    pub model: String,
    pub input: u64,
    pub cached_input: u64,
    pub cache_write: u64,
    pub output: u64,
    pub reasoning: u64,
    pub total: u64,
    /// `None`: the price is unknown.
    pub cost_usd: Option<f64>,
    #[serde(default)]
    pub estimated: bool,
}

impl UsageRecorded {
    /// The five counts.
    pub fn usage(&self) -> Usage {
        Usage {
            input: self.input,
            cached_input: self.cached_input,
            cache_write: self.cache_write,
            output: self.output,
            reasoning: self.reasoning,
        }
    }

    /// From counts.
    pub fn new(scope: Scope, model: &str, usage: Usage, cost_usd: Option<f64>, estimated: bool) -> Self {
        Self {
            scope,
            model: model.to_owned(),
            input: usage.input,
            cached_input: usage.cached_input,
            cache_write: usage.cache_write,
            output: usage.output,
            reasoning: usage.reasoning,
            total: usage.total(),
            cost_usd,
            estimated,
        }
    }
}
