use std::{ops::ControlFlow, path::Path, sync::Arc, time::Duration};

use super::*;
use crate::{
    protocol::event::StepStarted,
    store::{
        EVENTS, Reader, TORN,
        faults::{Fault, Faulty, journal_of, recorded, steps},
    },
};

fn open(dir: &Path) -> (Journal, Opened, Vec<u64>) {
    let mut seen = Vec::new();
    let (journal, opened) = Journal::open(dir, &mut |pos, event| {
        assert_eq!(pos.seq, event.seq);
        seen.push(event.seq);
    })
    .unwrap();
    (journal, opened, seen)
}

/// What is in the file, whatever the journal says.
fn seqs(dir: &Path) -> Vec<u64> {
    let mut seen = Vec::new();
    let mut each = |_, event: Result<Event, _>| {
        seen.push(event.map_or(0, |event| event.seq));
        ControlFlow::Continue(())
    };
    Reader::open(dir).unwrap().scan(0, &mut each).unwrap();
    seen
}

async fn until_failed(journal: &Journal) -> String {
    let mut health = journal.health();
    let failed = health.wait_for(|health| health.failed.is_some()).await.unwrap().failed.clone();
    failed.unwrap()
}

async fn until_good(journal: &Journal) {
    journal.health().wait_for(|health| health.failed.is_none()).await.unwrap();
}

#[tokio::test]
async fn lines_are_written_published_and_read_back_where_they_were_said_to_be() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, opened, _) = open(dir.path());
    assert_eq!(opened, Opened::default());
    let mut events = journal.events().subscribe();
    let lines = steps(50);
    lines.iter().for_each(|line| journal.append(Arc::clone(line)));
    journal.sync().await.unwrap();
    assert_eq!(std::fs::read(dir.path().join(EVENTS)).unwrap(), journal_of(&lines));
    let reader = Reader::open(dir.path()).unwrap();
    for line in &lines {
        let published = events.recv().await.unwrap();
        assert_eq!(published.recorded.event, line.event);
        assert_eq!(reader.get(published.pos).unwrap(), line.event);
    }
    journal.close().unwrap();
    let (_, opened, seen) = open(dir.path());
    assert_eq!((opened.last_seq, opened.torn_bytes, opened.skipped_lines), (50, 0, 0));
    assert_eq!(seen, (1..=50).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_appended_is_put_on_the_disk_without_being_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let fs = Faulty::nth(Fault::Eio, usize::MAX);
    let (journal, _) = Journal::open_on(Arc::new(fs.clone()), dir.path(), &mut |_, _| {}).unwrap();
    let before = fs.calls();
    journal.append(steps(1).remove(0));
    // A write, then the look at folder and file (three calls) and the sync.
    let five = async {
        while fs.calls() < before + 5 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), five).await.unwrap();
}

#[test]
fn a_tail_torn_at_any_byte_is_kept_aside_and_the_next_line_is_whole() {
    let lines = steps(4);
    let whole = journal_of(&lines[..3]);
    let last = format!("{}\n", lines[3].line).into_bytes();
    for cut in 0..=last.len() {
        let dir = tempfile::tempdir().unwrap();
        let torn = &last[..cut];
        std::fs::write(dir.path().join(EVENTS), [&whole, torn].concat()).unwrap();
        let (journal, opened, _) = open(dir.path());
        // All but the newline is there: nothing is lost.
        let complete = cut + 1 >= last.len();
        assert_eq!(opened.last_seq, if complete { 4 } else { 3 }, "cut at {cut}");
        assert_eq!(opened.torn_bytes, if complete { 0 } else { cut as u64 });
        let aside = std::fs::read(dir.path().join(TORN)).unwrap_or_default();
        assert_eq!(aside.strip_suffix(b"\n").unwrap_or_default(), if complete { &[] } else { torn });
        let next = opened.last_seq + 1;
        journal.append(recorded(next, StepStarted { step: 9 }.into()));
        journal.close().unwrap();
        assert_eq!(seqs(dir.path()), (1..=next).collect::<Vec<_>>());
    }
}

#[test]
fn runs_of_zeros_are_cut_at_the_end_and_passed_over_in_the_middle() {
    for zeros in [4 * 1024, 143 * 1024] {
        let lines = steps(3);
        let dir = tempfile::tempdir().unwrap();
        let nul = vec![0; zeros];
        std::fs::write(dir.path().join(EVENTS), [journal_of(&lines), nul.clone()].concat()).unwrap();
        let (_journal, opened, seen) = open(dir.path());
        assert_eq!((opened.torn_bytes, opened.skipped_lines, seen.len()), (zeros as u64, 0, 3));

        let dir = tempfile::tempdir().unwrap();
        let bytes = [journal_of(&lines[..2]), nul, b"\n".to_vec(), journal_of(&lines[2..])].concat();
        std::fs::write(dir.path().join(EVENTS), &bytes).unwrap();
        let (journal, opened, seen) = open(dir.path());
        assert_eq!((opened.torn_bytes, opened.skipped_lines, seen), (0, 1, vec![1, 2, 3]));
        drop(journal);
        assert_eq!(std::fs::read(dir.path().join(EVENTS)).unwrap(), bytes, "nothing is thrown away");
    }
}

