//! What executors touch, by real paths: which paths that they name are outside of what the run may use, and (see
//! [`super::guarded`]) which files that decide what runs have changed while they worked. Looks only; what follows is
//! decided elsewhere.

use std::path::{Component, Path, PathBuf};

use super::{Driver, guarded::HOOKS};
use crate::{
    agent::effect::Input,
    executors::News,
    protocol::{SessionId, event::Activity},
};

/// Paths of one request or activity that are looked at.
const MAX_PATHS: usize = 200;

impl Driver {
    /// A turn begins: how the guarded files are now.
    pub(super) fn guard(&mut self, session: SessionId) {
        if let Some(dir) = self.dir_of(session) {
            self.running.guarded.begin(session, &dir);
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
                paths.iter().for_each(|path| self.running.guarded.names(session, path));
                let paths = self.outside(session, &paths);
                (!paths.is_empty()).then_some(Input::WroteOutside { session, paths })
            }
            News::Activity { activity: Activity::Shell { command, .. }, .. } => {
                self.running.guarded.names(session, command);
                None
            }
            News::TurnEnded { turn, .. } => {
                let found = self.running.guarded.end(session)?;
                Some(Input::ChangedGuarded { session, turn: *turn, found })
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
}
