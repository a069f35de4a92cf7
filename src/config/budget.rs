//! The `budget`, `pause` and `limits` blocks.

use serde::{Deserialize, Serialize};

/// Limits on what a run may spend. `None`: no limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    pub max_tokens: Option<u64>,
    pub max_orchestrator_tokens: Option<u64>,
    pub max_executor_tokens: Option<u64>,
    pub max_cost_usd: Option<f64>,
    /// Minutes in state running.
    pub max_minutes: Option<f64>,
    /// Sessions that may be open at once.
    pub max_sessions: Option<u32>,
    pub max_total_sessions: Option<u32>,
    pub per_session: PerSession,
    /// Percent of a cap.
    pub warn_at_percent: f64,
    pub on_limit: OnLimit,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            max_tokens: None,
            max_orchestrator_tokens: None,
            max_executor_tokens: None,
            max_cost_usd: None,
            max_minutes: None,
            max_sessions: None,
            max_total_sessions: None,
            per_session: PerSession::default(),
            warn_at_percent: 80.0,
            on_limit: OnLimit::default(),
        }
    }
}

/// Limits of each session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PerSession {
    pub max_tokens: Option<u64>,
    pub max_cost_usd: Option<f64>,
    pub max_minutes: Option<f64>,
}

/// What happens at a cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLimit {
    #[default]
    Pause,
    Abort,
}

/// What a pause does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pause {
    /// To running executor turns.
    pub executors: PauseExecutors,
}

/// What a pause does to running executor turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseExecutors {
    #[default]
    Run,
    Interrupt,
}

/// Rate and usage limits with a reset time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Sleep until the reset (on the screen; headless: `--max-wait`).
    pub sleep: bool,
    /// Adapter that takes new delegations while the default one is limited; `None`: they wait.
    pub fallback_adapter: Option<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sleep: true, fallback_adapter: None }
    }
}
