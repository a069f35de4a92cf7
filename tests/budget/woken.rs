//! Woken, not polling: an orchestrator that waits uses no step and no token until a session ends.

use serde_json::{Value, json};

use crate::world::{Cli, World, lines, of};

/// Three sessions of different length, in milliseconds.
const WORK: [u64; 3] = [1_500, 2_500, 3_500];

fn usage_is_estimated(calls: &[Value]) -> Value {
    // Nothing is reported: what a request costs is estimated from what was really sent and answered.
    json!({"calls": calls, "no_usage": true})
}

async fn play(between: &[Value]) -> Vec<Value> {
    let all: Vec<Value> = (0..3)
        .map(|n| json!({"delegate": {"task": format!("PART-{n} of the work"), "mode": "async"}}))
        .collect();
    let exit = usage_is_estimated(&[json!({"exit": {"exit_message": "over"}})]);
    let replies = [&[usage_is_estimated(&all)], between, &[exit]].concat();
    let lanes = json!({"lanes": [{"name": "main", "wire": "responses", "replies": replies}]});
    let world = World::new(Cli::Script, &lanes.to_string()).await.unwrap();
    let sessions: Vec<Value> = WORK
        .iter()
        .enumerate()
        .map(|(n, ms)| {
            json!({"match": format!("PART-{n}"), "turns": [{"steps": [{"sleep_ms": ms}, {"say": format!("part {n} is done")}],
                "usage": {"input": 1000, "output": 50}}]})
        })
        .collect();
    let scenario = json!({"name": "woken", "model": [], "sessions": sessions});
    std::fs::write(world.work().join("s.yaml"), scenario.to_string()).unwrap();
    let script = format!("executor.script={}", world.work().join("s.yaml").display());
    let output = world.headless(&["-t", "go", "--set", &script]).await;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    lines(&output)
}

fn wait() -> Value {
    usage_is_estimated(&[json!({"wait": {}})])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_orchestrator_takes_no_step_and_spends_no_token_until_a_session_ends() {
    let events = play(&[wait(), wait(), wait()]).await;
    let at = |fits: &dyn Fn(&Value) -> bool| events.iter().position(fits).unwrap();
    let waits = at(&|e| e["kind"] == "tool_started" && e["payload"]["name"] == "wait");
    let ended = at(&|e| e["kind"] == "session_turn_finished");
    assert!(waits < ended);
    for event in &events[waits + 1..ended] {
        let idle =
            !matches!(event["kind"].as_str().unwrap(), "step_started" | "tool_started" | "run_state_changed");
        let spent = event["kind"] == "usage_recorded" && event["payload"]["scope"] == "orchestrator";
        assert!(idle && !spent, "{event}");
    }
    let woken = events
        .iter()
        .find(|e| e["kind"] == "item_added" && e["payload"]["item"].to_string().contains("woke_by"))
        .unwrap();
    assert!(
        woken["payload"]["item"].to_string().contains("part 0 is done"),
        "the result comes with the waking: {woken}"
    );
}

/// The same task, waiting and polling. `cargo test --test budget compared -- --ignored --nocapture` prints the figures.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a comparison that takes ten seconds"]
async fn compared_with_polling_by_sleep_and_check_session() {
    let sum = |events: &[Value]| {
        let steps = of(events, "step_started").len();
        let own = of(events, "usage_recorded");
        let own = own.iter().filter(|usage| usage["scope"] == "orchestrator");
        (steps, own.map(|usage| usage["total"].as_u64().unwrap()).sum::<u64>())
    };
    let (steps, tokens) = sum(&play(&[wait(), wait(), wait()]).await);
    // A look a second, at the sessions that are not done; with `wait` unknown, this is what a model does.
    let mut polls = Vec::new();
    for second in 1..=4u64 {
        let open: Vec<Value> = WORK
            .iter()
            .enumerate()
            .filter(|(_, ms)| **ms + 1_000 > second * 1_000)
            .map(|(n, _)| json!({"check_session": {"session_id": format!("s{}", n + 1)}}))
            .collect();
        polls.push(usage_is_estimated(&[json!({"bash": {"command": "sleep 1"}})]));
        polls.push(usage_is_estimated(&open));
    }
    let (polled_steps, polled_tokens) = sum(&play(&polls).await);
    println!(
        "wait: {steps} steps, ~{tokens} tokens; sleep + check_session: {polled_steps} steps, ~{polled_tokens} tokens"
    );
    assert!(steps < polled_steps && tokens < polled_tokens);
}
