//! A transcript of a million lines beside one of a thousand: the same keys, in turn, to both.

use std::time::{Duration, Instant};

use super::{big, stream, told};
use crate::terminal::{Place, Term};

/// Items of the short transcript; each has three lines.
const SHORT: u64 = 333;
/// Times that each thing is done.
const TIMES: usize = 20;
/// A word that only the first item has.
const FIRST: &str = "Message 1 says";

/// Something that is done to a terminal for the nth time, and how long it took (ms).
type Act = fn(&Term, usize) -> f64;

/// Milliseconds from what is done to what must then be on the screen.
fn timed(term: &Term, what: &str, act: impl FnOnce(), holds: impl Fn(&str) -> bool) -> f64 {
    let began = Instant::now();
    act();
    term.until(what, |state| holds(&state.screen().contents()));
    let time = began.elapsed().as_secs_f64() * 1_000.0;
    // Between two keys the frame clock comes to rest.
    std::thread::sleep(Duration::from_millis(25));
    time
}

/// Scrolls by pages from the end, and back.
fn page(term: &Term, turn: usize) -> f64 {
    let before = term.text();
    let key = if turn % 20 < 10 { "\x1b[5~" } else { "\x1b[6~" };
    timed(term, "another page", || term.keys(key), |text| text != before)
}

/// Jumps from the end to the beginning; the way back is not timed.
fn jump(term: &Term, _: usize) -> f64 {
    let time = timed(term, "the beginning", || term.keys("g"), |text| text.contains(FIRST));
    timed(term, "the end", || term.keys("G"), |text| text.contains(big::LAST));
    time
}

/// The window changes its width; the first frame at the new one.
fn resize(term: &Term, turn: usize) -> f64 {
    let from = term.state().bytes.len();
    let columns = if turn.is_multiple_of(2) { 90 } else { 140 };
    let began = Instant::now();
    term.resize(columns, 40);
    term.until("a frame", |state| stream::frames(&state.bytes[from..]) > 0);
    let time = began.elapsed().as_secs_f64() * 1_000.0;
    term.settled();
    time
}

/// Searches for what only the first item has; the last letter narrows many finds to that one. Timed until `ends` is there.
fn search(term: &Term, ends: &str) -> f64 {
    term.keys("/");
    term.sees("to search");
    term.keys("Message 1");
    term.settled();
    let time = timed(term, ends, || term.keys(" "), |text| text.contains(ends));
    term.keys("\x1b");
    term.settled();
    time
}

/// From the beginning, where it is: the first find.
fn first_find(term: &Term, _: usize) -> f64 {
    term.keys("g");
    term.sees(FIRST);
    let time = search(term, "Message 1   1/1");
    term.keys("G");
    term.sees(big::LAST);
    time
}

/// From the end: the whole journal is read.
fn whole_search(term: &Term, _: usize) -> f64 {
    search(term, "Message 1   1/1 ")
}

#[test]
#[ignore = "a measurement"]
fn a_million_lines_beside_a_thousand() {
    let (short, long) = (Place::new(), Place::new());
    big::instance(&short, SHORT);
    big::instance(&long, big::ROWS);
    let terms = [big::opened(&short), big::opened(&long)];
    terms.iter().for_each(Term::settled);
    let acts: [(&str, Act); 5] = [
        ("a page", page),
        ("to the beginning", jump),
        ("another width", resize),
        ("a first find", first_find),
        ("a whole search", whole_search),
    ];
    for (what, act) in acts {
        let mut all = [Vec::new(), Vec::new()];
        for turn in 0..TIMES {
            for (times, term) in all.iter_mut().zip(&terms) {
                times.push(act(term, turn));
            }
        }
        for (length, mut times) in ["a thousand lines", "a million lines "].into_iter().zip(all) {
            times.sort_by(f64::total_cmp);
            told(&format!("{what}, {length}"), &times);
        }
    }
}
