//! The machine against recordings of two real agents (`tests/fixtures/wire/acp`), and against odd ones.

use uuid::Uuid;

use super::*;
use crate::protocol::{
    Usage,
    event::{Activity, ChangeKind, FileChange},
};

/// A machine in front of a recording, or of made-up lines.
struct Lab {
    machine: Acp,
    turns: u32,
    news: Vec<News>,
    live: Vec<(String, String)>,
    written: Vec<Value>,
    /// Decisions for the requests of the recording, in order.
    decisions: Vec<Decision>,
}

fn resume(id: &str) -> Resume {
    Resume { native_id: Some(id.to_owned()), ..Resume::default() }
}

impl Lab {
    fn new(session: Option<&str>) -> Self {
        let machine = Acp::new("/work-dir".into(), session.map(resume), None);
        let (news, live, written, decisions) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut lab = Self { machine, turns: 0, news, live, written, decisions };
        let opening = lab.machine.opening();
        lab.perform(opening);
        lab
    }

    /// A ready one.
    fn open(hello: Value) -> Self {
        let mut lab = Self::new(None);
        lab.line(&json!({"id": 0, "result": hello}));
        lab.line(&json!({"id": 1, "result": {"sessionId": "x"}}));
        assert!(lab.machine.ready());
        lab.news.clear();
        lab.written.clear();
        lab
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Write(line) => self.written.push(serde_json::from_str(&line).unwrap()),
                Effect::News(news) => self.news.push(news),
                Effect::Live { item, text, .. } => self.live.push((item, text)),
            }
        }
    }

    fn order(&mut self, order: Order) {
        let effects = self.machine.order(order);
        self.perform(effects);
    }

    fn turn(&mut self, prompt: &str) {
        self.turns += 1;
        self.order(Order::Turn { turn: self.turns, prompt: prompt.into() });
    }

    fn line(&mut self, line: &Value) {
        let effects = self.machine.line(&Line { text: line.to_string(), cut: 0 });
        self.perform(effects);
    }

    fn update(&mut self, update: Value) {
        self.line(&json!({"method": "session/update", "params": {"sessionId": "x", "update": update}}));
    }

    /// Plays a recording: what was said to the agent becomes orders, what it said comes in. A second prompt in
    /// mid-turn, which we never send, is left out with its answer.
    fn play(mut self, name: &str) -> Self {
        let path = format!("{}/tests/fixtures/wire/acp/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
        let entries = std::fs::read_to_string(path).unwrap();
        for entry in entries.lines() {
            let entry: Value = serde_json::from_str(entry).unwrap();
            self.entry(&entry["dir"], &entry["msg"]);
        }
        self
    }

    fn entry(&mut self, dir: &Value, msg: &Value) {
        if msg["id"] == 31 {
            return;
        }
        match (dir.as_str().unwrap(), text(msg, "method")) {
            ("in", "session/prompt") => self.turn(text(&msg["params"]["prompt"][0], "text")),
            ("in", "session/cancel") => self.order(Order::Interrupt),
            ("in", "") => {
                let decision = self.decisions.remove(0);
                self.order(Order::Answer { key: msg["id"].to_string(), decision, reason: None });
            }
            ("in", _) => {}
            (_, "") => {
                // Our own number of the newest request: the recording numbered its own.
                let ours = self
                    .written
                    .iter()
                    .rev()
                    .find(|line| line["method"].is_string() && !line["id"].is_null());
                let mut msg = msg.clone();
                msg["id"] = ours.unwrap()["id"].clone();
                self.line(&msg);
            }
            _ => self.line(msg),
        }
    }

    fn activities(&self) -> Vec<Activity> {
        let activities = self.news.iter().filter_map(|news| match news {
            News::Activity { activity, .. } => Some(activity.clone()),
            _ => None,
        });
        activities.collect()
    }

    /// Everything but activities.
    fn story(&self) -> Vec<String> {
        let told = self.news.iter().filter_map(|news| match news {
            News::Started { native_id, cli_version, model, .. } => Some(format!(
                "started {} {} {}",
                native_id.as_deref().unwrap_or("-").split('-').next().unwrap(),
                cli_version.as_deref().unwrap_or("-"),
                model.as_deref().unwrap_or("-"),
            )),
            News::TurnEnded { turn, status, response, error } => {
                Some(format!("{turn} {status:?} '{response}' {}", error.as_deref().unwrap_or("-")))
            }
            News::Usage { usage, estimated, cost_usd, .. } => Some(format!(
                "{}in {}cached {}out{}{}",
                usage.input,
                usage.cached_input,
                usage.output,
                if *estimated { " about" } else { "" },
                cost_usd.map(|cost| format!(" ${cost:.6}")).unwrap_or_default(),
            )),
            News::SteerTaken { .. } => Some("taken".into()),
            News::SteerSeen { turn, .. } => Some(format!("seen in {turn}")),
            News::SteerRefused { why, .. } => Some(format!("refused: {why}")),
            News::Asked(ask) => Some(format!("asked: {} {}", ask.kind, ask.command)),
            News::AskDropped { .. } => Some("dropped".into()),
            News::Problem { message, .. } => Some(message.clone()),
            _ => None,
        });
        told.collect()
    }
}

