//! Each cap stops, in the run of the scripted executor: tokens, dollars, minutes, sessions at once and in all; also where
//! a provider reports nothing, and where one call jumps far over the cap.

use serde_json::{Value, json};

use crate::world::{Cli, World, lines, of, text};

/// A run whose sessions are scripted and whose model is the server.
async fn world(main: &[Value], turns: &Value) -> World {
    let mut replies = main.to_vec();
    replies.push(json!({"calls": [{"exit": {"exit_message": "over"}}], "usage": {"input": 60, "output": 5}}));
    let lanes =
        json!({"lanes": [{"name": "main", "wire": "responses", "model": "gpt-5", "replies": replies}]});
    let world = World::new(Cli::Script, &lanes.to_string()).await.unwrap();
    let scenario = json!({"name": "caps", "model": [], "sessions": [{"match": "", "turns": turns}]});
    std::fs::write(world.work().join("s.yaml"), scenario.to_string()).unwrap();
    world
}

async fn run(world: &World, cap: &str) -> (Option<i32>, Vec<Value>) {
    let script = world.work().join("s.yaml").display().to_string();
    let script = format!("executor.script={script}");
    let output = world.headless(&["-t", "go", "--set", &script, "--set", cap]).await;
    (output.status.code(), lines(&output))
}

fn delegates(n: usize) -> Value {
    let calls: Vec<Value> =
        (0..n).map(|n| json!({"delegate": {"task": format!("part {n}"), "mode": "async"}})).collect();
    json!({"calls": calls, "usage": {"input": 50, "output": 5}})
}

fn turn(usage: Value) -> Value {
    json!([{"steps": [{"say": "done"}], "usage": usage}])
}

