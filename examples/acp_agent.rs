//! A small ACP agent for tests and for trying things by hand: it needs no model. A prompt is a list of words, carried
//! out in order; anything else is said back.
//!
//! | word | what it does |
//! |---|---|
//! | `say:TEXT` | says the text, in two pieces |
//! | `think:TEXT` | thinks it |
//! | `big:N` | says N bytes |
//! | `write:PATH` | asks for leave, then writes the file |
//! | `run:WORD` | a command: output in pieces, exit code 0 |
//! | `plan` | a plan of two entries |
//! | `ask-fs` | asks the client for a file, and says how that was refused |
//! | `hold` | waits until it is cancelled or steered |
//! | `history` | says how many prompts the conversation has had |
//! | `noise` | a line that is not of the protocol |
//! | `die` | exits |
//!
//! `--store DIR` keeps conversations, so that they can be loaded; `--steer` takes messages in mid-turn; `--no-usage`
//! counts nothing.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]

use std::{
    io::{BufRead, Stdin, Write},
    path::PathBuf,
};

use serde_json::{Value, json};

struct Agent {
    from: Stdin,
    store: Option<PathBuf>,
    steer: bool,
    usage: bool,
    session: String,
    cwd: PathBuf,
    prompts: Vec<String>,
    calls: u32,
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let after = |flag: &str| args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1));
    let mut agent = Agent {
        from: std::io::stdin(),
        store: after("--store").map(PathBuf::from),
        steer: args.iter().any(|arg| arg == "--steer"),
        usage: !args.iter().any(|arg| arg == "--no-usage"),
        session: String::new(),
        cwd: PathBuf::new(),
        prompts: Vec::new(),
        calls: 0,
    };
    while let Some(message) = agent.read() {
        agent.serve(&message);
    }
}

impl Agent {
    fn read(&mut self) -> Option<Value> {
        let mut line = String::new();
        (self.from.lock().read_line(&mut line).ok()? > 0)
            .then(|| serde_json::from_str(&line).unwrap_or_default())
    }

    fn send(&self, message: &Value) {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{message}").and_then(|()| out.flush()).expect("the client is there");
    }

