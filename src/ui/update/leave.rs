//! Leaving: one level up, the quit question, pause and quit.

use std::time::Duration;

use crate::{
    error::code,
    protocol::Command,
    ui::{
        model::{Leaving, Level, Model, Screen},
        msg::{Now, UiEffect},
        overlays::{
            Overlay,
            ask::{Ask, Question},
        },
    },
};

/// A second Ctrl-C within this time asks.
pub const TWICE: Duration = Duration::from_millis(1_500);

/// `q`: session view → the past → run view → home → program.
pub fn back(model: &mut Model, now: Now) -> Vec<UiEffect> {
    match model.screen {
        Screen::Session => model.screen = Screen::Run,
        Screen::Run => {
            if !super::replay::leave(model) {
                return home(model);
            }
        }
        Screen::NewRun => model.screen = Screen::Home,
        Screen::Home => return quit(model, now),
    }
    Vec::new()
}

/// To the list of instances. The run goes on.
pub fn home(model: &mut Model) -> Vec<UiEffect> {
    model.screen = Screen::Home;
    model.home.opened_from(None);
    model.home.left(model.shown);
    let mut effects = vec![UiEffect::List { everywhere: model.home.everywhere() }];
    if let Some(run) = model.present() {
        effects.push(UiEffect::SaveDraft(run.id, run.composer.text()));
        if !run.is_live_here() {
            effects.push(UiEffect::Close(run.id));
        }
    }
    let shown = model.shown;
    model.show(None);
    model.runs.retain(|run| run.is_live_here() || Some(run.id) != shown);
    effects
}

/// Leaves the program; asks first where a run is live.
pub fn quit(model: &mut Model, now: Now) -> Vec<UiEffect> {
    if model.live().next().is_none() {
        return pause_and_quit(model, None);
    }
    if !matches!(model.overlays.last(), Some(Overlay::Ask(ask)) if *ask.question() == Question::Quit) {
        model.overlays.push(Overlay::Ask(Ask::new(Question::Quit, now)));
    }
    Vec::new()
}

/// Pauses and saves every run of this process, then leaves.
pub fn pause_and_quit(model: &mut Model, signal: Option<i32>) -> Vec<UiEffect> {
    let mut effects: Vec<_> =
        model.runs.iter().map(|run| UiEffect::SaveDraft(run.id, run.composer.text())).collect();
    model.leaving = Some(Leaving { signal });
    let live: Vec<_> = model.live().map(|run| run.id).collect();
    if live.is_empty() {
        effects.push(UiEffect::Quit(exit_code(model)));
    }
    effects.extend(live.into_iter().map(|id| UiEffect::Send(id, Command::Shutdown { signal })));
    effects
}

/// Aborts every run of this process, then leaves.
pub fn abort_and_quit(model: &mut Model) -> Vec<UiEffect> {
    let live: Vec<_> = model.live().map(|run| run.id).collect();
    if live.is_empty() {
        return pause_and_quit(model, None);
    }
    model.leaving = Some(Leaving { signal: None });
    live.into_iter().map(|id| UiEffect::Send(id, Command::Abort { at_once: false })).collect()
}

/// While the program is being left: whether nothing holds it any more.
pub fn may_go(model: &Model) -> Option<UiEffect> {
    (model.leaving.is_some() && model.live().next().is_none()).then(|| UiEffect::Quit(exit_code(model)))
}

fn exit_code(model: &Model) -> i32 {
    match model.leaving.and_then(|leaving| leaving.signal) {
        Some(signal) => code::SIGNAL + signal,
        None => code::OK,
    }
}

/// Ctrl-C: clears the draft or hints; again within 1.5 s: the quit question.
pub fn interrupt(model: &mut Model, now: Now) -> Vec<UiEffect> {
    let before = model.pressed.interrupt.replace(now.instant);
    if before.is_some_and(|before| now.instant.saturating_duration_since(before) <= TWICE) {
        model.pressed.interrupt = None;
        return quit(model, now);
    }
    let typing = model.typing();
    let cleared = model.run_mut().filter(|_| typing).is_some_and(|run| {
        let any = !run.composer.is_empty();
        run.composer.set("");
        run.composer.editing = None;
        any
    });
    if cleared {
        model.say(Level::Info, "draft cleared; Ctrl-C again to quit", now);
    } else {
        let live = model.live().next().is_some();
        let text = if live { "Ctrl-C again to quit (p pauses, X aborts)" } else { "Ctrl-C again to quit" };
        model.say(Level::Info, text, now);
    }
    Vec::new()
}
