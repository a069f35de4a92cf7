//! Actions of the table: what each does.

use crate::{
    agent::launch::What,
    protocol::{
        Command,
        command::Cap,
        event::{RunKind, RunState},
    },
    ui::{
        actions::{Act, Browse, Go, Open, Run, Screen as On},
        model::{Level, Model, Pane, Screen},
        msg::{Now, UiEffect},
        overlays::{
            Overlay,
            ask::{Ask, Question},
            budget::Budget,
            changes::Changes,
            explain, help, inbox,
            ledger::Ledger,
            log::Log,
            messages::Messages,
            palette::Palette,
            themes::Pick,
        },
        screens,
    },
};

use super::{leave, replay, session, text, write};

/// Why an action can do nothing now.
pub fn cannot(model: &Model, act: Act) -> Option<&'static str> {
    let run = model.present();
    match act {
        _ if act.needs_run() && run.is_none() => Some("no run is shown"),
        Act::Browse(it) if !it.is_for_none() && model.home.chosen().is_none() => {
            Some("no instance is chosen")
        }
        _ if act.needs_agent() && run.is_some_and(|run| !run.can_steer()) => Some("nobody runs it"),
        _ => None,
    }
}

/// Does what an action says; `argument`: what was typed after its name in the palette.
pub fn act(model: &mut Model, act: Act, argument: Option<&str>, now: Now) -> Vec<UiEffect> {
    if act.steers() {
        replay::leave(model);
    }
    match act {
        Act::Go(it) => go(model, it, now),
        Act::Open(it) => open(model, it, now),
        Act::Run(it) => run(model, it, argument, now),
        Act::Replay(it) => replay::act(model, it, argument, now),
        Act::Scroll(it) => text::scroll(model, it, now),
        Act::Item(it) => text::item(model, it, now),
        Act::Session(it) => session::act(model, it, argument, now),
        Act::Watcher(it) => session::watcher(model, it, now),
        Act::Write(it) => write::act(model, it, now),
        Act::Browse(it) => browse(model, it, now),
        Act::Screen(it) => screen(model, it),
    }
}

fn go(model: &mut Model, it: Go, now: Now) -> Vec<UiEffect> {
    match it {
        Go::Back => return leave::back(model, now),
        Go::Close => return close(model, now),
        Go::Interrupt => return leave::interrupt(model, now),
        Go::Instances => {
            let from = model.shown;
            let effects = leave::home(model);
            model.home.opened_from(from);
            return effects;
        }
        Go::TabNext => return session::tab(model, 1),
        Go::TabPrev => return session::tab(model, 3),
        _ => {}
    }
    let in_session = model.screen == Screen::Session;
    let Some(run) = model.run_mut() else { return Vec::new() };
    let at = run.look.focus.index();
    let column = |pane: Pane| usize::from(pane != Pane::Orchestrator);
    let next = match it {
        Go::NextPane => Pane::at(at + 1),
        Go::PrevPane => Pane::at(at + 3),
        Go::Pane(n) => Pane::at(usize::from(n)),
        Go::Left => Pane::Orchestrator,
        Go::Right if column(run.look.focus) == 0 => Pane::Sessions,
        Go::Down if column(run.look.focus) == 1 => Pane::at((at + 1).min(3)),
        Go::Up if column(run.look.focus) == 1 => Pane::at((at - 1).max(1)),
        Go::Zoom => {
            run.look.zoom = !run.look.zoom;
            run.look.focus
        }
        _ => run.look.focus,
    };
    run.look.focus = next;
    if in_session && matches!(it, Go::Pane(_)) {
        model.screen = Screen::Run;
    }
    Vec::new()
}

/// Esc: one level out, never destroys.
fn close(model: &mut Model, now: Now) -> Vec<UiEffect> {
    let in_session = model.screen == Screen::Session;
    if let Some(run) = model.run_mut()
        && let Some(mut text) = run.reads(in_session)
        && (text.clear_selection() || text.reading().search_end(true))
    {
        return Vec::new();
    }
    // What has been shown long enough is no level any more.
    model.toasts.expire(now.instant);
    if model.toasts.close() {
        return Vec::new();
    }
    match model.screen {
        Screen::Session | Screen::NewRun => leave::back(model, now),
        Screen::Home => screens::home::close(model),
        Screen::Run => {
            replay::leave(model);
            Vec::new()
        }
    }
}

