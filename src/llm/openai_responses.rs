//! The OpenAI Responses API: the body of a request and the events of its stream. Nothing is stored at the provider:
//! reasoning comes back sealed and is sent again with the history, item by item as it came.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use super::{
    Chunk, ErrorKind, MAX_REPLY, Reply, Request, convert,
    retry::{self, Failure},
    sse::Event,
};
use crate::protocol::{Usage, Wire, item};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    input: Vec<Arc<RawValue>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    stream: bool,
    store: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    include: Vec<&'static str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    prompt_cache_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
}

/// Older models do not reason and refuse the fields about it.
fn reasons(model: &str) -> bool {
    !["gpt-3", "gpt-4", "chatgpt-"].iter().any(|old| model.starts_with(old))
}

/// The body of a request. `summary`: ask for summaries of the reasoning.
pub fn body(model: &str, request: &Request, summary: bool) -> serde_json::Result<String> {
    let mut input = Vec::with_capacity(request.items.len() + 1);
    for one in &request.items {
        match one.wire {
            Wire::Responses => input.push(one.raw.clone()),
            Wire::Chat | Wire::Anthropic => {
                input.extend(
                    convert::pieces(one).into_iter().map(|piece| item::raw(&convert::to_responses(piece))),
                );
            }
        }
    }
    if !request.observation.is_empty() {
        input.push(item::message("user", &request.observation));
    }
    let tool = |tool: &super::ToolSpec| {
        json!({
            "type": "function", "name": tool.name, "description": tool.description,
            "parameters": tool.parameters, "strict": false,
        })
    };
    let mut reasoning = json!({});
    if let Some(effort) = &request.reasoning_effort {
        reasoning["effort"] = json!(effort);
    }
    if summary && reasons(model) {
        reasoning["summary"] = json!("auto");
    }
    let reasoning =
        Some(reasoning).filter(|reasoning| reasoning.as_object().is_some_and(|map| !map.is_empty()));
    serde_json::to_string(&Body {
        model,
        input,
        tools: request.tools.iter().map(tool).collect(),
        stream: true,
        store: false,
        include: if reasons(model) { vec!["reasoning.encrypted_content"] } else { Vec::new() },
        prompt_cache_key: &request.cache_key,
        reasoning,
        temperature: request.temperature,
    })
}

/// Reads the events of one stream.
#[derive(Debug, Default)]
pub struct Machine {
    items: Vec<Arc<RawValue>>,
    bytes: usize,
    /// Names of the calls, by output index.
    calls: Vec<(u64, String)>,
    reply: Option<Reply>,
}

/// An event, read as little as possible: kinds that are not known may have any shape.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type", default)]
    kind: String,
    output_index: Option<u64>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    item: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    error: Option<Value>,
    message: Option<Value>,
    code: Option<Value>,
}

#[derive(Deserialize)]
struct Whole {
    #[serde(default)]
    model: Option<String>,
    usage: Option<Value>,
    error: Option<Value>,
    #[serde(default)]
    output: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    name: String,
}