    fn answer(&self, id: &Value, result: Value) {
        self.send(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
    }

    fn update(&self, update: Value) {
        let params = json!({"sessionId": self.session, "update": update});
        self.send(&json!({"jsonrpc": "2.0", "method": "session/update", "params": params}));
    }

    fn serve(&mut self, message: &Value) {
        let (id, params) = (&message["id"], &message["params"]);
        match message["method"].as_str().unwrap_or_default() {
            "initialize" => self.answer(
                id,
                json!({
                    "protocolVersion": 1,
                    "agentInfo": {"name": "acp_agent", "version": "0.1.0"},
                    "agentCapabilities": {"loadSession": self.store.is_some()},
                    "_meta": {"steering": {"supported": self.steer}},
                }),
            ),
            "session/new" => {
                self.session = format!("session-{}", std::process::id());
                self.cwd = PathBuf::from(params["cwd"].as_str().unwrap_or("."));
                self.answer(id, json!({"sessionId": self.session}));
            }
            "session/load" => self.load(id, params),
            "session/prompt" => self.prompt(id, params),
            _ if !id.is_null() => {
                let error = json!({"code": -32601, "message": "no such method"});
                self.send(&json!({"jsonrpc": "2.0", "id": id, "error": error}));
            }
            _ => {}
        }
    }

    fn file(&self) -> Option<PathBuf> {
        self.store.as_ref().map(|store| store.join(format!("{}.json", self.session)))
    }

    fn load(&mut self, id: &Value, params: &Value) {
        self.session = params["sessionId"].as_str().unwrap_or_default().to_owned();
        self.cwd = PathBuf::from(params["cwd"].as_str().unwrap_or("."));
        let kept = self.file().and_then(|file| std::fs::read_to_string(file).ok());
        let Some(kept) = kept else {
            let error = json!({"code": -32002, "message": "no such session"});
            return self.send(&json!({"jsonrpc": "2.0", "id": id, "error": error}));
        };
        self.prompts = serde_json::from_str(&kept).unwrap_or_default();
        for prompt in &self.prompts {
            self.chunk("user_message_chunk", prompt);
            self.chunk("agent_message_chunk", "replayed");
        }
        self.answer(id, json!({}));
    }

    fn prompt(&mut self, id: &Value, params: &Value) {
        let prompt = params["prompt"][0]["text"].as_str().unwrap_or_default().to_owned();
        self.prompts.push(prompt.clone());
        if let Some(file) = self.file() {
            std::fs::write(file, json!(self.prompts).to_string()).expect("the store is there");
        }
        let mut reason = "end_turn";
        for word in prompt.split_whitespace() {
            if !self.word(word) {
                reason = "cancelled";
                break;
            }
        }
        let usage =
            json!({"inputTokens": 100, "cachedReadTokens": 20, "outputTokens": 10, "totalTokens": 130});
        let counted = self.usage && reason == "end_turn";
        self.answer(id, json!({"stopReason": reason, "usage": if counted { usage } else { Value::Null }}));
    }

    /// False: the turn was cancelled.
    fn word(&mut self, word: &str) -> bool {
        let (verb, rest) = word.split_once(':').unwrap_or((word, ""));
        match verb {
            "say" => {
                let (head, tail) = rest.split_at(rest.len() / 2);
                self.chunk("agent_message_chunk", head);
                self.chunk("agent_message_chunk", tail);
            }
            "think" => self.chunk("agent_thought_chunk", rest),
            "big" => self.chunk("agent_message_chunk", &"x".repeat(rest.parse().unwrap_or(0))),
            "write" => return self.write(rest),
            "run" => self.run(rest),
            "plan" => {
                let entry = |content: &str, status: &str| json!({"content": content, "status": status, "priority": "low"});
                let entries = [entry("first", "completed"), entry("second", "pending")];
                self.update(json!({"sessionUpdate": "plan", "entries": entries}));
            }
            "ask-fs" => {
                let params = json!({"sessionId": self.session, "path": "/etc/passwd"});
                self.send(
                    &json!({"jsonrpc": "2.0", "id": "fs", "method": "fs/read_text_file", "params": params}),
                );
                let refused =
                    self.read().map(|answer| answer["error"]["code"].to_string()).unwrap_or_default();
                self.chunk("agent_message_chunk", &format!("refused with {refused}"));
            }
            "hold" => return self.hold(),
            "history" => self.chunk("agent_message_chunk", &format!("prompts: {}", self.prompts.len())),
            "noise" => self.send(&json!("this is not of the protocol")),
            "die" => std::process::exit(3),
            _ => self.chunk("agent_message_chunk", word),
        }
        true
    }

    fn chunk(&self, kind: &str, text: &str) {
        self.update(json!({"sessionUpdate": kind, "content": {"type": "text", "text": text}}));
    }

    fn call(&mut self) -> String {
        self.calls += 1;
        format!("call-{}", self.calls)
    }

    fn write(&mut self, path: &str) -> bool {
        let id = self.call();
        let diff = json!([{"type": "diff", "path": path, "oldText": null, "newText": "hello\n"}]);
        self.update(json!({"sessionUpdate": "tool_call", "toolCallId": id, "kind": "edit", "title": format!("Write {path}"),
            "status": "pending", "content": diff}));
        // The options are in an odd order on purpose.
        let options = json!([
            {"optionId": "1", "name": "No", "kind": "reject_once"},
            {"optionId": "2", "name": "Always", "kind": "allow_always"},
            {"optionId": "3", "name": "Yes", "kind": "allow_once"},
        ]);
        let params = json!({"sessionId": self.session, "toolCall": {"toolCallId": id}, "options": options});
        self.send(
            &json!({"jsonrpc": "2.0", "id": id, "method": "session/request_permission", "params": params}),
        );
        let mut cancelled = false;
        let outcome = loop {
            let Some(message) = self.read() else { return false };
            cancelled |= message["method"] == "session/cancel";
            if message["id"] == json!(id) {
                break message["result"]["outcome"].clone();
            }
        };
        let allowed = matches!(outcome["optionId"].as_str(), Some("2" | "3"));
        if allowed {
            std::fs::write(self.cwd.join(path), "hello\n").expect("the directory is there");
        }
        let status = if allowed { "completed" } else { "failed" };
        self.update(json!({"sessionUpdate": "tool_call_update", "toolCallId": id, "status": status}));
        if outcome["outcome"] == "cancelled" && !cancelled {
            return self.hold();
        }
        !cancelled
    }

    fn run(&mut self, command: &str) {
        let id = self.call();
        self.update(
            json!({"sessionUpdate": "tool_call", "toolCallId": id, "kind": "execute", "title": command,
            "status": "in_progress", "rawInput": {"command": command}}),
        );
        for piece in ["out", "put\n"] {
            let meta = json!({"terminal_output_delta": {"data": piece}});
            self.update(json!({"sessionUpdate": "tool_call_update", "toolCallId": id, "_meta": meta}));
        }
        let meta = json!({"terminal_exit": {"exit_code": 0}});
        self.update(json!({"sessionUpdate": "tool_call_update", "toolCallId": id, "status": "completed", "_meta": meta}));
    }

    /// Waits for the client. True: it was steered and goes on.
    fn hold(&mut self) -> bool {
        self.chunk("agent_thought_chunk", "holding");
        while let Some(message) = self.read() {
            match message["method"].as_str() {
                Some("session/cancel") => return false,
                Some("_session/steering") => {
                    self.answer(&message["id"], json!({"outcome": "injected"}));
                    let said = message["params"]["prompt"][0]["text"].as_str().unwrap_or_default();
                    self.chunk("agent_message_chunk", &format!("heard {said}"));
                    return true;
                }
                _ => {}
            }
        }
        false
    }
}
