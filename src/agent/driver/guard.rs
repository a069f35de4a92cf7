//! What executors touch, by real paths: which paths that they name are outside of what the run may use, and which files
//! that steer agents or git have changed while one of them worked. Looks only; what follows is decided elsewhere.

use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt,
    path::{Component, Path, PathBuf},
};

use super::Driver;
use crate::{
    agent::effect::Input,
    executors::News,
    protocol::{SessionId, event::Activity},
};

/// Files that decide what runs, or what may: below a session's directory.
const GUARDED: [&str; 8] = [
    ".zwarm/config.toml",
    ".codex/config.toml",
    ".claude/settings.json",
    ".claude/settings.local.json",
    ".mcp.json",
    ".env",
    ".git",
    ".git/config",
];
const HOOKS: &str = ".git/hooks";
/// Hooks that are looked at.
const MAX_HOOKS: usize = 64;
/// Paths of one request or activity that are looked at.
const MAX_PATHS: usize = 200;

/// A file as it was: what tells that it is another one now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

/// The guarded files of a directory. Missing ones count: a file that was made is a change too.
pub(super) type Marks = BTreeMap<PathBuf, Mark>;

impl Driver {
    /// A turn begins: how the guarded files are now.
    pub(super) fn guard(&mut self, session: SessionId) {
        if let Some(dir) = self.dir_of(session) {
            self.running.guarded.insert(session, marks(&dir));
        }
    }

    /// Looks at what a session's news name before the machine hears of them; what it finds comes first.
    pub(super) fn look_at(&mut self, session: SessionId, news: &mut News) -> Option<Input> {
        match news {
            News::Asked(request) if !request.paths.is_empty() => {
                request.outside = self.outside(session, &request.paths);
                let cwd = self.dir_of(session).unwrap_or_default();
                let steers = |path: &&String| real(&cwd, path).is_some_and(|real| steers(&cwd, &real));
                let more: Vec<_> = request.paths.iter().filter(steers).cloned().collect();
                request.outside.extend(more);
                None
            }
            News::Activity { activity: Activity::FileChange { changes, .. }, .. } => {
                let paths: Vec<_> = changes.iter().map(|change| change.path.clone()).collect();
                let paths = self.outside(session, &paths);
                (!paths.is_empty()).then_some(Input::WroteOutside { session, paths })
            }
            News::TurnEnded { turn, .. } => {
                let before = self.running.guarded.remove(&session)?;
                let dir = self.dir_of(session)?;
                let paths = changed(&dir, &before, &marks(&dir));
                (!paths.is_empty()).then_some(Input::ChangedGuarded { session, turn: *turn, paths })
            }
            _ => None,
        }
    }

    fn dir_of(&self, session: SessionId) -> Option<PathBuf> {
        let found = self.machine.state.sessions.get(session)?;
        Some(PathBuf::from(&found.who.working_dir))
    }

    fn is_isolated(&self, session: SessionId) -> bool {
        self.machine.state.sessions.get(session).is_some_and(|found| found.who.isolated.is_some())
    }

    fn outside(&self, session: SessionId, paths: &[String]) -> Vec<String> {
        let Some(cwd) = self.dir_of(session) else { return paths.to_vec() };
        let rules = &self.machine.rules;
        let own = &rules.place.working_dir;
        let allowed = rules.config.orchestrator.allowed_dirs.as_deref();
        if allowed.is_some_and(|dirs| dirs.iter().any(|dir| dir == "*")) {
            return Vec::new();
        }
        let mut roots: Vec<PathBuf> = match allowed {
            Some(dirs) => dirs.iter().filter_map(|dir| own.join(dir).canonicalize().ok()).collect(),
            // Whoever has a worktree of its own has no business in the main one.
            None if self.is_isolated(session) => Vec::new(),
            None => own.canonicalize().into_iter().collect(),
        };
        roots.extend(cwd.canonicalize());
        outside(&roots, &cwd, paths)
    }
}

/// The paths that are not below any of these (real) roots, as they were named. Those beyond the bound count as outside.
fn outside(roots: &[PathBuf], cwd: &Path, paths: &[String]) -> Vec<String> {
    let inside =
        |path: &str| real(cwd, path).is_some_and(|real| roots.iter().any(|root| real.starts_with(root)));
    let out = |(at, path): &(usize, &String)| *at >= MAX_PATHS || !inside(path);
    paths.iter().enumerate().filter(out).map(|(_, path)| path.clone()).collect()
}

