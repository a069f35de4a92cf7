//! Facts from the system's process table (Linux: `/proc`): who a pid is, who is below it, who carries a marker.
//!
//! A pid alone is never trusted: it is a name that is given again. Whoever is killed by pid is killed through
//! [`Known::kill`], which compares the start time behind a pidfd. Elsewhere than on Linux there is no table: nothing
//! is found, and nothing is killed by pid.

use std::collections::BTreeSet;

/// A process that cannot be mistaken for another: its pid and when it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Known {
    pub(super) pid: u32,
    /// Clock ticks since boot: field 22 of `/proc/PID/stat`.
    pub(super) start: u64,
}

/// What `/proc/PID/stat` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    state: u8,
    parent: u32,
    session: u32,
    start: u64,
}

/// Reads a line of `/proc/PID/stat`: the fields after the last `)` (the name may hold anything).
fn parse_stat(line: &str) -> Option<Stat> {
    let fields: Vec<&str> = line.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        state: *fields.first()?.as_bytes().first()?,
        parent: u32::try_from(number(1)?).ok()?,
        session: u32::try_from(number(3)?).ok()?,
        start: number(19)?,
    })
}

fn stat(pid: u32) -> Option<Stat> {
    let bytes = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse_stat(&String::from_utf8_lossy(&bytes))
}

/// Which boot of which machine this is; empty where the system does not say.
pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// When a process started; `None`: there is none of that pid (or no table).
pub(super) fn start_time(pid: u32) -> Option<u64> {
    stat(pid).map(|stat| stat.start)
}

/// Whether a process of this pid runs (a zombie does not). Where there is no table: whether there is one.
pub fn runs(pid: u32) -> bool {
    if cfg!(target_os = "linux") {
        return stat(pid).is_some_and(|stat| !matches!(stat.state, b'Z' | b'X'));
    }
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let tested = pid.map(rustix::process::test_kill_process);
    matches!(tested, Some(Ok(()) | Err(rustix::io::Errno::PERM)))
}

impl Known {
    /// The process that has this pid now.
    pub(super) fn now(pid: u32) -> Option<Self> {
        start_time(pid).map(|start| Self { pid, start })
    }

    /// True while it runs (a zombie does not).
    pub(super) fn runs(&self) -> bool {
        stat(self.pid).is_some_and(|stat| stat.start == self.start && !matches!(stat.state, b'Z' | b'X'))
    }

    /// Kills exactly this process. False: it is not there any more.
    #[cfg(target_os = "linux")]
    pub(super) fn kill(&self) -> bool {
        use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return false };
        let Ok(fd) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
        // The descriptor holds whoever has the pid now; the start time says whether it is the one that is meant.
        self.runs() && pidfd_send_signal(&fd, Signal::KILL).is_ok()
    }

    /// Kills nothing: without a start time a pid is not to be trusted.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn kill(&self) -> bool {
        false
    }
}

/// All processes below one, parents first; the one itself is not among them.
pub(super) fn descendants(pid: u32) -> Vec<Known> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([pid]);
    let mut open = vec![pid];
    while let Some(parent) = open.pop() {
        for child in children(parent) {
            if seen.insert(child) {
                found.extend(Known::now(child));
                open.push(child);
            }
        }
    }
    found
}

/// `/proc/PID/task/*/children`: each thread has its own.
fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()
        })
        .collect()
}

/// All pids of the table.
fn pids() -> Vec<u32> {
    let Ok(table) = std::fs::read_dir("/proc") else { return Vec::new() };
    table.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The members of the session that `leader` leads.
pub(super) fn in_session_of(leader: u32) -> Vec<Known> {
    let own = |pid: u32| stat(pid).filter(|stat| stat.session == leader && pid != leader);
    pids().into_iter().filter_map(|pid| own(pid).map(|stat| Known { pid, start: stat.start })).collect()
}

/// Processes whose start environment has `variable` as a list (`outer:inner`) that holds `entry`. This process and
/// those above it are never among them.
pub(super) fn marked(variable: &str, entry: &str) -> Vec<Known> {
    let spared = ourselves();
    let carries = |pid: &u32| {
        let Ok(environment) = std::fs::read(format!("/proc/{pid}/environ")) else { return false };
        environment.split(|byte| *byte == 0).any(|pair| holds(pair, variable, entry))
    };
    let found = pids().into_iter().filter(|pid| !spared.contains(pid)).filter(carries);
    found.filter_map(Known::now).filter(Known::runs).collect()
}

/// Whether `NAME=a:b:c` is the variable and one of its entries is the one.
fn holds(pair: &[u8], variable: &str, entry: &str) -> bool {
    let value = pair.strip_prefix(variable.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
    value.is_some_and(|value| value.split(|byte| *byte == b':').any(|one| one == entry.as_bytes()))
}

/// This process and all above it.
fn ourselves() -> BTreeSet<u32> {
    let mut line = BTreeSet::new();
    let mut pid = std::process::id();
    while pid > 0 && line.insert(pid) {
        pid = stat(pid).map_or(0, |stat| stat.parent);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_blanks_does_not_move_the_fields() {
        let line = "4242 (a) R (b c) S 7 4242 4240 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2 3";
        assert_eq!(parse_stat(line), Some(Stat { state: b'S', parent: 7, session: 4240, start: 987_654 }));
        assert_eq!(parse_stat("4242 (short) S 1"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn a_marker_is_found_in_its_list_only_whole() {
        assert!(holds(b"ZWARM_RUN=outer:inner", "ZWARM_RUN", "inner"));
        assert!(holds(b"ZWARM_RUN=outer", "ZWARM_RUN", "outer"));
        assert!(!holds(b"ZWARM_RUN=outer:inner", "ZWARM_RUN", "inn"));
        assert!(!holds(b"XZWARM_RUN=inner", "ZWARM_RUN", "inner"));
        assert!(!holds(b"ZWARM_RUNS=inner", "ZWARM_RUN", "inner"));
    }
}
