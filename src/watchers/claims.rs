//! Whether what is said fits what was done: "the tests pass" without a test run, after a failed one, or from before
//! the last change.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::{
    About, Seen, SeenKind, Sight, Spoken, Watcher,
    table::Row,
    words::{bash_command, quote, runs_tests, tells_failure},
};
use crate::protocol::{SessionId, ToolCall, event::Gate};

pub(super) const ROW: Row = Row {
    name: "claims",
    about: "somebody says that tests pass, and nothing that was run shows it",
    keys: &[],
    build: |_| Ok(super::panel::Seat::Rule(std::sync::Arc::new(Claims))),
};

/// Says that tests pass.
static PASSES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(?:(?:unit |integration |regression )?tests?(?: suites?)?|suite)\b[^.!?\n]{0,40}?\b(?:pass(?:es|ed|ing)?|succeed(?:s|ed)?|(?:is|are) (?:all )?green)\b|\ball (?:tests |checks )?(?:pass(?:es|ed)?|green)\b",
    )
    .ok()
});
/// Says that they shall, might or do not.
static OTHERWISE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(?:if|when|once|until|unless|whether|should|shall|must|will|would|may|might|can|could|ensure|make|making|verify|check that|so that|to have|need|needs|wait|expect|not|no|never|cannot|fail|fails|failed|failing|before|after|let|please)\b|n['’]t\b|\?",
    )
    .ok()
});

/// What is known of test runs up to some point.
#[derive(Clone, Debug, Default)]
struct Evidence {
    /// The newest test run: its command, and whether it passed (`None`: it is not known).
    run: Option<(String, Option<bool>)>,
    /// Whether files were changed after it.
    changed_since: bool,
    changed: bool,
}

struct Claims;

/// Somebody's claim, with what was known when it was made.
struct Claim<'a> {
    place: Value,
    session: Option<SessionId>,
    text: &'a str,
    then: Evidence,
}

impl Watcher for Claims {
    fn name(&self) -> &str {
        ROW.name
    }

    fn looks_at(&self, _: Gate) -> bool {
        true
    }

    fn look(&self, sight: &Sight) -> Vec<Spoken> {
        let (claim, now) = newest(sight);
        let Some(claim) = claim else { return Vec::new() };
        let proven_since =
            now.run.as_ref().is_some_and(|(_, passed)| *passed != Some(false)) && !now.changed_since;
        if proven_since {
            return Vec::new();
        }
        claim.contradiction(sight).into_iter().collect()
    }
}

/// The newest claim that this gate is about, and what is known now.
fn newest(sight: &Sight) -> (Option<Claim<'_>>, Evidence) {
    let mut evidence = Evidence::default();
    let mut calls: Vec<(&str, String)> = Vec::new();
    let mut newest = None;
    for seen in &sight.recent {
        let claimed = match (&seen.what, sight.gate) {
            (SeenKind::Said { text }, Gate::Step) => claimed(text).map(|text| (None, text)),
            (SeenKind::Reported { session, text }, Gate::Activity | Gate::Step) => {
                claimed(text).map(|text| (Some(*session), text))
            }
            _ => None,
        };
        if let Some((session, text)) = claimed {
            let place = session
                .and_then(|id| sight.session(id))
                .map(|session| json!({ "session": session.short_id }));
            let place = place.unwrap_or_else(|| json!({ "item": seen.item }));
            newest = Some(Claim { place, session, text, then: evidence.clone() });
        }
        evidence.follow(seen, &mut calls);
    }
    if sight.gate == Gate::Tools {
        let pending = sight.pending.iter().find_map(|call| Some((call, final_word(call)?)));
        newest = pending.and_then(|(call, range)| {
            let text = claimed(&call.arguments[range])?;
            Some(Claim {
                place: json!({ "call_id": call.call_id }),
                session: None,
                text,
                then: evidence.clone(),
            })
        });
    }
    (newest, evidence)
}

/// Where in its arguments an `exit` or `end_session` call says how it went.
fn final_word(call: &ToolCall) -> Option<std::ops::Range<usize>> {
    let key = match call.name.as_str() {
        "exit" => "\"exit_message\"",
        "end_session" => "\"summary\"",
        _ => return None,
    };
    call.arguments.find(key).map(|at| at + key.len()..call.arguments.len())
}

