//! The ACP adapter: with the small agent of `examples/acp_agent.rs`, and with two real ones
//! (`ZWARM_TEST_CODEX_ACP`, `ZWARM_TEST_CLAUDE_ACP`: their `dist/index.js`, run by node) against the scripted model
//! server.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::json;
use support::{
    codex_home,
    model_server::{Lane, ModelServer, Reply},
    sessions::{Live, Stage, agent_program, real_cli},
};
use zwarm_tui::{
    config::{AcpExecutor, Config},
    executors::{Decision, News, Order, Resume, SessionSpec},
    protocol::{
        Usage,
        event::{Activity, ChangeKind, FileChange, PlanItem, TurnStatus},
    },
};

/// How soon an interrupted turn must be over.
const SOON: Duration = Duration::from_secs(1);

fn small(flags: &[&str]) -> Stage {
    let mut acp = vec![agent_program()];
    acp.extend(flags.iter().map(ToString::to_string));
    stage(acp, BTreeMap::new())
}

fn stage(acp: Vec<String>, env: BTreeMap<String, Option<String>>) -> Stage {
    let mut config = Config::default();
    config.executors.insert("agent".into(), AcpExecutor { acp, env });
    Stage::new(config, None)
}

fn completed(answer: &str) -> (TurnStatus, String, Option<String>) {
    (TurnStatus::Completed, answer.into(), None)
}

fn message(text: &str) -> Activity {
    Activity::Message { text: text.into() }
}

async fn end(live: &mut Live, stage: &Stage) {
    live.order(Order::End).await;
    assert_eq!(live.ended().await, None);
    assert_eq!(stage.processes.alive(), []);
}

#[tokio::test]
async fn what_an_agent_does_becomes_activities() {
    let stage = small(&[]);
    let mut live = stage.start(stage.spec("agent", ""));
    live.turn(1, "think:hm say:first plan run:ls ask-fs noise say:done").await;
    assert_eq!(live.turn_end().await, completed("refused with -32601done"));
    let cwd = stage.work().display().to_string();
    let item = |text: &str, status: &str| PlanItem { text: text.into(), status: status.into() };
    let shell = Activity::Shell {
        command: "ls".into(),
        cwd,
        exit_code: Some(0),
        output: "output\n".into(),
        duration_ms: None,
    };
    assert_eq!(
        live.activities(),
        [
            Activity::Reasoning { text: "hm".into() },
            message("first"),
            Activity::Plan { items: vec![item("first", "completed"), item("second", "pending")] },
            shell,
            message("refused with -32601done"),
        ]
    );
    assert_eq!(live.spent(false), Usage { input: 120, cached_input: 20, output: 10, ..Usage::default() });
    assert_eq!(stage.streamed("output:"), "output\n");
    assert!(live.seen.iter().any(
        |news| matches!(news, News::Problem { message, .. } if message.contains("not of its protocol"))
    ));
    end(&mut live, &stage).await;
}

#[tokio::test]
async fn leave_is_given_by_kind_refused_and_cancelled() {
    let stage = small(&[]);
    let mut live = stage.start(stage.spec("agent", ""));
    live.turn(1, "write:a.txt write:b.txt write:c.txt say:never").await;
    let ask = live.asked().await;
    assert_eq!((ask.kind.as_str(), ask.command.as_str()), ("file_change", "Write a.txt"));
    assert!(ask.diff.ends_with("+hello\n"), "{}", ask.diff);
    live.answer(&ask.key, Decision::Accept).await;
    let ask = live.asked().await;
    live.answer(&ask.key, Decision::Decline).await;
    let ask = live.asked().await;
    live.answer(&ask.key, Decision::Cancel).await;
    assert_eq!(live.turn_end().await.0, TurnStatus::Interrupted);
    let there = |name: &str| stage.work().join(name).exists();
    assert_eq!((there("a.txt"), there("b.txt"), there("c.txt")), (true, false, false));
    let change = FileChange { path: "a.txt".into(), kind: ChangeKind::Add, added: 1, removed: 0 };
    assert!(matches!(&live.activities()[0], Activity::FileChange { changes, .. } if changes[..] == [change]));
    end(&mut live, &stage).await;
}

