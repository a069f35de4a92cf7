//! What codex shows of its work (thread items) as activities. Pure; lenient: what is not known is kept raw.

use serde_json::Value;

use crate::{
    executors::bound::{self, MAX_OUTPUT, MAX_SHORT, MAX_TEXT},
    protocol::event::{Activity, ChangeKind, DECLINED, FileChange, PlanItem},
};

/// A text field; anything else is empty.
pub(super) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The activity that a finished item shows. `None`: an item that says nothing new (our own message).
/// `live`: output that had streamed, for items that end without their own.
pub(super) fn activity(item: &Value, live: &str) -> Option<Activity> {
    Some(match text(item, "type") {
        "userMessage" => return None,
        "agentMessage" | "plan" => Activity::Message { text: bound::cut(text(item, "text"), MAX_TEXT) },
        "reasoning" => {
            let text = reasoning(item);
            if text.is_empty() {
                return None;
            }
            Activity::Reasoning { text }
        }
        "commandExecution" => shell(item, live),
        "fileChange" => file_change(item),
        "mcpToolCall" => tool(item, &format!("{}.{}", text(item, "server"), text(item, "tool"))),
        "dynamicToolCall" | "collabAgentToolCall" => tool(item, text(item, "tool")),
        "webSearch" => Activity::ToolCall {
            name: "web_search".to_owned(),
            arguments: bound::cut(text(item, "query"), MAX_SHORT),
            result: String::new(),
            ok: true,
        },
        "error" => {
            Activity::Error { message: bound::cut(text(item, "message"), MAX_SHORT), will_retry: false }
        }
        _ => Activity::Unknown { raw: bound::raw(item) },
    })
}

fn reasoning(item: &Value) -> String {
    let parts = |field: &str| -> Vec<&str> {
        let list = item.get(field).and_then(Value::as_array);
        list.map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
    };
    let summary = parts("summary");
    let parts = if summary.is_empty() { parts("content") } else { summary };
    bound::cut(&parts.join("\n\n"), MAX_TEXT)
}

fn shell(item: &Value, live: &str) -> Activity {
    let output = item.get("aggregatedOutput").and_then(Value::as_str).unwrap_or(live);
    let output = match text(item, "status") {
        "declined" if output.is_empty() => DECLINED,
        _ => output,
    };
    Activity::Shell {
        command: bound::cut(&plain_command(text(item, "command")), MAX_SHORT),
        cwd: text(item, "cwd").to_owned(),
        exit_code: item.get("exitCode").and_then(Value::as_i64).and_then(|code| i32::try_from(code).ok()),
        output: bound::cut(output, MAX_OUTPUT),
        duration_ms: item.get("durationMs").and_then(Value::as_u64),
    }
}

fn file_change(item: &Value) -> Activity {
    let (changes, diff) = changes(item);
    let paths: Vec<_> = changes.iter().map(|change| change.path.as_str()).collect();
    match text(item, "status") {
        status @ ("declined" | "failed") => Activity::Error {
            message: bound::cut(
                &format!("the change of '{}' was not made: {status}", paths.join("', '")),
                MAX_SHORT,
            ),
            will_retry: false,
        },
        _ => Activity::FileChange { changes, diff },
    }
}

/// The changes of a `fileChange` item and their unified diff.
pub(super) fn changes(item: &Value) -> (Vec<FileChange>, String) {
    let mut diff = String::new();
    let mut all = Vec::new();
    for change in item.get("changes").and_then(Value::as_array).into_iter().flatten() {
        let path = text(change, "path");
        let kind = match text(&change["kind"], "type") {
            "add" => ChangeKind::Add,
            "delete" => ChangeKind::Delete,
            _ => ChangeKind::Update,
        };
        let piece = unified(path, kind, text(change, "diff"));
        let count = |sign: char, head: &str| {
            piece.lines().filter(|line| line.starts_with(sign) && !line.starts_with(head)).count() as u64
        };
        let (added, removed) = (count('+', "+++ "), count('-', "--- "));
        bound::grow(&mut diff, &piece, MAX_TEXT);
        all.push(FileChange { path: path.to_owned(), kind, added, removed });
    }
    (all, bound::cut(&diff, MAX_TEXT))
}

