//! What a `result` line, a retry and a limit mean.

use serde_json::Value;

use super::wire::text;
use crate::{
    executors::bound::{MAX_RESPONSE, MAX_SHORT, cut},
    protocol::event::Activity,
};

/// The status of a request that was refused by a limit.
const TOO_MANY: u64 = 429;

/// How one of claude's own turns ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    Answer(String),
    /// It was interrupted.
    Aborted,
    Failed(String),
    /// It failed by a rate or usage limit.
    Limited {
        message: String,
        until: Option<String>,
    },
}

/// Reads a `result`. `subtype: success` with `is_error: true` is a failure: errors of the API come so.
pub(super) fn outcome(message: &Value) -> Outcome {
    let result = text(message, "result");
    if message["is_error"] != true && text(message, "subtype") == "success" {
        return Outcome::Answer(cut(result, MAX_RESPONSE));
    }
    if text(message, "terminal_reason").starts_with("aborted") {
        return Outcome::Aborted;
    }
    let mut error = cut(result, MAX_SHORT);
    if error.is_empty() {
        let errors = message["errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
        error = cut(&errors.collect::<Vec<_>>().join("; "), MAX_SHORT);
    }
    if error.is_empty() {
        error = format!("claude ended the turn: {}", text(message, "subtype"));
    }
    let named = usage_limit(&error);
    if named.is_some() || message["api_error_status"].as_u64() == Some(TOO_MANY) {
        return Outcome::Limited { message: error, until: named };
    }
    Outcome::Failed(error)
}

/// `… usage limit reached|EPOCH`: the time after the bar.
fn usage_limit(error: &str) -> Option<String> {
    let (before, after) = error.rsplit_once('|')?;
    let seconds: i64 = after.trim().parse().ok()?;
    before.contains("limit").then(|| reset(&seconds.into())).flatten()
}

/// A time in seconds since 1970, as RFC 3339.
pub(super) fn reset(at: &Value) -> Option<String> {
    let seconds = at.as_i64().or_else(|| at.as_f64().map(|at| at as i64))?;
    jiff::Timestamp::from_second(seconds).ok().map(|at| at.to_string())
}

/// `api_retry`: claude tries a request again by itself.
pub(super) fn retry(message: &Value) -> Activity {
    let of = |key: &str| message[key].as_u64().unwrap_or(0);
    let status = message["error_status"].as_u64().map(|status| format!(" ({status})")).unwrap_or_default();
    let seconds = message["retry_delay_ms"].as_f64().unwrap_or(0.0) / 1000.0;
    let message = format!(
        "{}{status}: try {} of {} in {seconds:.1} s",
        text(message, "error"),
        of("attempt"),
        of("max_retries"),
    );
    Activity::Error { message, will_retry: true }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_success_that_is_an_error_is_a_failure() {
        let wrong = json!({"subtype": "success", "is_error": true, "api_error_status": 400, "result": "API Error: 400 no"});
        assert_eq!(outcome(&wrong), Outcome::Failed("API Error: 400 no".into()));
        let odd = json!({"subtype": "error_max_budget_usd", "is_error": true});
        assert_eq!(outcome(&odd), Outcome::Failed("claude ended the turn: error_max_budget_usd".into()));
        let lost = json!({"subtype": "error_during_execution", "is_error": true, "errors": ["No conversation found"]});
        assert_eq!(outcome(&lost), Outcome::Failed("No conversation found".into()));
    }

    #[test]
    fn a_limit_has_its_reset() {
        let limit = "Claude AI usage limit reached|1764000000";
        let reached = json!({"subtype": "success", "is_error": true, "result": limit});
        let until = Some("2025-11-24T16:00:00Z".to_owned());
        assert_eq!(outcome(&reached), Outcome::Limited { message: limit.into(), until });
        let rate =
            json!({"subtype": "success", "is_error": true, "api_error_status": 429, "result": "slow down"});
        assert_eq!(outcome(&rate), Outcome::Limited { message: "slow down".into(), until: None });
    }
}