#[test]
fn one_flipped_bit_in_each_of_a_thousand_lines_is_caught_in_every_one() {
    let lines = steps(1_001);
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        let mut line = format!("{}\n", line.line).into_bytes();
        if n < 1_000 {
            let at = n * 7 % (line.len() - 1);
            // Not one that makes a newline: that would make two bad lines of one.
            let flips = (0..8).map(|bit| line[at] ^ (1 << ((n + bit) % 8)));
            line[at] = flips.into_iter().find(|byte| *byte != b'\n').unwrap();
        }
        bytes.extend(line);
    }
    std::fs::write(dir.path().join(EVENTS), bytes).unwrap();
    let (_journal, opened, seen) = open(dir.path());
    assert_eq!((opened.skipped_lines, opened.last_seq, seen), (1_000, 1_001, vec![1_001]));
}

#[test]
fn a_newer_format_and_a_journal_of_the_reference_are_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(EVENTS);
    let newer = Event { v: 2, ..steps(1)[0].event.clone() };
    let text = format!("{}\n", newer.to_line("{\"step\":1}"));
    let unread = "{\"v\":2,\"format\":\"quite another\"}\n".to_owned();
    for text in [text, unread] {
        std::fs::write(&path, &text).unwrap();
        let error = Journal::open(dir.path(), &mut |_, _| {}).unwrap_err();
        assert!(matches!(error, StoreError::Newer { v: 2, .. }), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    let theirs = r#"{"id": "5f0f8a5e-30b1-4d4e-8b4e-111111111111", "timestamp": "2026-11-24T06:43:56", "kind": "x", "session_id": null, "task_id": null, "payload": {}}"#;
    std::fs::write(&path, theirs).unwrap();
    let error = Journal::open(dir.path(), &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), theirs);
}

#[tokio::test]
async fn a_full_disk_is_reported_once_and_keeps_all_lines_until_it_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let fs = Faulty::range(Fault::Full, usize::MAX, usize::MAX);
    let (journal, _) = Journal::open_on(Arc::new(fs.clone()), dir.path(), &mut |_, _| {}).unwrap();
    let lines = steps(6_000);
    journal.append(Arc::clone(&lines[0]));
    journal.sync().await.unwrap();
    fs.broken(true);
    // More than may wait on a healthy disk: it must not block who appends.
    lines[1..].iter().for_each(|line| journal.append(Arc::clone(line)));
    assert!(until_failed(&journal).await.contains("No space left"));
    let mut health = journal.health();
    health.borrow_and_update();
    assert!(matches!(journal.sync().await, Err(StoreError::Failed { .. })));
    let calls = fs.calls();
    journal.retry();
    while fs.calls() == calls {
        tokio::task::yield_now().await;
    }
    assert!(matches!(journal.sync().await, Err(StoreError::Failed { .. })));
    assert!(fs.calls() < calls + 10, "it does not try again by itself");
    assert!(health.borrow().failed.is_some());
    fs.broken(false);
    journal.retry();
    until_good(&journal).await;
    journal.sync().await.unwrap();
    assert_eq!(seqs(dir.path()), (1..=6_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn after_a_failed_fsync_the_lines_are_written_again_to_a_copied_file() {
    let dir = tempfile::tempdir().unwrap();
    let fs = Faulty::range(Fault::Fsync, usize::MAX, usize::MAX);
    let (journal, _) = Journal::open_on(Arc::new(fs.clone()), dir.path(), &mut |_, _| {}).unwrap();
    let mut events = journal.events().subscribe();
    let lines = steps(3);
    journal.append(Arc::clone(&lines[0]));
    journal.sync().await.unwrap();
    let first = Disk.identity(&dir.path().join(EVENTS)).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    journal.append(Arc::clone(&lines[1]));
    events.recv().await.unwrap();
    let second = events.recv().await.unwrap();
    fs.broken(true);
    assert!(journal.sync().await.is_err());
    journal.health().wait_for(|health| health.failed.is_some()).await.unwrap();
    journal.append(Arc::clone(&lines[2]));
    fs.broken(false);
    journal.retry();
    until_good(&journal).await;
    journal.sync().await.unwrap();
    assert_eq!(std::fs::read(dir.path().join(EVENTS)).unwrap(), journal_of(&lines));
    assert_ne!(Disk.identity(&dir.path().join(EVENTS)).unwrap(), first);
    assert_eq!(reader.get(second.pos).unwrap(), lines[1].event, "places stay what they were");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no copy is left");
}

#[tokio::test]
async fn a_folder_that_is_moved_away_stops_the_writing_and_nothing_is_written_elsewhere() {
    let home = tempfile::tempdir().unwrap();
    let (dir, moved) = (home.path().join("a"), home.path().join("b"));
    std::fs::create_dir(&dir).unwrap();
    let (journal, _, _) = open(&dir);
    let lines = steps(3);
    journal.append(Arc::clone(&lines[0]));
    journal.sync().await.unwrap();
    std::fs::rename(&dir, &moved).unwrap();
    journal.append(Arc::clone(&lines[1]));
    assert!(journal.sync().await.is_err());
    journal.append(Arc::clone(&lines[2]));
    std::fs::create_dir(&dir).unwrap();
    journal.retry();
    assert!(journal.sync().await.is_err());
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
    std::fs::remove_dir(&dir).unwrap();
    std::fs::rename(&moved, &dir).unwrap();
    journal.retry();
    until_good(&journal).await;
    assert_eq!(seqs(&dir), [1, 2, 3]);
}

#[tokio::test]
async fn a_journal_that_was_deleted_is_made_anew_from_the_open_file() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _, _) = open(dir.path());
    let lines = steps(2);
    journal.append(Arc::clone(&lines[0]));
    journal.sync().await.unwrap();
    std::fs::remove_file(dir.path().join(EVENTS)).unwrap();
    journal.append(Arc::clone(&lines[1]));
    assert!(journal.sync().await.is_err());
    journal.retry();
    until_good(&journal).await;
    assert_eq!(seqs(dir.path()), [1, 2]);
}

