//! Models against a scripted server: streams, items, usage, retries, limits, cancelling.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod faults;
#[path = "../support/mod.rs"]
mod support;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use serde_json::{Value, json};
use support::model_server::{Lane, ModelServer, Reply as Scripted, Totals};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use zwarm_tui::{
    config::{Config, Provider},
    llm::{Backoff, Chunk, ErrorKind, Model, ModelError, Reply, Request, TimeLimits, ToolSpec},
    protocol::{Item, Usage, Wire, item},
};

const KEY: &str = "sk-canary-0123456789abcdef";

fn open(server: &ModelServer, wire: Wire) -> Model {
    let mut config = Config::default();
    let base_url = if wire == Wire::Anthropic { server.root() } else { server.v1() };
    let row = Provider { base_url, wire, api_key_env: Some("THE_KEY".to_owned()) };
    config.providers.insert("test".to_owned(), row);
    let variables = BTreeMap::from([("THE_KEY".to_owned(), KEY.to_owned())]);
    let model = Model::open(&config, "test/gpt-5", &variables, Path::new(".")).unwrap();
    model.with_timing(
        Backoff { base: Duration::from_millis(1) },
        TimeLimits {
            idle: Duration::from_millis(400),
            first_byte: Duration::from_secs(20),
            ..TimeLimits::default()
        },
    )
}

fn add(items: &mut Vec<Item>, wire: Wire, raw: Arc<serde_json::value::RawValue>) {
    let id = items.len() as u64 + 1;
    items.push(Item { id, wire, raw, tokens: 0 });
}

fn start(wire: Wire) -> Vec<Item> {
    let mut items = Vec::new();
    add(&mut items, wire, item::message("system", "Plan."));
    add(&mut items, wire, item::message("user", "The task."));
    items
}

fn request(items: Vec<Item>) -> Request {
    let parameters = json!({ "type": "object", "properties": { "command": { "type": "string" } } });
    Request {
        items,
        observation: "## Progress".to_owned(),
        tools: Arc::new(vec![ToolSpec { name: "bash", description: "Run.".to_owned(), parameters }]),
        reasoning_effort: None,
        temperature: None,
        cache_key: "instance-1".to_owned(),
        replies: 0,
    }
}

async fn call(model: &Model, request: &Request) -> (Result<Reply, ModelError>, Vec<Chunk>) {
    let (sender, mut receiver) = mpsc::channel(16);
    let listener = tokio::spawn(async move {
        let mut chunks = Vec::new();
        while let Some(chunk) = receiver.recv().await {
            chunks.push(chunk);
        }
        chunks
    });
    let result = model.call(request, sender, CancellationToken::new()).await;
    (result, listener.await.unwrap())
}

fn text(chunks: &[Chunk]) -> String {
    chunks
        .iter()
        .filter_map(|chunk| if let Chunk::Text(text) = chunk { Some(text.as_str()) } else { None })
        .collect()
}

fn reasoning(chunks: &[Chunk]) -> String {
    let one = |chunk: &Chunk| if let Chunk::Reasoning(text) = chunk { Some(text.clone()) } else { None };
    chunks.iter().filter_map(one).collect::<String>().trim().to_owned()
}

fn arguments(chunks: &[Chunk], wanted: usize) -> (String, String) {
    let mut whole = (String::new(), String::new());
    for chunk in chunks {
        if let Chunk::Arguments { index, name, text } = chunk
            && *index == wanted
        {
            whole.0.clone_from(name);
            whole.1.push_str(text);
        }
    }
    whole
}

fn retries(chunks: &[Chunk]) -> Vec<u32> {
    let one = |chunk: &Chunk| if let Chunk::Retrying { attempt, .. } = chunk { Some(*attempt) } else { None };
    chunks.iter().filter_map(one).collect()
}

fn rich() -> Scripted {
    Scripted {
        text: Some("I split the work: añ€ 🎉 [/x]. ".repeat(20)),
        reasoning: Some("Two parts are independent.".to_owned()),
        calls: vec![
            BTreeMap::from([("bash".to_owned(), json!({ "command": "ls -la" }))]),
            BTreeMap::from([("bash".to_owned(), json!("{\"command\": oops"))]),
        ],
        usage: Some(Totals { input: 1200, cached_input: 400, cache_write: 0, output: 90, reasoning: 20 }),
        ..Scripted::default()
    }
}

