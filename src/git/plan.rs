//! The pure side: names of branches, arguments, what git prints.

/// Characters of a run's name that get into a branch.
const NAME: usize = 40;
/// Names that are tried for one session before it is given up.
const TRIES: u32 = 50;

/// Before every command: what the repository or the user has configured must not run programs, ask questions, touch
/// uncommitted work or change what is printed.
pub const HARDENED: [&str; 17] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=off",
    "core.editor=true",
    "sequence.editor=true",
    "color.ui=false",
    "commit.gpgSign=false",
    "merge.autoStash=false",
    "merge.verifySignatures=false",
    "rebase.autoStash=false",
    "rebase.updateRefs=false",
    "rebase.autoSquash=false",
    "rerere.enabled=false",
    "submodule.recurse=false",
    "diff.ignoreSubmodules=all",
    "gc.auto=0",
    "maintenance.auto=false",
];

/// Variables of git that are the user's identity, transport or configuration; every other one could lead git to
/// another repository and is taken out.
pub fn keeps_variable(name: &str) -> bool {
    let kept = ["GIT_SSH", "GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"];
    let more = ["GIT_CONFIG_NOSYSTEM", "GIT_EXEC_PATH", "GIT_CEILING_DIRECTORIES", "GIT_TEMPLATE_DIR"];
    !name.starts_with("GIT_") || kept.iter().chain(&more).any(|kept| name.starts_with(kept))
}

/// The branches that a session may get, best first: `zwarm/NAME/sN`, with the instance where that one is taken.
pub fn branches(run: &str, instance: &str, short_id: &str) -> Vec<String> {
    let name = branch_word(run);
    let id: String = instance.chars().take(8).collect();
    let name = if name.is_empty() { id.clone() } else { name };
    let first = [format!("zwarm/{name}/{short_id}"), format!("zwarm/{name}-{id}/{short_id}")];
    let more = (2..TRIES).map(|n| format!("zwarm/{name}-{id}/{short_id}-{n}"));
    first.into_iter().chain(more).collect()
}

/// A run's name as one part of a branch: letters, digits, `-` and `_`; never what git forbids (`..`, `.lock`, `@{`).
fn branch_word(name: &str) -> String {
    let mut word = String::new();
    for c in name.chars() {
        let c = if c.is_alphanumeric() || c == '_' { c } else { '-' };
        if !(c == '-' && (word.is_empty() || word.ends_with('-'))) {
            word.push(c);
        }
    }
    let word: String = word.chars().take(NAME).collect();
    word.trim_end_matches('-').to_owned()
}

/// One entry of `status --porcelain=v1 -z`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dirty {
    /// Two letters, `??` for a new file.
    pub code: String,
    pub path: String,
}

impl Dirty {
    pub fn is_new(&self) -> bool {
        self.code == "??"
    }

    /// Both sides of a merge that is not over.
    pub fn is_unmerged(&self) -> bool {
        matches!(self.code.as_str(), "DD" | "AU" | "UD" | "UA" | "DU" | "AA" | "UU")
    }
}

/// What `status --porcelain=v1 -z` prints.
pub fn dirty(text: &str) -> Vec<Dirty> {
    let mut found = Vec::new();
    let mut entries = text.split('\0').filter(|entry| entry.len() > 3);
    while let Some(entry) = entries.next() {
        let (Some(code), Some(path)) = (entry.get(..2), entry.get(3..)) else { continue };
        // A rename is followed by its old name.
        if code.starts_with(['R', 'C']) {
            entries.next();
        }
        found.push(Dirty { code: code.to_owned(), path: path.to_owned() });
    }
    found
}

/// Names that `-z` ends with a zero byte.
pub fn names(text: &str) -> Vec<String> {
    text.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The files that a fast-forward would overwrite: git names them on lines that begin with a tab.
pub fn in_the_way(stderr: &str) -> Vec<String> {
    stderr.lines().filter_map(|line| line.strip_prefix('\t')).map(|name| name.trim().to_owned()).collect()
}

/// The first telling line of what git says of an error.
pub fn complaint(stderr: &str) -> String {
    let lines = || stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    let told = lines().find(|line| line.starts_with("fatal:") || line.starts_with("error:"));
    let line = told.or_else(|| lines().next()).unwrap_or("git has failed without a word");
    let line = line.trim_start_matches("fatal: ").trim_start_matches("error: ");
    line.chars().take(300).collect()
}

/// Where a `.git` file points to.
pub fn gitdir(text: &str) -> Option<&str> {
    text.trim_end_matches(['\n', '\r']).strip_prefix("gitdir: ")
}

/// A few names for a sentence.
pub fn some(names: &[String]) -> String {
    /// Names that are told.
    const TOLD: usize = 5;
    let mut text = names.iter().take(TOLD).map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    if names.len() > TOLD {
        text.push_str(&format!(" and {} more", names.len() - TOLD));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_named_after_the_run_whatever_the_run_is_called() {
        let first = |run: &str| branches(run, "0123456789", "s1").remove(0);
        assert_eq!(first("nightly"), "zwarm/nightly/s1");
        assert_eq!(first("fix the lexer.lock"), "zwarm/fix-the-lexer-lock/s1");
        assert_eq!(first("../..//@{x}~^:\\"), "zwarm/x/s1");
        assert_eq!(first("日本 語"), "zwarm/日本-語/s1");
        assert_eq!(first("--"), "zwarm/01234567/s1");
        assert_eq!(first(&"a".repeat(300)), format!("zwarm/{}/s1", "a".repeat(40)));
        let all = branches("x", "0123456789", "s2");
        assert_eq!(all[1..3], ["zwarm/x-01234567/s2", "zwarm/x-01234567/s2-2"]);
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn the_status_is_read_with_renames_blanks_and_odd_names() {
        let text = " M a b.txt\0R  new.txt\0old.txt\0?? -q\n.txt\0UU both.rs\0";
        let found = dirty(text);
        let short: Vec<_> = found.iter().map(|it| (it.code.as_str(), it.path.as_str())).collect();
        assert_eq!(short, [(" M", "a b.txt"), ("R ", "new.txt"), ("??", "-q\n.txt"), ("UU", "both.rs")]);
        assert!(found[2].is_new() && found[3].is_unmerged() && !found[0].is_unmerged());
        assert_eq!(dirty(""), []);
    }

    #[test]
    fn what_git_complains_of_becomes_one_line_and_its_files() {
        let text = "hint: x\nerror: Your local changes to the following files would be overwritten by merge:\n\ta.rs\n\tb c.rs\nPlease commit\n";
        assert_eq!(in_the_way(text), ["a.rs", "b c.rs"]);
        assert!(complaint(text).starts_with("Your local changes"));
        assert_eq!(complaint("\nfatal: not a git repository\n"), "not a git repository");
        assert_eq!(complaint(""), "git has failed without a word");
        assert_eq!(gitdir("gitdir: /a/.git/worktrees/s1\n"), Some("/a/.git/worktrees/s1"));
        assert_eq!(gitdir("/a"), None);
    }

    #[test]
    fn variables_that_lead_git_elsewhere_are_taken_out() {
        let kept = ["PATH", "GIT_SSH_COMMAND", "GIT_AUTHOR_NAME", "GIT_CONFIG_GLOBAL"];
        assert!(kept.iter().all(|name| keeps_variable(name)));
        let gone = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_CONFIG_COUNT", "GIT_EXTERNAL_DIFF"];
        assert!(!gone.iter().any(|name| keeps_variable(name)));
    }
}
