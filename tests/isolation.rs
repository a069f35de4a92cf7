//! Worktrees with the real git, in folders of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support {
    pub mod by_hand;
}

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use support::by_hand::git as by_hand;
use zwarm_tui::{
    config::Config,
    git::{self, At, Fault, Git, Made, Told, Wish, records},
    process::Processes,
    protocol::{
        InstanceId,
        tree::{Outcome, Settle, Tree},
    },
};

/// A repository with one commit, and a place for worktrees.
struct Bench {
    root: tempfile::TempDir,
    git: Git,
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

const LINES: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";

impl Bench {
    /// Without a repository.
    fn empty() -> Self {
        let root = tempfile::tempdir().unwrap();
        for dir in ["work", "instance"] {
            std::fs::create_dir(root.path().join(dir)).unwrap();
        }
        let helper = PathBuf::from(env!("CARGO_BIN_EXE_zwarm-tui"));
        let processes = Processes::open(InstanceId::random(), &root.path().join("instance"), helper).unwrap();
        let mut config = Config::default();
        for (name, value) in [("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_SYSTEM", "/dev/null")] {
            config.executor.env.insert(name.to_owned(), Some(value.to_owned()));
        }
        Self { git: Git::new(processes, &config), root }
    }

    fn new() -> Self {
        let bench = Self::empty();
        by_hand(&bench.work(), &["init", "-q"]);
        write(&bench.work().join("a.txt"), LINES);
        write(&bench.work().join("sub/b.txt"), "b\n");
        write(&bench.work().join(".gitignore"), "ignored\n");
        bench.commit("first");
        bench
    }

    fn work(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap().join("work")
    }

    fn commit(&self, message: &str) -> String {
        by_hand(&self.work(), &["add", "-A"]);
        by_hand(&self.work(), &["commit", "-q", "-m", message]);
        by_hand(&self.work(), &["rev-parse", "HEAD"])
    }

    fn wish(&self, short_id: &str) -> Wish {
        Wish {
            dir: self.work(),
            run: "my run".to_owned(),
            instance: self.root.path().join("instance"),
            short_id: short_id.to_owned(),
            worktrees: self.root.path().join("worktrees"),
            state_dir: self.work().join(".zwarm"),
        }
    }

    async fn open(&self, short_id: &str) -> Made {
        git::open(&self.git, &self.wish(short_id)).await.unwrap()
    }

    async fn refused(&self, wish: &Wish) -> Fault {
        git::open(&self.git, wish).await.unwrap_err()
    }

    async fn settle(&self, tree: &Tree, how: Settle) -> Told {
        git::settle(&self.git, tree, how, "s1 (script): Do it").await
    }

    fn log(&self) -> String {
        by_hand(&self.work(), &["log", "--format=%s", "--first-parent"])
    }