/// The sentence that claims passing tests.
fn claimed(text: &str) -> Option<&str> {
    let (passes, otherwise) = (PASSES.as_ref()?, OTHERWISE.as_ref()?);
    let mut sentences = text.split_inclusive(['.', '!', '?', '\n', ';']).map(str::trim);
    sentences.find(|sentence| passes.is_match(sentence) && !otherwise.is_match(sentence))
}

impl Evidence {
    fn follow<'a>(&mut self, seen: &'a Seen, calls: &mut Vec<(&'a str, String)>) {
        match &seen.what {
            SeenKind::Changed { .. } => {
                self.changed = true;
                self.changed_since = true;
            }
            SeenKind::Shell { command, exit_code, output, .. } if runs_tests(command) => {
                let passed = exit_code.map(|code| code == 0 && !tells_failure(output));
                self.ran(command, passed.or_else(|| tells_failure(output).then_some(false)));
            }
            SeenKind::Called(call) => {
                let tests = bash_command(call).filter(|command| runs_tests(command));
                calls.extend(tests.map(|command| (call.call_id.as_str(), command)));
            }
            SeenKind::Returned { call_id, output } => {
                if let Some((_, command)) = calls.iter().find(|(id, _)| *id == call_id.as_str()) {
                    let passed = exit_code(output).map(|code| code == 0 && !tells_failure(output));
                    self.ran(command, passed);
                }
            }
            _ => {}
        }
    }

    fn ran(&mut self, command: &str, passed: Option<bool>) {
        self.run = Some((command.to_owned(), passed));
        self.changed_since = false;
    }
}

/// The exit code in the result of a `bash` call.
fn exit_code(output: &str) -> Option<i64> {
    let value: Value = serde_json::from_str(output).ok()?;
    ["returncode", "exit_code"].into_iter().find_map(|key| value.get(key)?.as_i64())
}

impl Claim<'_> {
    fn contradiction(&self, sight: &Sight) -> Option<Spoken> {
        let said = quote(self.text, 140);
        let (rule, what, evidence) = match &self.then.run {
            // What was run may have left the window.
            None if sight.recent.len() >= super::RECENT && !self.then.changed => return None,
            None => ("tests_not_run", "no test command was run".to_owned(), Value::Null),
            Some((command, Some(false))) => (
                "tests_failed",
                format!("the last test run ({}) failed", quote(command, 80)),
                json!(quote(command, 200)),
            ),
            Some((command, _)) if self.then.changed_since => (
                "tests_outdated",
                format!("files were changed after the last test run ({})", quote(command, 80)),
                json!(quote(command, 200)),
            ),
            Some(_) => return None,
        };
        let who = self.session.and_then(|id| sight.session(id));
        let whose = who.map_or_else(|| "You".to_owned(), |session| format!("Session {}", session.short_id));
        let reason = format!("{said} is claimed, but {what}");
        let guidance = format!(
            "{whose} stated {said}, but {what}. Run the tests now, read their result, and correct the statement if it \
             does not hold."
        );
        let about = who.map(|session| About { session: session.id, turn: session.turn });
        let evidence = json!({ "claim": said, "where": self.place, "test_command": evidence });
        Some(Spoken { about, ..Spoken::nudge(ROW.name, rule, reason, guidance).with(evidence) })
    }
}

#[cfg(test)]
mod tests {
    use super::claimed;

    #[test]
    fn a_claim_is_told_from_a_plan_a_wish_and_a_denial() {
        for text in [
            "All tests pass.",
            "Parser in place, all 14 tests are passing now.",
            "The test suite is green",
            "Done: all green!",
            "I fixed it. Unit tests passed.",
            "The tests now all succeed.",
        ] {
            assert!(claimed(text).is_some(), "{text}");
        }
        for text in [
            "Run the tests and make sure they pass.",
            "If the tests pass, commit.",
            "The tests do not pass yet.",
            "Do all tests pass?",
            "Two tests failed, three passed.",
            "I will check that tests pass",
            "Pass the test file as argument",
            "Once tests pass we are done.",
            "Write tests for the password form.",
        ] {
            assert_eq!(claimed(text), None, "{text}");
        }
    }
}
