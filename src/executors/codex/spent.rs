//! Tokens of a codex thread: cumulative totals become differences, requests that were cut become estimates. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{executors::bound::LIVE_STEP, protocol::Usage};

/// Bytes of text that count as one token in an estimate.
const BYTES_PER_TOKEN: u64 = 4;

/// The total of a thread of which none is known yet: nothing is counted until one is.
const UNKNOWN: Usage = Usage {
    input: u64::MAX,
    cached_input: u64::MAX,
    cache_write: u64::MAX,
    output: u64::MAX,
    reasoning: u64::MAX,
};

/// What has been counted of the threads of one session (its own and those of its sub-agents).
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Spent {
    /// The last total of each thread.
    totals: BTreeMap<String, Usage>,
    /// The last request that codex has counted.
    last: Usage,
    /// What the running request has streamed so far, in bytes.
    streamed: u64,
    /// Of these, told.
    told: u64,
}

impl Spent {
    /// From now on totals of this thread count from here: what the journal knows of it.
    pub(super) fn baseline(&mut self, thread: &str, counted: Usage) {
        self.totals.entry(thread.to_owned()).or_insert(counted);
    }

    /// A thread that was forked begins with its parent's total: its first total is its baseline.
    pub(super) fn forked(&mut self, thread: &str) {
        self.totals.entry(thread.to_owned()).or_insert(UNKNOWN);
    }

    /// The first total of a forked thread that already has a request of our own turn in it (codex told no total at the
    /// fork): its baseline is what was there before that request.
    pub(super) fn begins(&mut self, thread: &str, token_usage: &Value) {
        if self.totals.get(thread) == Some(&UNKNOWN)
            && let (Some(total), Some(last)) = (token_usage.get("total"), token_usage.get("last"))
        {
            self.totals.insert(thread.to_owned(), usage(total).since(&usage(last)));
        }
    }

    /// `thread/tokenUsage/updated`: what was spent since the last one. `None`: nothing (totals are repeated).
    /// `last` is never added: it is repeated when a request is cut.
    pub(super) fn updated(&mut self, thread: &str, token_usage: &Value) -> Option<Usage> {
        let total = usage(token_usage.get("total")?);
        let before = self.totals.insert(thread.to_owned(), total).unwrap_or_default();
        let grown = total.since(&before);
        if let Some(last) = token_usage.get("last") {
            self.last = usage(last);
        }
        if grown.is_zero() {
            return None;
        }
        (self.streamed, self.told) = (0, 0);
        Some(grown)
    }

    /// The running request has streamed.
    pub(super) fn streamed(&mut self, text: &str) {
        self.streamed = self.streamed.saturating_add(text.len() as u64);
    }

    /// What the running request has cost so far, by estimate; `None`: that was told a moment ago.
    pub(super) fn live(&mut self, prompt: usize) -> Option<Usage> {
        if self.streamed < self.told + LIVE_STEP {
            return None;
        }
        self.told = self.streamed;
        Some(self.estimate(prompt))
    }

    /// The running request was cut: codex will never count it. An estimate: the input is what the last request has
    /// read and written (`prompt` bytes where there was none), the output is what had streamed.
    pub(super) fn cut(&mut self, prompt: usize) -> Usage {
        let usage = self.estimate(prompt);
        (self.streamed, self.told) = (0, 0);
        usage
    }

    fn estimate(&self, prompt: usize) -> Usage {
        let known = self.last.total();
        let input = if known > 0 { known } else { tokens(prompt as u64) };
        let output = tokens(self.streamed);
        Usage { input, cached_input: self.last.cached_input.min(input), output, ..Usage::default() }
    }
}

fn tokens(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

/// The five counts as codex names them; its input includes the cached one.
pub(super) fn usage(counts: &Value) -> Usage {
    let count = |name: &str| counts.get(name).and_then(Value::as_u64).unwrap_or(0);
    Usage {
        input: count("inputTokens"),
        cached_input: count("cachedInputTokens"),
        cache_write: count("cacheWriteInputTokens"),
        output: count("outputTokens"),
        reasoning: count("reasoningOutputTokens"),
    }
}
