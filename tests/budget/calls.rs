//! The orchestrator's own call, held open by the model server in the middle of its stream: a cap that the estimate of it
//! crosses cuts it; the partial text is kept, the run pauses with the card, and what the human answers decides how it goes
//! on.

use serde_json::{Value, json};

use crate::world::{Cli, Play, World, lines, of, text};

/// What it has said when it is held, in tokens; the cap is below.
const STREAMED: usize = 2_000;

/// The first call begins a long text and is then held for ever; the next one calls bash, the last one ends the run.
async fn world(wire: &str) -> World {
    let lanes = json!({"lanes": [{"name": "main", "wire": wire, "replies": [
        {"text": text(2 * STREAMED), "gate_mid": "held", "chunk_chars": 400, "chunk_ms": 2, "usage": {"input": 300, "output": 2 * STREAMED}},
        {"calls": [{"bash": {"command": "echo asked-again"}}], "usage": {"input": 400, "output": 5}},
        {"calls": [{"exit": {"exit_message": "over"}}], "usage": {"input": 400, "output": 5}},
    ]}]});
    World::new(Cli::Script, &lanes.to_string()).await.unwrap()
}

fn items(play: &Play) -> Vec<String> {
    let events = play.events();
    let items = events.iter().filter(|event| event["kind"] == "item_added");
    items.map(|event| event["payload"]["item"].to_string()).collect()
}

