//! The requests that we send about a thread. Pure.

use serde_json::{Value, json};

use super::{
    protocol::{Effect, Tag},
    turn::Steer,
};
use crate::{
    config::{Approval, Sandbox},
    executors::{SessionSpec, rpc::RpcError},
};

/// PRODUCT §6: what is accepted by us is asked by codex.
fn approval(spec: &SessionSpec) -> &'static str {
    match spec.approval {
        Approval::Never => "never",
        Approval::OnRequest | Approval::Accept => "on-request",
        Approval::Untrusted => "untrusted",
    }
}

fn sandbox(spec: &SessionSpec) -> &'static str {
    match spec.sandbox {
        Sandbox::ReadOnly => "read-only",
        Sandbox::WorkspaceWrite => "workspace-write",
        Sandbox::DangerFullAccess => "danger-full-access",
    }
}

/// The same for one turn; only here can the shared temp folder be left out.
fn policy(spec: &SessionSpec) -> Value {
    match spec.sandbox {
        Sandbox::ReadOnly => json!({"type": "readOnly"}),
        Sandbox::WorkspaceWrite => {
            json!({"type": "workspaceWrite", "excludeSlashTmp": true, "excludeTmpdirEnvVar": true})
        }
        Sandbox::DangerFullAccess => json!({"type": "dangerFullAccess"}),
    }
}

fn opening(spec: &SessionSpec) -> Value {
    let mut params = json!({
        "cwd": spec.cwd,
        "approvalPolicy": approval(spec),
        "sandbox": sandbox(spec),
    });
    if let Some(model) = &spec.model {
        params["model"] = model.as_str().into();
    }
    params
}

/// A thread that is not there yet: a new one, or a fork of another one.
pub(super) fn begin(spec: &SessionSpec) -> Effect {
    let parent = spec.resume.as_ref().and_then(|resume| resume.fork_of.as_deref());
    let Some(parent) = parent else { return start(spec) };
    let mut params = opening(spec);
    params["threadId"] = parent.into();
    params["excludeTurns"] = true.into();
    Effect::Ask { tag: Tag::Fork, method: "thread/fork", params }
}

fn start(spec: &SessionSpec) -> Effect {
    Effect::Ask { tag: Tag::Start, method: "thread/start", params: opening(spec) }
}

/// The sandbox, the policy and the directory are given every time: the server's own defaults are others.
pub(super) fn resume(spec: &SessionSpec, thread: &str) -> Effect {
    let mut params = opening(spec);
    params["threadId"] = thread.into();
    params["excludeTurns"] = true.into();
    Effect::Ask { tag: Tag::Resume, method: "thread/resume", params }
}

pub(super) fn turn(spec: &SessionSpec, thread: &str, prompt: &str) -> Effect {
    let params = json!({
        "threadId": thread,
        "input": [{"type": "text", "text": prompt}],
        "cwd": spec.cwd,
        "approvalPolicy": approval(spec),
        "sandboxPolicy": policy(spec),
    });
    Effect::Ask { tag: Tag::Turn, method: "turn/start", params }
}

/// The nudge's id comes back in the item that shows that the message is in the conversation.
pub(super) fn steer(thread: &str, native: &str, steer: &Steer) -> Effect {
    let params = json!({
        "threadId": thread,
        "expectedTurnId": native,
        "input": [{"type": "text", "text": steer.text}],
        "clientUserMessageId": steer.nudge.to_string(),
    });
    Effect::Ask { tag: Tag::Steer(steer.nudge), method: "turn/steer", params }
}

pub(super) fn interrupt(thread: &str, native: &str) -> Effect {
    let params = json!({"threadId": thread, "turnId": native});
    Effect::Ask { tag: Tag::Interrupt, method: "turn/interrupt", params }
}

/// Why a thread did not open, for a person.
pub(super) fn not_opened(tag: Tag, error: &RpcError) -> String {
    let what = match tag {
        Tag::Resume => "resume the thread",
        Tag::Fork => "fork the thread",
        _ => "start a thread",
    };
    let hint = match error.message.as_str() {
        message if message.contains("active writer") => {
            " (hint: another zwarm-tui or codex holds this thread; end it there, or fork the session)"
        }
        message if message.contains("no rollout") => {
            " (hint: codex has no record of it any more; start a new session)"
        }
        _ => "",
    };
    format!("codex did not {what}: {error}{hint}")
}
