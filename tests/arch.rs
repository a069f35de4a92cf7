//! The architecture as a test: it reads the sources. Which part may name which, how large things may get, what pure
//! parts must not touch, who writes to standard output. ARCHITECTURE.md says the same in words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Lines of a file, tests beside it not counted as they are files of their own.
const MAX_LINES: usize = 400;
/// Fields of a struct.
const MAX_FIELDS: usize = 12;
/// Variants of an enum.
const MAX_VARIANTS: usize = 20;
/// In `config` one field is one key of the file format, whose shape is given from outside.
const MAX_CONFIG_FIELDS: usize = 14;

struct Source {
    /// Below `src`, with `/`.
    name: String,
    /// Whole text.
    text: String,
    /// Without comments, texts and `#[cfg(test)]` modules.
    code: String,
    /// Its module is there for tests only.
    test: bool,
}

impl Source {
    fn part(&self) -> &str {
        let first = self.name.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    fn is_test(&self) -> bool {
        self.test
            || self.name.ends_with("_tests.rs")
            || self.name.ends_with("/tests.rs")
            || self.name.contains("/tests/")
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    let mut sources: Vec<Source> = files
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            let code = without_tests(&without_comments(&text));
            Source { name, text, code, test: false }
        })
        .collect();
    let tests: BTreeSet<String> = sources.iter().flat_map(test_modules).collect();
    sources.iter_mut().for_each(|source| source.test = tests.contains(&source.name));
    sources
}

/// Files that `#[cfg(test)] mod name;` stands for.
fn test_modules(source: &Source) -> Vec<String> {
    let folder = match source.name.rsplit_once('/') {
        Some((folder, "mod.rs")) => format!("{folder}/"),
        None if ["lib.rs", "main.rs"].contains(&source.name.as_str()) => String::new(),
        _ => format!("{}/", source.name.trim_end_matches(".rs")),
    };
    let name = |item: &str| {
        let (declared, _) = item.split_once(';')?;
        let (_, name) = declared.rsplit_once("mod ")?;
        (!declared.contains('{')).then(|| format!("{folder}{}.rs", name.trim()))
    };
    source.text.split("#[cfg(test)]").skip(1).filter_map(name).collect()
}

fn walk(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, into);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            into.push(path);
        }
    }
}

/// Comments and the insides of texts become blanks; line breaks stay.
fn without_comments(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let rest_is =
        |at: usize, what: &str| what.chars().enumerate().all(|(n, c)| chars.get(at + n) == Some(&c));
    let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
    while at < chars.len() {
        let end = if rest_is(at, "//") {
            (at..chars.len()).find(|n| chars[*n] == '\n').unwrap_or(chars.len())
        } else if rest_is(at, "/*") {
            (at + 2..chars.len()).find(|n| rest_is(*n, "*/")).map_or(chars.len(), |n| n + 2)
        } else if let Some(end) = raw_text(&chars, at) {
            end
        } else if chars[at] == '"' {
            let mut n = at + 1;
            while n < chars.len() && chars[n] != '"' {
                n += if chars[n] == '\\' { 2 } else { 1 };
            }
            (n + 1).min(chars.len())
        } else if chars[at] == '\'' && chars.get(at + 1) == Some(&'\\') {
            (at + 3..chars.len()).find(|n| chars[*n] == '\'').map_or(chars.len(), |n| n + 1)
        } else if chars[at] == '\'' && chars.get(at + 2) == Some(&'\'') {
            at + 3
        } else {
            out.push(chars[at]);
            at += 1;
            continue;
        };
        out.extend(chars[at..end].iter().map(|c| blank(*c)));
        at = end;
    }
    out
}

/// The end of a raw text that begins here.
fn raw_text(chars: &[char], at: usize) -> Option<usize> {
    let before = at.checked_sub(1).map(|n| chars[n]);
    if chars[at] != 'r' || before.is_some_and(|c| (c.is_alphanumeric() && c != 'b') || c == '_') {
        return None;
    }
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    if chars.get(at + 1 + hashes) != Some(&'"') {
        return None;
    }
    let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let start = at + 2 + hashes;
    (start..chars.len()).find(|n| chars[*n..].starts_with(&close)).map(|n| n + close.len())
}

