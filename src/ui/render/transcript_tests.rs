use std::{io::Write, sync::mpsc::channel};

use ratatui::{buffer::Buffer, layout::Rect};
use uuid::Uuid;

use super::*;
use crate::{
    protocol::{
        Body, Delta, Stamp, StreamKey, Wire,
        event::{Activity, ActivityAdded, ItemAdded, SessionTurnStarted, StepStarted, ToolFinished},
        item,
    },
    text::hostile,
};

/// A journal in a folder, and the transcript that follows it.
struct Stage {
    dir: tempfile::TempDir,
    end: u64,
    seq: u64,
    transcript: Transcript,
    theme: Theme,
}

const SESSION: SessionId = SessionId(Uuid::from_u128(7));

impl Stage {
    fn new(session: Option<SessionId>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let source = Source { dir: dir.path().to_owned(), session };
        let theme = Theme::default();
        Self {
            dir,
            end: 0,
            seq: 0,
            transcript: Transcript::new(source).with_highlighter(Highlighter::off()),
            theme,
        }
    }

    fn record(&mut self, session: Option<SessionId>, body: impl Into<Body>) -> bool {
        self.seq += 1;
        let timestamp = Stamp::parse("2026-11-24T12:05:02.000000+00:00").unwrap();
        let event = Event {
            v: 1,
            id: Uuid::nil(),
            seq: self.seq,
            timestamp,
            session_id: session,
            task_id: None,
            body: body.into(),
        };
        let line = event.to_line(&event.body.payload().unwrap()) + "\n";
        let path = self.dir.path().join("events.jsonl");
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(line.as_bytes()).unwrap();
        let pos = Pos { seq: self.seq, offset: self.end, len: line.len() as u32 };
        self.end += line.len() as u64;
        self.transcript.push_event(&pos, &event)
    }

    fn item(&mut self, json: serde_json::Value) -> bool {
        self.record(
            None,
            ItemAdded { item_id: self.seq + 1, item: item::raw(&json), wire: Wire::Responses, tokens: 0 },
        )
    }

    fn says(&mut self, text: &str) -> bool {
        self.item(serde_json::json!({"role": "assistant", "content": text}))
    }

    fn command(&mut self, id: &str, output: &str) {
        let arguments = serde_json::json!({"command": format!("run {id}")}).to_string();
        self.item(serde_json::json!({"type": "function_call", "call_id": id, "name": "bash", "arguments": arguments}));
        let result = serde_json::json!({"returncode": 0, "stdout": output}).to_string();
        self.item(serde_json::json!({"type": "function_call_output", "call_id": id, "output": result}));
        self.record(
            None,
            ToolFinished {
                call_id: id.into(),
                name: "bash".into(),
                ok: true,
                duration_ms: 100,
                cut_bytes: 0,
            },
        );
    }

    fn draw(&mut self, width: u16, height: u16) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        self.transcript.render(area, &mut buf, &self.theme, true);
        let symbols = |y: u16| (0..width).map(|x| buf[(x, y)].symbol()).collect::<String>();
        (0..height).map(|y| symbols(y).trim_end().to_owned()).collect()
    }

    /// Searches and waits until the thread is done.
    fn search(&mut self, query: &str) -> SearchStatus {
        let (sender, woken) = channel();
        self.transcript.search(query, move || sender.send(()).unwrap_or(()));
        while self.transcript.search_status().unwrap().running {
            woken.recv().unwrap();
            self.transcript.poll_search();
        }
        self.transcript.search_status().unwrap()
    }
}

fn with_messages(count: usize) -> Stage {
    let mut stage = Stage::new(None);
    for at in 1..=count {
        stage.says(&format!("message {at}"));
    }
    stage
}