fn nudge() -> NudgeId {
    NudgeId(Uuid::nil())
}

fn message(text: &str) -> Activity {
    Activity::Message { text: text.into() }
}

#[test]
fn a_session_with_claude_agent_acp() {
    let mut lab = Lab::new(None);
    lab.decisions = vec![Decision::Accept, Decision::Decline];
    let lab = lab.play("claude-1");
    assert_eq!(
        lab.story(),
        [
            "started f7be321a 0.101.0 claude-sonnet-4-5",
            "asked: shell touch /work-x one.txt; echo hi",
            "asked: file_change Write b.txt /work-dir/a1claude/b.txt",
            "3300in 2500cached 122out $0.004980",
            "1 Completed 'All done.' -",
            "1301in 0cached 40out about $0.000000",
            &format!("2 Interrupted '{}' -", &"slow words ".repeat(15)[..160]),
            "1400in 1300cached 9out $0.002175",
            "3 Completed 'After cancel.' -",
        ]
        .map(ToString::to_string)
    );
    let activities = lab.activities();
    assert_eq!(activities[0], Activity::Reasoning { text: "hmm ok".into() });
    assert_eq!(activities[1], message("Making files now."));
    let (command, cwd) = ("touch /work-x one.txt; echo hi".into(), "/work-dir".into());
    let shell = Activity::Shell { command, cwd, exit_code: Some(0), output: "hi".into(), duration_ms: None };
    assert_eq!(activities[2], shell);
    let Activity::ToolCall { name, result, ok, .. } = &activities[3] else { panic!("{activities:?}") };
    assert_eq!(
        (name.as_str(), result.as_str(), *ok),
        ("Write", "User refused permission to run tool", false)
    );
    let chosen: Vec<_> =
        lab.written.iter().filter_map(|line| line["result"]["outcome"]["optionId"].as_str()).collect();
    assert_eq!(chosen, ["allow-once", "reject"]);
}

#[test]
fn a_session_with_codex_acp() {
    let mut lab = Lab::new(None);
    lab.decisions = vec![Decision::AcceptForSession];
    let lab = lab.play("codex-1");
    let story = lab.story();
    assert_eq!(
        story[1..4],
        [
            "asked: file_change Edit files /work-dir/a1codex/b.txt",
            "3300in 2500cached 122out",
            "1 Completed 'All done.' -",
        ]
    );
    let News::Asked(ask) = lab.news.iter().find(|news| matches!(news, News::Asked(_))).unwrap() else {
        panic!()
    };
    assert!(ask.diff.ends_with("+hello\n"), "the diff of the call: {}", ask.diff);
    let activities = lab.activities();
    let Activity::Shell { output, exit_code, cwd, .. } = &activities[2] else { panic!("{activities:?}") };
    assert!(output.starts_with("pyenv: ") && output.ends_with("\nhi\n"), "{output}");
    assert_eq!((*exit_code, cwd.as_str()), (Some(0), "/work-dir/a1codex"));
    let path = "/work-dir/a1codex/b.txt".into();
    let change = FileChange { path, kind: ChangeKind::Add, added: 1, removed: 0 };
    assert!(matches!(&activities[3], Activity::FileChange { changes, .. } if changes[..] == [change]));
    let chosen: Vec<_> =
        lab.written.iter().filter_map(|line| line["result"]["outcome"]["optionId"].as_str()).collect();
    assert_eq!(chosen, ["allow_for_session"]);
    assert!(lab.live.iter().any(|(item, text)| item == "output:call_1_0" && text == "hi\n"));
}

