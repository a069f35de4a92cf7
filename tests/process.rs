//! Real children: none outlives its end, none is lost, nobody else is touched.
#![cfg(target_os = "linux")]

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio_util::sync::CancellationToken;
use zwarm_tui::{
    process::{
        Child, ChildSpec, Ladder, PROCS_FILE, Processes, SpawnError, Stream, reap,
        shell::{self, ShellCall, ShellResult},
    },
    protocol::InstanceId,
};

const HELPER: &str = env!("CARGO_BIN_EXE_zwarm-tui");

struct Place {
    dir: tempfile::TempDir,
    instance: InstanceId,
    processes: Processes,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let instance = InstanceId::random();
    let processes = Processes::open(instance, dir.path(), HELPER.into()).unwrap();
    Place { dir, instance, processes }
}

impl Place {
    fn spec(&self, script: &str) -> ChildSpec {
        ChildSpec {
            program: "/bin/bash".into(),
            args: vec!["-c".into(), script.into()],
            cwd: self.dir.path().to_owned(),
            env: std::env::vars_os().collect(),
            stdin: Stream::Null,
            label: "bash".into(),
            writable: None,
            ladder: Ladder::Plain,
            session: Some("s1".into()),
        }
    }

    async fn spawn(&self, script: &str) -> Child {
        self.processes.spawn(self.spec(script)).await.unwrap()
    }

    async fn shell(&self, command: &str, timeout: Duration) -> ShellResult {
        shell::run(&self.processes, self.call(command, timeout), CancellationToken::new(), &|_| {}).await
    }

    fn call(&self, command: &str, timeout: Duration) -> ShellCall {
        ShellCall {
            command: command.into(),
            cwd: self.dir.path().to_owned(),
            timeout,
            env: std::env::vars_os().collect(),
            writable: None,
            label: "bash".into(),
        }
    }
}

/// The pids that a script printed, a line each.
async fn pids(child: &mut Child, count: usize) -> Vec<u32> {
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let mut pids = Vec::new();
    while pids.len() < count {
        pids.push(lines.next_line().await.unwrap().unwrap().trim().parse().unwrap());
    }
    pids
}

/// Waits for the end of any process.
fn ends_within(pid: u32, seconds: i64) -> bool {
    let Ok(fd) = pidfd_open(Pid::from_raw(pid as i32).unwrap(), PidfdFlags::empty()) else { return true };
    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec { tv_sec: seconds, tv_nsec: 0 })).unwrap() > 0
}

fn is_gone(pid: u32) -> bool {
    ends_within(pid, 0)
}

/// Live processes whose environment carries the instance.
fn survivors(instance: InstanceId) -> Vec<String> {
    let marker = instance.to_string();
    let own = std::process::id().to_string();
    let table = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = table.filter_map(|entry| entry.file_name().into_string().ok()).filter(|pid| *pid != own);
    let marked = pids.filter(|pid| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(&marker)
    });
    marked.collect()
}

#[tokio::test]
async fn a_script_that_ignores_every_polite_signal_is_gone_within_eight_seconds() {
    let place = place();
    let mut child = place.spawn("trap '' INT TERM HUP; echo $$; while :; do sleep 1; done").await;
    let pids = pids(&mut child, 1).await;
    assert_eq!(pids, [child.pid]);
    let began = Instant::now();
    child.stop().await;
    assert!(began.elapsed() >= Duration::from_secs(5), "INT and TERM had their time");
    assert!(began.elapsed() < Duration::from_secs(8));
    assert!(is_gone(pids[0]));
    assert_eq!(survivors(place.instance), Vec::<String>::new());
}

#[tokio::test]
async fn a_polite_script_ends_at_the_first_signal_with_its_own_code() {
    let place = place();
    let mut child = place.spawn("trap 'exit 3' INT; echo $$; while :; do sleep 0.05; done").await;
    pids(&mut child, 1).await;
    let began = Instant::now();
    child.stop().await;
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(child.wait().await.code(), Some(3));
    assert_eq!(place.processes.alive(), []);
}

const ESCAPE: &str =
    "(setsid bash -c 'trap \"\" INT TERM HUP; echo $$; exec sleep 1000' &) ; echo $$; sleep 1000; :";

