//! What a script does to the disk, and how it is shown.

use std::{
    io,
    path::{Component, Path, PathBuf},
};

use crate::{
    executors::{
        bound::{self, MAX_OUTPUT},
        shape,
    },
    process::shell,
    protocol::event::Activity,
};

pub(super) fn shell_activity(command: &str, cwd: &Path, result: &shell::ShellResult) -> Activity {
    let mut output = result.stdout.clone();
    for more in [Some(result.stderr.as_str()), result.error.as_deref()].into_iter().flatten() {
        if !output.is_empty() && !output.ends_with('\n') && !more.is_empty() {
            output.push('\n');
        }
        output.push_str(more);
    }
    Activity::Shell {
        command: command.to_owned(),
        cwd: cwd.display().to_string(),
        exit_code: result.exit_code,
        output: bound::cut(&output, MAX_OUTPUT),
        duration_ms: Some(u64::try_from(result.duration.as_millis()).unwrap_or(u64::MAX)),
    }
}

/// Really writes a file below the directory.
pub(super) fn write(cwd: &Path, path: &str, text: &str) -> Activity {
    let written = inside(cwd, path).and_then(|full| {
        let before = std::fs::read_to_string(&full).ok();
        full.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        std::fs::write(&full, text)?;
        Ok(before)
    });
    match written {
        Ok(before) => changed(path, before.as_deref(), text),
        Err(error) => {
            let message = format!("the file '{path}' was not written: {error}");
            Activity::Error { message, will_retry: false }
        }
    }
}

fn changed(path: &str, before: Option<&str>, after: &str) -> Activity {
    let (change, diff) = shape::change(path, before, Some(after));
    Activity::FileChange { changes: vec![change], diff }
}

/// A path below the directory, by its words and, as far as it exists, by its links.
pub(super) fn inside(dir: &Path, path: &str) -> io::Result<PathBuf> {
    let outside = || io::Error::new(io::ErrorKind::PermissionDenied, "it is outside the session's directory");
    let relative = Path::new(path);
    if path.is_empty()
        || !relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
    {
        return Err(outside());
    }
    let root = dir.canonicalize()?;
    let full = root.join(relative);
    let mut there = full.as_path();
    while !there.exists() && there.symlink_metadata().is_err() {
        there = there.parent().ok_or_else(outside)?;
    }
    if there.canonicalize()?.starts_with(&root) { Ok(full) } else { Err(outside()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::event::{ChangeKind, FileChange};

    #[test]
    fn a_file_is_written_below_the_directory_and_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let cwd = dir.path().join("w");
        std::fs::create_dir(&cwd).unwrap();
        std::os::unix::fs::symlink(outside.path(), cwd.join("link")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("new"), cwd.join("dangling")).unwrap();
        let change = |kind, added, removed| FileChange { path: "a/b.txt".into(), kind, added, removed };
        assert_eq!(
            write(&cwd, "a/b.txt", "one\ntwo\n"),
            Activity::FileChange {
                changes: vec![change(ChangeKind::Add, 2, 0)],
                diff: "--- /dev/null\n+++ b/a/b.txt\n@@ -0,0 +1,2 @@\n+one\n+two\n".into(),
            }
        );
        assert_eq!(
            write(&cwd, "a/b.txt", "one\n2\n"),
            Activity::FileChange {
                changes: vec![change(ChangeKind::Update, 1, 1)],
                diff: "--- a/a/b.txt\n+++ b/a/b.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n".into(),
            }
        );
        for path in ["", "../x", "/tmp/x", "a/../../x", "link/x", "dangling"] {
            assert!(matches!(write(&cwd, path, "x"), Activity::Error { .. }), "{path}");
        }
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
