//! Command output with its own colours, through the whitelist of [`crate::text::ansi`].

use ratatui::style::{Color, Modifier, Style};

use super::strip::Strip;
use crate::text::ansi::{self, Colour, StyledText};

/// The style of the screen for a style of command output, over a base.
pub fn style(base: Style, from: ansi::Style) -> Style {
    let mut to = base;
    if let Some(fg) = from.fg {
        to = to.fg(colour(fg));
    }
    if let Some(bg) = from.bg {
        to = to.bg(colour(bg));
    }
    let modifiers = [
        (from.bold, Modifier::BOLD),
        (from.dim, Modifier::DIM),
        (from.italic, Modifier::ITALIC),
        (from.underline, Modifier::UNDERLINED),
        (from.reverse, Modifier::REVERSED),
        (from.strike, Modifier::CROSSED_OUT),
    ];
    modifiers.iter().filter(|(on, _)| *on).fold(to, |to, (_, modifier)| to.add_modifier(*modifier))
}

fn colour(colour: Colour) -> Color {
    match colour {
        Colour::Ansi(n) => crate::ui::theme::sixteen(usize::from(n)),
        Colour::Indexed(n) => Color::Indexed(n),
        Colour::Rgb(r, g, b) => Color::Rgb(r, g, b),
    }
}

/// The lines of a text, unwrapped. `depth_only`: without colours (a terminal that shows none).
pub fn lines(text: &StyledText, base: Style, mono: bool) -> impl Iterator<Item = Strip> {
    let mut from = 0;
    text.text.split('\n').map(move |line| {
        let range = from..from + line.len();
        from = range.end + 1;
        let mut strip = Strip::default();
        for (piece, styled) in text.within(range) {
            let styled = if mono { ansi::Style { fg: None, bg: None, ..styled } } else { styled };
            strip.push(&text.text[piece], style(base, styled));
        }
        strip
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_of_a_command_become_colours_of_the_screen() {
        let text = ansi::styled("ok \x1b[32mgreen\x1b[0m\nplain\x1b]0;evil\x07");
        let rows: Vec<_> = lines(&text, Style::default(), false).collect();
        assert_eq!(rows[0].text(), "ok green");
        assert_eq!(rows[0].pieces().last().map(|(_, style)| style.fg), Some(Some(Color::Green)));
        assert_eq!(rows[1], Strip::of("plain", Style::default()));
        let mono: Vec<_> = lines(&text, Style::default(), true).collect();
        assert_eq!(mono[0], Strip::of("ok green", Style::default()));
    }
}
