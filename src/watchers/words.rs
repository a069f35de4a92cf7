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
