//! The wire of an agent CLI, for tests: recorded while the real one works, or played back in its place.
//!
//! ```text
//! wire record RAW -- PROGRAM ARGS…     runs it; every line either side writes goes into RAW as well
//! wire replay RECORDING LEAVES ARGS…   plays the recorded CLI: says its lines, waits where it waited
//! ```
//!
//! A recording has one JSON object a line: `{"ms": since the line before, "from": "us" | "cli", "line": {…}}`. `{WORK}` in
//! it stands for the working directory. Ids that we make anew each time (of requests, nudges, sessions) are matched by
//! their places: what stands in our line where the recorded one had another id replaces that id in all that follows.
//! LEAVES is a JSON map of files (path below the working directory, text) that the recorded turn had written: they are
//! written when its first turn begins. What is asked beyond the recording is granted, so that an ending goes well.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio, exit},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// A pause of the recorded CLI is kept up to this.
const LONGEST_PAUSE: u64 = 3_000;
/// A line that was recorded and does not come is waited for so long.
const PATIENCE: Duration = Duration::from_secs(15);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["record", raw, "--", program, ..] => record(raw, program, &args[4..]),
        ["replay", recording, leaves, ..] => Replay::new(recording, leaves).play(),
        _ => panic!("see the head of examples/wire.rs"),
    }
}

fn record(raw: &str, program: &str, args: &[String]) {
    let log = Arc::new(Mutex::new((File::create(raw).unwrap(), Instant::now())));
    let keep = move |from: &str, line: &str| {
        let mut log = log.lock().unwrap();
        let ms = u64::try_from(log.1.elapsed().as_millis()).unwrap();
        log.1 = Instant::now();
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| line.into());
        writeln!(log.0, "{}", json!({"ms": ms, "from": from, "line": line})).unwrap();
    };
    let mut child =
        Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let ours = keep.clone();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            ours("us", &line);
            if writeln!(to, "{line}").and_then(|()| to.flush()).is_err() {
                return;
            }
        }
    });
    for line in from.lines().map_while(Result::ok) {
        keep("cli", &line);
        say(&line);
    }
    exit(child.wait().unwrap().code().unwrap_or(1));
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        exit(0);
    }
}

struct Replay {
    entries: Vec<Value>,
    leaves: BTreeMap<String, String>,
    /// Recorded ids and what they are now.
    ids: HashMap<String, Value>,
    /// What is said to us; what came before its time waits in `early`.
    heard: Receiver<Value>,
    early: Vec<Value>,
}

impl Replay {
    fn new(recording: &str, leaves: &str) -> Self {
        let text = std::fs::read_to_string(recording).unwrap();
        let work = std::env::current_dir().unwrap().display().to_string();
        let parse = |line: &str| serde_json::from_str(&line.replace("{WORK}", &work)).unwrap();
        let entries = text.lines().map(parse).collect();
        let mut ids = HashMap::new();
        let mut args = std::env::args().skip_while(|arg| arg != "--session-id");
        if let Some(session) = args.nth(1) {
            ids.insert("{SESSION}".to_owned(), Value::String(session));
        }
        let (to, heard) = channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                let _ = to.send(serde_json::from_str(&line).unwrap_or_default());
            }
        });
        Self { entries, leaves: serde_json::from_str(leaves).unwrap(), ids, heard, early: Vec::new() }
    }

    fn play(mut self) {
        for entry in std::mem::take(&mut self.entries) {
            if entry["from"] == "us" {
                self.hear(&entry["line"]);
            } else {
                let pause = entry["ms"].as_u64().unwrap_or(0).min(LONGEST_PAUSE);
                std::thread::sleep(Duration::from_millis(pause));
                say(&self.now(&entry["line"]).to_string());
            }
        }
        self.early.iter().for_each(grant);
        while let Ok(line) = self.heard.recv() {
            grant(&line);
        }
    }

    /// Waits for a line of the recorded kind. Two that were said at once may come the other way round.
    fn hear(&mut self, recorded: &Value) {
        let is = |line: &Value| kind(line) == kind(recorded);
        let line = if let Some(at) = self.early.iter().position(is) {
            self.early.remove(at)
        } else {
            loop {
                match self.heard.recv_timeout(PATIENCE) {
                    Ok(line) if is(&line) => break line,
                    Ok(line) => self.early.push(line),
                    Err(RecvTimeoutError::Timeout) => return,
                    Err(RecvTimeoutError::Disconnected) => exit(0),
                }
            }
        };
        self.learn(recorded, &line);
        if matches!(kind(&line).as_str(), "turn/start" | "user") {
            for (path, text) in std::mem::take(&mut self.leaves) {
                let path = std::path::Path::new(&path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
        }
    }

    fn learn(&mut self, recorded: &Value, now: &Value) {
        match (recorded, now) {
            (Value::Object(before), Value::Object(now)) => {
                for (key, value) in before {
                    if let Some(other) = now.get(key) {
                        self.learn(value, other);
                    }
                }
            }
            (Value::String(before), now) if before.len() >= 8 && Value::String(before.clone()) != *now => {
                self.ids.insert(before.clone(), now.clone());
            }
            _ => {}
        }
    }

    fn now(&self, line: &Value) -> Value {
        match line {
            Value::String(text) => self.ids.get(text).unwrap_or(line).clone(),
            Value::Array(list) => list.iter().map(|line| self.now(line)).collect(),
            Value::Object(map) => map.iter().map(|(key, line)| (key.clone(), self.now(line))).collect(),
            other => other.clone(),
        }
    }
}

/// What a line of ours is: a method, or a type and its subtype.
fn kind(line: &Value) -> String {
    match (line["method"].as_str(), line["type"].as_str()) {
        (Some(method), _) => method.to_owned(),
        (_, Some(kind)) => format!("{kind}{}", line["request"]["subtype"].as_str().unwrap_or_default()),
        _ => "answer".to_owned(),
    }
}

/// Answers a request that the recording does not have.
fn grant(line: &Value) {
    if line["type"] == "control_request" {
        let response = json!({"subtype": "success", "request_id": line["request_id"], "response": {}});
        say(&json!({"type": "control_response", "response": response}).to_string());
    } else if line["method"].is_string() && !line["id"].is_null() {
        say(&json!({"id": line["id"], "result": {}}).to_string());
    }
}
