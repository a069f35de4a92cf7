//! A scripted model and a claude that talks to it.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use zwarm_tui::{
    config::{Approval, Config},
    executors::{Order, SessionSpec},
    protocol::{Usage, event::TurnStatus},
};

use crate::support::{
    model_server::{Lane, ModelServer, Reply},
    sessions::{Live, Stage, real_cli},
};

const CLI: &str = "ZWARM_TEST_CLAUDE";
/// How soon an interrupted turn must be over.
pub(crate) const SOON: Duration = Duration::from_secs(1);

/// A model server and a claude with a home of its own that talks to it.
pub(crate) struct World {
    pub(crate) server: ModelServer,
    home: tempfile::TempDir,
    pub(crate) claude: String,
}

/// `None`: there is no claude.
pub(crate) async fn world(lanes: Vec<Lane>) -> Option<World> {
    let claude = real_cli(CLI)?;
    let server = ModelServer::start(lanes).await;
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("work")).unwrap();
    Some(World { server, home, claude })
}

impl World {
    pub(crate) fn stage(&self) -> Stage {
        let mut config = Config::default();
        config.executor.claude_path = Some(self.claude.clone());
        let home = self.home.path().join("claude").display().to_string();
        // A home of its own for its shell too: what stands in a person's profile is not part of the test.
        let bare = self.home.path().display().to_string();
        for (name, value) in [
            ("ANTHROPIC_BASE_URL", self.server.root().as_str()),
            ("ANTHROPIC_API_KEY", "k"),
            ("CLAUDE_CONFIG_DIR", &home),
            ("CLAUDE_CODE_MAX_RETRIES", "1"),
            ("HOME", &bare),
        ] {
            config.executor.env.insert(name.into(), Some(value.into()));
        }
        Stage::new(config, None)
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.home.path().join("work").canonicalize().unwrap()
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.work().join(name).display().to_string()
    }

    pub(crate) fn spec(&self, stage: &Stage) -> SessionSpec {
        let model = Some("claude-sonnet-4-5".into());
        SessionSpec { cwd: self.work(), model, approval: Approval::OnRequest, ..stage.spec("claude", "") }
    }

    /// Waits until a text stands in claude's transcript, which it writes in the background.
    pub(crate) async fn noted(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.transcripts().contains(text) {
            assert!(Instant::now() < deadline, "claude never noted '{text}'");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn transcripts(&self) -> String {
        let projects = std::fs::read_dir(self.home.path().join("claude/projects"));
        let files = projects
            .into_iter()
            .flatten()
            .flatten()
            .flat_map(|dir| std::fs::read_dir(dir.path()).unwrap().flatten());
        files.filter_map(|file| std::fs::read_to_string(file.path()).ok()).collect()
    }

    /// The bodies of the requests of a lane.
    pub(crate) fn bodies(&self, lane: &str) -> Vec<Value> {
        self.server.asked_of(lane).into_iter().map(|asked| asked.body).collect()
    }
}

/// One lane for all requests with tools; whatever else claude asks for is answered too.
pub(crate) fn lane(replies: Vec<Reply>) -> Vec<Lane> {
    vec![Lane { name: "main".into(), replies, ..Lane::default() }]
}

pub(crate) fn held_mid(text: &str, gate: &str) -> Reply {
    let mut reply = Reply::text(text);
    reply.pace.gate_mid = Some(gate.into());
    reply
}

pub(crate) fn bash(command: &str) -> Reply {
    Reply::call("Bash", json!({"command": command, "description": "test"}))
}

pub(crate) fn completed(answer: &str) -> (TurnStatus, String, Option<String>) {
    (TurnStatus::Completed, answer.into(), None)
}

pub(crate) fn usage(input: u64, cached_input: u64, cache_write: u64, output: u64) -> Usage {
    Usage { input, cached_input, cache_write, output, reasoning: 0 }
}

/// How often a text is in the messages of a request.
pub(crate) fn occurrences(body: &Value, text: &str) -> usize {
    body["messages"].to_string().matches(text).count()
}

/// Nothing that claude prints tells that it has read a message that it only queues. This is time enough to read a
/// line; where it is not, the test sees the message delivered later and fails.
pub(crate) async fn read_by_claude() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

pub(crate) async fn end(live: &mut Live, stage: &Stage) {
    live.order(Order::End).await;
    assert_eq!(live.ended().await, None);
    assert_eq!(stage.processes.alive(), []);
}

pub(crate) async fn until_exists(path: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !std::path::Path::new(path).exists() {
        assert!(Instant::now() < deadline, "'{path}' never came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// At the latest then nobody sleeps any more.
pub(crate) async fn no_sleeper(number: &str, deadline: Instant) {
    while sleepers(number) > 0 {
        assert!(Instant::now() < deadline, "'sleep {number}' lives");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Running `sleep N`.
pub(crate) fn sleepers(number: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.filter(|line| *line == format!("sleep\0{number}\0").into_bytes()).count()
}
