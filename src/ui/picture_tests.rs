//! The picture at the top of the README: a frame of the program as SVG, with its colours. What is in it comes from a run
//! that the tests play.

use std::{collections::BTreeMap, fmt::Write as _};

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier, Style},
};

use super::{
    fixture::Fixture,
    kit::width,
    theme::{Role, Theme},
};
use crate::protocol::{
    StreamKey,
    event::{Activity, ActivityAdded, Gate, Verdict, WatcherSpoke},
};

/// Pixels of a cell, of the letters, and around the frame.
const CELL: (f64, f64) = (8.4, 18.0);
const LETTERS: f64 = 14.0;
const MARGIN: f64 = 10.0;

/// A run in the middle of its work, with more in its panes than the tests of single screens need.
pub(super) fn at_work(width: u16, height: u16) -> Fixture {
    let mut f = Fixture::busy(width, height);
    let s4 = f.model.run().unwrap().folds.sessions.all[3].id;
    let dir = "/home/me/src/mylang";
    let shell = |command: &str, output: &str, exit: i32| Activity::Shell {
        command: command.to_owned(),
        cwd: dir.to_owned(),
        exit_code: Some(exit),
        output: output.to_owned(),
        duration_ms: Some(2_100),
    };
    let said = |text: &str| Activity::Message { text: text.to_owned() };
    for activity in [
        said("The golden files cover strings, numbers and names. I add an **unterminated string**."),
        shell("cargo test -q golden", "running 9 tests\n.........\ntest result: ok. 9 passed", 0),
        said("All nine pass. `BOM` and `CRLF` are still missing; I write them next."),
    ] {
        f.event(Some(s4), ActivityAdded { turn: 1, activity });
    }
    for (watcher, verdict, rule, reason) in [
        ("claims", Verdict::Nudge, "tests", "'24 tests pass' is said, but one fails"),
        ("scope", Verdict::Continue, "paths", "all changes are below src/ and tests/"),
    ] {
        f.event(
            None,
            WatcherSpoke {
                watcher: watcher.to_owned(),
                verdict,
                gate: Gate::Step,
                rule: rule.to_owned(),
                reason: reason.to_owned(),
                guidance: "look again".to_owned(),
                evidence: serde_json::Value::Null,
                step: 2,
                session: None,
                muted: false,
            },
        );
    }
    let stream = StreamKey { session: None, turn: 2, item: "text:1".to_owned() };
    f.tails.push(
        &stream,
        " files cover strings, numbers and names. Missing: an unterminated string, BOM, CRLF. I will ask for \
               these",
    );
    f.send(super::msg::Msg::From(f.id, super::msg::News::Streaming));
    f
}

/// A style, and the colours of letters and ground.
type Painted = (Style, String, String);

fn hex(colour: Option<Color>, otherwise: &str) -> String {
    match colour {
        Some(Color::Rgb(r, g, b)) => format!("#{r:02x}{g:02x}{b:02x}"),
        _ => otherwise.to_owned(),
    }
}

/// Lines of box drawing from the middle of a cell: left, right, up, down; and how thick they are.
fn strokes(symbol: &str) -> Option<([bool; 4], bool)> {
    let sides = |text: &str| ['l', 'r', 'u', 'd'].map(|side| text.contains(side));
    let found = match symbol {
        "─" => ("lr", false),
        "│" => ("ud", false),
        "┌" => ("rd", false),
        "┐" => ("ld", false),
        "└" => ("ru", false),
        "┘" => ("lu", false),
        "━" => ("lr", true),
        "┃" => ("ud", true),
        "┏" => ("rd", true),
        "┓" => ("ld", true),
        "┗" => ("ru", true),
        "┛" => ("lu", true),
        _ => return None,
    };
    Some((sides(found.0), found.1))
}

struct Svg {
    ground: String,
    boxes: String,
    letters: String,
    /// Paths of lines by colour and thickness.
    lines: BTreeMap<(String, bool), String>,
}

impl Svg {
    fn fill(&mut self, x: f64, y: f64, wide: f64, colour: &str, opacity: f64) {
        let _ = write!(
            self.boxes,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{wide:.1}" height="{}" fill="{colour}" fill-opacity="{opacity}"/>"#,
            CELL.1
        );
    }

