//! Two thousand steps of a trivial tool against a model that answers at once: what a step costs late beside early.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    time::Instant,
};

use serde_json::json;

use crate::{
    process::{self, Load},
    terminal::{self, Place},
};

const STEPS: usize = 2_000;
/// Steps that are compared: the first and the last of so many.
const PART: usize = 200;
/// A history that is cut down now and then.
const HISTORY: &str = "orchestrator.compaction.max_tokens=20000";

/// Calls the same tool in each answer. It reads a request and no more: what grows with the history is the program's.
fn answer(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    for number in 0.. {
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line).unwrap_or(0) > 0 && line != "\r\n" {
            let lower = line.to_ascii_lowercase();
            length =
                lower.strip_prefix("content-length:").map_or(length, |rest| rest.trim().parse().unwrap());
            line.clear();
        }
        if line.is_empty() || reader.read_exact(&mut vec![0; length]).is_err() {
            return;
        }
        let call = json!({"type": "function_call", "id": format!("fc_{number}"), "call_id": format!("call_{number}"),
            "name": "bash", "arguments": r#"{"command":"true"}"#, "status": "completed"});
        let usage = json!({"input_tokens": 100, "output_tokens": 10, "total_tokens": 110});
        let done = json!({"type": "response.output_item.done", "output_index": 0, "item": call});
        let response = json!({"id": "resp", "status": "completed", "output": [call], "usage": usage});
        let completed = json!({"type": "response.completed", "response": response});
        let body = format!(
            "event: response.output_item.done\ndata: {done}\n\nevent: response.completed\ndata: {completed}\n\n"
        );
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length:";
        if write!(stream, "{head} {}\r\n\r\n{body}", body.len()).is_err() {
            return;
        }
    }
}

fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        listener.incoming().flatten().for_each(|stream| drop(std::thread::spawn(|| answer(stream))))
    });
    url
}

/// At the end of a step.
struct At {
    time: Instant,
    cpu_ms: u64,
    resident_kb: u64,
}

#[test]
#[ignore = "a measurement"]
fn two_thousand_steps() {
    let place = Place::new();
    let steps = format!("orchestrator.max_steps={STEPS}");
    let mut command = Command::new(terminal::program());
    command.current_dir(place.work()).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", place.home()).env("ZWARM_HOME", place.home());
    command.env("OPENAI_API_KEY", "k-0123456789").env("OPENAI_BASE_URL", server());
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
        "watchers.enabled=false",
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
        } else if line.contains(r#""kind":"context_compacted""#) {
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
