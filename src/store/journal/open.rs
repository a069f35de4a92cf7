//! Opening a journal to write it: replay of its good lines, and the cut of a torn tail.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::super::{
    EVENTS, StoreError, TORN,
    fs::{Fs, FsFile, write_all},
    lines::{Found, Lines, parse, pos},
    replace::folder,
};
use crate::protocol::{Event, Pos, event::VERSION};

/// Bytes of a torn tail that are copied; more than that cannot have been one line.
const MAX_TORN: u64 = super::super::MAX_LINE as u64;

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Of the last good line (0: a new journal).
    pub last_seq: u64,
    /// Length of the file in bytes, after the cut.
    pub end: u64,
    /// Bytes that were cut off into `events.jsonl.torn`.
    pub torn_bytes: u64,
    /// Damaged lines that stay in the file.
    pub skipped_lines: u64,
}

/// How the replay of the lines came out.
#[derive(Default)]
struct Replay {
    opened: Opened,
    /// Offset and length of the last line, if it is to be cut.
    torn: Option<(u64, u64)>,
    /// The last line is good but for its newline.
    unfinished: bool,
    /// Lines of a newer format, lines of the reference, and lines of ours.
    newer: Option<u32>,
    foreign: u64,
    good: u64,
}

/// Opens, replays and mends the journal of a folder.
pub(super) fn recover(
    fs: &dyn Fs,
    dir: &Path,
    each: &mut dyn FnMut(Pos, &Event),
) -> Result<(Box<dyn FsFile>, Opened), StoreError> {
    let path = dir.join(EVENTS);
    let new = !path.exists();
    let mut file = fs.append(&path).map_err(StoreError::io("open", &path))?;
    if new {
        fs.sync_dir(dir).map_err(StoreError::io("create", &path))?;
    }
    let replay = replay(file.as_ref(), each).map_err(StoreError::io("read", &path))?;
    match replay.newer {
        Some(v) => return Err(StoreError::Newer { path, v }),
        None if replay.foreign > 0 && replay.good == 0 => return Err(StoreError::Foreign { path }),
        None => {}
    }
    mend(fs, &path, file.as_mut(), &replay).map_err(StoreError::io("mend", &path))?;
    Ok((file, replay.opened))
}

fn replay(file: &dyn FsFile, each: &mut dyn FnMut(Pos, &Event)) -> io::Result<Replay> {
    let mut replay = Replay::default();
    let mut lines = Lines::new(file, 0);
    let mut newer_unread = None;
    while let Some(found) = lines.next()? {
        let (offset, len, bytes, whole) = match found {
            Found::Line { offset, bytes } => (offset, bytes.len() as u64 + 1, Some(bytes), true),
            Found::TooLong { offset, len } => (offset, len, None, true),
            Found::Tail { offset, len, bytes } => (offset, len, bytes, false),
        };
        // A bad line before this one is not the last: it stays.
        replay.opened.skipped_lines += u64::from(replay.torn.take().is_some());
        replay.opened.end = offset + len;
        let read = bytes.map(|bytes| (bytes, parse(bytes)));
        replay.unfinished = !whole && matches!(read, Some((_, Ok(_))));
        match read {
            Some((_, Ok(event))) if event.v > VERSION => replay.newer = Some(event.v),
            Some((_, Ok(event))) if event.v == 0 => {
                replay.foreign += 1;
                replay.opened.skipped_lines += 1;
            }
            Some((bytes, Ok(event))) if event.seq > replay.opened.last_seq => {
                replay.good += 1;
                replay.opened.last_seq = event.seq;
                each(pos(event.seq, offset, bytes), &event);
            }
            // A line that stands twice: its first copy counts.
            Some((_, Ok(_))) => replay.opened.skipped_lines += 1,
            Some((bytes, Err(_))) => {
                newer_unread = newer_unread.or(version(bytes).filter(|v| *v > VERSION));
                replay.torn = Some((offset, len));
            }
            None => replay.torn = Some((offset, len)),
        }
    }
    if replay.good == 0 && replay.foreign == 0 {
        replay.newer = replay.newer.or(newer_unread);
    }
    if let Some((offset, len)) = replay.torn {
        replay.opened.end = offset;
        replay.opened.torn_bytes = len;
    }
    replay.opened.end += u64::from(replay.unfinished);
    Ok(replay)
}

/// The version that a line claims, without reading the rest.
fn version(line: &[u8]) -> Option<u32> {
    let rest = line.strip_prefix(b"{\"v\":")?;
    let digits = rest.iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()
}

fn mend(fs: &dyn Fs, path: &Path, file: &mut dyn FsFile, replay: &Replay) -> io::Result<()> {
    if replay.unfinished {
        write_all(file, b"\n")?;
        return file.sync();
    }
    let Some((offset, len)) = replay.torn else { return Ok(()) };
    let aside: PathBuf = path.with_file_name(TORN);
    let mut torn = fs.append(&aside)?;
    let (mut at, end) = (offset, offset + len.min(MAX_TORN));
    let mut buf = vec![0; 256 * 1024];
    while at < end {
        let left = usize::try_from(end - at).unwrap_or(buf.len()).min(buf.len());
        let count = file.read_at(buf.get_mut(..left).unwrap_or_default(), at)?;
        if count == 0 {
            break;
        }
        write_all(torn.as_mut(), buf.get(..count).unwrap_or_default())?;
        at += count as u64;
    }
    write_all(torn.as_mut(), b"\n")?;
    torn.sync()?;
    fs.sync_dir(folder(path))?;
    file.cut(offset)?;
    file.sync()
}