/// An added or deleted file comes as its text, an updated one as hunks without a head.
fn unified(path: &str, kind: ChangeKind, diff: &str) -> String {
    let (before, after) = match kind {
        ChangeKind::Add => ("/dev/null", path),
        ChangeKind::Delete => (path, "/dev/null"),
        ChangeKind::Update => (path, path),
    };
    let whole = diff.starts_with("--- ") || diff.starts_with("@@ ");
    let lines = diff.lines().count();
    let body: String = match kind {
        _ if whole => diff.to_owned(),
        ChangeKind::Update => diff.to_owned(),
        ChangeKind::Add => {
            let added: String = diff.lines().map(|line| format!("+{line}\n")).collect();
            format!("@@ -0,0 +1,{lines} @@\n{added}")
        }
        ChangeKind::Delete => {
            let removed: String = diff.lines().map(|line| format!("-{line}\n")).collect();
            format!("@@ -1,{lines} +0,0 @@\n{removed}")
        }
    };
    let head = if body.starts_with("--- ") { String::new() } else { format!("--- {before}\n+++ {after}\n") };
    let end = if body.ends_with('\n') || body.is_empty() { "" } else { "\n" };
    format!("{head}{body}{end}")
}

fn tool(item: &Value, name: &str) -> Activity {
    let short = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => bound::cut(text, MAX_OUTPUT),
        other => bound::cut(&other.to_string(), MAX_OUTPUT),
    };
    let error = &item["error"];
    let result = [&item["result"], &item["contentItems"], error].into_iter().find(|value| !value.is_null());
    Activity::ToolCall {
        name: bound::cut(name, MAX_SHORT),
        arguments: short(if item["arguments"].is_null() { &item["prompt"] } else { &item["arguments"] }),
        result: result.map(short).unwrap_or_default(),
        ok: error.is_null() && text(item, "status") != "failed" && item["success"] != Value::Bool(false),
    }
}

/// The plan of `turn/plan/updated`.
pub(super) fn plan(params: &Value) -> Activity {
    let steps = params.get("plan").and_then(Value::as_array).into_iter().flatten();
    let items = steps.take(200).map(|step| PlanItem {
        text: bound::cut(text(step, "step"), MAX_SHORT),
        status: match text(step, "status") {
            "inProgress" | "in_progress" => "in_progress",
            "completed" => "completed",
            _ => "pending",
        }
        .to_owned(),
    });
    Activity::Plan { items: items.collect() }
}

/// The command without the shell that codex wraps around it: `/bin/bash -lc 'ls'` is `ls`. Anything that is not
/// exactly one quoted word after `-lc` or `-c` is left as it is.
pub(super) fn plain_command(command: &str) -> String {
    let inner = (|| {
        let (shell, rest) = command.split_once(' ')?;
        let shell = shell.rsplit('/').next()?;
        let word = rest.strip_prefix("-lc ").or_else(|| rest.strip_prefix("-c "))?;
        if !matches!(shell, "bash" | "sh" | "zsh") {
            return None;
        }
        one_word(word)
    })();
    inner.unwrap_or_else(|| command.to_owned())
}

/// A single shell word without its quotes. `None`: more than one word, or an open quote.
fn one_word(quoted: &str) -> Option<String> {
    let mut word = String::new();
    let mut quote = None;
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (Some('"'), '\\') => match chars.next()? {
                c @ ('"' | '\\' | '$' | '`') => word.push(c),
                c => word.extend(['\\', c]),
            },
            (None, '\\') => word.push(chars.next()?),
            (None, c) if c.is_whitespace() => return None,
            (_, c) => word.push(c),
        }
    }
    quote.is_none().then_some(word)
}

#[cfg(test)]
#[path = "item_tests.rs"]
mod tests;
