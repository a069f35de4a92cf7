//! What a run that died has left: found and killed before its instance goes on.
//!
//! Two ways to find them, so that neither a lost record nor a washed environment hides one: the record (pid, start
//! time and boot id must all fit; then it, its session and all below it), and the marker in the environment. A pid
//! that was given again is never touched.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{
    RUN_MARK, group,
    spawn::{PROCS_FILE, Record},
    table::{self, Known},
};

/// Records that are looked at, from the newest; older ones are long gone.
const MAX_RECORDS: usize = 10_000;

/// What was found and ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Processes, those below the recorded children included.
    pub ended: u32,
    /// Labels of the recorded children that still ran, each once.
    pub labels: Vec<String>,
}

/// Ends the children that a dead run of the instance in `dir` has left, and empties its record. The caller holds the
/// instance's lock (else it would kill the children of a living run). Takes some milliseconds.
pub fn reap(dir: &Path) -> Reaped {
    let records = read(dir);
    let boot = table::boot_id();
    let mut found: BTreeMap<Known, Option<&str>> = BTreeMap::new();
    let mut runs: BTreeSet<String> = records.iter().map(|record| record.run.clone()).collect();
    runs.extend(dir.file_name().and_then(|name| name.to_str()).map(str::to_owned));
    for record in records.iter().filter(|record| !boot.is_empty() && record.boot == boot) {
        let known = Known { pid: record.pid, start: record.start };
        if known.pid == std::process::id() || !known.runs() {
            continue;
        }
        let below = table::descendants(known.pid).into_iter().chain(table::in_session_of(known.pid));
        found.extend(below.map(|known| (known, None)));
        found.insert(known, Some(&record.label));
    }
    let mut reaped = Reaped::default();
    for (known, label) in found {
        if !known.kill() {
            continue;
        }
        reaped.ended += 1;
        if let Some(label) = label.map(str::to_owned).filter(|label| !reaped.labels.contains(label)) {
            reaped.labels.push(label);
        }
    }
    reaped.ended +=
        runs.iter().filter(|run| !run.is_empty()).map(|run| group::sweep(RUN_MARK, run)).sum::<u32>();
    if !records.is_empty() {
        let _ = std::fs::File::options().write(true).truncate(true).open(dir.join(PROCS_FILE));
    }
    reaped
}

/// The records; a line that is not one (a torn last one) is left out.
fn read(dir: &Path) -> Vec<Record> {
    let text = std::fs::read(dir.join(PROCS_FILE)).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let newest = text.lines().rev().filter_map(|line| serde_json::from_str(line).ok());
    newest.take(MAX_RECORDS).collect()
}