#[test]
fn the_newest_text_is_followed_until_one_scrolls_up_and_then_nothing_moves() {
    let mut stage = with_messages(20);
    assert_eq!(stage.draw(20, 3), ["● message 18", "● message 19", "● message 20"]);
    assert!(stage.says("message 21"));
    assert_eq!(stage.draw(20, 3), ["● message 19", "● message 20", "● message 21"]);
    assert!(stage.transcript.scroll(Scroll::Lines(-5)));
    let still = stage.draw(20, 3);
    assert_eq!(still, ["● message 14", "● message 15", "● message 16"]);
    for at in 22..60 {
        stage.says(&format!("message {at} {}", "long ".repeat(at)));
        assert_eq!(stage.draw(20, 3), still);
    }
    assert_eq!((stage.transcript.new_below(), stage.transcript.follow()), (38, false));
    assert!(stage.transcript.scroll(Scroll::Bottom));
    assert_eq!((stage.transcript.new_below(), stage.transcript.follow()), (0, true));
    assert!(stage.transcript.scroll(Scroll::Top));
    assert_eq!(stage.draw(20, 2), ["● message 1", "● message 2"]);
    assert!(!stage.transcript.scroll(Scroll::Lines(-1)));
    stage.transcript.scroll(Scroll::Page(1));
    assert_eq!(stage.draw(20, 2), ["● message 2", "● message 3"]);
}

#[test]
fn the_same_text_stays_at_the_top_when_the_width_changes() {
    let mut stage = Stage::new(None);
    for at in 0..50 {
        let words: Vec<_> = (0..200).map(|word| format!("w{at}x{word}")).collect();
        stage.says(&words.join(" "));
    }
    stage.draw(100, 10);
    stage.transcript.scroll(Scroll::Lines(-137));
    let first_word =
        |rows: &[String]| rows[0].trim_start_matches(['●', ' ']).split(' ').next().unwrap().to_owned();
    let wanted = first_word(&stage.draw(100, 10));
    for width in [37, 80, 20, 140, 33, 100] {
        let rows = stage.draw(width, 10);
        assert!(rows[0].contains(&wanted) || rows[1].contains(&wanted), "{wanted} is not in {rows:?}");
    }
}

#[test]
fn a_million_rows_cost_what_a_thousand_do() {
    let costs = |count: usize| {
        let mut stage = Stage::new(None);
        for at in 0..100 {
            stage.says(&format!("message {at} {}", "word ".repeat(at)));
        }
        let few = stage.transcript.view.rows.clone();
        let mut all = View::new(Whose::All);
        all.rows.extend(few.iter().cycle().take(count));
        stage.transcript.seed(&all);
        let mut costs = Vec::new();
        let mut step = |stage: &mut Stage, act: &dyn Fn(&mut Transcript), width: u16| {
            let before = stage.transcript.cost();
            act(&mut stage.transcript);
            stage.draw(width, 50);
            let after = stage.transcript.cost();
            costs.push((after.laid - before.laid, after.bytes_read - before.bytes_read));
        };
        step(&mut stage, &|_| {}, 200);
        step(&mut stage, &|_| {}, 200);
        step(&mut stage, &|t| assert!(t.scroll(Scroll::Page(-1))), 200);
        step(&mut stage, &|_| {}, 80);
        step(&mut stage, &|t| assert!(t.scroll(Scroll::Top)), 80);
        step(&mut stage, &|_| {}, 120);
        step(&mut stage, &|t| assert!(t.scroll(Scroll::Bottom)), 120);
        step(&mut stage, &|t| t.scroll_to(0.5), 120);
        costs
    };
    let (thousand, million) = (costs(1_000), costs(1_000_000));
    assert_eq!(thousand, million);
    assert_eq!(thousand[1], (0, 0), "an unchanged frame reads and lays out nothing");
    assert!(thousand.iter().all(|(laid, _)| *laid <= 160), "{thousand:?}");
}

#[test]
fn calls_open_with_their_results_and_close_again() {
    let mut stage = Stage::new(None);
    let arguments = r#"{"executor":"codex","task":"write it"}"#;
    stage.item(serde_json::json!({"type": "function_call", "call_id": "d", "name": "delegate", "arguments": arguments}));
    stage.item(serde_json::json!({"type": "function_call_output", "call_id": "d", "output": "{\"session\":\"s1\",\"response\":\"all done\"}"}));
    stage.command("a", "1\n2\n3\n4\n5\n6\n7");
    let closed = stage.draw(60, 8);
    assert!(
        closed[0].starts_with("▸ delegate(codex, write it)")
            || closed[0].starts_with("▸ delegate(codex, \"write it\")")
    );
    assert!(closed[0].ends_with("→ s1") && closed[1].starts_with("▾ bash  run a"), "{closed:?}");
    assert_eq!(closed[6], "│ … 3 more lines  (⏎ expand, o open in $PAGER)");
    stage.transcript.scroll(Scroll::Top);
    assert!(stage.transcript.toggle_item());
    let open = stage.draw(60, 12);
    assert_eq!(open[1..4], ["    executor: codex", "    task: write it", "│ all done"]);
    assert!(stage.transcript.toggle_item());
    assert_eq!(stage.draw(60, 8), closed);
    stage.transcript.scroll(Scroll::ItemNext);
    stage.transcript.scroll(Scroll::ItemNext);
    assert!(stage.transcript.toggle_item(), "the output opens too");
    assert_eq!(stage.draw(60, 12)[9], "│ 7");
    let text = stage.transcript.selected_text().unwrap();
    assert_eq!(&*text, "1\n2\n3\n4\n5\n6\n7");
}

