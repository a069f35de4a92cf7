//! The scripted model: replies from a scenario, through the same retries and time limits as a real one.
//!
//! Which reply comes next is told by the history (how many were given), so a resumed run goes on where it was.
//! A reply with a fault that fails the call is no reply: it takes up attempts, in order, before the next real one.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Value, json, value::RawValue};

use super::{
    Chunk, ErrorKind, Reply, Request, TimeLimits, gate,
    http::Heard,
    retry::{Failure, Refusal},
};
use crate::{
    error::UserError,
    protocol::{
        Wire, item,
        scenario::{Fault, Scenario, ScriptedReply},
    },
};

/// Bytes that a scenario file may have.
const MAX_FILE: u64 = 16 * 1024 * 1024;
/// Characters of a streamed piece.
const PIECE: usize = 24;

/// A scenario that is played.
#[derive(Debug)]
pub struct Scripted {
    scenario: Arc<Scenario>,
    name: String,
    gates: Option<PathBuf>,
    /// Replies given at the last attempt, and the faults used up since.
    failed: Mutex<(u32, u64)>,
}

/// What an attempt is answered with.
struct Turn<'a> {
    reply: &'a ScriptedReply,
    /// It fails (`true`) or is real.
    fails: bool,
}

impl Scripted {
    /// Reads a scenario file.
    pub fn open(file: &Path, variables: &BTreeMap<String, String>) -> Result<Self, UserError> {
        let shown = file.display();
        let unreadable = |error: &dyn std::fmt::Display| {
            UserError::usage(
                format!("the scenario '{shown}' cannot be read: {error}"),
                "see 'zwarm-tui --help'",
            )
        };
        let length = std::fs::metadata(file).map_err(|error| unreadable(&error))?.len();
        if length > MAX_FILE {
            return Err(unreadable(&format!("it is longer than {} MB", MAX_FILE / 1024 / 1024)));
        }
        let text = std::fs::read_to_string(file).map_err(|error| unreadable(&error))?;
        let scenario: Scenario = serde_yaml::from_str(&text).map_err(|error| {
            UserError::usage(format!("the scenario '{shown}' is not one: {error}"), "correct it there")
        })?;
        Ok(Self::new(Arc::new(scenario), variables))
    }

    /// Plays a scenario; gates are files in the directory `ZWARM_GATES`.
    pub fn new(scenario: Arc<Scenario>, variables: &BTreeMap<String, String>) -> Self {
        let name = if scenario.name.is_empty() { "scripted" } else { &scenario.name };
        let gates = variables.get("ZWARM_GATES").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        Self { name: format!("scripted:{name}"), scenario, gates, failed: Mutex::default() }
    }

    /// `scripted:NAME`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is played.
    pub fn scenario(&self) -> Arc<Scenario> {
        self.scenario.clone()
    }

    /// One attempt.
    pub async fn attempt(
        &self,
        request: &Request,
        limits: &TimeLimits,
        heard: &mut Heard,
    ) -> Result<Reply, Failure> {
        let turn = self.next(request.replies, limits)?;
        let reply = turn.reply;
        if let Some(name) = &reply.gate {
            self.hold(name).await?;
        }
        tokio::time::sleep(Duration::from_millis(reply.delay_ms)).await;
        let fault = reply.fault.clone().unwrap_or_default();
        if let Some(status) = fault.http {
            return Err(refused(status, &fault, &self.name));
        }
        let mut chunks = chunks(reply);
        if turn.fails {
            chunks.truncate(chunks.len() / 2);
        }
        for (at, chunk) in chunks.into_iter().enumerate() {
            if at > 0 {
                tokio::time::sleep(Duration::from_millis(reply.chunk_ms)).await;
            }
            heard.tell(chunk).await;
        }
        let stall = Duration::from_millis(fault.stall_ms);
        tokio::time::sleep(stall.min(limits.idle)).await;
        if turn.fails {
            let seconds = limits.idle.as_secs_f64();
            return Err(Failure::again(match fault.drop {
                true => "the model's stream was cut before its end".to_owned(),
                false => format!("the model server did not go on within {seconds:.1} s"),
            }));
        }
        let items = items(reply, request.replies);
        Ok(Reply { items, wire: Wire::Responses, usage: reply.usage, model: self.name.clone() })
    }

