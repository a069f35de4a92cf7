//! Regular expressions of the user's own, over what agents say, call and get back.
//!
//! The engine is linear in the text; with the bounds below a look takes less than 10 ms. The system prompt, the task
//! and what was told to the orchestrator are never searched.

use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    About, SeenKind, Sight, Spoken, Watcher,
    panel::Seat,
    table::{Kind, Row, key},
    words::quote,
};
use crate::protocol::event::{Gate, Verdict};

pub(super) const ROW: Row = Row {
    name: "pattern",
    about: "a regular expression of your own matches (never the system prompt or the task)",
    keys: &[key(
        "patterns",
        Kind::Patterns,
        "[{regex: 'rm -rf /', action: pause}]",
        "action: nudge, pause or abort",
    )],
    build,
};

/// Entries that are searched.
const NEAR: usize = 10;
/// Bytes that are searched of one text, and by one look for one pattern.
const TEXT_BYTES: usize = 8 * 1024;
const LOOK_BYTES: usize = 48 * 1024;
/// Patterns of one watcher.
const MAX_PATTERNS: usize = 50;
/// Size of a compiled expression, in bytes.
const COMPILED_BYTES: usize = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    regex: String,
    #[serde(default)]
    action: Action,
    #[serde(default)]
    message: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    #[default]
    Nudge,
    Pause,
    Abort,
}

#[derive(Debug)]
struct Pattern {
    patterns: Vec<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    regex: Regex,
    verdict: Verdict,
    message: Option<String>,
}

fn build(config: Value) -> Result<Seat, String> {
    #[derive(Deserialize)]
    struct Config {
        #[serde(default)]
        patterns: Vec<Written>,
    }
    let config: Config = serde_json::from_value(config).map_err(|error| error.to_string())?;
    if config.patterns.len() > MAX_PATTERNS {
        return Err(format!("more than {MAX_PATTERNS} patterns"));
    }
    let patterns = config.patterns.into_iter().map(Written::compiled).collect::<Result<_, _>>()?;
    Ok(Seat::Rule(Arc::new(Pattern { patterns })))
}

impl Written {
    fn compiled(self) -> Result<Compiled, String> {
        let mut builder = RegexBuilder::new(&self.regex);
        builder.case_insensitive(true).size_limit(COMPILED_BYTES).dfa_size_limit(COMPILED_BYTES);
        let regex = builder.build().map_err(|error| {
            let error = error.to_string();
            let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            format!("the regex {} cannot be used: {why}", quote(&self.regex, 80))
        })?;
        let verdict = match self.action {
            Action::Nudge => Verdict::Nudge,
            Action::Pause => Verdict::Pause,
            Action::Abort => Verdict::Abort,
        };
        Ok(Compiled { regex, verdict, message: self.message })
    }
}

impl Watcher for Pattern {
    fn name(&self) -> &str {
        ROW.name
    }

    fn looks_at(&self, _: Gate) -> bool {
        true
    }

    fn look(&self, sight: &Sight) -> Vec<Spoken> {
        let texts = texts(sight);
        self.patterns.iter().filter_map(|pattern| pattern.look(&texts)).collect()
    }
}

/// Where a text stands, whose turn it is of, and the text.
type Place<'a> = (Value, Option<About>, &'a str);

/// Newest first. Calls are searched at the gate of the tools, before they run, and not again afterwards.
fn texts(sight: &Sight) -> Vec<Place<'_>> {
    match sight.gate {
        Gate::Tools => {
            let calls = sight.pending.iter();
            calls
                .flat_map(|call| {
                    [&call.name, &call.arguments]
                        .map(|text| (json!({ "call_id": call.call_id }), None, text.as_str()))
                })
                .collect()
        }
        Gate::Step => {
            let near = sight.items().take(NEAR);
            near.filter_map(|seen| match &seen.what {
                SeenKind::Said { text } | SeenKind::Returned { output: text, .. } => {
                    Some((json!({ "item": seen.item }), None, text.as_str()))
                }
                _ => None,
            })
            .collect()
        }
        Gate::Activity => {
            let activities = sight.recent.iter().rev().filter_map(|seen| match &seen.what {
                SeenKind::Reported { session, text, .. } | SeenKind::Shell { session, command: text, .. } => {
                    Some((*session, text.as_str()))
                }
                _ => None,
            });
            let open = activities.filter_map(|(id, text)| Some((sight.session(id)?, text)));
            let place = |session: &super::SessionSight| json!({ "session": session.short_id });
            let about =
                |session: &super::SessionSight| Some(About { session: session.id, turn: session.turn });
            open.take(NEAR).map(|(session, text)| (place(session), about(session), text)).collect()
        }
    }
}

impl Compiled {
    fn look(&self, texts: &[Place<'_>]) -> Option<Spoken> {
        let mut left = LOOK_BYTES;
        for (place, about, text) in texts {
            let text = head(text, TEXT_BYTES.min(left));
            left -= text.len();
            if let Some(found) = self.regex.find(text) {
                let rule = quote(self.regex.as_str(), 60);
                let matched = quote(found.as_str(), 120);
                let reason = format!("{rule} matches {matched}");
                let guidance = self.message.clone().unwrap_or_else(|| {
                    format!(
                        "A rule of this run forbids what matches {rule}. Do it another way, or ask the human."
                    )
                });
                let spoken = Spoken::nudge(ROW.name, rule, reason, guidance);
                let evidence = json!({ "where": place, "match": matched });
                return Some(Spoken { verdict: self.verdict, about: *about, ..spoken.with(evidence) });
            }
        }
        None
    }
}

/// At most so many bytes from the beginning.
fn head(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
