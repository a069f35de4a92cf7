//! Whole runs in worktree mode: the real program, the real git, sessions that play a script.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::Value;
use support::{
    by_hand::git, codex_home, journal::of, model_server::ModelServer, place::Place, sessions::real_cli,
};

/// A place whose working directory is a repository, with a scenario beside it.
struct Bench(Place);

impl Bench {
    fn new(scenario: &str) -> Self {
        let bench = Self(Place::with(&[("a.txt", "1\n2\n3\n"), (".gitignore", "ready\n")]));
        std::fs::write(bench.path("scenario.yaml"), scenario).unwrap();
        git(&bench.work(), &["init", "-q"]);
        git(&bench.work(), &["add", "-A"]);
        git(&bench.work(), &["commit", "-q", "-m", "first"]);
        bench
    }

    fn work(&self) -> PathBuf {
        self.0.work()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.root.path().join(name)
    }

    fn worktrees(&self) -> PathBuf {
        self.0.root.path().canonicalize().unwrap().join("home/state/worktrees")
    }

    fn program(&self, args: &[&str]) -> Command {
        let mut command = self.0.command(args);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        command
    }

    fn command(&self, args: &[&str]) -> Output {
        self.program(args).output().unwrap()
    }

    /// The setting that makes the scenario the model.
    fn model(&self) -> String {
        format!("orchestrator.lm=scripted:{}", self.path("scenario.yaml").display())
    }

    fn run(&self, more: &[&str]) -> Vec<Value> {
        let scenario = self.model();
        let mut args = vec!["run", "--json", "--set", &scenario, "--set", "executor.isolation=worktree"];
        args.extend(more);
        let output = self.command(&args);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn said(&self, args: &[&str]) -> (bool, String) {
        let output = self.command(args);
        let both = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(both).unwrap())
    }
}

/// What the model got from a tool.
fn results(events: &[Value], tool: &str) -> Vec<Value> {
    let mut calls = std::collections::BTreeMap::new();
    for started in of(events, "tool_started") {
        calls.insert(started["call_id"].as_str().unwrap(), started["name"].as_str().unwrap());
    }
    let items = of(events, "item_added").into_iter().map(|added| &added["item"]);
    let own = items.filter(|item| item["call_id"].as_str().is_some_and(|id| calls.get(id) == Some(&tool)));
    let outputs = own.filter_map(|item| item["output"].as_str().or_else(|| item["content"].as_str()));
    outputs.map(|text| serde_json::from_str(text).unwrap_or_else(|_| text.into())).collect()
}

const TWO: &str = "
model:
  - calls: [{delegate: {task: FIRST, mode: async, adapter: script}}, {delegate: {task: SECOND, mode: async, adapter: script}}]
  - calls: [{wait: {}}]
  - calls: [{wait: {session_ids: [s1]}}, {wait: {session_ids: [s2]}}]
  - calls: [{end_session: {session_id: s1}}]
  - calls: [{end_session: {session_id: s2}}]
  - calls: [{exit: {exit_message: too early}}]
  - calls: [{exit: {exit_message: Done.}}]
