//! Joins the layers of the configuration. Later wins: defaults, the user's file, the project's file, `-c` with its
//! `extends`, `.env` and environment, `--set`, flags.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

use super::{
    Config, check,
    document::{MAX_BYTES, Step, place},
    layer::{Layer, Origin},
    names, reference,
    trust::{self, Trust, Untrusted},
};
use crate::{error::UserError, paths::Home};

/// How deep `extends` may go.
const MAX_EXTENDS: usize = 16;

/// Where to look.
#[derive(Clone, Debug)]
pub struct Sources {
    pub working_dir: PathBuf,
    pub home: Home,
    /// `-c`.
    pub file: Option<PathBuf>,
    /// `--set`, in order.
    pub sets: Vec<String>,
    /// What the other flags say, as a partial configuration.
    pub flags: Value,
    /// The environment; what is not UTF-8 is left out.
    pub environment: BTreeMap<String, String>,
    pub trust: Trust,
}

impl Sources {
    /// With the environment of this process and no flags.
    pub fn new(working_dir: &Path) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            working_dir: working_dir.to_owned(),
            home: Home::find(),
            file: None,
            sets: Vec::new(),
            flags: json!({}),
            environment: std::env::vars_os().filter_map(text).collect(),
            trust: Trust::default(),
        }
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    /// Variable and value; for redaction.
    pub secrets: Vec<(String, String)>,
    /// Variables by name: the environment, and below it what only `.env` has.
    pub variables: BTreeMap<String, String>,
    /// One sentence each.
    pub warnings: Vec<String>,
    /// The files that were read, in order.
    pub files: Vec<PathBuf>,
    /// Risky keys of the project that were left out.
    pub untrusted: Option<Untrusted>,
}

/// Reads, checks and joins everything.
pub fn load(sources: &Sources) -> Result<Loaded, UserError> {
    let mut warnings = Vec::new();
    let (mut layers, project) = files(sources)?;
    let mut dotenv = dotenv(&sources.working_dir.join(".env"))?;
    let mut files: Vec<PathBuf> = layers.iter().filter_map(path_of).collect();
    if !dotenv.is_empty() {
        files.push(sources.working_dir.join(".env"));
    }
    let untrusted = distrust(sources, project.and_then(|at| layers.get_mut(at)), &mut dotenv);

    let mut variables = dotenv.clone();
    variables.extend(sources.environment.clone());
    if let Some(project) = variables.get("WEAVE_PROJECT").filter(|value| !value.is_empty()) {
        let file =
            (!sources.environment.contains_key("WEAVE_PROJECT")).then(|| sources.working_dir.join(".env"));
        layers.push(Layer {
            origin: Origin::Variable { name: "WEAVE_PROJECT".to_owned(), file },
            values: as_map(json!({ "weave": { "project": project } })),
        });
    }
    for written in &sources.sets {
        layers.push(Layer::set(written)?);
    }
    layers.push(Layer { origin: Origin::Flags, values: as_map(sources.flags.clone()) });

    layers.iter_mut().for_each(|layer| reference::translate(layer, &mut warnings));
    let config = join(&layers)?;
    complete(&config)?;
    warnings.extend(
        untrusted
            .iter()
            .flat_map(|untrusted| &untrusted.keys)
            .map(|key| format!("{key} is left out until you trust this project (--trust-project)")),
    );
    let secrets = secrets(&config, &variables);
    Ok(Loaded { config, secrets, variables, warnings, files, untrusted })
}

/// What no layer may lack alone, but all of them together must have.
fn complete(config: &Config) -> Result<(), UserError> {
    match config.providers.iter().find(|(_, provider)| provider.base_url.is_empty()) {
        None => Ok(()),
        Some((name, _)) => Err(UserError::usage(
            format!("'providers.{name}.base_url' is missing"),
            format!("add it, for example --set providers.{name}.base_url=http://127.0.0.1:11434/v1"),
        )),
    }
}

fn path_of(layer: &Layer) -> Option<PathBuf> {
    match &layer.origin {
        Origin::File { path, .. } => Some(path.clone()),
        _ => None,
    }
}