#[tokio::test]
async fn a_held_turn_is_interrupted_or_steered() {
    let stage = small(&["--steer", "--no-usage"]);
    let mut live = stage.start(stage.spec("agent", ""));
    live.turn(1, "hold").await;
    stage.until_streamed("reasoning:", "holding").await;
    let began = Instant::now();
    live.order(Order::Interrupt).await;
    assert_eq!(live.turn_end().await.0, TurnStatus::Interrupted);
    assert!(began.elapsed() < SOON);
    live.turn(2, "hold say:!").await;
    let nudge = live.steer("left").await;
    assert_eq!(live.turn_end().await, completed("heard left!"));
    assert!(live.seen.contains(&News::SteerTaken { nudge, turn: 2 }));
    assert!(live.seen.contains(&News::SteerSeen { nudge, turn: 2 }));
    assert!(live.spent(true).output > 0, "an agent that does not count is estimated");
    live.turn(3, "hold").await;
    end(&mut live, &stage).await;
    assert!(
        live.seen
            .iter()
            .any(|news| matches!(news, News::TurnEnded { turn: 3, status: TurnStatus::Interrupted, .. }))
    );
}

#[tokio::test]
async fn an_agent_without_steering_says_so() {
    let stage = small(&[]);
    let mut live = stage.start(stage.spec("agent", ""));
    live.turn(1, "hold").await;
    let nudge = live.steer("left").await;
    let why = "cannot take messages in mid-turn".to_owned();
    let refused = News::SteerRefused { nudge, why };
    assert_eq!(live.until("a refusal", |news| matches!(news, News::SteerRefused { .. })).await, refused);
    end(&mut live, &stage).await;
}

#[tokio::test]
async fn large_answers_arrive_whole() {
    let stage = small(&[]);
    let mut live = stage.start(stage.spec("agent", ""));
    for (turn, size) in [(1, 200_000), (2, 5_000_000)] {
        live.turn(turn, &format!("big:{size}")).await;
        assert_eq!(live.turn_end().await.1.len(), size);
    }
    end(&mut live, &stage).await;
}

#[tokio::test]
async fn a_dead_agent_fails_its_turn_and_its_conversation_is_loaded_once() {
    let store = tempfile::tempdir().unwrap();
    let flags = ["--store", store.path().to_str().unwrap()];
    let stage = small(&flags);
    let spec = stage.spec("agent", "");
    let mut live = stage.start(spec.clone());
    live.turn(1, "say:one").await;
    assert_eq!(live.turn_end().await, completed("one"));
    live.turn(2, "say:two die").await;
    let (status, answer, error) = live.turn_end().await;
    assert_eq!((status, answer.as_str()), (TurnStatus::Failed, "two"));
    assert!(error.unwrap().contains("exit status: 3"));
    assert!(live.ended().await.unwrap().starts_with("agent: it ended with exit status: 3"));

    let resume = Some(live.resume(2));
    let mut live = stage.start(SessionSpec { resume, ..spec });
    live.turn(3, "history").await;
    assert_eq!(live.turn_end().await, completed("prompts: 3"));
    assert_eq!(live.activities(), [message("prompts: 3")]);
    assert_eq!(live.spent(false).output, 10);
    end(&mut live, &stage).await;
}

#[tokio::test]
async fn an_agent_that_is_not_there_or_cannot_load_tells_why() {
    let nowhere = stage(vec!["no-such-program-at-all".into()], BTreeMap::new());
    let mut live = nowhere.start(nowhere.spec("agent", ""));
    assert!(
        live.ended()
            .await
            .unwrap()
            .starts_with("the program 'no-such-program-at-all' of the adapter 'agent'")
    );
    let stage = small(&[]);
    let mut spec = stage.spec("agent", "");
    spec.resume = Some(zwarm_tui::executors::Resume { native_id: Some("old".into()), ..Default::default() });
    let mut live = stage.start(spec);
    live.turn(1, "say:x").await;
    assert!(live.ended().await.unwrap().contains("cannot take a conversation up again"));
}

/// A real agent with a home of its own.
struct Real {
    server: ModelServer,
    home: tempfile::TempDir,
    script: String,
    claude: bool,
}