/// Where a path really leads, its last parts perhaps not yet there. `None`: that cannot be said (a shell's words, a link
/// into nothing, `..` below what is not there).
fn real(cwd: &Path, path: &str) -> Option<PathBuf> {
    if path.starts_with('~') || path.contains(['$', '`', '*', '?', '\0']) {
        return None;
    }
    let whole = cwd.join(path);
    let mut there = whole.as_path();
    let mut rest = Vec::new();
    loop {
        if let Ok(real) = there.canonicalize() {
            return Some(rest.into_iter().rev().fold(real, |real, part| real.join(part)));
        }
        if there.symlink_metadata().is_ok() {
            return None;
        }
        match there.components().next_back()? {
            Component::Normal(part) => rest.push(part.to_owned()),
            _ => return None,
        }
        there = there.parent()?;
    }
}

/// Whether a real path below the directory is of those that decide what runs.
fn steers(dir: &Path, real: &Path) -> bool {
    let Some(below) = dir.canonicalize().ok().and_then(|dir| real.strip_prefix(dir).ok().map(Path::to_owned))
    else {
        return false;
    };
    [".zwarm", ".codex", ".claude", ".mcp.json", ".env", ".git/config", HOOKS]
        .iter()
        .any(|it| below.starts_with(it))
}

fn marks(dir: &Path) -> Marks {
    let mut files: Vec<PathBuf> = GUARDED.iter().map(|name| dir.join(name)).collect();
    let hooks = std::fs::read_dir(dir.join(HOOKS)).into_iter().flatten().flatten();
    files.extend(hooks.take(MAX_HOOKS).map(|entry| entry.path()));
    files.into_iter().filter_map(|file| Some((file.clone(), mark(&file)?))).collect()
}

fn mark(file: &Path) -> Option<Mark> {
    let found = file.symlink_metadata().ok()?;
    // A folder changes with what is in it: only that it is another one counts.
    let (size, changed) =
        if found.is_dir() { (0, (0, 0)) } else { (found.size(), (found.mtime(), found.mtime_nsec())) };
    Some(Mark { inode: found.ino(), size, changed })
}

/// Files that were made, changed or removed, relative to the directory.
fn changed(dir: &Path, before: &Marks, after: &Marks) -> Vec<String> {
    let mut all: Vec<&PathBuf> = before.keys().chain(after.keys()).collect();
    all.sort();
    all.dedup();
    let other = all.into_iter().filter(|file| before.get(*file) != after.get(*file));
    other.map(|file| file.strip_prefix(dir).unwrap_or(file).display().to_string()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_is_outside_by_where_it_really_leads() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        let (work, other) = (home.join("work"), home.join("other"));
        std::fs::create_dir_all(work.join("sub")).unwrap();
        std::fs::create_dir_all(&other).unwrap();
        symlink(&other, work.join("link")).unwrap();
        symlink(other.join("nothing"), work.join("dangling")).unwrap();
        std::fs::write(other.join("secret"), "x").unwrap();
        symlink(other.join("secret"), work.join("file-link")).unwrap();
        let inside = ["a.txt", "sub/new/deep.txt", "sub/../a.txt", "./x", "sub"];
        let out = [
            "../other/x",
            "link/x",
            "dangling",
            "file-link",
            "sub/../../other/x",
            "new/../../other/x",
            "~/x",
            "$HOME/x",
            "/etc/passwd",
        ];
        let roots = [work.clone()];
        let named: Vec<String> = inside.iter().chain(&out).map(|path| (*path).to_owned()).collect();
        assert_eq!(outside(&roots, &work, &named), out);
        assert_eq!(outside(&roots, &work, &[work.join("a").display().to_string()]), Vec::<String>::new());
        let steering = |path: &str| steers(&work, &real(&work, path).unwrap());
        assert!(
            steering(".git/hooks/x")
                && steering("sub/../.claude/new/settings.json")
                && !steering(".gitignore")
        );
        // Swapped for a link between two looks: each look sees what is there then.
        std::fs::remove_dir(work.join("sub")).unwrap();
        symlink(&other, work.join("sub")).unwrap();
        assert_eq!(outside(&roots, &work, &["sub/new".to_owned()]), ["sub/new"]);
    }

    #[test]
    fn a_guarded_file_that_is_made_changed_or_removed_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        std::fs::create_dir_all(dir.join(".git/hooks")).unwrap();
        std::fs::create_dir_all(dir.join(".claude")).unwrap();
        std::fs::write(dir.join(".git/config"), "a").unwrap();
        std::fs::write(dir.join(".env"), "a").unwrap();
        let before = marks(dir);
        std::fs::write(dir.join("other.txt"), "a").unwrap();
        assert_eq!(changed(dir, &before, &marks(dir)), Vec::<String>::new());
        std::fs::write(dir.join(".git/config"), "longer").unwrap();
        std::fs::write(dir.join(".git/hooks/pre-commit"), "evil").unwrap();
        std::fs::write(dir.join(".claude/settings.json"), "{}").unwrap();
        std::fs::remove_file(dir.join(".env")).unwrap();
        let told = changed(dir, &before, &marks(dir));
        assert_eq!(told, [".claude/settings.json", ".env", ".git/config", ".git/hooks/pre-commit"]);
    }
}