    fn stroke(&mut self, x: f64, y: f64, sides: [bool; 4], colour: String, thick: bool) {
        let (mx, my) = (x + CELL.0 / 2.0, y + CELL.1 / 2.0);
        let path = self.lines.entry((colour, thick)).or_default();
        let ends = [(x, my), (x + CELL.0, my), (mx, y), (mx, y + CELL.1)];
        for ((to_x, to_y), _) in ends.into_iter().zip(sides).filter(|(_, drawn)| *drawn) {
            let _ = write!(path, "M{mx:.1} {my:.1}L{to_x:.1} {to_y:.1}");
        }
    }

    fn text(&mut self, x: f64, y: f64, text: &str, style: Style, colour: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        let mut more = String::new();
        if style.add_modifier.contains(Modifier::BOLD) {
            more.push_str(r#" font-weight="bold""#);
        }
        if style.add_modifier.contains(Modifier::ITALIC) {
            more.push_str(r#" font-style="italic""#);
        }
        let wide = width(&text.replace("&amp;", "&").replace("&lt;", "<")) as f64 * CELL.0;
        let base = y + CELL.1 * 0.72;
        let _ = writeln!(
            self.letters,
            r#"<text x="{x:.1}" y="{base:.1}" textLength="{wide:.1}" fill="{colour}"{more}>{text}</text>"#
        );
    }
}

/// A frame as a picture.
pub(super) fn svg(buffer: &Buffer, theme: &Theme) -> String {
    let text = theme.style(Role::Text);
    let (ground, plain) = (hex(text.bg, "#000000"), hex(text.fg, "#ffffff"));
    let mut svg = Svg { ground, boxes: String::new(), letters: String::new(), lines: BTreeMap::new() };
    let style = |cell: &Cell| -> Painted {
        let style = cell.style();
        let (mut fg, mut bg) = (hex(style.fg, &plain), hex(style.bg, &svg.ground));
        if style.add_modifier.contains(Modifier::REVERSED) {
            std::mem::swap(&mut fg, &mut bg);
        }
        (style, fg, bg)
    };
    let cells: Vec<Vec<(String, Painted)>> = (0..buffer.area.height)
        .map(|y| {
            let row = (0..buffer.area.width).map(|x| &buffer[(x, y)]);
            row.map(|cell| (cell.symbol().to_owned(), style(cell))).collect()
        })
        .collect();
    for (row, line) in cells.iter().enumerate() {
        let y = MARGIN + row as f64 * CELL.1;
        let mut word: Option<(f64, String, Style, String)> = None;
        for (column, (symbol, (style, fg, bg))) in line.iter().enumerate() {
            let x = MARGIN + column as f64 * CELL.0;
            if *bg != svg.ground {
                svg.fill(x, y, CELL.0, bg, 1.0);
            }
            let drawn = match symbol.as_str() {
                "▓" => Some(0.85),
                "░" => Some(0.25),
                _ => None,
            };
            let is_letter = symbol != " " && drawn.is_none() && strokes(symbol).is_none();
            let goes_on = word.as_ref().is_some_and(|(_, _, old, colour)| {
                old.add_modifier == style.add_modifier && colour == fg && is_letter
            });
            if !goes_on && let Some((x, text, style, colour)) = word.take() {
                svg.text(x, y, &text, style, &colour);
            }
            if let Some(opacity) = drawn {
                svg.fill(x, y, CELL.0, fg, opacity);
            } else if let Some((sides, thick)) = strokes(symbol) {
                svg.stroke(x, y, sides, fg.clone(), thick);
            } else if is_letter {
                word.get_or_insert_with(|| (x, String::new(), *style, fg.clone())).1.push_str(symbol);
            }
        }
        if let Some((x, text, style, colour)) = word.take() {
            svg.text(x, y, &text, style, &colour);
        }
    }
    let (wide, high) = (
        f64::from(buffer.area.width) * CELL.0 + 2.0 * MARGIN,
        f64::from(buffer.area.height) * CELL.1 + 2.0 * MARGIN,
    );
    let lines: String = svg
        .lines
        .iter()
        .map(|((colour, thick), path)| {
            let thick = if *thick { 2.2 } else { 1.0 };
            format!("<path d=\"{path}\" stroke=\"{colour}\" stroke-width=\"{thick}\" fill=\"none\"/>\n")
        })
        .collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide:.0} {high:.0}\" width=\"{wide:.0}\" \
         height=\"{high:.0}\" font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"{LETTERS}\">\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>\n<g shape-rendering=\"crispEdges\">{}</g>\n{lines}{}</svg>\n",
        svg.ground, svg.boxes, svg.letters
    )
}