fn open(model: &mut Model, it: Open, now: Now) -> Vec<UiEffect> {
    let overlay = match it {
        Open::Help => Overlay::Help(help::Help::default()),
        Open::Palette => Overlay::Palette(Box::new(Palette::actions(model.screen))),
        Open::Messages => Overlay::Messages(Messages::open(model)),
        Open::Inbox => match card(model) {
            Some(card) => Overlay::Inbox(Box::new(card)),
            None => {
                model.say(Level::Info, "the inbox is empty", now);
                return Vec::new();
            }
        },
        Open::NewRun => {
            model.screen = Screen::NewRun;
            return screens::new_run::open(model, now);
        }
        Open::Ledger => Overlay::Ledger(Ledger::default()),
        Open::Budget => Overlay::Budget(Budget::default()),
        Open::Watchers => Overlay::Watchers(crate::ui::overlays::watchers::Watchers::default()),
        Open::Changes => {
            let Some((changes, effect)) = model.run().map(Changes::open) else {
                model.say(Level::Info, "no run is shown", now);
                return Vec::new();
            };
            model.overlays.push(Overlay::Changes(changes));
            return vec![effect];
        }
        Open::Log => {
            model.overlays.push(Overlay::Log(Log::default()));
            return vec![UiEffect::Shelf(crate::ui::msg::Shelf::ReadLog(model.fixed.home.log()))];
        }
        Open::Themes => Overlay::Themes(Pick::new(model)),
    };
    model.overlays.push(overlay);
    Vec::new()
}

/// The oldest card of the run that is shown, else of another run that waits: it is shown then.
fn card(model: &mut Model) -> Option<inbox::Card> {
    if let Some(card) = inbox::Card::oldest(model) {
        return Some(card);
    }
    let chosen = model.home.chosen().map(|listed| listed.meta.id.clone());
    let waits = model.live().filter(|run| !run.folds.inbox.open.is_empty());
    let waits = waits.min_by_key(|run| chosen.as_deref() != Some(&*run.id.to_string())).map(|run| run.id)?;
    model.show(Some(waits));
    model.screen = Screen::Run;
    inbox::Card::oldest(model)
}

/// Opens the explanation of the selected verdict.
pub(super) fn explain(model: &mut Model) {
    model.overlays.push(Overlay::Explain(explain::Explain::default()));
}

/// The run that is shown, if commands reach it; says so otherwise.
pub(super) fn steered(model: &mut Model, now: Now) -> Option<crate::protocol::InstanceId> {
    replay::leave(model);
    let found = model.run().map(|run| (run.id, run.can_steer()));
    match found {
        Some((id, true)) => Some(id),
        Some((_, false)) => {
            model.say(Level::Warning, "nobody runs this instance: resume it first (b, then r)", now);
            None
        }
        None => {
            model.say(Level::Info, "no run is shown", now);
            None
        }
    }
}

fn run(model: &mut Model, it: Run, argument: Option<&str>, now: Now) -> Vec<UiEffect> {
    match it {
        Run::Quit => return leave::quit(model, now),
        Run::PauseAndQuit => return leave::pause_and_quit(model, None),
        Run::Demo => return screens::home::demo(model),
        Run::Fork => return fork(model, argument),
        Run::Export => {
            return match model.run() {
                Some(run) => vec![UiEffect::Shelf(crate::ui::msg::Shelf::Export(run.dir.clone()))],
                None => Vec::new(),
            };
        }
        _ => {}
    }
    if it == Run::Pause && model.run().is_some_and(|run| !run.can_steer()) {
        return go_on(model, None, now);
    }
    let Some(id) = steered(model, now) else { return Vec::new() };
    let state = model.run().map(|run| run.state()).unwrap_or_default();
    let held = model.run().is_some_and(|run| run.health.store.is_some());
    let command = match it {
        Run::Pause => match state {
            RunState::Running if !held => Command::Pause { now: false },
            _ => Command::Resume,
        },
        Run::PauseNow => Command::Pause { now: true },
        Run::StepOnce => Command::StepOnce,
        Run::Abort if state == RunState::Stopping => Command::Abort { at_once: true },
        Run::Abort => {
            model.overlays.push(Overlay::Ask(Ask::new(Question::Abort(id), now)));
            return Vec::new();
        }
        Run::AbortNow => Command::Abort { at_once: true },
        Run::UndoCompaction => Command::UndoCompaction,
        Run::RaiseBudget => match argument.and_then(cap_and_value) {
            Some((cap, value)) => Command::SetBudget { cap, value },
            None => {
                let missing = "write a cap and a number: max_tokens 600k (or none)";
                let palette = Palette::asking(model.screen, "budget.raise ", missing);
                model.overlays.push(Overlay::Palette(Box::new(palette)));
                return Vec::new();
            }
        },
        Run::Quit | Run::PauseAndQuit | Run::Export | Run::Demo | Run::Fork => return Vec::new(),
    };
    if matches!(command, Command::Pause { .. })
        && let Some(run) = model.run_mut()
    {
        // At once, so that the key is never felt as lost; the event that follows says what holds.
        run.folds.run.status.state = RunState::Pausing;
    }
    vec![UiEffect::Send(id, command)]
}

/// `max_tokens 600000`, `max_cost_usd none`.
pub(in crate::ui) fn cap_and_value(text: &str) -> Option<(Cap, Option<f64>)> {
    let (cap, value) = text.split_once([' ', '='])?;
    let cap = serde_json::from_value(serde_json::Value::String(cap.trim().to_owned())).ok()?;
    match value.trim() {
        "none" | "off" => Some((cap, None)),
        number => crate::fold::caps::parse_amount(number).filter(|n| *n > 0.0).map(|n| (cap, Some(n))),
    }
}

