//! Traces of whole runs, against a collector on this machine that decodes the protobuf: the tree, the tokens, who gets
//! what; and that a collector which is dead, slow or says no disturbs no run.
#![cfg(feature = "otel")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value as Any, trace::v1::Span,
};
use prost::Message;
use serde_json::Value;

const SCENARIO: &str = r#"
name: traced
model:
  - text: "canary-text I look."
    calls: [{bash: {command: "echo canary-command"}}]
    usage: {input: 1000, cached_input: 100, output: 50, reasoning: 20}
  - calls:
      - delegate: {task: "canary-task one", mode: async}
      - delegate: {task: "canary-task two", mode: async}
    usage: {input: 1200, output: 40}
  - calls: [{wait: {}}]
    usage: {input: 1300, output: 10}
  - calls: [{bash: {command: "echo forbidden; exit 3"}}]
    usage: {input: 1400, output: 15}
  - calls: [{exit: {exit_message: "all is done"}}]
    usage: {input: 1500, output: 5}
  - calls: [{converse: {session_id: s1, message: "go on"}}]
    usage: {input: 1600, output: 7}
  - calls: [{exit: {exit_message: "done again"}}]
    usage: {input: 1700, output: 3}
sessions:
  - turns:
      - steps: [{think: hm}, {run: "echo made"}, {usage: {input: 900, output: 90}}, {run: "exit 4"}, {say: "canary-answer"}]
        usage: {input: 100, output: 10}
"#;

const WATCHERS: &str = r#"
watchers:
  watchers:
    - name: pattern
      config: {patterns: [{regex: "forbidden", action: nudge, message: "mind it"}]}
"#;

/// What the collector does with a request.
#[derive(Clone, Copy)]
enum Mood {
    Takes,
    Refuses(u16),
    Never,
}

struct Collector {
    url: String,
    got: Arc<Mutex<Vec<(HeaderMap, ExportTraceServiceRequest)>>>,
    runtime: tokio::runtime::Runtime,
}

type Got = Arc<Mutex<Vec<(HeaderMap, ExportTraceServiceRequest)>>>;

async fn take(State((got, mood)): State<(Got, Mood)>, headers: HeaderMap, body: Bytes) -> StatusCode {
    got.lock().unwrap().push((headers, ExportTraceServiceRequest::decode(body).unwrap()));
    match mood {
        Mood::Takes => StatusCode::OK,
        Mood::Refuses(code) => StatusCode::from_u16(code).unwrap(),
        Mood::Never => std::future::pending().await,
    }
}

impl Collector {
    fn new(mood: Mood) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let got = Got::default();
        let app = Router::new()
            .route("/v1/traces", post(take))
            .route("/otel/v1/traces", post(take))
            .with_state((got.clone(), mood));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { url, got, runtime }
    }

    fn endpoint(&self) -> String {
        format!("otel.endpoint={}/v1/traces", self.url)
    }

    fn close(self) -> Vec<(HeaderMap, ExportTraceServiceRequest)> {
        self.runtime.shutdown_timeout(Duration::from_millis(100));
        std::mem::take(&mut self.got.lock().unwrap())
    }
}

struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("work")).unwrap();
        let place = Self { root };
        std::fs::write(place.work().join("s.yaml"), SCENARIO).unwrap();
        std::fs::write(place.work().join("w.yaml"), WATCHERS).unwrap();
        place
    }

    fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zwarm-tui"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.root.path()).env("ZWARM_HOME", self.root.path().join("home"));
        command.args(args).args(["--json", "-c", "w.yaml", "--set", "orchestrator.lm=scripted:s.yaml"]);
        command.current_dir(self.work()).stdin(Stdio::null());
        command
    }

    fn run(&self, more: &[&str]) -> Output {
        self.command(&[&["run", "-t", "canary-goal", "-n", "traced"], more].concat()).output().unwrap()
    }
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn count(events: &[Value], kind: &str) -> usize {
    events.iter().filter(|event| event["kind"] == kind).count()
}

fn spans(got: &[(HeaderMap, ExportTraceServiceRequest)]) -> Vec<Span> {
    let resources = got.iter().flat_map(|(_, request)| &request.resource_spans);
    resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| scope.spans.clone()).collect()
}

fn resource(got: &[(HeaderMap, ExportTraceServiceRequest)]) -> BTreeMap<String, String> {
    let resource = got[0].1.resource_spans[0].resource.as_ref().unwrap();
    let pair = |pair: &opentelemetry_proto::tonic::common::v1::KeyValue| {
        let Some(Any::StringValue(text)) = pair.value.clone().unwrap().value else { panic!("no text") };
        (pair.key.clone(), text)
    };
    resource.attributes.iter().map(pair).collect()
}

fn attribute(span: &Span, name: &str) -> Option<Any> {
    span.attributes.iter().find(|pair| pair.key == name)?.value.clone()?.value
}

fn number(span: &Span, name: &str) -> i64 {
    match attribute(span, name) {
        Some(Any::IntValue(number)) => number,
        _ => 0,
    }
}

