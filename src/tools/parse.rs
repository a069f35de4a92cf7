//! A call of the model, read leniently: numbers and booleans may come as text, but an argument that is missing,
//! unknown or of the wrong kind is answered with a text that says so.

use serde_json::{Map, Value};

use crate::protocol::{ToolCall, event::Mode};

use super::{Bash, Converse, Delegate, EndSession, NAMES, Parsed};

/// Longest text that is accepted as an argument, in bytes.
const MAX_TEXT: usize = 1024 * 1024;

/// Understands a call; `Err` is the text that the model gets instead of a result. `offered`: `None` = all.
pub fn parse(call: &ToolCall, offered: Option<&[String]>) -> Result<Parsed, String> {
    let on_offer = |name: &str| name == "exit" || offered.is_none_or(|names| names.iter().any(|n| n == name));
    let known: Vec<&str> = NAMES.into_iter().filter(|name| on_offer(name)).collect();
    if !known.contains(&call.name.as_str()) {
        let name: String = call.name.chars().take(80).collect();
        let meant = nearest(&name, &known).map(|name| format!("did you mean '{name}'? ")).unwrap_or_default();
        let hint = format!("{meant}tools: {}", known.join(", "));
        return Err(error(&format!("there is no tool '{name}'"), &hint));
    }
    let text = if call.arguments.trim().is_empty() { "{}" } else { call.arguments.as_str() };
    let map = match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(map)) => map,
        Ok(_) => return Err(error("the arguments are not a JSON object", "call it again with an object")),
        Err(e) => {
            return Err(error(
                &format!("the arguments are not valid JSON: {e}"),
                "call it again with valid JSON",
            ));
        }
    };
    let mut arguments = Arguments { tool: call.name.clone(), map };
    let parsed = arguments.read()?;
    match arguments.map.keys().next() {
        None => Ok(parsed),
        Some(key) => {
            let key: String = key.chars().take(80).collect();
            Err(error(&format!("'{}' has no argument '{key}'", call.name), "leave it out"))
        }
    }
}

/// The name that differs least, if it is near: at most a third of its letters.
fn nearest<'a>(wanted: &str, names: &[&'a str]) -> Option<&'a str> {
    let near = names.iter().map(|name| (distance(wanted, name), *name)).min()?;
    (near.0 <= near.1.len().div_ceil(3)).then_some(near.1)
}

/// Letters to change, add or drop to make one word the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, a) in from.chars().enumerate() {
        let mut diagonal = above;
        let mut left = above + 1;
        for (b, cell) in to.iter().zip(row.iter_mut().skip(1)) {
            let cost = (diagonal + usize::from(a != *b)).min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, cost);
            left = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = above + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

fn error(message: &str, hint: &str) -> String {
    serde_json::json!({ "success": false, "error": message, "hint": hint }).to_string()
}

struct Arguments {
    tool: String,
    map: Map<String, Value>,
}

impl Arguments {
    fn read(&mut self) -> Result<Parsed, String> {
        Ok(match self.tool.as_str() {
            "delegate" => Parsed::Delegate(Delegate {
                task: self.filled("task")?,
                mode: self.mode()?,
                adapter: self.text("adapter")?,
                model: self.text("model")?,
                working_dir: self.text("working_dir")?,
            }),
            "converse" => Parsed::Converse(Converse {
                session_id: self.filled("session_id")?,
                message: self.filled("message")?,
                mode: self.mode()?,
            }),
            "check_session" => {
                // The reference's newer version has `latest`; ours always tells the newest answer.
                self.map.remove("latest");
                Parsed::CheckSession { session_id: self.filled("session_id")? }
            }
            "get_trajectory" => Parsed::GetTrajectory {
                session_id: self.filled("session_id")?,
                full: self.truth("full")?.unwrap_or(false),
                last: self.number("last", 1, 200)?.unwrap_or(20) as usize,
            },
            "end_session" => self.end_session()?,
            "list_sessions" => Parsed::ListSessions { status: self.text("status")? },
            "wait" => Parsed::Wait {
                session_ids: self.list("session_ids")?,
                timeout_seconds: self.number("timeout_seconds", 1, 3600)?.unwrap_or(600),
            },
            "sleep" => Parsed::Sleep {
                seconds: self.number("seconds", 0, 300)?.ok_or_else(|| self.missing("seconds"))?,
            },
            "bash" => Parsed::Bash(Bash {
                command: self.filled("command")?,
                cwd: self.text("cwd")?,
                timeout_seconds: self.number("timeout_seconds", 1, 3600)?.unwrap_or(60),
            }),
            "chat" => Parsed::Chat {
                message: self.filled("message")?,
                wait: self.truth("wait_for_user_input")?.unwrap_or(true),
            },
            _ => Parsed::Exit { exit_message: self.filled("exit_message")? },
        })
    }