    fn branches(&self) -> String {
        by_hand(&self.work(), &["branch", "--format=%(refname:short)"])
    }
}

#[tokio::test]
async fn work_in_a_worktree_is_committed_and_merged_and_the_worktree_is_tidied() {
    let bench = Bench::new();
    let made = bench.open("s1").await;
    assert_eq!(made.tree.branch, "zwarm/my-run/s1");
    assert_eq!(made.tree.base, by_hand(&bench.work(), &["rev-parse", "HEAD"]));
    assert_eq!((made.tree.carried, made.tree.notes.len()), (false, 0));
    assert!(!made.cwd.starts_with(bench.work()), "it is not in the project");
    write(&made.cwd.join("a.txt"), &LINES.replace('1', "one"));
    write(&made.cwd.join("new dir/n ü.txt"), "new\n");
    write(&made.cwd.join("ignored"), "x");
    assert_eq!(read(&bench.work().join("a.txt")), LINES, "the main tree is as it was");
    // It stays for as long as something would be lost.
    let told = bench.settle(&made.tree, Settle::Tidy).await;
    assert_eq!((told.settled.outcome, told.settled.removed), (Outcome::Kept, false));
    assert!(told.settled.message.contains("2 files without a commit"), "{}", told.settled.message);
    let told = bench.settle(&made.tree, Settle::Merge).await;
    assert_eq!(told.settled.outcome, Outcome::Merged, "{told:?}");
    assert_eq!(told.settled.files, ["a.txt", "new dir/n ü.txt"]);
    assert_eq!(told.settled.into.as_deref(), Some("main"));
    assert_eq!(read(&bench.work().join("new dir/n ü.txt")), "new\n");
    assert_eq!(bench.log(), "s1 (script): Do it\nfirst");
    let tree = told.tree.unwrap();
    assert_eq!(Some(&tree.base), told.settled.commit.as_ref(), "what comes next is diffed against the merge");
    assert_eq!(bench.settle(&tree, Settle::Merge).await.settled.outcome, Outcome::Nothing);
    let told = bench.settle(&tree, Settle::Tidy).await;
    assert!(told.settled.removed, "{told:?}");
    assert!(!made.cwd.exists());
    assert_eq!(bench.branches(), "main");
    assert_eq!(records::all(&bench.root.path().join("worktrees")), []);
}

#[tokio::test]
async fn two_sessions_that_change_the_same_lines_end_in_one_merge_and_one_conflict() {
    let bench = Bench::new();
    let (first, second) = (bench.open("s1").await, bench.open("s2").await);
    write(&first.cwd.join("a.txt"), &LINES.replace('5', "first"));
    write(&second.cwd.join("a.txt"), &LINES.replace('5', "second"));
    write(&second.cwd.join("c.txt"), "c\n");
    assert_eq!(bench.settle(&first.tree, Settle::Merge).await.settled.outcome, Outcome::Merged);
    let told = bench.settle(&second.tree, Settle::Merge).await;
    assert_eq!(told.settled.outcome, Outcome::Conflicts, "{told:?}");
    assert_eq!(told.settled.files, ["a.txt"]);
    // Nothing is lost, nothing is half done.
    assert_eq!(read(&bench.work().join("a.txt")), LINES.replace('5', "first"));
    assert_eq!(by_hand(&bench.work(), &["status", "--porcelain"]), "");
    assert_eq!(read(&second.cwd.join("a.txt")), LINES.replace('5', "second"));
    assert_eq!(by_hand(&second.cwd, &["status", "--porcelain"]), "");
    assert_eq!(by_hand(&bench.work(), &["show", "zwarm/my-run/s2:c.txt"]), "c");
    assert!(!bench.settle(&second.tree, Settle::Tidy).await.settled.removed, "it is in no other branch");
}

#[tokio::test]
async fn work_on_other_lines_of_the_same_file_is_joined_with_the_main_branch_as_first_parent() {
    let bench = Bench::new();
    let (first, second) = (bench.open("s1").await, bench.open("s2").await);
    write(&first.cwd.join("a.txt"), &LINES.replace('1', "first"));
    write(&second.cwd.join("a.txt"), &LINES.replace('9', "second"));
    assert_eq!(bench.settle(&first.tree, Settle::Merge).await.settled.outcome, Outcome::Merged);
    assert_eq!(bench.settle(&second.tree, Settle::Merge).await.settled.outcome, Outcome::Merged);
    assert_eq!(read(&bench.work().join("a.txt")), LINES.replace('1', "first").replace('9', "second"));
    assert_eq!(bench.log(), "Merge s1 (script): Do it\ns1 (script): Do it\nfirst");
    assert_eq!(by_hand(&second.cwd, &["status", "--porcelain"]), "");
}

#[tokio::test]
async fn uncommitted_work_is_carried_over_and_a_merge_does_not_bring_it_back() {
    let bench = Bench::new();
    let head = by_hand(&bench.work(), &["rev-parse", "HEAD"]);
    write(&bench.work().join("a.txt"), &LINES.replace('1', "mine"));
    write(&bench.work().join("mine.txt"), "mine\n");
    write(&bench.work().join("ignored"), "x");
    write(&bench.work().join(".zwarm/config.toml"), "");
    let made = bench.open("s1").await;
    assert!(made.tree.carried && made.tree.base != head);
    assert!(made.tree.notes[0].starts_with("2 files of "), "{:?}", made.tree.notes);
    assert_eq!(read(&made.cwd.join("mine.txt")), "mine\n");
    assert_eq!(read(&made.cwd.join("a.txt")), LINES.replace('1', "mine"));
    assert!(!made.cwd.join(".zwarm").exists() && !made.cwd.join("ignored").exists());
    // The main tree and its index are as they were.
    assert_eq!(by_hand(&bench.work(), &["status", "--porcelain"]), " M a.txt\n?? .zwarm/\n?? mine.txt");
    assert!(bench.settle(&made.tree, Settle::Keep).await.settled.message.ends_with("(nothing was changed)"));
    write(&made.cwd.join("sub/b.txt"), "changed\n");
    let told = bench.settle(&made.tree, Settle::Merge).await;
    assert_eq!(told.settled.outcome, Outcome::Merged, "{told:?}");
    assert_eq!(told.settled.files, ["sub/b.txt"]);
    assert_eq!(read(&bench.work().join("sub/b.txt")), "changed\n");
    assert_eq!(by_hand(&bench.work(), &["status", "--porcelain"]), " M a.txt\n?? .zwarm/\n?? mine.txt");
    assert_eq!(by_hand(&bench.work(), &["show", "HEAD:a.txt"]), LINES.trim_end());
    assert_eq!(bench.log(), "s1 (script): Do it\nfirst");
}

#[tokio::test]
async fn a_merge_never_touches_a_file_that_is_not_committed() {
    let bench = Bench::new();
    let made = bench.open("s1").await;
    write(&made.cwd.join("a.txt"), &LINES.replace('5', "session"));
    write(&made.cwd.join("new.txt"), "session\n");
    write(&bench.work().join("a.txt"), &LINES.replace('5', "human"));
    write(&bench.work().join("new.txt"), "human\n");
    let told = bench.settle(&made.tree, Settle::Merge).await;
    assert_eq!(told.settled.outcome, Outcome::Refused, "{told:?}");
    assert!(told.settled.files.contains(&"a.txt".to_owned()), "{told:?}");
    assert_eq!(read(&bench.work().join("a.txt")), LINES.replace('5', "human"));
    assert_eq!(read(&bench.work().join("new.txt")), "human\n");
    assert_eq!(bench.log(), "first");
    std::fs::remove_file(bench.work().join("new.txt")).unwrap();
    by_hand(&bench.work(), &["checkout", "-q", "a.txt"]);
    assert_eq!(bench.settle(&made.tree, Settle::Merge).await.settled.outcome, Outcome::Merged);
}

#[tokio::test]
async fn no_hook_of_the_repository_runs() {
    let bench = Bench::new();
    let hooks = bench.work().join(".git/hooks");
    for name in ["post-checkout", "pre-commit", "commit-msg", "post-commit", "pre-merge-commit", "post-merge"]
    {
        write(&hooks.join(name), "#!/bin/sh\ntouch \"$HOOKED\"\nexit 1\n");
        std::fs::set_permissions(hooks.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let hooked = bench.root.path().join("hooked");
    let config = format!(
        "[core]\n\tfsmonitor = \"touch {0}; true\"\n\thooksPath = {1}\n",
        hooked.display(),
        hooks.display()
    );
    let file = bench.work().join(".git/config");
    write(&file, &(read(&file) + &config));
    for hook in std::fs::read_dir(&hooks).unwrap().flatten() {
        let text = read(&hook.path()).replace("\"$HOOKED\"", &hooked.display().to_string());
        write(&hook.path(), &text);
    }
    write(&bench.work().join("dirty.txt"), "x");
    let made = bench.open("s1").await;
    write(&made.cwd.join("a.txt"), "changed\n");
    assert_eq!(bench.settle(&made.tree, Settle::Merge).await.settled.outcome, Outcome::Merged);
    assert!(!hooked.exists());
}

#[tokio::test]
async fn a_git_file_that_an_executor_has_changed_is_not_followed() {
    let bench = Bench::new();
    let made = bench.open("s1").await;
    let trap = made.cwd.join("trap");
    by_hand(&made.cwd, &["init", "-q", "trap"]);
    let sprung = bench.root.path().join("sprung");
    let config = format!("[filter \"x\"]\n\tclean = touch {}\n\tsmudge = cat\n", sprung.display());
    write(&trap.join(".git/config"), &(read(&trap.join(".git/config")) + &config));
    write(&made.cwd.join(".gitattributes"), "* filter=x\n");
    write(&made.cwd.join("a.txt"), "changed\n");
    write(&made.cwd.join(".git"), "gitdir: trap/.git\n");
    for how in [Settle::Keep, Settle::Merge, Settle::Discard, Settle::Tidy] {
        let told = bench.settle(&made.tree, how).await;
        assert_eq!(told.settled.outcome, Outcome::Refused, "{how:?} {told:?}");
        assert!(told.settled.message.contains("is not as git has made it"), "{}", told.settled.message);
    }
    assert!(!sprung.exists() && made.cwd.join("a.txt").exists());
    // Put right, it goes on, and the filter that only the trap defines is none.
    write(&made.cwd.join(".git"), &format!("gitdir: {}\n", made.tree.git_dir));
    std::fs::remove_dir_all(&trap).unwrap();
    assert_eq!(bench.settle(&made.tree, Settle::Merge).await.settled.outcome, Outcome::Merged);
    assert!(!sprung.exists());
}

#[tokio::test]
async fn what_cannot_be_isolated_is_refused_with_the_key_that_asked_for_it() {
    let bench = Bench::empty();
    let wish = bench.wish("s1");
    let none = bench.refused(&wish).await;
    assert!(
        none.message.ends_with("is not in a git repository, and executor.isolation is 'worktree'"),
        "{none}"
    );
    by_hand(&bench.work(), &["init", "-q"]);
    let unborn = bench.refused(&wish).await;
    assert!(unborn.message.contains("has no commit yet"), "{unborn}");
    write(&bench.work().join("a.txt"), "a\n");
    bench.commit("first");
    let bare = bench.root.path().join("bare.git");
    by_hand(&bench.work(), &["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    let fault = bench.refused(&Wish { dir: bare.canonicalize().unwrap(), ..wish.clone() }).await;
    assert!(fault.message.contains("is a bare repository"), "{fault}");
    let inside = bench.refused(&Wish { dir: bench.work().join(".git"), ..wish.clone() }).await;
    assert!(inside.message.contains("is no working tree"), "{inside}");
    std::fs::create_dir(bench.work().join("hollow")).unwrap();
    let hollow = bench.refused(&Wish { dir: bench.work().join("hollow"), ..wish.clone() }).await;
    assert!(hollow.message.contains("holds nothing that git knows"), "{hollow}");
    assert_eq!(bench.branches(), "main", "what was begun is taken back");
}

#[tokio::test]
async fn a_shallow_clone_a_linked_worktree_and_a_folder_below_the_top_work_too() {
    let bench = Bench::new();
    write(&bench.work().join("a.txt"), "2\n");
    bench.commit("second");
    let shallow = bench.root.path().canonicalize().unwrap().join("shallow");
    let url = format!("file://{}", bench.work().display());
    by_hand(bench.root.path(), &["clone", "-q", "--depth", "1", &url, shallow.to_str().unwrap()]);
    let linked = bench.root.path().canonicalize().unwrap().join("linked");
    by_hand(&bench.work(), &["worktree", "add", "-q", "-b", "side", linked.to_str().unwrap()]);
    for (n, top) in [shallow, linked, bench.work()].into_iter().enumerate() {
        let wish = Wish { dir: top.join("sub"), ..bench.wish(&format!("s{n}")) };
        let made = git::open(&bench.git, &wish).await.unwrap();
        assert!(made.cwd.ends_with("sub"), "{}", made.cwd.display());
        write(&made.cwd.join("b.txt"), "changed\n");
        let told = bench.settle(&made.tree, Settle::Merge).await;
        assert_eq!(told.settled.outcome, Outcome::Merged, "{told:?}");
        assert_eq!(read(&top.join("sub/b.txt")), "changed\n");
    }
}

#[tokio::test]
async fn two_runs_with_one_name_get_branches_of_their_own_at_the_same_time() {
    let bench = Bench::new();
    let other = bench.root.path().join("0ther-instance");
    std::fs::create_dir(&other).unwrap();
    let wish = Wish { instance: other, ..bench.wish("s1") };
    let (own, theirs) = (bench.wish("s1"), wish);
    let (one, two) = tokio::join!(git::open(&bench.git, &own), git::open(&bench.git, &theirs));
    let mut branches = [one.unwrap().tree.branch, two.unwrap().tree.branch];
    branches.sort();
    assert_ne!(branches[0], branches[1]);
    assert!(branches.contains(&"zwarm/my-run/s1".to_owned()), "{branches:?}");
    // A worktree that was removed by hand leaves a name that is taken.
    let again = bench.open("s1").await;
    assert!(!branches.contains(&again.tree.branch), "{}", again.tree.branch);
}

#[tokio::test]
async fn discarded_work_can_be_had_back_and_a_worktree_that_is_gone_is_said_to_be() {
    let bench = Bench::new();
    let made = bench.open("s1").await;
    write(&made.cwd.join("a.txt"), "precious\n");
    let told = bench.settle(&made.tree, Settle::Discard).await;
    assert_eq!((told.settled.outcome, told.settled.removed), (Outcome::Discarded, true), "{told:?}");
    assert!(!made.cwd.exists() && bench.branches() == "main");
    let commit = told.settled.commit.unwrap();
    assert_eq!(by_hand(&bench.work(), &["show", &format!("{commit}:a.txt")]), "precious");
    let made = bench.open("s2").await;
    std::fs::remove_dir_all(&made.cwd).unwrap();
    let told = bench.settle(&made.tree, Settle::Merge).await;
    assert_eq!(told.settled.outcome, Outcome::Refused);
    assert!(told.settled.message.contains("is not there any more"), "{}", told.settled.message);
    assert!(told.settled.message.contains("zwarm/my-run/s2"), "{}", told.settled.message);
}

#[tokio::test]
async fn another_branch_a_merge_that_is_not_over_and_no_branch_at_all_stop_a_merge() {
    let bench = Bench::new();
    let made = bench.open("s1").await;
    write(&made.cwd.join("sub/b.txt"), "changed\n");
    by_hand(&bench.work(), &["checkout", "-q", "--detach"]);
    let told = bench.settle(&made.tree, Settle::Merge).await;
    assert!(told.settled.message.contains("is on no branch"), "{told:?}");
    by_hand(&bench.work(), &["checkout", "-q", "main"]);
    write(&bench.work().join(".git/MERGE_HEAD"), &made.tree.base);
    let told = bench.settle(&made.tree, Settle::Merge).await;
    assert!(told.settled.message.contains("in the middle of a merge"), "{told:?}");
    std::fs::remove_file(bench.work().join(".git/MERGE_HEAD")).unwrap();
    by_hand(&made.cwd, &["checkout", "-q", "-b", "elsewhere"]);
    let told = bench.settle(&made.tree, Settle::Merge).await;
    assert!(told.settled.message.contains("instead of 'zwarm/my-run/s1'"), "{told:?}");
    by_hand(&made.cwd, &["checkout", "-q", "zwarm/my-run/s1"]);
    assert_eq!(bench.settle(&made.tree, Settle::Merge).await.settled.outcome, Outcome::Merged);
}

#[tokio::test]
async fn git_is_bounded_in_time_and_the_bound_says_so() {
    let bench = Bench::new();
    let alias = ["-c", "alias.slow=!sleep 60", "slow"];
    let began = std::time::Instant::now();
    let at = At::Dir(bench.work());
    let fault =
        bench.git.run_with(&at, &alias, &[], std::time::Duration::from_millis(300)).await.unwrap_err();
    assert!(fault.message.contains("took longer than"), "{fault}");
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
}

#[tokio::test]
async fn a_fork_begins_with_all_that_lies_in_the_first_and_its_merge_brings_that_too() {
    let bench = Bench::new();
    write(&bench.work().join("draft.txt"), "not committed\n");
    let first = bench.open("s1").await;
    write(&first.cwd.join("committed.txt"), "one\n");
    by_hand(&first.cwd, &["add", "-A"]);
    by_hand(&first.cwd, &["commit", "-q", "-m", "its first half"]);
    write(&first.cwd.join("a.txt"), "second half\n");
    let wish = Wish { dir: first.cwd.join("sub"), ..bench.wish("s2") };
    let fork = git::fork(&bench.git, &wish, &first.tree).await.unwrap();
    assert_eq!(fork.tree.branch, "zwarm/my-run/s2");
    assert!(fork.cwd.ends_with("s2/sub"), "{}", fork.cwd.display());
    assert_eq!((&fork.tree.base, &fork.tree.main), (&first.tree.base, &first.tree.main));
    assert!(fork.tree.notes.iter().any(|note| note.contains("all that lay in 'zwarm/my-run/s1'")));
    let read = |made: &Made, file: &str| {
        std::fs::read_to_string(Path::new(&made.tree.worktree).join(file)).unwrap_or_default()
    };
    let files = ["draft.txt", "committed.txt", "a.txt"];
    assert_eq!(files.map(|file| read(&fork, file)), ["not committed\n", "one\n", "second half\n"]);
    // Each goes its own way from here.
    write(&Path::new(&fork.tree.worktree).join("a.txt"), "otherwise\n");
    write(&first.cwd.join("late.txt"), "x\n");
    assert_eq!((read(&first, "a.txt"), read(&fork, "late.txt")), ("second half\n".into(), String::new()));
    let told = bench.settle(&fork.tree, Settle::Merge).await;
    assert_eq!(told.settled.outcome, Outcome::Merged, "{told:?}");
    let main = |file: &str| std::fs::read_to_string(bench.work().join(file)).unwrap_or_default();
    assert_eq!((main("a.txt"), main("committed.txt")), ("otherwise\n".into(), "one\n".into()));
    assert!(!bench.log().contains("What was not committed when the session began\nfirst"), "{}", bench.log());
    assert_eq!(
        by_hand(&bench.work(), &["status", "--porcelain"]),
        "?? draft.txt",
        "it is still not committed"
    );
    // Where an executor has written the file that names the git folder, nothing is done.
    write(&first.cwd.join(".git"), "gitdir: /elsewhere\n");
    let fault = git::fork(&bench.git, &bench.wish("s3"), &first.tree).await.unwrap_err();
    assert!(fault.message.contains("is not as git has made it"), "{fault}");
}

#[tokio::test]
async fn what_git_does_not_put_into_a_worktree_is_told() {
    let bench = Bench::new();
    let modules =
        "[submodule \"x\"]\n\tpath = vendor/x\n\turl = ../x\n[submodule \"y\"]\n\tpath = y\n\turl = ../y\n";
    write(&bench.work().join(".gitmodules"), modules);
    write(&bench.work().join(".gitattributes"), "*.bin filter=lfs diff=lfs merge=lfs -text\n");
    bench.commit("with submodules and LFS");
    let notes = bench.open("s1").await.tree.notes.join("\n");
    assert!(notes.contains("submodules are empty there ('vendor/x', 'y')"), "{notes}");
    assert!(notes.contains("changed inside of one is not merged"), "{notes}");
    assert!(notes.contains("files of Git LFS are only pointers there: git-lfs is not set up"), "{notes}");
    // It is set up, but the program is not there.
    by_hand(&bench.work(), &["config", "filter.lfs.smudge", "git-lfs-that-is-not-there smudge -- %f"]);
    by_hand(&bench.work(), &["config", "filter.lfs.required", "true"]);
    by_hand(&bench.work(), &["config", "filter.lfs.clean", "cat"]);
    write(&bench.work().join("big.bin"), "pointer\n");
    bench.commit("a big file");
    let fault = bench.refused(&bench.wish("s2")).await;
    assert!(fault.message.contains("the files of Git LFS cannot be fetched"), "{fault}");
    assert!(fault.hint.contains("git lfs install"), "{fault}");
    assert!(!bench.branches().contains("s2"), "{}", bench.branches());
}
