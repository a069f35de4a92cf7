//! The git worktree of an isolated session: where it is, and what becomes of the work in it.

use serde::{Deserialize, Serialize};

/// A worktree on a branch of its own. All paths are absolute and real; the two git folders are noted when the worktree
/// is made, because an executor may write the file that names one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// `zwarm/NAME/sN`.
    pub branch: String,
    /// Its top folder.
    pub worktree: String,
    /// The commit that the work began from: what the diff is made against.
    pub base: String,
    /// `base` is not a commit of the main branch: it also holds what was not committed there.
    #[serde(default)]
    pub carried: bool,
    /// The worktree's own git folder.
    pub git_dir: String,
    /// The top folder of the tree that the work goes back to.
    pub main: String,
    /// The git folder of that tree.
    pub main_git_dir: String,
    /// What the orchestrator and the human should know: what was carried over, what is missing.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// What is to become of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settle {
    /// It stays where it is, and nobody is reminded of it.
    Keep,
    /// It is committed and goes into the branch of the main tree.
    Merge,
    /// Worktree and branch are removed.
    Discard,
    /// Worktree and branch are removed where nothing is lost by that (never asked for by a client).
    Tidy,
}

/// How that went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    #[default]
    Kept,
    Merged,
    /// There was nothing to merge.
    Nothing,
    Discarded,
    /// Both sides changed the same lines: nothing was changed.
    Conflicts,
    /// It could not be done: nothing was changed.
    Refused,
}

/// What became of the work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    pub outcome: Outcome,
    /// The commit that holds the work: also after a discard, until git cleans up.
    #[serde(default)]
    pub commit: Option<String>,
    /// The branch that it went into.
    #[serde(default)]
    pub into: Option<String>,
    /// Files: merged, in conflict, or in the way.
    #[serde(default)]
    pub files: Vec<String>,
    /// One sentence for a person.
    pub message: String,
    /// Worktree and branch are gone.
    #[serde(default)]
    pub removed: bool,
}

impl Settled {
    /// True where the work needs nobody any more.
    pub fn is_done(&self) -> bool {
        self.removed || matches!(self.outcome, Outcome::Merged | Outcome::Nothing | Outcome::Discarded)
    }
}
