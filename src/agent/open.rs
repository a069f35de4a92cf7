//! Opening an instance: what must be true before anything runs, the lock, the journal, the leaves, the machine.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    driver::{Clock, Driver, Leaves, Parts},
    effect::Input,
    launch::{Human, Launch, Running, What},
    link::Link,
    machine::Machine,
    prompt,
    rules::{AdapterRule, Adapters, ModelRules, Place, Rules, WatcherRules},
};
use crate::{
    config::{Budget, Config},
    error::UserError,
    executors::{self, Executors},
    fold::{State, caps},
    llm::{Model, Prices},
    process::{self, ChildKind, Processes},
    protocol::{
        InstanceId,
        command::Cap,
        event::{Clock as ClockMark, Recovered, RunKind, RunStarted},
    },
    store::{self, Journal, Lock, Meta},
    text::Redactor,
    tools,
    watchers::{AskModel, Panel, Surroundings},
};

/// The longest that looking at the git repository may take.
const GIT_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

/// Opens and starts; see [`super::launch::start`].
pub(super) async fn start(launch: Launch) -> Result<Running, UserError> {
    let mut launch = if launch.demo { super::demo::prepare(launch)? } else { launch };
    let working_dir = usable_dir(&launch.working_dir)?;
    let state_dir = working_dir.join(&launch.config.state_dir);
    let model = open_model(&launch, &working_dir)?;
    let prompt = system_prompt(&launch, &working_dir)?;
    // What the configuration says of watchers is judged before anything is written.
    Panel::from_config(&launch.config.watchers, Surroundings::default())?;
    let watching = super::ask::open(&launch.config, &launch.variables, &working_dir)?;
    let prices = Arc::new(Prices::load(None)?);
    let (id, dir, name) = match &launch.what {
        What::New { task, name } => create(&launch, &state_dir, task, name.as_deref(), &working_dir)?,
        What::Resume { dir, .. } => found(dir)?,
    };
    let lock = Lock::take(&dir)?;
    let opened = open_journal(&dir)?;
    // The journal knows the name; the short file beside it may be old.
    let known = opened.state.run.name.clone();
    let name = if known.is_empty() { name } else { known };
    if matches!(launch.what, What::Resume { .. }) {
        keep_caps(&mut launch.config.budget, &opened.state);
    }
    if let What::Resume { task, .. } = &launch.what {
        may_resume(&launch, &opened.state, task.as_deref())?;
    }
    let reaped = process::reap(&dir);
    let helper = process::helper()
        .map_err(|e| UserError::failed(format!("this program cannot find itself: {e}"), ""))?;
    let processes = Processes::open(id, &dir, helper).map_err(|e| {
        UserError::failed(format!("the record of child processes cannot be written: {e}"), "")
    })?;
    let (link, commands) =
        Link::new(id, name.clone(), dir.clone(), working_dir.clone(), opened.journal.events());
    let config = Arc::new(launch.config.clone());
    let redactor = Arc::new(Redactor::new(launch.secrets.iter().map(|(_, value)| value.clone())));
    let leaves = leaves(&config, &processes, &link, model.clone(), (&working_dir, watching, &redactor))?;
    let rules = Rules {
        watchers: WatcherRules::of(&leaves.panel),
        place: Place {
            working_dir: working_dir.clone(),
            dir: dir.clone(),
            worktrees: super::trees::folder(&crate::paths::Home::find()),
        },
        human: launch.human,
        demo: launch.demo,
        adapters: adapters(&config, model.as_deref()),
        model: ModelRules {
            name: model.as_ref().map_or_else(String::new, |model| model.name().to_owned()),
            wire: model.as_ref().map(|model| model.wire()).unwrap_or_default(),
            prompt,
            tools: Arc::new(Vec::new()),
            prices,
        },
        redactor,
        config,
    };
    let rules = with_tools(rules);
    let started = run_started(&launch, &rules, name, &opened.state).await;
    let clock = Clock::default();
    let recovered = recovered(&opened, reaped.ended);
    let (state, conversations) = (opened.state, opened.conversations);
    let machine = Machine::new(state, rules, fastrand::u64(..), clock.now());
    let journal = opened.journal;
    let driver = Driver::new(Parts {
        machine,
        journal,
        leaves,
        link: link.clone(),
        commands,
        clock,
        lock,
        state_dir,
        conversations,
    });
    let done = tokio::spawn(
        driver.run(Input::Launch { started: Box::new(started), recovered: recovered.map(Box::new) }),
    );
    Ok(Running { link, done })
}

/// An existing directory, as it really is.
fn usable_dir(dir: &Path) -> Result<PathBuf, UserError> {
    let shown = dir.display();
    let real = dir.canonicalize().map_err(|_| {
        UserError::usage(format!("there is no directory '{shown}'"), "create it, or name another one with -w")
    })?;
    if !real.is_dir() {
        return Err(UserError::usage(format!("'{shown}' is not a directory"), "name another one with -w"));
    }
    Ok(real)
}

