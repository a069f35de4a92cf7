use std::{io::Write, sync::atomic::AtomicUsize, time::Instant};

use uuid::Uuid;

use super::*;
use crate::protocol::{Stamp, Wire, event::ItemAdded, item};

/// A line of a journal that says something rare.
fn find_line() -> String {
    let said = item::raw(&serde_json::json!({"role": "assistant", "content": "the xylophone plays"}));
    let event = Event {
        v: 1,
        id: Uuid::nil(),
        seq: 1,
        timestamp: Stamp::parse("2026-11-24T12:05:02.000000+00:00").unwrap(),
        session_id: None,
        task_id: None,
        body: ItemAdded { item_id: 1, item: said, wire: Wire::Responses, tokens: 0 }.into(),
    };
    event.to_line(&event.body.payload().unwrap()) + "\n"
}

/// A file of so many slices of other lines, with the find at the beginning of one of them.
fn journal(dir: &tempfile::TempDir, slices: usize, find_in: usize) -> (PathBuf, u64) {
    let path = dir.path().join("events.jsonl");
    let mut file = std::io::BufWriter::new(File::create(&path).unwrap());
    let other = format!("{{\"text\":\"{}\"}}\n", "six pixels of an axis, ".repeat(45));
    for slice in 0..slices {
        if slice == find_in {
            file.write_all(find_line().as_bytes()).unwrap();
        }
        for _ in 0..SLICE / other.len() {
            file.write_all(other.as_bytes()).unwrap();
        }
    }
    file.flush().unwrap();
    drop(file);
    let end = std::fs::metadata(&path).unwrap().len();
    (path, end)
}

fn job((path, end): (PathBuf, u64)) -> Job {
    let (found, cancel) = (Arc::default(), Arc::default());
    Job { path, end, needle: Needle::new("xylophone"), whose: Whose::All, found, cancel }
}

#[test]
fn a_find_is_told_with_its_slice_and_a_dropped_search_reads_no_further() {
    let dir = tempfile::tempdir().unwrap();
    let job = job(journal(&dir, 5, 1));
    let told = AtomicUsize::new(0);
    let read = job.scan(&|| {
        told.fetch_add(1, Ordering::SeqCst);
        // What `Search` does when it is dropped.
        job.cancel.store(true, Ordering::SeqCst);
    });
    assert_eq!(told.load(Ordering::SeqCst), 1, "the screen is woken once for a slice");
    assert_eq!(job.found.lock().unwrap().hits.len(), 1);
    assert!(read <= 2 * SLICE as u64, "{read} bytes were read for a find in the second slice");
}

#[test]
fn a_search_reads_each_byte_once() {
    let dir = tempfile::tempdir().unwrap();
    let job = job(journal(&dir, 3, 2));
    assert_eq!(job.scan(&|| ()), job.end);
    assert_eq!(job.found.lock().unwrap().hits.len(), 1);
}

#[test]
fn candidates_are_all_places_of_the_query_in_order() {
    let text = "Xylo xYLO xyl XYLO.xylo é xylo";
    let all = |query: &str| {
        let needle = Needle::new(query);
        let (mut found, mut from) = (Vec::new(), 0);
        while let Some(at) = needle.candidate(text.as_bytes(), from) {
            found.push(at);
            from = at + 1;
        }
        found
    };
    assert_eq!(all("xylo"), [0, 5, 14, 19, 27], "no capitals: any case");
    assert_eq!(all("XYLO"), [14], "with capitals: as it is");
    assert_eq!(all("o"), [3, 8, 17, 22, 30], "one letter");
    assert_eq!(all("o."), [17], "what has no case");
    assert_eq!(all("zz"), [0; 0]);
    assert_eq!(all("é").len(), text.len(), "what JSON may write otherwise may be anywhere");
}

#[test]
#[ignore = "a measurement"]
fn r2_the_first_find_in_a_hundred_megabytes_beside_a_bare_scan() {
    let dir = tempfile::tempdir().unwrap();
    let (path, end) = journal(&dir, 25, 24);
    for _ in 0..3 {
        let began = Instant::now();
        let bytes = std::fs::read(&path).unwrap();
        assert!(memchr::memmem::find(&bytes, b"xylophone").is_some());
        let bare = began.elapsed();
        drop(bytes);
        let job = job((path.clone(), end));
        let began = Instant::now();
        let first = Mutex::new(None);
        job.scan(&|| {
            first.lock().unwrap().get_or_insert(began.elapsed());
        });
        let first = first.into_inner().unwrap().unwrap();
        let times = first.as_secs_f64() / bare.as_secs_f64();
        println!("R2 {} MB: bare {bare:.1?}, first find {first:.1?}: {times:.2}x", end / 1_000_000);
    }
}
