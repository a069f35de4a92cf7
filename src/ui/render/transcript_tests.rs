use std::{io::Write, sync::mpsc::channel};

use ratatui::{buffer::Buffer, layout::Rect};
use uuid::Uuid;

use super::*;
use crate::protocol::{
    Body, Stamp, Wire,
    event::{Activity, ActivityAdded, ItemAdded, SessionTurnStarted, StepStarted, ToolFinished},
    item,
};

/// A journal in a folder, and the transcript that follows it.
pub(super) struct Stage {
    dir: tempfile::TempDir,
    end: u64,
    seq: u64,
    pub(super) transcript: Transcript,
    theme: Theme,
}

const SESSION: SessionId = SessionId(Uuid::from_u128(7));

impl Stage {
    pub(super) fn new(session: Option<SessionId>) -> Self {
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

    pub(super) fn record(&mut self, session: Option<SessionId>, body: impl Into<Body>) -> bool {
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

    pub(super) fn item(&mut self, json: serde_json::Value) -> bool {
        self.record(
            None,
            ItemAdded { item_id: self.seq + 1, item: item::raw(&json), wire: Wire::Responses, tokens: 0 },
        )
    }

    pub(super) fn says(&mut self, text: &str) -> bool {
        self.item(serde_json::json!({"role": "assistant", "content": text}))
    }

    pub(super) fn command(&mut self, id: &str, output: &str) {
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

    pub(super) fn draw(&mut self, width: u16, height: u16) -> Vec<String> {
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

pub(super) fn with_messages(count: usize) -> Stage {
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
    assert_eq!(&*stage.transcript.exporter().newest(21), "message 9\n\nmessage 10");
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
