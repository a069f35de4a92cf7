//! The first moments of a child: recorded, marked, confined, then released.

use std::{
    io::Write as _,
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use tokio::io::AsyncReadExt as _;
use zwarm_tui::process::{ChildSpec, PROCS_FILE, Stream};

use crate::support::*;

#[test]
fn a_helper_whose_parent_dies_before_the_byte_never_runs_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let sign = dir.path().join("it-ran");
    let helper = |input: &[u8]| {
        let mut helper = Command::new(HELPER);
        helper.args(["__exec", "--stdin", "null", "--rlimit", "core=0", "--", "touch"]).arg(&sign);
        let mut child = helper.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait().unwrap().code()
    };
    assert_eq!(helper(b""), Some(125));
    assert!(!sign.exists());
    assert_eq!(helper(b"\n"), Some(0));
    assert!(sign.exists());
}

#[test]
fn a_program_hears_signals_that_our_own_parent_had_us_ignore() {
    for (name, signal) in [("INT", 2), ("QUIT", 3), ("HUP", 1)] {
        let mut shell = Command::new("sh");
        let script = format!(
            "trap '' {name}; exec \"$0\" __exec --rlimit core=0 -- sh -c 'kill -{name} $$; echo deaf'"
        );
        let mut child =
            shell.args(["-c", &script, HELPER]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"\n").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.signal(), &output.stdout[..]), (Some(signal), &b""[..]), "{name}");
    }
}

#[tokio::test]
async fn the_program_gets_its_stdin_from_the_first_byte_on_and_its_marks() {
    let place = place();
    let script = "read -r line; echo \"$line $ZWARM_SESSION $(ulimit -c)\"; echo $ZWARM_RUN; ps -o sid= -p $$; (: > /dev/tty) 2>/dev/null || echo no terminal";
    let spec = ChildSpec { stdin: Stream::Piped, ..place.spec(script) };
    let mut child = place.processes.spawn(spec).await.unwrap();
    let mut stdin = child.stdin.take().unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stdin, b"hello\n").await.unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).await.unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert_eq!(lines[0], "hello s1 0");
    assert_eq!(lines[1].rsplit(':').next(), Some(place.instance.to_string().as_str()));
    assert_eq!(lines[2], child.pid.to_string());
    assert_eq!(lines[3], "no terminal");
}

#[tokio::test]
async fn a_confined_child_writes_only_where_it_may() {
    let place = place();
    let outside = tempfile::tempdir().unwrap();
    let script = format!(
        "echo in > in; echo null > /dev/null && echo out > {}/out; cat in; ls {0}",
        outside.path().display()
    );
    let spec = ChildSpec { writable: Some(vec![place.dir.path().to_owned()]), ..place.spec(&script) };
    let mut child = place.processes.spawn(spec).await.unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).await.unwrap();
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).await.unwrap();
    assert_eq!(text, "in\n");
    assert!(errors.contains("Permission denied"), "{errors}");
}

#[tokio::test]
async fn a_program_that_cannot_be_run_is_named() {
    let place = place();
    let plain = place.dir.path().join("plain");
    std::fs::write(&plain, "").unwrap();
    for (program, expected) in [
        (PathBuf::from("/nowhere/tool"), "the program '/nowhere/tool' does not exist".to_owned()),
        (plain.clone(), format!("the program '{}' is not executable", plain.display())),
    ] {
        let spec = ChildSpec { program, ..place.spec("") };
        assert_eq!(place.processes.spawn(spec).await.unwrap_err().to_string(), expected);
    }
    let mut child =
        place.processes.spawn(ChildSpec { program: "no-such-tool".into(), ..place.spec("") }).await.unwrap();
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).await.unwrap();
    assert!(errors.starts_with("zwarm-tui: cannot run 'no-such-tool': "), "{errors}");
    assert_eq!(child.wait().await.code(), Some(127));
}

#[tokio::test]
async fn every_child_is_on_record_before_it_runs() {
    let place = place();
    let script = format!("cat {}", place.dir.path().join(PROCS_FILE).display());
    let mut child = place.spawn(&script).await;
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).await.unwrap();
    let record: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!(record["pid"], child.pid);
    assert_eq!(record["label"], "bash");
    assert_eq!(record["run"], place.instance.to_string());
    assert!(record["start"].as_u64().unwrap() > 0 && !record["boot"].as_str().unwrap().is_empty());
}
