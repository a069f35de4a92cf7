//! Long tool results in the history (`orchestrator.tc_compression`): the model gets the first and the last part of each
//! long text in them. The whole result stays in the journal, in the item that is replaced.

use serde_json::Value;

use crate::{
    config::Compressor,
    protocol::{Wire, event::ItemReplaced, item},
    text::cut_middle,
};

use super::{compact, machine::Machine};

impl Machine {
    /// Replaces the newest item, a tool result, by a shorter one where it is too long.
    pub(super) fn compress(&mut self, wire: Wire, call_id: &str, output: &str) {
        let config = &self.rules.config.orchestrator.tc_compression;
        let Compressor::NaiveSize = config.compressor;
        let shorter = config.enabled.then(|| compressed(output, config.max_chars)).flatten();
        let Some(shorter) = shorter else { return };
        let item = item::tool_output(wire, call_id, &shorter);
        let (item_id, tokens) = (self.state.history.last_id, compact::estimate(item.get()));
        self.record(ItemReplaced { item_id, item, tokens, why: "tool_compression".to_owned() });
    }
}

/// The result with each text in it cut to `max` characters; `None`: none is longer.
fn compressed(output: &str, max: usize) -> Option<String> {
    if output.len() <= max {
        return None;
    }
    match serde_json::from_str::<Value>(output) {
        Ok(mut value) if value.is_object() || value.is_array() => {
            cut_texts(&mut value, max).then(|| value.to_string())
        }
        _ => {
            let (text, cut) = cut_middle(output, max / 2, max - max / 2);
            (cut > 0).then_some(text)
        }
    }
}

/// True: something was cut.
fn cut_texts(value: &mut Value, max: usize) -> bool {
    match value {
        Value::String(text) => {
            let (shorter, cut) = cut_middle(text, max / 2, max - max / 2);
            if cut > 0 {
                *text = shorter;
            }
            cut > 0
        }
        Value::Array(all) => all.iter_mut().fold(false, |any, value| cut_texts(value, max) | any),
        Value::Object(all) => all.values_mut().fold(false, |any, value| cut_texts(value, max) | any),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_keep_their_ends_and_what_fits_is_left_alone() {
        assert_eq!(compressed("short", 10), None);
        assert_eq!(compressed(&"x".repeat(30), 10).unwrap(), "xxxxx\n… 20 characters left out …\nxxxxx");
        let output = serde_json::json!({ "success": true, "stdout": format!("ab{}yz", "-".repeat(30)), "parts": ["ok"] });
        let shorter: Value = serde_json::from_str(&compressed(&output.to_string(), 4).unwrap()).unwrap();
        let expected = serde_json::json!({ "success": true, "stdout": "ab\n… 30 characters left out …\nyz", "parts": ["ok"] });
        assert_eq!(shorter, expected);
        let many = serde_json::json!({ "list": ["a".repeat(8), "b".repeat(8)] }).to_string();
        assert_eq!(compressed(&many, 10), None, "each text counts for itself");
    }
}
