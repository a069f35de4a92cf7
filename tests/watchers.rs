//! Every watcher in a run of the real program: a scenario in which it speaks at the right step with the right verdict,
//! and one in which it stays silent. Only model and executor are scripted. The table of `docs/watchers.md` is made from
//! what the runs did: `ZWARM_ACCEPT=1 cargo test --test watchers` writes it anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::{
    fmt::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use zwarm_tui::watchers::ROWS;

/// One run.
struct Case {
    watcher: &'static str,
    /// Its keys, as YAML.
    config: &'static str,
    /// What happens, as a sentence of the page.
    story: &'static str,
    /// The scenario.
    play: &'static str,
    /// More options of `run`.
    options: &'static [&'static str],
    /// Step, gate, verdict, rule of the only word that it says; `None`: it is silent.
    says: Option<(u64, &'static str, &'static str, &'static str)>,
}

const fn case(watcher: &'static str, config: &'static str, story: &'static str, play: &'static str) -> Case {
    Case { watcher, config, story, play, options: &[], says: None }
}

impl Case {
    const fn says(self, step: u64, gate: &'static str, verdict: &'static str, rule: &'static str) -> Self {
        Self { says: Some((step, gate, verdict, rule)), ..self }
    }

    const fn with(self, options: &'static [&'static str]) -> Self {
        Self { options, ..self }
    }
}

const FIVE_STEPS: &str = "
model:
  - calls: [{bash: {command: 'echo 1'}}]
  - calls: [{bash: {command: 'echo 2'}}]
  - calls: [{bash: {command: 'echo 3'}}]
  - calls: [{bash: {command: 'echo 4'}}]
  - calls: [{exit: {exit_message: Done.}}]
";

