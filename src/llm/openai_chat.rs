//! Chat Completions, as many servers speak it: the body of a request and the chunks of its stream. Servers differ in
//! what they leave out (usage, ids, indices, the closing line); all of that is taken as it comes.

use std::{borrow::Cow, sync::Arc};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use super::{
    Chunk, MAX_REPLY, Reply, Request, convert,
    openai_responses::too_long,
    retry::{self, Failure},
    sse::Event,
};
use crate::protocol::{Usage, Wire, item};

/// Calls that one reply may have.
const MAX_CALLS: usize = 128;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Arc<RawValue>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    stream: bool,
    stream_options: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
}

/// The body of a request.
pub fn body(model: &str, request: &Request) -> serde_json::Result<String> {
    let mut messages = Vec::with_capacity(request.items.len() + 1);
    let mut foreign = Vec::new();
    let flush = |foreign: &mut Vec<Value>, messages: &mut Vec<Arc<RawValue>>| {
        convert::close_chat(foreign);
        messages.extend(foreign.drain(..).map(|message| item::raw(&message)));
    };
    for one in &request.items {
        if one.wire == Wire::Chat {
            flush(&mut foreign, &mut messages);
            messages.push(one.raw.clone());
        } else {
            convert::pieces(one).into_iter().for_each(|piece| convert::to_chat(&mut foreign, piece));
        }
    }
    flush(&mut foreign, &mut messages);
    if !request.observation.is_empty() {
        messages.push(item::message("user", &request.observation));
    }
    let tool = |tool: &super::ToolSpec| {
        let function =
            json!({ "name": tool.name, "description": tool.description, "parameters": tool.parameters });
        json!({ "type": "function", "function": function })
    };
    serde_json::to_string(&Body {
        model,
        messages,
        tools: request.tools.iter().map(tool).collect(),
        stream: true,
        stream_options: json!({ "include_usage": true }),
        reasoning_effort: request.reasoning_effort.as_deref(),
        temperature: request.temperature,
    })
}

/// Reads the chunks of one stream.
#[derive(Debug, Default)]
pub struct Machine {
    text: String,
    reasoning: String,
    calls: Vec<Call>,
    usage: Option<Usage>,
    model: String,
    finished: bool,
    done: bool,
}

#[derive(Debug, Default)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl Machine {
    /// Takes an event.
    pub fn push(&mut self, event: &Event, now: Timestamp) -> Result<Vec<Chunk>, Failure> {
        if event.data.trim() == "[DONE]" {
            self.done = true;
            return Ok(Vec::new());
        }
        if event.data.is_empty() {
            return Ok(Vec::new());
        }
        let chunk: Value = serde_json::from_str(&event.data)
            .map_err(|_| Failure::again("a line of the model's stream is not understood"))?;
        self.value(&chunk, "delta", now)
    }

    /// A server that did not stream: the whole answer as one JSON object.
    pub fn whole(&mut self, text: &str, now: Timestamp) -> Result<Vec<Chunk>, Failure> {
        let whole: Value =
            serde_json::from_str(text).map_err(|_| Failure::again("the model's answer is not JSON"))?;
        let chunks = self.value(&whole, "message", now)?;
        self.done = true;
        Ok(chunks)
    }

    fn value(&mut self, chunk: &Value, key: &str, now: Timestamp) -> Result<Vec<Chunk>, Failure> {
        if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
            return Err(retry::in_stream(error, now));
        }
        if let Some(model) = chunk.get("model").and_then(Value::as_str).filter(|_| self.model.is_empty()) {
            self.model = model.to_owned();
        }
        self.usage = chunk.get("usage").and_then(usage).or(self.usage);
        let Some(choice) = chunk.pointer("/choices/0") else { return Ok(Vec::new()) };
        self.finished |= choice.get("finish_reason").is_some_and(|reason| !reason.is_null());
        let Some(delta) = choice.get(key) else { return Ok(Vec::new()) };
        let text = |key: &str| delta.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let mut chunks = Vec::new();
        if let Some(piece) = text("reasoning_content").or_else(|| text("reasoning")) {
            self.reasoning.push_str(piece);
            chunks.push(Chunk::Reasoning(piece.to_owned()));
        }
        if let Some(piece) = text("content").or_else(|| text("refusal")) {
            self.text.push_str(piece);
            chunks.push(Chunk::Text(piece.to_owned()));
        }
        for call in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            chunks.extend(self.call(call)?);
        }
        if self.text.len()
            + self.reasoning.len()
            + self.calls.iter().map(|c| c.arguments.len()).sum::<usize>()
            > MAX_REPLY
        {
            return Err(too_long());
        }
        Ok(chunks)
    }

    fn call(&mut self, value: &Value) -> Result<Option<Chunk>, Failure> {
        let index = value.get("index").and_then(Value::as_u64);
        let text = |value: &Value, key: &str| -> Option<String> {
            value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let id = text(value, "id");
        let function = value.get("function").unwrap_or(&Value::Null);
        let known = match (index, &id) {
            (Some(_), _) => self.calls.iter().position(|call| call.index == index),
            (None, Some(id)) => self.calls.iter().position(|call| call.id == *id),
            (None, None) => self.calls.len().checked_sub(1),
        };
        let at = match known {
            Some(at) => at,
            None if self.calls.len() >= MAX_CALLS => {
                return Err(Failure::again(format!(
                    "the model asked for more than {MAX_CALLS} calls at once"
                )));
            }
            None => {
                self.calls.push(Call { index, ..Call::default() });
                self.calls.len() - 1
            }
        };
        let Some(call) = self.calls.get_mut(at) else { return Ok(None) };
        if call.id.is_empty() {
            call.id = id.unwrap_or_default();
        }
        if call.name.is_empty() {
            call.name = text(function, "name").unwrap_or_default();
        }
        let arguments = match function.get("arguments") {
            Some(Value::String(text)) => Cow::Borrowed(text.as_str()),
            // Some servers give an object.
            Some(object @ Value::Object(_)) => Cow::Owned(object.to_string()),
            _ => return Ok(None),
        };
        call.arguments.push_str(&arguments);
        Ok(Some(Chunk::Arguments { index: at, name: call.name.clone(), text: arguments.into_owned() }))
    }

    /// The reply, once it is complete. `ended`: the stream is over, so the closing line will not come.
    pub fn take(&mut self, ended: bool) -> Option<Reply> {
        if !(self.done || (ended && self.finished)) {
            return None;
        }
        let content = if self.text.is_empty() { Value::Null } else { json!(self.text) };
        let mut message = json!({ "role": "assistant", "content": content });
        if !self.reasoning.is_empty() {
            message["reasoning_content"] = json!(self.reasoning);
        }
        if !self.calls.is_empty() {
            message["tool_calls"] = self.calls.drain(..).map(written).collect();
        }
        let empty = content.is_null() && message.get("tool_calls").is_none();
        let items = if empty { Vec::new() } else { vec![item::raw(&message)] };
        Some(Reply { items, wire: Wire::Chat, usage: self.usage, model: std::mem::take(&mut self.model) })
    }
}