#[test]
fn a_loaded_history_is_neither_shown_nor_counted() {
    for (name, id, expected) in [
        ("codex-2-load", "01a20c53-c4db-7c83-ba28-2a90bc6d9ec4", "1500in 1400cached 9out"),
        ("claude-2-load", "f7be321a-053a-4d2f-881d-4d694ad33f36", "1500in 1400cached 9out $0.000855"),
    ] {
        let lab = Lab::new(Some(id)).play(name);
        assert_eq!(lab.written[1]["method"], "session/load");
        assert_eq!(lab.activities(), [message("After reload.")], "{name}");
        let story = lab.story();
        assert_eq!(story.len(), 3, "{story:?}");
        assert!(story[1].starts_with(expected), "{story:?}");
        assert_eq!(story[2], "1 Completed 'After reload.' -");
    }
}

#[test]
fn an_agent_without_load_cannot_resume_and_says_so() {
    let mut lab = Lab::new(Some("old"));
    lab.line(&json!({"id": 0, "result": {"protocolVersion": 1, "agentCapabilities": {}}}));
    assert_eq!(
        lab.machine.refused(),
        Some("this agent cannot take a conversation up again (no loadSession)")
    );
    let mut lab = Lab::new(None);
    lab.line(&json!({"id": 0, "result": {"protocolVersion": 1}}));
    lab.line(&json!({"id": 1, "error": {"code": -32000, "message": "Authentication required"}}));
    let why = lab.machine.refused().unwrap();
    assert_eq!(why, "Authentication required (-32000) (hint: sign in with the agent's own program)");
}

#[test]
fn a_steer_is_taken_by_an_agent_that_can_and_queued_for_one_that_cannot() {
    let steer = || Order::Steer { nudge: nudge(), text: "left".into(), how: Delivery::Auto };
    let mut lab = Lab::open(json!({}));
    lab.turn("go");
    lab.order(steer());
    assert_eq!(lab.story(), ["refused: cannot take messages in mid-turn"]);

    let mut lab = Lab::open(json!({"_meta": {"steering": {"supported": true}}}));
    lab.order(steer());
    lab.turn("go");
    lab.order(steer());
    assert_eq!(lab.written[1]["method"], "_session/steering");
    lab.line(&json!({"id": 3, "result": {"outcome": "injected"}}));
    lab.order(steer());
    lab.line(&json!({"id": 4, "result": {"outcome": "promptRequired"}}));
    lab.line(&json!({"id": 2, "result": {"stopReason": "end_turn", "usage": {"inputTokens": 5, "outputTokens": 2}}}));
    assert_eq!(
        lab.story(),
        [
            "refused: has no running turn",
            "taken",
            "refused: cannot take messages in mid-turn",
            "seen in 1",
            "5in 0cached 2out",
            "1 Completed '' -",
        ]
    );
}

#[test]
fn a_cancelled_turn_answers_its_open_requests_and_closes_its_calls() {
    let mut lab = Lab::open(json!({}));
    lab.turn("go");
    lab.update(json!({"sessionUpdate": "tool_call", "toolCallId": "c", "kind": "execute", "title": "ls"}));
    lab.line(
        &json!({"id": "r", "method": "session/request_permission", "params": {"toolCall": {"toolCallId": "c"},
        "options": [{"optionId": "z", "kind": "reject_always"}]}}),
    );
    lab.order(Order::Interrupt);
    lab.line(&json!({"id": 2, "result": {"stopReason": "cancelled"}}));
    let (command, cwd, output) =
        ("ls".into(), "/work-dir".into(), "(not finished when the turn ended)".into());
    assert_eq!(
        lab.activities(),
        [Activity::Shell { command, cwd, exit_code: None, output, duration_ms: None }]
    );
    assert_eq!(lab.story(), ["asked: shell ls", "dropped", "0in 0cached 0out about", "1 Interrupted '' -"]);
    assert_eq!(lab.written[1]["method"], "session/cancel");
    let answer = json!({"jsonrpc": "2.0", "id": "r", "result": {"outcome": {"outcome": "cancelled"}}});
    assert_eq!(lab.written[2], answer);
}

