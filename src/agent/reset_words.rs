//! When a limit is over, from the words of whoever told of it, where no field says so: `try again at 3:05 PM`,
//! `try again at Nov 26th, 2026 3:05 PM`, `try again in 2 hours 5 minutes`, `try again in 6m0s`. Pure: the time is an
//! argument. Times of the day are local ones, as the CLIs print them, by the offset of that argument.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime, Time},
};

use crate::protocol::Stamp;

/// What such words begin with.
const MARKS: [&str; 2] = ["try again ", "resets "];
/// Words after a mark that are looked at.
const MAX_WORDS: usize = 12;
/// A limit that is said to last longer is not believed.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 45);
/// A time of the day that has passed for less than this is now, not tomorrow: the words say it without its seconds.
const JUST_PASSED: SignedDuration = SignedDuration::from_mins(5);
/// A time is told without its seconds: the limit lasts until the minute is over.
const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// When the limit is over; never before `now`. `None`: the words do not say.
pub(super) fn reset(text: &str, now: Stamp) -> Option<Timestamp> {
    let text = text.to_lowercase();
    MARKS.into_iter().find_map(|mark| {
        let (_, after) = text.split_once(mark)?;
        let words: Vec<&str> = after.split_whitespace().take(MAX_WORDS).map(bare).collect();
        let at = match words.split_first()? {
            (&"in", rest) => now.at.checked_add(span(rest)?).ok()?,
            (&"at" | &"on", rest) => clock(rest, now)?,
            _ => return None,
        };
        (at.duration_since(now.at) <= LONGEST).then(|| at.max(now.at))
    })
}

/// Without the punctuation around it; a sign stays.
fn bare(word: &str) -> &str {
    let other = |c: char| !c.is_ascii_alphanumeric();
    word.trim_start_matches(|c| other(c) && c != '-').trim_end_matches(other)
}

/// `2 hours 5 minutes`, `less than a minute`, `1h2m`, `6m0s`, `20s`, `1.5s`.
fn span(words: &[&str]) -> Option<SignedDuration> {
    if words.starts_with(&["less", "than", "a", "minute"]) {
        return Some(MINUTE);
    }
    let (mut sum, mut rest) = (None::<f64>, words);
    let mut add = |seconds: f64| sum = Some(sum.unwrap_or(0.0) + seconds);
    while let [first, tail @ ..] = rest {
        if *first == "and" {
            rest = tail;
            continue;
        }
        let number = match *first {
            "a" | "an" => Some(1.0),
            other => other.parse::<f64>().ok(),
        };
        match (number, tail) {
            (Some(number), [unit, tail @ ..]) if seconds_of(unit).is_some() => {
                add(number * seconds_of(unit)?);
                rest = tail;
            }
            (None, _) => match packed(first) {
                Some(seconds) => {
                    add(seconds);
                    rest = tail;
                }
                None => break,
            },
            _ => break,
        }
    }
    let sum = sum.filter(|sum| sum.is_finite() && *sum >= 0.0 && *sum <= LONGEST.as_secs_f64())?;
    SignedDuration::try_from_secs_f64(sum).ok()
}

fn seconds_of(unit: &str) -> Option<f64> {
    Some(match unit {
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "ms" => 0.001,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600.0,
        "d" | "day" | "days" => 86_400.0,
        "week" | "weeks" => 604_800.0,
        _ => return None,
    })
}

/// `1h2m3.5s`.
fn packed(word: &str) -> Option<f64> {
    let (mut sum, mut rest) = (0.0, word);
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, tail) = rest.split_at(unit_at);
        let unit_ends = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_ends);
        sum += number.parse::<f64>().ok()? * seconds_of(unit)?;
        rest = tail;
    }
    Some(sum)
}

/// `3:05 pm`, `15:05`, `3pm`, with a date before it or without.
fn clock(words: &[&str], now: Stamp) -> Option<Timestamp> {
    let today = now.offset.to_datetime(now.at).date();
    let (date, words) = match date(words, today.year()) {
        Some((date, rest)) => (Some(date), rest),
        None => (None, words),
    };
    let time = time(words)?;
    let at = |date: Date| -> Option<Timestamp> {
        let at = now.offset.to_timestamp(DateTime::from_parts(date, time)).ok()?;
        at.checked_add(MINUTE).ok()
    };
    if let Some(date) = date {
        return at(date);
    }
    let first = at(today)?;
    if now.at.duration_since(first) > JUST_PASSED { at(today.tomorrow().ok()?) } else { Some(first) }
}

