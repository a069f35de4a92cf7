//! A shell command in a group of its own: run, watched, bounded, ended.
//!
//! A call ends when its leader has ended and nobody holds its pipes any more, or 200 ms after the leader; then what is
//! left of the group is killed. So a background child can neither block the call nor outlive it, and what was written
//! until a time-out or a cancellation is kept.

use std::{
    ffi::OsString,
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::ExitStatus,
    time::{Duration, Instant},
};

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio_util::sync::CancellationToken;

use super::{Child, ChildSpec, Ladder, Processes, Stream, ends::Ends, find_program, group::GRACE};

/// Exit code of a call that ran out of time (as `timeout` has it).
pub const TIMED_OUT: i32 = 124;
/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// What to run.
#[derive(Clone, Debug)]
pub struct ShellCall {
    /// For `bash -lc`.
    pub command: String,
    pub cwd: PathBuf,
    pub timeout: Duration,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Directories that it may write to; `None`: not confined.
    pub writable: Option<Vec<PathBuf>>,
    /// For the record.
    pub label: String,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShellResult {
    /// 128 + the number of the signal that ended it; [`TIMED_OUT`]; `None`: it was cancelled or never ran.
    pub exit_code: Option<i32>,
    /// The first and the last 4,000 characters, with the number of bytes between them.
    pub stdout: String,
    /// The same.
    pub stderr: String,
    /// Bytes left out of both.
    pub cut_bytes: u64,
    pub timed_out: bool,
    pub cancelled: bool,
    pub duration: Duration,
    /// Why it did not run, or did not end by itself: a sentence.
    pub error: Option<String>,
}

/// Why reading was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    ByItself,
    TimedOut,
    Cancelled,
}

/// Runs a command until it ends, its time is over, or it is cancelled. `live` gets the raw text as it comes
/// (uncleaned, in pieces).
pub async fn run(
    processes: &Processes,
    call: ShellCall,
    cancel: CancellationToken,
    live: &(dyn Fn(&str) + Send + Sync),
) -> ShellResult {
    let began = Instant::now();
    let timeout = call.timeout;
    let spec = ChildSpec {
        program: find_program("bash", None).unwrap_or_else(|| "/bin/bash".into()),
        args: vec!["-lc".into(), call.command.into()],
        cwd: call.cwd,
        env: call.env,
        stdin: Stream::Null,
        label: call.label,
        writable: call.writable,
        ladder: Ladder::Plain,
        session: None,
    };
    let mut child = match processes.spawn(spec).await {
        Ok(child) => child,
        Err(error) => return ShellResult { error: Some(error.to_string()), ..ShellResult::default() },
    };
    let mut out = Tap::new(child.stdout.take());
    let mut err = Tap::new(child.stderr.take());
    let (end, status) = attend(&mut child, &mut out, &mut err, (timeout, cancel), live).await;
    let (stdout, cut_out) = out.ends.finish();
    let (stderr, cut_err) = err.ends.finish();
    ShellResult {
        exit_code: match end {
            End::ByItself => status.code().or_else(|| status.signal().map(|signal| 128 + signal)),
            End::TimedOut => Some(TIMED_OUT),
            End::Cancelled => None,
        },
        stdout,
        stderr,
        cut_bytes: cut_out + cut_err,
        timed_out: end == End::TimedOut,
        cancelled: end == End::Cancelled,
        duration: began.elapsed(),
        error: match end {
            End::ByItself => None,
            End::TimedOut => Some(format!("it was ended after {} s", timeout.as_secs_f64())),
            End::Cancelled => Some("it was cancelled".to_owned()),
        },
    }
}

/// After its time is over: an end that is under way is still heard of.
const LATE: Duration = Duration::from_millis(50);

