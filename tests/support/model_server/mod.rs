//! A scripted model server on 127.0.0.1: it speaks the OpenAI Responses API, Chat Completions and Anthropic Messages
//! (all with SSE), answers from lanes, holds replies open at gates, and records what it was asked.
//!
//! Control: `POST /control/gate/NAME` releases a gate, `GET` shows who waits there, `GET /control/requests` and
//! `/control/usage` tell what was asked and what was reported, `POST /control/lanes` adds lanes.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod anthropic;
mod chat;
pub mod lanes;
mod play;
mod responses;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

#[allow(unused_imports)]
pub use lanes::{Fault, Lane, Reply, Script, Tools, Totals, Wire};

/// Bytes that a request may have.
const MAX_BODY: usize = 256 * 1024 * 1024;

/// A running server. It ends when it is dropped.
pub struct ModelServer {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

/// One request as it came.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Asked {
    /// 1, 2, ...
    pub number: u64,
    /// `/v1/responses`, …
    pub path: String,
    /// The lane that answered; empty: a default answer or none.
    pub lane: String,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
    /// `running`, `done`, `cut` (the client left), `fault`, `unmatched`.
    pub outcome: String,
}

struct Gate {
    open: watch::Sender<bool>,
    waiting: watch::Sender<usize>,
}

struct Shared {
    state: Mutex<Told>,
    changed: Notify,
    ids: AtomicU64,
}

#[derive(Default)]
struct Told {
    script: Script,
    /// Replies given, by lane.
    given: Vec<u64>,
    asked: Vec<Asked>,
    count: u64,
    gates: BTreeMap<String, Arc<Gate>>,
    totals: BTreeMap<String, Totals>,
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ModelServer {
    /// Starts on a free port.
    pub async fn start(lanes: Vec<Lane>) -> Self {
        Self::start_on(0, Script { lanes, ..Script::default() }).await
    }

    /// Starts from YAML text on a free port.
    pub async fn from_yaml(text: &str) -> Self {
        Self::start_on(0, serde_yaml::from_str(text).expect("lanes in YAML")).await
    }

    /// Starts on a port (0: a free one).
    pub async fn start_on(port: u16, script: Script) -> Self {
        let given = vec![0; script.lanes.len()];
        let told = Told { script, given, ..Told::default() };
        let shared =
            Arc::new(Shared { state: Mutex::new(told), changed: Notify::new(), ids: AtomicU64::new(1) });
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let router = router(shared.clone());
        // Else the head of a small answer waits 40 ms for its rest to be asked for.
        let listener = axum::serve::ListenerExt::tap_io(listener, |tcp| {
            let _ = tcp.set_nodelay(true);
        });
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { address, shared, task }
    }

    /// `http://127.0.0.1:PORT/v1`, as OpenAI clients want it.
    pub fn v1(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// `http://127.0.0.1:PORT`, as Anthropic clients want it.
    pub fn root(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a lane behind the others.
    pub fn add(&self, lane: Lane) {
        let mut told = self.shared.lock();
        told.script.lanes.push(lane);
        told.given.push(0);
    }

    /// Opens a gate for good.
    pub fn release(&self, gate: &str) {
        self.shared.gate(gate).open.send_replace(true);
    }

    /// Waits until a reply is held at the gate.
    pub async fn held(&self, gate: &str) {
        let gate = self.shared.gate(gate);
        let mut waiting = gate.waiting.subscribe();
        waiting.wait_for(|&count| count > 0).await.expect("the gate lives");
    }

    /// All requests to the model paths so far, oldest first.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.lock().asked.clone()
    }

    /// Those that a lane answered.
    pub fn asked_of(&self, lane: &str) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.lane == lane).collect()
    }

    /// Waits until `enough` holds of the requests.
    pub async fn wait_asked(&self, enough: impl Fn(&[Asked]) -> bool) {
        loop {
            let notified = self.shared.changed.notified();
            if enough(&self.shared.lock().asked) {
                return;
            }
            notified.await;
        }
    }

    /// Tokens that were reported, by lane (what a client got to see in full).
    pub fn reported(&self) -> BTreeMap<String, Totals> {
        self.shared.lock().totals.clone()
    }

    /// Ends it from the server's side (connections are cut).
    pub fn stop(&self) {
        self.task.abort();
    }

