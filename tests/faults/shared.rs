//! What several processes, or several versions, do to one state folder.

use super::support::{Bench, assert_sound, name};

const SHORT: &str = "name: short\nmodel:\n  - calls: [{exit: {exit_message: done}}]\n";

/// A20 in the whole program; the store's own test makes fifty in each of four processes.
#[test]
fn a20_runs_that_begin_at_once_in_one_directory_are_all_there() {
    let place = Bench::with(SHORT);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let output = place.scripted(&["-t", "go"]).output().unwrap();
                    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
                }
            });
        }
    });
    let bytes = std::fs::read(place.work().join(".zwarm/instances.json")).unwrap();
    let registry: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((registry["instances"].as_array().unwrap().len(), place.instances().len()), (20, 20));
}

#[test]
fn a24_an_instance_of_a_newer_version_is_listed_and_read_and_never_written() {
    let place = Bench::with(SHORT);
    assert!(place.scripted(&["-t", "go", "-n", "newer"]).output().unwrap().status.success());
    let dir = place.instance();
    let path = dir.join("events.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    // A line of the next format at the end, with its own checksum.
    let last = text.lines().last().unwrap();
    let head = last.rsplit_once(",\"crc\"").unwrap().0.replacen("{\"v\":1", "{\"v\":2", 1);
    let line = format!("{head},\"crc\":\"{:08x}\"}}\n", crc32fast::hash(head.as_bytes()));
    std::fs::write(&path, format!("{text}{line}")).unwrap();
    let before = std::fs::read(&path).unwrap();
    let refused = place.scripted(&["--resume", "-i", "newer", "-t", "more"]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("newer") && said.contains("hint:"), "{said}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    for args in [&["instances"][..], &["status", "-i", "newer"], &["history", "-i", "newer"]] {
        let output = place.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!output.stdout.is_empty(), "{args:?}");
    }
    assert!(place.scripted(&["-t", "go"]).output().unwrap().status.success(), "others go on beside it");
    assert_sound(&place.instances().into_iter().find(|other| name(other) != name(&dir)).unwrap(), &[]);
}
