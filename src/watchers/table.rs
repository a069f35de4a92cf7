//! The table of watchers: name, what it is for, its keys. Configuration is checked against it, help and docs come
//! from it.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Watcher, budget, claims, command, delegation, delegation_reminder, llm, panel::Seat, pattern, progress,
    quality, scope, stall,
};
use crate::{config::WatcherEntry, error::UserError};

/// All that is known of one kind of watcher.
#[derive(Debug)]
pub struct Row {
    pub name: &'static str,
    /// In one sentence.
    pub about: &'static str,
    pub keys: &'static [Key],
    pub(super) build: fn(Value) -> Result<Seat, String>,
}

/// A key of a watcher's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    /// As it would be written.
    pub default: &'static str,
    pub about: &'static str,
}

/// What a key's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// From 1 on.
    Count,
    /// Above 0, up to 100.
    Percent,
    /// Above 0.
    Seconds,
    Flag,
    Text,
    Texts,
    /// A list of `{regex, action, message}`.
    Patterns,
}

/// The built-in watchers, in the order in which they are shown.
pub const ROWS: [&Row; 10] = [
    &progress::ROW,
    &budget::ROW,
    &delegation_reminder::ROW,
    &delegation::ROW,
    &scope::ROW,
    &pattern::ROW,
    &quality::ROW,
    &claims::ROW,
    &stall::ROW,
    &llm::ROW,
];

pub(super) const fn key(name: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Key {
    Key { name, kind, default, about }
}

/// Builds a watcher that is its own configuration.
pub(super) fn rule<W: Watcher + DeserializeOwned + 'static>(config: Value) -> Result<Seat, String> {
    serde_json::from_value::<W>(config)
        .map(|watcher| Seat::Rule(Arc::new(watcher)))
        .map_err(|e| e.to_string())
}

/// Builds the watcher of an entry.
pub(super) fn build(entry: &WatcherEntry) -> Result<Seat, UserError> {
    let config = if entry.config.is_null() { serde_json::json!({}) } else { entry.config.clone() };
    let Some(row) = ROWS.into_iter().find(|row| row.name == entry.name) else {
        if config.get("command").is_some() {
            check(&entry.name, &config, &command::KEYS)?;
            return command::build(&entry.name, config).map_err(|why| wrong(&entry.name, &why));
        }
        return Err(unknown(&entry.name));
    };
    check(row.name, &config, row.keys)?;
    (row.build)(config).map_err(|why| wrong(row.name, &why))
}

fn wrong(name: &str, why: &str) -> UserError {
    UserError::usage(
        format!("the watcher '{name}' is configured wrongly: {why}"),
        "see 'zwarm-tui configs check'",
    )
}

fn unknown(name: &str) -> UserError {
    let names = ROWS.map(|row| row.name);
    let hint = match nearest(name, &names) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("there are {}; one of your own needs a 'command'", names.join(", ")),
    };
    UserError::usage(format!("there is no watcher '{name}'"), hint)
}

fn check(watcher: &str, config: &Value, keys: &[Key]) -> Result<(), UserError> {
    let Some(config) = config.as_object() else {
        let message = format!("the configuration of the watcher '{watcher}' is no map of keys");
        return Err(UserError::usage(message, format!("write {{name: {watcher}, config: {{…}}}}")));
    };
    let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
    for (name, value) in config {
        let Some(key) = keys.iter().find(|key| key.name == name) else {
            let hint = match nearest(name, &names) {
                Some(near) => format!("did you mean '{near}'?"),
                None if names.is_empty() => "it has no keys".to_owned(),
                None => format!("its keys are {}", names.join(", ")),
            };
            return Err(UserError::usage(format!("the watcher '{watcher}' has no key '{name}'"), hint));
        };
        if !key.kind.fits(value) {
            let message =
                format!("'{name}' of the watcher '{watcher}' must be {}, not {value}", key.kind.text());
            return Err(UserError::usage(message, format!("for example {name}: {}", key.default)));
        }
    }
    Ok(())
}

impl Kind {
    fn fits(self, value: &Value) -> bool {
        let is_text = |value: &Value| value.is_string();
        match self {
            Self::Count => value.as_u64().is_some_and(|n| (1..=1_000_000_000).contains(&n)),
            Self::Percent => value.as_f64().is_some_and(|n| n > 0.0 && n <= 100.0),
            Self::Seconds => value.as_f64().is_some_and(|n| n > 0.0 && n <= 86_400.0),
            Self::Flag => value.is_boolean(),
            Self::Text => value.as_str().is_some_and(|text| !text.trim().is_empty()),
            Self::Texts => value.as_array().is_some_and(|list| list.iter().all(is_text)),
            Self::Patterns => value.as_array().is_some_and(|list| list.iter().all(Value::is_object)),
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Count => "a whole number from 1 on",
            Self::Percent => "a percentage (more than 0, at most 100)",
            Self::Seconds => "a number of seconds (more than 0, at most 86400)",
            Self::Flag => "true or false",
            Self::Text => "a text",
            Self::Texts => "a list of texts",
            Self::Patterns => "a list of {regex, action, message}",
        }
    }
}

/// The name that was probably meant.
fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    let likeness = |name: &&str| strsim::damerau_levenshtein(&word.to_lowercase(), name);
    let near = names.iter().min_by_key(|name| likeness(name))?;
    (likeness(near) <= 1 + near.len() / 4).then_some(near)
}
