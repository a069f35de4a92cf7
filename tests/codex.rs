//! The codex adapter against the real `codex` (its path in `ZWARM_TEST_CODEX`) and a scripted model server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::time::{Duration, Instant};

use support::{
    model_server::ModelServer,
    sessions::{Live, Stage, real_cli},
};
use zwarm_tui::{
    config::{Approval, Config, Sandbox},
    executors::{Decision, News, Order, Resume, SessionSpec},
    protocol::{
        Usage,
        event::{Activity, TurnStatus},
    },
};

const CODEX: &str = "ZWARM_TEST_CODEX";

/// A codex that knows one model server and nobody else.
struct Bench {
    server: ModelServer,
    stage: Stage,
    _home: tempfile::TempDir,
}

async fn bench(lanes: &str) -> Option<Bench> {
    let codex = real_cli(CODEX)?;
    let server = ModelServer::from_yaml(lanes).await;
    let home = tempfile::tempdir().unwrap();
    let config = config(&codex, &server, home.path());
    Some(Bench { server, stage: Stage::new(config, None), _home: home })
}

fn config(codex: &str, server: &ModelServer, home: &std::path::Path) -> Config {
    let mut config = Config::default();
    config.executor.codex_path = Some(codex.to_owned());
    let provider = format!(
        "model_providers.mock={{name=\"mock\",base_url=\"{}\",wire_api=\"responses\",env_key=\"MOCK_KEY\",request_max_retries=0,stream_max_retries=0}}",
        server.v1()
    );
    let args = ["--disable", "plugins", "-c", "model_provider=\"mock\"", "-c", &provider];
    config.executor.codex_args = args.map(str::to_owned).to_vec();
    // Whatever would go elsewhere goes nowhere; a login shell finds no profile.
    let home = home.to_str().unwrap();
    let env =
        [("MOCK_KEY", "k"), ("HTTPS_PROXY", "http://127.0.0.1:9"), ("CODEX_HOME", home), ("HOME", home)];
    for (name, value) in env {
        config.executor.env.insert(name.to_owned(), Some(value.to_owned()));
    }
    config
}

impl Bench {
    fn start(&self, approval: Approval, sandbox: Sandbox) -> Live {
        let mut spec = self.stage.spec("codex", "t");
        (spec.approval, spec.sandbox, spec.model) = (approval, sandbox, Some("gpt-5.5".into()));
        self.stage.start(spec)
    }

    fn start_free(&self) -> Live {
        self.start(Approval::Never, Sandbox::DangerFullAccess)
    }

    /// The session and the server end; nothing is left.
    async fn close(&self, mut live: Live) {
        live.order(Order::End).await;
        assert_eq!(live.ended().await, None);
        let began = Instant::now();
        self.stage.executors.shutdown(Duration::from_secs(8)).await;
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        assert_eq!(self.stage.processes.alive(), []);
    }
}

/// Texts of the user in a request's body.
fn said(body: &serde_json::Value) -> String {
    body["input"].to_string()
}

fn tokens(input: u64, cached_input: u64, output: u64, reasoning: u64) -> Usage {
    Usage { input, cached_input, output, reasoning, ..Usage::default() }
}

