//! A model: which server (or scenario) stands behind a name, and calls that are repeated until they succeed or cannot.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    Backoff, Chunk, ErrorKind, ModelError, Reply, Request, TimeLimits,
    http::{Endpoint, Heard, Secret},
    retry::{Failure, MAX_RETRIES, Next},
    scripted::Scripted,
};
use crate::{
    config::{Config, Provider},
    error::UserError,
    protocol::{Wire, scenario::Scenario},
};

/// A model that can be called. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Model {
    name: String,
    source: Source,
    backoff: Backoff,
    limits: TimeLimits,
}

#[derive(Clone, Debug)]
enum Source {
    Server(Endpoint),
    Scripted(Arc<Scripted>),
}

impl Model {
    /// Finds out what stands behind `lm`: `NAME`, `provider/NAME` or `scripted:FILE`. Nothing is sent yet.
    ///
    /// `variables`: environment and `.env`. `base_dir`: where a scenario's path starts.
    pub fn open(
        config: &Config,
        lm: &str,
        variables: &BTreeMap<String, String>,
        base_dir: &Path,
    ) -> Result<Self, UserError> {
        let lm = lm.trim();
        let (name, source) = match lm.split_once(':') {
            Some(("scripted", file)) if !file.trim().is_empty() => {
                let scripted = Scripted::open(&base_dir.join(file.trim()), variables)?;
                (scripted.name().to_owned(), Source::Scripted(Arc::new(scripted)))
            }
            _ if lm == "scripted" || lm.starts_with("scripted:") || lm.starts_with("scripted/") => {
                return Err(UserError::usage(
                    format!("'{lm}' names no scenario"),
                    "write 'scripted:FILE' with the path of a scenario file",
                ));
            }
            _ => {
                let (provider, name) = provider(config, lm)?;
                (name.to_owned(), Source::Server(endpoint(config, provider, name, variables)?))
            }
        };
        Ok(Self { name, source, backoff: Backoff::default(), limits: TimeLimits::default() })
    }

    /// A model that plays a scenario that was read before.
    pub fn scripted(scenario: Arc<Scenario>, variables: &BTreeMap<String, String>) -> Self {
        let scripted = Scripted::new(scenario, variables);
        let name = scripted.name().to_owned();
        let (backoff, limits) = (Backoff::default(), TimeLimits::default());
        Self { name, source: Source::Scripted(Arc::new(scripted)), backoff, limits }
    }

    /// The same with other waits (tests do not want to wait).
    pub fn with_timing(mut self, backoff: Backoff, limits: TimeLimits) -> Self {
        (self.backoff, self.limits) = (backoff, limits);
        self
    }

    /// The name as it is sent.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The dialect of its items.
    pub fn wire(&self) -> Wire {
        match &self.source {
            Source::Server(endpoint) => endpoint.wire,
            Source::Scripted(_) => Wire::Responses,
        }
    }

    /// The scenario, where one is played.
    pub fn scenario(&self) -> Option<Arc<Scenario>> {
        match &self.source {
            Source::Server(_) => None,
            Source::Scripted(scripted) => Some(scripted.scenario()),
        }
    }

    /// Asks the model. Failures that may pass are repeated ([`Chunk::Retrying`] tells); cancelling ends it at once
    /// and gives what had streamed.
    pub async fn call(
        &self,
        request: &Request,
        chunks: mpsc::Sender<Chunk>,
        cancel: CancellationToken,
    ) -> Result<Reply, ModelError> {
        let mut heard = Heard { chunks, text: String::new() };
        tokio::select! {
            biased;
            () = cancel.cancelled() => {}
            result = self.repeat(request, &mut heard) => return result,
        }
        let message = "the call of the model was cancelled".to_owned();
        Err(ModelError { kind: ErrorKind::Cancelled, message, hint: String::new(), partial: heard.text })
    }

