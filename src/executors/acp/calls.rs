//! Tool calls of an agent: a call and its updates are merged, and become one activity when they are over.

use serde_json::{Value, json};

use super::text;
use crate::{
    executors::{
        bound::{MAX_OUTPUT, MAX_SHORT, cut, grow},
        shape::change,
    },
    protocol::event::{Activity, FileChange},
};

/// Most calls that are open at once.
const MAX_OPEN: usize = 1024;

#[derive(Debug)]
struct Call {
    id: String,
    /// The newest of every field.
    fields: Value,
    /// Output that came in pieces.
    output: String,
    exit_code: Option<i32>,
}

/// What an update brings.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Update {
    /// Live output.
    pub(super) output: Option<String>,
    /// The call is over.
    pub(super) done: Option<Activity>,
}

/// The open calls.
#[derive(Debug, Default)]
pub(super) struct Calls {
    open: Vec<Call>,
}

impl Calls {
    /// A `tool_call` or `tool_call_update`.
    pub(super) fn update(&mut self, update: &Value, cwd: &str) -> Update {
        let id = text(update, "toolCallId");
        let at = self.open.iter().position(|call| call.id == id);
        let at = match at {
            Some(at) => at,
            // An update of a call that is over says nothing new.
            None if text(update, "sessionUpdate") == "tool_call_update" || self.open.len() >= MAX_OPEN => {
                return Update::default();
            }
            None => {
                let (id, fields, output) = (id.to_owned(), json!({}), String::new());
                self.open.push(Call { id, fields, output, exit_code: None });
                self.open.len() - 1
            }
        };
        let call = &mut self.open[at];
        let output = call.merge(update);
        let over = matches!(text(&call.fields, "status"), "completed" | "failed");
        let done = over.then(|| self.open.remove(at).activity(cwd));
        Update { output, done }
    }

    /// All that is known of a call, with the fields of `newer` on top.
    pub(super) fn known(&self, newer: &Value) -> Value {
        let id = text(newer, "toolCallId");
        let mut fields =
            self.open.iter().find(|call| call.id == id).map_or(json!({}), |call| call.fields.clone());
        overlay(&mut fields, newer);
        fields
    }

    /// Closes what is not over.
    pub(super) fn close(&mut self, cwd: &str) -> Vec<Activity> {
        let open = std::mem::take(&mut self.open).into_iter();
        open.map(|mut call| {
            call.output.push_str("(not finished when the turn ended)");
            call.fields["status"] = "failed".into();
            call.activity(cwd)
        })
        .collect()
    }
}

/// Takes over every field that is there and says something.
fn overlay(fields: &mut Value, newer: &Value) {
    for (name, value) in newer.as_object().into_iter().flatten() {
        let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !empty && !matches!(name.as_str(), "sessionUpdate" | "_meta") {
            fields[name] = value.clone();
        }
    }
}

impl Call {
    /// Takes an update over; gives the live output that it brings.
    fn merge(&mut self, update: &Value) -> Option<String> {
        let earlier = self.diffs();
        overlay(&mut self.fields, update);
        // The end of an edit replaces its diff by a remark: the diff is what counts.
        if diffs(&self.fields).is_empty() && !earlier.is_empty() {
            self.fields["diffs"] = earlier.into();
        }
        let meta = &update["_meta"];
        if let Some(code) = meta["terminal_exit"]["exit_code"].as_i64() {
            self.exit_code = i32::try_from(code).ok();
        }
        let piece = meta["terminal_output_delta"]["data"].as_str()?;
        grow(&mut self.output, piece, MAX_OUTPUT);
        Some(piece.to_owned())
    }

    fn diffs(&self) -> Vec<Value> {
        let known = self.fields["diffs"].as_array().cloned().unwrap_or_default();
        let content = self.fields["content"].as_array().into_iter().flatten();
        let new: Vec<_> = content.filter(|part| text(part, "type") == "diff").cloned().collect();
        if new.is_empty() { known } else { new }
    }

    fn activity(self, cwd: &str) -> Activity {
        let ok = text(&self.fields, "status") == "completed";
        let result = self.result();
        let kind = text(&self.fields, "kind");
        let changes = diffs(&self.fields);
        if kind == "execute" {
            let raw = &self.fields["rawInput"];
            let dir = text(raw, "cwd");
            return Activity::Shell {
                command: cut(&shown_command(&self.fields), MAX_SHORT),
                cwd: if dir.is_empty() { cwd } else { dir }.to_owned(),
                exit_code: self.exit_code.or(self.code_in_output()).or(ok.then_some(0)),
                output: cut(&result, MAX_OUTPUT),
                duration_ms: None,
            };
        }
        if ok && !changes.is_empty() {
            let (changes, diffs): (Vec<FileChange>, Vec<String>) = changes.into_iter().unzip();
            return Activity::FileChange { changes, diff: diffs.concat() };
        }
        let name = ["name", "title", "kind"].map(|key| text(&self.fields, key));
        let name = name.into_iter().find(|name| !name.is_empty()).unwrap_or("tool").to_owned();
        let arguments = match &self.fields["rawInput"] {
            Value::Null => text(&self.fields, "title").to_owned(),
            raw => raw.to_string(),
        };
        Activity::ToolCall {
            name,
            arguments: cut(&arguments, MAX_OUTPUT),
            result: cut(&result, MAX_OUTPUT),
            ok,
        }
    }

    fn code_in_output(&self) -> Option<i32> {
        let raw = &self.fields["rawOutput"];
        let code = raw["exit_code"].as_i64().or_else(|| raw["exitCode"].as_i64())?;
        i32::try_from(code).ok()
    }

    /// What came out: live pieces, the raw output, or the text of the content.
    fn result(&self) -> String {
        let raw = &self.fields["rawOutput"];
        let content = self.fields["content"].as_array().into_iter().flatten();
        let texts: Vec<_> = content.map(|part| text(&part["content"], "text")).collect();
        match raw {
            _ if !self.output.is_empty() => self.output.clone(),
            Value::String(raw) => raw.clone(),
            _ if texts.iter().any(|text| !text.is_empty()) => texts.join("\n"),
            Value::Null => String::new(),
            raw => raw["output"].as_str().map_or_else(|| raw.to_string(), ToOwned::to_owned),
        }
    }
}

/// Whether calls of this kind change files.
pub(super) fn kind_of_change(kind: &str) -> bool {
    matches!(kind, "edit" | "delete" | "move")
}

/// The command of a call, or its title where it has none.
pub(super) fn shown_command(call: &Value) -> String {
    match &call["rawInput"]["command"] {
        Value::String(command) => command.clone(),
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        _ => text(call, "title").to_owned(),
    }
}

/// The changed files of a call with their diffs.
pub(super) fn diffs(call: &Value) -> Vec<(FileChange, String)> {
    let kept = call["diffs"].as_array().into_iter().flatten();
    let content = call["content"].as_array().into_iter().flatten();
    let parts = kept.chain(content).filter(|part| text(part, "type") == "diff");
    parts.map(|part| change(text(part, "path"), part["oldText"].as_str(), part["newText"].as_str())).collect()
}
