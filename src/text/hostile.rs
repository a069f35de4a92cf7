//! The corpus of hostile strings: families of sequences times payloads and endings. Used by the tests of every sink.

/// A marker that stands before and after each sequence and must survive.
pub(crate) const BEFORE: &str = "before";
/// See [`BEFORE`].
pub(crate) const AFTER: &str = "after";

/// At least 400 strings: `before` SEQUENCE newline `after`.
pub(crate) fn corpus() -> Vec<String> {
    let mut all = Vec::new();
    let mut add = |middle: String| all.push(format!("{BEFORE}{middle}\n{AFTER}"));
    let csi = [
        "2J",
        "H",
        "1;1H",
        "?1049h",
        "?1049l",
        "?25l",
        "6n",
        "c",
        ">c",
        "?u",
        "0m",
        "31m",
        "8m",
        "5m",
        "18t",
        "21t",
        "3J",
        "!p",
        "?2004h",
        "?1003h",
        "4h",
        "r",
        "1;1r",
        "s",
        "u",
        "999C",
        "5i",
        "4i",
        "?5i",
        "0q",
        "$p",
        "?2026$p",
        "38;2;1;2;3m",
        "9999999999999999m",
        ">4;2m",
        "=1u",
        "1;2;3;4;5;6;7;8;9;10;11m",
    ];
    for body in csi {
        add(format!("\x1b[{body}"));
        add(format!("\u{9b}{body}"));
    }
    let payloads = [
        "0;evil title",
        "2;evil",
        "7;file:///etc/passwd",
        "8;;http://evil.test",
        "9;notify",
        "9;4;1;50",
        "52;c;ZXZpbA==",
        "52;c;?",
        "133;A",
        "777;notify;a;b",
        "1337;File=name=eA==:AAAA",
        "10;?",
        "11;?",
        "4;1;?",
        "104",
        "50;?",
        "$q\"p",
        "+q544e",
        "q#0;2;0;0;0#0!100~",
        "Ga=T,f=100;AAAA",
        "1000p evil",
        "tmux;\x1b\x1b]52;c;ZXZpbA==\x07",
    ];
    for (open, open_c1) in [
        ("\x1b]", "\u{9d}"),
        ("\x1bP", "\u{90}"),
        ("\x1b_", "\u{9f}"),
        ("\x1b^", "\u{9e}"),
        ("\x1bX", "\u{98}"),
    ] {
        for payload in payloads {
            add(format!("{open}{payload}\x1b\\"));
            add(format!("{open_c1}{payload}\u{9c}"));
            add(format!("{open}{payload}\u{9c}"));
            if open == "\x1b]" {
                add(format!("{open}{payload}\x07"));
            }
        }
    }
    for ch in (0..0x20).chain(0x7f..0xa0).filter_map(char::from_u32).filter(|c| *c != '\n') {
        if !matches!(ch, '\r' | '\u{1b}' | '\u{90}' | '\u{98}' | '\u{9b}' | '\u{9d}' | '\u{9e}' | '\u{9f}') {
            add(ch.to_string());
        }
    }
    for ch in "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{feff}\u{e0001}\u{e0041}\u{e007f}\u{fff9}\u{fffa}\u{fffb}\u{2028}\u{61c}\u{ad}\u{2060}".chars() {
        add(format!("x{ch}y"));
    }
    for escape in [
        "\x1bc",
        "\x1b7",
        "\x1b8",
        "\x1b=",
        "\x1b>",
        "\x1bD",
        "\x1bM",
        "\x1bN",
        "\x1b(0",
        "\x1b#8",
        "\x1b%G",
        "\x1b F",
        "\x1b[\x1b[\x1b[2J",
    ] {
        add(escape.to_owned());
    }
    for middle in ["safe\rEVIL", "abc\x08\x08\x08EVIL", "50%\r100%", "a\r\nb", "\r\r\r", "x\r\x1b[K"] {
        add(middle.to_owned());
    }
    add(format!("z{}", "\u{301}".repeat(5_000)));
    add(" ".repeat(5_000));
    add(format!("x{}y", "\u{200d}".repeat(100)));
    add("👩\u{200d}👩\u{200d}👧 👍🏽 🏳\u{fe0f}\u{200d}🌈".to_owned());
    add("x".repeat(30_000));
    all
}

/// Strings whose sequence never ends: nothing after it may be trusted to be shown, but nothing may leak.
pub(crate) fn unterminated() -> Vec<String> {
    [
        "\x1b]0;evil",
        "\x1bP$q",
        "\x1b_Ga=T",
        "\x1b^x",
        "\x1bXx",
        "\u{9d}0;evil",
        "\u{90}q",
        "\x1b[",
        "\x1b[31",
        "\x1b",
        "\x1b]52;c;AAAA\x1b",
    ]
    .iter()
    .map(|open| format!("{BEFORE}{open}"))
    .collect()
}

/// What must hold of everything that a sink gets.
pub(crate) fn assert_clean(text: &str, from: &str) {
    for ch in text.chars() {
        let bad = (ch.is_control() && ch != '\n' && ch != '\t')
            || matches!(ch, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{200c}' | '\u{200e}'
                | '\u{200f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}' | '\u{fff9}'..='\u{fffb}');
        assert!(!bad, "{ch:?} leaked from {from:?}");
    }
}