#[test]
fn search_counts_wraps_opens_what_is_folded_and_goes_back() {
    let mut stage = Stage::new(None);
    for at in 0..300 {
        stage.says(&format!("message {at} of many"));
        if at % 100 == 50 {
            stage.command(&format!("c{at}"), &format!("{}Needle \"{at}\"\n", "line\n".repeat(40)));
        }
    }
    let before = stage.draw(60, 10);
    let status = stage.search("needle");
    assert_eq!((status.total, status.current), (3, 1));
    assert!(stage.draw(60, 10).iter().any(|row| row.contains("Needle \"50\"")), "{:?}", stage.draw(60, 10));
    assert!(stage.transcript.search_next() && stage.transcript.search_next());
    assert!(stage.draw(60, 10).iter().any(|row| row.contains("Needle \"250\"")));
    assert!(stage.transcript.search_next());
    assert_eq!(stage.transcript.search_status().unwrap().count(), "1/3");
    assert!(stage.transcript.search_prev());
    assert_eq!(stage.transcript.search_status().unwrap().count(), "3/3");
    stage.says("another needle here, and a needle there");
    assert_eq!(stage.transcript.search_status().unwrap().total, 5);
    assert_eq!(stage.search("Needle").total, 3, "a capital asks for the exact case");
    assert_eq!(stage.search("needle \"150\"").total, 1, "quotes are escaped in the file");
    assert_eq!(stage.search("payload").total, 0, "the envelope is not text");
    assert_eq!(stage.search("nowhere").count(), "0/0");
    assert!(stage.transcript.search_end(true));
    assert!(stage.transcript.follow() && !stage.transcript.search_end(true));
    assert_eq!(before.len(), 10);
}

#[test]
fn a_search_in_one_session_finds_only_its_own() {
    let mut stage = Stage::new(Some(SESSION));
    stage.says("apple for the orchestrator");
    for (session, text) in
        [(SESSION, "apple pie"), (SessionId(Uuid::nil()), "apple juice"), (SESSION, "pear")]
    {
        let activity = Activity::Message { text: text.into() };
        stage.record(Some(session), ActivityAdded { turn: 1, activity });
    }
    assert_eq!(stage.draw(30, 2), ["● apple pie", "● pear"]);
    assert_eq!(stage.search("apple").total, 1);
}

#[test]
fn steps_are_jumped_to_and_rows_filtered() {
    let mut stage = Stage::new(None);
    for step in 1..=30 {
        stage.record(None, StepStarted { step });
        stage.says(&format!("in step {step}"));
        stage.command(&format!("c{step}"), "out");
    }
    stage.draw(40, 6);
    stage.transcript.scroll(Scroll::StepPrev);
    stage.transcript.scroll(Scroll::StepPrev);
    let shown = stage.draw(40, 6);
    assert!(shown[0].starts_with("29 ─"), "{shown:?}");
    stage.transcript.scroll(Scroll::StepPrev);
    assert!(stage.draw(40, 6)[0].starts_with("28 ─"));
    stage.transcript.scroll(Scroll::StepNext);
    assert!(stage.draw(40, 6)[0].starts_with("29 ─"));
    stage.transcript.set_filter(Filter::Messages);
    stage.transcript.scroll(Scroll::Top);
    let shown = stage.draw(40, 4);
    assert_eq!((shown[1].as_str(), shown[3].as_str()), ("● in step 1", "● in step 2"));
    assert!(shown[2].starts_with("2 ─") && shown[2].ends_with("─ 12:05"), "{shown:?}");
    stage.transcript.set_filter(Filter::All);
    assert!(stage.draw(40, 4)[2].starts_with("▾ bash"));
}

