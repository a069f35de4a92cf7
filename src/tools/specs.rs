//! What is offered to the model: one row a tool.

use serde_json::{Value, json};

use crate::protocol::ToolSpec;

/// All tools, in the order in which they are offered.
pub use crate::protocol::tool::TOOL_NAMES as NAMES;

/// The tools on offer: all, or those named; `exit` always. `adapters`: names for the description of `delegate`.
pub fn specs(offered: Option<&[String]>, adapters: &[String]) -> Vec<ToolSpec> {
    let on_offer = |name: &str| name == "exit" || offered.is_none_or(|names| names.iter().any(|n| n == name));
    NAMES.into_iter().filter(|name| on_offer(name)).map(|name| spec(name, adapters)).collect()
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn session() -> Value {
    text("Full id, a unique prefix of at least four characters, or the short name (s1, s2, …).")
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn spec(name: &'static str, adapters: &[String]) -> ToolSpec {
    let mode = |description: &str| json!({ "type": "string", "enum": ["sync", "async"], "description": description });
    let (description, parameters) = match name {
        "delegate" => (
            "Hand a piece of work to an executor, a coding agent with its own tools, in a new session. It sees only the \
             task text. sync waits for its answer; async returns at once, use `wait` then.",
            object(
                json!({
                    "task": text("What is to be done: goal, files, constraints, and the check that must pass."),
                    "mode": mode("sync (default) or async."),
                    "adapter": adapter(adapters),
                    "model": text("Model of the executor; leave out for its default."),
                    "working_dir": text("Directory to work in; leave out for the run's working directory."),
                }),
                &["task"],
            ),
        ),
        "converse" => (
            "Say something to a session that has answered: a correction, the next step, a question. It remembers the \
             conversation. sync waits for the answer; async returns at once.",
            object(
                json!({ "session_id": session(), "message": text("What to say."), "mode": mode("sync (default) or async.") }),
                &["session_id", "message"],
            ),
        ),
        "check_session" => (
            "How a session stands: running, waiting, its newest answer, tokens.",
            object(json!({ "session_id": session() }), &["session_id"]),
        ),
        "get_trajectory" => (
            "What a session did: commands with exit codes, changed files, messages.",
            object(
                json!({
                    "session_id": session(),
                    "full": { "type": "boolean", "description": "With output and diffs (default false)." },
                    "last": { "type": "integer", "minimum": 1, "maximum": 200, "description": "How many of the newest activities (default 20)." },
                }),
                &["session_id"],
            ),
        ),
        "end_session" => (
            "End a session for good, with a verdict. A running turn is stopped.",
            object(
                json!({
                    "session_id": session(),
                    "verdict": { "type": "string", "enum": ["completed", "failed", "cancelled"], "description": "completed (default), failed or cancelled." },
                    "summary": text("What came of it, in a sentence."),
                }),
                &["session_id"],
            ),
        ),
        "list_sessions" => (
            "All sessions with state, executor, task, turns and tokens.",
            object(
                json!({ "status": { "type": "string", "enum": ["active", "completed", "failed"], "description": "Only these." } }),
                &[],
            ),
        ),
        "wait" => (
            "Wait, at no cost, until one of the sessions ends its turn or asks for something, or the person speaks.",
            object(
                json!({
                    "session_ids": { "type": "array", "items": { "type": "string" }, "description": "Which; leave out for all that run." },
                    "timeout_seconds": { "type": "integer", "minimum": 1, "maximum": 3600, "description": "Default 600." },
                }),
                &[],
            ),
        ),
        "sleep" => (
            "Pause for some seconds; a session that ends or the person wakes you early. To wait for sessions use `wait`.",
            object(json!({ "seconds": { "type": "integer", "minimum": 0, "maximum": 300 } }), &["seconds"]),
        ),
        "bash" => (
            "Run a shell command (bash -lc) to look at things and to check work. Not for writing code. Commands that read \
             from the keyboard or never end do not belong here.",
            object(
                json!({
                    "command": text("The command."),
                    "cwd": text("Directory; leave out for the run's working directory."),
                    "timeout_seconds": { "type": "integer", "minimum": 1, "maximum": 3600, "description": "Default 60." },
                }),
                &["command"],
            ),
        ),
        "chat" => (
            "Tell or ask the person something. With wait_for_user_input the answer is the result.",
            object(
                json!({
                    "message": text("What to say or ask."),
                    "wait_for_user_input": { "type": "boolean", "description": "Wait for an answer (default true)." },
                }),
                &["message"],
            ),
        ),
        _ => (
            "Close the run. Only when the task is done and checked, or cannot be done.",
            object(
                json!({ "exit_message": text("What was done, how it was verified, what is left.") }),
                &["exit_message"],
            ),
        ),
    };
    ToolSpec { name, description: description.to_owned(), parameters }
}

fn adapter(adapters: &[String]) -> Value {
    let mut adapter = text("Which executor; leave out for the default.");
    if !adapters.is_empty() {
        adapter["enum"] = json!(adapters);
    }
    adapter
}
