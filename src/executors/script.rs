//! The script executor: plays the sessions of a scenario. No model is behind it, but what it does is real: files are
//! written, commands run. Turn n plays `turns[n]`, so a resumed session goes on where it was.

mod files;

use std::{path::Path, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::{
    ApprovalRequest, Decision, News, Order,
    bound::{self, MAX_OUTPUT, MAX_RESPONSE, MAX_TEXT},
    raw::Way,
    session::{Ending, Session},
};
use files::{inside, shell_activity, write};

use crate::{
    process::{ChildKind, environment, shell},
    protocol::{
        NudgeId,
        event::{Activity, DECLINED, TurnStatus},
        scenario::{Scenario, ScriptStep, ScriptedSession, ScriptedTurn},
    },
};

/// Longest time that a command of a script may take.
const COMMAND: Duration = Duration::from_secs(3600);
/// Most lines of one `stream` step.
const MAX_LINES: u64 = 10_000_000;
/// How often a gate's file is looked for.
const GATE: Duration = Duration::from_millis(20);
/// The directory in which gates are opened by a file of their name.
const GATES: &str = "ZWARM_GATES";
/// Characters of a piece of live text.
const PIECE: usize = 24;
/// Pieces of a long text: it does not take longer than a few seconds.
const MAX_PIECES: usize = 200;
/// Between two pieces.
const PIECE_PAUSE: Duration = Duration::from_millis(15);

/// Plays one session until it is told to end.
pub(super) async fn run(mut session: Session) -> Ending {
    let script = match scenario(&session) {
        Ok(scenario) => script_for(&scenario, &session.spec.task),
        Err(why) => return Err(why),
    };
    let resumed = session.spec.resume.as_ref().and_then(|resume| resume.native_id.clone());
    let started = News::Started {
        native_id: Some(resumed.unwrap_or_else(|| format!("script-{}", session.spec.id.short()))),
        cli_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        model: Some("script".to_owned()),
        pid: None,
        shared_pid: false,
    };
    session.news.send(started).await;
    loop {
        match session.orders.next().await {
            Order::Turn { turn, prompt } => {
                session.raw.turn(turn);
                session.raw.line(Way::In, &Value::from(prompt).to_string());
                let index = (turn.max(1) as usize - 1).min(script.turns.len().saturating_sub(1));
                let scripted = script.turns.get(index).cloned().unwrap_or_default();
                let mut playing = Playing::new(&mut session, turn, &scripted);
                let stop = playing.play(&scripted).await;
                let after = playing.end(stop, &scripted).await;
                if let Some(ending) = after {
                    return ending;
                }
            }
            Order::Steer { nudge, .. } => {
                session.news.send(News::SteerRefused { nudge, why: "no turn runs".to_owned() }).await;
            }
            Order::End | Order::Kill => return Ok(()),
            Order::Interrupt | Order::Answer { .. } | Order::Recall { .. } => {}
        }
    }
}

fn scenario(session: &Session) -> Result<Arc<Scenario>, String> {
    let Some(file) = &session.config().executor.script else {
        return session.setup.scenario.clone().ok_or_else(|| {
            "the script executor has no scenario (hint: set executor.script to a YAML file)".to_owned()
        });
    };
    let text = std::fs::read_to_string(file).map_err(|error| {
        format!("the scenario '{file}' cannot be read: {error} (hint: see executor.script)")
    })?;
    let scenario: Scenario = serde_yaml::from_str(&text).map_err(|error| {
        format!("the scenario '{file}' is not right: {error} (hint: see executor.script)")
    })?;
    Ok(Arc::new(scenario))
}

/// The first script whose text is in the task. None fits: a session that only says so.
fn script_for(scenario: &Scenario, task: &str) -> ScriptedSession {
    let fits = scenario.sessions.iter().find(|session| task.contains(&session.matches));
    fits.cloned().unwrap_or_else(|| {
        let say = ScriptStep::Say("The scenario has no script for this task.".to_owned());
        let turn = ScriptedTurn { steps: vec![say], ..ScriptedTurn::default() };
        ScriptedSession { matches: String::new(), turns: vec![turn] }
    })
}

/// Why a turn stops before its script is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// The turn only.
    Interrupted,
    /// The turn and the session.
    Ended,
}

/// A turn that is played.
struct Playing<'a> {
    session: &'a mut Session,
    turn: u32,
    /// Items so far: names for streams.
    items: u32,
    response: String,
    /// Bytes that it has said, and how many of them were told as an estimate.
    said: (u64, u64),
    /// Steers that were taken: seen at the next step.
    steers: Vec<NudgeId>,
    /// Put before a command: its signals are ignored.
    trap: String,
}

impl<'a> Playing<'a> {
    fn new(session: &'a mut Session, turn: u32, scripted: &ScriptedTurn) -> Self {
        let signals = scripted.ignore.iter().filter_map(|name| match name.as_str() {
            "int" => Some("INT"),
            "term" => Some("TERM"),
            _ => None,
        });
        let signals: Vec<_> = signals.collect();
        let trap =
            if signals.is_empty() { String::new() } else { format!("trap '' {}\n", signals.join(" ")) };
        Self { session, turn, items: 0, response: String::new(), said: (0, 0), steers: Vec::new(), trap }
    }

