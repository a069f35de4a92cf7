//! Hostile text through every sink of the real program (D1-D8): what reaches the terminal, the clipboard, the pager,
//! exported files, the log and plain output are our own sequences only.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    corpus::{assert_clean, corpus, unterminated},
    stream::{Seq, foreign, pieces},
    terminal::{PATIENCE, Place, Setup, Term},
};

/// Strings of the corpus in one reply.
const CHUNK: usize = 40;

/// YAML (in JSON's form) without a character that a reader could refuse.
fn ascii(value: &Value) -> String {
    let mut out = String::new();
    for c in serde_json::to_string(value).unwrap().chars() {
        if c.is_ascii() && c != '\u{7f}' {
            out.push(c);
        } else {
            out.push_str(&format!("\\U{:08x}", u32::from(c)));
        }
    }
    out
}

/// A run in which everything that can say something says the whole corpus.
fn hostile_place() -> Place {
    let place = Place::new();
    let all = [corpus(), unterminated()].concat();
    assert!(all.len() >= 400, "{}", all.len());
    let mut raw: Vec<u8> = all.join("\n").into_bytes();
    raw.extend_from_slice(b"\n\x9b2J\x9d0;evil\x9c\xff\xfe\x90q\x9c\n");
    std::fs::write(place.work().join("corpus.bin"), raw).unwrap();
    let mut model = vec![json!({
        "text": "Both begin.",
        "calls": [{"delegate": {"task": format!("say it {}", all[3]), "mode": "async"}},
                  {"delegate": {"task": format!("ask for it {}", all[4]), "mode": "async"}}],
    })];
    for part in all.chunks(CHUNK) {
        let text = part.join("\n\n");
        model.push(json!({"reasoning": text, "text": text, "calls": [{"bash": {"command": format!("echo '{}'", part[0].replace('\'', ""))}}]}));
    }
    model.push(json!({"text": "From a file.", "calls": [{"bash": {"command": "cat corpus.bin"}}]}));
    model.push(json!({"text": "THE LAST WORD", "calls": [{"wait": {}}]}));
    let mut steps = Vec::new();
    // A scripted session speaks as slowly as an agent does: the very long ones are the orchestrator's alone.
    let short: Vec<String> = all.iter().filter(|text| text.len() < 1_000).cloned().collect();
    for part in short.chunks(CHUNK) {
        let text = part.join("\n");
        steps.push(json!({"think": part[1..5.min(part.len())].join("\n")}));
        steps.push(json!({"say": text}));
        steps.push(json!({"tool": {"name": part[0], "arguments": text, "result": text}}));
        steps.push(json!({"error": {"message": part[part.len() - 1], "will_retry": true}}));
        steps.push(json!({"raw": {"type": part[0], "text": text}}));
    }
    steps.push(json!({"run": "cat corpus.bin"}));
    steps.push(json!({"stream": {"lines": 50, "per_second": 500, "text": all[7]}}));
    steps.push(json!({"say": "THE SESSION HAS SAID IT"}));
    steps.push(json!({"run": "sleep 300"}));
    let mut asks = vec![json!({"sleep_ms": 2_000})];
    asks.extend((0..3).map(|n| json!({"ask": {"kind": "command", "command": all[n * 50..n * 50 + 30].join(" "), "reason": all[n * 50 + 40]}})));
    let scenario = json!({"name": "hostile", "model": model, "sessions": [
        {"match": "say it", "turns": [{"steps": steps}]},
        {"match": "ask for it", "turns": [{"steps": asks}]},
    ]});
    place.file("hostile.yaml", &ascii(&scenario));
    place
}

fn started(more: &[&str]) -> Setup {
    let name = "evil\u{1b}]0;x\u{7}\u{202e}name";
    Setup::scripted("hostile.yaml", &[&["-n", name, "--set", "executor.approval=on-request"], more].concat())
}

/// What may be beside the frames: title, progress, notifications, and the clipboard after a key.
fn marks(clipboard: bool) -> impl Fn(&Seq) -> bool {
    move |seq| match seq {
        Seq::Osc(body) => {
            let known = ["2;zwarm", "9;4;", "9;"].iter().any(|start| body.starts_with(start));
            let copied = clipboard && body.starts_with("52;c;");
            (known || copied)
                && body.chars().all(|c| !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}'))
        }
        _ => false,
    }
}

fn assert_only_ours(term: &Term, clipboard: bool) {
    let foreign = foreign(&term.bytes(), marks(clipboard));
    assert!(foreign.is_empty(), "{foreign:?}");
}

