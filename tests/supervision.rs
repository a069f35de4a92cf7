//! Supervision in whole runs: the replay of watchers, a model as watcher, watchers that misbehave, compaction that can
//! be read and undone, the ledger that survives it. Only model and executor are scripted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Output,
};

use serde_json::{Value, json};
use support::{
    journal::{lines, of},
    model_server::ModelServer,
    place::Place,
};

struct Bench(Place);

impl std::ops::Deref for Bench {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.0
    }
}

impl Bench {
    fn new() -> Self {
        Self(Place::new())
    }

    /// A run of a scenario with a configuration.
    fn play(&self, scenario: &str, config: &str, more: &[&str]) -> Run {
        self.write("play.yaml", &format!("name: play\n{scenario}"));
        self.write("config.yaml", config);
        let args = [
            "run",
            "--json",
            "-t",
            "do it",
            "-n",
            "it",
            "-c",
            "config.yaml",
            "--model",
            "scripted:play.yaml",
        ];
        Run::of(&self.run(&[&args, more].concat()))
    }
}

struct Run {
    events: Vec<Value>,
    errors: String,
}

impl Run {
    fn of(output: &Output) -> Self {
        Self { events: lines(output), errors: String::from_utf8_lossy(&output.stderr).into_owned() }
    }

    fn all(&self, kind: &str) -> Vec<&Value> {
        of(&self.events, kind)
    }

    fn stopped_by(&self) -> &str {
        self.all("run_finished").last().unwrap_or_else(|| panic!("{}", self.errors))["stopped_by"]
            .as_str()
            .unwrap()
    }
}

const KEYS: [&str; 8] = ["step", "gate", "watcher", "verdict", "rule", "reason", "guidance", "evidence"];

fn verdicts<'a>(spoken: impl IntoIterator<Item = &'a Value>) -> Vec<Value> {
    spoken.into_iter().map(|spoke| KEYS.iter().map(|key| spoke[*key].clone()).collect()).collect()
}

#[test]
fn a_replay_over_the_demo_says_what_was_said_in_the_run_and_writes_nothing() {
    let bench = Bench::new();
    let output = bench.run(&["run", "--demo", "--json"]);
    let run = Run::of(&output);
    assert_eq!(run.stopped_by(), "exit");
    let said = verdicts(run.all("watcher_spoke"));
    assert!(said.len() >= 2, "the demo's watchers speak: {said:?}");
    let work = run.all("run_started")[0]["working_dir"].as_str().unwrap().to_owned();
    let before = contents(Path::new(&work));
    let replay = |more: &[&str]| bench.run(&[&["watch", "-w", &work, "--replay", "demo"], more].concat());
    let again = replay(&["--json"]);
    assert_eq!(verdicts(&lines(&again)), said, "{}", String::from_utf8_lossy(&again.stderr));
    // With other settings.
    bench.write("other.yaml", "watchers: [{name: progress, config: {min_progress_steps: 30}}, {name: budget, config: {max_sessions: 1}}, llm]\n");
    let other = replay(&["--json", "-c", "other.yaml"]);
    let words: Vec<(String, String)> = lines(&other)
        .iter()
        .map(|said| (said["watcher"].as_str().unwrap().to_owned(), said["rule"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(words, [("budget".to_owned(), "sessions".to_owned())]);
    assert!(String::from_utf8_lossy(&other.stderr).contains("not replayed"), "the watcher llm is named");
    // As a table.
    let table = String::from_utf8(replay(&[]).stdout).unwrap();
    assert!(table.starts_with("step  gate      watcher"), "{table}");
    assert!(table.contains("   6  step      claims"), "{table}");
    assert_eq!(contents(Path::new(&work)), before);
}

/// Every file below a directory.
fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => dirs.push(entry.path()),
                kind if kind.is_file() => all.push((entry.path(), std::fs::read(entry.path()).unwrap())),
                _ => {}
            }
        }
    }
    all.sort();
    all
}

