//! Two thousand steps of a trivial tool against a model that answers at once: what a step costs late beside early.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Instant,
};

use crate::{
    process::{self, Load},
    support::model_server::ModelServer,
    terminal::{self, Place},
};

const STEPS: usize = 2_000;
/// Steps that are compared: the first and the last of so many.
const PART: usize = 200;
/// The answer of the model, again and again, and a history that is cut down every few dozen steps.
const LANES: &str = "lanes: [{name: main, repeat: true, replies: [{calls: [{bash: {command: 'true'}}], usage: {input: 100, output: 10}}]}]";
const HISTORY: &str = "orchestrator.compaction.max_tokens=20000";

/// At the end of a step.
struct At {
    time: Instant,
    cpu_ms: u64,
    resident_kb: u64,
}

#[test]
#[ignore = "a measurement"]
fn two_thousand_steps() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(ModelServer::from_yaml(LANES));
    let place = Place::new();
    let steps = format!("orchestrator.max_steps={STEPS}");
    let mut command = Command::new(terminal::program());
    command.current_dir(place.work()).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", place.home()).env("ZWARM_HOME", place.home());
    command.env("OPENAI_API_KEY", "k-0123456789").env("OPENAI_BASE_URL", server.v1());
    command.args([
        "run",
        "--json",
        "-t",
        "do it",
        "--set",
        &steps,
        "--set",
        HISTORY,
        "--set",
        "watchers.enabled=[]",
    ]);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null()).spawn().unwrap();
    let (mut at, mut compacted_at) = (Vec::new(), None);
    let now = |pid| At {
        time: Instant::now(),
        cpu_ms: Load::of(pid).cpu_ms,
        resident_kb: process::resident_kb(pid),
    };
    at.push(now(child.id()));
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        if line.contains(r#""kind":"step_finished""#) {
            at.push(now(child.id()));
        } else if line.contains(r#""kind":"compacted""#) {
            compacted_at.get_or_insert(at.len() - 1);
        }
    }
    child.wait().unwrap();
    assert_eq!(at.len(), STEPS + 1, "all steps were made");
    let compacted_at = compacted_at.expect("the history was cut down");
    let part = |what: &str, first: &At, last: &At| {
        let steps = PART as f64;
        let wall = (last.time - first.time).as_secs_f64() * 1_000.0 / steps;
        let cpu = (last.cpu_ms - first.cpu_ms) as f64 / steps;
        println!("{what} {PART} steps: {wall:.2} ms a step, of it {cpu:.2} ms CPU of the program");
        (wall, cpu)
    };
    let first = part("the first", &at[0], &at[PART]);
    let last = part("the last ", &at[STEPS - PART], &at[STEPS]);
    println!("last to first: {:.2} wall, {:.2} CPU (goal: 1.2)", last.0 / first.0, last.1 / first.1);
    let grown = at[STEPS].resident_kb as f64 - at[compacted_at].resident_kb as f64;
    println!(
        "first compaction in step {compacted_at}; memory from then on: {:.2} kB a step (goal: 2), {} kB at the end",
        grown / (STEPS - compacted_at) as f64,
        at[STEPS].resident_kb
    );
}