#[tokio::test]
async fn who_forks_twice_into_a_session_of_its_own_is_found_by_its_marker() {
    let place = place();
    let mut child = place.spawn(ESCAPE).await;
    let pids = pids(&mut child, 2).await;
    assert!(pids.iter().all(|pid| !is_gone(*pid)));
    child.stop().await;
    assert!(pids.iter().all(|pid| is_gone(*pid)), "{pids:?}");
    assert_eq!(survivors(place.instance), Vec::<String>::new());
}

#[tokio::test]
async fn stopping_all_ends_every_group_and_every_escaped_process_and_starts_nothing_more() {
    let place = place();
    let (mut one, mut two) =
        (place.spawn(ESCAPE).await, place.spawn("trap '' INT TERM; echo $$; sleep 1000; sleep 1000").await);
    let mut seen = pids(&mut one, 2).await;
    seen.extend(pids(&mut two, 1).await);
    let began = Instant::now();
    place.processes.stop_all(Duration::from_secs(1)).await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert!(seen.iter().all(|pid| is_gone(*pid)), "{seen:?}");
    assert_eq!(survivors(place.instance), Vec::<String>::new());
    assert_eq!(place.processes.alive(), []);
    let refused = place.processes.spawn(place.spec("true")).await.unwrap_err();
    assert!(matches!(refused, SpawnError::Ending(label) if label == "bash"));
}

#[tokio::test]
async fn dropping_a_child_kills_its_whole_group() {
    let place = place();
    let mut child = place.spawn("trap '' INT TERM; sleep 1000 & echo $!; echo $$; wait").await;
    let pids = pids(&mut child, 2).await;
    drop(child);
    assert!(pids.iter().all(|pid| ends_within(*pid, 5)), "{pids:?}");
}

#[tokio::test]
async fn dropping_the_last_handle_of_a_run_kills_its_children() {
    let place = place();
    let mut child = place.spawn("trap '' INT TERM; echo $$; sleep 1000; sleep 1000").await;
    let pid = pids(&mut child, 1).await[0];
    drop(place);
    assert!(ends_within(pid, 5));
}

#[tokio::test]
async fn a_shell_in_a_session_of_its_own_dies_with_the_claude_ladder() {
    let place = place();
    let spec = ChildSpec {
        ladder: Ladder::Claude,
        stdin: Stream::Piped,
        ..place.spec("trap '' INT; setsid env -i sleep 1000 & sleep 0.1; echo $!; echo $$; wait; sleep 1000")
    };
    let mut child = place.processes.spawn(spec).await.unwrap();
    let pids = pids(&mut child, 2).await;
    let below = std::fs::read_to_string(format!("/proc/{}/task/{}/children", pids[1], pids[1])).unwrap();
    assert!(below.contains(&pids[0].to_string()), "still below it: {below}");
    child.stop().await;
    assert!(pids.iter().all(|pid| is_gone(*pid)), "{pids:?}");
}

#[tokio::test]
async fn a_server_whose_stdin_ends_leaves_by_itself() {
    let place = place();
    let spec = ChildSpec { ladder: Ladder::CodexServer, stdin: Stream::Piped, ..place.spec("cat; exit 7") };
    let mut child = place.processes.spawn(spec).await.unwrap();
    child.stop().await;
    assert_eq!(child.wait().await.code(), Some(7));
}

#[tokio::test]
async fn a_background_child_that_holds_the_pipe_neither_blocks_a_call_nor_outlives_it() {
    let place = place();
    let began = Instant::now();
    let result = place.shell("sleep 1000 & echo $!", Duration::from_secs(30)).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(result.exit_code, Some(0));
    assert!(is_gone(result.stdout.trim().parse().unwrap()));
}

#[tokio::test]
async fn what_was_written_until_a_time_out_or_a_cancellation_is_kept() {
    let place = place();
    let result = place.shell("echo one; echo two >&2; sleep 1000", Duration::from_millis(500)).await;
    let expected = ShellResult {
        exit_code: Some(124),
        stdout: "one\n".into(),
        stderr: "two\n".into(),
        timed_out: true,
        error: Some("it was ended after 0.5 s".into()),
        ..ShellResult::default()
    };
    assert_eq!(ShellResult { duration: Duration::ZERO, ..result }, expected);

    let cancel = CancellationToken::new();
    let asked = cancel.clone();
    let live = move |text: &str| {
        if text.contains("ready") {
            asked.cancel();
        }
    };
    let call = place.call(
        "trap 'echo bye; exit 0' INT; echo ready; while :; do sleep 0.05; done",
        Duration::from_secs(60),
    );
    let result = shell::run(&place.processes, call, cancel, &live).await;
    assert_eq!((result.exit_code, result.stdout.as_str(), result.cancelled), (None, "ready\nbye\n", true));
}