#[test]
fn a_replay_needs_an_instance_of_ours_and_says_so() {
    let bench = Bench::new();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/zwarm-state/1.3.10");
    let replay = |name: &str| {
        let output = bench.run(&["watch", "-w", fixture.to_str().unwrap(), "--replay", name]);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = replay("hello-run");
    assert_eq!(code, Some(1));
    assert!(said.contains("was written by the Python zwarm"), "{said}");
    let (code, said) = replay("nobody");
    assert_eq!(code, Some(2));
    assert!(said.contains("there is no instance 'nobody'"), "{said}");
}

#[test]
fn watchers_that_fail_hang_or_talk_nonsense_hold_nothing_up() {
    let bench = Bench::new();
    let config = "watchers:
  - {name: throws, command: [sh, -c, 'echo oops >&2; exit 3']}
  - {name: hangs, command: [sleep, '60'], deadline_seconds: 0.5}
  - {name: babbles, command: [echo, hello]}
  - progress
";
    let run = bench.play(
        "
model:
  - calls: [{bash: {command: 'true'}}]
  - calls: [{exit: {exit_message: Done.}}]
",
        config,
        &[],
    );
    assert_eq!(run.stopped_by(), "exit");
    let problems: Vec<String> = run
        .all("problem_raised")
        .iter()
        .map(|problem| {
            format!("{}: {}", problem["where"].as_str().unwrap(), problem["message"].as_str().unwrap())
        })
        .collect();
    let once = [
        "watcher:throws: it ended with exit status: 3: 'oops'",
        "watcher:hangs: it did not answer within 0.5 s",
        "watcher:babbles: its output is no verdict (expected value at line 1 column 1): 'hello'",
    ];
    assert_eq!(problems, [once, once].concat(), "at both steps");
}

#[test]
fn a_watcher_that_nudges_at_every_step_ends_in_a_pause_at_its_third() {
    let bench = Bench::new();
    // Each step it finds the same anew: the condition is gone in between.
    let config = r#"watchers:
  - name: nags
    command: [sh, -c, 'test -e flip && rm flip || { touch flip; echo "{\"verdict\": \"nudge\", \"rule\": \"again\", \"reason\": \"r\", \"guidance\": \"g\"}"; }']
"#;
    let run = bench.play(
        "
model:
  - {calls: [{bash: {command: 'true'}}], times: 20}
",
        config,
        &[],
    );
    assert_eq!(run.stopped_by(), "watcher_pause");
    let said: Vec<(u64, &str)> = run
        .all("watcher_spoke")
        .iter()
        .map(|spoke| (spoke["step"].as_u64().unwrap(), spoke["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!(said, [(1, "nudge"), (3, "nudge"), (5, "pause")]);
}

#[test]
fn the_same_call_fifty_times_ends_in_a_pause() {
    let bench = Bench::new();
    let run = bench.play(
        "
model:
  - {calls: [{bash: {command: ls}}], times: 50}
",
        "watchers: [progress]\n",
        &["--max-steps", "12"],
    );
    assert_eq!(run.stopped_by(), "watcher_pause");
    let word =
        |spoke: &&Value| (spoke["step"].as_u64().unwrap(), spoke["verdict"].as_str().unwrap().to_owned());
    let said: Vec<_> = run.all("watcher_spoke").iter().map(word).collect();
    let expected = [(4, "nudge"), (7, "nudge"), (10, "pause")];
    assert_eq!(said, expected.map(|(step, verdict)| (step, verdict.to_owned())));
}

#[test]
fn a_stopped_executor_is_noticed() {
    let bench = Bench::new();
    let run = bench.play(
        r#"
model:
  - calls: [{delegate: {task: "stop yourself", mode: async}}]
  - calls: [{wait: {timeout_seconds: 2}}]
  - calls: [{end_session: {session_id: s1, verdict: cancelled}}]
  - calls: [{exit: {exit_message: Done.}}]
sessions: [{turns: [{steps: [{run: "kill -STOP $$"}]}]}]
"#,
        "watchers: [{name: stall, config: {seconds: 1}}]\nexecutor: {adapter: script}\n",
        &[],
    );
    assert_eq!(run.stopped_by(), "exit");
    let said = run.all("watcher_spoke");
    assert_eq!((said[0]["watcher"].as_str(), said[0]["gate"].as_str()), (Some("stall"), Some("activity")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_as_watcher_is_asked_over_http_and_its_tokens_stand_by_themselves() {
    let server = ModelServer::from_yaml(
        r#"
lanes:
  - name: watcher
    model: cheap
    tools: without
    replies:
      - text: '{"verdict": "nudge", "rule": "off task", "reason": "It prints numbers.", "guidance": "Begin."}'
        usage: {input: 500, output: 40}
      - {text: no idea, usage: {input: 600, output: 5}}
"#,
    )
    .await;
    let config = format!(
        "providers: {{local: {{base_url: '{}', wire: responses}}}}
watchers: [{{name: llm, config: {{model: local/cheap, every_steps: 1, max_tokens: 1900}}}}]
",
        server.v1()
    );
    let run = tokio::task::spawn_blocking(move || {
        let mut play = "model:\n".to_owned();
        for at in 1..=5 {
            writeln!(
                play,
                "  - {{calls: [{{bash: {{command: echo {at}}}}}], usage: {{input: 50, output: 5}}}}"
            )
            .unwrap();
        }
        play.push_str("  - {calls: [{exit: {exit_message: Done.}}], usage: {input: 50, output: 5}}\n");
        Bench::new().play(&play, &config, &[])
    })
    .await
    .unwrap();
    assert_eq!(run.stopped_by(), "exit", "{}", run.errors);
    let said = run.all("watcher_spoke");
    assert_eq!((said.len(), said[0]["step"].as_u64(), &said[0]["rule"]), (1, Some(2), &json!("off_task")));
    let of = |scope: &str| {
        let of_scope = |usage: &&&Value| usage["scope"] == scope;
        run.all("usage_recorded")
            .iter()
            .filter(of_scope)
            .map(|usage| usage["total"].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!((of("watcher"), of("orchestrator")), (1145, 330));
    let asked = server.asked();
    assert_eq!(asked.len(), 2, "the third question could not be paid for out of its own budget");
    let body = asked[0].body.to_string();
    assert!(body.contains("echo 1") && !body.contains("\"tools\":[{"), "{body}");
    let problems = run.all("problem_raised");
    assert_eq!((problems.len(), &problems[0]["where"]), (1, &json!("watcher:llm")), "a malformed answer");
    let finished = run.all("run_finished")[0];
    assert_eq!(finished["usage"]["total"], json!(1475), "they count in the run");
}

/// A run in which each delegation is followed by much output, so that the history is compacted again and again.
fn long_play() -> String {
    let mut play = "model:\n".to_owned();
    for at in 1..=12 {
        writeln!(play, "  - calls: [{{delegate: {{task: 'part {at}'}}}}]").unwrap();
        writeln!(
            play,
            "  - calls: [{{bash: {{command: \"seq -f 'line %.0f of part {at} --------------------' 60\"}}}}]"
        )
        .unwrap();
    }
    play.push_str("  - calls: [{exit: {exit_message: Done.}}]\n");
    play.push_str("sessions: [{turns: [{steps: [{say: 'Answer.'}]}]}]\n");
    play
}

#[test]
fn a_run_compacted_five_times_still_lists_all_its_delegations_with_results() {
    let bench = Bench::new();
    let config =
        "orchestrator: {compaction: {max_tokens: 4000, keep_last_n: 4}}\nexecutor: {adapter: script}\n";
    let run = bench.play(&long_play(), config, &[]);
    assert_eq!(run.stopped_by(), "exit");
    let compacted = run.all("context_compacted");
    assert!(compacted.len() >= 5, "{} compactions", compacted.len());
    for one in &compacted {
        assert!(one["tokens_after"].as_u64() < one["tokens_before"].as_u64(), "{one}");
    }
    // The reference's `tasks` are the ledger.
    let dir = bench.work().join(".zwarm/instances").read_dir().unwrap().next().unwrap().unwrap().path();
    let state: Value = serde_json::from_slice(&std::fs::read(dir.join("state.json")).unwrap()).unwrap();
    let mut tasks: Vec<&Value> = state["tasks"].as_object().unwrap().values().collect();
    tasks.sort_by_key(|task| task["created_at"].as_str().unwrap().to_owned());
    let told: Vec<Value> =
        tasks.iter().map(|task| json!([task["description"], task["result"], task["status"]])).collect();
    let expected: Vec<Value> =
        (1..=12).map(|at| json!([format!("part {at}"), "Answer.", "in_progress"])).collect();
    assert_eq!(told, expected);
}

#[test]
fn a_summary_by_the_model_takes_the_place_of_what_leaves_and_its_failure_only_leaves_it_out() {
    let bench = Bench::new();
    let config = "orchestrator: {compaction: {mode: summarize, max_tokens: 9000, keep_last_n: 4}}\nexecutor: {adapter: script}\n";
    let mut play = "model:\n".to_owned();
    for at in 1..=9 {
        writeln!(
            play,
            "  - calls: [{{bash: {{command: \"seq -f 'line %.0f of part {at} --------------------' 150\"}}}}]"
        )
        .unwrap();
    }
    // Where the summary is asked for comes from a first run without one.
    let pruned = bench.play(
        &format!("{play}  - calls: [{{exit: {{exit_message: Done.}}}}]\n"),
        &config.replace("summarize", "prune"),
        &[],
    );
    let first = pruned.all("context_compacted")[0]["step"].as_u64().unwrap() as usize;
    let insert = |reply: &str| {
        let mut lines: Vec<&str> = play.lines().collect();
        lines.insert(first, reply);
        format!("{}\n  - calls: [{{exit: {{exit_message: Done.}}}}]\n", lines.join("\n"))
    };
    let bench = Bench::new();
    let run = bench.play(
        &insert("  - {text: 'SUMMARY: parts were printed.', usage: {input: 700, output: 20}}"),
        config,
        &[],
    );
    let compacted = run.all("context_compacted");
    assert_eq!((compacted[0]["step"].as_u64(), &compacted[0]["summary"]), (Some(first as u64), &json!(true)));
    let marker = compacted[0]["marker"].as_u64();
    let item = run
        .all("item_added")
        .into_iter()
        .find(|item| item["item_id"].as_u64() == marker)
        .unwrap()
        .to_string();
    assert!(item.contains("SUMMARY: parts were printed."), "{item}");
    let spent: Vec<u64> =
        run.all("usage_recorded").iter().map(|usage| usage["input"].as_u64().unwrap()).collect();
    assert!(spent.contains(&700), "the summary is paid for: {spent:?}");

    let bench = Bench::new();
    let run = bench.play(&insert("  - {text: x, fault: {http: 400}}"), config, &[]);
    assert_eq!(run.all("context_compacted")[0].get("summary"), None);
    assert!(
        run.all("problem_raised").iter().any(|problem| problem["where"] == "compaction"),
        "{}",
        run.errors
    );
}

#[test]
fn a_long_tool_result_reaches_the_model_cut_and_stays_whole_in_the_journal() {
    let bench = Bench::new();
    let run = bench.play(
        r#"
model:
  - calls: [{bash: {command: "seq -f 'line %.0f' 1 2000"}}]
  - calls: [{exit: {exit_message: Done.}}]
"#,
        "orchestrator: {tc_compression: {max_chars: 1000}}\n",
        &[],
    );
    assert_eq!(run.stopped_by(), "exit");
    let replaced = run.all("item_replaced");
    assert_eq!((replaced.len(), &replaced[0]["why"]), (1, &json!("tool_compression")));
    let of = |item: &Value| serde_json::from_str::<Value>(item["item"]["output"].as_str().unwrap()).unwrap();
    let short = of(replaced[0])["stdout"].as_str().unwrap().to_owned();
    assert!(short.starts_with("line 1\n") && short.trim_end().ends_with("line 2000"), "{short}");
    assert!(short.contains("characters left out") && short.chars().count() < 1_100, "{short}");
    let id = &replaced[0]["item_id"];
    let whole = run.all("item_added").into_iter().find(|item| item["item_id"] == *id).unwrap();
    assert!(of(whole)["stdout"].as_str().unwrap().contains("line 400\n"));
}
