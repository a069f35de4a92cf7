//! `session list | show | logs`: the executor sessions of an instance, ours or the reference's.

use std::ops::ControlFlow;

use serde_json::{Value, json};

use super::{Place, first_line, runtime, settle::settle, table};
use crate::{
    cli::{SessionCommand, Which, request},
    error::{UserError, code},
    fold::{Sessions, sessions::Doing},
    headless::{Out, story::Story},
    protocol::{Body, Event, SessionId, event::Session as SessionEvent, tree::Settle},
    store::{Feed, Listed, Origin, Reader, legacy},
    text::{cut_middle, say::grouped},
};

/// Characters that are shown of an answer, at each end; `--json` has the whole.
const ANSWER: usize = 6_000;

/// One session as it is listed.
pub(super) struct Row {
    pub id: String,
    pub short_id: String,
    pub adapter: String,
    pub model: String,
    pub state: String,
    pub turns: u32,
    pub tokens: u64,
    pub task: String,
}

impl Row {
    pub(super) fn object(&self) -> Value {
        json!({
            "id": self.id, "short_id": self.short_id, "adapter": self.adapter, "model": self.model,
            "state": self.state, "turns": self.turns, "tokens": self.tokens, "task": self.task,
        })
    }
}

/// Reads an instance's events once: its sessions, and every event to `each`.
pub(super) fn all(listed: &Listed, each: &mut dyn FnMut(&Event)) -> Result<Vec<Row>, UserError> {
    if let Origin::Reference(_) = listed.origin {
        legacy::events(&listed.dir, &mut |_, event| each(&event))?;
        return Ok(legacy::sessions(&listed.dir).into_iter().map(reference_row).collect());
    }
    Ok(fold(listed, each)?.all.iter().map(row).collect())
}

fn fold(listed: &Listed, each: &mut dyn FnMut(&Event)) -> Result<Sessions, UserError> {
    let mut sessions = Sessions::default();
    Reader::open(&listed.dir)?.scan(0, &mut |_, event| {
        if let Ok(event) = event {
            sessions.apply(&event);
            each(&event);
        }
        ControlFlow::Continue(())
    })?;
    Ok(sessions)
}

fn row(session: &crate::fold::sessions::Session) -> Row {
    let state = match (session.doing, &session.end) {
        (_, Some(end)) => end.status.clone(),
        (Doing::Queued, None) => "queued".to_owned(),
        (Doing::Held, None) => "held".to_owned(),
        (Doing::Working, None) => "working".to_owned(),
        (Doing::Idle, None) => "idle".to_owned(),
        (Doing::Ended, None) => "ended".to_owned(),
    };
    Row {
        id: session.id.to_string(),
        short_id: session.short_id.clone(),
        adapter: session.who.adapter.clone(),
        model: session.who.model.clone().unwrap_or_default(),
        state,
        turns: session.turns,
        tokens: session.spent.usage.total(),
        task: session.task.clone(),
    }
}

fn reference_row(session: legacy::Session) -> Row {
    let turns = session.messages.iter().filter(|message| message.role == "user").count();
    Row {
        short_id: session.id.chars().take(8).collect(),
        id: session.id,
        adapter: session.adapter,
        model: session.model.unwrap_or_default(),
        state: session.status,
        turns: u32::try_from(turns).unwrap_or(u32::MAX),
        tokens: session.usage.total(),
        task: session.task,
    }
}

/// A table of sessions.
pub(super) fn rows(sessions: &[Row]) -> String {
    let mut rows: Vec<Vec<String>> =
        vec![["id", "executor", "state", "turns", "tokens", "task"].map(str::to_owned).to_vec()];
    rows.extend(sessions.iter().map(|session| {
        vec![
            session.short_id.clone(),
            session.adapter.clone(),
            session.state.clone(),
            session.turns.to_string(),
            grouped(session.tokens),
            first_line(&session.task),
        ]
    }));
    table(&rows)
}

/// The commands.
pub(super) fn session(place: &Place, command: &SessionCommand, out: &mut Out) -> Result<i32, UserError> {
    match command {
        SessionCommand::List { which } => list(place, which, out),
        SessionCommand::Show { session, which } => show(place, which, session, out),
        SessionCommand::Logs { session, which, follow } => logs(place, which, session, *follow, out),
        SessionCommand::Merge { session, which } => settle(place, session, which, (Settle::Merge, true), out),
        SessionCommand::Keep { session, which } => settle(place, session, which, (Settle::Keep, true), out),
        SessionCommand::Discard { session, which, yes } => {
            settle(place, session, which, (Settle::Discard, *yes), out)
        }
    }
}

fn list(place: &Place, which: &Which, out: &mut Out) -> Result<i32, UserError> {
    let found = request::instance(&place.state_dir(), which.instance.as_deref())?;
    let sessions = all(&found, &mut |_| {})?;
    if which.json {
        sessions.iter().for_each(|session| out.json(&session.object().to_string()));
    } else if sessions.is_empty() {
        out.say(&format!("'{}' has no sessions", found.meta.name));
    } else {
        out.say(&rows(&sessions));
    }
    Ok(code::OK)
}

fn unknown(session: &str, known: &[String]) -> UserError {
    let hint = match known {
        [] => "this instance has no sessions".to_owned(),
        some => format!("the sessions are {}", some.join(", ")),
    };
    UserError::usage(format!("there is no session '{session}'"), hint)
}

