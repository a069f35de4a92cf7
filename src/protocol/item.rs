//! Items: the entries of the orchestrator's history, exactly as the model gave or gets them.
//!
//! The raw JSON text is kept beside a parsed view, because a provider wants its own items back JSON-equal
//! (reasoning ids, encrypted content, signatures) and because unknown fields must survive.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The dialect that an item is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wire {
    /// OpenAI Responses API.
    #[default]
    Responses,
    /// OpenAI-compatible Chat Completions.
    Chat,
    /// Anthropic Messages.
    Anthropic,
}

/// One entry of the history.
#[derive(Clone, Debug)]
pub struct Item {
    /// 1, 2, ... in the order in which they were added.
    pub id: u64,
    /// The dialect of `raw`.
    pub wire: Wire,
    /// The JSON as the model gave or gets it.
    pub raw: Arc<RawValue>,
    /// Estimated tokens (characters / 4, corrected by what the provider reports).
    pub tokens: u64,
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
            && self.wire == other.wire
            && self.tokens == other.tokens
            && self.raw.get() == other.raw.get()
    }
}

/// One tool call that the model asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The provider's id of the call.
    pub call_id: String,
    /// The tool.
    pub name: String,
    /// The arguments as the model wrote them: JSON text, possibly malformed.
    pub arguments: String,
}

/// What an item is, for those who read the history: watchers, compaction, the screen.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemView {
    /// Instructions.
    System(String),
    /// The task, a nudge, a notice.
    User(String),
    /// What the model said; `calls` is only filled where a dialect puts calls into the message (chat, anthropic).
    Assistant { text: String, calls: Vec<ToolCall> },
    /// What the model thought, as far as it tells.
    Reasoning { summary: String },
    /// A tool call.
    Call(ToolCall),
    /// The result of one.
    Output { call_id: String, output: String },
    /// Something that this version does not know.
    Other,
}

impl Item {
    /// Reads the raw JSON. Never fails: what is not understood is [`ItemView::Other`].
    pub fn view(&self) -> ItemView {
        view(self.wire, self.raw.get())
    }

    /// The calls that this item asks for, in order.
    pub fn calls(&self) -> Vec<ToolCall> {
        match self.view() {
            ItemView::Call(call) => vec![call],
            ItemView::Assistant { calls, .. } => calls,
            _ => Vec::new(),
        }
    }
}

/// Reads raw JSON of a dialect.
pub fn view(wire: Wire, raw: &str) -> ItemView {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(raw) else { return ItemView::Other };
    let text_of = |key: &str| value.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
    let content = value.get("content").map(content_text).unwrap_or_default();
    match (text_of("type").as_str(), text_of("role").as_str()) {
        ("function_call", _) => ItemView::Call(ToolCall {
            call_id: text_of("call_id"),
            name: text_of("name"),
            arguments: text_of("arguments"),
        }),
        ("function_call_output", _) => ItemView::Output {
            call_id: text_of("call_id"),
            output: value.get("output").map(content_text).unwrap_or_default(),
        },
        ("reasoning", _) => {
            ItemView::Reasoning { summary: value.get("summary").map(content_text).unwrap_or_default() }
        }
        ("thinking", _) => ItemView::Reasoning { summary: text_of("thinking") },
        ("tool_use", _) => ItemView::Call(ToolCall {
            call_id: text_of("id"),
            name: text_of("name"),
            arguments: value.get("input").map(|input| input.to_string()).unwrap_or_default(),
        }),
        (_, "tool") => ItemView::Output { call_id: text_of("tool_call_id"), output: content },
        (_, "system" | "developer") => ItemView::System(content),
        (_, "user") => ItemView::User(content),
        (_, "assistant") => ItemView::Assistant { text: content, calls: chat_calls(wire, &value) },
        _ => ItemView::Other,
    }
}

fn chat_calls(wire: Wire, value: &serde_json::Value) -> Vec<ToolCall> {
    if wire != Wire::Chat {
        return Vec::new();
    }
    let text =
        |v: &serde_json::Value, key: &str| v.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
    let calls = value.get("tool_calls").and_then(|v| v.as_array());
    calls
        .into_iter()
        .flatten()
        .map(|call| {
            let function = call.get("function").cloned().unwrap_or_default();
            ToolCall {
                call_id: text(call, "id"),
                name: text(&function, "name"),
                arguments: text(&function, "arguments"),
            }
        })
        .collect()
}

/// The text of a `content`: a string, or a list of parts with a `text` each.
fn content_text(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part.get("text").and_then(|t| t.as_str()));
            texts.collect::<Vec<_>>().join("\n")
        }
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A message of ours for the model.
pub fn message(role: &str, text: &str) -> Arc<RawValue> {
    raw(&serde_json::json!({ "role": role, "content": text }))
}

/// The result of a tool call in a dialect.
pub fn tool_output(wire: Wire, call_id: &str, output: &str) -> Arc<RawValue> {
    match wire {
        Wire::Chat => raw(&serde_json::json!({ "role": "tool", "tool_call_id": call_id, "content": output })),
        Wire::Responses | Wire::Anthropic => {
            raw(&serde_json::json!({ "type": "function_call_output", "call_id": call_id, "output": output }))
        }
    }
}

/// A JSON value as raw text.
pub fn raw(value: &serde_json::Value) -> Arc<RawValue> {
    let null = || RawValue::NULL.to_owned();
    RawValue::from_string(value.to_string()).unwrap_or_else(|_| null()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_both_dialects_are_understood() {
        assert_eq!(view(Wire::Responses, message("user", "hi").get()), ItemView::User("hi".into()));
        let call = r#"{"type":"function_call","call_id":"c1","name":"bash","arguments":"{}","id":"fc_1"}"#;
        let expected = ToolCall { call_id: "c1".into(), name: "bash".into(), arguments: "{}".into() };
        assert_eq!(view(Wire::Responses, call), ItemView::Call(expected.clone()));
        let chat = r#"{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"bash","arguments":"{}"}}]}"#;
        assert_eq!(
            view(Wire::Chat, chat),
            ItemView::Assistant { text: String::new(), calls: vec![expected] }
        );
        let output = tool_output(Wire::Chat, "c1", "ok");
        assert_eq!(
            view(Wire::Chat, output.get()),
            ItemView::Output { call_id: "c1".into(), output: "ok".into() }
        );
        let said = r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"},{"type":"output_text","text":"b"}]}"#;
        assert_eq!(view(Wire::Responses, said), ItemView::Assistant { text: "a\nb".into(), calls: vec![] });
    }
}
