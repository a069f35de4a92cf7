//! What comes from the keyboard: answers that come late or never (C16), pastes (C18), a flood of mouse reports (C20),
//! random keys over all views (C21).

use std::time::{Duration, Instant};

use crate::{
    stream::frames,
    terminal::{Answers, Place, Setup, Term},
};

fn composing(place: &Place, setup: Setup) -> Term {
    let term = setup.start(place);
    term.sees("Now I wait for the shell.");
    term.keys("i");
    term.sees("send");
    term
}

#[test]
fn a_terminal_that_never_answers_starts_after_a_tenth_of_a_second() {
    let place = Place::new();
    let began = Instant::now();
    let term = Setup::new(&[]).answers(Answers::Never).start(&place);
    term.sees("instances");
    println!("first frame without answers after {:?}", began.elapsed());
    term.keys("?");
    term.sees("Keys");
}

#[test]
fn late_answers_and_rubbish_are_not_typed() {
    let all = [
        Answers::Late(Duration::from_millis(1_200)),
        Answers::Bytes(b"\x1b]11;rgb:zz".to_vec()),
        Answers::Bytes(b"\xff\xfe\x1b[?\x1b]\x1b\\\x1b[999;999R".to_vec()),
    ];
    for answers in all {
        let place = Place::new();
        let setup = Setup::scripted("standing.yaml", &["--set", "ui.start_focus=composer"]).answers(answers);
        let term = setup.start(&place);
        term.sees("Now I wait for the shell.");
        let began = Instant::now();
        // The late answer has come when this has passed; typed keys mark it.
        term.until_outside("the answer is late", || began.elapsed() > Duration::from_millis(1_500));
        term.keys("Z");
        term.until("the key is typed", |state| state.screen().contents().contains("> Z"));
    }
}

#[test]
fn a_paste_is_one_text_and_never_sends() {
    let place = Place::new();
    let term = composing(&place, Setup::scripted("standing.yaml", &[]));
    term.paste("one\ntwo\r\nthree \x1b[31mred\x1b[201~");
    // The end inside of the paste ends it; what follows is typed, and the rest of a mark is no text.
    term.sees("three red");
    let lines: String = (0..100_000).map(|n| format!("line {n}\n")).collect();
    term.paste(&lines);
    term.sees("[paste");
    assert!(!place.journal().contains("nudge_queued"));
}

#[test]
fn a_paste_of_ten_megabytes_is_taken_in_and_the_screen_goes_on() {
    let place = Place::new();
    let term = composing(&place, Setup::scripted("standing.yaml", &[]));
    let began = Instant::now();
    term.paste(&"0123456789abcde\n".repeat(10 * 1024 * 1024 / 16));
    term.sees("[paste");
    println!("10 MB were pasted in {:?}", began.elapsed());
    let key = Instant::now();
    term.keys("Q");
    term.sees("lines]Q");
    println!("and the key after it was seen after {:?}", key.elapsed());
    assert!(!place.journal().contains("nudge_queued"));
}

#[test]
fn a_paste_without_brackets_is_many_lines_and_sends_nothing() {
    let place = Place::new();
    let term = composing(&place, Setup::scripted("standing.yaml", &[]));
    term.keys("first line\rsecond line\rthird line");
    term.sees("third line");
    term.sees("first line");
    assert!(!place.journal().contains("nudge_queued"));
    // A person's Enter sends.
    std::thread::sleep(Duration::from_millis(50));
    term.keys("\r");
    term.until_outside("the nudge is sent", || {
        place.journal().contains("first line\\nsecond line\\nthird line")
    });
}

#[test]
fn a_flood_of_the_mouse_makes_at_most_sixty_frames_a_second() {
    let place = Place::new();
    let term = Setup::scripted("standing.yaml", &[]).size(140, 40).start(&place);
    term.sees("Now I wait for the shell.");
    let began = (Instant::now(), frames(&term.bytes()));
    let mut sent = 0;
    while began.0.elapsed() < Duration::from_secs(2) {
        let wheel = if sent % 2 == 0 { 64 } else { 65 };
        let burst: String =
            (0..50).map(|n| format!("\x1b[<{wheel};{};{}M", 10 + n % 60, 5 + n % 20)).collect();
        term.keys(burst);
        sent += 50;
        std::thread::sleep(Duration::from_millis(10));
    }
    let (time, drawn) = (began.0.elapsed().as_secs_f64(), frames(&term.bytes()) - began.1);
    println!("{sent} mouse events in {time:.1} s: {drawn} frames");
    assert!(drawn as f64 <= 60.0 * time + 3.0, "{drawn} frames in {time} s");
    term.keys("?");
    term.sees("Keys");
}