#[tokio::test]
async fn a_turn_streams_runs_changes_a_file_and_is_counted_to_the_token() {
    let lanes = r#"
lanes:
  - name: codex
    replies:
      - reasoning: "I look first."
        text: "Running it."
        calls: [{exec_command: {cmd: "echo one; echo two"}}]
        usage: {input: 1000, cached_input: 200, output: 50, reasoning: 20}
      - calls: [{apply_patch: "*** Begin Patch\n*** Add File: made.txt\n+hello\n*** End Patch"}]
        usage: {input: 1100, cached_input: 900, output: 30}
      - text: "All done."
        usage: {input: 1200, cached_input: 1000, output: 10}
"#;
    let Some(bench) = bench(lanes).await else { return };
    let mut live = bench.start(Approval::Never, Sandbox::WorkspaceWrite);
    live.turn(1, "MAKE it").await;
    assert_eq!(live.turn_end().await, (TurnStatus::Completed, "All done.".into(), None), "{:#?}", live.seen);
    let work = bench.stage.work();
    assert_eq!(std::fs::read_to_string(work.join("made.txt")).unwrap(), "hello\n");
    let activities = live.activities();
    let shell = activities.iter().find_map(|activity| match activity {
        Activity::Shell { command, exit_code, output, .. } => {
            Some((command.as_str(), *exit_code, output.as_str()))
        }
        _ => None,
    });
    assert_eq!(shell, Some(("echo one; echo two", Some(0), "one\ntwo\n")), "{activities:#?}");
    let path = work.join("made.txt").display().to_string();
    let change = activities.iter().any(|activity| {
        matches!(activity, Activity::FileChange { changes, diff } if changes[0].path == path && diff.contains("+hello"))
    });
    assert!(change, "{activities:#?}");
    assert!(bench.stage.streamed("text:").contains("All done."));
    assert_eq!(live.spent(false), tokens(3300, 2100, 90, 20));
    assert_eq!(live.spent(true), Usage::default());
    assert!(matches!(
        &live.seen[0],
        News::Started { shared_pid: true, pid: Some(_), cli_version: Some(_), .. }
    ));
    let raw = std::fs::read_to_string(bench.stage.dir.path().join("session/turns/turn_1.jsonl")).unwrap();
    assert!(raw.contains("thread/start") && raw.contains("turn/completed"));
    bench.close(live).await;
}

#[tokio::test]
async fn a_steer_cuts_the_text_that_streams_and_reaches_the_model_in_the_same_turn() {
    let lanes = r#"
lanes:
  - name: codex
    replies:
      - {text: "A long text that will be cut in its middle by a steer.", chunk_chars: 6, gate_mid: middle}
      - {text: "I heard you.", usage: {input: 700, output: 7}}
"#;
    let Some(bench) = bench(lanes).await else { return };
    let mut live = bench.start_free();
    live.turn(1, "go on").await;
    bench.server.held("middle").await;
    bench.stage.until_streamed("text:", "A long").await;
    let nudge = live.steer("STEER: write docs too").await;
    live.until("taken", |news| *news == News::SteerTaken { nudge, turn: 1 }).await;
    live.until("seen", |news| *news == News::SteerSeen { nudge, turn: 1 }).await;
    assert_eq!(live.turn_end().await, (TurnStatus::Completed, "I heard you.".into(), None));
    bench.server.release("middle");
    let asked = bench.server.asked_of("codex");
    assert_eq!(asked.len(), 2);
    assert!(said(&asked[1].body).contains("STEER: write docs too"));
    assert_eq!(live.spent(false), tokens(700, 0, 7, 0));
    assert!(live.spent(true).output > 0, "{:#?}", live.seen);
    bench.close(live).await;
}

#[tokio::test]
async fn an_interrupt_ends_the_turn_and_its_command_and_the_session_stays_usable() {
    let lanes = r#"
lanes:
  - name: codex
    replies:
      - calls: [{exec_command: {cmd: "echo $$ > pid.txt; while :; do echo up; sleep 0.1; done", yield_time_ms: 900000}}]
        usage: {input: 500, output: 5}
      - {text: "Still here.", usage: {input: 600, output: 6}}
"#;
    let Some(bench) = bench(lanes).await else { return };
    let mut live = bench.start_free();
    live.turn(1, "start it").await;
    bench.stage.until_streamed("output:", "up").await;
    let pid = std::fs::read_to_string(bench.stage.work().join("pid.txt")).unwrap();
    let began = Instant::now();
    live.order(Order::Interrupt).await;
    assert_eq!(live.turn_end().await, (TurnStatus::Interrupted, String::new(), None));
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    live.turn(2, "are you there").await;
    assert_eq!(live.turn_end().await, (TurnStatus::Completed, "Still here.".into(), None));
    assert!(!std::path::Path::new(&format!("/proc/{}", pid.trim())).exists(), "the command lives on");
    // Nothing was cut: the request that called the command is counted when the turn is interrupted.
    assert_eq!(live.spent(false), tokens(1100, 0, 11, 0));
    assert_eq!(live.spent(true), Usage::default());
    bench.close(live).await;
}

