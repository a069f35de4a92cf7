//! The `watchers` block: a list of names or of `{name, enabled, config}`, alone or inside `{enabled, watchers, …}`.

use serde::{Deserialize, Deserializer, Serialize};

/// Which watchers look, and how their nudges are written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Watchers {
    pub enabled: bool,
    /// Never empty: an empty list stands for the default three.
    pub watchers: Vec<WatcherEntry>,
    /// Role of a watcher's nudge in the history: `user`, `assistant` or `system`.
    pub message_role: String,
}

impl Default for Watchers {
    fn default() -> Self {
        let entry =
            |name: &str| WatcherEntry { name: name.to_owned(), enabled: true, config: serde_json::json!({}) };
        Self {
            enabled: true,
            watchers: ["progress", "budget", "delegation_reminder"].map(entry).to_vec(),
            message_role: "user".to_owned(),
        }
    }
}

/// One watcher.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WatcherEntry {
    pub name: String,
    pub enabled: bool,
    /// Its own keys; judged by the watcher.
    pub config: serde_json::Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FullEntry {
    name: String,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    config: Option<serde_json::Value>,
    /// Short for the key of the same name in `config`.
    command: Option<serde_json::Value>,
    /// The same.
    deadline_seconds: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FullBlock {
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    watchers: Vec<WatcherEntry>,
    message_role: Option<String>,
}

fn yes() -> bool {
    true
}

impl<'de> Deserialize<'de> for WatcherEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        if let Some(name) = value.as_str() {
            return Ok(Self { name: name.to_owned(), enabled: true, config: serde_json::json!({}) });
        }
        let full: FullEntry = serde_json::from_value(value).map_err(serde::de::Error::custom)?;
        let mut config = full.config.unwrap_or_else(|| serde_json::json!({}));
        let short = [("command", full.command), ("deadline_seconds", full.deadline_seconds)];
        for (key, value) in short.into_iter().filter_map(|(key, value)| Some((key, value?))) {
            if let Some(config) = config.as_object_mut() {
                config.insert(key.to_owned(), value);
            }
        }
        Ok(Self { name: full.name, enabled: full.enabled, config })
    }
}

impl<'de> Deserialize<'de> for Watchers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let block = if value.is_array() { serde_json::json!({ "watchers": value }) } else { value };
        let block: FullBlock = serde_json::from_value(block).map_err(serde::de::Error::custom)?;
        let default = Self::default();
        let watchers = if block.watchers.is_empty() { default.watchers } else { block.watchers };
        Ok(Self {
            enabled: block.enabled,
            watchers,
            message_role: block.message_role.unwrap_or(default.message_role),
        })
    }
}