fn as_map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The layers of files, and which of them is the project's.
fn files(sources: &Sources) -> Result<(Vec<Layer>, Option<usize>), UserError> {
    let mut layers = Vec::new();
    let user: Vec<PathBuf> = ["config.toml", "config.yaml"]
        .map(|name| sources.home.config.join(name))
        .into_iter()
        .filter(|path| path.exists())
        .collect();
    if let [toml, yaml] = user.as_slice() {
        return Err(UserError::usage(
            format!("there are two user files, '{}' and '{}'", toml.display(), yaml.display()),
            "keep one of them",
        ));
    }
    for path in &user {
        layers.push(Layer::read(path)?);
    }
    let project = project_file(&sources.working_dir)?;
    let at = project.as_ref().map(|_| layers.len());
    layers.extend(project);
    if let Some(file) = &sources.file {
        extended(&sources.working_dir.join(file), &mut Vec::new(), &mut layers)?;
    }
    Ok((layers, at))
}

/// `.zwarm/config.toml`, else a `config.toml` that is the reference's.
fn project_file(working_dir: &Path) -> Result<Option<Layer>, UserError> {
    let own = working_dir.join(".zwarm/config.toml");
    if own.exists() {
        return Layer::read(&own).map(Some);
    }
    let legacy = working_dir.join("config.toml");
    match legacy.is_file().then(|| Layer::read(&legacy)) {
        Some(Ok(layer)) if reference::is_legacy(&layer.values) => Ok(Some(layer)),
        // Other programs use that name too: what is not ours is not judged.
        _ => Ok(None),
    }
}

/// A file after those that it extends.
fn extended(path: &Path, way: &mut Vec<PathBuf>, layers: &mut Vec<Layer>) -> Result<(), UserError> {
    let mut layer = Layer::read(path)?;
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let extends = layer.values.shift_remove("extends");
    let at = [Step::Key("extends".to_owned())];
    if way.contains(&real) || way.len() >= MAX_EXTENDS {
        let message = if way.contains(&real) {
            "this file extends itself".to_owned()
        } else {
            format!("'extends' goes deeper than {MAX_EXTENDS} files")
        };
        return Err(layer.error(&at, false, &message, "remove one 'extends'"));
    }
    way.push(real);
    let list = match extends {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) if many.iter().all(Value::is_string) => {
            many.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
        }
        Some(_) => {
            let message = "'extends' must be the path of a file, or a list of paths";
            return Err(layer.error(&at, false, message, "write extends: base.yaml"));
        }
    };
    for base in list {
        let base = path.parent().unwrap_or(Path::new("")).join(base);
        if !base.exists() {
            let message = format!("the file '{}' does not exist", base.display());
            return Err(layer.error(
                &at,
                false,
                &message,
                "paths in 'extends' are relative to the file they stand in",
            ));
        }
        extended(&base, way, layers)?;
    }
    way.pop();
    layers.push(layer);
    Ok(())
}

/// Takes the risky keys out of what the project says, unless the human trusts it.
fn distrust(
    sources: &Sources,
    project: Option<&mut Layer>,
    dotenv: &mut BTreeMap<String, String>,
) -> Option<Untrusted> {
    let variables: Vec<String> = dotenv
        .keys()
        .filter(|name| trust::risky_variable(name) && !sources.environment.contains_key(*name))
        .cloned()
        .collect();
    let paths = project.as_ref().map(|layer| trust::risky(&layer.values)).unwrap_or_default();
    let mut lines: Vec<String> = Vec::new();
    if let Some(layer) = &project {
        let line = |path: &Vec<Step>| trust::describe(&layer.values, path);
        lines.extend(paths.iter().map(line));
    }
    lines.extend(variables.iter().map(|name| format!("'{name}' = {:?}", dotenv[name])));
    if lines.is_empty() || sources.trust == Trust::Given {
        return None;
    }
    let digest = trust::digest(&lines);
    if trust::remembered(&sources.home.state, &sources.working_dir, &digest) {
        return None;
    }
    let mut keys = Vec::new();
    if let Some(layer) = project {
        keys.extend(
            paths.iter().zip(&lines).map(|(path, line)| format!("{}{line}", layer.place(path, true))),
        );
        for path in paths.iter().rev() {
            trust::remove(&mut layer.values, path);
        }
    }
    let file = sources.working_dir.join(".env");
    keys.extend(lines.iter().skip(paths.len()).map(|line| format!("{}: {line}", file.display())));
    variables.iter().for_each(|name| drop(dotenv.remove(name)));
    Some(Untrusted { keys, digest })
}

