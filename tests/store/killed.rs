//! Processes that are killed, and processes that write at the same time. The other processes are this test program
//! again: with `ZWARM_STORE_TEST` it plays one part and leaves.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use zwarm_tui::store::{Lock, Meta, Reader, StoreError, instance, list, registry};

use super::support::{journal, meta, step};

const PART: &str = "ZWARM_STORE_TEST";

fn play(test: &str, part: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(PART, part)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn part() -> Option<PathBuf> {
    std::env::var_os(PART).map(PathBuf::from)
}

/// Writes without end; says which sequence numbers are on the disk.
fn write_for_ever(dir: &Path) {
    let (_lock, journal, last) = journal(dir);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut out = std::io::stdout();
    for seq in last + 1.. {
        journal.append(step(seq));
        if seq % 3 == 0 {
            runtime.block_on(journal.sync()).unwrap();
            writeln!(out, "\nsaved {seq}").unwrap();
        }
    }
}

fn seqs(dir: &Path) -> Vec<u64> {
    let mut seen = Vec::new();
    let mut each = |_, event: Result<zwarm_tui::protocol::Event, _>| {
        seen.push(event.unwrap().seq);
        std::ops::ControlFlow::Continue(())
    };
    Reader::open(dir).unwrap().scan(0, &mut each).unwrap();
    seen
}

#[test]
fn nothing_that_was_said_to_be_saved_is_lost_when_the_writer_is_killed() {
    if let Some(dir) = part() {
        return write_for_ever(&dir);
    }
    let state = tempfile::tempdir().unwrap();
    let dir = instance::create(state.path(), &meta("abc", 1)).unwrap();
    let mut saved = 0;
    for round in 0..12 {
        let mut child =
            play("killed::nothing_that_was_said_to_be_saved_is_lost_when_the_writer_is_killed", &dir);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut reports = lines.filter_map(|line| line.unwrap().strip_prefix("saved ")?.parse::<u64>().ok());
        for _ in 0..=round * 3 {
            saved = reports.next().unwrap();
        }
        assert!(matches!(Lock::take(&dir), Err(StoreError::Held { pid, .. }) if pid == child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(Lock::holder(&dir), None, "a lock is free at once when its holder is dead");
        saved = reports.last().unwrap_or(saved);
        let (_lock, journal, last) = journal(&dir);
        journal.close().unwrap();
        assert!(last >= saved, "{saved} was saved, {last} is the last");
        assert_eq!(seqs(&dir), (1..=last).collect::<Vec<_>>());
    }
}

#[test]
fn four_processes_that_make_fifty_instances_each_keep_all_two_hundred_rows() {
    if let Some(state) = part() {
        for n in 0..50 {
            let meta = meta(&format!("{}-{n}", std::process::id()), n);
            instance::create(&state, &meta).unwrap();
            registry::update(&state, &Meta { state: "running".into(), ..meta }).unwrap();
        }
        return;
    }
    let state = tempfile::tempdir().unwrap();
    let test = "killed::four_processes_that_make_fifty_instances_each_keep_all_two_hundred_rows";
    let children: Vec<_> = (0..4).map(|_| play(test, state.path())).collect();
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    let bytes = std::fs::read(state.path().join("instances.json")).unwrap();
    let registry: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let rows = registry["instances"].as_array().unwrap();
    let mut ids: Vec<_> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), list(state.path()).len()), (200, 200));
}
