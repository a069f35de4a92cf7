//! A worktree is made.
//!
//! It begins from the last commit. What is not committed in the main tree is carried over (new files too, ignored ones
//! not): a commit that only this branch has holds it and is what the diff is made against. A merge brings back what
//! came after that commit, never what was carried over.

use std::{
    io::Read as _,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use super::{
    At, Fault, Git,
    call::{LONG, refused},
    plan::{self, some},
    records, work,
};
use crate::{protocol::tree::Tree, text::say::count};

/// New files that are carried over.
const NEW_FILES: usize = 5_000;
/// Bytes of new files that are carried over.
const NEW_BYTES: u64 = 64 << 20;
/// The key that is named where it cannot be done.
const KEY: &str = "executor.isolation";

/// Bytes of a small file that are looked at.
const BEGINNING: u64 = 64 * 1024;
const CARRIED: &str = "without a commit were carried over";

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Where the session is to work: an existing directory, real.
    pub dir: PathBuf,
    /// The run's name.
    pub run: String,
    /// The instance's folder; its name (the id) names the folder of its worktrees too.
    pub instance: PathBuf,
    /// `s1`, …
    pub short_id: String,
    /// The folder of all worktrees.
    pub worktrees: PathBuf,
    /// The run's own state folder, which is never carried over.
    pub state_dir: PathBuf,
}

impl Wish {
    fn id(&self) -> String {
        self.instance.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    pub tree: Tree,
    /// Where the session works: the worktree, or the same folder in it.
    pub cwd: PathBuf,
}

/// The repository as it was found.
struct Found {
    main: At,
    main_git_dir: PathBuf,
    top: PathBuf,
    /// The wished folder below `top`.
    prefix: PathBuf,
    head: String,
}

/// Makes it.
pub async fn open(git: &Git, wish: &Wish) -> Result<Made, Fault> {
    let found = find(git, &wish.dir).await?;
    make(git, wish, &found, None).await
}

/// Makes one for a fork of the session that works in `parent`: it begins with all that lies there. Its work is counted
/// from where that of the first began, and goes where that would go.
pub async fn fork(git: &Git, wish: &Wish, parent: &Tree) -> Result<Made, Fault> {
    work::is_itself(parent)?;
    let top = PathBuf::from(&parent.worktree);
    let prefix = wish.dir.strip_prefix(&top).unwrap_or(Path::new("")).to_owned();
    let (main, main_git_dir) = (work::tree_at(parent), PathBuf::from(&parent.git_dir));
    let head = git.line(&main, &["rev-parse", "--verify", "HEAD^{commit}"]).await?;
    make(git, wish, &Found { main, main_git_dir, top, prefix, head }, Some(parent)).await
}

async fn make(git: &Git, wish: &Wish, found: &Found, parent: Option<&Tree>) -> Result<Made, Fault> {
    let git = git.clone().who_commits(&found.main).await;
    let folder = wish.worktrees.join(wish.id());
    let failed = |what: &str, error: std::io::Error| {
        Fault::new(format!("'{}' cannot be {what}: {error}", folder.display()), "look at its permissions")
    };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|e| failed("made", e))?;
    let folder = folder.canonicalize().map_err(|e| failed("used", e))?;
    let mut notes = Vec::new();
    let carried = carry(&git, found, wish, &folder, &mut notes).await?;
    let base = carried.clone().unwrap_or_else(|| found.head.clone());
    let (branch, worktree) = add(&git, found, wish, &folder, &base).await?;
    let git_dir = git.line(&At::Dir(worktree.clone()), &["rev-parse", "--absolute-git-dir"]).await?;
    notes.extend(incomplete(&git, found, &worktree).await?);
    let tree = Tree {
        branch,
        worktree: text(&worktree),
        base: base.clone(),
        carried: carried.is_some(),
        git_dir,
        main: text(&found.top),
        main_git_dir: text(&found.main_git_dir),
        notes,
    };
    let tree = parent.map_or(tree.clone(), |parent| of_fork(tree, parent));
    // (Joined with nothing, a path gets a slash at its end.)
    let is_top = found.prefix.as_os_str().is_empty();
    let cwd = if is_top { worktree } else { worktree.join(&found.prefix) };
    if !cwd.is_dir() {
        undo(&git, found, &base, &tree).await;
        let message =
            format!("the folder '{}' holds nothing that git knows or would take", found.prefix.display());
        return Err(Fault::new(message, "put a file into it, or name another directory"));
    }
    let kept = records::Kept { instance: wish.instance.clone(), tree };
    if let Err(error) = records::write(&folder, &kept) {
        undo(&git, found, &base, &kept.tree).await;
        return Err(failed("written", error));
    }
    Ok(Made { tree: kept.tree, cwd })
}

