use super::*;

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn judge(status: u16, body: &str) -> Failure {
    Refusal { status, body, model: "gpt-5", key_from: "OPENAI_API_KEY", ..Refusal::default() }.judge(now())
}

#[test]
fn waits_double_up_to_a_minute_and_are_shortened_at_random() {
    let backoff = Backoff::default();
    let longest: Vec<_> = (1..=8).map(|retry| backoff.wait(retry, 1.0).as_secs()).collect();
    assert_eq!(longest, [1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(backoff.wait(3, 0.5), Duration::from_secs(2));
    assert_eq!(backoff.wait(3, 0.0), Duration::ZERO);
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    assert_eq!(retry_after("1.5", now()), Some(Duration::from_millis(1500)));
    assert_eq!(retry_after("Tue, 24 Nov 2026 12:00:30 GMT", now()), Some(Duration::from_secs(30)));
    assert_eq!(retry_after("Tue, 24 Nov 2026 11:00:00 GMT", now()), Some(Duration::ZERO));
    assert_eq!(retry_after("soon", now()), None);
    assert_eq!(retry_after("-3", now()), None);
}

#[test]
fn statuses_are_told_apart() {
    for status in [408, 429, 500, 502, 503, 529] {
        assert_eq!(judge(status, "").next, Next::Again { after: None }, "{status}");
    }
    for status in [400, 401, 403, 404, 422, 302] {
        assert_eq!(judge(status, "").next, Next::Stop(ErrorKind::Refused), "{status}");
    }
    let unauthorised = judge(401, r#"{"error":{"message":"Incorrect API key provided: sk-abc123456789."}}"#);
    assert_eq!(
        unauthorised.message,
        "the model server answered 401 to 'gpt-5': Incorrect API key provided: [key]"
    );
    assert_eq!(unauthorised.hint, "check the key in 'OPENAI_API_KEY'");
}

#[test]
fn a_wait_that_is_too_long_is_a_limit_with_a_reset() {
    let refusal = Refusal { status: 429, retry_after: Some("3600"), model: "m", ..Refusal::default() };
    let until = Some("2026-11-24T13:00:00Z".to_owned());
    assert_eq!(refusal.judge(now()).next, Next::Stop(ErrorKind::Limit { until: until.clone() }));
    let short = Refusal { retry_after: Some("7"), ..refusal };
    assert_eq!(short.judge(now()).next, Next::Again { after: Some(Duration::from_secs(7)) });
    let body = r#"{"error":{"type":"usage_limit_reached","message":"x","resets_in_seconds":3600}}"#;
    assert_eq!(judge(429, body).next, Next::Stop(ErrorKind::Limit { until }));
    let body = r#"{"error":{"code":"insufficient_quota","message":"You exceeded your current quota"}}"#;
    assert_eq!(judge(429, body).next, Next::Stop(ErrorKind::Refused));
}

#[test]
fn a_context_that_is_too_long_is_recognised_in_every_dialect() {
    for body in [
        r#"{"error":{"code":"context_length_exceeded","message":"x"}}"#,
        r#"{"error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
        r#"{"error":"the request exceeds the available context size"}"#,
    ] {
        assert_eq!(judge(400, body).next, Next::Stop(ErrorKind::ContextOverflow), "{body}");
    }
    let error = serde_json::json!({ "code": "context_length_exceeded", "message": "too long" });
    assert_eq!(in_stream(&error, now()).next, Next::Stop(ErrorKind::ContextOverflow));
    assert_eq!(
        in_stream(&serde_json::json!({ "code": "server_error" }), now()).next,
        Next::Again { after: None }
    );
}

#[test]
fn words_of_a_server_are_one_bounded_line() {
    let text = format!("<html>\u{1b}[31m{}\n{}", "a".repeat(300), "b".repeat(300));
    let line = tidy(&text);
    assert!(!line.chars().any(char::is_control));
    assert!(line.chars().count() < 450 && line.ends_with("characters left out)"), "{line}");
}
