//! The envelope of an event and the format of its line.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Body, Stamp};
use crate::protocol::ids::{SessionId, TaskId};

/// The format that this version writes. A journal with a newer one is read and listed, never written to.
pub const VERSION: u32 = 1;

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Format version of the line (0: a line of the reference, which has none).
    pub v: u32,
    /// Identity of the event.
    pub id: Uuid,
    /// 1, 2, ... without gaps (0: a line of the reference).
    pub seq: u64,
    /// When it was recorded.
    pub timestamp: Stamp,
    /// The session that it is about.
    pub session_id: Option<SessionId>,
    /// The ledger entry that it is about.
    pub task_id: Option<TaskId>,
    /// What it says.
    pub body: Body,
}

/// An event together with the exact line (without newline) that is in the journal.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The event.
    pub event: Event,
    /// Its line.
    pub line: Arc<str>,
}

/// Why a line is not an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Not JSON, or not our envelope.
    #[error("not an event: {0}")]
    Malformed(String),
    /// The checksum does not fit: the line was damaged.
    #[error("the checksum does not fit")]
    Checksum,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    v: u32,
    id: Uuid,
    #[serde(default)]
    seq: u64,
    timestamp: String,
    kind: String,
    session_id: Option<String>,
    task_id: Option<String>,
    #[serde(borrow)]
    payload: &'a RawValue,
}

impl Event {
    /// The line (without newline) for a payload that has already been serialised.
    pub fn to_line(&self, payload: &str) -> String {
        let quoted = |id: Option<String>| id.map_or_else(|| "null".to_owned(), |id| format!("\"{id}\""));
        let mut line = format!(
            r#"{{"v":{},"id":"{}","seq":{},"timestamp":"{}","kind":{},"session_id":{},"task_id":{},"payload":{payload}"#,
            self.v,
            self.id,
            self.seq,
            self.timestamp,
            serde_json::Value::from(self.body.kind()),
            quoted(self.session_id.map(|id| id.to_string())),
            quoted(self.task_id.map(|id| id.to_string())),
        );
        let crc = crc32fast::hash(line.as_bytes());
        line.push_str(&format!(r#","crc":"{crc:08x}"}}"#));
        line
    }

    /// Reads a line (with or without newline) of ours or of the reference. The checksum is verified where there is
    /// one; a line of version 1 without one is refused.
    pub fn from_line(line: &str) -> Result<Self, LineError> {
        let line = line.trim_end_matches(['\n', '\r']);
        check_line(line)?;
        let envelope: Envelope =
            serde_json::from_str(line).map_err(|e| LineError::Malformed(e.to_string()))?;
        if envelope.v >= 1 && checksum_fits(line).is_none() {
            return Err(LineError::Checksum);
        }
        let timestamp = Stamp::parse(&envelope.timestamp)
            .ok_or_else(|| LineError::Malformed(format!("'{}' is not a time", envelope.timestamp)))?;
        let body = Body::parse(&envelope.kind, envelope.payload.get());
        Ok(Self {
            v: envelope.v,
            id: envelope.id,
            seq: envelope.seq,
            timestamp,
            session_id: envelope.session_id.and_then(|id| id.parse().ok()),
            task_id: envelope.task_id.and_then(|id| id.parse().ok()),
            body: body.map_err(|e| LineError::Malformed(e.to_string()))?,
        })
    }
}

/// Verifies the checksum of a line that carries one; a line without (the reference's) passes.
pub fn check_line(line: &str) -> Result<(), LineError> {
    match checksum_fits(line) {
        Some(false) => Err(LineError::Checksum),
        Some(true) | None => Ok(()),
    }
}

/// Whether the checksum fits; `None`: the line does not end with one.
fn checksum_fits(line: &str) -> Option<bool> {
    const TAIL: usize = r#","crc":"00000000"}"#.len();
    let (head, tail) = line.split_at_checked(line.len().checked_sub(TAIL)?)?;
    let crc = tail.strip_prefix(r#","crc":""#)?.strip_suffix("\"}")?;
    // As text: a number could be written in other ways, and a flipped bit could make one of them.
    Some(crc == format!("{:08x}", crc32fast::hash(head.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::event::{Guard, StepStarted};

    fn event(body: Body) -> Event {
        let timestamp = Stamp::parse("2026-11-24T06:43:56.512590+01:00").unwrap();
        Event { v: VERSION, id: Uuid::nil(), seq: 7, timestamp, session_id: None, task_id: None, body }
    }

    #[test]
    fn a_line_is_read_back_whole_and_one_flipped_bit_is_caught() {
        let event = event(StepStarted { step: 3 }.into());
        let line = event.to_line(&event.body.payload().unwrap());
        assert!(
            line.contains(
                r#""kind":"step_started","session_id":null,"task_id":null,"payload":{"step":3},"crc":""#
            ),
            "{line}"
        );
        assert_eq!(Event::from_line(&line).unwrap(), event);
        for (at, bit) in (0..line.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut bytes = line.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            if let Ok(text) = String::from_utf8(bytes) {
                assert!(Event::from_line(&text).is_err(), "a flipped bit at {at} passed: {text}");
            }
        }
    }

    #[test]
    fn an_unknown_kind_and_a_line_of_the_reference_are_kept() {
        let line = r#"{"id": "5f0f8a5e-30b1-4d4e-8b4e-111111111111", "timestamp": "2026-11-24T06:43:56.512590", "kind": "watchers_run", "session_id": null, "task_id": null, "payload": {"step": 1, "watchers": ["budget"], "action": "continue", "triggered_by": null, "reason": null}}"#;
        let event = Event::from_line(line).unwrap();
        assert_eq!((event.v, event.seq), (0, 0));
        assert!(matches!(event.body, Body::Guard(Guard::WatchersRun(_))));
        let other = line.replace("watchers_run", "delegation_result");
        let Body::Unknown { kind, payload } = Event::from_line(&other).unwrap().body else {
            panic!("not kept")
        };
        assert_eq!(kind, "delegation_result");
        assert!(payload.get().contains("budget"));
    }
}
