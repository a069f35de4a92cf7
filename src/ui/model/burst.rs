//! Text that comes faster than anybody types: a paste into a terminal that does not bracket pastes. An Enter in it is a
//! new line and sends nothing. Pure: the time is an argument.

use std::time::{Duration, Instant};

/// Keys that come closer than this are not typed.
pub const GAP: Duration = Duration::from_millis(8);
/// Characters that make a burst.
const CHARS: u8 = 3;

/// What was typed in one go.
#[derive(Clone, Copy, Debug, Default)]
pub struct Burst {
    chars: u8,
    last: Option<Instant>,
    /// The terminal has bracketed a paste: it needs no guess.
    brackets: bool,
}

impl Burst {
    /// A character, or another key that writes.
    pub fn typed(&mut self, now: Instant) {
        let close = self.last.is_some_and(|last| now.saturating_duration_since(last) < GAP);
        self.chars = if close { self.chars.saturating_add(1) } else { 1 };
        self.last = Some(now);
    }

    /// Whether an Enter now belongs to a paste.
    pub fn holds(&self, now: Instant) -> bool {
        let close = self.last.is_some_and(|last| now.saturating_duration_since(last) < GAP);
        !self.brackets && close && self.chars >= CHARS
    }

    /// The terminal has bracketed a paste.
    pub fn brackets(&mut self) {
        self.brackets = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_characters_in_a_rush_make_a_burst_and_typing_makes_none() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut burst = Burst::default();
        for ms in [0, 1] {
            burst.typed(at(ms));
        }
        assert!(!burst.holds(at(2)), "two characters are none");
        burst.typed(at(2));
        assert!(burst.holds(at(3)) && !burst.holds(at(20)));
        let mut typing = Burst::default();
        (0..9).for_each(|n| typing.typed(at(n * 30)));
        assert!(!typing.holds(at(241)));
        burst.brackets();
        assert!(!burst.holds(at(3)));
    }
}