    fn end_session(&mut self) -> Result<Parsed, String> {
        let session_id = self.filled("session_id")?;
        let verdict = self.text("verdict")?.unwrap_or_else(|| "completed".to_owned()).to_ascii_lowercase();
        if !["completed", "failed", "cancelled"].contains(&verdict.as_str()) {
            return Err(error(&format!("'{verdict}' is not a verdict"), "completed, failed or cancelled"));
        }
        // `reason` is the newer reference's name of the summary.
        let summary = match self.text("summary")? {
            Some(summary) => Some(summary),
            None => self.text("reason")?,
        };
        Ok(Parsed::EndSession(EndSession { session_id, verdict, summary }))
    }

    fn missing(&self, key: &str) -> String {
        error(&format!("'{}' needs the argument '{key}'", self.tool), "call it again with it")
    }

    /// A text that must be there and not be blank.
    fn filled(&mut self, key: &str) -> Result<String, String> {
        self.text(key)?.filter(|text| !text.trim().is_empty()).ok_or_else(|| self.missing(key))
    }

    fn text(&mut self, key: &str) -> Result<Option<String>, String> {
        match self.map.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.len() > MAX_TEXT => Err(error(
                &format!("'{key}' is longer than {MAX_TEXT} bytes"),
                "write it to a file and name the file",
            )),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(error(&format!("'{key}' must be a text"), "")),
        }
    }

    fn truth(&mut self, key: &str) -> Result<Option<bool>, String> {
        match self.map.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(truth)) => Ok(Some(truth)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(error(&format!("'{key}' must be true or false"), "")),
        }
    }

    fn number(&mut self, key: &str, least: u64, most: u64) -> Result<Option<u64>, String> {
        let number = match self.map.remove(key) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) => text.trim().parse::<f64>().ok(),
            Some(_) => None,
        };
        match number {
            Some(number) if number.is_finite() && number >= 0.0 => {
                Ok(Some((number as u64).clamp(least, most)))
            }
            _ => Err(error(&format!("'{key}' must be a number from {least} to {most}"), "")),
        }
    }

    fn list(&mut self, key: &str) -> Result<Option<Vec<String>>, String> {
        match self.map.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(one)) if one.trim().is_empty() => Ok(None),
            Some(Value::String(one)) => Ok(Some(one.split(',').map(|id| id.trim().to_owned()).collect())),
            Some(Value::Array(all)) if all.is_empty() => Ok(None),
            Some(Value::Array(all)) => {
                let texts = all.iter().map(|one| one.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
                texts.map(Some).ok_or_else(|| error(&format!("'{key}' must be a list of session ids"), ""))
            }
            Some(_) => Err(error(&format!("'{key}' must be a list of session ids"), "")),
        }
    }

    fn mode(&mut self) -> Result<Option<Mode>, String> {
        match self.text("mode")?.as_deref() {
            None | Some("") => Ok(None),
            Some("sync") => Ok(Some(Mode::Sync)),
            Some("async") => Ok(Some(Mode::Async)),
            Some(other) => Err(error(&format!("'{other}' is not a mode"), "sync or async")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, arguments: &str) -> Result<Parsed, String> {
        parse(&ToolCall { call_id: "c".into(), name: name.into(), arguments: arguments.into() }, None)
    }

    #[test]
    fn arguments_are_read_leniently() {
        let expected = Bash { command: "ls".into(), cwd: None, timeout_seconds: 90 };
        assert_eq!(
            call("bash", r#"{"command":"ls","timeout_seconds":"90","cwd":null}"#),
            Ok(Parsed::Bash(expected))
        );
        assert_eq!(
            call("wait", r#"{"session_ids":"s1, s2"}"#),
            Ok(Parsed::Wait { session_ids: Some(vec!["s1".into(), "s2".into()]), timeout_seconds: 600 })
        );
        assert_eq!(call("wait", ""), Ok(Parsed::Wait { session_ids: None, timeout_seconds: 600 }));
        assert_eq!(call("sleep", r#"{"seconds":9000}"#), Ok(Parsed::Sleep { seconds: 300 }));
    }

    #[test]
    fn a_wrong_call_is_answered_with_what_is_wrong() {
        let said = |name, arguments| match call(name, arguments) {
            Err(text) => serde_json::from_str::<Value>(&text).unwrap()["error"].as_str().unwrap().to_owned(),
            Ok(parsed) => panic!("{parsed:?}"),
        };
        assert_eq!(said("fly", "{}"), "there is no tool 'fly'");
        assert!(said("bash", r#"{"command":"#).starts_with("the arguments are not valid JSON"));
        assert_eq!(said("bash", "[1]"), "the arguments are not a JSON object");
        assert_eq!(said("bash", r#"{"command":"  "}"#), "'bash' needs the argument 'command'");
        assert_eq!(said("bash", r#"{"command":"ls","sudo":true}"#), "'bash' has no argument 'sudo'");
        assert_eq!(said("delegate", r#"{"task":"x","mode":"later"}"#), "'later' is not a mode");
        assert_eq!(said("end_session", r#"{"session_id":"s1","verdict":"meh"}"#), "'meh' is not a verdict");
    }

    #[test]
    fn a_name_that_is_nearly_right_is_told() {
        let hint = |name| match call(name, "{}") {
            Err(text) => serde_json::from_str::<Value>(&text).unwrap()["hint"].as_str().unwrap().to_owned(),
            Ok(parsed) => panic!("{parsed:?}"),
        };
        assert!(hint("check_sesion").starts_with("did you mean 'check_session'? tools: "));
        assert!(hint("Bash").starts_with("did you mean 'bash'? "));
        assert!(hint("apply_patch").starts_with("tools: "));
        assert_eq!((distance("", "abc"), distance("kitten", "sitting"), distance("same", "same")), (3, 3, 0));
    }

    #[test]
    fn no_arguments_make_it_panic() {
        for name in NAMES {
            for text in
                ["null", "[]", "\"x\"", "1e999", "{\"a\":{}}", "{\"session_id\":[1]}", "\u{0}", "{{{{"]
            {
                assert!(call(name, text).is_err(), "{name} {text}");
            }
            let _ = call(
                name,
                r#"{"session_id":"s1","seconds":-1,"timeout_seconds":1e300,"last":"NaN","full":"maybe"}"#,
            );
        }
    }

    #[test]
    fn a_tool_that_is_not_offered_is_unknown_and_exit_is_always_there() {
        let only = ["bash".to_owned()];
        let call = |name: &str, arguments: &str| {
            let call = ToolCall { call_id: "c".into(), name: name.into(), arguments: arguments.into() };
            parse(&call, Some(&only))
        };
        assert!(call("delegate", r#"{"task":"x"}"#).is_err());
        assert!(call("exit", r#"{"exit_message":"done"}"#).is_ok());
    }
}
