use super::{
    tests::{Stage, with_messages},
    *,
};
use crate::{
    protocol::{StreamKey, event::StepStarted},
    text::hostile,
};

fn push(tails: &Tails, item: &str, text: &str) {
    tails.push(&StreamKey { session: None, turn: 1, item: item.into() }, text);
}

#[test]
fn live_text_is_shown_as_it_comes_and_replaced_by_its_event() {
    let mut stage = with_messages(2);
    let tails = Tails::default();
    assert!(!stage.transcript.tick_tails(&tails));
    push(&tails, "text:1", "While **s3** fi");
    assert!(stage.transcript.tick_tails(&tails));
    assert_eq!(
        stage.draw(30, 3),
        ["● message 1", "● message 2", "● While **s3** fi▌".replace("**", "").as_str()]
    );
    push(&tails, "text:1", "xes it:\n\n```\nlet x;\n");
    push(&tails, "output:2", "\x1b[31mred\x1b]0;evil\x07\nmore");
    assert!(stage.transcript.tick_tails(&tails));
    assert!(!stage.transcript.tick_tails(&tails));
    let rows = stage.draw(30, 7);
    assert_eq!(rows[2..], ["● While s3 fixes it:", "", "    let x;▌", "│ red", "│ more▌"]);
    tails.close(|_| true);
    assert!(stage.transcript.tick_tails(&tails));
    stage.says("While **s3** fixes it");
    assert_eq!(stage.draw(30, 3)[2], "● While s3 fixes it");
}

#[test]
fn a_long_stream_costs_as_much_as_its_text_once_and_ends_as_if_laid_out_at_once() {
    let paragraph = "The *quick* brown fox `jumps` over the lazy dog, again and again. ".repeat(6);
    let block = format!("## Part\n\n{paragraph}\n\n- one\n- two\n\n```rust\nfn main() {{}}\n```\n\n");
    let (theme, code) = (Theme::default(), Highlighter::off());
    let brush = Brush { theme: &theme, width: 60, ascii: false, wrap: true, code: &code };
    let text = block.repeat(40);
    let tails = Tails::default();
    let mut streams = streams::Streams::default();
    for chunk in text.as_bytes().chunks(97) {
        push(&tails, "text:1", std::str::from_utf8(chunk).unwrap());
        streams.take(None, &tails);
        streams.lay(&brush);
    }
    let mut whole = Vec::new();
    let mark = brush.mark(crate::ui::theme::Icon::Message, crate::ui::theme::Role::Accent);
    crate::ui::render::markdown::lines(&text, &brush, &mark, &brush.indent(&mark), &mut whole);
    let stream = &streams.list[0];
    let streamed: Vec<_> =
        (0..stream.len()).map(|at| stream.row(at).unwrap().text().trim_end_matches(['▌', ' '])).collect();
    let whole: Vec<_> = whole.iter().map(|strip| strip.text().trim_end()).collect();
    assert_eq!(streamed, whole);
}

#[test]
fn one_giant_paragraph_is_parsed_a_few_times_and_ends_as_if_laid_out_at_once() {
    let text = "word after word of one sentence, 日本 too, that goes on and on. ".repeat(100);
    let (theme, code) = (Theme::default(), Highlighter::off());
    let brush = Brush { theme: &theme, width: 61, ascii: false, wrap: true, code: &code };
    let tails = Tails::default();
    let mut streams = streams::Streams::default();
    let chars: Vec<char> = text.chars().collect();
    for chunk in chars.chunks(130) {
        push(&tails, "text:1", &chunk.iter().collect::<String>());
        streams.take(None, &tails);
        streams.lay(&brush);
    }
    let stream = &streams.list[0];
    let ratio = stream.parsed() as f64 / text.len() as f64;
    assert!(ratio < 4.0, "{ratio}");
    let mut whole = Vec::new();
    let mark = brush.mark(crate::ui::theme::Icon::Message, crate::ui::theme::Role::Accent);
    crate::ui::render::markdown::lines(&text, &brush, &mark, &brush.indent(&mark), &mut whole);
    let streamed: Vec<_> =
        (0..stream.len()).map(|at| stream.row(at).unwrap().text().trim_end_matches(['▌', ' '])).collect();
    let whole: Vec<_> = whole.iter().map(|strip| strip.text().trim_end()).collect();
    // The last row makes room for the caret.
    assert_eq!(streamed.len(), whole.len());
    assert_eq!(streamed[..whole.len() - 1], whole[..whole.len() - 1]);
}

