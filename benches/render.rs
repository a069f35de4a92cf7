//! Drawing, streaming and cleaning: F1 (an unchanged frame), F2 (a scrolled frame), F3 (another width), S1 (a long
//! stream), W1 (clean text, hostile text). Wall times are for people; what gates is in `tests/counts.rs` and the unit tests, by counts.
//!
//! `cargo bench --bench render`

#![allow(clippy::expect_used, reason = "a bench that cannot be set up has to stop")]

#[path = "support/corpus.rs"]
mod corpus;

use std::{hint::black_box, sync::Arc};

use corpus::{AREA, transcript};
use divan::{Bencher, counter::BytesCount};
use ratatui::{buffer::Buffer, layout::Rect};
use zwarm_tui::{
    agent::link::Tails,
    protocol::StreamKey,
    text,
    ui::{
        render::{Highlighter, Scroll, Source, Transcript},
        theme::Theme,
    },
};

fn main() {
    divan::main();
}

const ROWS: [usize; 2] = [1_000, 1_000_000];

#[divan::bench(args = ROWS)]
fn f1_unchanged_frame(bencher: Bencher, rows: usize) {
    let (_dir, mut transcript) = transcript(rows);
    let (theme, mut buf) = (Theme::default(), Buffer::empty(AREA));
    transcript.render(AREA, &mut buf, &theme, true);
    bencher.bench_local(|| transcript.render(AREA, black_box(&mut buf), &theme, true));
}

#[divan::bench(args = ROWS)]
fn f2_scrolled_frame(bencher: Bencher, rows: usize) {
    let (_dir, mut transcript) = transcript(rows);
    let (theme, mut buf) = (Theme::default(), Buffer::empty(AREA));
    transcript.render(AREA, &mut buf, &theme, true);
    let mut down = false;
    bencher.bench_local(|| {
        down = !down;
        transcript.scroll(Scroll::Page(if down { 3 } else { -3 }));
        transcript.render(AREA, black_box(&mut buf), &theme, true);
    });
}

#[divan::bench(args = ROWS)]
fn f3_first_frame_at_another_width(bencher: Bencher, rows: usize) {
    let (_dir, mut transcript) = transcript(rows);
    let theme = Theme::default();
    let narrow = Rect { width: 80, ..AREA };
    bencher.bench_local(|| {
        for area in [AREA, narrow] {
            let mut buf = Buffer::empty(area);
            transcript.render(area, black_box(&mut buf), &theme, true);
        }
        // What is laid out is forgotten, so that each round lays out anew.
        transcript.toggle_wrap();
        transcript.toggle_wrap();
    });
}

#[divan::bench(args = [100_000, 1_000_000], sample_count = 3)]
fn s1_stream(bencher: Bencher, tokens: usize) {
    let key = StreamKey { session: None, turn: 1, item: "text:1".into() };
    let area = Rect { width: 80, ..AREA };
    bencher.counter(BytesCount::new(tokens * 4)).bench_local(|| {
        let (dir, tails) = (tempfile::tempdir().expect("a folder"), Arc::new(Tails::default()));
        let mut transcript = Transcript::new(Source { dir: dir.path().to_owned(), session: None })
            .with_highlighter(Highlighter::off());
        let (theme, mut buf) = (Theme::default(), Buffer::empty(area));
        for at in 0..tokens {
            let token = if at % 97 == 96 { "\n\n" } else { "wor " };
            tails.push(&key, token);
            // 30 frames a second at some 2,000 tokens a second.
            if at % 64 == 63 {
                transcript.tick_tails(&tails);
                transcript.render(area, &mut buf, &theme, true);
            }
        }
        black_box(transcript.new_below())
    });
}

#[divan::bench]
fn s1_markdown_once(bencher: Bencher) {
    let text = "wor wor wor wor wor wor wor wor wor wor wor wor\n\n".repeat(8_000);
    let (theme, code) = (Theme::default(), Highlighter::off());
    let brush =
        zwarm_tui::ui::render::Brush { theme: &theme, width: 80, ascii: false, wrap: true, code: &code };
    let mark = zwarm_tui::ui::render::Strip::default();
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| {
        let mut out = Vec::new();
        zwarm_tui::ui::render::markdown::lines(black_box(&text), &brush, &mark, &mark, &mut out);
        out
    });
}

#[divan::bench]
fn w1_clean_ascii(bencher: Bencher) {
    let text =
        "A line of plain text as a command prints it, eighty bytes or so in length.....\n".repeat(12_000);
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| text::clean(black_box(&text)));
}

#[divan::bench]
fn w1_clean_hostile(bencher: Bencher) {
    let text = "\x1b[31mred\x1b[0m \u{202e}x\x1b]0;title\x07 50%\r100%\n".repeat(20_000);
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| text::clean(black_box(&text)));
}
