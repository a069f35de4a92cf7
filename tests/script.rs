//! The script executor, played for real.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::time::{Duration, Instant};

use support::sessions::Stage;
use zwarm_tui::{
    config::Config,
    executors::{Decision, News, Order, Resume},
    protocol::{
        Usage,
        event::{Activity, ChangeKind, FileChange, PlanItem, TurnStatus},
        scenario::Scenario,
    },
};

fn stage(sessions: &str) -> Stage {
    let scenario: Scenario = serde_yaml::from_str(sessions).unwrap();
    Stage::new(Config::default(), Some(scenario))
}

#[tokio::test]
async fn every_kind_of_step_is_played_and_what_it_does_is_real() {
    let stage = stage(
        "
sessions:
  - match: other
    turns: [{steps: [{say: wrong}]}]
  - match: parse
    turns:
      - steps:
          - think: hm
          - plan: [{text: one, status: pending}]
          - write: {path: src/a.txt, text: \"hello\\n\"}
          - run: cat src/a.txt; echo oh >&2; exit 3
          - tool: {name: t, arguments: '{}', result: r}
          - error: {message: again, will_retry: true}
          - raw: {odd: 1}
          - usage: {input: 10, output: 1}
          - sleep_ms: 1
          - stream: {lines: 3, per_second: 0, text: line}
          - say: done
        usage: {input: 5, output: 2}
",
    );
    let mut live = stage.start(stage.spec("script", "please parse this"));
    live.turn(1, "please parse this").await;
    assert_eq!(live.turn_end().await, (TurnStatus::Completed, "done".into(), None));
    let cwd = stage.work().display().to_string();
    let mut activities = live.activities();
    for activity in &mut activities {
        if let Activity::Shell { duration_ms, .. } = activity {
            *duration_ms = None;
        }
    }
    let shell = |command: &str, exit_code, output: &str| Activity::Shell {
        command: command.into(),
        cwd: cwd.clone(),
        exit_code: Some(exit_code),
        output: output.into(),
        duration_ms: None,
    };
    let change = FileChange { path: "src/a.txt".into(), kind: ChangeKind::Add, added: 1, removed: 0 };
    assert_eq!(
        activities,
        [
            Activity::Reasoning { text: "hm".into() },
            Activity::Plan { items: vec![PlanItem { text: "one".into(), status: "pending".into() }] },
            Activity::FileChange {
                changes: vec![change],
                diff: "--- /dev/null\n+++ b/src/a.txt\n@@ -0,0 +1 @@\n+hello\n".into()
            },
            shell("cat src/a.txt; echo oh >&2; exit 3", 3, "hello\noh\n"),
            Activity::ToolCall { name: "t".into(), arguments: "{}".into(), result: "r".into(), ok: true },
            Activity::Error { message: "again".into(), will_retry: true },
            Activity::Unknown { raw: serde_json::json!({"odd": 1}) },
            shell("stream 3 lines", 0, "line 1\nline 2\nline 3\n"),
            Activity::Message { text: "done".into() },
        ]
    );
    assert_eq!(live.spent(false), Usage { input: 15, output: 3, ..Usage::default() });
    assert_eq!(stage.streamed("text:"), "done");
    assert!(stage.streamed("output:").contains("hello\n") && stage.streamed("output:").contains("line 3\n"));
    live.order(Order::End).await;
    assert_eq!(live.ended().await, None);
    assert!(stage.dir.path().join("session/turns/turn_1.jsonl").is_file());
}

#[tokio::test]
async fn a_steer_is_taken_at_once_and_seen_at_the_next_step_and_an_interrupt_ends_the_turn() {
    let stage = stage(
        "
sessions:
  - turns:
      - steps: [{ask: {kind: file_change, command: x}}, {sleep_ms: 60000}]
",
    );
    let mut live = stage.start(stage.spec("script", "t"));
    live.turn(1, "t").await;
    let ask = live.asked().await;
    let nudge = live.steer("hurry").await;
    live.until("taken", |news| *news == News::SteerTaken { nudge, turn: 1 }).await;
    live.answer(&ask.key, Decision::Accept).await;
    live.until("seen", |news| *news == News::SteerSeen { nudge, turn: 1 }).await;
    live.order(Order::Interrupt).await;
    assert_eq!(live.turn_end().await, (TurnStatus::Interrupted, String::new(), None));
    let late = live.steer("too late").await;
    let refused = News::SteerRefused { nudge: late, why: "no turn runs".into() };
    live.until("refused", |news| *news == refused).await;
}

#[tokio::test]
async fn an_approval_that_is_accepted_runs_declined_goes_on_and_cancelled_interrupts() {
    let stage = stage(
        "
sessions:
  - turns:
      - steps: [{ask: {kind: shell, command: 'echo yes > asked.txt', reason: why}}, {say: after}]
",
    );
    let mut live = stage.start(stage.spec("script", "t"));
    for (turn, decision, status) in [
        (1, Decision::Decline, TurnStatus::Completed),
        (2, Decision::Cancel, TurnStatus::Interrupted),
        (3, Decision::Accept, TurnStatus::Completed),
    ] {
        live.turn(turn, "t").await;
        let ask = live.asked().await;
        assert_eq!((ask.command.as_str(), ask.reason.as_str()), ("echo yes > asked.txt", "why"));
        live.answer(&ask.key, decision).await;
        assert_eq!(live.turn_end().await.0, status);
        assert_eq!(stage.work().join("asked.txt").exists(), turn == 3);
    }
}

#[tokio::test]
async fn a_resumed_session_goes_on_at_its_next_turn_and_a_crash_ends_it() {
    let stage = stage(
        "
sessions:
  - turns:
      - steps: [{say: first}]
      - steps: [{say: second}]
        error: no luck
      - steps: [{say: third}]
        crash: true
",
    );
    let mut spec = stage.spec("script", "t");
    spec.resume = Some(Resume { native_id: Some("script-1".into()), turns: 1, ..Resume::default() });
    let mut live = stage.start(spec);
    live.turn(2, "t").await;
    let failed = (TurnStatus::Failed, "second".into(), Some("no luck".into()));
    assert_eq!(live.turn_end().await, failed);
    assert_eq!(live.native_id().as_deref(), Some("script-1"));
    live.turn(7, "t").await;
    assert_eq!(live.turn_end().await.0, TurnStatus::Failed);
    assert!(live.ended().await.unwrap().contains("crashed"));
}

#[tokio::test]
async fn a_command_that_ignores_signals_is_killed_in_the_end() {
    let stage = stage(
        "
sessions:
  - turns:
      - steps: [{run: 'echo up; while :; do sleep 1; done'}]
        ignore: [int, term]
",
    );
    let mut live = stage.start(stage.spec("script", "t"));
    live.turn(1, "t").await;
    stage.until_streamed("output:", "up").await;
    let began = Instant::now();
    live.order(Order::Interrupt).await;
    assert_eq!(live.turn_end().await.0, TurnStatus::Interrupted);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    stage.executors.shutdown(Duration::from_secs(8)).await;
    assert_eq!(live.ended().await, None);
    assert_eq!(stage.processes.alive(), []);
}

#[tokio::test]
async fn a_session_without_an_adapter_or_a_scenario_ends_with_a_hint() {
    let stage = Stage::new(Config::default(), None);
    let error = stage.start(stage.spec("nonsense", "t")).ended().await.unwrap();
    assert!(error.contains("'nonsense'") && error.contains("hint:"), "{error}");
    let error = stage.start(stage.spec("script", "t")).ended().await.unwrap();
    assert!(error.contains("executor.script"), "{error}");
}

#[tokio::test]
async fn an_answer_of_5_mb_arrives_whole() {
    let long = "0123456789".repeat(500_000);
    let stage = stage(&format!("sessions: [{{turns: [{{steps: [{{say: \"{long}\"}}]}}]}}]"));
    let mut live = stage.start(stage.spec("script", "t"));
    live.turn(1, "t").await;
    let (status, answer, _) = live.turn_end().await;
    assert!(status == TurnStatus::Completed && answer == long);
}
