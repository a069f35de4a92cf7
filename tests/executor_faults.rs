//! Executors that misbehave: they flood, print rubbish, hang, die, or cannot be started. Each is a small shell script
//! that speaks just enough ACP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::{collections::BTreeMap, path::Path, process::Command};

use support::sessions::{Live, Stage};
use zwarm_tui::{
    config::{AcpExecutor, Config},
    executors::News,
    protocol::event::TurnStatus,
};

/// The handshake, as far as we ask for it.
const HELLO: &str = r#"read l; echo '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":1,"agentCapabilities":{}}}'
read l; echo '{"jsonrpc":"2.0","id":1,"result":{"sessionId":"x"}}'
read l
"#;
/// A turn's answer and its end.
const ANSWER: &str = r#"echo '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"x","update":{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"still here"}}}}'
echo '{"jsonrpc":"2.0","id":2,"result":{"stopReason":"end_turn"}}'
read l
"#;

fn stage(command: &[&str]) -> Stage {
    let mut config = Config::default();
    let acp = command.iter().map(ToString::to_string).collect();
    config.executors.insert("agent".into(), AcpExecutor { acp, env: BTreeMap::new() });
    Stage::new(config, None)
}

fn agent(script: &str) -> Stage {
    stage(&["bash", "-c", script])
}

fn begin(stage: &Stage) -> Live {
    stage.start(stage.spec("agent", "t"))
}

fn problems(live: &Live) -> usize {
    live.seen.iter().filter(|news| matches!(news, News::Problem { .. })).count()
}

#[tokio::test]
async fn rubbish_between_the_lines_ends_nothing() {
    let deep = "printf '%0.s[' $(seq 10000); printf '%0.s]' $(seq 10000); echo";
    let lost = "printf '\\xff\\xfe broken \\xc3\\n'; printf '\\000\\000\\n'; echo '{\"jsonrpc\":\"2.0\",\"id\":{\"a\":[]}}'";
    let long = "head -c 50000000 /dev/zero | tr '\\0' x; echo";
    let stage = agent(&format!("{HELLO}{deep}\n{lost}\n{long}\n{ANSWER}"));
    let mut live = begin(&stage);
    live.turn(1, "go").await;
    assert_eq!(live.turn_end().await, (TurnStatus::Completed, "still here".into(), None));
    // A few odd lines are told, however many there are.
    assert!((1..=3).contains(&problems(&live)), "{:#?}", live.seen);
}

#[tokio::test]
async fn whoever_dies_says_how_with_the_end_of_its_stderr() {
    for (last, told) in [
        ("exit 0", "it ended with exit status: 0"),
        ("echo 'no licence' >&2; exit 1", "it ended with exit status: 1: no licence"),
        ("echo bad >&2; kill -SEGV $$", "bad"),
    ] {
        let stage = agent(&format!("{HELLO}{last}"));
        let mut live = begin(&stage);
        live.turn(1, "go").await;
        let (status, _, error) = live.turn_end().await;
        assert_eq!(status, TurnStatus::Failed);
        let error = error.unwrap_or_default();
        assert!(error.contains(told), "{last}: {error}");
        assert!(live.ended().await.is_some());
        assert_eq!(stage.processes.alive(), []);
    }
}

#[tokio::test]
async fn a_closed_input_is_a_turn_that_fails_not_a_session_that_hangs() {
    let stage = agent(&format!("{HELLO}exec 0<&-; sleep 1000"));
    let mut live = begin(&stage);
    live.turn(1, "go").await;
    let nudge = live.steer("are you there").await;
    let refused = |news: &News| matches!(news, News::SteerRefused { nudge: of, .. } if *of == nudge);
    live.until("given back", refused).await;
    live.order(zwarm_tui::executors::Order::Kill).await;
    live.ended().await;
    assert_eq!(stage.processes.alive(), []);
}

