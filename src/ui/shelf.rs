//! What is done to instances on disk, off the loop: preview, rename, delete, export, and reading what the reference
//! has written. Each is a blocking function; the store does the writing.

use std::{
    io::{Read, Seek, SeekFrom},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use crate::{
    agent::trees,
    error::UserError,
    protocol::{
        Body, Event,
        event::{History, Run},
    },
    store::{self, EVENTS, Listed, Lock, Origin, Reader, StoreError, TORN},
    text::clean,
};

/// Bytes at the end of a journal that are read for a preview.
const TAIL: u64 = 256 * 1024;

/// What is shown of an instance below the list: a label and a line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    pub dir: PathBuf,
    pub lines: Vec<(&'static str, String)>,
}

/// Reads a preview. Never fails: what cannot be read is said in it.
pub fn preview(listed: &Listed) -> Preview {
    let meta = &listed.meta;
    let mut tail = Tail::default();
    if listed.origin == Origin::Ours {
        tail = read_tail(&listed.dir);
    }
    let mut lines = vec![("task", if meta.task.is_empty() { "-".to_owned() } else { meta.task.clone() })];
    lines.push(("state", state(listed)));
    lines.push(("end", end(listed, &tail)));
    if !tail.last.is_empty() {
        lines.push(("last", tail.last.clone()));
    }
    lines.push(("files", files(listed, &tail)));
    let lines = lines.into_iter().map(|(label, text)| (label, clean(&text).into_string())).collect();
    Preview { dir: listed.dir.clone(), lines }
}

fn state(listed: &Listed) -> String {
    let meta = &listed.meta;
    let since = meta.updated_at.get(..16).unwrap_or(&meta.updated_at).replace('T', " ");
    let mut text = format!("{} since {since}", if meta.state.is_empty() { "unknown" } else { &meta.state });
    if let Some(pid) = listed.live {
        text = format!("live in process {pid}, {text}");
    }
    if !meta.waiting_for.is_empty() {
        text.push_str(&format!(", waits for {}", meta.waiting_for));
    }
    if meta.inbox_open > 0 {
        text.push_str(&format!(", {} in the inbox", meta.inbox_open));
    }
    if !meta.model.is_empty() {
        text.push_str(&format!(" · {}", meta.model));
    }
    text
}

fn end(listed: &Listed, tail: &Tail) -> String {
    match (&listed.origin, listed.live) {
        (Origin::Damaged(why), _) => why.clone(),
        (_, Some(_)) => "it is live".to_owned(),
        (Origin::Reference(version), None) => {
            format!("written by zwarm {version}: it is only read; r starts a new run from it")
        }
        (Origin::Ours, None) if !listed.meta.has_ended() => {
            let gone = listed.meta.pid.map(|pid| format!("; process {pid} is gone")).unwrap_or_default();
            format!("no record of an end{gone}; r goes on with it")
        }
        (Origin::Ours, None) => {
            let why = format!("stopped by {}", listed.meta.stopped_by);
            if tail.end.is_empty() { why } else { format!("{why}: {}", tail.end) }
        }
    }
}

fn files(listed: &Listed, tail: &Tail) -> String {
    let path = listed.dir.join(EVENTS);
    let mut text = match std::fs::metadata(&path) {
        Ok(meta) => format!("{EVENTS} {}", bytes(meta.len())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return format!("no {EVENTS}"),
        Err(error) => return format!("{EVENTS}: {error}"),
    };
    if let Origin::Ours = listed.origin {
        if text == format!("{EVENTS} {}", bytes(0)) {
            text.push_str(": it is empty");
        } else if tail.bad > 0 {
            text.push_str(&format!(", {} damaged lines near its end", tail.bad));
        } else {
            text.push_str(" ok");
        }
        if tail.torn > 0 && listed.live.is_none() {
            text.push_str(&format!(
                ", an unfinished last line of {} (kept aside when it is resumed)",
                bytes(tail.torn)
            ));
        }
    }
    if let Ok(meta) = std::fs::metadata(listed.dir.join(TORN)) {
        text.push_str(&format!(", torn lines kept in {TORN} ({})", bytes(meta.len())));
    }
    text
}

fn bytes(count: u64) -> String {
    match count {
        0..=1_023 => format!("{count} B"),
        1_024..=1_048_575 => format!("{:.1} KB", count as f64 / 1_024.0),
        _ => format!("{:.1} MB", count as f64 / 1_048_576.0),
    }
}

/// What the end of a journal says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tail {
    last: String,
    end: String,
    torn: u64,
    bad: u64,
}

fn read_tail(dir: &Path) -> Tail {
    let mut tail = Tail::default();
    let path = dir.join(EVENTS);
    let from = (|| -> std::io::Result<u64> {
        let mut file = std::fs::File::open(&path)?;
        let len = file.metadata()?.len();
        let from = len.saturating_sub(TAIL);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        tail.torn = (bytes.len() - whole) as u64;
        // The first line is only half there where the file is longer.
        let first = if from == 0 {
            0
        } else {
            bytes.iter().position(|byte| *byte == b'\n').map_or(whole, |at| at + 1)
        };
        Ok(from + first as u64)
    })();
    let Ok(from) = from else { return tail };
    let Ok(reader) = Reader::open(dir) else { return tail };
    let mut step = 0;
    let _ = reader.scan(from, &mut |_, event| {
        match event {
            Ok(event) => tail.follow(&event, &mut step),
            Err(_) => tail.bad += 1,
        }
        ControlFlow::Continue(())
    });
    tail
}

impl Tail {
    fn follow(&mut self, event: &Event, step: &mut u32) {
        match &event.body {
            Body::Run(Run::StepStarted(started)) => {
                *step = started.step;
                self.last = format!("step {step}");
            }
            Body::History(History::ToolFinished(tool)) => {
                let how = if tool.ok { "ok" } else { "failed" };
                self.last = format!("step {step}  {}  {how}", tool.name);
            }
            Body::Run(Run::RunFinished(end)) => self.end.clone_from(&end.exit_message),
            Body::Run(Run::RunStarted(_)) => self.end.clear(),
            _ => {}
        }
    }
}

/// Takes the lock of an instance that is changed.
fn held(dir: &Path, verb: &str) -> Result<Lock, UserError> {
    Lock::take(dir).map_err(|error| match error {
        StoreError::Held { pid, .. } => UserError::failed(
            format!("'{}' cannot be {verb}: process {pid} runs it", dir.display()),
            "pause or abort it first",
        ),
        other => other.into(),
    })
}

/// The state folder that an instance's folder lies in.
fn state_dir(dir: &Path) -> Option<&Path> {
    dir.parent()?.parent()
}

/// Gives an instance another name. What was done, in words.
pub fn rename(dir: &Path, typed: &str) -> Result<String, UserError> {
    let name = crate::text::cut::name(typed);
    if name.is_empty() {
        return Err(UserError::failed("an empty name cannot be given", "it keeps the one that it has"));
    }
    Ok(match store::rename(dir, &name)? {
        store::Renamed::Asked(pid) if pid == std::process::id() => format!("renamed to '{name}'"),
        store::Renamed::Done => format!("renamed to '{name}'"),
        store::Renamed::Asked(pid) => format!("process {pid}, which runs it, was asked to call it '{name}'"),
    })
}

/// Deletes an instance: its folder and its row in the registry. A live one and the reference's are refused.
pub fn delete(listed: &Listed) -> Result<String, UserError> {
    let dir = &listed.dir;
    if let Origin::Reference(_) = listed.origin {
        return Err(StoreError::Foreign { path: dir.clone() }.into());
    }
    let lock = held(dir, "deleted")?;
    let state_dir = state_dir(dir).filter(|_| dir.parent().is_some_and(|above| above.ends_with("instances")));
    let Some(state_dir) = state_dir else {
        return Err(UserError::failed(
            format!("'{}' is not an instance's folder", dir.display()),
            "nothing was deleted",
        ));
    };
    std::fs::remove_dir_all(dir).map_err(|error| {
        UserError::failed(
            format!("'{}' cannot be deleted: {error}", dir.display()),
            "look at its permissions",
        )
    })?;
    drop(lock);
    store::registry::remove(state_dir, &listed.meta.id)?;
    let left = match trees::left(&crate::paths::Home::find(), Some(dir)) {
        0 => String::new(),
        left => format!("; its worktrees stay ({left}): 'zwarm-tui clean' removes those without work"),
    };
    Ok(format!("'{}' is deleted{left}", listed.meta.name))
}

/// The newest file of a log folder and its last lines.
pub fn read_log(dir: &Path) -> (String, Vec<String>) {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let newest = files.filter(|path| path.extension().is_some_and(|ext| ext == "log")).max();
    let Some(path) = newest else { return (dir.display().to_string(), Vec::new()) };
    let read = (|| -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(&path)?;
        let len = file.metadata()?.len();
        file.seek(SeekFrom::Start(len.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(bytes)
    })();
    let lines = match read {
        Ok(bytes) => clean(&String::from_utf8_lossy(&bytes)).lines().map(str::to_owned).collect(),
        Err(error) => vec![error.to_string()],
    };
    (path.display().to_string(), lines)
}

/// Writes a new file; one that is there stays.
pub fn save(path: &Path, text: &str) -> Result<(), UserError> {
    use std::io::Write;
    let made = std::fs::File::options().write(true).create_new(true).open(path);
    made.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::AlreadyExists => "give the run another name",
            _ => "look at its permissions",
        };
        UserError::failed(format!("'{}' cannot be written: {error}", path.display()), hint)
    })
}

#[cfg(test)]
#[path = "shelf_tests.rs"]
mod tests;
