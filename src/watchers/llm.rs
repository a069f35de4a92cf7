//! A model as watcher: it is shown the trajectory in short and answers with a verdict. The model call itself is put
//! in from outside ([`AskModel`]); this file makes the question, reads the answer and keeps to its own budget.
//!
//! What it is shown comes from models and programs: it is told that this is material and no instruction, and whatever
//! it says it can at most pause the run, never end it.

use std::{fmt::Write as _, future::Future, pin::Pin};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    SeenKind, Sight, Spoken,
    panel::Seat,
    table::{Kind, Row, key},
    words::quote,
};
use crate::protocol::{Usage, event::Verdict};

pub(super) const ROW: Row = Row {
    name: "llm",
    about: "a model looks at the trajectory in short",
    keys: &[
        key("model", Kind::Text, "gpt-5-mini", "as in orchestrator.lm"),
        key("every_steps", Kind::Count, "5", "steps between two looks"),
        key("max_tokens", Kind::Count, "20000", "tokens that it may spend in a run"),
    ],
    build,
};

/// Tokens that are reckoned for an answer before it is asked for.
pub const ANSWER_TOKENS: u64 = 500;
/// Characters of the question in all, and of one entry.
const QUESTION_CHARS: usize = 12_000;
const ENTRY_CHARS: usize = 240;
/// Characters of what it says.
const SAID_CHARS: usize = 1_000;

/// What the model is told of its part.
const SYSTEM: &str = include_str!("../../assets/watcher.md");

/// A question for a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// As in `orchestrator.lm`.
    pub model: String,
    pub system: String,
    pub text: String,
    /// Questions that were answered in this run before: where a scripted model goes on.
    pub before: u32,
}

impl Question {
    /// Estimated tokens of it.
    pub(super) fn tokens(&self) -> u64 {
        ((self.system.len() + self.text.len()) as u64).div_ceil(4)
    }
}

/// What a model answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub text: String,
    /// As it names itself.
    pub model: String,
    /// `None`: it did not say.
    pub usage: Option<Usage>,
}

/// Who can ask a model. The agent puts it in; dropping the future gives the question up.
pub trait AskModel: Send + Sync {
    /// Asks once. The error is a sentence.
    fn ask(&self, question: Question) -> Pin<Box<dyn Future<Output = Result<Answer, String>> + Send + '_>>;
}

/// A model as watcher.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Llm {
    model: String,
    every_steps: u32,
    max_tokens: u64,
}

impl Default for Llm {
    fn default() -> Self {
        Self { model: "gpt-5-mini".to_owned(), every_steps: 5, max_tokens: 20_000 }
    }
}

fn build(config: Value) -> Result<Seat, String> {
    serde_json::from_value(config).map(Seat::Model).map_err(|error| error.to_string())
}

impl Llm {
    /// The question, where one is due and can be paid for.
    pub(super) fn question(&self, sight: &Sight) -> Option<Question> {
        let due = sight.step > 1 && (sight.step - 1).is_multiple_of(self.every_steps);
        let text = in_short(sight);
        let (model, before) = (self.model.clone(), sight.budget.watcher_answers);
        let question = Question { model, system: SYSTEM.to_owned(), text, before };
        let cost = question.tokens() + ANSWER_TOKENS;
        let paid = sight.budget.watcher_tokens.saturating_add(cost) <= self.max_tokens;
        (due && paid).then_some(question)
    }
}

