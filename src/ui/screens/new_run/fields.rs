//! The fields of the new-run dialog: what is typed, what is chosen, the order in which Tab goes, and how they become a
//! configuration. Pure.

use serde_json::{Map, Value, json};

use crate::{
    config::{Approval, Config, Sandbox, WatcherEntry, names},
    ui::model::composer::Composer,
};

/// Where the focus can stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stop {
    #[default]
    Task,
    Directory,
    Name,
    Model,
    Executor,
    Sandbox,
    /// A number, by its place in [`NUMBERS`].
    Number(usize),
    Watchers,
    Approval,
    Start,
    Save,
    Cancel,
}

/// All stops, in order.
pub const STOPS: [Stop; 16] = [
    Stop::Task,
    Stop::Directory,
    Stop::Name,
    Stop::Model,
    Stop::Executor,
    Stop::Sandbox,
    Stop::Number(0),
    Stop::Number(1),
    Stop::Number(2),
    Stop::Number(3),
    Stop::Number(4),
    Stop::Watchers,
    Stop::Approval,
    Stop::Start,
    Stop::Save,
    Stop::Cancel,
];

impl Stop {
    /// Its place.
    pub fn index(self) -> usize {
        STOPS.iter().position(|stop| *stop == self).unwrap_or(0)
    }

    /// The one at a place.
    pub fn at(index: usize) -> Self {
        STOPS[index % STOPS.len()]
    }

    /// The next or the one before.
    pub fn next(self, forward: bool) -> Self {
        Self::at(self.index() + if forward { 1 } else { STOPS.len() - 1 })
    }
}

/// The numbers: their label and their key in the configuration. Empty: no cap.
pub const NUMBERS: [(&str, &str); 5] = [
    ("steps", "max_steps"),
    ("orch", "max_orchestrator_tokens"),
    ("exec", "max_executor_tokens"),
    ("minutes", "max_minutes"),
    ("$", "max_cost_usd"),
];

/// What is typed.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    pub directory: Composer,
    pub name: Composer,
    pub model: Composer,
    pub numbers: [Composer; 5],
}

fn field(text: &str) -> Composer {
    let mut field = Composer::default();
    field.set(text);
    field
}

/// `120000` as `120k`.
fn short(count: u64) -> String {
    match count {
        0 => "0".to_owned(),
        _ if count.is_multiple_of(1_000_000) => format!("{}M", count / 1_000_000),
        _ if count.is_multiple_of(1_000) => format!("{}k", count / 1_000),
        _ => count.to_string(),
    }
}

/// A number as it is typed: `100k`, `1.5M`, `100_000`. `Ok(None)`: nothing is typed.
pub fn number(text: &str) -> Result<Option<f64>, ()> {
    let text = text.trim().replace('_', "");
    if text.is_empty() || text == "-" {
        return Ok(None);
    }
    let (digits, times) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 1e3),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 1e6),
        _ => (text.as_str(), 1.0),
    };
    let value: f64 = digits.parse().map_err(|_| ())?;
    if value.is_finite() && value > 0.0 && value < 1e15 { Ok(Some(value * times)) } else { Err(()) }
}

impl Texts {
    /// As the configuration has them.
    pub fn new(config: &Config, dir: &str) -> Self {
        let budget = &config.budget;
        let count = |value: Option<u64>| value.map(short).unwrap_or_default();
        let plain = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let numbers = [
            config.orchestrator.max_steps.to_string(),
            count(budget.max_orchestrator_tokens),
            count(budget.max_executor_tokens),
            plain(budget.max_minutes),
            plain(budget.max_cost_usd),
        ];
        Self {
            directory: field(dir),
            name: field(""),
            model: field(&config.orchestrator.lm),
            numbers: numbers.map(|text| field(&text)),
        }
    }

    /// The text at a stop.
    pub fn field(&mut self, stop: Stop) -> Option<&mut Composer> {
        match stop {
            Stop::Directory => Some(&mut self.directory),
            Stop::Name => Some(&mut self.name),
            Stop::Model => Some(&mut self.model),
            Stop::Number(at) => self.numbers.get_mut(at),
            _ => None,
        }
    }

    fn value(&self, at: usize) -> Option<f64> {
        number(&self.numbers[at].text()).ok().flatten()
    }

    /// The first number that is none.
    pub fn wrong(&self) -> Option<(Stop, String)> {
        for (at, (label, _)) in NUMBERS.iter().enumerate() {
            let text = self.numbers[at].text();
            match number(&text) {
                Err(()) => {
                    return Some((
                        Stop::Number(at),
                        format!("{label}: '{}' is not a number above 0", text.trim()),
                    ));
                }
                Ok(None) if at == 0 => return Some((Stop::Number(at), "steps: say how many".to_owned())),
                Ok(Some(value)) if at < 3 && value.fract() != 0.0 => {
                    return Some((Stop::Number(at), format!("{label}: whole numbers only")));
                }
                Ok(_) => {}
            }
        }
        None
    }

    /// Puts them into a configuration.
    pub fn put(&self, config: &mut Config) {
        config.orchestrator.lm = self.model.text().trim().to_owned();
        if let Some(steps) = self.value(0) {
            config.orchestrator.max_steps = steps as u32;
        }
        let budget = &mut config.budget;
        budget.max_orchestrator_tokens = self.value(1).map(|value| value as u64);
        budget.max_executor_tokens = self.value(2).map(|value| value as u64);
        budget.max_minutes = self.value(3);
        budget.max_cost_usd = self.value(4);
    }
}

