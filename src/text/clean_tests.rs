use super::*;
use crate::text::hostile::{AFTER, BEFORE, assert_clean, corpus, unterminated};

#[test]
fn four_hundred_hostile_strings_leave_nothing_and_lose_nothing_around_them() {
    let corpus = corpus();
    assert!(corpus.len() >= 400, "{}", corpus.len());
    for raw in &corpus {
        let text = clean(raw);
        assert_clean(&text, raw);
        assert!(text.ends_with(AFTER), "{raw:?} ate what follows: {text:?}");
        let rewritten = text.contains(REWRITTEN.trim_end());
        assert!(text.starts_with(BEFORE) || rewritten, "{raw:?} ate what was before: {text:?}");
        assert_clean(&clean_line(raw), raw);
        assert!(!clean_line(raw).contains('\n'));
        assert_clean(&crate::text::ansi::styled(raw).text, raw);
    }
    for raw in unterminated() {
        assert_eq!(&*clean(&raw), BEFORE, "{raw:?}");
    }
}

#[test]
fn a_string_split_at_every_place_is_cleaned_as_if_it_were_whole() {
    for raw in corpus().into_iter().chain(unterminated()) {
        let whole = clean(&raw);
        let step = 1 + raw.len() / 400;
        for at in (0..raw.len()).step_by(step).filter(|at| raw.is_char_boundary(*at)) {
            let (mut cleaner, mut out) = (Cleaner::new(), CleanText::default());
            cleaner.push(&raw[..at], &mut out);
            cleaner.push(&raw[at..], &mut out);
            cleaner.finish(&mut out);
            assert_eq!(out, whole, "{raw:?} split at {at}");
        }
    }
}

#[test]
fn payloads_of_strings_are_dropped() {
    for raw in corpus().iter().filter(|raw| !raw.contains('\r')) {
        let hidden = raw.contains("\x1b]") || raw.contains("\x1bP") || raw.contains('\u{9d}');
        if hidden && !raw.contains("tmux;") {
            assert_eq!(&*clean(raw), "before\nafter", "{raw:?}");
        }
    }
}

#[test]
fn a_carriage_return_cannot_hide_what_it_rewrites() {
    assert_eq!(&*clean("safe\rEVIL"), "↺ EVIL");
    assert_eq!(&*clean("10%\r20%\r30%\ndone"), "↺ 30%\ndone");
    assert_eq!(&*clean("dos\r\nline\r\n"), "dos\nline\n");
    assert_eq!(&*clean("kept\r\x1b[K\n"), "kept\n");
    assert_eq!(&*clean("\rfirst"), "first");
}

#[test]
fn emoji_stay_whole_and_joiners_elsewhere_go() {
    assert_eq!(&*clean("👩\u{200d}👧 a\u{200d}b 👩\u{200d}x"), "👩\u{200d}👧 ab 👩x");
    assert_eq!(clean_counted("pay\u{202e}lave\u{200b}"), (CleanText("paylave".into()), 2));
    assert_eq!(clean(&format!("z{}", "\u{301}".repeat(50))).chars().count(), 1 + 8);
}

#[test]
fn a_long_line_is_cut_and_says_so() {
    let raw = format!("{}\nnext", "é".repeat(10_000));
    let text = clean(&raw);
    assert!(text.ends_with(" … 11808 more bytes on this line (8192 shown)\nnext"), "{}", &text[8_000..]);
    let plain = format!("{}\nnext", "x".repeat(10_000));
    assert!(clean(&plain).ends_with("x … 1808 more bytes on this line (8192 shown)\nnext"));
    assert_eq!(&*clean_whole(&plain), plain);
    assert_eq!(clean_line(&plain).chars().filter(|c| *c == 'x').count(), LINE_SHOWN);
}

#[test]
fn one_line_shows_its_breaks() {
    assert_eq!(&*clean_line("a\n\tb\n"), "a⏎ b");
    assert_eq!(&*clean_line("  two  blanks"), "  two  blanks");
}
