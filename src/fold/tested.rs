//! Whether a shell command runs tests, and how that ended. It reads words; it runs nothing and believes nobody: an exit
//! code that a pipe or a `;` hides counts only as far as the output bears it out.

use serde::{Deserialize, Serialize};

/// How a test run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tested {
    Passed,
    Failed,
    /// It ran; how it ended cannot be told.
    Unknown,
}

/// Wrappers in a wrapper (`bash -lc "timeout 5 bash -c '…'"`) that are opened.
const MAX_DEPTH: u8 = 4;
/// Bytes of a command that are read.
const MAX_COMMAND: usize = 16 * 1024;

/// What a simple command among others is, as far as tests go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// The whole command's exit code is that of the tests (or of what only ran since they passed).
    Own,
    /// Others run after it whatever it says, or it stands in a pipe.
    Hidden,
}

/// What a command says of tests once it has ended: `None`: it runs none.
pub fn tested(command: &str, exit_code: Option<i64>, output: &str) -> Option<Tested> {
    let shown = test_run(command, 0)?;
    if tells_failure(output) {
        return Some(Tested::Failed);
    }
    Some(match (shown, exit_code) {
        (Shown::Own, Some(0)) => Tested::Passed,
        (Shown::Own, Some(_)) => Tested::Failed,
        _ if tells_success(output) => Tested::Passed,
        _ => Tested::Unknown,
    })
}

/// Whether a shell command runs tests.
pub fn runs_tests(command: &str) -> bool {
    test_run(command, 0).is_some()
}

/// Programs that run tests whatever they are given.
const RUNNERS: [&str; 30] = [
    "pytest",
    "py.test",
    "tox",
    "nox",
    "nosetests",
    "jest",
    "vitest",
    "mocha",
    "ava",
    "tap",
    "karma",
    "cypress",
    "playwright",
    "ctest",
    "rspec",
    "phpunit",
    "pest",
    "gotestsum",
    "bats",
    "prove",
    "busted",
    "cargo-nextest",
    "unittest",
    "minitest",
    "xctest",
    "testem",
    "hspec",
    "behave",
    "behat",
    "lit",
];

/// Programs that run tests where one of these words is among their arguments.
const WITH_WORD: [(&[&str], &[&str]); 12] = [
    (&["cargo"], &["test", "t", "nextest", "miri", "llvm-cov", "tarpaulin"]),
    (&["go", "zig", "swift", "dotnet", "mix", "lein", "sbt", "stack", "cabal"], &["test", "tests"]),
    (&["flutter", "dart", "deno", "forge", "hardhat", "truffle", "anchor", "gleam"], &["test"]),
    (
        &["npm", "pnpm", "yarn", "bun", "composer", "lerna", "nx", "turbo"],
        &["test", "tests", "t", "tst", "e2e"],
    ),
    (
        &["make", "gmake", "just", "task", "ninja", "mage", "rake", "invoke", "inv"],
        &["test", "tests", "check", "spec"],
    ),
    (&["gradle", "gradlew", "mvn", "mvnw", "ant"], &["test", "check", "verify"]),
    (&["bazel", "bazelisk", "buck", "buck2", "pants", "meson"], &["test"]),
    (&["rails", "artisan", "manage.py"], &["test"]),
    (&["node"], &["--test"]),
    (
        &["python", "python3"],
        &["pytest", "unittest", "nose", "nose2", "doctest", "tox", "nox", "test", "tests"],
    ),
    (&["xcodebuild"], &["test", "test-without-building"]),
    (&["ruby", "perl", "php"], &["test", "rspec", "phpunit"]),
];

/// Programs that run the script that they are given.
const SCRIPTED: [&str; 12] =
    ["sh", "bash", "zsh", "dash", "ksh", "python", "python3", "node", "ruby", "perl", "php", "tsx"];

/// What stands before a command and runs it.
const WRAPPERS: [&str; 34] = [
    "env", "time", "nice", "sudo", "exec", "then", "do", "if", "else", "elif", "while", "until", "!",
    "timeout", "gtimeout", "nohup", "stdbuf", "command", "xvfb-run", "npx", "bunx", "pnpx", "uvx", "uv",
    "poetry", "pipenv", "pdm", "hatch", "rye", "bundle", "direnv", "mise", "coverage", "c8",
];

/// Flags with which nothing is run.
const DRY: [&str; 9] = [
    "--no-run",
    "--collect-only",
    "--co",
    "--list",
    "--listTests",
    "--list-tests",
    "--help",
    "--version",
    "--dry-run",
];

