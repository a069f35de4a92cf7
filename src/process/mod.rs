//! Child processes that never leak: started through the `__exec` helper from one named thread, each in a session
//! and process group of its own, recorded before it runs, stopped by a ladder, reaped after a crash.

use std::{ffi::OsString, path::PathBuf};

/// What a child's standard stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stream {
    #[default]
    Null,
    Piped,
}

/// Which stop ladder fits a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ladder {
    /// INT, 2 s, TERM, 3 s, KILL of the group: bash, script, ACP agents.
    Plain,
    /// Stdin EOF, 2 s, KILL of the group: the shared codex server (its turns were interrupted before).
    CodexServer,
    /// (control interrupt by the adapter) stdin EOF, 1 s, INT, 2 s, KILL of the group and of recorded descendants;
    /// never TERM.
    Claude,
}

/// A child to start.
#[derive(Clone, Debug)]
pub struct ChildSpec {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    pub cwd: PathBuf,
    /// The whole environment of the child.
    pub env: Vec<(OsString, OsString)>,
    /// Whether we write to its stdin (else `/dev/null`). Stdout and stderr are always piped.
    pub stdin: Stream,
    /// For `procs.jsonl` and messages: `bash`, `codex`, `s3 claude` …
    pub label: String,
    /// Directories that it may write to (Linux landlock); `None`: not confined.
    pub writable: Option<Vec<PathBuf>>,
    pub ladder: Ladder,
}