#[test]
fn nothing_hostile_reaches_the_terminal_in_any_view() {
    let place = hostile_place();
    let setup = started(&["--set", "ui.title=true", "--set", "ui.progress=true", "--set", "ui.notify=osc9"]);
    let term = setup.var("TERM_PROGRAM", "WezTerm").size(160, 50).start(&place);
    // The text itself is soon scrolled away or behind a card.
    term.until_outside("both begin", || place.journal().contains("Both begin."));
    // Not focused: whatever needs somebody is told by a notification.
    term.keys("\x1b[O");
    term.until_outside("all is said", || place.journal().contains("THE LAST WORD"));
    term.until_outside("the session has said it all", || place.journal().contains("HAS SAID IT"));
    let press = |keys: &str| {
        let before = term.state().bytes.len();
        term.keys(keys);
        term.settled();
        (before, term.state().bytes.len())
    };
    // Cards first, then each pane from its beginning to its end, then everything that opens over them.
    for keys in ["a", "\x1b", "a", "\x1b", "\x1b"] {
        press(keys);
    }
    for pane in ["1", "2", "3", "4"] {
        press(pane);
        press("g");
        for _ in 0..40 {
            term.keys("\x1b[6~\r");
        }
        press("G");
        for _ in 0..25 {
            term.keys("\x1b[5~");
        }
        press("z");
        press("z");
    }
    // Each text that opens over the panes, with a search in it; each tab of a session.
    for keys in ["L", "M", "D", "V"] {
        press(keys);
        press("/before\r");
        press("n\x1b[C\x1b[6~");
        press("\x1b\x1b");
    }
    for keys in [
        "2\r", "]", "]", "]", "[", "\x1b", "b", "\x1b", "4", "\r", "\x1b", "$", "\x1b", "?", "\x1b", ":",
        "\x1b",
    ] {
        press(keys);
    }
    press("q");
    term.sees("instances");
    press("\x1b[6~");
    let seen = pieces(&term.bytes());
    assert!(seen.iter().any(|seq| matches!(seq, Seq::Osc(body) if body.starts_with("2;zwarm"))), "a title");
    assert!(
        seen.iter()
            .any(|seq| matches!(seq, Seq::Osc(body) if body.starts_with("9;") && !body.starts_with("9;4"))),
        "a notification"
    );
    assert_only_ours(&term, false);
    let text: String =
        seen.iter().filter_map(|seq| if let Seq::Text(c) = seq { Some(*c) } else { None }).collect();
    assert!(text.contains("before") && text.contains("after"), "the text itself is shown");
}

#[test]
fn what_is_copied_paged_and_exported_is_clean() {
    let place = hostile_place();
    let paged = place.work().join("paged");
    std::fs::create_dir(&paged).unwrap();
    let setup = started(&[]).var("PAGER", &format!("cp -t {}", paged.display()));
    let term = setup.size(160, 50).start(&place);
    term.until_outside("all is said", || place.journal().contains("THE LAST WORD"));
    term.keys("\x1b");
    term.settled();
    assert_only_ours(&term, false);
    for keys in ["1", "g", "y", "j", "j", "j", "j", "y", "k", "Y", "o", "O", "3", "y", "O"] {
        term.keys(keys);
        term.settled();
    }
    // The tabs of a session, and the texts that open over the panes: one thing, all of it, in the pager.
    let press = |keys: &str| {
        term.keys(keys);
        term.settled();
    };
    let pages = || std::fs::read_dir(&paged).unwrap().count();
    // What is typed while the pager has the terminal is not for us: each page is waited for.
    let page = |keys: &str| {
        let before = pages();
        press(keys);
        term.until_outside("a page is written", || pages() > before);
        term.until("the screen is back", |state| state.screen().alternate_screen());
        term.settled();
    };
    press("2\r");
    for tab in ["Diff", "Raw", "Info"] {
        press("]");
        term.sees(&format!("[{tab}]"));
        press("y");
        press("Y");
        if tab != "Diff" {
            page("o");
            page("O");
        }
    }
    press("\x1b");
    for open in ["L", "M", "D"] {
        press(open);
        press("y");
        press("Y");
        page("o");
        press("\x1b");
    }
    assert!(pages() >= 8, "{}", pages());
    let copies: Vec<String> = pieces(&term.bytes())
        .into_iter()
        .filter_map(|seq| match seq {
            Seq::Osc(body) => body.strip_prefix("52;c;").map(str::to_owned),
            _ => None,
        })
        .collect();
    assert!(copies.len() >= 10, "{}", copies.len());
    for copy in copies {
        assert_clean(&decoded(&copy), "the clipboard");
    }
    for entry in std::fs::read_dir(&paged).unwrap().flatten() {
        assert_clean(&std::fs::read_to_string(entry.path()).unwrap(), "the pager");
    }
    // Home, from the session view: Esc may have closed a remark instead.
    for _ in 0..2 {
        if !term.text().contains("instances") {
            press("q");
        }
    }
    term.sees("instances");
    term.keys("e");
    term.sees("written");
    let exported: Vec<_> = std::fs::read_dir(place.work())
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "md" || end == "json"))
        .collect();
    assert!(!exported.is_empty());
    for entry in exported {
        assert_clean(&std::fs::read_to_string(entry.path()).unwrap(), &format!("{:?}", entry.file_name()));
    }
    assert_only_ours(&term, true);
}

