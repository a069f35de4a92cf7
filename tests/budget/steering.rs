//! What the human decides between steps: one step and no more, and a watcher's card that is left for later.

use serde_json::json;
use zwarm_tui::protocol::{Command, NudgeTarget, command::Delivery, ids::NudgeId};

use crate::world::{Cli, World, of};

fn bash(command: &str) -> serde_json::Value {
    json!({"calls": [{"bash": {"command": command}}], "usage": {"input": 50, "output": 5}})
}

#[tokio::test(flavor = "multi_thread")]
async fn one_step_is_a_whole_one_also_where_the_open_step_only_waits() {
    let lanes = json!({"lanes": [{"name": "main", "wire": "responses", "replies": [
        {"calls": [{"delegate": {"task": "part", "mode": "async"}}], "usage": {"input": 50, "output": 5}},
        {"calls": [{"wait": {}}], "usage": {"input": 50, "output": 5}},
        bash("echo three"),
        bash("echo four"),
        {"calls": [{"exit": {"exit_message": "over"}}], "usage": {"input": 50, "output": 5}},
    ]}]});
    let world = World::new(Cli::Script, &lanes.to_string()).await.unwrap();
    let scenario = json!({"name": "s", "model": [], "sessions": [{"match": "", "turns": [{"steps": [{"sleep_ms": 60_000}]}]}]});
    std::fs::write(world.work().join("s.yaml"), scenario.to_string()).unwrap();
    let script = format!("executor.script={}", world.work().join("s.yaml").display());
    let play = world.with_human(&["-t", "go", "--set", &script]).await;
    play.event("it waits", |event| event["kind"] == "tool_started" && event["payload"]["name"] == "wait")
        .await;
    play.send(&Command::Pause { now: false });
    play.state("paused").await;
    let (nudge, target) = (NudgeId(uuid::Uuid::from_u128(1)), NudgeTarget::Orchestrator);
    play.send(&Command::Nudge { nudge, target, text: "use tabs".to_owned(), how: Delivery::Auto });
    play.event("the wait is woken", |event| {
        event["kind"] == "tool_finished" && event["payload"]["name"] == "wait"
    })
    .await;
    play.send(&Command::StepOnce);
    play.event("the pause after it", |event| event["payload"]["reason"] == "one step was asked for").await;
    let events = play.events();
    let ran = of(&events, "tool_started").iter().filter(|tool| tool["name"] == "bash").count();
    assert_eq!((of(&events, "step_started").len(), ran), (3, 1), "the third step, whole, and no further one");
    assert_eq!(of(&events, "nudge_seen").len(), 1, "the nudge was delivered with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watchers_card_that_is_left_for_later_stays_and_going_on_decides_it_once() {
    let lanes = json!({"lanes": [{"name": "main", "wire": "responses", "replies": [
        bash("true # danger"),
        bash("echo calm"),
        {"calls": [{"exit": {"exit_message": "over"}}], "usage": {"input": 50, "output": 5}},
    ]}]});
    let world = World::new(Cli::Script, &lanes.to_string()).await.unwrap();
    let watchers = r#"watchers={"enabled": true, "watchers": [{"name": "pattern", "config": {"patterns": [{"regex": "danger", "action": "pause"}]}}]}"#;
    let play = world.with_human(&["-t", "go", "--set", watchers]).await;
    play.state("paused").await;
    play.answer_card("watcher_pause", "leave_paused", None).await;
    let held = play.events();
    assert_eq!(
        (of(&held, "inbox_closed").len(), of(&held, "tool_started").len()),
        (0, 0),
        "nothing is decided"
    );
    play.send(&Command::Resume);
    assert_eq!(play.of_kind("run_finished").await["payload"]["stopped_by"], "exit");
    let events = play.events();
    let (opened, closed) = (of(&events, "inbox_opened"), of(&events, "inbox_closed"));
    assert_eq!((opened.len(), closed.len()), (1, 1), "it is not asked twice");
    assert_eq!(closed[0]["choice"], "continue_once");
}
