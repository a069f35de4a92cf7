//! What executors may do without a human: each row of the table of `executor.approval` that a run without a screen has.

use std::time::Duration;

use serde_json::Value;

use crate::world::{Run, World, world};

const CLAUDE: &str = r#"
lanes:
  - name: claude
    wire: messages
    contains: TASK-CLAUDE
    replies:
      - calls: [{Bash: {command: "perl -e 1 && echo hi > inside.txt", description: "x"}}]
      - calls: [{Bash: {command: "cat /etc/hostname > copied.txt", description: "x"}}]
      - calls: [{Write: {file_path: "OUT/outside.txt", content: "x"}}]
      - calls: [{Write: {file_path: "WORK/link/linked.txt", content: "x"}}]
      - calls: [{Write: {file_path: "WORK/.claude/settings.json", content: "{}"}}]
      - text: "Tried."
  - name: main
    model: gpt-5
    replies:
      - calls: [{delegate: {task: "TASK-CLAUDE", adapter: claude, mode: sync}}]
      - calls: [{exit: {exit_message: "tried"}}]
"#;

async fn claude(approval: &str) -> Option<(World, Run)> {
    let world = world(CLAUDE).await?;
    std::os::unix::fs::symlink(world.out(), world.work().join("link")).unwrap();
    let mut run = world.run(&["-t", "try", "--set", &format!("executor.approval={approval}")]);
    assert_eq!(run.end().await, Some(0));
    Some((world, run))
}

/// What the human would have been asked, and the answer from the configuration.
fn answers(run: &Run) -> Vec<(String, String, String)> {
    let opened = run.of("inbox_opened");
    let closed = run.of("inbox_closed");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let answer = |opened: &Value| {
        let closed = closed.iter().find(|closed| closed["inbox_id"] == opened["inbox_id"]).unwrap();
        assert_eq!((&closed["by"], &closed["digest"]), (&"config".into(), &opened["digest"]));
        (text(&opened["detail"]["command"]), text(&closed["choice"]), text(&closed["text"]))
    };
    opened.iter().map(answer).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn accept_lets_claude_do_what_stays_inside_by_real_path() {
    let Some((world, run)) = claude("accept").await else { return };
    let answers = answers(&run);
    let decided: Vec<_> =
        answers.iter().map(|(command, choice, _)| (command.as_str(), choice.as_str())).collect();
    assert_eq!(decided[0], ("perl -e 1 && echo hi > inside.txt", "accept"), "{answers:#?}");
    assert_eq!(decided[1], ("cat /etc/hostname > copied.txt", "decline"), "{answers:#?}");
    assert!(answers[1].2.contains("'/etc/hostname' is outside"), "{answers:#?}");
    let there = |path: std::path::PathBuf| path.exists();
    assert!(there(world.work().join("inside.txt")) && !there(world.work().join("copied.txt")));
    assert!(!there(world.out().join("outside.txt")) && !there(world.out().join("linked.txt")));
    assert!(
        !there(world.work().join(".claude/settings.json")),
        "what decides what runs is not accepted unseen"
    );
    // The reason reaches the model.
    let body = world.server.asked_of("claude")[2].body.to_string();
    assert!(body.contains("is outside of what the run may use"), "{body}");
    world.until_none_survives(Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn never_declines_with_the_reason_and_a_change_of_claude_s_own_settings_is_told() {
    let Some((world, run)) = claude("never").await else { return };
    let answers = answers(&run);
    assert!(!answers.is_empty());
    assert!(answers.iter().all(|(_, choice, text)| choice == "decline" && text == "no human is present"));
    assert!(!world.work().join("inside.txt").exists());
    let body = world.server.asked_of("claude")[1].body.to_string();
    assert!(body.contains("no human is present"), "{body}");
    // Whether claude makes this change without asking is its own rule; if it does, it does not go unseen.
    if world.work().join(".claude/settings.json").exists() {
        let told = run.of("problem_raised");
        assert!(
            told.iter().any(|problem| problem.to_string().contains(".claude/settings.json")),
            "{told:#?}"
        );
    }
}

const CODEX: &str = r#"
lanes:
  - name: codex
    model: gpt-5.5
    contains: TASK-CODEX
    replies:
      - calls: [{exec_command: {cmd: "echo hi > OUT/outside.txt", sandbox_permissions: require_escalated, justification: "needed"}}]
      - calls: [{exec_command: {cmd: "mkdir -p .git/hooks && echo x > .git/hooks/pre-commit; echo x > .env"}}]
      - text: "Tried."
  - name: main
    model: gpt-5
    replies:
      - calls: [{delegate: {task: "TASK-CODEX", adapter: codex, mode: sync}}]
      - calls: [{exit: {exit_message: "tried"}}]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn codex_asks_only_where_something_answers_and_files_that_run_things_are_watched() {
    for (approval, accepted) in
        [("accept", true), ("never", false), ("on-request", false), ("untrusted", false)]
    {
        let Some(world) = world(CODEX).await else { return };
        let mut run = world.run(&["-t", "try", "--set", &format!("executor.approval={approval}")]);
        assert_eq!(run.end().await, Some(0), "{approval}");
        assert_eq!(world.out().join("outside.txt").exists(), accepted, "{approval}");
        let answers = answers(&run);
        match approval {
            "accept" => assert_eq!(answers[0].1, "accept"),
            "never" => assert_eq!(answers, []),
            _ => assert!(
                answers.iter().all(|(_, choice, why)| choice == "decline" && why == "no human is present")
            ),
        }
        if world.work().join(".env").exists() {
            let told = run.of("problem_raised");
            assert!(
                told.iter().any(|problem| problem.to_string().contains("'.env'")),
                "{approval}: {told:#?}"
            );
        }
    }
}
