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
            let text = format!("{} has ended: {why}", folds.run.name);
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

/// The key of a cap, as in the configuration.
pub fn cap_name(cap: Cap) -> String {
    serde_json::to_value(cap).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
