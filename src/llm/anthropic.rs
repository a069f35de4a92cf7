//! Anthropic Messages: the body of a request and the events of its stream. Each content block of an answer is an item
//! of its own (thinking, text, tool use), so that the history groups them as it does for the Responses API.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json, value::RawValue};

use super::{
    Chunk, MAX_REPLY, Reply, Request,
    convert::{self, Piece},
    openai_responses::too_long,
    retry::{self, Failure},
    sse::Event,
};
use crate::protocol::{Item, Usage, Wire, item};

/// Blocks that one reply may have.
const MAX_BLOCKS: usize = 512;

/// Generated tokens that are allowed (the API wants a number).
fn max_tokens(model: &str) -> u64 {
    if model.contains("claude-3") { 8_192 } else { 32_000 }
}

/// The body of a request.
pub fn body(model: &str, request: &Request) -> serde_json::Result<String> {
    let mut system = Vec::new();
    let mut messages: Vec<Value> = Vec::new();
    for one in &request.items {
        for (role, block) in blocks(one) {
            match role {
                Role::System => system.push(block),
                Role::User => append(&mut messages, "user", block),
                Role::Assistant => append(&mut messages, "assistant", block),
            }
        }
    }
    // What is stable is cached: the instructions, and the history up to here.
    let cache = json!({ "type": "ephemeral" });
    if let Some(last) = system.last_mut() {
        last["cache_control"] = cache.clone();
    }
    let newest = messages.last_mut().and_then(|message| message["content"].as_array_mut()?.last_mut());
    if let Some(block) = newest.filter(|block| !is_thinking(block)) {
        block["cache_control"] = cache;
    }
    if !request.observation.is_empty() {
        append(&mut messages, "user", json!({ "type": "text", "text": request.observation }));
    }
    let tool = |tool: &super::ToolSpec| json!({ "name": tool.name, "description": tool.description, "input_schema": tool.parameters });
    let mut body = json!({
        "model": model, "max_tokens": max_tokens(model), "stream": true, "messages": messages,
    });
    if !system.is_empty() {
        body["system"] = json!(system);
    }
    if !request.tools.is_empty() {
        body["tools"] = request.tools.iter().map(tool).collect();
    }
    let budget = request.reasoning_effort.as_deref().map(|effort| match effort {
        "low" => 4_000,
        "high" => 16_000,
        _ => 8_000,
    });
    match (budget, request.temperature) {
        (Some(budget), _) => {
            body["thinking"] =
                json!({ "type": "enabled", "budget_tokens": budget.min(max_tokens(model) - 1) });
        }
        (None, Some(temperature)) => body["temperature"] = json!(temperature),
        (None, None) => {}
    }
    serde_json::to_string(&body)
}

enum Role {
    System,
    User,
    Assistant,
}

fn is_thinking(block: &Value) -> bool {
    block["type"].as_str().is_some_and(|kind| kind.contains("thinking"))
}

/// The content blocks of an item and who says them.
fn blocks(one: &Item) -> Vec<(Role, Value)> {
    if one.wire == Wire::Anthropic
        && let Ok(mut block) = serde_json::from_str::<Value>(one.raw.get())
        && block.get("type").is_some_and(|kind| kind != "function_call_output")
        && block.get("role").is_none()
    {
        if let Some(input @ Value::String(_)) = block.get_mut("input") {
            *input = json!({ "malformed": input.take() });
        }
        return vec![(Role::Assistant, block)];
    }
    let text = |text: String| json!({ "type": "text", "text": text });
    let block = |piece: Piece| match piece {
        Piece::System(said) => (Role::System, text(said)),
        Piece::User(said) => (Role::User, text(said)),
        Piece::Said(said) => (Role::Assistant, text(said)),
        Piece::Call(call) => {
            let input: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
            let input = if input.is_object() { input } else { json!({}) };
            (
                Role::Assistant,
                json!({ "type": "tool_use", "id": call.call_id, "name": call.name, "input": input }),
            )
        }
        Piece::Output { call_id, output } => {
            (Role::User, json!({ "type": "tool_result", "tool_use_id": call_id, "content": output }))
        }
    };
    let filled =
        |piece: &Piece| !matches!(piece, Piece::System(t) | Piece::User(t) | Piece::Said(t) if t.is_empty());
    convert::pieces(one).into_iter().filter(filled).map(block).collect()
}

fn append(messages: &mut Vec<Value>, role: &str, block: Value) {
    if messages.last().is_none_or(|last| last["role"] != role) {
        messages.push(json!({ "role": role, "content": [] }));
    }
    if let Some(content) = messages.last_mut().and_then(|last| last["content"].as_array_mut()) {
        content.push(block);
    }
}