/// What is chosen.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// `None`: the first that is installed.
    pub executor: Option<String>,
    pub executors: Vec<String>,
    pub sandbox: Sandbox,
    pub approval: Option<Approval>,
    pub watchers: Vec<(WatcherEntry, bool)>,
    /// The watcher that the space bar switches.
    pub at: usize,
}

pub const SANDBOXES: [(Sandbox, &str, &str); 3] = [
    (Sandbox::WorkspaceWrite, "workspace-write", "workspace-write"),
    (Sandbox::ReadOnly, "read-only", "read-only"),
    (Sandbox::DangerFullAccess, "full access…", "danger-full-access"),
];

pub const APPROVALS: [(Approval, &str); 4] = [
    (Approval::OnRequest, "on-request"),
    (Approval::Never, "never"),
    (Approval::Untrusted, "untrusted"),
    (Approval::Accept, "accept"),
];

/// The neighbour of a value in a row of values.
fn turned<T: PartialEq + Clone>(all: &[T], now: &T, forward: bool) -> Option<T> {
    let at = all.iter().position(|value| value == now).unwrap_or(0);
    all.get((at + if forward { 1 } else { all.len().max(1) - 1 }) % all.len().max(1)).cloned()
}

impl Choices {
    /// As the configuration has them; watchers that it does not name are offered, off.
    pub fn new(config: &Config) -> Self {
        let own = &config.watchers;
        let mut watchers: Vec<_> =
            own.watchers.iter().map(|entry| (entry.clone(), own.enabled && entry.enabled)).collect();
        for (name, _) in names::WATCHERS {
            if !watchers.iter().any(|(entry, _)| entry.name == name) {
                watchers.push((WatcherEntry::named(name), false));
            }
        }
        let executors = ["codex", "claude"].iter().map(|name| (*name).to_owned());
        let mut executors: Vec<String> = executors.chain(config.executors.keys().cloned()).collect();
        executors.extend(config.executor.adapter.clone().filter(|name| !executors.contains(name)));
        Self {
            executor: config.executor.adapter.clone(),
            executors,
            sandbox: config.executor.sandbox,
            approval: Some(config.executor.approval.unwrap_or(Approval::OnRequest)),
            watchers,
            at: 0,
        }
    }

    /// The next choice at a stop. False: nothing is chosen there.
    pub fn turn(&mut self, stop: Stop, forward: bool) -> bool {
        match stop {
            Stop::Executor => {
                let all: Vec<_> =
                    std::iter::once(None).chain(self.executors.iter().cloned().map(Some)).collect();
                self.executor = turned(&all, &self.executor, forward).flatten();
            }
            Stop::Sandbox => {
                let all = SANDBOXES.map(|(sandbox, ..)| sandbox);
                self.sandbox = turned(&all, &self.sandbox, forward).unwrap_or_default();
            }
            Stop::Approval => {
                let all = APPROVALS.map(|(approval, _)| Some(approval));
                self.approval = turned(&all, &self.approval, forward).flatten();
            }
            Stop::Watchers => {
                let count = self.watchers.len().max(1);
                self.at = (self.at + if forward { 1 } else { count - 1 }) % count;
            }
            _ => return false,
        }
        true
    }

    /// The space bar. False: it means nothing there.
    pub fn toggle(&mut self, stop: Stop) -> bool {
        match stop {
            Stop::Watchers => {
                if let Some((_, on)) = self.watchers.get_mut(self.at) {
                    *on = !*on;
                }
                true
            }
            other => self.turn(other, true),
        }
    }

    /// Puts them into a configuration.
    pub fn put(&self, config: &mut Config) {
        config.executor.adapter.clone_from(&self.executor);
        config.executor.sandbox = self.sandbox;
        config.executor.approval = self.approval;
        let on =
            |(entry, on): &(WatcherEntry, bool)| on.then(|| WatcherEntry { enabled: true, ..entry.clone() });
        let watchers: Vec<_> = self.watchers.iter().filter_map(on).collect();
        config.watchers.enabled = !watchers.is_empty();
        if !watchers.is_empty() {
            config.watchers.watchers = watchers;
        }
    }
}

/// What the fields say, as a configuration file.
pub fn document(texts: &Texts, choices: &Choices) -> Value {
    let mut config = Config::default();
    texts.put(&mut config);
    choices.put(&mut config);
    let mut budget = Map::new();
    for (at, (_, key)) in NUMBERS.iter().enumerate().skip(1) {
        if let Some(value) = texts.value(at) {
            let value = if value.fract() == 0.0 { json!(value as u64) } else { json!(value) };
            budget.insert((*key).to_owned(), value);
        }
    }
    let mut executor = Map::new();
    if let Some(adapter) = &choices.executor {
        executor.insert("adapter".to_owned(), json!(adapter));
    }
    executor.insert("sandbox".to_owned(), json!(choices.sandbox));
    executor.insert("approval".to_owned(), json!(choices.approval));
    let watchers: Vec<_> = config
        .watchers
        .watchers
        .iter()
        .map(|entry| match entry.config.as_object().is_none_or(Map::is_empty) {
            true => json!(entry.name),
            false => json!({"name": entry.name, "config": entry.config}),
        })
        .collect();
    let mut all = json!({
        "orchestrator": {"lm": config.orchestrator.lm, "max_steps": config.orchestrator.max_steps},
        "executor": executor,
        "watchers": {"enabled": config.watchers.enabled, "watchers": watchers},
    });
    if !budget.is_empty() {
        all["budget"] = Value::Object(budget);
    }
    all
}
