//! The window: sizes that change (C14), a line that is slow (C17), kinds of terminals (C15).

use std::time::{Duration, Instant};

use crate::{
    stream::{frames, left_on},
    terminal::{Place, Setup},
};

const STREAMING: &str = r#"
name: streaming
model:
  - text: "I hand the work on."
    calls: [{delegate: {task: "stream", mode: async}}]
  - calls: [{wait: {}}]
  - text: "All is said."
    calls: [{bash: {command: "sleep 300"}}]
sessions:
  - turns: [{steps: [{stream: {lines: 900, per_second: 300, text: "a line of output with some length to it"}}, {say: "streamed"}]}]
"#;

#[test]
fn after_a_storm_of_sizes_the_screen_is_as_if_freshly_drawn() {
    let place = Place::new();
    place.file("streaming.yaml", STREAMING);
    let term = Setup::scripted("streaming.yaml", &[]).start(&place);
    term.sees("I hand the work on.");
    let mut random = fastrand::Rng::with_seed(3);
    let storm: usize = std::env::var("ZWARM_RESIZES").ok().and_then(|s| s.parse().ok()).unwrap_or(400);
    for n in 0..storm {
        let (columns, rows) = match n % 50 {
            0 => (1, 1),
            25 => (500, 200),
            _ => (random.u16(1..220), random.u16(1..70)),
        };
        term.resize(columns, rows);
        if n % 8 == 0 {
            std::thread::sleep(Duration::from_millis(6));
        }
        assert!(term.is_alive());
    }
    term.resize(120, 40);
    term.sees("All is said.");
    term.settled();
    // The header's clock runs: it is not compared.
    let body = |text: String| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>().join("\n");
    let before = body(term.text());
    term.keys("\x0c");
    term.settled();
    assert_eq!(before, body(term.text()));
}

#[test]
fn a_slow_line_skips_frames_and_keys_are_still_served() {
    let place = Place::new();
    place.file("streaming.yaml", STREAMING);
    let mut setup = Setup::scripted("streaming.yaml", &[]);
    setup.throttle = Some(2_000);
    let term = setup.start(&place);
    term.sees("1 Orch");
    let began = (Instant::now(), frames(&term.bytes()), term.resident_kb());
    term.keys("p");
    term.until_outside("the pause is recorded while frames wait", || place.journal().contains("pausing"));
    println!("at 2 KB/s a pause is recorded after {:?}", began.0.elapsed());
    term.until_outside("ten seconds of streaming", || began.0.elapsed() > Duration::from_secs(10));
    let drawn = frames(&term.bytes()) - began.1;
    println!("{drawn} frames in 10 s; RSS {} kB then {} kB", began.2, term.resident_kb());
    assert!(drawn < 120, "frames are skipped: {drawn}");
    assert!(term.resident_kb() < began.2 + 30_000, "nothing is queued");
}

#[test]
fn each_kind_of_terminal_starts_or_is_refused_clearly() {
    for term_name in ["linux", "xterm", "xterm-256color", "tmux-256color", "screen", "no-such-terminal"] {
        let place = Place::new();
        let term = Setup::new(&[]).var("TERM", term_name).start(&place);
        term.sees("instances");
        term.keys("q");
        assert_eq!(term.exit(Duration::from_secs(10)), 0, "{term_name}");
        term.assert_given_back();
    }
    let place = Place::new();
    let plain = Setup::new(&[]).var("TERM", "dumb").start(&place);
    plain.sees("plain mode");
    assert!(left_on(&plain.bytes()).is_empty());
    assert!(!plain.bytes().contains(&0x1b), "a dumb terminal gets no escapes");
}

#[test]
fn no_color_means_no_colour_and_a_plain_locale_plain_signs() {
    let place = Place::new();
    let term = Setup::scripted("standing.yaml", &[])
        .var("NO_COLOR", "1")
        .var("LANG", "C")
        .size(140, 40)
        .start(&place);
    term.sees("Now I wait for the shell.");
    let coloured: Vec<String> = crate::stream::pieces(&term.bytes())
        .into_iter()
        .filter_map(|seq| match seq {
            crate::stream::Seq::Csi(body, 'm') => Some(body),
            _ => None,
        })
        .filter(|body| {
            body.split(';')
                .filter_map(|n| n.parse::<u16>().ok())
                .any(|n| (30..=38).contains(&n) || (40..=48).contains(&n) || n >= 90)
        })
        .collect();
    assert_eq!(coloured, Vec::<String>::new());
    let text = term.text();
    let odd: String = text.chars().filter(|c| !c.is_ascii()).collect();
    assert_eq!(odd, "", "\n{text}");
}
