//! When the next frame is due: a key draws at once (at most 60 frames a second), output of agents at most 30.
//!
//! Pure: the time is an argument. Responsible for deadlines only; who draws and what is `app`'s and the screens'.

use std::time::{Duration, Instant};

/// Shortest time between two frames that a key or the mouse asked for.
pub const KEY_GAP: Duration = Duration::from_micros(16_666);
/// Shortest time between a frame of output and one that a key asked for: a key does not wait for output.
pub const AFTER_OUTPUT: Duration = Duration::from_millis(4);
/// Shortest time between two frames that output asked for.
pub const OUTPUT_GAP: Duration = Duration::from_micros(33_333);

/// Who asks for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// A key, the mouse, a resize.
    Key,
    /// Events and live text of an instance, a clock on the screen.
    Output,
}

/// The deadline of the next frame, if one is due.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameClock {
    due: Option<Instant>,
    /// The frame that is due was asked for by a key.
    by_key: bool,
    drawn: Option<Instant>,
    /// The newest frame that a key asked for.
    keyed: Option<Instant>,
}

impl FrameClock {
    /// Something changed. The frame is due at once, or when the gap to the last frame has passed.
    pub fn request(&mut self, now: Instant, urgency: Urgency) {
        let after = |drawn: Option<Instant>, gap| drawn.map_or(now, |drawn| now.max(drawn + gap));
        let at = match urgency {
            Urgency::Key => after(self.keyed, KEY_GAP).max(after(self.drawn, AFTER_OUTPUT)),
            Urgency::Output => after(self.drawn, OUTPUT_GAP),
        };
        self.by_key |= urgency == Urgency::Key;
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// When to draw; `None`: nothing changed.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// True when the frame must be drawn now.
    pub fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// A frame has been drawn.
    pub fn drawn(&mut self, now: Instant) {
        self.due = None;
        self.drawn = Some(now);
        if std::mem::take(&mut self.by_key) {
            self.keyed = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_request_is_due_at_once_and_nothing_is_due_without_one() {
        let now = Instant::now();
        let mut clock = FrameClock::default();
        assert_eq!(clock.due(), None);
        clock.request(now, Urgency::Output);
        assert!(clock.is_due(now));
        clock.drawn(now);
        assert_eq!(clock.due(), None);
    }

    #[test]
    fn output_waits_for_its_gap_and_a_key_brings_the_frame_forward() {
        let now = Instant::now();
        let mut clock = FrameClock::default();
        clock.drawn(now);
        let later = now + Duration::from_millis(1);
        clock.request(later, Urgency::Output);
        assert_eq!(clock.due(), Some(now + OUTPUT_GAP));
        clock.request(later, Urgency::Key);
        assert_eq!(clock.due(), Some(now + AFTER_OUTPUT));
        clock.request(later, Urgency::Output);
        assert_eq!(clock.due(), Some(now + AFTER_OUTPUT));
        clock.drawn(now + AFTER_OUTPUT);
        clock.request(now + AFTER_OUTPUT, Urgency::Key);
        assert_eq!(clock.due(), Some(now + AFTER_OUTPUT + KEY_GAP), "keys among themselves: sixty a second");
    }

    #[test]
    fn a_flood_of_requests_makes_at_most_sixty_frames_a_second() {
        let start = Instant::now();
        let mut clock = FrameClock::default();
        let mut frames = 0;
        for micros in (0..1_000_000).step_by(200) {
            let now = start + Duration::from_micros(micros);
            clock.request(now, Urgency::Key);
            clock.request(now, Urgency::Output);
            if clock.is_due(now) {
                frames += 1;
                clock.drawn(now);
            }
        }
        assert!((55..=61).contains(&frames), "{frames}");
    }
}
