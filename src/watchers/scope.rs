//! Whether the run stays with its subject: words that must not come up, and words that must not be lost.

use serde::Deserialize;
use serde_json::json;

use super::{
    About, SeenKind, Sight, Spoken, Watcher,
    table::{Kind, Row, key, rule},
    words::{has_word, quote},
};
use crate::protocol::event::Gate;

pub(super) const ROW: Row = Row {
    name: "scope",
    about: "a word comes up that does not belong to the task, or the subject is lost",
    keys: &[
        key("focus_keywords", Kind::Texts, "[]", "words of the subject"),
        key("avoid_keywords", Kind::Texts, "[]", "words that do not belong to the task"),
        key("max_tangent_steps", Kind::Count, "3", "steps without a word of the subject"),
    ],
    build: rule::<Scope>,
};

/// Entries that are looked at.
const NEAR: usize = 6;

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Scope {
    focus_keywords: Vec<String>,
    avoid_keywords: Vec<String>,
    max_tangent_steps: usize,
}

impl Default for Scope {
    fn default() -> Self {
        Self { focus_keywords: Vec::new(), avoid_keywords: Vec::new(), max_tangent_steps: 3 }
    }
}

/// What is searched: whose it is, and the text.
type Place<'a> = (serde_json::Value, Option<About>, &'a str);

impl Watcher for Scope {
    fn name(&self) -> &str {
        ROW.name
    }

    fn looks_at(&self, _: Gate) -> bool {
        true
    }

    fn look(&self, sight: &Sight) -> Vec<Spoken> {
        let places = places(sight);
        let avoided = self.avoid_keywords.iter().filter_map(|word| avoided(word, &places));
        let lost = (sight.gate == Gate::Step).then(|| self.lost(sight)).flatten();
        avoided.chain(lost).collect()
    }
}

/// What the agents themselves say and ask for. What they were told, or have read, is not theirs.
fn places(sight: &Sight) -> Vec<Place<'_>> {
    match sight.gate {
        Gate::Tools => {
            let call = |call: &crate::protocol::ToolCall| json!({ "call_id": call.call_id });
            sight.pending.iter().map(|pending| (call(pending), None, pending.arguments.as_str())).collect()
        }
        Gate::Step => {
            let near = sight.items().take(NEAR).filter_map(|seen| match &seen.what {
                SeenKind::Said { text } => Some((json!({ "item": seen.item }), None, text.as_str())),
                SeenKind::Called(call) => Some((json!({ "item": seen.item }), None, call.arguments.as_str())),
                _ => None,
            });
            near.collect()
        }
        Gate::Activity => {
            let near = sight.recent.iter().rev().filter_map(|seen| match &seen.what {
                SeenKind::Reported { session, text, .. } => Some((*session, text.as_str())),
                SeenKind::Shell { session, command, .. } => Some((*session, command.as_str())),
                _ => None,
            });
            let of =
                |id| sight.session(id).map(|session| (session, About { session: id, turn: session.turn }));
            let place = |(id, text)| {
                of(id).map(|(session, about)| (json!({ "session": session.short_id }), Some(about), text))
            };
            near.take(NEAR).filter_map(place).collect()
        }
    }
}

fn avoided(word: &str, places: &[Place<'_>]) -> Option<Spoken> {
    let (place, about, text) = places.iter().find(|(_, _, text)| has_word(text, word))?;
    let word = quote(word, 40);
    let reason = format!("{word} came up, which does not belong to the task");
    let guidance = format!(
        "The work touches {word}, which is set down as not belonging to this task. Leave it, and say in one sentence \
         how the next action serves the task; if it cannot be done without, ask the human."
    );
    let evidence = json!({ "word": word, "where": place, "text": quote(text, 160) });
    let spoken = Spoken::nudge(ROW.name, format!("avoid {word}"), reason, guidance).with(evidence);
    Some(Spoken { about: *about, ..spoken })
}

impl Scope {
    /// The last steps' own words, without one of the subject. A step's words are those between two results.
    fn lost(&self, sight: &Sight) -> Option<Spoken> {
        if self.focus_keywords.is_empty() {
            return None;
        }
        let mut steps: Vec<(u64, bool)> = Vec::new();
        let mut within = false;
        for seen in sight.items() {
            let text = match &seen.what {
                SeenKind::Said { text } => text,
                SeenKind::Called(call) => &call.arguments,
                _ => {
                    within = false;
                    continue;
                }
            };
            let on_subject = self.focus_keywords.iter().any(|word| has_word(text, word));
            match steps.last_mut().filter(|_| within) {
                Some(step) => *step = (seen.item, step.1 || on_subject),
                None => steps.push((seen.item, on_subject)),
            }
            within = true;
        }
        let tangent = steps.iter().take_while(|(_, on_subject)| !on_subject).count();
        if tangent < self.max_tangent_steps {
            return None;
        }
        let reason = format!("{tangent} steps without a word of the subject");
        let words = quote(&self.focus_keywords.join(", "), 120);
        let guidance = format!(
            "Nothing in your last {tangent} steps concerns the subject ({words}). Read the task again and say which \
             part of it you are at; drop what is not part of it."
        );
        let evidence = json!({ "steps": tangent, "words": self.focus_keywords });
        Some(Spoken::nudge(ROW.name, "off_subject", reason, guidance).with(evidence))
    }
}