/// The run is paused, the call was cut in the middle, its text is there, and what it cost is counted by estimate.
async fn cut(world: &World, play: &Play, which: &str) -> Value {
    play.state("paused").await;
    let events = play.events();
    let exceeded = of(&events, "budget_exceeded");
    assert_eq!(exceeded.len(), 1, "{exceeded:?}");
    assert_eq!((&exceeded[0]["which"], &exceeded[0]["estimated"]), (&json!(which), &json!(true)));
    let step = of(&events, "step_finished");
    assert_eq!((step.len(), &step[0]["interrupted"]), (1, &json!(true)), "{step:?}");
    let kept: Vec<String> = items(play).into_iter().filter(|item| item.contains("[cut off here]")).collect();
    assert!(kept.len() == 1 && kept[0].contains("word word word w"), "the partial text is kept: {kept:?}");
    let spent = of(&events, "usage_recorded");
    assert_eq!(spent.len(), 1, "{spent:?}");
    assert_eq!((&spent[0]["scope"], &spent[0]["estimated"]), (&json!("orchestrator"), &json!(true)));
    world.server.wait_asked(|asked| asked[0].outcome == "cut").await;
    exceeded[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_the_orchestrator_that_streams_past_the_cap_is_cut_and_asked_again_after_a_raise() {
    for wire in ["responses", "chat"] {
        let world = world(wire).await;
        let set = ["-t", "go", "--set", "budget.max_orchestrator_tokens=2500"];
        let over: &[&str] = if wire == "chat" { &["--model", "local/gpt-5"] } else { &[] };
        let play = world.with_human(&[&set, over].concat()).await;
        let exceeded = cut(&world, &play, "max_orchestrator_tokens").await;
        let overshoot = exceeded["overshoot"].as_f64().unwrap();
        assert!(overshoot < 400.0, "it is met within a piece of the stream: {overshoot}");
        play.answer("raise", Some("100k")).await;
        let over = play.of_kind("run_finished").await;
        assert_eq!((&over["payload"]["stopped_by"], &over["payload"]["steps"]), (&json!("exit"), &json!(3)));
        let again = world.server.asked_of("main")[1].body.to_string();
        assert!(again.contains("[cut off here]"), "the model sees what it had begun to say");
        assert!(items(&play).iter().any(|item| item.contains("asked-again")), "and its new calls are done");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_whose_call_was_cut_can_be_finished_over_the_cap_and_then_the_run_pauses_again() {
    let world = world("responses").await;
    let play = world.with_human(&["-t", "go", "--set", "budget.max_tokens=2500"]).await;
    cut(&world, &play, "max_tokens").await;
    play.answer("finish_step", None).await;
    let paused = play
        .event("the second pause", |event| {
            event["payload"]["state"] == "paused" && event["payload"]["reason"] == "one step was asked for"
        })
        .await;
    assert_eq!(paused["payload"]["by"], "human");
    assert!(items(&play).iter().any(|item| item.contains("asked-again")), "the step was done to its end");
    assert_eq!(world.server.asked_of("main").len(), 2, "and no further one");
    play.send(&zwarm_tui::protocol::Command::Resume);
    play.event("the card again", |event| {
        event["kind"] == "inbox_opened"
            && event["payload"]["what"] == "budget"
            && event["seq"].as_u64() > paused["seq"].as_u64()
    })
    .await;
    play.answer("wrap_up", None).await;
    assert_eq!(play.of_kind("run_finished").await["payload"]["steps"], json!(3));
    let tools = world.server.asked_of("main")[2].body["tools"].to_string();
    assert!(tools.contains("\"exit\"") && !tools.contains("\"delegate\""), "only exit is on offer: {tools}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_headless_run_ends_in_the_middle_of_the_call_and_a_resume_with_more_asks_again() {
    let world = world("responses").await;
    let output = world.headless(&["-t", "go", "--set", "budget.max_tokens=2500"]).await;
    let events = lines(&output);
    assert_eq!(output.status.code(), Some(4), "{events:#?}");
    assert_eq!(of(&events, "run_finished")[0]["stopped_by"], "budget");
    assert_eq!(of(&events, "step_finished")[0]["interrupted"], json!(true));
    let output = world.headless(&["--resume", "--set", "budget.max_tokens=100000"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let again = world.server.asked_of("main")[1].body.to_string();
    assert!(again.contains("[cut off here]"), "what it had said is kept: {again}");
}

/// What the executors spend is not the orchestrator's: its call goes on to its end, and its calls do not begin.
#[tokio::test(flavor = "multi_thread")]
async fn a_cap_on_the_executors_does_not_cut_the_orchestrators_call() {
    let delegate = json!({"calls": [{"delegate": {"task": "part", "mode": "async"}}], "usage": {"input": 50, "output": 5}});
    let lanes = json!({"lanes": [{"name": "main", "wire": "responses", "replies": [
        delegate,
        {"text": text(1_000), "calls": [{"bash": {"command": "true"}}], "gate_mid": "held", "usage": {"input": 300, "output": 1_000}},
        {"calls": [{"exit": {"exit_message": "over"}}], "usage": {"input": 400, "output": 5}},
    ]}]});
    let world = World::new(Cli::Script, &lanes.to_string()).await.unwrap();
    let scenario = json!({"name": "s", "model": [], "sessions": [{"match": "", "turns": [{"steps": [{"sleep_ms": 700}, {"say": text(2_000)}, {"sleep_ms": 60_000}]}]}]});
    std::fs::write(world.work().join("s.yaml"), scenario.to_string()).unwrap();
    let script = format!("executor.script={}", world.work().join("s.yaml").display());
    let play =
        world.with_human(&["-t", "go", "--set", &script, "--set", "budget.max_executor_tokens=1000"]).await;
    world.server.held("held").await;
    play.of_kind("budget_exceeded").await;
    assert_eq!(world.server.asked_of("main")[1].outcome, "running");
    world.server.release("held");
    play.state("paused").await;
    let events = play.events();
    assert!(of(&events, "step_finished").iter().all(|step| step["interrupted"] != json!(true)));
    assert!(of(&events, "tool_started").iter().all(|tool| tool["name"] != "bash"), "its call has not begun");
}

/// Two results of bash fill the history; the summary of what leaves streams past the cap.
#[tokio::test(flavor = "multi_thread")]
async fn a_summary_that_streams_past_the_cap_is_cut_counted_and_asked_again_after_a_raise() {
    let seq = |at: u64| json!({"calls": [{"bash": {"command": format!("seq -f 'line %.0f of part {at} ----' 600")}}], "usage": {"input": 3_000 + at * 2_000, "output": 5}});
    let lanes = json!({"lanes": [
        {"name": "main", "wire": "responses", "tools": "with", "replies": [
            seq(1),
            seq(2),
            {"calls": [{"exit": {"exit_message": "over"}}], "usage": {"input": 5_000, "output": 5}},
        ]},
        {"name": "summary", "wire": "responses", "tools": "without", "replies": [
            {"text": text(40_000), "gate_mid": "held", "chunk_chars": 400, "chunk_ms": 2, "usage": {"input": 3_000, "output": 40_000}},
            {"text": "SUMMARY: parts were printed.", "usage": {"input": 3_000, "output": 10}},
        ]},
    ]});
    let world = World::new(Cli::Script, &lanes.to_string()).await.unwrap();
    let compaction = r#"orchestrator.compaction={"mode": "summarize", "max_tokens": 4000, "keep_last_n": 2}"#;
    let cap = "budget.max_orchestrator_tokens=24000";
    let play = world.with_human(&["-t", "go", "--set", compaction, "--set", cap]).await;
    play.state("paused").await;
    let events = play.events();
    assert_eq!(of(&events, "budget_exceeded").len(), 1);
    let spent = of(&events, "usage_recorded");
    assert_eq!(
        (spent.len(), &spent[2]["estimated"]),
        (3, &json!(true)),
        "what had streamed is counted: {spent:?}"
    );
    assert_eq!((of(&events, "step_started").len(), of(&events, "context_compacted").len()), (2, 0));
    world.server.wait_asked(|asked| asked[2].outcome == "cut").await;
    play.answer("raise", Some("100k")).await;
    assert_eq!(play.of_kind("run_finished").await["payload"]["stopped_by"], "exit");
    let compacted = play.of_kind("context_compacted").await;
    assert_eq!(compacted["payload"]["summary"], json!(true), "it is asked for again");
    assert!(items(&play).iter().any(|item| item.contains("SUMMARY: parts were printed.")));
    assert_eq!((world.server.asked_of("summary").len(), world.server.asked_of("main").len()), (2, 3));
}

/// The model goes on with bash in the step that is there for `exit` only.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_step_after_a_stop_executes_nothing_but_exit() {
    let lanes = json!({"lanes": [{"name": "main", "wire": "responses", "replies": [
        {"text": text(2 * STREAMED), "gate_mid": "held", "chunk_chars": 400, "chunk_ms": 2, "usage": {"input": 300, "output": 2 * STREAMED}},
        {"calls": [{"bash": {"command": "touch ran"}}], "usage": {"input": 400, "output": 5}},
    ]}]});
    let world = World::new(Cli::Script, &lanes.to_string()).await.unwrap();
    let play = world.with_human(&["-t", "go", "--set", "budget.max_tokens=2500"]).await;
    cut(&world, &play, "max_tokens").await;
    play.answer("wrap_up", None).await;
    assert_eq!(play.of_kind("run_finished").await["payload"]["stopped_by"], "budget");
    assert!(!world.work().join("ran").exists(), "nothing was executed");
    assert!(
        items(&play).iter().any(|item| item.contains("there is no tool 'bash'")),
        "and the model is told"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_that_has_ended_the_run_stays_in_force_at_a_resume_that_names_none() {
    let world = world("responses").await;
    world.headless(&["-t", "go", "--set", "budget.max_tokens=2500"]).await;
    let output = world.headless(&["--resume"]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("budget.max_tokens="), "the flag is named: {said}");
    assert_eq!(world.server.asked_of("main").len(), 1, "nothing was asked");
}