#[tokio::test]
async fn approvals_are_asked_and_their_answers_obeyed() {
    let lanes = r#"
lanes:
  - name: codex
    replies:
      - calls: [{exec_command: {cmd: "touch one.txt"}}]
      - calls: [{exec_command: {cmd: "touch two.txt"}}]
      - text: "Two of one."
"#;
    let Some(bench) = bench(lanes).await else { return };
    let mut live = bench.start(Approval::Untrusted, Sandbox::WorkspaceWrite);
    live.turn(1, "touch").await;
    let ask = live.asked().await;
    assert_eq!((ask.kind.as_str(), ask.command.as_str()), ("shell", "touch one.txt"));
    live.answer(&ask.key, Decision::Accept).await;
    let ask = live.asked().await;
    assert_eq!(ask.command, "touch two.txt");
    live.answer(&ask.key, Decision::Decline).await;
    assert_eq!(live.turn_end().await, (TurnStatus::Completed, "Two of one.".into(), None));
    let work = bench.stage.work();
    assert!(work.join("one.txt").exists() && !work.join("two.txt").exists());
    bench.close(live).await;
}

#[tokio::test]
async fn a_thread_is_resumed_by_a_new_process_and_its_history_is_not_counted_twice() {
    let lanes = r#"
lanes:
  - name: codex
    replies:
      - {text: "First answer.", usage: {input: 1000, cached_input: 10, output: 50}}
      - {text: "Second answer.", usage: {input: 2000, cached_input: 900, output: 20}}
"#;
    let Some(mut bench) = bench(lanes).await else { return };
    let mut live = bench.start_free();
    live.turn(1, "REMEMBER-THIS").await;
    assert_eq!(live.turn_end().await.1, "First answer.");
    let resume = live.resume(1);
    bench.close(live).await;
    let codex = real_cli(CODEX).unwrap();
    let work = bench.stage.work();
    let first = std::mem::replace(
        &mut bench.stage,
        Stage::new(config(&codex, &bench.server, bench._home.path()), None),
    );
    let mut spec = bench.stage.spec("codex", "t");
    (spec.cwd, spec.resume, spec.sandbox) = (work, Some(resume.clone()), Sandbox::DangerFullAccess);
    let mut live = bench.stage.start(spec);
    live.turn(2, "and now").await;
    assert_eq!(live.turn_end().await.1, "Second answer.");
    assert_eq!(live.native_id(), resume.native_id);
    assert_eq!(live.spent(false), tokens(2000, 900, 20, 0));
    let asked = bench.server.asked_of("codex");
    assert!(said(&asked[1].body).contains("REMEMBER-THIS"), "the history is gone");
    bench.close(live).await;
    drop(first);
}

#[tokio::test]
async fn two_sessions_share_a_server_and_outlive_its_death() {
    let lanes = r#"
lanes:
  - name: one
    contains: LANE-ONE
    replies:
      - {text: "Held for ever.", gate: never}
      - {text: "One is back."}
  - name: two
    contains: LANE-TWO
    replies: [{text: "Two."}, {text: "Two again."}]
"#;
    let Some(bench) = bench(lanes).await else { return };
    let (mut one, mut two) = (bench.start_free(), bench.start_free());
    one.turn(1, "LANE-ONE").await;
    two.turn(1, "LANE-TWO").await;
    assert_eq!(two.turn_end().await.1, "Two.");
    bench.server.held("never").await;
    let alive = bench.stage.processes.alive();
    let [(pid, _)] = &alive[..] else { panic!("{alive:?}") };
    assert!(std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap().success());
    let (status, _, error) = one.turn_end().await;
    assert_eq!(status, TurnStatus::Failed);
    assert!(error.as_ref().unwrap().starts_with("the codex server ended"), "{error:?}");
    two.until("told", |news| matches!(news, News::Problem { .. })).await;
    one.turn(2, "LANE-ONE once more").await;
    two.turn(2, "LANE-TWO once more").await;
    assert_eq!(one.turn_end().await.1, "One is back.");
    assert_eq!(two.turn_end().await.1, "Two again.");
    two.order(Order::End).await;
    assert_eq!(two.ended().await, None);
    bench.close(one).await;
}

