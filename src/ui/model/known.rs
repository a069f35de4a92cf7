//! What is known of a session, as lines: label and value.

use crate::{
    fold::sessions::Session,
    ui::kit::{money, tokens},
};

/// Cells of a label.
pub const LABEL: usize = 12;

/// The lines about a session; `alive`: somebody runs it.
pub fn lines(session: &Session, alive: bool) -> Vec<String> {
    let who = &session.who;
    let model = who.model.as_deref();
    let price = model.and_then(crate::agent::look::price).map(|price| format!(" ({price})"));
    let mut lines = vec![
        format!("Session     {}  {}", session.short_id, session.id),
        format!("Executor    {} {}", who.adapter, who.cli_version.as_deref().unwrap_or_default()),
        format!("Model       {}{}", model.unwrap_or("not said"), price.unwrap_or_default()),
        format!("Directory   {}", who.working_dir),
    ];
    let optional = [("Branch", &who.branch), ("Worktree", &who.worktree), ("Its own id", &who.native_id)];
    if let Some(isolated) = &who.isolated {
        let carried = if isolated.tree.carried { " (with what was not committed)" } else { "" };
        lines.push(format!("Base        {}{carried}", isolated.tree.base));
        let work = isolated.work.as_ref().map_or("not merged", |work| work.message.as_str());
        lines.push(format!("Work        {work}"));
        lines.extend(isolated.tree.notes.iter().map(|note| format!("Note        {note}")));
    }
    if let Some(parent) = &who.parent {
        lines.push(format!("Forked from {} after turn {}", parent.native_id, parent.turns));
    }
    lines.extend(optional.iter().filter_map(|(name, value)| Some(format!("{name:<11} {}", value.as_ref()?))));
    if let Some(pid) = who.pid.filter(|_| alive && session.end.is_none()) {
        let shared = if who.shared_pid { " (shared with other sessions)" } else { "" };
        lines.push(format!("Process     {pid}{shared}"));
    }
    let usage = &session.spent.usage;
    let about = if session.spent.estimated { "~" } else { "" };
    lines.push(format!(
        "Tokens      {about}{} (in {}, cached {}, out {}, reasoning {})",
        tokens(usage.total()),
        tokens(usage.input),
        tokens(usage.cached_input),
        tokens(usage.output),
        tokens(usage.reasoning)
    ));
    lines.push(format!("Cost        {}", money(session.spent.cost(), session.spent.estimated)));
    lines.push(format!("Turns       {}", session.turns));
    lines.push(format!(
        "Started     {}",
        session.started_at.get(..19).unwrap_or(&session.started_at).replace('T', " ")
    ));
    let native = who.native_id.as_deref().map(|id| match who.adapter.as_str() {
        "codex" => format!("codex resume {id}"),
        "claude" => format!("claude --resume {id}"),
        _ => String::new(),
    });
    lines.extend(native.filter(|text| !text.is_empty()).map(|text| format!("By itself   {text}")));
    if let Some(end) = &session.end {
        lines.push(format!("Ended       {} {}", end.status, end.message.as_deref().unwrap_or_default()));
    }
    lines.push(String::new());
    lines.push("Task".to_owned());
    lines.extend(session.task.lines().map(|line| format!("  {line}")));
    if let Some(last) = &session.last {
        lines.push(String::new());
        let what = if last.response.is_empty() { "No answer" } else { "Answer" };
        lines.push(format!(
            "{what} of turn {} ({})",
            last.number,
            format!("{:?}", last.status).to_lowercase()
        ));
        lines.extend(last.response.lines().map(|line| format!("  {line}")));
    }
    lines.into_iter().map(|line| crate::text::clean_line(&line).into_string()).collect()
}