    /// Chooses, and remembers that a fault was used up: a run that is resumed in the same process goes on behind it.
    fn next(&self, replies: u32, limits: &TimeLimits) -> Result<Turn<'_>, Failure> {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.0 != replies {
            *failed = (replies, 0);
        }
        let (mut given, mut faults) = (u64::from(replies), failed.1);
        for reply in &self.scenario.model {
            let times = u64::from(reply.times.max(1));
            if !fails(reply, limits) {
                match given.checked_sub(times) {
                    Some(rest) => given = rest,
                    None => return Ok(Turn { reply, fails: false }),
                }
            } else if given == 0 {
                match faults.checked_sub(times) {
                    Some(rest) => faults = rest,
                    None => {
                        failed.1 += 1;
                        return Ok(Turn { reply, fails: true });
                    }
                }
            }
        }
        Err(Failure::stop(
            ErrorKind::Refused,
            format!("the scenario '{}' has no reply left after {replies}", self.scenario.name),
            "add replies under 'model:' of the scenario",
        ))
    }

    async fn hold(&self, name: &str) -> Result<(), Failure> {
        let stop = |message: String, hint: &str| Failure::stop(ErrorKind::Refused, message, hint);
        let is_name = !name.is_empty() && !name.contains(['/', '\0']) && name != "." && name != "..";
        let Some(dir) = self.gates.as_ref().filter(|_| is_name) else {
            let message = format!("the scenario waits at gate '{name}', which cannot open");
            return Err(stop(message, "set ZWARM_GATES to a directory; a gate is a file name in it"));
        };
        let waited = gate::wait(dir, name).await;
        waited.map_err(|error| {
            stop(format!("the gate '{name}' cannot be watched: {error}"), "check ZWARM_GATES")
        })
    }
}

/// Whether an attempt that gets this reply fails.
fn fails(reply: &ScriptedReply, limits: &TimeLimits) -> bool {
    let stalls = |fault: &Fault| Duration::from_millis(fault.stall_ms) > limits.idle;
    reply.fault.as_ref().is_some_and(|fault| fault.http.is_some() || fault.drop || stalls(fault))
}

fn refused(status: u16, fault: &Fault, model: &str) -> Failure {
    let after = fault.retry_after.map(|seconds| seconds.to_string());
    let (retry_after, body) = (after.as_deref(), "the scenario says so");
    Refusal { status, retry_after, body, model, ..Refusal::default() }.judge(Timestamp::now())
}

/// The calls: name and arguments as text.
fn calls(reply: &ScriptedReply) -> Vec<(&str, String)> {
    let fault = reply.fault.clone().unwrap_or_default();
    if fault.empty {
        return Vec::new();
    }
    let written = |arguments: &Value| match arguments {
        Value::String(text) => text.clone(),
        Value::Null => "{}".to_owned(),
        other => other.to_string(),
    };
    let one = |arguments: &Value| {
        let mut text = written(arguments);
        if fault.malformed {
            text.pop();
        }
        text
    };
    let all = reply.calls.iter().flatten();
    all.map(|(name, arguments)| (name.as_str(), one(arguments))).collect()
}

fn said(reply: &ScriptedReply) -> &str {
    let empty = reply.fault.as_ref().is_some_and(|fault| fault.empty);
    reply.text.as_deref().filter(|_| !empty).unwrap_or_default()
}

fn pieces(text: &str) -> impl Iterator<Item = String> {
    let chars: Vec<char> = text.chars().collect();
    // Long texts come in larger pieces, so that they do not take for ever.
    let size = PIECE.max(chars.len() / 400);
    chars.chunks(size).map(|piece| piece.iter().collect()).collect::<Vec<_>>().into_iter()
}

fn chunks(reply: &ScriptedReply) -> Vec<Chunk> {
    let mut chunks: Vec<_> =
        pieces(reply.reasoning.as_deref().unwrap_or_default()).map(Chunk::Reasoning).collect();
    chunks.extend(pieces(said(reply)).map(Chunk::Text));
    for (index, (name, text)) in calls(reply).into_iter().enumerate() {
        let piece = |text| Chunk::Arguments { index, name: name.to_owned(), text };
        chunks.extend(pieces(&text).map(piece));
    }
    chunks
}

/// The items of a reply; `number`: replies before it, which makes their ids unique in the run.
fn items(reply: &ScriptedReply, number: u32) -> Vec<Arc<RawValue>> {
    let mut items = Vec::new();
    if let Some(text) = &reply.reasoning {
        items.push(json!({
            "type": "reasoning", "id": format!("rs_{number}"),
            "summary": [{ "type": "summary_text", "text": text }], "encrypted_content": null,
        }));
    }
    if !said(reply).is_empty() {
        items.push(json!({
            "type": "message", "id": format!("msg_{number}"), "role": "assistant", "status": "completed",
            "content": [{ "type": "output_text", "text": said(reply), "annotations": [] }],
        }));
    }
    for (at, (name, arguments)) in calls(reply).into_iter().enumerate() {
        let call_id = format!("call_{number}_{at}");
        items.push(json!({
            "type": "function_call", "id": format!("fc_{number}_{at}"), "call_id": call_id, "name": name,
            "arguments": arguments, "status": "completed",
        }));
    }
    items.iter().map(item::raw).collect()
}

#[cfg(test)]
#[path = "scripted_tests.rs"]
mod tests;
