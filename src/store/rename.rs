//! Another name for an instance: an event in its journal, so that it stays; the short files beside it follow.

use std::{path::Path, sync::Arc};

use super::{Journal, Lock, Meta, StoreError, commands, registry};
use crate::protocol::{
    Command, Event, Recorded, Stamp,
    event::{RunRenamed, VERSION},
};

/// How it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renamed {
    /// It has the name.
    Done,
    /// The process with this number (0: unknown) runs it and was asked to.
    Asked(u32),
}

/// Gives the instance in a folder another name. Errors: [`StoreError::Io`] and those of the journal.
pub fn rename(dir: &Path, name: &str) -> Result<Renamed, StoreError> {
    let _lock = match Lock::take(dir) {
        Ok(lock) => lock,
        Err(StoreError::Held { pid, .. }) => {
            commands::drop_in(dir, &Command::Rename { name: name.to_owned() })?;
            return Ok(Renamed::Asked(pid));
        }
        Err(other) => return Err(other),
    };
    let mut meta = Meta::read(dir)?;
    let mut seq = 0;
    let (journal, _) = Journal::open(dir, &mut |pos, _| seq = pos.seq)?;
    let body = RunRenamed { name: name.to_owned() }.into();
    let (id, timestamp) = (uuid::Uuid::new_v4(), Stamp::now());
    let event = Event { v: VERSION, id, seq: seq + 1, timestamp, session_id: None, task_id: None, body };
    let payload = event.body.payload().map_err(|error| StoreError::io("write", dir)(error.into()))?;
    let line = Arc::from(event.to_line(&payload));
    journal.append(Arc::new(Recorded { event, line }));
    journal.close()?;
    name.clone_into(&mut meta.name);
    meta.write(dir)?;
    match dir.parent().and_then(Path::parent) {
        Some(state_dir) => registry::update(state_dir, &meta).map(|()| Renamed::Done),
        None => Ok(Renamed::Done),
    }
}
