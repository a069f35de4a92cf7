//! Three kinds of executors at once: what they do, what is counted, who can be told something in mid-turn.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use zwarm_tui::protocol::Command;

use crate::world::world;

/// The task of each session names the file that it writes; every turn is held open in its last answer.
const AT_ONCE: &str = r#"
lanes:
  - name: codex
    model: gpt-5.5
    contains: TASK-CODEX
    replies:
      - calls: [{apply_patch: "*** Begin Patch\n*** Add File: codex.txt\n+made\n*** End Patch"}]
        usage: {input: 1000, cached_input: 400, output: 30, reasoning: 5}
      - {text: "The file of codex is written.", gate_mid: codex, usage: {input: 1100, output: 21}}
  - name: agent
    model: gpt-5.5
    contains: TASK-AGENT
    replies:
      - calls: [{apply_patch: "*** Begin Patch\n*** Add File: agent.txt\n+made\n*** End Patch"}]
        usage: {input: 2000, output: 40}
      - {text: "The file of the agent is written.", gate_mid: agent, usage: {input: 2100, output: 22}}
  - name: claude
    wire: messages
    contains: TASK-CLAUDE
    replies:
      - calls: [{Write: {file_path: "WORK/claude.txt", content: "made\n"}}]
        usage: {input: 3000, cached_input: 500, cache_write: 300, output: 50}
      - {text: "The file of claude is written.", gate_mid: claude, usage: {input: 3100, output: 23}}
  - name: main
    model: gpt-5
    replies:
      - calls:
          - delegate: {task: "TASK-CODEX: write codex.txt", adapter: codex, mode: async}
          - delegate: {task: "TASK-CLAUDE: write claude.txt", adapter: claude, mode: async, model: claude-sonnet-4-5}
          - delegate: {task: "TASK-AGENT: write agent.txt", adapter: agent, mode: async}
        usage: {input: 500, output: 10}
      - {calls: [{wait: {}}], usage: {input: 600, output: 11}}
      - {calls: [{wait: {}}], usage: {input: 601, output: 11}}
      - {calls: [{wait: {}}], usage: {input: 602, output: 11}}
      - {calls: [{bash: {command: "cat codex.txt claude.txt agent.txt"}}], usage: {input: 700, output: 12}}
      - {calls: [{exit: {exit_message: "three files"}}], usage: {input: 800, output: 13}}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn three_real_executors_work_at_once_and_are_counted_to_the_token() {
    let Some(world) = world(AT_ONCE).await else { return };
    let mut run = world.run(&["-t", "make three files"]);
    for gate in ["codex", "claude", "agent"] {
        world.held(gate).await;
    }
    // All three stand in the middle of an answer: as the listing of another process sees them.
    let listed = world.say(&["session", "list", "--json"]);
    let listed: Vec<Value> =
        String::from_utf8(listed.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let working: Vec<_> = listed.iter().map(|one| (&one["adapter"], &one["state"])).collect();
    let now = json!("working");
    assert_eq!(
        working,
        [(&json!("codex"), &now), (&json!("claude"), &now), (&json!("agent"), &now)],
        "{listed:#?}"
    );
    for gate in ["codex", "claude", "agent"] {
        world.server.release(gate);
    }
    assert_eq!(run.end().await, Some(0));
    for name in ["codex", "claude", "agent"] {
        let text = std::fs::read_to_string(world.work().join(format!("{name}.txt"))).unwrap();
        assert_eq!(text, "made\n", "{name}");
        let (_, end) = run.turn_end(run.session(name).await, 1).await;
        assert_eq!(end["status"], "completed", "{end}");
    }
    let tokens = [run.session("codex").await, run.session("claude").await, run.session("agent").await]
        .map(|session| run.tokens(session));
    assert_eq!(tokens, [(2151, false), (6173, false), (4162, false)]);
    let finished = &run.of("run_finished")[0];
    assert_eq!(
        finished["usage"]["total"],
        json!(2151 + 6173 + 4162 + 500 + 600 + 601 + 602 + 700 + 800 + 10 + 33 + 12 + 13),
        "{finished}"
    );
    world.until_none_survives(Duration::ZERO).await;
}

/// Every first answer is held in its middle; so is what codex and the agent say to a nudge.
const STEERED: &str = r#"
lanes:
  - name: codex
    model: gpt-5.5
    contains: TASK-CODEX
    replies:
      - {text: "A long answer of codex, in many pieces, that a nudge cuts.", chunk_chars: 6, gate_mid: codex}
      - {text: "Codex has heard it.", gate: codex-again}
  - name: agent
    model: gpt-5.5
    contains: TASK-AGENT
    replies:
      - {text: "A long answer of the agent, in many pieces.", chunk_chars: 6, gate_mid: agent}
  - name: claude
    wire: messages
    contains: TASK-CLAUDE
    replies:
      - {text: "A long answer of claude, in many pieces.", chunk_chars: 6, gate_mid: claude}
      - {text: "Claude has heard it."}
  - name: main
    model: gpt-5
    replies:
      - calls:
          - delegate: {task: "TASK-CODEX", adapter: codex, mode: async}
          - delegate: {task: "TASK-CLAUDE", adapter: claude, mode: async}
          - delegate: {task: "TASK-AGENT", adapter: agent, mode: async}
      - {calls: [{wait: {}}]}
      - {calls: [{wait: {}}]}
      - {calls: [{wait: {}}]}
      - {calls: [{wait: {}}]}
      - calls: [{exit: {exit_message: "told"}}]
"#;

/// How far a nudge has come, by the journal.
fn stages(run: &crate::world::Run, nudge: &str) -> Vec<String> {
    let events = run.events();
    let own = events.iter().filter(|event| event["payload"]["nudge_id"] == nudge);
    own.map(|event| event["kind"].as_str().unwrap().trim_start_matches("nudge_").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nudges_reach_turns_as_each_executor_allows_and_an_interrupt_leaves_the_siblings_alone() {
    let Some(world) = world(STEERED).await else { return };
    let mut run = world.run(&["-t", "be told"]);
    for gate in ["codex", "claude", "agent"] {
        world.held(gate).await;
    }
    let (codex, claude) = (run.session("codex").await, run.session("claude").await);
    let instance = world.id();
    let said = |text: &'static str| {
        move |event: &Value| event["kind"] == "nudge_queued" && event["payload"]["text"] == text
    };
    let queued = async |run: &crate::world::Run, text: &'static str| {
        let (_, event) = run.until(text, said(text)).await;
        event["payload"]["nudge_id"].as_str().unwrap().to_owned()
    };

    // codex: into the turn that runs.
    world.say(&["nudge", "TOLD-CODEX", "-i", &instance, "--session", "s1"]);
    let told = queued(&run, "TOLD-CODEX").await;
    world.held("codex-again").await;
    assert!(world.server.asked_of("codex")[1].body.to_string().contains("TOLD-CODEX"));
    run.until("seen", |event| event["kind"] == "nudge_seen" && event["payload"]["nudge_id"] == told.as_str())
        .await;
    assert_eq!(stages(&run, &told), ["queued", "sent", "seen"]);

    // claude: queued while it writes; there it can be changed, and is given back by an interrupt.
    world.say(&["nudge", "TOLD-CLAUDE", "-i", &instance, "--session", "s2"]);
    let told = queued(&run, "TOLD-CLAUDE").await;
    world.say(&["nudge", "NEVER-MIND", "-i", &instance, "--session", "s2"]);
    let unsaid = queued(&run, "NEVER-MIND").await;
    let (id, other) = (told.parse().unwrap(), unsaid.parse().unwrap());
    world.drop_in(&Command::EditNudge { nudge: id, text: "TOLD-OTHERWISE".into() });
    run.until("changed", |event| event["kind"] == "nudge_changed").await;
    world.drop_in(&Command::WithdrawNudge { nudge: other });
    run.until("withdrawn", |event| event["kind"] == "nudge_withdrawn").await;
    assert_eq!(stages(&run, &told), ["queued", "changed"]);
    let began = Instant::now();
    world.drop_in(&Command::Interrupt { session: claude });
    let (at, end) = run.turn_end(claude, 1).await;
    assert_eq!(end["status"], "interrupted");
    assert!(at - began < Duration::from_secs(1), "{:?}", at - began);
    let (_, end) = run.turn_end(claude, 2).await;
    assert_eq!(end["response"], "Claude has heard it.");
    let body = world.server.asked_of("claude").pop().unwrap().body.to_string();
    assert!(
        body.contains("TOLD-OTHERWISE") && !body.contains("TOLD-CLAUDE") && !body.contains("NEVER-MIND"),
        "{body}"
    );
    assert_eq!(stages(&run, &told), ["queued", "changed", "sent", "seen"]);

    // The siblings have not noticed.
    let began = Instant::now();
    world.drop_in(&Command::Interrupt { session: codex });
    let (at, end) = run.turn_end(codex, 1).await;
    assert_eq!(end["status"], "interrupted");
    assert!(at - began < Duration::from_secs(1), "{:?}", at - began);
    world.server.release("agent");
    let (_, end) = run.turn_end(run.session("agent").await, 1).await;
    assert_eq!(end["status"], "completed");
    assert_eq!(run.end().await, Some(0));
}
