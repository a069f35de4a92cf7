//! Files that decide what runs: whether they change while an executor's turn runs, and whose turn that was. Only what is
//! on disk tells; where several work in one directory, who has named the file is the one, else it may be each of them.

use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{agent::effect::Changed, protocol::SessionId};

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
pub(super) const HOOKS: &str = ".git/hooks";
/// Hooks that are looked at.
const MAX_HOOKS: usize = 64;
/// Words of a session that name such a file: most that are kept of a turn, and bytes of each.
const MAX_NAMED: usize = 200;
const MAX_WORDS: usize = 4_096;

/// A file as it was: what tells that it is another one now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

/// The guarded files of a directory. Missing ones count: a file that was made is a change too.
type Marks = BTreeMap<PathBuf, Mark>;

/// A turn that runs.
#[derive(Debug)]
struct Turn {
    dir: PathBuf,
    before: Marks,
    /// Paths and commands of its activities that may name such a file.
    named: Vec<String>,
}

impl Turn {
    fn has_named(&self, path: &str) -> bool {
        self.named.iter().any(|words| words.contains(path))
    }
}

/// The turns that run, by session.
#[derive(Debug, Default)]
pub(super) struct Guarded {
    turns: BTreeMap<SessionId, Turn>,
}

impl Guarded {
    /// A turn begins.
    pub(super) fn begin(&mut self, session: SessionId, dir: &Path) {
        let turn = Turn { dir: dir.to_owned(), before: marks(dir), named: Vec::new() };
        self.turns.insert(session, turn);
    }

    /// A session has done something to a path, or has run a command.
    pub(super) fn names(&mut self, session: SessionId, words: &str) {
        let Some(turn) = self.turns.get_mut(&session) else { return };
        let may = GUARDED.iter().chain([&HOOKS]).any(|path| words.contains(path));
        if may && turn.named.len() < MAX_NAMED {
            turn.named.push(crate::text::cut::at_most(words, MAX_WORDS).to_owned());
        }
    }

    /// A turn ends: what has changed since it began and is not another one's. Each change is told once.
    pub(super) fn end(&mut self, session: SessionId) -> Option<Changed> {
        let turn = self.turns.remove(&session)?;
        let after = marks(&turn.dir);
        let here = |other: &&mut Turn| other.dir == turn.dir;
        let mut others: Vec<_> = self.turns.iter_mut().filter(|(_, other)| here(other)).collect();
        let mut found = Changed::default();
        for path in changed(&turn.dir, &turn.before, &after) {
            let own = turn.has_named(&path);
            if !own && others.iter().any(|(_, other)| other.has_named(&path)) {
                continue;
            }
            let file = turn.dir.join(&path);
            for (_, other) in &mut others {
                match after.get(&file) {
                    Some(mark) => other.before.insert(file.clone(), *mark),
                    None => other.before.remove(&file),
                };
            }
            if own { found.own.push(path) } else { found.unknown.push(path) }
        }
        if !found.unknown.is_empty() {
            found.others = others.iter().map(|(id, _)| **id).collect();
        }
        (!found.own.is_empty() || !found.unknown.is_empty()).then_some(found)
    }
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
    use super::*;

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

    #[test]
    fn a_change_among_parallel_turns_is_told_once_of_who_named_it_or_of_all() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        std::fs::create_dir_all(dir.join(".claude")).unwrap();
        let [one, two, three] = [1, 2, 3].map(|n| SessionId(uuid::Uuid::from_u128(n)));
        let mut guarded = Guarded::default();
        let elsewhere = tempfile::tempdir().unwrap();
        guarded.begin(one, dir);
        guarded.begin(two, dir);
        guarded.begin(three, elsewhere.path());
        std::fs::write(dir.join(".env"), "a").unwrap();
        std::fs::write(dir.join(".mcp.json"), "{}").unwrap();
        std::fs::write(dir.join(".claude/settings.json"), "{}").unwrap();
        guarded.names(two, "echo a > .env");
        guarded.names(one, &dir.join(".claude/settings.json").display().to_string());
        let strings = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let first = Changed {
            own: strings(&[".claude/settings.json"]),
            unknown: strings(&[".mcp.json"]),
            others: vec![two],
        };
        assert_eq!(guarded.end(one), Some(first));
        let second = Changed { own: strings(&[".env"]), ..Changed::default() };
        assert_eq!(guarded.end(two), Some(second), "what was told of the first is not told again");
        assert_eq!((guarded.end(three), guarded.end(one)), (None, None));
    }
}
