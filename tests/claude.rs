//! The claude adapter with the real CLI (`ZWARM_TEST_CLAUDE`: the path of the native program) against the scripted
//! model server.

mod support;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use support::{
    model_server::{Lane, ModelServer, Reply, Totals},
    sessions::{Live, Stage, real_cli},
};
use zwarm_tui::{
    config::{Approval, Config, Sandbox},
    executors::{Decision, News, Order, Resume, SessionSpec},
    protocol::{
        Usage,
        event::{Activity, ChangeKind, TurnStatus},
    },
};

const CLI: &str = "ZWARM_TEST_CLAUDE";
/// How soon an interrupted turn must be over.
const SOON: Duration = Duration::from_secs(1);

/// A model server and a claude with a home of its own that talks to it.
struct World {
    server: ModelServer,
    home: tempfile::TempDir,
    claude: String,
}

/// `None`: there is no claude.
async fn world(lanes: Vec<Lane>) -> Option<World> {
    let claude = real_cli(CLI)?;
    let server = ModelServer::start(lanes).await;
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("work")).unwrap();
    Some(World { server, home, claude })
}

impl World {
    fn stage(&self) -> Stage {
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

    fn work(&self) -> PathBuf {
        self.home.path().join("work").canonicalize().unwrap()
    }

    fn file(&self, name: &str) -> String {
        self.work().join(name).display().to_string()
    }

    fn spec(&self, stage: &Stage) -> SessionSpec {
        let model = Some("claude-sonnet-4-5".into());
        SessionSpec { cwd: self.work(), model, approval: Approval::OnRequest, ..stage.spec("claude", "") }
    }

    /// Waits until a text stands in claude's transcript, which it writes in the background.
    async fn noted(&self, text: &str) {
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
    fn bodies(&self, lane: &str) -> Vec<Value> {
        self.server.asked_of(lane).into_iter().map(|asked| asked.body).collect()
    }
}

/// One lane for all requests with tools; whatever else claude asks for is answered too.
fn lane(replies: Vec<Reply>) -> Vec<Lane> {
    vec![Lane { name: "main".into(), replies, ..Lane::default() }]
}

fn held_mid(text: &str, gate: &str) -> Reply {
    let mut reply = Reply::text(text);
    reply.pace.gate_mid = Some(gate.into());
    reply
}

fn bash(command: &str) -> Reply {
    Reply::call("Bash", json!({"command": command, "description": "test"}))
}

fn completed(answer: &str) -> (TurnStatus, String, Option<String>) {
    (TurnStatus::Completed, answer.into(), None)
}

fn usage(input: u64, cached_input: u64, cache_write: u64, output: u64) -> Usage {
    Usage { input, cached_input, cache_write, output, reasoning: 0 }
}

/// How often a text is in the messages of a request.
fn occurrences(body: &Value, text: &str) -> usize {
    body["messages"].to_string().matches(text).count()
}

/// Nothing that claude prints tells that it has read a message that it only queues. This is time enough to read a
/// line; where it is not, the test sees the message delivered later and fails.
async fn read_by_claude() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

async fn end(live: &mut Live, stage: &Stage) {
    live.order(Order::End).await;
    assert_eq!(live.ended().await, None);
    assert_eq!(stage.processes.alive(), []);
}

#[tokio::test]
async fn a_file_is_written_a_command_runs_and_every_token_is_counted() {
    let Some(world) = world(lane(vec![])).await else { return };
    let mut write = Reply::call("Write", json!({"file_path": world.file("a.txt"), "content": "one\n"}));
    write.reasoning = Some("first the file".into());
    write.text = Some("I write it.".into());
    write.usage = Some(Totals { input: 1000, cached_input: 400, cache_write: 100, output: 50, reasoning: 0 });
    let replies = vec![write, bash("cat a.txt; echo oh >&2; exit 3"), Reply::text("All done.")];
    world.server.add(lane(replies).remove(0));
    let stage = world.stage();
    let spec = SessionSpec { sandbox: Sandbox::DangerFullAccess, ..world.spec(&stage) };
    let mut live = stage.start(spec);
    live.turn(1, "make a.txt").await;
    assert_eq!(live.turn_end().await, completed("All done."));

    assert_eq!(std::fs::read_to_string(world.file("a.txt")).unwrap(), "one\n");
    let activities = live.activities();
    assert_eq!(activities[0], Activity::Reasoning { text: "first the file".into() });
    assert_eq!(activities[1], Activity::Message { text: "I write it.".into() });
    let Activity::FileChange { changes, diff } = &activities[2] else { panic!("{activities:#?}") };
    assert_eq!((changes[0].kind, changes[0].added), (ChangeKind::Add, 1));
    assert!(diff.ends_with("+one\n"), "{diff}");
    let cwd = world.work().display().to_string();
    let (command, output) = ("cat a.txt; echo oh >&2; exit 3".into(), "one\noh".into());
    assert_eq!(
        activities[3],
        Activity::Shell { command, cwd, exit_code: Some(3), output, duration_ms: None }
    );
    assert_eq!(activities[4], Activity::Message { text: "All done.".into() });
    assert_eq!(activities.len(), 5);
    assert_eq!(live.spent(false), usage(1200, 400, 100, 70));
    assert_eq!(live.spent(true), Usage::default());
    let cost: f64 = live
        .seen
        .iter()
        .filter_map(|news| if let News::Usage { cost_usd, .. } = news { *cost_usd } else { None })
        .sum();
    assert!(cost > 0.0);
    assert_eq!(stage.streamed("text:"), "I write it.All done.");
    assert!(stage.streamed("tool:").contains("a.txt"));
    assert!(
        std::fs::read_to_string(stage.dir.path().join("session/turns/turn_1.jsonl"))
            .unwrap()
            .contains("All done.")
    );
    let News::Started { native_id, cli_version, pid, .. } = &live.seen[0] else { panic!("{:#?}", live.seen) };
    assert!(native_id.is_some() && pid.is_some());
    assert!(cli_version.as_ref().is_some_and(|version| version.starts_with("2.")), "{cli_version:?}");
    end(&mut live, &stage).await;
}

#[tokio::test]
async fn a_nudge_while_text_streams_is_answered_in_the_same_turn() {
    let replies = vec![held_mid(&"first answer ".repeat(20), "text"), Reply::text("Turned left.")];
    let Some(world) = world(lane(replies)).await else { return };
    let stage = world.stage();
    let mut live = stage.start(world.spec(&stage));
    live.turn(1, "go").await;
    stage.until_streamed("text:", "first answer").await;
    let nudge = live.steer("go left").await;
    read_by_claude().await;
    world.server.release("text");
    let (status, answer, _) = live.turn_end().await;
    assert_eq!(status, TurnStatus::Completed);
    assert_eq!(answer, format!("{}\n\nTurned left.", "first answer ".repeat(20)));
    let delivered: Vec<_> = live
        .seen
        .iter()
        .filter(|news| matches!(news, News::SteerTaken { .. } | News::SteerSeen { .. }))
        .collect();
    assert_eq!(delivered, [&News::SteerTaken { nudge, turn: 1 }, &News::SteerSeen { nudge, turn: 1 }]);
    let bodies = world.bodies("main");
    assert_eq!((bodies.len(), occurrences(&bodies[1], "go left")), (2, 1));
    assert_eq!(live.spent(false), usage(200, 0, 0, 20));
    end(&mut live, &stage).await;
}

#[tokio::test]
async fn a_nudge_while_a_tool_runs_is_folded_into_its_result() {
    let Some(world) = world(lane(vec![])).await else { return };
    let go = world.file("go");
    let replies = vec![
        bash(&format!("touch began; while [ ! -e {go} ]; do sleep 0.05; done")),
        Reply::text("Saw both."),
    ];
    world.server.add(lane(replies).remove(0));
    let stage = world.stage();
    let mut live = stage.start(SessionSpec { sandbox: Sandbox::DangerFullAccess, ..world.spec(&stage) });
    live.turn(1, "go").await;
    until_exists(&world.file("began")).await;
    let nudge = live.steer("go left").await;
    read_by_claude().await;
    std::fs::write(go, "").unwrap();
    assert_eq!(live.turn_end().await, completed("Saw both."));
    assert!(live.seen.contains(&News::SteerSeen { nudge, turn: 1 }), "{:#?}", live.seen);
    let bodies = world.bodies("main");
    assert_eq!((bodies.len(), occurrences(&bodies[1], "go left")), (2, 1));
    end(&mut live, &stage).await;
}

async fn until_exists(path: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !std::path::Path::new(path).exists() {
        assert!(Instant::now() < deadline, "'{path}' never came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_interrupted_text_ends_within_a_second_and_the_session_goes_on() {
    let replies = vec![held_mid(&"endless ".repeat(40), "never"), Reply::text("Back.")];
    let Some(world) = world(lane(replies)).await else { return };
    let stage = world.stage();
    let mut live = stage.start(world.spec(&stage));
    live.turn(1, "go").await;
    stage.until_streamed("text:", "endless").await;
    let nudge = live.steer("too late").await;
    read_by_claude().await;
    let began = Instant::now();
    live.order(Order::Interrupt).await;
    let (status, answer, error) = live.turn_end().await;
    let took = began.elapsed();
    assert!(took < SOON, "{took:?}");
    assert_eq!((status, error), (TurnStatus::Interrupted, None));
    assert!(answer.starts_with("endless endless"), "{answer}");
    assert!(live.seen.iter().any(|news| matches!(news, News::SteerRefused { nudge: n, .. } if *n == nudge)));
    let estimate = live.spent(true);
    assert_eq!(estimate.input, 100);
    assert!(estimate.output > 1);

    live.turn(2, "again").await;
    assert_eq!(live.turn_end().await, completed("Back."));
    let bodies = world.bodies("main");
    assert_eq!((bodies.len(), occurrences(&bodies[1], "too late")), (2, 0));
    end(&mut live, &stage).await;
}

#[tokio::test]
async fn an_interrupted_command_is_killed_and_the_end_leaves_nothing() {
    let replies = vec![bash("touch began; exec sleep 299"), bash("touch again; exec sleep 298")];
    let Some(world) = world(lane(replies)).await else { return };
    let stage = world.stage();
    let mut live = stage.start(SessionSpec { sandbox: Sandbox::DangerFullAccess, ..world.spec(&stage) });
    live.turn(1, "go").await;
    until_exists(&world.file("began")).await;
    let began = Instant::now();
    live.order(Order::Interrupt).await;
    assert_eq!(live.turn_end().await.0, TurnStatus::Interrupted);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    no_sleeper("299", began + SOON).await;

    live.turn(2, "go").await;
    until_exists(&world.file("again")).await;
    end(&mut live, &stage).await;
    assert!(
        live.seen
            .iter()
            .any(|news| matches!(news, News::TurnEnded { turn: 2, status: TurnStatus::Interrupted, .. }))
    );
    no_sleeper("298", Instant::now()).await;
}

/// At the latest then nobody sleeps any more.
async fn no_sleeper(number: &str, deadline: Instant) {
    while sleepers(number) > 0 {
        assert!(Instant::now() < deadline, "'sleep {number}' lives");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Running `sleep N`.
fn sleepers(number: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.filter(|line| *line == format!("sleep\0{number}\0").into_bytes()).count()
}

#[tokio::test]
async fn an_approval_is_asked_declined_accepted_and_cancelled() {
    let replies = vec![
        bash("echo 1 > /etc/hostname-no"),
        bash("uname > made"),
        bash("uname > not-made"),
        Reply::text("unused"),
    ];
    let Some(world) = world(lane(replies)).await else { return };
    let stage = world.stage();
    let mut live = stage.start(SessionSpec { approval: Approval::Untrusted, ..world.spec(&stage) });
    live.turn(1, "go").await;
    let ask = live.asked().await;
    assert_eq!((ask.kind.as_str(), ask.command.as_str()), ("shell", "echo 1 > /etc/hostname-no"));
    let reason = Some("no human is present".to_owned());
    live.order(Order::Answer { key: ask.key, decision: Decision::Decline, reason }).await;
    let ask = live.asked().await;
    live.answer(&ask.key, Decision::Accept).await;
    let ask = live.asked().await;
    assert!(std::path::Path::new(&world.file("made")).exists());
    live.answer(&ask.key, Decision::Cancel).await;
    assert_eq!(live.turn_end().await.0, TurnStatus::Interrupted);
    assert!(!std::path::Path::new(&world.file("not-made")).exists());
    assert_eq!(occurrences(&world.bodies("main")[1], "no human is present"), 1);
    end(&mut live, &stage).await;
}

#[tokio::test]
async fn large_answers_arrive_whole() {
    let small = "200 kilobytes. ".repeat(14_000);
    let large = "five megabytes! ".repeat(330_000);
    let Some(world) = world(lane(vec![Reply::text(&small), Reply::text(&large)])).await else { return };
    let stage = world.stage();
    let mut live = stage.start(world.spec(&stage));
    live.turn(1, "go").await;
    let (_, answer, _) = live.turn_end().await;
    assert!(answer == small, "{} of {}", answer.len(), small.len());
    live.turn(2, "more").await;
    let (_, answer, _) = live.turn_end().await;
    assert!(answer == large, "{} of {}", answer.len(), large.len());
    assert!(stage.streamed("text:").len() == small.len() + large.len());
    end(&mut live, &stage).await;
}

#[tokio::test]
async fn after_kill_9_the_conversation_goes_on_once() {
    let replies =
        vec![Reply::text("The word is plum."), held_mid(&"lost ".repeat(40), "never"), Reply::text("Plum.")];
    let Some(world) = world(lane(replies)).await else { return };
    let stage = world.stage();
    let spec = world.spec(&stage);
    let mut live = stage.start(spec.clone());
    live.turn(1, "PROMPT-ONE").await;
    assert_eq!(live.turn_end().await, completed("The word is plum."));
    live.turn(2, "PROMPT-TWO").await;
    stage.until_streamed("text:", "lost").await;
    world.noted("PROMPT-TWO").await;
    let (pid, _) = stage.processes.alive()[0].clone();
    assert!(std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
    let (status, _, error) = live.turn_end().await;
    assert_eq!(status, TurnStatus::Failed);
    assert!(error.unwrap().contains("signal: 9"));
    assert!(live.ended().await.unwrap().starts_with("claude: it ended with signal: 9"));
    assert!(live.spent(true).input >= 100, "the request that was cut is counted by estimate");

    let stage = world.stage();
    let resume = Some(live.resume(2));
    let mut live = stage.start(SessionSpec { resume, dir: stage.dir.path().join("session"), ..spec });
    live.turn(3, "PROMPT-THREE").await;
    assert_eq!(live.turn_end().await, completed("Plum."));
    let bodies = world.bodies("main");
    let last = bodies.last().unwrap();
    let counts =
        ["PROMPT-ONE", "word is plum", "PROMPT-TWO", "PROMPT-THREE"].map(|text| occurrences(last, text));
    assert_eq!(counts, [1, 1, 1, 1], "{}", last["messages"]);
    assert_eq!(live.spent(false), usage(100, 0, 0, 10));
    end(&mut live, &stage).await;
}

#[tokio::test]
async fn a_conversation_that_never_began_is_begun_and_one_that_is_known_is_taken_up() {
    let Some(world) = world(lane(vec![Reply::text("one"), Reply::text("two")])).await else { return };
    let stage = world.stage();
    let spec = world.spec(&stage);
    let native_id = Some(spec.id.to_string());
    let resume = Some(Resume { native_id, ..Resume::default() });
    let mut live = stage.start(SessionSpec { resume, ..spec.clone() });
    live.turn(1, "PROMPT-ONE").await;
    assert_eq!(live.turn_end().await, completed("one"));
    end(&mut live, &stage).await;
    // It looks like a new one to us; claude has it already.
    let mut live = stage.start(spec);
    live.turn(2, "PROMPT-TWO").await;
    assert_eq!(live.turn_end().await, completed("two"));
    assert_eq!(occurrences(&world.bodies("main")[1], "PROMPT-ONE"), 1);
    end(&mut live, &stage).await;
}

#[tokio::test]
async fn a_refused_request_fails_the_turn_and_a_wrong_flag_tells_why() {
    let refused = Reply::fault(support::model_server::Fault { http: Some(400), ..Default::default() });
    let Some(world) = world(lane(vec![refused])).await else { return };
    let stage = world.stage();
    let mut live = stage.start(world.spec(&stage));
    live.turn(1, "go").await;
    let (status, answer, error) = live.turn_end().await;
    assert_eq!((status, answer.as_str()), (TurnStatus::Failed, ""));
    assert!(error.unwrap().starts_with("API Error: 400"));
    end(&mut live, &stage).await;

    let mut config = Config::default();
    config.executor.claude_path = Some(world.claude.clone());
    config.executor.claude_args = vec!["--no-such-flag".into()];
    config.executor.env = BTreeMap::from([("ANTHROPIC_API_KEY".into(), Some("k".into()))]);
    let stage = Stage::new(config, None);
    let mut live = stage.start(stage.spec("claude", ""));
    live.turn(1, "go").await;
    let why = live.ended().await.unwrap();
    assert!(why.contains("no-such-flag"), "{why}");
}
