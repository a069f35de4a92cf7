//! Gauges and short numbers.

use super::{Brush, Strip};
use crate::ui::theme::Role;

/// Share of a cap from which a gauge warns.
const WARN_AT: f64 = 0.8;

/// What a gauge shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gauge<'a> {
    pub label: &'a str,
    pub spent: f64,
    /// `None`: no limit; no bar is drawn.
    pub cap: Option<f64>,
    /// Cells of the bar (0: only the numbers).
    pub bar: usize,
    /// `~` before the number.
    pub estimated: bool,
}

impl Gauge<'_> {
    /// `orch ▓▓▓▓░░░░ 41k/100k`. What is nearly or wholly spent is also told by a sign: `!`, `!!`.
    pub fn strip(&self, brush: &Brush<'_>, number: impl Fn(f64) -> String) -> Strip {
        let share = self.cap.filter(|cap| *cap > 0.0).map(|cap| self.spent / cap);
        let (role, sign) = match share {
            Some(share) if share >= 1.0 => (Role::Bad, "!!"),
            Some(share) if share >= WARN_AT => (Role::Warn, "!"),
            _ => (Role::Gauge, ""),
        };
        let mut strip = brush.strip(format!("{} ", self.label), Role::Dim);
        if let Some(share) = share.filter(|_| self.bar > 0) {
            let full = ((share.clamp(0.0, 1.0) * self.bar as f64).round() as usize).min(self.bar);
            let (on, off) = if brush.ascii { ("#", ".") } else { ("▓", "░") };
            strip.push(on.repeat(full), brush.style(role));
            strip.push(format!("{} ", off.repeat(self.bar - full)), brush.style(Role::Border));
        }
        let about = if self.estimated { "~" } else { "" };
        let text_role = if role == Role::Gauge { Role::Text } else { role };
        strip.push(format!("{about}{}", number(self.spent)), brush.style(text_role));
        if let Some(cap) = self.cap {
            strip.push(format!("/{}{sign}", number(cap)), brush.style(text_role));
        }
        strip
    }
}

/// `950`, `1.4k`, `41k`, `2.1M`.
pub fn count(number: u64) -> String {
    let scaled = |unit: u64, sign: &str| {
        let value = number as f64 / unit as f64;
        if value < 10.0 { format!("{value:.1}{sign}").replace(".0", "") } else { format!("{value:.0}{sign}") }
    };
    match number {
        0..=999 => number.to_string(),
        1_000..=999_499 => scaled(1_000, "k"),
        999_500..=999_499_999 => scaled(1_000_000, "M"),
        _ => scaled(1_000_000_000, "G"),
    }
}

/// `0.4s`, `8.4s`, `3m02s`, `1h05m`.
pub fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..=59 => format!("{}.{}s", seconds, ms % 1000 / 100),
        60..=3_599 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
    }
}

/// `512 B`, `1.1 MB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (number as f64, 0);
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        (value, unit) = (value / 1000.0, unit + 1);
    }
    if unit == 0 || value >= 100.0 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::{render::Highlighter, theme::Theme};

    #[test]
    fn numbers_are_short() {
        let counts: Vec<_> = [0, 999, 1_400, 9_990, 41_234, 126_000, 999_600, 2_100_000].map(count).into();
        assert_eq!(counts, ["0", "999", "1.4k", "10k", "41k", "126k", "1M", "2.1M"]);
        let durations: Vec<_> = [400, 8_400, 182_000, 3_900_000].map(duration).into();
        assert_eq!(durations, ["0.4s", "8.4s", "3m02s", "1h05m"]);
        assert_eq!([bytes(212), bytes(1_100_000)], ["212 B", "1.1 MB"]);
    }

    #[test]
    fn a_gauge_tells_how_much_is_spent_also_without_colour() {
        let (theme, code) = (Theme::default(), Highlighter::default());
        let brush = Brush { theme: &theme, width: 40, ascii: false, wrap: true, code: &code };
        let shown = |spent: f64, cap: Option<f64>| {
            let gauge = Gauge { label: "orch", spent, cap, bar: 8, estimated: spent == 41_000.0 };
            gauge.strip(&brush, |n| count(n as u64)).text().to_owned()
        };
        assert_eq!(shown(41_000.0, Some(100_000.0)), "orch ▓▓▓░░░░░ ~41k/100k");
        assert_eq!(shown(85_000.0, Some(100_000.0)), "orch ▓▓▓▓▓▓▓░ 85k/100k!");
        assert_eq!(shown(120_000.0, Some(100_000.0)), "orch ▓▓▓▓▓▓▓▓ 120k/100k!!");
        assert_eq!(shown(5_000.0, None), "orch 5k");
    }
}
