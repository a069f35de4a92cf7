//! Approvals with a human: the whole program in plain mode, where the real executors ask and a person answers.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    support::sessions::agent_program,
    world::{World, world},
};

/// Nothing in these tests takes longer.
const PATIENCE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(10);

/// The program with a person in front of it.
struct Seat {
    child: Child,
    input: ChildStdin,
    said: Arc<Mutex<Vec<String>>>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.said.lock().unwrap().join("\n"));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn seat(world: &World, args: &[&str]) -> Seat {
    let config = world.path("run.yaml").display().to_string();
    let fixed = ["--plain", "-c", &config, "--set", "orchestrator.lm=gpt-5"];
    let mut command = world.command(&[&fixed[..], args].concat());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let said = Arc::new(Mutex::new(Vec::new()));
    let kept = said.clone();
    std::thread::spawn(move || {
        for line in out.lines().map_while(Result::ok) {
            kept.lock().unwrap().push(line);
        }
    });
    Seat { input: child.stdin.take().unwrap(), child, said }
}

impl Seat {
    fn types(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    /// Waits until that many lines contain the text.
    async fn hears(&self, text: &str, times: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.said.lock().unwrap().iter().filter(|line| line.contains(text)).count() < times {
            assert!(Instant::now() < deadline, "'{text}' was not said {times} times");
            tokio::time::sleep(STEP).await;
        }
    }

    /// Waits for the n-th card, answers it and waits until the answer is there.
    async fn answers(&mut self, card: usize, choice: &str, text: Option<&str>) {
        self.hears("5 answers it", card).await;
        self.types("5");
        self.hears("Choose: 1 ", card).await;
        self.types(choice);
        if let Some(text) = text {
            self.types(text);
        }
        self.hears("answered by human", card).await;
    }

    async fn leaves(&mut self) {
        self.hears("ended by exit", 1).await;
        self.types("0");
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the program did not leave");
            tokio::time::sleep(STEP).await;
        }
    }
}

/// The payloads of one kind in the journal.
fn of(world: &World, kind: &str) -> Vec<Value> {
    let journal = std::fs::read_to_string(world.instance().join("events.jsonl")).unwrap();
    let events = journal.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.filter(|event| event["kind"] == kind).map(|event| event["payload"].clone()).collect()
}

fn choices(world: &World) -> Vec<String> {
    of(world, "inbox_closed").iter().map(|closed| closed["choice"].as_str().unwrap().to_owned()).collect()
}

const CLAUDE: &str = r#"
lanes:
  - name: claude
    wire: messages
    contains: TASK-CLAUDE
    replies:
      - calls: [{Bash: {command: "perl -e 1 && echo hi > one.txt", description: "x"}}]
      - calls: [{Bash: {command: "perl -e 'print 40+2'", description: "x"}}]
      - calls: [{Bash: {command: "perl -e 'print 40+2'", description: "x"}}]
      - calls: [{Bash: {command: "ruby -e 1 && echo hi > three.txt", description: "x"}}]
      - calls: [{Bash: {command: "lua -e 1 && echo hi > four.txt", description: "x"}}]
      - text: "never"
  - name: main
    model: gpt-5
    replies:
      - calls: [{delegate: {task: "TASK-CLAUDE", adapter: claude, mode: sync}}]
      - calls: [{exit: {exit_message: "all was asked"}}]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn claude_asks_the_human_and_each_answer_reaches_it() {
    let Some(world) = world(CLAUDE).await else { return };
    let mut seat = seat(&world, &["-t", "ask"]);
    seat.answers(1, "1", None).await;
    seat.answers(2, "2", None).await;
    // The same command again is not asked: it was accepted for the session.
    seat.answers(3, "3", Some("not in this house")).await;
    seat.answers(4, "4", None).await;
    seat.leaves().await;
    assert_eq!(choices(&world), ["accept", "accept_for_session", "decline", "cancel"]);
    let there = |name: &str| world.work().join(name).exists();
    assert_eq!((there("one.txt"), there("three.txt"), there("four.txt")), (true, false, false));
    let asked = world.server.asked_of("claude");
    assert_eq!(asked.len(), 5, "after a cancel the model is not asked again");
    assert!(asked[3].body.to_string().matches("42").count() >= 2, "both ran");
    assert!(asked[4].body.to_string().contains("not in this house"));
    assert_eq!(of(&world, "session_turn_finished")[0]["status"], "interrupted");
    world.until_none_survives(Duration::ZERO).await;
}

const FREE: &str = r#"
lanes:
  - name: claude
    wire: messages
    contains: TASK-CLAUDE
    replies:
      - calls: [{Bash: {command: "perl -e 1 && echo hi > OUT/one.txt", description: "x"}}]
      - text: "done"
  - name: main
    model: gpt-5
    replies:
      - calls: [{delegate: {task: "TASK-CLAUDE", adapter: claude, mode: sync}}]
      - calls: [{exit: {exit_message: "tried"}}]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn without_confinement_claude_waits_for_leave_and_is_confined_where_it_is_refused() {
    for (number, made) in [("1", true), ("2", false)] {
        let Some(world) = world(FREE).await else { return };
        let mut seat = seat(&world, &["-t", "free", "--set", "executor.sandbox=danger-full-access"]);
        seat.hears("s1 would work without any confinement", 1).await;
        assert_eq!(world.server.asked_of("claude").len(), 0, "nothing begins before the answer");
        seat.types("5");
        seat.hears("Choose: 1 let it", 1).await;
        seat.types(number);
        seat.hears("answered by human", 1).await;
        if !made {
            // Confined, it asks as ever.
            seat.answers(2, "3", Some("no")).await;
        }
        seat.leaves().await;
        assert_eq!(world.out().join("one.txt").exists(), made);
        world.until_none_survives(Duration::ZERO).await;
    }
}

