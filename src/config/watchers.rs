//! The `watchers` block: a list of names or of `{name, enabled, config}`, alone or inside `{enabled, watchers, …}`.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{
        self, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::{Value, json};

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
        Self {
            enabled: true,
            watchers: ["progress", "budget", "delegation_reminder"].map(WatcherEntry::named).to_vec(),
            message_role: "user".to_owned(),
        }
    }
}

impl Watchers {
    /// Whether the configuration has this one of them on.
    pub fn has_on(&self, entry: &WatcherEntry) -> bool {
        self.enabled && entry.enabled
    }
}

/// One watcher.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WatcherEntry {
    pub name: String,
    pub enabled: bool,
    /// Its own keys. A custom watcher has `command` (a list of words), `deadline_seconds` and `gates` here.
    pub config: Value,
}

impl WatcherEntry {
    /// An enabled watcher with its own defaults.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), enabled: true, config: json!({}) }
    }

    /// Why it cannot be switched on in a run, as a clause, where `set` are keys that were set in the run; `None`: it can.
    pub fn lacks(&self, set: Option<&Value>) -> Option<String> {
        if self.name == "llm" {
            return Some("it must be on when a launch begins".to_owned());
        }
        let (_, needed) = super::names::NEEDED.iter().find(|(name, _)| *name == self.name)?;
        let is_set = |value: &Value| value.as_array().is_some_and(|list| !list.is_empty());
        let has = |key: &&str| {
            [set, Some(&self.config)].into_iter().flatten().any(|keys| keys.get(*key).is_some_and(is_set))
        };
        let missing = || format!("it needs '{}'", needed.join("' or '"));
        (!needed.iter().any(has)).then(missing)
    }

    /// The command of a custom watcher.
    pub fn command(&self) -> Option<Vec<String>> {
        let words = self.config.get("command")?.as_array()?;
        Some(words.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FullEntry {
    name: String,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    config: Option<serde_json::Map<String, Value>>,
    #[serde(default)]
    command: Option<Vec<String>>,
    #[serde(default)]
    deadline_seconds: Option<f64>,
    #[serde(default)]
    gates: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FullBlock {
    #[serde(default)]
    enabled: Enabled,
    #[serde(default)]
    watchers: Option<Vec<WatcherEntry>>,
    #[serde(default)]
    message_role: Option<String>,
}

/// `true`, `false`, or (as the reference's `init` writes it) the list of names itself.
struct Enabled {
    on: bool,
    list: Option<Vec<WatcherEntry>>,
}

impl Default for Enabled {
    fn default() -> Self {
        Self { on: true, list: None }
    }
}

fn yes() -> bool {
    true
}

impl<'de> Deserialize<'de> for Enabled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Enabled;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a boolean or a list of names")
            }
            fn visit_bool<E: de::Error>(self, on: bool) -> Result<Enabled, E> {
                Ok(Enabled { on, list: None })
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Enabled, A::Error> {
                let list = Vec::deserialize(SeqAccessDeserializer::new(seq))?;
                Ok(Enabled { on: true, list: Some(list) })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for WatcherEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entry;
        impl<'de> Visitor<'de> for Entry {
            type Value = WatcherEntry;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a watcher's name or a block with a name")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<WatcherEntry, E> {
                Ok(WatcherEntry::named(name))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WatcherEntry, A::Error> {
                let full = FullEntry::deserialize(MapAccessDeserializer::new(map))?;
                let mut config = full.config.unwrap_or_default();
                if let Some(command) = full.command {
                    config.insert("command".to_owned(), json!(command));
                }
                if let Some(seconds) = full.deadline_seconds {
                    config.insert("deadline_seconds".to_owned(), json!(seconds));
                }
                if let Some(gates) = full.gates {
                    config.insert("gates".to_owned(), json!(gates));
                }
                Ok(WatcherEntry { name: full.name, enabled: full.enabled, config: Value::Object(config) })
            }
        }
        deserializer.deserialize_any(Entry)
    }
}

impl<'de> Deserialize<'de> for Watchers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Block;
        impl<'de> Visitor<'de> for Block {
            type Value = FullBlock;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of watchers or a block")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<FullBlock, A::Error> {
                let watchers = Vec::deserialize(SeqAccessDeserializer::new(seq))?;
                Ok(FullBlock { enabled: Enabled::default(), watchers: Some(watchers), message_role: None })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FullBlock, A::Error> {
                FullBlock::deserialize(MapAccessDeserializer::new(map))
            }
        }
        let block = deserializer.deserialize_any(Block)?;
        let default = Self::default();
        let listed = block.watchers.or(block.enabled.list).filter(|list| !list.is_empty());
        Ok(Self {
            enabled: block.enabled.on,
            watchers: listed.unwrap_or(default.watchers),
            message_role: block.message_role.unwrap_or(default.message_role),
        })
    }
}
