//! What goes wrong between us and a model server.

use serde_json::Value;

use super::{
    support::model_server::{Fault, Lane, ModelServer, Reply as Scripted},
    *,
};

#[tokio::test]
async fn failures_that_may_pass_are_repeated_and_counted_once() {
    let faults = [
        Fault { http: Some(429), retry_after: Some(json!(0.01)), ..Fault::default() },
        Fault { http: Some(500), ..Fault::default() },
        Fault { drop: true, ..Fault::default() },
        Fault { end: true, ..Fault::default() },
        Fault { malformed: true, ..Fault::default() },
        Fault { failed: Some("server_error".to_owned()), ..Fault::default() },
    ];
    for wire in [Wire::Responses, Wire::Chat, Wire::Anthropic] {
        let fault =
            |fault: &Fault| Scripted { fault: Some(fault.clone()), ..Scripted::text("half of it is lost") };
        let mut replies: Vec<_> = faults.iter().map(fault).collect();
        replies.push(Scripted::text("whole"));
        let server = ModelServer::start(vec![Lane::any("main", replies)]).await;
        let (reply, chunks) = call(&open(&server, wire), &request(start(wire))).await;
        assert_eq!(reply.unwrap().usage.unwrap().total(), 110, "{wire:?}");
        assert_eq!(retries(&chunks), [1, 2, 3, 4, 5, 6], "{wire:?}");
        assert!(text(&chunks).ends_with("whole"));
    }
}

#[tokio::test]
async fn a_silent_server_is_given_up_after_six_retries() {
    let fault = Fault { stall_ms: 60_000, ..Fault::default() };
    let reply =
        Scripted { fault: Some(fault), ..Scripted::text("and then it says nothing more at all, for ever") };
    let server = ModelServer::start(vec![Lane { repeat: true, ..Lane::any("main", vec![reply]) }]).await;
    let limits = TimeLimits { idle: Duration::from_millis(30), ..TimeLimits::default() };
    let model =
        open(&server, Wire::Responses).with_timing(Backoff { base: Duration::from_millis(1) }, limits);
    let (result, chunks) = call(&model, &request(start(Wire::Responses))).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::GaveUp);
    assert_eq!(error.message, "the model server did not go on within 0.0 s (tried 7 times)");
    assert_eq!(retries(&chunks).len(), 6);
    assert_eq!(server.asked().len(), 7);
}

#[tokio::test]
async fn a_refusal_is_not_repeated_and_shows_no_key() {
    for status in [400, 401, 403, 404] {
        let echo = json!({ "message": format!("Incorrect API key provided: {KEY}") });
        let fault = Fault { http: Some(status), error: Some(echo), ..Fault::default() };
        let server = ModelServer::start(vec![Lane::any("main", vec![Scripted::fault(fault)])]).await;
        let (result, chunks) = call(&open(&server, Wire::Responses), &request(start(Wire::Responses))).await;
        let error = result.unwrap_err();
        assert_eq!(
            (error.kind.clone(), chunks, server.asked().len()),
            (ErrorKind::Refused, vec![], 1),
            "{status}"
        );
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
    let model = open(&ModelServer::start(vec![]).await, Wire::Responses);
    assert!(!format!("{model:?}").contains("canary"));
}

#[tokio::test]
async fn an_overflow_of_the_context_and_a_limit_are_told_apart() {
    let overflow = Fault { context_length: true, ..Fault::default() };
    let in_stream = Fault { failed: Some("context_length_exceeded".to_owned()), ..Fault::default() };
    let reset = json!({ "code": "usage_limit_reached", "resets_at": 4_102_444_800_u64 });
    let limit = Fault { http: Some(429), error: Some(reset), ..Fault::default() };
    let replies = vec![
        Scripted::fault(overflow),
        Scripted { fault: Some(in_stream), ..Scripted::text("x") },
        Scripted::fault(limit),
    ];
    let server = ModelServer::start(vec![Lane::any("main", replies)]).await;
    let model = open(&server, Wire::Responses);
    let until = Some("2100-01-01T00:00:00Z".to_owned());
    for kind in [ErrorKind::ContextOverflow, ErrorKind::ContextOverflow, ErrorKind::Limit { until }] {
        assert_eq!(call(&model, &request(start(Wire::Responses))).await.0.unwrap_err().kind, kind);
    }
}

#[tokio::test]
async fn summaries_that_the_account_lacks_are_asked_for_once() {
    let fault =
        Fault { http: Some(400), error: Some(json!({ "param": "reasoning.summary" })), ..Fault::default() };
    let replies = vec![Scripted::fault(fault), Scripted::text("a"), Scripted::text("b")];
    let server = ModelServer::start(vec![Lane::any("main", replies)]).await;
    let model = open(&server, Wire::Responses);
    call_ok(&model, start(Wire::Responses)).await;
    call_ok(&model, start(Wire::Responses)).await;
    let asked: Vec<_> = server.asked().iter().map(|asked| asked.body["reasoning"].clone()).collect();
    assert_eq!(asked, [json!({ "summary": "auto" }), Value::Null, Value::Null]);
}

#[tokio::test]
async fn cancelling_in_mid_stream_gives_what_had_streamed_and_leaves_the_server() {
    let mut reply = Scripted::text(&"word ".repeat(200));
    reply.pace.gate_mid = Some("middle".to_owned());
    let server = ModelServer::start(vec![Lane::any("main", vec![reply])]).await;
    let model = open(&server, Wire::Responses).with_timing(Backoff::default(), TimeLimits::default());
    let cancel = CancellationToken::new();
    let (sender, mut receiver) = mpsc::channel(16);
    let task = tokio::spawn({
        let cancel = cancel.clone();
        async move { model.call(&request(start(Wire::Responses)), sender, cancel).await }
    });
    server.held("middle").await;
    assert!(matches!(receiver.recv().await, Some(Chunk::Text(_))));
    cancel.cancel();
    let error = task.await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Cancelled);
    assert!(error.partial.starts_with("word word") && error.partial.len() < 1000, "{}", error.partial.len());
    server.wait_asked(|asked| asked[0].outcome == "cut").await;
    assert!(server.reported().is_empty());
}

#[tokio::test]
async fn ten_megabytes_are_taken_and_what_is_beyond_sixteen_is_refused() {
    let long = |megabytes: usize| {
        let mut reply = Scripted::text(&"x".repeat(megabytes * 1024 * 1024));
        reply.pace.chunk_chars = Some(512 * 1024);
        reply
    };
    let server = ModelServer::start(vec![Lane::any("main", vec![long(10), long(17)])]).await;
    let model = open(&server, Wire::Responses)
        .with_timing(Backoff { base: Duration::from_millis(1) }, TimeLimits::default());
    let (reply, chunks) = call(&model, &request(start(Wire::Responses))).await;
    assert!(reply.unwrap().items[0].get().len() > 10 * 1024 * 1024);
    assert_eq!(text(&chunks).len(), 10 * 1024 * 1024);
    let error = call(&model, &request(start(Wire::Responses))).await.0.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Refused, "the model's answer is longer than 16 MB")
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let server = ModelServer::start(vec![]).await;
    let model = open(&server, Wire::Responses);
    let url = server.v1();
    drop(server);
    let error = call(&model, &request(start(Wire::Responses))).await.0.unwrap_err();
    assert_eq!(error.kind, ErrorKind::GaveUp);
    assert!(error.message.starts_with(&format!("the model server '{url}' cannot be reached")), "{error}");
}
