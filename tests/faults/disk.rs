//! A9–A14, A22: the disk fails, is full, may not be written, or the folder is taken away under a running program.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::{
    common::journal::{fold, journal},
    support::{Bench, assert_sound, may_mount, name, times, wait_for, works},
};

/// So many steps that their results do not fit into 256 KB.
const LONG: &str = r#"
name: long
model:
  - calls: [{bash: {command: "seq 1 900"}}]
    times: 40
  - calls: [{exit: {exit_message: "all is done"}}]
"#;
const FREE: [&str; 6] = [
    "--set",
    "orchestrator.max_steps=100",
    "--set",
    "orchestrator.compaction.enabled=false",
    "--set",
    "watchers.enabled=false",
];

/// The program on a `.zwarm` of 256 KB, `filled` KB of which are taken by a file.
fn on_a_small_disk(place: &Bench, filled: u32, args: &[&str]) -> Command {
    std::fs::create_dir_all(place.work().join(".zwarm")).unwrap();
    let mut command = place.program("unshare");
    let script = format!(
        "mount -t tmpfs -o size=256k tmpfs .zwarm && head -c {} /dev/zero > .zwarm/filler && exec \"$@\"",
        filled * 1024
    );
    command.args(["-m", "sh", "-c", &script, "sh", env!("CARGO_BIN_EXE_zwarm-tui")]).args(args);
    command
}

/// The folder as a process in a mount namespace of its own sees it.
fn seen_by(pid: u32, dir: &Path) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/root{}", dir.display()))
}

/// Clock ticks (a hundredth of a second) that a process has used.
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn a12_a_full_disk_ends_a_run_that_nobody_watches_with_a_clear_error() {
    if !may_mount("A12, a full disk without a screen") {
        return;
    }
    let place = Bench::with(LONG);
    let args = ["run", "-t", "go", "--json", "--set", "orchestrator.lm=scripted:s.yaml"];
    let began = Instant::now();
    let run = place.start(&mut on_a_small_disk(&place, 0, &[&args[..], &FREE].concat()));
    let (code, said, printed) = run.end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("No space left on device") && said.contains("resume:"), "{said}");
    assert!(printed.len() > 20 && !printed.last().unwrap().contains("run_finished"));
    assert!(began.elapsed() < Duration::from_secs(20));
}

/// With a human there: held within a second, idle, and on again by one word when there is room.
#[test]
fn a12_a_full_disk_holds_a_run_until_there_is_room_and_it_is_told_to_go_on() {
    if !may_mount("A12, a full disk with a human") {
        return;
    }
    let place = Bench::with(&LONG.replace("times: 40", "times: 12"));
    let args = ["--plain", "-t", "go", "--set", "orchestrator.lm=scripted:s.yaml"];
    let mut command = on_a_small_disk(&place, 200, &[&args[..], &FREE].concat());
    let log = std::fs::File::create(place.root.path().join("out")).unwrap();
    let said = || std::fs::read_to_string(place.root.path().join("out")).unwrap();
    let mut child = command.stdin(Stdio::piped()).stdout(log).stderr(Stdio::null()).spawn().unwrap();
    wait_for("the message", || said().contains("the disk fails").then_some(()));
    let pid = child.id();
    let before = ticks(pid);
    std::thread::sleep(Duration::from_secs(1));
    assert!(ticks(pid) - before <= 5, "it does not try again and again: {} ticks", ticks(pid) - before);
    assert_eq!(said().matches("the disk fails").count(), 1, "it is said once");
    // In vain: it is still full.
    let mut input = child.stdin.take().unwrap();
    let mut type_line =
        |line: &str| std::io::Write::write_all(&mut input, format!("{line}\n").as_bytes()).unwrap();
    type_line("1");
    wait_for("the second message", || (said().matches("the disk fails").count() == 2).then_some(()));
    std::fs::remove_file(seen_by(pid, &place.work()).join(".zwarm/filler")).unwrap();
    type_line("1");
    wait_for("the end", || said().contains("ended by exit").then_some(()));
    assert!(said().contains("The disk works again."), "{}", said());
    type_line("0");
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a14_a_state_folder_that_cannot_be_written_is_a_clear_error_before_anything_starts() {
    let place = Bench::with("name: n\nmodel:\n  - calls: [{exit: {exit_message: done}}]\n");
    let state = place.work().join(".zwarm");
    std::fs::create_dir(&state).unwrap();
    let args = ["run", "-t", "go", "--set", "orchestrator.lm=scripted:s.yaml"];
    let mut command = if rustix::process::geteuid().is_root() {
        // Root may write whatever the mode is; a mount that is read-only holds for root too.
        if !may_mount("A14, a folder that cannot be written") {
            return;
        }
        let mut command = place.program("unshare");
        let script = "mount --bind .zwarm .zwarm && mount -o remount,ro,bind .zwarm && exec \"$@\"";
        command.args(["-m", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_zwarm-tui")]).args(args);
        command
    } else {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o500)).unwrap();
        place.command(&args)
    };
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error: ") && said.contains(".zwarm") && said.contains("hint:"), "{said}");
    assert!(output.stdout.is_empty());
    assert_eq!(std::fs::read_dir(&state).unwrap().count(), 0, "nothing was begun");
}

/// Ends with an error, and nothing is written where the folder was.
fn taken_away(command: &str) {
    let scenario = format!(
        "name: n\nmodel:\n  - calls: [{{bash: {{command: \"{command}; sleep 0.3\"}}}}]\n  - calls: [{{bash: {{command: \"echo on\"}}}}]\n  - calls: [{{exit: {{exit_message: done}}}}]\n"
    );
    let place = Bench::with(&scenario);
    let (code, said, printed) = place.start(&mut place.scripted(&["-t", "go"])).end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("cannot be written"), "{said}");
    assert!(!place.work().join(".zwarm").exists(), "nothing is written elsewhere");
    let moved = place.work().join("moved/instances");
    if let Some(dir) = std::fs::read_dir(&moved).ok().and_then(|mut all| all.next()) {
        assert_sound(&dir.unwrap().path(), &printed);
        std::fs::rename(place.work().join("moved"), place.work().join(".zwarm")).unwrap();
        place.resume(&place.instance());
    }
}

