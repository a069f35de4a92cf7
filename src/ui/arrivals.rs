//! What the terminal sends, as messages. Answers to the probe that come late are typed by the terminal as keys: they
//! are recognised and dropped. Pure: the time is an argument.

use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::msg::Msg;

/// How long after the probe an answer may still come.
pub const LATE: Duration = Duration::from_secs(3);
/// Keys of one answer; what is longer is none.
const MAX_ANSWER: usize = 256;

/// The gate between the terminal and the loop.
#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    /// Until when a late answer is looked for; `None`: the terminal has answered.
    until: Option<Instant>,
    /// Keys of an answer that has begun and not ended.
    swallowed: Option<usize>,
}

impl Arrivals {
    /// `complete`: the terminal has answered the last question, so that nothing can be late.
    pub fn new(complete: bool, now: Instant) -> Self {
        Self { until: (!complete).then(|| now + LATE), swallowed: None }
    }

    /// The message of an event, if it has one.
    pub fn take(&mut self, event: Event, now: Instant) -> Option<Msg> {
        match event {
            Event::Key(key) if self.is_answer(&key, now) => None,
            Event::Key(key) => Some(Msg::Key(key)),
            Event::Paste(text) => Some(Msg::Paste(text)),
            Event::Mouse(mouse) => Some(Msg::Mouse(mouse)),
            Event::Resize(width, height) => Some(Msg::Resize(width, height)),
            Event::FocusGained => Some(Msg::Focus(true)),
            Event::FocusLost => Some(Msg::Focus(false)),
        }
    }

    /// `Alt-] … Alt-\` (or Ctrl-G) and `Alt-P … Alt-\`: an answer in the form of an OSC or a DCS, as keys.
    fn is_answer(&mut self, key: &KeyEvent, now: Instant) -> bool {
        let Some(until) = self.until else { return false };
        if key.kind == KeyEventKind::Release {
            return self.swallowed.is_some();
        }
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match self.swallowed {
            Some(keys) => {
                let ends = (alt && key.code == KeyCode::Char('\\'))
                    || (ctrl && matches!(key.code, KeyCode::Char('g' | 'G')));
                self.swallowed = (!ends && keys < MAX_ANSWER && now < until).then_some(keys + 1);
                true
            }
            None if now >= until => {
                self.until = None;
                false
            }
            None if alt && matches!(key.code, KeyCode::Char(']' | 'P' | 'p')) => {
                // Alt-p typed by hand is `P` only with shift; a DCS always is.
                let begins = key.code != KeyCode::Char('p') || key.modifiers.contains(KeyModifiers::SHIFT);
                self.swallowed = begins.then_some(1);
                begins
            }
            None => false,
        }
    }
}

/// What was typed while the terminal was asked, as keys.
pub fn typed(text: &str) -> Vec<Msg> {
    text.chars().map(|c| Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(c: char, mods: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(KeyCode::Char(c), mods))
    }

    fn passed(gate: &mut Arrivals, events: Vec<Event>, now: Instant) -> String {
        let passed = events.into_iter().filter_map(|event| gate.take(event, now));
        passed
            .filter_map(|msg| match msg {
                Msg::Key(KeyEvent { code: KeyCode::Char(c), .. }) => Some(c),
                _ => None,
            })
            .collect()
    }

    /// `a`, a late answer, `b`.
    fn late(end: Event) -> Vec<Event> {
        let mut all = vec![key('a', KeyModifiers::NONE), key(']', KeyModifiers::ALT)];
        all.extend("11;rgb:1e1e/1e1e/2e2e".chars().map(|c| key(c, KeyModifiers::NONE)));
        all.extend([end, key('b', KeyModifiers::NONE)]);
        all
    }

    #[test]
    fn a_late_answer_is_not_typed_and_what_is_typed_around_it_is() {
        let now = Instant::now();
        for end in [key('\\', KeyModifiers::ALT), key('g', KeyModifiers::CONTROL)] {
            assert_eq!(passed(&mut Arrivals::new(false, now), late(end), now), "ab");
        }
        let dcs = vec![key('P', KeyModifiers::ALT | KeyModifiers::SHIFT), key('x', KeyModifiers::NONE)];
        assert_eq!(passed(&mut Arrivals::new(false, now), dcs, now), "");
    }

    #[test]
    fn a_terminal_that_has_answered_and_one_that_is_much_too_late_are_taken_at_their_word() {
        let now = Instant::now();
        let all = "a]11;rgb:1e1e/1e1e/2e2e\\b";
        assert_eq!(passed(&mut Arrivals::new(true, now), late(key('\\', KeyModifiers::ALT)), now), all);
        let mut gate = Arrivals::new(false, now);
        assert_eq!(passed(&mut gate, late(key('\\', KeyModifiers::ALT)), now + LATE), all);
    }

    #[test]
    fn an_answer_without_an_end_does_not_swallow_the_keyboard_for_ever() {
        let now = Instant::now();
        let mut gate = Arrivals::new(false, now);
        let mut events = vec![key(']', KeyModifiers::ALT)];
        events.extend((0..400).map(|_| key('x', KeyModifiers::NONE)));
        assert_eq!(passed(&mut gate, events, now).len(), 400 - MAX_ANSWER);
    }
}
