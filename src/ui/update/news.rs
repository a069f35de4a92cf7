//! What comes from the instances and what effects answer.

use crate::{
    protocol::{Command, InstanceId, Notice, Reply},
    ui::{
        model::{Level, Model, RunModel, Screen, notable::Notable},
        msg::{Access, Answer, News, Now, Purpose, UiEffect},
        overlays::{Overlay, inbox, sheet::Sheet},
        screens,
    },
};

use super::{leave, replay, session};

/// Begins the remark that a run is held because its journal cannot be written.
const HELD: &str = "the run is held: ";

/// From an instance.
pub fn from(model: &mut Model, id: InstanceId, news: News, now: Now) -> Vec<UiEffect> {
    if let News::Past { step, run } = news {
        return replay::read(model, id, step, run, now);
    }
    let Some(run) = model.by_id(id) else { return Vec::new() };
    match news {
        News::Event(published) => {
            let live = run.access != Access::ReadOnly;
            let fresh = live && is_fresh(&published.recorded.event.timestamp, now);
            let notable = run.follow(&published);
            let reread = session::reread(run, &published.recorded.event);
            if matches!(notable, Some(Notable::Card(_))) || !fresh {
                renew_card(model);
            }
            let mut effects = match notable.filter(|_| fresh) {
                None => after(model),
                Some(notable) => told(model, id, notable, now),
            };
            effects.extend(reread);
            return effects;
        }
        News::Streaming => {
            tick(run);
        }
        News::Held(held) => return held_by(model, id, held, now),
        News::Notice(Notice::StoreFailed { message }) => {
            run.health.store = Some(message.clone());
            let text = format!("{HELD}{message}");
            model.say(Level::Error, text, now);
        }
        News::Notice(Notice::StoreRestored) => {
            run.health.store = None;
            model.toasts.over(HELD);
            model.say(Level::Info, "the journal can be written again", now);
        }
        News::Notice(Notice::Warning { message }) => model.say(Level::Warning, message, now),
        News::Notice(Notice::InFlight(flight)) => run.folds.flight = flight,
        News::Notice(Notice::Closed) => run.folds.flight = Default::default(),
        News::Past { .. } => {}
        News::Ended(ended) => {
            // What streamed last is void now, whoever was told of it.
            tick(run);
            if let Err(message) = &ended {
                let text = format!("the run '{}' broke off: {message}", run.name);
                run.health.ended = Some(ended);
                model.say(Level::Error, text, now);
            } else {
                run.health.ended = Some(ended);
            }
        }
    }
    after(model)
}

/// The process that ran an instance has gone without a word, or another one runs it now.
fn held_by(model: &mut Model, id: InstanceId, held: bool, now: Now) -> Vec<UiEffect> {
    let Some(run) = model.by_id(id).filter(|run| run.access != Access::Ours) else { return Vec::new() };
    run.health.read = true;
    let access = if held { Access::Foreign } else { Access::ReadOnly };
    let gone = std::mem::replace(&mut run.access, access) == Access::Foreign && run.has_crashed();
    if gone {
        let text = format!("the process that ran '{}' is gone: p goes on with it here", run.name);
        model.say(Level::Error, text, now);
    }
    after(model)
}

/// The live text is taken by the transcripts.
fn tick(run: &mut RunModel) {
    let RunModel { tails, texts, .. } = run;
    if let Some(tails) = tails {
        texts.orchestrator.tick_tails(tails);
        texts.sessions.values_mut().for_each(|text| {
            text.tick_tails(tails);
        });
    }
}

/// Old events are followed without a word: only what happens now is told.
fn is_fresh(at: &crate::protocol::Stamp, now: Now) -> bool {
    (now.wall.as_second() - at.at.as_second()).abs() < 15
}

/// A card that was answered elsewhere gives way to the next.
fn renew_card(model: &mut Model) {
    let mut overlays = std::mem::take(&mut model.overlays);
    overlays.retain_mut(|overlay| match overlay {
        Overlay::Inbox(card) => card.renew(model),
        _ => true,
    });
    model.overlays = overlays;
    if model.runs.iter().all(|run| run.folds.inbox.open.is_empty()) {
        model.toasts.answered();
    }
}

fn after(model: &mut Model) -> Vec<UiEffect> {
    renew_card(model);
    leave::may_go(model).into_iter().collect()
}

fn told(model: &mut Model, id: InstanceId, notable: Notable, now: Now) -> Vec<UiEffect> {
    let mut effects = Vec::new();
    if !model.term.focused {
        let name = model.by_id(id).map(|run| run.name.clone()).unwrap_or_default();
        let text = match &notable {
            Notable::Card(title) => Some(format!("{name} needs you: {title}")),
            Notable::Ended { text, .. } => Some(text.clone()),
            Notable::Problem { text, fatal: true } => Some(format!("{name}: {text}")),
            _ => None,
        };
        effects.extend(text.map(UiEffect::Notify));
    }
    match notable {
        Notable::Card(title) => {
            let typed = model
                .pressed
                .last
                .is_some_and(|last| now.instant.saturating_duration_since(last) < inbox::QUIET);
            let writing = model.run().is_some_and(|run| !run.composer.is_empty() || run.look.typing);
            let shown = model.shown == Some(id) && matches!(model.screen, Screen::Run | Screen::Session);
            if shown && !typed && !writing && model.replay.is_none() && model.overlays.is_empty() {
                model.overlays.extend(inbox::Card::oldest(model).map(|card| Overlay::Inbox(Box::new(card))));
            } else {
                model.toasts.ask(format!("needs you: {title} (a opens the inbox)"), now);
            }
        }
        Notable::Problem { text, fatal } => {
            model.say(if fatal { Level::Error } else { Level::Warning }, text, now);
        }
        Notable::Nudge(text) | Notable::Info(text) => model.say(Level::Info, text, now),
        Notable::Warning(text) => model.say(Level::Warning, text, now),
        Notable::Ended { text, well } => {
            model.say(if well { Level::Info } else { Level::Warning }, text, now);
        }
    }
    effects.extend(after(model));
    effects
}

