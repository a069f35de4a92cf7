//! Performs what the screen asks for, away from the loop: launching, listing, reading, writing. Answers come back as
//! messages.

mod on_disk;

use std::{
    collections::HashMap,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};

use super::{
    StartFn, copy,
    msg::{Access, Answer, Msg, Opened, SessionRead, UiEffect},
    past, runs,
};
use crate::{
    agent::{
        launch::{Launch, What},
        link::Link,
        look,
    },
    config::Config,
    paths::Home,
    protocol::{Command, InstanceId, SessionId},
    store::{self, Listed, Origin},
};

/// Bytes of a draft that are read.
const DRAFT: u64 = 1 << 20;

/// After a change the list is left alone for so long: changes come in bursts.
const SETTLE: std::time::Duration = std::time::Duration::from_secs(1);

/// An instance that is followed.
struct Held {
    dir: PathBuf,
    /// `None`: another process runs it, or nobody.
    link: Option<Link>,
    task: AbortHandle,
}

/// The hands of the screen. Dropping them ends every task.
pub(super) struct Hands {
    start: StartFn,
    home: Home,
    working_dir: PathBuf,
    state_dir: String,
    to: mpsc::Sender<Msg>,
    held: std::sync::Arc<std::sync::Mutex<HashMap<InstanceId, Held>>>,
    /// Folders of the instances that this process has started: they are listed wherever they lie.
    started: std::sync::Arc<std::sync::Mutex<Vec<PathBuf>>>,
    tasks: JoinSet<()>,
    /// The newest reading of the list, which then waits until it is no longer true.
    listing: Option<AbortHandle>,
    /// Writing that must be done before the program ends.
    writing: JoinSet<()>,
}

impl Hands {
    pub(super) fn new(
        start: StartFn,
        home: Home,
        working_dir: PathBuf,
        config: &Config,
        to: mpsc::Sender<Msg>,
    ) -> Self {
        Self {
            start,
            home,
            working_dir,
            state_dir: config.state_dir.clone(),
            to,
            held: std::sync::Arc::default(),
            started: std::sync::Arc::default(),
            tasks: JoinSet::new(),
            listing: None,
            writing: JoinSet::new(),
        }
    }

    /// Waits for what is being written.
    pub(super) async fn finish(&mut self) {
        while self.writing.join_next().await.is_some() {}
    }

    /// Performs one effect. Those that need the terminal are the loop's.
    pub(super) fn perform(&mut self, effect: UiEffect) {
        while self.tasks.try_join_next().is_some() {}
        match effect {
            UiEffect::Send(id, command) => self.send(id, command),
            UiEffect::Launch(launch) => self.launch(*launch),
            UiEffect::Open(listed) => self.open(*listed),
            UiEffect::List { everywhere } => self.list(everywhere),
            UiEffect::ReadSession { instance, dir, session, until } => {
                self.answer(move || match read_session(&dir, session, until) {
                    Ok(read) => Answer::SessionRead { instance, session, until, read: Box::new(read) },
                    Err(error) => Answer::Failed(error),
                })
            }
            UiEffect::Replay { mut run, step } => {
                let (id, to) = (run.id, self.to.clone());
                self.tasks.spawn_blocking(move || {
                    let run = run.read_until(step).map(|()| run);
                    let _ = to.blocking_send(Msg::From(id, super::msg::News::Past { step, run }));
                });
            }
            UiEffect::SaveDraft(id, text) => {
                let path = draft(&self.home, id);
                self.writing.spawn_blocking(move || save_draft(&path, &text));
            }
            UiEffect::Shelf(it) => self.on_disk(it),
            UiEffect::Close(id) => {
                if let Some(held) = lock(&self.held).remove(&id) {
                    held.task.abort();
                }
            }
            UiEffect::Copy { .. }
            | UiEffect::Edit { .. }
            | UiEffect::EditFile { .. }
            | UiEffect::Page(_)
            | UiEffect::PageFile(_)
            | UiEffect::Notify(_)
            | UiEffect::Mouse(_)
            | UiEffect::Redraw
            | UiEffect::Suspend
            | UiEffect::DetectTheme
            | UiEffect::Quit(_) => {}
        }
    }

