//! Shapes that adapters over a child's pipes share: what a protocol machine asks for, bounded text, diffs.
//! Pure; knows no protocol.

use similar::TextDiff;

use super::{
    News, Order,
    bound::{MAX_TEXT, cut},
    lines::Line,
};
use crate::protocol::event::{ChangeKind, FileChange};

/// Odd lines that are reported.
const MAX_ODD: u32 = 3;
/// Bytes of an odd line that are shown.
const SHOWN_OF_ODD: usize = 120;
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

/// Odd lines of one executor: a few are reported, all are in the raw log.
#[derive(Debug, Default)]
pub(super) struct Odd {
    seen: u32,
}

impl Odd {
    /// A line that is not of the protocol.
    pub(super) fn line(&mut self, who: &str, line: &Line) -> Vec<Effect> {
        if line.text.trim().is_empty() && line.cut == 0 {
            return Vec::new();
        }
        self.seen += 1;
        if self.seen > MAX_ODD {
            return Vec::new();
        }
        let message =
            format!("{who} printed a line that is not of its protocol: '{}'", cut(&line.text, SHOWN_OF_ODD));
        vec![Effect::News(News::Problem { message, hint: "the raw log of the turn has it whole".to_owned() })]
    }
}

/// How a file changed, and the unified diff. `None`: it is not there (before, after).
pub(super) fn change(path: &str, old: Option<&str>, new: Option<&str>) -> (FileChange, String) {
    let kind = match (old, new) {
        (None, _) => ChangeKind::Add,
        (_, None) => ChangeKind::Delete,
        _ => ChangeKind::Update,
    };
    let (before, after) = (old.unwrap_or_default(), new.unwrap_or_default());
    let from = if old.is_some() { header_path('a', path) } else { "/dev/null".to_owned() };
    let to = if new.is_some() { header_path('b', path) } else { "/dev/null".to_owned() };
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
    (FileChange { path: path.to_owned(), kind, added, removed }, cut(&diff, MAX_TEXT))
}

/// A path in the header of a unified diff: git's `a/` and `b/` before what is relative.
pub(super) fn header_path(side: char, path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("{side}/{path}") }
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
        let (_, diff) = super::change("/out/n", Some("x\n"), Some("hi\n"));
        assert!(diff.starts_with("--- /out/n\n+++ /out/n\n"), "{diff}");
    }
}
