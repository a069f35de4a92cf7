//! A run is forked at a step with the real program: the new one goes on from there, the old one is as it was.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use support::{codex_home, model_server::ModelServer, place::Place, sessions::real_cli};

struct Bench(Place);

impl Bench {
    fn new() -> Self {
        Self(Place::new())
    }

    fn command(&self, args: &[&str]) -> Command {
        self.0.command(args)
    }

    fn scenario(&self, name: &str, text: &str) -> String {
        let path = self.0.root.path().join(name);
        std::fs::write(&path, text).unwrap();
        format!("orchestrator.lm=scripted:{}", path.display())
    }

    /// Events of a run, and its exit code.
    fn run(command: &mut Command) -> (Vec<Value>, Option<i32>) {
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), output.status.code())
    }

    fn journals(&self) -> Vec<PathBuf> {
        self.0.instances().into_iter().map(|dir| dir.join("events.jsonl")).collect()
    }

    /// The journal that is not the parent's.
    fn other(&self, parent: &Path) -> PathBuf {
        self.journals().into_iter().find(|journal| journal != parent).unwrap()
    }
}

fn events(journal: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(journal).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["kind"] == kind).map(|event| &event["payload"]).collect()
}

const FIRST: &str = "
model:
  - calls: [{delegate: {task: 'Do it', mode: sync, adapter: script}}]
  - calls: [{bash: {command: 'echo FIRST-WAY'}}]
  - calls: [{exit: {exit_message: first}}]
sessions:
  - turns: [{steps: [{say: one}]}, {steps: [{say: two}]}]
";

#[test]
fn a_fork_goes_on_after_the_step_and_leaves_the_parent_as_it_was() {
    let bench = Bench::new();
    let set = bench.scenario("first.yaml", FIRST);
    Bench::run(&mut bench.command(&["run", "--json", "-t", "go", "-n", "parent", "--set", &set]));
    let parent = bench.journals().remove(0);
    let before = std::fs::read(&parent).unwrap();
    let set = bench.scenario(
        "second.yaml",
        "
model:
  - calls: [{exit: {exit_message: unused}}]
  - calls: [{converse: {session_id: s1, message: again}}]
  - calls: [{exit: {exit_message: second}}]
sessions:
  - turns: [{steps: [{say: one}]}, {steps: [{say: forked}]}]
",
    );
    let args =
        ["run", "--json", "--fork", "parent", "--at-step", "1", "-t", "try the other way", "--set", &set];
    let (told, code) = Bench::run(&mut bench.command(&args));
    assert_eq!(code, Some(0), "{told:#?}");
    assert_eq!(std::fs::read(&parent).unwrap(), before, "the parent is only read");
    let child = events(&bench.other(&parent));
    for (at, event) in child.iter().enumerate() {
        assert_eq!(event["seq"], at + 1);
    }
    let id = parent.parent().unwrap().file_name().unwrap().to_str().unwrap();
    let launches = of(&child, "run_started");
    assert_eq!(launches.len(), 3, "the parent's, the fork, this launch");
    assert_eq!(launches[1]["parent"]["instance"], id);
    assert_eq!(launches[1]["instance_name"], "parent-at-1");
    let steps: Vec<_> = of(&child, "step_started").into_iter().map(|step| step["step"].clone()).collect();
    assert_eq!(steps, [1, 2, 3]);
    assert!(of(&child, "recovered").is_empty(), "it is no crash");
    let items =
        of(&child, "item_added").into_iter().map(|added| added["item"].to_string()).collect::<String>();
    assert!(!items.contains("FIRST-WAY") && items.contains("try the other way") && items.contains("forked"));
    let list = bench.command(&["instances"]).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    assert!(list.contains("parent-at-1"), "{list}");
    let wrong =
        bench.command(&["run", "--fork", "parent", "--at-step", "9", "--set", &set]).output().unwrap();
    let wrong = String::from_utf8(wrong.stderr).unwrap();
    assert!(wrong.contains("has no step 9 that has ended"), "{wrong}");
    assert_eq!(bench.journals().len(), 2, "nothing is left of a fork that cannot be");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_codex_thread_of_a_parent_is_forked_and_not_written_to() {
    let Some(codex) = real_cli("ZWARM_TEST_CODEX") else { return };
    let lanes = r#"
lanes:
  - name: codex
    replies:
      - {text: "The word is plum.", usage: {input: 1000, output: 10}}
      - {text: "In the fork.", usage: {input: 1100, output: 11}}
      - {text: "In the parent.", usage: {input: 1200, output: 12}}
"#;
    let server = ModelServer::from_yaml(lanes).await;
    let bench = Bench::new();
    let home = bench.0.root.path().join("codex");
    codex_home::make(&home, &server.v1());
    let path = format!("executor.codex_path={codex}");
    let run = async |args: Vec<String>| {
        let mut command = bench.command(&["run", "--json", "--set", &path]);
        command.args(args).env("CODEX_HOME", &home).env("MOCK_KEY", "k");
        tokio::task::spawn_blocking(move || Bench::run(&mut command)).await.unwrap()
    };
    let all = |args: &[&str]| args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>();
    let first = bench.scenario(
        "first.yaml",
        "
model:
  - calls: [{delegate: {task: PROMPT-ONE, mode: sync, adapter: codex, model: gpt-5.5}}]
  - calls: [{converse: {session_id: s1, message: PROMPT-TWO}}]
  - calls: [{exit: {exit_message: first}}]
",
    );
    run(all(&["-t", "go", "-n", "parent", "--max-steps", "1", "--set", &first])).await;
    let second = bench.scenario(
        "second.yaml",
        "
model:
  - calls: [{exit: {exit_message: unused}}]
  - calls: [{converse: {session_id: s1, message: PROMPT-FORK}}]
  - calls: [{exit: {exit_message: second}}]
",
    );
    let (_, code) = run(all(&["--fork", "parent", "-t", "otherwise", "--set", &second])).await;
    assert_eq!(code, Some(0));
    let (_, code) = run(all(&["--resume", "-i", "parent", "--set", &first])).await;
    assert_eq!(code, Some(0));
    let counts = |at: usize| {
        let body = server.asked_of("codex")[at].body["input"].to_string();
        ["PROMPT-ONE", "word is plum", "PROMPT-FORK", "PROMPT-TWO"].map(|text| body.matches(text).count())
    };
    assert_eq!([counts(1), counts(2)], [[1, 1, 1, 0], [1, 1, 0, 1]]);
}
