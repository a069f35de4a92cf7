//! What is in a worktree: whether it is the one that was made, what is not committed, what is in no other branch.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use super::{
    At, Fault, Git,
    call::refused,
    plan::{self, Dirty},
};
use crate::{protocol::tree::Tree, text::say::count};

/// Bytes of a `.git` file that are looked at.
const LINK: u64 = 8 * 1024;

/// The worktree, named without its `.git` file.
pub(super) fn tree_at(tree: &Tree) -> At {
    At::Tree { git_dir: PathBuf::from(&tree.git_dir), top: PathBuf::from(&tree.worktree) }
}

/// The main tree, named by its recorded git folder.
pub(super) fn main_at(tree: &Tree) -> At {
    At::Tree { git_dir: PathBuf::from(&tree.main_git_dir), top: PathBuf::from(&tree.main) }
}

/// How the work stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub dirty: Vec<Dirty>,
    /// The newest commit.
    pub tip: String,
    /// Commits since the base.
    pub ahead: u64,
    /// All its commits are in another branch too (or there are none).
    pub safe: bool,
}

impl State {
    /// True where removing the worktree loses nothing.
    pub fn loses_nothing(&self) -> bool {
        self.dirty.is_empty() && self.safe
    }

    /// In a few words.
    pub fn words(&self) -> String {
        match (self.dirty.len(), self.ahead) {
            (0, 0) => "nothing was changed".to_owned(),
            (0, ahead) => count(ahead as usize, "commit"),
            (dirty, 0) => format!("{} without a commit", count(dirty, "file")),
            (dirty, ahead) => {
                format!("{} and {} without a commit", count(ahead as usize, "commit"), count(dirty, "file"))
            }
        }
    }
}

/// Looks.
pub async fn look(git: &Git, tree: &Tree) -> Result<State, Fault> {
    is_itself(tree)?;
    let at = tree_at(tree);
    let on = git.run(&at, &["symbolic-ref", "-q", "HEAD"]).await?;
    let wanted = format!("refs/heads/{}", tree.branch);
    if on.line() != wanted {
        let other =
            if on.ok() { format!("on the branch '{}'", on.line()) } else { "on no branch".to_owned() };
        let message = format!("'{}' is {other} instead of '{}'", tree.worktree, tree.branch);
        return Err(Fault::new(message, "switch it back there: git switch BRANCH"));
    }
    let status = git.must(&at, &["status", "--porcelain=v1", "-z", "--untracked-files=all"]).await?;
    let tip = git.line(&at, &["rev-parse", "--verify", "HEAD^{commit}"]).await?;
    let range = format!("{}..{tip}", tree.base);
    let ahead = git.line(&at, &["rev-list", "--count", &range]).await?.parse().unwrap_or(1);
    let safe = ahead == 0 || in_another_branch(git, tree, &tip).await?;
    Ok(State { dirty: plan::dirty(&status), tip, ahead, safe })
}

async fn in_another_branch(git: &Git, tree: &Tree, tip: &str) -> Result<bool, Fault> {
    let args = ["for-each-ref", "--contains", tip, "--format=%(refname)", "refs/heads", "refs/remotes"];
    let said = git.run(&main_at(tree), &args).await?;
    if !said.ok() {
        return Err(refused(&args, &said));
    }
    let own = format!("refs/heads/{}", tree.branch);
    Ok(said.out.lines().any(|name| name != own && !name.starts_with("refs/heads/zwarm/")))
}

/// That the folder is there and its `.git` file points where it did when it was made.
pub(super) fn is_itself(tree: &Tree) -> Result<(), Fault> {
    let top = Path::new(&tree.worktree);
    if !top.is_dir() {
        return Err(gone(tree));
    }
    let link = top.join(".git");
    let plain = link.symlink_metadata().is_ok_and(|meta| meta.is_file());
    let mut text = String::new();
    if plain && let Ok(file) = std::fs::File::open(&link) {
        let _ = file.take(LINK).read_to_string(&mut text);
    }
    let points = plan::gitdir(&text).and_then(|path| top.join(path).canonicalize().ok());
    let wanted = Path::new(&tree.git_dir).canonicalize().ok();
    if points.is_some() && points == wanted {
        return Ok(());
    }
    let message = format!("the file '{}' is not as git has made it: nothing was done", link.display());
    Err(Fault::new(message, format!("look at it by hand; it should say: gitdir: {}", tree.git_dir)))
}

/// The error of a worktree that is not there.
pub fn gone(tree: &Tree) -> Fault {
    Fault::new(
        format!("the worktree '{}' is not there any more", tree.worktree),
        format!(
            "what was committed is still in the branch '{}'; 'git worktree prune' forgets it",
            tree.branch
        ),
    )
}
