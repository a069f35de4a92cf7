//! The lines that we write to claude, and small readers of what it prints. Source of the format: claude 2.1.197's
//! `--input-format stream-json`, as measured.

use serde_json::{Value, json};

use crate::protocol::Usage;

/// A request about the connection, answered by a `control_response` with the same id.
pub(super) fn control(id: &str, request: Value) -> String {
    json!({"type": "control_request", "request_id": id, "request": request}).to_string()
}

/// Something said by the user. The echo (`isReplay`) carries the same uuid.
pub(super) fn user(uuid: &str, text: &str) -> String {
    json!({
        "type": "user",
        "message": {"role": "user", "content": [{"type": "text", "text": text}]},
        "parent_tool_use_id": null,
        "session_id": "",
        "uuid": uuid,
    })
    .to_string()
}

/// The answer to a request of claude's.
pub(super) fn granted(id: &str, response: Value) -> String {
    json!({
        "type": "control_response",
        "response": {"subtype": "success", "request_id": id, "response": response},
    })
    .to_string()
}

/// A request of claude's that we do not know.
pub(super) fn refused(id: &str, error: &str) -> String {
    json!({
        "type": "control_response",
        "response": {"subtype": "error", "request_id": id, "error": error},
    })
    .to_string()
}

/// A string of a message; empty where it is not one.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The text of a message's or a result's content: a string, or blocks of which those of text count.
pub(super) fn content(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts = blocks.iter().filter(|block| text(block, "type") == "text");
            texts.map(|block| text(block, "text")).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// Anthropic's counters of one message: `input` excludes the cache here.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counters {
    input: u64,
    read: u64,
    write: u64,
    pub(super) output: u64,
}

impl Counters {
    /// Takes over what a later report says; a report that lacks a counter (or says 0 of the prompt) leaves it.
    pub(super) fn update(&mut self, usage: &Value) {
        let of = |key: &str| usage[key].as_u64();
        let prompt = |key: &str, old: u64| of(key).filter(|new| *new > 0).unwrap_or(old);
        self.input = prompt("input_tokens", self.input);
        self.read = prompt("cache_read_input_tokens", self.read);
        self.write = prompt("cache_creation_input_tokens", self.write);
        self.output = of("output_tokens").unwrap_or(self.output);
    }

    /// In our shape: `input` includes the cache.
    pub(super) fn usage(&self) -> Usage {
        Usage {
            input: self.input.saturating_add(self.read).saturating_add(self.write),
            cached_input: self.read,
            cache_write: self.write,
            output: self.output,
            reasoning: 0,
        }
    }
}

/// `modelUsage`: what this process has spent so far, over all models.
pub(super) fn model_usage(models: &Value) -> Option<Usage> {
    let mut sum = Usage::default();
    for model in models.as_object()?.values() {
        let of = |key: &str| model[key].as_u64().unwrap_or(0);
        let (read, write) = (of("cacheReadInputTokens"), of("cacheCreationInputTokens"));
        sum.add(&Usage {
            input: of("inputTokens").saturating_add(read).saturating_add(write),
            cached_input: read,
            cache_write: write,
            output: of("outputTokens"),
            reasoning: 0,
        });
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_includes_the_cache_and_a_poorer_report_takes_nothing_away() {
        let mut counters = Counters::default();
        counters.update(&json!({"input_tokens": 500, "cache_creation_input_tokens": 100,
            "cache_read_input_tokens": 400, "output_tokens": 1}));
        counters.update(&json!({"input_tokens": 0, "output_tokens": 50}));
        let expected = Usage { input: 1000, cached_input: 400, cache_write: 100, output: 50, reasoning: 0 };
        assert_eq!(counters.usage(), expected);
    }
}