impl Machine {
    /// Takes an event.
    pub fn push(&mut self, event: &Event, now: Timestamp) -> Result<Vec<Chunk>, Failure> {
        if event.data.is_empty() || event.data == "[DONE]" {
            return Ok(Vec::new());
        }
        let line: Line<'_> = serde_json::from_str(&event.data)
            .map_err(|_| Failure::again("a line of the model's stream is not understood"))?;
        let delta =
            || line.delta.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok()).unwrap_or_default();
        Ok(match line.kind.as_str() {
            "response.output_text.delta" | "response.refusal.delta" => vec![Chunk::Text(delta())],
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                vec![Chunk::Reasoning(delta())]
            }
            "response.reasoning_summary_part.added" => vec![Chunk::Reasoning("\n".to_owned())],
            "response.function_call_arguments.delta" => {
                let at = self.calls.iter().position(|(output, _)| Some(*output) == line.output_index);
                let name =
                    at.and_then(|at| self.calls.get(at)).map(|(_, name)| name.clone()).unwrap_or_default();
                vec![Chunk::Arguments { index: at.unwrap_or(0), name, text: delta() }]
            }
            "response.output_item.added" => {
                let named = line.item.and_then(|item| serde_json::from_str::<Named>(item.get()).ok());
                if let Some(named) = named.filter(|named| named.kind == "function_call") {
                    self.calls.push((line.output_index.unwrap_or(0), named.name));
                }
                Vec::new()
            }
            "response.output_item.done" => {
                self.keep(
                    line.item.ok_or_else(|| Failure::again("an item of the model's answer is missing"))?,
                )?;
                Vec::new()
            }
            "response.completed" | "response.done" | "response.incomplete" => {
                self.complete(line.response)?;
                Vec::new()
            }
            "response.failed" => {
                let whole = line.response.and_then(|raw| serde_json::from_str::<Whole>(raw.get()).ok());
                return Err(retry::in_stream(&whole.and_then(|whole| whole.error).unwrap_or_default(), now));
            }
            "error" => {
                let flat = json!({ "code": line.code, "message": line.message });
                return Err(retry::in_stream(&line.error.unwrap_or(flat), now));
            }
            _ => Vec::new(),
        })
    }

    fn keep(&mut self, raw: &RawValue) -> Result<(), Failure> {
        self.bytes += raw.get().len();
        if self.bytes > MAX_REPLY {
            return Err(too_long());
        }
        self.items.push(Arc::from(raw.to_owned()));
        Ok(())
    }

    fn complete(&mut self, raw: Option<&RawValue>) -> Result<(), Failure> {
        let whole = raw.and_then(|raw| serde_json::from_str::<Whole>(raw.get()).ok());
        let whole = whole.ok_or_else(|| Failure::again("the end of the model's answer is not understood"))?;
        if self.items.is_empty() {
            for item in &whole.output {
                self.keep(item)?;
            }
        }
        self.reply = Some(Reply {
            items: std::mem::take(&mut self.items),
            wire: Wire::Responses,
            usage: whole.usage.as_ref().and_then(usage),
            model: whole.model.unwrap_or_default(),
        });
        Ok(())
    }

    /// The reply, once it is complete.
    pub fn take(&mut self) -> Option<Reply> {
        self.reply.take()
    }
}

/// A reply beyond [`MAX_REPLY`].
pub fn too_long() -> Failure {
    Failure::stop(
        ErrorKind::Refused,
        format!("the model's answer is longer than {} MB", MAX_REPLY / 1024 / 1024),
        "nudge the orchestrator to write less",
    )
}

/// The provider's count. `None`: there is none.
fn usage(value: &Value) -> Option<Usage> {
    let number = |pointer: &str| value.pointer(pointer).and_then(Value::as_u64);
    Some(Usage {
        input: number("/input_tokens")?,
        cached_input: number("/input_tokens_details/cached_tokens").unwrap_or(0),
        cache_write: number("/input_tokens_details/cache_write_tokens").unwrap_or(0),
        output: number("/output_tokens").unwrap_or(0),
        reasoning: number("/output_tokens_details/reasoning_tokens").unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(machine: &mut Machine, data: &str) -> Result<Vec<Chunk>, Failure> {
        machine.push(&Event { name: String::new(), data: data.to_owned() }, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn events_of_unknown_kinds_and_shapes_are_skipped() {
        let mut machine = Machine::default();
        for data in [
            r#"{"type":"response.new_thing","delta":{"a":1},"message":[2],"code":3}"#,
            r#"{"type":"keepalive","sequence_number":3}"#,
            r#"{"no":"type"}"#,
            "[DONE]",
            "",
        ] {
            assert_eq!(push(&mut machine, data), Ok(vec![]), "{data}");
        }
        let end =
            r#"{"type":"response.completed","response":{"model":"m","output":[{"type":"odd", "x":1.0}]}}"#;
        push(&mut machine, end).unwrap();
        let reply = machine.take().unwrap();
        assert_eq!((reply.items[0].get(), reply.usage), (r#"{"type":"odd", "x":1.0}"#, None));
    }

    #[test]
    fn what_is_cut_off_fails_and_may_be_tried_again() {
        for data in [
            r#"{"type":"#,
            "[1]",
            r#"{"type":"response.completed"}"#,
            r#"{"type":"response.output_item.done"}"#,
        ] {
            let failure = push(&mut Machine::default(), data).unwrap_err();
            assert_eq!(failure.next, retry::Next::Again { after: None }, "{data}");
        }
    }
}
