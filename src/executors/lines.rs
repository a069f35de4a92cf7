//! Reading what a child prints: lines with a cap that still drains, and the tail of its stderr. Knows no protocol.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    task::JoinHandle,
};

/// Longest line that is kept, in bytes; what is longer is read, thrown away and counted.
pub(super) const MAX_LINE: usize = 32 * 1024 * 1024;
/// How much of a child's stderr is kept: its end, in bytes.
pub(super) const STDERR_TAIL: usize = 4 * 1024;
/// How long the end of a child's stderr is waited for after it has died.
const STDERR_WAIT: Duration = Duration::from_millis(300);

/// One line, without its newline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// Its text; bytes that are not UTF-8 are replaced.
    pub(super) text: String,
    /// Bytes beyond [`MAX_LINE`] that are not in `text`.
    pub(super) cut: u64,
}

/// Reads lines. [`Lines::next`] is cancel-safe: what was read stays here.
#[derive(Debug)]
pub(super) struct Lines<R> {
    from: BufReader<R>,
    line: Vec<u8>,
    cut: u64,
    most: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(from: R) -> Self {
        Self::with_cap(from, MAX_LINE)
    }

    fn with_cap(from: R, most: usize) -> Self {
        Self { from: BufReader::with_capacity(64 * 1024, from), line: Vec::new(), cut: 0, most }
    }

    /// The next line; the last one may lack its newline. `None`: the end. A failing pipe is the end too.
    pub(super) async fn next(&mut self) -> Option<Line> {
        loop {
            let (used, whole) = match self.from.fill_buf().await {
                Ok([]) => return self.last(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return self.last(),
                Ok(bytes) => {
                    let end = memchr::memchr(b'\n', bytes);
                    let piece = &bytes[..end.unwrap_or(bytes.len())];
                    let kept = piece.len().min(self.most.saturating_sub(self.line.len()));
                    self.line.extend_from_slice(&piece[..kept]);
                    self.cut += (piece.len() - kept) as u64;
                    (piece.len() + usize::from(end.is_some()), end.is_some())
                }
            };
            self.from.consume(used);
            if whole {
                return Some(self.take());
            }
        }
    }

    fn last(&mut self) -> Option<Line> {
        (!self.line.is_empty() || self.cut > 0).then(|| self.take())
    }

    fn take(&mut self) -> Line {
        let bytes = std::mem::take(&mut self.line);
        let cut = std::mem::take(&mut self.cut);
        let mut text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        if text.ends_with('\r') {
            text.pop();
        }
        Line { text, cut }
    }
}

/// The end of a child's stderr. A task drains the pipe until its end, or until this is dropped.
#[derive(Debug)]
pub(super) struct StderrTail {
    kept: Arc<Mutex<VecDeque<u8>>>,
    task: JoinHandle<()>,
}

impl StderrTail {
    pub(super) fn drain(stderr: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let kept = Arc::new(Mutex::new(VecDeque::new()));
        let task = tokio::spawn(drain(stderr, kept.clone()));
        Self { kept, task }
    }

    /// What is known of it now, trimmed.
    pub(super) fn text(&self) -> String {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.iter().copied().collect();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }

    /// Its end after the child has died: waits shortly for the pipe to close.
    pub(super) async fn end(&mut self) -> String {
        if !self.task.is_finished() {
            let _ = tokio::time::timeout(STDERR_WAIT, &mut self.task).await;
        }
        self.text()
    }
}

impl Drop for StderrTail {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn drain(stderr: impl AsyncRead + Unpin, kept: Arc<Mutex<VecDeque<u8>>>) {
    let mut from = BufReader::new(stderr);
    loop {
        let used = match from.fill_buf().await {
            Ok([]) | Err(_) => return,
            Ok(bytes) => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(bytes);
                let over = kept.len().saturating_sub(STDERR_TAIL);
                kept.drain(..over);
                bytes.len()
            }
        };
        from.consume(used);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_beyond_the_cap_is_cut_counted_and_drained() {
        let text = format!("short\r\n{}\nafter\nno newline", "x".repeat(100));
        let mut lines = Lines::with_cap(text.as_bytes(), 10);
        let mut seen = Vec::new();
        while let Some(line) = lines.next().await {
            seen.push((line.text, line.cut));
        }
        assert_eq!(
            seen,
            [("short".into(), 0), ("x".repeat(10), 90), ("after".into(), 0), ("no newline".into(), 0)]
        );
    }

    #[tokio::test]
    async fn a_line_in_pieces_survives_a_cancelled_read() {
        let (mut to, from) = tokio::io::duplex(64);
        let mut lines = Lines::new(from);
        tokio::io::AsyncWriteExt::write_all(&mut to, b"one ha").await.unwrap();
        tokio::select! {
            biased;
            line = lines.next() => panic!("not whole yet: {line:?}"),
            () = tokio::task::yield_now() => {}
        }
        tokio::io::AsyncWriteExt::write_all(&mut to, b"lf\n").await.unwrap();
        assert_eq!(lines.next().await, Some(Line { text: "one half".into(), cut: 0 }));
    }

    #[tokio::test]
    async fn the_tail_of_stderr_is_its_end() {
        let text = format!("{}the end\n", "noise ".repeat(2_000));
        let mut tail = StderrTail::drain(std::io::Cursor::new(text.into_bytes()));
        let end = tail.end().await;
        assert!(end.ends_with("noise the end") && end.len() <= STDERR_TAIL, "{end}");
    }
}