#[test]
fn a_stream_that_ran_ahead_shows_a_gap_and_stays_bounded() {
    let mut stage = Stage::new(None);
    let tails = Tails::default();
    push(&tails, "output:1", "first\n");
    stage.transcript.tick_tails(&tails);
    stage.draw(40, 5);
    for at in 0..60_000 {
        push(&tails, "output:1", &format!("line {at}\n"));
    }
    stage.transcript.tick_tails(&tails);
    let rows = stage.draw(40, 5);
    assert_eq!(rows[3..], ["│ line 59999", "│ ▌"]);
    for round in 0..40 {
        for at in 0..2_000 {
            push(&tails, "output:1", &format!("{round} {at}\n"));
        }
        stage.transcript.tick_tails(&tails);
        stage.draw(40, 5);
    }
    assert!(stage.transcript.streams.list[0].len() <= 12_000);
    assert!(stage.transcript.streams.list[0].source().len() <= 256 * 1024);
}

#[test]
fn hostile_text_reaches_no_cell() {
    let mut stage = Stage::new(None);
    for raw in hostile::corpus().iter().chain(&hostile::unterminated()) {
        stage.says(raw);
        stage.command("x", raw);
    }
    stage.transcript.scroll(Scroll::Top);
    let tails = Tails::default();
    for _ in 0..400 {
        for row in stage.draw(60, 40) {
            hostile::assert_clean(&row, "a screen");
        }
        stage.transcript.scroll(Scroll::Page(1));
    }
    stage.transcript.scroll(Scroll::Bottom);
    for raw in hostile::corpus().iter().step_by(7) {
        for (at, ch) in raw.chars().enumerate() {
            push(&tails, ["text:1", "output:2", "reasoning:3", "tool:4"][at % 4], &ch.to_string());
        }
        stage.transcript.tick_tails(&tails);
        for row in stage.draw(60, 40) {
            hostile::assert_clean(&row, raw);
        }
    }
}

#[test]
fn no_size_and_no_sequence_of_moves_panics() {
    let mut stage = Stage::new(None);
    let tails = Tails::default();
    for step in 1..=5 {
        stage.record(None, StepStarted { step });
        stage.says("| a | b |\n|-|-|\n| 日本語 | x |\n\n- 日本語日本語\n\n> quote 👩‍👩‍👧 e\u{301}");
        stage.command(&format!("c{step}"), "日本語\tx\n\x1b[31mred");
    }
    for width in 1..=60 {
        for height in [1, 2, 3, 10, 25] {
            stage.draw(width, height);
        }
    }
    let mut rng = fastrand::Rng::with_seed(3);
    for round in 0..3_000 {
        let by = rng.isize(-30..30);
        match rng.u32(0..20) {
            0..=4 => drop(stage.transcript.scroll(Scroll::Lines(by))),
            5 => drop(stage.transcript.scroll(Scroll::Page(by))),
            6 => drop(stage.transcript.scroll(Scroll::Top)),
            7 => drop(stage.transcript.scroll(Scroll::Bottom)),
            8 => drop(stage.transcript.scroll(Scroll::StepNext)),
            9 => drop(stage.transcript.scroll(Scroll::StepPrev)),
            10 => drop(stage.transcript.scroll(Scroll::ItemNext)),
            11 => drop(stage.transcript.scroll(Scroll::ItemPrev)),
            12 => drop(stage.transcript.toggle_item()),
            13 => drop(stage.transcript.toggle_select()),
            14 => stage
                .transcript
                .set_filter([Filter::All, Filter::Messages, Filter::Work, Filter::Attention][round % 4]),
            15 => push(&tails, "text:1", "streamed *text* that goes on\n\n"),
            16 => tails.close(|_| true),
            17 => drop(stage.transcript.toggle_wrap()),
            18 => drop((stage.transcript.selected_text(), stage.transcript.click(by.unsigned_abs() as u16))),
            _ => drop(stage.says("another message")),
        }
        if rng.bool() {
            stage.transcript.tick_tails(&tails);
        }
        if rng.u32(0..3) > 0 {
            stage.draw(rng.u16(1..100), rng.u16(1..40));
        }
        stage.transcript.position();
    }
}

