//! Keys as people write them: `ctrl-p`, `alt-enter`, `X`, and sequences of two, `ctrl-x p`.
//!
//! Responsible for the names and for a common form of what terminals send; which key does what is `actions`'.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// One key with its modifiers, in a common form: a shifted letter is the capital without `shift`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub struct Chord {
    pub code: KeyCode,
    pub mods: KeyModifiers,
}

/// One or two chords, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Keys(pub Vec<Chord>);

const NAMED: &[(&str, KeyCode, &str, &str)] = &[
    ("enter", KeyCode::Enter, "⏎", "Enter"),
    ("esc", KeyCode::Esc, "Esc", "Esc"),
    ("tab", KeyCode::Tab, "Tab", "Tab"),
    ("backtab", KeyCode::BackTab, "⇧Tab", "S-Tab"),
    ("space", KeyCode::Char(' '), "Space", "Space"),
    ("up", KeyCode::Up, "↑", "Up"),
    ("down", KeyCode::Down, "↓", "Down"),
    ("left", KeyCode::Left, "←", "Left"),
    ("right", KeyCode::Right, "→", "Right"),
    ("home", KeyCode::Home, "Home", "Home"),
    ("end", KeyCode::End, "End", "End"),
    ("pgup", KeyCode::PageUp, "PgUp", "PgUp"),
    ("pgdn", KeyCode::PageDown, "PgDn", "PgDn"),
    ("del", KeyCode::Delete, "Del", "Del"),
    ("insert", KeyCode::Insert, "Ins", "Ins"),
    ("backspace", KeyCode::Backspace, "⌫", "BkSp"),
];

impl Chord {
    /// A plain key.
    pub const fn plain(code: KeyCode) -> Self {
        Self { code, mods: KeyModifiers::NONE }
    }

    /// A key with ctrl.
    pub const fn ctrl(c: char) -> Self {
        Self { code: KeyCode::Char(c), mods: KeyModifiers::CONTROL }
    }

    /// The common form of what the terminal sent.
    pub fn of(event: &KeyEvent) -> Self {
        let known = KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT | KeyModifiers::SUPER;
        let mut mods = event.modifiers & known;
        let code = match event.code {
            KeyCode::Char(c) if mods.contains(KeyModifiers::CONTROL) => KeyCode::Char(c.to_ascii_lowercase()),
            KeyCode::Char(c) => {
                let shifted = mods.contains(KeyModifiers::SHIFT) && c.is_lowercase();
                mods.remove(KeyModifiers::SHIFT);
                KeyCode::Char(if shifted { c.to_uppercase().next().unwrap_or(c) } else { c })
            }
            KeyCode::Tab if mods.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
            code => code,
        };
        if code == KeyCode::BackTab {
            mods.remove(KeyModifiers::SHIFT);
        }
        Self { code, mods }
    }

    /// Reads `ctrl-p`, `alt-enter`, `shift-enter`, `f1`, `X`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        let mut mods = KeyModifiers::NONE;
        loop {
            let lower = rest.to_ascii_lowercase();
            let (name, flag) = match lower.split_once('-') {
                Some((name, after)) if !after.is_empty() => (name.to_owned(), name),
                _ => break,
            };
            match flag {
                "ctrl" | "c" => mods |= KeyModifiers::CONTROL,
                "alt" | "a" | "meta" => mods |= KeyModifiers::ALT,
                "shift" | "s" => mods |= KeyModifiers::SHIFT,
                _ => return None,
            }
            rest = &rest[name.len() + 1..];
        }
        let lower = rest.to_ascii_lowercase();
        if let Some((_, code, ..)) = NAMED.iter().find(|(name, ..)| *name == lower) {
            return Some(Self::of(&KeyEvent::new(*code, mods)));
        }
        if let Some(number) = lower.strip_prefix('f').and_then(|n| n.parse::<u8>().ok()) {
            return (1..=24).contains(&number).then_some(Self { code: KeyCode::F(number), mods });
        }
        let mut chars = rest.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => Some(Self::of(&KeyEvent::new(KeyCode::Char(c), mods))),
            _ => None,
        }
    }

    /// As it is shown: `^P`, `⇧Tab`, `⏎`; plain words where the terminal cannot draw those.
    pub fn label(&self, ascii: bool) -> String {
        let mut text = String::new();
        if self.mods.contains(KeyModifiers::CONTROL) {
            text.push('^');
        }
        if self.mods.contains(KeyModifiers::ALT) {
            text.push_str("Alt-");
        }
        if self.mods.contains(KeyModifiers::SHIFT) {
            text.push_str(if ascii { "S-" } else { "⇧" });
        }
        match NAMED.iter().find(|(_, code, ..)| *code == self.code) {
            Some((_, _, _, plain)) if ascii => text.push_str(plain),
            Some((_, _, sign, _)) => text.push_str(sign),
            None => match self.code {
                KeyCode::Char(c) if self.mods.contains(KeyModifiers::CONTROL) => {
                    text.extend(c.to_uppercase());
                }
                KeyCode::Char(c) => text.push(c),
                KeyCode::F(n) => text.push_str(&format!("F{n}")),
                _ => text.push('?'),
            },
        }
        text
    }

    /// The character that it types, if it types one.
    pub fn typed(&self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if !self.mods.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => Some(c),
            _ => None,
        }
    }
}

impl fmt::Display for Chord {
    /// As it is written in a file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (flag, name) in
            [(KeyModifiers::CONTROL, "ctrl-"), (KeyModifiers::ALT, "alt-"), (KeyModifiers::SHIFT, "shift-")]
        {
            if self.mods.contains(flag) {
                f.write_str(name)?;
            }
        }
        match NAMED.iter().find(|(_, code, ..)| *code == self.code) {
            Some((name, ..)) => f.write_str(name),
            None => match self.code {
                KeyCode::Char(c) => write!(f, "{c}"),
                KeyCode::F(n) => write!(f, "f{n}"),
                _ => f.write_str("?"),
            },
        }
    }
}

impl Keys {
    /// Reads one or two chords with a blank between them.
    pub fn parse(text: &str) -> Option<Self> {
        let chords: Option<Vec<_>> = text.split_whitespace().map(Chord::parse).collect();
        chords.filter(|chords| (1..=2).contains(&chords.len())).map(Self)
    }

    /// As it is shown.
    pub fn label(&self, ascii: bool) -> String {
        self.0.iter().map(|chord| chord.label(ascii)).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self.0.iter().map(Chord::to_string).collect();
        f.write_str(&parts.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_and_written_back() {
        for text in [
            "p",
            "P",
            "?",
            "ctrl-p",
            "alt-enter",
            "shift-enter",
            "f1",
            "ctrl-x p",
            "-",
            "backtab",
            "ctrl-w h",
        ] {
            assert_eq!(Keys::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "hyper-x", "ctrl-", "f99", "a b c", "enterr"] {
            assert_eq!(Keys::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_terminals_send_differently_is_one_chord() {
        let capital = KeyEvent::new(KeyCode::Char('P'), KeyModifiers::SHIFT);
        let kitty = KeyEvent::new(KeyCode::Char('p'), KeyModifiers::SHIFT);
        assert_eq!(Chord::of(&capital), Chord::parse("P").unwrap());
        assert_eq!(Chord::of(&kitty), Chord::parse("P").unwrap());
        let back = KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT);
        assert_eq!(Chord::of(&back), Chord::parse("shift-tab").unwrap());
        assert_eq!(Chord::parse("ctrl-p").unwrap().label(false), "^P");
        assert_eq!(Chord::parse("enter").unwrap().label(true), "Enter");
    }
}