/// Reads until the end, whichever it is; nothing is left of the child afterwards.
async fn attend<A: AsyncRead + Unpin, B: AsyncRead + Unpin>(
    child: &mut Child,
    out: &mut Tap<A>,
    err: &mut Tap<B>,
    (timeout, cancel): (Duration, CancellationToken),
    live: &(dyn Fn(&str) + Send + Sync),
) -> (End, ExitStatus) {
    let mut end = End::ByItself;
    {
        let over = async {
            tokio::select! {
                _ = child.group.exited() => End::ByItself,
                () = tokio::time::sleep(timeout) => match tokio::time::timeout(LATE, child.group.exited()).await {
                    // Both have come while this process was stopped.
                    Ok(_) => End::ByItself,
                    Err(_) => End::TimedOut,
                },
                () = cancel.cancelled() => End::Cancelled,
            }
        };
        tokio::pin!(over);
        let mut ended = false;
        while !ended {
            tokio::select! {
                biased;
                which = &mut over => { end = which; ended = true; }
                () = out.read(live), if out.is_open() => {}
                () = err.read(live), if err.is_open() => {}
            }
        }
    }
    if end == End::ByItself {
        let _ = tokio::time::timeout(GRACE, drain(out, err, live)).await;
    } else {
        // Its last words count, and a full pipe must not keep it from ending.
        tokio::select! {
            () = child.stop() => {}
            () = async { drain(out, err, live).await; std::future::pending().await } => {}
        }
        let _ = tokio::time::timeout(GRACE, drain(out, err, live)).await;
    }
    (end, child.finish().await)
}

async fn drain<A: AsyncRead + Unpin, B: AsyncRead + Unpin>(
    out: &mut Tap<A>,
    err: &mut Tap<B>,
    live: &(dyn Fn(&str) + Send + Sync),
) {
    while out.is_open() || err.is_open() {
        tokio::select! {
            () = out.read(live), if out.is_open() => {}
            () = err.read(live), if err.is_open() => {}
        }
    }
}

/// A pipe that is read into two [`Ends`] and to whoever looks on.
struct Tap<R> {
    pipe: Option<R>,
    ends: Ends,
    buffer: Vec<u8>,
    /// The beginning of a character whose rest has not come yet.
    begun: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Tap<R> {
    fn new(pipe: Option<R>) -> Self {
        Self { pipe, ends: Ends::default(), buffer: vec![0; CHUNK], begun: Vec::new() }
    }

    fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Reads once. Can be given up at any time: nothing is lost.
    async fn read(&mut self, live: &(dyn Fn(&str) + Send + Sync)) {
        let Some(pipe) = &mut self.pipe else { return };
        let read = pipe.read(&mut self.buffer).await.unwrap_or(0);
        if read == 0 {
            self.pipe = None;
            return;
        }
        let bytes = &self.buffer[..read];
        self.ends.push(bytes);
        self.begun.extend_from_slice(bytes);
        let whole = whole_characters(&self.begun);
        let text: Vec<u8> = self.begun.drain(..whole).collect();
        live(&String::from_utf8_lossy(&text));
    }
}

/// How many bytes are not the beginning of a character at the end.
fn whole_characters(bytes: &[u8]) -> usize {
    let from = bytes.len().saturating_sub(3);
    let open = bytes[from..].iter().rposition(|byte| *byte >= 0xc0).map(|at| from + at);
    let needed = |byte: u8| match byte {
        0xf0.. => 4,
        0xe0.. => 3,
        _ => 2,
    };
    open.filter(|at| bytes.len() - at < needed(bytes[*at])).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::whole_characters;

    #[test]
    fn a_character_is_not_torn_between_two_pieces() {
        assert_eq!(whole_characters("a€".as_bytes()), 4);
        assert_eq!(whole_characters(&"a€".as_bytes()[..3]), 1);
        assert_eq!(whole_characters(&"a€".as_bytes()[..2]), 1);
        assert_eq!(whole_characters(&"😀".as_bytes()[..3]), 0);
        assert_eq!(whole_characters(b"abc"), 3);
        assert_eq!(whole_characters(b""), 0);
        assert_eq!(whole_characters(&[0xff, 0xff, 0xff, 0xff]), 3);
    }
}
