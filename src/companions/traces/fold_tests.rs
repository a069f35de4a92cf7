use uuid::Uuid;

use super::*;
use crate::protocol::{
    Stamp, Wire,
    event::{
        Activity, ActivityAdded, Clock, ItemAdded, Mode, RunKind, Scope, SessionCompleted, SessionStarted,
        SessionTurnFinished, SessionTurnStarted, StepFinished, StepStarted, ToolFinished, ToolStarted,
        TurnStatus, UsageTotals, VERSION,
    },
    item,
};

const SESSION: SessionId = SessionId(Uuid::from_u128(7));

/// Events a millisecond apart, each with an id of its own.
struct Tape {
    fold: Fold,
    seq: u64,
    out: Vec<Span>,
}

impl Tape {
    fn new(content: bool) -> Self {
        Self { fold: Fold::new(InstanceId(Uuid::from_u128(1)), content), seq: 0, out: Vec::new() }
    }

    fn add(&mut self, body: impl Into<Body>) -> &mut Self {
        self.add_for(None, body)
    }

    fn add_for(&mut self, session_id: Option<SessionId>, body: impl Into<Body>) -> &mut Self {
        self.seq += 1;
        let mut timestamp = Stamp::parse("2026-11-24T06:00:00Z").unwrap();
        timestamp.at += std::time::Duration::from_millis(self.seq);
        let id = Uuid::from_u128(u128::from(self.seq) << 64 | u128::from(self.seq));
        let event =
            Event { v: VERSION, id, seq: self.seq, timestamp, session_id, task_id: None, body: body.into() };
        let spans = self.fold.apply(&event);
        self.out.extend(spans);
        self
    }

    fn launch(&mut self) -> &mut Self {
        self.add(RunStarted {
            task: "port the parser".to_owned(),
            working_dir: "/w".to_owned(),
            instance_name: "port".to_owned(),
            model: "gpt-5".to_owned(),
            version: "0.1.0".to_owned(),
            kind: RunKind::Run,
            resumed: false,
            demo: false,
            parent: None,
            git_base: None,
            config: serde_json::json!({"orchestrator": {"lm": "gpt-5"}}),
            clock: Clock::default(),
        })
    }

    fn usage(&mut self, scope: Scope, session: Option<SessionId>, input: u64, output: u64) -> &mut Self {
        let usage = crate::protocol::Usage { input, output, ..Default::default() };
        self.add_for(session, UsageRecorded::new(scope, "gpt-5", usage, Some(0.5), false))
    }

    fn end(&mut self, stopped_by: &str) -> &mut Self {
        self.add(RunFinished {
            stopped_by: stopped_by.to_owned(),
            steps: 1,
            exit_message: "the server says no".to_owned(),
            exit_code: 1,
            usage: UsageTotals::default(),
            open_sessions: Vec::new(),
            unmerged: Vec::new(),
        })
    }

    fn session(&mut self) -> &mut Self {
        self.add_for(
            Some(SESSION),
            SessionStarted {
                adapter: "codex".to_owned(),
                mode: Mode::Async,
                task: "t".to_owned(),
                short_id: "s1".to_owned(),
                model: None,
                working_dir: "/w".to_owned(),
                native_id: None,
                cli_version: None,
                isolation: String::new(),
                pid: None,
                shared_pid: false,
                parent: None,
            },
        )
    }

    fn turn(&mut self, turn: u32) -> &mut Self {
        let by = crate::protocol::event::By::Orchestrator;
        self.add_for(Some(SESSION), SessionTurnStarted { turn, prompt: "write it".to_owned(), by })
    }

    /// `name < parent`, in the order in which they ended.
    fn tree(&self) -> Vec<String> {
        let name = |id: Option<SpanId>| {
            let parent = self.out.iter().find(|span| Some(span.id) == id);
            parent.map_or_else(|| format!("{id:?}").replace("None", "-"), |span| span.name.clone())
        };
        self.out.iter().map(|span| format!("{} < {}", span.name, name(span.parent))).collect()
    }

