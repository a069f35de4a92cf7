//! One attempt at a model server: the client, the headers, the time limits, the stream. What is sent and how events
//! are read is the dialect's; whether to try again is [`super::retry`]'s.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use reqwest::{Client, Response, header};
use tokio::{sync::mpsc, time::timeout};

use super::{
    Chunk, ErrorKind, Reply, Request, anthropic, openai_chat, openai_responses,
    retry::{Failure, Refusal},
    sse,
};
use crate::protocol::Wire;

/// Bytes that are read of an error's body.
const MAX_ERROR: usize = 64 * 1024;
/// Bytes of partial text that are kept for a failed call.
const MAX_PARTIAL: usize = super::MAX_REPLY;

/// How long a server may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimits {
    /// Until the connection stands.
    pub connect: Duration,
    /// From the request to the first byte of the answer.
    pub first_byte: Duration,
    /// Between two pieces of the answer (a model may think for minutes without a word).
    pub idle: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            first_byte: Duration::from_secs(300),
            idle: Duration::from_secs(300),
        }
    }
}

/// A key. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A model server.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub wire: Wire,
    /// Up to and including `/v1`.
    pub base_url: String,
    pub key: Option<Secret>,
    /// Where the key comes from.
    pub key_from: String,
    client: Arc<OnceLock<Client>>,
    /// The account gets no summaries of reasoning.
    no_summary: Arc<AtomicBool>,
}

/// What was heard of the running attempt.
pub struct Heard {
    pub chunks: mpsc::Sender<Chunk>,
    pub text: String,
}

impl Heard {
    /// Passes a piece on and keeps its text.
    pub async fn tell(&mut self, chunk: Chunk) {
        if let Chunk::Text(text) = &chunk
            && self.text.len() + text.len() <= MAX_PARTIAL
        {
            self.text.push_str(text);
        }
        // Nobody listens: the reply itself still counts.
        let _ = self.chunks.send(chunk).await;
    }
}

enum Machine {
    Responses(openai_responses::Machine),
    Chat(openai_chat::Machine),
    Anthropic(anthropic::Machine),
}

impl Endpoint {
    /// No network is touched.
    pub fn new(wire: Wire, base_url: String, key: Option<Secret>, key_from: String) -> Self {
        let (client, no_summary) = <(Arc<OnceLock<Client>>, Arc<AtomicBool>)>::default();
        Self { wire, base_url, key, key_from, client, no_summary }
    }

    /// Leaves out what this account was seen not to have.
    pub fn without_summary(&self) {
        self.no_summary.store(true, Ordering::Relaxed);
    }

    /// One attempt.
    pub async fn attempt(
        &self,
        model: &str,
        request: &Request,
        limits: &TimeLimits,
        heard: &mut Heard,
    ) -> Result<Reply, Failure> {
        let response = timeout(limits.first_byte, self.send(model, request, limits)?.send()).await;
        let response =
            response.map_err(|_| silent("answer", limits.first_byte))?.map_err(|error| self.lost(&error))?;
        if !response.status().is_success() {
            return Err(self.refused(model, response, limits).await);
        }
        let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if self.wire == Wire::Chat && kind.is_some_and(|kind| kind.starts_with("application/json")) {
            return self.whole(response, limits, heard).await;
        }
        self.stream(response, limits, heard).await
    }

