//! Scenes: real wire items and events, folded as a run folds them; for each watcher one in which it speaks and one in
//! which it must stay silent.

use serde_json::{Value, json};

use super::{BudgetSight, Folds, Frame, Sight, Spoken, panel::Seat, table};
use crate::{
    config::WatcherEntry,
    fold::{Sessions, Spend, Trail},
    protocol::{
        Body, Event, InboxId, SessionId, Stamp, ToolCall, Wire,
        event::{
            Activity, ActivityAdded, ChangeKind, FileChange, Gate, InboxKind, InboxOpened, ItemAdded, Mode,
            SessionCompleted, SessionStarted, SessionTurnStarted, VERSION, Verdict,
        },
        item,
    },
};

/// A run so far.
#[derive(Default)]
pub(super) struct Scene {
    trail: Trail,
    sessions: Sessions,
    spend: Spend,
    seq: u64,
    items: u64,
    calls: u32,
    seconds: i64,
    pending: Vec<ToolCall>,
    pub(super) step: u32,
}

impl Scene {
    /// The system prompt and the task are there.
    pub(super) fn new() -> Self {
        let mut scene = Self { step: 2, ..Self::default() };
        scene.item(&json!({ "role": "developer", "content": "You plan. Never use docker. All tests pass. sk-secret" }));
        scene.item(&json!({ "role": "user", "content": "Task: write a parser without docker. sk-secret" }));
        scene
    }

    fn event(&mut self, session_id: Option<SessionId>, body: Body) {
        self.seq += 1;
        let at = jiff::Timestamp::from_second(1_800_000_000 + self.seconds).unwrap();
        let timestamp = Stamp::new(at, &jiff::tz::TimeZone::UTC);
        let id = uuid::Uuid::nil();
        let event = Event { v: VERSION, id, seq: self.seq, timestamp, session_id, task_id: None, body };
        self.trail.apply(&event);
        self.sessions.apply(&event);
        self.spend.apply(&event);
    }

    fn item(&mut self, value: &Value) {
        self.items += 1;
        let (item_id, raw) = (self.items, item::raw(value));
        self.event(None, ItemAdded { item_id, item: raw, wire: Wire::Responses, tokens: 10 }.into());
    }