    async fn repeat(&self, request: &Request, heard: &mut Heard) -> Result<Reply, ModelError> {
        let mut retry = 0;
        loop {
            heard.text.clear();
            let failure = match self.attempt(request, heard).await {
                Ok(mut reply) => {
                    if reply.model.is_empty() {
                        reply.model.clone_from(&self.name);
                    }
                    return Ok(reply);
                }
                Err(failure) => failure,
            };
            let after = match failure.next.clone() {
                Next::Stop(kind) => return Err(ended(kind, failure, heard)),
                Next::WithoutSummary => {
                    if let Source::Server(endpoint) = &self.source {
                        endpoint.without_summary();
                    }
                    Some(Duration::ZERO)
                }
                Next::Again { after } => after,
            };
            retry += 1;
            if retry > MAX_RETRIES {
                let message = format!("{} (tried {retry} times)", failure.message);
                return Err(ended(ErrorKind::GaveUp, Failure { message, ..failure }, heard));
            }
            let wait = after.unwrap_or_else(|| self.backoff.wait(retry, fastrand::f64()));
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            heard.tell(Chunk::Retrying { attempt: retry, wait_ms, why: failure.message }).await;
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt(&self, request: &Request, heard: &mut Heard) -> Result<Reply, Failure> {
        match &self.source {
            Source::Server(endpoint) => endpoint.attempt(&self.name, request, &self.limits, heard).await,
            Source::Scripted(scripted) => scripted.attempt(request, &self.limits, heard).await,
        }
    }
}

fn ended(kind: ErrorKind, failure: Failure, heard: &mut Heard) -> ModelError {
    let partial = std::mem::take(&mut heard.text);
    ModelError { kind, message: failure.message, hint: failure.hint, partial }
}

/// The provider and the model's name in `lm`.
fn provider<'a>(config: &Config, lm: &'a str) -> Result<(&'a str, &'a str), UserError> {
    let known = |name: &str| ["openai", "anthropic"].contains(&name) || config.providers.contains_key(name);
    let (provider, name) = match lm.split_once('/') {
        Some((provider, name)) if known(provider) => (provider, name),
        Some((provider, _)) => {
            let names: Vec<_> = ["openai", "anthropic", "scripted"]
                .into_iter()
                .chain(config.providers.keys().map(String::as_str))
                .collect();
            return Err(UserError::usage(
                format!("there is no provider '{provider}' (orchestrator.lm is '{lm}')"),
                format!("providers: {}; add one under 'providers:'", names.join(", ")),
            ));
        }
        None if lm.starts_with("claude-") => ("anthropic", lm),
        None => ("openai", lm),
    };
    if name.trim().is_empty() {
        return Err(UserError::usage("'orchestrator.lm' names no model", "for example gpt-5"));
    }
    Ok((provider, name))
}

/// The providers that the configuration uses or names, with their base URLs: that of `orchestrator.lm` first, no
/// one twice, none without an address.
pub fn base_urls(config: &Config, variables: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let lm = &config.orchestrator.lm;
    let used = (!lm.starts_with("scripted")).then(|| provider(config, lm).ok()).flatten();
    let used = used.map(|(name, _)| name);
    let others = config.providers.keys().map(String::as_str).filter(|name| Some(*name) != used);
    let url = |name: &str| Some((name.to_owned(), base_url(&row(config, name, variables), name).ok()?));
    used.into_iter().chain(others).filter_map(url).collect()
}

/// What is known of a provider, its own row in the configuration first.
fn row(config: &Config, provider: &str, variables: &BTreeMap<String, String>) -> Provider {
    let filled = |name: &str| variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    let built_in = |wire, base_url: &str, variable: &str, key: &str| Provider {
        base_url: filled(variable).unwrap_or(base_url).to_owned(),
        wire,
        api_key_env: Some(key.to_owned()),
    };
    match (config.providers.get(provider), provider) {
        (Some(row), _) => row.clone(),
        (None, "anthropic") => built_in(
            Wire::Anthropic,
            "https://api.anthropic.com/v1",
            "ANTHROPIC_BASE_URL",
            "ANTHROPIC_API_KEY",
        ),
        (None, _) => {
            built_in(Wire::Responses, "https://api.openai.com/v1", "OPENAI_BASE_URL", "OPENAI_API_KEY")
        }
    }
}

fn endpoint(
    config: &Config,
    provider: &str,
    name: &str,
    variables: &BTreeMap<String, String>,
) -> Result<Endpoint, UserError> {
    let row = row(config, provider, variables);
    let base_url = base_url(&row, provider)?;
    let key_from = row.api_key_env.unwrap_or_default();
    let key = variables.get(&key_from).map(|key| key.trim()).filter(|key| !key.is_empty());
    let key = key.map(|key| Secret(key.to_owned()));
    if key.is_none() && !key_from.is_empty() {
        return Err(UserError::failed(
            format!("the model '{name}' needs a key"),
            format!("set '{key_from}' in the environment or in .env; 'zwarm-tui --demo' needs no key"),
        ));
    }
    Ok(Endpoint::new(row.wire, base_url, key, key_from))
}

fn base_url(row: &Provider, provider: &str) -> Result<String, UserError> {
    let text = row.base_url.trim().trim_end_matches('/');
    let url = reqwest::Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
    let wrong = || {
        UserError::usage(
            format!("the base URL of provider '{provider}' is not one: '{text}'"),
            "write it as http://HOST:PORT/v1 or https://HOST/v1",
        )
    };
    let url = url.filter(|url| url.password().is_none()).ok_or_else(wrong)?;
    // Anthropic's variable is commonly given without the version.
    let bare = row.wire == Wire::Anthropic && url.path() == "/";
    Ok(if bare { format!("{text}/v1") } else { text.to_owned() })
}
