//! The state folders of zwarm 1.3.10 and 3.10.6: listed and read, never changed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use zwarm_tui::{
    protocol::{Body, event::Guard, item::ItemView},
    store::{Journal, Listed, Origin, StoreError, find, legacy, list, registry},
};

use super::support::meta;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// Every file below a folder with its bytes.
fn bytes(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(bytes(&path)),
            false => drop(all.insert(path.clone(), std::fs::read(&path).unwrap())),
        }
    }
    all
}

fn fixture(name: &str) -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/zwarm-state");
    copy(&fixtures.join(name), home.path());
    let state = home.path().join(".zwarm");
    (home, state)
}

/// Name, state and task, oldest first.
fn shown(listed: &[Listed]) -> Vec<(&str, &str, &str)> {
    let mut sorted: Vec<_> = listed.iter().collect();
    sorted.sort_by(|a, b| a.meta.created_at.cmp(&b.meta.created_at));
    sorted.iter().map(|l| (l.meta.name.as_str(), l.meta.state.as_str(), l.meta.task.as_str())).collect()
}

fn read_everything(listed: &[Listed]) {
    for listed in listed {
        legacy::items(&listed.dir).unwrap();
        legacy::sessions(&listed.dir);
        let (mut count, damaged) = (0, legacy::events(&listed.dir, &mut |_, _| {}).unwrap());
        legacy::events(&listed.dir, &mut |pos, event| {
            count += 1;
            assert_eq!((pos.seq, event.seq), (count, count));
        })
        .unwrap();
        assert!(damaged == 0 && count > 0, "{listed:?}");
        assert!(matches!(Journal::open(&listed.dir, &mut |_, _| {}), Err(StoreError::Foreign { .. })));
    }
}

#[test]
fn instances_of_1_3_are_listed_and_read_and_stay_as_they_are() {
    let (_home, state) = fixture("1.3.10");
    let before = bytes(&state);
    let listed = list(&state);
    assert!(listed.iter().all(|l| l.origin == Origin::Reference("1.3") && l.live.is_none()));
    let names: Vec<_> = shown(&listed).iter().map(|(name, state, _)| format!("{name}: {state}")).collect();
    assert_eq!(
        names,
        [
            "hello-run: done",
            "step-limit: done",
            "as-released: done",
            "failed-run: failed",
            "budget-nudge: done",
            "compacted: done",
            "killed: crashed",
        ]
    );
    read_everything(&listed);

    let hello = find(&state, "hello-run").unwrap();
    assert_eq!(hello.meta.task, "Make hello.py with a docstring and a test");
    let items = legacy::items(&hello.dir).unwrap();
    assert_eq!(items[2].view(), ItemView::User("Task: Make hello.py with a docstring and a test".into()));
    assert!(items.iter().all(|item| !item.raw.get().contains('\n')));
    assert_eq!(
        items.iter().map(|item| item.id).collect::<Vec<_>>(),
        (1..=items.len() as u64).collect::<Vec<_>>()
    );
    let sessions = legacy::sessions(&hello.dir);
    let seen: Vec<_> =
        sessions.iter().map(|s| (s.mode.as_str(), s.messages.len(), s.usage.total())).collect();
    assert_eq!(seen, [("sync", 6, 6_600), ("async", 2, 1_100)]);
    let mut watched = 0;
    legacy::events(&hello.dir, &mut |_, event| {
        watched += u32::from(matches!(event.body, Body::Guard(Guard::WatchersRun(_))));
    })
    .unwrap();
    assert_eq!(watched, 15);
    let killed = find(&state, "killed").unwrap();
    assert!(legacy::items(&killed.dir).unwrap().is_empty());
    assert_eq!(bytes(&state), before);
}

#[test]
fn instances_of_3_10_are_listed_and_read_and_stay_as_they_are() {
    let (_home, state) = fixture("3.10.6");
    let before = bytes(&state);
    let listed = list(&state);
    assert!(listed.iter().all(|l| l.origin == Origin::Reference("3.10")));
    let names: Vec<_> = shown(&listed).iter().map(|(name, state, _)| format!("{name}: {state}")).collect();
    assert_eq!(
        names,
        [
            "hello-run: done",
            "step-limit: done",
            "failed-run: failed",
            "nudged: done",
            "compacted: done",
            "killed: crashed",
        ]
    );
    read_everything(&listed);
    let hello = find(&state, "hello-run").unwrap();
    let sessions = legacy::sessions(&hello.dir);
    assert!(!sessions.is_empty() && sessions.iter().all(|session| session.adapter == "codex"));
    assert_eq!(bytes(&state), before);
}

#[test]
fn the_layout_without_instances_is_one_instance() {
    let (_home, state) = fixture("1.3.10-legacy-layout");
    let before = bytes(&state);
    let listed = list(&state);
    assert_eq!(shown(&listed), [("legacy", "done", "legacy layout run")]);
    assert_eq!(listed[0].dir, state);
    read_everything(&listed);
    let sessions = legacy::sessions(&state);
    assert_eq!(sessions.iter().map(|s| s.task.as_str()).collect::<Vec<_>>(), ["job 1"]);
    assert_eq!(bytes(&state), before);
}

#[test]
fn an_instance_of_ours_beside_theirs_changes_only_the_registry_and_keeps_their_rows() {
    let (_home, state) = fixture("1.3.10");
    let before = bytes(&state);
    let theirs: serde_json::Value = serde_json::from_slice(&before[&state.join("instances.json")]).unwrap();
    let ours = meta("0f0f0f0f", 1);
    zwarm_tui::store::instance::create(&state, &ours).unwrap();
    registry::update(&state, &ours).unwrap();
    let after = bytes(&state);
    for (path, old) in before.iter().filter(|(path, _)| !path.ends_with("instances.json")) {
        assert_eq!(after.get(path), Some(old), "{}", path.display());
    }
    let now: serde_json::Value = serde_json::from_slice(&after[&state.join("instances.json")]).unwrap();
    let (theirs, now) = (theirs["instances"].as_array().unwrap(), now["instances"].as_array().unwrap());
    assert_eq!(&now[..7], &theirs[..]);
    assert_eq!((now.len(), now[7]["id"].as_str()), (8, Some("0f0f0f0f")));
    assert_eq!(list(&state).len(), 8);
}

#[test]
fn a_lost_registry_is_rebuilt_with_their_instances_too() {
    let (_home, state) = fixture("1.3.10");
    std::fs::remove_file(state.join("instances.json")).unwrap();
    registry::update(&state, &meta("0f0f0f0f", 1)).unwrap();
    let now: serde_json::Value =
        serde_json::from_slice(&std::fs::read(state.join("instances.json")).unwrap()).unwrap();
    let rows = now["instances"].as_array().unwrap();
    assert_eq!(rows.len(), 8);
    assert!(rows[..7].iter().all(|row| row.get("updated_by").is_none()));
}
