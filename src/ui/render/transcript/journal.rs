//! Reads single lines of the journal by place. Never writes; a line that cannot be read is an error to be shown.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use crate::protocol::{Event, Pos};

/// Bytes of one line that is read for the screen.
const LINE_MAX: u32 = 64 << 20;

/// The journal of an instance.
#[derive(Debug, Default)]
pub(super) struct Journal {
    path: PathBuf,
    file: Option<File>,
    /// Bytes read so far.
    pub(super) bytes_read: u64,
}

impl Journal {
    pub(super) fn new(dir: &Path) -> Self {
        Self { path: dir.join("events.jsonl"), ..Self::default() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The event at a place.
    pub(super) fn get(&mut self, pos: Pos) -> Result<Event, String> {
        if pos.len > LINE_MAX {
            return Err(format!("a line of {} bytes", pos.len));
        }
        let mut line = vec![0; pos.len as usize];
        if !self.read(&mut line, pos.offset) {
            // The file may have been replaced (a mended journal is renamed over the old one).
            self.file = None;
            if !self.read(&mut line, pos.offset) {
                return Err(format!("'{}' has no line at byte {}", self.path.display(), pos.offset));
            }
        }
        self.bytes_read += u64::from(pos.len);
        Event::from_line(&String::from_utf8_lossy(&line)).map_err(|error| error.to_string())
    }

    fn read(&mut self, line: &mut [u8], offset: u64) -> bool {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        self.file.as_ref().is_some_and(|file| file.read_exact_at(line, offset).is_ok())
    }
}
