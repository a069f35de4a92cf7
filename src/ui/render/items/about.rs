//! Events around the work: launches, steps, states, problems, the inbox, watchers and budgets.

use super::{
    Shown,
    history::{note, nudge},
    session::about,
};
use crate::{
    protocol::{
        NudgeTarget,
        command::Cap,
        event::{Guard, Human, InboxKind, InboxOpened, Run, RunState, StepStarted, Verdict},
    },
    text::{clean_line, cut},
    ui::{
        render::{Brush, Strip, gauge},
        theme::{Content, Icon, Role},
    },
};

/// Cells of the command of an approval.
const ASKED: usize = 200;

pub(super) fn run(shown: &Shown<'_>, body: &Run, brush: &Brush<'_>, out: &mut Vec<Strip>) {
    match body {
        Run::StepStarted(started) => step(shown, started, brush, out),
        Run::RunStarted(started) => {
            let what = if started.resumed { "resumed" } else { "started" };
            let text = format!("{what} {} · {}", shown.event.timestamp.clock(), started.model);
            about(Icon::Closed, Role::Strong, &text, brush, out);
        }
        // Its end, which follows, tells the rest.
        Run::RunStateChanged(changed) if changed.state == RunState::Stopping && changed.by == "exit" => {
            note("exit was called: the run ends", brush, out);
        }
        Run::RunStateChanged(changed) => {
            let (icon, role, word) = match changed.state {
                RunState::Paused | RunState::Pausing => (Icon::Pause, Role::Pause, "PAUSED"),
                RunState::Sleeping => (Icon::Pause, Role::Pause, "SLEEPING"),
                RunState::Stopping => (Icon::Stop, Role::Bad, "STOPPING"),
                RunState::Ended => (Icon::Stop, Role::Strong, "ENDED"),
                RunState::Running => (Icon::Closed, Role::Good, "RUNNING"),
            };
            let reason = if ["", "paused"].contains(&changed.reason.as_str()) {
                String::new()
            } else {
                format!(": {}", changed.reason)
            };
            let until = changed
                .until
                .as_deref()
                .map(|until| format!(" (until {})", shown.event.timestamp.tell(until)));
            let until = until.unwrap_or_default();
            about(icon, role, &format!("{word} by {}{reason}{until}", changed.by), brush, out);
        }
        Run::RunRenamed(renamed) => {
            about(Icon::Closed, Role::Strong, &format!("renamed to '{}'", renamed.name), brush, out);
        }
        Run::ProblemRaised(problem) => {
            let (icon, role) = if problem.fatal { (Icon::Bad, Role::Bad) } else { (Icon::Warn, Role::Warn) };
            about(icon, role, &format!("{}: {}", problem.place, problem.message), brush, out);
            if !problem.hint.is_empty() {
                note(&clean_line(&problem.hint), brush, out);
            }
        }
        Run::Recovered(recovered) => {
            let mut parts = vec!["recovered after a crash".to_owned()];
            if recovered.torn_bytes > 0 {
                parts.push(format!("{} of an unfinished line set aside", gauge::bytes(recovered.torn_bytes)));
            }
            if recovered.skipped_lines > 0 {
                parts.push(format!("{} damaged lines skipped", recovered.skipped_lines));
            }
            if let Some(step) = recovered.interrupted_step {
                parts.push(format!("step {step} was interrupted"));
            }
            if recovered.reaped_processes > 0 {
                parts.push(format!("{} processes ended", recovered.reaped_processes));
            }
            about(Icon::Warn, Role::Warn, &parts.join("; "), brush, out);
        }
        Run::ClockChanged(clock) => {
            about(Icon::Warn, Role::Warn, &format!("the clock went {}", clock.words()), brush, out);
        }
        Run::RunFinished(finished) => {
            let (icon, role) =
                if finished.exit_code == 0 { (Icon::Good, Role::Good) } else { (Icon::Stop, Role::Bad) };
            let steps = if finished.steps == 1 { "step" } else { "steps" };
            let text = format!("ended after {} {steps}: {}", finished.steps, finished.stopped_by);
            about(icon, role, &text, brush, out);
            for line in &finished.unmerged {
                about(Icon::Warn, Role::Warn, &format!("not merged: {line}"), brush, out);
            }
            if !finished.exit_message.is_empty() {
                super::block::prose(
                    &finished.exit_message,
                    true,
                    0,
                    Role::Text,
                    &brush.strip("  ", Role::Text),
                    brush,
                    out,
                );
            }
        }
        Run::StepFinished(_) => {}
    }
}

/// `step 12 ────── 12:05:02  +1.4k tok`; on a wide screen with an empty row before it.
fn step(shown: &Shown<'_>, started: &StepStarted, brush: &Brush<'_>, out: &mut Vec<Strip>) {
    if !shown.first && brush.width >= 84 {
        out.push(Strip::default());
    }
    let rule = brush.style(Role::Content(Content::Rule));
    let narrow = brush.width < 60;
    let clock = shown.event.timestamp.clock();
    let name = if narrow { format!("{} ", started.step) } else { format!("step {} ", started.step) };
    let clock = if narrow { clock[..clock.len().min(5)].to_owned() } else { clock };
    let spent = match shown.step {
        Some(step) if step.tokens > 0 && brush.width >= 84 => {
            format!("+{} tok", gauge::count(u64::from(step.tokens)))
        }
        Some(step) if step.tokens > 0 => format!("+{}", gauge::count(u64::from(step.tokens))),
        Some(step) if !step.finished && shown.newest => "running".to_owned(),
        _ => String::new(),
    };
    let tail = if narrow { format!(" {clock} {spent}") } else { format!(" {clock}  {spent:<9}") };
    let tail = if narrow { tail.trim_end().to_owned() } else { tail };
    let mut strip = brush.strip(name, Role::Strong);
    let fill = brush.width.saturating_sub(strip.width() + tail.chars().count());
    strip.push(brush.sign(Icon::Rule).repeat(fill), rule);
    strip.push(tail, rule);
    out.push(strip.cut(brush.width));
}

