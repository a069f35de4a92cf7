//! The whole program with the real codex, the real claude and an ACP agent, against one scripted model server.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use zwarm_tui::{
    protocol::{Command as Asked, SessionId},
    store,
};

use crate::support::{
    codex_home,
    marks::survivors,
    model_server::{ModelServer, Script},
    sessions::real_cli,
};

/// Nothing in these tests takes longer.
const PATIENCE: Duration = Duration::from_secs(40);
const STEP: Duration = Duration::from_millis(10);

pub(crate) struct World {
    pub(crate) server: ModelServer,
    root: tempfile::TempDir,
}

/// A world whose models say this. `WORK/` and `OUT/` in it stand for the working directory and one outside of it.
/// `None`: one of the real programs is not there.
pub(crate) async fn world(lanes: &str) -> Option<World> {
    let (codex, claude) = (real_cli("ZWARM_TEST_CODEX")?, real_cli("ZWARM_TEST_CLAUDE")?);
    let acp = real_cli("ZWARM_TEST_CODEX_ACP")?;
    let server = ModelServer::from_yaml("lanes: []").await;
    let world = World { server, root: tempfile::tempdir().unwrap() };
    for dir in ["work", "out", "claude"] {
        std::fs::create_dir(world.path(dir)).unwrap();
    }
    for home in ["codex", "acp-codex"] {
        codex_home::make(&world.path(home), &world.server.v1());
    }
    world.lanes(lanes);
    let text = |name: &str| world.path(name).display().to_string();
    let config = json!({
        "executor": {
            "codex_path": codex, "claude_path": claude, "script": text("script.yaml"),
            "env": {
                "CODEX_HOME": text("codex"), "MOCK_KEY": "k", "HOME": text(""),
                "ANTHROPIC_BASE_URL": world.server.root(), "ANTHROPIC_API_KEY": "k",
                "CLAUDE_CONFIG_DIR": text("claude"), "CLAUDE_CODE_MAX_RETRIES": "1",
                "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1",
            },
        },
        "executors": {"agent": {
            "acp": ["node", acp],
            "env": {"CODEX_HOME": text("acp-codex"), "INITIAL_AGENT_MODE": "agent"},
        }},
        "watchers": {"enabled": false},
    });
    std::fs::write(world.path("run.yaml"), config.to_string()).unwrap();
    Some(world)
}

impl World {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().canonicalize().unwrap().join(name)
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.path("work")
    }

    /// Waits until a reply is held at the gate.
    pub(crate) async fn held(&self, gate: &str) {
        let held = tokio::time::timeout(PATIENCE, self.server.held(gate)).await;
        let asked =
            || self.server.asked().into_iter().map(|a| (a.lane, a.path, a.outcome)).collect::<Vec<_>>();
        assert!(held.is_ok(), "nothing was held at '{gate}': {:#?}", asked());
    }

    /// A directory outside of the working directory.
    pub(crate) fn out(&self) -> PathBuf {
        self.path("out")
    }

    fn lanes(&self, text: &str) {
        let name = |dir: PathBuf| dir.display().to_string();
        let text =
            text.replace("WORK/", &(name(self.work()) + "/")).replace("OUT/", &(name(self.out()) + "/"));
        let script: Script = serde_yaml::from_str(&text).unwrap();
        script.lanes.into_iter().for_each(|lane| self.server.add(lane));
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zwarm-tui"));
        command.args(args).current_dir(self.work()).stdin(Stdio::null());
        command.env("ZWARM_HOME", self.path("home")).env("HOME", self.path(""));
        for key in ["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "CODEX_API_KEY", "ZWARM_RUN"] {
            command.env_remove(key);
        }
        command.env("OPENAI_API_KEY", "key-of-the-orchestrator").env("OPENAI_BASE_URL", self.server.v1());
        command
    }

    /// What another process says to the run.
    pub(crate) fn say(&self, args: &[&str]) -> Output {
        let output = self.command(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        let config = self.path("run.yaml").display().to_string();
        let fixed = ["run", "--json", "-c", &config, "--set", "orchestrator.lm=gpt-5"];
        let mut command = self.command(&[&fixed[..], args].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let events = Arc::new(Mutex::new(Vec::new()));
        let kept = events.clone();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                kept.lock().unwrap().push((Instant::now(), serde_json::from_str(&line).unwrap()));
            }
        });
        Run { child, events }
    }

    /// The folder of the one instance.
    pub(crate) fn instance(&self) -> PathBuf {
        let all = std::fs::read_dir(self.work().join(".zwarm/instances")).unwrap();
        let [one] = &all.flatten().map(|entry| entry.path()).collect::<Vec<_>>()[..] else { panic!() };
        one.clone()
    }

    /// The id of the one instance.
    pub(crate) fn id(&self) -> String {
        self.instance().file_name().unwrap().to_str().unwrap().to_owned()
    }

    pub(crate) async fn until_none_survives(&self, within: Duration) {
        let deadline = Instant::now() + within;
        loop {
            let left = survivors(&self.id());
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "still there: {left:#?}");
            tokio::time::sleep(STEP).await;
        }
    }

    /// A command of a client, left for the running instance.
    pub(crate) fn drop_in(&self, command: &Asked) {
        store::commands::drop_in(&self.instance(), command).unwrap();
    }
}

