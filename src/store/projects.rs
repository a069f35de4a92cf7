//! The user's projects: in which directories instances were started, for the browser. `projects.json` in the user's
//! state folder; losing it loses nothing else.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    StoreError,
    fs::{Disk, read_bounded},
    instance::private,
    lock::with_lock,
    replace::replace_if_changed,
};
use crate::protocol::event::Stamp;

const PROJECTS: &str = "projects.json";
/// Projects that are remembered; the oldest goes first.
pub const MAX_PROJECTS: usize = 500;
const MAX_BYTES: u64 = 4 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(2);

/// A known project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Absolute.
    pub dir: PathBuf,
    /// RFC 3339.
    pub used_at: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct File {
    projects: Vec<Project>,
}

/// Puts a directory first. One whose path is not UTF-8 is not remembered.
pub fn remember(state_home: &Path, working_dir: &Path) -> Result<(), StoreError> {
    remember_at(state_home, working_dir, Stamp::now())
}

fn remember_at(state_home: &Path, working_dir: &Path, now: Stamp) -> Result<(), StoreError> {
    if working_dir.to_str().is_none() {
        return Ok(());
    }
    private().recursive(true).create(state_home).map_err(StoreError::io("create", state_home))?;
    with_lock(&state_home.join("projects.json.lock"), PATIENCE, || {
        let mut projects = all(state_home);
        projects.retain(|project| project.dir != working_dir);
        projects.insert(0, Project { dir: working_dir.to_owned(), used_at: now.to_string() });
        projects.truncate(MAX_PROJECTS);
        let path = state_home.join(PROJECTS);
        let text = serde_json::to_vec_pretty(&File { projects });
        let text = text.map_err(|error| StoreError::io("write", &path)(error.into()))?;
        replace_if_changed(&Disk, &path, &text).map(|_| ()).map_err(StoreError::io("write", &path))
    })
}

/// The folder of the demos in the state folder.
pub const DEMOS: &str = "demo";

/// All known projects, the last used first. A missing or damaged index knows none.
pub fn all(state_home: &Path) -> Vec<Project> {
    let read = read_bounded(&state_home.join(PROJECTS), MAX_BYTES).ok();
    let file: Option<File> = read.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    file.unwrap_or_default().projects
}

/// All other directories with instances: the known projects, then the demos that are kept.
pub fn others(state_home: &Path, own: &Path) -> Vec<PathBuf> {
    let known = all(state_home).into_iter().map(|project| project.dir);
    known.chain(demos(state_home)).filter(|dir| dir != own).collect()
}

fn demos(state_home: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(state_home.join(DEMOS)).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_used_project_comes_first_and_only_once_and_the_oldest_is_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let now = Stamp::parse("2026-11-24T06:43:56.000000+01:00").unwrap();
        for dir in ["/a", "/b", "/a"] {
            remember_at(home.path(), Path::new(dir), now).unwrap();
        }
        let dirs = || all(home.path()).into_iter().map(|project| project.dir).collect::<Vec<_>>();
        assert_eq!(dirs(), [PathBuf::from("/a"), PathBuf::from("/b")]);
        std::fs::write(home.path().join(PROJECTS), "{\"proj").unwrap();
        assert!(dirs().is_empty());
        let many =
            (0..MAX_PROJECTS).map(|n| Project { dir: format!("/{n}").into(), used_at: now.to_string() });
        let file = File { projects: many.collect() };
        std::fs::write(home.path().join(PROJECTS), serde_json::to_vec(&file).unwrap()).unwrap();
        remember_at(home.path(), Path::new("/new"), now).unwrap();
        assert_eq!((dirs().len(), dirs()[0].clone()), (MAX_PROJECTS, PathBuf::from("/new")));
        assert_eq!(dirs()[MAX_PROJECTS - 1], PathBuf::from(format!("/{}", MAX_PROJECTS - 2)));
    }
}