async fn real(variable: &str, claude: bool, lanes: Vec<Lane>) -> Option<Real> {
    let script = real_cli(variable)?;
    let server = ModelServer::start(lanes).await;
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("work")).unwrap();
    codex_home::make(&home.path().join("codex"), &server.v1());
    Some(Real { server, home, script, claude })
}

impl Real {
    fn stage(&self) -> Stage {
        let path = |name: &str| self.home.path().join(name).display().to_string();
        let mut env = BTreeMap::from([("HOME".to_owned(), Some(path("")))]);
        let mut set = |name: &str, value: String| env.insert(name.to_owned(), Some(value));
        if self.claude {
            set("ANTHROPIC_BASE_URL", self.server.root());
            set("ANTHROPIC_API_KEY", "k".into());
            set("CLAUDE_CONFIG_DIR", path("claude"));
            set("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1".into());
            // This agent offers a mode that claude refuses to root outside a sandbox.
            set("IS_SANDBOX", "1".into());
            set("ANTHROPIC_MODEL", "claude-sonnet-4-5".into());
        } else {
            set("CODEX_HOME", path("codex"));
            set("MOCK_KEY", "k".into());
            set("INITIAL_AGENT_MODE", "agent".into());
        }
        stage(vec!["node".into(), self.script.clone()], env)
    }

    fn work(&self) -> PathBuf {
        self.home.path().join("work").canonicalize().unwrap()
    }

    fn write_call(&self) -> Reply {
        let path = self.work().join("a.txt");
        if self.claude {
            Reply::call("Write", json!({"file_path": path, "content": "hello\n"}))
        } else {
            let patch = format!("*** Begin Patch\n*** Add File: {}\n+hello\n*** End Patch", path.display());
            Reply::call("apply_patch", json!(patch))
        }
    }

    /// What the model says in the conversation itself.
    fn replies(&self, replies: Vec<Reply>) {
        // claude's agent guesses the next prompt, whenever it likes.
        self.server.add(Lane {
            name: "guess".into(),
            last: Some("SUGGESTION MODE".into()),
            replies: vec![Reply::text("guess")],
            repeat: true,
            ..Lane::default()
        });
        // Requests for a title go to another model, or have no tools.
        let model = Some(if self.claude { "claude-sonnet-4-5" } else { "gpt-5.5" }.to_owned());
        self.server.add(Lane { name: "main".into(), model, replies, ..Lane::default() });
    }

    /// Two turns, an interrupt, a restart: everything that we ask of an agent.
    async fn whole_life(&self) {
        let mut slow = Reply::text(&"slow words ".repeat(30));
        slow.pace.gate_mid = Some("never".into());
        let replies = vec![self.write_call(), Reply::text("Written."), slow, Reply::text("Plum.")];
        self.replies(replies);
        let stage = self.stage();
        let spec = SessionSpec { cwd: self.work(), ..stage.spec("agent", "") };
        let mut live = stage.start(spec.clone());
        live.turn(1, "PROMPT-ONE").await;
        self.accept_until_the_end(&mut live, &completed("Written.")).await;
        assert_eq!(std::fs::read_to_string(self.work().join("a.txt")).unwrap(), "hello\n");
        assert!(live.activities().iter().any(
            |activity| matches!(activity, Activity::FileChange { diff, .. } if diff.contains("+hello"))
        ));
        assert_eq!(live.spent(false), Usage { input: 200, output: 20, ..Usage::default() });

        live.turn(2, "PROMPT-TWO").await;
        stage.until_streamed("text:", "slow words").await;
        let began = Instant::now();
        live.order(Order::Interrupt).await;
        assert_eq!(live.turn_end().await.0, TurnStatus::Interrupted);
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
        end(&mut live, &stage).await;

        let resume = Some(live.resume(2));
        let mut live = stage.start(SessionSpec { resume, ..spec });
        live.turn(3, "PROMPT-THREE").await;
        assert_eq!(live.turn_end().await, completed("Plum."));
        assert_eq!(live.activities(), [message("Plum.")], "{:#?}", live.seen);
        assert_eq!(live.spent(false), Usage { input: 100, output: 10, ..Usage::default() });
        let last = self.server.asked_of("main").pop().unwrap().body.to_string();
        let counts = ["PROMPT-ONE", "PROMPT-TWO", "PROMPT-THREE"].map(|text| last.matches(text).count());
        assert_eq!(counts, [1, 1, 1], "{last}");
        end(&mut live, &stage).await;
    }

