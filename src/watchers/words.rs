//! Reading commands, paths and sentences: what several watchers need to understand what they see.

/// A piece of foreign text for a reason or guidance: one line, at most `most` characters, control characters out.
pub(super) fn quote(text: &str, most: usize) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = line.chars().take(most).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    format!("'{}'", short.replace('\'', "’"))
}

/// Whether `word` (which may hold blanks) occurs in `text` as a whole, whatever the case.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let word = word.trim().to_lowercase();
    !word.is_empty() && finds(&text.to_lowercase(), &word, |c| c.is_alphanumeric() || c == '_')
}

/// Whether `word` occurs in `text` with no `inner` character at either side.
fn finds(text: &str, word: &str, inner: fn(char) -> bool) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(inner) && !after.is_some_and(inner)
    })
}

/// The command of a `bash` call; `None`: it is another tool, or its arguments cannot be read.
pub(super) fn bash_command(call: &crate::protocol::ToolCall) -> Option<String> {
    let arguments: serde_json::Value =
        (call.name == "bash").then(|| serde_json::from_str(&call.arguments).ok()).flatten()?;
    arguments.get("command")?.as_str().map(str::to_owned)
}

/// Programs that only show or fetch what they are given: a test runner's name among their words runs nothing.
const READERS: [&str; 24] = [
    "cat", "ls", "grep", "rg", "egrep", "find", "fd", "sed", "awk", "head", "tail", "less", "echo", "printf",
    "git", "which", "type", "pip", "pip3", "uv", "apt", "apt-get", "man", "wc",
];

/// What runs tests, as it is written.
const RUNNERS: [&str; 46] = [
    "cargo test",
    "cargo t",
    "cargo nextest",
    "cargo check-all",
    "pytest",
    "py.test",
    "unittest",
    "tox",
    "nox",
    "npm test",
    "npm t",
    "npm run test",
    "pnpm test",
    "pnpm run test",
    "yarn test",
    "yarn run test",
    "bun test",
    "deno test",
    "node --test",
    "jest",
    "vitest",
    "mocha",
    "ava",
    "playwright test",
    "go test",
    "gotestsum",
    "make test",
    "make check",
    "just test",
    "task test",
    "ctest",
    "meson test",
    "ninja test",
    "bazel test",
    "zig build test",
    "rspec",
    "rake test",
    "mvn test",
    "mvn verify",
    "gradle test",
    "gradlew test",
    "gradlew check",
    "dotnet test",
    "mix test",
    "swift test",
    "phpunit",
];

/// Whether a shell command runs tests.
pub(super) fn runs_tests(command: &str) -> bool {
    let parts = command.split(['\n', ';', '|', '&', '(', ')']);
    parts.map(unwrapped).any(|part| {
        let first = part.split_whitespace().next().unwrap_or_default();
        let program = first.rsplit('/').next().unwrap_or_default();
        if READERS.contains(&program) {
            return false;
        }
        let inner = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let script = program.strip_suffix(".sh").or_else(|| program.strip_suffix(".py")).unwrap_or(program);
        RUNNERS.iter().any(|runner| finds(&part, runner, inner))
            || script.split(['_', '-']).any(|word| matches!(word, "test" | "tests" | "bats"))
                && script != "test"
            || matches!(program, "sh" | "bash" | "python" | "python3")
                && part.split_whitespace().nth(1).is_some_and(is_test_script)
    })
}

fn is_test_script(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    stem.split(['_', '-']).any(|word| matches!(word, "test" | "tests" | "check" | "checks"))
        || path.starts_with("tests/")
}

/// A part of a command without what stands before the program: `bash -lc`, quotes, `env`, `time`, `NAME=value`.
fn unwrapped(part: &str) -> String {
    let clean = part.replace(['"', '\'', '`', '{', '}', '!'], " ");
    let mut words = clean.split_whitespace().peekable();
    while let Some(word) = words.peek() {
        let is_shell = matches!(word.rsplit('/').next(), Some("bash" | "sh" | "zsh" | "dash"));
        if is_shell {
            let rest: Vec<&str> = words.clone().skip(1).collect();
            if !rest.first().is_some_and(|flag| flag.starts_with('-') && flag.ends_with('c')) {
                break;
            }
            words.next();
            words.next();
            continue;
        }
        let is_wrapper =
            matches!(*word, "env" | "time" | "nice" | "sudo" | "exec" | "then" | "do" | "if" | "timeout");
        let is_variable = word
            .split_once('=')
            .is_some_and(|(name, _)| name.chars().all(|c| c.is_alphanumeric() || c == '_'));
        let is_number = word.trim_end_matches(['s', 'm']).chars().all(|c| c.is_ascii_digit());
        if !(is_wrapper || is_variable || is_number) {
            break;
        }
        words.next();
    }
    words.collect::<Vec<_>>().join(" ")
}