/// The trajectory in short, the newest entries whole in number.
fn in_short(sight: &Sight) -> String {
    let mut lines = Vec::new();
    let mut room = QUESTION_CHARS;
    for seen in sight.recent.iter().rev() {
        let (who, text) = match &seen.what {
            SeenKind::Said { text } => ("planner says".to_owned(), text.clone()),
            SeenKind::User { text } => ("planner is told".to_owned(), text.clone()),
            SeenKind::Called(call) => {
                (format!("planner calls {}", quote(&call.name, 40)), call.arguments.clone())
            }
            SeenKind::Returned { output, .. } => ("result".to_owned(), output.clone()),
            SeenKind::Shell { session, command, exit_code, .. } => {
                let code = exit_code.map_or_else(|| "?".to_owned(), |code| code.to_string());
                (format!("{} runs (exit {code})", name(sight, *session)), command.clone())
            }
            SeenKind::Reported { session, text, .. } => {
                (format!("{} says", name(sight, *session)), text.clone())
            }
            SeenKind::Changed { session, paths } => {
                (format!("{} changed", name(sight, *session)), paths.join(", "))
            }
            SeenKind::Found { session, paths } => {
                (format!("found changed after {}", name(sight, *session)), paths.join(", "))
            }
        };
        let line = format!("{} {who}: {}", seen.item, quote(&text, ENTRY_CHARS));
        let length = line.chars().count();
        if length > room {
            break;
        }
        room -= length;
        lines.push(line);
    }
    let rule = "=".repeat(40);
    let counts = sight.sessions;
    let mut text = format!("Task: {}\nStep {} of {}. ", quote(&sight.task, 800), sight.step, sight.max_steps);
    let _ = writeln!(
        text,
        "Sessions: {} started, {} open, {} completed, {} failed. Files changed: {}.",
        counts.started,
        counts.active,
        counts.completed,
        counts.failed,
        sight.files_changed.len()
    );
    let entries: Vec<String> = lines.into_iter().rev().collect();
    let _ = write!(
        text,
        "The newest {} entries (number, who, what):\n{rule}\n{}\n{rule}",
        entries.len(),
        entries.join("\n")
    );
    text
}

fn name(sight: &Sight, session: crate::protocol::SessionId) -> String {
    sight.session(session).map_or_else(|| "a session".to_owned(), |session| session.short_id.clone())
}

/// What a model's answer, or a command's output, says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Said {
    pub(super) verdict: Verdict,
    rule: String,
    reason: String,
    guidance: String,
    items: Vec<u64>,
    evidence: Value,
}

impl Said {
    /// As a watcher's word; `None`: continue. Texts are cut.
    pub(super) fn spoken(self, watcher: &str, strongest: Verdict) -> Option<Spoken> {
        if self.verdict == Verdict::Continue {
            return None;
        }
        let short = |text: &str, most: usize| text.trim().chars().take(most).collect::<String>();
        let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
        let reason = or(short(&self.reason, SAID_CHARS), "no reason was given");
        let rule: String = short(&self.rule, 60)
            .chars()
            .map(|c| if c.is_whitespace() || c == '/' || c == '@' { '_' } else { c })
            .collect();
        let evidence =
            if self.evidence.to_string().len() > 4 * SAID_CHARS { Value::Null } else { self.evidence };
        let evidence = if self.items.is_empty() {
            evidence
        } else {
            json!({ "items": self.items.iter().take(50).collect::<Vec<_>>(), "evidence": evidence })
        };
        Some(Spoken {
            watcher: watcher.to_owned(),
            verdict: self.verdict.min(strongest),
            rule: or(rule, "verdict"),
            guidance: or(short(&self.guidance, SAID_CHARS), &reason),
            reason,
            evidence,
            about: None,
        })
    }
}

/// Reads a model's answer: the JSON object in it.
pub(super) fn read(answer: &str) -> Result<Vec<Spoken>, String> {
    let object = answer
        .find('{')
        .and_then(|from| answer.rfind('}').map(|to| (from, to)))
        .filter(|(from, to)| from < to);
    let (from, to) = object.ok_or_else(|| format!("its answer holds no verdict: {}", quote(answer, 120)))?;
    let said: Said = serde_json::from_str(&answer[from..=to])
        .map_err(|error| format!("its answer is no verdict ({error}): {}", quote(answer, 120)))?;
    Ok(said.spoken(ROW.name, Verdict::Pause).into_iter().collect())
}