impl Drop for World {
    /// A test that failed leaves no process either.
    fn drop(&mut self) {
        let all = std::fs::read_dir(self.work().join(".zwarm/instances")).into_iter().flatten().flatten();
        all.for_each(|dir| drop(zwarm_tui::process::reap(&dir.path())));
    }
}

pub(crate) struct Run {
    pub(crate) child: Child,
    events: Arc<Mutex<Vec<(Instant, Value)>>>,
}

impl Drop for Run {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for event in self.events() {
                let text = format!("{} {}", event["kind"], event["payload"]);
                println!("{}", text.chars().take(250).collect::<String>());
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Run {
    pub(crate) fn events(&self) -> Vec<Value> {
        self.events.lock().unwrap().iter().map(|(_, event)| event.clone()).collect()
    }

    /// The payloads of one kind.
    pub(crate) fn of(&self, kind: &str) -> Vec<Value> {
        let events = self.events();
        events
            .into_iter()
            .filter(|event| event["kind"] == kind)
            .map(|event| event["payload"].clone())
            .collect()
    }

    /// The first event that fits, and when it was read.
    pub(crate) async fn until(&self, what: &str, fits: impl Fn(&Value) -> bool) -> (Instant, Value) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.events.lock().unwrap().iter().find(|(_, event)| fits(event)).cloned();
            if let Some(found) = found {
                return found;
            }
            assert!(Instant::now() < deadline, "no '{what}' came");
            tokio::time::sleep(STEP).await;
        }
    }

    pub(crate) async fn session(&self, adapter: &str) -> SessionId {
        let started =
            |event: &Value| event["kind"] == "session_started" && event["payload"]["adapter"] == adapter;
        let (_, event) = self.until(adapter, started).await;
        event["session_id"].as_str().unwrap().parse().unwrap()
    }

    /// The end of a turn of a session.
    pub(crate) async fn turn_end(&self, session: SessionId, turn: u32) -> (Instant, Value) {
        let id = session.to_string();
        let ended = |event: &Value| {
            event["kind"] == "session_turn_finished"
                && event["session_id"] == id.as_str()
                && event["payload"]["turn"] == turn
        };
        let (at, event) = self.until("the end of a turn", ended).await;
        (at, event["payload"].clone())
    }

    /// Tokens of one session, as they were recorded: all, and whether some are estimated.
    pub(crate) fn tokens(&self, session: SessionId) -> (u64, bool) {
        let id = session.to_string();
        let events = self.events();
        let own = events.iter().filter(|event| event["kind"] == "usage_recorded");
        let own = own.filter(|event| event["session_id"] == id.as_str()).map(|event| &event["payload"]);
        own.fold((0, false), |(sum, estimated), usage| {
            (sum + usage["total"].as_u64().unwrap(), estimated || usage["estimated"] == true)
        })
    }

    pub(crate) async fn end(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the run did not end");
            tokio::time::sleep(STEP).await;
        }
    }
}

/// Waits until a file is there and not empty.
pub(crate) async fn written(path: &Path) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match std::fs::read_to_string(path) {
            Ok(text) if !text.is_empty() => return text,
            _ => {}
        }
        assert!(Instant::now() < deadline, "'{}' was never written", path.display());
        tokio::time::sleep(STEP).await;
    }
}
