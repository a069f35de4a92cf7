//! What the program costs, measured beside the floor in the same minute (docs/performance.md): latencies, idle cost,
//! memory, start, bytes of a frame. It is no test that gates: wall times on a shared machine are for people. The
//! counts that gate are in `tests/counts.rs`.
//!
//! `cargo build --release --bins --examples && cargo test --release --test measure -- --ignored --nocapture`
// It looks at threads and descriptors by `/proc`, and opens its terminals as Linux does.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, dead_code)]

#[path = "../screen/stream.rs"]
mod stream;
#[path = "../screen/terminal.rs"]
mod terminal;

mod big;
mod long;
mod process;
mod steps;

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use process::Load;
use terminal::{Place, Setup, Term};

/// Keys of one measurement.
const KEYS: usize = 200;

fn floor_program() -> PathBuf {
    let floor = terminal::program().with_file_name("examples").join("floor");
    assert!(floor.exists(), "build it first: cargo build --release --example floor");
    floor
}

fn floor(place: &Place) -> Term {
    let term = Term::start(&floor_program(), place, Setup::new(&[]).size(140, 40));
    term.sees("floor: instances");
    term
}

/// A run that stands, with the composer open.
fn composing(place: &Place) -> Term {
    let term = Setup::scripted("standing.yaml", &[]).size(140, 40).start(place);
    term.sees("Now I wait for the shell.");
    term.keys("i");
    term.sees("send");
    term
}

/// Milliseconds from a key to its letter on the screen, sorted.
fn latencies(term: &Term, keys: usize) -> Vec<f64> {
    let mut all = Vec::new();
    for n in 0..keys {
        let letter = char::from(b'a' + (n % 26) as u8);
        let row = |state: &terminal::State| {
            let text = state.screen().contents();
            text.lines().rev().find(|line| line.contains("> ")).unwrap_or_default().matches(letter).count()
        };
        let before = row(&term.state());
        let began = Instant::now();
        term.keys([letter as u8]);
        term.until("the letter", |state| row(state) > before);
        all.push(began.elapsed().as_secs_f64() * 1_000.0);
        // Between two keys the frame clock comes to rest.
        std::thread::sleep(Duration::from_millis(25));
        if n % 40 == 39 {
            (0..40).for_each(|_| term.keys("\x7f"));
            term.settled();
        }
    }
    all.sort_by(f64::total_cmp);
    all
}

fn told(what: &str, sorted: &[f64]) {
    let at = |part: f64| sorted[((sorted.len() - 1) as f64 * part) as usize];
    println!("{what}: p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms", at(0.5), at(0.95), at(0.99));
}

/// Two processes that take both cores.
struct Busy(Vec<Child>);

