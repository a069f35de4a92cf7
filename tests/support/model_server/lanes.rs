//! Lanes: which requests are answered with which replies. Plain data, as it is written in YAML.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A file of lanes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    pub lanes: Vec<Lane>,
    /// Answer to requests without tools that no lane takes.
    pub title: Option<String>,
    /// Requests that are kept (10,000).
    pub keep_requests: Option<usize>,
}

/// The dialect of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wire {
    Responses,
    Chat,
    Messages,
}

/// Whether a lane takes requests with tools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tools {
    #[default]
    With,
    Without,
    Any,
}

/// Requests that fit are given the replies in order. The first lane that fits and has a reply left answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lane {
    pub name: String,
    pub wire: Option<Wire>,
    /// Exactly, or a beginning followed by `*`.
    pub model: Option<String>,
    /// Text in the last user message.
    pub last: Option<String>,
    /// Text anywhere in the body (as JSON strings are decoded).
    pub contains: Option<String>,
    pub tools: Tools,
    pub replies: Vec<Reply>,
    /// The last reply is given again and again.
    pub repeat: bool,
}

/// One reply.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reply {
    pub text: Option<String>,
    pub reasoning: Option<String>,
    /// Each a map with one entry: the tool and its arguments (a map; a string is sent as it is). On the Responses
    /// wire `apply_patch` and `exec` with a string are custom tool calls.
    pub calls: Vec<BTreeMap<String, Value>>,
    /// Ids of the calls; made up where they are left out.
    pub call_ids: Vec<String>,
    /// More output items, as they are (Responses).
    pub raw_items: Vec<Value>,
    /// Tokens; 100 in, 10 out where it is left out.
    pub usage: Option<Totals>,
    pub no_usage: bool,
    #[serde(flatten)]
    pub pace: Pace,
    pub fault: Option<Fault>,
    /// How often it is given (0 counts as 1).
    pub times: u64,
}

/// When the pieces of a reply go out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pace {
    /// Before the first byte.
    pub delay_ms: u64,
    /// Between the pieces.
    pub chunk_ms: u64,
    /// Characters of a piece (40, more for long texts).
    pub chunk_chars: Option<usize>,
    /// Wait here before anything is answered.
    pub gate: Option<String>,
    /// Wait here when half of the pieces are out.
    pub gate_mid: Option<String>,
}

/// What goes wrong.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fault {
    /// A status, with an error body in the wire's shape.
    pub http: Option<u16>,
    /// `Retry-After`: seconds or a date, as it is.
    pub retry_after: Option<Value>,
    /// Headers of the refusal.
    pub headers: std::collections::BTreeMap<String, String>,
    /// More fields of the error (`code`, `resets_at`, …).
    pub error: Option<Value>,
    /// A 400 that says that the context is too long.
    pub context_length: bool,
    /// The connection is cut in the middle.
    pub drop: bool,
    /// The body ends in the middle, properly.
    pub end: bool,
    /// Nothing more comes for this long after the middle; then it goes on.
    pub stall_ms: u64,
    /// A line of the stream is not JSON.
    pub malformed: bool,
    /// The stream says that it failed: the error code.
    pub failed: Option<String>,
}

/// Tokens. `input` includes the cached ones (converted for Anthropic), `output` the reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Totals {
    pub input: u64,
    pub cached_input: u64,
    pub cache_write: u64,
    pub output: u64,
    pub reasoning: u64,
}

impl Totals {
    pub fn add(&mut self, other: Self) {
        self.input += other.input;
        self.cached_input += other.cached_input;
        self.cache_write += other.cache_write;
        self.output += other.output;
        self.reasoning += other.reasoning;
    }
}

impl Reply {
    /// A reply that is text.
    pub fn text(text: &str) -> Self {
        Self { text: Some(text.to_owned()), ..Self::default() }
    }

    /// A reply that is one call.
    pub fn call(name: &str, arguments: Value) -> Self {
        Self { calls: vec![BTreeMap::from([(name.to_owned(), arguments)])], ..Self::default() }
    }

    /// A reply that fails.
    pub fn fault(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::default() }
    }

    pub fn tokens(&self) -> Totals {
        self.usage.unwrap_or(Totals { input: 100, output: 10, ..Totals::default() })
    }

    /// Pieces of a text.
    pub fn pieces<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let size = self.pace.chunk_chars.unwrap_or_else(|| (text.len() / 100).max(40)).max(1);
        let mut starts: Vec<_> = text.char_indices().step_by(size).map(|(at, _)| at).collect();
        starts.push(text.len());
        starts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
    }

    /// The calls: id, name, arguments as text, and whether they were given as a string.
    pub fn calls(&self, mut id: impl FnMut() -> u64) -> Vec<(String, String, String, bool)> {
        let calls = self.calls.iter().flatten().enumerate();
        let one = |(at, (name, arguments)): (usize, (&String, &Value))| {
            let call_id = self.call_ids.get(at).cloned().unwrap_or_else(|| format!("call_{}", id()));
            let (text, plain) = match arguments {
                Value::String(text) => (text.clone(), true),
                other => (other.to_string(), false),
            };
            (call_id, name.clone(), text, plain)
        };
        calls.map(one).collect()
    }
}

impl Lane {
    /// A lane that takes every request with or without tools.
    pub fn any(name: &str, replies: Vec<Reply>) -> Self {
        Self { name: name.to_owned(), tools: Tools::Any, replies, ..Self::default() }
    }

    pub fn reply(&self, given: u64) -> Option<&Reply> {
        let mut left = given;
        for reply in &self.replies {
            match left.checked_sub(reply.times.max(1)) {
                Some(rest) => left = rest,
                None => return Some(reply),
            }
        }
        if self.repeat { self.replies.last() } else { None }
    }

    pub fn takes(&self, wire: Wire, body: &Value) -> bool {
        let model = body.get("model").and_then(Value::as_str).unwrap_or_default();
        let model_fits = |wanted: &String| match wanted.strip_suffix('*') {
            Some(beginning) => model.starts_with(beginning),
            None => model == wanted,
        };
        let tools_fit = match self.tools {
            Tools::With => has_tools(body),
            Tools::Without => !has_tools(body),
            Tools::Any => true,
        };
        tools_fit
            && self.wire.is_none_or(|wanted| wanted == wire)
            && self.model.as_ref().is_none_or(model_fits)
            && self.last.as_ref().is_none_or(|marker| last_user(body).contains(marker.as_str()))
            && self.contains.as_ref().is_none_or(|marker| contains(body, marker))
    }
}

/// Whether tools are on offer (codex's code mode puts them into the input).
pub fn has_tools(body: &Value) -> bool {
    let listed = body.get("tools").and_then(Value::as_array).is_some_and(|tools| !tools.is_empty());
    let input = body.get("input").and_then(Value::as_array);
    listed || input.into_iter().flatten().any(|item| item["type"] == "additional_tools")
}

/// The text of the last user message that has text.
fn last_user(body: &Value) -> String {
    if let Some(text) = body.get("input").and_then(Value::as_str) {
        return text.to_owned();
    }
    let list = body.get("input").or_else(|| body.get("messages")).and_then(Value::as_array);
    let users = list.into_iter().flatten().rev().filter(|item| item["role"] == "user");
    users.map(|item| text_of(&item["content"])).find(|text| !text.is_empty()).unwrap_or_default()
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

fn contains(value: &Value, marker: &str) -> bool {
    match value {
        Value::String(text) => text.contains(marker),
        Value::Array(list) => list.iter().any(|value| contains(value, marker)),
        Value::Object(map) => map.values().any(|value| contains(value, marker)),
        _ => false,
    }
}
