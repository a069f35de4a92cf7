//! What a card is about, as lines: nothing in them is out of sight.

use crate::{protocol::event::InboxOpened, ui::kit::wrap};

/// Lines of a detail (a diff, arguments) that are shown.
const DETAIL: usize = 400;

/// A detail that is not there: it has no line on a card.
pub fn says_nothing(value: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Null, Object, String};
    match value {
        Null => true,
        String(text) => text.trim().is_empty(),
        Array(all) => all.is_empty(),
        Object(all) => all.is_empty(),
        _ => false,
    }
}

/// Says how many characters are written out because they hide, or pass for others: what is answered may read otherwise
/// than it was meant to look. (Where it was written out before the card was made, it is to be seen in the text.)
pub(super) fn removed(opened: &InboxOpened) -> Option<String> {
    fn count(value: &serde_json::Value) -> u64 {
        match value {
            serde_json::Value::String(text) => crate::text::clean_counted(text).1,
            serde_json::Value::Array(all) => all.iter().map(count).sum(),
            serde_json::Value::Object(all) => all.values().map(count).sum(),
            _ => 0,
        }
    }
    // The title is a part of what is told below it.
    let count = count(&opened.detail).max(crate::text::clean_counted(&opened.title).1);
    let chars = if count == 1 { "char" } else { "chars" };
    (count > 0).then(|| format!("{count} hidden {chars}, written out as \\u{{…}}"))
}

/// The heading of a diff.
pub(super) const DIFF: &str = "diff:";
/// What is not shown: ids, and what the title says.
const HIDDEN: [&str; 9] =
    ["request", "gate", "watcher", "which", "call_id", "suggested", "least", "scope", "kind"];

/// What will be done.
const FIRST: [&str; 2] = ["command", "calls"];

/// A field's name for people.
fn label<'a>(key: &'a str, opened: &InboxOpened) -> &'a str {
    match key {
        "cwd" => "directory",
        "command" if opened.detail["kind"] == "file_change" => "files",
        other => other,
    }
}

/// The title in as many rows as it takes; at least one.
pub(super) fn title(opened: &InboxOpened, cells: usize) -> Vec<String> {
    let text = crate::text::clean(&crate::text::seen(&opened.title)).into_string();
    let rows: Vec<String> = text.trim_end().lines().take(DETAIL).flat_map(|line| wrap(line, cells)).collect();
    if rows.is_empty() { vec![String::new()] } else { rows }
}

/// What the card is about, as lines. Nothing in it is out of sight.
pub(super) fn detail(opened: &InboxOpened, cells: usize) -> Vec<String> {
    let plain = |text: &str| crate::text::clean(&crate::text::seen(text)).into_string();
    let mut lines = Vec::new();
    if let Some(fields) = opened.detail.as_object() {
        // What will be done comes first: it must not lie below the edge.
        let (first, then): (Vec<_>, Vec<_>) = fields
            .iter()
            .filter(|(key, _)| !HIDDEN.contains(&key.as_str()))
            .partition(|(key, _)| FIRST.contains(&key.as_str()));
        for (key, value) in first.into_iter().chain(then) {
            let text = match value {
                value if says_nothing(value) => continue,
                serde_json::Value::String(text) if *text == opened.title => continue,
                serde_json::Value::String(text) => text.clone(),
                serde_json::Value::Number(number) => number.to_string(),
                serde_json::Value::Array(all) if all.iter().all(serde_json::Value::is_string) => {
                    all.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(", ")
                }
                other => serde_yaml::to_string(other).unwrap_or_default(),
            };
            let (text, label) = (plain(&text), label(key, opened));
            let whole = key == "diff" || text.trim_end().contains('\n');
            if whole {
                lines.push(format!("{label}:"));
                let all = text.trim_end().lines().count();
                lines.extend(text.trim_end().lines().take(DETAIL).flat_map(|line| wrap(line, cells)));
                if all > DETAIL {
                    lines.push(format!("({} more lines are not shown here)", all - DETAIL));
                }
            } else {
                let parts = wrap(&text, cells.saturating_sub(10).max(10));
                for (n, part) in parts.into_iter().take(DETAIL).enumerate() {
                    lines.push(format!("{:<9} {part}", if n == 0 { label } else { "" }));
                }
            }
        }
    } else if let Some(text) = opened.detail.as_str() {
        lines.extend(wrap(&plain(text), cells));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{InboxId, event::InboxKind};

    fn opened(detail: serde_json::Value) -> InboxOpened {
        InboxOpened {
            inbox_id: InboxId(uuid::Uuid::nil()),
            what: InboxKind::Approval,
            session: None,
            title: "s1 wants to run a command".to_owned(),
            detail,
            choices: Vec::new(),
            digest: String::new(),
        }
    }

    #[test]
    fn a_detail_that_says_nothing_has_no_line() {
        let opened = opened(
            serde_json::json!({"command": "make", "outside": [], "diff": " ", "more": {}, "cwd": null, "kind": "shell"}),
        );
        assert_eq!(detail(&opened, 60), ["command   make"]);
    }

    #[test]
    fn a_card_names_what_it_shows_in_words_and_writes_out_what_hides() {
        let mut opened = opened(serde_json::json!({
            "kind": "file_change", "command": "a.rs b\u{202e}.rs", "cwd": "/src", "outside": ["/etc/x", "/y"],
            "diff": "@@ -1 +1 @@\n-a\n+b\n",
        }));
        let lines = [
            "files     a.rs b\\u{202e}.rs",
            "directory /src",
            "outside   /etc/x, /y",
            "diff:",
            "@@ -1 +1 @@",
            "-a",
            "+b",
        ];
        assert_eq!(detail(&opened, 60), lines);
        assert_eq!(removed(&opened).as_deref(), Some("1 hidden char, written out as \\u{…}"));
        opened.detail = serde_json::json!({"command": "ls", "diff": "x\n".repeat(DETAIL + 2)});
        let lines = detail(&opened, 60);
        assert_eq!(
            (lines.len(), &*lines[lines.len() - 1]),
            (DETAIL + 3, "(2 more lines are not shown here)")
        );
    }
}
