//! The program as a person or a CI job calls it: what it prints, and its exit codes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    path::{Path, PathBuf},
    process::Output,
};

use assert_cmd::Command;

/// An empty working directory and an empty home.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("work")).unwrap();
        Self { dir }
    }

    fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zwarm-tui"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("ZWARM_HOME", self.dir.path().join("home")).current_dir(self.work()).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Exit code, standard output, standard error; our own place is written as `.`.
    fn says(&self, args: &[&str]) -> (i32, String, String) {
        let output = self.run(args);
        let place = self.work().canonicalize().unwrap().display().to_string();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap().replace(&place, ".");
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    fn fails(&self, args: &[&str], code: i32, error: &str) {
        let (got, stdout, stderr) = self.says(args);
        assert_eq!((got, stdout.as_str(), stderr.as_str()), (code, "", error), "{args:?}");
    }
}

#[test]
fn a_wrong_call_is_code_2_and_names_what_is_meant() {
    let place = Place::new();
    let (code, _, stderr) = place.says(&["instancess"]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("unrecognized subcommand 'instancess'") && stderr.contains("'instances'"),
        "{stderr}"
    );
    let (code, _, stderr) = place.says(&["run", "--max-stepz", "3"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("--max-steps"), "{stderr}");
}

#[test]
fn a_run_without_a_task_or_with_an_empty_one_never_starts() {
    let place = Place::new();
    let hint = "hint: give it by -t TEXT, by -f FILE or on standard input; --demo needs none\n";
    place.fails(&["run"], 2, &format!("error: there is no task\n{hint}"));
    place.fails(
        &["run", "-t", "  "],
        2,
        "error: the task from the option -t is empty\nhint: say what is to be done\n",
    );
    place.fails(
        &["run", "-f", "none.md"],
        2,
        "error: the task file 'none.md' cannot be read: No such file or directory (os error 2)\nhint: name another \
         file with -f\n",
    );
    std::fs::write(place.work().join("empty.md"), "\n").unwrap();
    place.fails(
        &["run", "-f", "empty.md"],
        2,
        "error: the task from the file 'empty.md' is empty\nhint: say what is to be done\n",
    );
    assert!(!place.work().join(".zwarm").exists(), "nothing is written before a run starts");
}

#[test]
fn a_working_directory_that_is_missing_is_an_error_and_is_not_made() {
    let place = Place::new();
    place.fails(
        &["run", "-t", "x", "-w", "nowhere"],
        2,
        "error: the directory 'nowhere' does not exist\nhint: create it, or name another one with -w\n",
    );
    assert!(!place.work().join("nowhere").exists());
}

#[test]
fn a_wrong_instance_is_an_error_and_never_a_new_one() {
    let place = Place::new();
    let hint = "hint: there is none in this directory yet; --working-dir names another one\n";
    for args in [&["run", "--resume", "-i", "abc"][..], &["pause", "-i", "abc"], &["status", "-i", "abc"]] {
        place.fails(args, 2, &format!("error: there is no instance 'abc'\n{hint}"));
    }
    place.fails(
        &["run", "--resume"],
        2,
        "error: there is no instance to resume\nhint: 'zwarm-tui instances' lists what is there\n",
    );
}

#[test]
fn a_wrong_configuration_stops_a_run_with_its_place() {
    let place = Place::new();
    std::fs::write(place.work().join("c.yaml"), "orchestrator:\n  max_step: 5\n").unwrap();
    place.fails(
        &["run", "-t", "x", "-c", "c.yaml"],
        2,
        "error: ./c.yaml:2:3: the key 'orchestrator.max_step' does not exist\nhint: did you mean 'max_steps'?\n",
    );
    place.fails(
        &["configs", "check", "c.yaml"],
        2,
        "error: c.yaml:2:3: the key 'orchestrator.max_step' does not exist\nhint: did you mean 'max_steps'?\n",
    );
    place.fails(
        &["run", "-t", "x", "--max-steps", "0"],
        2,
        "error: 'orchestrator.max_steps' is 0, less than 1\nhint: give 1 or more\n",
    );
}

#[test]
fn a_project_that_wants_to_run_programs_needs_trust() {
    let place = Place::new();
    std::fs::create_dir(place.work().join(".zwarm")).unwrap();
    std::fs::write(place.work().join(".zwarm/config.toml"), "notify_command = 'curl evil'\n").unwrap();
    place.fails(
        &["run", "-t", "x"],
        2,
        "error: ./.zwarm/config.toml:1:1: 'notify_command' = \"curl evil\" needs your trust in this project\nhint: \
         look at it and add --trust-project, or remove it\n",
    );
}

#[test]
fn init_writes_a_configuration_that_is_right_and_keeps_the_one_that_is_there() {
    let place = Place::new();
    let (code, stdout, _) = place.says(&["init"]);
    assert_eq!(
        (code, stdout.as_str()),
        (0, "wrote '.zwarm/config.toml': every key with its default, in comments\n")
    );
    assert_eq!(
        place.says(&["configs", "check"]),
        (0, "the configuration is right (1 file)\n".into(), "".into())
    );
    place.fails(&["init"], 1, "error: '.zwarm/config.toml' is there already\nhint: --force replaces it\n");
    assert_eq!(std::fs::read_to_string(place.work().join(".zwarm/.gitignore")).unwrap(), "*\n!config.toml\n");
    let mode = |path: &str| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(place.work().join(path)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(
        (mode(".zwarm"), mode(".zwarm/config.toml"), mode(".zwarm/.gitignore")),
        (0o700, 0o600, 0o600)
    );
}

#[test]
fn the_effective_configuration_is_printed_without_secrets() {
    let place = Place::new();
    let set = ["--set", "executor.env.TOKEN=canary-1234", "--set", "orchestrator.max_steps=7"];
    let (code, yaml, _) = place.says(&[&["configs", "show"], &set[..]].concat());
    assert_eq!(code, 0);
    assert!(
        yaml.contains("max_steps: 7") && yaml.contains("TOKEN: (hidden)") && !yaml.contains("canary"),
        "{yaml}"
    );
    let (_, json, _) = place.says(&["configs", "show", "--json"]);
    assert!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["orchestrator"]["max_steps"] == 50);
}

/// A copy of instances that the reference has written (shortened).
fn reference(place: &Place) -> PathBuf {
    let dir = place.work().join(".zwarm/instances/3d71f0f0-1111-4222-8333-444455556666");
    std::fs::create_dir_all(&dir).unwrap();
    let row = r#"{"instances": [{"id": "3d71f0f0-1111-4222-8333-444455556666", "name": "hello-run", "task": "Make [/x] hello",
        "created_at": "2026-11-24T06:43:56.512590", "updated_at": "2026-11-24T06:44:56", "status": "completed"}]}"#;
    std::fs::write(place.work().join(".zwarm/instances.json"), row).unwrap();
    let event = |n: u32| {
        format!(
            r#"{{"id": "5f0f8a5e-30b1-4d4e-8b4e-{n:012}", "timestamp": "2026-11-24T06:43:5{n}", "kind": "watchers_run", "session_id": null, "task_id": null, "payload": {{"step": {n}, "watchers": ["budget"], "action": "continue", "triggered_by": null, "reason": null}}}}"#
        )
    };
    let lines: Vec<String> = (1..=3).map(event).collect();
    std::fs::write(dir.join("events.jsonl"), format!("{}\n{{\"torn", lines.join("\n"))).unwrap();
    dir
}

fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            found.push((path.clone(), std::fs::read(path).unwrap()))
        }
    }
    found.sort();
    found
}

#[test]
fn what_the_reference_wrote_is_listed_and_read_and_never_changed() {
    let place = Place::new();
    reference(&place);
    let before = files(&place.work());
    let (code, table, _) = place.says(&["instances"]);
    assert_eq!(code, 0);
    assert!(table.contains("3d71f0f0  hello-run  done (python)"), "{table}");
    let (_, json, _) = place.says(&["instances", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(json.trim()).unwrap();
    assert_eq!((&listed["name"], &listed["state"]), (&"hello-run".into(), &"done".into()));
    let (code, history, _) =
        place.says(&["history", "--json", "--kind", "watchers_run", "-n", "2", "-i", "3d71"]);
    assert_eq!((code, history.lines().count()), (0, 2));
    assert_eq!(place.says(&["status"]).0, 0);
    assert_eq!(place.says(&["session", "list"]).0, 0);
    place.fails(
        &["run", "--resume", "-i", "hello-run"],
        2,
        "error: the instance 'hello-run' belongs to the Python program and is only read\nhint: start a new run with \
         its task\n",
    );
    let (_, _, stderr) = place.says(&["history", "-i", "hello-run", "--kind", "watcher_run"]);
    assert!(stderr.contains("did you mean 'watchers_run'?"), "{stderr}");
    assert_eq!(files(&place.work()), before);
}

#[test]
fn reset_deletes_only_after_the_word_and_never_what_is_not_ours() {
    let place = Place::new();
    reference(&place);
    assert_eq!(place.says(&["reset", "--yes"]), (0, "there is nothing to delete\n".into(), "".into()));
    let damaged = place.work().join(".zwarm/instances/00000000-1111-4222-8333-444455556666");
    std::fs::create_dir_all(&damaged).unwrap();
    std::fs::write(damaged.join("meta.json"), "{").unwrap();
    place.fails(&["reset"], 2, "error: nothing was deleted\nhint: type 'delete' when asked, or add --yes\n");
    assert_eq!(place.says(&["reset", "-y"]).1, "deleted 1 instance\n");
    assert!(!damaged.exists());
}

#[test]
fn completions_and_the_manual_are_whole() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let (code, script, _) = place.says(&["completions", shell]);
        assert!(code == 0 && script.contains("zwarm-tui") && script.contains("doctor"), "{shell}");
    }
    let (code, page, _) = place.says(&["man"]);
    assert!(code == 0 && page.contains(".TH zwarm-tui"), "{page}");
    let (code, help, _) = place.says(&["-h"]);
    assert!(code == 0 && help.contains("--demo") && help.ends_with("--demo\n"), "{help}");
    assert_eq!(place.says(&["-V"]).1, format!("zwarm-tui {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn doctor_says_what_is_there_and_what_is_not() {
    let place = Place::new();
    let output =
        place.command(&["doctor", "--json"]).env("OPENAI_API_KEY", "canary-12345678").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("canary"), "{text}");
    let found: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let state = |what: &str| {
        let found = found
            .iter()
            .find(|found| found["what"] == what)
            .unwrap_or_else(|| panic!("no '{what}' in {text}"));
        found["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        (state("configuration"), state("bash"), state("model")),
        ("ok".into(), "ok".into(), "ok".into())
    );
    assert_eq!(state("terminal"), "missing");
}

#[test]
fn doctor_asks_the_network_only_when_told_to_and_sends_no_key() {
    use std::io::{Read, Write};
    let place = Place::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let (heard, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            stream.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").unwrap();
            heard.send(String::from_utf8_lossy(&request[..length]).into_owned()).unwrap();
        }
    });
    let doctor = |args: &[&str], url: &str| {
        let mut command = place.command(&[&["doctor"], args].concat());
        command.env("OPENAI_API_KEY", "canary-12345678").env("OPENAI_BASE_URL", url).env("NO_PROXY", "*");
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert!(!doctor(&[], &url).contains("network"));
    assert!(asked.try_recv().is_err(), "nothing was asked");
    let text = doctor(&["--network"], &url);
    assert!(text.contains("answers (401, asked without a key)"), "{text}");
    let request = asked.recv().unwrap();
    assert!(request.starts_with("GET /v1 ") && !request.contains("canary"), "{request}");
    // A port that nobody listens on.
    let text = doctor(&["--network"], "http://127.0.0.1:1/v1");
    assert!(text.contains("http://127.0.0.1:1/v1 does not answer: "), "{text}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_zwarm-tui"));
    let mut child = command
        .args(["completions", "zsh"])
        .current_dir(place.work())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}

#[test]
fn a_log_level_that_does_not_exist_is_an_error() {
    let place = Place::new();
    let (code, _, stderr) = place.says(&["run", "-t", "x", "--log-level", "loud"]);
    assert_eq!(code, 2);
    assert!(stderr.starts_with("error: there is no log level 'loud'\n"), "{stderr}");
}
