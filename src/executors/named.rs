//! Paths that a request for leave names. Pure; finds words, does not know where they lead.

use serde_json::Value;

/// Paths that are kept of one request; more are represented by a last one that is never inside.
const MAX_PATHS: usize = 500;
/// Devices that everybody may use.
const HARMLESS: [&str; 4] = ["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"];
/// Fields of a tool's input that hold a path.
const FIELDS: [&str; 4] = ["file_path", "notebook_path", "path", "cwd"];

/// Of a shell command: every word with a slash, a `~` at its front, or `..`. It is not a shell: what is put together
/// while the command runs is not seen.
pub(super) fn in_command(command: &str) -> Vec<String> {
    let apart = |c: char| c.is_whitespace() || ";|&()<>\"'=,{}`".contains(c);
    let path = |word: &&str| {
        let names = word.contains('/') || word.starts_with('~') || *word == "..";
        names
            && !word.contains("://")
            && !HARMLESS.contains(word)
            && word.chars().any(|c| c != '/' || word.len() == 1)
    };
    bounded(command.split(apart).filter(path).map(str::to_owned))
}

/// Of a tool's input.
pub(super) fn in_input(input: &Value) -> Vec<String> {
    bounded(FIELDS.iter().filter_map(|field| input[*field].as_str()).map(str::to_owned))
}

fn bounded(paths: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = paths.take(MAX_PATHS + 1).collect();
    if all.len() > MAX_PATHS {
        all[MAX_PATHS] = "~".to_owned();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command_that_lead_somewhere_are_found() {
        for (command, paths) in [
            ("cargo test -q", vec![]),
            ("echo hi > out.txt", vec![]),
            ("cat /etc/passwd>x 2>/dev/null", vec!["/etc/passwd"]),
            ("cp a ../b;ls ~", vec!["../b", "~"]),
            ("cd .. && ls", vec![".."]),
            ("x --out=/tmp/y \"$HOME/z\"", vec!["/tmp/y", "$HOME/z"]),
            ("curl https://example.org/a", vec![]),
            ("rm -rf /", vec!["/"]),
        ] {
            assert_eq!(in_command(command), paths, "{command}");
        }
        assert_eq!(in_input(&serde_json::json!({"file_path": "/a", "content": "/b"})), ["/a"]);
        assert_eq!(in_command(&"/a ".repeat(1_000)).last().unwrap(), "~");
    }
}