/// `nov 26th 2026`, `november 26`, `2026-11-26`; the year is this one where it is left out.
fn date<'a>(words: &'a [&'a str], year: i16) -> Option<(Date, &'a [&'a str])> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let (first, rest) = words.split_first()?;
    if let Ok(date) = first.parse::<Date>() {
        return Some((date, rest));
    }
    let month = MONTHS.iter().position(|month| first.starts_with(month))? + 1;
    let (day, rest) = rest.split_first()?;
    let day: i8 = day.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse().ok()?;
    let told = rest.split_first().and_then(|(year, rest)| {
        let year: i16 = year.parse().ok().filter(|year| *year >= 2000)?;
        Some((year, rest))
    });
    let (year, rest) = told.unwrap_or((year, rest));
    let rest = rest.strip_prefix(&["at"][..]).unwrap_or(rest);
    Some((Date::new(year, i8::try_from(month).ok()?, day).ok()?, rest))
}

fn time(words: &[&str]) -> Option<Time> {
    let (first, rest) = words.split_first()?;
    let (digits, half) = match first.strip_suffix("am").map(|d| (d, "am")) {
        Some(found) => found,
        None => first
            .strip_suffix("pm")
            .map_or_else(|| (*first, rest.first().copied().unwrap_or_default()), |digits| (digits, "pm")),
    };
    let (hour, minute) = digits.split_once(':').unwrap_or((digits, "0"));
    let minute = minute.get(..2).unwrap_or(minute);
    let (hour, minute): (i8, i8) = (hour.parse().ok()?, minute.parse().ok()?);
    let hour = match half {
        "am" | "pm" if !(1..=12).contains(&hour) => return None,
        "am" => hour % 12,
        "pm" => hour % 12 + 12,
        _ if digits.contains(':') => hour,
        _ => return None,
    };
    Time::new(hour, minute, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<String> {
        let now = Stamp::parse("2026-11-24T14:20:30+01:00").unwrap();
        let at = reset(text, now)?;
        Some(Stamp { at, offset: now.offset }.to_string())
    }

    fn is(text: &str, expected: &str) {
        let at = told(text).unwrap_or_else(|| panic!("nothing in: {text}"));
        assert!(at.starts_with(expected), "{text}: {at}, not {expected}");
    }

    #[test]
    fn the_words_of_the_clis_say_when_a_limit_is_over() {
        is(
            "You've hit your usage limit. Upgrade to Pro (https://x) or try again at 3:05 PM.",
            "2026-11-24T15:06:00",
        );
        is("You've hit your usage limit. Try again at 3:05 AM. (hint: wait)", "2026-11-25T03:06:00");
        is("try again at Nov 26th, 2026 3:05 PM.", "2026-11-26T15:06:00");
        is("try again on December 1 at 12:00 AM", "2026-12-01T00:01:00");
        is("try again in 2 hours 5 minutes.", "2026-11-24T16:25:30");
        is("Try again in 3 days, 1 hour and 10 minutes.", "2026-11-27T15:30:30");
        is("try again in less than a minute", "2026-11-24T14:21:30");
        is("Rate limit reached. Please try again in 6m0s. Visit x", "2026-11-24T14:26:30");
        is("Please try again in 1.5s.", "2026-11-24T14:20:31.5");
        is("try again in an hour", "2026-11-24T15:20:30");
        is("5-hour limit reached ∙ resets at 3pm", "2026-11-24T15:01:00");
        is("try again at 15:05", "2026-11-24T15:06:00");
    }

    #[test]
    fn a_time_that_has_just_passed_is_now_and_not_tomorrow() {
        is("try again at 2:20 PM", "2026-11-24T14:21:00");
        is("try again at 2:17 PM", "2026-11-24T14:20:30");
        is("try again at 2:10 PM", "2026-11-25T14:11:00");
    }

    #[test]
    fn what_does_not_say_when_is_not_guessed() {
        let vague = [
            "Try again later.",
            "try again in a while",
            "try again at noon",
            "try again at 25:00",
            "try again at 13 pm",
            "try again in 999999999999999999999 days",
            "try again in 400 days",
            "try again at Feb 31st, 2026 3:05 PM",
            "try again in -5 minutes",
            "try again ",
            "You've hit your usage limit.",
            "it resets the terminal",
        ];
        for text in vague {
            assert_eq!(told(text), None, "{text}");
        }
    }
}
