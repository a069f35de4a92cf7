//! Whole runs of the real program: the demo, a real model server, the real codex, a crash at any moment, a resume.
//! Only the wire is faked.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use support::{
    codex_home,
    journal::{fold, journal, lines, of},
    marks::survivors,
    model_server::ModelServer,
    place::Place,
};
use zwarm_tui::{
    fold::State,
    protocol::{Event, event::RunState},
};

/// A journal in which no line is bad.
fn whole(dir: &Path) -> Vec<Event> {
    let (events, bad) = journal(dir);
    assert_eq!(bad, 0, "bad lines in '{}'", dir.display());
    events
}

#[test]
fn the_demo_plays_to_its_end_and_shows_everything() {
    let bench = Place::new();
    let output = bench.run(&["run", "--demo", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let events = lines(&output);
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event["seq"], json!(at + 1), "sequence numbers have no gap");
    }
    let kinds: BTreeSet<&str> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    for kind in [
        "run_started",
        "step_started",
        "item_added",
        "tool_started",
        "tool_finished",
        "usage_recorded",
        "session_started",
        "session_turn_started",
        "session_turn_finished",
        "activity_added",
        "session_completed",
        "inbox_opened",
        "inbox_closed",
        "watchers_run",
        "watcher_spoke",
        "nudge_queued",
        "nudge_sent",
        "nudge_seen",
        "budget_warned",
        "context_compacted",
        "run_finished",
    ] {
        assert!(kinds.contains(kind), "'{kind}' did not happen");
    }
    assert_eq!(of(&events, "run_finished")[0]["stopped_by"], "exit");
    assert_eq!(of(&events, "inbox_closed")[0]["choice"], "accept");
    let turns = |kind: &str| {
        let at = |event: &&Value| event["kind"] == kind;
        events.iter().filter(at).map(|event| event["seq"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert!(
        turns("session_turn_started")[1] < turns("session_turn_finished")[0],
        "two sessions worked at once"
    );
    let dir = PathBuf::from(of(&events, "run_started")[0]["working_dir"].as_str().unwrap());
    let tests = Command::new("sh").arg("tests/run_tests.sh").current_dir(&dir).output().unwrap();
    assert!(tests.status.success(), "what the demo wrote passes its own tests");
}

const SHORT: &str = r#"
name: short
model:
  - calls: [{bash: {command: "echo one >> log.txt"}}]
    usage: {input: 100, output: 10}
  - calls: [{delegate: {task: "write", mode: async}}, {delegate: {task: "write more", mode: sync}}]
    usage: {input: 200, output: 10}
  - calls: [{wait: {}}]
    usage: {input: 300, output: 10}
  - calls: [{bash: {command: "sleep 0.05; echo two >> log.txt"}}]
    usage: {input: 400, output: 10}
  - calls: [{exit: {exit_message: "all is done"}}]
    usage: {input: 500, output: 10}
sessions:
  - turns:
      - steps: [{think: hm}, {write: {path: out.txt, text: hello}}, {run: "cat out.txt; sleep 0.05"}, {say: written}]
        usage: {input: 1000, output: 20}
"#;

#[test]
fn killed_at_any_moment_nothing_that_was_printed_is_lost_and_a_resume_ends_the_task() {
    let moments: u64 = std::env::var("ZWARM_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..moments {
        let bench = Place::new();
        bench.write("s.yaml", SHORT);
        let mut child = bench
            .command(&["run", "-t", "go", "--json", "--set", "orchestrator.lm=scripted:s.yaml"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut printed = Vec::new();
        let after = random.usize(1..60);
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        while printed.len() < after {
            match out.next() {
                Some(Ok(line)) => printed.push(line),
                _ => break,
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        printed.extend(out.map_while(Result::ok).filter(|line| serde_json::from_str::<Value>(line).is_ok()));
        let dir = bench.instances().pop().unwrap();
        // A child that was being forked keeps the lock until it execs.
        let free = (0..500).any(|_| {
            let free = zwarm_tui::store::Lock::holder(&dir).is_none();
            if !free {
                std::thread::park_timeout(Duration::from_millis(10));
            }
            free
        });
        assert!(free, "the lock of a killed run is free");
        let id = dir.file_name().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(dir.join("events.jsonl")).unwrap();
        for line in &printed {
            assert!(text.contains(line.as_str()), "a printed event is not in the journal: {line}");
        }
        let finished = fold(&journal(&dir).0).run.end.is_some();
        if !finished {
            let output = bench.run(&[
                "run",
                "--resume",
                "-i",
                &id[..8],
                "--json",
                "--set",
                "orchestrator.lm=scripted:s.yaml",
            ]);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "killed after {} events: {said}", printed.len());
        }
        let state = fold(&whole(&dir));
        assert_eq!(state.run.status.state, RunState::Ended);
        assert_eq!(state.run.end.as_ref().map(|end| end.stopped_by.as_str()), Some("exit"));
        assert!(state.history.open_calls.is_empty(), "every call has its output");
        assert_eq!(survivors(&id), Vec::<String>::new(), "no process is left");
    }
}

#[test]
fn every_prefix_of_a_journal_folds_as_it_was_lived_and_a_run_that_ended_needs_a_task() {
    let bench = Place::new();
    bench.write("s.yaml", SHORT);
    let settings = ["--set", "orchestrator.lm=scripted:s.yaml"];
    let output = bench.run(&["run", "-t", "go", settings[0], settings[1]]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let dir = bench.instances().pop().unwrap();
    let events = whole(&dir);
    let mut live = State::default();
    for (at, event) in events.iter().enumerate() {
        live.apply(event);
        if at % 7 == 0 || at + 1 == events.len() {
            assert_eq!(fold(&events[..=at]), live, "prefix {at}");
        }
    }
    assert_eq!(live.spend.orchestrator.total(), 1550);
    assert_eq!(live.spend.executors.total(), 2040);
    let again = bench.run(&["run", "--resume", "-i", live.run.name.as_str(), settings[0], settings[1]]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("-t"), "the hint names the flag");
}

/// What is sent as input, without the observation (the last item).
fn history_of(body: &Value) -> Vec<Value> {
    let mut input = body["input"].as_array().unwrap().clone();
    let last = input.pop().unwrap();
    assert!(last.to_string().contains("## Progress"), "the observation is the last item: {last}");
    assert!(
        !input.iter().any(|item| item.to_string().contains("## Progress")),
        "and never part of the history"
    );
    input
}

async fn responses_server(lanes: &str) -> ModelServer {
    ModelServer::from_yaml(lanes).await
}

async fn run_against(bench: &Place, server: &ModelServer, args: &[&str]) -> Output {
    let mut command = bench.command(args);
    command.env("OPENAI_API_KEY", "test-key-0123456789").env("OPENAI_BASE_URL", server.v1());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_begins_with_the_one_before_and_tokens_are_counted_to_the_token() {
    let bench = Place::new();
    let server = responses_server(
        r#"
lanes:
  - name: main
    wire: responses
    replies:
      - reasoning: "look"
        text: "I look."
        calls: [{bash: {command: "echo hi"}}]
        usage: {input: 1000, cached_input: 100, output: 50, reasoning: 20}
      - fault: {http: 500}
      - calls: [{bash: {command: "echo again"}}]
        usage: {input: 1200, cached_input: 900, output: 40}
      - text: "No call here."
        usage: {input: 1300, output: 30}
      - calls: [{exit: {exit_message: "done"}}]
        usage: {input: 1400, output: 20}
"#,
    )
    .await;
    let output = run_against(&bench, &server, &["run", "-t", "look around", "--json"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let events = lines(&output);
    let asked: Vec<Value> = server.asked().into_iter().map(|asked| asked.body).collect();
    assert_eq!(asked.len(), 5, "four answers and one retry");
    for pair in asked.windows(2) {
        let (before, after) = (history_of(&pair[0]), history_of(&pair[1]));
        assert_eq!(
            after[..before.len()],
            before[..],
            "request n+1 begins with request n minus its observation"
        );
    }
    assert_eq!(asked[0]["store"], json!(false));
    let reasoning = history_of(&asked[4]).into_iter().find(|item| item["type"] == "reasoning").unwrap();
    assert!(reasoning["encrypted_content"].is_string(), "reasoning goes back as it came");
    let spent: u64 = of(&events, "usage_recorded").iter().map(|usage| usage["total"].as_u64().unwrap()).sum();
    assert_eq!(spent, 1000 + 50 + 1200 + 40 + 1300 + 30 + 1400 + 20);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("test-key-0123456789"), "the key is never written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_ends_the_run_with_a_clear_error_and_it_can_be_resumed() {
    let bench = Place::new();
    let server = responses_server(
        "lanes: [{name: main, replies: [{fault: {http: 401}}, {calls: [{exit: {exit_message: ok}}]}]}]",
    )
    .await;
    let output = run_against(&bench, &server, &["run", "-t", "x", "--json"]).await;
    assert_eq!(output.status.code(), Some(1));
    let events = lines(&output);
    assert_eq!(of(&events, "run_finished")[0]["stopped_by"], "error");
    assert!(of(&events, "problem_raised").iter().any(|problem| problem["fatal"] == json!(true)));
    let output = run_against(&bench, &server, &["run", "--resume", "--json"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_codex_writes_a_file_that_bash_then_proves() {
    let Some(codex) = support::sessions::real_cli("ZWARM_TEST_CODEX") else { return };
    let bench = Place::new();
    let server = responses_server(
        r#"
lanes:
  - name: codex
    model: gpt-5.5
    replies:
      - calls: [{exec_command: {cmd: "echo made-by-codex > made.txt"}}]
        usage: {input: 900, output: 30}
      - text: "The file is there."
        usage: {input: 1100, output: 20}
  - name: main
    replies:
      - calls: [{delegate: {task: "write made.txt", mode: sync}}]
        usage: {input: 500, output: 10}
      - calls: [{bash: {command: "cat made.txt"}}]
        usage: {input: 700, output: 10}
      - calls: [{exit: {exit_message: "proved"}}]
        usage: {input: 800, output: 10}
"#,
    )
    .await;
    let home = bench.root.path().join("codex");
    codex_home::make(&home, &server.v1());
    let set_path = format!("executor.codex_path={codex}");
    let mut command =
        bench.command(&["run", "-t", "make the file", "--json", "--adapter", "codex", "--set", &set_path]);
    command.env("OPENAI_API_KEY", "k-0123456789").env("OPENAI_BASE_URL", server.v1());
    command.env("CODEX_HOME", &home).env("MOCK_KEY", "k");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let events = lines(&output);
    assert_eq!(std::fs::read_to_string(bench.work().join("made.txt")).unwrap(), "made-by-codex\n");
    let proved = of(&events, "item_added").iter().any(|added| {
        added["item"]["type"] == "function_call_output" && added["item"].to_string().contains("made-by-codex")
    });
    assert!(proved, "bash has seen the file");
    let finished = of(&events, "run_finished")[0];
    assert_eq!(finished["usage"]["total"], json!(900 + 30 + 1100 + 20 + 500 + 10 + 700 + 10 + 800 + 10));
    let id = bench.instances()[0].file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(survivors(&id), Vec::<String>::new(), "no process is left");
}

#[test]
fn a_run_is_steered_from_another_process() {
    let bench = Place::new();
    bench.write(
        "s.yaml",
        r#"
name: steered
model:
  - calls: [{sleep: {seconds: 60}}]
  - calls: [{exit: {exit_message: "woken"}}]
"#,
    );
    let child = bench
        .command(&["run", "-t", "go", "--json", "--set", "orchestrator.lm=scripted:s.yaml"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let child = std::cell::RefCell::new(child);
    let out = BufReader::new(child.borrow_mut().stdout.take().unwrap());
    let mut events: Vec<Value> = Vec::new();
    let mut nudged = false;
    for line in out.lines() {
        let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let sleeping = event["kind"] == "tool_started" && event["payload"]["name"] == "sleep";
        events.push(event);
        if sleeping && !std::mem::replace(&mut nudged, true) {
            let id = bench.instances()[0].file_name().unwrap().to_str().unwrap().to_owned();
            let output = bench.run(&["nudge", "look at the clock", "-i", &id[..6]]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    assert_eq!(child.borrow_mut().wait().unwrap().code(), Some(0));
    assert_eq!(of(&events, "nudge_queued")[0]["text"], "look at the clock");
    assert_eq!(of(&events, "nudge_seen")[0]["step"], json!(2));
    let told =
        of(&events, "item_added").iter().any(|added| added["item"]["content"] == "[NUDGE] look at the clock");
    assert!(told, "the model gets it");
}

#[test]
fn an_interrupted_run_saves_says_how_to_resume_and_leaves_no_process() {
    let bench = Place::new();
    bench.write("s.yaml", "name: long\nmodel:\n  - calls: [{bash: {command: \"sleep 300\"}}]\n");
    let mut child = bench
        .command(&["run", "-t", "go", "--json", "--set", "orchestrator.lm=scripted:s.yaml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    while !out.next().unwrap().unwrap().contains("tool_started") {}
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let rest: Vec<String> = out.map_while(Result::ok).collect();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    assert!(rest.last().unwrap().contains("\"stopped_by\":\"interrupted\""), "{rest:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("--resume"), "it says how to go on");
    let id = bench.instances()[0].file_name().unwrap().to_str().unwrap().to_owned();
    let gone = (0..100).any(|_| {
        let none = survivors(&id).is_empty();
        if !none {
            std::thread::park_timeout(Duration::from_millis(50));
        }
        none
    });
    assert!(gone, "no process is left");
}

#[test]
fn a_budget_ends_a_headless_run_and_a_resume_must_raise_it() {
    let bench = Place::new();
    bench.write("s.yaml", SHORT);
    let common = ["--json", "--set", "orchestrator.lm=scripted:s.yaml"];
    let args = [&["run", "-t", "go", "--set", "budget.max_tokens=500"][..], &common].concat();
    let output = bench.run(&args);
    assert_eq!(output.status.code(), Some(4));
    let events = lines(&output);
    assert_eq!(of(&events, "budget_exceeded").len(), 1);
    let resume = |more: &[&str]| bench.run(&[&["run", "--resume"][..], &common, more].concat());
    let refused = resume(&["--set", "budget.max_tokens=500"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("budget.max_tokens="),
        "the hint names the flag"
    );
    assert_eq!(resume(&["--set", "budget.max_tokens=90000"]).status.code(), Some(0));
}
