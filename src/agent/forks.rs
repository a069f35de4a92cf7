//! A run is forked at a step: a new instance that begins with the parent's journal up to there. The parent is only read.
//!
//! Sessions of the parent are forked natively when the new run first speaks to them; their conversations are as they are
//! now, which may be further than the step. Files are not turned back. A session with a worktree stays the parent's.

use std::{
    io::Read as _,
    ops::ControlFlow,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    error::UserError,
    fold::State,
    protocol::{
        Body, Event, InstanceId, Recorded, SessionId, Stamp,
        event::{
            ForkedFrom, Parent, Run, RunFinished, RunKind, RunStarted, SessionChanged, SessionCompleted,
            VERSION,
        },
    },
    store::{self, EVENTS, Journal, Listed, Meta, Origin, Reader},
};

/// What is copied of the parent's journal.
struct Cut {
    state: State,
    started: RunStarted,
    seq: u64,
    bytes: u64,
    step: u32,
}

/// Makes the new instance and gives its folder; it is resumed like any other. `step`: the last one that it keeps
/// (`None`: the newest that has ended).
pub fn fork(
    parent: &Listed,
    state_dir: &Path,
    step: Option<u32>,
    name: Option<&str>,
) -> Result<PathBuf, UserError> {
    let shown = crate::text::clean_line(&parent.meta.name).into_string();
    if parent.origin != Origin::Ours || parent.meta.kind != RunKind::Run {
        return Err(UserError::usage(format!("'{shown}' is no run that could be forked"), ""));
    }
    let cut = cut(&parent.dir, step)?.ok_or_else(|| match step {
        Some(step) => UserError::usage(
            format!("'{shown}' has no step {step} that has ended"),
            "'zwarm-tui history -k step_finished' lists them",
        ),
        None => UserError::usage(format!("'{shown}' has no step that has ended"), "start it anew"),
    })?;
    let id = InstanceId::random();
    let now = Stamp::now().to_string();
    let meta = Meta {
        id: id.to_string(),
        name: name.map_or_else(|| format!("{shown}-at-{}", cut.step), str::to_owned),
        task: parent.meta.task.clone(),
        state: "stopped".to_owned(),
        kind: RunKind::Run,
        working_dir: parent.meta.working_dir.clone(),
        model: parent.meta.model.clone(),
        created_at: now.clone(),
        updated_at: now,
        ..Meta::default()
    };
    let dir = store::instance::create(state_dir, &meta)?;
    let filled = copy(&parent.dir, &dir, cut.bytes)
        .map_err(|error| UserError::failed(format!("the journal cannot be copied: {error}"), ""))
        .and_then(|()| mark(&dir, parent, &meta.name, &cut));
    if let Err(error) = filled {
        let _ = std::fs::remove_dir_all(&dir);
        return Err(error);
    }
    Ok(dir)
}

/// The parent up to the end of a step.
fn cut(dir: &Path, step: Option<u32>) -> Result<Option<Cut>, UserError> {
    let (mut state, mut started, mut found) = (State::default(), None, None);
    Reader::open(dir)?.scan(0, &mut |pos, event| {
        let Ok(event) = event else { return ControlFlow::Continue(()) };
        state.apply(&event);
        match &event.body {
            Body::Run(Run::RunStarted(launch)) => started = Some(launch.clone()),
            Body::Run(Run::StepFinished(ended)) if step.is_none_or(|step| step == ended.step) => {
                if let Some(started) = started.clone() {
                    let bytes = pos.offset + u64::from(pos.len);
                    found =
                        Some(Cut { state: state.clone(), started, seq: event.seq, bytes, step: ended.step });
                }
                if step.is_some() {
                    return ControlFlow::Break(());
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

fn copy(from: &Path, to: &Path, bytes: u64) -> std::io::Result<()> {
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to.join(EVENTS))?;
    std::io::copy(&mut std::fs::File::open(from.join(EVENTS))?.take(bytes), &mut file)?;
    file.sync_data()
}

/// Says in the new journal where it comes from, and that its sessions are to be forked.
fn mark(dir: &Path, parent: &Listed, name: &str, cut: &Cut) -> Result<(), UserError> {
    let Ok(instance) = parent.meta.id.parse::<InstanceId>() else {
        return Err(UserError::failed("the parent has no id", ""));
    };
    let started = RunStarted {
        task: String::new(),
        instance_name: name.to_owned(),
        resumed: true,
        parent: Some(Parent { instance, seq: cut.seq }),
        ..cut.started.clone()
    };
    let mut bodies: Vec<(Option<SessionId>, Body)> = vec![(None, started.into())];
    for session in cut.state.sessions.open() {
        let of = |body: Body| (Some(session.id), body);
        let forked = session.who.native_id.clone().map(|native_id| {
            let turns = session.last.as_ref().map_or(0, |last| last.number);
            Box::new(ForkedFrom { session: session.id, native_id, turns })
        });
        let native_id = (session.who.adapter == "claude").then(|| uuid::Uuid::new_v4().to_string());
        let alone = session.who.isolated.is_some() || forked.is_none();
        bodies.push(of(SessionChanged { native_id, forked, ..SessionChanged::default() }.into()));
        if alone {
            let exit_message = Some("it belongs to the run that this one was forked from".to_owned());
            let message_count = u64::from(session.turns) * 2;
            let status = "cancelled".to_owned();
            bodies.push(of(SessionCompleted { status, exit_message, message_count }.into()));
        }
    }
    let finished = RunFinished {
        stopped_by: "fork".to_owned(),
        steps: cut.step,
        exit_message: format!("forked from '{}' after step {}", parent.meta.name, cut.step),
        exit_code: 0,
        usage: cut.state.spend.totals(),
        open_sessions: Vec::new(),
        unmerged: Vec::new(),
    };
    bodies.push((None, finished.into()));
    let (journal, _) = Journal::open(dir, &mut |_, _| {})?;
    for ((session_id, body), seq) in bodies.into_iter().zip(cut.seq + 1..) {
        let payload = body.payload().map_err(|error| UserError::failed(error.to_string(), ""))?;
        let (id, timestamp) = (uuid::Uuid::new_v4(), Stamp::now());
        let event = Event { v: VERSION, id, seq, timestamp, session_id, task_id: None, body };
        let line: Arc<str> = Arc::from(event.to_line(&payload));
        journal.append(Arc::new(Recorded { event, line }));
    }
    journal.close().map_err(|error| UserError::failed(format!("the journal cannot be written: {error}"), ""))
}