/// Checks every layer alone, then joins them and checks the whole.
fn join(layers: &[Layer]) -> Result<Config, UserError> {
    let adapters: Vec<String> = layers
        .iter()
        .filter_map(|layer| layer.values.get("executors")?.as_object())
        .flat_map(|map| map.keys().cloned())
        .collect();
    let mut joined = serde_json::to_value(Config::default()).unwrap_or_default();
    for layer in layers {
        layer.check_types()?;
        if let Some(problem) = check::judge(&layer.values, &adapters).first() {
            return Err(layer.error(&problem.path, problem.at_key, &problem.message, problem.hint.clone()));
        }
        let mut values = layer.values.clone();
        // A bare list and a block say the same.
        if let Some(Value::Array(list)) = values.get("watchers") {
            let block = json!({ "watchers": list });
            values.insert("watchers".to_owned(), block);
        }
        if let Some(Value::Object(block)) = values.get_mut("watchers")
            && let Some(Value::Array(_)) = block.get("enabled")
        {
            let list = block.insert("enabled".to_owned(), Value::Bool(true)).unwrap_or_default();
            block.entry("watchers").or_insert(list);
        }
        merge(&mut joined, Value::Object(values));
    }
    let config: Config = serde_json::from_value(joined)
        .map_err(|e| UserError::usage(format!("the configuration as a whole is wrong: {e}"), ""))?;
    let compaction = &config.orchestrator.compaction;
    if compaction.target_pct >= compaction.threshold_pct {
        let path = ["orchestrator", "compaction"].map(|key| Step::Key(key.to_owned()));
        let wrote = layers.iter().rev().find(|layer| {
            layer.values.get("orchestrator").is_some_and(|block| block.get("compaction").is_some())
        });
        let place = wrote.map_or_else(String::new, |layer| layer.place(&path, true));
        return Err(UserError::usage(
            format!(
                "{place}'orchestrator.compaction.target_pct' ({}) is not below 'threshold_pct' ({})",
                compaction.target_pct, compaction.threshold_pct
            ),
            "give a target below the threshold",
        ));
    }
    Ok(config)
}

/// Blocks are joined key by key; anything else replaces.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                match into.get_mut(&key) {
                    Some(old) => merge(old, value),
                    None => drop(into.insert(key, value)),
                }
            }
        }
        (into, from) => *into = from,
    }
}

/// The variables of `.env`; never put into the process.
fn dotenv(path: &Path) -> Result<BTreeMap<String, String>, UserError> {
    let shown = path.display();
    let failed =
        |why: String| UserError::usage(format!("'{shown}' cannot be read: {why}"), "mend it or remove it");
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => metadata,
        Ok(_) | Err(_) => return Ok(BTreeMap::new()),
    };
    if metadata.len() > MAX_BYTES {
        return Err(failed(format!("it has {} bytes", metadata.len())));
    }
    let text = std::fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
    let mut variables = BTreeMap::new();
    for entry in dotenvy::from_read_iter(text.as_bytes()) {
        match entry {
            Ok((name, value)) => drop(variables.insert(name, value)),
            // The line itself is never shown: it may hold a key.
            Err(dotenvy::Error::LineParse(line, at)) => {
                let start = text.find(line.trim_end()).unwrap_or(0);
                let (row, column) = place(&text, start + at);
                return Err(UserError::usage(
                    format!("{shown}:{row}:{column}: this line is not NAME=VALUE"),
                    "put values with blanks or quotes into quotes",
                ));
            }
            Err(error) => return Err(failed(error.to_string())),
        }
    }
    Ok(variables)
}

/// The values that must never be seen: keys of the providers, of the known services and whatever else is named so.
fn secrets(config: &Config, variables: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let of_providers: Vec<&String> =
        config.providers.values().filter_map(|provider| provider.api_key_env.as_ref()).collect();
    let secret = |name: &String| {
        names::SECRET_VARIABLES.contains(&name.as_str())
            || of_providers.contains(&name)
            || names::SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
    };
    let own = config.executor.env.iter().chain(config.executors.values().flat_map(|agent| &agent.env));
    let own = own.filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let headers = config.otel.headers.iter();
    let all = variables.iter().chain(own).filter(|(name, _)| secret(name)).chain(headers);
    all.filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Checks one file alone, with what it extends. Returns its warnings.
pub fn check_file(file: &Path) -> Result<Vec<String>, UserError> {
    let (mut layers, mut warnings) = (Vec::new(), Vec::new());
    extended(file, &mut Vec::new(), &mut layers)?;
    layers.iter_mut().for_each(|layer| reference::translate(layer, &mut warnings));
    join(&layers)?;
    Ok(warnings)
}
