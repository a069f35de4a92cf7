//! The effective keys: the table's defaults, changed by `keys.yaml`. Finds what a chord does in a context.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::{
    actions::{Act, Context, Row, TABLE, find},
    keys::{Chord, Keys},
};
use crate::error::UserError;

/// Which keys do what, by context.
#[derive(Clone, Debug)]
pub struct Keymap {
    by_context: HashMap<Context, Vec<(Keys, &'static Row)>>,
    changed: bool,
}

/// What a chord means, given the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Act(Act),
    /// It begins a sequence.
    Prefix,
    Nothing,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    None(()),
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn list(&self) -> Vec<String> {
        match self {
            Self::None(()) => Vec::new(),
            Self::One(one) => vec![one.clone()],
            Self::Many(many) => many.clone(),
        }
    }
}

impl Default for Keymap {
    fn default() -> Self {
        let mut map = Self { by_context: HashMap::new(), changed: false };
        for row in TABLE {
            map.add(row, row.keys.iter().filter_map(|key| Keys::parse(key)));
        }
        map
    }
}

impl Keymap {
    /// The defaults changed by the text of a `keys.yaml`. Errors name `file:line`; conflicts are errors too.
    pub fn load(text: &str, file: &str) -> Result<Self, UserError> {
        const HINT: &str =
            "a line is 'id: key' or 'id: [key, key]', a key is written ctrl-p; the help (?) shows all keys";
        let fail = |line: usize, what: String| UserError::usage(format!("{file}:{line}: {what}"), HINT);
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let changes: BTreeMap<String, OneOrMany> = serde_yaml::from_str(text).map_err(|e| {
            let line = e.location().map_or(1, |at| at.line());
            fail(line, format!("this is not a list of 'id: keys' ({e})"))
        })?;
        let mut map = Self { by_context: HashMap::new(), changed: true };
        let mut wrong: Vec<(usize, String)> = Vec::new();
        let mut wanted: HashMap<&str, Vec<Keys>> = HashMap::new();
        for (id, keys) in &changes {
            let line = line_of(text, id);
            let Some(row) = find(id) else {
                wrong.push((line, format!("there is no action '{id}'{}", similar(id))));
                continue;
            };
            let parsed = keys.list().into_iter().filter_map(|key| {
                let parsed = Keys::parse(&key);
                if parsed.is_none() {
                    wrong.push((line, format!("'{key}' is not a key")));
                }
                parsed
            });
            wanted.insert(row.id, parsed.collect());
        }
        for row in TABLE {
            match wanted.get(row.id) {
                Some(keys) => map.add(row, keys.iter().cloned()),
                None => map.add(row, row.keys.iter().filter_map(|key| Keys::parse(key))),
            }
        }
        let conflicts = map.conflicts(|id| wanted.contains_key(id)).into_iter();
        wrong.extend(conflicts.map(|(keys, mine, other)| {
            (line_of(text, mine), format!("'{keys}' of '{mine}' is already the key of '{other}'"))
        }));
        wrong.sort();
        let lines: Vec<String> = wrong.iter().map(|(line, what)| format!("{file}:{line}: {what}")).collect();
        if lines.is_empty() { Ok(map) } else { Err(UserError::usage(lines.join("\n"), HINT)) }
    }

    fn add(&mut self, row: &'static Row, keys: impl Iterator<Item = Keys>) {
        self.by_context.entry(row.context).or_default().extend(keys.map(|keys| (keys, row)));
    }

    /// Actions of one context with the same keys, or one that begins with the other's; the changed one first.
    fn conflicts(&self, changed: impl Fn(&str) -> bool) -> Vec<(Keys, &'static str, &'static str)> {
        let mut found = Vec::new();
        for rows in self.by_context.values() {
            for (i, (keys, row)) in rows.iter().enumerate() {
                for (other_keys, other) in &rows[i + 1..] {
                    let shorter = keys.0.len().min(other_keys.0.len());
                    if keys.0[..shorter] == other_keys.0[..shorter] {
                        let (mine, theirs) = if changed(other.id) { (other, row) } else { (row, other) };
                        let known = |it: &(Keys, &str, &str)| it.0 == *keys && it.1 == mine.id;
                        if !found.iter().any(known) {
                            found.push((keys.clone(), mine.id, theirs.id));
                        }
                    }
                }
            }
        }
        found
    }

    /// What a chord does, innermost context first.
    pub fn find(&self, contexts: &[Context], before: Option<Chord>, chord: Chord) -> Found {
        for context in contexts {
            let rows = self.by_context.get(context).map(Vec::as_slice).unwrap_or_default();
            for (keys, row) in rows {
                match (before, keys.0.as_slice()) {
                    (None, [one]) if *one == chord => return Found::Act(row.act),
                    (Some(first), [a, b]) if *a == first && *b == chord => return Found::Act(row.act),
                    (None, [first, _]) if *first == chord => return Found::Prefix,
                    _ => {}
                }
            }
        }
        Found::Nothing
    }

