//! One target: spans wait in a bounded queue and go out in batches. A failure is said once; while the target fails,
//! it is tried again after a growing while, and the oldest spans are dropped when too many wait.

use std::{collections::VecDeque, time::Duration};

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use super::{Target, otlp, span::Span};

/// Spans that may wait.
const MAX_WAITING: usize = 4096;
/// Roughly the bytes that they may take.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Spans of one request, and roughly their bytes.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 1024 * 1024;
/// How long a connection may take, and a whole request.
const CONNECT: Duration = Duration::from_secs(2);
const REQUEST: Duration = Duration::from_secs(5);
/// The first and the longest pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Sends to one target.
#[derive(Debug)]
pub(super) struct Sender {
    name: &'static str,
    url: String,
    /// `None`: there can be no client; everything is dropped.
    client: Option<reqwest::Client>,
    resource: Vec<(&'static str, String)>,
    waiting: VecDeque<Span>,
    bytes: usize,
    trouble: Trouble,
}

#[derive(Debug, Default)]
struct Trouble {
    /// It has been said.
    said: bool,
    pause: Duration,
    /// Not before this.
    until: Option<Instant>,
    dropped: u64,
}

/// What one request came to.
enum Failure {
    /// It may work later.
    Later(String),
    /// These spans will never be taken.
    Never(String),
}

impl Sender {
    /// For a target; the resource's own attributes come before the target's.
    pub(super) fn new(target: Target, common: &[(&'static str, String)]) -> Self {
        let resource = common.iter().cloned().chain(target.resource).collect();
        // Another part of the process may have chosen a provider already: that one serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(REQUEST)
            // Headers hold keys: they go to nobody else.
            .redirect(reqwest::redirect::Policy::none())
            .default_headers(headers(&target.headers))
            .user_agent(concat!("zwarm-tui/", env!("CARGO_PKG_VERSION")))
            .build()
            .inspect_err(|error| tracing::warn!("no traces: there is no HTTP client: {error}"))
            .ok();
        let (waiting, trouble) = (VecDeque::new(), Trouble::default());
        Self { name: target.name, url: target.url, client, resource, waiting, bytes: 0, trouble }
    }

    /// Puts spans into the queue.
    pub(super) fn push(&mut self, spans: &[Span]) {
        for span in spans {
            self.bytes += span.weight();
            self.waiting.push_back(span.clone());
        }
        while self.waiting.len() > MAX_WAITING || self.bytes > MAX_BYTES {
            self.take(1);
            self.trouble.dropped += 1;
        }
    }

    /// Whether a full batch waits that may go out now.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= BATCH && self.trouble.until.is_none_or(|until| until <= Instant::now())
    }

    /// Sends what waits, batch by batch, until nothing waits or something fails. A warning, the first time.
    pub(super) async fn send(&mut self) -> Option<String> {
        if self.trouble.until.is_some_and(|until| until > Instant::now()) {
            return None;
        }
        while !self.waiting.is_empty() {
            let count = self.batch();
            let batch = self.waiting.make_contiguous().get(..count).unwrap_or_default();
            let body = otlp::request(&self.resource, batch);
            match self.post(body).await {
                Ok(()) => {
                    self.take(count);
                    self.trouble.until = None;
                    self.trouble.pause = Duration::ZERO;
                }
                Err(Failure::Never(why)) => {
                    self.take(count);
                    self.trouble.dropped += count as u64;
                    return self.failed(&why);
                }
                Err(Failure::Later(why)) => return self.failed(&why),
            }
        }
        None
    }

    /// The last words: what still waits after it is lost.
    pub(super) async fn close(&mut self, within: Duration) -> Option<String> {
        self.trouble.until = None;
        let said = match tokio::time::timeout(within, self.send()).await {
            Ok(said) => said,
            Err(_) => self.failed("it takes too long"),
        };
        let lost = self.trouble.dropped + self.waiting.len() as u64;
        if lost > 0 {
            tracing::warn!("{lost} spans could not be sent to '{}' ({})", self.url, self.name);
        }
        said
    }

    /// How many of the first spans go together.
    fn batch(&self) -> usize {
        let mut bytes = 0;
        let fits = |span: &&Span| {
            bytes += span.weight();
            bytes <= BATCH_BYTES
        };
        self.waiting.iter().take(BATCH).take_while(fits).count().max(1)
    }

    fn take(&mut self, count: usize) {
        for span in self.waiting.drain(..count.min(self.waiting.len())) {
            self.bytes = self.bytes.saturating_sub(span.weight());
        }
    }

    fn failed(&mut self, why: &str) -> Option<String> {
        let trouble = &mut self.trouble;
        trouble.pause = (trouble.pause * 2).clamp(PAUSE, LONGEST_PAUSE);
        trouble.until = Some(Instant::now() + trouble.pause);
        let first = !std::mem::replace(&mut trouble.said, true);
        first.then(|| {
            format!("traces do not reach '{}' ({}): {why}; the run is not affected", self.url, self.name)
        })
    }

    async fn post(&self, body: Vec<u8>) -> Result<(), Failure> {
        let Some(client) = &self.client else {
            return Err(Failure::Never("there is no HTTP client".to_owned()));
        };
        let sent =
            client.post(&self.url).header(CONTENT_TYPE, "application/x-protobuf").body(body).send().await;
        let response = sent.map_err(|error| Failure::Later(reason(&error)))?;
        let status = response.status();
        match status.as_u16() {
            200..300 => Ok(()),
            // As OTLP has it: these may pass.
            429 | 502..=504 => Err(Failure::Later(format!("the answer was {status}"))),
            _ => Err(Failure::Never(format!("the answer was {status}"))),
        }
    }
}

/// Without the URL, which may hold a key, and with the innermost cause.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it takes too long".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    crate::text::clean_line(&cause.to_string()).into_string()
}

fn headers(wanted: &[(String, String)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in wanted {
        let (Ok(name), Ok(mut value)) =
            (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()))
        else {
            tracing::warn!("the header '{name}' of the traces cannot be sent");
            continue;
        };
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    headers
}
