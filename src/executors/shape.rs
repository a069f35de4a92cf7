//! Shapes that adapters over a child's pipes share: what a protocol machine asks for, bounded text, diffs.
//! Pure; knows no protocol.

use similar::TextDiff;

use super::{News, Order, lines::Line};
use crate::protocol::event::{ChangeKind, FileChange};

/// Characters that are kept of the head and of the tail of a command's output, of arguments and results.
pub(super) const KEPT_ENDS: usize = 4_000;
/// Characters that are kept of the head and of the tail of a diff.
const KEPT_OF_DIFF: usize = 100_000;
/// Most bytes of an answer; what is longer is cut and says so.
pub(super) const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// Most bytes of a raw value that nobody understands.
const MAX_UNKNOWN: usize = 8 * 1024;
/// Files longer than this (bytes) are shown as replaced, not compared.
const MAX_COMPARED: usize = 1024 * 1024;

/// What a protocol machine asks its driver to do, in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Effect {
    /// Write this line (its newline is added).
    Write(String),
    /// Report.
    News(News),
    /// Append live text to a stream.
    Live { turn: u32, item: String, text: String },
}

/// A pure protocol machine of one executor process that talks in lines.
pub(super) trait Machine {
    /// What is said first.
    fn opening(&mut self) -> Vec<Effect>;
    /// Whether the handshake is over: orders may come.
    fn ready(&self) -> bool;
    /// Why there will be no session, after a handshake that was refused.
    fn refused(&self) -> Option<&str>;
    /// A line from the executor.
    fn line(&mut self, line: &Line) -> Vec<Effect>;
    /// An order (`End` and `Kill` are the driver's).
    fn order(&mut self, order: Order) -> Vec<Effect>;
    /// Whether a turn runs.
    fn works(&self) -> bool;
    /// True while the turn is only open because something is expected that may never come; when nothing comes for
    /// [`super::stdio::PATIENCE`], [`Machine::waited`] is called.
    fn waits(&self) -> bool {
        false
    }
    /// Nothing came.
    fn waited(&mut self) -> Vec<Effect> {
        Vec::new()
    }
    /// The process is gone: closes what is open.
    fn ended(&mut self, why: &str) -> Vec<Effect>;
}

/// The first and the last characters of a text, with the number that was left out between them.
pub(super) fn cut(text: &str, ends: usize) -> String {
    if text.len() <= 2 * ends {
        return text.to_owned();
    }
    let count = text.chars().count();
    if count <= 2 * ends {
        return text.to_owned();
    }
    let head = text.char_indices().nth(ends).map_or(text.len(), |(at, _)| at);
    let tail = text.char_indices().nth(count - ends).map_or(text.len(), |(at, _)| at);
    format!("{}\n… {} characters left out …\n{}", &text[..head], count - 2 * ends, &text[tail..])
}

/// An answer, cut at [`MAX_ANSWER`].
pub(super) fn answer(mut text: String) -> String {
    if text.len() > MAX_ANSWER {
        let mut end = MAX_ANSWER;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let lost = text.len() - end;
        text.truncate(end);
        text.push_str(&format!("\n… {lost} bytes left out …"));
    }
    text
}

/// A value that nobody understands, as far as it is kept.
pub(super) fn unknown(raw: serde_json::Value) -> serde_json::Value {
    let text = raw.to_string();
    if text.len() <= MAX_UNKNOWN { raw } else { cut(&text, MAX_UNKNOWN / 4).into() }
}

/// How a file changed, and the unified diff. `None`: it is not there (before, after).
pub(super) fn change(path: &str, old: Option<&str>, new: Option<&str>) -> (FileChange, String) {
    let kind = match (old, new) {
        (None, _) => ChangeKind::Add,
        (_, None) => ChangeKind::Delete,
        _ => ChangeKind::Update,
    };
    let (before, after) = (old.unwrap_or_default(), new.unwrap_or_default());
    let from = if old.is_some() { format!("a/{path}") } else { "/dev/null".to_owned() };
    let to = if new.is_some() { format!("b/{path}") } else { "/dev/null".to_owned() };
    let diff = if before.len().max(after.len()) > MAX_COMPARED {
        format!(
            "--- {from}\n+++ {to}\n(too long to be compared: {} and {} bytes)\n",
            before.len(),
            after.len()
        )
    } else {
        TextDiff::from_lines(before, after).unified_diff().header(&from, &to).to_string()
    };
    let (added, removed) = count(&diff);
    (FileChange { path: path.to_owned(), kind, added, removed }, cut(&diff, KEPT_OF_DIFF))
}

/// Lines that a unified diff adds and removes.
pub(super) fn count(diff: &str) -> (u64, u64) {
    let body = diff.lines().filter(|line| !line.starts_with("+++ ") && !line.starts_with("--- "));
    body.fold((0, 0), |(added, removed), line| match line.as_bytes().first() {
        Some(b'+') => (added + 1, removed),
        Some(b'-') => (added, removed + 1),
        _ => (added, removed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_says_how_much() {
        assert_eq!(cut("äöüß", 2), "äöüß");
        assert_eq!(cut("äbcdefgß", 2), "äb\n… 4 characters left out …\ngß");
        let long = answer("x".repeat(MAX_ANSWER + 5));
        assert!(long.ends_with("x\n… 5 bytes left out …"), "{}", &long[MAX_ANSWER..]);
    }

    #[test]
    fn a_change_has_its_diff_and_its_counts() {
        let (change, diff) = change("a.txt", Some("one\ntwo\n"), Some("one\nthree\nfour\n"));
        assert_eq!(
            change,
            FileChange { path: "a.txt".into(), kind: ChangeKind::Update, added: 2, removed: 1 }
        );
        assert_eq!(diff, "--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,3 @@\n one\n-two\n+three\n+four\n");
        let (added, diff) = super::change("n", None, Some("hi\n"));
        assert_eq!((added.kind, added.added), (ChangeKind::Add, 1));
        assert!(diff.starts_with("--- /dev/null\n+++ b/n\n"), "{diff}");
    }
}