/// The tree of a fork: another way from the same beginning to the same end.
fn of_fork(made: Tree, parent: &Tree) -> Tree {
    let note = format!("it began with all that lay in '{}'; a merge brings that too", parent.branch);
    let carried = |note: &&String| note.contains(CARRIED);
    let own = made.notes.iter().filter(|note| !carried(note));
    let notes = own.chain(parent.notes.iter().filter(carried)).cloned().chain([note]).collect();
    Tree {
        branch: made.branch,
        worktree: made.worktree,
        git_dir: made.git_dir,
        notes,
        base: parent.base.clone(),
        carried: parent.carried,
        main: parent.main.clone(),
        main_git_dir: parent.main_git_dir.clone(),
    }
}

/// The beginning of a small file. `None`: there is none.
fn beginning(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(BEGINNING).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What git does not put into a worktree.
async fn incomplete(git: &Git, found: &Found, worktree: &Path) -> Result<Vec<String>, Fault> {
    let mut notes = Vec::new();
    let modules = worktree.join(".gitmodules");
    if modules.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
        let args = ["config", "-z", "-f", &text(&modules), "--get-regexp", r"^submodule\..*\.path$"];
        let said = git.run(&found.main, &args).await?;
        let paths = plan::names(&said.out);
        let paths: Vec<_> = paths.iter().filter_map(|it| Some(it.split_once('\n')?.1.to_owned())).collect();
        notes.push(format!(
            "{} empty there ({}); executor.setup_command can fill them ('git submodule update --init'); what is \
             changed inside of one is not merged",
            if paths.len() == 1 { "a submodule is" } else { "submodules are" },
            some(&paths)
        ));
    }
    let attributes = beginning(&worktree.join(".gitattributes")).unwrap_or_default();
    if attributes.contains("filter=lfs") {
        let set =
            git.run(&found.main, &["config", "--get-regexp", r"^filter\.lfs\.(smudge|process)$"]).await?;
        if !set.ok() {
            let how = "'git lfs install' in the repository, or 'git lfs pull' in executor.setup_command";
            notes.push(format!("files of Git LFS are only pointers there: git-lfs is not set up ({how})"));
        }
    }
    Ok(notes)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The repository around a directory.
async fn find(git: &Git, dir: &Path) -> Result<Found, Fault> {
    let at = At::Dir(dir.to_owned());
    let off = format!("or set {KEY}: none");
    let shown = dir.display();
    let bare = git.run(&at, &["rev-parse", "--is-bare-repository"]).await?;
    if !bare.ok() {
        if bare.err.contains("not a git repository") {
            let message = format!("'{shown}' is not in a git repository, and {KEY} is 'worktree'");
            return Err(Fault::new(message, format!("run 'git init' and commit, {off}")));
        }
        return Err(refused(&["rev-parse"], &bare));
    }
    if bare.line() == "true" {
        let message = format!("'{shown}' is a bare repository, and {KEY} is 'worktree'");
        return Err(Fault::new(message, format!("work in a clone of it, {off}")));
    }
    let inside = git.run(&at, &["rev-parse", "--is-inside-work-tree"]).await?;
    if inside.line() != "true" {
        let message = format!("'{shown}' is no working tree of a git repository, and {KEY} is 'worktree'");
        return Err(Fault::new(message, format!("name the working tree, {off}")));
    }
    let head = git.run(&at, &["rev-parse", "--verify", "-q", "HEAD^{commit}"]).await?;
    if !head.ok() {
        let message = format!("the repository of '{shown}' has no commit yet, and {KEY} is 'worktree'");
        return Err(Fault::new(message, format!("commit something first, {off}")));
    }
    let top = PathBuf::from(git.line(&at, &["rev-parse", "--show-toplevel"]).await?);
    let prefix = PathBuf::from(git.line(&at, &["rev-parse", "--show-prefix"]).await?);
    let main_git_dir = PathBuf::from(git.line(&at, &["rev-parse", "--absolute-git-dir"]).await?);
    let main = At::Tree { git_dir: main_git_dir.clone(), top: top.clone() };
    Ok(Found { main, main_git_dir, top, prefix, head: head.line() })
}

/// A commit that holds HEAD and what is not committed; `None`: there is nothing.
async fn carry(
    git: &Git,
    found: &Found,
    wish: &Wish,
    folder: &Path,
    notes: &mut Vec<String>,
) -> Result<Option<String>, Fault> {
    let state = wish.state_dir.strip_prefix(&found.top).ok().filter(|path| !path.as_os_str().is_empty());
    let except = state.map(|path| format!(":(top,exclude,literal){}", path.display()));
    let all: Vec<&str> = std::iter::once(":(top)").chain(except.as_deref()).collect();
    let args = ["status", "--porcelain=v1", "-z", "--untracked-files=all", "--"];
    let status = git.must(&found.main, &[&args[..], &all[..]].concat()).await?;
    let dirty = plan::dirty(&status);
    if dirty.is_empty() {
        return Ok(None);
    }
    let paths: Vec<String> = dirty.iter().map(|it| it.path.clone()).collect();
    if dirty.iter().any(plan::Dirty::is_unmerged) {
        let message = format!("a merge is not over in '{}': {}", found.top.display(), some(&paths));
        return Err(Fault::new(message, "end it first"));
    }
    let new: Vec<&plan::Dirty> = dirty.iter().filter(|it| it.is_new()).collect();
    let size = |it: &&plan::Dirty| std::fs::symlink_metadata(found.top.join(&it.path)).map_or(0, |m| m.len());
    if new.len() > NEW_FILES || new.iter().map(size).sum::<u64>() > NEW_BYTES {
        let message =
            format!("{} that git does not know are too much to carry over", count(new.len(), "file"));
        return Err(Fault::new(message, format!("commit or ignore them, or set {KEY}: none")));
    }
    let index = folder.join(format!("index-{}", wish.short_id));
    let failed = |e: std::io::Error| Fault::new(format!("'{}' cannot be written: {e}", index.display()), "");
    match std::fs::copy(found.main_git_dir.join("index"), &index) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let made = snapshot(git, found, &index, &all).await;
    let _ = std::fs::remove_file(&index);
    let commit = made?;
    if commit.is_some() {
        notes.push(format!(
            "{} of '{}' {CARRIED}: {}; a merge does not bring them back",
            count(paths.len(), "file"),
            found.top.display(),
            some(&paths)
        ));
    }
    Ok(commit)
}

async fn snapshot(git: &Git, found: &Found, index: &Path, all: &[&str]) -> Result<Option<String>, Fault> {
    let env = [("GIT_INDEX_FILE", index)];
    let run = async |args: &[&str]| {
        let said = git.run_with(&found.main, args, &env, LONG).await?;
        if said.ok() { Ok(said.line()) } else { Err(refused(args, &said)) }
    };
    run(&[&["add", "-A", "--"][..], all].concat()).await?;
    let tree = run(&["write-tree"]).await?;
    if tree == git.line(&found.main, &["rev-parse", "HEAD^{tree}"]).await? {
        return Ok(None);
    }
    let message = "What was not committed when the session began";
    Ok(Some(run(&["commit-tree", &tree, "-p", &found.head, "-m", message]).await?))
}

/// Adds the worktree under the first name that is free.
async fn add(
    git: &Git,
    found: &Found,
    wish: &Wish,
    folder: &Path,
    base: &str,
) -> Result<(String, PathBuf), Fault> {
    for (n, branch) in plan::branches(&wish.run, &wish.id(), &wish.short_id).into_iter().enumerate() {
        let name = format!("refs/heads/{branch}");
        if git.run(&found.main, &["show-ref", "--verify", "-q", &name]).await?.ok() {
            continue;
        }
        let suffix = if n < 2 { String::new() } else { format!("-{n}") };
        let mut worktree = folder.join(format!("{}{suffix}", wish.short_id));
        if worktree.symlink_metadata().is_ok() {
            worktree = folder.join(format!("{}-{:04x}", wish.short_id, fastrand::u16(..)));
        }
        let place = text(&worktree);
        let args = ["worktree", "add", "-q", "--no-track", "-b", &branch, &place, base];
        let said = git.run_with(&found.main, &args, &[], LONG).await?;
        if said.ok() {
            return Ok((branch, worktree));
        }
        if said.err.contains("filter lfs failed") || said.err.contains("git-lfs") {
            let _ = git.run(&found.main, &["worktree", "remove", "--force", &place]).await;
            let _ = git.run(&found.main, &["update-ref", "-d", &name, base]).await;
            let message = format!("the files of Git LFS cannot be fetched: {}", plan::complaint(&said.err));
            return Err(Fault::new(
                message,
                format!("install git-lfs ('git lfs install'), or set {KEY}: none"),
            ));
        }
        // Another run was quicker.
        if !said.err.contains("already exists") {
            return Err(refused(&args, &said));
        }
    }
    Err(Fault::new("no name is left for the session's branch", "delete branches below 'zwarm/'"))
}

/// Takes back what was just made: nobody has worked there.
async fn undo(git: &Git, found: &Found, base: &str, tree: &Tree) {
    let _ = git.run(&found.main, &["worktree", "remove", "--force", &tree.worktree]).await;
    let name = format!("refs/heads/{}", tree.branch);
    let _ = git.run(&found.main, &["update-ref", "-d", &name, base]).await;
}
