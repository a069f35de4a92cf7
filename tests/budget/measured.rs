//! The promise "within a second", measured. By hand: `cargo test --test budget measured -- --ignored --nocapture`.

use serde_json::{Value, json};

use crate::{
    streaming::{delegate, lanes, latency, step},
    world::{Cli, World, of, until},
};

const TIMES: usize = 20;

async fn once(cli: Cli, sessions: usize) -> Option<i64> {
    let all: Vec<Value> = (1..=sessions).map(|n| delegate(n, "async")).collect();
    let lanes = lanes(cli, sessions, 2_000, &[step(&all), step(&[json!({"wait": {}})])]);
    let world = World::new(cli, &lanes).await?;
    let cap = format!("budget.max_executor_tokens={}", 1_600 * sessions);
    let play =
        world.with_human(&["-t", "go", "--set", &cap, "--set", "orchestrator.parallel_delegations=5"]).await;
    play.state("paused").await;
    let cut = play.of_kind("budget_exceeded").await;
    let cut = cut["payload"]["interrupted_sessions"].as_array().unwrap().len();
    until("all turns", || (of(&play.events(), "session_turn_finished").len() >= cut).then_some(())).await;
    Some(latency(&play))
}

async fn measure(cli: Cli, sessions: usize) {
    let mut all = Vec::new();
    for _ in 0..TIMES {
        let Some(one) = once(cli, sessions).await else { return };
        all.push(one);
    }
    all.sort_unstable();
    println!(
        "{} x{sessions}: from the crossing to the end of the last turn, {TIMES} times: min {} ms, median {} ms, max {} ms",
        cli.name(),
        all[0],
        all[TIMES / 2],
        all[TIMES - 1]
    );
    assert!(all[TIMES - 1] < 1_000, "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: 20 runs of the real codex"]
async fn measured_codex() {
    measure(Cli::Codex, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: 20 runs of the real claude"]
async fn measured_claude() {
    measure(Cli::Claude, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: 20 runs of the real codex"]
async fn measured_five_codex() {
    measure(Cli::Codex, 5).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: 20 runs of the real claude"]
async fn measured_five_claude() {
    measure(Cli::Claude, 5).await;
}
