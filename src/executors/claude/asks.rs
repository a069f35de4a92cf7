//! Permission requests of claude (`can_use_tool`) and our answers to them.

use serde_json::{Value, json};

use super::{
    tools::{edited_path, proposed},
    wire::{granted, text},
};
use crate::executors::{
    ApprovalRequest, Decision,
    bound::{MAX_SHORT, cut},
    named,
};

/// What claude is told where no reason was given.
const DECLINED: &str = "The user declined this. Go on without it, or ask.";

#[derive(Debug)]
struct Ask {
    id: String,
    input: Value,
    suggestions: Value,
}

/// The open requests.
#[derive(Debug, Default)]
pub(super) struct Asks {
    open: Vec<Ask>,
}

impl Asks {
    /// claude asks.
    pub(super) fn opened(&mut self, id: &str, request: &Value, cwd: &str) -> ApprovalRequest {
        let (tool, input) = (text(request, "tool_name"), &request["input"]);
        self.open.push(Ask {
            id: id.to_owned(),
            input: input.clone(),
            suggestions: request["permission_suggestions"].clone(),
        });
        let (kind, command, diff) = match tool {
            "Bash" => ("shell", text(input, "command").to_owned(), String::new()),
            "Write" | "Edit" | "MultiEdit" | "NotebookEdit" => {
                ("file_change", format!("{tool} {}", edited_path(input)), proposed(input).1)
            }
            _ => ("tool", format!("{tool} {input}"), String::new()),
        };
        let mut paths = named::in_input(input);
        if kind == "shell" {
            paths.extend(named::in_command(&command));
        }
        let blocked = text(request, "blocked_path");
        let reasons = [text(request, "decision_reason"), text(request, "description")];
        let mut reason = reasons.into_iter().find(|reason| !reason.is_empty()).unwrap_or_default().to_owned();
        if !blocked.is_empty() {
            reason = format!("{reason} (path: {blocked})").trim_start().to_owned();
        }
        ApprovalRequest {
            key: id.to_owned(),
            kind: kind.to_owned(),
            command: cut(&command, MAX_SHORT),
            cwd: cwd.to_owned(),
            reason,
            diff,
            paths,
            outside: Vec::new(),
        }
    }

    /// The line that answers. `None`: there is no such request any more.
    pub(super) fn answered(&mut self, key: &str, decision: Decision, reason: Option<&str>) -> Option<String> {
        let at = self.open.iter().position(|ask| ask.id == key)?;
        let ask = self.open.remove(at);
        let message = reason.filter(|reason| !reason.is_empty()).unwrap_or(DECLINED);
        let response = match decision {
            Decision::Accept => json!({"behavior": "allow", "updatedInput": ask.input}),
            Decision::AcceptForSession => json!({
                "behavior": "allow",
                "updatedInput": ask.input,
                "updatedPermissions": for_session(&ask.suggestions),
            }),
            Decision::Decline => json!({"behavior": "deny", "message": message}),
            Decision::Cancel => json!({"behavior": "deny", "message": message, "interrupt": true}),
        };
        Some(granted(&ask.id, response))
    }

    /// claude does not want to know any more. True: it was open.
    pub(super) fn dropped(&mut self, id: &str) -> bool {
        let before = self.open.len();
        self.open.retain(|ask| ask.id != id);
        self.open.len() < before
    }

    /// All open ones are void.
    pub(super) fn close(&mut self) -> Vec<String> {
        std::mem::take(&mut self.open).into_iter().map(|ask| ask.id).collect()
    }
}

/// claude's own suggestions, for this session only: what it would write to a settings file stays in the process.
/// A change of the mode is taken only where nothing narrower is on offer.
fn for_session(suggestions: &Value) -> Vec<Value> {
    let all = suggestions.as_array().map(Vec::as_slice).unwrap_or_default();
    let narrow = all.iter().any(|suggestion| text(suggestion, "type") != "setMode");
    let fit = all.iter().filter(|suggestion| match text(suggestion, "type") {
        "setMode" => !narrow && text(suggestion, "mode") == "acceptEdits",
        _ => true,
    });
    fit.cloned()
        .map(|mut suggestion| {
            suggestion["destination"] = "session".into();
            suggestion
        })
        .collect()
}
