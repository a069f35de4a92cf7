//! Items of any dialect as plain pieces, for a request in another dialect: a run that is resumed with another
//! provider keeps its history (reasoning is left behind, because only its own provider understands it).

use serde_json::{Value, json};

use crate::protocol::{Item, ToolCall, item::ItemView};

/// An item without its dialect.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    System(String),
    User(String),
    Said(String),
    Call(ToolCall),
    Output { call_id: String, output: String },
}

/// The pieces of an item.
pub fn pieces(item: &Item) -> Vec<Piece> {
    match item.view() {
        ItemView::System(text) => vec![Piece::System(text)],
        ItemView::User(text) => vec![Piece::User(text)],
        ItemView::Assistant { text, calls } => {
            let said = (!text.is_empty()).then_some(Piece::Said(text));
            said.into_iter().chain(calls.into_iter().map(Piece::Call)).collect()
        }
        ItemView::Call(call) => vec![Piece::Call(call)],
        ItemView::Output { call_id, output } => vec![Piece::Output { call_id, output }],
        ItemView::Reasoning { .. } | ItemView::Other => Vec::new(),
    }
}

/// A piece as an item of the Responses API.
pub fn to_responses(piece: Piece) -> Value {
    match piece {
        Piece::System(text) => json!({ "role": "system", "content": text }),
        Piece::User(text) => json!({ "role": "user", "content": text }),
        Piece::Said(text) => json!({ "role": "assistant", "content": text }),
        Piece::Call(call) => json!({
            "type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments,
        }),
        Piece::Output { call_id, output } => {
            json!({ "type": "function_call_output", "call_id": call_id, "output": output })
        }
    }
}

/// Pieces as messages of Chat Completions: what the assistant said and called in a row is one message.
pub fn to_chat(messages: &mut Vec<Value>, piece: Piece) {
    let open = |message: &Value| message["role"] == "assistant" && message.get("tool_calls").is_some();
    match piece {
        Piece::System(text) => messages.push(json!({ "role": "system", "content": text })),
        Piece::User(text) => messages.push(json!({ "role": "user", "content": text })),
        Piece::Said(text) => messages.push(json!({ "role": "assistant", "content": text, "tool_calls": [] })),
        Piece::Output { call_id, output } => {
            messages.push(json!({ "role": "tool", "tool_call_id": call_id, "content": output }));
        }
        Piece::Call(call) => {
            if !messages.last().is_some_and(open) {
                messages.push(json!({ "role": "assistant", "content": null, "tool_calls": [] }));
            }
            let function = json!({ "name": call.name, "arguments": call.arguments });
            let call = json!({ "id": call.call_id, "type": "function", "function": function });
            if let Some(calls) = messages.last_mut().and_then(|last| last["tool_calls"].as_array_mut()) {
                calls.push(call);
            }
        }
    }
}

/// Takes empty lists of calls out again.
pub fn close_chat(messages: &mut [Value]) {
    for message in messages {
        if message["tool_calls"].as_array().is_some_and(Vec::is_empty)
            && let Some(map) = message.as_object_mut()
        {
            map.shift_remove("tool_calls");
        }
    }
}