    /// Copies by a tool beside the terminal's own way.
    pub(super) fn copy(&mut self, text: String, what: String) {
        self.answer(move || Answer::Copied(copy::by_tool(&text, &what)));
    }

    fn answer(&mut self, what: impl FnOnce() -> Answer + Send + 'static) {
        let to = self.to.clone();
        self.writing.spawn(async move {
            if let Ok(answer) = tokio::task::spawn_blocking(what).await {
                let _ = to.try_send(Msg::Answer(answer));
            }
        });
    }

    fn send(&mut self, id: InstanceId, command: Command) {
        let held = lock(&self.held);
        let Some(it) = held.get(&id) else { return };
        match &it.link {
            Some(link) => {
                if !link.try_send(command) {
                    let text = "the run has ended: nothing was sent".to_owned();
                    let _ = self.to.try_send(Msg::Answer(Answer::Failed(text)));
                }
            }
            None => {
                let dir = it.dir.clone();
                drop(held);
                if store::Lock::holder(&dir).is_none() {
                    let text = "nobody runs this instance: nothing was sent".to_owned();
                    let _ = self.to.try_send(Msg::Answer(Answer::Failed(text)));
                    return;
                }
                self.answer(move || match store::commands::drop_in(&dir, &command) {
                    Ok(()) => Answer::Copied(Ok("sent to the process that runs it".to_owned())),
                    Err(error) => Answer::Failed(error.to_string()),
                });
            }
        }
    }

    fn launch(&mut self, launch: Launch) {
        let task = match &launch.what {
            What::New { task, .. } if !launch.demo => Some(task.clone()),
            _ => None,
        };
        let (to, held, home, starting) =
            (self.to.clone(), self.held.clone(), self.home.clone(), (self.start)(launch));
        let started = self.started.clone();
        self.tasks.spawn(async move {
            let running = match starting.await {
                Ok(running) => running,
                Err(error) => {
                    let _ = to.send(Msg::Answer(Answer::NotOpened(error, task))).await;
                    return;
                }
            };
            let link = running.link;
            let opened = Opened {
                id: link.instance,
                name: link.name.clone(),
                dir: link.dir.clone(),
                working_dir: link.working_dir.clone(),
                access: Access::Ours,
                tails: Some(link.tails.clone()),
                draft: read_draft(&home, link.instance),
            };
            // Events may only come after the model knows the run, and the run only after commands find their way.
            let (go, wait) = tokio::sync::oneshot::channel::<()>();
            let (follower, from) = (link.clone(), to.clone());
            // Ends with its instance, or when these hands are dropped.
            let task = tokio::spawn(async move {
                if wait.await.is_ok() {
                    runs::follow(follower, running.done, from).await;
                }
            });
            let entry = Held { dir: link.dir.clone(), task: task.abort_handle(), link: Some(link.clone()) };
            lock(&started).push(link.dir.clone());
            if let Some(old) = lock(&held).insert(link.instance, entry) {
                old.task.abort();
            }
            if to.send(Msg::Answer(Answer::Opened(Box::new(opened)))).await.is_ok() {
                let _ = go.send(());
            }
        });
    }

    fn open(&mut self, listed: Listed) {
        match &listed.origin {
            Origin::Ours => {}
            Origin::Reference(version) => {
                let title = format!("{} (zwarm {version}, read only)", listed.meta.name);
                return self.answer(move || match past::read_reference(&listed) {
                    Ok(lines) => Answer::Sheet { title, lines },
                    Err(error) => Answer::NotOpened(error, None),
                });
            }
            Origin::Damaged(why) => {
                let text = format!("'{}' cannot be read: {why}", listed.dir.display());
                return self.answer(move || Answer::Failed(text));
            }
        }
        let id = listed.meta.id.parse().unwrap_or_else(|_| InstanceId::random());
        let access = if listed.live.is_some() { Access::Foreign } else { Access::ReadOnly };
        let opened = Opened {
            id,
            name: listed.meta.name.clone(),
            dir: listed.dir.clone(),
            working_dir: listed.meta.working_dir.clone().into(),
            access,
            tails: None,
            draft: read_draft(&self.home, id),
        };
        let (to, dir) = (self.to.clone(), listed.dir.clone());
        let task = self.tasks.spawn(async move {
            if to.send(Msg::Answer(Answer::Opened(Box::new(opened)))).await.is_ok() {
                runs::follow_foreign(id, dir, to).await;
            }
        });
        lock(&self.held).insert(id, Held { dir: listed.dir, link: None, task });
    }

