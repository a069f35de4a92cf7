//! Results as JSON, with the reference's keys. `Err` carries a result with `success: false`.

use serde_json::{Value, json};

use crate::{
    fold::{
        Sessions,
        sessions::{Doing, LastTurn, Session},
    },
    protocol::{
        SessionId,
        event::{Activity, Mode, TurnStatus},
        tree::{Outcome, Settled},
    },
};

/// Characters of an activity's text in `get_trajectory` without `full`.
const SHORT: usize = 300;
/// With `full`.
const FULL: usize = 4_000;

fn short(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Sync => "sync",
        Mode::Async => "async",
    }
}

/// `"[1a2b3c4d] codex (sync)"`, as the reference names a session.
fn label(session: &Session) -> String {
    let short_id: String = session.id.to_string().chars().take(8).collect();
    format!("[{short_id}] {} ({})", session.who.adapter, mode(session.mode))
}

fn tokens(session: &Session) -> Value {
    let usage = session.spent.usage;
    json!({ "input_tokens": usage.input, "output_tokens": usage.output, "total_tokens": usage.total() })
}

/// An unknown session id.
pub fn unknown_session(sessions: &Sessions, wanted: &str) -> Value {
    let known: Vec<_> = sessions.all.iter().map(|session| session.short_id.as_str()).collect();
    let hint = if known.is_empty() {
        "no session was opened yet".to_owned()
    } else {
        format!("sessions: {}", known.join(", "))
    };
    json!({ "success": false, "error": format!("there is no session '{}'", short(wanted, 80)), "hint": hint })
}

/// An async `delegate` has begun.
pub fn delegate_started(session: &Session) -> Value {
    let status = if session.doing == Doing::Working { "running" } else { "queued" };
    let value = json!({
        "success": true, "session": label(session), "session_id": session.id.to_string(), "short_id": session.short_id,
        "status": status, "task": short(&session.task, 100),
        "hint": "it works in the background; call wait to be told when it ends",
    });
    with_tree(session, value)
}

/// A sync `delegate` has ended. `file`: where the whole answer is.
pub fn delegate_ended(session: &Session, file: &str) -> Result<Value, Value> {
    let value = json!({
        "success": true, "session": label(session), "session_id": session.id.to_string(), "short_id": session.short_id,
        "status": "active", "task": short(&session.task, 100),
    });
    let mut value = with_tree(session, value);
    turn_result(session, file, &mut value)
}

/// A `converse` has ended.
pub fn converse_ended(session: &Session, file: &str) -> Result<Value, Value> {
    let mut value = json!({
        "success": true, "session": label(session), "session_id": session.id.to_string(), "short_id": session.short_id,
        "turn": session.turns,
    });
    turn_result(session, file, &mut value)
}

fn turn_result(session: &Session, file: &str, value: &mut Value) -> Result<Value, Value> {
    let Some(last) = &session.last else {
        return Err(
            json!({ "success": false, "error": "the turn left no result", "session_id": session.id.to_string() }),
        );
    };
    value["response"] = json!(answer(last, file));
    value["tokens"] = tokens(session);
    match last.status {
        TurnStatus::Completed => {
            value["hint"] = json!("continue with converse, or close it with end_session");
            return Ok(value.take());
        }
        TurnStatus::Interrupted => value["interrupted"] = json!(true),
        TurnStatus::Failed => {}
    }
    value["success"] = json!(false);
    value["error"] = json!(last.error.clone().unwrap_or_else(|| "the turn was interrupted".to_owned()));
    value["hint"] = json!("the session can be continued with converse; check first what was done");
    Err(value.take())
}

/// The answer as the model gets it: both ends, and where the rest is.
fn answer(last: &LastTurn, file: &str) -> String {
    if last.cut == 0 {
        last.response.clone()
    } else {
        format!("{}\n[the whole answer: {file}]", last.response)
    }
}

/// An async `converse` has begun.
pub fn converse_started(session: &Session) -> Value {
    json!({
        "success": true, "session": label(session), "session_id": session.id.to_string(), "turn": session.turns,
        "status": if session.doing == Doing::Working { "running" } else { "queued" },
        "hint": "call wait to be told when it ends",
    })
}

