//! Short questions to programs (their version, whether a sandbox works): each is a child as all others are, ended in
//! time, with nothing left of it.

use std::{io, path::PathBuf, time::Duration};

use tokio::io::AsyncReadExt;

use crate::{
    config::Config,
    process::{self, ChildKind, ChildSpec, Ladder, Processes, Stream},
    protocol::InstanceId,
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same of an agent that may take the question for the beginning of a session.
const SHORT: Duration = Duration::from_secs(3);
/// Bytes that are read of one.
const MAX_ANSWER: u64 = 4 * 1024;
/// Characters that are kept of its first line.
const MAX_LINE: usize = 100;

/// Asks.
pub struct Probe {
    processes: Processes,
    dir: tempfile::TempDir,
}

impl Probe {
    /// A record of its own, in a folder that goes with it.
    pub fn open() -> io::Result<Self> {
        let dir = tempfile::tempdir()?;
        let processes = Processes::open(InstanceId::random(), dir.path(), process::helper()?)?;
        Ok(Self { processes, dir })
    }

    /// Whether it ended well, and the first line that it printed. `None`: it could not be asked, or did not answer.
    pub async fn ask(
        &self,
        program: PathBuf,
        args: &[&str],
        kind: ChildKind,
        config: &Config,
    ) -> Option<(bool, String)> {
        let spec = ChildSpec {
            program,
            args: args.iter().map(Into::into).collect(),
            cwd: self.dir.path().to_owned(),
            env: process::environment(kind, config),
            stdin: Stream::Null,
            label: "question".to_owned(),
            writable: None,
            ladder: Ladder::Plain,
            session: None,
        };
        let mut child = self.processes.spawn(spec).await.ok()?;
        let mut answer = Vec::new();
        let stdout = child.stdout.take()?;
        let told = async {
            let _ = stdout.take(MAX_ANSWER).read_to_end(&mut answer).await;
            child.wait().await
        };
        let status = tokio::time::timeout(PATIENCE, told).await.ok()?;
        let text = String::from_utf8_lossy(&answer);
        let line: String = text.lines().next().unwrap_or_default().trim().chars().take(MAX_LINE).collect();
        Some((status.success(), line))
    }

    /// What an ACP agent says of its version. `first`: what stands between the program and its options. `None`: it does
    /// not answer quickly with a line that has a number in it.
    pub async fn agent_version(&self, program: PathBuf, first: &[&str], config: &Config) -> Option<String> {
        let args = [first, &["--version"]].concat();
        let asked = self.ask(program, &args, ChildKind::Acp, config);
        let (good, line) = tokio::time::timeout(SHORT, asked).await.ok()??;
        (good && line.contains(|c: char| c.is_ascii_digit()) && !line.starts_with('{')).then_some(line)
    }

    /// What a program says of its version.
    pub async fn version(&self, program: PathBuf, kind: ChildKind, config: &Config) -> Option<String> {
        let (good, line) = self.ask(program, &["--version"], kind, config).await?;
        (good && !line.is_empty()).then_some(line)
    }
}