    /// Runs until the process ends.
    pub async fn forever(mut self) {
        let _ = (&mut self.task).await;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Told> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn gate(&self, name: &str) -> Arc<Gate> {
        let new = || Arc::new(Gate { open: watch::Sender::new(false), waiting: watch::Sender::new(0) });
        self.lock().gates.entry(name.to_owned()).or_insert_with(new).clone()
    }

    fn id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// Writes a request down and chooses its reply.
    fn take(&self, path: &str, wire: Wire, headers: &HeaderMap, body: &Value) -> (u64, Option<Chosen>) {
        let mut told = self.lock();
        told.count += 1;
        let number = told.count;
        let chosen = told.choose(wire, body);
        let lane = chosen.as_ref().map(|chosen| chosen.lane.clone()).unwrap_or_default();
        let outcome = if chosen.is_some() { "running" } else { "unmatched" }.to_owned();
        let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let asked = Asked { number, path: path.to_owned(), lane, headers, body: body.clone(), outcome };
        told.asked.push(asked);
        let keep = told.script.keep_requests.unwrap_or(10_000);
        if told.asked.len() > keep {
            told.asked.remove(0);
        }
        drop(told);
        self.changed.notify_waiters();
        (number, chosen)
    }

    fn finish(&self, number: u64, outcome: &str) {
        if let Some(asked) = self.lock().asked.iter_mut().find(|asked| asked.number == number) {
            asked.outcome = outcome.to_owned();
        }
        self.changed.notify_waiters();
    }
}

/// A reply and the lane that it is from.
struct Chosen {
    lane: String,
    reply: Reply,
}

impl Told {
    fn choose(&mut self, wire: Wire, body: &Value) -> Option<Chosen> {
        for (lane, given) in self.script.lanes.iter().zip(&mut self.given) {
            if !lane.takes(wire, body) {
                continue;
            }
            if let Some(reply) = lane.reply(*given) {
                *given += 1;
                return Some(Chosen { lane: lane.name.clone(), reply: reply.clone() });
            }
        }
        if lanes::has_tools(body) {
            return None;
        }
        let text = self.script.title.clone().unwrap_or_else(|| "A title".to_owned());
        Some(Chosen { lane: String::new(), reply: Reply { text: Some(text), ..Reply::default() } })
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/responses", post(responses_asked))
        .route("/v1/chat/completions", post(chat_asked))
        .route("/v1/messages", post(messages_asked))
        .route("/v1/messages/count_tokens", post(count_tokens))
        .route("/v1/models", get(models))
        .route("/control/gate/{name}", post(gate_release).get(gate_show))
        .route("/control/requests", get(control_requests))
        .route("/control/usage", get(control_usage))
        .route("/control/lanes", post(control_lanes))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(shared)
}

async fn responses_asked(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    answer(shared, "/v1/responses", Wire::Responses, headers, body).await
}

async fn chat_asked(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    answer(shared, "/v1/chat/completions", Wire::Chat, headers, body).await
}

async fn messages_asked(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    answer(shared, "/v1/messages", Wire::Messages, headers, body).await
}

async fn answer(shared: Arc<Shared>, path: &str, wire: Wire, headers: HeaderMap, body: Bytes) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return play::error(wire, 400, "invalid_request_error", "the body is not JSON", None);
    };
    let (number, chosen) = shared.take(path, wire, &headers, &body);
    let Some(chosen) = chosen else {
        return play::error(wire, 400, "no_lane", "no lane of the script takes this request", None);
    };
    play::play(shared, number, wire, &body, chosen).await
}

async fn count_tokens(body: Bytes) -> Json<Value> {
    Json(json!({ "input_tokens": body.len() / 4 }))
}

async fn models() -> Json<Value> {
    let model = |id: &str| json!({ "id": id, "object": "model", "created": 0, "owned_by": "script" });
    Json(json!({ "object": "list", "data": [model("gpt-5.5"), model("gpt-5")] }))
}

async fn gate_release(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Json<Value> {
    shared.gate(&name).open.send_replace(true);
    Json(json!({ "released": name }))
}

async fn gate_show(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Json<Value> {
    let gate = shared.gate(&name);
    let (open, waiting) = (*gate.open.borrow(), *gate.waiting.borrow());
    Json(json!({ "open": open, "waiting": waiting }))
}

async fn control_requests(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(json!(shared.lock().asked))
}

async fn control_usage(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(json!(shared.lock().totals))
}

async fn control_lanes(State(shared): State<Arc<Shared>>, text: String) -> Response {
    match serde_yaml::from_str::<Script>(&text) {
        Ok(script) => {
            let mut told = shared.lock();
            told.given.extend(vec![0; script.lanes.len()]);
            told.script.lanes.extend(script.lanes);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, Body::from(error.to_string())).into_response(),
    }
}
