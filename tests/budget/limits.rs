//! Limits with a reset time: the run sleeps until then and goes on by itself, or ends with code 6; new delegations may go
//! to another executor meanwhile.

use serde_json::{Value, json};

use crate::world::{Cli, World, at, lines, of};

const EXIT: &str = r#"{"calls": [{"exit": {"exit_message": "over"}}]}"#;

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// The orchestrator's model says that it is limited for some seconds, then answers.
async fn limited_model(seconds: i64) -> World {
    let lanes = json!({"lanes": [{"name": "main", "wire": "responses", "replies": [
        {"fault": {"http": 429, "error": {"code": "usage_limit_reached", "resets_at": now() + seconds}}},
        serde_json::from_str::<Value>(EXIT).unwrap(),
    ]}]});
    World::new(Cli::Script, &lanes.to_string()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_headless_run_sleeps_as_long_as_it_may_and_goes_on_by_itself() {
    let world = limited_model(3).await;
    let output = world.headless(&["-t", "go", "--max-wait", "1m"]).await;
    let events = lines(&output);
    assert_eq!(output.status.code(), Some(0), "{events:#?}");
    let states = of(&events, "run_state_changed");
    let states: Vec<_> = states.iter().map(|state| state["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["sleeping", "running", "stopping"]);
    let changed: Vec<_> = events.iter().filter(|e| e["kind"] == "run_state_changed").collect();
    let slept = at(changed[1]).as_millisecond() - at(changed[0]).as_millisecond();
    assert!((1_000..6_000).contains(&slept), "it really waits: {slept} ms");
    assert!(changed[0]["payload"]["until"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_headless_run_that_may_not_wait_so_long_ends_with_its_own_code_and_can_be_resumed() {
    for more in [&["--max-wait", "2s"][..], &[], &["--max-wait", "1h", "--set", "limits.sleep=false"]] {
        let world = limited_model(600).await;
        let output = world.headless(&[&["-t", "go"], more].concat()).await;
        assert_eq!(output.status.code(), Some(6));
        assert_eq!(of(&lines(&output), "run_finished")[0]["stopped_by"], "limit");
        assert_eq!(world.headless(&["--resume"]).await.status.code(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sleeping_run_can_be_resumed_by_hand_and_sleep_can_be_switched_off() {
    let world = limited_model(600).await;
    let play = world.with_human(&["-t", "go"]).await;
    play.state("sleeping").await;
    play.send(&zwarm_tui::protocol::Command::Resume);
    assert_eq!(play.of_kind("run_finished").await["payload"]["stopped_by"], "exit");
    drop(play);
    let world = limited_model(600).await;
    let play = world.with_human(&["-t", "go", "--set", "limits.sleep=false"]).await;
    play.state("paused").await;
    let card = play.of_kind("inbox_opened").await;
    assert_eq!(card["payload"]["what"], "failure");
}

/// The real claude is told by its server that its limit is reached, with the reset: the run sleeps, and then the same
/// session goes on, without a word of the orchestrator.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_an_executor_lets_the_run_sleep_and_the_session_go_on() {
    let reset = now() + 8;
    let limit = format!("Claude AI usage limit reached|{reset}");
    let lanes = json!({"lanes": [
        {"name": "main", "wire": "responses", "model": "gpt-5", "replies": [
            {"calls": [{"delegate": {"task": "TASK-1", "mode": "sync"}}]},
            serde_json::from_str::<Value>(EXIT).unwrap(),
        ]},
        {"name": "s1", "wire": "messages", "contains": "TASK-1", "replies": [
            {"fault": {"http": 400, "error": {"message": limit}}},
            {"text": "done after the limit"},
        ]},
    ]});
    let Some(world) = World::new(Cli::Claude, &lanes.to_string()).await else { return };
    let output = world.headless(&["-t", "go", "--max-wait", "1m"]).await;
    let events = lines(&output);
    assert_eq!(output.status.code(), Some(0), "{events:#?}");
    let states = of(&events, "run_state_changed");
    assert_eq!(states[0]["state"], "sleeping", "{states:#?}");
    let turns = of(&events, "session_turn_finished");
    assert_eq!((turns.len(), &turns[1]["response"]), (2, &json!("done after the limit")), "{turns:#?}");
    assert_eq!(of(&events, "tool_finished").len(), 2, "one delegate, one exit");
}

/// The same of the real codex: its server answers 429 with the reset, as a plan's limit is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_usage_limit_of_codex_lets_the_run_sleep_and_the_session_go_on() {
    let reset = now() + 8;
    let headers = json!({"x-codex-primary-used-percent": "100", "x-codex-primary-window-minutes": "300",
        "x-codex-primary-reset-at": reset.to_string()});
    let lanes = json!({"lanes": [
        {"name": "main", "wire": "responses", "model": "gpt-5", "replies": [
            {"calls": [{"delegate": {"task": "TASK-1", "mode": "sync"}}]},
            serde_json::from_str::<Value>(EXIT).unwrap(),
        ]},
        {"name": "s1", "wire": "responses", "contains": "TASK-1", "replies": [
            {"fault": {"http": 429, "error": {"type": "usage_limit_reached", "plan_type": "plus", "resets_at": reset}, "headers": headers}},
            {"text": "done after the limit"},
        ]},
    ]});
    let Some(world) = World::new(Cli::Codex, &lanes.to_string()).await else { return };
    let output = world.headless(&["-t", "go", "--max-wait", "1m"]).await;
    let events = lines(&output);
    assert_eq!(output.status.code(), Some(0), "{events:#?}");
    let states = of(&events, "run_state_changed");
    assert_eq!(states[0]["state"], "sleeping", "{states:#?}");
    let turns = of(&events, "session_turn_finished");
    assert_eq!((turns.len(), &turns[1]["response"]), (2, &json!("done after the limit")), "{turns:#?}");
}

/// With a fall-back adapter the run does not sleep: what is delegated next goes there, and the journal says so.
#[tokio::test(flavor = "multi_thread")]
async fn new_delegations_go_to_the_fall_back_adapter_while_the_first_is_limited() {
    let limit = format!("Claude AI usage limit reached|{}", now() + 3_600);
    let delegate = |task: &str| json!({"calls": [{"delegate": {"task": task, "mode": "sync"}}]});
    let lanes = json!({"lanes": [
        {"name": "main", "wire": "responses", "model": "gpt-5", "replies": [
            delegate("TASK-1"), delegate("TASK-2"), serde_json::from_str::<Value>(EXIT).unwrap(),
        ]},
        {"name": "s1", "wire": "messages", "contains": "TASK-1", "replies": [
            {"fault": {"http": 400, "error": {"message": limit}}},
        ]},
    ]});
    let Some(world) = World::new(Cli::Claude, &lanes.to_string()).await else { return };
    let scenario = json!({"name": "s", "model": [], "sessions": [{"match": "", "turns": [{"steps": [{"say": "done by script"}]}]}]});
    std::fs::write(world.work().join("s.yaml"), scenario.to_string()).unwrap();
    let script = format!("executor.script={}", world.work().join("s.yaml").display());
    let output =
        world.headless(&["-t", "go", "--set", "limits.fallback_adapter=script", "--set", &script]).await;
    let events = lines(&output);
    assert_eq!(output.status.code(), Some(0), "{events:#?}");
    let adapters: Vec<_> = of(&events, "session_started").iter().map(|s| s["adapter"].clone()).collect();
    assert_eq!(adapters, ["claude", "script"]);
    assert_eq!(of(&events, "session_turn_finished")[1]["response"], "done by script");
    let said = of(&events, "problem_raised").iter().any(|problem| {
        let message = problem["message"].as_str().unwrap();
        message.contains("'claude' is limited until") && message.contains("goes to 'script'")
    });
    assert!(said, "it is recorded");
    assert!(of(&events, "run_state_changed").iter().all(|state| state["state"] != "sleeping"));
}

/// A codex that is limited and tells of it in words only: `resets_at` goes into its sentence, no header names a reset.
async fn limited_in_words(resets_at: &Value) -> Option<World> {
    let error = json!({"type": "usage_limit_reached", "plan_type": "plus", "resets_at": resets_at});
    let lanes = json!({"lanes": [
        {"name": "main", "wire": "responses", "model": "gpt-5", "replies": [
            {"calls": [{"delegate": {"task": "TASK-1", "mode": "sync"}}]},
            serde_json::from_str::<Value>(EXIT).unwrap(),
        ]},
        {"name": "s1", "wire": "responses", "contains": "TASK-1", "replies": [
            {"fault": {"http": 429, "error": error}},
            {"text": "done after the limit"},
        ]},
    ]});
    World::new(Cli::Codex, &lanes.to_string()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_usage_limit_that_codex_tells_in_words_only_has_its_reset_all_the_same() {
    let reset = now() + 600;
    let Some(world) = limited_in_words(&json!(reset)).await else { return };
    let play = world.with_human(&["-t", "go"]).await;
    let sleeping = play.state("sleeping").await;
    let reason = sleeping["payload"]["reason"].as_str().unwrap();
    assert!(reason.contains("ry again at"), "the words of codex: {reason}");
    let until: jiff::Timestamp = sleeping["payload"]["until"].as_str().unwrap().parse().unwrap();
    let late = until.as_second() - reset;
    assert!((0..=60).contains(&late), "to the minute that it names: {late} s after the reset");
    play.send(&zwarm_tui::protocol::Command::Resume);
    assert_eq!(play.of_kind("run_finished").await["payload"]["stopped_by"], "exit");
    let turns = play.events();
    assert_eq!(of(&turns, "session_turn_finished")[1]["response"], "done after the limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_does_not_say_when_it_is_over_is_asked_of_the_human_and_never_slept_over() {
    let Some(world) = limited_in_words(&Value::Null).await else { return };
    let play = world.with_human(&["-t", "go"]).await;
    play.state("paused").await;
    let events = play.events();
    assert!(of(&events, "run_state_changed").iter().all(|state| state["state"] != "sleeping"));
    let card = of(&events, "inbox_opened")[0];
    assert_eq!((&card["what"], &card["detail"]["where"]), (&json!("failure"), &json!("limit")), "{card}");
    assert!(of(&events, "tool_finished").is_empty(), "the delegate goes on waiting");
    play.answer_card("failure", "retry", None).await;
    assert_eq!(play.of_kind("run_finished").await["payload"]["stopped_by"], "exit");
    let events = play.events();
    assert_eq!(of(&events, "session_turn_finished")[1]["response"], "done after the limit");
    assert_eq!(of(&events, "session_started").len(), 1, "by the same session");
    // Nobody is there to ask: the orchestrator is told that the turn failed.
    let Some(world) = limited_in_words(&Value::Null).await else { return };
    let output = world.headless(&["-t", "go", "--max-wait", "1h"]).await;
    let events = lines(&output);
    assert_eq!(output.status.code(), Some(0), "{events:#?}");
    assert_eq!(of(&events, "tool_finished")[0]["ok"], json!(false));
}
