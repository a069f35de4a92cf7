//! The time of an event: an instant and the offset of the clock on the wall.

use std::fmt;

use jiff::{
    Timestamp,
    civil::DateTime,
    fmt::temporal::Pieces,
    tz::{Offset, TimeZone},
};

/// An instant with the local offset. Written as RFC 3339 with six decimals and a numeric offset
/// (`2026-11-24T06:43:56.512590+01:00`); the reference's naive local times are read too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The instant, in whole microseconds.
    pub at: Timestamp,
    /// Local time minus UTC.
    pub offset: Offset,
}

impl Stamp {
    /// An instant in a zone, cut to whole microseconds (what the text can hold).
    pub fn new(at: Timestamp, zone: &TimeZone) -> Self {
        let micros = Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at);
        Self { at: micros, offset: zone.to_offset(at) }
    }

    /// The local clock now.
    pub fn now() -> Self {
        Self::new(Timestamp::now(), &TimeZone::system())
    }

    /// Reads RFC 3339 or the reference's naive local time.
    pub fn parse(text: &str) -> Option<Self> {
        let pieces = Pieces::parse(text).ok()?;
        let civil = DateTime::from_parts(pieces.date(), pieces.time()?);
        match pieces.to_numeric_offset() {
            Some(offset) => Some(Self { at: offset.to_timestamp(civil).ok()?, offset }),
            None if text.ends_with(['Z', 'z']) => {
                Some(Self { at: Offset::UTC.to_timestamp(civil).ok()?, offset: Offset::UTC })
            }
            None => {
                let zoned = TimeZone::system().to_ambiguous_zoned_datetime(civil).compatible().ok()?;
                Some(Self { at: zoned.timestamp(), offset: zoned.offset() })
            }
        }
    }

    /// The clock on the wall: `12:04:31`.
    pub fn clock(&self) -> String {
        self.offset.to_datetime(self.at).strftime("%H:%M:%S").to_string()
    }

    /// Another time as whoever reads this one would say it: `12:04:31` on the same day, else `Nov 26 12:04`. What is
    /// no time stays as it is.
    pub fn tell(&self, other: &str) -> String {
        let Some(other) = Self::parse(other) else { return other.to_owned() };
        let (here, there) = (self.offset.to_datetime(self.at), self.offset.to_datetime(other.at));
        let form = if here.date() == there.date() { "%H:%M:%S" } else { "%b %-d %H:%M" };
        there.strftime(form).to_string()
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = self.offset.to_datetime(self.at);
        let seconds = self.offset.seconds();
        let sign = if seconds < 0 { '-' } else { '+' };
        let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
        write!(f, "{}{sign}{hours:02}:{minutes:02}", civil.strftime("%Y-%m-%dT%H:%M:%S%.6f"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_written_with_six_decimals_and_an_offset_and_read_back() {
        for text in [
            "2026-11-24T06:43:56.512590+01:00",
            "2026-11-24T06:43:56.000000-09:30",
            "1999-01-01T00:00:00.000001+00:00",
        ] {
            let stamp = Stamp::parse(text).unwrap();
            assert_eq!(stamp.to_string(), text);
        }
        assert_eq!(
            Stamp::parse("2026-11-24T06:43:56Z").unwrap().to_string(),
            "2026-11-24T06:43:56.000000+00:00"
        );
        let naive = Stamp::parse("2026-11-24T06:43:56.512590").unwrap();
        assert!(naive.to_string().starts_with("2026-11-24T06:43:56.512590"));
        assert!(Stamp::parse("2026-11-24T06:43:56").is_some());
        assert!(Stamp::parse("yesterday").is_none());
    }

    #[test]
    fn another_time_is_told_by_the_clock_and_calendar_of_this_one() {
        let here = Stamp::parse("2026-11-24T23:43:56.512590+01:00").unwrap();
        assert_eq!(here.tell("2026-11-24T22:50:00.042119370Z"), "23:50:00");
        assert_eq!(here.tell("2026-11-24T23:50:00Z"), "Nov 25 00:50");
        assert_eq!(here.tell("soon"), "soon");
    }
}