    fn send(
        &self,
        model: &str,
        request: &Request,
        limits: &TimeLimits,
    ) -> Result<reqwest::RequestBuilder, Failure> {
        let summary = !self.no_summary.load(Ordering::Relaxed);
        let (path, body) = match self.wire {
            Wire::Responses => ("responses", openai_responses::body(model, request, summary)),
            Wire::Chat => ("chat/completions", openai_chat::body(model, request)),
            Wire::Anthropic => ("messages", anthropic::body(model, request)),
        };
        let body = body.map_err(|error| refuse(format!("the request cannot be written: {error}"), ""))?;
        let url = format!("{}/{path}", self.base_url);
        let mut builder = self
            .client(limits)?
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "text/event-stream")
            .body(body);
        if self.wire == Wire::Anthropic {
            builder = builder.header("anthropic-version", "2023-06-01");
        }
        if let Some(key) = &self.key {
            builder = builder.header(self.key_header(), self.key_value(key)?);
        }
        Ok(builder)
    }

    fn key_header(&self) -> &'static str {
        if self.wire == Wire::Anthropic { "x-api-key" } else { "authorization" }
    }

    fn key_value(&self, key: &Secret) -> Result<header::HeaderValue, Failure> {
        let text = if self.wire == Wire::Anthropic { key.0.clone() } else { format!("Bearer {}", key.0) };
        let value = header::HeaderValue::from_str(&text);
        let mut value = value.map_err(|_| {
            refuse(format!("the key in '{}' has characters that no key has", self.key_from), "set it again")
        })?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// The client, made at first use (it loads certificates).
    fn client(&self, limits: &TimeLimits) -> Result<&Client, Failure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // Another part of the process may have chosen a provider already: that one serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .connect_timeout(limits.connect)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("zwarm-tui/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| refuse(format!("no HTTP client: {}", causes(&error)), ""))?;
        Ok(self.client.get_or_init(|| client))
    }

    async fn refused(&self, model: &str, response: Response, limits: &TimeLimits) -> Failure {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let body = timeout(limits.idle, bounded(response, MAX_ERROR)).await.unwrap_or_default();
        let body = self.scrub(&String::from_utf8_lossy(&body));
        let refusal = Refusal {
            status,
            retry_after: text("retry-after"),
            retry_after_ms: text("retry-after-ms"),
            body: &body,
            model,
            key_from: &self.key_from,
        };
        refusal.judge(Timestamp::now())
    }

    async fn stream(
        &self,
        mut response: Response,
        limits: &TimeLimits,
        heard: &mut Heard,
    ) -> Result<Reply, Failure> {
        let mut decoder = sse::Decoder::default();
        let mut machine = Machine::new(self.wire);
        let mut limit = limits.first_byte;
        loop {
            let piece = timeout(limit, response.chunk()).await.map_err(|_| silent("go on", limit))?;
            let piece = piece.map_err(|error| self.lost(&error))?;
            limit = limits.idle;
            let ended = piece.is_none();
            let events = match &piece {
                Some(bytes) => decoder
                    .push(bytes)
                    .map_err(|error| refuse(format!("the model's answer cannot be read: {error}"), ""))?,
                None => decoder.finish().into_iter().collect(),
            };
            for event in events {
                let chunks =
                    machine.push(&event, Timestamp::now()).map_err(|failure| self.scrubbed(failure))?;
                for chunk in chunks {
                    heard.tell(chunk).await;
                }
                if let Some(reply) = machine.take(false) {
                    return Ok(reply);
                }
            }
            if ended {
                let cut = || Failure::again("the model's stream was cut before its end");
                return machine.take(true).ok_or_else(cut);
            }
        }
    }

    async fn whole(
        &self,
        response: Response,
        limits: &TimeLimits,
        heard: &mut Heard,
    ) -> Result<Reply, Failure> {
        let body = timeout(limits.idle, bounded(response, sse::MAX_EVENT)).await;
        let body = body.map_err(|_| silent("go on", limits.idle))?;
        let mut machine = openai_chat::Machine::default();
        for chunk in machine.whole(&String::from_utf8_lossy(&body), Timestamp::now())? {
            heard.tell(chunk).await;
        }
        machine.take(true).ok_or_else(|| Failure::again("the model's answer is not complete"))
    }

    /// A connection that failed or broke.
    fn lost(&self, error: &reqwest::Error) -> Failure {
        let what = if error.is_connect() { "cannot be reached" } else { "broke the connection" };
        let causes = super::retry::tidy(&self.scrub(&causes(error)));
        let mut failure = Failure::again(format!("the model server '{}' {what}: {causes}", self.base_url));
        failure.hint = "check the base URL and the network".to_owned();
        failure
    }

    fn scrubbed(&self, failure: Failure) -> Failure {
        Failure { message: self.scrub(&failure.message), ..failure }
    }

    /// Text of others without our key.
    fn scrub(&self, text: &str) -> String {
        match &self.key {
            Some(key) if !key.0.is_empty() => text.replace(&key.0, "[key]"),
            _ => text.to_owned(),
        }
    }
}

impl Machine {
    fn new(wire: Wire) -> Self {
        match wire {
            Wire::Responses => Self::Responses(openai_responses::Machine::default()),
            Wire::Chat => Self::Chat(openai_chat::Machine::default()),
            Wire::Anthropic => Self::Anthropic(anthropic::Machine::default()),
        }
    }

    fn push(&mut self, event: &sse::Event, now: Timestamp) -> Result<Vec<Chunk>, Failure> {
        match self {
            Self::Responses(machine) => machine.push(event, now),
            Self::Chat(machine) => machine.push(event, now),
            Self::Anthropic(machine) => machine.push(event, now),
        }
    }

    fn take(&mut self, ended: bool) -> Option<Reply> {
        match self {
            Self::Responses(machine) => machine.take(),
            Self::Chat(machine) => machine.take(ended),
            Self::Anthropic(machine) => machine.take(),
        }
    }
}

fn refuse(message: String, hint: &str) -> Failure {
    Failure::stop(ErrorKind::Refused, message, hint)
}

fn silent(what: &str, limit: Duration) -> Failure {
    Failure::again(format!("the model server did not {what} within {:.1} s", limit.as_secs_f64()))
}

/// An error and what lies below it, without the URL (it may carry a key).
fn causes(error: &reqwest::Error) -> String {
    let mut texts = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        texts.push(error.to_string());
        source = error.source();
    }
    texts.pop().unwrap_or_else(|| "no more is known".to_owned())
}

/// A body up to a length; what broke off is as good as ended here.
async fn bounded(mut response: Response, most: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(piece)) = response.chunk().await {
        body.extend_from_slice(&piece);
        if body.len() > most {
            body.truncate(most);
            break;
        }
    }
    body
}
