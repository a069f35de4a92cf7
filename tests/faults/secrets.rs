//! D13, D14, C10: keys are nowhere on disk, whatever happens; files are private whatever the umask; no core is dumped.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::support::{Bench, name};

const CANARIES: [(&str, &str); 6] = [
    ("OPENAI_API_KEY", "canary-openai-0123456789"),
    ("ANTHROPIC_API_KEY", "canary-anthropic-0123456789"),
    ("WANDB_API_KEY", "canary-wandb-0123456789"),
    ("CODEX_API_KEY", "canary-codex-0123456789"),
    ("MY_OWN_TOKEN", "canary-own-token-0123456789"),
    ("DEPLOY_PASSWORD", "canary-password-0123456789"),
];

/// A model that says keys, a session that writes them, tools that print them.
const TALKATIVE: &str = r#"
name: talkative
model:
  - text: "the key is canary-openai-0123456789"
    reasoning: "canary-anthropic-0123456789"
    calls: [{bash: {command: "env; echo $MY_OWN_TOKEN canary-own-token-0123456789; echo sk-proj-abcdefghijklmnopqrstuvwxyz012345"}}]
  - calls: [{delegate: {task: "use canary-codex-0123456789"}}]
  - calls: [{bash: {command: "kill -9 $PPID; sleep 5"}}]
  - calls: [{exit: {exit_message: "canary-password-0123456789"}}]
sessions:
  - turns:
      - steps: [{say: "I used canary-codex-0123456789"}, {run: "env | grep -c canary; true"}, {raw: {key: canary-wandb-0123456789}}]
"#;

fn files(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&path, into),
            Ok(kind) if kind.is_file() => into.push(path),
            _ => {}
        }
    }
}

fn holds_a_key(path: &Path) -> Option<&'static str> {
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let all = CANARIES.iter().map(|(_, value)| *value).chain(["sk-proj-abcdefghij", "canary-header"]);
    all.into_iter().find(|canary| text.contains(canary))
}

#[test]
fn d13_no_key_is_on_disk_after_runs_a_crash_a_log_of_everything_and_an_export() {
    let place = Bench::with(TALKATIVE);
    let outside = |args: &[&str]| {
        let mut command = place.command(args);
        command.envs(CANARIES).env("RUST_LOG", "trace");
        command
    };
    let settings = [
        "--log-level",
        "trace",
        "--set",
        "orchestrator.lm=scripted:s.yaml",
        "--set",
        "otel.endpoint=http://127.0.0.1:9/v1/traces",
        "--set",
        "otel.headers.x-key=canary-header-0123456789",
        "--set",
        "watchers.enabled=false",
    ];
    let run = [&["run", "-t", "say canary-wandb-0123456789", "--json"][..], &settings].concat();
    let output = outside(&run).output().unwrap();
    let printed =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let dir = place.instance();
    // The third call has tried to kill its parent: whoever that was, the run is resumed as after a crash.
    let id = name(&dir);
    let resumed = [&["run", "--resume", "-t", "more", "-i", &id][..], &settings].concat();
    let output = outside(&resumed).output().unwrap();
    let exported = [
        outside(&["history", "-i", &name(&dir)]).output().unwrap(),
        outside(&["session", "logs", "s1", "-i", &name(&dir)]).output().unwrap(),
        outside(&["configs", "show"]).output().unwrap(),
        outside(&["doctor"]).output().unwrap(),
        output,
    ];
    let shown: String = exported
        .iter()
        .map(|output| String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr))
        .collect();
    for (_, canary) in CANARIES {
        assert!(!printed.contains(canary) && !shown.contains(canary), "'{canary}' is printed");
    }
    let mut all = Vec::new();
    files(place.root.path(), &mut all);
    let own = place.work().join("s.yaml");
    all.retain(|path| *path != own);
    assert!(all.iter().any(|path| path.extension().is_some_and(|ext| ext == "log")), "there is a log");
    assert!(all.iter().any(|path| path.ends_with("events.jsonl")));
    let bad: Vec<_> = all.iter().filter_map(|path| Some((path, holds_a_key(path)?))).collect();
    assert!(bad.is_empty(), "{bad:?}");
}

#[test]
fn d14_with_umask_000_every_file_is_private() {
    let place = Bench::with(TALKATIVE);
    let mut command = place.program("sh");
    let script = "umask 000; exec \"$@\"";
    command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_zwarm-tui"), "run", "-t", "go"]);
    command.args(["--log-level", "trace", "--set", "orchestrator.lm=scripted:s.yaml"]);
    command.output().unwrap();
    for args in [&["init", "--force"][..], &["run", "--demo"]] {
        let mut command = place.program("sh");
        command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_zwarm-tui")]).args(args);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let mut wrong = Vec::new();
    let mut open = vec![place.work().join(".zwarm"), place.root.path().join("home")];
    while let Some(path) = open.pop() {
        let found = std::fs::symlink_metadata(&path).unwrap();
        let mode = found.permissions().mode() & 0o777;
        // The demo's repository is the human's to look at and git's to fill.
        let theirs = path.parent().is_some_and(|above| above.ends_with("state/demo"));
        if theirs {
            open.push(path.join(".zwarm"));
        } else if found.is_dir() {
            if mode != 0o700 {
                wrong.push(format!("{mode:o} {}", path.display()));
            }
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if mode != 0o600 {
            wrong.push(format!("{mode:o} {}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// C10, D13: a core file would hold the keys.
#[test]
fn c10_d13_neither_the_program_nor_its_children_dump_core() {
    let place = Bench::with(
        "name: n\nmodel:\n  - calls: [{bash: {command: \"ulimit -c > core-of-bash; sleep 300\"}}]\n",
    );
    let mut run = place.start(&mut place.scripted(&["-t", "go"]));
    run.until(&["tool_started"]).unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", run.child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    let of_bash = super::support::wait_for("the child's limit", || {
        std::fs::read_to_string(place.work().join("core-of-bash")).ok().filter(|text| !text.is_empty())
    });
    assert_eq!(of_bash.trim(), "0");
    run.signal(rustix::process::Signal::QUIT);
    run.kill();
    let cores = std::fs::read_dir(place.work()).unwrap().flatten();
    let cores: Vec<_> = cores.map(|entry| entry.file_name()).filter(|name| name != "core-of-bash").collect();
    assert!(cores.iter().all(|name| !name.to_string_lossy().starts_with("core")), "{cores:?}");
}