#[test]
fn lines_are_selected_and_copied_as_they_are_shown() {
    let mut stage = with_messages(10);
    stage.draw(20, 4);
    assert!(stage.transcript.toggle_select());
    stage.transcript.scroll(Scroll::Lines(-2));
    stage.draw(20, 4);
    assert_eq!(&*stage.transcript.selected_text().unwrap(), "● message 8\n● message 9\n● message 10");
    assert!(stage.transcript.clear_selection() && !stage.transcript.clear_selection());
    assert!(stage.transcript.click(0));
    assert_eq!(&*stage.transcript.selected_text().unwrap(), "message 7");
    let mut out = Vec::new();
    stage.transcript.exporter().write(&mut out).unwrap();
    assert!(String::from_utf8(out).unwrap().starts_with("message 1\n\nmessage 2\n\n"));
    assert_eq!(&*stage.transcript.pane_text(21), "message 9\n\nmessage 10");
}

fn delta(item: &str, text: &str) -> Delta {
    Delta { stream: StreamKey { session: None, turn: 1, item: item.into() }, text: text.into() }
}

#[test]
fn live_text_is_shown_as_it_comes_and_replaced_by_its_event() {
    let mut stage = with_messages(2);
    let tails = Tails::default();
    assert!(!stage.transcript.tick_tails(&tails));
    tails.push(delta("text:1", "While **s3** fi"));
    assert!(stage.transcript.tick_tails(&tails));
    assert_eq!(
        stage.draw(30, 3),
        ["● message 1", "● message 2", "● While **s3** fi▌".replace("**", "").as_str()]
    );
    tails.push(delta("text:1", "xes it:\n\n```\nlet x;\n"));
    tails.push(delta("output:2", "\x1b[31mred\x1b]0;evil\x07\nmore"));
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
        tails.push(delta("text:1", std::str::from_utf8(chunk).unwrap()));
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
fn a_stream_that_ran_ahead_shows_a_gap_and_stays_bounded() {
    let mut stage = Stage::new(None);
    let tails = Tails::default();
    tails.push(delta("output:1", "first\n"));
    stage.transcript.tick_tails(&tails);
    stage.draw(40, 5);
    for at in 0..60_000 {
        tails.push(delta("output:1", &format!("line {at}\n")));
    }
    stage.transcript.tick_tails(&tails);
    let rows = stage.draw(40, 5);
    assert_eq!(rows[3..], ["│ line 59999", "│ ▌"]);
    for round in 0..40 {
        for at in 0..2_000 {
            tails.push(delta("output:1", &format!("{round} {at}\n")));
        }
        stage.transcript.tick_tails(&tails);
        stage.draw(40, 5);
    }
    assert!(stage.transcript.streams.list[0].len() <= 12_000);
    assert!(stage.transcript.streams.list[0].source().len() <= 256 * 1024);
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_is_shown() {
    let mut stage = with_messages(3);
    let path = stage.dir.path().join("events.jsonl");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(stage.draw(50, 3), ["● message 1", "⚠ unreadable: the checksum does not fit", "● message 3"]);
    std::fs::remove_file(&path).unwrap();
    stage.transcript.cache.clear();
    stage.transcript.journal = Journal::new(stage.dir.path());
    assert!(stage.draw(50, 3)[2].starts_with("⚠ unreadable: "));
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
            tails.push(delta(["text:1", "output:2", "reasoning:3", "tool:4"][at % 4], &ch.to_string()));
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
            15 => tails.push(delta("text:1", "streamed *text* that goes on\n\n")),
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
fn a_session_shows_its_turns() {
    let mut stage = Stage::new(Some(SESSION));
    let prompt = "Implement lexer per SPEC.".to_owned();
    stage.record(Some(SESSION), SessionTurnStarted { turn: 1, prompt, by: Default::default() });
    let activity = Activity::Shell {
        command: "cargo check".into(),
        cwd: String::new(),
        exit_code: Some(0),
        output: String::new(),
        duration_ms: Some(2_100),
    };
    stage.record(Some(SESSION), ActivityAdded { turn: 1, activity });
    assert_eq!(
        stage.draw(40, 3),
        [
            "#1 task  12:05:02 ──────────────────────",
            "  Implement lexer per SPEC.",
            "▸ $ cargo check            exit 0   2.1s"
        ]
    );
}
