//! Processes that an instance has started and that live still, by the mark in their environment.
#![allow(dead_code)]

/// The process id and command line of all that live (a zombie does not) and carry the mark of an instance.
pub fn survivors(instance: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| marked(pid, instance.as_bytes())).collect()
}

fn marked(pid: u32, mark: &[u8]) -> Option<String> {
    let environ = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let zombie = stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'));
    let fits = !zombie && environ.windows(mark.len()).any(|window| window == mark);
    fits.then(|| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        format!("{pid} {}", String::from_utf8_lossy(&line).replace('\0', " "))
    })
}