#[tokio::test]
async fn what_cannot_be_started_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let plain = dir.path().join("not-executable");
    std::fs::write(&plain, "#!/bin/sh\n").unwrap();
    let wrong = dir.path().join("not-a-program");
    std::fs::write(&wrong, [0, 1, 2, 3]).unwrap();
    std::fs::set_permissions(&wrong, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let text = |path: &Path| path.display().to_string();
    for (program, told) in [
        (
            "no-such-agent-at-all".to_owned(),
            "the program 'no-such-agent-at-all' of the adapter 'agent' is not there",
        ),
        (text(&plain), "is not there (hint: install it, or correct executors.agent.acp)"),
        (text(&wrong), "agent"),
    ] {
        let stage = stage(&[&program]);
        let mut live = begin(&stage);
        let error = live.ended().await.unwrap();
        assert!(error.contains(told), "{program}: {error}");
    }
}

#[tokio::test]
async fn whoever_hangs_at_its_start_is_given_up() {
    let stage = agent("read l; : >asked; sleep 1000");
    let mut live = begin(&stage);
    while !stage.work().join("asked").exists() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    // It was asked and time is counted; nothing happens any more, so a paused clock runs on by itself.
    tokio::time::pause();
    let error = live.ended().await.unwrap();
    assert!(error.contains("no answer within 45 s"), "{error}");
}

/// Runs in a process of its own, because it looks at its memory.
#[test]
fn a_gigabyte_without_a_newline_is_drained_in_bounded_memory_and_disk() {
    let args = ["--ignored", "--exact", "a_gigabyte"];
    let output = Command::new(std::env::current_exe().unwrap()).args(args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[tokio::test]
#[ignore = "the body of a_gigabyte_without_a_newline_is_drained_in_bounded_memory_and_disk"]
async fn a_gigabyte() {
    let flood = "head -c 1073741824 /dev/zero | tr '\\0' x; echo";
    let stage = agent(&format!("{HELLO}{flood}\n{ANSWER}"));
    let mut live = begin(&stage);
    let before = peak_kilobytes();
    live.turn(1, "go").await;
    assert_eq!(live.turn_end().await, (TurnStatus::Completed, "still here".into(), None));
    let grown = peak_kilobytes() - before;
    // The line is cut at 32 MB and copied a few times on its way to the log.
    assert!(grown < 260_000, "{grown} kB");
    let log = stage.dir.path().join("session/turns/turn_1.jsonl");
    let size = std::fs::metadata(log).unwrap().len();
    assert!(size < 70_000_000, "{size}");
}

fn peak_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

const MANY: &str = r#"
name: many
model:
  - calls: [CALLS]
  - calls: [{exit: {exit_message: "enough"}}]
  - calls: [{exit: {exit_message: "enough"}}]
sessions:
  - turns: [{steps: [{run: "sleep 2"}, {say: done}]}]
"#;

#[test]
fn sixty_four_sessions_with_few_file_handles_fail_one_by_one_and_the_run_ends() {
    let dir = tempfile::tempdir().unwrap();
    let calls = "{delegate: {task: x, mode: sync}}, ".repeat(64);
    std::fs::write(dir.path().join("s.yaml"), MANY.replace("CALLS", &calls)).unwrap();
    let program = env!("CARGO_BIN_EXE_zwarm-tui");
    let run = format!(
        "ulimit -n 128; exec '{program}' run -t go --json --adapter script --set orchestrator.lm=scripted:s.yaml \
         --set orchestrator.parallel_delegations=64 --set watchers.enabled=false"
    );
    let mut command = Command::new("bash");
    command.args(["-c", &run]).current_dir(dir.path()).env("ZWARM_HOME", dir.path().join("home"));
    command.env("HOME", dir.path()).env_remove("ZWARM_RUN");
    let output = command.output().unwrap();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{errors}\n{}", text.lines().last().unwrap_or_default());
    let ended = text.lines().filter(|line| line.contains("\"session_turn_finished\"")).count();
    assert_eq!(ended, 64);
    assert!(text.contains("Too many open files"), "what could not be started says why");
    assert!(text.contains("\"status\":\"completed\""), "what could be started worked");
}
