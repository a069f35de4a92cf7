//! A watcher of the user's own: a command that gets the sight as JSON on its stdin and prints a verdict.
//!
//! It prints nothing (or `{}`) where nothing is wrong, else one JSON object, or a list of them: `{"verdict": "nudge" |
//! "pause" | "abort", "rule", "reason", "guidance", "evidence"}`. It has a deadline, gets no key in its environment,
//! and is ended with its whole group. Whatever goes wrong with it is a problem, never a verdict.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    Sight, Spoken,
    llm::Said,
    panel::{Seat, Surroundings},
    table::{Key, Kind, key},
    words::quote,
};
use crate::{
    process::{ChildSpec, Ladder, Stream, find_program},
    protocol::event::{Gate, Verdict},
};

pub(super) const KEYS: [Key; 3] = [
    key("command", Kind::Texts, "[./watch.sh]", "program and arguments"),
    key("deadline_seconds", Kind::Seconds, "5", "how long it may take"),
    key("gates", Kind::Texts, "[step]", "step, tools, activity"),
];

/// Bytes of its output that are read.
const OUTPUT_BYTES: usize = 64 * 1024;
/// Verdicts of one look.
const MAX_VERDICTS: usize = 10;

/// A watcher of the user's own.
#[derive(Clone, Debug)]
pub(super) struct Command {
    pub(super) name: String,
    words: Vec<String>,
    pub(super) deadline: Duration,
    gates: Vec<Gate>,
}

#[derive(Deserialize)]
struct Config {
    command: Vec<String>,
    #[serde(default = "five")]
    deadline_seconds: f64,
    #[serde(default = "steps")]
    gates: Vec<Gate>,
}

fn five() -> f64 {
    5.0
}

fn steps() -> Vec<Gate> {
    vec![Gate::Step]
}

pub(super) fn build(name: &str, config: Value) -> Result<Seat, String> {
    let config: Config = serde_json::from_value(config).map_err(|error| error.to_string())?;
    if config.command.first().is_none_or(String::is_empty) {
        return Err("its 'command' is empty".to_owned());
    }
    let deadline = Duration::from_secs_f64(config.deadline_seconds);
    Ok(Seat::Command(Command { name: name.to_owned(), words: config.command, deadline, gates: config.gates }))
}

impl Command {
    pub(super) fn looks_at(&self, gate: Gate) -> bool {
        self.gates.contains(&gate)
    }

    /// Asks it once.
    pub(super) async fn look(&self, sight: &Sight, around: &Surroundings) -> Result<Vec<Spoken>, String> {
        let processes = around.processes.as_ref().ok_or("commands cannot be run here")?;
        let input = serde_json::to_vec(sight).map_err(|error| error.to_string())?;
        let (program, args) = self.words.split_first().ok_or("its command is empty")?;
        let spec = ChildSpec {
            program: find_program(program, None).unwrap_or_else(|| PathBuf::from(program)),
            args: args.iter().map(Into::into).collect(),
            cwd: around.working_dir.clone(),
            env: around.env.clone(),
            stdin: Stream::Piped,
            label: format!("watcher {}", self.name),
            writable: None,
            ladder: Ladder::Plain,
            session: None,
        };
        let mut child = processes.spawn(spec).await.map_err(|error| error.to_string())?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let talk = async {
            let write = async {
                if let Some(mut stdin) = stdin {
                    // Who does not read its input may still have something to say.
                    let _ = stdin.write_all(&input).await;
                }
            };
            let ((), output, errors) = tokio::join!(write, read(stdout), read(stderr));
            (child.wait().await, output, errors)
        };
        let answered = tokio::time::timeout(self.deadline, talk).await;
        // Dropping the child kills whatever is left of its group.
        let (status, output, errors) =
            answered.map_err(|_| format!("it did not answer within {} s", self.deadline.as_secs_f64()))?;
        if !status.success() {
            let last = errors.lines().last().unwrap_or_default();
            return Err(format!("it ended with {status}: {}", quote(last, 160)));
        }
        verdicts(&self.name, &output)
    }
}

fn verdicts(name: &str, output: &str) -> Result<Vec<Spoken>, String> {
    if output.trim().is_empty() {
        return Ok(Vec::new());
    }
    let wrong =
        |error: serde_json::Error| format!("its output is no verdict ({error}): {}", quote(output, 120));
    let value: Value = serde_json::from_str(output).map_err(wrong)?;
    let list = if let Value::Array(list) = value { list } else { vec![value] };
    let said = list.into_iter().take(MAX_VERDICTS).map(serde_json::from_value::<Said>);
    let said = said.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    Ok(said.into_iter().filter_map(|said| said.spoken(name, Verdict::Abort)).collect())
}

/// Reads to the end; keeps the first [`OUTPUT_BYTES`].
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut pipe) = pipe else { return String::new() };
    let (mut kept, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        let free = OUTPUT_BYTES.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..read.min(free)]);
    }
    String::from_utf8_lossy(&kept).into_owned()
}
