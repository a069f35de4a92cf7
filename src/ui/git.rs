//! Asking git what has changed in a directory. Blocking; git gets no terminal, takes no lock and runs no program that
//! the repository names.

use std::{
    io::Read,
    path::Path,
    process::{Command, Stdio},
};

use crate::protocol::tree::Tree;

/// Bytes of the diff that are read.
const DIFF: u64 = 8 << 20;
/// New files that are shown with their text.
const NEW_FILES: usize = 100;

/// Where git looks. In the worktree of a session it is told its git folder: an executor may have written the file that
/// names it.
#[derive(Clone, Copy)]
struct Place<'a> {
    dir: &'a Path,
    git_dir: Option<&'a str>,
}

fn git(place: Place<'_>, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(place.dir).args(["-c", "core.quotepath=off", "-c", "core.fsmonitor=false"]);
    if let Some(git_dir) = place.git_dir {
        let mut top = std::ffi::OsString::from("--work-tree=");
        top.push(place.dir);
        command.arg(format!("--git-dir={git_dir}")).arg(top);
    }
    command.args(args);
    command.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_PAGER", "cat").stdin(Stdio::null());
    command
}

/// The bounded output of git; it is killed at the bound. `ok`: exit codes that are no failure.
fn output(mut command: Command, bound: u64, ok: &[i32]) -> Result<(String, bool), String> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("git cannot be started: {error}"))?;
    let mut bytes = Vec::new();
    if let Some(out) = child.stdout.take() {
        out.take(bound + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    }
    let cut = bytes.len() as u64 > bound;
    if cut {
        bytes.truncate(bound as usize);
        let _ = child.kill();
    }
    let mut said = Vec::new();
    if let Some(err) = child.stderr.take() {
        let _ = err.take(4_096).read_to_end(&mut said);
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if !cut && !status.code().is_some_and(|code| ok.contains(&code)) {
        let said = String::from_utf8_lossy(&said);
        let line = said.lines().next().unwrap_or("git has failed");
        return Err(format!("git: {}", line.trim_start_matches("fatal: ")));
    }
    Ok((String::from_utf8_lossy(&bytes).into_owned(), cut))
}

/// The changes below a directory since a commit (`None`: since the last one), new files with them.
pub(super) fn changes(dir: &Path, base: Option<&str>) -> Result<String, String> {
    all(Place { dir, git_dir: None }, base)
}

/// The changes in the worktree of a session since the work in it began, committed or not.
pub(super) fn tree_changes(tree: &Tree) -> Result<String, String> {
    let dir = Path::new(&tree.worktree);
    if !dir.is_dir() {
        return Err(format!("the worktree '{}' is not there any more", tree.worktree));
    }
    all(Place { dir, git_dir: Some(&tree.git_dir) }, Some(&tree.base))
}

fn all(dir: Place<'_>, base: Option<&str>) -> Result<String, String> {
    let is_hash =
        |text: &&str| (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let base = base.filter(is_hash).unwrap_or("HEAD");
    let plain = [
        "--ignore-submodules=all",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--relative",
        "--src-prefix=a/",
        "--dst-prefix=b/",
    ];
    let args: Vec<&str> = ["diff"].into_iter().chain(plain).chain([base, "--"]).collect();
    let (mut diff, mut cut) = output(git(dir, &args), DIFF, &[0])?;
    let others = output(git(dir, &["ls-files", "-z", "--others", "--exclude-standard"]), 1 << 20, &[0]);
    let others = others.map(|(text, _)| text).unwrap_or_default();
    let names: Vec<&str> = others.split('\0').filter(|name| !name.is_empty()).collect();
    for name in names.iter().take(NEW_FILES) {
        let left = DIFF.saturating_sub(diff.len() as u64);
        if left == 0 {
            break;
        }
        let args: Vec<&str> = ["diff", "--no-index"]
            .into_iter()
            .chain(plain.into_iter().filter(|arg| *arg != "--relative"))
            .chain(["--", "/dev/null", name])
            .collect();
        // 1: they differ.
        if let Ok((text, more)) = output(git(dir, &args), left, &[0, 1]) {
            diff.push_str(&text);
            cut |= more;
        }
    }
    if names.len() > NEW_FILES {
        tracing::info!(left_out = names.len() - NEW_FILES, "new files are not shown in the changes");
    }
    if cut {
        diff.push_str("\n(the rest was cut: the diff is too long)\n");
    }
    Ok(diff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_and_new_files_are_told_and_a_base_that_is_no_hash_is_not_given_to_git() {
        let dir = tempfile::tempdir().unwrap();
        let run = |args: &[&str]| {
            let identity =
                ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"];
            let args: Vec<&str> = identity.iter().chain(args).copied().collect();
            assert!(
                git(Place { dir: dir.path(), git_dir: None }, &args)
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status()
                    .unwrap()
                    .success()
            );
        };
        run(&["init", "-q"]);
        std::fs::write(dir.path().join("a.txt"), "one\n").unwrap();
        run(&["add", "a.txt"]);
        run(&["commit", "-q", "-m", "first"]);
        std::fs::write(dir.path().join("a.txt"), "two\n").unwrap();
        std::fs::write(dir.path().join("new file.txt"), "new\n").unwrap();
        let diff = changes(dir.path(), Some("--output=x")).unwrap();
        let mut view = crate::ui::render::diff::DiffView::default();
        view.set(&diff);
        let files: Vec<_> = view.files.iter().map(|file| (&*file.path, file.added, file.removed)).collect();
        assert_eq!(files, [("a.txt", 1, 1), ("new file.txt", 1, 0)]);
        assert!(!dir.path().join("x").exists());
    }

    #[test]
    fn a_directory_without_a_repository_is_said_to_be_one() {
        let dir = tempfile::tempdir().unwrap();
        assert!(changes(dir.path(), None).unwrap_err().starts_with("git: "));
    }
}