/// The reason of the decline steers the turn: it may cut the request that is under way (so the command after it stands
/// there twice), or come with the one after that (so a command that nobody is asked about lies between).
const CODEX: &str = r#"
lanes:
  - name: codex
    model: gpt-5.5
    contains: TASK-CODEX
    replies:
      - calls: [{exec_command: {cmd: "touch OUT/one", sandbox_permissions: require_escalated, justification: "needed"}}]
      - calls: [{exec_command: {cmd: "echo x >> OUT/two", sandbox_permissions: require_escalated, justification: "needed"}}]
      - calls: [{exec_command: {cmd: "echo x >> OUT/two", sandbox_permissions: require_escalated, justification: "needed"}}]
      - calls: [{exec_command: {cmd: "touch OUT/three", sandbox_permissions: require_escalated, justification: "needed"}}]
      - calls: [{exec_command: {cmd: "sleep 1"}}]
      - calls: [{exec_command: {cmd: "touch OUT/four", sandbox_permissions: require_escalated, justification: "needed"}}]
      - calls: [{exec_command: {cmd: "touch OUT/four", sandbox_permissions: require_escalated, justification: "needed"}}]
      - text: "never"
  - name: main
    model: gpt-5
    replies:
      - calls: [{delegate: {task: "TASK-CODEX", adapter: codex, mode: sync}}]
      - calls: [{exit: {exit_message: "all was asked"}}]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn codex_asks_the_human_and_each_answer_and_the_reason_reach_it() {
    let Some(world) = world(CODEX).await else { return };
    let mut seat = seat(&world, &["-t", "ask"]);
    seat.answers(1, "1", None).await;
    seat.answers(2, "2", None).await;
    seat.answers(3, "3", Some("not in this house")).await;
    seat.answers(4, "4", None).await;
    seat.leaves().await;
    assert_eq!(choices(&world), ["accept", "accept_for_session", "decline", "cancel"]);
    let there = |name: &str| world.out().join(name).exists();
    assert_eq!((there("one"), there("three"), there("four")), (true, false, false));
    assert_eq!(std::fs::read_to_string(world.out().join("two")).unwrap(), "x\nx\n", "asked once, run twice");
    let asked = world.server.asked_of("codex");
    let mut later = asked.iter().skip(4);
    let told = later.any(|request| request.body.to_string().contains("was declined: not in this house"));
    assert!(told, "{} requests, and none tells the reason", asked.len());
    assert_eq!(of(&world, "session_turn_finished")[0]["status"], "interrupted");
    world.until_none_survives(Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_was_open_at_a_kill_is_shown_as_dropped_after_the_resume() {
    let Some(world) = world(CLAUDE).await else { return };
    let mut first = seat(&world, &["-t", "ask"]);
    first.hears("5 answers it", 1).await;
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    let id = world.id();
    let mut second = seat(&world, &["--resume", "-i", &id]);
    second.hears("answered by dropped: cancel", 1).await;
    second.leaves().await;
    let (opened, closed) = (of(&world, "inbox_opened"), of(&world, "inbox_closed"));
    assert_eq!((opened.len(), &closed[0]["by"]), (1, &"dropped".into()), "{opened:#?} {closed:#?}");
    assert!(!world.work().join("one.txt").exists(), "nothing runs that nobody accepted");
    world.until_none_survives(Duration::ZERO).await;
}

/// The reason of a decline is a further turn: where it still runs, the first `exit` is refused and the second ends.
const AGENT: &str = r#"
lanes:
  - name: main
    model: gpt-5
    replies:
      - calls: [{delegate: {task: "write:made.txt", adapter: small, mode: sync}}]
      - calls: [{exit: {exit_message: "all was asked"}}]
      - calls: [{exit: {exit_message: "all was asked"}}]
"#;

/// The world with the small ACP agent under the name `small`.
async fn with_agent() -> Option<World> {
    let world = world(AGENT).await?;
    let path = world.path("run.yaml");
    let mut config: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    config["executors"]["small"] = serde_json::json!({"acp": [agent_program()]});
    std::fs::write(path, config.to_string()).unwrap();
    Some(world)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acp_agent_is_refused_headless_and_allowed_where_that_is_written() {
    for (set, made, choice) in [(None, false, "decline"), (Some("executor.approval=accept"), true, "accept")]
    {
        let Some(world) = with_agent().await else { return };
        let set: Vec<&str> = set.into_iter().flat_map(|set| ["--set", set]).collect();
        let mut run = world.run(&[&["-t", "ask"], &set[..]].concat());
        assert_eq!(run.end().await, Some(0));
        assert_eq!(world.work().join("made.txt").exists(), made, "{choice}");
        assert_eq!(choices(&world), [choice]);
        world.until_none_survives(Duration::ZERO).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acp_agent_asks_the_human_by_a_card() {
    for (number, text, made) in [("1", None, true), ("3", Some("not here"), false)] {
        let Some(world) = with_agent().await else { return };
        let mut seat = seat(&world, &["-t", "ask"]);
        seat.answers(1, number, text).await;
        seat.leaves().await;
        assert_eq!(world.work().join("made.txt").exists(), made, "{number}");
        world.until_none_survives(Duration::ZERO).await;
    }
}