fn text(span: &Span, name: &str) -> String {
    match attribute(span, name) {
        Some(Any::StringValue(text)) => text,
        other => panic!("'{name}' of '{}' is {other:?}", span.name),
    }
}

#[test]
fn a_collector_gets_the_run_as_one_tree_with_the_tokens_of_the_journal() {
    let (place, collector) = (Place::new(), Collector::new(Mood::Takes));
    let output = place.run(&["--set", &collector.endpoint(), "--set", "otel.headers.x-team=blue"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let events = lines(&output);
    let got = collector.close();
    assert!(got.iter().all(|(headers, _)| headers["content-type"] == "application/x-protobuf"));
    assert!(got.iter().all(|(headers, _)| headers["x-team"] == "blue"));
    assert_eq!(resource(&got)["service.name"], "zwarm-tui");

    let spans = spans(&got);
    let by_id: BTreeMap<&[u8], &Span> = spans.iter().map(|span| (span.span_id.as_slice(), span)).collect();
    assert_eq!(by_id.len(), spans.len(), "each span has an id of its own");
    let traces: BTreeSet<&[u8]> = spans.iter().map(|span| span.trace_id.as_slice()).collect();
    assert_eq!((traces.len(), spans[0].trace_id.len(), spans[0].span_id.len()), (1, 16, 8));

    let parent = |span: &Span| by_id.get(span.parent_span_id.as_slice()).map(|span| span.name.as_str());
    let mut tree: BTreeMap<(String, Option<String>), usize> = BTreeMap::new();
    let numberless = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end().to_owned();
    for span in &spans {
        *tree.entry((numberless(&span.name), parent(span).map(numberless))).or_default() += 1;
        if let Some(parent) = by_id.get(span.parent_span_id.as_slice()) {
            assert!(
                span.start_time_unix_nano >= parent.start_time_unix_nano,
                "'{}' begins too early",
                span.name
            );
            assert!(span.end_time_unix_nano <= parent.end_time_unix_nano, "'{}' ends too late", span.name);
        } else {
            assert_eq!((span.name.as_str(), span.parent_span_id.len()), ("invoke_agent zwarm-tui", 0));
        }
    }
    let steps = count(&events, "step_started");
    let expected = [
        ("chat scripted:traced", Some("step"), steps),
        ("execute_tool bash", Some("step"), 2),
        ("execute_tool delegate", Some("step"), 2),
        ("execute_tool exit", Some("step"), 1),
        ("execute_tool shell", Some("invoke_agent script"), 4),
        ("execute_tool wait", Some("step"), 1),
        ("invoke_agent script", Some("session s"), 2),
        ("invoke_agent zwarm-tui", None, 1),
        ("session s", Some("invoke_agent zwarm-tui"), 2),
        ("step", Some("invoke_agent zwarm-tui"), steps),
    ];
    let mut expected: BTreeMap<_, _> =
        expected.map(|(name, parent, count)| ((name.to_owned(), parent.map(str::to_owned)), count)).into();
    tree.retain(|(name, parent), count| {
        let watcher = name == "watcher pattern";
        assert!(!watcher || (*count >= 1 && parent.is_some()), "{name} {parent:?}");
        !watcher
    });
    // Whether a wait ends with the first or with the last session is not this test's matter.
    let waits = ("execute_tool wait".to_owned(), Some("step".to_owned()));
    expected.insert(waits.clone(), tree[&waits]);
    assert_eq!(tree, expected);

    for (attribute, key) in [
        ("gen_ai.usage.input_tokens", "input"),
        ("gen_ai.usage.output_tokens", "output"),
        ("gen_ai.usage.cache_read.input_tokens", "cached_input"),
        ("gen_ai.usage.reasoning.output_tokens", "reasoning"),
    ] {
        let usages = events.iter().filter(|event| event["kind"] == "usage_recorded");
        let journal: i64 = usages.map(|event| event["payload"][key].as_i64().unwrap()).sum();
        assert_eq!(spans.iter().map(|span| number(span, attribute)).sum::<i64>(), journal, "{attribute}");
    }
    let failed: Vec<&str> =
        spans.iter().filter(|s| s.status.is_some()).map(|span| span.name.as_str()).collect();
    assert_eq!(failed.iter().filter(|name| **name == "execute_tool bash").count(), 1);
    assert_eq!(failed.iter().filter(|name| **name == "execute_tool shell").count(), 2);
    assert_eq!(failed.len(), 3, "{failed:?}");
    let run = spans.iter().find(|span| span.parent_span_id.is_empty()).unwrap();
    assert_eq!(text(run, "gen_ai.operation.name"), "invoke_agent");
    assert_eq!(text(run, "zwarm.stopped_by"), "exit");
    let id = &events[0]["payload"]["instance_name"];
    assert_eq!(id, &Value::from(text(run, "zwarm.instance.name")));
    let raw: String = got.iter().map(|(_, request)| format!("{request:?}")).collect();
    assert!(!raw.contains("canary"), "prompts, commands and answers stay here unless they are asked for");
}

#[test]
fn what_was_said_goes_along_when_it_is_asked_for_without_keys_and_weave_gets_its_project() {
    let (place, collector) = (Place::new(), Collector::new(Mood::Takes));
    let args = ["run", "-t", "canary-goal sk-abcdefghijklmnop0123456789", "--set", "otel.content=true"];
    let mut command = place.command(&[&args[..], &["--set", "weave.project=team/lab"]].concat());
    command.env("WANDB_API_KEY", "weave-key-0123456789").env("WF_TRACE_SERVER_URL", &collector.url);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let got = collector.close();
    assert!(got.iter().all(|(headers, _)| headers["wandb-api-key"] == "weave-key-0123456789"));
    let resource = resource(&got);
    assert_eq!((resource["wandb.entity"].as_str(), resource["wandb.project"].as_str()), ("team", "lab"));
    let spans = spans(&got);
    let run = spans.iter().find(|span| span.parent_span_id.is_empty()).unwrap();
    assert!(text(run, "gen_ai.input.messages").contains("canary-goal"));
    let chat = spans.iter().find(|span| span.name == "chat scripted:traced").unwrap();
    assert!(text(chat, "gen_ai.output.messages").contains("canary-text"));
    assert!(text(chat, "gen_ai.input.messages").contains("canary-goal"));
    let bash = spans.iter().find(|span| span.name == "execute_tool bash").unwrap();
    assert!(text(bash, "gen_ai.tool.call.arguments").contains("canary-command"));
    assert!(text(bash, "gen_ai.tool.call.result").contains("canary-command"));
    let raw: String = got.iter().map(|(_, request)| format!("{request:?}")).collect();
    assert!(!raw.contains("sk-abcdefghijklmnop") && !raw.contains("weave-key"), "keys are never sent");
    let journal = String::from_utf8_lossy(&output.stdout);
    assert!(!journal.contains("weave-key-0123456789"));
}

#[test]
fn a_resumed_run_is_a_trace_of_its_own_and_sends_nothing_twice() {
    let place = Place::new();
    let first = Collector::new(Mood::Takes);
    assert_eq!(place.run(&["--set", &first.endpoint()]).status.code(), Some(0));
    let before = spans(&first.close());
    let second = Collector::new(Mood::Takes);
    let output =
        place.command(&["run", "--resume", "-t", "more", "--set", &second.endpoint()]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let after = spans(&second.close());
    assert!(before.iter().all(|span| span.trace_id != after[0].trace_id));
    assert!(after.iter().all(|span| span.trace_id == after[0].trace_id));
    let names: Vec<&str> = after.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names.iter().filter(|name| name.starts_with("step ")).count(), 2, "{names:?}");
    let turn = after.iter().find(|span| span.name == "invoke_agent script").expect("the session goes on");
    assert_eq!(number(turn, "zwarm.turn"), 2);
}

/// Like a run without a collector, but for one warning.
fn is_undisturbed(set: &str, warning: &str) {
    let place = Place::new();
    let began = Instant::now();
    let plain = place.run(&[]);
    let alone = began.elapsed();
    let place = Place::new();
    let began = Instant::now();
    let output = place.run(&["--set", set]);
    let took = began.elapsed();
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(said.matches("traces do not reach").count(), 1, "{said}");
    assert!(said.contains(warning), "{said}");
    assert!(took < alone * 3 + Duration::from_secs(6), "{took:?} instead of {alone:?}");
    let kinds = |output: &Output| {
        // Two sessions and the orchestrator take turns as they like.
        let mut kinds: Vec<String> =
            lines(output).iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect();
        kinds.sort();
        kinds.retain(|kind| {
            ["step_started", "tool_finished", "session_turn_finished", "run_finished"]
                .contains(&kind.as_str())
        });
        kinds.dedup();
        kinds
    };
    assert_eq!(kinds(&output), kinds(&plain));
}

#[test]
fn a_dead_collector_is_said_once_and_disturbs_no_run() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    is_undisturbed(&format!("otel.endpoint=http://{address}/v1/traces"), "the run is not affected");
}

#[test]
fn a_collector_that_never_answers_or_refuses_disturbs_no_run() {
    let never = Collector::new(Mood::Never);
    is_undisturbed(&never.endpoint(), "it takes too long");
    drop(never.close());
    let refuses = Collector::new(Mood::Refuses(401));
    is_undisturbed(&refuses.endpoint(), "401");
    drop(refuses.close());
}

#[test]
fn a_project_may_not_send_traces_elsewhere_before_it_is_trusted() {
    let (place, collector) = (Place::new(), Collector::new(Mood::Takes));
    std::fs::create_dir(place.work().join(".zwarm")).unwrap();
    let text = format!("[otel]\nendpoint = \"{}/v1/traces\"\n", collector.url);
    std::fs::write(place.work().join(".zwarm/config.toml"), text).unwrap();
    let output = place.run(&[]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("'otel'"));
    assert_eq!(place.run(&["--trust-project"]).status.code(), Some(0));
    assert!(!collector.close().is_empty());
}

#[test]
fn weave_without_its_key_is_said_once() {
    let place = Place::new();
    let output = place.run(&["--set", "weave.project=team/lab"]);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.matches("WANDB_API_KEY").count(), 1, "{said}");
}
