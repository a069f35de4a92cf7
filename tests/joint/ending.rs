//! No child outlives an abort or a kill -9, and a conversation goes on where it was.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::world::{World, world, written};

/// PRODUCT's promise for an abort.
const GONE: Duration = Duration::from_secs(8);

/// Each executor runs a long command in its own way; the script executor's ignores INT and TERM.
const BUSY: &str = r#"
lanes:
  - name: codex
    model: gpt-5.5
    contains: TASK-CODEX
    replies:
      - calls: [{exec_command: {cmd: "echo up > codex.up; sleep 30011", yield_time_ms: 900000}}]
  - name: claude
    wire: messages
    contains: TASK-CLAUDE
    replies:
      - calls: [{Bash: {command: "echo up > claude.up; sleep 30012", description: "waits"}}]
  - name: main
    model: gpt-5
    replies:
      - calls:
          - delegate: {task: "TASK-CODEX", adapter: codex, mode: async}
          - delegate: {task: "TASK-CLAUDE", adapter: claude, mode: async}
          - delegate: {task: "TASK-SCRIPT", adapter: script, mode: async}
      - {calls: [{wait: {}}]}
"#;
const STUBBORN: &str = r#"
name: stubborn
sessions:
  - turns:
      - steps: [{run: "echo up > script.up; sleep 30013"}]
        ignore: [int, term]
"#;

fn sleepers(numbers: &[&str]) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| numbers.iter().any(|number| line.starts_with(&format!("sleep {number}")))).collect()
}

/// All commands have begun.
async fn all_up(world: &World, names: &[&str], numbers: &[&str]) {
    for name in names {
        written(&world.work().join(format!("{name}.up"))).await;
    }
    while sleepers(numbers).len() < numbers.len() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_leaves_nothing_of_a_shell_a_background_terminal_and_a_child_that_ignores_signals() {
    let Some(world) = world(BUSY).await else { return };
    std::fs::write(world.path("script.yaml"), STUBBORN).unwrap();
    let mut run = world.run(&["-t", "be busy", "--set", "executor.approval=accept"]);
    all_up(&world, &["codex", "claude", "script"], &["30011", "30012", "30013"]).await;
    let instance = world.id();
    let began = Instant::now();
    world.say(&["abort", "-i", &instance]);
    assert_eq!(run.end().await, Some(3));
    assert!(began.elapsed() < GONE, "{:?}", began.elapsed());
    world.until_none_survives(Duration::ZERO).await;
    assert_eq!(sleepers(&["30011", "30012", "30013"]), Vec::<String>::new());
    println!("the abort took {:?}", began.elapsed());
}

const KILLED: &str = r#"
lanes:
  - name: codex
    model: gpt-5.5
    contains: FIRST-CODEX
    replies:
      - text: "one"
      - calls: [{exec_command: {cmd: "echo up > codex.up; sleep 30021", yield_time_ms: 900000}}]
      - text: "three"
  - name: agent
    model: gpt-5.5
    contains: FIRST-AGENT
    replies:
      - text: "one"
      - calls: [{exec_command: {cmd: "echo up > agent.up; sleep 30022", yield_time_ms: 900000}}]
      - text: "three"
  - name: claude
    wire: messages
    contains: FIRST-CLAUDE
    replies:
      - text: "one"
      - calls: [{Bash: {command: "echo up > claude.up; sleep 30023", description: "waits"}}]
      - text: "three"
  - name: main
    model: gpt-5
    replies:
      - calls:
          - delegate: {task: "FIRST-CODEX", adapter: codex, mode: sync}
          - delegate: {task: "FIRST-CLAUDE", adapter: claude, mode: sync}
          - delegate: {task: "FIRST-AGENT", adapter: agent, mode: sync}
      - calls:
          - converse: {session_id: s1, message: "SECOND-CODEX", mode: async}
          - converse: {session_id: s2, message: "SECOND-CLAUDE", mode: async}
          - converse: {session_id: s3, message: "SECOND-AGENT", mode: async}
      - {calls: [{wait: {}}]}
      - calls:
          - converse: {session_id: s1, message: "THIRD-CODEX", mode: sync}
          - converse: {session_id: s2, message: "THIRD-CLAUDE", mode: sync}
          - converse: {session_id: s3, message: "THIRD-AGENT", mode: sync}
      - calls: [{exit: {exit_message: "gone on"}}]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_all_is_reaped_and_each_conversation_goes_on_natively() {
    let Some(world) = world(KILLED).await else { return };
    let accept = ["--set", "executor.approval=accept"];
    let mut run = world.run(&[&["-t", "go on whatever happens"], &accept[..]].concat());
    all_up(&world, &["codex", "claude", "agent"], &["30021", "30022", "30023"]).await;
    run.child.kill().unwrap();
    run.child.wait().unwrap();
    let mut resumed = world.run(&[&["--resume"], &accept[..]].concat());
    assert_eq!(resumed.end().await, Some(0));
    world.until_none_survives(Duration::ZERO).await;
    assert_eq!(sleepers(&["30021", "30022", "30023"]), Vec::<String>::new());
    for adapter in ["codex", "claude", "agent"] {
        let answers: Vec<Value> = resumed.of("session_turn_finished");
        assert_eq!(answers.iter().filter(|end| end["response"] == "three").count(), 3, "{answers:#?}");
        let last = world.server.asked_of(adapter).pop().unwrap().body.to_string();
        let count = |number: &str| last.matches(&format!("{number}-{}", adapter.to_uppercase())).count();
        assert_eq!((count("FIRST"), count("THIRD")), (1, 1), "{adapter}: {last}");
        // What was asked a moment before the kill may be lost to claude's own transcript; it is never there twice.
        assert!(count("SECOND") <= 1, "{adapter}: {last}");
    }
    let closed: Vec<Value> = resumed.of("session_turn_finished");
    let cut = |end: &&Value| end["turn"] == 2 && end["status"] == "interrupted";
    assert_eq!(closed.iter().filter(cut).count(), 3, "{closed:#?}");
}
