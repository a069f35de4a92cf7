//! What becomes of the work: kept, merged, discarded, tidied.
//!
//! A merge happens in the session's own worktree; the main tree is only ever moved forward, by git itself, which
//! refuses where that would touch a file that is not committed there. So a conflict or a dirty file changes nothing.

use std::{path::Path, time::Duration};

use super::{
    At, Fault, Git,
    call::{LONG, refused},
    plan::{self, some},
    records,
    work::{self, State, main_at, tree_at},
};
use crate::{
    protocol::tree::{Outcome, Settle, Settled, Tree},
    text::say::count,
};

/// How often a main tree that another git is writing to is tried again.
const TRIES: usize = 20;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(150);
/// Files that are told of.
const FILES: usize = 200;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub settled: Settled,
    /// The tree as it is now, where it changed: the work begins from another commit.
    pub tree: Option<Tree>,
}

impl From<Settled> for Told {
    fn from(settled: Settled) -> Self {
        Self { settled, tree: None }
    }
}

/// Does it. `title`: the first line of commits, for example `s1 (codex): Write the parser`.
pub async fn settle(git: &Git, tree: &Tree, how: Settle, title: &str) -> Told {
    let git = git.clone().who_commits(&main_at(tree)).await;
    let done = match how {
        Settle::Keep => keep(&git, tree).await,
        Settle::Merge => merge(&git, tree, title).await,
        Settle::Discard => discard(&git, tree, title).await,
        Settle::Tidy => tidy(&git, tree).await,
    };
    done.unwrap_or_else(|fault| {
        let hint = if fault.hint.is_empty() { String::new() } else { format!(" (hint: {})", fault.hint) };
        let message = format!("{}{hint}", fault.message);
        Settled { outcome: Outcome::Refused, message, ..Settled::default() }.into()
    })
}

async fn keep(git: &Git, tree: &Tree) -> Result<Told, Fault> {
    let state = work::look(git, tree).await?;
    let message = format!("kept: '{}' in '{}' ({})", tree.branch, tree.worktree, state.words());
    Ok(Settled { outcome: Outcome::Kept, commit: Some(state.tip), message, ..Settled::default() }.into())
}

/// Commits what is not; the newest commit.
async fn commit(git: &Git, tree: &Tree, state: &State, title: &str) -> Result<String, Fault> {
    let at = tree_at(tree);
    if state.dirty.is_empty() {
        return Ok(state.tip.clone());
    }
    git.must(&at, &["add", "-A", "--", ":(top)"]).await?;
    if git.run(&at, &["diff", "--cached", "--quiet", "--ignore-submodules=none"]).await?.ok() {
        return Ok(state.tip.clone());
    }
    git.must(&at, &["commit", "-q", "--no-verify", "-m", title]).await?;
    git.line(&at, &["rev-parse", "HEAD"]).await
}

async fn merge(git: &Git, tree: &Tree, title: &str) -> Result<Told, Fault> {
    let state = work::look(git, tree).await?;
    commit(git, tree, &state, title).await?;
    let mut tree = tree.clone();
    let mut changed = false;
    for _ in 0..TRIES {
        let main = head_of(git, &tree).await?;
        match forward(git, &mut tree, &main, title, &mut changed).await? {
            Some(settled) => return Ok(Told { settled, tree: changed.then_some(tree) }),
            // Somebody else has moved the main tree meanwhile, or is about to.
            None => tokio::time::sleep(PAUSE).await,
        }
    }
    let message = format!("'{}' is being changed by somebody else all the time", tree.main);
    Err(Fault::new(message, "try it again"))
}

/// The branch and the commit of the main tree.
struct Head {
    branch: String,
    commit: String,
}