/// Whether a test run's output tells of a failure that its exit code may hide (`cargo test | tail`).
pub(super) fn tells_failure(output: &str) -> bool {
    const SIGNS: [&str; 7] = [
        "test result: FAILED",
        "error: test failed",
        "FAILURES!",
        "Tests failed",
        "npm ERR!",
        "--- FAIL",
        "FAILED (",
    ];
    let counts = |line: &str| {
        let words: Vec<&str> =
            line.split([' ', ',', '=', ';', ':']).filter(|word| !word.is_empty()).collect();
        words.windows(2).any(|pair| {
            matches!(pair[1], "failed" | "failures" | "failing")
                && pair[0].parse::<u32>().is_ok_and(|count| count > 0)
        })
    };
    SIGNS.iter().any(|sign| output.contains(sign)) || output.lines().any(counts)
}

/// Whether a path names source code.
pub(super) fn is_code(path: &str) -> bool {
    const ENDINGS: [&str; 39] = [
        "rs", "py", "js", "jsx", "ts", "tsx", "mjs", "cjs", "go", "java", "kt", "kts", "scala", "c", "h",
        "cc", "cpp", "hpp", "cs", "rb", "php", "swift", "m", "mm", "ex", "exs", "erl", "hs", "ml", "clj",
        "lua", "pl", "r", "jl", "dart", "vue", "svelte", "zig", "sql",
    ];
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.')
        .is_some_and(|(stem, ending)| !stem.is_empty() && ENDINGS.contains(&ending.to_lowercase().as_str()))
}

/// Whether a path names tests.
pub(super) fn is_test(path: &str) -> bool {
    let lower = path.to_lowercase();
    lower
        .split(['/', '.', '_', '-'])
        .any(|word| matches!(word, "test" | "tests" | "spec" | "specs" | "testing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_run_tests_are_told_from_those_that_talk_about_them() {
        for command in [
            "cargo test -q",
            "cd app && npm test",
            "bash -lc 'cargo test --workspace 2>&1 | tail -5'",
            "pytest -x",
            "RUST_LOG=debug cargo nextest run",
            "python -m pytest tests/",
            "./node_modules/.bin/jest",
            "make check",
            "timeout 60s go test ./...",
            "./run_tests.sh",
            "python3 tests/test_all.py",
            "time (cargo test)",
        ] {
            assert!(runs_tests(command), "{command}");
        }
        for command in [
            "cargo build",
            "cat pytest.ini",
            "grep -rn 'cargo test' .",
            "ls tests",
            "pip install pytest",
            "test -f x",
            "git commit -m 'make test pass'",
            "echo run cargo test",
            "bash -lc 'cat tests/test_a.py'",
            "cargo test-gen",
        ] {
            assert!(!runs_tests(command), "{command}");
        }
    }

    #[test]
    fn a_failure_is_read_from_the_output_and_no_failure_is_not() {
        for output in [
            "test result: FAILED. 3 passed; 1 failed",
            "=== 2 failed, 5 passed in 0.1s ===",
            "Tests: 1 failed",
        ] {
            assert!(tells_failure(output), "{output}");
        }
        for output in ["test result: ok. 3 passed; 0 failed; 0 ignored", "5 passed", "0 failures"] {
            assert!(!tells_failure(output), "{output}");
        }
    }

    #[test]
    fn words_are_found_whole_and_quotes_are_short_and_harmless() {
        assert!(has_word("Let us add Docker now", "docker") && has_word("use the web ui!", "web UI"));
        assert!(!has_word("dockerize", "docker") && !has_word("x", " "));
        assert_eq!(quote("a\n\u{1b}[31m 'b'", 20), "'a [31m ’b’'");
        assert_eq!(quote("abcdef", 3), "'abc…'");
        assert!(is_code("src/a.rs") && !is_code("README.md") && !is_code(".py"));
        assert!(
            is_test("tests/a.rs")
                && is_test("src/a_test.go")
                && is_test("a.spec.ts")
                && !is_test("src/latest.rs")
        );
    }
}