#[tokio::test]
async fn exit_codes_and_signals_are_told_as_a_shell_tells_them() {
    let place = place();
    assert_eq!(place.shell("exit 9", Duration::from_secs(30)).await.exit_code, Some(9));
    assert_eq!(place.shell("kill -KILL $$", Duration::from_secs(30)).await.exit_code, Some(137));
    let nowhere = ShellCall { cwd: "/nowhere".into(), ..place.call("true", Duration::from_secs(30)) };
    let result = shell::run(&place.processes, nowhere, CancellationToken::new(), &|_| {}).await;
    let error = Some("the directory '/nowhere' does not exist".to_owned());
    assert_eq!(result, ShellResult { error, ..ShellResult::default() });
}

#[test]
fn a_gigabyte_of_output_is_kept_in_bounded_memory() {
    run_alone("a_gigabyte");
}

#[tokio::test]
#[ignore = "the body of a_gigabyte_of_output_is_kept_in_bounded_memory"]
async fn a_gigabyte() {
    let place = place();
    let seen = AtomicU64::new(0);
    let live = |text: &str| drop(seen.fetch_add(text.len() as u64, Ordering::Relaxed));
    let call = place.call("head -c 1073741824 /dev/zero | tr '\\0' x; echo end", Duration::from_secs(120));
    let before = peak_kilobytes();
    let result = shell::run(&place.processes, call, CancellationToken::new(), &live).await;
    assert_eq!((result.exit_code, result.cut_bytes), (Some(0), (1 << 30) + 4 - 8_000));
    assert!(result.stdout.ends_with("xxend\n") && result.stdout.contains("… 1073733828 bytes left out …"));
    assert_eq!(seen.into_inner(), (1 << 30) + 4);
    assert!(peak_kilobytes() - before < 20_000, "{} kB", peak_kilobytes() - before);
}

fn peak_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

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

/// Runs in a process of its own, because it counts what the process has.
#[test]
fn five_hundred_children_leave_no_zombie_and_no_open_file() {
    run_alone("five_hundred_children");
}

#[test]
#[ignore = "the body of five_hundred_children_leave_no_zombie_and_no_open_file"]
fn five_hundred_children() {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(
        async {
            let place = place();
            place.shell("true", Duration::from_secs(30)).await;
            let open_files = || std::fs::read_dir("/proc/self/fd").unwrap().count();
            let before = open_files();
            for round in 0..50 {
                let mut children = Vec::new();
                for _ in 0..10 {
                    children.push(place.spawn("exit 0").await);
                }
                for (at, mut child) in children.into_iter().enumerate() {
                    match (round + at) % 3 {
                        0 => drop(child),
                        1 => assert_eq!(child.finish().await.code(), Some(0)),
                        _ => child.stop().await,
                    }
                }
            }
            place.processes.stop_all(Duration::from_secs(5)).await;
            assert_eq!(open_files(), before);
            assert_eq!(children_of(std::process::id()), Vec::<String>::new());
        },
    );
}

/// Lines of `/proc/*/stat` whose parent it is: zombies too.
fn children_of(parent: u32) -> Vec<String> {
    let table = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = table.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    let parent = parent.to_string();
    stats
        .filter(|stat| stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(1) == Some(&parent))
        .collect()
}

