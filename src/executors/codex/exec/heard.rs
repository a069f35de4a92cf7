//! What `codex exec --json` prints, as news. Pure. Facts of the format: codex 0.169.

use serde_json::{Value, json};

use super::SHOWN;
use crate::{
    executors::{
        News, SessionSpec,
        bound::{self, MAX_RESPONSE, MAX_SHORT},
        codex::item::{self, text},
    },
    protocol::{
        Usage,
        event::{Activity, PlanItem, TurnStatus},
    },
};

/// Bytes of text that count as one token in an estimate.
const BYTES_PER_TOKEN: u64 = 4;

/// A session's conversation, over all its processes.
#[derive(Debug)]
pub(super) struct Heard {
    spec: SessionSpec,
    native: Option<String>,
    /// What codex has counted of the thread: cumulative, also over processes.
    counted: Usage,
    turn: Turn,
}

/// The turn that runs.
#[derive(Debug, Default)]
struct Turn {
    number: u32,
    prompt: u64,
    answer: String,
    /// `None`: codex has not said that it is over.
    end: Option<Result<(), String>>,
    /// The last error; final only where nothing else ends the turn.
    error: Option<String>,
}

impl Heard {
    pub(super) fn new(native: Option<String>, counted: Usage, spec: SessionSpec) -> Self {
        Self { spec, native, counted, turn: Turn::default() }
    }

    /// Codex's id of the thread.
    pub(super) fn native(&self) -> Option<&str> {
        self.native.as_deref()
    }

    /// A turn begins; `prompt` in bytes.
    pub(super) fn begin(&mut self, number: u32, prompt: usize) {
        self.turn = Turn { number, prompt: prompt as u64, ..Turn::default() };
    }

    /// A line of the process.
    pub(super) fn line(&mut self, line: &str, pid: u32) -> Vec<News> {
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            tracing::debug!(line = %line.chars().take(200).collect::<String>(), "codex exec said something odd");
            return Vec::new();
        };
        match text(&event, "type") {
            "thread.started" => vec![self.started(text(&event, "thread_id"), pid)],
            "item.completed" => self.item(&event["item"]),
            "turn.completed" => {
                self.turn.end = Some(Ok(()));
                self.count(&event["usage"])
            }
            "turn.failed" => {
                let message = bound::cut(text(&event["error"], "message"), MAX_SHORT);
                self.turn.end = Some(Err(message));
                Vec::new()
            }
            // Not the end: a retry may follow.
            "error" => {
                let message = bound::cut(text(&event, "message"), MAX_SHORT);
                self.turn.error = Some(message.clone());
                vec![self.activity(Activity::Error { message, will_retry: true })]
            }
            "turn.started" | "item.started" | "item.updated" => Vec::new(),
            _ => vec![self.activity(Activity::Unknown { raw: bound::raw(&event) })],
        }
    }

    fn started(&mut self, id: &str, pid: u32) -> News {
        if !id.is_empty() {
            self.native = Some(id.to_owned());
        }
        News::Started {
            native_id: self.native.clone(),
            cli_version: Some(SHOWN.to_owned()),
            model: self.spec.model.clone(),
            pid: Some(pid),
            shared_pid: false,
        }
    }

    fn activity(&self, activity: Activity) -> News {
        News::Activity { turn: self.turn.number, activity }
    }

    fn item(&mut self, item: &Value) -> Vec<News> {
        if text(item, "type") == "agent_message" {
            self.turn.answer = bound::cut(text(item, "text"), MAX_RESPONSE);
        }
        let cwd = self.spec.cwd.display().to_string();
        let shown = if text(item, "type") == "todo_list" { Some(plan(item)) } else { shown(item, &cwd) };
        shown.map(|activity| self.activity(activity)).into_iter().collect()
    }

    fn count(&mut self, usage: &Value) -> Vec<News> {
        let number = |name: &str| usage[name].as_u64().unwrap_or(0);
        let total = Usage {
            input: number("input_tokens"),
            cached_input: number("cached_input_tokens"),
            cache_write: number("cache_write_input_tokens"),
            output: number("output_tokens"),
            reasoning: number("reasoning_output_tokens"),
        };
        let usage = total.since(&self.counted);
        self.counted = total;
        vec![News::Usage { usage, model: self.spec.model.clone(), cost_usd: None, estimated: false }]
    }

    /// The process is gone. `stopped`: by us. `how`: how it went, where codex itself has not said it.
    pub(super) fn ended(&mut self, stopped: Option<TurnStatus>, how: &str) -> Vec<News> {
        let turn = std::mem::take(&mut self.turn);
        let mut out = Vec::new();
        let (status, error) = match (turn.end, stopped) {
            (Some(Ok(())), _) => (TurnStatus::Completed, None),
            (_, Some(stopped)) => (stopped, None),
            (Some(Err(message)), None) => (TurnStatus::Failed, Some(message)),
            (None, None) => {
                let how = bound::cut(how, MAX_SHORT);
                let error = turn.error.map_or(how.clone(), |error| format!("{error} ({how})"));
                (TurnStatus::Failed, Some(error))
            }
        };
        if status == TurnStatus::Interrupted {
            // What was cut is never counted.
            let input = turn.prompt / BYTES_PER_TOKEN;
            let usage =
                Usage { input, output: turn.answer.len() as u64 / BYTES_PER_TOKEN, ..Usage::default() };
            out.push(News::Usage { usage, model: self.spec.model.clone(), cost_usd: None, estimated: true });
        }
        out.push(News::TurnEnded { turn: turn.number, status, response: turn.answer, error });
        out
    }
}

fn plan(item: &Value) -> Activity {
    let items = item["items"].as_array().into_iter().flatten();
    let items = items.map(|item| PlanItem {
        text: bound::cut(text(item, "text"), MAX_SHORT),
        status: if item["completed"] == true { "completed" } else { "pending" }.to_owned(),
    });
    Activity::Plan { items: items.collect() }
}

/// The same things under the app-server's names.
fn shown(item: &Value, cwd: &str) -> Option<Activity> {
    let said = &item["text"];
    let item = match text(item, "type") {
        "agent_message" => json!({"type": "agentMessage", "text": said}),
        "reasoning" => json!({"type": "reasoning", "summary": [said]}),
        "command_execution" => json!({
            "type": "commandExecution", "command": item["command"], "cwd": cwd, "status": item["status"],
            "aggregatedOutput": item["aggregated_output"], "exitCode": item["exit_code"],
        }),
        "file_change" => {
            let changes = item["changes"].as_array().into_iter().flatten();
            let changes: Vec<Value> = changes
                .map(|change| json!({"path": change["path"], "kind": {"type": change["kind"]}, "diff": ""}))
                .collect();
            json!({"type": "fileChange", "status": item["status"], "changes": changes})
        }
        "mcp_tool_call" => {
            let mut item = item.clone();
            item["type"] = "mcpToolCall".into();
            item
        }
        "web_search" => json!({"type": "webSearch", "query": item["query"]}),
        _ => item.clone(),
    };
    item::activity(&item, "")
}

#[cfg(test)]
#[path = "heard_tests.rs"]
mod tests;
