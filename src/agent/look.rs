//! Looking around before a run is started: which executors are there, whether the model has its key, what the directory
//! is. Nothing of a run is begun; no network but in [`servers`].

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::Duration,
};

use super::probe::Probe;
use crate::{config::Config, executors, llm, process::ChildKind};

/// What is said of a directory that no git repository holds.
pub const NO_GIT: &str = "no git repository";
/// How long git may take.
const GIT_WITHIN: Duration = Duration::from_secs(2);

/// An executor as it is found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub name: String,
    /// A session can be started.
    pub usable: bool,
    /// As its program says it; asked for by [`versions`].
    pub version: Option<String>,
    /// `None`: it cannot be told cheaply.
    pub signed_in: Option<bool>,
    /// What to do where it is missing.
    pub install: String,
}

/// A model server of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub provider: String,
    pub url: String,
    /// The HTTP status of its answer, or why there was none.
    pub answer: Result<u16, String>,
}

/// Asks all model servers of the configuration at once whether they are there. No key is sent.
pub async fn servers(config: &Config, variables: &BTreeMap<String, String>) -> Vec<Server> {
    let asked = llm::base_urls(config, variables).into_iter().map(|(provider, url)| async move {
        let answer = llm::answers(&url).await;
        Server { provider, url, answer }
    });
    futures_util::future::join_all(asked).await
}

/// Price and context window of a model, in words. `None`: unknown.
pub fn price(model: &str) -> Option<String> {
    /// Read once: screens ask in every frame.
    static PRICES: LazyLock<Option<llm::Prices>> = LazyLock::new(|| llm::Prices::load(None).ok());
    PRICES.as_ref()?.shown(model)
}

/// The variables that an executor gets: those around us, changed by `executor.env` and by its own.
pub fn variables_of(
    name: &str,
    config: &Config,
    around: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut variables = around.clone();
    let own = config.executors.get(name).map(|agent| &agent.env);
    for (key, value) in std::iter::once(&config.executor.env).chain(own).flatten() {
        match value {
            Some(value) => variables.insert(key.clone(), value.clone()),
            None => variables.remove(key),
        };
    }
    variables
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Around {
    pub executors: Vec<Found>,
    pub dir: PathBuf,
    /// `git main, 2 changed`, or why nothing can be run there.
    pub directory: Result<String, String>,
    pub lm: String,
    /// Ready, or what is missing (a variable, a file).
    pub model: Result<String, String>,
}

/// Looks. Fast; versions are not asked for.
pub async fn around(
    config: &Config,
    variables: &BTreeMap<String, String>,
    dir: PathBuf,
    lm: String,
) -> Around {
    let model = llm::Model::open(config, &lm, variables, &dir).map(|_| "ready".to_owned());
    let found = executors::installed(config)
        .into_iter()
        .filter(|adapter| adapter.name != "script" || scripted(config, &lm));
    let executors = found
        .map(|adapter| Found {
            signed_in: signed_in(&adapter.name, &variables_of(&adapter.name, config, variables)),
            usable: adapter.usable(),
            install: adapter.install.clone(),
            version: None,
            name: adapter.name,
        })
        .collect();
    let directory = directory(&dir).await;
    Around { executors, directory, dir, model: model.map_err(|error| missing(&error)), lm }
}

/// What is missing for a model, and the first thing that helps.
fn missing(error: &crate::error::UserError) -> String {
    let hint = error.hint.split(';').next().unwrap_or_default();
    let parts = [error.message.as_str(), hint].into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(": ").replace('\n', " ")
}

fn scripted(config: &Config, lm: &str) -> bool {
    lm.starts_with("scripted:") || config.executor.script.is_some()
}

/// The versions of the executors that are there, by name. Starts each program once.
pub async fn versions(config: &Config) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let Ok(probe) = Probe::open() else { return found };
    for adapter in executors::installed(config) {
        let Some(path) = adapter.path else { continue };
        if let Some(version) = probe.version(path, ChildKind::Bash, config).await {
            let number =
                version.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
            found.push((adapter.name, number.unwrap_or(&version).to_owned()));
        }
    }
    found
}

/// Whether an executor has something to sign in with: a key in a variable, or its own file. What is in the file is
/// not read.
pub fn signed_in(name: &str, variables: &BTreeMap<String, String>) -> Option<bool> {
    let (keys, folder, default, file): (&[&str], _, _, _) = match name {
        "codex" => (&["CODEX_API_KEY"], "CODEX_HOME", ".codex", "auth.json"),
        "claude" => (
            &["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"],
            "CLAUDE_CONFIG_DIR",
            ".claude",
            ".credentials.json",
        ),
        _ => return None,
    };
    let set = |name: &str| variables.get(name).filter(|value| !value.is_empty());
    let home = set(folder).map(PathBuf::from).or_else(|| Some(Path::new(set("HOME")?).join(default)))?;
    if let Some(known) = (name == "codex").then(|| own_provider(&home, set)).flatten() {
        return Some(known);
    }
    let known = keys.iter().any(|key| set(key).is_some()) || home.join(file).exists();
    // On other systems claude keeps it in a key chain.
    (known || name != "claude" || cfg!(target_os = "linux")).then_some(known)
}