fn show(place: &Place, which: &Which, needle: &str, out: &mut Out) -> Result<i32, UserError> {
    let found = request::instance(&place.state_dir(), which.instance.as_deref())?;
    if let Origin::Reference(_) = found.origin {
        return show_reference(&found, which, needle, out);
    }
    let sessions = fold(&found, &mut |_| {})?;
    let known = || sessions.all.iter().map(|session| session.short_id.clone()).collect::<Vec<_>>();
    let session = sessions.find(needle).ok_or_else(|| unknown(needle, &known()))?;
    if which.json {
        out.json(&serde_json::to_string(session).unwrap_or_default());
        return Ok(code::OK);
    }
    out.say(&rows(&[row(session)]));
    out.say(&about(session));
    if let Some(isolated) = &session.who.isolated {
        let (branch, worktree) = (&isolated.tree.branch, &isolated.tree.worktree);
        let work = isolated.work.as_ref().map_or("not merged", |work| work.message.as_str());
        out.say(&format!("branch '{branch}' in '{worktree}': {work}"));
    }
    let id = session.id;
    each_of(&found, id, &mut |event| match &event.body {
        Body::Session(SessionEvent::SessionTurnStarted(turn)) => {
            out.say(&format!("\n── turn {} ──\n{}", turn.turn, turn.prompt));
        }
        Body::Session(SessionEvent::SessionTurnFinished(turn)) => {
            let answer = cut_middle(&turn.response, ANSWER, ANSWER).0;
            let error = turn.error.as_deref().map(|error| format!("\nerror: {error}")).unwrap_or_default();
            out.say(&format!("\n── answer ──\n{answer}{error}"));
        }
        _ => {}
    })?;
    Ok(code::OK)
}

/// Who does the work, in lines.
fn about(session: &crate::fold::sessions::Session) -> String {
    let who = &session.who;
    let model = who.model.as_deref().unwrap_or("the executor's own default");
    let price = crate::agent::look::price(model);
    let price = price.map(|price| format!(" ({price})")).unwrap_or_default();
    let mut lines = vec![format!("model     {model}{price}"), format!("directory {}", who.working_dir)];
    lines.extend(who.cli_version.as_ref().map(|version| format!("version   {version}")));
    lines.extend(who.native_id.as_ref().map(|id| format!("own id    {id}")));
    lines.join("\n")
}

fn show_reference(found: &Listed, which: &Which, needle: &str, out: &mut Out) -> Result<i32, UserError> {
    let sessions = legacy::sessions(&found.dir);
    let known: Vec<String> = sessions.iter().map(|session| session.id.chars().take(8).collect()).collect();
    let mut fitting =
        sessions.into_iter().filter(|session| !needle.is_empty() && session.id.starts_with(needle));
    let (Some(session), None) = (fitting.next(), fitting.next()) else {
        return Err(unknown(needle, &known));
    };
    let messages: Vec<(String, String)> =
        session.messages.iter().map(|message| (message.role.clone(), message.content.clone())).collect();
    let row = reference_row(session);
    if which.json {
        let mut object = row.object();
        object["messages"] =
            messages.iter().map(|(role, content)| json!({"role": role, "content": content})).collect();
        out.json(&object.to_string());
        return Ok(code::OK);
    }
    out.say(&rows(&[row]));
    for (role, content) in messages {
        out.say(&format!("\n── {role} ──\n{}", cut_middle(&content, ANSWER, ANSWER).0));
    }
    Ok(code::OK)
}

/// Every event of one session.
fn each_of(listed: &Listed, id: SessionId, each: &mut dyn FnMut(&Event)) -> Result<u64, UserError> {
    let end = Reader::open(&listed.dir)?.scan(0, &mut |_, event| {
        if let Ok(event) = event
            && event.session_id == Some(id)
        {
            each(&event);
        }
        ControlFlow::Continue(())
    })?;
    Ok(end)
}

fn logs(place: &Place, which: &Which, needle: &str, follow: bool, out: &mut Out) -> Result<i32, UserError> {
    let found = request::instance(&place.state_dir(), which.instance.as_deref())?;
    if let Origin::Reference(_) = found.origin {
        return show_reference(&found, which, needle, out);
    }
    let sessions = fold(&found, &mut |_| {})?;
    let known = || sessions.all.iter().map(|session| session.short_id.clone()).collect::<Vec<_>>();
    let id = sessions.find(needle).ok_or_else(|| unknown(needle, &known()))?.id;
    let mut story = Story::default();
    let json = which.json;
    let mut print = |event: &Event, out: &mut Out| {
        if json {
            out.json(&event.to_line(&event.body.payload().unwrap_or_else(|_| "null".to_owned())));
        } else if let Some(text) = story.tell(event) {
            out.text(&text);
        }
    };
    let end = each_of(&found, id, &mut |event| print(event, out))?;
    if !follow || found.live.is_none() {
        return Ok(code::OK);
    }
    runtime()?.block_on(async {
        let mut feed = Feed::foreign(&found.dir, end);
        while let Some(published) = feed.next().await {
            let event = &published.recorded.event;
            if event.session_id == Some(id) {
                print(event, out);
                out.flush();
            }
            let over = matches!(&event.body, Body::Run(crate::protocol::event::Run::RunFinished(_)));
            let ended = event.session_id == Some(id)
                && matches!(&event.body, Body::Session(SessionEvent::SessionCompleted(_)));
            if over || ended || out.closed() {
                break;
            }
        }
    });
    Ok(code::OK)
}
