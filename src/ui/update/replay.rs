//! Looking back: the run as it was after another step. Whatever steers leaves the past first.

use crate::{
    protocol::InstanceId,
    ui::{
        actions::Replay as It,
        model::{Level, Model, RunModel, Screen, replay::Replay},
        msg::{Now, UiEffect},
        overlays::{Overlay, palette::Palette},
    },
};

/// A step back or on, or to a step (`argument`).
pub fn act(model: &mut Model, it: It, argument: Option<&str>, now: Now) -> Vec<UiEffect> {
    let Some(present) = model.present() else {
        model.say(Level::Info, "no run is shown", now);
        return Vec::new();
    };
    let (id, newest) = (present.id, present.folds.run.progress.step);
    let here = model.replay.as_ref().filter(|replay| replay.id == id).map(|replay| replay.step);
    let step = match (it, here) {
        (It::Back, None) => newest.checked_sub(1),
        (It::Back, Some(step)) => step.checked_sub(1),
        (It::On, None) => {
            model.say(Level::Info, "this is the present", now);
            return Vec::new();
        }
        (It::On, Some(step)) => Some(step + 1),
        (It::At, _) => match argument.map(str::trim).map(str::parse) {
            Some(Ok(step)) => Some(step),
            _ => {
                let palette = Palette::asking(model.screen, "replay.at ", "write the step after which");
                model.overlays.push(Overlay::Palette(Box::new(palette)));
                return Vec::new();
            }
        },
    };
    match step {
        Some(step) if step >= newest => {
            leave(model);
            Vec::new()
        }
        Some(step) => to(model, id, step),
        None => {
            let text = if newest == 0 { "it has no steps yet" } else { "this is where it began" };
            model.say(Level::Info, text, now);
            Vec::new()
        }
    }
}

/// Shows the past after this step as soon as it is read. What is asked for while another step is read comes behind it.
fn to(model: &mut Model, id: InstanceId, step: u32) -> Vec<UiEffect> {
    let replay = match &mut model.replay {
        Some(replay) if replay.id == id => replay,
        other => other.insert(Replay { id, step, run: None, reading: None }),
    };
    replay.step = step;
    if replay.reading.is_some() {
        return Vec::new();
    }
    replay.reading = Some(step);
    let empty = model.present().map(RunModel::emptied);
    empty.into_iter().map(|run| UiEffect::Replay { run: Box::new(run), step }).collect()
}

/// The past has been read.
pub fn read(
    model: &mut Model,
    id: InstanceId,
    step: u32,
    run: Result<Box<RunModel>, String>,
    now: Now,
) -> Vec<UiEffect> {
    let Some(mut replay) = model.replay.take_if(|replay| replay.id == id) else { return Vec::new() };
    let mut run = match run {
        Ok(run) => run,
        Err(why) => {
            model.say(Level::Warning, format!("the journal cannot be read: {why}"), now);
            return Vec::new();
        }
    };
    let before = replay.run.as_deref().or_else(|| model.present());
    before.into_iter().for_each(|before| run.looks_like(before));
    if model.screen == Screen::Session && run.look.selected.is_none() {
        model.screen = Screen::Run;
    }
    replay.run = Some(run);
    replay.reading = None;
    let wanted = replay.step;
    model.replay = Some(replay);
    if wanted == step { super::session::load(model) } else { to(model, id, wanted) }
}

/// Back to the present. False: it is shown already.
pub fn leave(model: &mut Model) -> bool {
    let Some(replay) = model.replay.take() else { return false };
    if let (Some(past), Some(present)) = (replay.run, model.run_mut()) {
        // Panes and zoom stay as they are now; what was selected there is there.
        (present.look.focus, present.look.zoom, present.look.tab) =
            (past.look.focus, past.look.zoom, past.look.tab);
        if past.look.pinned {
            (present.look.selected, present.look.pinned) = (past.look.selected, true);
        }
        present.turn_page();
    }
    true
}