#[tokio::test]
async fn a_refused_key_fails_the_turn_with_a_hint_and_not_the_session() {
    let lanes = r#"
lanes:
  - name: codex
    replies:
      - fault: {http: 401}
      - {text: "Better now."}
"#;
    let Some(bench) = bench(lanes).await else { return };
    let mut live = bench.start_free();
    live.turn(1, "x").await;
    let (status, _, error) = live.turn_end().await;
    assert_eq!(status, TurnStatus::Failed);
    assert!(error.as_ref().unwrap().contains("(hint: sign in with 'codex login'"), "{error:?}");
    live.turn(2, "x").await;
    assert_eq!(live.turn_end().await.1, "Better now.");
    bench.close(live).await;
}

#[tokio::test]
async fn a_codex_that_is_not_signed_in_says_so() {
    let Some(codex) = real_cli(CODEX) else { return };
    let server = ModelServer::from_yaml("lanes: []").await;
    let home = tempfile::tempdir().unwrap();
    let mut config = config(&codex, &server, home.path());
    config.executor.codex_args = vec!["--disable".into(), "plugins".into()];
    for name in ["CODEX_API_KEY", "CODEX_ACCESS_TOKEN"] {
        config.executor.env.insert(name.into(), None);
    }
    let stage = Stage::new(config, None);
    let mut live = stage.start(stage.spec("codex", "t"));
    live.turn(1, "x").await;
    let error = live.ended().await.unwrap();
    assert_eq!(
        error,
        "codex is not signed in (hint: run 'codex login', or give codex a model provider of its own)"
    );
}

#[tokio::test]
async fn a_codex_that_is_missing_or_strange_ends_the_session_with_a_hint() {
    let mut config = Config::default();
    config.executor.codex_path = Some("/no/such/codex".into());
    let stage = Stage::new(config, None);
    let mut live = stage.start(stage.spec("codex", "t"));
    let error = live.ended().await.unwrap();
    assert!(error.starts_with("the program 'codex' is not there (hint: install it"), "{error}");
}

#[tokio::test]
async fn answers_of_200_kb_and_5_mb_arrive_whole() {
    let long = "0123456789".repeat(500_000);
    let Some(bench) = bench("lanes: []").await else { return };
    for text in [&long[..200_000], &long] {
        bench
            .server
            .add(support::model_server::Lane::any("codex", vec![support::model_server::Reply::text(text)]));
    }
    let mut live = bench.start_free();
    live.turn(1, "a long one").await;
    assert!(live.turn_end().await.1 == long[..200_000]);
    live.turn(2, "a longer one").await;
    assert!(live.turn_end().await.1 == long);
    bench.close(live).await;
}

/// Two codex programs with one home: a thread of the one is known to the other.
fn fork_of(parent: &Live, stage: &Stage) -> SessionSpec {
    let resume = Some(Resume { fork_of: parent.native_id(), ..Resume::default() });
    let mut spec = stage.spec("codex", "t");
    (spec.model, spec.sandbox, spec.resume) = (Some("gpt-5.5".into()), Sandbox::DangerFullAccess, resume);
    spec.dir = stage.dir.path().join("fork");
    spec
}

const FORKS: &str = r#"
lanes:
  - name: codex
    replies:
      - {text: "The word is plum.", usage: {input: 1000, output: 10}}
      - {text: "Forked.", usage: {input: 1100, output: 11}}
      - {text: "Still mine.", usage: {input: 1200, output: 12}}
      - {text: "Forked again.", usage: {input: 1300, output: 13}}
