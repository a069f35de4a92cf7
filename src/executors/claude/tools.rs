//! claude's tools as activities: a call is kept open until its result comes, then the two become one activity.

use std::collections::BTreeMap;

use serde_json::Value;

use super::wire::{content, text};
use crate::{
    executors::{
        bound::{MAX_OUTPUT, MAX_SHORT, MAX_TEXT, cut},
        shape::{change, count, header_path},
    },
    protocol::event::{Activity, ChangeKind, FileChange, PlanItem},
};

/// Most calls that are open at once.
const MAX_OPEN: usize = 1024;
/// Most entries of a plan.
const MAX_PLAN: usize = 500;

#[derive(Debug)]
struct Call {
    id: String,
    name: String,
    input: Value,
}

/// The open calls and the task list.
#[derive(Debug, Default)]
pub(super) struct Tools {
    open: Vec<Call>,
    /// claude's task list, by id.
    plan: BTreeMap<String, PlanItem>,
}

/// What came back from a call.
pub(super) struct Returned<'a> {
    /// The `tool_result` block.
    pub(super) block: &'a Value,
    /// claude's own record of it (`tool_use_result`), where there is one.
    pub(super) detail: &'a Value,
}

impl Tools {
    /// A call was made.
    pub(super) fn called(&mut self, block: &Value) {
        if self.open.len() < MAX_OPEN {
            let (id, name) = (text(block, "id").to_owned(), text(block, "name").to_owned());
            self.open.push(Call { id, name, input: block["input"].clone() });
        }
    }

    /// A call has returned. `None`: we know of no such call.
    pub(super) fn returned(&mut self, result: &Returned<'_>, cwd: &str) -> Option<Activity> {
        let id = text(result.block, "tool_use_id");
        let at = self.open.iter().position(|call| call.id == id)?;
        let call = self.open.remove(at);
        let ok = result.block["is_error"] != true;
        let output = content(&result.block["content"]);
        Some(match call.name.as_str() {
            "Bash" => shell(&call.input, output, ok, result.detail, cwd),
            "Write" | "Edit" | "MultiEdit" | "NotebookEdit" if ok => {
                edited(&call.name, &call.input, result.detail)
            }
            "TodoWrite" if ok => Activity::Plan { items: todos(&call.input) },
            "TaskCreate" | "TaskUpdate" if ok => self.planned(&call, result.detail),
            _ => tool_call(call, &output, ok),
        })
    }

    /// Closes what never returned.
    pub(super) fn close(&mut self, cwd: &str) -> Vec<Activity> {
        let why = "(not finished when the turn ended)";
        let open = std::mem::take(&mut self.open).into_iter();
        open.map(|call| match call.name.as_str() {
            "Bash" => Activity::Shell {
                command: cut(text(&call.input, "command"), MAX_SHORT),
                cwd: cwd.to_owned(),
                exit_code: None,
                output: why.to_owned(),
                duration_ms: None,
            },
            _ => tool_call(call, why, false),
        })
        .collect()
    }

    fn planned(&mut self, call: &Call, detail: &Value) -> Activity {
        let made = &detail["task"];
        if call.name == "TaskCreate" && self.plan.len() < MAX_PLAN {
            let item = PlanItem { text: text(made, "subject").to_owned(), status: "pending".to_owned() };
            self.plan.insert(text(made, "id").to_owned(), item);
        }
        if let Some(item) = self.plan.get_mut(text(&call.input, "taskId")) {
            if let Some(status) = call.input["status"].as_str() {
                item.status = status.to_owned();
            }
            if let Some(subject) = call.input["subject"].as_str() {
                item.text = subject.to_owned();
            }
        }
        let shown = self.plan.values().filter(|item| item.status != "deleted");
        Activity::Plan { items: shown.cloned().collect() }
    }
}

fn tool_call(call: Call, result: &str, ok: bool) -> Activity {
    let arguments = cut(&call.input.to_string(), MAX_OUTPUT);
    Activity::ToolCall { name: call.name, arguments, result: cut(result, MAX_OUTPUT), ok }
}

