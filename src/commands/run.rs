//! `run`, `exec` and the screen: from options to a launch.

use std::path::Path;

use super::{Place, runtime};
use crate::{
    agent::{
        forks,
        launch::{Human, Launch, What},
    },
    cli::{ExecArgs, RunArgs, options::InstanceArgs, request},
    companions,
    config::{Loaded, names},
    error::UserError,
    fold::Sessions,
    headless::{self, Format, Out},
    logging::Log,
    protocol::event::RunKind,
    store::{self, Reader},
};

/// `run`.
pub(super) fn run(place: &Place, args: &RunArgs, out: &mut Out) -> Result<i32, UserError> {
    if args.screen.plain || args.screen.theme.is_some() {
        return Err(UserError::usage(
            "'--plain' and '--theme' are about the screen, and 'run' has none",
            "leave them out, or leave 'run' out",
        ));
    }
    let sources = request::sources(&place.working_dir, &args.settings, args.flags());
    let loaded = request::load_trusted(&sources)?;
    let log = start(place, &loaded, out)?;
    let state_dir = place.working_dir.join(&loaded.config.state_dir);
    let what = what(&state_dir, args, out)?;
    let human = Human::Absent {
        continue_on_pause: args.alone.on_pause.as_deref() == Some("continue"),
        max_wait_seconds: args.alone.max_wait.map_or(0, |wait| wait.as_secs()),
    };
    let launch = launch(place, loaded, what, RunKind::Run, args.instance.demo, human)?;
    let format = if args.alone.json { Format::Json } else { Format::Text };
    let code = runtime()?.block_on(headless::run(launch, format, out));
    drop(log);
    code
}

/// Warnings, the log, and what it must not show.
fn start(place: &Place, loaded: &Loaded, out: &mut Out) -> Result<Log, UserError> {
    let log = place.log(out)?;
    log.hide(&loaded.secrets);
    let more = companions::warnings(&loaded.config, &loaded.variables);
    for warning in loaded.warnings.iter().chain(&more) {
        out.note(&format!("warning: {warning}"));
        tracing::warn!("{warning}");
    }
    Ok(log)
}

fn launch(
    place: &Place,
    loaded: Loaded,
    what: What,
    kind: RunKind,
    demo: bool,
    human: Human,
) -> Result<Launch, UserError> {
    let working_dir = if demo { place.working_dir.clone() } else { writable(&place.working_dir)?.to_owned() };
    if !demo && let Err(error) = store::projects::remember(&place.home.state, &working_dir) {
        tracing::warn!(%error, "the project is not remembered");
    }
    let Loaded { config, secrets, variables, .. } = loaded;
    Ok(Launch { config, working_dir, what, kind, demo, human, secrets, variables })
}

fn writable(dir: &Path) -> Result<&Path, UserError> {
    request::check_writable(dir)?;
    Ok(dir)
}

/// A new instance, or one that goes on; where nothing is said the newest that can, which is printed.
fn what(state_dir: &Path, args: &RunArgs, out: &mut Out) -> Result<What, UserError> {
    let what = wanted(state_dir, args, true)?.ok_or_else(request::no_task)?;
    if let (What::Resume { dir, .. }, None) = (&what, &args.instance.instance) {
        let id = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        out.note(&format!("resuming {id}"));
    }
    Ok(what)
}

/// The same; `None`: no task, and nothing to resume was named.
fn wanted(state_dir: &Path, args: &RunArgs, read_stdin: bool) -> Result<Option<What>, UserError> {
    let name = new_name(&args.instance);
    if args.instance.demo {
        return Ok(Some(What::New { task: String::new(), name }));
    }
    if let Some(parent) = &args.instance.fork {
        let found = store::find(state_dir, parent)?;
        let task = request::task(&args.task, false)?;
        let dir = forks::fork(&found, state_dir, args.instance.at_step, name.as_deref())?;
        return Ok(Some(What::Resume { dir, task }));
    }
    // Whoever resumes may have a pipe on standard input that never ends: only -t and -f count then.
    let resumes = args.instance.resume || args.instance.instance.is_some();
    let task = request::task(&args.task, read_stdin && !resumes)?;
    if !resumes {
        return Ok(task.map(|task| What::New { task, name }));
    }
    let found = request::resumable(state_dir, args.instance.instance.as_deref(), task.is_some())?;
    Ok(Some(What::Resume { dir: found.dir, task }))
}

fn new_name(args: &InstanceArgs) -> Option<String> {
    args.name.as_deref().and_then(request::name)
}

/// `exec`.
pub(super) fn exec(place: &Place, args: &ExecArgs, out: &mut Out) -> Result<i32, UserError> {
    let sources = request::sources(&place.working_dir, &args.settings, args.flags());
    let loaded = request::load_trusted(&sources)?;
    let log = start(place, &loaded, out)?;
    let state_dir = place.working_dir.join(&loaded.config.state_dir);
    let task = request::task(&args.task, true)?.ok_or_else(request::no_task)?;
    let what = match &args.session {
        Some(session) => What::Resume { dir: exec_of(&state_dir, session)?, task: Some(task) },
        None => What::New { task, name: args.name.as_deref().and_then(request::name) },
    };
    let human = Human::Absent { continue_on_pause: false, max_wait_seconds: 0 };
    let launch = launch(place, loaded, what, RunKind::Exec, false, human)?;
    let format = if args.json { Format::Json } else { Format::Text };
    let code = runtime()?.block_on(headless::run(launch, format, out));
    drop(log);
    code
}

