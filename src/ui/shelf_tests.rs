use serde_json::json;

use super::*;
use crate::{
    protocol::{InstanceId, event::RunKind},
    store::{Meta, instance, registry},
};

fn made(state_dir: &Path, name: &str) -> PathBuf {
    let meta = Meta {
        id: InstanceId::random().to_string(),
        name: name.to_owned(),
        task: "Rewrite the lexer".to_owned(),
        state: "done".to_owned(),
        stopped_by: "exit".to_owned(),
        kind: RunKind::Run,
        updated_at: "2026-11-24T12:04:31.000000+00:00".to_owned(),
        ..Meta::default()
    };
    let dir = instance::create(state_dir, &meta).unwrap();
    meta.write(&dir).unwrap();
    registry::update(state_dir, &meta).unwrap();
    dir
}

fn the_one(state_dir: &Path) -> Listed {
    store::list(state_dir).remove(0)
}

#[test]
fn an_instance_is_renamed_in_its_journal_and_deleted_with_its_row_but_not_while_somebody_holds_it() {
    let home = tempfile::tempdir().unwrap();
    let dir = made(home.path(), "lexer");
    let lock = Lock::take(&dir).unwrap();
    assert_eq!(rename(&dir, "x").unwrap(), "renamed to 'x'");
    assert_eq!(std::fs::read_dir(dir.join("commands")).unwrap().count(), 1, "the one who runs it is asked");
    assert!(delete(&the_one(home.path())).is_err());
    drop(lock);
    assert_eq!(rename(&dir, "parser\u{1b}[2J").unwrap(), "renamed to 'parser'");
    assert_eq!(the_one(home.path()).meta.name, "parser");
    let journal = std::fs::read_to_string(dir.join(EVENTS)).unwrap();
    assert!(journal.contains("run_renamed") && journal.contains("parser"), "{journal}");
    assert_eq!(delete(&the_one(home.path())).unwrap(), "'parser' is deleted");
    assert_eq!((store::list(home.path()), dir.exists()), (vec![], false));
    let registry = std::fs::read_to_string(home.path().join("instances.json")).unwrap();
    assert!(!registry.contains("parser"), "{registry}");
}

#[test]
fn a_folder_that_lies_elsewhere_is_never_deleted() {
    let home = tempfile::tempdir().unwrap();
    let other = home.path().join("src");
    std::fs::create_dir(&other).unwrap();
    let listed = Listed {
        dir: other.clone(),
        meta: Meta::default(),
        origin: Origin::Damaged("x".to_owned()),
        live: None,
    };
    assert!(delete(&listed).is_err());
    assert!(other.exists());
}

#[test]
fn the_preview_tells_of_a_torn_tail_and_of_damaged_lines() {
    let home = tempfile::tempdir().unwrap();
    let dir = made(home.path(), "lexer");
    std::fs::write(dir.join(EVENTS), "nonsense\n{\"v\":3,\"seq\":").unwrap();
    let listed = the_one(home.path());
    let lines = preview(&listed).lines;
    let files = lines.iter().find(|(label, _)| *label == "files").map(|(_, text)| text.as_str());
    let expected = "events.jsonl 22 B, 1 damaged lines near its end, an unfinished last line of 13 B (kept aside when it is resumed)";
    assert_eq!(files, Some(expected));
    assert_eq!(lines[0], ("task", "Rewrite the lexer".to_owned()));
}

fn reference(home: &Path) -> Listed {
    let dir = home.join("instances").join("3fae2b14-7f6c-4a55-9d7e-0b7d5a7b1c11");
    std::fs::create_dir_all(dir.join("orchestrator")).unwrap();
    let messages = json!([
        {"role": "system", "content": "You are"},
        {"role": "user", "content": "Fix the flaky \u{1b}]0;x\u{7}CI job"},
        {"type": "function_call", "call_id": "c", "name": "bash", "arguments": "{\"command\":\"ls\"}"},
        {"type": "function_call_output", "call_id": "c", "output": "src"},
    ]);
    std::fs::write(dir.join("orchestrator").join("messages.json"), messages.to_string()).unwrap();
    Listed { dir, meta: Meta::default(), origin: Origin::Reference("1.3"), live: None }
}

#[test]
fn an_instance_of_the_reference_is_read_continued_and_exported_and_stays_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let listed = reference(home.path());
    let said = ["user: Fix the flaky CI job", "bash: {\"command\":\"ls\"}", "result: src"];
    assert_eq!(crate::ui::past::read_reference(&listed).unwrap(), said);
    assert!(
        crate::ui::past::continued_task(&listed)
            .unwrap()
            .ends_with("bash: {\"command\":\"ls\"}\n\nresult: src")
    );
    assert!(delete(&listed).is_err());
    let into = tempfile::tempdir().unwrap();
    let (markdown, json) = crate::ui::export::export(&listed.dir, into.path()).unwrap();
    assert_eq!(std::fs::read_to_string(markdown).unwrap(), said.join("\n") + "\n");
    let json = std::fs::read_to_string(json).unwrap();
    assert!(json.contains("Fix the flaky CI job") && !json.contains("u001b"), "{json}");
}
