//! What the Python reference writes into configurations and ours does differently: mapped, with a warning, or
//! answered by a hint of its own.

use serde_json::{Map, Value};

use super::{document::Step, layer::Layer, names};

/// The reference's names of adapters.
const ADAPTERS: [(&str, &str); 3] =
    [("codex_mcp", "codex"), ("codex_exec", "codex"), ("claude_code", "claude")];

/// Its keys that mean nothing here although its own `init` writes them, and why.
const DROPPED: [(&str, &str, &str); 2] = [
    ("orchestrator", "max_steps_per_turn", "there is no pilot mode"),
    ("executor", "reasoning_effort", "each executor has its own setting, for example executor.codex_args"),
];

/// The adapter that a name of the reference stands for.
pub fn adapter(name: &str) -> Option<&'static str> {
    ADAPTERS.iter().find(|(old, _)| *old == name).map(|(_, new)| *new)
}

/// Rewrites what is the reference's in a layer and says so.
pub fn translate(layer: &mut Layer, warnings: &mut Vec<String>) {
    for (block, key) in [("executor", "adapter"), ("limits", "fallback_adapter")] {
        let path = [Step::Key(block.to_owned()), Step::Key(key.to_owned())];
        let Some(old) = layer.values.get(block).and_then(|block| block.get(key)).and_then(Value::as_str)
        else {
            continue;
        };
        if let Some(new) = adapter(old) {
            warnings.push(format!("{}the adapter '{old}' is called '{new}' here", layer.place(&path, false)));
            layer.values[block][key] = Value::from(new);
        }
    }
    for (block, key, why) in DROPPED {
        let path = [Step::Key(block.to_owned()), Step::Key(key.to_owned())];
        let place = layer.place(&path, true);
        let Some(Value::Object(map)) = layer.values.get_mut(block) else { continue };
        if map.shift_remove(key).is_some() {
            warnings.push(format!("{place}the key '{block}.{key}' has no effect: {why}"));
        }
    }
}

/// Whether a file in the working directory named `config.toml` is one of the reference's (other programs use that
/// name too).
pub fn is_legacy(values: &Map<String, Value>) -> bool {
    ["orchestrator", "executor", "watchers", "weave"].iter().any(|key| values.get(*key).is_some())
}

/// A hint for a key that does not exist, where more is known than its letters.
pub fn unknown_key_hint(parent: &str, key: &str) -> Option<String> {
    match (parent, key) {
        ("", "description" | "context" | "constraints") => Some(
            "the reference ignores this key; put the text into the task or into 'orchestrator.prompt'"
                .to_owned(),
        ),
        ("", "extends") => Some("'extends' belongs into a file given by -c or named by 'extends'".to_owned()),
        (_, "<<") => Some("merge keys are not used here; use 'extends'".to_owned()),
        ("watchers", name) if names::WATCHERS.iter().any(|(known, _)| *known == name) => Some(format!(
            "write a watcher's keys as '- {{name: {name}, config: {{…}}}}' in the list 'watchers.watchers'"
        )),
        _ => None,
    }
}
