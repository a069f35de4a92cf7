//! Nothing leaks, and what a dead run has left is found.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use zwarm_tui::{
    process::{PROCS_FILE, Processes, reap},
    protocol::InstanceId,
};

use crate::support::*;

/// Runs in a process of its own, because it counts what the process has.
#[test]
fn five_hundred_children_leave_no_zombie_and_no_open_file() {
    run_alone("reaping::five_hundred_children");
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

#[test]
fn too_few_file_handles_are_a_refusal_and_leak_nothing() {
    run_alone("reaping::few_handles");
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
        .args(["--ignored", "--exact", "--nocapture", "reaping::a_run_that_will_be_killed"])
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
