//! Models: a request in, a stream of chunks and a reply out. Items are kept verbatim.
//!
//! [`Model`] opens a provider and repeats failed calls; one file a dialect ([`openai_responses`], [`openai_chat`],
//! [`anthropic`]) builds the body and reads the events; [`scripted`] plays a scenario. What a reply means is not
//! known here.

mod anthropic;
mod convert;
mod gate;
mod http;
mod model;
mod openai_chat;
mod openai_responses;
mod prices;
mod reach;
mod retry;
mod scripted;
mod sse;

use std::sync::Arc;

use serde_json::value::RawValue;

pub use crate::protocol::ToolSpec;
use crate::protocol::{Item, Usage, Wire};

pub use http::TimeLimits;
pub use model::{Model, base_urls};
pub use prices::Prices;
pub use reach::answers;
pub use retry::Backoff;

/// Bytes that a reply may have; a longer one is refused.
pub const MAX_REPLY: usize = 16 * 1024 * 1024;

/// What a model is asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// The whole history, oldest first (item 1 is the system prompt).
    pub items: Vec<Item>,
    /// The observation: sent as the last item, never part of the history.
    pub observation: String,
    /// JSON schemas of the tools on offer (`name`, `description`, `parameters`).
    pub tools: Arc<Vec<ToolSpec>>,
    /// `low`, `medium`, `high`.
    pub reasoning_effort: Option<String>,
    pub temperature: Option<f64>,
    /// Stable over the life of the instance: lets the provider find its prompt cache.
    pub cache_key: String,
    /// Replies of the model in the history so far: where a scenario goes on.
    pub replies: u32,
}

/// A piece of a reply while it streams.
#[derive(Clone, Debug, PartialEq)]
pub enum Chunk {
    Text(String),
    Reasoning(String),
    /// A tool call's arguments grow. `index`: which call of the reply.
    Arguments {
        index: usize,
        name: String,
        text: String,
    },
    /// The call failed and is tried again; what had streamed is void.
    Retrying {
        attempt: u32,
        wait_ms: u64,
        why: String,
    },
}

impl Chunk {
    /// Bytes of the model's answer in it.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Text(text) | Self::Reasoning(text) | Self::Arguments { text, .. } => text.len() as u64,
            Self::Retrying { .. } => 0,
        }
    }
}

/// What a model answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// New items in the provider's order, JSON-equal.
    pub items: Vec<Arc<RawValue>>,
    pub wire: Wire,
    /// `None`: the provider did not say.
    pub usage: Option<Usage>,
    /// The model that answered, as the provider names it.
    pub model: String,
}

/// Why a call failed, as far as the run must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Tried as often as allowed (429, 5xx, time-outs, cut streams).
    GaveUp,
    /// Retrying cannot help: 400, 401, 403, 404, a missing key, an unknown model.
    Refused,
    /// The request is longer than the model takes.
    ContextOverflow,
    /// A usage limit with a known reset (RFC 3339).
    Limit {
        until: Option<String>,
    },
    Cancelled,
}

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ModelError {
    pub kind: ErrorKind,
    /// One sentence, the thing in 'single quotes', no key in it.
    pub message: String,
    pub hint: String,
    /// The text that had streamed in the last attempt.
    pub partial: String,
}