pub(super) fn human(shown: &Shown<'_>, body: &Human, brush: &Brush<'_>, out: &mut Vec<Strip>) {
    match body {
        Human::NudgeQueued(queued) => {
            let who = if queued.by == "human" { String::new() } else { format!("{}: ", queued.by) };
            if matches!(queued.target, NudgeTarget::Session(_) | NudgeTarget::Orchestrator) {
                nudge(&who, &queued.text, brush, out);
            }
        }
        Human::InboxOpened(opened) => {
            let word = match opened.what {
                InboxKind::Approval => "APPROVAL",
                InboxKind::Question => "QUESTION",
                InboxKind::WatcherPause => "WATCHER",
                InboxKind::Budget => "BUDGET",
                InboxKind::Failure => "FAILURE",
            };
            about(Icon::Warn, Role::Warn, &format!("{word} {}", asked(opened)), brush, out);
        }
        Human::InboxClosed(closed) => {
            let text = closed.text.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
            let asked = if closed.about.is_empty() {
                String::new()
            } else {
                format!(" · {}", clean_line(&closed.about))
            };
            let line = format!("{}{text}{asked}", decided(&closed.choice, &closed.by));
            let icon = if closed.choice.starts_with("accept") || closed.choice.starts_with("continue") {
                Icon::Good
            } else {
                Icon::Note
            };
            about(icon, Role::Dim, &line, brush, out);
            let _ = shown;
        }
        Human::NudgeChanged(changed) => nudge("(changed) ", &changed.text, brush, out),
        Human::NudgeWithdrawn(gone) => {
            note(&format!("nudge not delivered: {}", clean_line(&gone.why)), brush, out)
        }
        _ => {}
    }
}

/// The title of a card, with the command that an approval is about.
pub fn asked(opened: &InboxOpened) -> String {
    match opened.detail["command"].as_str().filter(|_| opened.what == InboxKind::Approval) {
        Some(command) => format!("{}: {}", opened.title, cut::ellipsis(command, ASKED)),
        None => opened.title.clone(),
    }
}

/// `accepted for this session by human`.
pub fn decided(choice: &str, by: &str) -> String {
    let word = match choice {
        "accept" => "accepted",
        "accept_for_session" => "accepted for this session",
        "decline" => "declined",
        "cancel" if by == "dropped" => return "no longer asked".to_owned(),
        "cancel" => "cancelled",
        other => return format!("{} by {by}", other.replace('_', " ")),
    };
    format!("{word} by {by}")
}

pub(super) fn guard(body: &Guard, brush: &Brush<'_>, out: &mut Vec<Strip>) {
    match body {
        Guard::WatcherSpoke(spoke) => {
            let (icon, role, word) = match spoke.verdict {
                Verdict::Abort => (Icon::Stop, Role::Bad, "ABORT"),
                Verdict::Pause => (Icon::Pause, Role::Pause, "PAUSE"),
                Verdict::Nudge => (Icon::Nudge, Role::Nudge, "NUDGE"),
                Verdict::Continue => (Icon::Note, Role::Dim, "ok"),
            };
            about(icon, role, &format!("{word} {}: {}", spoke.watcher, spoke.reason), brush, out);
        }
        Guard::BudgetWarned(warned) => {
            let text = spent(warned.which, warned.spent, Some(warned.cap), &warned.scope);
            let text = if warned.estimated { format!("~{text}") } else { text };
            about(Icon::Warn, Role::Warn, &format!("BUDGET {text}"), brush, out);
        }
        Guard::BudgetExceeded(gone) => {
            let text = spent(gone.which, gone.spent, Some(gone.cap), &gone.scope);
            let text = if gone.estimated { format!("~{text}") } else { text };
            about(Icon::Pause, Role::Bad, &format!("BUDGET {text}: {}", gone.action), brush, out);
        }
        Guard::BudgetChanged(changed) => {
            let text = spent(changed.which, changed.spent, changed.cap, &changed.scope);
            about(Icon::Note, Role::Dim, &format!("budget changed: {text}"), brush, out);
        }
        Guard::WatchersRun(_) | Guard::WatcherChanged(_) => {}
    }
}

fn spent(which: Cap, spent: f64, cap: Option<f64>, scope: &str) -> String {
    let (name, number): (_, fn(f64) -> String) = match which {
        Cap::MaxTokens => ("tokens", tokens),
        Cap::MaxOrchestratorTokens => ("orchestrator tokens", tokens),
        Cap::MaxExecutorTokens => ("executor tokens", tokens),
        Cap::MaxCostUsd => ("cost", |n| format!("${n:.2}")),
        Cap::MaxMinutes => ("minutes", |n| format!("{n:.0}")),
        Cap::MaxSessions => ("sessions at once", |n| format!("{n:.0}")),
        Cap::MaxTotalSessions => ("sessions", |n| format!("{n:.0}")),
        Cap::MaxSteps => ("steps", |n| format!("{n:.0}")),
    };
    let cap = cap.map_or_else(|| "no limit".to_owned(), number);
    let scope = if scope == "run" { String::new() } else { format!(" ({scope})") };
    format!("{name} {} of {cap}{scope}", number(spent))
}

fn tokens(number: f64) -> String {
    crate::ui::kit::tokens(number.max(0.0) as u64)
}