"#;

fn counts(body: &serde_json::Value) -> [usize; 4] {
    let said = said(body);
    ["PROMPT-ONE", "word is plum", "PROMPT-FORK", "PROMPT-TWO"].map(|text| said.matches(text).count())
}

#[tokio::test]
async fn a_fork_contains_the_conversation_once_and_the_original_goes_on_untouched() {
    let Some(bench) = bench(FORKS).await else { return };
    let mut original = bench.start_free();
    original.turn(1, "PROMPT-ONE").await;
    assert_eq!(original.turn_end().await.1, "The word is plum.");
    let spec = fork_of(&original, &bench.stage);
    let mut copy = bench.stage.start(spec.clone());
    copy.turn(1, "PROMPT-FORK").await;
    assert_eq!(copy.turn_end().await, (TurnStatus::Completed, "Forked.".into(), None), "{:#?}", copy.seen);
    assert_ne!(copy.native_id(), original.native_id());
    assert_eq!(copy.spent(false), tokens(1100, 0, 11, 0), "the parent's total is not counted again");
    original.turn(2, "PROMPT-TWO").await;
    assert_eq!(original.turn_end().await.1, "Still mine.");
    assert_eq!(original.spent(false), tokens(2200, 0, 22, 0));
    let asked = bench.server.asked_of("codex");
    assert_eq!(counts(&asked[1].body), [1, 1, 1, 0], "{}", asked[1].body["input"]);
    assert_eq!(counts(&asked[2].body), [1, 1, 0, 1], "{}", asked[2].body["input"]);
    // A fork is resumed like any other thread.
    copy.order(Order::End).await;
    assert_eq!(copy.ended().await, None);
    let fork_of = spec.resume.clone().and_then(|resume| resume.fork_of);
    let resume = Some(Resume { fork_of, ..copy.resume(1) });
    let mut again = bench.stage.start(SessionSpec { resume, ..spec });
    again.turn(2, "PROMPT-AGAIN").await;
    assert_eq!(again.turn_end().await.1, "Forked again.");
    assert_eq!(again.native_id(), copy.native_id());
    assert_eq!(again.spent(false), tokens(1300, 0, 13, 0));
    again.order(Order::End).await;
    assert_eq!(again.ended().await, None);
    bench.close(original).await;
}

#[tokio::test]
async fn a_thread_that_another_process_holds_is_said_to_be_and_can_be_forked() {
    let Some(bench) = bench(FORKS).await else { return };
    let mut original = bench.start_free();
    original.turn(1, "PROMPT-ONE").await;
    assert_eq!(original.turn_end().await.1, "The word is plum.");
    // Another program with the same home.
    let codex = std::env::var(CODEX).unwrap();
    let other = Stage::new(config(&codex, &bench.server, bench._home.path()), None);
    let mut spec = fork_of(&original, &other);
    spec.resume = Some(original.resume(1));
    let mut held = other.start(spec.clone());
    held.turn(2, "mine?").await;
    let (status, _, error) = held.turn_end().await;
    let error = error.unwrap();
    assert_eq!(status, TurnStatus::Failed);
    assert!(
        error.contains("already has an active writer") && error.contains("or fork the session"),
        "{error}"
    );
    let mut copy = other.start(fork_of(&original, &other));
    copy.turn(1, "PROMPT-FORK").await;
    assert_eq!(copy.turn_end().await, (TurnStatus::Completed, "Forked.".into(), None), "{:#?}", copy.seen);
    assert_eq!(counts(&bench.server.asked_of("codex")[1].body), [1, 1, 1, 0]);
    original.turn(2, "PROMPT-TWO").await;
    assert_eq!(original.turn_end().await.1, "Still mine.");
    assert_eq!(counts(&bench.server.asked_of("codex")[2].body), [1, 1, 0, 1]);
    other.executors.shutdown(Duration::from_secs(8)).await;
    bench.close(original).await;
}
