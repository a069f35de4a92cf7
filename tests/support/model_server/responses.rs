//! Frames of the OpenAI Responses API.

use serde_json::{Value, json};

use super::{Shared, lanes::Reply, play::Frame};

/// Tools that codex wants as custom (free text) calls.
const CUSTOM: [&str; 2] = ["apply_patch", "exec"];

/// The output items of a reply.
fn items(shared: &Shared, reply: &Reply) -> Vec<Value> {
    let mut items = Vec::new();
    if let Some(text) = &reply.reasoning {
        items.push(json!({
            "id": format!("rs_{}", shared.id()), "type": "reasoning",
            "summary": [{ "type": "summary_text", "text": text }],
            "encrypted_content": format!("sealed-{}", shared.id()),
        }));
    }
    items.extend(reply.raw_items.iter().cloned());
    if let Some(text) = &reply.text {
        items.push(json!({
            "id": format!("msg_{}", shared.id()), "type": "message", "status": "completed", "role": "assistant",
            "content": [{ "type": "output_text", "text": text, "annotations": [] }],
        }));
    }
    for (call_id, name, arguments, plain) in reply.calls(|| shared.id()) {
        items.push(if plain && CUSTOM.contains(&name.as_str()) {
            json!({
                "id": format!("ctc_{}", shared.id()), "type": "custom_tool_call", "status": "completed",
                "call_id": call_id, "name": name, "input": arguments,
            })
        } else {
            json!({
                "id": format!("fc_{}", shared.id()), "type": "function_call", "status": "completed",
                "call_id": call_id, "name": name, "arguments": arguments,
            })
        });
    }
    items
}

fn response(id: &str, status: &str, body: &Value, output: &[Value], usage: Option<Value>) -> Value {
    json!({
        "id": id, "object": "response", "created_at": 1_764_000_000, "status": status, "model": body["model"],
        "output": output, "usage": usage, "error": null, "incomplete_details": null,
    })
}

fn usage(reply: &Reply) -> Option<Value> {
    let tokens = reply.tokens();
    (!reply.no_usage).then(|| {
        json!({
            "input_tokens": tokens.input, "input_tokens_details": { "cached_tokens": tokens.cached_input },
            "output_tokens": tokens.output, "output_tokens_details": { "reasoning_tokens": tokens.reasoning },
            "total_tokens": tokens.input + tokens.output,
        })
    })
}

/// The reply in one piece.
pub fn whole(shared: &Shared, body: &Value, reply: &Reply) -> Value {
    let items = items(shared, reply);
    response(&format!("resp_{}", shared.id()), "completed", body, &items, usage(reply))
}

/// The reply as a stream.
pub fn frames(shared: &Shared, body: &Value, reply: &Reply) -> Vec<Frame> {
    let id = format!("resp_{}", shared.id());
    let items = items(shared, reply);
    let mut out = Out::default();
    let start = response(&id, "in_progress", body, &[], None);
    out.push("response.created", json!({ "response": start.clone() }));
    out.push("response.in_progress", json!({ "response": start }));
    for (index, item) in items.iter().enumerate() {
        out.item(index, item, reply);
    }
    out.push(
        "response.completed",
        json!({ "response": response(&id, "completed", body, &items, usage(reply)) }),
    );
    if let Some(last) = out.frames.last_mut() {
        last.counts = true;
    }
    out.frames
}

#[derive(Default)]
struct Out {
    frames: Vec<Frame>,
}

impl Out {
    fn push(&mut self, kind: &'static str, mut data: Value) {
        data["type"] = json!(kind);
        data["sequence_number"] = json!(self.frames.len());
        self.frames.push(Frame::new(Some(kind), &data));
    }

    fn item(&mut self, index: usize, item: &Value, reply: &Reply) {
        let id = item["id"].clone();
        let at = |more: Value| {
            let mut data = json!({ "output_index": index, "item_id": id.clone() });
            data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            data
        };
        let mut opened = item.clone();
        match item["type"].as_str().unwrap_or_default() {
            "reasoning" => opened["summary"] = json!([]),
            "message" => opened["content"] = json!([]),
            "function_call" => opened["arguments"] = json!(""),
            "custom_tool_call" => opened["input"] = json!(""),
            _ => {}
        }
        self.push("response.output_item.added", json!({ "output_index": index, "item": opened }));
        match item["type"].as_str().unwrap_or_default() {
            "reasoning" => {
                let text = item["summary"][0]["text"].as_str().unwrap_or_default().to_owned();
                let part = |text: &str| json!({ "type": "summary_text", "text": text });
                self.push(
                    "response.reasoning_summary_part.added",
                    at(json!({ "summary_index": 0, "part": part("") })),
                );
                for piece in reply.pieces(&text) {
                    self.push(
                        "response.reasoning_summary_text.delta",
                        at(json!({ "summary_index": 0, "delta": piece })),
                    );
                }
                self.push(
                    "response.reasoning_summary_text.done",
                    at(json!({ "summary_index": 0, "text": text })),
                );
                self.push(
                    "response.reasoning_summary_part.done",
                    at(json!({ "summary_index": 0, "part": part(&text) })),
                );
            }
            "message" => {
                let text = item["content"][0]["text"].as_str().unwrap_or_default().to_owned();
                let part = |text: &str| json!({ "type": "output_text", "text": text, "annotations": [] });
                self.push("response.content_part.added", at(json!({ "content_index": 0, "part": part("") })));
                for piece in reply.pieces(&text) {
                    self.push(
                        "response.output_text.delta",
                        at(json!({ "content_index": 0, "delta": piece })),
                    );
                }
                self.push("response.output_text.done", at(json!({ "content_index": 0, "text": text })));
                self.push(
                    "response.content_part.done",
                    at(json!({ "content_index": 0, "part": part(&text) })),
                );
            }
            "function_call" => {
                let text = item["arguments"].as_str().unwrap_or_default().to_owned();
                for piece in reply.pieces(&text) {
                    self.push("response.function_call_arguments.delta", at(json!({ "delta": piece })));
                }
                self.push("response.function_call_arguments.done", at(json!({ "arguments": text })));
            }
            "custom_tool_call" => {
                let text = item["input"].as_str().unwrap_or_default().to_owned();
                for piece in reply.pieces(&text) {
                    self.push("response.custom_tool_call_input.delta", at(json!({ "delta": piece })));
                }
                self.push("response.custom_tool_call_input.done", at(json!({ "input": text })));
            }
            _ => {}
        }
        self.push("response.output_item.done", json!({ "output_index": index, "item": item }));
    }
}
