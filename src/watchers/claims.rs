//! Whether what is said fits what was done: "the tests pass" without a test run, after a failed one, or from before
//! the last change. What a claim is and what it rested on when it was made is [`crate::fold::claim`]'s; this is when to
//! speak of it. Once tests were run after a claim it is left alone: whoever doubts it knows better by now.

use serde_json::{Value, json};

use super::{About, Sight, Spoken, Watcher, table::Row, words::quote};
use crate::{
    fold::claim::{Basis, Claim, claimed},
    protocol::{SessionId, ToolCall, event::Gate},
};

pub(super) const ROW: Row = Row {
    name: "claims",
    about: "somebody says that tests pass, and nothing that was run shows it",
    keys: &[],
    build: |_| Ok(super::panel::Seat::Rule(std::sync::Arc::new(Claims))),
};

struct Claims;

impl Watcher for Claims {
    fn name(&self) -> &str {
        ROW.name
    }

    fn looks_at(&self, _: Gate) -> bool {
        true
    }

    fn look(&self, sight: &Sight) -> Vec<Spoken> {
        let spoken = match sight.gate {
            Gate::Tools => sight.pending.iter().find_map(|call| last_word(sight, call)),
            // The newest word of each counts; an older one was perhaps corrected.
            Gate::Step => sight.proof.claims.last().and_then(|claim| doubted(sight, claim)),
            // In flight only what was said in the turn that runs.
            Gate::Activity => {
                let now = sight.proof.claims.iter().rev().find(|claim| {
                    let session = claim.by.and_then(|id| sight.session(id));
                    session.is_some_and(|session| session.turn == claim.turn)
                });
                now.and_then(|claim| doubted(sight, claim))
            }
        };
        spoken.into_iter().collect()
    }
}

/// A claim that stands against what was seen, as long as nobody has tested since.
fn doubted(sight: &Sight, claim: &Claim) -> Option<Spoken> {
    if sight.proof.tested_since(claim) {
        return None;
    }
    let session = claim.by.and_then(|id| sight.session(id));
    let place = match session {
        Some(session) => json!({ "session": session.short_id }),
        None if claim.by.is_some() => json!({ "session": claim.by }),
        None => json!({ "item": claim.item }),
    };
    contradiction(sight, claim.by, Some(claim.turn), &claim.text, place, &claim.basis)
}

/// What an `exit` or `end_session` call says before it runs.
fn last_word(sight: &Sight, call: &ToolCall) -> Option<Spoken> {
    let key = match call.name.as_str() {
        "exit" => "exit_message",
        "end_session" => "summary",
        _ => return None,
    };
    let arguments: Value = serde_json::from_str(&call.arguments).ok()?;
    let text = claimed(arguments.get(key)?.as_str()?)?;
    contradiction(sight, None, None, text, json!({ "call_id": call.call_id }), &sight.proof.basis(None))
}

fn contradiction(
    sight: &Sight,
    by: Option<SessionId>,
    turn: Option<u32>,
    text: &str,
    place: Value,
    basis: &Basis,
) -> Option<Spoken> {
    let said = quote(text, 140);
    let (rule, what, command) = match basis {
        Basis::Shown => return None,
        Basis::NotRun => ("tests_not_run", "no test command was run".to_owned(), Value::Null),
        Basis::Failed(command) => (
            "tests_failed",
            format!("the last test run ({}) failed", quote(command, 80)),
            json!(quote(command, 200)),
        ),
        Basis::Outdated(command) => (
            "tests_outdated",
            format!("files were changed after the last test run ({})", quote(command, 80)),
            json!(quote(command, 200)),
        ),
    };
    let who = by.and_then(|id| sight.session(id));
    let whose = match (by, who) {
        (None, _) => "You".to_owned(),
        (Some(_), Some(session)) => format!("Session {}", session.short_id),
        (Some(_), None) => "A session that has ended".to_owned(),
    };
    let reason = format!("{said} is claimed, but {what}");
    let guidance = format!(
        "{whose} stated {said}, but {what}. Run the tests now, read their result, and correct the statement if it \
         does not hold."
    );
    // Only while that very turn runs is it said to the session; else the orchestrator is told.
    let running = who.filter(|session| sight.gate == Gate::Activity && turn == Some(session.turn));
    let about = running.map(|session| About { session: session.id, turn: session.turn });
    let evidence = json!({ "claim": said, "where": place, "test_command": command });
    Some(Spoken { about, ..Spoken::nudge(ROW.name, rule, reason, guidance).with(evidence) })
}
