use super::*;

async fn run(dir: &Path, args: &[&str]) {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"];
    assert!(git(dir, &[&identity, args].concat()).await.is_some(), "git {args:?}");
}

async fn found(surveys: &Surveys, dir: &Path) -> Option<Vec<(String, ChangeKind)>> {
    let changes = changes(surveys, dir).await?;
    Some(changes.into_iter().map(|change| (change.path, change.kind)).collect())
}

#[tokio::test]
async fn a_look_tells_what_has_changed_since_the_last_one_committed_or_not() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("app");
    std::fs::create_dir(&dir).unwrap();
    run(root.path(), &["init", "-q"]).await;
    std::fs::write(dir.join("old.rs"), "1").unwrap();
    std::fs::write(dir.join("own.rs"), "1").unwrap();
    run(root.path(), &["add", "."]).await;
    run(root.path(), &["commit", "-q", "-m", "begin"]).await;
    std::fs::write(dir.join("own.rs"), "the human's own work").unwrap();
    let surveys = Surveys::default();
    assert_eq!(found(&surveys, &dir).await, None, "the first look only takes note");
    assert_eq!(found(&surveys, &dir).await, Some(vec![]), "what was dirty before is not new");

    std::fs::write(dir.join("new file.rs"), "x").unwrap();
    std::fs::write(dir.join("old.rs"), "22").unwrap();
    std::fs::write(root.path().join("outside.txt"), "x").unwrap();
    let expected =
        vec![("new file.rs".to_owned(), ChangeKind::Add), ("old.rs".to_owned(), ChangeKind::Update)];
    assert_eq!(found(&surveys, &dir).await, Some(expected));

    std::fs::write(dir.join("committed.rs"), "x").unwrap();
    std::fs::remove_file(dir.join("old.rs")).unwrap();
    run(&dir, &["add", "committed.rs"]).await;
    run(&dir, &["commit", "-q", "-m", "more"]).await;
    let expected =
        vec![("committed.rs".to_owned(), ChangeKind::Add), ("old.rs".to_owned(), ChangeKind::Delete)];
    assert_eq!(found(&surveys, &dir).await, Some(expected));
}

#[tokio::test]
async fn a_directory_without_a_repository_is_asked_once() {
    let root = tempfile::tempdir().unwrap();
    let surveys = Surveys::default();
    assert_eq!(found(&surveys, root.path()).await, None);
    run(root.path(), &["init", "-q"]).await;
    assert_eq!(found(&surveys, root.path()).await, None, "it is known as none for the rest of the launch");
}