fn test_run(command: &str, depth: u8) -> Option<Shown> {
    let command = crate::text::cut::at_most(command, MAX_COMMAND);
    let simple = split(command);
    let mut found = None;
    for (at, (words, after)) in simple.iter().enumerate() {
        let Some(shown) = one(words, depth) else { continue };
        let rest = &simple[at..];
        // `a && b`: b runs only since a passed. Anything else that follows has the last word.
        let last = rest.iter().all(|(_, after)| matches!(after, After::And | After::End));
        let own = shown == Shown::Own && last && *after != After::Pipe;
        found = Some(if own { Shown::Own } else { Shown::Hidden });
    }
    found
}

/// One simple command.
fn one(words: &[String], depth: u8) -> Option<Shown> {
    let mut words = words;
    loop {
        let first = words.first()?;
        let program = first.rsplit('/').next().unwrap_or_default();
        if let Some(inner) = shell_text(program, words) {
            return (depth < MAX_DEPTH).then(|| test_run(inner, depth + 1)).flatten();
        }
        let variable =
            first.split_once('=').is_some_and(|(name, _)| !name.is_empty() && name.chars().all(is_name));
        if !variable && !WRAPPERS.contains(&program) {
            break;
        }
        words = &words[1..];
        // What a wrapper takes for itself: flags, numbers, `run`, `exec`, `--`.
        while words.first().is_some_and(|word| !variable && is_of_wrapper(word)) {
            words = &words[1..];
        }
    }
    let (first, rest) = words.split_first()?;
    let program = first.rsplit('/').next().unwrap_or_default();
    let syntax_only = SCRIPTED.contains(&program) && rest.first().is_some_and(|flag| flag == "-n");
    if rest.iter().any(|word| DRY.contains(&word.as_str())) || syntax_only {
        return None;
    }
    let runs = RUNNERS.contains(&program)
        || is_test_script(first)
        || has_test_word(program, rest)
        || SCRIPTED.contains(&program)
            && rest.iter().find(|word| !word.starts_with('-')).is_some_and(|script| is_test_script(script));
    runs.then_some(Shown::Own)
}

/// The command in `bash -lc '…'`.
fn shell_text<'a>(program: &str, words: &'a [String]) -> Option<&'a str> {
    let shell = matches!(program, "sh" | "bash" | "zsh" | "dash" | "ksh");
    let flag = words.iter().skip(1).position(|word| word.starts_with('-') && word.ends_with('c'))?;
    let flags = words.iter().skip(1).take(flag).all(|word| word.starts_with('-'));
    (shell && flags).then(|| words.get(flag + 2)).flatten().map(String::as_str)
}

fn is_of_wrapper(word: &str) -> bool {
    let number = word.trim_end_matches(['s', 'm', 'h']);
    word.starts_with('-')
        || matches!(word, "run" | "exec" | "x" | "python" | "python3")
        || !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.')
        || word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && name.chars().all(is_name))
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether one of the words of a program is there: whole, or as the first part of `test:unit`, `test-all`, `:app:test`.
fn has_test_word(program: &str, rest: &[String]) -> bool {
    let rows = WITH_WORD.iter().filter(|(programs, _)| programs.contains(&program));
    let whole = matches!(program, "cargo" | "node" | "go" | "python" | "python3");
    let mut rows = rows.map(|(_, words)| words);
    rows.any(|words| {
        rest.iter().any(|word| {
            let mut parts = word.split([':', '-', '_', '.']).filter(|part| !part.is_empty());
            words.contains(&word.as_str())
                || !whole && !word.starts_with('-') && parts.any(|part| part != "t" && words.contains(&part))
        })
    })
}

/// Whether a path names a script that runs tests.
fn is_test_script(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    let word = |word: &str| matches!(word, "test" | "tests" | "check" | "checks" | "spec" | "specs");
    let script = name.contains('.') || path.contains('/');
    // A bare `test` is the shell's own; `tests/a.py` is a script below the tests.
    script && (stem.split(['_', '-']).any(word) || path.split('/').rev().skip(1).any(|dir| dir == "tests"))
        || !script && stem.contains(['_', '-']) && stem.split(['_', '-']).any(word)
}

/// What stands behind a simple command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    End,
    And,
    Pipe,
    Other,
}

