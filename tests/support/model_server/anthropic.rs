//! Frames of Anthropic Messages.

use serde_json::{Value, json};

use super::{Shared, lanes::Reply, play::Frame};

/// The content blocks of a reply.
fn blocks(shared: &Shared, reply: &Reply) -> Vec<Value> {
    let mut blocks = Vec::new();
    if let Some(text) = &reply.reasoning {
        let signature = format!("signed-{}", shared.id());
        blocks.push(json!({ "type": "thinking", "thinking": text, "signature": signature }));
    }
    if let Some(text) = &reply.text {
        blocks.push(json!({ "type": "text", "text": text }));
    }
    for (id, name, arguments, _) in reply.calls(|| shared.id()) {
        let input: Value = serde_json::from_str(&arguments).unwrap_or(json!({ "input": arguments }));
        let id = if id.starts_with("toolu_") { id } else { format!("toolu_{id}") };
        blocks.push(json!({ "type": "tool_use", "id": id, "name": name, "input": input }));
    }
    blocks
}

fn usage(reply: &Reply, output: u64) -> Value {
    let tokens = reply.tokens();
    json!({
        "input_tokens": tokens.input.saturating_sub(tokens.cached_input + tokens.cache_write),
        "cache_creation_input_tokens": tokens.cache_write, "cache_read_input_tokens": tokens.cached_input,
        "output_tokens": output,
    })
}

fn stop_reason(reply: &Reply) -> &'static str {
    if reply.calls.is_empty() { "end_turn" } else { "tool_use" }
}

/// The reply in one piece.
pub fn whole(shared: &Shared, body: &Value, reply: &Reply) -> Value {
    json!({
        "id": format!("msg_{}", shared.id()), "type": "message", "role": "assistant", "model": body["model"],
        "content": blocks(shared, reply), "stop_reason": stop_reason(reply), "stop_sequence": null,
        "usage": usage(reply, reply.tokens().output),
    })
}

/// The reply as a stream.
pub fn frames(shared: &Shared, body: &Value, reply: &Reply) -> Vec<Frame> {
    let frame = |kind: &'static str, mut data: Value| {
        data["type"] = json!(kind);
        Frame::new(Some(kind), &data)
    };
    let message = json!({
        "id": format!("msg_{}", shared.id()), "type": "message", "role": "assistant", "model": body["model"],
        "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage(reply, 1),
    });
    let mut frames = vec![frame("message_start", json!({ "message": message })), frame("ping", json!({}))];
    for (index, block) in blocks(shared, reply).into_iter().enumerate() {
        let (opened, deltas) = opened(&block, reply);
        frames.push(frame("content_block_start", json!({ "index": index, "content_block": opened })));
        for delta in deltas {
            frames.push(frame("content_block_delta", json!({ "index": index, "delta": delta })));
        }
        frames.push(frame("content_block_stop", json!({ "index": index })));
    }
    let delta = json!({ "stop_reason": stop_reason(reply), "stop_sequence": null });
    let counted = frame(
        "message_delta",
        json!({ "delta": delta, "usage": { "output_tokens": reply.tokens().output } }),
    );
    frames.push(Frame { counts: true, ..counted });
    frames.push(frame("message_stop", json!({})));
    frames
}

/// A block as it is opened, and the deltas that fill it.
fn opened(block: &Value, reply: &Reply) -> (Value, Vec<Value>) {
    let text = |key: &str| block[key].as_str().unwrap_or_default().to_owned();
    match block["type"].as_str().unwrap_or_default() {
        "thinking" => {
            let thinking = text("thinking");
            let delta = |piece: &str| json!({ "type": "thinking_delta", "thinking": piece });
            let mut deltas: Vec<_> = reply.pieces(&thinking).into_iter().map(delta).collect();
            deltas.push(json!({ "type": "signature_delta", "signature": block["signature"] }));
            (json!({ "type": "thinking", "thinking": "", "signature": "" }), deltas)
        }
        "tool_use" => {
            let input = block["input"].to_string();
            let delta = |piece: &str| json!({ "type": "input_json_delta", "partial_json": piece });
            let mut opened = block.clone();
            opened["input"] = json!({});
            (opened, reply.pieces(&input).into_iter().map(delta).collect())
        }
        _ => {
            let delta = |piece: &str| json!({ "type": "text_delta", "text": piece });
            let text = text("text");
            (json!({ "type": "text", "text": "" }), reply.pieces(&text).into_iter().map(delta).collect())
        }
    }
}