fn written(call: Call) -> Value {
    let id = if call.id.is_empty() { format!("call_{}", uuid::Uuid::new_v4().simple()) } else { call.id };
    let function = json!({ "name": call.name, "arguments": call.arguments });
    json!({ "id": id, "type": "function", "function": function })
}

/// The server's count. `None`: there is none.
fn usage(value: &Value) -> Option<Usage> {
    let number = |pointer: &str| value.pointer(pointer).and_then(Value::as_u64);
    Some(Usage {
        input: number("/prompt_tokens")?,
        cached_input: number("/prompt_tokens_details/cached_tokens").unwrap_or(0),
        cache_write: 0,
        output: number("/completion_tokens").unwrap_or(0),
        reasoning: number("/completion_tokens_details/reasoning_tokens").unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(lines: &[&str]) -> Machine {
        let mut machine = Machine::default();
        for line in lines {
            let event = Event { name: String::new(), data: (*line).to_owned() };
            machine.push(&event, Timestamp::UNIX_EPOCH).unwrap();
        }
        machine
    }

    #[test]
    fn servers_that_leave_things_out_are_understood() {
        let mut machine = machine(&[
            r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"bash","arguments":"{\"x\""}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":":1}"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"id":"b","function":{"name":"wait","arguments":{"t":2}}}]}}]}"#,
            r#"{"choices":[],"usage":null}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#,
        ]);
        assert!(machine.take(false).is_none());
        let reply = machine.take(true).unwrap();
        let expected = json!({
            "role": "assistant", "content": null, "tool_calls": [
                { "id": "a", "type": "function", "function": { "name": "bash", "arguments": "{\"x\":1}" } },
                { "id": "b", "type": "function", "function": { "name": "wait", "arguments": "{\"t\":2}" } },
            ],
        });
        assert_eq!(serde_json::from_str::<Value>(reply.items[0].get()).unwrap(), expected);
        assert_eq!(reply.usage, Some(Usage { input: 7, output: 3, ..Usage::default() }));
    }

    #[test]
    fn a_stream_that_was_cut_is_no_reply_and_an_empty_one_has_no_items() {
        assert!(machine(&[r#"{"choices":[{"delta":{"content":"half"}}]}"#]).take(true).is_none());
        assert!(machine(&["[DONE]"]).take(false).unwrap().items.is_empty());
    }
}
