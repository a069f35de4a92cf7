//! Following a journal: each event once, in order, whatever the speed of writer and reader.

use std::{path::Path, time::Duration};

use zwarm_tui::store::{Feed, instance, view};

use super::support::{journal, meta, step};

async fn next(feed: &mut Feed) -> Option<u64> {
    let next = tokio::time::timeout(Duration::from_secs(20), feed.next()).await;
    next.expect("an event in time").map(|published| published.pos.seq)
}

async fn take(feed: &mut Feed, count: u64) -> Vec<u64> {
    let mut seen = Vec::new();
    for _ in 0..count {
        seen.push(next(feed).await.unwrap());
    }
    seen
}

fn new_instance(state: &Path) -> std::path::PathBuf {
    instance::create(state, &meta("abc", 1)).unwrap()
}

#[tokio::test]
async fn a_live_feed_gives_the_file_first_and_then_what_is_published_and_ends_with_the_journal() {
    let state = tempfile::tempdir().unwrap();
    let dir = new_instance(state.path());
    let (_lock, journal, _) = journal(&dir);
    (1..=700).for_each(|seq| journal.append(step(seq)));
    journal.sync().await.unwrap();
    let mut feed = Feed::live(&dir, journal.events().subscribe(), 0);
    assert_eq!(take(&mut feed, 700).await, (1..=700).collect::<Vec<_>>());
    (701..=900).for_each(|seq| journal.append(step(seq)));
    assert_eq!(take(&mut feed, 200).await, (701..=900).collect::<Vec<_>>());
    assert!(feed.caught_up());
    journal.close().unwrap();
    assert_eq!(next(&mut feed).await, None);
}

#[tokio::test]
async fn a_feed_that_lags_loses_nothing_and_goes_on_from_an_offset() {
    let state = tempfile::tempdir().unwrap();
    let dir = new_instance(state.path());
    let (_lock, journal, _) = journal(&dir);
    journal.append(step(1));
    journal.sync().await.unwrap();
    let mut feed = Feed::live(&dir, journal.events().subscribe(), 0);
    assert_eq!(next(&mut feed).await, Some(1));
    // Far more than the channel holds.
    (2..=10_000).for_each(|seq| journal.append(step(seq)));
    journal.sync().await.unwrap();
    assert_eq!(take(&mut feed, 9_999).await, (2..=10_000).collect::<Vec<_>>());

    let offset = feed.offset();
    journal.append(step(10_001));
    journal.sync().await.unwrap();
    let mut from = Feed::live(&dir, journal.events().subscribe(), offset);
    assert_eq!(next(&mut from).await, Some(10_001));
}

#[tokio::test]
async fn the_journal_of_another_process_is_followed_and_a_cancelled_wait_loses_nothing() {
    let state = tempfile::tempdir().unwrap();
    let dir = new_instance(state.path());
    let mut feed = Feed::foreign(&dir, 0);
    let (lock, journal, _) = journal(&dir);
    let writer = tokio::task::spawn_blocking(move || {
        (1..=2_000).for_each(|seq| journal.append(step(seq)));
        journal
    });
    let mut seen = Vec::new();
    while seen.len() < 2_000 {
        // Cancelled again and again, at whatever it waits for.
        tokio::select! {
            biased;
            event = feed.next() => seen.push(event.unwrap().pos.seq),
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(seen, (1..=2_000).collect::<Vec<_>>());
    drop((writer.await.unwrap(), lock));
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(next(&mut feed).await, None);
}

#[tokio::test]
async fn a_damaged_line_and_an_unfinished_one_are_passed_over() {
    let state = tempfile::tempdir().unwrap();
    let dir = new_instance(state.path());
    let text = format!("{}\n{{\"v\":1\n{}\n{{\"v\":1,\"id", step(1).line, step(2).line);
    std::fs::write(dir.join("events.jsonl"), text).unwrap();
    let mut feed = Feed::foreign(&dir, 0);
    assert_eq!(take(&mut feed, 2).await, [1, 2]);
    assert_eq!(feed.skipped(), 1);
}

#[tokio::test]
async fn saved_folds_are_used_only_with_the_journal_that_they_were_made_from() {
    let state = tempfile::tempdir().unwrap();
    let dir = new_instance(state.path());
    let (_lock, journal, _) = journal(&dir);
    let mut events = journal.events().subscribe();
    (1..=3).for_each(|seq| journal.append(step(seq)));
    journal.sync().await.unwrap();
    let first = events.recv().await.unwrap();
    let second = events.recv().await.unwrap();
    view::save(&dir, second.pos, &vec![1, 2]).unwrap();
    assert_eq!(view::load::<Vec<u32>>(&dir), Some((second.pos, vec![1, 2])));
    assert_eq!(view::load::<String>(&dir), None);
    let wrong = zwarm_tui::protocol::Pos { seq: 2, ..first.pos };
    view::save(&dir, wrong, &vec![1, 2]).unwrap();
    assert_eq!(view::load::<Vec<u32>>(&dir), None);
}
