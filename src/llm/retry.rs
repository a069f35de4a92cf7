//! What a failure means: try again (when), give up, sleep until a limit is lifted. Pure; the time is an argument.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::ErrorKind;

/// How often a failed call is repeated.
pub const MAX_RETRIES: u32 = 6;
/// The longest wait between two attempts; a server that asks for more has a limit with a reset.
pub const MAX_WAIT: Duration = Duration::from_secs(60);
/// Characters of a provider's own words that are passed on.
const MAX_WORDS: usize = 400;

/// Why an attempt failed and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub next: Next,
    /// One sentence.
    pub message: String,
    pub hint: String,
}

/// What to do after a failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try again: after what the server asked for, or after the backoff.
    Again { after: Option<Duration> },
    /// Try again at once without asking for reasoning summaries (the account may not have them).
    WithoutSummary,
    /// Nothing helps but a human.
    Stop(ErrorKind),
}

impl Failure {
    /// A failure that may pass.
    pub fn again(message: impl Into<String>) -> Self {
        Self { next: Next::Again { after: None }, message: message.into(), hint: String::new() }
    }

    /// A failure that will not pass by itself.
    pub fn stop(kind: ErrorKind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { next: Next::Stop(kind), message: message.into(), hint: hint.into() }
    }
}

/// Waits between attempts: 1, 2, 4 … 60 times `base`, each shortened at random ("full jitter").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    pub base: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base: Duration::from_secs(1) }
    }
}

impl Backoff {
    /// The wait before retry number `retry` (from 1). `random`: from 0 to 1.
    pub fn wait(&self, retry: u32, random: f64) -> Duration {
        let factor = 2u32.saturating_pow(retry.saturating_sub(1));
        let longest = self.base.saturating_mul(factor).min(MAX_WAIT);
        longest.mul_f64(random.clamp(0.0, 1.0))
    }
}

/// An answer that is an error.
#[derive(Clone, Debug, Default)]
pub struct Refusal<'a> {
    pub status: u16,
    /// `Retry-After`, as it came.
    pub retry_after: Option<&'a str>,
    /// `Retry-After-Ms`, as it came.
    pub retry_after_ms: Option<&'a str>,
    pub body: &'a str,
    /// The model's name, for the message.
    pub model: &'a str,
    /// Where the key comes from, for the hint.
    pub key_from: &'a str,
}

impl Refusal<'_> {
    /// What it means.
    pub fn judge(&self, now: Timestamp) -> Failure {
        let body: Value = serde_json::from_str(self.body).unwrap_or_default();
        let error = body.get("error").unwrap_or(&body);
        let words = words(error).unwrap_or_else(|| tidy(self.body));
        let said = format!("the model server answered {} to '{}': {words}", self.status, self.model);
        let code = code(error);
        if self.status == 413 || is_overflow(&code, &words) {
            return overflow(&words);
        }
        if self.status == 400 && error["param"] == "reasoning.summary" {
            return Failure { next: Next::WithoutSummary, message: said, hint: String::new() };
        }
        if let Some(failure) = limit(&code, error, &said, now) {
            return failure;
        }
        let after = self.after(now);
        match self.status {
            401 | 403 => {
                Failure::stop(ErrorKind::Refused, said, format!("check the key in '{}'", self.key_from))
            }
            404 => Failure::stop(ErrorKind::Refused, said, "check 'orchestrator.lm' and the base URL"),
            408 | 409 | 425 | 429 | 500..=599 => again_or_limit(said, after, now),
            _ => Failure::stop(
                ErrorKind::Refused,
                said,
                "the request is not acceptable to this server or model",
            ),
        }
    }

    fn after(&self, now: Timestamp) -> Option<Duration> {
        let millis = self.retry_after_ms.and_then(|text| text.trim().parse::<u64>().ok());
        millis.map(Duration::from_millis).or_else(|| retry_after(self.retry_after?, now))
    }
}

/// Reads `Retry-After`: seconds (fractions too) or a date.
pub fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return (0.0..=1e9).contains(&seconds).then(|| Duration::from_secs_f64(seconds));
    }
    let date = Timestamp::try_from(httpdate::parse_http_date(text).ok()?).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

