//! A turn that streams past a cap is cut in the middle of its stream, the run pauses, and after a raise the same session
//! goes on by its own resume. Neither CLI reports tokens before its request has ended: the estimate must stop it.

use serde_json::{Value, json};

use crate::world::{Cli, Play, World, lines, of, text, until};

fn wire(cli: Cli) -> &'static str {
    if cli == Cli::Claude { "messages" } else { "responses" }
}

/// Lanes of sessions that stream `tokens` and are then held for ever in the middle; their next request ends well.
pub fn lanes(cli: Cli, sessions: usize, tokens: usize, main: &[Value]) -> String {
    // The orchestrator's own requests name the tasks too: its lane comes first.
    let mut replies = main.to_vec();
    replies.push(json!({"calls": [{"exit": {"exit_message": "over"}}], "usage": {"input": 50, "output": 5}}));
    let mut lanes = vec![json!({"name": "main", "wire": "responses", "model": "gpt-5", "replies": replies})];
    for n in 1..=sessions {
        lanes.push(
            json!({"name": format!("s{n}"), "wire": wire(cli), "contains": format!("TASK-{n}"), "replies": [
                {"text": text(2 * tokens), "gate_mid": format!("g{n}"), "chunk_chars": 400, "chunk_ms": 2,
                 "usage": {"input": 300, "output": 2 * tokens}},
                {"text": format!("done {n}"), "usage": {"input": 400, "output": 5}},
            ]}),
        );
    }
    json!({"lanes": lanes}).to_string()
}

pub fn delegate(n: usize, mode: &str) -> Value {
    json!({"delegate": {"task": format!("TASK-{n}: write"), "mode": mode}})
}

pub fn step(calls: &[Value]) -> Value {
    json!({"calls": calls, "usage": {"input": 50, "output": 5}})
}

fn finished<'a>(events: &'a [Value], session: &Value) -> Vec<&'a Value> {
    let ended = |e: &&Value| e["kind"] == "session_turn_finished" && e["session_id"] == *session;
    events.iter().filter(ended).collect()
}

