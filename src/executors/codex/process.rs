//! The process `codex app-server`: started, and asked who it is.

use std::{path::PathBuf, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    process::{ChildStdin, ChildStdout},
    sync::mpsc,
    task::JoinHandle,
};

use super::protocol::Peer;
use crate::{
    executors::{
        lines::{Lines, StderrTail},
        registry,
        rpc::{self, Message},
        session::Setup,
    },
    process::{Child, ChildKind, ChildSpec, Ladder, Stream, environment},
};

/// Lines that may wait to be written.
const MAX_WAITING: usize = 1024;
/// How long the server may take until it has said who it is.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// The process.
pub(super) struct Running {
    pub(super) child: Child,
    pub(super) lines: Lines<ChildStdout>,
    pub(super) stderr: StderrTail,
    /// `None`: closed.
    pub(super) writer: Option<mpsc::Sender<String>>,
    pub(super) writing: JoinHandle<()>,
    pub(super) peer: Peer,
}

/// Why the server is not up.
#[derive(Clone, Debug)]
pub(super) struct NotUp {
    /// For a person.
    pub(super) why: String,
    /// The program is there but its app-server does not answer as it should: `codex exec` may.
    pub(super) mute: bool,
}

/// Why there was no handshake.
enum Refused {
    Ended,
    /// It wants something of the human.
    Said(String),
    /// It does not speak as we do.
    Strange(String),
}

impl Running {
    /// Starts the process and shakes hands.
    pub(super) async fn start(setup: &Setup, cwd: PathBuf) -> Result<Running, NotUp> {
        let mut running = Self::spawn(setup, cwd).await.map_err(|why| NotUp { why, mute: false })?;
        let why = match tokio::time::timeout(HANDSHAKE, running.shake_hands()).await {
            Ok(Ok(())) => return Ok(running),
            Ok(Err(Refused::Said(why))) => return Err(NotUp { why, mute: false }),
            Ok(Err(Refused::Strange(why))) => why,
            Ok(Err(Refused::Ended)) => {
                running.child.kill();
                let status = running.child.finish().await;
                let tail = running.stderr.end().await;
                let hint = "is this codex older than 0.160? Update it with 'npm install -g @openai/codex'";
                format!("'codex app-server' ended at once ({status}){} (hint: {hint})", told(&tail))
            }
            Err(_) => format!(
                "'codex app-server' did not answer within {} s{} (hint: try 'codex app-server' by hand)",
                HANDSHAKE.as_secs(),
                told(&running.stderr.text()),
            ),
        };
        Err(NotUp { why, mute: true })
    }

    /// The error is for a person.
    async fn spawn(setup: &Setup, cwd: PathBuf) -> Result<Running, String> {
        let config = &setup.config;
        let adapter = registry::find("codex", config);
        let hint = adapter.as_ref().map(|adapter| adapter.install.clone()).unwrap_or_default();
        let path = adapter.and_then(|adapter| adapter.path);
        let program = path.ok_or_else(|| format!("the program 'codex' is not there (hint: {hint})"))?;
        let mut args = vec!["app-server".into()];
        args.extend(config.executor.codex_args.iter().map(Into::into));
        let spec = ChildSpec {
            program,
            args,
            cwd,
            env: environment(ChildKind::Codex, config),
            stdin: Stream::Piped,
            label: "codex".to_owned(),
            writable: None,
            ladder: Ladder::CodexServer,
            session: None,
        };
        let mut child = setup.processes.spawn(spec).await.map_err(|error| error.to_string())?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err("codex was started without its pipes".to_owned());
        };
        let (writer, waiting) = mpsc::channel(MAX_WAITING);
        Ok(Running {
            lines: Lines::new(stdout),
            stderr: StderrTail::drain(stderr),
            writer: Some(writer),
            writing: tokio::spawn(write_lines(stdin, waiting)),
            peer: Peer { pid: Some(child.pid), version: None },
            child,
        })
    }

    async fn shake_hands(&mut self) -> Result<(), Refused> {
        let version = env!("CARGO_PKG_VERSION");
        let params = json!({
            "clientInfo": {"name": "zwarm_tui", "title": "zwarm-tui", "version": version},
            "capabilities": {"experimentalApi": true},
        });
        let said = self.ask(0, "initialize", params).await?.map_err(|error| {
            Refused::Strange(format!(
                "codex refused the handshake: {error} (hint: update codex or zwarm-tui)"
            ))
        })?;
        self.send(rpc::notification("initialized", Value::Null)).await?;
        self.peer.version = said["userAgent"].as_str().and_then(version_of);
        // A version that does not know the question is not stopped by it.
        if let Ok(account) = self.ask(1, "account/read", json!({})).await?
            && account["account"].is_null()
            && account["requiresOpenaiAuth"] == Value::Bool(true)
        {
            let hint = "run 'codex login', or give codex a model provider of its own";
            return Err(Refused::Said(format!("codex is not signed in (hint: {hint})")));
        }
        Ok(())
    }

    async fn send(&self, line: String) -> Result<(), Refused> {
        let writer = self.writer.as_ref().ok_or(Refused::Ended)?;
        writer.send(line).await.map_err(|_| Refused::Ended)
    }

    async fn ask(
        &mut self,
        id: u64,
        method: &str,
        params: Value,
    ) -> Result<Result<Value, rpc::RpcError>, Refused> {
        self.send(rpc::request(id, method, params)).await?;
        loop {
            let line = self.lines.next().await.ok_or(Refused::Ended)?;
            match rpc::parse(&line.text) {
                Some(Message::Response { id: answered, result }) if answered == id => return Ok(result),
                _ => {}
            }
        }
    }
}

async fn write_lines(mut stdin: ChildStdin, mut waiting: mpsc::Receiver<String>) {
    while let Some(mut line) = waiting.recv().await {
        line.push('\n');
        if stdin.write_all(line.as_bytes()).await.is_err() || stdin.flush().await.is_err() {
            return;
        }
    }
}

pub(super) fn told(tail: &str) -> String {
    if tail.is_empty() { String::new() } else { format!(": {tail}") }
}

/// `zwarm_tui/0.169.0 (Debian …)` is `0.169.0`.
fn version_of(user_agent: &str) -> Option<String> {
    let version = user_agent.split_once('/')?.1.split_whitespace().next()?;
    (version.len() < 50).then(|| version.to_owned())
}