/// Reads the events of one stream.
#[derive(Debug, Default)]
pub struct Machine {
    blocks: Vec<Block>,
    usage: Usage,
    counted: bool,
    model: String,
    bytes: usize,
    done: bool,
}

#[derive(Debug)]
struct Block {
    index: u64,
    value: Value,
    /// Arguments of a tool use, as they stream.
    input: String,
}

impl Machine {
    /// Takes an event.
    pub fn push(&mut self, event: &Event, now: Timestamp) -> Result<Vec<Chunk>, Failure> {
        if event.data.is_empty() {
            return Ok(Vec::new());
        }
        let line: Value = serde_json::from_str(&event.data)
            .map_err(|_| Failure::again("a line of the model's stream is not understood"))?;
        let index = line["index"].as_u64().unwrap_or(0);
        match line["type"].as_str().unwrap_or_default() {
            "message_start" => {
                self.model = line["message"]["model"].as_str().unwrap_or_default().to_owned();
                self.count(&line["message"]["usage"]);
            }
            "content_block_start" if self.blocks.len() < MAX_BLOCKS => {
                let value = line["content_block"].clone();
                self.blocks.push(Block { index, value, input: String::new() });
            }
            "content_block_delta" => return self.delta(index, &line["delta"]),
            "message_delta" => self.count(&line["usage"]),
            "message_stop" => self.done = true,
            "error" => return Err(retry::in_stream(&line["error"], now)),
            _ => {}
        }
        Ok(Vec::new())
    }

    fn count(&mut self, usage: &Value) {
        let number = |key: &str| usage.get(key).and_then(Value::as_u64);
        self.counted |= usage.is_object();
        let read = number("cache_read_input_tokens");
        let write = number("cache_creation_input_tokens");
        if let Some(fresh) = number("input_tokens") {
            self.usage.cached_input = read.unwrap_or(self.usage.cached_input);
            self.usage.cache_write = write.unwrap_or(self.usage.cache_write);
            self.usage.input = fresh + self.usage.cached_input + self.usage.cache_write;
        }
        self.usage.output = number("output_tokens").unwrap_or(self.usage.output);
    }

    fn delta(&mut self, index: u64, delta: &Value) -> Result<Vec<Chunk>, Failure> {
        let at =
            self.blocks.iter().filter(|block| block.value["type"] == "tool_use").count().saturating_sub(1);
        let Some(block) = self.blocks.iter_mut().find(|block| block.index == index) else {
            return Ok(Vec::new());
        };
        let text = |key: &str| delta[key].as_str().unwrap_or_default().to_owned();
        let (key, piece) = match delta["type"].as_str().unwrap_or_default() {
            "text_delta" => ("text", text("text")),
            "thinking_delta" => ("thinking", text("thinking")),
            "signature_delta" => ("signature", text("signature")),
            "input_json_delta" => ("input", text("partial_json")),
            _ => return Ok(Vec::new()),
        };
        self.bytes += piece.len();
        if self.bytes > MAX_REPLY {
            return Err(too_long());
        }
        let name = block.value["name"].as_str().unwrap_or_default().to_owned();
        match (key, &mut block.value[key]) {
            ("input", _) => block.input.push_str(&piece),
            (_, Value::String(whole)) => whole.push_str(&piece),
            (_, other) => *other = json!(piece),
        }
        Ok(match key {
            "text" => vec![Chunk::Text(piece)],
            "thinking" => vec![Chunk::Reasoning(piece)],
            "input" => vec![Chunk::Arguments { index: at, name, text: piece }],
            _ => Vec::new(),
        })
    }

    /// The reply, once it is complete.
    pub fn take(&mut self) -> Option<Reply> {
        if !self.done {
            return None;
        }
        let items = self.blocks.drain(..).map(written).collect();
        let usage = self.counted.then_some(self.usage);
        Some(Reply { items, wire: Wire::Anthropic, usage, model: std::mem::take(&mut self.model) })
    }
}

/// A block as an item: text becomes a message, everything else stays a block.
fn written(block: Block) -> Arc<RawValue> {
    let mut value = block.value;
    if value["type"] == "text" {
        return item::raw(&json!({ "role": "assistant", "content": [value] }));
    }
    if !block.input.is_empty() {
        // Malformed arguments are kept as text, so that the call is answered with what is wrong.
        value["input"] = serde_json::from_str(&block.input).unwrap_or(Value::String(block.input));
    }
    item::raw(&value)
}
