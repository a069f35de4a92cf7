//! Frames of Chat Completions.

use serde_json::{Value, json};

use super::{Shared, lanes::Reply, play::Frame};

fn usage(reply: &Reply) -> Value {
    let tokens = reply.tokens();
    json!({
        "prompt_tokens": tokens.input, "prompt_tokens_details": { "cached_tokens": tokens.cached_input },
        "completion_tokens": tokens.output,
        "completion_tokens_details": { "reasoning_tokens": tokens.reasoning },
        "total_tokens": tokens.input + tokens.output,
    })
}

fn finish(reply: &Reply) -> &'static str {
    if reply.calls.is_empty() { "stop" } else { "tool_calls" }
}

/// The reply in one piece.
pub fn whole(shared: &Shared, body: &Value, reply: &Reply) -> Value {
    let call = |(id, name, arguments, _): (String, String, String, bool)| json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } });
    let calls: Vec<_> = reply.calls(|| shared.id()).into_iter().map(call).collect();
    let mut message = json!({ "role": "assistant", "content": reply.text });
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
    }
    let mut whole = json!({
        "id": format!("chatcmpl-{}", shared.id()), "object": "chat.completion", "created": 0,
        "model": body["model"],
        "choices": [{ "index": 0, "message": message, "finish_reason": finish(reply) }],
    });
    if !reply.no_usage {
        whole["usage"] = usage(reply);
    }
    whole
}

/// The reply as a stream.
pub fn frames(shared: &Shared, body: &Value, reply: &Reply) -> Vec<Frame> {
    let id = format!("chatcmpl-{}", shared.id());
    let frame = |choices: Value, usage: Option<Value>| {
        let mut data = json!({
            "id": id, "object": "chat.completion.chunk", "created": 0, "model": body["model"], "choices": choices,
        });
        if let Some(usage) = usage {
            data["usage"] = usage;
        }
        Frame::new(None, &data)
    };
    let delta = |delta: Value| frame(json!([{ "index": 0, "delta": delta, "finish_reason": null }]), None);
    let mut frames = vec![delta(json!({ "role": "assistant", "content": "" }))];
    for piece in reply.reasoning.iter().flat_map(|text| reply.pieces(text)) {
        frames.push(delta(json!({ "reasoning_content": piece })));
    }
    for piece in reply.text.iter().flat_map(|text| reply.pieces(text)) {
        frames.push(delta(json!({ "content": piece })));
    }
    for (index, (call_id, name, arguments, _)) in reply.calls(|| shared.id()).into_iter().enumerate() {
        frames.push(delta(json!({ "tool_calls": [{
            "index": index, "id": call_id, "type": "function", "function": { "name": name, "arguments": "" },
        }] })));
        for piece in reply.pieces(&arguments) {
            frames.push(delta(
                json!({ "tool_calls": [{ "index": index, "function": { "arguments": piece } }] }),
            ));
        }
    }
    frames.push(frame(json!([{ "index": 0, "delta": {}, "finish_reason": finish(reply) }]), None));
    let wants_usage = body["stream_options"]["include_usage"] == true;
    if wants_usage && !reply.no_usage {
        frames.push(Frame { counts: true, ..frame(json!([]), Some(usage(reply))) });
    }
    frames.push(Frame { event: None, data: "[DONE]".to_owned(), counts: false });
    frames
}
