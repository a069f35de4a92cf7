//! The environment of children: inherited, minus the keys that are ours to use, plus what is configured.
//!
//! | child | keys it keeps |
//! |---|---|
//! | codex | `CODEX_*` |
//! | claude | `ANTHROPIC_*`, `CLAUDE_*` |
//! | ACP agents | none of our providers' keys (its own block `executors.NAME.env` gives it what it needs) |
//! | bash, script | none at all: nothing that ends in `_API_KEY`, and no token of an agent's login |

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
};

use crate::config::Config;

/// For whom an environment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildKind {
    Bash,
    Codex,
    Claude,
    Acp,
    Script,
}

/// Keys of the built-in providers; those of configured ones come on top.
const PROVIDER_KEYS: [&str; 2] = ["OPENAI_API_KEY", "ANTHROPIC_API_KEY"];
/// What opens an account without ending in `_API_KEY`.
const LOGIN_TOKENS: [&str; 3] = ["ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "CODEX_ACCESS_TOKEN"];

/// The whole environment of a child, markers not included.
pub fn environment(kind: ChildKind, config: &Config) -> Vec<(OsString, OsString)> {
    environment_from(std::env::vars_os(), kind, config)
}

fn environment_from(
    inherited: impl Iterator<Item = (OsString, OsString)>,
    kind: ChildKind,
    config: &Config,
) -> Vec<(OsString, OsString)> {
    let configured = config.providers.values().filter_map(|provider| provider.api_key_env.as_deref());
    let keys: BTreeSet<&str> = PROVIDER_KEYS.into_iter().chain(configured).collect();
    let mut variables: Vec<_> = inherited.filter(|(name, _)| !is_withheld(name, kind, &keys)).collect();
    for (name, value) in &config.executor.env {
        variables.retain(|(known, _)| known != OsStr::new(name));
        if let Some(value) = value {
            variables.push((name.into(), value.into()));
        }
    }
    if is_keyless(kind) {
        variables.retain(|(name, _)| !is_withheld(name, kind, &keys));
    }
    variables
}

fn is_keyless(kind: ChildKind) -> bool {
    matches!(kind, ChildKind::Bash | ChildKind::Script)
}

fn is_withheld(name: &OsStr, kind: ChildKind, keys: &BTreeSet<&str>) -> bool {
    let Some(name) = name.to_str() else { return false };
    let own: &[&str] = match kind {
        ChildKind::Codex => &["CODEX_"],
        ChildKind::Claude => &["ANTHROPIC_", "CLAUDE_"],
        ChildKind::Bash | ChildKind::Acp | ChildKind::Script => &[],
    };
    if own.iter().any(|prefix| name.starts_with(prefix)) {
        return false;
    }
    keys.contains(name) || is_keyless(kind) && (name.ends_with("_API_KEY") || LOGIN_TOKENS.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Provider;

    fn names(kind: ChildKind, config: &Config) -> String {
        let all = [
            "PATH",
            "HOME",
            "OPENAI_API_KEY",
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_BASE_URL",
            "ANTHROPIC_AUTH_TOKEN",
            "CODEX_HOME",
            "CODEX_API_KEY",
            "CLAUDE_CONFIG_DIR",
            "LOCAL_KEY",
            "STRIPE_API_KEY",
        ];
        let inherited = all.iter().map(|name| (OsString::from(name), OsString::from("value")));
        let variables = environment_from(inherited, kind, config);
        let shown = variables.iter().map(|(name, value)| match value.to_str() {
            Some("value") => name.to_string_lossy().into_owned(),
            _ => format!("{}={}", name.display(), value.display()),
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_kind_of_child_keeps_only_the_keys_that_are_its_own() {
        let mut config = Config::default();
        let provider = Provider { api_key_env: Some("LOCAL_KEY".into()), ..Provider::default() };
        config.providers.insert("local".into(), provider);
        assert_eq!(
            names(ChildKind::Codex, &config),
            "PATH HOME ANTHROPIC_BASE_URL ANTHROPIC_AUTH_TOKEN CODEX_HOME CODEX_API_KEY CLAUDE_CONFIG_DIR STRIPE_API_KEY"
        );
        assert_eq!(
            names(ChildKind::Claude, &config),
            "PATH HOME ANTHROPIC_API_KEY ANTHROPIC_BASE_URL ANTHROPIC_AUTH_TOKEN CODEX_HOME CODEX_API_KEY CLAUDE_CONFIG_DIR STRIPE_API_KEY"
        );
        assert_eq!(
            names(ChildKind::Bash, &config),
            "PATH HOME ANTHROPIC_BASE_URL CODEX_HOME CLAUDE_CONFIG_DIR"
        );
        assert_eq!(names(ChildKind::Script, &config), names(ChildKind::Bash, &config));
    }

    #[test]
    fn configured_variables_are_set_and_removed_but_a_key_never_reaches_bash() {
        let mut config = Config::default();
        let entries = [
            ("HOME", None),
            ("RUST_LOG", Some("debug".to_owned())),
            ("OPENAI_API_KEY", Some("k".to_owned())),
        ];
        config.executor.env = entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        assert!(names(ChildKind::Codex, &config).ends_with("STRIPE_API_KEY OPENAI_API_KEY=k RUST_LOG=debug"));
        assert!(!names(ChildKind::Codex, &config).contains(" HOME "));
        assert!(names(ChildKind::Bash, &config).ends_with("CLAUDE_CONFIG_DIR LOCAL_KEY RUST_LOG=debug"));
    }
}