    async fn play(&mut self, scripted: &ScriptedTurn) -> Result<(), Stop> {
        for step in &scripted.steps {
            self.listen(Duration::ZERO).await?;
            self.see().await;
            if let Ok(line) = serde_json::to_string(step) {
                self.session.raw.line(Way::Out, &line);
            }
            self.step(step).await?;
        }
        self.listen(Duration::ZERO).await?;
        self.see().await;
        Ok(())
    }

    /// Tells how the turn ended. `Some`: the session ends with it.
    async fn end(mut self, stop: Result<(), Stop>, scripted: &ScriptedTurn) -> Option<Ending> {
        for nudge in std::mem::take(&mut self.steers) {
            let why = "the turn ended before it was looked at".to_owned();
            self.session.news.send(News::SteerRefused { nudge, why }).await;
        }
        if let Some(usage) = scripted.usage.filter(|_| stop.is_ok()) {
            self.usage(usage).await;
        }
        if stop.is_ok() && scripted.crash {
            let error = "the script crashed, as it is written".to_owned();
            self.ended(TurnStatus::Failed, Some(error.clone())).await;
            return Some(Err(error));
        }
        match (stop, &scripted.error) {
            (Ok(()), None) => self.ended(TurnStatus::Completed, None).await,
            (Ok(()), Some(error)) => self.ended(TurnStatus::Failed, Some(error.clone())).await,
            (Err(_), _) => self.ended(TurnStatus::Interrupted, None).await,
        }
        (stop == Err(Stop::Ended)).then_some(Ok(()))
    }

    async fn ended(&mut self, status: TurnStatus, error: Option<String>) {
        let response = std::mem::take(&mut self.response);
        self.session.news.send(News::TurnEnded { turn: self.turn, status, response, error }).await;
    }

    async fn activity(&self, activity: Activity) {
        self.session.news.send(News::Activity { turn: self.turn, activity }).await;
    }

    async fn usage(&self, usage: crate::protocol::Usage) {
        let model = Some("script".to_owned());
        self.session.news.send(News::Usage { usage, model, cost_usd: None, estimated: false }).await;
    }

    /// Waits, and hears orders meanwhile.
    async fn listen(&mut self, wait: Duration) -> Result<(), Stop> {
        let until = Instant::now() + wait;
        loop {
            let order = tokio::select! {
                biased;
                order = self.session.orders.next() => order,
                () = sleep_until(until) => return Ok(()),
            };
            self.hear(order).await?;
        }
    }

    async fn hear(&mut self, order: Order) -> Result<(), Stop> {
        match order {
            Order::Steer { nudge, .. } => {
                self.session.news.send(News::SteerTaken { nudge, turn: self.turn }).await;
                self.steers.push(nudge);
            }
            Order::Interrupt => return Err(Stop::Interrupted),
            Order::End | Order::Kill => return Err(Stop::Ended),
            Order::Answer { .. } | Order::Turn { .. } | Order::Recall { .. } => {}
        }
        Ok(())
    }

    /// Between two steps the script looks at what it was told.
    async fn see(&mut self) {
        for nudge in std::mem::take(&mut self.steers) {
            self.session.news.send(News::SteerSeen { nudge, turn: self.turn }).await;
        }
    }

    async fn step(&mut self, step: &ScriptStep) -> Result<(), Stop> {
        let activity = match step {
            ScriptStep::Think(text) => {
                self.live("reasoning", text).await?;
                Activity::Reasoning { text: bound::cut(text, MAX_TEXT) }
            }
            ScriptStep::Say(text) => {
                self.live("text", text).await?;
                self.response = bound::cut(text, MAX_RESPONSE);
                Activity::Message { text: bound::cut(text, MAX_TEXT) }
            }
            ScriptStep::Write { path, text } => write(&self.session.spec.cwd, path, text),
            ScriptStep::Run(command) => return self.run(command).await,
            ScriptStep::Ask { kind, command, reason } => return self.ask(kind, command, reason).await,
            ScriptStep::Stream { lines, per_second, text } => {
                return self.stream(*lines, *per_second, text).await;
            }
            ScriptStep::SleepMs(ms) => return self.listen(Duration::from_millis(*ms)).await,
            ScriptStep::Usage(usage) => {
                self.usage(*usage).await;
                return Ok(());
            }
            ScriptStep::Plan(items) => Activity::Plan { items: items.clone() },
            ScriptStep::Tool { name, arguments, result } => Activity::ToolCall {
                name: name.clone(),
                arguments: arguments.clone(),
                result: result.clone(),
                ok: true,
            },
            ScriptStep::Error { message, will_retry } => {
                Activity::Error { message: message.clone(), will_retry: *will_retry }
            }
            ScriptStep::Raw(raw) => Activity::Unknown { raw: raw.clone() },
            ScriptStep::Gate(name) => return self.gate(name).await,
        };
        self.activity(activity).await;
        Ok(())
    }

    fn item(&mut self, kind: &str) -> String {
        self.items += 1;
        format!("{kind}:{}-{}", self.turn, self.items)
    }

