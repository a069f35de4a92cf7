//! Large things to measure with: a journal of a hundred megabytes, a thousand instances, fifty sessions that stream.

use std::{
    io::{BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use zwarm_tui::protocol::{
    Body, Event, Stamp, Wire,
    event::{ItemAdded, RunKind, RunStarted, StepFinished, StepStarted},
    item,
};

use crate::terminal::{Place, Setup, Term};

/// Items of the large journal; each has three lines.
pub const ROWS: u64 = 330_000;
/// What its last item says.
pub const LAST: &str = "this is the very end";

fn folder(place: &Place, id: &str) -> PathBuf {
    let dir = place.work().join(".zwarm/instances").join(id);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

fn meta(dir: &Path, id: &str, name: &str, steps: u64) {
    let at = "2026-11-24T12:00:00.000000+00:00";
    let meta = json!({"id": id, "name": name, "task": "a large task", "state": "completed", "stopped_by": "exit", "kind": "run",
        "working_dir": dir.ancestors().nth(3).unwrap(), "model": "scripted", "created_at": at, "updated_at": at,
        "steps": steps, "max_steps": 50, "tokens": 1_000, "cost_usd": 0.5, "version": 1});
    std::fs::write(dir.join("meta.json"), meta.to_string()).unwrap();
}

fn started(place: &Place, name: &str) -> Body {
    RunStarted {
        task: "a large task".to_owned(),
        working_dir: place.work().display().to_string(),
        instance_name: name.to_owned(),
        model: "scripted".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        kind: RunKind::Run,
        resumed: false,
        demo: false,
        parent: None,
        git_base: None,
        config: json!({}),
        clock: Default::default(),
    }
    .into()
}

/// Writes the large journal; its bytes.
pub fn instance(place: &Place, rows: u64) -> u64 {
    let id = "b1900000-0000-4000-8000-000000000001";
    let dir = folder(place, id);
    let mut file = BufWriter::new(std::fs::File::create(dir.join("events.jsonl")).unwrap());
    let timestamp = Stamp::parse("2026-11-24T12:00:00.000000+00:00").unwrap();
    let (mut seq, mut bytes) = (0, 0);
    let mut write = |body: Body| {
        seq += 1;
        let id = uuid::Uuid::from_u128(u128::from(seq));
        let event = Event { v: 1, id, seq, timestamp, session_id: None, task_id: None, body };
        let line = event.to_line(&event.body.payload().unwrap()) + "\n";
        bytes += line.len() as u64;
        file.write_all(line.as_bytes()).unwrap();
    };
    write(started(place, "big-run"));
    for n in 1..=rows {
        if n % 1_000 == 1 {
            write(StepStarted { step: u32::try_from(n / 1_000 + 1).unwrap() }.into());
        }
        let text = match n == rows {
            true => LAST.to_owned(),
            false => format!(
                "Message {n} says *something* of some length.\n\nIts second line has `code`.\nA third."
            ),
        };
        let item = item::raw(&json!({"role": "assistant", "content": text}));
        write(ItemAdded { item_id: n, item, wire: Wire::Responses, tokens: 20 }.into());
        if n % 1_000 == 0 {
            let step = u32::try_from(n / 1_000).unwrap();
            write(StepFinished { step, duration_ms: 1_000, interrupted: false }.into());
        }
    }
    file.flush().unwrap();
    meta(&dir, id, "big-run", rows / 1_000);
    bytes
}

/// The large instance, shown to its end.
pub fn opened(place: &Place) -> Term {
    let term = Setup::new(&[]).size(140, 40).start(place);
    term.sees("big-run");
    term.keys("\r");
    term.sees(LAST);
    term
}

/// How long a scan of its lines as JSON takes that looks at no value.
pub fn scan(place: &Place) -> Duration {
    let dir = place.work().join(".zwarm/instances/b1900000-0000-4000-8000-000000000001");
    let file = BufReader::new(std::fs::File::open(dir.join("events.jsonl")).unwrap());
    let began = Instant::now();
    let lines = file.lines().map_while(Result::ok);
    assert!(lines.filter(|line| serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok()).count() > 0);
    began.elapsed()
}

/// So many small instances.
pub fn many(place: &Place, count: u32) {
    for n in 0..count {
        let id = format!("{n:08x}-0000-4000-8000-000000000001");
        let dir = folder(place, &id);
        let timestamp = Stamp::parse("2026-11-24T12:00:00.000000+00:00").unwrap();
        let name = format!("run-0{n}");
        let body = started(place, &name);
        let event =
            Event { v: 1, id: uuid::Uuid::nil(), seq: 1, timestamp, session_id: None, task_id: None, body };
        let line = event.to_line(&event.body.payload().unwrap()) + "\n";
        std::fs::write(dir.join("events.jsonl"), line).unwrap();
        meta(&dir, &id, &name, 3);
    }
}

/// A run with fifty sessions, each of which writes 200 lines a second.
pub fn fifty() -> String {
    let calls: Vec<Value> =
        (0..50).map(|n| json!({"delegate": {"task": format!("stream {n}"), "mode": "async"}})).collect();
    let steps = json!([{"stream": {"lines": 8_000, "per_second": 200, "text": "a line of output with some length to it"}}]);
    json!({"name": "fifty", "model": [{"text": "Go.", "calls": calls}, {"calls": [{"wait": {}}]}],
        "sessions": [{"turns": [{"steps": steps}]}]})
    .to_string()
}
