//! A run of the real program on a real wire: the orchestrator's model is the local model server (Responses or Chat), the
//! executor is the real codex or claude, whose own model is that server too. Where the CLI is not there, what it once said
//! is played back through the same adapter (`recordings`).

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    cases::{Act, Case, Said},
    recordings,
    support::model_server::ModelServer,
};

/// No run takes longer.
const PATIENCE: Duration = Duration::from_secs(90);

/// A wire of the orchestrator, and the executor behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Responses, codex app-server.
    Codex,
    /// Chat Completions, claude stream-json.
    Claude,
}

impl Wire {
    pub const BOTH: [Self; 2] = [Self::Codex, Self::Claude];

    pub fn executor(self) -> &'static str {
        if self == Self::Codex { "codex" } else { "claude" }
    }

    pub fn orchestrator(self) -> &'static str {
        if self == Self::Codex { "Responses" } else { "Chat" }
    }

    fn dialect(self) -> (&'static str, &'static str) {
        if self == Self::Codex { ("responses", "responses") } else { ("chat", "messages") }
    }

    /// The real CLI, where its variable names one.
    pub fn real(self) -> Option<PathBuf> {
        let variable = if self == Self::Codex { "ZWARM_TEST_CODEX" } else { "ZWARM_TEST_CLAUDE" };
        let path = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_file());
        let required = std::env::var("ZWARM_TEST_CLIS_REQUIRED").is_ok_and(|value| value == "1");
        assert!(path.is_some() || !required, "{variable} names no program, and it is required");
        path
    }

    /// What the session's model answers: each act is a reply; the last is given again and again.
    fn replies(self, work: &Path, acts: &[Act]) -> Vec<Value> {
        let reply = |act: &Act| match *act {
            Act::Say { text, after_ms } => json!({"text": text, "delay_ms": after_ms}),
            Act::Run { text, command, after_ms } => {
                let call = match self {
                    Self::Codex => json!({"exec_command": {"cmd": command, "yield_time_ms": 20_000}}),
                    Self::Claude => json!({"Bash": {"command": command, "description": "as asked"}}),
                };
                json!({"text": text, "calls": [call], "delay_ms": after_ms})
            }
            Act::Write(files) => match self {
                Self::Codex => {
                    let added = |(path, text): &(&str, &str)| format!("*** Add File: {path}\n+{text}\n");
                    let patch: String = files.iter().map(added).collect();
                    json!({"calls": [{"apply_patch": format!("*** Begin Patch\n{patch}*** End Patch\n")}]})
                }
                Self::Claude => {
                    let write = |(path, text): &(&str, &str)| json!({"Write": {"file_path": work.join(path), "content": format!("{text}\n")}});
                    json!({"calls": files.iter().map(write).collect::<Vec<_>>()})
                }
            },
        };
        acts.iter().map(reply).collect()
    }

    fn lanes(self, work: &Path, case: &Case) -> Value {
        let (main, session) = self.dialect();
        let replies: Value = serde_yaml::from_str(case.main).unwrap();
        let watcher: Value = serde_yaml::from_str(case.model).unwrap();
        json!({"lanes": [
            {"name": "main", "wire": main, "model": "gpt-5", "replies": replies},
            {"name": "watcher", "wire": main, "model": "gpt-5-mini", "tools": "any", "replies": watcher, "repeat": true},
            {"name": "session", "wire": session, "contains": "TASK", "replies": self.replies(work, case.session), "repeat": true},
        ]})
    }
}

/// What a run came to.
pub struct Played {
    pub said: Vec<Said<String>>,
    pub events: Vec<Value>,
}

pub struct World {
    root: tempfile::TempDir,
    wire: Wire,
    server: ModelServer,
}

impl World {
    pub async fn new(wire: Wire, case: &Case) -> Self {
        let root = tempfile::tempdir().unwrap();
        let work = root.path().canonicalize().unwrap().join("work");
        std::fs::create_dir(&work).unwrap();
        let server = ModelServer::from_yaml(&wire.lanes(&work, case).to_string()).await;
        let world = Self { root, wire, server };
        let program = world.executor(case);
        std::fs::write(world.work().join("run_tests.sh"), "echo ok\n").unwrap();
        std::fs::write(world.work().join("look.sh"), crate::cases::LOOK).unwrap();
        std::fs::write(world.work().join("c.yaml"), world.config(case, &program).to_string()).unwrap();
        for args in [&["init", "-q"][..], &["add", "."], &["commit", "-q", "-m", "begin"]] {
            world.git(args);
        }
        world
    }

    fn work(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap().join("work")
    }

    fn git(&self, args: &[&str]) {
        let identity =
            ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"];
        let done = Command::new("git").arg("-C").arg(self.work()).args(identity).args(args).status().unwrap();
        assert!(done.success(), "git {args:?}");
    }

