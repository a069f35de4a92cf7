//! What a run has printed or kept: its events, read back.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use std::{path::Path, process::Output};

use serde_json::Value;
use zwarm_tui::{fold::State, protocol::Event, store::Reader};

/// The events that a run has printed (`--json`), one a line.
pub fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// The payloads of one kind.
pub fn of<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["kind"] == kind).map(|event| &event["payload"]).collect()
}

/// The good events of an instance's journal, and how many lines are bad; nothing where there is no journal.
pub fn journal(dir: &Path) -> (Vec<Event>, usize) {
    let (mut events, mut bad) = (Vec::new(), 0);
    let Ok(reader) = Reader::open(dir) else { return (events, bad) };
    let mut each = |_, event: Result<Event, _>| {
        match event {
            Ok(event) => events.push(event),
            Err(_) => bad += 1,
        }
        std::ops::ControlFlow::Continue(())
    };
    reader.scan(0, &mut each).unwrap();
    (events, bad)
}

/// The state that events fold to.
pub fn fold(events: &[Event]) -> State {
    let mut state = State::default();
    events.iter().for_each(|event| state.apply(event));
    state
}
