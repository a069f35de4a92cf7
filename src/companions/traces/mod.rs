//! Traces: a run as spans of OpenTelemetry's GenAI conventions, sent by OTLP (http/protobuf) to a collector
//! (`otel`) and to Weave (`weave`).
//!
//! Read in this order: [`span`] (plain data) → [`fold`] (events in, spans out; pure) → `otlp` (spans as protobuf) →
//! `sender` (one target: a bounded queue, retries) → `attend` (the task). The last three are there with the cargo
//! feature `otel` only.

#[cfg(feature = "otel")]
mod attend;
pub mod fold;
mod messages;
pub mod names;
#[cfg(feature = "otel")]
mod otlp;
#[cfg(feature = "otel")]
mod sender;
pub mod span;

use std::collections::BTreeMap;

use crate::{agent::launch::Launch, config::Config};

/// Where Weave takes traces, unless [`WEAVE_SERVER`] names its own server.
const WEAVE: &str = "https://trace.wandb.ai";
/// Weave's own variable for that.
pub const WEAVE_SERVER: &str = "WF_TRACE_SERVER_URL";
/// The variable with Weave's key.
const WEAVE_KEY: &str = "WANDB_API_KEY";

/// Who gets the spans.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// The block of the configuration: `otel`, `weave`.
    pub name: &'static str,
    pub url: String,
    pub headers: Vec<(String, String)>,
    /// Attributes of the resource that this target wants to have.
    pub resource: Vec<(&'static str, String)>,
}

// Headers hold keys.
impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} headers, {:?})", self.name, self.headers.len(), self.resource)
    }
}

/// The traces of one run, before it starts.
#[derive(Debug)]
#[cfg_attr(not(feature = "otel"), expect(dead_code))]
pub struct Traces {
    targets: Vec<Target>,
    content: bool,
}

/// Who is to get spans.
pub fn targets(config: &Config, variables: &BTreeMap<String, String>) -> Vec<Target> {
    let otel = config.otel.endpoint.as_ref().filter(|url| !url.is_empty()).map(|url| Target {
        name: "otel",
        url: url.clone(),
        headers: config.otel.headers.clone().into_iter().collect(),
        resource: Vec::new(),
    });
    otel.into_iter().chain(weave(config, variables)).collect()
}

fn weave(config: &Config, variables: &BTreeMap<String, String>) -> Option<Target> {
    let set = |name: &str| variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    let (entity, project) = project(config)?;
    let server = set(WEAVE_SERVER).unwrap_or(WEAVE).trim_end_matches('/');
    Some(Target {
        name: "weave",
        url: format!("{server}/otel/v1/traces"),
        headers: vec![("wandb-api-key".to_owned(), set(WEAVE_KEY)?.to_owned())],
        resource: vec![("wandb.entity", entity.to_owned()), ("wandb.project", project.to_owned())],
    })
}

fn project(config: &Config) -> Option<(&str, &str)> {
    let project = config.weave.project.as_deref().filter(|_| config.weave.enabled)?;
    project.trim_matches('/').split_once('/')
}

/// What the configuration asks for and cannot be had.
pub fn warnings(config: &Config, variables: &BTreeMap<String, String>) -> Vec<String> {
    let mut warnings = Vec::new();
    let targets = targets(config, variables);
    let weave = project(config);
    if !cfg!(feature = "otel") && (!targets.is_empty() || weave.is_some()) {
        warnings.push(
            "'otel' and 'weave' have no effect: this program was built without the feature 'otel'".to_owned(),
        );
    } else if weave.is_some() && targets.iter().all(|target| target.name != "weave") {
        warnings.push(format!("'weave.project' is set and '{WEAVE_KEY}' is not: nothing is sent to Weave"));
    }
    warnings
}

/// The traces that a launch asks for.
pub fn wanted(launch: &Launch) -> Option<Traces> {
    let targets = targets(&launch.config, &launch.variables);
    let wanted = cfg!(feature = "otel") && !targets.is_empty();
    wanted.then_some(Traces { targets, content: launch.config.otel.content })
}

#[cfg(not(feature = "otel"))]
impl Traces {
    /// Without the feature no traces are wanted.
    pub(super) fn attend(
        self,
        _: &crate::agent::link::Link,
        _: u64,
        _: tokio_util::sync::CancellationToken,
    ) -> std::future::Ready<Option<String>> {
        std::future::ready(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weave_gets_its_key_and_its_project_and_nothing_without_them() {
        let mut config = Config::default();
        config.weave.project = Some("team/lab".to_owned());
        let mut variables = BTreeMap::new();
        assert!(targets(&config, &variables).is_empty());
        assert_eq!(warnings(&config, &variables).len(), 1);
        variables.insert(WEAVE_KEY.to_owned(), "k".to_owned());
        let expected = Target {
            name: "weave",
            url: "https://trace.wandb.ai/otel/v1/traces".to_owned(),
            headers: vec![("wandb-api-key".to_owned(), "k".to_owned())],
            resource: vec![("wandb.entity", "team".to_owned()), ("wandb.project", "lab".to_owned())],
        };
        assert_eq!(targets(&config, &variables), [expected]);
        variables.insert(WEAVE_SERVER.to_owned(), "https://acme.wandb.io/traces/".to_owned());
        assert_eq!(targets(&config, &variables)[0].url, "https://acme.wandb.io/traces/otel/v1/traces");
        config.weave.enabled = false;
        assert!(targets(&config, &variables).is_empty());
        assert_eq!(warnings(&config, &variables), Vec::<String>::new());
    }
}
