//! The composer: the text that is being written, to whom it goes, what was sent before.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_textarea::{CursorMove, TextArea};
use unicode_segmentation::UnicodeSegmentation;

use crate::protocol::{NudgeId, NudgeTarget};

/// Lines from which a paste is collapsed.
pub const COLLAPSE: usize = 8;
/// Bytes of one paste; more is cut.
pub const PASTE_BYTES: usize = 1024 * 1024;
/// Sent texts that are remembered.
const HISTORY: usize = 200;

/// What is being written.
#[derive(Clone, Debug)]
pub struct Composer {
    area: TextArea<'static>,
    pub target: NudgeTarget,
    /// The queued nudge whose text is being changed.
    pub editing: Option<NudgeId>,
    history: Vec<String>,
    /// Place in the history, from its end; 0: the draft itself.
    back: usize,
    draft: String,
    /// Collapsed pastes: what stands for them, and their text.
    pastes: Vec<(String, String)>,
}

impl Default for Composer {
    fn default() -> Self {
        Self {
            area: area(""),
            target: NudgeTarget::Orchestrator,
            editing: None,
            history: Vec::new(),
            back: 0,
            draft: String::new(),
            pastes: Vec::new(),
        }
    }
}

fn area(text: &str) -> TextArea<'static> {
    let mut area = TextArea::new(text.split('\n').map(str::to_owned).collect());
    area.set_max_histories(200);
    area.move_cursor(CursorMove::Bottom);
    area.move_cursor(CursorMove::End);
    area
}

impl Composer {
    /// The lines as they are shown.
    pub fn lines(&self) -> &[String] {
        self.area.lines()
    }

    /// Line and character of the caret.
    pub fn caret(&self) -> (usize, usize) {
        let cursor = self.area.cursor();
        (cursor.0, cursor.1)
    }

    /// True without text.
    pub fn is_empty(&self) -> bool {
        self.lines().iter().all(String::is_empty)
    }

    /// The whole text, pastes in full.
    pub fn text(&self) -> String {
        let mut text = self.lines().join("\n");
        for (sign, paste) in &self.pastes {
            text = text.replace(sign.as_str(), paste);
        }
        text
    }

    /// Replaces the text.
    pub fn set(&mut self, text: &str) {
        self.area = area(text);
        self.pastes.clear();
        self.back = 0;
    }

    /// Takes the text and empties the composer; it goes into the history.
    pub fn take(&mut self) -> String {
        let text = self.text();
        self.remember(&text);
        self.set("");
        self.editing = None;
        text
    }

    /// Puts a text into the history.
    pub fn remember(&mut self, text: &str) {
        if text.trim().is_empty() || self.history.last().is_some_and(|last| last == text) {
            return;
        }
        if self.history.len() >= HISTORY {
            self.history.remove(0);
        }
        self.history.push(text.to_owned());
    }

    /// What was sent before, oldest first.
    pub fn history(&self) -> &[String] {
        &self.history
    }

    /// An earlier text (or, backwards, a later one), where the caret is at the edge. False: the caret moves instead.
    pub fn browse(&mut self, earlier: bool) -> bool {
        let (line, _) = self.caret();
        let at_edge = if earlier { line == 0 } else { line + 1 == self.lines().len() };
        let next = if earlier { self.back + 1 } else { self.back.wrapping_sub(1) };
        if !at_edge || next > self.history.len() {
            return false;
        }
        if self.back == 0 {
            self.draft = self.text();
        }
        let text = match next {
            0 => std::mem::take(&mut self.draft),
            n => self.history[self.history.len() - n].clone(),
        };
        self.set(&text);
        self.back = next;
        true
    }

    /// A new line.
    pub fn newline(&mut self) {
        self.area.insert_newline();
    }

    /// One pasted text: one insert, one undo. Many lines are collapsed to a sign.
    pub fn paste(&mut self, text: &str) {
        let text = crate::text::cut::at_most(text, PASTE_BYTES).replace("\r\n", "\n").replace('\r', "\n");
        let text = crate::text::clean_whole(&text).into_string();
        let lines = text.lines().count();
        if lines <= COLLAPSE {
            self.area.insert_str(&text);
            return;
        }
        let same = |sign: &String| self.pastes.iter().any(|(old, _)| old == sign);
        let mut sign = format!("[paste {lines} lines]");
        if same(&sign) {
            sign = format!("[paste {lines} lines #{}]", self.pastes.len() + 1);
        }
        self.area.insert_str(&sign);
        self.pastes.push((sign, text));
    }

    /// A collapsed paste stands in the text.
    pub fn has_folded_paste(&self) -> bool {
        !self.pastes.is_empty()
    }

    /// Shows collapsed pastes in full. False: there are none.
    pub fn expand(&mut self) -> bool {
        let any = !self.pastes.is_empty();
        if any {
            let text = self.text();
            self.set(&text);
        }
        any
    }

