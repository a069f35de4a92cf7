//! Watchers of the user's own: real commands that get JSON and answer with a verdict, or do not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use serde_json::json;
use zwarm_tui::{
    config::Watchers,
    process::Processes,
    protocol::{InstanceId, event::Gate},
    watchers::{Outcome, Panel, Sight, Surroundings},
};

async fn answer(dir: &Path, script: &str) -> Vec<Outcome> {
    let helper = env!("CARGO_BIN_EXE_zwarm-tui").into();
    let processes = Processes::open(InstanceId::random(), dir, helper).unwrap();
    let around = Surroundings {
        processes: Some(processes.clone()),
        working_dir: dir.to_owned(),
        env: std::env::vars_os().filter(|(name, _)| name == "PATH").collect(),
        model: None,
    };
    let config: Watchers = serde_json::from_value(
        json!([{ "name": "mine", "command": ["bash", "-c", script], "deadline_seconds": 1 }]),
    )
    .unwrap();
    let panel = Panel::from_config(&config, around).unwrap();
    let sight = Sight { step: 7, task: "write a parser".into(), ..Sight::default() };
    let outcomes = panel.look(Arc::new(sight), Gate::Step, &BTreeMap::new()).await;
    processes.stop_all(Duration::from_secs(5)).await;
    assert_eq!(processes.alive(), []);
    outcomes
}

fn told(outcomes: &[Outcome]) -> String {
    let tell = |outcome: &Outcome| match outcome {
        Outcome::Spoke { spoken, .. } => {
            format!(
                "{} {:?}: {} | {} | {}",
                spoken.key(),
                spoken.verdict,
                spoken.reason,
                spoken.guidance,
                spoken.evidence
            )
        }
        Outcome::Spent { watcher, .. } => format!("{watcher} spent"),
        Outcome::Failed { watcher, message } => format!("{watcher} failed: {message}"),
    };
    outcomes.iter().map(tell).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_command_gets_the_sight_and_its_verdict_counts() {
    let dir = tempfile::tempdir().unwrap();
    let script = r#"cat > got.json; echo '{"verdict": "abort", "rule": "too much", "reason": "r", "guidance": "g", "evidence": {"n": 3}}'"#;
    assert_eq!(told(&answer(dir.path(), script).await), r#"mine/too_much Abort: r | g | {"n":3}"#);
    let got: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("got.json")).unwrap()).unwrap();
    assert_eq!(
        (&got["step"], &got["task"], &got["gate"]),
        (&json!(7), &json!("write a parser"), &json!("step"))
    );
    assert_eq!(told(&answer(dir.path(), "exit 0").await), "", "nothing is wrong");
    let two = r#"echo '[{"verdict": "nudge", "reason": "a"}, {"verdict": "pause", "reason": "b"}, {}]'"#;
    assert_eq!(
        told(&answer(dir.path(), two).await),
        "mine/verdict Pause: b | b | null\nmine/verdict Nudge: a | a | null"
    );
}

#[tokio::test]
async fn a_command_that_fails_hangs_or_talks_nonsense_is_a_problem() {
    let dir = tempfile::tempdir().unwrap();
    for (script, expected) in [
        ("echo broken >&2; exit 3", "mine failed: it ended with exit status: 3: 'broken'"),
        ("sleep 1000", "mine failed: it did not answer within 1 s"),
        ("echo hello", "mine failed: its output is no verdict (expected value at line 1 column 1): 'hello'"),
        ("head -c 10000000 /dev/zero | tr '\\0' '['", "mine failed: its output is no verdict"),
    ] {
        let told = told(&answer(dir.path(), script).await);
        assert!(told.starts_with(expected), "{script}: {told}");
    }
}
