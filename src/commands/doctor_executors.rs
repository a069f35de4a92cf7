//! `doctor`, on executors: found, version, signed in, whether the sandbox works, what their model costs.

use std::{collections::BTreeMap, path::PathBuf};

use super::doctor::{Finding, State, finding};
use crate::{
    agent::{look, probe::Probe},
    config::Config,
    executors::{self, Adapter},
    process::ChildKind,
};

/// Looks at every adapter; asks each program for its version. No network.
pub(super) async fn executors(config: &Config, variables: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let probe = match Probe::open() {
        Ok(probe) => probe,
        Err(error) => return vec![finding("executors", State::Bad, error.to_string(), "")],
    };
    for adapter in executors::installed(config).into_iter().filter(|adapter| !adapter.builtin) {
        match adapter.path.clone() {
            None => findings.push(finding(&adapter.name, State::Missing, "not installed", &adapter.install)),
            Some(_) => findings.extend(one(&probe, &adapter, config, variables).await),
        }
    }
    if findings.iter().all(|found| found.state == State::Missing) {
        let text = "no executor is installed";
        findings.push(finding("executors", State::Missing, text, "the demo needs none: zwarm-tui --demo"));
    }
    findings.extend(model(config));
    findings
}

async fn one(
    probe: &Probe,
    adapter: &Adapter,
    config: &Config,
    variables: &BTreeMap<String, String>,
) -> Vec<Finding> {
    let Some(path) = adapter.path.clone() else { return Vec::new() };
    let kind = match adapter.name.as_str() {
        "codex" => ChildKind::Codex,
        "claude" => ChildKind::Claude,
        _ => return vec![agent(probe, adapter, path, config).await],
    };
    let Some(version) = probe.version(path.clone(), kind, config).await else {
        let text = format!("'{} --version' does not answer", path.display());
        return vec![finding(&adapter.name, State::Bad, text, &adapter.install)];
    };
    let (signed, hint) =
        match look::signed_in(&adapter.name, &look::variables_of(&adapter.name, config, variables)) {
            Some(true) => ("signed in", ""),
            Some(false) if kind == ChildKind::Codex => (
                "not signed in",
                "run 'codex login', or set the key of the model provider in its config.toml",
            ),
            Some(false) => ("not signed in", "run 'claude' once and sign in, or set ANTHROPIC_API_KEY"),
            None => ("whether it is signed in cannot be told", ""),
        };
    let text = format!("{version}, {signed}, {}", path.display());
    let mut findings = vec![finding(&adapter.name, State::Good, text, hint)];
    if kind == ChildKind::Codex {
        let works = probe.ask(path, &["sandbox", "--", "true"], kind, config).await;
        findings.push(match works {
            Some((true, _)) => finding("codex sandbox", State::Good, "works", ""),
            _ => finding(
                "codex sandbox",
                State::Missing,
                "'codex sandbox -- true' fails",
                "allow user namespaces or install bubblewrap; without it codex runs no command in workspace-write",
            ),
        });
    }
    findings
}

/// An ACP agent. Some take '--version' for the beginning of a session: no answer means nothing.
async fn agent(probe: &Probe, adapter: &Adapter, path: PathBuf, config: &Config) -> Finding {
    let command = config.executors.get(&adapter.name).map(|agent| agent.acp.as_slice()).unwrap_or_default();
    let first = command.iter().skip(1).map(String::as_str).take_while(|word| !word.starts_with('-'));
    let version = probe.agent_version(path.clone(), &first.collect::<Vec<_>>(), config).await;
    let version = version.unwrap_or_else(|| "version unknown".to_owned());
    finding(&adapter.name, State::Good, format!("{version}, {}", path.display()), "")
}

/// The model that executors are given, where one is set and known.
fn model(config: &Config) -> Option<Finding> {
    let model = config.executor.model.as_deref()?;
    let text = match look::price(model) {
        Some(text) => format!("{model}: {text}"),
        None => format!("{model}: price unknown"),
    };
    let whose = executors::of_model(model).map(|name| format!(", {name}'s")).unwrap_or_default();
    Some(finding("executor model", State::Good, format!("{text}{whose}"), ""))
}
