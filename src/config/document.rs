//! One YAML or TOML text as a JSON value, and the place of anything in it. Everything is bounded: size, depth,
//! number of values (an alias bomb is counted as it unfolds). Knows no key of the configuration.

use std::{cell::Cell, fmt};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Bytes that a configuration file may have.
pub const MAX_BYTES: u64 = 1024 * 1024;
/// Values that a configuration file may hold, aliases unfolded.
pub const MAX_VALUES: usize = 20_000;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Yaml,
    Toml,
}

/// What is wrong with a text, and where (line and column from 1; 0: unknown).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

/// One part of the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Key(String),
    Index(usize),
}

/// Reads a text strictly: no key twice, only keys that are text, one document, a block of keys at the top.
pub fn parse(text: &str, format: Format) -> Result<Map<String, Value>, Fault> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Map::new());
    }
    let left = Cell::new(MAX_VALUES);
    match run(text, format, Strict { left: &left })? {
        Value::Object(map) => Ok(map),
        Value::Null => Ok(Map::new()),
        _ => Err(Fault { line: 1, column: 1, message: "the file must hold keys with values".to_owned() }),
    }
}

/// Line and column of a key (`at_key`) or of a value; of the nearest that is above it where it is not in the text.
pub fn locate(text: &str, format: Format, path: &[Step], at_key: bool) -> Option<(usize, usize)> {
    (1..=path.len()).rev().find_map(|length| {
        let at_key = at_key || length < path.len();
        let found = Cell::new(false);
        let seed = Locate { path: path.get(..length)?, at_key, found: &found };
        let fault = run(text, format, seed).err()?;
        (found.get() && fault.line > 0).then_some((fault.line, fault.column))
    })
}

/// A path as it is written in messages: `watchers[0].name`.
pub fn dotted(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.push_str(&format!(".{key}")),
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

fn run<'a, S: DeserializeSeed<'a>>(text: &'a str, format: Format, seed: S) -> Result<S::Value, Fault> {
    match format {
        Format::Yaml => {
            seed.deserialize(serde_yaml::Deserializer::from_str(text)).map_err(|e| yaml_fault(&e))
        }
        Format::Toml => {
            let parsed = toml::Deserializer::parse(text).map_err(|e| toml_fault(text, &e))?;
            seed.deserialize(parsed).map_err(|mut e| {
                e.set_input(Some(text));
                toml_fault(text, &e)
            })
        }
    }
}

fn yaml_fault(error: &serde_yaml::Error) -> Fault {
    let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
    let mut message = error.to_string();
    if let Some(at) = message.find(&format!(" at line {line} column {column}")) {
        let end = at + format!(" at line {line} column {column}").len();
        message.replace_range(at..end, "");
    }
    if message.starts_with("repetition limit exceeded") {
        message = format!("it unfolds to more than {MAX_VALUES} values");
    }
    // A message begins with the path where the fault is in a nested value.
    if let Some((_, own)) = message.split_once(MARK) {
        message = own.to_owned();
    }
    Fault { line, column, message }
}

fn toml_fault(text: &str, error: &toml::de::Error) -> Fault {
    let (line, column) = error.span().map_or((0, 0), |span| place(text, span.start));
    let message = error.message();
    let message = message.split_once(MARK).map_or(message, |(_, own)| own);
    Fault { line, column, message: message.to_owned() }
}

/// Line and column of a byte, from 1; columns are characters.
pub fn place(text: &str, byte: usize) -> (usize, usize) {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    let before = text.get(..byte).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

/// Stands before messages of our own, so that a path which a parser puts in front can be cut off.
const MARK: &str = "\u{1}";

fn own<E: de::Error>(message: impl fmt::Display) -> E {
    E::custom(format!("{MARK}{message}"))
}

/// Builds a [`Value`], counting down what is left.
#[derive(Clone, Copy)]
struct Strict<'c> {
    left: &'c Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.left.get() == 0 {
            return Err(own(format_args!("it unfolds to more than {MAX_VALUES} values")));
        }
        self.left.set(self.left.get() - 1);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plain value")
    }
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| own("this is not a finite number"))
    }
    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
    fn visit_enum<A: de::EnumAccess<'de>>(self, _: A) -> Result<Value, A::Error> {
        Err(own("tags ('!name') are not used here"))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(self)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key_seed(Key { seen: &object })? {
            let value = map.next_value_seed(self)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

/// Reads a key; one that is there already is an error at its own place.
struct Key<'m> {
    seen: &'m Map<String, Value>,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = String;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key that is text")
    }
    fn visit_str<E: de::Error>(self, key: &str) -> Result<String, E> {
        if self.seen.contains_key(key) {
            return Err(own(format_args!("the key '{key}' is there twice")));
        }
        Ok(key.to_owned())
    }
}

/// Fails on purpose at the end of a path: the error then carries the place.
#[derive(Clone, Copy)]
struct Locate<'p> {
    path: &'p [Step],
    at_key: bool,
    found: &'p Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Locate<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.path.is_empty() {
            true => deserializer.deserialize_any(Fail { found: self.found }),
            false => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Locate<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the way to a value")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Some((Step::Index(wanted), rest)) = self.path.split_first() else {
            return Err(de::Error::custom("no such way"));
        };
        for _ in 0..*wanted {
            seq.next_element::<de::IgnoredAny>()?;
        }
        seq.next_element_seed(Self { path: rest, ..self })?;
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((Step::Key(wanted), rest)) = self.path.split_first() else {
            return Err(de::Error::custom("no such way"));
        };
        let stop = self.at_key && rest.is_empty();
        let seed = || WantedKey { wanted, stop, found: self.found };
        while let Some(it_is) = map.next_key_seed(seed())? {
            if it_is {
                return map.next_value_seed(Self { path: rest, ..self });
            }
            map.next_value::<de::IgnoredAny>()?;
        }
        Ok(())
    }
}

/// Whether a key is the wanted one; fails at it where the key itself is looked for.
struct WantedKey<'p> {
    wanted: &'p str,
    stop: bool,
    found: &'p Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for WantedKey<'_> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for WantedKey<'_> {
    type Value = bool;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_str<E: de::Error>(self, key: &str) -> Result<bool, E> {
        if self.stop && key == self.wanted {
            self.found.set(true);
            return Err(E::custom("here"));
        }
        Ok(key == self.wanted)
    }
}

/// Fails at whatever value it meets.
struct Fail<'p> {
    found: &'p Cell<bool>,
}

impl<'de> Visitor<'de> for Fail<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.found.set(true);
        f.write_str("nothing")
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
