//! A session's turns and what its executor was seen to do.

use super::{Painted, Shown, block, call, history};
use crate::{
    protocol::event::{Activity, By, ChangeKind, FileChange, Session, SessionTurnStarted, TurnStatus},
    text::{clean_line, cut, wrap::Break},
    ui::{
        render::{Brush, Strip, diff, gauge},
        theme::{Content, Icon, Role},
    },
};

/// Rows of a prompt while folded.
const PROMPT_ROWS: usize = 4;
/// Changed files that are listed of one activity.
const FILES_SHOWN: usize = 50;

pub(super) fn paint(shown: &Shown<'_>, body: &Session, brush: &Brush<'_>, painted: &mut Painted) {
    let out = &mut painted.rows;
    match body {
        Session::SessionTurnStarted(started) => turn(shown, started, brush, out),
        Session::SessionTurnFinished(finished) => {
            let (role, word) = match finished.status {
                TurnStatus::Completed => (Role::Good, "completed"),
                TurnStatus::Interrupted => (Role::Warn, "interrupted"),
                TurnStatus::Failed => (Role::Bad, "failed"),
            };
            let mut strip = brush.strip(format!("#{} turn  ", finished.turn), Role::Dim);
            strip.push(word, brush.style(role));
            strip.push(format!(" · {}", gauge::duration(finished.duration_ms)), brush.style(Role::Dim));
            out.push(strip.cut(brush.width));
            if let Some(error) = &finished.error {
                about(Icon::Bad, Role::Bad, error, brush, out);
            }
        }
        Session::SessionCompleted(completed) => {
            let message = completed.exit_message.as_deref().unwrap_or_default();
            let text = format!("session {}: {message}", completed.status);
            about(Icon::Stop, Role::Strong, text.trim_end_matches(": "), brush, out);
        }
        Session::ActivityAdded(added) => activity(shown, &added.activity, brush, painted),
        Session::FilesFound(found) => {
            let whose =
                if found.shared { "found changed, perhaps by another session" } else { "found changed" };
            let more = if found.more > 0 { format!(" and {} more", found.more) } else { String::new() };
            about(Icon::Bullet, Role::Dim, &format!("{whose}{more}"), brush, out);
            edit(shown, &found.changes, "", brush, out);
        }
        Session::SessionStarted(_) | Session::SessionTurnQueued(_) | Session::SessionChanged(_) => {}
    }
}

fn turn(shown: &Shown<'_>, started: &SessionTurnStarted, brush: &Brush<'_>, out: &mut Vec<Strip>) {
    let what = match (started.by, started.turn) {
        (By::Human, _) => "from you",
        (By::Orchestrator, 1) => "task",
        (By::Orchestrator, _) => "converse",
    };
    let mut rule = brush.strip(format!("#{} {what}  ", started.turn), Role::Strong);
    let dim = brush.style(Role::Content(Content::Rule));
    rule.push(format!("{} ", shown.event.timestamp.clock()), dim);
    rule.push(brush.sign(Icon::Rule).repeat(brush.width.saturating_sub(rule.width())), dim);
    out.push(rule.cut(brush.width));
    block::prose(
        &started.prompt,
        shown.open,
        PROMPT_ROWS,
        Role::Text,
        &brush.strip("  ", Role::Text),
        brush,
        out,
    );
}

