//! Judges the values of a layer: ranges, names, words. Types and unknown keys were judged before (`layer`).

use serde_json::{Map, Value};

use super::{
    document::{Step, dotted},
    names,
    suggest::closest,
};

/// A value that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub path: Vec<Step>,
    /// The key is wrong, not its value.
    pub at_key: bool,
    pub message: String,
    pub hint: String,
}

/// What is wrong with the values of a layer; `adapters`: every name under `executors:` of all layers.
pub fn judge(values: &Map<String, Value>, adapters: &[String]) -> Vec<Problem> {
    let mut judge = Judge { values, problems: Vec::new() };
    judge.numbers();
    judge.words(adapters);
    judge.adapters();
    judge.services();
    judge.watchers();
    judge.problems
}

/// Numbers: path, least and most (both included).
const NUMBERS: [(&[&str], f64, f64); 21] = [
    (&["orchestrator", "max_steps"], 1.0, 1e6),
    (&["orchestrator", "parallel_delegations"], 1.0, 64.0),
    (&["orchestrator", "temperature"], 0.0, 2.0),
    (&["orchestrator", "compaction", "max_tokens"], 1000.0, 1e9),
    (&["orchestrator", "compaction", "threshold_pct"], 0.1, 1.0),
    (&["orchestrator", "compaction", "target_pct"], 0.05, 1.0),
    (&["orchestrator", "tc_compression", "max_chars"], 1000.0, 1e9),
    (&["executor", "timeout"], 1.0, 604_800.0),
    (&["budget", "max_tokens"], 1.0, 1e15),
    (&["budget", "max_orchestrator_tokens"], 1.0, 1e15),
    (&["budget", "max_executor_tokens"], 1.0, 1e15),
    (&["budget", "max_cost_usd"], 0.01, 1e9),
    (&["budget", "max_minutes"], 0.01, 1e7),
    (&["budget", "max_sessions"], 1.0, 1e6),
    (&["budget", "max_total_sessions"], 1.0, 1e6),
    (&["budget", "warn_at_percent"], 1.0, 100.0),
    (&["budget", "per_session", "max_tokens"], 1.0, 1e15),
    (&["budget", "per_session", "max_cost_usd"], 0.01, 1e9),
    (&["budget", "per_session", "max_minutes"], 0.01, 1e7),
    (&["orchestrator", "compaction", "keep_first_n"], 0.0, 1e6),
    (&["orchestrator", "compaction", "keep_last_n"], 0.0, 1e6),
];

/// Words that a text may be.
const WORDS: [(&[&str], &[&str]); 2] = [
    (&["orchestrator", "reasoning_effort"], &["minimal", "low", "medium", "high", "xhigh"]),
    (&["watchers", "message_role"], &["user", "assistant", "system"]),
];

struct Judge<'v> {
    values: &'v Map<String, Value>,
    problems: Vec<Problem>,
}

fn keys(path: &[&str]) -> Vec<Step> {
    path.iter().map(|key| Step::Key((*key).to_owned())).collect()
}

fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

/// "did you mean" or the whole list.
fn name_hint<'a>(given: &str, known: impl IntoIterator<Item = &'a str> + Clone, what: &str) -> String {
    match closest(given, known.clone()) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("{what} are {}", listed(known)),
    }
}

