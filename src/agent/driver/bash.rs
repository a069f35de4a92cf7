//! The orchestrator's shell and its look at directories and the journal: on tasks, reported as inputs.

use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::Driver;
use crate::{
    agent::{
        effect::{BashCall, BashResult, Input},
        rules::text,
    },
    config::Sandboxing,
    process::{ChildKind, environment, shell},
    protocol::{
        Body, SessionId, StreamKey,
        event::{Activity, Session},
    },
    store::Reader,
    tools,
};

impl Driver {
    pub(super) fn run_bash(&mut self, call: BashCall) {
        let cancel = CancellationToken::new();
        self.running.bash.insert(call.call_id.clone(), cancel.clone());
        let rules = &self.machine.rules;
        let working_dir = rules.place.working_dir.clone();
        let cwd = call.cwd.as_ref().map_or_else(|| working_dir.clone(), |cwd| working_dir.join(cwd));
        let confined = rules.config.orchestrator.bash.sandbox == Sandboxing::Landlock;
        let shell_call = shell::ShellCall {
            command: call.command,
            cwd: cwd.clone(),
            timeout: call.timeout,
            env: environment(ChildKind::Bash, &rules.config),
            writable: confined.then(|| vec![working_dir, std::env::temp_dir()]),
            label: "bash".to_owned(),
        };
        let (inputs, tails) = (self.outboxes.inputs.clone(), self.link.tails.clone());
        let processes = self.leaves.processes.clone();
        let (call_id, step) = (call.call_id, call.step);
        self.running.tasks.spawn(async move {
            let stream = StreamKey { session: None, turn: step, item: format!("output:{call_id}") };
            let result = if cwd.is_dir() {
                let live = |piece: &str| tails.push(&stream, piece);
                shell::run(&processes, shell_call, cancel, &live).await
            } else {
                let error = Some(format!("there is no directory '{}'", text(&cwd)));
                shell::ShellResult { error, ..shell::ShellResult::default() }
            };
            tails.close(|key| *key == stream);
            let result = bash_result(&result, &cwd);
            let _ = inputs.send(Input::BashReturned { call_id, result }).await;
        });
    }

    pub(super) fn read_trajectory(&mut self, call_id: String, session: SessionId, full: bool, last: usize) {
        let dir = self.link.dir.clone();
        let inputs = self.outboxes.inputs.clone();
        self.running.tasks.spawn(async move {
            let read = tokio::task::spawn_blocking(move || activities(&dir, session, last)).await;
            let (newest, total) = read.unwrap_or_default();
            let output = tools::trajectory(&newest, total, full).to_string();
            let _ = inputs.send(Input::TrajectoryRead { call_id, output }).await;
        });
    }
}

/// The tool result, with the reference's keys.
fn bash_result(result: &shell::ShellResult, cwd: &Path) -> BashResult {
    let ok = result.exit_code == Some(0) && result.error.is_none();
    let mut value = serde_json::json!({
        "success": ok, "returncode": result.exit_code, "cwd": text(cwd),
        "stdout": result.stdout, "stderr": result.stderr,
    });
    if let Some(error) = &result.error {
        value["error"] = error.clone().into();
    } else if result.timed_out {
        value["error"] = format!("it took longer than {} s and was ended", result.duration.as_secs()).into();
    } else if result.cancelled {
        value["error"] = "it was cancelled; its effect may be partial".into();
    }
    BashResult { output: value.to_string(), ok, cut_bytes: result.cut_bytes }
}

/// A directory as it really is (symlinks and `..` resolved), if the run may use it.
pub(super) fn real_dir(
    working_dir: &Path,
    dir: Option<&str>,
    allowed: Option<&[String]>,
) -> Result<PathBuf, String> {
    let wanted = dir.map_or_else(|| working_dir.to_path_buf(), |dir| working_dir.join(dir));
    let real = wanted.canonicalize().map_err(|_| format!("there is no directory '{}'", text(&wanted)))?;
    if !real.is_dir() {
        return Err(format!("'{}' is not a directory", text(&wanted)));
    }
    let own = [text(working_dir)];
    let allowed = allowed.unwrap_or(&own);
    let fits = |entry: &String| {
        entry == "*" || working_dir.join(entry).canonicalize().is_ok_and(|root| real.starts_with(root))
    };
    if allowed.iter().any(fits) {
        Ok(real)
    } else {
        Err(format!("'{}' is outside the directories that the run may use", text(&real)))
    }
}

/// The newest activities of a session, oldest first, and how many there are in all.
fn activities(dir: &Path, session: SessionId, last: usize) -> (Vec<(u32, Activity)>, usize) {
    let mut newest: std::collections::VecDeque<(u32, Activity)> = std::collections::VecDeque::new();
    let mut total = 0;
    let Ok(reader) = Reader::open(dir) else { return Default::default() };
    let _ = reader.scan(0, &mut |_, event| {
        if let Ok(event) = event
            && event.session_id == Some(session)
            && let Body::Session(Session::ActivityAdded(added)) = event.body
        {
            total += 1;
            newest.push_back((added.turn, added.activity));
            if newest.len() > last {
                newest.pop_front();
            }
        }
        std::ops::ControlFlow::Continue(())
    });
    (newest.into(), total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_outside_is_refused_whatever_its_name() {
        let home = tempfile::tempdir().unwrap();
        let (inside, outside) = (home.path().join("in"), home.path().join("out"));
        std::fs::create_dir_all(inside.join("sub")).unwrap();
        std::fs::create_dir_all(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
        let inside = inside.canonicalize().unwrap();
        assert_eq!(real_dir(&inside, None, None), Ok(inside.clone()));
        assert_eq!(real_dir(&inside, Some("sub"), None), Ok(inside.join("sub")));
        assert!(real_dir(&inside, Some("link"), None).unwrap_err().contains("outside"));
        assert!(real_dir(&inside, Some("../out"), None).unwrap_err().contains("outside"));
        assert!(real_dir(&inside, Some("none"), None).unwrap_err().contains("there is no directory"));
        assert!(real_dir(&inside, Some("../out"), Some(&["*".to_owned()])).is_ok());
        assert!(real_dir(&inside, Some("../out"), Some(&["../out".to_owned()])).is_ok());
    }
}
