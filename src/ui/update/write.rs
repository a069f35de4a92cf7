//! Actions of the composer.

use crate::{
    protocol::{Command, NudgeId, NudgeTarget, command::Delivery},
    ui::{
        actions::Write,
        model::{Level, Model, Pane, RunModel, Screen},
        msg::{Now, Purpose, UiEffect},
        overlays::{Overlay, palette::Palette},
    },
};

use super::act::{go_on, steered};

/// An action of the composer.
pub fn act(model: &mut Model, it: Write, now: Now) -> Vec<UiEffect> {
    let in_session = model.screen == Screen::Session;
    if model.screen == Screen::Home {
        model.say(Level::Info, "open a run first", now);
        return Vec::new();
    }
    let Some(run) = model.run_mut() else { return Vec::new() };
    match it {
        Write::Focus => focus(run, in_session),
        Write::Send => return send(model, Delivery::Auto, now),
        Write::Queue => match run.composer.target {
            NudgeTarget::Session(_) => return send(model, Delivery::Queue, now),
            NudgeTarget::Orchestrator => run.composer.newline(),
        },
        Write::Newline => run.composer.newline(),
        Write::Target => {
            if run.composer.at_end() {
                let targets = run.targets();
                run.composer.cycle(&targets);
            }
        }
        Write::HistoryPrev | Write::HistoryNext => history(run, it),
        Write::HistorySearch => {
            let palette = Palette::texts(run.composer.history());
            model.overlays.push(Overlay::Palette(Box::new(palette)));
        }
        Write::Editor => {
            let purpose = Purpose::Draft(run.id);
            return vec![UiEffect::Edit { purpose, text: run.composer.text(), ending: ".md" }];
        }
        Write::Leave => {
            run.look.typing = false;
            return vec![UiEffect::SaveDraft(run.id, run.composer.text())];
        }
        Write::ExpandPaste => {
            run.composer.expand();
        }
        Write::EditQueued => {
            if let Some((id, text)) = newest_queued(run) {
                run.composer.set(&text);
                run.composer.editing = Some(id);
                run.look.typing = true;
            } else {
                model.say(Level::Info, "no nudge is queued", now);
            }
        }
        Write::Withdraw => match newest_queued(run) {
            Some((nudge, _)) => {
                run.composer.editing = None;
                let Some(id) = steered(model, now) else { return Vec::new() };
                return vec![UiEffect::Send(id, Command::WithdrawNudge { nudge })];
            }
            None => model.say(Level::Info, "no nudge is queued", now),
        },
    }
    Vec::new()
}

/// `i`: the target is what the pane shows.
fn focus(run: &mut RunModel, in_session: bool) {
    let session = run.look.selected.filter(|_| in_session || run.look.focus == Pane::Live);
    let session = session.map(NudgeTarget::Session).filter(|target| run.targets().contains(target));
    if run.composer.is_empty() {
        run.composer.target = session.unwrap_or(NudgeTarget::Orchestrator);
    }
    run.look.typing = true;
}

fn history(run: &mut RunModel, it: Write) {
    let earlier = it == Write::HistoryPrev;
    if !run.composer.browse(earlier) {
        let code = if earlier { crossterm::event::KeyCode::Up } else { crossterm::event::KeyCode::Down };
        run.composer.key(crossterm::event::KeyEvent::new(code, crossterm::event::KeyModifiers::NONE));
    }
}

fn newest_queued(run: &RunModel) -> Option<(NudgeId, String)> {
    let queued = |nudge: &&crate::fold::nudges::Nudge| {
        nudge.stage == crate::fold::nudges::Stage::Queued && nudge.by == "human"
    };
    run.folds.nudges.all.iter().rev().find(queued).map(|nudge| (nudge.id, nudge.text.clone()))
}

fn send(model: &mut Model, how: Delivery, now: Now) -> Vec<UiEffect> {
    if model.run().is_none_or(|run| run.composer.text().trim().is_empty()) {
        return Vec::new();
    }
    if let Some(run) = model.run_mut().filter(|run| !run.can_steer()) {
        let (id, text) = (run.id, run.composer.take());
        run.look.typing = false;
        let mut effects = go_on(model, Some(text), now);
        effects.push(UiEffect::SaveDraft(id, String::new()));
        return effects;
    }
    let Some(id) = steered(model, now) else { return Vec::new() };
    let Some(run) = model.run_mut() else { return Vec::new() };
    let (editing, target) = (run.composer.editing, run.composer.target);
    let text = run.composer.take();
    let command = match editing {
        Some(nudge) => Command::EditNudge { nudge, text },
        None => Command::Nudge { nudge: NudgeId::random(), target, text, how },
    };
    vec![UiEffect::Send(id, command), UiEffect::SaveDraft(id, String::new())]
}
