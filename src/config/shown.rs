//! The configuration as it may be shown and recorded: without the values that can be secrets.

use serde_json::Value;

use super::Config;

/// What stands for a value that is not shown.
const HIDDEN: &str = "(hidden)";

/// The effective configuration as JSON; values of `executor.env`, `executors.*.env` and `otel.headers` are hidden.
pub fn shown(config: &Config) -> Value {
    let mut value = serde_json::to_value(config).unwrap_or(Value::Null);
    hide(value.pointer_mut("/executor/env"));
    hide(value.pointer_mut("/otel/headers"));
    if let Some(agents) = value.pointer_mut("/executors").and_then(Value::as_object_mut) {
        agents.values_mut().for_each(|agent| hide(agent.pointer_mut("/env")));
    }
    value
}

fn hide(map: Option<&mut Value>) {
    let Some(map) = map.and_then(Value::as_object_mut) else { return };
    for value in map.values_mut().filter(|value| value.is_string()) {
        *value = Value::from(HIDDEN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_a_secret_is_not_shown() {
        let mut config = Config::default();
        config.executor.env.insert("TOKEN".into(), Some("canary".into()));
        config.executor.env.insert("GONE".into(), None);
        config.otel.headers.insert("authorization".into(), "canary".into());
        let agent = super::super::AcpExecutor { acp: vec!["x".into()], env: config.executor.env.clone() };
        config.executors.insert("agent".into(), agent);
        let text = shown(&config).to_string();
        assert!(!text.contains("canary"), "{text}");
        assert!(text.contains(r#""env":{"GONE":null,"TOKEN":"(hidden)"}"#), "{text}");
    }
}