/// Why a session cannot be continued now.
pub fn cannot_converse(session: &Session) -> Option<Value> {
    let error = match session.doing {
        Doing::Idle => return None,
        Doing::Ended => format!("{} has ended", session.short_id),
        Doing::Working | Doing::Queued | Doing::Held => format!("{} is still at work", session.short_id),
    };
    let hint = match session.doing {
        Doing::Ended => "delegate anew",
        _ => "wait for it first",
    };
    Some(json!({ "success": false, "error": error, "session_id": session.id.to_string(), "hint": hint }))
}

/// `check_session`.
pub fn check_session(sessions: &Sessions, wanted: &str, now: jiff::Timestamp) -> Result<Value, Value> {
    let Some(session) = sessions.find(wanted) else { return Err(unknown_session(sessions, wanted)) };
    let status = match (session.doing, session.last.as_ref().map(|last| last.status)) {
        (Doing::Working, _) => "running",
        (Doing::Queued, _) => "queued",
        (Doing::Held, _) => "held",
        (_, Some(TurnStatus::Failed)) => "failed",
        (_, Some(TurnStatus::Interrupted)) => "interrupted",
        (_, Some(TurnStatus::Completed)) => "completed",
        (_, None) => "unknown",
    };
    let mut value = json!({
        "success": true, "session": label(session), "session_id": session.id.to_string(), "short_id": session.short_id,
        "mode": mode(session.mode), "status": status, "is_running": session.doing == Doing::Working,
        "messages": session.turns * 2, "turn": session.turns, "task": short(&session.task, 80), "usage": tokens(session),
    });
    if let Some(turn) = &session.turn {
        value["now"] = json!(turn.now);
        let started = turn.started_at.as_deref().and_then(|at| at.parse::<jiff::Timestamp>().ok());
        if let Some(started) = started {
            value["runtime_seconds"] = json!((now.as_second() - started.as_second()).max(0));
        }
    } else if let Some(last) = &session.last {
        value["response"] = json!(last.response);
        if let Some(error) = &last.error {
            value["error"] = json!(error);
        }
    }
    Ok(value)
}

/// `list_sessions`. `status`: active, completed or failed.
pub fn list_sessions(sessions: &Sessions, status: Option<&str>) -> Value {
    let rows: Vec<Value> = sessions.all.iter().filter_map(|session| {
        let (word, sign) = match session.end.as_ref().map(|end| end.status.as_str()) {
            None => ("active", "● active"),
            Some("completed") => ("completed", "✓ completed"),
            Some(_) => ("failed", "✗ failed"),
        };
        if status.is_some_and(|wanted| wanted != word) {
            return None;
        }
        let short_id: String = session.id.to_string().chars().take(8).collect();
        Some(json!({
            "id": format!("{short_id}..."), "full_id": session.id.to_string(), "short_id": session.short_id,
            "status": sign, "is_running": session.doing == Doing::Working, "adapter": session.who.adapter,
            "mode": mode(session.mode), "task": short(&session.task, 60), "turns": session.turns,
            "tokens": session.spent.usage.total(),
        }))
    }).collect();
    json!({ "success": true, "sessions": rows, "count": rows.len(), "filter": status.unwrap_or("all") })
}

/// `end_session`.
/// `end_session` of a session in a worktree, with the verdict `completed`: merged and ended, or neither.
pub fn session_merged(session: &Session, end: &super::EndSession, settled: &Settled) -> Result<Value, Value> {
    let branch = session.who.branch.as_deref().unwrap_or_default();
    let worktree = session.who.worktree.as_deref().unwrap_or_default();
    if settled.is_done() {
        let mut value = session_ended(session, end);
        value["merged"] = json!({
            "branch": branch, "into": settled.into, "commit": settled.commit, "files": settled.files,
            "message": settled.message,
        });
        return Ok(value);
    }
    let conflicts = settled.outcome == Outcome::Conflicts;
    let hint = if conflicts {
        "the session was not ended. Have it redo its work on the newest state (delegate anew), or merge the branch \
         yourself with bash (git merge) and end it then; the verdict failed leaves the branch aside"
    } else {
        "the session was not ended. Put that right and call end_session again; the verdict failed leaves the branch \
         aside"
    };
    Err(json!({
        "success": false, "session": label(session), "session_id": session.id.to_string(),
        "error": settled.message, "conflicts": if conflicts { json!(settled.files) } else { json!([]) },
        "branch": branch, "directory": worktree, "hint": hint,
    }))
}