/// An error that came inside a stream: `{code, type, message, …}`.
pub fn in_stream(error: &Value, now: Timestamp) -> Failure {
    let words = words(error).unwrap_or_else(|| tidy(&error.to_string()));
    let said = format!("the model's answer failed: {words}");
    let code = code(error);
    if is_overflow(&code, &words) {
        return overflow(&words);
    }
    if let Some(failure) = limit(&code, error, &said, now) {
        return failure;
    }
    match code.as_str() {
        "invalid_prompt"
        | "invalid_request_error"
        | "authentication_error"
        | "permission_error"
        | "not_found_error"
        | "content_filter" => Failure::stop(ErrorKind::Refused, said, ""),
        _ => Failure::again(said),
    }
}

fn overflow(words: &str) -> Failure {
    Failure::stop(
        ErrorKind::ContextOverflow,
        format!("the history is longer than the model takes: {words}"),
        "lower 'orchestrator.compaction.max_tokens'",
    )
}

fn again_or_limit(said: String, after: Option<Duration>, now: Timestamp) -> Failure {
    match after {
        Some(wait) if wait > MAX_WAIT => {
            let until = SignedDuration::try_from(wait).ok().and_then(|wait| now.checked_add(wait).ok());
            limited(said, until)
        }
        after => Failure { next: Next::Again { after }, message: said, hint: String::new() },
    }
}

fn limited(said: String, until: Option<Timestamp>) -> Failure {
    let until = until.map(|until| until.to_string());
    Failure::stop(ErrorKind::Limit { until }, said, "the run can go on when the limit is lifted")
}

fn limit(code: &str, error: &Value, said: &str, now: Timestamp) -> Option<Failure> {
    if matches!(code, "insufficient_quota" | "billing_error" | "billing_hard_limit_reached")
        && reset(error, now).is_none()
    {
        return Some(Failure::stop(
            ErrorKind::Refused,
            said,
            "check the plan and the billing of this account",
        ));
    }
    let names_limit = matches!(code, "usage_limit_reached" | "insufficient_quota" | "usage_not_included");
    match reset(error, now) {
        Some(until) if names_limit || until.duration_since(now) > SignedDuration::from_secs(60) => {
            Some(limited(said.to_owned(), Some(until)))
        }
        None if code == "usage_limit_reached" => Some(limited(said.to_owned(), None)),
        _ => None,
    }
}

/// When a limit is lifted, as far as the error says.
fn reset(error: &Value, now: Timestamp) -> Option<Timestamp> {
    let number = |key: &str| error.get(key).and_then(Value::as_f64);
    if let Some(at) = number("resets_at") {
        return Timestamp::from_second(at as i64).ok();
    }
    if let Some(text) = error.get("resets_at").and_then(Value::as_str) {
        return text.parse().ok();
    }
    let seconds = number("resets_in_seconds")?;
    (0.0..=1e9).contains(&seconds).then(|| now.checked_add(SignedDuration::from_secs(seconds as i64)).ok())?
}

fn code(error: &Value) -> String {
    let text = |key: &str| error.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    text("code").or_else(|| text("type")).unwrap_or_default().to_owned()
}

fn words(error: &Value) -> Option<String> {
    let text = error.as_str().or_else(|| error.get("message").and_then(Value::as_str))?;
    Some(tidy(text)).filter(|text| !text.is_empty())
}

fn is_overflow(code: &str, words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    code == "context_length_exceeded"
        || ["context window", "context length", "context size", "prompt is too long", "maximum context"]
            .iter()
            .any(|sign| words.contains(sign))
}

/// One line without control characters, cut, and without anything that looks like a key.
pub fn tidy(text: &str) -> String {
    let line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(4 * MAX_WORDS).collect();
    let looks_secret = |word: &str| {
        let start = word.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        start.len() > 8 && (start.starts_with("sk-") || start.starts_with("sk_"))
    };
    let words = line.split_whitespace().map(|word| if looks_secret(word) { "[key]" } else { word });
    let line = words.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_WORDS) {
        Some((at, _)) => format!("{}… ({} characters left out)", &line[..at], line[at..].chars().count()),
        None => line,
    }
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