impl<'v> Judge<'v> {
    fn get(&self, path: &[&str]) -> Option<&'v Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.values.get(*first)?, |value, key| value.get(key))
    }

    fn wrong(&mut self, path: Vec<Step>, message: String, hint: impl Into<String>) {
        self.problems.push(Problem { path, at_key: false, message, hint: hint.into() });
    }

    fn numbers(&mut self) {
        for (path, least, most) in NUMBERS {
            let Some(number) = self.get(path).and_then(Value::as_f64) else { continue };
            let name = path.join(".");
            if number < least {
                self.wrong(
                    keys(path),
                    format!("'{name}' is {number}, less than {least}"),
                    range(least, most),
                );
            } else if number > most {
                self.wrong(keys(path), format!("'{name}' is {number}, more than {most}"), range(least, most));
            }
        }
    }

    fn words(&mut self, adapters: &[String]) {
        for (path, words) in WORDS {
            let Some(word) = self.get(path).and_then(Value::as_str) else { continue };
            if !words.contains(&word) {
                let hint = name_hint(word, words.iter().copied(), "the words");
                self.wrong(keys(path), format!("'{}' cannot be '{word}'", path.join(".")), hint);
            }
        }
        for path in [["executor", "adapter"], ["limits", "fallback_adapter"]] {
            let Some(name) = self.get(&path).and_then(Value::as_str) else { continue };
            let known: Vec<&str> =
                names::ADAPTERS.iter().copied().chain(adapters.iter().map(String::as_str)).collect();
            if !known.contains(&name) {
                let hint = name_hint(name, known.iter().copied(), "the adapters");
                self.wrong(keys(&path), format!("there is no adapter '{name}'"), hint);
            }
        }
        let tools = self.get(&["orchestrator", "tools"]).and_then(Value::as_array);
        for (index, tool) in tools.into_iter().flatten().enumerate() {
            let Some(name) = tool.as_str().filter(|name| !names::TOOLS.contains(name)) else { continue };
            let mut path = keys(&["orchestrator", "tools"]);
            path.push(Step::Index(index));
            let hint = name_hint(name, names::TOOLS, "the tools");
            self.wrong(path, format!("there is no tool '{name}'"), hint);
        }
        if self.get(&["orchestrator", "lm"]).and_then(Value::as_str).is_some_and(|lm| lm.trim().is_empty()) {
            self.wrong(
                keys(&["orchestrator", "lm"]),
                "'orchestrator.lm' is empty".into(),
                "name a model, for example gpt-5",
            );
        }
        if let Some(dir) = self.get(&["state_dir"]).and_then(Value::as_str) {
            let plain = |part| matches!(part, std::path::Component::Normal(_));
            if dir.is_empty() || !std::path::Path::new(dir).components().all(plain) {
                let message = format!("'state_dir' cannot be '{dir}'");
                self.wrong(
                    keys(&["state_dir"]),
                    message,
                    "name a folder below the working directory, for example .zwarm",
                );
            }
        }
    }

    fn adapters(&mut self) {
        let Some(agents) = self.get(&["executors"]).and_then(Value::as_object) else { return };
        for (name, agent) in agents {
            let path = keys(&["executors", name]);
            let ok = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            let message = if names::ADAPTERS.contains(&name.as_str())
                || super::reference::adapter(name).is_some()
            {
                format!("the adapter '{name}' is built in")
            } else if name.is_empty() || !name.chars().all(ok) {
                format!("'{name}' cannot be the name of an adapter")
            } else {
                let words = agent.get("acp").and_then(Value::as_array);
                if words.is_none_or(|words| words.first().and_then(Value::as_str).is_none_or(str::is_empty)) {
                    let message = format!("'executors.{name}.acp' names no program");
                    self.wrong(path, message, format!("write {name}: {{acp: [\"{name}\", \"--acp\"]}}"));
                }
                continue;
            };
            let hint = "choose another name of letters, digits, '-' and '_'".to_owned();
            self.problems.push(Problem { path, at_key: true, message, hint });
        }
    }

    fn services(&mut self) {
        let is_url = |url: &str| url.starts_with("http://") || url.starts_with("https://");
        for (name, provider) in self.get(&["providers"]).and_then(Value::as_object).into_iter().flatten() {
            let path = keys(&["providers", name]);
            if name.is_empty() || name.contains(['/', ':']) {
                let (message, hint) =
                    (format!("'{name}' cannot be the name of a provider"), "use letters and digits");
                self.problems.push(Problem { path, at_key: true, message, hint: hint.into() });
                continue;
            }
            // One that is missing here may stand in another layer.
            let url = provider.get("base_url").and_then(Value::as_str);
            if let Some(url) = url.filter(|url| !is_url(url)) {
                let message = format!("'providers.{name}.base_url' is not a URL: '{url}'");
                let path = keys(&["providers", name, "base_url"]);
                self.wrong(path, message, "write it with http:// or https://, up to and including /v1");
            }
        }
        if let Some(url) = self.get(&["otel", "endpoint"]).and_then(Value::as_str).filter(|url| !is_url(url))
        {
            let message = format!("'otel.endpoint' is not a URL: '{url}'");
            self.wrong(
                keys(&["otel", "endpoint"]),
                message,
                "write it with http:// or https://, up to and including /v1/traces",
            );
        }
        let parts = |project: &str| project.split('/').filter(|part| !part.is_empty()).count();
        if let Some(project) = self.get(&["weave", "project"]).and_then(Value::as_str)
            && parts(project) != 2
        {
            let message = format!("'weave.project' cannot be '{project}'");
            self.wrong(keys(&["weave", "project"]), message, "write it as entity/name");
        }
    }

    fn watchers(&mut self) {
        for path in [&["watchers"][..], &["watchers", "watchers"], &["watchers", "enabled"]] {
            let Some(list) = self.get(path).and_then(Value::as_array) else { continue };
            for (index, entry) in list.iter().enumerate() {
                let mut at = keys(path);
                at.push(Step::Index(index));
                self.watcher(at, entry);
            }
        }
    }

    fn watcher(&mut self, at: Vec<Step>, entry: &Value) {
        let name = entry.as_str().or_else(|| entry.get("name").and_then(Value::as_str)).unwrap_or("");
        let under = |part: &[&str]| at.iter().cloned().chain(keys(part)).collect::<Vec<_>>();
        let command = entry.get("command").or_else(|| entry.pointer("/config/command"));
        let known = names::WATCHERS.iter().find(|(known, _)| *known == name).map(|(_, keys)| *keys);
        let own = match (known, command) {
            (Some(own), None) => own,
            (None, Some(command)) => {
                if command.as_array().is_none_or(Vec::is_empty) {
                    self.wrong(
                        at,
                        format!("the watcher '{name}' has an empty command"),
                        "write command: [PROGRAM, ARGUMENT…]",
                    );
                    return;
                }
                &names::CUSTOM_WATCHER[..]
            }
            (Some(_), Some(_)) => {
                self.wrong(
                    at,
                    format!("the watcher '{name}' is built in and takes no command"),
                    "choose another name",
                );
                return;
            }
            (None, None) => {
                let path = if entry.is_string() { at } else { under(&["name"]) };
                let hint = name_hint(name, names::WATCHERS.map(|(name, _)| name), "the watchers");
                self.wrong(path, format!("there is no watcher '{name}'"), hint);
                return;
            }
        };
        for key in entry.get("config").and_then(Value::as_object).into_iter().flat_map(Map::keys) {
            if own.contains(&key.as_str()) {
                continue;
            }
            let path = under(&["config", key]);
            let hint = if own.is_empty() {
                format!("the watcher '{name}' has no keys")
            } else {
                name_hint(key, own.iter().copied(), "its keys")
            };
            let message = format!("the watcher '{name}' has no key '{key}'");
            self.problems.push(Problem { path, at_key: true, message, hint });
        }
        self.patterns(&at, entry);
    }

    fn patterns(&mut self, at: &[Step], entry: &Value) {
        let patterns = entry.pointer("/config/patterns").and_then(Value::as_array);
        for (index, pattern) in patterns.into_iter().flatten().enumerate() {
            let mut path = at.to_vec();
            path.extend(keys(&["config", "patterns"]));
            path.push(Step::Index(index));
            let action = pattern.get("action").and_then(Value::as_str).unwrap_or("nudge");
            if pattern.get("regex").and_then(Value::as_str).is_none() {
                let message = format!("'{}' has no regex", dotted(&path));
                self.wrong(path, message, "write {regex: \"…\", action: nudge, message: \"…\"}");
            } else if !["nudge", "pause", "abort"].contains(&action) {
                path.push(Step::Key("action".to_owned()));
                let hint = name_hint(action, ["nudge", "pause", "abort"], "the actions");
                self.wrong(path, format!("a pattern's action cannot be '{action}'"), hint);
            }
        }
    }
}

fn range(least: f64, most: f64) -> String {
    if most >= 1e6 { format!("give {least} or more") } else { format!("give {least} to {most}") }
}