/// The answer to an effect.
pub fn answer(model: &mut Model, answer: Answer, now: Now) -> Vec<UiEffect> {
    match answer {
        Answer::Opened(opened) => {
            let id = opened.id;
            let (code, ascii) = (model.term.code.clone(), model.term.skin.ascii);
            let focus = model.fixed.config.ui.start_focus;
            model.runs.retain(|run| run.id != id);
            let mut run = RunModel::new(*opened, code, ascii);
            run.look.typing = focus == crate::config::StartFocus::Composer;
            model.runs.push(run);
            model.show(Some(id));
            model.screen = Screen::Run;
            screens::new_run::started(model);
        }
        Answer::Changes { dir, diff } => {
            for overlay in &mut model.overlays {
                if let Overlay::Changes(changes) = overlay {
                    changes.set(&dir, diff.clone());
                }
            }
        }
        Answer::Log { file, lines } => {
            for overlay in &mut model.overlays {
                if let Overlay::Log(log) = overlay {
                    log.set(file.clone(), lines.clone());
                }
            }
        }
        Answer::Looked(around) => {
            for overlay in &mut model.overlays {
                if let Overlay::ByHand(hand) = overlay {
                    hand.looked(&around);
                }
            }
            screens::new_run::looked(model, *around);
        }
        Answer::Gathered(text, what) => return vec![UiEffect::Copy { text, what: what.to_owned() }],
        Answer::WrittenOut(file) => return vec![UiEffect::PageFile(file)],
        Answer::Versions(versions) => screens::new_run::versions(model, versions),
        Answer::NotOpened(error, _) if model.screen == Screen::NewRun => {
            screens::new_run::failed(model, &error.to_string().replace('\n', " "));
        }
        Answer::NotOpened(error, Some(task)) => {
            return screens::new_run::again(model, &task, &error.to_string().replace('\n', " "), now);
        }
        Answer::NotOpened(error, None) => model.say(Level::Error, error.to_string().replace('\n', " "), now),
        // What nobody looks at is read when somebody does.
        Answer::Stale if model.screen == Screen::Home => {
            return vec![UiEffect::List { everywhere: model.home.everywhere() }];
        }
        Answer::Stale => {}
        Answer::Listed(all) => return screens::home::listed(model, all),
        Answer::Previewed(preview) => screens::home::previewed(model, preview),
        Answer::Changed(text) => {
            model.say(Level::Info, text, now);
            return vec![UiEffect::List { everywhere: model.home.everywhere() }];
        }
        Answer::Sheet { title, lines } => model.overlays.push(Overlay::Sheet(Sheet::new(title, lines))),
        Answer::Ready(launch) => return vec![UiEffect::Launch(launch)],
        Answer::Edited(purpose, text) => return edited(model, purpose, text, now),
        Answer::Copied(Ok(text)) => model.say(Level::Info, text, now),
        Answer::Copied(Err(text)) | Answer::Failed(text) => model.say(Level::Warning, text, now),
        Answer::TreeDiff { instance, session, diff } => {
            return model
                .by_id(instance)
                .and_then(|run| session::tree_read(run, session, diff))
                .into_iter()
                .collect();
        }
        Answer::SessionRead { instance, session, until, read } => {
            if let Some(run) = asked(model, instance, until) {
                if run.texts.tree.of != Some(session) {
                    run.texts.diff.set(&read.diff);
                }
                run.texts.read = Some((session, *read));
            }
        }
        Answer::Background(found) => screens::run::background(model, found, now),
    }
    Vec::new()
}

/// The run for which a session was read: the present one, or the past up to the same event.
fn asked(model: &mut Model, id: InstanceId, until: Option<u64>) -> Option<&mut RunModel> {
    match until {
        None => model.by_id(id),
        Some(seq) => model.run_mut().filter(|run| run.access == Access::Past && run.folds.seq == seq),
    }
}

fn edited(model: &mut Model, purpose: Purpose, text: Result<String, String>, now: Now) -> Vec<UiEffect> {
    let text = match text {
        Ok(text) => text,
        Err(why) => {
            model.say(Level::Warning, format!("the text is as it was: {why}"), now);
            return Vec::new();
        }
    };
    match purpose {
        Purpose::Draft(id) => {
            if let Some(run) = model.by_id(id) {
                run.composer.set(text.trim_end_matches('\n'));
                run.look.typing = true;
            }
        }
        Purpose::Arguments(id, inbox) => {
            let opened = model.by_id(id).and_then(|run| run.folds.inbox.get(inbox)).cloned();
            if let Some(opened) = opened {
                let digest = Some(opened.digest);
                let reply = Reply { inbox, choice: "edit".to_owned(), text: Some(text), digest };
                return vec![UiEffect::Send(id, Command::Reply(reply))];
            }
            model.say(Level::Warning, "the card is no longer open", now);
        }
        Purpose::ByHand => {
            for overlay in &mut model.overlays {
                if let Overlay::ByHand(hand) = overlay {
                    hand.edited(&text);
                }
            }
        }
        Purpose::Task => screens::new_run::edited(model, text),
    }
    Vec::new()
}