impl Busy {
    fn new() -> Self {
        let one = || Command::new("yes").stdout(Stdio::null()).spawn().unwrap();
        Self(vec![one(), one()])
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
#[ignore = "a measurement"]
fn l1_l2_from_a_key_to_the_screen() {
    let (floors, place) = (Place::new(), Place::new());
    let (floor, ours) = (floor(&floors), composing(&place));
    told("L1 floor", &latencies(&floor, KEYS));
    told("L1 ours ", &latencies(&ours, KEYS));
    {
        let _busy = Busy::new();
        told("L2 floor under load", &latencies(&floor, KEYS));
        told("L2 ours  under load", &latencies(&ours, KEYS));
    }
    drop(ours);
    let million = Place::new();
    big::instance(&million, big::ROWS);
    let term = big::opened(&million);
    term.keys("i");
    term.sees("leave");
    told("L2 ours, a million rows", &latencies(&term, KEYS));
}

#[test]
#[ignore = "a measurement"]
fn i1_i2_what_resting_costs() {
    let (floors, place, silent) = (Place::new(), Place::new(), Place::new());
    let floor = floor(&floors);
    // Paused: nothing moves. Live: the clock does.
    let paused = Setup::scripted("standing.yaml", &[]).size(140, 40).start(&place);
    paused.sees("Now I wait for the shell.");
    paused.keys("P");
    paused.sees("PAUSED");
    let live = Setup::scripted("standing.yaml", &[]).size(140, 40).start(&silent);
    live.sees("Now I wait for the shell.");
    std::thread::sleep(Duration::from_secs(6));
    for (what, term) in
        [("I1 floor", &floor), ("I1 ours, paused", &paused), ("I2 ours, live and silent", &live)]
    {
        let (before, bytes) = (Load::of(term.pid), term.bytes().len());
        let frames = stream::frames(&term.bytes());
        std::thread::sleep(Duration::from_secs(30));
        let after = Load::of(term.pid);
        let (bytes, frames) = (term.bytes().len() - bytes, stream::frames(&term.bytes()) - frames);
        println!(
            "{what}: CPU {} ms / 30 s, {:.1} wakeups/s, {:.1} B/s, {:.2} draws/s",
            after.cpu_ms - before.cpu_ms,
            after.switches_since(&before) as f64 / 30.0,
            bytes as f64 / 30.0,
            frames as f64 / 30.0
        );
    }
}

#[test]
#[ignore = "a measurement"]
fn m1_m2_r1_memory_and_a_large_journal() {
    let (floors, place) = (Place::new(), Place::new());
    let floor = floor(&floors);
    let empty = Setup::new(&[]).size(140, 40).start(&place);
    empty.sees("instances");
    println!(
        "M1 floor: peak {} kB; ours, empty: peak {} kB",
        process::peak_kb(floor.pid),
        process::peak_kb(empty.pid)
    );
    let million = Place::new();
    // `ZWARM_ROWS`: another size, for what lasts much longer (M3: 3,300,000).
    let rows = std::env::var("ZWARM_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(big::ROWS);
    let bytes = big::instance(&million, rows);
    println!("the large journal: {rows} rows, {:.1} MB", bytes as f64 / 1e6);
    let began = Instant::now();
    let term = Setup::new(&[]).size(140, 40).start(&million);
    term.sees("big-run");
    println!("R1 list with it after {:?}", began.elapsed());
    let began = Instant::now();
    term.keys("\r");
    term.sees("1 Orch");
    println!("R1 first frame of it after {:?}", began.elapsed());
    term.sees(big::LAST);
    println!("R1 its end shown after {:?}", began.elapsed());
    let before = Load::of(term.pid);
    println!(
        "R1 CPU until then {} ms; scan of JSON without its values: {:?}",
        before.cpu_ms,
        big::scan(&million)
    );
    let resumed = process::peak_kb(term.pid);
    let sweep = || {
        for key in ["g", "G"] {
            term.keys(key);
            term.settled();
        }
        for _ in 0..400 {
            term.keys("\x1b[5~");
            term.keys("\x1b[5~");
            std::thread::sleep(Duration::from_millis(2));
        }
        term.settled();
        process::peak_kb(term.pid)
    };
    let (first, second) = (sweep(), sweep());
    println!("M2 peak: opened {resumed} kB, scrolled {first} kB, again {second} kB");
}

#[test]
#[ignore = "a measurement"]
fn c1_c2_start() {
    let first_frame = |program: &Path, place: &Place, sees: &str| {
        let began = Instant::now();
        let term = Term::start(program, place, Setup::new(&[]).size(140, 40));
        term.sees(sees);
        began.elapsed().as_secs_f64() * 1_000.0
    };
    let zwarm = &terminal::program();
    let (empty, many) = (Place::new(), Place::new());
    big::many(&many, 1_000);
    let mut all = [Vec::new(), Vec::new(), Vec::new()];
    for run in 0..21 {
        let times = [
            first_frame(&floor_program(), &empty, "floor: instances"),
            first_frame(zwarm, &empty, "instances"),
            first_frame(zwarm, &many, "run-0"),
        ];
        // The first run reads the programs from disk.
        if run > 0 {
            all.iter_mut().zip(times).for_each(|(all, time)| all.push(time));
        }
    }
    for (what, mut times) in ["C1 floor", "C1 ours", "C2 ours, 1,000 instances listed"].into_iter().zip(all) {
        times.sort_by(f64::total_cmp);
        told(what, &times);
    }
}

#[test]
#[ignore = "a measurement"]
fn s2_f4_fifty_sessions_stream() {
    let place = Place::new();
    place.file("fifty.yaml", &big::fifty());
    let quiet = composing(&Place::new());
    let idle = latencies(&quiet, 100);
    drop(quiet);
    let setup = Setup::scripted("fifty.yaml", &["--set", "orchestrator.parallel_delegations=50"]);
    let term = setup.size(140, 40).start(&place);
    term.until_outside("all stream", || place.journal().matches("session_turn_started").count() >= 50);
    term.keys("i");
    term.sees("leave");
    let (before, bytes, began) = (Load::of(term.pid), term.bytes().len(), Instant::now());
    let sorted = latencies(&term, KEYS);
    while began.elapsed() < Duration::from_secs(15) {
        std::thread::sleep(Duration::from_millis(100));
    }
    let (after, seconds) = (Load::of(term.pid), began.elapsed().as_secs_f64());
    let ui = after.thread_ms("zwarm-tui") - before.thread_ms("zwarm-tui");
    let stream_bytes = &term.bytes()[bytes..];
    let mut sizes = stream::frame_sizes(stream_bytes);
    sizes.sort_unstable();
    told("S2 idle", &idle);
    told("S2 with 50 sessions x 200 lines/s", &sorted);
    println!(
        "S2 {:.1} draws/s, UI thread {:.1} % of a core, whole process {:.1} %",
        stream::frames(stream_bytes) as f64 / seconds,
        ui as f64 / seconds / 10.0,
        (after.cpu_ms - before.cpu_ms) as f64 / seconds / 10.0
    );
    println!("F4 frame bytes: median {}, largest {}", sizes[sizes.len() / 2], sizes[sizes.len() - 1]);
    assert!(
        !stream::pieces(stream_bytes).iter().any(|seq| matches!(seq, stream::Seq::Csi(_, 'J'))),
        "no clearing"
    );
}

#[test]
#[ignore = "a measurement"]
fn f4_one_stream() {
    let place = Place::new();
    let text = "word after word of a sentence that goes on and on ".repeat(190);
    place.file("one.yaml", &format!("name: one\nmodel:\n  - text: \"{text}\"\n    chunk_ms: 35\n"));
    let term = Setup::scripted("one.yaml", &[]).size(140, 40).start(&place);
    term.sees("word after word");
    let from = term.bytes().len();
    std::thread::sleep(Duration::from_secs(8));
    let bytes = &term.bytes()[from..];
    let mut sizes = stream::frame_sizes(bytes);
    sizes.sort_unstable();
    println!(
        "F4 one stream: {} frames, median {} B, p95 {} B",
        sizes.len(),
        sizes[sizes.len() / 2],
        sizes[sizes.len() * 95 / 100]
    );
}
