//! JSON-RPC over lines, as codex's app-server and ACP agents speak it. Framing only: methods belong to the adapters.

use serde_json::{Value, json};

/// JSON-RPC's code for a method that we do not have.
pub(super) const METHOD_NOT_FOUND: i64 = -32601;

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Message {
    /// The other side asks; it waits for [`response`] or [`failure`] with this id.
    Request {
        id: Value,
        method: String,
        params: Value,
    },
    Notification {
        method: String,
        params: Value,
    },
    /// The answer to a request of ours (we number them).
    Response {
        id: u64,
        result: Result<Value, RpcError>,
    },
}

/// A request was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message} ({code})")]
pub(super) struct RpcError {
    pub(super) code: i64,
    pub(super) message: String,
    pub(super) data: Value,
}

/// Reads a line, leniently. `None`: it is not JSON-RPC (to be kept in the raw log and passed over).
pub(super) fn parse(line: &str) -> Option<Message> {
    let Value::Object(mut message) = serde_json::from_str(line).ok()? else { return None };
    let id = message.remove("id").filter(|id| !id.is_null());
    if let Some(Value::String(method)) = message.remove("method") {
        let params = message.remove("params").unwrap_or(Value::Null);
        return Some(match id {
            Some(id) => Message::Request { id, method, params },
            None => Message::Notification { method, params },
        });
    }
    let id = match id? {
        Value::Number(number) => number.as_u64()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    let result = match message.remove("error").filter(|error| !error.is_null()) {
        Some(mut error) => Err(RpcError {
            code: error["code"].as_i64().unwrap_or(0),
            message: error["message"].as_str().unwrap_or("no message").to_owned(),
            data: error.get_mut("data").map(Value::take).unwrap_or_default(),
        }),
        None => Ok(message.remove("result").unwrap_or(Value::Null)),
    };
    Some(Message::Response { id, result })
}

/// The line (without newline) of a request.
pub(super) fn request(id: u64, method: &str, params: Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

/// The line of a notification. `Null` parameters are left out.
pub(super) fn notification(method: &str, params: Value) -> String {
    match params {
        Value::Null => json!({"jsonrpc": "2.0", "method": method}).to_string(),
        params => json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string(),
    }
}

/// The line that answers a request of the other side.
pub(super) fn response(id: &Value, result: Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string()
}

/// The line that refuses a request of the other side.
pub(super) fn failure(id: &Value, code: i64, message: &str) -> String {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}).to_string()
}

/// A request's id as text, unique among numbers and strings (`7` and `"7"` differ); [`id_of`] turns it back.
pub(super) fn key_of(id: &Value) -> String {
    id.to_string()
}

/// The id that [`key_of`] made a key of.
pub(super) fn id_of(key: &str) -> Value {
    serde_json::from_str(key).unwrap_or_else(|_| Value::from(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart_with_and_without_the_version() {
        assert_eq!(
            parse(r#"{"id":0,"method":"m","params":{"a":1}}"#),
            Some(Message::Request { id: json!(0), method: "m".into(), params: json!({"a": 1}) })
        );
        assert_eq!(
            parse(r#"{"jsonrpc":"2.0","method":"n"}"#),
            Some(Message::Notification { method: "n".into(), params: Value::Null })
        );
        assert_eq!(
            parse(r#"{"id":3,"result":{}}"#),
            Some(Message::Response { id: 3, result: Ok(json!({})) })
        );
        let refused = RpcError { code: -32600, message: "no".into(), data: Value::Null };
        assert_eq!(
            parse(r#"{"id":"4","error":{"code":-32600,"message":"no"}}"#),
            Some(Message::Response { id: 4, result: Err(refused) })
        );
        for odd in ["", "garbage", "[1]", "{}", r#"{"id":null}"#, r#"{"id":[1],"result":1}"#] {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn an_id_survives_as_a_key() {
        for id in [json!(7), json!("7"), json!("a\"b")] {
            assert_eq!(id_of(&key_of(&id)), id);
        }
        assert_ne!(key_of(&json!(7)), key_of(&json!("7")));
    }
}
