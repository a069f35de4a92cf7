//! The built-in names that a configuration may use. Plain tables, so that a configuration can be judged without
//! the parts that implement them.

/// Adapters that are always there (ACP agents are added under `executors:`).
pub const ADAPTERS: [&str; 3] = ["codex", "claude", "script"];

/// Tools of the orchestrator.
pub use crate::protocol::tool::TOOL_NAMES as TOOLS;

/// Built-in providers of models (more under `providers:`).
pub const PROVIDERS: [&str; 3] = ["openai", "anthropic", "scripted"];

/// Watchers and their own keys.
pub const WATCHERS: [(&str, &[&str]); 10] = [
    ("progress", &["max_same_calls", "min_progress_steps"]),
    ("budget", &["warn_at_percent", "max_sessions"]),
    ("delegation_reminder", &["threshold", "lookback"]),
    ("delegation", &["strict"]),
    ("scope", &["focus_keywords", "avoid_keywords", "max_tangent_steps"]),
    ("pattern", &["patterns"]),
    ("quality", &["require_tests", "max_files_changed"]),
    ("stall", &["seconds"]),
    ("claims", &[]),
    ("llm", &["model", "every_steps", "max_tokens"]),
];

/// Watchers that say nothing until one of these keys is set.
pub const NEEDED: [(&str, &[&str]); 2] =
    [("scope", &["avoid_keywords", "focus_keywords"]), ("pattern", &["patterns"])];

/// Keys of a custom watcher.
pub const CUSTOM_WATCHER: [&str; 3] = ["command", "deadline_seconds", "gates"];

/// Variables that hold keys, whoever reads them: their values are redacted everywhere.
pub const SECRET_VARIABLES: [&str; 8] = [
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "CODEX_API_KEY",
    "WANDB_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "GITHUB_TOKEN",
    "GH_TOKEN",
];

/// Endings of the names of other variables whose values are taken for secrets.
pub const SECRET_ENDINGS: [&str; 5] = ["_API_KEY", "_TOKEN", "_SECRET", "_PASSWORD", "_ACCESS_KEY"];