    /// A conversation of the real agent is forked by another process of it.
    async fn forked(&self) {
        let replies =
            vec![Reply::text("The word is plum."), Reply::text("Forked."), Reply::text("Still mine.")];
        self.replies(replies);
        let stage = self.stage();
        let spec = SessionSpec { cwd: self.work(), ..stage.spec("agent", "") };
        let mut original = stage.start(spec.clone());
        original.turn(1, "PROMPT-ONE").await;
        assert_eq!(original.turn_end().await, completed("The word is plum."));
        let resume = Some(Resume { fork_of: original.native_id(), ..Resume::default() });
        let mut copy = stage.start(SessionSpec { resume, dir: stage.dir.path().join("fork"), ..spec });
        copy.turn(1, "PROMPT-FORK").await;
        assert_eq!(copy.turn_end().await, completed("Forked."), "{:#?}", copy.seen);
        assert_ne!(copy.native_id(), original.native_id());
        original.turn(2, "PROMPT-TWO").await;
        assert_eq!(original.turn_end().await, completed("Still mine."));
        let counts = |at: usize| {
            let body = self.server.asked_of("main")[at].body.to_string();
            ["PROMPT-ONE", "word is plum", "PROMPT-FORK", "PROMPT-TWO"].map(|text| body.matches(text).count())
        };
        assert_eq!([counts(1), counts(2)], [[1, 1, 1, 0], [1, 1, 0, 1]]);
        copy.order(Order::End).await;
        assert_eq!(copy.ended().await, None);
        end(&mut original, &stage).await;
    }

    async fn accept_until_the_end(&self, live: &mut Live, expected: &(TurnStatus, String, Option<String>)) {
        loop {
            let is = |news: &News| matches!(news, News::Asked(_) | News::TurnEnded { .. });
            match live.until("an approval or the end", is).await {
                News::Asked(ask) => live.answer(&ask.key, Decision::Accept).await,
                News::TurnEnded { status, response, error, .. } => {
                    return assert_eq!(&(status, response, error), expected);
                }
                _ => unreachable!(),
            }
        }
    }
}

#[tokio::test]
async fn the_whole_life_of_a_session_with_codex_acp() {
    let Some(real) = real("ZWARM_TEST_CODEX_ACP", false, vec![]).await else { return };
    real.whole_life().await;
}

#[tokio::test]
async fn the_whole_life_of_a_session_with_claude_agent_acp() {
    let Some(real) = real("ZWARM_TEST_CLAUDE_ACP", true, vec![]).await else { return };
    real.whole_life().await;
}

#[tokio::test]
async fn codex_acp_takes_a_nudge_in_mid_turn() {
    let mut slow = Reply::text(&"slow words ".repeat(30));
    slow.pace.gate_mid = Some("never".into());
    let replies = vec![slow, Reply::text("Turned left.")];
    let lanes = vec![Lane { name: "main".into(), model: Some("gpt-5.5".into()), replies, ..Lane::default() }];
    let Some(real) = real("ZWARM_TEST_CODEX_ACP", false, lanes).await else { return };
    let stage = real.stage();
    let mut live = stage.start(SessionSpec { cwd: real.work(), ..stage.spec("agent", "") });
    live.turn(1, "go").await;
    stage.until_streamed("text:", "slow words").await;
    let nudge = live.steer("go left").await;
    assert_eq!(live.turn_end().await, completed("Turned left."));
    assert!(live.seen.contains(&News::SteerTaken { nudge, turn: 1 }), "{:#?}", live.seen);
    assert!(real.server.asked_of("main")[1].body.to_string().contains("go left"));
    end(&mut live, &stage).await;
}

#[tokio::test]
async fn a_conversation_of_claude_agent_acp_is_forked_and_the_original_goes_on() {
    let Some(real) = real("ZWARM_TEST_CLAUDE_ACP", true, vec![]).await else { return };
    real.forked().await;
}