async fn head_of(git: &Git, tree: &Tree) -> Result<Head, Fault> {
    let at = main_at(tree);
    let named = git.run(&at, &["symbolic-ref", "-q", "--short", "HEAD"]).await?;
    if !named.ok() {
        let message = format!("'{}' is on no branch: there is nothing to merge into", tree.main);
        return Err(Fault::new(message, "switch it to a branch first"));
    }
    let git_dir = Path::new(&tree.main_git_dir);
    for busy in ["MERGE_HEAD", "rebase-merge", "rebase-apply", "CHERRY_PICK_HEAD", "REVERT_HEAD"] {
        if git_dir.join(busy).symlink_metadata().is_ok() {
            let message = format!("'{}' is in the middle of a merge or a rebase", tree.main);
            return Err(Fault::new(message, "end it first"));
        }
    }
    let commit = git.line(&at, &["rev-parse", "--verify", "HEAD^{commit}"]).await?;
    Ok(Head { branch: named.line(), commit })
}

/// Brings the branch onto the main one and moves that forward. `None`: it has moved meanwhile.
async fn forward(
    git: &Git,
    tree: &mut Tree,
    main: &Head,
    title: &str,
    changed: &mut bool,
) -> Result<Option<Settled>, Fault> {
    let at = tree_at(tree);
    let tip = git.line(&at, &["rev-parse", "HEAD"]).await?;
    let range = format!("{}..{tip}", tree.base);
    if git.line(&at, &["rev-list", "--count", &range]).await? == "0" {
        let message = format!("'{}' has changed nothing", tree.branch);
        return Ok(Some(Settled { outcome: Outcome::Nothing, message, ..Settled::default() }));
    }
    let files = changed_files(git, tree, &tip).await?;
    let onto = match tree.carried {
        true => rebased(git, tree, main, changed).await?,
        false => joined(git, tree, main, &tip, title).await?,
    };
    let commit = match onto {
        Ok(commit) => commit,
        Err(files) => {
            let message = format!(
                "'{}' and '{}' both changed {}: nothing was merged, the branch stays as it is",
                tree.branch,
                main.branch,
                some(&files)
            );
            let (outcome, commit) = (Outcome::Conflicts, Some(tip));
            return Ok(Some(Settled { outcome, commit, files, message, ..Settled::default() }));
        }
    };
    let args = ["merge", "-q", "--ff-only", &commit];
    let said = git.run_with(&main_at(tree), &args, &[], LONG).await?;
    if said.ok() {
        let message = format!("merged {} into '{}'", count(files.len(), "file"), main.branch);
        tree.base.clone_from(&commit);
        (tree.carried, *changed) = (false, true);
        let into = Some(main.branch.clone());
        let outcome = Outcome::Merged;
        let files = files.into_iter().take(FILES).collect();
        return Ok(Some(Settled { outcome, commit: Some(commit), into, files, message, removed: false }));
    }
    let moved = git.line(&main_at(tree), &["rev-parse", "HEAD"]).await? != main.commit;
    if moved || said.err.contains(".lock") {
        return Ok(None);
    }
    let files = plan::in_the_way(&said.err);
    if files.is_empty() {
        return Err(refused(&args, &said));
    }
    let message = format!(
        "'{}' has changes without a commit in {}: nothing was merged, the branch '{}' waits",
        tree.main,
        some(&files),
        tree.branch
    );
    Ok(Some(Settled {
        outcome: Outcome::Refused,
        commit: Some(commit),
        files,
        message,
        ..Settled::default()
    }))
}

async fn changed_files(git: &Git, tree: &Tree, tip: &str) -> Result<Vec<String>, Fault> {
    let args = ["diff", "--name-only", "-z", "--no-ext-diff", &tree.base, tip, "--"];
    Ok(plan::names(&git.must(&tree_at(tree), &args).await?))
}

/// The work without what was carried over, on top of the main branch. `Err`: the files in conflict.
async fn rebased(
    git: &Git,
    tree: &mut Tree,
    main: &Head,
    changed: &mut bool,
) -> Result<Result<String, Vec<String>>, Fault> {
    let at = tree_at(tree);
    let args = ["rebase", "-q", "--onto", &main.commit, &tree.base];
    let said = git.run_with(&at, &args, &[], LONG).await?;
    if !said.ok() {
        let files = unmerged(git, &at).await?;
        git.must(&at, &["rebase", "--abort"]).await?;
        return if files.is_empty() { Err(refused(&args, &said)) } else { Ok(Err(files)) };
    }
    tree.base.clone_from(&main.commit);
    (tree.carried, *changed) = (false, true);
    Ok(Ok(git.line(&at, &["rev-parse", "HEAD"]).await?))
}