    fn look(&mut self, pattern: Launch, dir: PathBuf, lm: String, versions: bool) {
        let to = self.to.clone();
        self.tasks.spawn(async move {
            let around = look::around(&pattern.config, &pattern.variables, dir, lm).await;
            let _ = to.send(Msg::Answer(Answer::Looked(Box::new(around)))).await;
            if versions {
                let found = look::versions(&pattern.config).await;
                let _ = to.send(Msg::Answer(Answer::Versions(found))).await;
            }
        });
    }

    /// Reads the list, and says when it is no longer true.
    fn list(&mut self, everywhere: bool) {
        let (here, name, state) = (self.working_dir.clone(), self.state_dir.clone(), self.home.state.clone());
        let started = lock(&self.started).clone();
        let to = self.to.clone();
        let task = self.tasks.spawn(async move {
            let state_dir = here.join(&name);
            let read = move || listed(&here, &name, everywhere.then_some(&*state), &started);
            let Ok(all) = tokio::task::spawn_blocking(read).await else { return };
            let live = all.iter().filter(|listed| listed.live.is_some()).map(|listed| listed.dir.clone());
            let stale = store::stale(state_dir, live.collect());
            if to.send(Msg::Answer(Answer::Listed(all))).await.is_ok() {
                stale.await;
                tokio::time::sleep(SETTLE).await;
                let _ = to.send(Msg::Answer(Answer::Stale)).await;
            }
        });
        if let Some(before) = self.listing.replace(task) {
            before.abort();
        }
    }
}

/// The instances of a directory, of all projects where their state folder is given, and those that were started here.
fn listed(here: &Path, name: &str, projects: Option<&Path>, started: &[PathBuf]) -> Vec<Listed> {
    let mut all = store::list(&here.join(name));
    for dir in projects.map(|state| store::projects::others(state, here)).into_iter().flatten() {
        all.extend(store::list(&dir.join(name)));
    }
    for dir in started {
        let state_dir = dir.parent().and_then(Path::parent).filter(|_| !all.iter().any(|it| it.dir == *dir));
        let others = state_dir.map(store::list).unwrap_or_default();
        all.extend(others.into_iter().filter(|listed| listed.dir == *dir));
    }
    let at = |listed: &Listed| crate::protocol::Stamp::parse(&listed.meta.updated_at).map(|stamp| stamp.at);
    all.sort_by_cached_key(|listed| std::cmp::Reverse(at(listed)));
    all
}

impl Drop for Hands {
    fn drop(&mut self) {
        for held in lock(&self.held).values() {
            held.task.abort();
        }
    }
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn draft(home: &Home, id: InstanceId) -> PathBuf {
    home.state.join("drafts").join(id.to_string())
}

fn read_draft(home: &Home, id: InstanceId) -> String {
    let bytes = super::editor::read_bounded(&draft(home, id), DRAFT).unwrap_or_default();
    crate::text::clean_whole(&String::from_utf8_lossy(&bytes)).into_string()
}

fn save_draft(path: &Path, text: &str) {
    let done = if text.trim().is_empty() {
        std::fs::remove_file(path).or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })
    } else {
        let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        folder.and_then(|()| store::replace(path, text.as_bytes()))
    };
    if let Err(error) = done {
        tracing::warn!(%error, "a draft cannot be kept");
    }
}

fn read_session(dir: &Path, session: SessionId, until: Option<u64>) -> Result<SessionRead, String> {
    let reader = store::Reader::open(dir).map_err(|error| error.to_string())?;
    let mut read = SessionRead::default();
    let each = &mut |_, event: Result<crate::protocol::Event, _>| {
        let Ok(event) = event else { return ControlFlow::Continue(()) };
        if until.is_some_and(|until| event.seq > until) {
            return ControlFlow::Break(());
        }
        if event.session_id == Some(session) {
            let payload = event.body.payload().unwrap_or_default();
            read.add(&event.to_line(&payload), &event);
        }
        ControlFlow::Continue(())
    };
    reader.scan(0, each).map_err(|error| error.to_string())?;
    Ok(read)
}