#[test]
fn requests_that_we_do_not_serve_are_refused() {
    let mut lab = Lab::open(json!({}));
    lab.turn("go");
    for method in ["fs/read_text_file", "fs/write_text_file", "terminal/create", "_new/thing"] {
        lab.line(&json!({"id": 9, "method": method, "params": {}}));
    }
    assert!(lab.written[1..].iter().all(|line| line["error"]["code"] == -32601 && line["id"] == 9));
    assert_eq!(lab.written.len(), 5);
}

#[test]
fn a_plan_a_refusal_an_error_and_garbage() {
    let mut lab = Lab::open(json!({}));
    lab.turn("go");
    lab.update(json!({"sessionUpdate": "plan", "entries": [{"content": "do", "status": "pending", "priority": "low"}]}));
    lab.update(json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "image"}}));
    lab.update(json!({"sessionUpdate": "novelty"}));
    lab.update(json!({"sessionUpdate": "tool_call_update", "toolCallId": "unheard", "status": "completed"}));
    lab.line(&json!({"id": 2, "result": {"stopReason": "refusal"}}));
    let effects = lab.machine.line(&Line { text: "npm WARN".into(), cut: 0 });
    lab.perform(effects);
    lab.turn("again");
    lab.line(
        &json!({"id": 3, "error": {"code": -32603, "message": "Internal error", "data": {"details": "x"}}}),
    );
    let item = crate::protocol::event::PlanItem { text: "do".into(), status: "pending".into() };
    assert_eq!(
        lab.activities(),
        [
            Activity::Plan { items: vec![item] },
            Activity::Unknown { raw: json!({"sessionUpdate": "novelty"}) }
        ]
    );
    let story = lab.story();
    assert_eq!(story[1], "1 Failed '' the agent stopped: refusal");
    assert_eq!(story[2], "the agent printed a line that is not of its protocol: 'npm WARN'");
    assert_eq!(story[4], r#"2 Failed '' Internal error (-32603): {"details":"x"}"#);
}

#[test]
fn a_death_in_mid_turn_fails_it_with_what_is_known() {
    let mut lab = Lab::open(json!({}));
    lab.turn("go");
    lab.update(json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "half"}}));
    let effects = lab.machine.ended("it ended with signal: 9");
    lab.perform(effects);
    assert_eq!(lab.activities(), [message("half")]);
    assert_eq!(lab.story()[1], "1 Failed 'half' it ended with signal: 9");
    let usage = Usage { output: 1, ..Usage::default() };
    let estimate = News::Usage { usage, model: None, cost_usd: None, estimated: true };
    assert_eq!(lab.news[1], estimate);
}

#[test]
fn a_conversation_is_forked_where_the_agent_offers_it_and_refused_where_not() {
    let fork = || Resume { fork_of: Some("theirs".into()), ..Resume::default() };
    let answered = |capabilities: serde_json::Value| {
        let mut opening = super::Opening::new("/w".into(), Some(fork()), None);
        let result = serde_json::json!({"protocolVersion": 1, "agentCapabilities": capabilities});
        (opening.answered(Ok(result)), opening.refused)
    };
    let (asked, refused) = answered(serde_json::json!({"sessionCapabilities": {"fork": {}}}));
    let params = serde_json::json!({"sessionId": "theirs", "cwd": "/w", "mcpServers": []});
    assert_eq!((asked, refused), (Some(("session/fork", params)), None));
    let (asked, refused) = answered(serde_json::json!({"loadSession": true}));
    assert_eq!(asked, None);
    assert_eq!(refused.as_deref(), Some("this agent cannot fork a conversation (no session/fork)"));
}
