//! What was said, in the JSON form of the GenAI conventions: a list of `{role, parts: [{type, content}]}`.

use serde_json::{Value, json};

use super::span::MAX_TEXT;
use crate::protocol::{ToolCall, item::ItemView};

/// Messages of one call that are kept.
const MAX_MESSAGES: usize = 64;

/// Messages in order. The longest attribute is short of what a run says: beyond it, messages are only counted.
#[derive(Debug, Default)]
pub struct Said {
    messages: Vec<Value>,
    bytes: usize,
    left_out: u64,
}

impl Said {
    /// Appends a message, if there is one.
    pub fn push(&mut self, message: Option<Value>) {
        let Some(message) = message else { return };
        let size = message.to_string().len();
        if self.messages.len() >= MAX_MESSAGES || self.bytes + size > MAX_TEXT {
            self.left_out += 1;
            return;
        }
        self.bytes += size;
        self.messages.push(message);
    }

    /// Nothing was said.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.left_out == 0
    }

    /// The list, with a word on what was left out.
    pub fn to_json(&self) -> String {
        let mut all = self.messages.clone();
        if self.left_out > 0 {
            all.push(text("system", &format!("[{} longer messages are left out]", self.left_out)));
        }
        Value::Array(all).to_string()
    }
}

fn text(role: &str, content: &str) -> Value {
    json!({ "role": role, "parts": [{ "type": "text", "content": content }] })
}

/// One message of the user.
pub fn question(content: &str) -> String {
    json!([text("user", content)]).to_string()
}

/// One message of a model.
pub fn answer(content: &str) -> String {
    json!([text("assistant", content)]).to_string()
}

/// An item as a message; `None`: it says nothing.
pub fn message(view: &ItemView) -> Option<Value> {
    let call = |call: &ToolCall| {
        let arguments = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!(call.arguments));
        json!({ "type": "tool_call", "id": call.call_id, "name": call.name, "arguments": arguments })
    };
    match view {
        ItemView::System(content) => Some(text("system", content)),
        ItemView::User(content) => Some(text("user", content)),
        ItemView::Assistant { text: content, calls } => {
            let said = (!content.is_empty()).then(|| json!({ "type": "text", "content": content }));
            let parts: Vec<Value> = said.into_iter().chain(calls.iter().map(call)).collect();
            (!parts.is_empty()).then(|| json!({ "role": "assistant", "parts": parts }))
        }
        ItemView::Reasoning { summary } if summary.is_empty() => None,
        ItemView::Reasoning { summary } => {
            Some(json!({ "role": "assistant", "parts": [{ "type": "reasoning", "content": summary }] }))
        }
        ItemView::Call(one) => Some(json!({ "role": "assistant", "parts": [call(one)] })),
        ItemView::Output { call_id, output } => {
            let part = json!({ "type": "tool_call_response", "id": call_id, "response": output });
            Some(json!({ "role": "tool", "parts": [part] }))
        }
        ItemView::Other => None,
    }
}