    /// The program that is called as the executor: the real CLI, or one that plays its recording.
    fn executor(&self, case: &Case) -> PathBuf {
        let (name, real) = (format!("{}-{}", case.id, self.wire.executor()), self.wire.real());
        match real {
            Some(real) if !recordings::wanted() => real,
            Some(real) => recordings::recorder(self.root.path(), &real),
            None => recordings::player(self.root.path(), &name, case.leaves),
        }
    }

    fn config(&self, case: &Case, program: &Path) -> Value {
        let file = |name: &str| self.root.path().join(name);
        std::fs::create_dir_all(file("codex")).unwrap();
        let provider = format!(
            "model_providers.mock={{name=\"mock\",base_url=\"{}\",wire_api=\"responses\",env_key=\"MOCK_KEY\",request_max_retries=0,stream_max_retries=0}}",
            self.server.v1()
        );
        let codex = self.wire == Wire::Codex;
        let mini = if codex { "gpt-5-mini" } else { "local/gpt-5-mini" };
        let watcher: Value = serde_yaml::from_str(&case.config.replace("gpt-5-mini", mini)).unwrap();
        let mut entry = json!({"name": case.watcher});
        if watcher["command"].is_null() {
            entry["config"] = watcher
        } else {
            entry.as_object_mut().unwrap().extend(watcher.as_object().cloned().unwrap())
        }
        json!({
            "watchers": [entry],
            "providers": {"local": {"base_url": self.server.v1(), "wire": "chat", "api_key_env": "OPENAI_API_KEY"}},
            "executor": {
                "adapter": self.wire.executor(), "approval": "accept",
                "model": if codex { "gpt-5.5" } else { "claude-sonnet-4-5" },
                "codex_path": codex.then_some(program), "claude_path": (!codex).then_some(program),
                "codex_args": ["--disable", "plugins", "-c", "model_provider=\"mock\"", "-c", provider],
                "env": {
                    "MOCK_KEY": "k", "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1",
                    "CODEX_HOME": file("codex"), "CLAUDE_CONFIG_DIR": file("claude"), "HOME": self.root.path(),
                    "ANTHROPIC_BASE_URL": self.server.root(), "ANTHROPIC_API_KEY": "k",
                    "CLAUDE_CODE_MAX_RETRIES": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                },
            },
        })
    }

    /// Plays the run to its end.
    pub async fn play(&self, case: &Case) -> Played {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zwarm-tui"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.root.path()).env("ZWARM_HOME", self.root.path().join("home"));
        command.env("OPENAI_API_KEY", "test-key-0123456789").env("OPENAI_BASE_URL", self.server.v1());
        command.current_dir(self.work()).stdin(Stdio::null());
        command.args(["run", "--json", "-t", "write a parser; never curl into sh", "-c", "c.yaml"]);
        command.args(["--on-pause", "continue", "--trust-project"]).args(case.options);
        command.args(["--model", if self.wire == Wire::Codex { "gpt-5" } else { "local/gpt-5" }]);
        let mut command = tokio::process::Command::from(command);
        let output = tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output()).await;
        let output = output.unwrap_or_else(|_| panic!("{} on {:?} never ends", case.id, self.wire)).unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let played = Played { said: said(&events), events };
        let told = format!("{} on {:?}: {}", case.story, self.wire, String::from_utf8_lossy(&output.stderr));
        if recordings::wanted() && self.wire.real().is_some() && !case.session.is_empty() {
            recordings::keep(self.root.path(), &format!("{}-{}", case.id, self.wire.executor()));
        }
        let finished = played.of("run_finished");
        assert_eq!(finished.first().map(|end| &end["stopped_by"]), Some(&json!("exit")), "{told}");
        // What it was paused for, or whose turn it interrupted, is told as a problem too.
        let own = |problem: &Value| {
            let of_a_watcher = problem["where"] == format!("watcher:{}", case.watcher).as_str();
            of_a_watcher && problem["hint"] != "the other watchers went on"
                || problem["hint"] == "its turn is interrupted"
        };
        let problem = |problem: &&Value| !own(problem);
        let problems: Vec<_> = played.of("problem_raised").into_iter().filter(problem).collect();
        assert!(problems.is_empty(), "{told} {problems:?}");
        let turns = played.of("session_turn_finished");
        assert_eq!(
            turns.is_empty(),
            case.session.is_empty(),
            "{told}: a session had a turn, or none had one"
        );
        assert!(turns.iter().all(|turn| turn["status"] != "failed"), "{told} {turns:?}");
        played
    }
}

impl Played {
    pub fn of(&self, kind: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["kind"] == kind).map(|event| &event["payload"]).collect()
    }
}

fn said(events: &[Value]) -> Vec<Said<String>> {
    let spoke = events.iter().filter(|event| event["kind"] == "watcher_spoke").map(|event| &event["payload"]);
    let word = |spoke: &Value, key: &str| spoke[key].as_str().unwrap().to_owned();
    spoke
        .map(|spoke| Said {
            step: spoke["step"].as_u64().unwrap(),
            gate: word(spoke, "gate"),
            verdict: word(spoke, "verdict"),
            rule: word(spoke, "rule"),
        })
        .collect()
}
