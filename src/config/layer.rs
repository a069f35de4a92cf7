//! One layer of the configuration: what a file, a variable, a `--set` or the flags say, read alone, so that an error
//! names its own place. Does not merge (`load` does) and does not judge values (`check` does).

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::{
    Config,
    document::{self, Format, MAX_BYTES, Step},
    suggest::closest,
};
use crate::error::UserError;

/// Where a layer comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file, with its text.
    File { path: PathBuf, format: Format, text: String },
    /// A variable of the environment, or (with the file) of `.env`.
    Variable { name: String, file: Option<PathBuf> },
    /// One `--set`, as it was written.
    Set(String),
    /// The other flags.
    Flags,
}

/// What one place says.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    pub origin: Origin,
    pub values: Map<String, Value>,
}

impl Layer {
    /// Reads a file (YAML, or TOML where its name ends in `.toml`).
    pub fn read(path: &Path) -> Result<Self, UserError> {
        let shown = path.display();
        let failed = |why: String| {
            UserError::usage(
                format!("the configuration file '{shown}' cannot be read: {why}"),
                "give an existing file that you may read",
            )
        };
        let metadata = std::fs::metadata(path).map_err(|e| failed(describe(&e)))?;
        if metadata.is_dir() {
            return Err(failed("it is a directory".to_owned()));
        }
        let too_big = |bytes: u64| {
            UserError::usage(
                format!(
                    "the configuration file '{shown}' has {bytes} bytes, more than the {MAX_BYTES} that are read"
                ),
                "keep data out of the configuration",
            )
        };
        if metadata.len() > MAX_BYTES {
            return Err(too_big(metadata.len()));
        }
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(|e| failed(describe(&e)))?;
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|e| failed(describe(&e)))?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(too_big(bytes.len() as u64));
        }
        let text = String::from_utf8(bytes).map_err(|e| {
            let good =
                String::from_utf8_lossy(e.as_bytes().get(..e.utf8_error().valid_up_to()).unwrap_or(&[]));
            let (line, column) = document::place(&good, good.len());
            UserError::usage(
                format!("{shown}:{line}:{column}: this is not UTF-8 text"),
                "save the file as UTF-8",
            )
        })?;
        let format =
            if path.extension().is_some_and(|ext| ext == "toml") { Format::Toml } else { Format::Yaml };
        let values = document::parse(&text, format).map_err(|fault| {
            let place =
                if fault.line > 0 { format!(":{}:{}", fault.line, fault.column) } else { String::new() };
            UserError::usage(
                format!("{shown}{place}: {}", fault.message),
                syntax_hint(format, &fault.message),
            )
        })?;
        Ok(Self { origin: Origin::File { path: path.to_owned(), format, text }, values })
    }

    /// One `--set KEY=VALUE`. The value is read as YAML, and as plain text where the key wants text.
    pub fn set(written: &str) -> Result<Self, UserError> {
        let Some((key, text)) = written.split_once('=').filter(|(key, _)| !key.trim().is_empty()) else {
            return Err(UserError::usage(
                format!("--set '{written}' has no '='"),
                "write --set KEY=VALUE, for example --set orchestrator.max_steps=20",
            ));
        };
        let origin = Origin::Set(written.to_owned());
        let as_text = Value::from(text);
        let parsed = document::parse(&format!("value: {text}"), Format::Yaml).ok();
        let parsed = parsed.and_then(|mut map| map.remove("value"));
        let layer = |value| Self { origin: origin.clone(), values: nested(key.trim(), value) };
        let first = layer(parsed.unwrap_or_else(|| as_text.clone()));
        let plain = layer(as_text);
        match (first.check_types(), plain.check_types()) {
            (Err(_), Ok(())) => Ok(plain),
            _ => Ok(first),
        }
    }

    /// An error about the value (or the key) at a path of this layer.
    pub fn error(&self, path: &[Step], at_key: bool, message: &str, hint: impl Into<String>) -> UserError {
        UserError::usage(format!("{}{message}", self.place(path, at_key)), hint)
    }

    /// `FILE:LINE:COLUMN: `, or what else names the place.
    pub fn place(&self, path: &[Step], at_key: bool) -> String {
        match &self.origin {
            Origin::File { path: file, format, text } => {
                let at = document::locate(text, *format, path, at_key);
                let at = at.map_or_else(String::new, |(line, column)| format!(":{line}:{column}"));
                format!("{}{at}: ", file.display())
            }
            Origin::Variable { name, file: None } => format!("variable '{name}': "),
            Origin::Variable { name, file: Some(file) } => format!("{}: variable '{name}': ", file.display()),
            Origin::Set(written) => format!("--set '{written}': "),
            Origin::Flags => String::new(),
        }
    }

    /// Whether all keys exist and all values are of the right type.
    pub fn check_types(&self) -> Result<(), UserError> {
        let value = Value::Object(self.values.clone());
        let Err(error) = serde_path_to_error::deserialize::<_, Config>(value) else { return Ok(()) };
        let path: Vec<Step> = error.path().iter().filter_map(step).collect();
        let message = error.inner().to_string();
        let name = document::dotted(&path);
        if let Some(rest) = message.strip_prefix("unknown field ") {
            let known = quoted(rest.split_once("expected").map_or("", |(_, list)| list));
            let key = match path.last() {
                Some(Step::Key(key)) => key.clone(),
                _ => String::new(),
            };
            let hint = unknown_key_hint(&path, &key, &known);
            return Err(self.error(&path, true, &format!("the key '{name}' does not exist"), hint));
        }
        let (message, hint) = type_message(&name, &message);
        Err(self.error(&path, false, &message, hint))
    }
}

