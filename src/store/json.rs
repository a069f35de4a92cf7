//! JSON as the reference writes it: indented by two, everything outside ASCII escaped, no newline at the end.

use serde_json::Value;

/// The text of a value in that form.
pub(super) fn pretty(value: &Value) -> String {
    ascii(&format!("{value:#}"))
}

/// Escapes what is outside ASCII (in JSON it can only stand inside strings).
pub(super) fn ascii(json: &str) -> String {
    if json.is_ascii() {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len() + json.len() / 8);
    let mut units = [0; 2];
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_outside_ascii_is_escaped_and_stays_equal() {
        let value = serde_json::json!({"a": "✓ é 🦀", "b": [1, null]});
        let text = pretty(&value);
        assert_eq!(
            text,
            "{\n  \"a\": \"\\u2713 \\u00e9 \\ud83e\\udd80\",\n  \"b\": [\n    1,\n    null\n  ]\n}"
        );
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