/// The work and the main branch in one commit, the main branch as its first parent. `Err`: the files in conflict.
async fn joined(
    git: &Git,
    tree: &Tree,
    main: &Head,
    tip: &str,
    title: &str,
) -> Result<Result<String, Vec<String>>, Fault> {
    let at = tree_at(tree);
    let ancestor = async |old: &str, new: &str| {
        git.run(&at, &["merge-base", "--is-ancestor", old, new]).await.map(|said| said.ok())
    };
    if ancestor(&main.commit, tip).await? {
        return Ok(Ok(tip.to_owned()));
    }
    if ancestor(tip, &main.commit).await? {
        return Ok(Ok(main.commit.clone()));
    }
    let args = ["merge", "-q", "--no-ff", "--no-commit", &main.commit];
    let said = git.run_with(&at, &args, &[], LONG).await?;
    if !said.ok() {
        let files = unmerged(git, &at).await?;
        git.must(&at, &["merge", "--abort"]).await?;
        return if files.is_empty() { Err(refused(&args, &said)) } else { Ok(Err(files)) };
    }
    let whole = git.line(&at, &["write-tree"]).await?;
    let message = format!("Merge {title}");
    let args = ["commit-tree", &whole, "-p", &main.commit, "-p", tip, "-m", &message];
    let commit = git.line(&at, &args).await?;
    git.must(&at, &["reset", "-q", &commit]).await?;
    Ok(Ok(commit))
}

async fn unmerged(git: &Git, at: &At) -> Result<Vec<String>, Fault> {
    let text = git.must(at, &["diff", "--name-only", "-z", "--no-ext-diff", "--diff-filter=U"]).await?;
    Ok(plan::names(&text))
}

async fn discard(git: &Git, tree: &Tree, title: &str) -> Result<Told, Fault> {
    let state = work::look(git, tree).await?;
    let tip = commit(git, tree, &state, title).await?;
    remove(git, tree, &tip, true).await?;
    let nothing = tip == tree.base;
    let message = if nothing {
        format!("'{}' is removed; nothing was changed in it", tree.branch)
    } else {
        format!("'{}' is removed; until git cleans up: git branch NAME {tip}", tree.branch)
    };
    let commit = (!nothing).then_some(tip);
    Ok(Settled { outcome: Outcome::Discarded, commit, message, removed: true, ..Settled::default() }.into())
}

/// Removes what loses nothing by it.
async fn tidy(git: &Git, tree: &Tree) -> Result<Told, Fault> {
    let state = work::look(git, tree).await?;
    if !state.loses_nothing() {
        let message = format!("'{}' stays in '{}': {}", tree.branch, tree.worktree, state.words());
        return Ok(Settled { outcome: Outcome::Kept, message, ..Settled::default() }.into());
    }
    remove(git, tree, &state.tip, false).await?;
    let outcome = if state.ahead == 0 { Outcome::Nothing } else { Outcome::Merged };
    let message = format!("'{}' is removed: nothing is left in it", tree.branch);
    Ok(Settled { outcome, commit: Some(state.tip), message, removed: true, ..Settled::default() }.into())
}

/// Removes worktree and branch; git itself refuses a dirty one unless `force`, and a branch that has moved.
async fn remove(git: &Git, tree: &Tree, tip: &str, force: bool) -> Result<(), Fault> {
    let main = main_at(tree);
    let force: &[&str] = if force { &["--force"] } else { &[] };
    git.must(&main, &[&["worktree", "remove"][..], force, &[&tree.worktree]].concat()).await?;
    let name = format!("refs/heads/{}", tree.branch);
    git.must(&main, &["update-ref", "-d", &name, tip]).await?;
    records::forget(tree);
    Ok(())
}