/// Where an isolated session works.
fn with_tree(session: &Session, mut value: Value) -> Value {
    if let Some(isolated) = &session.who.isolated {
        let tree = &isolated.tree;
        value["branch"] = json!(tree.branch);
        value["directory"] = json!(session.who.working_dir);
        value["base"] = json!(tree.base);
        let mut note =
            "it works in a git worktree of its own: its changes are not in your working directory until \
                        end_session with the verdict completed merges its branch; look at them with \
                        'git -C DIRECTORY diff BASE'"
                .to_owned();
        for more in &tree.notes {
            note.push_str(&format!(". {more}"));
        }
        value["isolation"] = json!(note);
    }
    value
}

pub fn session_ended(session: &Session, end: &super::EndSession) -> Value {
    let status = session.end.as_ref().map_or(end.verdict.as_str(), |end| end.status.as_str());
    let verdict = match status {
        "completed" => "✓ completed",
        "cancelled" => "○ cancelled",
        _ => "✗ failed",
    };
    json!({
        "success": true, "session": label(session), "session_id": session.id.to_string(), "verdict": verdict,
        "summary": end.summary.as_deref().unwrap_or("(no summary)"), "total_turns": session.turns,
        "total_tokens": session.spent.usage.total(), "token_usage": tokens(session),
    })
}

/// `wait`. `sessions`: those that were waited for. `woke_by`: session, human or timeout.
pub fn wait_result(sessions: &Sessions, waited: &[SessionId], asking: &[SessionId], woke_by: &str) -> Value {
    let mut ended = Vec::new();
    let mut running = Vec::new();
    for session in waited.iter().filter_map(|id| sessions.get(*id)) {
        match (&session.turn, &session.last) {
            (None, Some(last)) => {
                let status = match last.status {
                    TurnStatus::Completed => "completed",
                    TurnStatus::Interrupted => "interrupted",
                    TurnStatus::Failed => "failed",
                };
                let response =
                    last.error.as_deref().filter(|_| last.response.is_empty()).unwrap_or(&last.response);
                ended.push(json!({
                    "session_id": session.id.to_string(), "short_id": session.short_id, "status": status, "response": response,
                }));
            }
            (Some(_), _) => running.push(session.short_id.clone()),
            (None, None) => {}
        }
    }
    let name = |id: &SessionId| sessions.get(*id).map(|session| session.short_id.clone());
    let asking: Vec<_> = asking.iter().filter_map(name).collect();
    let mut value = json!({
        "success": true, "ended": ended, "asking": asking, "still_running": running, "woke_by": woke_by,
    });
    if waited.is_empty() {
        value["hint"] = json!("no session is at work");
    }
    value
}

/// `get_trajectory`: the newest activities, oldest first.
pub fn trajectory(activities: &[(u32, Activity)], total: usize, full: bool) -> Value {
    let limit = if full { FULL } else { SHORT };
    let rows: Vec<Value> =
        activities.iter().map(|(turn, activity)| row(*turn, activity, full, limit)).collect();
    json!({ "success": true, "activities": rows, "total": total })
}

fn row(turn: u32, activity: &Activity, full: bool, limit: usize) -> Value {
    let mut value = serde_json::to_value(activity).unwrap_or_default();
    if let Some(map) = value.as_object_mut() {
        map.insert("turn".to_owned(), turn.into());
        if !full {
            for heavy in ["output", "diff", "result"] {
                map.remove(heavy);
            }
        }
        for text in map.values_mut() {
            if let Value::String(long) = text {
                *long = short(long, limit);
            }
        }
    }
    value
}

#[cfg(test)]
#[path = "results_tests.rs"]
mod tests;
