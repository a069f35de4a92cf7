//! Whether the orchestrator writes code itself, through the shell, instead of delegating. It looks at calls before
//! they run.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;
use serde_json::json;

use super::{
    Sight, Spoken, Watcher,
    table::{Kind, Row, key, rule},
    words::{is_code, quote},
};
use crate::{fold::claim::bash_command, protocol::event::Gate};

pub(super) const ROW: Row = Row {
    name: "delegation",
    about: "a bash call that writes source code",
    keys: &[key("strict", Kind::Flag, "true", "also single lines (echo, printf, scripts that open a file)")],
    build: rule::<Delegation>,
};

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Delegation {
    strict: bool,
}

impl Default for Delegation {
    fn default() -> Self {
        Self { strict: true }
    }
}

impl Watcher for Delegation {
    fn name(&self) -> &str {
        ROW.name
    }

    fn looks_at(&self, gate: Gate) -> bool {
        gate == Gate::Tools
    }

    fn look(&self, sight: &Sight) -> Vec<Spoken> {
        let mut found = Vec::new();
        for call in &sight.pending {
            let Some(command) = bash_command(call) else { continue };
            let Some((how, path)) = written_code(&command, self.strict) else { continue };
            let path = quote(&path, 80);
            let reason = format!("a bash call writes the source file {path} ({how})");
            let guidance = format!(
                "That bash call writes source code to {path}. Writing code is the executors' work: tell one of them \
                 with 'delegate' or 'converse' what the file shall do, and keep bash for looking and checking."
            );
            let evidence = json!({ "call_id": call.call_id, "command": quote(&command, 300), "how": how });
            found.push(Spoken::nudge(ROW.name, "writes_code", reason, guidance).with(evidence));
        }
        found.truncate(1);
        found
    }
}

/// The ways to write a file from a shell; each captures the file. The second part: only where it is strict.
static WAYS: LazyLock<Vec<(&'static str, bool, Regex)>> = LazyLock::new(|| {
    let ways = [
        (
            "here-document",
            false,
            r"<<-?\s*\\?['\x22]?\w+['\x22]?[^\n]*?(?:>{1,2}|\btee\b(?:\s+-a)?)\s*['\x22]?([^\s'\x22;|&<>]+)",
        ),
        (
            "here-document",
            false,
            r"(?:>{1,2}|\btee\b(?:\s+-a)?)\s*['\x22]?([^\s'\x22;|&<>]+)['\x22]?[^\n]*?<<-?\s*\\?['\x22]?\w+",
        ),
        (
            "edit in place",
            false,
            r"\b(?:sed|perl)\s+(?:-{1,2}[\w=-]+\s+)*(?:-[a-zA-Z]*i\S*|--in-place\S*)\s[^\n;|&]*?['\x22]?([^\s'\x22;|&<>]+\.\w+)['\x22]?\s*(?:$|[\n;|&])",
        ),
        ("printed line", true, r"\b(?:echo|printf)\b[^\n]*?>{1,2}\s*['\x22]?([^\s'\x22;|&<>]+)"),
        (
            "script that opens a file",
            true,
            r"\bopen\(\s*\\?['\x22]([^'\x22\\]+)\\?['\x22]\s*,\s*\\?['\x22][wax]",
        ),
        ("script that opens a file", true, r"\bPath\(\s*\\?['\x22]([^'\x22\\]+)\\?['\x22]\s*\)\.write_text"),
    ];
    ways.into_iter().filter_map(|(how, strict, regex)| Some((how, strict, Regex::new(regex).ok()?))).collect()
});

/// How a command writes a source file, and which. What goes to the temp folder is nobody's source.
fn written_code(command: &str, strict: bool) -> Option<(&'static str, String)> {
    let ways = WAYS.iter().filter(|(_, only_strict, _)| strict || !only_strict);
    ways.flat_map(|(how, _, regex)| regex.captures_iter(command).map(move |found| (*how, found)))
        .filter_map(|(how, found)| Some((how, found.get(1)?.as_str().to_owned())))
        .find(|(_, path)| is_code(path) && !path.starts_with("/tmp/") && !path.starts_with("/dev/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_to_write_code_are_known_and_reading_it_is_not_one_of_them() {
        assert_eq!(WAYS.len(), 6, "every expression compiles");
        for (command, how) in [
            ("cat > src/a.rs <<'EOF'\nfn main() {}\nEOF", "here-document"),
            ("cat <<EOF > src/a.py\nx = 1\nEOF", "here-document"),
            ("tee -a lib/a.go << EOF\nx\nEOF", "here-document"),
            ("cd app && sed -i 's/a/b/g' src/main.ts && cat src/main.ts", "edit in place"),
            ("sed -i.bak -e 's/class A/class B/' a.java", "edit in place"),
            ("perl -pi -e 's/a/b/' a.rb", "edit in place"),
            ("echo 'x = 1' >> a.py", "printed line"),
            ("printf '%s' 'fn' > \"src/a.rs\"", "printed line"),
            ("python3 - <<'E'\nopen('a.js', 'w').write('x')\nE", "script that opens a file"),
        ] {
            assert_eq!(written_code(command, true).map(|found| found.0), Some(how), "{command}");
        }
        for command in [
            "cat src/a.rs",
            "grep -n 'class Foo' src/a.ts",
            "sed -n 1,20p a.rs",
            "cargo test > out.txt 2>&1",
            "echo done > notes.md",
            "cat <<EOF\nimport os\nEOF",
            "cat > /tmp/probe.py <<EOF\nx\nEOF",
            "python3 -c \"print(open('a.py').read())\"",
            "git diff > change.patch",
            "echo 'function f' ; ls a.js",
            "sed 's/import x/y/' a.py | head",
        ] {
            assert_eq!(written_code(command, true), None, "{command}");
        }
        assert_eq!(written_code("echo 1 > a.py", false), None);
        assert!(written_code("cat > a.py <<E\n1\nE", false).is_some());
    }
}
