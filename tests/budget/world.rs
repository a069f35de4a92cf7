//! A program in a directory of its own, with a scripted model server; a human at its keyboard where that is wanted.

use std::{
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use zwarm_tui::{
    protocol::{self, InboxId},
    store::commands::drop_in,
};

use crate::support::{
    model_server::ModelServer,
    sessions::{agent_program, real_cli},
};

/// Nothing in a test takes longer.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Which executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cli {
    Codex,
    Claude,
    Script,
    /// The small agent of the examples, which counts nothing.
    Acp,
}

impl Cli {
    pub fn name(self) -> &'static str {
        match self {
            Self::Codex => "codex",
            Self::Claude => "claude",
            Self::Script => "script",
            Self::Acp => "small",
        }
    }
}

pub struct World {
    root: tempfile::TempDir,
    pub server: ModelServer,
}

impl World {
    /// `None`: the executor is not there, which is said.
    pub async fn new(cli: Cli, lanes: &str) -> Option<Self> {
        let path = match cli {
            Cli::Codex => Some(real_cli("ZWARM_TEST_CODEX")?),
            Cli::Claude => Some(real_cli("ZWARM_TEST_CLAUDE")?),
            Cli::Script | Cli::Acp => None,
        };
        let world = Self { root: tempfile::tempdir().unwrap(), server: ModelServer::from_yaml(lanes).await };
        std::fs::create_dir_all(world.work()).unwrap();
        std::fs::create_dir_all(world.file("codex")).unwrap();
        let provider = format!(
            "model_providers.mock={{name=\"mock\",base_url=\"{}\",wire_api=\"responses\",env_key=\"MOCK_KEY\",request_max_retries=0,stream_max_retries=0}}",
            world.server.v1()
        );
        let home = world.root.path().display().to_string();
        let model = match cli {
            Cli::Codex => json!("gpt-5.5"),
            Cli::Claude => json!("claude-sonnet-4-5"),
            Cli::Script | Cli::Acp => Value::Null,
        };
        let agent = (cli == Cli::Acp).then(agent_program);
        let agents = agent.map_or(json!({}), |agent| json!({"small": {"acp": [agent, "--no-usage"]}}));
        let config = json!({
            "executors": agents,
            "providers": {"local": {"base_url": world.server.v1(), "wire": "chat", "api_key_env": "OPENAI_API_KEY"}},
            "executor": {
                "adapter": cli.name(), "model": model,
                "codex_path": path.clone().filter(|_| cli == Cli::Codex),
                "codex_args": ["--disable", "plugins", "-c", "model_provider=\"mock\"", "-c", provider],
                "claude_path": path.filter(|_| cli == Cli::Claude),
                "env": {
                    "MOCK_KEY": "k", "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1",
                    "CODEX_HOME": world.file("codex"), "CLAUDE_CONFIG_DIR": world.file("claude"), "HOME": home,
                    "ANTHROPIC_BASE_URL": world.server.root(), "ANTHROPIC_API_KEY": "k",
                    "CLAUDE_CODE_MAX_RETRIES": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                },
            },
        });
        std::fs::write(world.work().join("c.yaml"), config.to_string()).unwrap();
        Some(world)
    }

    pub fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zwarm-tui"));
        command.args(args).args(["-c", "c.yaml"]).current_dir(self.work()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("ZWARM_HOME", self.file("home")).env("HOME", self.root.path());
        command.env("OPENAI_API_KEY", "test-key-0123456789").env("OPENAI_BASE_URL", self.server.v1());
        command
    }

    /// A run without a screen, to its end.
    pub async fn headless(&self, args: &[&str]) -> Output {
        let mut command = self.command(&[&["run", "--json"], args].concat());
        command.stdin(Stdio::null());
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// A run with a human, in plain mode.
    pub async fn with_human(&self, args: &[&str]) -> Play {
        let mut command = self.command(&[&["--plain"], args].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let mut play = Play { child, dir: PathBuf::new() };
        let instances = self.work().join(".zwarm/instances");
        play.dir = until("an instance", || {
            let first = std::fs::read_dir(&instances).ok()?.flatten().next()?.path();
            first.join("events.jsonl").exists().then_some(first)
        })
        .await;
        play
    }
}

/// A program that plays a run.
pub struct Play {
    child: Child,
    pub dir: PathBuf,
}

impl Drop for Play {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let events = self.events();
            let from = events.len().saturating_sub(30);
            for event in &events[from..] {
                let line = event.to_string();
                println!("{}", line.chars().take(600).collect::<String>());
            }
        }
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(10) {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
    }
}

impl Play {
    /// The journal so far.
    pub fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.dir.join("events.jsonl")).unwrap_or_default();
        text.split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Waits for an event that fits, among all that have happened.
    pub async fn event(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        until(what, || self.events().into_iter().find(|event| fits(event))).await
    }

    pub async fn of_kind(&self, kind: &str) -> Value {
        self.event(kind, |event| event["kind"] == kind).await
    }

    pub async fn state(&self, state: &str) -> Value {
        until(state, || {
            let events = self.events();
            let last = events.iter().rfind(|event| event["kind"] == "run_state_changed")?.clone();
            (last["payload"]["state"] == state).then_some(last)
        })
        .await
    }

    pub fn send(&self, command: &protocol::Command) {
        drop_in(&self.dir, command).unwrap();
    }

    /// Answers the newest open card of the budget.
    pub async fn answer(&self, choice: &str, text: Option<&str>) {
        self.answer_card("budget", choice, text).await;
    }

    /// Answers the newest open card of this kind.
    pub async fn answer_card(&self, what: &str, choice: &str, text: Option<&str>) {
        let card = until("a card", || {
            let events = self.events();
            let closed = |id: &Value| {
                events.iter().any(|e| e["kind"] == "inbox_closed" && e["payload"]["inbox_id"] == *id)
            };
            let open = events.iter().rfind(|e| {
                e["kind"] == "inbox_opened"
                    && e["payload"]["what"] == what
                    && !closed(&e["payload"]["inbox_id"])
            });
            open.cloned()
        })
        .await;
        let inbox: InboxId = serde_json::from_value(card["payload"]["inbox_id"].clone()).unwrap();
        let (choice, text) = (choice.to_owned(), text.map(str::to_owned));
        self.send(&protocol::Command::Reply(protocol::Reply { inbox, choice, text, digest: None }));
    }
}

/// Waits for something; looks again every few milliseconds.
pub async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

pub fn of<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["kind"] == kind).map(|event| &event["payload"]).collect()
}

pub fn at(event: &Value) -> jiff::Timestamp {
    protocol::Stamp::parse(event["timestamp"].as_str().unwrap()).unwrap().at
}

/// A text of that many tokens, by the estimate of four bytes a token.
pub fn text(tokens: usize) -> String {
    "word word word w ".chars().cycle().take(tokens * 4).collect()
}