#[test]
fn what_is_parsed_of_a_stream_grows_with_its_length_and_no_faster() {
    let (theme, code) = (Theme::default(), Highlighter::off());
    let brush = Brush { theme: &theme, width: 80, ascii: false, wrap: true, code: &code };
    let parsed = |block: &str, times: usize| {
        let (tails, mut streams) = (Tails::default(), streams::Streams::default());
        let text = block.repeat(times);
        for chunk in text.as_bytes().chunks(256) {
            push(&tails, "text:1", std::str::from_utf8(chunk).unwrap());
            streams.take(None, &tails);
            streams.lay(&brush);
        }
        streams.list[0].parsed() as f64 / text.len() as f64
    };
    let paragraph = format!("{}\n\n", "word ".repeat(80));
    let (short, long) = (parsed(&paragraph, 50), parsed(&paragraph, 500));
    assert!((long / short - 1.0).abs() < 0.1 && long < 3.0, "{short} {long}");
    // One block without an end: a paragraph, and code.
    for block in ["word ", "- an item of a list that goes on\n"] {
        let (short, long) = (parsed(block, 4_000), parsed(block, 40_000));
        assert!((long / short - 1.0).abs() < 0.25, "{block:?}: {short} {long}");
    }
}

#[test]
fn a_streamed_text_looks_at_last_as_if_it_had_come_at_once() {
    let text = "# A heading\n\nA paragraph with `code` and **bold** words that is long enough to be wrapped, and goes \
        on without any markup for a while so that its rows are settled one by one as they come, word after word, until \
        there is *one* more mark in it.\n\n- one item\n- another, which is longer than a row of this width is\n  - nested\n\n\
        ```rust\nfn main() {\n\n    let x = 1;\n}\n```\n\n| a | b |\n|---|---|\n| 1 | two |\n| 3 | four |\n\n> quoted\n\n\
        ~~~\n``` inside\n\nmore\n~~~\n\n    indented code\n    and more\n\n---\n\nThe end.";
    for step in [1, 2, 3, 5, 8, 40, 100, 400] {
        let (rows, whole) = streamed_and_whole(text, step, 47);
        assert_eq!(rows, whole, "in steps of {step}");
    }
}

#[test]
fn prose_that_no_parser_has_seen_looks_as_the_parser_would_have_it() {
    let words =
        ["word", "Some", "longer-than-that", "and", "a", "1.", "- x", "**", "(so)", "=", "e.g.", "I'm"];
    let gaps = [" ", " ", " ", " ", "\n", " \n", "  \n", "\n\n", "\n\n\n", ", ", ". "];
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        // Most are nothing but prose; some have a mark in them.
        let marks = seed % 4 == 0;
        let known = if marks { &words[..] } else { &["word", "Some", "longer-than-that", "and", "a"][..] };
        let mut text = if seed % 9 == 0 { "\n\n".to_owned() } else { String::new() };
        for _ in 0..random.usize(1..60) {
            text.push_str(known[random.usize(0..known.len())]);
            text.push_str(gaps[random.usize(0..gaps.len())]);
        }
        let (mut rows, mut whole) = streamed_and_whole(&text, random.usize(1..90), random.usize(20..70));
        // The last row makes room for the caret.
        rows.pop();
        whole.pop();
        assert_eq!(rows, whole, "seed {seed}: {text:?}");
    }
}

/// The rows of a text that has streamed in steps of so many bytes, and of the same text laid out at once.
fn streamed_and_whole(text: &str, step: usize, width: usize) -> (Vec<String>, Vec<String>) {
    let (theme, code) = (Theme::default(), Highlighter::off());
    let brush = Brush { theme: &theme, width, ascii: false, wrap: true, code: &code };
    let mark = brush.mark(crate::ui::theme::Icon::Message, crate::ui::theme::Role::Accent);
    let mut whole = Vec::new();
    crate::ui::render::markdown::lines(text, &brush, &mark, &brush.indent(&mark), &mut whole);
    let (tails, mut streams) = (Tails::default(), streams::Streams::default());
    for chunk in text.as_bytes().chunks(step) {
        push(&tails, "text:1", std::str::from_utf8(chunk).unwrap());
        streams.take(None, &tails);
        streams.lay(&brush);
    }
    let stream = &streams.list[0];
    let bare = |row: &crate::ui::render::Strip| row.text().trim_end_matches(['▌', ' ']).to_owned();
    let rows = (0..stream.len()).map(|at| bare(stream.row(at).unwrap())).collect();
    (rows, whole.iter().map(bare).collect())
}