    /// A text streams in pieces.
    async fn live(&mut self, kind: &str, text: &str) -> Result<(), Stop> {
        let item = self.item(kind);
        let chars: Vec<char> = text.chars().collect();
        for piece in chars.chunks(PIECE.max(chars.len() / MAX_PIECES)) {
            let piece: String = piece.iter().collect();
            self.said.0 += piece.len() as u64;
            self.session.deltas.push(self.turn, item.clone(), piece);
            if self.said.0 >= self.said.1 + bound::LIVE_STEP {
                self.said.1 = self.said.0;
                let usage = crate::protocol::Usage { output: self.said.0 / 4, ..Default::default() };
                self.session.news.send(News::Streaming { usage, model: Some("script".to_owned()) }).await;
            }
            self.listen(PIECE_PAUSE).await?;
        }
        Ok(())
    }

    /// Really runs a command; an interrupt ends it.
    async fn run(&mut self, command: &str) -> Result<(), Stop> {
        let item = self.item("output");
        let cancel = tokio_util::sync::CancellationToken::new();
        let call = shell::ShellCall {
            command: format!("{}{command}", self.trap),
            cwd: self.session.spec.cwd.clone(),
            timeout: COMMAND,
            env: environment(ChildKind::Script, self.session.config()),
            writable: None,
            label: format!("{} script", self.session.spec.short_id),
        };
        let (deltas, turn) = (self.session.deltas.clone(), self.turn);
        let live = move |text: &str| deltas.push(turn, item.clone(), text);
        let processes = self.session.setup.processes.clone();
        let running = shell::run(&processes, call, cancel.clone(), &live);
        tokio::pin!(running);
        let mut stop = Ok(());
        let result = loop {
            tokio::select! {
                biased;
                result = &mut running => break result,
                order = self.session.orders.next() => match order {
                    Order::Kill => return Err(Stop::Ended),
                    _ if stop.is_err() => {}
                    order => {
                        stop = self.hear(order).await;
                        if stop.is_err() {
                            cancel.cancel();
                        }
                    }
                },
            }
        };
        self.activity(shell_activity(command, &self.session.spec.cwd, &result)).await;
        stop
    }

    async fn ask(&mut self, kind: &str, command: &str, reason: &str) -> Result<(), Stop> {
        let key = self.item("ask");
        let ask = ApprovalRequest {
            key: key.clone(),
            kind: kind.to_owned(),
            command: command.to_owned(),
            cwd: self.session.spec.cwd.display().to_string(),
            reason: reason.to_owned(),
            ..ApprovalRequest::default()
        };
        self.session.news.send(News::Asked(ask)).await;
        let decision = loop {
            match self.session.orders.next().await {
                Order::Answer { key: of, decision, .. } if of == key => break decision,
                order => {
                    if let Err(stop) = self.hear(order).await {
                        self.session.news.send(News::AskDropped { key }).await;
                        return Err(stop);
                    }
                }
            }
        };
        let output = match decision {
            Decision::Accept | Decision::AcceptForSession if kind == "shell" => {
                return self.run(command).await;
            }
            Decision::Accept | Decision::AcceptForSession => "(accepted)",
            Decision::Decline => DECLINED,
            Decision::Cancel => return Err(Stop::Interrupted),
        };
        let cwd = self.session.spec.cwd.display().to_string();
        let (command, output) = (command.to_owned(), output.to_owned());
        self.activity(Activity::Shell { command, cwd, exit_code: None, output, duration_ms: None }).await;
        Ok(())
    }

    /// Load: `lines` of output at `per_second` (0: as fast as it goes).
    async fn stream(&mut self, lines: u64, per_second: u64, text: &str) -> Result<(), Stop> {
        let item = self.item("output");
        let began = Instant::now();
        let mut kept = String::new();
        for n in 1..=lines.min(MAX_LINES) {
            let line = format!("{text} {n}\n");
            bound::grow(&mut kept, &line, MAX_OUTPUT);
            self.session.deltas.push(self.turn, item.clone(), line);
            let due = n.saturating_mul(1_000_000).checked_div(per_second);
            let due = due.map_or(began, |micros| began + Duration::from_micros(micros));
            match due.checked_duration_since(Instant::now()) {
                Some(wait) => self.listen(wait).await?,
                None if n % 256 == 0 => self.listen(Duration::ZERO).await?,
                None => {}
            }
        }
        let shell = Activity::Shell {
            command: format!("stream {lines} lines"),
            cwd: self.session.spec.cwd.display().to_string(),
            exit_code: Some(0),
            output: bound::cut(&kept, MAX_OUTPUT),
            duration_ms: Some(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)),
        };
        self.activity(shell).await;
        Ok(())
    }

    /// Waits for a file: the one place that looks again and again, for tests and demonstrations only.
    async fn gate(&mut self, name: &str) -> Result<(), Stop> {
        let Some(dir) = std::env::var_os(GATES) else { return Ok(()) };
        let Ok(path) = inside(Path::new(&dir), name) else { return Ok(()) };
        while !path.exists() {
            self.listen(GATE).await?;
        }
        Ok(())
    }
}
