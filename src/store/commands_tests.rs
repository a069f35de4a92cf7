use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use super::*;
use crate::store::Lock;

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir.join(COMMANDS)).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn commands_are_taken_in_order_also_those_that_come_while_it_waits() {
    let dir = tempfile::tempdir().unwrap();
    let _lock = Lock::take(dir.path()).unwrap();
    let mut inlet = Inlet::open(dir.path()).unwrap();
    drop_in(dir.path(), &Command::Pause { now: false }).unwrap();
    drop_in(dir.path(), &Command::Resume).unwrap();
    assert_eq!(inlet.next().await, Ok(Command::Pause { now: false }));
    assert_eq!(names(dir.path()).len(), 2, "a command is deleted only when the next one is asked for");
    assert_eq!(inlet.next().await, Ok(Command::Resume));
    let (next, dropped) = tokio::join!(tokio::time::timeout(Duration::from_secs(10), inlet.next()), async {
        tokio::task::yield_now().await;
        drop_in(dir.path(), &Command::StepOnce)
    });
    dropped.unwrap();
    assert_eq!(next.unwrap(), Ok(Command::StepOnce));
    inlet.done();
    assert!(names(dir.path()).is_empty());
}

#[tokio::test]
async fn what_is_malformed_or_no_file_or_stale_is_set_aside_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join(COMMANDS);
    std::fs::create_dir(&folder).unwrap();
    drop_in(dir.path(), &Command::Abort { at_once: true }).unwrap();
    let old = folder.join(&names(dir.path())[0]);
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    std::fs::File::options().write(true).open(&old).unwrap().set_modified(hour_ago).unwrap();

    let _lock = Lock::take(dir.path()).unwrap();
    let mut inlet = Inlet::open(dir.path()).unwrap();
    assert_eq!(inlet.next().await.unwrap_err().why, "it was meant for a run that has ended");
    std::fs::write(folder.join("a.json"), "{\"command\":\"fly\"}").unwrap();
    assert!(inlet.next().await.unwrap_err().why.contains("unknown variant"));
    std::os::unix::fs::symlink(&old, folder.join("b.json")).unwrap();
    assert_eq!(
        inlet.next().await.unwrap_err(),
        Refused { file: "b.json".into(), why: "it is not a file".into() }
    );
    std::fs::File::create(folder.join("c.json")).unwrap().set_len(MAX_COMMAND + 1).unwrap();
    assert!(inlet.next().await.is_err());
    drop_in(dir.path(), &Command::Resume).unwrap();
    assert_eq!(inlet.next().await, Ok(Command::Resume));
    inlet.done();
    assert!(names(dir.path()).iter().all(|name| name.ends_with(".refused")));
}