/// Runs an ignored test of this file in a process of its own.
fn run_alone(test: &str) {
    let output =
        Command::new(std::env::current_exe().unwrap()).args(["--ignored", "--exact", test]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

#[test]
fn too_few_file_handles_are_a_refusal_and_leak_nothing() {
    run_alone("few_handles");
}

#[test]
#[ignore = "the body of too_few_file_handles_are_a_refusal_and_leak_nothing"]
fn few_handles() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(
        async {
            let place = place();
            place.shell("true", Duration::from_secs(30)).await;
            let before = std::fs::read_dir("/proc/self/fd").unwrap().count();
            setrlimit(Resource::Nofile, Rlimit { current: Some(128), maximum: Some(128) }).unwrap();
            let mut children = Vec::new();
            let refused = loop {
                match place.processes.spawn(place.spec("sleep 1000")).await {
                    Ok(child) => children.push(child),
                    Err(error) => break error.to_string(),
                }
            };
            assert!(children.len() >= 30, "{}", children.len());
            assert_eq!(refused, "'bash' cannot be started: Too many open files (os error 24)");
            drop(children);
            place.processes.stop_all(Duration::from_secs(5)).await;
            assert_eq!(std::fs::read_dir("/proc/self/fd").unwrap().count(), before);
        },
    );
}

#[tokio::test]
async fn a_run_that_was_killed_is_reaped_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut victim = Command::new(std::env::current_exe().unwrap());
    victim
        .args(["--ignored", "--exact", "--nocapture", "a_run_that_will_be_killed"])
        .env("VICTIM_DIR", dir.path());
    let mut victim = victim.stdout(Stdio::piped()).spawn().unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(victim.stdout.take().unwrap()));
    let pids = lines.map_while(Result::ok).find_map(|line| {
        let pids = line.rsplit_once("PIDS ")?.1.split(' ').map(|pid| pid.parse().unwrap());
        Some(pids.collect::<Vec<u32>>())
    });
    let pids = pids.unwrap();
    assert_eq!(pids.len(), 6);
    victim.kill().unwrap();
    victim.wait().unwrap();
    let leaders: Vec<u32> = pids.chunks(2).map(|pair| pair[1]).collect();
    assert!(leaders.iter().all(|pid| ends_within(*pid, 5)), "a leader dies with the one that started it");
    let left: Vec<u32> = pids.chunks(2).map(|pair| pair[0]).collect();
    assert!(left.iter().all(|pid| !is_gone(*pid)), "what escaped still runs");
    let reaped = reap(dir.path());
    assert!(left.iter().all(|pid| ends_within(*pid, 5)), "{left:?} {reaped:?}");
    assert_eq!(reaped.ended, 3 + 3, "{reaped:?}: each escaped one, and the sleeper in each group");
    assert_eq!(std::fs::read_to_string(dir.path().join(PROCS_FILE)).unwrap(), "");
    assert_eq!(reap(dir.path()).ended, 0);
}

#[tokio::test]
#[ignore = "started, and killed, by a_run_that_was_killed_is_reaped_at_the_next_start"]
async fn a_run_that_will_be_killed() {
    let dir = PathBuf::from(std::env::var_os("VICTIM_DIR").unwrap());
    let processes = Processes::open(InstanceId::random(), &dir, HELPER.into()).unwrap();
    let place = Place { dir: tempfile::tempdir().unwrap(), instance: InstanceId::random(), processes };
    let mut children = Vec::new();
    let mut all = Vec::new();
    for _ in 0..3 {
        let mut child = place.spawn(ESCAPE).await;
        all.extend(
            pids(&mut child, 2)
                .await
                .into_iter()
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .rev()
                .map(|pid| pid.to_string()),
        );
        children.push(child);
    }
    println!("PIDS {}", all.join(" "));
    std::future::pending::<()>().await;
}

#[test]
fn a_pid_that_was_given_again_is_never_touched() {
    let dir = tempfile::tempdir().unwrap();
    let mut stranger = Command::new("sleep").arg("1000").spawn().unwrap();
    let pid = stranger.id();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let start: u64 =
        stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(19).unwrap().parse().unwrap();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let write = |start: u64, boot: &str| write_record(dir.path(), pid, start, boot.trim());
    write(start + 1, &boot);
    assert_eq!(reap(dir.path()).ended, 0, "another start time");
    write(start, "another-boot");
    assert_eq!(reap(dir.path()).ended, 0, "another boot");
    assert!(!is_gone(pid));
    write(start, &boot);
    let reaped = reap(dir.path());
    assert_eq!((reaped.ended, reaped.labels), (1, vec!["s3 claude".to_owned()]), "this one is meant");
    assert!(ends_within(pid, 5));
    stranger.wait().unwrap();
}

fn write_record(dir: &Path, pid: u32, start: u64, boot: &str) {
    let line = serde_json::json!({ "pid": pid, "start": start, "boot": boot, "label": "s3 claude", "run": "r", "child": "c" });
    std::fs::write(dir.join(PROCS_FILE), format!("{line}\n{{\"pid\": 1, \"sta")).unwrap();
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
