//! A model as the loop would have it, from events that a test builds: no terminal, no agent.

use std::{io::Write, path::PathBuf, sync::Arc, time::Instant};

use crossterm::event::{KeyEvent, KeyEventKind};
use ratatui::{Terminal, backend::TestBackend};
use serde_json::value::RawValue;

use super::{
    Start,
    keymap::Keymap,
    keys::Chord,
    model::Model,
    msg::{Access, Answer, Msg, News, Now, Opened, UiEffect},
    screens,
    theme::Themes,
    update::update,
};
use crate::{
    agent::link::Tails,
    config::{Config, Icons},
    error::UserError,
    paths::Home,
    protocol::{
        Body, Event, InboxId, InstanceId, NudgeId, NudgeTarget, Pos, Published, Recorded, SessionId, Stamp,
        StreamKey, Wire,
        event::{
            Activity, ActivityAdded, ChangeKind, Choice, FileChange, Gate, InboxKind, InboxOpened, ItemAdded,
            NudgeQueued, RunKind, RunStarted, Scope, SessionStarted, SessionTurnFinished, SessionTurnStarted,
            StepFinished, StepStarted, ToolFinished, ToolStarted, TurnStatus, UsageRecorded, VERSION,
            Verdict, WatcherSpoke,
        },
    },
};

/// When the first event happens.
const START: &str = "2026-11-24T12:04:31Z";

/// A model and the journal behind it.
pub(super) struct Fixture {
    pub model: Model,
    pub id: InstanceId,
    pub tails: Arc<Tails>,
    pub effects: Vec<UiEffect>,
    dir: tempfile::TempDir,
    seq: u64,
    offset: u64,
    clock: jiff::Timestamp,
    instant: Instant,
}

fn session(n: u128) -> SessionId {
    SessionId(uuid::Uuid::from_u128(n))
}