/// A command as its simple commands: quotes are taken off, comments and here-documents out.
fn split(command: &str) -> Vec<(Vec<String>, After)> {
    let mut all: Vec<(Vec<String>, After)> = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut heredoc: Option<String> = None;
    let mut chars = command.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => {
                let text = word.get_or_insert_default();
                while let Some(inner) = chars.next().filter(|inner| *inner != c) {
                    let escaped = inner == '\\' && c == '"';
                    text.push(if escaped { chars.next().unwrap_or(inner) } else { inner });
                }
            }
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some(next) => word.get_or_insert_default().push(next),
            },
            '#' if word.is_none() => while chars.next_if(|c| *c != '\n').is_some() {},
            '<' if chars.peek() == Some(&'<') => {
                chars.next();
                let skip = |c: &char| matches!(c, '-' | ' ' | '\'' | '"' | '\\');
                while chars.next_if(skip).is_some() {}
                let mut end = String::new();
                while let Some(c) = chars.next_if(|c| is_name(*c)) {
                    end.push(c);
                }
                chars.next_if(|c| matches!(c, '\'' | '"'));
                heredoc = Some(end).filter(|end| !end.is_empty());
            }
            // `2>&1` is no end of a command.
            '>' => {
                words.extend(word.take());
                chars.next_if(|c| *c == '>');
                chars.next_if(|c| *c == '&');
                while chars.next_if(|c| *c == ' ').is_some() {}
                while chars.next_if(|c| !c.is_whitespace() && !matches!(c, ';' | '|' | '&' | ')')).is_some() {
                }
            }
            '\n' | ';' | '|' | '&' | '(' | ')' | '{' | '}' | '`' => {
                if matches!(c, '{' | '}') && word.is_some() {
                    word.get_or_insert_default().push(c);
                    continue;
                }
                words.extend(word.take());
                let double = chars.next_if(|next| *next == c && matches!(c, '|' | '&')).is_some();
                let after = match (c, double) {
                    ('&', true) => After::And,
                    ('|', false) => After::Pipe,
                    ('\n' | '(' | ')' | '{' | '}' | ';', _) if chars.clone().all(char::is_whitespace) => {
                        After::End
                    }
                    (')' | '}', _) => After::End,
                    _ => After::Other,
                };
                let next = std::mem::take(&mut words);
                if !next.is_empty() {
                    all.push((next, after));
                } else if let Some(last) = all.last_mut().filter(|last| last.1 == After::End) {
                    last.1 = after;
                }
                if c == '\n'
                    && let Some(end) = heredoc.take()
                {
                    skip_heredoc(&mut chars, &end);
                }
            }
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word.take());
    if !words.is_empty() {
        all.push((words, After::End));
    }
    all
}

fn skip_heredoc(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, end: &str) {
    let mut line = String::new();
    for c in chars.by_ref() {
        if c != '\n' {
            line.push(c);
        } else if line.trim() == end {
            return;
        } else {
            line.clear();
        }
    }
}

/// Whether a test run's output tells of a failure that its exit code may hide (`cargo test | tail`).
pub fn tells_failure(output: &str) -> bool {
    const SIGNS: [&str; 8] = [
        "test result: FAILED",
        "error: test failed",
        "FAILURES!",
        "Tests failed",
        "npm ERR!",
        "--- FAIL",
        "FAILED (",
        "\nFAIL\t",
    ];
    SIGNS.iter().any(|sign| output.contains(sign))
        || counted(
            output,
            |word| matches!(word, "failed" | "failures" | "failing" | "errors"),
            |count| count > 0,
        )
}

/// Whether a test run's output tells of tests that passed.
fn tells_success(output: &str) -> bool {
    const SIGNS: [&str; 4] = ["test result: ok", "\nPASS", "\nok  \t", "BUILD SUCCESSFUL"];
    SIGNS.iter().any(|sign| output.contains(sign))
        || output.lines().any(|line| line.trim() == "OK")
        || counted(output, |word| matches!(word, "passed" | "passing"), |count| count > 0)
}

/// Whether a number stands before such a word, and fits.
fn counted(output: &str, word: impl Fn(&str) -> bool, fits: impl Fn(u32) -> bool) -> bool {
    output.lines().any(|line| {
        let words: Vec<&str> =
            line.split([' ', ',', '=', ';', ':']).filter(|word| !word.is_empty()).collect();
        words.windows(2).any(|pair| word(pair[1]) && pair[0].parse::<u32>().is_ok_and(&fits))
    })
}

#[cfg(test)]
#[path = "tested_tests.rs"]
mod tests;