/// The run was stopped by a cap of this name.
fn stopped(code: Option<i32>, events: &[Value], which: &str) {
    let exceeded = of(events, "budget_exceeded");
    assert!(exceeded.iter().any(|exceeded| exceeded["which"] == which), "{exceeded:#?} {events:#?}");
    assert_eq!(of(events, "run_finished")[0]["stopped_by"], "budget");
    assert_eq!(code, Some(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_caps_on_tokens_of_all_of_the_orchestrator_and_of_the_executors_stop_the_run() {
    let bash: Vec<Value> = (0..9)
        .map(|_| json!({"calls": [{"bash": {"command": "true"}}], "usage": {"input": 900, "output": 100}}))
        .collect();
    for cap in ["max_tokens", "max_orchestrator_tokens"] {
        let world = world(&bash, &turn(json!({"input": 10, "output": 1}))).await;
        let (code, events) = run(&world, &format!("budget.{cap}=4500")).await;
        stopped(code, &events, cap);
        let spent = of(&events, "run_finished")[0]["usage"]["total"].as_u64().unwrap();
        assert!(spent <= 4_500, "a step that does not fit is not begun: {spent}");
    }
    let wait = json!({"calls": [{"wait": {}}], "usage": {"input": 50, "output": 5}});
    let world = world(&[delegates(1), wait], &turn(json!({"input": 5000, "output": 100}))).await;
    let (code, events) = run(&world, "budget.max_executor_tokens=4500").await;
    stopped(code, &events, "max_executor_tokens");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_jumps_far_over_the_cap_is_the_last_one_and_what_it_cost_is_shown() {
    let jump = json!({"calls": [{"bash": {"command": "true"}}], "usage": {"input": 500_000, "output": 100}});
    let world = world(&[jump.clone(), jump], &turn(json!({}))).await;
    let (code, events) = run(&world, "budget.max_tokens=100000").await;
    stopped(code, &events, "max_tokens");
    assert_eq!(world.server.asked_of("main").len(), 1, "no further call is paid for");
    assert_eq!(of(&events, "budget_exceeded")[0]["overshoot"], json!(400_100.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_counts_is_estimated_and_still_stops() {
    let silent = json!({"calls": [{"bash": {"command": "true"}}], "text": text(3_000), "no_usage": true});
    let all = vec![silent; 9];
    let first = world(&all, &turn(json!({}))).await;
    let (code, events) = run(&first, "budget.max_tokens=20000").await;
    stopped(code, &events, "max_tokens");
    assert!(of(&events, "usage_recorded").iter().all(|usage| usage["estimated"] == json!(true)));
    // An executor that tells no tokens at all.
    let wait = json!({"calls": [{"wait": {}}], "usage": {"input": 50, "output": 5}});
    let turns = json!([{"steps": [{"say": text(3_000)}]}]);
    let world = world(&[delegates(1), wait], &turns).await;
    let (code, events) = run(&world, "budget.max_executor_tokens=1000").await;
    stopped(code, &events, "max_executor_tokens");
    let cut = of(&events, "session_turn_finished")[0];
    assert_eq!(cut["status"], "interrupted");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cap_on_dollars_stops_and_an_unknown_price_is_said_and_never_zero() {
    let dear: Vec<Value> =
        (0..9).map(|_| json!({"calls": [{"bash": {"command": "true"}}], "usage": {"input": 400_000, "output": 1000}})).collect();
    let first = world(&dear, &turn(json!({}))).await;
    let (code, events) = run(&first, "budget.max_cost_usd=1.2").await;
    stopped(code, &events, "max_cost_usd");
    let wait = json!({"calls": [{"wait": {}}], "usage": {"input": 50, "output": 5}});
    let world = world(&[delegates(1), wait], &turn(json!({"input": 5000, "output": 100}))).await;
    let (code, events) = run(&world, "budget.max_cost_usd=5").await;
    assert_eq!(code, Some(0));
    let said = of(&events, "problem_raised");
    let said: Vec<_> = said.iter().filter(|problem| problem["where"] == "budget").collect();
    assert_eq!(said.len(), 1, "once: {said:?}");
    assert!(said[0]["message"].as_str().unwrap().contains("price of 'script' is unknown"), "{said:?}");
    assert_eq!(of(&events, "run_finished")[0]["usage"]["cost_usd"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cap_on_minutes_stops_a_run_in_which_nothing_else_happens() {
    let wait = json!({"calls": [{"wait": {}}], "usage": {"input": 50, "output": 5}});
    let turns = json!([{"steps": [{"sleep_ms": 60_000}, {"say": "done"}]}]);
    let first = world(&[delegates(1), wait.clone()], &turns).await;
    let (code, events) = run(&first, "budget.max_minutes=0.02").await;
    stopped(code, &events, "max_minutes");
    // The same of one session: only its turn is cut.
    let world = world(&[delegates(1), wait], &turns).await;
    let (code, events) = run(&world, "budget.per_session.max_minutes=0.02").await;
    assert_eq!(code, Some(0));
    let exceeded = of(&events, "budget_exceeded")[0];
    assert_eq!((&exceeded["scope"], &exceeded["which"]), (&json!("s1"), &json!("max_minutes")));
    assert_eq!(of(&events, "session_turn_finished")[0]["status"], "interrupted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_too_many_at_once_or_in_all_is_refused_and_the_run_goes_on() {
    for cap in ["max_sessions", "max_total_sessions"] {
        let wait = json!({"calls": [{"wait": {}}], "usage": {"input": 50, "output": 5}});
        // One for each session that runs: `exit` is refused while one still does.
        let steps = [delegates(3), wait.clone(), wait];
        let world = world(&steps, &turn(json!({"input": 10, "output": 1}))).await;
        let (code, events) = run(&world, &format!("budget.{cap}=2")).await;
        assert_eq!(code, Some(0));
        assert_eq!(of(&events, "session_started").len(), 2);
        let refused = of(&events, "tool_finished");
        let refused = refused.iter().filter(|done| done["name"] == "delegate" && done["ok"] == json!(false));
        assert_eq!(refused.count(), 1);
    }
}

/// What five turns take at least is set aside when they start: those that do not fit wait, and when nothing else can
/// come to its end, the run stops.
#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_cannot_fit_any_more_is_not_started() {
    let wait = || json!({"calls": [{"wait": {}}], "usage": {"input": 50, "output": 5}});
    let main = [delegates(1), wait(), delegates(5), wait(), wait(), wait(), wait(), wait()];
    let turns =
        json!([{"steps": [{"sleep_ms": 300}, {"say": "done"}], "usage": {"input": 1000, "output": 20}}]);
    let world = world(&main, &turns).await;
    let (code, events) = run(&world, "budget.max_executor_tokens=3500").await;
    stopped(code, &events, "max_executor_tokens");
    let started = events.iter().filter(|e| e["kind"] == "session_turn_started").count();
    assert_eq!(started, 3, "one taught what a turn takes; of five, two fit");
    let finished = of(&events, "run_finished")[0];
    assert_eq!(finished["usage"]["executors"]["input"], json!(3000), "and nothing was spent beyond the cap");
    assert!(finished["exit_message"].as_str().unwrap().contains("needs at least"), "{finished}");
}

/// Wrapping up gives the waiting call its interrupted result and one last step; nothing is begun any more.
#[tokio::test(flavor = "multi_thread")]
async fn wrapping_up_tells_the_orchestrator_what_was_cut_and_takes_one_last_step() {
    let delegate = json!({"calls": [{"delegate": {"task": "part", "mode": "sync"}}], "usage": {"input": 50, "output": 5}});
    let world = world(&[delegate], &json!([{"steps": [{"say": text(3_000)}]}])).await;
    let script = format!("executor.script={}", world.work().join("s.yaml").display());
    let play =
        world.with_human(&["-t", "go", "--set", &script, "--set", "budget.max_executor_tokens=1000"]).await;
    play.state("paused").await;
    play.answer("wrap_up", None).await;
    let over = play.of_kind("run_finished").await;
    assert_eq!(over["payload"]["steps"], json!(2));
    let events = play.events();
    let given = events.iter().any(|event| {
        event["kind"] == "item_added" && event["payload"]["item"].to_string().contains("are spent")
    });
    assert!(given, "the call says why its turn was cut");
    assert_eq!(of(&events, "session_turn_started").len(), 1, "and the session does not go on");
    let tools = world.server.asked_of("main")[1].body["tools"].to_string();
    assert!(tools.contains("\"exit\"") && !tools.contains("\"delegate\""), "only exit is on offer: {tools}");
}
