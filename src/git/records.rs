//! Which worktrees there are: a file `sN.json` beside each, so that they are found when their instance is gone.

use std::{
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::protocol::tree::Tree;

/// Bytes of a record.
const MAX: u64 = 256 * 1024;

/// A worktree that was made and not removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The folder of the instance that made it.
    pub instance: PathBuf,
    pub tree: Tree,
}

/// Writes the record of a worktree.
pub(super) fn write(folder: &Path, kept: &Kept) -> io::Result<()> {
    let name = Path::new(&kept.tree.worktree).file_name().unwrap_or_default().to_os_string();
    let mut file = std::fs::OpenOptions::new();
    let file = file.write(true).create(true).truncate(true).mode(0o600);
    let path = folder.join(name).with_extension("json");
    file.open(path)?.write_all(serde_json::to_string_pretty(kept)?.as_bytes())
}

/// Forgets the record of a worktree that is gone, and the folder when it was the last.
pub(super) fn forget(tree: &Tree) {
    let _ = std::fs::remove_file(Path::new(&tree.worktree).with_extension("json"));
    if let Some(folder) = Path::new(&tree.worktree).parent() {
        // Only where it is empty.
        let _ = std::fs::remove_dir(folder);
    }
}

/// All that there are below the folder of worktrees.
pub fn all(worktrees: &Path) -> Vec<Kept> {
    let mut found = Vec::new();
    for folder in std::fs::read_dir(worktrees).into_iter().flatten().flatten() {
        for entry in std::fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            let file = entry.path();
            let small = entry.metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= MAX);
            if !small || file.extension().is_none_or(|ending| ending != "json") {
                continue;
            }
            let read =
                std::fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
            // A record speaks of the folder beside it and of no other.
            let beside = file.canonicalize().unwrap_or(file).with_extension("");
            found.extend(read.filter(|kept| Path::new(&kept.tree.worktree) == beside));
        }
    }
    found.sort_by(|a, b| a.tree.worktree.cmp(&b.tree.worktree));
    found
}