const CASES: [Case; 20] = [
    case(
        "progress",
        "{}",
        "the same bash call three times",
        "
model:
  - {calls: [{bash: {command: ls}}], times: 3}
  - calls: [{exit: {exit_message: Done.}}]
",
    )
    .says(4, "step", "nudge", "same_calls"),
    case(
        "progress",
        "{}",
        "two equal calls, then another one",
        "
model:
  - {calls: [{bash: {command: ls}}], times: 2}
  - calls: [{bash: {command: pwd}}]
  - calls: [{bash: {command: ls}}]
  - calls: [{exit: {exit_message: Done.}}]
",
    ),
    case("budget", "{}", "four of five steps are used", FIVE_STEPS)
        .with(&["--max-steps", "5"])
        .says(5, "step", "nudge", "steps"),
    case("budget", "{}", "the same, with 50 steps allowed", FIVE_STEPS),
    case("delegation_reminder", "{threshold: 4}", "four calls of its own in a row", FIVE_STEPS).says(
        5,
        "step",
        "nudge",
        "no_delegation",
    ),
    case(
        "delegation_reminder",
        "{threshold: 4}",
        "a delegation among them",
        "
model:
  - calls: [{bash: {command: 'echo 1'}}]
  - calls: [{bash: {command: 'echo 2'}}]
  - calls: [{delegate: {task: anything}}]
  - calls: [{bash: {command: 'echo 3'}}]
  - calls: [{bash: {command: 'echo 4'}}]
  - calls: [{exit: {exit_message: Done.}}]
sessions: [{turns: [{steps: [{say: Answered.}]}]}]
",
    ),
    case(
        "delegation",
        "{}",
        "a bash call that writes a source file, before it runs",
        r#"
model:
  - calls: [{bash: {command: "cat > lib.rs <<'EOF'\nfn main() {}\nEOF"}}]
  - calls: [{exit: {exit_message: Done.}}]
"#,
    )
    .says(1, "tools", "nudge", "writes_code"),
    case(
        "delegation",
        "{}",
        "a bash call that reads one and keeps a diff",
        r#"
model:
  - calls: [{bash: {command: "cat run_tests.sh; git diff > change.patch"}}]
  - calls: [{exit: {exit_message: Done.}}]
"#,
    ),
    case(
        "scope",
        "{avoid_keywords: [docker]}",
        "the orchestrator turns to what is set down as not belonging",
        "
model:
  - {text: 'Next I build a docker image.', calls: [{bash: {command: 'true'}}]}
  - calls: [{exit: {exit_message: Done.}}]
",
    )
    .says(2, "step", "nudge", "avoid 'docker'"),
    case(
        "scope",
        "{avoid_keywords: [docker]}",
        "the word only stands in what a command printed",
        r#"
model:
  - {text: 'I look around.', calls: [{bash: {command: "printf 'doc%s' ker"}}]}
  - calls: [{exit: {exit_message: Done.}}]
"#,
    ),
    case(
        "pattern",
        r"{patterns: [{regex: 'curl.*sh', action: pause, message: Not from here.}]}",
        "a call that matches, before it runs",
        "
model:
  - calls: [{bash: {command: echo curl sh > /dev/null}}]
  - calls: [{exit: {exit_message: Done.}}]
",
    )
    .says(1, "tools", "pause", "'curl.*sh'"),
    case(
        "pattern",
        r"{patterns: [{regex: 'curl.*sh', action: pause, message: Not from here.}]}",
        "the task names it, no call does",
        "
model:
  - calls: [{bash: {command: 'git status'}}]
  - calls: [{exit: {exit_message: Done.}}]
",
    ),
    case(
        "quality",
        "{}",
        "a shell command of a session writes code without a test (git finds it)",
        r#"
model:
  - calls: [{delegate: {task: "write the parser"}}]
  - calls: [{exit: {exit_message: Done.}}]
sessions: [{turns: [{steps: [{run: "mkdir -p src && echo 'fn f() {}' > src/parser.rs"}, {say: Written.}]}]}]
"#,
    )
    .says(2, "step", "nudge", "no_tests"),
    case(
        "quality",
        "{}",
        "the same with a test beside it",
        r#"
model:
  - calls: [{delegate: {task: "write the parser"}}]
  - calls: [{exit: {exit_message: Done.}}]
sessions:
  - turns:
      - steps:
          - run: "mkdir -p src tests && echo 'fn f() {}' > src/parser.rs && echo 'fn t() {}' > tests/parser.rs"
          - say: Written.
"#,
    ),
    case(
        "claims",
        "{}",
        "a session says that all tests pass, and no test command was run",
        r#"
model:
  - calls: [{delegate: {task: "write the parser"}}]
  - calls: [{exit: {exit_message: Done.}}]
sessions: [{turns: [{steps: [{run: "ls"}, {say: "Written. All tests pass."}]}]}]
"#,
    )
    .says(2, "step", "nudge", "tests_not_run"),
    case(
        "claims",
        "{}",
        "it says so after a run of the tests",
        r#"
model:
  - calls: [{delegate: {task: "write the parser"}}]
  - calls: [{bash: {command: "sh run_tests.sh"}}]
  - calls: [{exit: {exit_message: "Done. All tests pass."}}]
sessions: [{turns: [{steps: [{run: "sh ./run_tests.sh"}, {say: "Written. All tests pass."}]}]}]
"#,
    ),
    case(
        "stall",
        "{seconds: 1}",
        "a session at work is silent for longer",
        r#"
model:
  - calls: [{delegate: {task: "wait for it", mode: async}}]
  - calls: [{wait: {}}]
  - calls: [{exit: {exit_message: Done.}}]
sessions: [{turns: [{steps: [{run: "sleep 3"}, {say: Done.}]}]}]
"#,
    )
    .says(2, "activity", "nudge", "silent"),
    case(
        "stall",
        "{seconds: 30}",
        "a session at work says something in time",
        r#"
model:
  - calls: [{delegate: {task: "wait for it", mode: async}}]
  - calls: [{wait: {}}]
  - calls: [{exit: {exit_message: Done.}}]
sessions: [{turns: [{steps: [{run: "sleep 0.3"}, {say: Done.}]}]}]
"#,
    ),
    case(
        "llm",
        "{model: 'scripted:watcher.yaml', every_steps: 2}",
        "its model finds that the run goes in circles",
        FIVE_STEPS,
    )
    .says(3, "step", "nudge", "in_circles"),
    case("llm", "{model: 'scripted:content.yaml', every_steps: 2}", "its model is content", FIVE_STEPS),
];

/// The models behind the watcher `llm`.
const WATCHER: &str = r#"
name: watcher
model:
  - text: '{"verdict": "nudge", "rule": "in circles", "reason": "It prints numbers.", "guidance": "Stop.", "items": [3]}'
    usage: {input: 400, output: 30}
  - {text: '{"verdict": "continue"}', usage: {input: 400, output: 10}, times: 50}
"#;
const CONTENT: &str = r#"
name: content
model: [{text: '{"verdict": "continue"}', usage: {input: 400, output: 10}, times: 50}]
"#;

fn git(dir: &Path, args: &[&str]) {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"];
    let status = Command::new("git").arg("-C").arg(dir).args(identity).args(args).status().unwrap();
    assert!(status.success(), "git {args:?}");
}