const USAGE: Usage = Usage { input: 1200, cached_input: 400, cache_write: 0, output: 90, reasoning: 20 };

#[tokio::test]
async fn responses_stream_and_their_items_go_back_json_equal() {
    let first = Scripted {
        raw_items: vec![json!({ "type": "mystery", "id": "x1", "payload": { "deep": [1.50, null] } })],
        ..rich()
    };
    let said = first.text.clone().unwrap();
    let server = ModelServer::start(vec![Lane::any("main", vec![first, Scripted::text("done")])]).await;
    let model = open(&server, Wire::Responses);
    let mut items = start(Wire::Responses);
    let (reply, chunks) = call(&model, &request(items.clone())).await;
    let reply = reply.unwrap();
    assert_eq!((text(&chunks), reasoning(&chunks).as_str()), (said, "Two parts are independent."));
    assert_eq!(arguments(&chunks, 0), ("bash".to_owned(), r#"{"command":"ls -la"}"#.to_owned()));
    assert_eq!(arguments(&chunks, 1), ("bash".to_owned(), "{\"command\": oops".to_owned()));
    assert_eq!((reply.usage, reply.model.as_str(), reply.wire), (Some(USAGE), "gpt-5", Wire::Responses));
    let kinds: Vec<_> =
        reply.items.iter().map(|item| serde_json::from_str::<Value>(item.get()).unwrap()).collect();
    let kinds: Vec<_> = kinds.iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["reasoning", "mystery", "message", "function_call", "function_call"]);
    for raw in &reply.items {
        add(&mut items, Wire::Responses, raw.clone());
    }
    call(&model, &request(items.clone())).await.0.unwrap();

    let asked = server.asked();
    let (one, two) = (&asked[0].body, &asked[1].body);
    let (before, after) = (one["input"].as_array().unwrap(), two["input"].as_array().unwrap());
    assert_eq!(before.last().unwrap(), &json!({ "role": "user", "content": "## Progress" }));
    assert_eq!(
        &after[..before.len() - 1],
        &before[..before.len() - 1],
        "the next request begins with this one"
    );
    let sent: Vec<_> =
        items.iter().map(|item| serde_json::from_str::<Value>(item.raw.get()).unwrap()).collect();
    assert_eq!(&after[..after.len() - 1], sent.as_slice());
    assert!(after[2]["encrypted_content"].as_str().unwrap().starts_with("sealed-"));
    assert_eq!(one["store"], false);
    assert_eq!(one["include"], json!(["reasoning.encrypted_content"]));
    assert_eq!((&one["prompt_cache_key"], &one["stream"]), (&json!("instance-1"), &json!(true)));
    assert_eq!(one["tools"][0]["name"], "bash");
    assert_eq!(asked[0].headers["authorization"], format!("Bearer {KEY}"));
}

#[tokio::test]
async fn chat_completions_stream_with_calls_by_index_and_usage() {
    let server = ModelServer::start(vec![Lane::any("main", vec![rich(), Scripted::text("done")])]).await;
    let model = open(&server, Wire::Chat);
    let mut items = start(Wire::Chat);
    let (reply, chunks) = call(&model, &request(items.clone())).await;
    let reply = reply.unwrap();
    assert_eq!((text(&chunks), reply.usage), (rich().text.unwrap(), Some(USAGE)));
    assert_eq!(arguments(&chunks, 1), ("bash".to_owned(), "{\"command\": oops".to_owned()));
    assert_eq!(reply.items.len(), 1);
    add(&mut items, Wire::Chat, reply.items[0].clone());
    let calls = items[2].calls();
    assert_eq!(calls.iter().map(|call| call.name.as_str()).collect::<Vec<_>>(), ["bash", "bash"]);
    for call in &calls {
        add(&mut items, Wire::Chat, item::tool_output(Wire::Chat, &call.call_id, "ok"));
    }
    call_ok(&model, items).await;
    let asked = server.asked();
    assert_eq!(asked[0].body["stream_options"], json!({ "include_usage": true }));
    let messages = asked[1].body["messages"].as_array().unwrap();
    let roles: Vec<_> = messages.iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "tool", "user"]);
    assert_eq!(messages[3]["tool_call_id"], messages[2]["tool_calls"][0]["id"]);
}