/// Modules and items behind `#[cfg(test)]` are taken out.
fn without_tests(code: &str) -> String {
    let mut out = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        out.push_str(&rest[..at]);
        let after = &rest[at..];
        let block = after.find('{').unwrap_or(after.len());
        let semicolon = after.find(';').unwrap_or(after.len());
        let end = if semicolon < block { semicolon + 1 } else { block + braces(&after[block..]) };
        rest = &after[end.min(after.len())..];
    }
    out.push_str(rest);
    out
}

/// Bytes up to the brace that closes the first one.
fn braces(text: &str) -> usize {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// The parts of the crate that a file names: `crate::part` and the first words of `use crate::{…}`.
fn named(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for start in ["crate::", "zwarm_tui::"] {
        for (at, _) in code.match_indices(start) {
            let after = code[at + start.len()..].trim_start();
            if let Some(inside) = after.strip_prefix('{') {
                let block = &inside[..braces(after).saturating_sub(2).min(inside.len())];
                found.extend(top_words(block));
            } else {
                found.extend(word(after));
            }
        }
    }
    found
}

fn word(text: &str) -> Option<String> {
    let word: String = text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

/// The first word of each entry of a use list.
fn top_words(block: &str) -> Vec<String> {
    let mut depth = 0;
    let mut entries = vec![String::new()];
    for c in block.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => entries.push(String::new()),
            c if depth == 0 => entries.last_mut().unwrap().push(c),
            _ => {}
        }
    }
    entries.iter().filter_map(|entry| word(entry)).collect()
}

/// What each part may name beside itself. What is not listed here is not a part: a new one needs its row.
const ARROWS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("text", &[]),
    ("protocol", &[]),
    ("fold", &["protocol", "text"]),
    ("paths", &[]),
    ("config", &["protocol", "text", "error", "paths"]),
    ("process", &["protocol", "config", "text", "error"]),
    ("store", &["protocol", "fold", "text", "process", "config", "error"]),
    ("git", &["protocol", "text", "process", "config"]),
    ("llm", &["protocol", "fold", "text", "process", "config", "error"]),
    ("executors", &["protocol", "fold", "text", "process", "config", "error"]),
    ("tools", &["protocol", "fold", "text", "process", "config", "error"]),
    ("watchers", &["protocol", "fold", "text", "process", "config", "error"]),
    (
        "agent",
        &[
            "protocol",
            "fold",
            "text",
            "process",
            "config",
            "error",
            "store",
            "llm",
            "executors",
            "tools",
            "watchers",
            "paths",
            "git",
        ],
    ),
    ("companions", &["protocol", "text", "process", "config", "error", "store", "agent"]),
    ("headless", &["protocol", "fold", "text", "agent", "companions", "store", "error"]),
    ("ui", &["protocol", "fold", "text", "agent", "store", "config", "error", "paths", "headless"]),
    ("cli", &["config", "error", "paths", "store", "text", "protocol"]),
    ("logging", &["error", "text"]),
    (
        "commands",
        &[
            "agent",
            "cli",
            "companions",
            "config",
            "error",
            "executors",
            "fold",
            "headless",
            "llm",
            "logging",
            "paths",
            "process",
            "protocol",
            "store",
            "text",
            "ui",
            "watchers",
        ],
    ),
    ("main", &["cli", "commands", "error", "headless", "process", "text"]),
    ("lib", &[]),
];

/// Macros of a part that others use by the crate's root.
const ROOT_NAMES: &[&str] = &["self", "super"];