/// One session is cut, the human raises the cap, and the same session ends its work; the `delegate` that waited gets the
/// answer as if nothing had been.
async fn cut_and_raised(cli: Cli) {
    let lanes = lanes(cli, 1, 2_000, &[step(&[delegate(1, "sync")])]);
    let Some(world) = World::new(cli, &lanes).await else { return };
    let play = world.with_human(&["-t", "go", "--set", "budget.max_executor_tokens=1500"]).await;
    play.state("paused").await;
    let events = play.events();
    let exceeded = of(&events, "budget_exceeded");
    assert_eq!(exceeded.len(), 1, "{exceeded:?}");
    assert_eq!(
        (&exceeded[0]["which"], &exceeded[0]["estimated"], &exceeded[0]["interrupted_sessions"]),
        (&json!("max_executor_tokens"), &json!(true), &json!(["s1"]))
    );
    let overshoot = exceeded[0]["overshoot"].as_f64().unwrap();
    assert!(overshoot < 150.0, "it is met within a piece of the stream: {overshoot}");
    let ended = play.of_kind("session_turn_finished").await;
    assert_eq!(ended["payload"]["status"], "interrupted", "{ended}");
    assert!(ended["payload"]["error"].as_str().unwrap().contains("are spent"), "{ended}");
    let session = ended["session_id"].clone();
    let answered =
        |events: &[Value]| of(events, "tool_finished").iter().any(|finished| finished["name"] == "delegate");
    assert!(!answered(&play.events()), "the call waits for the session to go on");
    play.answer("raise", Some("100k")).await;
    let over = play.of_kind("run_finished").await;
    assert_eq!(over["payload"]["stopped_by"], "exit");
    let events = play.events();
    let turns = finished(&events, &session);
    assert_eq!(turns.len(), 2);
    assert_eq!(turns[1]["payload"]["response"], "done 1", "the same session has gone on");
    assert_eq!(of(&events, "session_started").len(), 1);
    let second = world.server.asked_of("s1")[1].body.to_string();
    assert!(
        second.contains("TASK-1") && second.contains("go on where you stopped"),
        "its own history is there"
    );
    let item = events.iter().filter(|e| e["kind"] == "item_added").map(|e| e["payload"]["item"].to_string());
    assert!(item.into_iter().any(|item| item.contains("done 1")), "and the call got its answer");
    let estimated = of(&events, "usage_recorded").iter().any(|usage| usage["estimated"] == json!(true));
    assert!(estimated, "what was cut is counted as an estimate");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_codex_turn_that_streams_past_the_cap_is_cut_and_goes_on_after_a_raise() {
    cut_and_raised(Cli::Codex).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claude_turn_that_streams_past_the_cap_is_cut_and_goes_on_after_a_raise() {
    cut_and_raised(Cli::Claude).await;
}

/// An ACP agent that counts nothing: what it says is all that is known, while it says it.
#[tokio::test(flavor = "multi_thread")]
async fn a_turn_of_an_acp_agent_that_streams_past_the_cap_is_cut_and_goes_on_after_a_raise() {
    let task = format!("{} hold", vec!["big:400"; 40].join(" "));
    let delegate = step(&[json!({"delegate": {"task": task, "mode": "sync"}})]);
    let exit = step(&[json!({"exit": {"exit_message": "over"}})]);
    let lanes = json!({"lanes": [{"name": "main", "wire": "responses", "replies": [delegate, exit]}]});
    let Some(world) = World::new(Cli::Acp, &lanes.to_string()).await else { return };
    let play = world.with_human(&["-t", "go", "--set", "budget.max_executor_tokens=1500"]).await;
    play.state("paused").await;
    let exceeded = play.of_kind("budget_exceeded").await;
    assert_eq!(
        (&exceeded["payload"]["which"], &exceeded["payload"]["estimated"]),
        (&json!("max_executor_tokens"), &json!(true))
    );
    let overshoot = exceeded["payload"]["overshoot"].as_f64().unwrap();
    assert!(overshoot < 150.0, "it is met within a piece of the stream: {overshoot}");
    let ended = play.of_kind("session_turn_finished").await;
    assert_eq!(ended["payload"]["status"], "interrupted", "{ended}");
    play.answer("raise", Some("100k")).await;
    assert_eq!(play.of_kind("run_finished").await["payload"]["stopped_by"], "exit");
    let events = play.events();
    let turns = finished(&events, &ended["session_id"]);
    assert_eq!((turns.len(), &turns[1]["payload"]["status"]), (2, &json!("completed")), "{turns:?}");
    let spent = of(&events, "usage_recorded");
    let spent: Vec<_> = spent.iter().filter(|usage| usage["scope"] == "session").collect();
    assert!(spent.len() == 2 && spent.iter().all(|usage| usage["estimated"] == json!(true)), "{spent:?}");
    let first = spent[0]["total"].as_u64().unwrap();
    assert!((1_500..5_000).contains(&first), "what it has said counts: {first}");
}

/// Five sessions at once spend one cap together: all are cut, all go on.
async fn five_at_once(cli: Cli) {
    let all: Vec<Value> = (1..=5).map(|n| delegate(n, "async")).collect();
    let waits: Vec<Value> = (0..5).map(|_| step(&[json!({"wait": {}})])).collect();
    let lanes = lanes(cli, 5, 2_000, &[&[step(&all)], &waits[..]].concat());
    let Some(world) = World::new(cli, &lanes).await else { return };
    // More than what four of them are held at, less than all five.
    let cap = format!("budget.max_executor_tokens={}", if cli == Cli::Claude { 10_500 } else { 9_000 });
    let set = ["-t", "go", "--set", &cap, "--set", "orchestrator.parallel_delegations=5"];
    let play = world.with_human(&set).await;
    play.state("paused").await;
    let exceeded = play.of_kind("budget_exceeded").await;
    let cut = exceeded["payload"]["interrupted_sessions"].as_array().unwrap().len();
    let done = until("five turns", || {
        let events = play.events();
        let done: Vec<Value> = events.into_iter().filter(|e| e["kind"] == "session_turn_finished").collect();
        (done.len() >= cut).then_some(done)
    })
    .await;
    assert!(done.iter().all(|turn| turn["payload"]["status"] == "interrupted"), "{done:?}");
    let overshoot = exceeded["payload"]["overshoot"].as_f64().unwrap();
    assert_eq!(cut, 5);
    assert!(overshoot <= 5.0 * 150.0, "at most what was in flight: {overshoot}");
    play.answer("raise", Some("200k")).await;
    let over = play.of_kind("run_finished").await;
    assert_eq!(over["payload"]["stopped_by"], "exit");
    let events = play.events();
    assert_eq!(of(&events, "session_started").len(), 5);
    for n in 1..=5 {
        let said = format!("done {n}");
        let ended = of(&events, "session_turn_finished").iter().any(|turn| turn["response"] == said.as_str());
        assert!(ended, "session {n} has gone on to its end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_codex_sessions_that_spend_one_cap_are_all_cut_and_all_go_on() {
    five_at_once(Cli::Codex).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_claude_sessions_that_spend_one_cap_are_all_cut_and_all_go_on() {
    five_at_once(Cli::Claude).await;
}

/// Headless: the run ends with code 4; a resume with a higher cap takes the same session up in a new process.
async fn headless(cli: Cli) {
    let converse = step(&[json!({"converse": {"session_id": "s1", "message": "go on where you stopped"}})]);
    let lanes = lanes(cli, 1, 2_000, &[step(&[delegate(1, "sync")]), converse]);
    let Some(world) = World::new(cli, &lanes).await else { return };
    let output = world
        .headless(&[
            "-t",
            "go",
            "--set",
            "budget.max_tokens=6000",
            "--set",
            "budget.max_executor_tokens=1500",
        ])
        .await;
    let events = lines(&output);
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stdout));
    let over = of(&events, "run_finished")[0];
    assert_eq!((&over["stopped_by"], &over["open_sessions"]), (&json!("budget"), &json!(["s1"])));
    let refused = world.headless(&["--resume", "--set", "budget.max_executor_tokens=1500"]).await;
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("--set budget.max_executor_tokens="), "{said}");
    let output = world.headless(&["--resume", "--set", "budget.max_executor_tokens=90000"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let events = lines(&output);
    let turns = of(&events, "session_turn_finished");
    assert!(turns.iter().any(|turn| turn["response"] == "done 1"), "{turns:?}");
    let second = world.server.asked_of("s1")[1].body.to_string();
    assert!(second.contains("TASK-1"), "the executor's own history is there: {second}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_headless_codex_run_ends_at_the_cap_and_a_resume_with_more_goes_on_in_the_same_session() {
    headless(Cli::Codex).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_headless_claude_run_ends_at_the_cap_and_a_resume_with_more_goes_on_in_the_same_session() {
    headless(Cli::Claude).await;
}

/// A session's own cap cuts that session only: the orchestrator hears why, a further turn is refused, the human may raise.
async fn own_cap(cli: Cli) {
    let more = step(&[json!({"converse": {"session_id": "s1", "message": "more"}})]);
    let ask = step(&[json!({"chat": {"message": "what now?"}})]);
    let lanes =
        lanes(cli, 1, 2_000, &[step(&[delegate(1, "sync")]), more, ask, step(&[json!({"wait": {}})])]);
    let Some(world) = World::new(cli, &lanes).await else { return };
    let play = world.with_human(&["-t", "go", "--set", "budget.per_session.max_tokens=1500"]).await;
    play.event("the question", |e| e["kind"] == "inbox_opened" && e["payload"]["what"] == "question").await;
    let events = play.events();
    let exceeded = of(&events, "budget_exceeded");
    assert_eq!((&exceeded[0]["scope"], &exceeded[0]["action"]), (&json!("s1"), &json!("interrupt")));
    assert!(of(&events, "run_state_changed").is_empty(), "the run did not stop");
    let results: Vec<String> = events
        .iter()
        .filter(|e| e["kind"] == "item_added")
        .map(|e| e["payload"]["item"].to_string())
        .collect();
    assert!(
        results.iter().any(|item| item.contains("its own cap")),
        "the orchestrator heard why: {results:#?}"
    );
    assert!(
        results.iter().any(|item| item.contains("has spent its cap of 1500 tokens")),
        "and is refused a turn"
    );
    play.answer("raise", Some("50k")).await;
    let went_on = play.event("s1 goes on", |e| e["payload"]["response"] == "done 1").await;
    assert_eq!(went_on["payload"]["turn"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_codex_session_at_its_own_cap_is_cut_alone_and_can_be_raised() {
    own_cap(Cli::Codex).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claude_session_at_its_own_cap_is_cut_alone_and_can_be_raised() {
    own_cap(Cli::Claude).await;
}

/// How long after the crossing the last turn ended, in milliseconds.
pub fn latency(play: &Play) -> i64 {
    let events = play.events();
    let crossed = events.iter().find(|e| e["kind"] == "budget_exceeded").unwrap();
    let ended = events.iter().rfind(|e| e["kind"] == "session_turn_finished").unwrap();
    crate::world::at(ended).as_millisecond() - crate::world::at(crossed).as_millisecond()
}
