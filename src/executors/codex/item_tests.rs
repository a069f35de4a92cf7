use serde_json::json;

use super::*;

#[test]
fn a_command_is_shown_without_its_shell() {
    for (command, plain) in [
        ("/bin/bash -lc 'touch one.txt'", "touch one.txt"),
        (r#"/bin/bash -lc "echo 'a' \"b\" \$c""#, r#"echo 'a' "b" $c"#),
        ("bash -lc ls", "ls"),
        ("bash -lc 'a' extra", "bash -lc 'a' extra"),
        ("bash -lc 'open", "bash -lc 'open"),
        ("python -c 'x'", "python -c 'x'"),
        ("ls", "ls"),
    ] {
        assert_eq!(plain_command(command), plain);
    }
}

#[test]
fn added_updated_and_deleted_files_become_one_diff_with_counts() {
    let item = json!({"type": "fileChange", "status": "completed", "changes": [
        {"path": "/w/a.txt", "kind": {"type": "add"}, "diff": "one\n-- two\n"},
        {"path": "/w/b.txt", "kind": {"type": "update", "move_path": null}, "diff": "@@ -1,2 +1,2 @@\n-x\n+y\n z\n"},
        {"path": "/w/c.txt", "kind": {"type": "delete"}, "diff": "gone"},
    ]});
    let change = |path: &str, kind, added, removed| FileChange { path: path.into(), kind, added, removed };
    assert_eq!(
        activity(&item, ""),
        Some(Activity::FileChange {
            changes: vec![
                change("/w/a.txt", ChangeKind::Add, 2, 0),
                change("/w/b.txt", ChangeKind::Update, 1, 1),
                change("/w/c.txt", ChangeKind::Delete, 0, 1),
            ],
            diff: "--- /dev/null\n+++ /w/a.txt\n@@ -0,0 +1,2 @@\n+one\n+-- two\n\
                   --- /w/b.txt\n+++ /w/b.txt\n@@ -1,2 +1,2 @@\n-x\n+y\n z\n\
                   --- /w/c.txt\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-gone\n"
                .into(),
        })
    );
}

#[test]
fn a_declined_change_is_no_change_and_an_unknown_item_is_kept() {
    let declined = json!({"type": "fileChange", "status": "declined",
        "changes": [{"path": "p", "kind": {"type": "add"}, "diff": "x"}]});
    assert_eq!(
        activity(&declined, ""),
        Some(Activity::Error {
            message: "the change of 'p' was not made: declined".into(),
            will_retry: false
        })
    );
    let odd = json!({"type": "hologram", "id": "h"});
    assert_eq!(activity(&odd, ""), Some(Activity::Unknown { raw: odd.clone() }));
    for broken in [json!(null), json!([]), json!({"type": 3}), json!({"type": "fileChange", "changes": 7})] {
        assert!(activity(&broken, "").is_some());
    }
}

#[test]
fn a_tool_call_says_whether_it_worked() {
    let item = json!({"type": "mcpToolCall", "server": "s", "tool": "t", "arguments": {"a": 1}, "status": "failed",
        "result": null, "error": {"message": "no"}});
    let call = Activity::ToolCall {
        name: "s.t".into(),
        arguments: r#"{"a":1}"#.into(),
        result: r#"{"message":"no"}"#.into(),
        ok: false,
    };
    assert_eq!(activity(&item, ""), Some(call));
}