#[test]
fn the_arrows_between_parts_hold() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        let Some((_, allowed)) = ARROWS.iter().find(|(part, _)| *part == source.part()) else {
            wrong.push(format!("{}: '{}' has no row of arrows", source.name, source.part()));
            continue;
        };
        for part in named(&source.code) {
            if part != source.part()
                && !allowed.contains(&part.as_str())
                && !ROOT_NAMES.contains(&part.as_str())
            {
                wrong.push(format!("{} names '{part}'", source.name));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that must not be:\n{}", wrong.join("\n"));
}

#[test]
fn of_the_agent_a_client_knows_only_how_to_launch_link_and_look() {
    let mut wrong = Vec::new();
    for source in
        sources().iter().filter(|s| ["ui", "headless", "companions"].contains(&s.part()) && !s.is_test())
    {
        for (at, _) in source.code.match_indices("agent::") {
            let rest = &source.code[at + "agent::".len()..];
            let words = match rest.strip_prefix('{') {
                Some(inside) => top_words(&inside[..braces(rest).saturating_sub(2)]),
                None => word(rest).into_iter().collect(),
            };
            let fine = |word: &String| {
                ["launch", "link", "look", "start", "trees", "forks"].contains(&word.as_str())
            };
            wrong.extend(
                words.iter().filter(|word| !fine(word)).map(|word| format!("{}: agent::{word}", source.name)),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_longer_than_it_may_be() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|source| !source.is_test())
        .map(|source| (source.text.lines().count(), &source.name))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .map(|(lines, name)| format!("{name}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "more than {MAX_LINES} lines:\n{}", long.join("\n"));
}

/// Name and top-level entries of each `struct` or `enum` with braces.
fn items<'a>(code: &'a str, keyword: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(keyword) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let after: &'a str = &code[at + keyword.len()..];
        let Some(name) = word(after) else { continue };
        let stop = after.find(['{', ';', '(']).unwrap_or(after.len());
        if !after[stop..].starts_with('{') {
            continue;
        }
        let block = &after[stop + 1..stop + braces(&after[stop..]) - 1];
        found.push((name, entries(block)));
    }
    found
}

/// Entries of a block that are separated by commas outside of brackets.
fn entries(block: &str) -> usize {
    let mut depth = 0i32;
    let mut count = 0;
    let mut filled = false;
    let mut previous = ' ';
    for c in block.chars() {
        match c {
            '{' | '(' | '[' | '<' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            '>' if previous != '-' && previous != '=' => depth -= 1,
            ',' if depth == 0 => {
                count += usize::from(filled);
                filled = false;
            }
            c if depth == 0 && c.is_alphanumeric() => filled = true,
            _ => {}
        }
        previous = c;
    }
    count + usize::from(filled)
}

#[test]
fn no_struct_has_too_many_fields_and_no_enum_too_many_variants() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        let most = if source.part() == "config" { MAX_CONFIG_FIELDS } else { MAX_FIELDS };
        let fields = items(&source.code, "struct ");
        wrong.extend(
            fields
                .iter()
                .filter(|item| item.1 > most)
                .map(|item| format!("{}: struct {} has {} fields", source.name, item.0, item.1)),
        );
        let variants = items(&source.code, "enum ");
        wrong.extend(
            variants
                .iter()
                .filter(|item| item.1 > MAX_VARIANTS)
                .map(|item| format!("{}: enum {} has {} variants", source.name, item.0, item.1)),
        );
    }
    assert!(wrong.is_empty(), "split the state:\n{}", wrong.join("\n"));
}

/// Files and folders that decide and never do: no async, no IO, no clock.
const PURE: &[&str] = &[
    "protocol/",
    "fold/",
    "text/",
    "tools/",
    "watchers/",
    "agent/machine",
    "agent/run.rs",
    "agent/fleet.rs",
    "agent/governor.rs",
    "agent/judge.rs",
    "agent/decide",
    "git/plan.rs",
    "llm/sse.rs",
    "executors/codex/protocol.rs",
    "executors/claude/protocol.rs",
    "executors/acp/protocol.rs",
    "ui/update/",
    "ui/frame_clock.rs",
    "ui/keymap.rs",
    "headless/story.rs",
    "companions/traces/fold",
    "companions/traces/span.rs",
    "companions/traces/messages.rs",
    "companions/notify/word.rs",
    "config/check.rs",
    "config/document.rs",
    "config/suggest.rs",
];

/// Among them, those that do what the others only ask for: a custom watcher's command, the panel that awaits it.
const DOERS: &[&str] = &["watchers/command.rs", "watchers/llm.rs", "watchers/panel.rs"];

/// What a pure part must not name, and where it still may (the wall clock's one reader).
const IMPURE: &[(&str, &[&str])] = &[
    ("async fn", &[]),
    (".await", &[]),
    ("tokio::", &[]),
    ("std::fs", &[]),
    ("fs::File", &[]),
    ("std::env", &[]),
    ("std::net", &[]),
    ("std::process", &[]),
    ("Instant::now", &[]),
    ("SystemTime::now", &[]),
    ("Timestamp::now", &["protocol/event/stamp.rs"]),
    ("Zoned::now", &[]),
    ("reqwest", &[]),
    ("ratatui", &[]),
];

#[test]
fn pure_parts_have_no_async_no_io_and_no_clock() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        let pure = PURE.iter().any(|pure| source.name.starts_with(pure));
        if !pure || DOERS.contains(&source.name.as_str()) {
            continue;
        }
        for (what, allowed) in IMPURE {
            if source.code.contains(what) && !allowed.contains(&source.name.as_str()) {
                wrong.push(format!("{} names '{what}'", source.name));
            }
        }
    }
    assert!(wrong.is_empty(), "decide, then do:\n{}", wrong.join("\n"));
}