    /// True when the caret is at the end of the text.
    pub fn at_end(&self) -> bool {
        let (line, column) = self.caret();
        line + 1 == self.lines().len() && self.lines()[line].chars().count() == column
    }

    /// A key of the text itself: characters, readline keys.
    pub fn key(&mut self, key: KeyEvent) {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Char('u') if ctrl => {
                self.area.delete_line_by_head();
            }
            KeyCode::Char('k') if ctrl => {
                self.area.delete_line_by_end();
            }
            KeyCode::Char('w') if ctrl => {
                self.area.delete_word();
            }
            KeyCode::Char('a') if ctrl => self.area.move_cursor(CursorMove::Head),
            KeyCode::Char('e') if ctrl => self.area.move_cursor(CursorMove::End),
            KeyCode::Char('b') if alt => self.area.move_cursor(CursorMove::WordBack),
            KeyCode::Char('f') if alt => self.area.move_cursor(CursorMove::WordForward),
            KeyCode::Char('z' | '_') if ctrl => {
                self.area.undo();
            }
            KeyCode::Backspace | KeyCode::Delete | KeyCode::Left | KeyCode::Right
                if key.modifiers.is_empty() && self.beside(key.code) > 1 =>
            {
                self.whole(key.code);
            }
            // Everything else with ctrl or alt that types nothing is left alone.
            KeyCode::Char(_) if ctrl || alt => {}
            _ => {
                self.area.input(key);
            }
        }
    }

    /// Characters of what the reader sees as one, at the side of the caret that a key is about.
    fn beside(&self, code: KeyCode) -> usize {
        let (line, caret) = self.caret();
        let text = self.lines().get(line).map(String::as_str).unwrap_or_default();
        let at = text.char_indices().nth(caret).map_or(text.len(), |(at, _)| at);
        let (before, after) = text.split_at(at);
        let one = match code {
            KeyCode::Backspace | KeyCode::Left => before.graphemes(true).next_back(),
            _ => after.graphemes(true).next(),
        };
        one.map_or(0, |one| one.chars().count())
    }

    /// Moves over or deletes several characters that are seen as one.
    fn whole(&mut self, code: KeyCode) {
        let count = self.beside(code);
        let step = if code == KeyCode::Right { CursorMove::Forward } else { CursorMove::Back };
        if code != KeyCode::Delete {
            (0..count).for_each(|_| self.area.move_cursor(step));
        }
        if matches!(code, KeyCode::Backspace | KeyCode::Delete) {
            self.area.delete_str(count);
        }
    }

    /// The next target of a list.
    pub fn cycle(&mut self, targets: &[NudgeTarget]) {
        let at = targets.iter().position(|target| *target == self.target);
        let next = at.map_or(0, |at| (at + 1) % targets.len().max(1));
        self.target = targets.get(next).copied().unwrap_or(NudgeTarget::Orchestrator);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_paste_is_one_sign_and_is_sent_in_full() {
        let mut composer = Composer::default();
        let paste = (1..=20).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\r\n");
        composer.paste(&paste);
        assert_eq!(composer.lines(), ["[paste 20 lines]"]);
        composer.paste("a\u{1b}[201~b");
        assert!(!composer.text().contains('\u{1b}'));
        assert!(composer.text().starts_with("line 1\nline 2\n"));
        assert!(composer.expand());
        assert_eq!(composer.lines().len(), 20);
    }

    #[test]
    fn the_history_is_reached_at_the_edges_and_keeps_the_draft() {
        let mut composer = Composer::default();
        composer.remember("first");
        composer.remember("second");
        composer.set("draft");
        assert!(composer.browse(true) && composer.text() == "second");
        assert!(composer.browse(true) && composer.text() == "first");
        assert!(!composer.browse(true));
        assert!(composer.browse(false) && composer.browse(false));
        assert_eq!(composer.text(), "draft");
        assert!(!composer.browse(false));
    }

    #[test]
    fn what_is_seen_as_one_character_is_passed_and_deleted_as_one() {
        let mut composer = Composer::default();
        let press = |composer: &mut Composer, code| composer.key(KeyEvent::new(code, KeyModifiers::NONE));
        composer.set("x👨‍👩‍👧c\ne\u{301}\u{302}日");
        press(&mut composer, KeyCode::Left);
        press(&mut composer, KeyCode::Backspace);
        assert_eq!(composer.text(), "x👨‍👩‍👧c\n日");
        press(&mut composer, KeyCode::Up);
        press(&mut composer, KeyCode::Right);
        press(&mut composer, KeyCode::Right);
        assert_eq!(composer.caret(), (0, 6), "behind the family");
        press(&mut composer, KeyCode::Left);
        press(&mut composer, KeyCode::Delete);
        assert_eq!(composer.text(), "xc\n日");
        press(&mut composer, KeyCode::Backspace);
        assert_eq!(composer.text(), "c\n日");
    }
}
