//! `view.json`: what folds had come to at some event, so that a long journal need not be read from its beginning. A
//! cache: whatever does not fit the journal is ignored, and the journal is folded anew.

use std::{ops::ControlFlow, path::Path};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    EVENTS, Meta, Reader, StoreError,
    fs::{Disk, read_bounded},
    meta::state_word,
    replace::replace_if_changed,
};
use crate::{
    fold::{Inbox, RunView, Sessions, Spend},
    protocol::{
        Pos,
        event::{RunState, VERSION},
    },
};

const VIEW: &str = "view.json";
/// Bytes that are read of a `view.json`.
const MAX_VIEW: u64 = 256 * 1024 * 1024;
/// Bytes of a journal that are folded to list an instance whose `meta.json` cannot be read.
const MAX_REBUILD: u64 = 16 * 1024 * 1024;

/// Folds at an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View<T> {
    /// The last event that they have seen.
    pub last: Pos,
    /// Version of the program that wrote it: another one may fold otherwise.
    pub program: String,
    pub folds: T,
}

/// Saves folds, atomically.
pub fn save<T: Serialize>(dir: &Path, last: Pos, folds: &T) -> Result<(), StoreError> {
    let path = dir.join(VIEW);
    let view = View { last, program: program(), folds };
    let text = serde_json::to_vec(&view).map_err(|error| StoreError::io("write", &path)(error.into()))?;
    replace_if_changed(&Disk, &path, &text).map(|_| ()).map_err(StoreError::io("write", &path))
}

/// The saved folds and the event that they have seen last; `None`: there are none that fit the journal.
pub fn load<T: DeserializeOwned>(dir: &Path) -> Option<(Pos, T)> {
    let bytes = read_bounded(&dir.join(VIEW), MAX_VIEW).ok()?;
    let view: View<T> = serde_json::from_slice(&bytes).ok()?;
    let fits = view.program == program() && Reader::open(dir).ok()?.get(view.last).is_ok();
    fits.then_some((view.last, view.folds))
}

fn program() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// What `meta.json` should say, from the journal itself. Bounded: only the beginning of a very long one is read.
pub(super) fn rebuild_meta(dir: &Path) -> Result<Meta, StoreError> {
    let (mut run, mut spend) = (RunView::default(), Spend::default());
    let (mut sessions, mut inbox) = (Sessions::default(), Inbox::default());
    let (mut first, mut last) = (String::new(), String::new());
    Reader::open(dir)?.scan(0, &mut |pos, event| {
        if let Ok(event) = event.as_ref().map_err(|_| ()).and_then(|e| if e.v == 0 { Err(()) } else { Ok(e) })
        {
            run.apply(event);
            spend.apply(event);
            sessions.apply(event);
            inbox.apply(event);
            last = event.timestamp.to_string();
            if first.is_empty() {
                first.clone_from(&last);
            }
        }
        if pos.offset > MAX_REBUILD { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if run.launches == 0 {
        let why = "no event says how it was started".to_owned();
        return Err(StoreError::Damaged { path: dir.join(EVENTS), why });
    }
    let mut meta = meta_of(&run, &spend);
    meta.created_at = first;
    meta.updated_at = last;
    meta.numbers.inbox_open = u32::try_from(inbox.open.len()).unwrap_or(u32::MAX);
    meta.numbers.open_sessions = u32::try_from(sessions.open().count()).unwrap_or(u32::MAX);
    Ok(meta)
}

/// What the folds say of an instance; id, times, pid and inbox are the caller's.
pub fn meta_of(run: &RunView, spend: &Spend) -> Meta {
    let ended = run.end.as_ref().filter(|_| run.status.state == RunState::Ended);
    let stopped_by = ended.map(|end| end.stopped_by.clone());
    let mut meta = Meta {
        name: run.name.clone(),
        task: run.task.clone(),
        state: state_word(run.status.state, stopped_by.as_deref()).to_owned(),
        stopped_by: stopped_by.unwrap_or_default(),
        kind: run.kind,
        working_dir: run.working_dir.clone(),
        model: run.model.clone(),
        created_at: run.progress.first_started.clone().unwrap_or_default(),
        ..Meta::default()
    };
    meta.numbers.steps = run.progress.step;
    meta.numbers.max_steps = run.progress.last_step;
    meta.numbers.tokens = spend.total();
    meta.numbers.estimated = spend.estimated;
    meta.numbers.cost_usd = spend.cost();
    meta.numbers.demo = run.demo;
    meta.numbers.version = VERSION;
    meta
}