/// The folder of the earlier `exec` that is meant: by its own id or name, or by its session's id.
fn exec_of(state_dir: &Path, needle: &str) -> Result<std::path::PathBuf, UserError> {
    let is_exec = |listed: &store::Listed| listed.meta.kind == RunKind::Exec;
    let busy = |listed: &store::Listed| match listed.live {
        Some(pid) => {
            Err(UserError::usage(format!("the session '{needle}' runs in process {pid}"), "wait for its end"))
        }
        None => Ok(listed.dir.clone()),
    };
    if let Ok(found) = store::find(state_dir, needle)
        && is_exec(&found)
    {
        return busy(&found);
    }
    for listed in store::list(state_dir).iter().filter(|listed| is_exec(listed)) {
        let mut sessions = Sessions::default();
        let Ok(reader) = Reader::open(&listed.dir) else { continue };
        let read = reader.scan(0, &mut |_, event| {
            if let Ok(event) = event {
                sessions.apply(&event);
            }
            std::ops::ControlFlow::Continue(())
        });
        let fits = |session: &crate::fold::sessions::Session| {
            needle.len() >= 4 && session.id.to_string().starts_with(&needle.to_ascii_lowercase())
        };
        if read.is_ok() && sessions.all.iter().any(fits) {
            return busy(listed);
        }
    }
    Err(UserError::usage(
        format!("there is no session '{needle}' of an earlier exec"),
        format!("'zwarm-tui instances' lists them; executors are {}", names::ADAPTERS.join(", ")),
    ))
}

/// Without a command: the screen.
#[cfg(feature = "tui")]
pub(super) fn screen(place: &Place, args: &RunArgs, out: &mut Out) -> Result<i32, UserError> {
    use std::sync::Arc;

    use crate::{
        companions::Companions,
        config::{self, trust::Trust},
        ui,
    };
    only_screen(args)?;
    let mut sources = request::sources(&place.working_dir, &args.settings, args.flags());
    let mut loaded = config::load(&sources)?;
    if let Some(untrusted) = &loaded.untrusted
        && super::trust::ask(place, untrusted, out)
    {
        sources.trust = Trust::Given;
        loaded = config::load(&sources)?;
    }
    let log = start(place, &loaded, out)?;
    let state_dir = place.working_dir.join(&loaded.config.state_dir);
    let resume_picker = args.instance.resume && args.instance.instance.is_none();
    let companions = Arc::new(Companions::default());
    let plain = ui::plain::wanted(args.screen.plain, |name| std::env::var(name).ok());
    let follow = followed(&state_dir, args).filter(|_| !plain);
    let what = if resume_picker || follow.is_some() { None } else { wanted(&state_dir, args, true)? };
    let begin = ui::Start {
        home: place.home.clone(),
        config: loaded.config.clone(),
        working_dir: place.working_dir.clone(),
        start_fn: {
            let companions = companions.clone();
            Arc::new(move |launch| {
                let companions = companions.clone();
                Box::pin(async move { companions.start(launch).await })
            })
        },
        follow,
        resume_picker,
        theme: args.screen.theme.clone(),
        secrets: loaded.secrets.clone(),
        variables: loaded.variables.clone(),
        launch: match what {
            None => None,
            Some(what) => {
                Some(launch(place, loaded, what, RunKind::Run, args.instance.demo, Human::Present)?)
            }
        },
    };
    let code = runtime()?.block_on(async {
        let code = if plain { ui::plain::run(begin, out).await } else { ui::run(begin).await };
        companions.finish().await.iter().for_each(|warning| out.note(&format!("warning: {warning}")));
        code
    });
    drop(log);
    code
}

/// The instance that `-i` names, where nothing is asked of it: the screen follows it, or shows what it was. `--resume` goes
/// on with it.
#[cfg(feature = "tui")]
fn followed(state_dir: &Path, args: &RunArgs) -> Option<store::Listed> {
    let asks = args.task.task.is_some() || args.task.task_file.is_some();
    let found = store::find(state_dir, args.instance.instance.as_deref()?).ok()?;
    // What another process runs is followed, whatever is asked: it cannot be resumed.
    let shows = found.live.is_some() || !args.instance.resume;
    (shows && found.origin == store::Origin::Ours && !asks).then_some(found)
}

/// Refuses what has no meaning on the screen, and a screen where there can be none.
#[cfg(feature = "tui")]
fn only_screen(args: &RunArgs) -> Result<(), UserError> {
    use std::io::IsTerminal;
    let alone = &args.alone;
    let headless = [
        (alone.json, "--json"),
        (alone.on_pause.is_some(), "--on-pause"),
        (alone.max_wait.is_some(), "--max-wait"),
    ];
    if let Some((_, option)) = headless.into_iter().find(|(given, _)| *given) {
        return Err(UserError::usage(
            format!("'{option}' is about runs without a screen"),
            format!("write zwarm-tui run {option} …"),
        ));
    }
    if !args.screen.plain && !std::io::stdout().is_terminal() {
        return Err(UserError::usage(
            "the screen needs a terminal, and standard output is none",
            "write zwarm-tui run -t TASK; without a key: zwarm-tui run --demo",
        ));
    }
    Ok(())
}

/// Without a command, in a program that was built without the screen.
#[cfg(not(feature = "tui"))]
pub(super) fn screen(_: &Place, _: &RunArgs, _: &mut Out) -> Result<i32, UserError> {
    Err(UserError::usage(
        "this program was built without the screen",
        "write zwarm-tui run -t TASK, or build it with the feature 'tui'",
    ))
}
