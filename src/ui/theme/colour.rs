//! Colours: reading them, and bringing them down to what a terminal can show.

use ratatui::style::{Color, Style};

/// How many colours a terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None: attributes only.
    Mono,
    Ansi16,
    Indexed256,
    True,
}

/// The usual values of the sixteen colours, for distances and contrast.
pub(super) const SIXTEEN: [(u8, u8, u8); 16] = [
    (0, 0, 0),
    (205, 49, 49),
    (13, 188, 121),
    (229, 229, 16),
    (36, 114, 200),
    (188, 63, 188),
    (17, 168, 205),
    (229, 229, 229),
    (102, 102, 102),
    (241, 76, 76),
    (35, 209, 139),
    (245, 245, 67),
    (59, 142, 234),
    (214, 112, 214),
    (41, 184, 219),
    (255, 255, 255),
];

const NAMES: [&str; 8] = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

impl Depth {
    /// From the environment: `NO_COLOR` (not empty), `COLORTERM`, `TERM`.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).unwrap_or_default();
        let (term, colour) = (set("TERM"), set("COLORTERM"));
        if !set("NO_COLOR").is_empty() || term == "dumb" || term.ends_with("-mono") {
            Self::Mono
        } else if matches!(colour.as_str(), "truecolor" | "24bit") || term.ends_with("-direct") {
            Self::True
        } else if matches!(term.as_str(), "linux" | "ansi" | "vt100" | "vt220" | "screen" | "xterm" | "") {
            Self::Ansi16
        } else {
            Self::Indexed256
        }
    }

    /// A style as this depth can show it.
    pub fn style(self, style: Style) -> Style {
        if self != Self::Mono {
            return Style {
                fg: style.fg.map(|colour| self.letters(colour)),
                bg: style.bg.map(|colour| self.colour(colour)),
                underline_color: None,
                ..style
            };
        }
        Style { fg: None, bg: None, underline_color: None, ..style }
    }

    /// The same for letters: of sixteen colours the one of the same hue, so that what is green stays green.
    fn letters(self, colour: Color) -> Color {
        match (self, colour) {
            (Self::Ansi16, Color::Rgb(r, g, b)) => sixteen(hue_16(r, g, b)),
            (Self::Ansi16, Color::Indexed(n @ 16..)) => {
                let (r, g, b) = indexed(n);
                sixteen(hue_16(r, g, b))
            }
            _ => self.colour(colour),
        }
    }

    fn colour(self, colour: Color) -> Color {
        match (self, colour) {
            (Self::True, _) => colour,
            (Self::Indexed256, Color::Rgb(r, g, b)) => Color::Indexed(nearest_256(r, g, b)),
            (Self::Ansi16, Color::Rgb(r, g, b)) => sixteen(nearest_16(r, g, b)),
            (Self::Ansi16, Color::Indexed(n)) => {
                let (r, g, b) = indexed(n);
                sixteen(nearest_16(r, g, b))
            }
            (_, other) => other,
        }
    }
}

/// Reads `#rrggbb`, one of the sixteen (`red`, `bright-red`), `256:N`, or `default`.
pub(super) fn parse(text: &str) -> Option<Color> {
    if let Some(hex) = text.strip_prefix('#') {
        let value = (hex.len() == 6).then(|| u32::from_str_radix(hex, 16).ok()).flatten()?;
        let [_, r, g, b] = value.to_be_bytes();
        return Some(Color::Rgb(r, g, b));
    }
    if let Some(number) = text.strip_prefix("256:") {
        return number.parse().ok().map(Color::Indexed);
    }
    if text == "default" {
        return Some(Color::Reset);
    }
    let (bright, name) = text.strip_prefix("bright-").map_or((0, text), |name| (8, name));
    NAMES.iter().position(|known| *known == name).map(|at| sixteen(at + bright))
}

/// One of the sixteen.
pub(crate) fn sixteen(at: usize) -> Color {
    const ALL: [Color; 16] = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    ALL[at % 16]
}

/// The values of a colour, where they are known.
#[cfg(test)]
pub(super) fn rgb(colour: Color) -> Option<(u8, u8, u8)> {
    match colour {
        Color::Rgb(r, g, b) => Some((r, g, b)),
        Color::Indexed(n) => Some(indexed(n)),
        Color::Reset => None,
        named => (0..16).find(|at| sixteen(*at) == named).map(|at| SIXTEEN[at]),
    }
}

fn indexed(n: u8) -> (u8, u8, u8) {
    let level = |v: u8| if v == 0 { 0 } else { 55 + 40 * v };
    match n {
        0..=15 => SIXTEEN[usize::from(n)],
        16..=231 => {
            let n = n - 16;
            (level(n / 36), level(n / 6 % 6), level(n % 6))
        }
        _ => {
            let grey = 8 + 10 * (n - 232);
            (grey, grey, grey)
        }
    }
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let square = |x: u8, y: u8| (i32::from(x) - i32::from(y)).pow(2).unsigned_abs();
    2 * square(a.0, b.0) + 4 * square(a.1, b.1) + 3 * square(a.2, b.2)
}

fn nearest_256(r: u8, g: u8, b: u8) -> u8 {
    (16..=255).min_by_key(|n| distance((r, g, b), indexed(*n))).unwrap_or(15)
}

/// Of the sixteen the one of this hue, bright where it is light; without much colour one of the greys.
fn hue_16(r: u8, g: u8, b: u8) -> usize {
    /// Less difference between the parts of a colour than this is grey.
    const GREY: i32 = 45;
    let (red, green, blue) = (i32::from(r), i32::from(g), i32::from(b));
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    let chroma = most - least;
    if chroma < GREY {
        let greys = [0, 7, 8, 15];
        return greys.into_iter().min_by_key(|n| distance((r, g, b), SIXTEEN[*n])).unwrap_or(7);
    }
    let degrees = match most {
        _ if most == red => 60 * (green - blue) / chroma,
        _ if most == green => 120 + 60 * (blue - red) / chroma,
        _ => 240 + 60 * (red - green) / chroma,
    };
    let hue = match degrees.rem_euclid(360) {
        20..70 => 3,
        70..165 => 2,
        165..200 => 6,
        200..262 => 4,
        262..335 => 5,
        _ => 1,
    };
    if (most + least) / 2 > 127 { hue + 8 } else { hue }
}

fn nearest_16(r: u8, g: u8, b: u8) -> usize {
    (0..16).min_by_key(|n| distance((r, g, b), SIXTEEN[*n])).unwrap_or(7)
}
