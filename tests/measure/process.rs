//! What a process has cost so far, from `/proc`.

use std::collections::HashMap;

/// Hundredths of a second are what the system counts in.
const TICK_MS: u64 = 10;

/// Its whole cost, and each thread's.
pub struct Load {
    pub cpu_ms: u64,
    /// By thread: its name, milliseconds, context switches.
    threads: HashMap<String, (String, u64, u64)>,
}

fn times(stat: &str) -> u64 {
    let rest = stat.rsplit_once(") ").map(|(_, rest)| rest).unwrap_or_default();
    let fields: Vec<&str> = rest.split(' ').collect();
    let field = |at: usize| fields.get(at).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    (field(11) + field(12)) * TICK_MS
}

fn number(text: &str, key: &str) -> u64 {
    let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

impl Load {
    pub fn of(pid: u32) -> Self {
        let read = |path: String| std::fs::read_to_string(path).unwrap_or_default();
        let mut threads = HashMap::new();
        for entry in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten() {
            let tid = entry.file_name().to_string_lossy().into_owned();
            let status = read(format!("/proc/{pid}/task/{tid}/status"));
            let name = status.lines().next().unwrap_or_default().replace("Name:", "").trim().to_owned();
            let switches =
                number(&status, "voluntary_ctxt_switches:") + number(&status, "nonvoluntary_ctxt_switches:");
            threads
                .insert(tid.clone(), (name, times(&read(format!("/proc/{pid}/task/{tid}/stat"))), switches));
        }
        Self { cpu_ms: times(&read(format!("/proc/{pid}/stat"))), threads }
    }

    /// Wakeups of all threads since then; a thread that has ended does not count backwards.
    pub fn switches_since(&self, before: &Self) -> u64 {
        let old = |tid: &String| before.threads.get(tid).map_or(0, |thread| thread.2);
        self.threads.iter().map(|(tid, thread)| thread.2.saturating_sub(old(tid))).sum()
    }

    /// Milliseconds of the threads of this name.
    pub fn thread_ms(&self, name: &str) -> u64 {
        self.threads.values().filter(|thread| thread.0 == name).map(|thread| thread.1).sum()
    }
}

/// The most that was ever resident, in kB.
pub fn peak_kb(pid: u32) -> u64 {
    number(&std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default(), "VmHWM:")
}

/// What is resident now, in kB.
pub fn resident_kb(pid: u32) -> u64 {
    number(&std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default(), "VmRSS:")
}