impl Fixture {
    /// An empty run at a size.
    pub(super) fn new(width: u16, height: u16) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.ui.icons = Icons::Unicode;
        let start = Start {
            home: Home { config: dir.path().join("config"), state: dir.path().join("state") },
            config,
            working_dir: PathBuf::from("/home/me/src/mylang"),
            launch: None,
            start_fn: Arc::new(|_| Box::pin(async { Err(UserError::failed("not in a test", "")) })),
            follow: None,
            resume_picker: false,
            theme: Some("ansi".to_owned()),
            secrets: Vec::new(),
            variables: std::collections::BTreeMap::new(),
        };
        let wake = Arc::new(tokio::sync::Notify::new());
        let mut model =
            super::begin::model(&start, Keymap::default(), Themes::built_in(), None, (width, height), &wake)
                .unwrap();
        model.fixed.user_home = "/home/me".to_owned();
        let id: InstanceId = "a7c1e200-0000-4000-8000-000000000001".parse().unwrap();
        let clock = Stamp::parse(START).unwrap().at;
        let tails = Arc::new(Tails::default());
        let mut fixture = Self {
            model,
            id,
            tails: tails.clone(),
            effects: Vec::new(),
            seq: 0,
            offset: 0,
            clock,
            instant: Instant::now(),
            dir,
        };
        let opened = Opened {
            id,
            name: "lexer-rewrite".to_owned(),
            dir: fixture.dir.path().to_owned(),
            working_dir: start.working_dir,
            access: Access::Ours,
            tails: Some(tails),
            draft: String::new(),
        };
        fixture.send(Msg::Answer(Answer::Opened(Box::new(opened))));
        fixture
    }

    pub(super) fn now(&self) -> Now {
        Now { instant: self.instant, wall: self.clock }
    }

    /// Time passes.
    pub(super) fn wait(&mut self, ms: u64) {
        self.instant += std::time::Duration::from_millis(ms);
        self.clock += jiff::SignedDuration::from_millis(i64::try_from(ms).unwrap());
    }

    pub(super) fn send(&mut self, msg: Msg) {
        let now = self.now();
        self.effects.extend(update(&mut self.model, msg, now));
    }

    /// One event, ten seconds after the one before.
    pub(super) fn event(&mut self, session_id: Option<SessionId>, body: impl Into<Body>) {
        self.wait(10_000);
        self.seq += 1;
        let timestamp = Stamp::new(self.clock, &jiff::tz::TimeZone::UTC);
        let id = uuid::Uuid::from_u128(u128::from(self.seq));
        let event =
            Event { v: VERSION, id, seq: self.seq, timestamp, session_id, task_id: None, body: body.into() };
        let line = event.to_line(&event.body.payload().unwrap());
        let mut file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.dir.path().join("events.jsonl"))
            .unwrap();
        writeln!(file, "{line}").unwrap();
        let pos = Pos { seq: self.seq, offset: self.offset, len: u32::try_from(line.len() + 1).unwrap() };
        self.offset += u64::from(pos.len);
        let recorded = Arc::new(Recorded { event, line: line.into() });
        self.send(Msg::From(self.id, News::Event(Published { pos, recorded })));
    }

    /// Presses keys: `p`, `ctrl-c`, `enter`, with blanks between; 50 ms each.
    pub(super) fn keys(&mut self, keys: &str) {
        for key in keys.split_whitespace() {
            let chord = Chord::parse(key).unwrap();
            self.wait(50);
            let mut event = KeyEvent::new(chord.code, chord.mods);
            event.kind = KeyEventKind::Press;
            self.send(Msg::Key(event));
        }
    }

    /// Types characters.
    pub(super) fn types(&mut self, text: &str) {
        for c in text.chars() {
            self.wait(50);
            self.send(Msg::Key(KeyEvent::new(
                crossterm::event::KeyCode::Char(c),
                crossterm::event::KeyModifiers::NONE,
            )));
        }
    }

    /// The screen as text.
    pub(super) fn screen(&mut self) -> String {
        let (width, height) = self.model.term.size;
        self.screen_at(width, height)
    }

    /// A frame.
    pub(super) fn frame(&mut self, width: u16, height: u16) -> ratatui::buffer::Buffer {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let (now, model) = (self.now(), &mut self.model);
        terminal
            .draw(|frame| {
                screens::draw(model, frame.buffer_mut(), now);
            })
            .unwrap();
        terminal.backend().buffer().clone()
    }

    /// The same at another size.
    pub(super) fn screen_at(&mut self, width: u16, height: u16) -> String {
        let buffer = self.frame(width, height);
        let mut text = String::new();
        for y in 0..height {
            let mut skip = 0;
            let mut line = String::new();
            for x in 0..width {
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                let symbol = buffer[(x, y)].symbol();
                skip = super::kit::width(symbol).saturating_sub(1);
                line.push_str(symbol);
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// What was asked of the run since the last call, as JSON.
    pub(super) fn commands(&mut self) -> Vec<String> {
        let sent = std::mem::take(&mut self.effects).into_iter().filter_map(|effect| match effect {
            UiEffect::Send(_, command) => Some(serde_json::to_string(&command).unwrap()),
            _ => None,
        });
        sent.collect()
    }

    fn item(&mut self, n: u64, item: serde_json::Value) {
        let item = RawValue::from_string(item.to_string()).unwrap().into();
        self.event(None, ItemAdded { item_id: n, item, wire: Wire::Responses, tokens: 40 });
    }

    fn call(&mut self, n: u64, name: &str, arguments: serde_json::Value, output: &str, ok: bool) {
        let (call_id, arguments) = (format!("call_{n}"), arguments.to_string());
        self.item(n, serde_json::json!({"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}));
        self.event(None, ToolStarted { call_id: call_id.clone(), name: name.to_owned(), arguments });
        self.item(
            n + 1,
            serde_json::json!({"type": "function_call_output", "call_id": call_id, "output": output}),
        );
        let name = name.to_owned();
        self.event(None, ToolFinished { call_id, name, ok, duration_ms: 8_400, cut_bytes: 0 });
    }

    fn says(&mut self, n: u64, text: &str) {
        let content = serde_json::json!([{"type": "output_text", "text": text}]);
        self.item(n, serde_json::json!({"type": "message", "role": "assistant", "content": content}));
    }

    pub(super) fn session(&mut self, n: u128, adapter: &str, task: &str) -> SessionId {
        let id = session(n);
        self.event(
            Some(id),
            SessionStarted {
                adapter: adapter.to_owned(),
                mode: crate::protocol::event::Mode::Async,
                task: task.to_owned(),
                short_id: format!("s{n}"),
                model: None,
                working_dir: "/home/me/src/mylang".to_owned(),
                native_id: None,
                cli_version: Some("0.169.0".to_owned()),
                isolation: String::new(),
                pid: Some(48_290),
                shared_pid: false,
                parent: None,
            },
        );
        let by = crate::protocol::event::By::Orchestrator;
        self.event(Some(id), SessionTurnStarted { turn: 1, prompt: task.to_owned(), by });
        id
    }

    fn spent(&mut self, session: Option<SessionId>, input: u64, output: u64) {
        let scope = if session.is_some() { Scope::Session } else { Scope::Orchestrator };
        let usage = crate::protocol::Usage { input, output, ..Default::default() };
        self.event(session, UsageRecorded::new(scope, "gpt-5", usage, Some(0.48), false));
    }

    fn ended(&mut self, id: SessionId, status: TurnStatus, error: Option<&str>) {
        let (response, error) = ("The lexer is done; 24 tests pass.".to_owned(), error.map(str::to_owned));
        self.event(Some(id), SessionTurnFinished { turn: 1, status, response, error, duration_ms: 61_000 });
    }

    /// A run in the middle of its work: four sessions, a watcher's nudge, text that streams.
    pub(super) fn busy(width: u16, height: u16) -> Self {
        let mut f = Self::new(width, height);
        f.event(None, RunStarted {
            task: "Rewrite the lexer so nested comments work".to_owned(),
            working_dir: "/home/me/src/mylang".to_owned(),
            instance_name: "lexer-rewrite".to_owned(),
            model: "gpt-5".to_owned(),
            version: "0.1.0".to_owned(),
            kind: RunKind::Run,
            resumed: false,
            demo: false,
            parent: None,
            git_base: None,
            config: serde_json::json!({
                "orchestrator": {"max_steps": 60},
                "budget": {"max_orchestrator_tokens": 100_000, "max_executor_tokens": 300_000, "max_tokens": 400_000},
            }),
            clock: crate::protocol::event::Clock::default(),
        });
        f.item(1, serde_json::json!({"type": "message", "role": "user", "content": "Rewrite the lexer so nested comments work"}));
        f.event(None, StepStarted { step: 1 });
        f.says(2, "I split the parser work in two. **s3** does the lexer, s4 the tests.");
        f.call(
            3,
            "delegate",
            serde_json::json!({"task": "Implement lexer per SPEC §3", "adapter": "codex"}),
            "{\"success\":true,\"session_id\":\"s3\"}",
            true,
        );
        let s1 = f.session(1, "codex", "Look at the parser");
        f.spent(Some(s1), 3_000, 100);
        f.ended(s1, TurnStatus::Failed, Some("exit 1: not signed in"));
        let s2 = f.session(2, "codex", "List the callers");
        f.spent(Some(s2), 21_000, 1_000);
        f.ended(s2, TurnStatus::Completed, None);
        let s3 = f.session(3, "codex", "Implement lexer per SPEC §3");
        f.spent(Some(s3), 40_000, 1_700);
        f.spent(None, 38_000, 3_000);
        f.event(None, StepFinished { step: 1, duration_ms: 4_000, interrupted: false });
        f.event(None, StepStarted { step: 2 });
        f.event(
            None,
            WatcherSpoke {
                watcher: "progress".to_owned(),
                verdict: Verdict::Nudge,
                gate: Gate::Step,
                rule: "no_check".to_owned(),
                reason: "4 steps without a passing check".to_owned(),
                guidance: "run the test suite".to_owned(),
                evidence: serde_json::json!({"steps": [8, 9, 10, 11]}),
                step: 2,
                session: None,
                muted: false,
            },
        );
        let output = "running 24 tests\n......................F.\n---- tests::nested_comment FAILED ----\nassertion `left == right` failed\nleft: 3\nright: 4\nmore\nmore";
        f.call(5, "bash", serde_json::json!({"command": "cargo test -q -p lexer"}), output, false);
        let s4 = f.session(4, "claude", "Write golden tests for the lexer");
        f.spent(Some(s4), 18_000, 200);
        let shell = Activity::Shell {
            command: "rg -n unterminated src/lexer.rs".to_owned(),
            cwd: "/home/me/src/mylang".to_owned(),
            exit_code: Some(0),
            output: "src/lexer.rs:88: Err(LexError::Unterminated{ at })".to_owned(),
            duration_ms: Some(40),
        };
        f.event(Some(s4), ActivityAdded { turn: 1, activity: shell });
        let changes = vec![FileChange {
            path: "tests/lexer_golden.rs".to_owned(),
            kind: ChangeKind::Update,
            added: 2,
            removed: 1,
        }];
        let diff = "--- a/tests/lexer_golden.rs\n+++ b/tests/lexer_golden.rs\n@@ -1,2 +1,3 @@\n fn golden() {\n-    old();\n+    new();\n+    newer();\n".to_owned();
        f.event(Some(s4), ActivityAdded { turn: 1, activity: Activity::FileChange { changes, diff } });
        let key = StreamKey { session: None, turn: 2, item: "text:1".to_owned() };
        f.tails.push(&key, "While s3 fixes the comment depth I review the diff of s4: the golden");
        f.send(Msg::From(f.id, News::Streaming));
        f.wait(5_000);
        f
    }

    /// A notice of the run.
    pub(super) fn notice(&mut self, notice: crate::protocol::Notice) {
        self.send(Msg::From(self.id, News::Notice(notice)));
    }

    /// A card of the inbox: a watcher has paused at the gate of the tools.
    pub(super) fn card(&mut self) -> InboxId {
        let inbox_id = InboxId(uuid::Uuid::from_u128(7));
        let choice = |id: &str, key, label: &str, wants_text| Choice {
            id: id.to_owned(),
            key,
            label: label.to_owned(),
            wants_text,
        };
        self.event(None, InboxOpened {
            inbox_id,
            what: InboxKind::WatcherPause,
            session: None,
            title: "watcher 'scope': the call names Cargo.toml".to_owned(),
            detail: serde_json::json!({
                "watcher": "scope", "rule": "paths", "gate": "tools", "reason": "the call names Cargo.toml, outside allowed: src/ tests/",
                "calls": [{"name": "delegate", "arguments": {"task": "Add logos 0.14 to Cargo.toml"}}],
            }),
            choices: vec![
                choice("continue_once", 'c', "continue once", false),
                choice("guide", 'g', "continue with guidance", true),
                choice("edit", 'e', "edit the arguments, then continue", true),
                choice("abort", 'X', "abort the run", false),
            ],
            digest: "0badcafe".to_owned(),
        });
        inbox_id
    }

    /// A nudge of the human waits.
    pub(super) fn nudge(&mut self, text: &str) {
        let (nudge_id, target) = (NudgeId(uuid::Uuid::from_u128(9)), NudgeTarget::Orchestrator);
        self.event(None, NudgeQueued { nudge_id, target, text: text.to_owned(), by: "human".to_owned() });
    }
}
