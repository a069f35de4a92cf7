//! Scenarios: one YAML file drives the scripted model and the script executor. The demo is one, tests use many, and
//! a user can write one to reproduce a bug (`--set orchestrator.lm=scripted:FILE`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{event::PlanItem, usage::Usage};

/// A scenario file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    pub name: String,
    /// The orchestrator's replies, in order. When they are used up the scripted model fails with a clear error.
    pub model: Vec<ScriptedReply>,
    /// Scripts of the script executor; the first whose `match` is contained in the task is taken.
    pub sessions: Vec<ScriptedSession>,
}

/// One reply of the scripted model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScriptedReply {
    pub reasoning: Option<String>,
    pub text: Option<String>,
    /// Each a map with one entry: the tool's name and its arguments (a map; or a string, sent as it is).
    pub calls: Vec<BTreeMap<String, serde_json::Value>>,
    pub usage: Option<Usage>,
    /// Before the first chunk.
    pub delay_ms: u64,
    /// Between chunks.
    pub chunk_ms: u64,
    /// Wait until the file of this name (in the directory `ZWARM_GATES`) exists.
    pub gate: Option<String>,
    pub fault: Option<Fault>,
    /// How often this reply is given before the next one is taken (0 counts as 1).
    pub times: u32,
}

/// What goes wrong instead of, or in, a reply.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fault {
    /// An HTTP status.
    pub http: Option<u16>,
    /// Seconds, with `http`.
    pub retry_after: Option<f64>,
    /// The stream is cut in the middle.
    pub drop: bool,
    /// The arguments of the calls are not JSON.
    pub malformed: bool,
    /// Nothing comes for this long.
    pub stall_ms: u64,
    /// A reply without text and calls.
    pub empty: bool,
}

/// The script of one session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScriptedSession {
    /// Text that the task must contain; empty fits all.
    #[serde(rename = "match")]
    pub matches: String,
    /// Turn by turn; the last one is repeated.
    pub turns: Vec<ScriptedTurn>,
}

/// One turn of a scripted session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScriptedTurn {
    pub steps: Vec<ScriptStep>,
    /// What the turn cost, reported at its end (steps of kind `usage` report earlier).
    pub usage: Option<Usage>,
    /// Signals that the turn's commands ignore: `int`, `term`.
    pub ignore: Vec<String>,
    /// The executor dies at the end of the steps, without ending the turn.
    pub crash: bool,
    /// The turn fails with this error.
    pub error: Option<String>,
}

/// One step of a scripted turn: a map with one entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub enum ScriptStep {
    /// Reasoning.
    Think(String),
    /// A message; the last one is the turn's response.
    Say(String),
    /// Really writes a file below the session's directory.
    Write {
        path: String,
        text: String,
    },
    /// Really runs a command in the session's directory.
    Run(String),
    /// Asks for an approval; declined: the turn goes on without, cancelled: it is interrupted.
    Ask {
        kind: String,
        command: String,
        #[serde(default)]
        reason: String,
    },
    /// Load: lines of live output.
    Stream {
        lines: u64,
        per_second: u64,
        text: String,
    },
    SleepMs(u64),
    /// Reports tokens in mid-turn.
    Usage(Usage),
    Plan(Vec<PlanItem>),
    Tool {
        name: String,
        arguments: String,
        result: String,
    },
    Error {
        message: String,
        #[serde(default)]
        will_retry: bool,
    },
    /// An activity of unknown kind.
    Raw(serde_json::Value),
    /// Waits until the file of this name (in the directory `ZWARM_GATES`) exists.
    Gate(String),
}

// YAML would want `!say text` for an enum; through a JSON value it is the plain map `say: text`.
impl<'de> Deserialize<'de> for ScriptStep {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Self::deserialize(value).map_err(serde::de::Error::custom)
    }
}

impl Serialize for ScriptStep {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value =
            Self::serialize(self, serde_json::value::Serializer).map_err(serde::ser::Error::custom)?;
        value.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_written_in_plain_yaml() {
        let text = "
name: demo
model:
  - text: I split it.
    calls:
      - delegate: {task: parse, mode: async}
    usage: {input: 10, output: 2}
sessions:
  - match: parse
    turns:
      - steps:
          - think: hm
          - write: {path: a.txt, text: hello}
          - sleep_ms: 5
          - ask: {kind: shell, command: ls}
        ignore: [int]
";
        let scenario: Scenario = serde_yaml::from_str(text).unwrap();
        let steps = &scenario.sessions[0].turns[0].steps;
        assert_eq!(steps[0], ScriptStep::Think("hm".into()));
        assert_eq!(steps[1], ScriptStep::Write { path: "a.txt".into(), text: "hello".into() });
        assert_eq!(
            steps[3],
            ScriptStep::Ask { kind: "shell".into(), command: "ls".into(), reason: String::new() }
        );
        assert_eq!(scenario.model[0].usage.unwrap().total(), 12);
        assert!(serde_yaml::from_str::<Scenario>("nmae: x").is_err());
    }
}
