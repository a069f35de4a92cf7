//! `watch --replay`: what the watchers would have said about an old run. Read-only: nothing is started and nothing is
//! written; an instance that runs is read as far as it has come.

use serde_json::Value;

use super::Place;
use crate::{
    agent::replay::{self, Said, Summary},
    cli::{options::Settings, request},
    config::{self, Watchers},
    error::{UserError, code},
    headless::Out,
    store::Origin,
    text::{clean_line, cut, say::count},
};

/// Columns of evidence in the table; `--json` has it whole.
const EVIDENCE: usize = 400;

/// Plays the watchers over an instance.
pub(super) fn watch(
    place: &Place,
    wanted: &str,
    settings: &Settings,
    json: bool,
    out: &mut Out,
) -> Result<i32, UserError> {
    let found = request::instance(&place.state_dir(), Some(wanted))?;
    let name = request::short(&found);
    match &found.origin {
        Origin::Ours => {}
        Origin::Reference(_) => {
            return Err(UserError::failed(
                format!(
                    "'{name}' was written by the Python zwarm, whose journal does not hold what its watchers saw"
                ),
                format!("'zwarm-tui history --instance {name}' shows what it holds"),
            ));
        }
        Origin::Damaged(why) => {
            return Err(UserError::failed(
                format!("'{name}' is damaged: {why}"),
                format!("look at '{}'", found.dir.display()),
            ));
        }
    }
    let watchers = given(place, settings)?;
    let runtime = super::runtime()?;
    let mut any = false;
    let mut show = |said: Said| {
        if json {
            out.json(&serde_json::to_string(&said).unwrap_or_default());
        } else {
            if !std::mem::replace(&mut any, true) {
                out.say(&row("step", "gate", "watcher", "verdict", "reason"));
            }
            lines(&said).iter().for_each(|line| out.say(line));
        }
    };
    let summary = replay::replay(&found.dir, watchers.as_ref(), &runtime, &mut show)?;
    runtime.shutdown_background();
    tell(&summary, out);
    out.flush();
    Ok(code::OK)
}

/// Other settings than those of the run: the `watchers` of this directory with `-c` and `--set`.
fn given(place: &Place, settings: &Settings) -> Result<Option<Watchers>, UserError> {
    if settings.config.is_none() && settings.set.is_empty() {
        return Ok(None);
    }
    let sources = request::sources(&place.working_dir, settings, Value::Null);
    Ok(Some(config::load(&sources)?.config.watchers))
}

fn row(step: &str, gate: &str, watcher: &str, verdict: &str, reason: &str) -> String {
    format!("{step:>4}  {gate:<8}  {watcher:<19}  {verdict:<8}  {reason}")
}

/// A verdict as a row of the table and the lines below it.
fn lines(said: &Said) -> Vec<String> {
    let word = |value: Value| value.as_str().unwrap_or_default().to_owned();
    let gate = word(serde_json::to_value(said.gate).unwrap_or_default());
    let verdict = word(serde_json::to_value(said.verdict).unwrap_or_default());
    let mut reason = clean_line(&said.reason).into_string();
    if let Some(session) = &said.session {
        reason = format!("{session}: {reason}");
    }
    if said.muted {
        reason.push_str(" (muted: without effect)");
    }
    if !said.replayed {
        reason.push_str(" (as it is recorded)");
    }
    let below = |name: &str, text: &str| format!("{:>6}{name:<10}{}", "", clean_line(text));
    let mut lines = vec![row(&said.step.to_string(), &gate, &clean_line(&said.watcher), &verdict, &reason)];
    if !said.guidance.is_empty() {
        lines.push(below("guidance", &said.guidance));
    }
    if !said.evidence.is_null() {
        lines.push(below("evidence", &cut::ellipsis(&said.evidence.to_string(), EVIDENCE)));
    }
    lines
}

/// Beside the verdicts, on the error output: what was looked at and what was not.
fn tell(summary: &Summary, out: &mut Out) {
    let names = |names: &[String]| names.join(", ");
    let looks = count(usize::try_from(summary.looks).unwrap_or(usize::MAX), "look");
    out.note(&format!("{looks} of {}", names(&summary.watchers)));
    if !summary.recorded.is_empty() {
        out.note(&format!("told as recorded, not asked again: {}", names(&summary.recorded)));
    }
    if !summary.left_out.is_empty() {
        out.note(&format!(
            "not replayed (a program or a model would have to be asked): {}",
            names(&summary.left_out)
        ));
    }
    for failed in &summary.failed {
        out.note(&format!("could not look: {}", clean_line(failed)));
    }
    if summary.damaged_lines > 0 {
        out.note(&format!("{} damaged lines were passed over", summary.damaged_lines));
    }
}