#[test]
fn a22_a_state_folder_that_is_renamed_ends_the_run_and_it_goes_on_when_it_is_back() {
    taken_away("mv .zwarm moved");
}

#[test]
fn a22_a_state_folder_that_is_deleted_ends_the_run_and_is_not_made_anew() {
    taken_away("rm -rf .zwarm");
}

const STEPS: &str = r#"
name: steps
model:
  - calls: [{exit: {exit_message: "first"}}]
  - calls: [{bash: {command: "echo a"}}]
  - calls: [{bash: {command: "echo b"}}]
  - calls: [{exit: {exit_message: "second"}}]
    times: 5
"#;

/// A9–A11, A13 in the whole program: the n-th call of a kind on the journal fails, for n = 1, 2, 3, … until none is
/// reached. The store's own tests do the same for every call of its file system.
fn nth_call_fails(call: &str, error: &str, first_kinds: u64) {
    let probe = ["-qq", "-e", "trace=none", "true"];
    if !works("strace", &probe, "A9–A11 and A13 in the whole program") {
        return;
    }
    let mut fired = 0;
    for nth in 1..=times("ZWARM_FAULTS", first_kinds) {
        let place = Bench::with(STEPS);
        assert!(place.scripted(&["-t", "go"]).output().unwrap().status.success());
        let dir = place.instance();
        let trace = place.root.path().join("trace");
        let mut command = place.program("strace");
        command.args(["-f", "-qq", "-o"]).arg(&trace).args(["-P"]).arg(dir.join("events.jsonl"));
        command.args([
            "-e",
            &format!("trace={call}"),
            "-e",
            &format!("inject={call}:error={error}:when={nth}"),
        ]);
        command.arg(env!("CARGO_BIN_EXE_zwarm-tui")).args([
            "run",
            "--json",
            "--resume",
            "-t",
            "more",
            "-i",
            &name(&dir),
        ]);
        command.args(["--set", "orchestrator.lm=scripted:s.yaml"]);
        let (code, said, printed) = place.start(&mut command).end();
        assert!(!said.contains("panicked"), "{call} {nth}: {said}");
        assert!(matches!(code, Some(0 | 1)), "{call} {nth}: {code:?} {said}");
        assert_sound(&dir, &printed);
        let trace = std::fs::read_to_string(&trace).unwrap_or_default();
        let hit = trace.contains("(INJECTED)");
        fired += u64::from(hit);
        let state = fold(&journal(&dir).0);
        if code == Some(1) || state.run.end.as_ref().is_none_or(|end| end.exit_message != "second") {
            assert!(hit, "{call} {nth}: it failed without a fault: {said}");
            assert!(code == Some(1) && said.contains("cannot be written"), "{call} {nth}: {said}");
            let output = place.scripted(&["--resume", "-t", "more", "-i", &name(&dir)]).output().unwrap();
            assert_eq!(
                output.status.code(),
                Some(0),
                "{call} {nth}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            assert_sound(&dir, &printed);
        }
        if !hit {
            break;
        }
    }
    assert!(fired > 0, "no {call} was let fail");
}

#[test]
fn a9_whichever_write_of_the_journal_fails_the_run_goes_on_or_ends_saved() {
    nth_call_fails("write", "EIO", 4);
}

#[test]
fn a10_whichever_write_finds_the_disk_full_the_run_goes_on_or_ends_saved() {
    nth_call_fails("write", "ENOSPC", 4);
}

#[test]
fn a11_an_interrupted_write_changes_nothing() {
    nth_call_fails("write", "EINTR", 2);
}

#[test]
fn a13_whichever_fsync_fails_the_journal_is_written_anew_and_nothing_is_lost() {
    nth_call_fails("fdatasync", "EIO", 3);
}
