//! What the human should notice of an event.

use super::folds::Folds;
use crate::protocol::{
    Body,
    command::Cap,
    event::{Guard, Human, Run, Session, Verdict},
    tree::Outcome,
};

/// Why a nudge is gone that somebody took back.
const WITHDRAWN: &str = "withdrawn";

/// What the human should notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notable {
    /// A card was opened.
    Card(String),
    Problem {
        text: String,
        fatal: bool,
    },
    /// A watcher nudged.
    Nudge(String),
    Warning(String),
    Ended {
        text: String,
        well: bool,
    },
    /// What a client asked for was taken.
    Info(String),
}

/// Sessions and files that are named after an abort.
const NAMED: usize = 6;

pub(super) fn notable(body: &Body, folds: &Folds) -> Option<Notable> {
    Some(match body {
        Body::Human(Human::InboxOpened(opened)) => Notable::Card(opened.title.clone()),
        Body::Human(Human::NudgeWithdrawn(gone)) if gone.why == WITHDRAWN => {
            Notable::Info("nudge withdrawn: it was not delivered".to_owned())
        }
        Body::Human(Human::NudgeWithdrawn(gone)) if !gone.why.is_empty() => {
            Notable::Warning(format!("nudge not delivered: {}", gone.why))
        }
        Body::Human(Human::NudgeSeen(seen)) => match (seen.step, seen.turn) {
            (Some(step), _) => Notable::Info(format!("nudge seen at step {step}")),
            (None, Some(turn)) => Notable::Info(format!("nudge seen in turn {turn}")),
            (None, None) => return None,
        },
        Body::Run(Run::ProblemRaised(problem)) => {
            let hint = if problem.hint.is_empty() { String::new() } else { format!(" ({})", problem.hint) };
            let text = format!("{}: {}{hint}", problem.place, problem.message);
            Notable::Problem { text, fatal: problem.fatal }
        }
        Body::Run(Run::RunFinished(finished)) => {
            let why =
                if finished.exit_message.is_empty() { &finished.stopped_by } else { &finished.exit_message };
            let mut text = format!("{} has ended: {why}", folds.run.name);
            // After an abort one wants to know what was stopped and what has changed by then.
            if finished.stopped_by == "human_abort" {
                text.push_str(&left_behind(&finished.open_sessions, &folds.ledger.files_changed()));
            }
            Notable::Ended { text, well: finished.exit_code == 0 }
        }
        Body::Session(Session::SessionChanged(changed)) => {
            let work = changed.work.as_ref()?;
            match work.outcome {
                Outcome::Conflicts | Outcome::Refused => Notable::Warning(work.message.clone()),
                _ => Notable::Info(work.message.clone()),
            }
        }
        Body::Guard(Guard::WatcherSpoke(spoke)) if spoke.verdict == Verdict::Nudge && !spoke.muted => {
            Notable::Nudge(format!("watcher {}: {}", spoke.watcher, spoke.reason))
        }
        Body::Guard(Guard::BudgetWarned(warned)) => {
            let percent = if warned.cap > 0.0 { 100.0 * warned.spent / warned.cap } else { 100.0 };
            let whose = if warned.scope == "run" { String::new() } else { format!("{}'s ", warned.scope) };
            Notable::Warning(format!("{percent:.0}% of {whose}{} is spent", cap_name(warned.which)))
        }
        _ => return None,
    })
}

/// ` · stopped: s1, s2 · changed: a.rs, b.rs and 3 more`.
fn left_behind(sessions: &[String], files: &[String]) -> String {
    let named = |what: &str, all: &[String]| match all {
        [] => format!(" · no session {what}"),
        all => {
            let more = all.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!(" · {what}: {}{more}", all[..all.len().min(NAMED)].join(", "))
        }
    };
    let files =
        if files.is_empty() { " · no file was seen to change".to_owned() } else { named("changed", files) };
    format!("{}{files}", named("stopped", sessions))
}

/// The key of a cap, as in the configuration.
pub fn cap_name(cap: Cap) -> String {
    serde_json::to_value(cap).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