fn activity(shown: &Shown<'_>, activity: &Activity, brush: &Brush<'_>, painted: &mut Painted) {
    let out = &mut painted.rows;
    match activity {
        Activity::Message { text } => painted.pending = history::message(text, brush, out),
        Activity::Reasoning { text } => history::thought(text, shown.open, brush, out),
        Activity::Shell { command, exit_code, output, duration_ms, .. } => {
            let mut head = fold_mark(shown.open, brush);
            head.push("$ ", brush.style(Role::Accent));
            head.push(clean_line(command), brush.style(Role::Text));
            let mut right = Strip::default();
            if activity.is_declined() {
                right.push(format!("{} declined", brush.sign(Icon::Bad)), brush.style(Role::Bad));
            }
            if let Some(exit) = exit_code {
                let role = if *exit == 0 { Role::Good } else { Role::Bad };
                right.push(format!("exit {exit}"), brush.style(role));
            }
            if let Some(ms) = duration_ms {
                right.push(format!("   {}", gauge::duration(*ms)), brush.style(Role::Dim));
            }
            out.push(head.with_right(&right, brush.width));
            if shown.open {
                if command.contains('\n') {
                    block::prose(command, true, 0, Role::Dim, &brush.strip("    ", Role::Dim), brush, out);
                }
                block::output(output, true, 0, brush, out);
            }
        }
        Activity::FileChange { changes, diff } => painted.pending = edit(shown, changes, diff, brush, out),
        Activity::ToolCall { name, arguments, result, ok } => {
            let mut head = fold_mark(shown.open, brush);
            call::title(&mut head, name, arguments, brush);
            let (icon, role) = if *ok { (Icon::Good, Role::Good) } else { (Icon::Bad, Role::Bad) };
            out.push(head.with_right(&brush.strip(brush.sign(icon), role), brush.width));
            if shown.open {
                let indent = brush.strip("    ", Role::Dim);
                block::prose(&call::arguments(arguments), true, 0, Role::Dim, &indent, brush, out);
                block::output(result, true, 0, brush, out);
            }
        }
        Activity::Plan { items } => {
            for item in items.iter().take(FILES_SHOWN) {
                let (icon, role) = match item.status.as_str() {
                    "completed" => (Icon::Good, Role::Good),
                    "in_progress" => (Icon::Doing, Role::Accent),
                    _ => (Icon::Todo, Role::Dim),
                };
                about_in(icon, role, Role::Text, &item.text, brush, out);
            }
        }
        Activity::Error { message, will_retry } => {
            let again = if *will_retry { " (tries again)" } else { "" };
            about(Icon::Bad, Role::Bad, &format!("{message}{again}"), brush, out);
        }
        Activity::Unknown { raw } => {
            let text = cut::at_most(&raw.to_string(), 2_000).to_owned();
            about(Icon::Note, Role::Dim, &text, brush, out);
            out.truncate(2);
        }
    }
}

/// The files of a change, and what was changed where it is open. True: colours of code are pending.
fn edit(
    shown: &Shown<'_>,
    changes: &[FileChange],
    unified: &str,
    brush: &Brush<'_>,
    out: &mut Vec<Strip>,
) -> bool {
    for (at, change) in changes.iter().take(FILES_SHOWN).enumerate() {
        let mut head = if at == 0 { fold_mark(shown.open, brush) } else { brush.strip("  ", Role::Dim) };
        head.push(format!("{} ", brush.sign(Icon::Edit)), brush.style(Role::Accent));
        let path = diff::short_path(&clean_line(&change.path), brush.width.saturating_sub(20));
        head.push(path, brush.style(Role::Text));
        let word = match change.kind {
            ChangeKind::Add => " (new)",
            ChangeKind::Delete => " (deleted)",
            ChangeKind::Update => "",
        };
        head.push(word, brush.style(Role::Dim));
        let known = change.added + change.removed > 0;
        let right = if known { diff::counts(change.added, change.removed, brush) } else { Strip::default() };
        out.push(head.with_right(&right, brush.width));
    }
    if changes.len() > FILES_SHOWN {
        history::note(&format!("{} more files", changes.len() - FILES_SHOWN), brush, out);
    }
    let mut pending = false;
    if !shown.open {
        return pending;
    }
    for file in diff::parse(cut::at_most(unified, block::ITEM_SHOWN)) {
        if changes.len() > 1 {
            out.push(diff::header(&file, true, brush));
        }
        let coded = diff::Coded::new(&file);
        for (at, line) in file.lines.iter().enumerate() {
            if out.len() >= block::EXPANDED_ROWS {
                history::note("more lines (o open in $PAGER)", brush, out);
                return pending;
            }
            out.push(diff::line(line, &coded.pieces(at, brush.code), 0, brush));
        }
        pending |= coded.is_pending();
    }
    pending
}

fn fold_mark(open: bool, brush: &Brush<'_>) -> Strip {
    brush.mark(if open { Icon::Open } else { Icon::Closed }, Role::Dim)
}

/// A sign and a text of at most a few rows.
pub(super) fn about(icon: Icon, role: Role, text: &str, brush: &Brush<'_>, out: &mut Vec<Strip>) {
    about_in(icon, role, role, text, brush, out);
}

fn about_in(icon: Icon, sign: Role, role: Role, text: &str, brush: &Brush<'_>, out: &mut Vec<Strip>) {
    let first = brush.mark(icon, sign);
    let rest = brush.indent(&first);
    let line = brush.strip(clean_line(&text.trim_end().replace('\n', " ")), role);
    brush.lay(&line, Break::Words, &first, &rest, out);
}
