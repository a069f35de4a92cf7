//! Worktrees without a running agent: what a client settles after the end of a run, and what `clean` tidies.
//!
//! A run that is over is opened for that moment: under its lock, with one more event in its journal.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    config::Config,
    error::UserError,
    fold::Sessions,
    git::{self, Git, records},
    paths::Home,
    process::Processes,
    protocol::{
        Body, Event, InstanceId, Recorded, SessionId, Stamp,
        event::{SessionChanged, SessionCompleted, VERSION},
        tree::{Outcome, Settle, Settled, Tree},
    },
    store::{Journal, Lock},
};

/// The folder of all worktrees.
pub fn folder(home: &Home) -> PathBuf {
    home.state.join("worktrees")
}

/// Keeps, merges or discards the work of a session of a run that nobody runs. What came of it, in words.
pub async fn settle(dir: &Path, session: SessionId, how: Settle) -> Result<String, UserError> {
    let lock = Lock::take(dir)?;
    let (mut sessions, mut last, mut task) = (Sessions::default(), 0, None);
    let (journal, _) = Journal::open(dir, &mut |_, event| {
        sessions.apply(event);
        last = event.seq;
        if event.session_id == Some(session) {
            task = event.task_id.or(task);
        }
    })?;
    let found = sessions.get(session).ok_or_else(|| UserError::usage("there is no such session", ""))?;
    let short = found.short_id.clone();
    let isolated = found.who.isolated.as_ref().filter(|isolated| !isolated.is_removed());
    let Some(isolated) = isolated else {
        return Err(UserError::usage(
            format!("'{short}' has no worktree of its own"),
            "executor.isolation: worktree gives new sessions one",
        ));
    };
    let git = git_of(dir)?;
    let told = git::settle(&git, &isolated.tree, how, &super::isolate::title(found)).await;
    let (settled, tree) = (told.settled.clone(), told.tree);
    let mut bodies =
        vec![Body::from(SessionChanged { work: Some(told.settled), tree, ..SessionChanged::default() })];
    if settled.outcome == Outcome::Discarded && found.end.is_none() {
        let (status, exit_message) = ("cancelled".to_owned(), Some("its work was discarded".to_owned()));
        let message_count = u64::from(found.turns) * 2;
        bodies.push(SessionCompleted { status, exit_message, message_count }.into());
    }
    for (body, seq) in bodies.into_iter().zip(last + 1..) {
        let payload = body.payload().map_err(|error| UserError::failed(error.to_string(), ""))?;
        let (id, timestamp) = (uuid::Uuid::new_v4(), Stamp::now());
        let event = Event { v: VERSION, id, seq, timestamp, session_id: Some(session), task_id: task, body };
        let line: Arc<str> = Arc::from(event.to_line(&payload));
        journal.append(Arc::new(Recorded { event, line }));
    }
    let written = journal.sync().await;
    let closed = tokio::task::spawn_blocking(move || journal.close()).await;
    drop(lock);
    written.map_err(|error| UserError::failed(format!("the journal cannot be written: {error}"), ""))?;
    if let Ok(Err(error)) = closed {
        tracing::error!("the journal could not be closed: {error}");
    }
    said(&short, settled)
}

fn said(short: &str, settled: Settled) -> Result<String, UserError> {
    let text = format!("{short}: {}", settled.message);
    match settled.outcome {
        Outcome::Refused | Outcome::Conflicts => Err(UserError::failed(text, "")),
        _ => Ok(text),
    }
}

fn git_of(dir: &Path) -> Result<Git, UserError> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let id = name.parse().unwrap_or_else(|_| InstanceId::random());
    let processes = Processes::open(id, dir, helper()?).map_err(|e| {
        UserError::failed(format!("the record of child processes cannot be written: {e}"), "")
    })?;
    Ok(Git::new(processes, &Config::default()))
}

fn helper() -> Result<PathBuf, UserError> {
    crate::process::helper()
        .map_err(|e| UserError::failed(format!("this program cannot find itself: {e}"), ""))
}

/// A worktree that `clean` has looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tidied {
    pub tree: Tree,
    pub removed: bool,
    /// Why it stays, or that it is gone.
    pub message: String,
}

/// How many worktrees an instance has left (`None`: all instances whose folder is gone).
pub fn left(home: &Home, instance: Option<&Path>) -> usize {
    let fits = |kept: &records::Kept| match instance {
        Some(dir) => kept.instance == dir,
        None => !kept.instance.exists(),
    };
    records::all(&folder(home)).iter().filter(|kept| fits(kept)).count()
}

/// Removes the worktrees of a project in which nothing is lost by that: not those of runs that are alive, of sessions
/// that can go on, and those that the human keeps. Worktrees of instances that are gone are among them.
pub async fn tidy(home: &Home, working_dir: &Path) -> Result<Vec<Tidied>, UserError> {
    let mut found = Vec::new();
    for kept in records::all(&folder(home)) {
        let main = Path::new(&kept.tree.main);
        let here = working_dir.starts_with(main) || main.starts_with(working_dir);
        // Held while it is looked at, so that nobody resumes it meanwhile.
        let there = kept.instance.is_dir();
        let lock = if there { Lock::take(&kept.instance).ok() } else { None };
        if !here || there && lock.is_none() {
            continue;
        }
        let stays = why_it_stays(&kept.instance, &kept.tree.branch);
        let (removed, message) = match stays {
            Some(why) => (false, why.to_owned()),
            None => {
                let record = if there { kept.instance.clone() } else { folder(home) };
                let told = git::settle(&git_of(&record)?, &kept.tree, Settle::Tidy, "").await;
                if !there {
                    let _ = std::fs::remove_file(record.join(crate::process::PROCS_FILE));
                }
                (told.settled.removed, told.settled.message)
            }
        };
        found.push(Tidied { tree: kept.tree, removed, message });
    }
    Ok(found)
}

/// What the journal says against removing a worktree.
fn why_it_stays(dir: &Path, branch: &str) -> Option<&'static str> {
    let mut sessions = Sessions::default();
    if let Ok(reader) = crate::store::Reader::open(dir) {
        let _ = reader.scan(0, &mut |_, event| {
            if let Ok(event) = event {
                sessions.apply(&event);
            }
            std::ops::ControlFlow::Continue(())
        });
    }
    let its = |session: &&crate::fold::sessions::Session| {
        session.who.isolated.as_ref().is_some_and(|isolated| isolated.tree.branch == branch)
    };
    let session = sessions.all.iter().find(its)?;
    let outcome = session.who.isolated.as_ref()?.work.as_ref().map(|work| work.outcome);
    match outcome {
        Some(Outcome::Kept) => Some("you keep it"),
        _ if session.end.is_none() => Some("its session can go on; end it, or discard its work"),
        _ => None,
    }
}
