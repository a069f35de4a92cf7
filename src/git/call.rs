//! One call of git: as a child of the run, with a bound for its time and its output, without hooks and questions.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Fault, plan};
use crate::{
    config::Config,
    process::{ChildKind, ChildSpec, Ladder, Processes, Stream, capture::capture, environment, find_program},
};

/// A call that only looks.
const SHORT: Duration = Duration::from_secs(60);
/// A call that checks out, merges or removes.
pub const LONG: Duration = Duration::from_secs(600);
/// Bytes of an answer.
const OUTPUT: usize = 8 << 20;

/// Where git works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// It finds the repository itself: only before an executor has been there.
    Dir(PathBuf),
    /// It is told.
    Tree { git_dir: PathBuf, top: PathBuf },
}

/// Git for one run.
#[derive(Clone, Debug)]
pub struct Git {
    processes: Processes,
    env: Vec<(OsString, OsString)>,
    /// `-c` of the identity where the user has none.
    identity: Vec<OsString>,
}

/// What it said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn ok(&self) -> bool {
        self.code == 0
    }

    /// The first line.
    pub fn line(&self) -> String {
        self.out.lines().next().unwrap_or_default().to_owned()
    }
}

impl Git {
    /// Nothing is started yet.
    pub fn new(processes: Processes, config: &Config) -> Self {
        let mut env = environment(ChildKind::Bash, config);
        env.retain(|(name, _)| plan::keeps_variable(&name.to_string_lossy()));
        let ours = [
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_MERGE_AUTOEDIT", "no"),
            ("GIT_PAGER", "cat"),
            ("LC_ALL", "C"),
            ("LANGUAGE", "C"),
        ];
        env.retain(|(name, _)| !ours.iter().any(|(own, _)| name == own));
        env.extend(ours.map(|(name, value)| (name.into(), value.into())));
        Self { processes, env, identity: Vec::new() }
    }

    /// With an identity to commit by: the user's, else ours.
    pub async fn who_commits(mut self, at: &At) -> Self {
        let known = self.run(at, &["var", "GIT_COMMITTER_IDENT"]).await.is_ok_and(|said| said.ok());
        if !known {
            let ours = ["-c", "user.name=zwarm-tui", "-c", "user.email=zwarm-tui@localhost"];
            self.identity = ours.map(OsString::from).to_vec();
        }
        self
    }

    /// Runs it; its exit code is the caller's business.
    pub async fn run(&self, at: &At, args: &[&str]) -> Result<Said, Fault> {
        self.run_with(at, args, &[], SHORT).await
    }

    /// The same with more variables and its own time.
    pub async fn run_with(
        &self,
        at: &At,
        args: &[&str],
        env: &[(&str, &Path)],
        within: Duration,
    ) -> Result<Said, Fault> {
        let Some(program) = find_program("git", None) else {
            return Err(Fault::new("the program 'git' is not there", "install git"));
        };
        let spec = ChildSpec {
            program,
            args: self.args(at, args),
            cwd: at.top().to_owned(),
            env: self
                .env
                .iter()
                .cloned()
                .chain(env.iter().map(|(name, path)| ((*name).into(), path.as_os_str().to_owned())))
                .collect(),
            stdin: Stream::Null,
            label: format!("git {}", args.first().copied().unwrap_or_default()),
            writable: None,
            ladder: Ladder::Plain,
            session: None,
        };
        let captured = capture(&self.processes, spec, within, OUTPUT)
            .await
            .map_err(|error| Fault::new(error.to_string(), ""))?;
        if captured.timed_out {
            let message = format!("git {} took longer than {} s", args.join(" "), within.as_secs());
            return Err(Fault::new(message, "try it by hand"));
        }
        if captured.cut {
            let message = format!("git {} printed more than {OUTPUT} bytes", args.join(" "));
            return Err(Fault::new(message, "try it by hand"));
        }
        let out = String::from_utf8_lossy(&captured.stdout).into_owned();
        Ok(Said { code: captured.code.unwrap_or(-1), out, err: captured.stderr })
    }

    /// Runs it; anything but success is a fault.
    pub async fn must(&self, at: &At, args: &[&str]) -> Result<String, Fault> {
        let said = self.run_with(at, args, &[], LONG).await?;
        if said.ok() { Ok(said.out) } else { Err(refused(args, &said)) }
    }

    /// The first line of what [`Git::must`] prints.
    pub async fn line(&self, at: &At, args: &[&str]) -> Result<String, Fault> {
        Ok(self.must(at, args).await?.lines().next().unwrap_or_default().to_owned())
    }

    fn args(&self, at: &At, args: &[&str]) -> Vec<OsString> {
        let mut all: Vec<OsString> = Vec::new();
        for setting in plan::HARDENED {
            all.extend(["-c".into(), setting.into()]);
        }
        all.extend(self.identity.iter().cloned());
        if let At::Tree { git_dir, top } = at {
            let named = |name: &str, path: &Path| {
                let mut word = OsString::from(name);
                word.push(path.as_os_str());
                word
            };
            all.extend([named("--git-dir=", git_dir), named("--work-tree=", top)]);
        }
        all.extend(args.iter().map(OsString::from));
        all
    }
}

impl At {
    /// The top folder (or the folder to look from).
    pub fn top(&self) -> &Path {
        match self {
            Self::Dir(top) | Self::Tree { top, .. } => top,
        }
    }
}

/// What git did not do, in its words.
pub fn refused(args: &[&str], said: &Said) -> Fault {
    let what = args.iter().take(2).copied().collect::<Vec<_>>().join(" ");
    let complaint = plan::complaint(if said.err.trim().is_empty() { &said.out } else { &said.err });
    let hint = if complaint.contains("dubious ownership") {
        "git does not trust the owner of that folder: see safe.directory in its manual"
    } else {
        ""
    };
    Fault::new(format!("git {what}: {complaint}"), hint)
}