/// The operating system's words without their number.
fn describe(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

fn syntax_hint(format: Format, message: &str) -> &'static str {
    if message.contains("twice") || message == "duplicate key" {
        return "remove one of the two";
    }
    if message.contains("unfolds") {
        return "use fewer aliases";
    }
    match format {
        Format::Yaml if message.contains("cannot start any token") => {
            "indent by blanks, never by tabs, and put odd texts into quotes"
        }
        Format::Yaml => "'zwarm-tui configs show' prints every key with its value, as YAML",
        Format::Toml => "'zwarm-tui init' writes a TOML file with every key",
    }
}

fn nested(key: &str, value: Value) -> Map<String, Value> {
    let mut value = value;
    for part in key.rsplit('.') {
        value = Value::Object(Map::from_iter([(part.to_owned(), value)]));
    }
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn step(segment: &serde_path_to_error::Segment) -> Option<Step> {
    match segment {
        serde_path_to_error::Segment::Map { key } => Some(Step::Key(key.clone())),
        serde_path_to_error::Segment::Seq { index } => Some(Step::Index(*index)),
        serde_path_to_error::Segment::Enum { .. } | serde_path_to_error::Segment::Unknown => None,
    }
}

/// The words between backquotes.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn unknown_key_hint(path: &[Step], key: &str, known: &[String]) -> String {
    let parent = document::dotted(path.get(..path.len().saturating_sub(1)).unwrap_or_default());
    if let Some(hint) = super::reference::unknown_key_hint(&parent, key) {
        return hint;
    }
    if let Some(near) = closest(key, known.iter().map(String::as_str)) {
        return format!("did you mean '{near}'?");
    }
    let list = known.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    let place = if parent.is_empty() { "at the top".to_owned() } else { format!("in '{parent}'") };
    format!("the keys {place} are {list}")
}

/// What helps where a value has the wrong shape.
const TYPE_HINT: &str = "'zwarm-tui configs show' prints every key with its value";

/// A sentence and a hint out of serde's words.
fn type_message(name: &str, message: &str) -> (String, String) {
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        let words = quoted(rest);
        let (given, known) =
            words.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
        let list = known.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
        let near = closest(given, known.iter().map(String::as_str));
        let hint = near.map_or_else(|| format!("it can be {list}"), |near| format!("did you mean '{near}'?"));
        return (format!("'{name}' cannot be '{given}'"), hint);
    }
    for start in ["invalid type: ", "invalid value: "] {
        let Some((given, wanted)) =
            message.strip_prefix(start).and_then(|rest| rest.split_once(", expected "))
        else {
            continue;
        };
        return (
            format!("'{name}' must be {}, not {}", plain(wanted), plain_given(given)),
            TYPE_HINT.to_owned(),
        );
    }
    if let Some(missing) = message.strip_prefix("missing field ") {
        return (format!("'{name}' has no {}", missing.replace('`', "'")), TYPE_HINT.to_owned());
    }
    (format!("'{name}': {}", message.replace('`', "'")), TYPE_HINT.to_owned())
}

fn plain(wanted: &str) -> String {
    match wanted {
        "u32" | "u64" | "usize" => "a whole number that is not negative".to_owned(),
        "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" => "text".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a block of keys".to_owned(),
        other if other.starts_with("struct ") => "a block of keys".to_owned(),
        other if other.contains("enum") => "one of its words".to_owned(),
        other => other.to_owned(),
    }
}

fn plain_given(given: &str) -> String {
    match given {
        "null" | "unit value" => "null".to_owned(),
        "sequence" => "a list".to_owned(),
        "map" => "a block of keys".to_owned(),
        other => match other.split_once(' ') {
            Some(("string", text)) => format!("the text {text}"),
            Some(("boolean", word)) => word.replace('`', ""),
            Some(("integer", number)) => number.replace('`', ""),
            Some(("floating", rest)) => rest.trim_start_matches("point ").replace('`', ""),
            _ => other.to_owned(),
        },
    }
}
