//! The handshake with an agent: initialize, then a new session or an old one, then its model.

use serde_json::{Value, json};

use super::text;
use crate::executors::{Resume, rpc::RpcError};

/// The version of the protocol that we speak.
const VERSION: u64 = 1;
/// JSON-RPC's code of an agent that wants a login.
const AUTH_REQUIRED: i64 = -32000;

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Hello,
    Session,
    Model,
    Ready,
}

/// The handshake and what it has told us.
#[derive(Debug, Default)]
pub(super) struct Opening {
    stage: Stage,
    cwd: String,
    /// The conversation to take up again; then the one that runs.
    pub(super) session: Option<String>,
    /// The conversation to fork, where there is none of its own yet.
    fork_of: Option<String>,
    /// The model that is wanted; then the one that is known to run.
    pub(super) model: Option<String>,
    pub(super) version: Option<String>,
    pub(super) can_steer: bool,
    pub(super) refused: Option<String>,
    /// A remark for the human.
    pub(super) remark: Option<String>,
}

/// The next request of the handshake: its method and parameters.
pub(super) type Request = (&'static str, Value);

impl Opening {
    pub(super) fn new(cwd: String, resume: Option<Resume>, model: Option<String>) -> Self {
        let Resume { native_id, fork_of, .. } = resume.unwrap_or_default();
        Self { cwd, session: native_id, fork_of, model, ..Self::default() }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.stage == Stage::Ready
    }

    pub(super) fn hello() -> Request {
        let capabilities = json!({"fs": {"readTextFile": false, "writeTextFile": false}, "terminal": false});
        let client = json!({"name": "zwarm-tui", "title": "zwarm-tui", "version": env!("CARGO_PKG_VERSION")});
        let params =
            json!({"protocolVersion": VERSION, "clientCapabilities": capabilities, "clientInfo": client});
        ("initialize", params)
    }

    /// The answer to the last request came. `Some`: the next one; `None`: it is ready, or refused.
    pub(super) fn answered(&mut self, result: Result<Value, RpcError>) -> Option<Request> {
        match (self.stage, result) {
            (Stage::Model, Err(error)) => {
                self.remark = Some(format!("the model was not set: {error}"));
                self.model = None;
                self.stage = Stage::Ready;
                None
            }
            (_, Err(error)) => {
                let login = if error.code == AUTH_REQUIRED {
                    " (hint: sign in with the agent's own program)"
                } else {
                    ""
                };
                self.refused = Some(format!("{error}{login}"));
                None
            }
            (Stage::Hello, Ok(result)) => self.introduced(&result),
            (Stage::Session, Ok(result)) => self.joined(&result),
            (Stage::Model | Stage::Ready, Ok(_)) => {
                self.stage = Stage::Ready;
                None
            }
        }
    }

    fn introduced(&mut self, result: &Value) -> Option<Request> {
        let spoken = result["protocolVersion"].as_u64().unwrap_or(VERSION);
        if spoken != VERSION {
            self.refused = Some(format!("it speaks version {spoken} of the protocol, not {VERSION}"));
            return None;
        }
        self.stage = Stage::Session;
        self.version = result["agentInfo"]["version"].as_str().map(ToOwned::to_owned);
        let capabilities = &result["agentCapabilities"];
        let steering = [&result["_meta"], &capabilities["_meta"]].map(|meta| &meta["steering"]["supported"]);
        self.can_steer = steering.into_iter().any(|supported| *supported == true);
        match &self.session {
            None if self.fork_of.is_some() => self.fork(capabilities),
            None => Some(("session/new", json!({"cwd": self.cwd, "mcpServers": []}))),
            Some(id) if capabilities["loadSession"] == true => {
                Some(("session/load", json!({"sessionId": id, "cwd": self.cwd, "mcpServers": []})))
            }
            Some(_) => {
                self.refused =
                    Some("this agent cannot take a conversation up again (no loadSession)".to_owned());
                None
            }
        }
    }

    /// Not every agent can.
    fn fork(&mut self, capabilities: &Value) -> Option<Request> {
        if capabilities["sessionCapabilities"]["fork"].is_object() {
            let params = json!({"sessionId": self.fork_of, "cwd": self.cwd, "mcpServers": []});
            return Some(("session/fork", params));
        }
        self.refused = Some("this agent cannot fork a conversation (no session/fork)".to_owned());
        None
    }

    fn joined(&mut self, result: &Value) -> Option<Request> {
        if let Some(id) = result["sessionId"].as_str() {
            self.session = Some(id.to_owned());
        }
        let Some(session) = self.session.clone() else {
            self.refused = Some("it opened a session without an id".to_owned());
            return None;
        };
        self.stage = Stage::Ready;
        let running = running_model(result);
        let wanted = match std::mem::replace(&mut self.model, running.clone()) {
            Some(wanted) if running.as_deref() != Some(&wanted) => wanted,
            _ => return None,
        };
        let offered = result["models"]["availableModels"].as_array().into_iter().flatten();
        let ids: Vec<&str> = offered.map(|model| text(model, "modelId")).collect();
        if ids.is_empty() || !ids.contains(&wanted.as_str()) {
            self.remark = Some(format!("this agent offers no model '{wanted}'; it runs its own default"));
            return None;
        }
        self.stage = Stage::Model;
        self.model = Some(wanted.clone());
        Some(("session/set_model", json!({"sessionId": session, "modelId": wanted})))
    }
}

/// The model that a new session has, where the agent tells.
fn running_model(result: &Value) -> Option<String> {
    let options = result["configOptions"].as_array().into_iter().flatten();
    let option = options.into_iter().find(|option| text(option, "id") == "model");
    let current = result["models"]["currentModelId"].as_str();
    current.or_else(|| option.and_then(|option| option["currentValue"].as_str())).map(ToOwned::to_owned)
}