/// Keys that leave nothing behind: no stop, no end of the program, no editor.
fn random_key(random: &mut fastrand::Rng) -> Vec<u8> {
    const NAMED: &[&str] = &[
        "\x1b[A",
        "\x1b[B",
        "\x1b[C",
        "\x1b[D",
        "\x1b[5~",
        "\x1b[6~",
        "\x1b[H",
        "\x1b[F",
        "\t",
        "\x1b[Z",
        "\r",
        "\x1b",
        "\x0c",
        "\x10",
        "\x17",
        "\x18",
        "\x15",
        "\x0b",
        "\x7f",
        "\x1bOP",
        "\x1bb",
        "\x1bf",
        "\x1b\r",
        "\x0a",
        "\x1b[<64;20;10M",
        "\x1b[<0;30;12M",
        "\x1b[<0;60;12m",
        "\x1b[I",
        "\x1b[O",
        "\x1b[200~paste\x1b[201~",
        "日",
        "e\u{301}",
        "👩\u{200d}👧",
    ];
    // `o`, `O` open a pager; `p` … steer: all of them may be pressed.
    match random.u8(..100) {
        0..45 => NAMED[random.usize(..NAMED.len())].as_bytes().to_vec(),
        _ => vec![random.u8(0x20..0x7f)],
    }
}

#[test]
fn no_row_of_random_keys_breaks_the_screen_and_esc_leads_home() {
    let seed = std::env::var("ZWARM_FUZZ_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(7);
    let count: usize = std::env::var("ZWARM_FUZZ_KEYS").ok().and_then(|s| s.parse().ok()).unwrap_or(4_000);
    let mut random = fastrand::Rng::with_seed(seed);
    let place = Place::new();
    let start = || {
        let setup = Setup::scripted("standing.yaml", &[]).var("PAGER", "cat").var("EDITOR", "true");
        let term = setup.size(140, 40).start(&place);
        term.sees("Now I wait for the shell.");
        term
    };
    let mut term = start();
    let mut pressed = Vec::new();
    let mut sent = 0;
    while sent < count {
        let keys: Vec<u8> = (0..40).flat_map(|_| random_key(&mut random)).collect();
        pressed.extend_from_slice(&keys);
        term.keys(&keys);
        sent += 40;
        for _ in 0..5 {
            // Each apart from the next, so that none is an Alt.
            term.keys("\x1b");
            std::thread::sleep(Duration::from_millis(8));
        }
        if term.process_state() == 'T' {
            term.signal(rustix::process::Signal::CONT);
        }
        if !term.is_alive() || term.process_state() == 'Z' {
            // The keys may lead out of the program, in order.
            let code = term.exit(Duration::from_secs(12));
            assert_eq!(code, 0, "seed {seed}, after {:?}", String::from_utf8_lossy(&pressed));
            term.assert_given_back();
            term = start();
        }
    }
    for _ in 0..5 {
        std::thread::sleep(Duration::from_millis(60));
        term.keys("\x1b");
    }
    let deadline = Instant::now() + crate::terminal::PATIENCE;
    let free = || ["1 Orch", "instances"].iter().any(|sign| term.text().contains(sign));
    // The last keys may have led out of the program, too.
    while term.is_alive() && !free() {
        assert!(Instant::now() < deadline, "Esc leads nowhere, seed {seed}\n{}", term.text());
        std::thread::sleep(Duration::from_millis(20));
    }
    if !term.is_alive() {
        assert_eq!(term.exit(Duration::from_secs(1)), 0, "seed {seed}");
    }
    let seen = String::from_utf8_lossy(&term.bytes()).into_owned();
    assert!(!seen.contains("panicked"), "seed {seed}");
}

#[test]
fn a_live_run_is_looked_back_at_and_steered_from_there() {
    let place = Place::new();
    let term = Setup::scripted("standing.yaml", &[]).size(140, 40).start(&place);
    term.sees("Now I wait for the shell.");
    term.keys("<");
    term.sees("LOOKING BACK: after step 1 of 2");
    assert!(!term.text().contains("Now I wait for the shell."), "{}", term.text());
    term.keys("P");
    term.sees("PAUSED");
    assert!(!term.text().contains("LOOKING BACK"), "{}", term.text());
}
