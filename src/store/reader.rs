//! Reading a journal by offset, by whomever: never writes, needs no lock, and takes a torn tail for what it is on a
//! journal that is being written: not there yet.

use std::{
    fs::File,
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Mutex,
};

use super::{
    EVENTS, StoreError,
    fs::ReadAt,
    lines::{Found, Lines, MAX_LINE, parse, pos},
};
use crate::protocol::{Event, Pos, event::LineError};

/// An open journal.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    /// Behind a lock, as it is opened anew when the journal was rewritten (its offsets stay).
    file: Mutex<File>,
}

impl Reader {
    /// Opens the journal in an instance's folder.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(EVENTS);
        let file = open(&path).map_err(StoreError::io("read", &path))?;
        Ok(Self { path, file: Mutex::new(file) })
    }

    /// The event at a place, as it was published or scanned.
    pub fn get(&self, pos: Pos) -> Result<Event, StoreError> {
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let first = read_line(&file, pos);
        let event = match first {
            Ok(event) => Ok(event),
            Err(_) => {
                *file = open(&self.path).map_err(StoreError::io("read", &self.path))?;
                read_line(&file, pos)
            }
        };
        event.map_err(|why| StoreError::Damaged { path: self.path.clone(), why })
    }

    /// All whole lines from an offset (0, or the end of a line) on, until `each` breaks. Returns the offset after
    /// the last line that `each` saw: from there the next scan goes on. A line that is not an event is given with
    /// its error and `seq` 0; an unfinished last line is not given.
    pub fn scan(
        &self,
        from: u64,
        each: &mut dyn FnMut(Pos, Result<Event, LineError>) -> ControlFlow<()>,
    ) -> Result<u64, StoreError> {
        let file = open(&self.path).map_err(StoreError::io("read", &self.path))?;
        scan_lines(&file, from, &mut |offset, len, bytes| match bytes {
            Some(bytes) => {
                let event = parse(bytes);
                each(pos(event.as_ref().map_or(0, |event| event.seq), offset, bytes), event)
            }
            None => {
                let len = u32::try_from(len).unwrap_or(u32::MAX);
                each(
                    Pos { seq: 0, offset, len },
                    Err(LineError::Malformed("the line is too long".to_owned())),
                )
            }
        })
        .map_err(StoreError::io("read", &self.path))
    }
}

/// What is done with a line: its offset, its length with the newline, its bytes without (`None`: too long).
pub(super) type EachLine<'a> = dyn FnMut(u64, u64, Option<&[u8]>) -> ControlFlow<()> + 'a;

/// Whole lines from an offset on. Returns where it stopped.
pub(super) fn scan_lines(file: &dyn ReadAt, from: u64, each: &mut EachLine<'_>) -> io::Result<u64> {
    let mut lines = Lines::new(file, from);
    let mut end = from;
    while let Some(found) = lines.next()? {
        let (offset, len, bytes) = match found {
            Found::Line { offset, bytes } => (offset, bytes.len() as u64 + 1, Some(bytes)),
            Found::TooLong { offset, len } => (offset, len, None),
            Found::Tail { .. } => break,
        };
        end = offset + len;
        if each(offset, len, bytes).is_break() {
            break;
        }
    }
    Ok(end)
}

pub(super) fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a file"));
    }
    Ok(file)
}

fn read_line(file: &File, pos: Pos) -> Result<Event, String> {
    let len = pos.len as usize;
    if len == 0 || len > MAX_LINE {
        return Err(format!("no line has {len} bytes"));
    }
    let mut bytes = vec![0; len];
    std::os::unix::fs::FileExt::read_exact_at(file, &mut bytes, pos.offset).map_err(|e| e.to_string())?;
    let line = bytes.strip_suffix(b"\n").ok_or("no line ends where it should")?;
    let event = parse(line).map_err(|error| error.to_string())?;
    if pos.seq != 0 && event.seq != pos.seq {
        return Err(format!("event {} stands where {} should", event.seq, pos.seq));
    }
    Ok(event)
}