    fn named(&self, name: &str) -> &Span {
        self.out
            .iter()
            .find(|span| span.name == name)
            .unwrap_or_else(|| panic!("no '{name}' in {:?}", self.tree()))
    }

    fn sum(&self, attribute: &str) -> i64 {
        let of = |span: &Span| match span.get(attribute) {
            Some(super::super::span::Value::Int(number)) => *number,
            _ => 0,
        };
        self.out.iter().map(of).sum()
    }
}

fn item_added(role: &str, text: &str) -> ItemAdded {
    ItemAdded { item_id: 1, item: item::message(role, text), wire: Wire::Responses, tokens: 1 }
}

fn tool(call: &str) -> (ToolStarted, ToolFinished) {
    let (call_id, name) = (call.to_owned(), "bash".to_owned());
    let started = ToolStarted {
        call_id: call_id.clone(),
        name: name.clone(),
        arguments: "{\"command\":\"ls\"}".to_owned(),
    };
    (started, ToolFinished { call_id, name, ok: false, duration_ms: 1, cut_bytes: 0 })
}

#[test]
fn a_run_is_a_tree_of_steps_calls_tools_sessions_and_turns() {
    let mut tape = Tape::new(false);
    let (started, finished) = tool("c1");
    tape.launch().add(StepStarted { step: 1 }).usage(Scope::Orchestrator, None, 100, 10);
    tape.add(item_added("assistant", "I look")).add(started).session().turn(1).add(finished);
    let shell = Activity::Shell {
        command: "make".to_owned(),
        cwd: "/w".to_owned(),
        exit_code: Some(2),
        output: "no rule".to_owned(),
        duration_ms: Some(1),
    };
    tape.add(StepFinished { step: 1, duration_ms: 1, interrupted: false });
    tape.add_for(Some(SESSION), ActivityAdded { turn: 1, activity: shell });
    tape.usage(Scope::Session, Some(SESSION), 1000, 20).usage(Scope::Session, Some(SESSION), 500, 5);
    let (status, response) = (TurnStatus::Completed, "done".to_owned());
    let turn = SessionTurnFinished { turn: 1, status, response, error: None, duration_ms: 5 };
    tape.add_for(Some(SESSION), turn).usage(Scope::Session, Some(SESSION), 7, 1);
    let (status, exit_message) = ("completed".to_owned(), None);
    tape.add_for(Some(SESSION), SessionCompleted { status, exit_message, message_count: 2 });
    tape.usage(Scope::Session, Some(SESSION), 3, 1).end("exit");
    assert_eq!(
        tape.tree(),
        [
            "chat gpt-5 < step 1",
            "execute_tool bash < step 1",
            "step 1 < invoke_agent zwarm-tui",
            "execute_tool shell < invoke_agent codex",
            "invoke_agent codex < session s1",
            "session s1 < invoke_agent zwarm-tui",
            "usage < invoke_agent zwarm-tui",
            "invoke_agent zwarm-tui < -",
        ]
    );
    assert_eq!(
        (tape.sum(names::INPUT_TOKENS), tape.sum(names::OUTPUT_TOKENS)),
        (100 + 1500 + 7 + 3, 10 + 25 + 1 + 1)
    );
    let chat = tape.named("chat gpt-5");
    assert_eq!((chat.start, chat.end), (tape.named("step 1").start, tape.named("step 1").start + 1000));
    assert_eq!(chat.get(names::PROVIDER), Some(&"openai".into()));
    assert_eq!(tape.named("execute_tool shell").error.as_deref(), Some("it ended with 2"));
    assert_eq!(tape.named("invoke_agent codex").get(names::COST), Some(&1.0.into()));
    let ids: std::collections::BTreeSet<_> = tape.out.iter().map(|span| span.id).collect();
    assert_eq!(ids.len(), tape.out.len(), "each span has an id of its own");
    assert!(tape.out.iter().all(|span| span.trace == tape.out[0].trace && span.end >= span.start));
    let said = format!("{:?}", tape.out);
    for secret in ["port the parser", "I look", "make", "no rule", "write it", "done", "ls\\"] {
        assert!(!said.contains(secret), "'{secret}' is content");
    }
}

