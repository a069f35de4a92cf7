//! Servers that the program talks to: the `providers`, `otel` and `weave` blocks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A model server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Provider {
    /// Up to and including `/v1`.
    pub base_url: String,
    pub wire: crate::protocol::Wire,
    /// Variable that holds the key; `None`: no key is sent.
    pub api_key_env: Option<String>,
}

/// Export of traces by OTLP (cargo feature `otel`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Otel {
    /// The whole URL of the trace endpoint; `None`: no export.
    pub endpoint: Option<String>,
    /// Headers of each request; their values are secrets.
    pub headers: BTreeMap<String, String>,
    /// Whether prompts, answers, commands and their output go along (also to Weave).
    pub content: bool,
}

/// Export of traces to Weave (by its OTLP endpoint).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Weave {
    /// `entity/name`; `None`: no export.
    pub project: Option<String>,
    pub enabled: bool,
}

impl Default for Weave {
    fn default() -> Self {
        Self { project: None, enabled: true }
    }
}
