use std::path::Path;

use serde_json::{Value, json};
use zwarm_tui::store::{Listed, Lock, Meta, Origin, find, instance, list, projects, registry};

use super::support::{finished, instance_with, meta, started};

fn ids(listed: &[Listed]) -> Vec<&str> {
    listed.iter().map(|listed| listed.meta.id.as_str()).collect()
}

fn rows(state: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(state.join("instances.json")).unwrap()).unwrap()
}

#[test]
fn instances_are_listed_newest_first_from_their_small_files_alone() {
    let state = tempfile::tempdir().unwrap();
    for minute in 0..1_000 {
        let dir = instance::create(state.path(), &meta(&format!("i{minute:04}"), minute)).unwrap();
        // Nothing can be read of a journal that is a folder.
        std::fs::create_dir(dir.join("events.jsonl")).unwrap();
    }
    let listed = list(state.path());
    assert_eq!(listed.len(), 1_000);
    assert_eq!(&ids(&listed)[..2], ["i0999", "i0998"]);
    assert!(listed.iter().all(|l| l.origin == Origin::Ours && l.live.is_none() && l.meta.state == "done"));
    assert!(list(&state.path().join("missing")).is_empty());
}

#[test]
fn one_damaged_among_fifty_hides_no_other_one() {
    let state = tempfile::tempdir().unwrap();
    for n in 0..50 {
        instance::create(state.path(), &meta(&format!("i{n:02}"), n)).unwrap();
    }
    let broken = instance::dir(state.path(), "i25").join("meta.json");
    for damage in ["", "{\"id\": \"i2", "\0\0\0\0", "[1, 2]"] {
        std::fs::write(&broken, damage).unwrap();
        let listed = list(state.path());
        let (damaged, well): (Vec<_>, Vec<_>) =
            listed.into_iter().partition(|listed| matches!(listed.origin, Origin::Damaged(_)));
        assert_eq!((ids(&damaged), well.len()), (vec!["i25"], 49), "{damage:?}");
        assert!(well.iter().all(|listed| listed.meta.state == "done"));
    }
}

#[test]
fn a_damaged_meta_is_rebuilt_from_the_journal() {
    let state = tempfile::tempdir().unwrap();
    let dir = instance_with(state.path(), &meta("abc", 1), vec![started("the task"), finished("budget")]);
    for damage in
        [|path: &Path| std::fs::write(path, "{").unwrap(), |path: &Path| std::fs::remove_file(path).unwrap()]
    {
        damage(&dir.join("meta.json"));
        let listed = list(state.path()).remove(0);
        let meta = &listed.meta;
        assert_eq!(listed.origin, Origin::Ours);
        let seen = [&meta.id, &meta.name, &meta.task, &meta.state, &meta.stopped_by];
        assert_eq!(seen, ["abc", "named", "the task", "stopped", "budget"]);
        assert_eq!(meta.max_steps, 50);
    }
}

#[test]
fn who_runs_is_shown_and_one_that_nobody_runs_any_more_has_crashed() {
    let state = tempfile::tempdir().unwrap();
    let running = Meta { state: "running".into(), stopped_by: String::new(), ..meta("abc", 1) };
    let dir = instance::create(state.path(), &running).unwrap();
    let lock = Lock::take(&dir).unwrap();
    let listed = list(state.path()).remove(0);
    assert_eq!((listed.live, listed.meta.state.as_str()), (Some(std::process::id()), "running"));
    drop(lock);
    let listed = list(state.path()).remove(0);
    assert_eq!((listed.live, listed.meta.state.as_str()), (None, "crashed"));
    let paused = Meta { state: "paused".into(), stopped_by: "interrupted".into(), ..running };
    paused.write(&dir).unwrap();
    assert_eq!(list(state.path()).remove(0).meta.state, "paused");
}

#[test]
fn an_instance_is_found_by_name_or_unique_beginning_and_a_wrong_one_is_an_error() {
    let state = tempfile::tempdir().unwrap();
    for (n, id) in ["abcd1111", "abcd2222", "ef"].iter().enumerate() {
        instance::create(state.path(), &meta(id, n as u32)).unwrap();
    }
    let found = |needle: &str| find(state.path(), needle).map(|listed| listed.meta.id);
    assert_eq!(found("abcd1").unwrap(), "abcd1111");
    assert_eq!(found("ABCD2").unwrap(), "abcd2222");
    assert_eq!(found(" name-ef ").unwrap(), "ef");
    let error = found("abcd").unwrap_err();
    assert_eq!(error.message, "'abcd' means 2 instances");
    assert_eq!(error.hint, "say one of abcd2222, abcd1111");
    let error = found("nothing").unwrap_err();
    assert_eq!((error.message.as_str(), error.code), ("there is no instance 'nothing'", 2));
    assert!(found("").is_err());
}

#[test]
fn the_registry_keeps_what_others_have_put_in() {
    let state = tempfile::tempdir().unwrap();
    let theirs = json!({"version": 3, "instances": [
        {"id": "x", "name": "theirs", "task": null, "created_at": "2026-11-24T07:13:03", "status": "active", "color": "red"},
    ]});
    std::fs::write(state.path().join("instances.json"), theirs.to_string()).unwrap();
    let mut ours = Meta { id: "y".into(), task: "é".repeat(200), state: "running".into(), ..meta("y", 1) };
    ours.numbers.tokens = 7;
    registry::update(state.path(), &ours).unwrap();
    ours.state = "done".into();
    registry::update(state.path(), &ours).unwrap();
    let rows = rows(state.path());
    assert_eq!(rows["version"], 3);
    assert_eq!(rows["instances"][0], theirs["instances"][0]);
    let row = &rows["instances"][1];
    assert_eq!(
        (&row["status"], &row["state"], &row["tokens"]),
        (&json!("completed"), &json!("done"), &json!(7))
    );
    assert_eq!(row["task"], "é".repeat(100));
    assert_eq!(rows["instances"].as_array().unwrap().len(), 2);
    let text = std::fs::read_to_string(state.path().join("instances.json")).unwrap();
    assert!(text.is_ascii() && text.starts_with("{\n  \"version\"") && !text.ends_with('\n'));
}

#[test]
fn a_damaged_registry_is_kept_aside_and_rebuilt_from_the_folders() {
    let state = tempfile::tempdir().unwrap();
    for n in 0..3 {
        instance::create(state.path(), &meta(&format!("i{n}"), n)).unwrap();
    }
    let path = state.path().join("instances.json");
    for damage in ["{\"instances\": [{\"id\": \"i0\"", "", "[]", "{\"instances\": 4}"] {
        std::fs::write(&path, damage).unwrap();
        registry::update(state.path(), &meta("i3", 3)).unwrap();
        let rows = rows(state.path());
        let ids: Vec<_> = rows["instances"].as_array().unwrap().iter().map(|row| &row["id"]).collect();
        assert_eq!(ids, ["i0", "i1", "i2", "i3"]);
        assert_eq!(std::fs::read_to_string(state.path().join("instances.json.damaged")).unwrap(), damage);
    }
}

#[test]
fn a_place_that_cannot_be_written_is_a_clear_error() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let errors = [
        instance::create(&file, &meta("a", 1)).unwrap_err(),
        registry::update(&file, &meta("a", 1)).unwrap_err(),
        projects::remember(&file, home.path()).unwrap_err(),
    ];
    for error in errors {
        let error = zwarm_tui::error::UserError::from(error);
        assert!(error.message.starts_with("cannot ") && error.code == 1, "{error}");
    }
}
