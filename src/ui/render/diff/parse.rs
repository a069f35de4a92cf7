//! Reads unified diffs (git's and plain ones). Never fails: what is not understood is shown as a note.

use std::ops::Range;

use crate::text::{CleanText, clean_line};

/// Lines of one diff that are kept.
const LINES_MAX: usize = 50_000;
/// Changed lines next to each other that are compared word by word.
const PAIRS_MAX: usize = 50;

/// What a line of a diff is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    Context,
    Added,
    Removed,
    /// `@@ … @@`.
    Hunk,
    /// About the file: mode, binary, no newline, what was left out.
    Note,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffLine {
    pub kind: LineKind,
    /// Line number in the new file, or in the old one for a removed line.
    pub number: u32,
    pub text: CleanText,
    /// The bytes that differ from the line that it replaces.
    pub changed: Range<usize>,
}

/// The changes of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileDiff {
    pub path: CleanText,
    pub renamed_from: Option<CleanText>,
    pub added: u64,
    pub removed: u64,
    pub lines: Vec<DiffLine>,
}

#[derive(Default)]
struct Reader {
    files: Vec<FileDiff>,
    /// Lines that the hunk still has, old and new.
    left: (u32, u32),
    at: (u32, u32),
    kept: usize,
    left_out: usize,
}

/// Reads a diff.
pub fn parse(diff: &str) -> Vec<FileDiff> {
    let mut reader = Reader::default();
    for line in diff.lines() {
        reader.line(line);
    }
    if reader.left_out > 0 {
        let note = format!("… {} more lines are not shown", reader.left_out);
        reader.kept = 0;
        reader.push(LineKind::Note, 0, &note);
    }
    for file in &mut reader.files {
        mark_words(&mut file.lines);
    }
    reader.files
}

impl Reader {
    fn line(&mut self, line: &str) {
        if self.left != (0, 0) && self.in_hunk(line) {
            return;
        }
        if let Some(names) = line.strip_prefix("diff --git ") {
            let path = names.split(" b/").nth(1).unwrap_or(names);
            self.files.push(FileDiff { path: clean_line(path), ..FileDiff::default() });
        } else if let Some(path) = line.strip_prefix("--- ") {
            // Notes (a new file's mode) stand before the names of their own file.
            let in_text = |file: &FileDiff| file.lines.iter().any(|line| line.kind != LineKind::Note);
            if self.files.last().is_none_or(in_text) {
                self.files.push(FileDiff { path: clean_line(name(path)), ..FileDiff::default() });
            }
        } else if let Some(path) = line.strip_prefix("+++ ") {
            if name(path) != "/dev/null" {
                self.file().path = clean_line(name(path));
            }
        } else if let Some(old) = line.strip_prefix("rename from ") {
            self.file().renamed_from = Some(clean_line(old));
        } else if let Some(ranges) = line.strip_prefix("@@ ") {
            (self.at, self.left) = hunk(ranges);
            self.push(LineKind::Hunk, 0, line);
        } else if !line.starts_with("index ")
            && !line.starts_with("similarity ")
            && !line.starts_with("rename to ")
        {
            self.push(LineKind::Note, 0, line);
        }
    }

    fn in_hunk(&mut self, line: &str) -> bool {
        let (kind, number) = match line.as_bytes().first() {
            Some(b'+') if self.left.1 > 0 => (LineKind::Added, self.at.1),
            Some(b'-') if self.left.0 > 0 => (LineKind::Removed, self.at.0),
            Some(b' ') | None => (LineKind::Context, self.at.1),
            Some(b'\\') => (LineKind::Note, 0),
            _ => {
                self.left = (0, 0);
                return false;
            }
        };
        let (old, new) = match kind {
            LineKind::Added => (0, 1),
            LineKind::Removed => (1, 0),
            LineKind::Context => (1, 1),
            LineKind::Hunk | LineKind::Note => (0, 0),
        };
        self.left = (self.left.0.saturating_sub(old), self.left.1.saturating_sub(new));
        self.at = (self.at.0 + old, self.at.1 + new);
        let text = if kind == LineKind::Note { line } else { line.get(1..).unwrap_or_default() };
        let file = self.file();
        file.added += u64::from(kind == LineKind::Added);
        file.removed += u64::from(kind == LineKind::Removed);
        self.push(kind, number, text);
        true
    }

    fn push(&mut self, kind: LineKind, number: u32, text: &str) {
        if self.kept >= LINES_MAX {
            self.left_out += 1;
            return;
        }
        self.kept += 1;
        let text = match text.contains('\t').then(|| crate::text::width::expand_tabs(text, 0)).flatten() {
            Some(text) => clean_line(&text),
            None => clean_line(text),
        };
        self.file().lines.push(DiffLine { kind, number, text, changed: 0..0 });
    }

    fn file(&mut self) -> &mut FileDiff {
        if self.files.is_empty() {
            self.files.push(FileDiff::default());
        }
        let last = self.files.len() - 1;
        &mut self.files[last]
    }
}

/// `a/src/x.rs<TAB>date` → `src/x.rs`.
fn name(path: &str) -> &str {
    let path = path.split('\t').next().unwrap_or(path).trim();
    path.strip_prefix("a/").or_else(|| path.strip_prefix("b/")).unwrap_or(path)
}

/// `-1,2 +3,4 @@ …` → where the hunk begins and how many lines it has.
fn hunk(ranges: &str) -> ((u32, u32), (u32, u32)) {
    let range = |sign: char| {
        let text = ranges.split(' ').find_map(|part| part.strip_prefix(sign)).unwrap_or("1");
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        (start.parse().unwrap_or(1), count.parse().unwrap_or(0))
    };
    let (old, new) = (range('-'), range('+'));
    ((old.0, new.0), (old.1, new.1))
}

/// Finds what differs between removed lines and the added ones that follow them, one by one.
fn mark_words(lines: &mut [DiffLine]) {
    let mut at = 0;
    while at < lines.len() {
        let run = |from: usize, kind: LineKind| lines[from..].iter().take_while(|l| l.kind == kind).count();
        let removed = run(at, LineKind::Removed);
        let added = run(at + removed, LineKind::Added);
        if removed > 0 && removed == added && removed <= PAIRS_MAX {
            for pair in at..at + removed {
                if let Some((old, new)) = changed(&lines[pair].text, &lines[pair + removed].text) {
                    lines[pair].changed = old;
                    lines[pair + removed].changed = new;
                }
            }
        }
        at += (removed + added).max(1);
    }
}

/// The differing middles of two lines that have much in common.
fn changed(old: &str, new: &str) -> Option<(Range<usize>, Range<usize>)> {
    let common = |a: &mut dyn Iterator<Item = (char, char)>| {
        a.take_while(|(x, y)| x == y).map(|(x, _)| x.len_utf8()).sum::<usize>()
    };
    let head = common(&mut old.chars().zip(new.chars()));
    let tail = common(&mut old[head..].chars().rev().zip(new[head..].chars().rev()));
    let shared = head + tail;
    (shared * 3 >= old.len().max(new.len())).then(|| (head..old.len() - tail, head..new.len() - tail))
}
