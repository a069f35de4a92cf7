//! Playing a reply: frames of a stream with delays, gates and faults.

use std::{io, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Chosen, Shared, anthropic, chat, lanes::Wire, responses};

/// One event of a stream.
pub struct Frame {
    pub event: Option<&'static str>,
    pub data: String,
    /// This one carries the tokens of the reply.
    pub counts: bool,
}

impl Frame {
    pub fn new(event: Option<&'static str>, data: &Value) -> Self {
        Self { event, data: data.to_string(), counts: false }
    }

    fn bytes(&self) -> Bytes {
        let event = self.event.map(|event| format!("event: {event}\n")).unwrap_or_default();
        Bytes::from(format!("{event}data: {}\n\n", self.data))
    }
}

/// Answers a request.
pub async fn play(shared: Arc<Shared>, number: u64, wire: Wire, body: &Value, chosen: Chosen) -> Response {
    let reply = &chosen.reply;
    let fault = reply.fault.clone().unwrap_or_default();
    if fault.http.is_some() || fault.context_length {
        hold(&shared, reply.pace.gate.as_deref()).await;
        tokio::time::sleep(Duration::from_millis(reply.pace.delay_ms)).await;
        shared.finish(number, "fault");
        return refuse(wire, &fault);
    }
    let streams = body.get("stream").and_then(Value::as_bool).unwrap_or(false);
    if !streams {
        hold(&shared, reply.pace.gate.as_deref()).await;
        let whole = match wire {
            Wire::Responses => responses::whole(&shared, body, reply),
            Wire::Chat => chat::whole(&shared, body, reply),
            Wire::Messages => anthropic::whole(&shared, body, reply),
        };
        count(&shared, &chosen);
        shared.finish(number, "done");
        return respond(200, "application/json", Body::from(whole.to_string()));
    }
    let frames = match wire {
        Wire::Responses => responses::frames(&shared, body, reply),
        Wire::Chat => chat::frames(&shared, body, reply),
        Wire::Messages => anthropic::frames(&shared, body, reply),
    };
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(async move {
        let outcome = tokio::select! {
            outcome = send_all(&shared, &chosen, frames, wire, &sender) => outcome,
            () = sender.closed() => "cut",
        };
        shared.finish(number, outcome);
    });
    let stream = futures_util::stream::unfold(receiver, |mut receiver: mpsc::Receiver<_>| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    respond(200, "text/event-stream", Body::from_stream(stream))
}

type Sender = mpsc::Sender<io::Result<Bytes>>;

async fn send_all(
    shared: &Shared,
    chosen: &Chosen,
    frames: Vec<Frame>,
    wire: Wire,
    sender: &Sender,
) -> &'static str {
    let pace = &chosen.reply.pace;
    let fault = chosen.reply.fault.clone().unwrap_or_default();
    hold(shared, pace.gate.as_deref()).await;
    tokio::time::sleep(Duration::from_millis(pace.delay_ms)).await;
    let middle = frames.len() / 2;
    for (at, frame) in frames.iter().enumerate() {
        if at == middle {
            hold(shared, pace.gate_mid.as_deref()).await;
            if fault.stall_ms > 0 {
                tokio::time::sleep(Duration::from_millis(fault.stall_ms)).await;
            }
            if fault.malformed {
                let _ = sender.send(Ok(Bytes::from_static(b"data: {\"type\": oops\n\n"))).await;
            }
            if let Some(code) = &fault.failed {
                let _ = sender.send(Ok(failed(wire, code, fault.error.as_ref()).bytes())).await;
                return "fault";
            }
            if fault.drop {
                let _ = sender.send(Err(io::ErrorKind::ConnectionReset.into())).await;
                return "fault";
            }
            if fault.end {
                return "fault";
            }
        }
        if pace.chunk_ms > 0 && at > 0 {
            tokio::time::sleep(Duration::from_millis(pace.chunk_ms)).await;
        }
        if sender.send(Ok(frame.bytes())).await.is_err() {
            return "cut";
        }
        if frame.counts {
            count(shared, chosen);
        }
    }
    "done"
}

fn count(shared: &Shared, chosen: &Chosen) {
    if !chosen.reply.no_usage {
        shared.lock().totals.entry(chosen.lane.clone()).or_default().add(chosen.reply.tokens());
    }
}

async fn hold(shared: &Shared, gate: Option<&str>) {
    let Some(name) = gate else { return };
    let gate = shared.gate(name);
    let mut open = gate.open.subscribe();
    gate.waiting.send_modify(|count| *count += 1);
    struct Leave<'a>(&'a super::Gate);
    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            self.0.waiting.send_modify(|count| *count -= 1);
        }
    }
    let _leave = Leave(&gate);
    let _ = open.wait_for(|&open| open).await;
}

fn failed(wire: Wire, code: &str, more: Option<&Value>) -> Frame {
    let mut error = json!({ "code": code, "type": code, "message": format!("scripted failure: {code}") });
    extend(&mut error, more);
    match wire {
        Wire::Responses => {
            let response = json!({ "id": "resp_failed", "status": "failed", "error": error });
            Frame::new(Some("response.failed"), &json!({ "type": "response.failed", "response": response }))
        }
        Wire::Chat => Frame::new(None, &json!({ "error": error })),
        Wire::Messages => Frame::new(Some("error"), &json!({ "type": "error", "error": error })),
    }
}

fn refuse(wire: Wire, fault: &super::Fault) -> Response {
    let status = fault.http.unwrap_or(400);
    let (code, message) = match (fault.context_length, status) {
        (true, _) => ("context_length_exceeded", "Your input exceeds the context window of this model."),
        (_, 401) => ("invalid_api_key", "Incorrect API key provided: sk-scripted-000000000000."),
        (_, 429) => ("rate_limit_exceeded", "Rate limit reached."),
        (_, 400..=499) => ("invalid_request_error", "The request is not acceptable."),
        _ => ("server_error", "The server had an error."),
    };
    let mut response = error(wire, status, code, message, fault.error.as_ref());
    for (name, value) in &fault.headers {
        let name = header::HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        response.headers_mut().insert(name, HeaderValue::from_str(value).expect("a header's value"));
    }
    if let Some(after) = &fault.retry_after {
        let text = after.as_str().map(str::to_owned).unwrap_or_else(|| after.to_string());
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
    }
    response
}

/// An error body in the wire's shape.
pub fn error(wire: Wire, status: u16, code: &str, message: &str, more: Option<&Value>) -> Response {
    let mut error = json!({ "type": code, "code": code, "message": message, "param": null });
    extend(&mut error, more);
    let body = match wire {
        Wire::Messages => json!({ "type": "error", "error": error }),
        Wire::Responses | Wire::Chat => json!({ "error": error }),
    };
    respond(status, "application/json", Body::from(body.to_string()))
}

fn extend(error: &mut Value, more: Option<&Value>) {
    if let (Some(to), Some(from)) = (error.as_object_mut(), more.and_then(Value::as_object)) {
        to.extend(from.clone());
    }
}

fn respond(status: u16, kind: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
