//! What goes wrong inside codex, told to a person, and the limits among it. Pure.

use jiff::Timestamp;
use serde_json::Value;

use super::item::text;
use crate::executors::bound::{self, MAX_SHORT};

/// A turn's error.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    /// One sentence with its details and, where something can be done, a hint.
    pub(super) message: String,
    /// A usage or rate limit.
    pub(super) limit: bool,
}

/// The message of an error object of `error` or of a failed turn, with its details.
pub(super) fn message(error: &Value) -> String {
    let mut message = text(error, "message").to_owned();
    let details = text(error, "additionalDetails");
    if !details.is_empty() && !message.contains(details) {
        message = format!("{message} ({details})");
    }
    if message.is_empty() {
        message = "codex failed without saying why".to_owned();
    }
    bound::cut(&message, MAX_SHORT)
}

/// Types an error.
pub(super) fn fault(error: &Value) -> Fault {
    let info = &error["codexErrorInfo"];
    let named = match info {
        Value::String(name) => name.as_str(),
        Value::Object(map) => map.keys().next().map_or("", String::as_str),
        _ => "",
    };
    let status = info.get(named).and_then(|inner| inner.get("httpStatusCode")).and_then(Value::as_u64);
    let hint = match (named, status) {
        ("usageLimitExceeded" | "sessionBudgetExceeded", _) => "wait for the reset of the plan's limit",
        ("rateLimitExceeded", _) | (_, Some(429)) => {
            "wait a little, or lower orchestrator.parallel_delegations"
        }
        ("unauthorized", _) | (_, Some(401 | 403)) => {
            "sign in with 'codex login', or check the key of its model provider"
        }
        ("contextWindowExceeded", _) => "start a new session for what is left",
        ("modelNotFound", _) | (_, Some(404)) => "set executor.model to a model that codex offers",
        ("sandboxError", _) => "look at executor.sandbox",
        ("serverOverloaded" | "internalServerError", _) | (_, Some(500..)) => "try again later",
        _ => "",
    };
    let message = message(error);
    let limit = matches!(named, "usageLimitExceeded" | "rateLimitExceeded");
    Fault { message: if hint.is_empty() { message } else { format!("{message} (hint: {hint})") }, limit }
}

/// When the limits of `account/rateLimits/updated` that are used up are free again: the latest reset among them.
pub(super) fn reset(limits: &Value) -> Option<String> {
    let windows = ["primary", "secondary"].into_iter().filter_map(|name| {
        let window = limits.get(name)?;
        let used = window.get("usedPercent")?.as_f64()?;
        (used >= 100.0).then(|| window.get("resetsAt")?.as_i64()).flatten()
    });
    let at = windows.max()?;
    Timestamp::from_second(at).ok().map(|at| at.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_limit_with_a_reset_is_known_and_a_bad_key_gets_a_hint() {
        let limits = json!({"primary": {"usedPercent": 100, "resetsAt": 1_795_502_806},
            "secondary": {"usedPercent": 40, "resetsAt": 1_795_999_999}});
        assert_eq!(reset(&limits).as_deref(), Some("2026-11-24T06:46:46Z"));
        assert_eq!(reset(&json!({"primary": null})), None);
        assert!(fault(&json!({"message": "x", "codexErrorInfo": "usageLimitExceeded"})).limit);
        let bad_key =
            json!({"message": "m", "codexErrorInfo": {"httpConnectionFailed": {"httpStatusCode": 401}}});
        let expected = "m (hint: sign in with 'codex login', or check the key of its model provider)";
        assert_eq!(fault(&bad_key), Fault { message: expected.into(), limit: false });
        assert_eq!(fault(&json!(null)).message, "codex failed without saying why");
    }
}