sessions:
  - match: FIRST
    turns: [{steps: [{write: {path: a.txt, text: \"one\\n2\\n3\\n\"}}, {run: 'pwd; test -e ready'}, {say: first}]}]
  - match: SECOND
    turns: [{steps: [{write: {path: a.txt, text: \"eins\\n2\\n3\\n\"}}, {write: {path: b.txt, text: \"b\\n\"}}, {say: second}]}]
";

#[test]
fn a_headless_run_ends_with_merged_work_and_lists_the_branch_that_is_in_conflict() {
    let bench = Bench::new(TWO);
    let events = bench.run(&["-t", "go", "-n", "pair", "--set", "executor.setup_command=touch ready"]);
    let started = of(&events, "session_started");
    assert_eq!([&started[0]["isolation"], &started[1]["isolation"]], ["worktree", "worktree"]);
    let trees: Vec<&Value> =
        of(&events, "session_changed").into_iter().filter(|changed| changed["tree"].is_object()).collect();
    assert_eq!(trees[0]["branch"], "zwarm/pair/s1");
    assert_eq!(trees[0]["tree"]["base"], git(&bench.work(), &["rev-list", "--max-parents=0", "HEAD"]));
    let delegated = results(&events, "delegate");
    assert_eq!(delegated[1]["branch"], "zwarm/pair/s2", "{delegated:?}");
    let directory = PathBuf::from(delegated[1]["directory"].as_str().unwrap());
    assert!(directory.starts_with(bench.worktrees()), "{}", directory.display());
    // The set-up ran in each worktree, before the turn, and is recorded.
    let shells: Vec<_> = of(&events, "activity_added")
        .into_iter()
        .filter(|added| added["activity"]["type"] == "shell")
        .map(|added| (added["activity"]["command"].as_str().unwrap(), added["activity"]["exit_code"].clone()))
        .collect();
    assert_eq!(shells.iter().filter(|(command, _)| *command == "touch ready").count(), 2, "{shells:?}");
    assert!(shells.iter().all(|(_, code)| *code == 0), "{shells:?}");
    let ended = results(&events, "end_session");
    assert_eq!(
        (&ended[0]["success"], &ended[0]["merged"]["into"]),
        (&true.into(), &"main".into()),
        "{ended:?}"
    );
    assert_eq!(ended[1]["success"], false);
    assert_eq!(ended[1]["conflicts"], serde_json::json!(["a.txt"]), "{ended:?}");
    let exits = results(&events, "exit");
    assert_eq!(exits[0]["success"], false, "{exits:?}");
    assert!(exits[0]["unmerged"][0].as_str().unwrap().starts_with("s2: zwarm/pair/s2 in "), "{exits:?}");
    let end = of(&events, "run_finished")[0];
    assert_eq!((&end["stopped_by"], &end["open_sessions"]), (&"exit".into(), &serde_json::json!(["s2"])));
    assert!(end["unmerged"][0].as_str().unwrap().starts_with("s2: zwarm/pair/s2 in "), "{end}");
    assert_eq!(std::fs::read_to_string(bench.work().join("a.txt")).unwrap(), "one\n2\n3\n");
    assert!(!bench.work().join("b.txt").exists());
    assert_eq!(git(&bench.work(), &["status", "--porcelain"]), "");
    assert_eq!(git(&bench.work(), &["branch", "--format=%(refname:short)"]), "main\nzwarm/pair/s2");
    assert_eq!(std::fs::read_to_string(directory.join("b.txt")).unwrap(), "b\n");

    // After the end: it is still there, still in conflict, and only goes when that is said.
    let (ok, text) = bench.said(&["session", "merge", "s2"]);
    assert!(!ok && text.contains("both changed 'a.txt'"), "{text}");
    let (ok, text) = bench.said(&["clean"]);
    assert!(ok && text.contains("'zwarm/pair/s2' stays in") && directory.exists(), "{text}");
    let (ok, text) = bench.said(&["session", "discard", "s2"]);
    assert!(!ok && directory.exists(), "{text}");
    let (ok, text) = bench.said(&["session", "keep", "s2"]);
    assert!(ok && text.contains("kept: 'zwarm/pair/s2'"), "{text}");
    git(&bench.work(), &["rm", "-q", "a.txt"]);
    git(&bench.work(), &["commit", "-q", "-m", "gone"]);
    let (ok, text) = bench.said(&["session", "discard", "s2", "--yes"]);
    assert!(ok && text.contains("is removed") && !directory.exists(), "{text}");
    let (ok, text) = bench.said(&["session", "merge", "s2"]);
    assert!(!ok && text.contains("has no worktree"), "{text}");
    let (ok, text) = bench.said(&["session", "show", "s2"]);
    assert!(ok && text.contains("cancelled"), "{text}");
    assert_eq!(git(&bench.work(), &["branch", "--format=%(refname:short)"]), "main");
}

#[test]
fn a_set_up_that_fails_fails_the_delegation_with_its_last_words_and_is_tried_again() {
    let bench = Bench::new(
        "
model:
  - calls: [{delegate: {task: FIRST, mode: sync, adapter: script}}]
  - calls: [{bash: {command: 'touch go'}}]
  - calls: [{converse: {session_id: s1, message: again}}]
  - calls: [{end_session: {session_id: s1, verdict: failed}}]
  - calls: [{exit: {exit_message: Done.}}]
sessions:
  - match: FIRST
    turns: [{steps: [{say: never}]}, {steps: [{say: second}]}]
",
    );
    let go = bench.work().join("go");
    let setup = format!("executor.setup_command=echo preparing; test -e {} || exit 7", go.display());
    let events = bench.run(&["-t", "go", "--set", &setup]);
    let delegated = &results(&events, "delegate")[0];
    assert_eq!(delegated["success"], false, "{delegated}");
    let error = delegated["error"].as_str().unwrap();
    assert_eq!(error, "executor.setup_command failed (exit code 7): preparing");
    assert_eq!(results(&events, "converse")[0]["response"], "second");
    let end = of(&events, "run_finished")[0];
    assert_eq!((&end["stopped_by"], end.get("unmerged")), (&"exit".into(), None));
    // Nothing was changed in it: it is gone.
    assert_eq!(git(&bench.work(), &["branch", "--format=%(refname:short)"]), "main");
}

#[test]
fn a_directory_without_a_repository_is_a_result_that_names_the_key() {
    let bench = Bench::new(TWO);
    std::fs::remove_dir_all(bench.work().join(".git")).unwrap();
    let events = bench.run(&["-t", "go", "--max-steps", "1"]);
    let delegated = &results(&events, "delegate")[0];
    assert_eq!(delegated["success"], false);
    assert!(delegated["error"].as_str().unwrap().contains("executor.isolation is 'worktree'"), "{delegated}");
    assert!(of(&events, "session_started").is_empty());
}

#[test]
fn a_resumed_session_finds_its_worktree_and_one_that_was_deleted_is_said_to_be() {
    let bench = Bench::new(
        "
model:
  - calls: [{delegate: {task: FIRST, mode: sync, adapter: script}}]
  - calls: [{converse: {session_id: s1, message: go on}}]
  - calls: [{converse: {session_id: s1, message: go on}}]
sessions:
  - match: FIRST
    turns: [{steps: [{run: 'echo 1 > one.txt'}, {say: a}]}, {steps: [{run: 'cat one.txt'}, {say: b}]}, {steps: [{say: c}]}]
",
    );
    let set = ["--set", "executor.setup_command=echo set-up"];
    let first = bench.run(&["-t", "go", "--max-steps", "1", set[0], set[1]]);
    let directory = PathBuf::from(results(&first, "delegate")[0]["directory"].as_str().unwrap());
    let second = bench.run(&["--resume", "--max-steps", "1", set[0], set[1]]);
    let shells: Vec<_> = of(&second, "activity_added")
        .into_iter()
        .map(|added| added["activity"].clone())
        .filter(|activity| activity["type"] == "shell")
        .collect();
    assert_eq!(shells.len(), 1, "the set-up does not run twice: {shells:?}");
    assert_eq!(
        (&shells[0]["output"], &shells[0]["cwd"]),
        (&"1\n".into(), &directory.to_str().unwrap().into())
    );
    std::fs::remove_dir_all(&directory).unwrap();
    let third = bench.run(&["--resume", "--max-steps", "1", set[0], set[1]]);
    let error = results(&third, "converse")[0]["error"].as_str().unwrap().to_owned();
    assert!(error.contains("is not there any more") && error.contains("/s1"), "{error}");
    let (ok, text) = bench.said(&["session", "merge", "s1"]);
    assert!(!ok && text.contains("is not there any more"), "{text}");
}

#[test]
fn exec_in_worktree_mode_leaves_a_branch_that_can_be_merged() {
    let bench = Bench::new(TWO);
    let script = format!("executor.script={}", bench.path("scenario.yaml").display());
    let args = ["exec", "-t", "FIRST", "-a", "script", "-n", "alone", "--set", &script];
    let (ok, text) = bench.said(&[&args[..], &["--set", "executor.isolation=worktree"]].concat());
    assert!(text.contains("not merged: s1: zwarm/alone/s1"), "{ok} {text}");
    assert_eq!(std::fs::read_to_string(bench.work().join("a.txt")).unwrap(), "1\n2\n3\n");
    let (ok, text) = bench.said(&["session", "merge", "s1"]);
    assert!(ok && text.contains("merged 1 file into 'main'"), "{text}");
    assert_eq!(std::fs::read_to_string(bench.work().join("a.txt")).unwrap(), "one\n2\n3\n");
    let (ok, text) = bench.said(&["history", "-k", "session_changed", "--limit", "1"]);
    assert!(ok && text.contains("merged 1 file"), "{text}");
    // Deleting the instance leaves the worktree; clean removes it, because nothing is lost.
    let (ok, text) = bench.said(&["reset", "--yes"]);
    assert!(ok && text.contains("1 worktree stay"), "{text}");
    let (ok, text) = bench.said(&["clean"]);
    assert!(ok && text.contains("removed the worktree of 'zwarm/alone/s1'"), "{text}");
    assert_eq!(std::fs::read_dir(bench.worktrees()).unwrap().count(), 0);
}

/// One session of a real executor, merged by `end_session`.
fn real_scenario(adapter: &str, model: &str) -> String {
    format!(
        "
model:
  - calls: [{{delegate: {{task: 'Change line 2', mode: sync, adapter: {adapter}, model: {model}}}}}]
  - calls: [{{end_session: {{session_id: s1}}}}]
  - calls: [{{bash: {{command: 'cat a.txt'}}}}]
  - calls: [{{exit: {{exit_message: Done.}}}}]
"
    )
}

async fn real_run(bench: &Bench, set: Vec<String>, env: Vec<(&'static str, String)>) {
    let args = ["run", "--json", "-t", "go", "-n", "real", "--set", &bench.model()];
    let mut command = bench.program(&args);
    command.args(["--set", "executor.isolation=worktree"]);
    for set in &set {
        command.args(["--set", set]);
    }
    command.envs(env);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ended = &results(&events, "end_session")[0];
    assert_eq!(ended["merged"]["files"], serde_json::json!(["a.txt"]), "{ended}");
    let shown = &results(&events, "bash")[0];
    assert_eq!(shown["stdout"], "1\ntwo\n3\n", "{shown}");
    assert_eq!(of(&events, "run_finished")[0].get("unmerged"), None);
    assert_eq!(git(&bench.work(), &["branch", "--format=%(refname:short)"]), "main");
    assert_eq!(git(&bench.work(), &["status", "--porcelain"]), "");
    assert_eq!(std::fs::read_dir(bench.worktrees()).unwrap().count(), 0, "the worktree is tidied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_codex_works_in_its_worktree_within_its_own_sandbox_and_is_merged() {
    let Some(codex) = real_cli("ZWARM_TEST_CODEX") else { return };
    let lanes = r#"
lanes:
  - name: codex
    replies:
      - calls: [{exec_command: {cmd: "sed -i s/2/two/ a.txt; cp a.txt $HOME/outside.txt"}}]
      - text: "Changed."
"#;
    let server = ModelServer::from_yaml(lanes).await;
    let bench = Bench::new(&real_scenario("codex", "gpt-5.5"));
    let home = bench.path("codex");
    codex_home::make(&home, &server.v1());
    let set = vec![format!("executor.codex_path={codex}")];
    let env = vec![("CODEX_HOME", home.display().to_string()), ("MOCK_KEY", "k".to_owned())];
    real_run(&bench, set, env).await;
    assert!(!bench.path("outside.txt").exists(), "the sandbox holds outside the worktree");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_claude_works_in_its_worktree_and_is_merged() {
    let Some(claude) = real_cli("ZWARM_TEST_CLAUDE") else { return };
    let lanes = r#"
lanes:
  - name: claude
    wire: messages
    replies:
      - calls: [{Bash: {command: "sed -i s/2/two/ a.txt", description: "change"}}]
      - text: "Changed."
"#;
    let server = ModelServer::from_yaml(lanes).await;
    let bench = Bench::new(&real_scenario("claude", "claude-sonnet-4-5"));
    let home = bench.path("claude").display().to_string();
    let set =
        vec![format!("executor.claude_path={claude}"), "executor.sandbox=danger-full-access".to_owned()];
    let env = vec![
        ("ANTHROPIC_BASE_URL", server.root()),
        ("ANTHROPIC_API_KEY", "k".to_owned()),
        ("CLAUDE_CONFIG_DIR", home),
        ("CLAUDE_CODE_MAX_RETRIES", "1".to_owned()),
    ];
    real_run(&bench, set, env).await;
}