fn browse(model: &mut Model, it: Browse, now: Now) -> Vec<UiEffect> {
    screens::home::act(model, it, now)
}

fn screen(model: &mut Model, it: On) -> Vec<UiEffect> {
    match it {
        On::Mouse => {
            model.term.mouse = !model.term.mouse;
            vec![UiEffect::Mouse(model.term.mouse)]
        }
        On::DetectTheme => vec![UiEffect::DetectTheme],
        On::Redraw => vec![UiEffect::Redraw],
        On::Suspend => vec![UiEffect::Suspend],
    }
}

/// Resumes the instance that is shown and that nobody runs; one that is done needs something further to do.
pub(super) fn go_on(model: &mut Model, task: Option<String>, now: Now) -> Vec<UiEffect> {
    let Some(run) = model.run() else { return Vec::new() };
    let end = run.folds.run.end.as_ref();
    let done = end.is_some_and(|end| end.stopped_by == "exit") || run.folds.run.kind == RunKind::Exec;
    if done && task.is_none() {
        model.say(Level::Info, "it is done: write a further task below, Enter starts it", now);
        if let Some(run) = model.run_mut() {
            run.look.typing = true;
        }
        return Vec::new();
    }
    let (kind, demo) = (run.folds.run.kind, run.folds.run.demo);
    let Some(UiEffect::Launch(mut launch)) = resume(model, run.dir.clone(), run.working_dir.clone()) else {
        return Vec::new();
    };
    (launch.kind, launch.demo) = (kind, demo);
    if let What::Resume { task: further, .. } = &mut launch.what {
        *further = task;
    }
    model.say(Level::Info, "resuming", now);
    vec![UiEffect::Launch(launch)]
}

/// `run.fork 7 TEXT`: a new run that begins with the steps of the one that is shown, up to the seventh (without a number:
/// up to the newest).
fn fork(model: &mut Model, argument: Option<&str>) -> Vec<UiEffect> {
    let Some(run) = model.run() else { return Vec::new() };
    let (step, task) = step_and_task(argument.unwrap_or_default());
    let (dir, working_dir) = (run.dir.clone(), run.working_dir.clone());
    let Some(UiEffect::Launch(mut launch)) = resume(model, dir.clone(), working_dir) else {
        return Vec::new();
    };
    if task.is_none() {
        let past = model.past().map(|(replay, _)| replay.step).filter(|step| *step > 0);
        let step = step.or(past).or_else(|| model.run()?.texts.orchestrator.ended_step_at_cursor());
        let step = step.map(|step| format!("{step} ")).unwrap_or_default();
        let missing = "write the last step that it keeps, then what it is to do";
        let palette = Palette::asking(model.screen, &format!("run.fork {step}"), missing);
        model.overlays.push(Overlay::Palette(Box::new(palette)));
        return Vec::new();
    }
    if let What::Resume { task: further, .. } = &mut launch.what {
        *further = task;
    }
    vec![UiEffect::Shelf(crate::ui::msg::Shelf::Fork { dir, step, launch })]
}

fn step_and_task(text: &str) -> (Option<u32>, Option<String>) {
    let text = text.trim();
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let (step, task) = match first.parse() {
        Ok(step) => (Some(step), rest.trim()),
        Err(_) => (None, text),
    };
    (step, (!task.is_empty()).then(|| task.to_owned()))
}

/// A launch that resumes an instance, after the pattern of this process.
pub fn resume(model: &Model, dir: std::path::PathBuf, working_dir: std::path::PathBuf) -> Option<UiEffect> {
    let mut launch = model.fixed.pattern.clone()?;
    launch.what = What::Resume { dir, task: None };
    launch.working_dir = working_dir;
    launch.demo = false;
    Some(UiEffect::Launch(launch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_is_told_by_a_step_and_what_it_is_to_do() {
        let told = |text: &str| step_and_task(text);
        assert_eq!(told("7 try  it"), (Some(7), Some("try  it".to_owned())));
        assert_eq!(told("try it"), (None, Some("try it".to_owned())));
        assert_eq!([told("7"), told(" ")], [(Some(7), None), (None, None)]);
    }

    #[test]
    fn a_cap_is_read_from_the_palette() {
        assert_eq!(cap_and_value("max_tokens 600_000"), Some((Cap::MaxTokens, Some(600_000.0))));
        assert_eq!(cap_and_value("max_tokens 600k"), Some((Cap::MaxTokens, Some(600_000.0))));
        assert_eq!(cap_and_value("max_cost_usd=none"), Some((Cap::MaxCostUsd, None)));
        assert_eq!(
            [cap_and_value("max_tokens"), cap_and_value("x 3"), cap_and_value("max_tokens -1")],
            [None; 3]
        );
    }
}
