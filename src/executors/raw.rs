//! The raw wire of a session: every line in and out, in `turns/turn_N.jsonl`, without the keys. A log for people and for
//! bug reports; nothing is read back from it.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::PathBuf,
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use crate::text::Redactor;

/// Most bytes of a session's files.
pub(super) const MAX_RAW: u64 = 200 * 1024 * 1024;
/// Most bytes that are held back until the first turn begins.
const MAX_HELD: usize = 256 * 1024;

/// Which way a line went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From us to the executor.
    In,
    /// From the executor to us.
    Out,
}

/// The wire log of one session. Lines before the first turn (a handshake) go to the first turn's file. A disk that
/// refuses ends the log, not the session.
#[derive(Debug)]
pub(super) struct RawLog {
    dir: PathBuf,
    began: Instant,
    file: Option<File>,
    written: u64,
    held: String,
    most: u64,
    redactor: Arc<Redactor>,
}

impl RawLog {
    /// A log below the session's folder; nothing is created before the first turn.
    pub(super) fn new(dir: PathBuf, redactor: Arc<Redactor>) -> Self {
        Self {
            dir,
            began: Instant::now(),
            file: None,
            written: 0,
            held: String::new(),
            most: MAX_RAW,
            redactor,
        }
    }

    /// From now on lines belong to this turn.
    pub(super) fn turn(&mut self, turn: u32) {
        self.file = None;
        let turns = self.dir.join("turns");
        // The instance's folder is never made anew: it may have been moved away.
        let home = self.dir.parent().and_then(|sessions| sessions.parent()).unwrap_or(&self.dir);
        let made = std::fs::metadata(home)
            .and_then(|_| std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&turns));
        let path = turns.join(format!("turn_{turn}.jsonl"));
        let opened = made.and_then(|()| OpenOptions::new().create(true).append(true).mode(0o600).open(&path));
        match opened {
            Ok(file) => {
                // What an earlier process wrote counts too.
                self.written = size(&turns).min(self.most);
                self.file = Some(file);
            }
            Err(error) => tracing::warn!(path = %path.display(), %error, "no raw log"),
        }
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let held = std::mem::take(&mut self.held);
        let t = self.began.elapsed().as_millis();
        self.write(&format!("{held}{{\"t\":{t},\"turn\":{turn},\"at_unix_ms\":{unix}}}\n"));
    }

    /// One line. A line that is not JSON is kept as a string.
    pub(super) fn line(&mut self, way: Way, line: &str) {
        let dir = match way {
            Way::In => "in",
            Way::Out => "out",
        };
        let t = self.began.elapsed().as_millis();
        let entry = match serde_json::from_str::<&serde_json::value::RawValue>(line) {
            Ok(message) => format!("{{\"t\":{t},\"dir\":\"{dir}\",\"msg\":{message}}}\n"),
            Err(_) => {
                format!("{{\"t\":{t},\"dir\":\"{dir}\",\"text\":{}}}\n", serde_json::Value::from(line))
            }
        };
        let entry = self.redactor.redact(&entry);
        if self.file.is_some() {
            self.write(&entry);
        } else if self.held.len() + entry.len() <= MAX_HELD {
            self.held.push_str(&entry);
        }
    }

    fn write(&mut self, entry: &str) {
        let Some(file) = &mut self.file else { return };
        if self.written > self.most {
            return;
        }
        let fits = self.written + entry.len() as u64 <= self.most;
        let entry = if fits { entry } else { "{\"cut\":\"the log of this session is full\"}\n" };
        self.written = if fits { self.written + entry.len() as u64 } else { self.most + 1 };
        if let Err(error) = file.write_all(entry.as_bytes()) {
            tracing::warn!(%error, "the raw log ends here");
            self.file = None;
        }
    }
}

/// Bytes of the files in a folder.
fn size(dir: &std::path::Path) -> u64 {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|about| about.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(log: &RawLog, turn: u32) -> Vec<serde_json::Value> {
        let path = log.dir.join(format!("turns/turn_{turn}.jsonl"));
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_handshake_goes_to_the_first_turn_and_a_full_log_says_so_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut log =
            RawLog::new(dir.path().join("s"), Arc::new(Redactor::new(["hunter2-secret".to_owned()])));
        log.line(Way::In, r#"{"id":0,"key":"hunter2-secret"}"#);
        log.turn(1);
        log.line(Way::Out, "not json");
        let first = lines(&log, 1);
        assert_eq!(first[0]["msg"], serde_json::json!({"id": 0, "key": "[redacted]"}));
        assert_eq!(first[1]["turn"], 1);
        assert_eq!((&first[2]["dir"], &first[2]["text"]), (&"out".into(), &"not json".into()));
        log.most = size(&log.dir.join("turns")) + 200;
        log.turn(2);
        for _ in 0..9 {
            log.line(Way::Out, &format!("\"{}\"", "x".repeat(50)));
        }
        let second = lines(&log, 2);
        assert_eq!(second.iter().filter(|line| line.get("cut").is_some()).count(), 1);
        assert!(second.last().unwrap().get("cut").is_some());
        log.turn(3);
        log.line(Way::Out, "1");
        assert_eq!(lines(&log, 3), [serde_json::json!({"cut": "the log of this session is full"})]);
    }
}
