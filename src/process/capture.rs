//! A program that is run to its end for what it prints: bounded in time and in bytes, nothing is left of it.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::{ChildSpec, Processes, SpawnError};

/// Bytes of its errors that are kept.
const ERRORS: usize = 16 * 1024;
/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// `None`: a signal ended it, or its time was over.
    pub code: Option<i32>,
    /// At most as many bytes as were asked for.
    pub stdout: Vec<u8>,
    pub stderr: String,
    /// There was more on stdout; it was read and dropped.
    pub cut: bool,
    pub timed_out: bool,
}

/// Runs it. What it writes is read to the end, so that it never waits for us. Giving the future up kills it.
pub async fn capture(
    processes: &Processes,
    spec: ChildSpec,
    within: Duration,
    bound: usize,
) -> Result<Captured, SpawnError> {
    let mut child = processes.spawn(spec).await?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let all = async {
        let ((stdout, cut), (stderr, _)) = tokio::join!(read(out, bound), read(err, ERRORS));
        (stdout, cut, stderr, child.wait().await)
    };
    match tokio::time::timeout(within, all).await {
        Ok((stdout, cut, stderr, status)) => {
            let stderr = String::from_utf8_lossy(&stderr).into_owned();
            Ok(Captured { code: status.code(), stdout, stderr, cut, timed_out: false })
        }
        Err(_) => {
            child.stop().await;
            Ok(Captured { timed_out: true, ..Captured::default() })
        }
    }
}

/// The first bytes; the rest is read and dropped (`true`).
async fn read(pipe: Option<impl AsyncRead + Unpin>, bound: usize) -> (Vec<u8>, bool) {
    let Some(mut pipe) = pipe else { return Default::default() };
    let (mut kept, mut cut, mut chunk) = (Vec::new(), false, vec![0; CHUNK]);
    loop {
        let read = pipe.read(&mut chunk).await.unwrap_or(0);
        if read == 0 {
            return (kept, cut);
        }
        let room = bound.saturating_sub(kept.len()).min(read);
        kept.extend_from_slice(&chunk[..room]);
        cut |= room < read;
    }
}