fn shell(input: &Value, output: String, ok: bool, detail: &Value, cwd: &str) -> Activity {
    let (exit_code, output) = if ok {
        let ended = detail["backgroundTaskId"].is_null() && detail["interrupted"] != true;
        (ended.then_some(0), both(detail).unwrap_or(output))
    } else {
        failed(output)
    };
    Activity::Shell {
        command: cut(text(input, "command"), MAX_SHORT),
        cwd: cwd.to_owned(),
        exit_code,
        output: cut(&output, MAX_OUTPUT),
        duration_ms: None,
    }
}

/// Stdout and stderr, where claude's own record has them apart and says anything.
fn both(detail: &Value) -> Option<String> {
    let (stdout, stderr) = (detail["stdout"].as_str()?, text(detail, "stderr"));
    match (stdout.is_empty(), stderr.is_empty()) {
        (true, true) if detail["backgroundTaskId"].is_string() => None,
        (_, true) => Some(stdout.to_owned()),
        (true, false) => Some(stderr.to_owned()),
        (false, false) => Some(format!("{stdout}\n{stderr}")),
    }
}

/// A failed command begins its result with `Exit code N`; one that was refused or stopped does not.
fn failed(output: String) -> (Option<i32>, String) {
    let Some(rest) = output.strip_prefix("Exit code ") else { return (None, output) };
    let (code, rest) = rest.split_once('\n').unwrap_or((rest, ""));
    match code.trim().parse() {
        Ok(code) => (Some(code), rest.to_owned()),
        Err(_) => (None, output),
    }
}

fn edited(name: &str, input: &Value, detail: &Value) -> Activity {
    let path =
        ["filePath", "notebook_path"].iter().map(|key| text(detail, key)).find(|path| !path.is_empty());
    let path = path.unwrap_or_else(|| edited_path(input)).to_owned();
    if let Some(hunks) = detail["structuredPatch"].as_array().filter(|hunks| !hunks.is_empty()) {
        let diff = patch(&path, hunks);
        let (added, removed) = count(&diff);
        let change = FileChange { path, kind: ChangeKind::Update, added, removed };
        return Activity::FileChange { changes: vec![change], diff: cut(&diff, MAX_TEXT) };
    }
    let created = name == "Write" && (detail["originalFile"].is_null() || text(detail, "type") == "create");
    let (change, diff) = match detail["originalFile"].as_str() {
        Some(old) if name == "Write" => change(&path, Some(old), Some(text(input, "content"))),
        _ if created => change(&path, None, Some(text(input, "content"))),
        _ => proposed(input),
    };
    Activity::FileChange { changes: vec![change], diff }
}

/// The path that an editing tool names.
pub(super) fn edited_path(input: &Value) -> &str {
    let keys = ["file_path", "notebook_path", "path"];
    keys.iter().map(|key| text(input, key)).find(|path| !path.is_empty()).unwrap_or_default()
}

/// What an editing tool asks for, as far as its input alone tells.
pub(super) fn proposed(input: &Value) -> (FileChange, String) {
    let path = edited_path(input);
    if let Some(new) = input["content"].as_str() {
        return change(path, None, Some(new));
    }
    if let Some(edits) = input["edits"].as_array() {
        let join = |key: &str| edits.iter().map(|edit| text(edit, key)).collect::<Vec<_>>().join("\n");
        return change(path, Some(&join("old_string")), Some(&join("new_string")));
    }
    let new = input["new_string"].as_str().unwrap_or_else(|| text(input, "new_source"));
    change(path, Some(text(input, "old_string")), Some(new))
}

fn patch(path: &str, hunks: &[Value]) -> String {
    let mut diff = format!("--- {}\n+++ {}\n", header_path('a', path), header_path('b', path));
    for hunk in hunks {
        let of = |key: &str| hunk[key].as_u64().unwrap_or(0);
        let (old, new) = ((of("oldStart"), of("oldLines")), (of("newStart"), of("newLines")));
        diff.push_str(&format!("@@ -{},{} +{},{} @@\n", old.0, old.1, new.0, new.1));
        for line in hunk["lines"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            diff.push_str(line);
            diff.push('\n');
        }
    }
    diff
}

fn todos(input: &Value) -> Vec<PlanItem> {
    let todos = input["todos"].as_array().into_iter().flatten().take(MAX_PLAN);
    todos
        .map(|todo| PlanItem {
            text: text(todo, "content").to_owned(),
            status: text(todo, "status").to_owned(),
        })
        .collect()
}