fn open_model(launch: &Launch, working_dir: &Path) -> Result<Option<Arc<Model>>, UserError> {
    if launch.kind == RunKind::Exec {
        return Ok(None);
    }
    let model = Model::open(&launch.config, &launch.config.orchestrator.lm, &launch.variables, working_dir)?;
    Ok(Some(Arc::new(model)))
}

fn system_prompt(launch: &Launch, working_dir: &Path) -> Result<String, UserError> {
    let replaced = match &launch.config.orchestrator.prompt {
        None => None,
        Some(file) => Some(std::fs::read_to_string(working_dir.join(file)).map_err(|e| {
            UserError::usage(
                format!("the prompt file '{file}' cannot be read: {e}"),
                "correct orchestrator.prompt",
            )
        })?),
    };
    let now = crate::protocol::Stamp::now();
    Ok(prompt::system_prompt(replaced.as_deref(), now.offset.to_datetime(now.at).date()))
}

fn create(
    launch: &Launch,
    state_dir: &Path,
    task: &str,
    name: Option<&str>,
    working_dir: &Path,
) -> Result<(InstanceId, PathBuf, String), UserError> {
    if task.trim().is_empty() {
        return Err(UserError::usage("the task is empty", "say what is to be done, for example with -t"));
    }
    let id = InstanceId::random();
    let cleaned = crate::text::cut::name(name.unwrap_or_default());
    let name = if cleaned.is_empty() { id.short() } else { cleaned };
    let now = crate::protocol::Stamp::now().to_string();
    let mut meta = Meta {
        id: id.to_string(),
        name: name.clone(),
        task: task.to_owned(),
        state: "running".to_owned(),
        kind: launch.kind,
        working_dir: working_dir.to_string_lossy().into_owned(),
        model: launch.config.orchestrator.lm.clone(),
        created_at: now.clone(),
        updated_at: now,
        pid: Some(std::process::id()),
        ..Meta::default()
    };
    meta.numbers.demo = launch.demo;
    let dir = store::instance::create(state_dir, &meta)?;
    Ok((id, dir, name))
}

fn found(dir: &Path) -> Result<(InstanceId, PathBuf, String), UserError> {
    let meta = Meta::read(dir).unwrap_or_default();
    let folder = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let id: InstanceId = folder.parse().map_err(|_| {
        UserError::failed(format!("'{folder}' is not an instance of this program"), "start a new one from it")
    })?;
    let name = if meta.name.is_empty() { id.short() } else { meta.name };
    Ok((id, dir.to_owned(), name))
}

struct Opened {
    journal: Journal,
    state: State,
    conversations: store::Conversations,
    torn_bytes: u64,
    skipped_lines: u64,
}

fn open_journal(dir: &Path) -> Result<Opened, UserError> {
    let (mut state, mut conversations) = (State::default(), store::Conversations::default());
    let (journal, opened) = Journal::open(dir, &mut |_, event| {
        state.apply(event);
        conversations.apply(event);
    })?;
    let (torn_bytes, skipped_lines) = (opened.torn_bytes, opened.skipped_lines);
    Ok(Opened { journal, state, conversations, torn_bytes, skipped_lines })
}

/// A cap that has ended the run stays in force where this launch names no other: it must be raised, not forgotten.
fn keep_caps(budget: &mut Budget, state: &State) {
    if state.run.end.as_ref().is_none_or(|end| end.stopped_by != "budget") {
        return;
    }
    let before = &state.spend.caps;
    let met = caps::SPENT.into_iter().filter(|cap| before.exceeded(caps::RUN, *cap));
    for (cap, value) in met.filter_map(|cap| Some((cap, before.cap(caps::RUN, cap)?))) {
        match cap {
            Cap::MaxTokens => _ = budget.max_tokens.get_or_insert(value as u64),
            Cap::MaxOrchestratorTokens => _ = budget.max_orchestrator_tokens.get_or_insert(value as u64),
            Cap::MaxExecutorTokens => _ = budget.max_executor_tokens.get_or_insert(value as u64),
            Cap::MaxCostUsd => _ = budget.max_cost_usd.get_or_insert(value),
            Cap::MaxMinutes => _ = budget.max_minutes.get_or_insert(value),
            Cap::MaxSessions | Cap::MaxTotalSessions | Cap::MaxSteps => {}
        }
    }
}

/// What forbids going on.
fn may_resume(launch: &Launch, state: &State, task: Option<&str>) -> Result<(), UserError> {
    let no_task = task.is_none_or(|task| task.trim().is_empty());
    let Some(end) = &state.run.end else { return Ok(()) };
    let name = &state.run.name;
    if (end.stopped_by == "exit" || state.run.kind == RunKind::Exec) && no_task {
        return Err(UserError::usage(format!("'{name}' is done"), "give it a further task with -t"));
    }
    if end.stopped_by == "budget" && launch.human != Human::Present {
        let (before, mut after) = (&state.spend.caps, state.spend.caps.clone());
        after.launched(&serde_json::to_value(&launch.config).unwrap_or_default());
        for cap in caps::SPENT {
            let Some(limit) = after.cap(caps::RUN, cap) else { continue };
            let spent = state.spend.spent(cap, jiff::Timestamp::now());
            let stopped = before.exceeded(caps::RUN, cap)
                && before.cap(caps::RUN, cap).is_some_and(|before| limit <= before);
            if spent >= limit || stopped {
                let (key, shown) = (caps::key(caps::RUN, cap), caps::amount(cap, limit));
                let what = match spent >= limit {
                    true => format!("'{name}' has spent its cap of {shown}"),
                    false => {
                        let spent = caps::amount(cap, spent);
                        format!(
                            "'{name}' has stopped at its cap of {shown}: {spent} are spent, and what comes next does not fit"
                        )
                    }
                };
                return Err(UserError::usage(
                    what,
                    format!("raise it, for example with --set {key}={:.0}", (spent.max(limit) * 2.0).ceil()),
                ));
            }
        }
    }
    Ok(())
}