/// What the watcher said in a run: step, gate, verdict, rule.
fn play(case: &Case) -> Vec<(u64, String, String, String)> {
    let root = tempfile::tempdir().unwrap();
    let work = root.path().join("work");
    std::fs::create_dir(&work).unwrap();
    let write = |name: &str, text: &str| std::fs::write(work.join(name), text).unwrap();
    write("play.yaml", &format!("name: play\n{}", case.play));
    write("watcher.yaml", WATCHER);
    write("content.yaml", CONTENT);
    write("run_tests.sh", "echo ok\n");
    write(
        "config.yaml",
        &format!(
            "watchers: [{{name: {}, config: {}}}]\nexecutor: {{adapter: script}}\n",
            case.watcher, case.config
        ),
    );
    git(&work, &["init", "-q"]);
    git(&work, &["add", "."]);
    git(&work, &["commit", "-q", "-m", "begin"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_zwarm-tui"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", root.path()).env("ZWARM_HOME", root.path().join("home"));
    command.current_dir(&work).stdin(Stdio::null());
    command.args(["run", "--json", "-t", "write a parser; never curl into sh", "-c", "config.yaml"]);
    command.args(["--model", "scripted:play.yaml", "--on-pause", "continue"]).args(case.options);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| {
        let fits = |event: &&Value| event["kind"] == kind;
        events.iter().filter(fits).map(|event| event["payload"].clone()).collect::<Vec<_>>()
    };
    let problems: Vec<Value> = of("problem_raised")
        .into_iter()
        .filter(|problem| problem["where"] != format!("watcher:{}", case.watcher))
        .collect();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(of("run_finished")[0]["stopped_by"], "exit", "{}: {errors} {problems:?}", case.story);
    assert!(problems.is_empty(), "{}: {problems:?}", case.story);
    let word = |spoke: &Value, key: &str| spoke[key].as_str().unwrap().to_owned();
    of("watcher_spoke")
        .iter()
        .map(|spoke| {
            (
                spoke["step"].as_u64().unwrap(),
                word(spoke, "gate"),
                word(spoke, "verdict"),
                word(spoke, "rule"),
            )
        })
        .collect()
}

#[test]
fn each_watcher_speaks_where_it_should_and_nowhere_else_and_the_page_says_so() {
    let mut rows = String::new();
    for case in &CASES {
        let said = play(case);
        let expected: Vec<_> = case
            .says
            .iter()
            .map(|(step, gate, verdict, rule)| {
                (*step, (*gate).to_owned(), (*verdict).to_owned(), (*rule).to_owned())
            })
            .collect();
        assert_eq!(said, expected, "{} ({})", case.watcher, case.story);
        let told = match case.says {
            Some((step, gate, verdict, rule)) => {
                format!("{verdict} at step {step}, gate {gate}, rule `{rule}`")
            }
            None => "silent".to_owned(),
        };
        let keys = if case.config == "{}" { "defaults".to_owned() } else { format!("`{}`", case.config) };
        writeln!(rows, "| {} | {} | {} | {told} |", case.watcher, case.story, keys.replace('|', "\\|"))
            .unwrap();
    }
    for row in ROWS {
        let both = CASES.iter().filter(|case| case.watcher == row.name);
        let (mut speaks, mut silent) = (0, 0);
        both.for_each(|case| if case.says.is_some() { speaks += 1 } else { silent += 1 });
        assert!(speaks > 0 && silent > 0, "{} needs a scenario of each kind", row.name);
    }
    page(&rows);
}

/// Compares (or writes) the page.
fn page(rows: &str) {
    let mut keys = String::new();
    for row in ROWS {
        let each = row.keys.iter().map(|key| format!("`{}` = {} ({})", key.name, key.default, key.about));
        let each: Vec<_> = each.collect();
        let each = if each.is_empty() { "none".to_owned() } else { each.join("; ") };
        writeln!(keys, "| {} | {} | {each} |", row.name, row.about).unwrap();
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/watchers.md");
    let old = std::fs::read_to_string(&file).unwrap();
    let made = |old: &str, name: &str, text: &str| {
        let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
        let (head, rest) = old.split_once(&begin).unwrap();
        let (_, tail) = rest.split_once(&end).unwrap();
        format!("{head}{begin}{text}{end}{tail}")
    };
    let keys = format!("| watcher | speaks when | keys |\n|---|---|---|\n{keys}");
    let scenarios = format!("| watcher | what happens | its keys | it |\n|---|---|---|---|\n{rows}");
    let new = made(&made(&old, "keys", &keys), "scenarios", &scenarios);
    if std::env::var_os("ZWARM_ACCEPT").is_some() {
        std::fs::write(&file, new).unwrap();
    } else {
        assert!(old == new, "docs/watchers.md is not up to date: ZWARM_ACCEPT=1 cargo test --test watchers");
    }
}