async fn call_ok(model: &Model, items: Vec<Item>) -> Reply {
    call(model, &request(items)).await.0.unwrap()
}

#[tokio::test]
async fn messages_stream_and_their_blocks_go_back_signed() {
    let server = ModelServer::start(vec![Lane::any("main", vec![rich(), Scripted::text("done")])]).await;
    let model = open(&server, Wire::Anthropic);
    let mut items = start(Wire::Anthropic);
    let (reply, chunks) = call(&model, &request(items.clone())).await;
    let reply = reply.unwrap();
    assert_eq!(
        (text(&chunks), reasoning(&chunks).as_str()),
        (rich().text.unwrap(), "Two parts are independent.")
    );
    assert_eq!(arguments(&chunks, 0), ("bash".to_owned(), r#"{"command":"ls -la"}"#.to_owned()));
    assert_eq!(reply.usage, Some(Usage { reasoning: 0, ..USAGE }));
    for raw in &reply.items {
        add(&mut items, Wire::Anthropic, raw.clone());
    }
    let calls: Vec<_> = items.iter().flat_map(Item::calls).collect();
    assert_eq!(calls[0].arguments, r#"{"command":"ls -la"}"#);
    for call in &calls {
        add(&mut items, Wire::Anthropic, item::tool_output(Wire::Anthropic, &call.call_id, "ok"));
    }
    call_ok(&model, items).await;
    let asked = server.asked();
    let body = &asked[1].body;
    assert_eq!(body["system"][0]["text"], "Plan.");
    let messages = body["messages"].as_array().unwrap();
    let kinds = |message: &Value| -> Vec<String> {
        message["content"]
            .as_array()
            .unwrap()
            .iter()
            .map(|b| b["type"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(kinds(&messages[1]), ["thinking", "text", "tool_use", "tool_use"]);
    assert!(messages[1]["content"][0]["signature"].as_str().unwrap().starts_with("signed-"));
    assert_eq!(kinds(&messages[2]), ["tool_result", "tool_result", "text"]);
    assert_eq!(messages[2]["content"][1]["cache_control"]["type"], "ephemeral");
    assert_eq!(asked[0].headers["x-api-key"], KEY);
}

#[tokio::test]
async fn a_server_that_sends_no_usage_has_none() {
    let reply = || Scripted { no_usage: true, ..Scripted::text("hi") };
    for wire in [Wire::Responses, Wire::Chat] {
        let server = ModelServer::start(vec![Lane::any("main", vec![reply()])]).await;
        assert_eq!(call_ok(&open(&server, wire), start(wire)).await.usage, None);
    }
}

#[tokio::test]
async fn a_history_of_another_dialect_is_translated() {
    let mut items = start(Wire::Responses);
    for raw in [
        json!({ "type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "sealed" }),
        json!({ "role": "assistant", "content": [{ "type": "output_text", "text": "I look." }] }),
        json!({ "type": "function_call", "call_id": "c1", "name": "bash", "arguments": "{}" }),
        json!({ "type": "function_call", "call_id": "c2", "name": "bash", "arguments": "{}" }),
        json!({ "type": "function_call_output", "call_id": "c1", "output": "one" }),
        json!({ "type": "function_call_output", "call_id": "c2", "output": "two" }),
        json!({ "role": "assistant", "content": "Done." }),
    ] {
        add(&mut items, Wire::Responses, item::raw(&raw));
    }
    let server =
        ModelServer::start(vec![Lane { repeat: true, ..Lane::any("main", vec![Scripted::text("ok")]) }])
            .await;
    call_ok(&open(&server, Wire::Chat), items.clone()).await;
    call_ok(&open(&server, Wire::Anthropic), items).await;
    let asked = server.asked();
    let call =
        |id: &str| json!({ "id": id, "type": "function", "function": { "name": "bash", "arguments": "{}" } });
    assert_eq!(
        asked[0].body["messages"],
        json!([
            { "role": "system", "content": "Plan." },
            { "role": "user", "content": "The task." },
            { "role": "assistant", "content": "I look.", "tool_calls": [call("c1"), call("c2")] },
            { "role": "tool", "tool_call_id": "c1", "content": "one" },
            { "role": "tool", "tool_call_id": "c2", "content": "two" },
            { "role": "assistant", "content": "Done." },
            { "role": "user", "content": "## Progress" },
        ])
    );
    let roles: Vec<_> =
        asked[1].body["messages"].as_array().unwrap().iter().map(|m| m["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant", "user"]);
}

#[test]
fn what_stands_behind_a_name_is_found_or_the_error_says_why_not() {
    let mut config = Config::default();
    let row = |wire| Provider { base_url: "http://127.0.0.1:1/v1/".to_owned(), wire, api_key_env: None };
    config.providers.insert("local".to_owned(), row(Wire::Chat));
    let bad = Provider { base_url: "localhost:11434".to_owned(), ..row(Wire::Chat) };
    config.providers.insert("bad".to_owned(), bad);
    let keys = ["OPENAI_API_KEY", "ANTHROPIC_API_KEY"].map(|name| (name.to_owned(), KEY.to_owned()));
    let variables = BTreeMap::from(keys);
    let open = |lm: &str| {
        Model::open(&config, lm, &variables, Path::new(".")).map(|m| (m.name().to_owned(), m.wire()))
    };
    for (lm, name, wire) in [
        ("gpt-5", "gpt-5", Wire::Responses),
        ("openai/gpt-5", "gpt-5", Wire::Responses),
        ("claude-sonnet-4-5", "claude-sonnet-4-5", Wire::Anthropic),
        ("local/qwen/qwen3:8b", "qwen/qwen3:8b", Wire::Chat),
    ] {
        assert_eq!(open(lm), Ok((name.to_owned(), wire)), "{lm}");
    }
    for (lm, said) in [
        ("nowhere/x", "there is no provider 'nowhere' (orchestrator.lm is 'nowhere/x')"),
        ("", "'orchestrator.lm' names no model"),
        ("bad/x", "the base URL of provider 'bad' is not one: 'localhost:11434'"),
        ("scripted", "'scripted' names no scenario"),
    ] {
        assert_eq!(open(lm).unwrap_err().message, said, "{lm}");
    }
    let error = Model::open(&config, "gpt-5", &BTreeMap::new(), Path::new(".")).unwrap_err();
    assert_eq!(error.message, "the model 'gpt-5' needs a key");
    let error = Model::open(&config, "scripted:none.yaml", &variables, Path::new("/nowhere")).unwrap_err();
    assert!(error.message.starts_with("the scenario '/nowhere/none.yaml' cannot be read"), "{error}");
}

#[tokio::test]
async fn a_scenario_is_played_through_the_same_retries() {
    let dir = tempfile::tempdir().unwrap();
    let yaml = "
name: tale
model:
  - {text: one, usage: {input: 10, output: 2}}
  - {fault: {http: 503}}
  - {text: two, calls: [{bash: {command: ls}}]}
";
    std::fs::write(dir.path().join("tale.yaml"), yaml).unwrap();
    let model = Model::open(&Config::default(), "scripted:tale.yaml", &BTreeMap::new(), dir.path()).unwrap();
    assert_eq!((model.name(), model.wire()), ("scripted:tale", Wire::Responses));
    assert_eq!(model.scenario().unwrap().model.len(), 3);
    let model = model.with_timing(Backoff { base: Duration::from_millis(1) }, TimeLimits::default());
    let (first, _) = call(&model, &request(start(Wire::Responses))).await;
    assert_eq!(first.unwrap().usage, Some(Usage { input: 10, output: 2, ..Usage::default() }));
    let second = Request { replies: 1, ..request(start(Wire::Responses)) };
    let (reply, chunks) = call(&model, &second).await;
    assert_eq!((reply.unwrap().items.len(), retries(&chunks), text(&chunks).as_str()), (2, vec![1], "two"));
}