fn recovered(opened: &Opened, reaped: u32) -> Option<Recovered> {
    let run = &opened.state.run;
    let crashed = run.launches > 0 && run.end.is_none();
    if !crashed && opened.torn_bytes == 0 && opened.skipped_lines == 0 && reaped == 0 {
        return None;
    }
    Some(Recovered {
        torn_bytes: opened.torn_bytes,
        skipped_lines: opened.skipped_lines,
        interrupted_step: (run.progress.in_step).then_some(run.progress.step),
        reaped_processes: reaped,
        clock: clock_mark(),
    })
}

fn clock_mark() -> ClockMark {
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds: f64 =
        uptime.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or_default();
    ClockMark { mono_ms: (seconds * 1000.0) as u64, boot: process::boot_id() }
}

fn leaves(
    config: &Arc<Config>,
    processes: &Processes,
    link: &Link,
    model: Option<Arc<Model>>,
    (working_dir, watching, redactor): (&Path, Option<Arc<dyn AskModel>>, &Arc<Redactor>),
) -> Result<Leaves, UserError> {
    let tails = link.tails.clone();
    let setup = executors::Setup {
        config: config.clone(),
        processes: processes.clone(),
        scenario: model.as_ref().and_then(|model| model.scenario()),
        deltas: Arc::new(move |stream, text| tails.push(stream, text)),
        redactor: redactor.clone(),
    };
    let around = Surroundings {
        processes: Some(processes.clone()),
        working_dir: working_dir.to_path_buf(),
        env: process::environment(ChildKind::Bash, config),
        model: watching,
    };
    let panel = Arc::new(Panel::from_config(&config.watchers, around)?);
    Ok(Leaves { model, executors: Executors::new(setup), processes: processes.clone(), panel })
}

fn adapters(config: &Config, model: Option<&Model>) -> Adapters {
    let installed = executors::installed(config);
    let scripted = model.is_some_and(|model| model.scenario().is_some()) || config.executor.script.is_some();
    let rule = |adapter: &executors::Adapter| AdapterRule {
        name: adapter.name.clone(),
        installed: adapter.usable(),
        steers: adapter.can_steer,
        hint: adapter.install.clone(),
    };
    let all: Vec<AdapterRule> = installed.iter().map(rule).collect();
    let script = scripted.then(|| "script".to_owned());
    let first = || all.iter().find(|adapter| adapter.installed && adapter.name != "script");
    let default =
        config.executor.adapter.clone().or(script).or_else(|| first().map(|first| first.name.clone()));
    Adapters { all, default }
}

fn with_tools(mut rules: Rules) -> Rules {
    let scripted = rules.adapters.default.as_deref() == Some("script");
    let usable = rules.adapters.all.iter().filter(|a| a.installed && (a.name != "script" || scripted));
    let names: Vec<String> = usable.map(|adapter| adapter.name.clone()).collect();
    let offered = rules.config.orchestrator.tools.as_deref();
    rules.model.tools = Arc::new(tools::specs(offered, &names));
    rules
}

async fn run_started(launch: &Launch, rules: &Rules, name: String, before: &State) -> RunStarted {
    let (task, resumed) = match &launch.what {
        What::New { task, .. } => (task.clone(), false),
        What::Resume { task, .. } => (task.clone().unwrap_or_default(), true),
    };
    let git_base = match &before.run.git_base {
        Some(base) => Some(base.clone()),
        None => git_base(&rules.place.working_dir).await,
    };
    RunStarted {
        task,
        working_dir: rules.working_dir(),
        instance_name: name,
        model: rules.model.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        kind: launch.kind,
        resumed,
        demo: launch.demo,
        parent: None,
        git_base,
        config: crate::config::shown(&launch.config),
        clock: clock_mark(),
    }
}

/// A commit that holds HEAD and the uncommitted work, so that the changes of the run can be shown later. `None`: no
/// repository, no commit, or git takes too long.
async fn git_base(dir: &Path) -> Option<String> {
    let stash = git(dir, &["stash", "create", "zwarm-tui: before the run"]).await?;
    if stash.is_empty() { git(dir, &["rev-parse", "--verify", "-q", "HEAD"]).await } else { Some(stash) }
}

async fn git(dir: &Path, args: &[&str]) -> Option<String> {
    let mut command = tokio::process::Command::new("git");
    command.arg("-C").arg(dir).args(args).stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(GIT_WITHIN, command.output()).await.ok()?.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