    pub(super) fn says(&mut self, text: &str) {
        self.item(&json!({ "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA" }));
        self.item(&json!({ "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{ "type": "output_text", "text": text, "annotations": [] }] }));
    }

    pub(super) fn is_told(&mut self, text: &str) {
        self.item(&json!({ "role": "user", "content": text }));
    }

    /// A call and its result.
    pub(super) fn calls(&mut self, name: &str, arguments: &Value, output: &str) {
        self.calls += 1;
        let call_id = format!("call_{}", self.calls);
        self.item(&json!({ "type": "function_call", "id": "fc_1", "call_id": call_id, "name": name,
            "arguments": arguments.to_string(), "status": "completed" }));
        self.item(&json!({ "type": "function_call_output", "call_id": call_id, "output": output }));
    }

    pub(super) fn bash(&mut self, command: &str, returncode: i32) {
        let output =
            json!({ "success": returncode == 0, "returncode": returncode, "stdout": "", "stderr": "" });
        self.calls("bash", &json!({ "command": command }), &output.to_string());
    }

    /// The model asks for a call, which has not run yet.
    pub(super) fn asks_for(&mut self, name: &str, arguments: &Value) {
        let (call_id, arguments) = (format!("pending_{}", self.pending.len()), arguments.to_string());
        self.pending.push(ToolCall { call_id, name: name.into(), arguments });
    }

    pub(super) fn session(&mut self) -> SessionId {
        let id = SessionId::random();
        let started = SessionStarted {
            adapter: "codex".into(),
            mode: Mode::Async,
            task: "Parser".into(),
            short_id: String::new(),
            model: None,
            working_dir: "/w".into(),
            native_id: None,
            cli_version: None,
            isolation: String::new(),
            parent: None,
            pid: None,
            shared_pid: true,
        };
        self.event(Some(id), started.into());
        let turn = SessionTurnStarted { turn: 1, prompt: "Parser".into(), by: Default::default() };
        self.event(Some(id), turn.into());
        id
    }

    pub(super) fn ends(&mut self, id: SessionId, status: &str) {
        let completed = SessionCompleted { status: status.into(), exit_message: None, message_count: 2 };
        self.event(Some(id), completed.into());
    }

    fn does(&mut self, id: SessionId, activity: Activity) {
        self.event(Some(id), ActivityAdded { turn: 1, activity }.into());
    }

    pub(super) fn reports(&mut self, id: SessionId, text: &str) {
        self.does(id, Activity::Message { text: text.into() });
    }

    pub(super) fn runs(&mut self, id: SessionId, command: &str, exit_code: i32, output: &str) {
        let (command, output) = (command.into(), output.into());
        let (cwd, exit_code, duration_ms) = ("/w".into(), Some(exit_code), Some(10));
        self.does(id, Activity::Shell { command, cwd, exit_code, output, duration_ms });
    }

    pub(super) fn changes(&mut self, id: SessionId, paths: &[&str]) {
        let change =
            |path: &&str| FileChange { path: (*path).into(), kind: ChangeKind::Update, added: 3, removed: 1 };
        self.does(
            id,
            Activity::FileChange { changes: paths.iter().map(change).collect(), diff: String::new() },
        );
    }

    pub(super) fn pass(&mut self, seconds: i64) {
        self.seconds += seconds;
    }

    pub(super) fn sight(&self, gate: Gate) -> Sight {
        let folds = Folds { trail: &self.trail, sessions: &self.sessions, spend: &self.spend };
        let frame = Frame {
            gate,
            step: self.step,
            max_steps: 50,
            task: "Task: write a parser".into(),
            pending: self.pending.clone(),
            budget: BudgetSight::default(),
        };
        Sight::new(folds, frame, jiff::Timestamp::from_second(1_800_000_000 + self.seconds).unwrap())
    }

    /// What a watcher says of it.
    fn hears(&self, name: &str, config: Value, gate: Gate) -> Vec<Spoken> {
        let entry = WatcherEntry { name: name.into(), enabled: true, config };
        let Ok(Seat::Rule(watcher)) = table::build(&entry) else { panic!("{name} is no rule") };
        if watcher.looks_at(gate) { watcher.look(&self.sight(gate)) } else { Vec::new() }
    }

    /// The rules of it that hold.
    fn rules(&self, name: &str, config: Value, gate: Gate) -> Vec<String> {
        self.hears(name, config, gate).into_iter().map(|spoken| spoken.rule).collect()
    }
}

const NONE: Vec<String> = Vec::new();

#[test]
fn progress_hears_equal_calls_through_talk_beside_them_and_counts_anew_after_a_nudge() {
    let mut scene = Scene::new();
    for _ in 0..3 {
        scene.says("Again.");
        scene.bash("ls", 0);
    }
    assert_eq!(scene.rules("progress", json!({}), Gate::Step), ["same_calls"]);
    scene.is_told("Take another way.");
    for _ in 0..2 {
        scene.says("Once more.");
        scene.bash("ls", 0);
        assert_eq!(scene.rules("progress", json!({}), Gate::Step), NONE);
    }
}

#[test]
fn progress_speaks_at_the_third_equal_call_and_not_when_one_differs_or_waits() {
    let mut scene = Scene::new();
    scene.bash("ls", 0);
    scene.bash("ls", 0);
    assert_eq!(scene.rules("progress", json!({}), Gate::Step), NONE);
    scene.bash("ls", 0);
    let heard = scene.hears("progress", json!({}), Gate::Step);
    assert_eq!(heard.len(), 1);
    assert_eq!((heard[0].rule.as_str(), heard[0].verdict), ("same_calls", Verdict::Nudge));
    assert_eq!(heard[0].evidence, json!({ "items": [3, 5, 7], "count": 3 }));
    assert!(heard[0].reason.contains("bash {\"command\":\"ls\"}"), "{}", heard[0].reason);
    assert_eq!(scene.rules("progress", json!({ "max_same_calls": 4 }), Gate::Step), NONE);
    scene.bash("pwd", 0);
    assert_eq!(scene.rules("progress", json!({}), Gate::Step), NONE);
    for _ in 0..4 {
        scene.calls("wait", &json!({}), "{}");
    }
    assert_eq!(scene.rules("progress", json!({}), Gate::Step), NONE);
}

#[test]
fn progress_asks_for_results_after_five_steps_and_is_content_with_one() {
    let mut scene = Scene::new();
    let id = scene.session();
    scene.step = 5;
    assert_eq!(scene.rules("progress", json!({}), Gate::Step), NONE);
    scene.step = 6;
    assert_eq!(scene.rules("progress", json!({}), Gate::Step), ["no_result"]);
    scene.ends(id, "completed");
    assert_eq!(scene.rules("progress", json!({}), Gate::Step), NONE);
}

#[test]
fn budget_speaks_when_most_steps_are_used_or_too_many_sessions_are_open() {
    let mut scene = Scene::new();
    scene.step = 40;
    assert_eq!(scene.rules("budget", json!({}), Gate::Step), NONE);
    scene.step = 41;
    let heard = scene.hears("budget", json!({}), Gate::Step);
    assert_eq!(
        (heard[0].rule.as_str(), heard[0].reason.as_str()),
        ("steps", "40 of 50 steps are used (80 %)")
    );
    scene.step = 2;
    let ids = [scene.session(), scene.session()];
    assert_eq!(scene.rules("budget", json!({ "max_sessions": 2 }), Gate::Step), ["sessions"]);
    scene.ends(ids[0], "failed");
    assert_eq!(scene.rules("budget", json!({ "max_sessions": 2 }), Gate::Step), NONE);
}

#[test]
fn the_delegation_reminder_speaks_after_ten_own_calls_and_a_word_to_a_session_begins_anew() {
    let mut scene = Scene::new();
    for at in 0..9 {
        scene.bash(&format!("cat {at}"), 0);
    }
    scene.says("I look further.");
    assert_eq!(scene.rules("delegation_reminder", json!({}), Gate::Step), NONE);
    scene.bash("cat 9", 0);
    assert_eq!(scene.rules("delegation_reminder", json!({}), Gate::Step), ["no_delegation"]);
    assert_eq!(scene.rules("delegation_reminder", json!({ "lookback": 10 }), Gate::Step), NONE);
    scene.calls("converse", &json!({ "session_id": "s1", "message": "go on" }), "{}");
    assert_eq!(scene.rules("delegation_reminder", json!({}), Gate::Step), NONE);
}

#[test]
fn delegation_stops_a_call_that_writes_code_before_it_runs() {
    let mut scene = Scene::new();
    scene.asks_for("bash", &json!({ "command": "cargo test && git diff --stat" }));
    scene.asks_for("delegate", &json!({ "task": "run: cat > src/a.rs <<EOF" }));
    assert_eq!(scene.rules("delegation", json!({}), Gate::Tools), NONE);
    scene.asks_for("bash", &json!({ "command": "cat > src/lib.rs <<'EOF'\nfn main() {}\nEOF" }));
    let heard = scene.hears("delegation", json!({}), Gate::Tools);
    assert_eq!((heard.len(), heard[0].rule.as_str()), (1, "writes_code"));
    assert_eq!(heard[0].evidence["call_id"], "pending_2");
    assert_eq!(heard[0].reason, "a bash call writes the source file 'src/lib.rs' (here-document)");
    assert_eq!(scene.rules("delegation", json!({}), Gate::Step), NONE);
}

#[test]
fn scope_hears_what_agents_say_and_not_what_they_were_told_or_have_read() {
    let avoid = || json!({ "avoid_keywords": ["Docker"] });
    let mut scene = Scene::new();
    scene.is_told("[NUDGE] no docker please");
    scene.calls("bash", &json!({ "command": "ls" }), "docker-compose.yml docker");
    scene.says("I split the parser in two.");
    assert_eq!(scene.rules("scope", avoid(), Gate::Step), NONE);
    scene.says("Next, a docker image.");
    assert_eq!(scene.rules("scope", avoid(), Gate::Step), ["avoid 'Docker'"]);
    let id = scene.session();
    scene.runs(id, "docker build .", 0, "");
    let heard = scene.hears("scope", avoid(), Gate::Activity);
    assert_eq!(heard[0].about.map(|about| (about.session, about.turn)), Some((id, 1)));
    assert_eq!(heard[0].key(), format!("scope/avoid 'Docker'@{id}"));
}

#[test]
fn scope_misses_the_subject_after_three_steps_without_it() {
    let focus = || json!({ "focus_keywords": ["parser"] });
    let mut scene = Scene::new();
    for command in ["ls", "df", "uptime"] {
        assert_eq!(scene.rules("scope", focus(), Gate::Step), NONE);
        scene.bash(command, 0);
    }
    assert_eq!(scene.rules("scope", focus(), Gate::Step), ["off_subject"]);
    scene.says("Back to the parser.");
    assert_eq!(scene.rules("scope", focus(), Gate::Step), NONE);
}

#[test]
fn pattern_searches_words_and_calls_never_the_task_and_gives_the_verdict_that_is_set() {
    let config = || {
        json!({ "patterns": [
        { "regex": "sk-[a-z]+", "action": "abort", "message": "A key is in the open." },
        { "regex": "git\\s+push", "action": "pause" },
    ] })
    };
    let mut scene = Scene::new();
    scene.is_told("[NUDGE] never git push sk-secret");
    scene.says("I will look around.");
    assert_eq!(scene.rules("pattern", config(), Gate::Step), NONE);
    scene.asks_for("bash", &json!({ "command": "GIT  PUSH --force" }));
    let heard = scene.hears("pattern", config(), Gate::Tools);
    assert_eq!((heard.len(), heard[0].verdict), (1, Verdict::Pause));
    assert_eq!(heard[0].evidence, json!({ "where": { "call_id": "pending_0" }, "match": "'GIT PUSH'" }));
    scene.calls("bash", &json!({ "command": "env" }), "KEY=sk-abc");
    let heard = scene.hears("pattern", config(), Gate::Step);
    assert_eq!((heard[0].verdict, heard[0].guidance.as_str()), (Verdict::Abort, "A key is in the open."));
    for at in 0..5 {
        scene.bash(&format!("cat {at}"), 0);
    }
    assert_eq!(scene.rules("pattern", config(), Gate::Step), NONE, "it is out of sight");
}

#[test]
fn pattern_answers_at_once_even_to_an_evil_expression() {
    let mut scene = Scene::new();
    for _ in 0..10 {
        scene.says(&"a".repeat(8_000));
    }
    let config = json!({ "patterns": [{ "regex": "(a+)+$x|(a|aa)+b|(.*a){20}c" }] });
    let began = std::time::Instant::now();
    assert_eq!(scene.rules("pattern", config, Gate::Step), NONE);
    // Ten milliseconds where it is compiled to be fast.
    assert!(began.elapsed() < std::time::Duration::from_secs(2), "{:?}", began.elapsed());
}

#[test]
fn quality_counts_files_and_asks_for_tests_once_the_executors_rest() {
    let mut scene = Scene::new();
    let id = scene.session();
    scene.changes(id, &["src/parser.rs", "README.md"]);
    assert_eq!(scene.rules("quality", json!({}), Gate::Step), NONE, "it still works");
    scene.ends(id, "completed");
    assert_eq!(scene.rules("quality", json!({}), Gate::Step), ["no_tests"]);
    assert_eq!(scene.rules("quality", json!({ "require_tests": false }), Gate::Step), NONE);
    let id = scene.session();
    scene.changes(id, &["tests/parser.rs", "src/parser.rs"]);
    scene.ends(id, "completed");
    assert_eq!(scene.rules("quality", json!({}), Gate::Step), NONE);
    assert_eq!(scene.rules("quality", json!({ "max_files_changed": 2 }), Gate::Step), ["many_files"]);
}

#[test]
fn claims_believes_passing_tests_only_after_a_run_that_shows_it() {
    let claims = |scene: &Scene| scene.rules("claims", json!({}), Gate::Step);
    let mut scene = Scene::new();
    let id = scene.session();
    scene.changes(id, &["src/a.rs"]);
    scene.says("Make sure that all tests pass.");
    assert_eq!(claims(&scene), NONE);
    scene.says("All tests pass.");
    assert_eq!(claims(&scene), ["tests_not_run"]);
    scene.bash("cargo test -q", 101);
    scene.says("All tests pass.");
    assert_eq!(claims(&scene), ["tests_failed"]);
    scene.bash("cargo test -q", 0);
    assert_eq!(claims(&scene), NONE, "it has been shown since");
    scene.says("Now all tests pass.");
    assert_eq!(claims(&scene), NONE);
    scene.changes(id, &["src/a.rs"]);
    assert_eq!(claims(&scene), NONE, "it was true when it was said");
    scene.says("And all tests pass.");
    let heard = scene.hears("claims", json!({}), Gate::Step);
    assert_eq!(heard[0].rule, "tests_outdated");
    assert_eq!(
        heard[0].reason,
        "'And all tests pass.' is claimed, but files were changed after the last test run ('cargo test -q')"
    );
}

#[test]
fn claims_hears_executors_and_the_last_word_and_is_not_fooled_by_a_pipe() {
    let mut scene = Scene::new();
    let id = scene.session();
    scene.runs(id, "bash -lc 'cargo test | tail -3'", 0, "test result: FAILED. 1 passed; 1 failed");
    scene.reports(id, "Parser done, all tests pass.");
    let heard = scene.hears("claims", json!({}), Gate::Activity);
    assert_eq!(
        (heard[0].rule.as_str(), heard[0].about.map(|about| about.session)),
        ("tests_failed", Some(id))
    );
    scene.asks_for("exit", &json!({ "exit_message": "Done. The tests pass." }));
    assert_eq!(scene.rules("claims", json!({}), Gate::Tools), ["tests_failed"]);
    scene.runs(id, "cargo test", 0, "test result: ok. 2 passed; 0 failed");
    assert_eq!(scene.rules("claims", json!({}), Gate::Activity), NONE);
    assert_eq!(scene.rules("claims", json!({}), Gate::Tools), NONE);
}

#[test]
fn stall_speaks_of_a_silent_working_session_and_not_of_one_that_waits_for_us() {
    let mut scene = Scene::new();
    let id = scene.session();
    scene.runs(id, "cargo build", 0, "");
    scene.pass(299);
    assert_eq!(scene.rules("stall", json!({}), Gate::Activity), NONE);
    scene.pass(1);
    let heard = scene.hears("stall", json!({}), Gate::Activity);
    assert_eq!(heard[0].reason, "s1 (codex) has been silent for 300 s; last: '$ cargo build'");
    assert_eq!(heard[0].about.map(|about| (about.session, about.turn)), Some((id, 1)));
    let opened = InboxOpened {
        inbox_id: InboxId::random(),
        what: InboxKind::Approval,
        session: Some(id),
        title: String::new(),
        detail: Value::Null,
        choices: Vec::new(),
        digest: String::new(),
    };
    scene.event(None, opened.into());
    assert_eq!(scene.rules("stall", json!({}), Gate::Activity), NONE);
}

#[test]
fn the_trail_keeps_the_newest_of_both_and_cuts_long_texts() {
    let mut scene = Scene::new();
    scene.says("first");
    let id = scene.session();
    for at in 0..100 {
        scene.runs(id, &format!("echo {at}"), 0, &"x".repeat(100_000));
    }
    let sight = scene.sight(Gate::Activity);
    assert_eq!(sight.recent.len(), 1 + super::RECENT, "activities do not push the orchestrator out");
    assert!(serde_json::to_string(&sight).unwrap().len() < 700_000);
    assert!(scene.trail.is_cut());
}
