//! Exporting an instance: the transcript as Markdown for people, the whole as JSON for programs. Blocking; off the loop.

use std::{
    io::Write,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    error::UserError,
    fold::View,
    protocol::{Body, SessionId, event::Session},
    store::{self, Meta, Reader},
    text::clean_line,
    ui::render::{Source, Transcript, transcript::markdown::session_heading},
};

/// Events that are put into an exported file.
const EXPORTED: usize = 200_000;

/// Writes the transcript as Markdown and the whole as JSON into a directory; the two files.
pub fn export(dir: &Path, into: &Path) -> Result<(PathBuf, PathBuf), UserError> {
    let meta = Meta::read(dir).ok();
    let ours = meta.is_some() || !dir.join("orchestrator").join("messages.json").exists();
    let id = dir.file_name().and_then(|name| name.to_str()).unwrap_or("instance");
    let short: String = id.chars().take(8).collect();
    let name = meta.as_ref().map(|meta| meta.name.as_str()).unwrap_or_default();
    let plain = |c: char| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    let name: String = name.chars().take(40).map(plain).collect();
    let stem = if name.is_empty() || name == short {
        format!("zwarm-{short}")
    } else {
        format!("zwarm-{name}-{short}")
    };
    let (markdown, events) = if ours { ours_as(dir, meta.as_ref())? } else { reference(dir)? };
    let paths = (into.join(format!("{stem}.md")), into.join(format!("{stem}.json")));
    let meta = meta.and_then(|meta| serde_json::to_value(meta).ok()).unwrap_or_default();
    let mut whole = json!({"id": id, "meta": meta, "events": events});
    scrub(&mut whole);
    let text = format!("{whole:#}\n");
    for (path, bytes) in [(&paths.0, markdown.as_slice()), (&paths.1, text.as_bytes())] {
        store::replace(path, bytes).map_err(|error| {
            UserError::failed(
                format!("'{}' cannot be written: {error}", path.display()),
                "look at its permissions",
            )
        })?;
    }
    Ok(paths)
}

/// Markdown and events of an instance of ours.
fn ours_as(dir: &Path, meta: Option<&Meta>) -> Result<(Vec<u8>, Vec<Value>), UserError> {
    let mut view = View::default();
    let mut sessions: Vec<(SessionId, String)> = Vec::new();
    let mut events = Vec::new();
    let mut left_out = 0;
    Reader::open(dir)?.scan(0, &mut |pos, event| {
        let Ok(event) = event else { return ControlFlow::Continue(()) };
        view.apply(&pos, &event);
        if let (Body::Session(body @ Session::SessionStarted(started)), Some(id)) =
            (&event.body, event.session_id)
            && let Some(heading) = session_heading(&started.short_id, body)
        {
            sessions.push((id, heading));
        }
        match event.body.payload() {
            Ok(payload) if events.len() < EXPORTED => {
                events.extend(serde_json::from_str::<Value>(&event.to_line(&payload)));
            }
            _ => left_out += 1,
        }
        ControlFlow::Continue(())
    })?;
    if left_out > 0 {
        events.push(json!({"note": format!("{left_out} more events are in the journal")}));
    }
    let mut out = Vec::new();
    written(dir, meta, &view, &sessions, &mut out)
        .map_err(|error| UserError::failed(format!("it cannot be written: {error}"), "try it again"))?;
    Ok((out, events))
}

fn written(
    dir: &Path,
    meta: Option<&Meta>,
    view: &View,
    sessions: &[(SessionId, String)],
    out: &mut Vec<u8>,
) -> std::io::Result<()> {
    let part = |session: Option<SessionId>| {
        let mut text = Transcript::new(Source { dir: dir.to_owned(), session });
        text.seed(view);
        text.exporter()
    };
    heading(meta, out)?;
    writeln!(out, "## Orchestrator\n")?;
    part(None).markdown(3, out)?;
    for (id, title) in sessions {
        writeln!(out, "## {title}\n")?;
        part(Some(*id)).markdown(3, out)?;
    }
    Ok(())
}

fn heading(meta: Option<&Meta>, out: &mut Vec<u8>) -> std::io::Result<()> {
    let Some(meta) = meta else { return writeln!(out, "# zwarm-tui run\n") };
    let cost = meta.cost_usd.map_or_else(|| "unknown".to_owned(), |cost| format!("${cost:.2}"));
    let about = if meta.estimated { "~" } else { "" };
    let ended = if meta.stopped_by.is_empty() { String::new() } else { format!(" ({})", meta.stopped_by) };
    let rows = [
        ("State", format!("{}{ended}", meta.state)),
        ("Model", meta.model.clone()),
        ("Directory", meta.working_dir.clone()),
        ("Started", meta.created_at.clone()),
        ("Changed", meta.updated_at.clone()),
        ("Steps", meta.steps.to_string()),
        ("Tokens", format!("{about}{}", meta.tokens)),
        ("Cost", cost),
    ];
    writeln!(out, "# {}\n", clean_line(&meta.name))?;
    for (name, value) in rows {
        writeln!(out, "- {name}: {}", clean_line(&value))?;
    }
    writeln!(out)
}

fn reference(dir: &Path) -> Result<(Vec<u8>, Vec<Value>), UserError> {
    let items = store::legacy::items(dir)?;
    let text = super::past::lines(&items).join("\n");
    let values = items.iter().filter_map(|item| serde_json::from_str(item.raw.get()).ok()).collect();
    Ok(((text + "\n").into_bytes(), values))
}

/// Takes control sequences out of every string of a value.
fn scrub(value: &mut Value) {
    match value {
        Value::String(text) => *text = crate::text::clean_whole(text).into_string(),
        Value::Array(all) => all.iter_mut().for_each(scrub),
        Value::Object(all) => all.values_mut().for_each(scrub),
        _ => {}
    }
}