/// A run of 30 lines with syncs between, in which one call fails. Returns whether it did.
async fn run_with(fs: Faulty, dir: &Path) -> bool {
    let opened = Journal::open_on(Arc::new(fs.clone()), dir, &mut |_, _| {});
    // A failure at the start is an error for a person; the next start goes well.
    let (journal, _) = match opened {
        Ok(opened) => opened,
        Err(_) => Journal::open_on(Arc::new(fs.clone()), dir, &mut |_, _| {}).unwrap(),
    };
    for (n, line) in steps(30).into_iter().enumerate() {
        journal.append(line);
        if n % 5 != 4 {
            continue;
        }
        while journal.sync().await.is_err() {
            journal.retry();
            tokio::task::yield_now().await;
        }
        let acknowledged: Vec<u64> = (1..=n as u64 + 1).collect();
        assert_eq!(seqs(dir), acknowledged);
    }
    journal.close().unwrap();
    !fs.is_spent()
}

async fn every_call_fails_once(fault: Fault) {
    for nth in 1.. {
        assert!(nth < 2_000, "the loop must end");
        let dir = tempfile::tempdir().unwrap();
        let fired = run_with(Faulty::nth(fault, nth), dir.path()).await;
        assert_eq!(std::fs::read(dir.path().join(EVENTS)).unwrap(), journal_of(&steps(30)), "call {nth}");
        if !fired {
            return;
        }
    }
}

#[tokio::test]
async fn whichever_call_fails_with_an_error_of_the_disk_no_line_is_lost_or_doubled() {
    every_call_fails_once(Fault::Eio).await;
}

#[tokio::test]
async fn whichever_call_finds_the_disk_full_no_line_is_lost_or_doubled() {
    every_call_fails_once(Fault::Full).await;
}

#[tokio::test]
async fn short_and_interrupted_writes_make_the_same_file() {
    for fault in [Fault::Short, Fault::Interrupted] {
        every_call_fails_once(fault).await;
    }
    let dir = tempfile::tempdir().unwrap();
    run_with(Faulty::range(Fault::Short, 1, usize::MAX), dir.path()).await;
    assert_eq!(std::fs::read(dir.path().join(EVENTS)).unwrap(), journal_of(&steps(30)));
}

#[test]
fn a_disk_that_stays_broken_ends_the_journal_with_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let fs = Faulty::range(Fault::Eio, usize::MAX, usize::MAX);
    let (journal, _) = Journal::open_on(Arc::new(fs.clone()), dir.path(), &mut |_, _| {}).unwrap();
    fs.broken(true);
    journal.append(steps(1).remove(0));
    assert!(matches!(journal.close(), Err(StoreError::Failed { .. })));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_bytes_are_damaged_the_journal_opens_and_the_other_lines_are_there(
        damage in proptest::collection::vec((0_usize..4_000, 0_u8..), 0..6),
        tail in proptest::collection::vec(0_u8.., 0..80),
    ) {
        let lines = steps(20);
        let mut bytes = journal_of(&lines);
        let len = bytes.len();
        for (at, byte) in damage {
            bytes[at % len] = byte;
        }
        bytes.extend(tail);
        // The text before `"seq":N` tells which lines are whole.
        let intact: Vec<u64> = lines
            .iter()
            .filter(|line| {
                let whole = format!("{}\n", line.line);
                bytes.split_inclusive(|byte| *byte == b'\n').any(|found| found == whole.as_bytes())
            })
            .map(|line| line.event.seq)
            .collect();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(EVENTS), &bytes).unwrap();
        let (journal, opened, seen) = open(dir.path());
        for seq in &intact {
            proptest::prop_assert!(seen.contains(seq), "{} of {:?} in {:?}", seq, intact, seen);
        }
        let next = opened.last_seq + 1;
        journal.append(recorded(next, StepStarted { step: 1 }.into()));
        journal.close().unwrap();
        proptest::prop_assert_eq!(seqs(dir.path()).last().copied(), Some(next));
    }
}
