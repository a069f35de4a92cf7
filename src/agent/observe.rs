//! The observation: progress, resources, sessions, ledger and what is new, built anew for each request. It is the last
//! item of the request and never part of the history, so the provider's prompt cache sees an unchanged beginning.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::{
    fold::{
        State,
        ledger::{Entry, EntryState},
        sessions::{Doing, Session},
    },
    protocol::{SessionId, command::Cap, event::TurnStatus},
    text::{cut_middle, say::grouped},
};

use super::{effect::Now, rules::Rules};

/// Cells of the progress bar.
const BAR: u32 = 20;
/// Characters of a result at each end.
const RESULT_KEPT: usize = 1_500;
/// Entries of the ledger that are shown whole; older ones take one line.
const LEDGER_FULL: usize = 12;
/// Entries of the ledger that are shown at all; older ones are counted.
const LEDGER_SHOWN: usize = 60;

/// The text of the observation.
pub fn observation(state: &State, rules: &Rules, untold: &BTreeSet<(SessionId, u32)>, now: Now) -> String {
    let mut parts = vec![progress(state), resources(state, rules, now)];
    parts.extend(sessions(state));
    parts.extend(news(state, untold));
    parts.extend(ledger(state));
    let isolation = if rules.config.executor.isolation == crate::config::Isolation::Worktree {
        "\nEach session works in a git worktree on a branch of its own; end_session with the verdict completed merges \
         it into the working dir"
    } else {
        ""
    };
    parts.push(format!("## Context\nWorking dir: {}{isolation}", rules.working_dir()));
    parts.join("\n\n")
}

fn progress(state: &State) -> String {
    let step = state.run.progress.step.saturating_sub(1);
    let last = state.run.progress.last_step.max(1);
    let filled = (BAR * step / last).min(BAR);
    let bar: String = (0..BAR).map(|cell| if cell < filled { '█' } else { '░' }).collect();
    let mut text = format!("## Progress\nSteps: [{bar}] {step}/{last} ({}%)", 100 * step / last);
    let (own, executors) = (state.spend.orchestrator.total(), state.spend.executors.total());
    if own + executors > 0 {
        let _ = write!(text, "\nTokens: orchestrator: ~{}, executors: ~{}", grouped(own), grouped(executors));
    }
    let caps = [
        (Cap::MaxTokens, "all tokens", state.spend.total()),
        (Cap::MaxOrchestratorTokens, "your tokens", own),
        (Cap::MaxExecutorTokens, "executors' tokens", executors),
    ];
    for (cap, name, spent) in caps {
        let limit = state.spend.cap(cap).map(|limit| limit as u64);
        if let Some(limit) = limit.filter(|limit| *limit > 0) {
            let percent = 100 * spent / limit;
            let _ = write!(text, "\nBudget: {} of {} {name} ({percent}%)", grouped(spent), grouped(limit));
        }
    }
    text
}

fn resources(state: &State, rules: &Rules, _now: Now) -> String {
    let all = &state.sessions.all;
    let ended =
        |status: &str| all.iter().filter(|s| s.end.as_ref().is_some_and(|end| end.status == status)).count();
    let (done, open) = (ended("completed"), state.sessions.open().count());
    let failed = all.len() - done - open;
    let mut text =
        format!("## Resources\nSessions: {open} active, {done} done, {failed} failed ({} total)", all.len());
    if let Some(limit) = rules.config.budget.max_sessions {
        let _ = write!(text, " [limit: {limit}]");
    }
    text
}

fn sessions(state: &State) -> Option<String> {
    let lines: Vec<_> = state.sessions.open().map(session_line).collect();
    (!lines.is_empty()).then(|| format!("## Active Sessions\n{}", lines.join("\n")))
}