/// Base64, for what a terminal would put into its clipboard.
fn decoded(text: &str) -> String {
    const SIGNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut have) = (Vec::new(), 0_u32, 0);
    for sign in text.bytes().filter(|sign| *sign != b'=') {
        bits = bits << 6 | u32::try_from(SIGNS.iter().position(|s| *s == sign).unwrap()).unwrap();
        have += 6;
        if have >= 8 {
            have -= 8;
            bytes.push((bits >> have) as u8);
            bits &= (1 << have) - 1;
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn plainly(place: &Place, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zwarm-tui"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", place.home()).env("ZWARM_HOME", place.home()).env("TERM", "dumb").args(args);
    command.current_dir(place.work()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = || place.journal().matches("HAS SAID IT").count();
    let before = ended();
    let mut child = command.spawn().unwrap();
    let stdin = child.stdin.take();
    if args[0] == "--plain" {
        // Somebody who listens to the end and then leaves.
        let deadline = Instant::now() + PATIENCE;
        while ended() == before {
            assert!(Instant::now() < deadline, "the run does not end");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
}

#[test]
fn plain_output_history_and_the_log_are_clean() {
    let place = hostile_place();
    // Here the session ends, so that the run does.
    let text =
        std::fs::read_to_string(place.work().join("hostile.yaml")).unwrap().replace("sleep 300", "true");
    place.file("hostile.yaml", &text);
    let run = [
        "-t",
        "do \u{1b}]0;it\u{7}",
        "--log-level",
        "trace",
        "--set",
        "orchestrator.lm=scripted:hostile.yaml",
        "--set",
        "executor.adapter=script",
    ];
    let printed = plainly(&place, &[&["run"][..], &run].concat());
    assert!(printed.contains("before"), "{printed}");
    assert_clean(&printed, "run");
    let plain = plainly(&place, &[&["--plain"][..], &run].concat());
    assert!(plain.contains("before"), "{plain}");
    assert_clean(&plain, "--plain");
    for look in [&["instances"][..], &["history"], &["session", "list"], &["status"]] {
        assert_clean(&plainly(&place, look), &look.join(" "));
    }
    let mut logs = 0;
    for entry in std::fs::read_dir(place.home().join("state/log")).unwrap().flatten() {
        assert_clean(&std::fs::read_to_string(entry.path()).unwrap(), "the log");
        logs += 1;
    }
    assert!(logs > 0);
}

#[test]
fn a_sequence_that_is_split_anywhere_stays_harmless() {
    /// Characters of a piece of the scripted model.
    const PIECE: usize = 24;
    // Each time one character further on, so that each sequence is cut everywhere on its way.
    let place = Place::new();
    let few: Vec<String> = corpus().into_iter().filter(|text| text.len() < 60).step_by(11).collect();
    let mut model: Vec<Value> = (0..PIECE)
        .map(|n| json!({"text": format!("{}{}", "x".repeat(n), few.join("\n")), "chunk_ms": 1, "calls": [{"bash": {"command": format!("true {n}")}}]}))
        .collect();
    model.push(json!({"calls": [{"bash": {"command": "sleep 300"}}]}));
    let scenario = json!({"name": "split", "model": model});
    place.file("split.yaml", &ascii(&scenario));
    let term = Setup::scripted("split.yaml", &[]).size(120, 60).start(&place);
    term.until_outside("it is said", || place.journal().contains("sleep 300"));
    term.settled();
    assert_only_ours(&term, false);
    term.signal(rustix::process::Signal::TERM);
    assert_eq!(term.exit(Duration::from_secs(12)), 143);
    term.assert_given_back();
}
