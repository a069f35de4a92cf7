//! `instances` and `status`: what is in the state folder.

use serde_json::{Value, json};

use super::{Place, age, first_line, table};
use crate::{
    cli::{Which, request},
    error::{UserError, code},
    fold::RunView,
    headless::Out,
    store::{self, Listed, Origin},
    text::{clean_line, say::grouped},
};

/// `instances`.
pub(super) fn instances(place: &Place, all: bool, json: bool, out: &mut Out) -> Result<i32, UserError> {
    let mut found: Vec<Listed> = store::list(&place.state_dir());
    if all {
        let own = place.working_dir.canonicalize().unwrap_or_else(|_| place.working_dir.clone());
        let others = store::projects::others(&place.home.state, &own);
        found.extend(others.iter().flat_map(|dir| store::list(&dir.join(".zwarm"))));
    }
    if json {
        found.iter().for_each(|listed| out.json(&object(listed).to_string()));
        return Ok(code::OK);
    }
    if found.is_empty() {
        out.say("no instances here yet; start one with 'zwarm-tui run -t TASK', or try 'zwarm-tui --demo'");
        return Ok(code::OK);
    }
    let now = jiff::Timestamp::now();
    let mut head: Vec<String> =
        ["id", "name", "state", "steps", "tokens", "cost", "age", "task"].map(str::to_owned).to_vec();
    if all {
        head.push("directory".to_owned());
    }
    let mut rows = vec![head];
    for listed in &found {
        let mut row = row(listed, now);
        if all {
            row.push(listed.meta.working_dir.clone());
        }
        rows.push(row);
    }
    out.say(&table(&rows));
    for listed in &found {
        if let Origin::Damaged(why) = &listed.origin {
            out.note(&format!("'{}' is damaged: {why}", request::short(listed)));
        }
    }
    Ok(code::OK)
}

fn row(listed: &Listed, now: jiff::Timestamp) -> Vec<String> {
    let meta = &listed.meta;
    let steps = if meta.max_steps > 0 {
        format!("{}/{}", meta.steps, meta.max_steps)
    } else {
        meta.steps.to_string()
    };
    vec![
        request::short(listed),
        meta.name.clone(),
        state(listed),
        steps,
        format!("{}{}", if meta.estimated { "~" } else { "" }, grouped(meta.tokens)),
        meta.cost_usd.map_or_else(|| "unknown".to_owned(), |cost| format!("${cost:.2}")),
        age(&meta.updated_at, now),
        first_line(&meta.task),
    ]
}

fn state(listed: &Listed) -> String {
    match &listed.origin {
        Origin::Damaged(_) => "damaged".to_owned(),
        Origin::Ours | Origin::Reference(_) if listed.meta.state.is_empty() => "unknown".to_owned(),
        Origin::Ours => listed.meta.state.clone(),
        Origin::Reference(_) => format!("{} (python)", listed.meta.state),
    }
}

fn object(listed: &Listed) -> Value {
    let mut object = serde_json::to_value(&listed.meta).unwrap_or_else(|_| json!({}));
    object["state"] =
        json!(if matches!(listed.origin, Origin::Damaged(_)) { "damaged" } else { &listed.meta.state });
    object["origin"] = match &listed.origin {
        Origin::Ours => json!("zwarm-tui"),
        Origin::Reference(version) => json!(format!("zwarm {version}")),
        Origin::Damaged(why) => json!(format!("damaged: {why}")),
    };
    object["live_pid"] = json!(listed.live);
    object["dir"] = json!(listed.dir.display().to_string());
    object
}

/// `status`.
pub(super) fn status(place: &Place, which: &Which, out: &mut Out) -> Result<i32, UserError> {
    let found = request::instance(&place.state_dir(), which.instance.as_deref())?;
    let mut run = RunView::default();
    let sessions = super::sessions::all(&found, &mut |event| run.apply(event))?;
    if which.json {
        let mut object = object(&found);
        object["sessions"] = Value::Array(sessions.iter().map(super::sessions::Row::object).collect());
        object["reason"] = json!(run.status.reason);
        object["by"] = json!(run.status.by);
        object["exit_message"] = json!(run.end.as_ref().map(|end| &end.exit_message));
        out.json(&object.to_string());
        return Ok(code::OK);
    }
    let meta = &found.meta;
    let now = jiff::Timestamp::now();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            rows.push(vec![name.to_owned(), value]);
        }
    };
    add("id", meta.id.clone());
    add("name", meta.name.clone());
    let pid = found.live.map(|pid| format!(" in process {pid}")).unwrap_or_default();
    let since = age(&meta.updated_at, now);
    add("state", format!("{}{pid}, {since} ago", state(&found)));
    add("stopped by", meta.stopped_by.clone());
    add("why", run.status.reason.clone());
    add("waits for", meta.waiting_for.clone());
    add("model", meta.model.clone());
    let numbers = row(&found, now);
    add("steps", numbers.get(3).cloned().unwrap_or_default());
    add("tokens", numbers.get(4).cloned().unwrap_or_default());
    add("cost", numbers.get(5).cloned().unwrap_or_default());
    add("directory", meta.working_dir.clone());
    add("files", super::shown(place, &found.dir));
    out.say(&table(&rows));
    if !meta.task.is_empty() {
        out.say(&format!("\ntask\n  {}", meta.task.replace('\n', "\n  ")));
    }
    if let Some(end) = run.end.as_ref().filter(|end| !end.exit_message.is_empty()) {
        out.say(&format!("\nanswer\n  {}", end.exit_message.replace('\n', "\n  ")));
    }
    if !sessions.is_empty() {
        out.say(&format!("\nsessions\n{}", super::sessions::rows(&sessions)));
    }
    if found.live.is_none() && found.origin == Origin::Ours && meta.stopped_by != "exit" {
        out.note(&format!("resume: zwarm-tui run --resume -i {}", clean_line(&request::short(&found))));
    }
    Ok(code::OK)
}