    /// The chords that go on after the first one of a sequence, with what they do.
    pub fn after(&self, contexts: &[Context], first: Chord) -> Vec<(Chord, &'static Row)> {
        let rows = contexts.iter().filter_map(|context| self.by_context.get(context)).flatten();
        rows.filter_map(|(keys, row)| match keys.0.as_slice() {
            [one, next] if *one == first => Some((*next, *row)),
            _ => None,
        })
        .collect()
    }

    /// The keys of an id, as they are shown; empty where it has none.
    pub fn labels(&self, id: &str, ascii: bool) -> Vec<String> {
        let all = self.by_context.values().flatten();
        all.filter(|(_, row)| row.id == id).map(|(keys, _)| keys.label(ascii)).collect()
    }

    /// The first of them.
    pub fn label(&self, id: &str, ascii: bool) -> String {
        self.labels(id, ascii).into_iter().next().unwrap_or_default()
    }

    /// True where a file has changed the defaults.
    pub fn is_changed(&self) -> bool {
        self.changed
    }
}

/// The line of the file where an id is set, from 1.
fn line_of(text: &str, id: &str) -> usize {
    let is_it = |line: &str| {
        let line = line.trim_start().trim_start_matches(['"', '\'']);
        line.strip_prefix(id).is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
    };
    text.lines().position(is_it).map_or(1, |at| at + 1)
}

fn similar(id: &str) -> String {
    let wanted = id.rsplit('.').next().unwrap_or(id);
    let near: Vec<_> = TABLE.iter().filter(|row| row.id.contains(wanted)).map(|row| row.id).take(3).collect();
    if near.is_empty() { String::new() } else { format!("; near it: {}", near.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::actions::{Go, Open, Run, Scroll, Write};

    fn chord(text: &str) -> Chord {
        Chord::parse(text).unwrap()
    }

    #[test]
    fn the_defaults_have_no_conflicts() {
        assert_eq!(Keymap::default().conflicts(|_| false), []);
    }

    #[test]
    fn the_innermost_context_wins_and_a_sequence_needs_both_chords() {
        let map = Keymap::default();
        let text = [Context::Text, Context::Global];
        assert_eq!(map.find(&text, None, chord("N")), Found::Act(Act::Scroll(Scroll::SearchPrev)));
        assert_eq!(map.find(&text, None, chord("p")), Found::Act(Act::Run(Run::Pause)));
        let typing = [Context::Composer];
        assert_eq!(map.find(&typing, None, chord("p")), Found::Nothing);
        assert_eq!(map.find(&typing, None, chord("ctrl-x")), Found::Prefix);
        let (before, p) = (Some(chord("ctrl-x")), chord("p"));
        assert_eq!(map.find(&typing, before, p), Found::Act(Act::Run(Run::Pause)));
        let left = map.find(&text, Some(chord("ctrl-w")), chord("h"));
        assert_eq!(left, Found::Act(Act::Go(Go::Left)));
    }

    #[test]
    fn a_file_changes_keys_and_its_mistakes_are_named_with_their_line() {
        let map =
            Keymap::load("# mine\nrun.pause: ctrl-t\npalette.open: [\";\", ctrl-p]\nredraw:\n", "keys.yaml")
                .unwrap();
        let global = [Context::Global];
        assert_eq!(map.find(&global, None, chord("ctrl-t")), Found::Act(Act::Run(Run::Pause)));
        assert_eq!(map.find(&global, None, chord("p")), Found::Nothing);
        assert_eq!(map.find(&global, None, chord(";")), Found::Act(Act::Open(Open::Palette)));
        assert_eq!(map.find(&global, None, chord("ctrl-l")), Found::Nothing);
        assert_eq!(map.label("run.pause", false), "^T");
        for (text, wanted) in [
            ("\nrun.paus: p\n", "keys.yaml:2: there is no action 'run.paus'; near it: run.pause"),
            ("run.pause: p\nredraw: hyper-q\n", "keys.yaml:2: 'hyper-q' is not a key"),
            ("run.pause: i\n", "keys.yaml:1: 'i' of 'run.pause' is already the key of 'nudge.focus'"),
            (
                "nudge.send: ctrl-x\n",
                "keys.yaml:1: 'ctrl-x' of 'nudge.send' is already the key of 'typing.pause'",
            ),
        ] {
            let error = Keymap::load(text, "keys.yaml").unwrap_err();
            assert!(error.message.starts_with(wanted), "{}", error.message);
        }
        let all = "redraw: hyper-q\n\nrun.pause: i\nrun.paus: p\n";
        let error = Keymap::load(all, "k").unwrap_err().message;
        let lines: Vec<_> = error.lines().filter_map(|line| line.get(..4)).collect();
        assert_eq!(lines, ["k:1:", "k:3:", "k:4:"], "{error}");
        assert!(Keymap::load("- a\n", "k").unwrap_err().message.contains("not a list of"));
        assert_eq!(map.find(&[Context::Composer], None, chord("enter")), Found::Act(Act::Write(Write::Send)));
    }
}