#[test]
fn what_was_said_goes_along_where_it_is_asked_for() {
    let mut tape = Tape::new(true);
    let (started, finished) = tool("c1");
    tape.launch().add(item_added("user", "port the parser")).add(StepStarted { step: 1 });
    tape.usage(Scope::Orchestrator, None, 100, 10).add(item_added("assistant", "I look")).add(started);
    let raw = item::tool_output(Wire::Responses, "c1", "README");
    tape.add(ItemAdded { item_id: 2, item: raw, wire: Wire::Responses, tokens: 1 }).add(finished).end("exit");
    let text = |span: &str, name: &str| format!("{:?}", tape.named(span).get(name));
    assert!(text("chat gpt-5", names::INPUT).contains("port the parser"));
    assert!(text("chat gpt-5", names::OUTPUT).contains("I look"));
    assert!(text("execute_tool bash", names::ARGUMENTS).contains("ls"));
    assert!(text("execute_tool bash", names::RESULT).contains("README"));
}

#[test]
fn what_is_open_when_a_run_ends_is_ended_and_a_call_without_an_answer_has_failed() {
    let mut tape = Tape::new(false);
    let (started, _) = tool("c1");
    tape.launch().session().turn(1).add(StepStarted { step: 1 }).add(started).end("error");
    assert_eq!(
        tape.tree(),
        [
            "chat gpt-5 < step 1",
            "step 1 < invoke_agent zwarm-tui",
            "execute_tool bash < step 1",
            "invoke_agent codex < session s1",
            "session s1 < invoke_agent zwarm-tui",
            "invoke_agent zwarm-tui < -",
        ]
    );
    assert!(tape.named("chat gpt-5").error.is_some());
    assert_eq!(tape.named("invoke_agent zwarm-tui").error.as_deref(), Some("the server says no"));
    assert_eq!(tape.named("execute_tool bash").get(names::INTERRUPTED), Some(&true.into()));
}

#[test]
fn a_session_that_goes_on_after_a_resume_is_in_the_new_trace_and_a_crash_leaves_nothing_behind() {
    let mut tape = Tape::new(false);
    tape.launch().session().turn(1).add(StepStarted { step: 1 });
    assert!(tape.out.is_empty(), "the crash");
    tape.launch().turn(2).end("exit");
    assert_eq!(
        tape.tree(),
        [
            "invoke_agent codex < session s1",
            "session s1 < invoke_agent zwarm-tui",
            "invoke_agent zwarm-tui < -",
        ]
    );
    assert_eq!(tape.named("invoke_agent codex").get(names::TURN), Some(&2_u32.into()));
    assert!(tape.out.iter().all(|span| span.trace == tape.out[2].trace));
    assert_eq!(tape.out[2].trace, *Uuid::from_u128(5 << 64 | 5).as_bytes(), "the id of the launch's event");
}

#[test]
fn a_watchers_model_is_counted_beside_the_orchestrators() {
    let mut tape = Tape::new(false);
    tape.launch().add(StepStarted { step: 1 }).usage(Scope::Watcher, None, 30, 3);
    tape.usage(Scope::Orchestrator, None, 100, 10).usage(Scope::Orchestrator, None, 1, 1).end("exit");
    assert_eq!((tape.sum(names::INPUT_TOKENS), tape.sum(names::OUTPUT_TOKENS)), (131, 14));
    assert_eq!(tape.out[0].get(names::BY), Some(&"watcher".into()));
}