/// Whether a model provider of its own, which codex's `config.toml` names, can be asked: those have no sign-in, some need
/// a variable with a key. `None`: it has none, or one that takes OpenAI's sign-in.
fn own_provider<'a>(home: &Path, set: impl Fn(&str) -> Option<&'a String>) -> Option<bool> {
    let text = std::fs::read_to_string(home.join("config.toml")).ok()?;
    let table: toml::Table = text.parse().ok()?;
    let name = table.get("model_provider")?.as_str().filter(|name| *name != "openai")?;
    let provider = table.get("model_providers").and_then(|all| all.get(name));
    let has = |key: &str| provider.and_then(|it| it.get(key));
    if has("requires_openai_auth").and_then(toml::Value::as_bool) == Some(true) {
        return None;
    }
    Some(has("env_key").and_then(toml::Value::as_str).is_none_or(|key| set(key).is_some()))
}

async fn directory(dir: &Path) -> Result<String, String> {
    match std::fs::metadata(dir) {
        Ok(meta) if meta.is_dir() => {}
        Ok(_) => return Err("it is not a directory".to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err("there is no such directory".to_owned());
        }
        Err(error) => return Err(error.to_string()),
    }
    if rustix::fs::access(dir, rustix::fs::Access::WRITE_OK).is_err() {
        return Err("it cannot be written".to_owned());
    }
    Ok(git(dir).await.unwrap_or_else(|| NO_GIT.to_owned()))
}

async fn git(dir: &Path) -> Option<String> {
    let mut command = tokio::process::Command::new("git");
    command.arg("-C").arg(dir).args(["status", "--porcelain=v1", "--branch", "--untracked-files=no"]);
    command.stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(GIT_WITHIN, command.output()).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| status_words(&text)).flatten()
}

fn status_words(text: &str) -> Option<String> {
    let mut lines = text.lines();
    let head = lines.next()?.strip_prefix("## ")?;
    let head = head.strip_prefix("No commits yet on ").unwrap_or(head);
    let branch = head.split("...").next().unwrap_or(head);
    Some(match lines.count() {
        0 => format!("git {branch}, clean"),
        changed => format!("git {branch}, {changed} changed"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_a_repository_is_told_in_words() {
        assert_eq!(status_words("## main...origin/main [ahead 1]\n").as_deref(), Some("git main, clean"));
        assert_eq!(
            status_words("## No commits yet on dev\n M a\n M b\n").as_deref(),
            Some("git dev, 2 changed")
        );
        assert_eq!(status_words("fatal"), None);
    }

    #[tokio::test]
    async fn a_missing_directory_and_a_missing_key_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let none = dir.path().join("none");
        let found = around(&Config::default(), &BTreeMap::new(), none, "gpt-5".to_owned()).await;
        assert_eq!(found.directory, Err("there is no such directory".to_owned()));
        assert!(found.model.unwrap_err().contains("OPENAI_API_KEY"));
        let found =
            around(&Config::default(), &BTreeMap::new(), dir.path().to_owned(), "gpt-5".to_owned()).await;
        assert_eq!(found.directory, Ok("no git repository".to_owned()));
    }

    #[test]
    fn who_is_signed_in_is_known_by_a_variable_or_a_file() {
        let home = tempfile::tempdir().unwrap();
        let mut variables = BTreeMap::from([("HOME".to_owned(), home.path().display().to_string())]);
        assert_eq!(signed_in("codex", &variables), Some(false));
        std::fs::create_dir(home.path().join(".codex")).unwrap();
        std::fs::write(home.path().join(".codex").join("auth.json"), "").unwrap();
        assert_eq!(signed_in("codex", &variables), Some(true));
        variables.insert("ANTHROPIC_API_KEY".to_owned(), "x".to_owned());
        assert_eq!([signed_in("claude", &variables), signed_in("other", &variables)], [Some(true), None]);
        let mut config = Config::default();
        config.executor.env = BTreeMap::from([
            ("ANTHROPIC_API_KEY".to_owned(), None),
            ("CODEX_HOME".to_owned(), Some(home.path().join(".codex").display().to_string())),
        ]);
        variables.remove("HOME");
        let signed = |name: &str| signed_in(name, &variables_of(name, &config, &variables));
        assert_eq!([signed("claude"), signed("codex")], [None, Some(true)], "what executor.env says counts");
    }

    #[test]
    fn a_model_provider_of_codex_itself_needs_no_sign_in_but_the_key_that_it_names() {
        let home = tempfile::tempdir().unwrap();
        let mut variables = BTreeMap::from([("CODEX_HOME".to_owned(), home.path().display().to_string())]);
        let config = |text: &str| std::fs::write(home.path().join("config.toml"), text).unwrap();
        let asks = "model_provider = 'p'\n[model_providers.p]\nrequires_openai_auth = true";
        for text in ["model_provider = 'openai'", "model = 'x'", "no toml", asks] {
            config(text);
            assert_eq!(signed_in("codex", &variables), Some(false), "{text}");
        }
        config("model_provider = 'ollama'");
        assert_eq!(signed_in("codex", &variables), Some(true));
        config("model_provider = 'p'\n[model_providers.p]\nenv_key = 'P_KEY'");
        assert_eq!(signed_in("codex", &variables), Some(false));
        variables.insert("P_KEY".to_owned(), "k".to_owned());
        assert_eq!(signed_in("codex", &variables), Some(true));
    }
}