/// What the screen is made of, beside its loop and its hands: it may draw, and reads nothing but its model.
const SEEN: &[&str] = &["ui/input.rs", "ui/model/", "ui/panes/", "ui/screens/", "ui/overlays/"];

#[test]
fn the_screen_decides_and_draws_without_files_processes_or_a_clock() {
    let banned = ["async fn", ".await", "tokio::spawn", "std::fs", "std::process", "std::net", "::now()"];
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        if SEEN.iter().any(|seen| source.name.starts_with(seen)) {
            let named = banned.iter().filter(|what| source.code.contains(**what));
            wrong.extend(named.map(|what| format!("{} names '{what}'", source.name)));
        }
    }
    assert!(
        wrong.is_empty(),
        "files and the clock are the hands' (ui/effects) and the loop's:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_screen_has_no_network_and_only_plain_mode_prints_as_headless_does() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| source.part() == "ui" && !source.is_test()) {
        for what in ["reqwest", "hyper", "TcpStream", "UnixStream"] {
            if source.code.contains(what) {
                wrong.push(format!("{} names '{what}'", source.name));
            }
        }
        if source.code.contains("headless::") && !source.name.starts_with("ui/plain") {
            wrong.push(format!("{} names 'headless'", source.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_three_places_write_to_standard_output() {
    let allowed = ["headless/out.rs", "ui/terminal.rs", "main.rs"];
    let writes = |code: &str| {
        // Asking for the size of the terminal behind it is no writing.
        let code =
            code.replace("tcgetwinsize(std::io::stdout())", "").replace("io::stdout().is_terminal()", "");
        ["io::stdout()", "println!", "print!(", "tokio::io::stdout"].iter().any(|what| code.contains(what))
    };
    let sources = sources();
    let wrong: Vec<&str> = sources
        .iter()
        .filter(|source| {
            !source.is_test() && !allowed.contains(&source.name.as_str()) && writes(&source.code)
        })
        .map(|source| source.name.as_str())
        .collect();
    assert!(wrong.is_empty(), "{wrong:?} write to standard output");
}

#[test]
fn every_module_says_what_it_is() {
    let silent: Vec<String> = sources()
        .iter()
        .filter(|source| !source.is_test() && !source.text.starts_with("//! "))
        .map(|source| source.name.clone())
        .collect();
    assert!(silent.is_empty(), "no doc comment at the top of {silent:?}");
}

#[test]
fn the_reader_of_sources_is_not_fooled_by_texts_and_comments() {
    let text = "use crate::{a::{b, c}, d}; // crate::no\nlet x = \"crate::no { \"; let y = r#\"\"crate::no\"#; let c = '{';\n\
                #[cfg(test)]\nmod tests { use crate::no; fn f() { } }\nuse crate::e::f;";
    let code = without_tests(&without_comments(text));
    assert_eq!(named(&code).into_iter().collect::<Vec<_>>(), ["a", "d", "e"]);
    assert_eq!(entries(" a: B<C, D>, #[x(y, z)] b: fn(u8) -> u8, c: (u8, u8) "), 3);
    assert_eq!(
        items(
            "pub struct A { x: u8, y: u8 } struct B(u8); enum C { D { e: u8, f: u8 }, G(u8, u8), H }",
            "struct "
        ),
        [("A".to_owned(), 2)]
    );
}