fn session_line(session: &Session) -> String {
    let doing = match session.doing {
        Doing::Queued => "queued",
        Doing::Held => "held",
        Doing::Working => "working",
        Doing::Idle | Doing::Ended => "idle",
    };
    let mode = match session.mode {
        crate::protocol::event::Mode::Sync => "sync",
        crate::protocol::event::Mode::Async => "async",
    };
    let branch = match &session.who.isolated {
        Some(isolated) if isolated.is_open() => format!(", not merged: {}", isolated.tree.branch),
        Some(isolated) => format!(", branch {}", isolated.tree.branch),
        None => String::new(),
    };
    format!(
        "  • {} {} ({}, {mode}, {} turns, {doing}{branch}): {}",
        session.short_id,
        short(&session.id.to_string(), 8),
        session.who.adapter,
        session.turns,
        short(&session.task, 50)
    )
}

/// Turns that ended since the model last looked.
fn news(state: &State, untold: &BTreeSet<(SessionId, u32)>) -> Option<String> {
    let ended = untold.iter().filter_map(|(id, turn)| {
        let session = state.sessions.get(*id)?;
        let last = session.last.as_ref().filter(|last| last.number == *turn)?;
        let status = match last.status {
            TurnStatus::Completed => "has answered",
            TurnStatus::Interrupted => "was interrupted",
            TurnStatus::Failed => "has failed",
        };
        let said = last.error.as_deref().filter(|_| last.response.is_empty()).unwrap_or(&last.response);
        let (said, _) = cut_middle(said, RESULT_KEPT, RESULT_KEPT);
        Some(format!("{} {status} (turn {turn}):\n{}", session.short_id, quoted(&said)))
    });
    let lines: Vec<_> = ended.collect();
    (!lines.is_empty()).then(|| format!("## Since your last step\n{}", lines.join("\n")))
}

/// Foreign text, line by line behind a mark, so that it is never taken for ours.
fn quoted(text: &str) -> String {
    text.lines().map(|line| format!("  | {line}")).collect::<Vec<_>>().join("\n")
}

fn ledger(state: &State) -> Option<String> {
    let entries = &state.ledger.entries;
    if entries.is_empty() {
        return None;
    }
    let hidden = entries.len().saturating_sub(LEDGER_SHOWN);
    let full_from = entries.len().saturating_sub(LEDGER_FULL);
    let mut lines = Vec::new();
    if hidden > 0 {
        lines.push(format!("({hidden} older delegations)"));
    }
    for (at, entry) in entries.iter().enumerate().skip(hidden) {
        lines.push(entry_line(entry));
        if at >= full_from {
            lines.extend(evidence_lines(entry));
        }
    }
    Some(format!("## Delegation ledger\n{}", lines.join("\n")))
}

fn entry_line(entry: &Entry) -> String {
    let state = match entry.state {
        EntryState::Working => "working",
        EntryState::Answered => "answered",
        EntryState::Interrupted => "interrupted",
        EntryState::Failed => "failed",
        EntryState::Completed => "completed",
        EntryState::Cancelled => "cancelled",
    };
    format!("- {} {} · {state} · {}", entry.short_id, entry.adapter, short(&entry.task, 120))
}

fn evidence_lines(entry: &Entry) -> Vec<String> {
    let mut lines = Vec::new();
    if !entry.result.is_empty() {
        lines.push(format!("  result: {}", short(&entry.result.replace('\n', " "), 300)));
    }
    let evidence = &entry.evidence;
    if !evidence.files.is_empty() {
        let count = evidence.files.len() as u64 + evidence.more_files;
        let some: Vec<_> = evidence.files.iter().take(10).map(String::as_str).collect();
        lines.push(format!("  files changed ({count}): {}", some.join(", ")));
    }
    for (command, code) in evidence.commands.iter().rev().take(4).rev() {
        let code = code.map_or_else(|| "no exit code".to_owned(), |code| format!("exit {code}"));
        lines.push(format!("  ran: {} ({code})", short(&command.replace('\n', " "), 100)));
    }
    lines.extend(entry.contradictions.iter().map(|claim| format!("  CONTRADICTED: {claim}")));
    lines
}

/// The first characters of a text, with a mark where more follows.
fn short(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_quoted() {
        assert_eq!(quoted("## Progress\nSteps"), "  | ## Progress\n  | Steps");
    }
}
