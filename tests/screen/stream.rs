//! What a program writes to its terminal, cut into text and sequences; and what these leave switched on.

use std::collections::BTreeSet;

/// One piece of the stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seq {
    /// A printable character.
    Text(char),
    /// A control character.
    Control(char),
    /// `ESC [` parameters and intermediates, and the final character.
    Csi(String, char),
    /// `ESC ]` … without its end.
    Osc(String),
    /// `ESC P`, `ESC _`, `ESC ^`, `ESC X` and their text.
    Text7(char, String),
    /// Another escape.
    Esc(char),
}

/// Cuts a stream into its pieces. An unfinished one at the end is left out.
pub fn pieces(bytes: &[u8]) -> Vec<Seq> {
    let text = String::from_utf8_lossy(bytes);
    let chars: Vec<char> = text.chars().collect();
    let mut all = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        at += 1;
        if c != '\u{1b}' {
            all.push(if c.is_control() { Seq::Control(c) } else { Seq::Text(c) });
            continue;
        }
        let Some(&kind) = chars.get(at) else { break };
        at += 1;
        match kind {
            '[' => {
                let start = at;
                while at < chars.len() && !('\u{40}'..='\u{7e}').contains(&chars[at]) {
                    at += 1;
                }
                let Some(&end) = chars.get(at) else { break };
                all.push(Seq::Csi(chars[start..at].iter().collect(), end));
                at += 1;
            }
            ']' | 'P' | '_' | '^' | 'X' => {
                let start = at;
                let ends = |at: usize| {
                    chars[at] == '\u{7}' || (chars[at] == '\u{1b}' && chars.get(at + 1) == Some(&'\\'))
                };
                while at < chars.len() && !ends(at) {
                    at += 1;
                }
                if at >= chars.len() {
                    break;
                }
                let body: String = chars[start..at].iter().collect();
                at += if chars[at] == '\u{7}' { 1 } else { 2 };
                all.push(if kind == ']' { Seq::Osc(body) } else { Seq::Text7(kind, body) });
            }
            other => all.push(Seq::Esc(other)),
        }
    }
    all
}

/// Frames: pairs of the marks of synchronized output.
pub fn frames(bytes: &[u8]) -> usize {
    pieces(bytes).iter().filter(|seq| matches!(seq, Seq::Csi(body, 'h') if body == "?2026")).count()
}

/// Bytes of each frame.
pub fn frame_sizes(bytes: &[u8]) -> Vec<usize> {
    let (begin, end) = (b"\x1b[?2026h", b"\x1b[?2026l");
    let find = |what: &[u8], from: usize| {
        bytes[from..].windows(what.len()).position(|part| part == what).map(|at| from + at)
    };
    let mut sizes = Vec::new();
    let mut from = 0;
    while let Some(start) = find(begin, from) {
        let Some(stop) = find(end, start) else { break };
        sizes.push(stop + end.len() - start);
        from = stop + end.len();
    }
    sizes
}

/// What the stream has left switched on. Empty: the terminal is as it was.
pub fn left_on(bytes: &[u8]) -> BTreeSet<String> {
    let mut on = BTreeSet::new();
    let (mut kitty, mut title) = (0_i32, 0_i32);
    for seq in pieces(bytes) {
        match seq {
            Seq::Csi(body, end @ ('h' | 'l')) if body.starts_with('?') => {
                for mode in body[1..].split(';') {
                    // The cursor is shown and lines wrap from the beginning: it is their absence that is left behind.
                    let set = (end == 'h') != matches!(mode, "25" | "7");
                    let name = format!("mode {mode}");
                    if set {
                        on.insert(name)
                    } else {
                        on.remove(&name)
                    };
                }
            }
            Seq::Csi(body, 'u') if body.starts_with('>') => kitty += 1,
            Seq::Csi(body, 'u') if body.starts_with('<') => kitty -= body[1..].parse::<i32>().unwrap_or(1),
            Seq::Csi(body, 't') if body.starts_with("22") => title += 1,
            Seq::Csi(body, 't') if body.starts_with("23") => title -= 1,
            Seq::Osc(body) if body.starts_with("9;4;") => {
                if body.starts_with("9;4;0") {
                    on.remove("progress")
                } else {
                    on.insert("progress".to_owned())
                };
            }
            Seq::Csi(body, 'm') => {
                if body.is_empty() || body == "0" {
                    on.remove("attributes");
                } else {
                    on.insert("attributes".to_owned());
                }
            }
            _ => {}
        }
    }
    if kitty != 0 {
        on.insert(format!("kitty keys {kitty}"));
    }
    if title != 0 {
        on.insert(format!("titles pushed {title}"));
    }
    on
}

/// All that the screen itself has to say to a terminal; anything else came from outside.
fn is_ours(seq: &Seq) -> bool {
    const MODES: &[&str] = &["?1049", "?2004", "?1004", "?25", "?2026", "?1000", "?1002", "?1003", "?1006"];
    match seq {
        Seq::Text(c) => {
            !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{200c}'
            | '\u{200e}' | '\u{200f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}' | '\u{fff9}'..='\u{fffb}')
        }
        Seq::Control(c) => matches!(c, '\r' | '\n'),
        Seq::Csi(body, 'm') => body.chars().all(|c| c.is_ascii_digit() || matches!(c, ';' | ':')),
        Seq::Csi(body, 'H') => body.chars().all(|c| c.is_ascii_digit() || c == ';'),
        Seq::Csi(body, 'J') => body == "2",
        Seq::Csi(body, 'h' | 'l') => MODES.contains(&body.as_str()),
        Seq::Csi(body, 'u') => matches!(body.as_str(), "?" | ">1" | "<1"),
        Seq::Csi(body, 'c') => body.is_empty(),
        Seq::Csi(body, 't') => matches!(body.as_str(), "22;0" | "23;0"),
        Seq::Osc(body) => body == "11;?",
        Seq::Csi(..) | Seq::Text7(..) | Seq::Esc(_) => false,
    }
}

/// What in a stream is not ours and not allowed by `also`.
pub fn foreign(bytes: &[u8], also: impl Fn(&Seq) -> bool) -> BTreeSet<Seq> {
    pieces(bytes).into_iter().filter(|seq| !is_ours(seq) && !also(seq)).collect()
}

#[test]
fn a_stream_is_cut_into_its_pieces_and_its_modes_are_followed() {
    let bytes = b"a\x1b[?1049h\x1b[31mb\x1b]52;c;eA==\x07\x1bPq\x1b\\\x1b[>1u\x1b[?25l";
    assert_eq!(pieces(bytes).len(), 8);
    let on: Vec<_> = left_on(bytes).into_iter().collect();
    assert_eq!(on, ["attributes", "kitty keys 1", "mode 1049", "mode 25"]);
    let foreign: Vec<_> = foreign(bytes, |_| false).into_iter().collect();
    assert_eq!(foreign, [Seq::Osc("52;c;eA==".into()), Seq::Text7('P', "q".into())]);
    assert_eq!(frame_sizes(b"x\x1b[?2026hab\x1b[?2026ly"), [18]);
}
