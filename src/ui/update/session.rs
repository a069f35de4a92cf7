//! Actions on sessions and watchers.

use crate::{
    fold::sessions::Doing,
    protocol::{
        Body, Command, Event, NudgeTarget, SessionId,
        command::WatcherMode,
        event::{Activity, Session as Happened},
        tree::Settle,
    },
    ui::{
        actions::{Session, Watcher},
        model::{
            Level, Model, Pane, RunModel, Screen,
            run::{Tab, TreeText, What},
        },
        msg::{Access, Now, Shelf, UiEffect},
        overlays::{
            Overlay,
            ask::{Ask, Question},
            by_hand::ByHand,
            palette::Palette,
            tune::Tune,
        },
    },
};

use super::act::{explain, steered};

/// Selects another session of the list; it stays selected.
pub fn select(run: &mut RunModel, by: isize) {
    let listed = run.listed();
    let at = listed.iter().position(|(_, id)| Some(*id) == run.look.selected);
    let next = at.map_or(0, |at| at.saturating_add_signed(by)).min(listed.len().saturating_sub(1));
    if let Some((_, id)) = listed.get(next) {
        (run.look.selected, run.look.pinned) = (Some(*id), true);
    }
}

/// Selects another row of the watchers' pane (the newest is 0).
pub fn verdict(run: &mut RunModel, by: isize) {
    let last = run.spoken.len().saturating_sub(1);
    run.look.verdict = run.look.verdict.saturating_add_signed(by).min(last);
}

/// An action on sessions.
pub fn act(model: &mut Model, it: Session, argument: Option<&str>, now: Now) -> Vec<UiEffect> {
    match it {
        Session::SelectNext | Session::SelectPrev | Session::SelectFirst | Session::SelectLast => {
            let by = match it {
                Session::SelectNext => 1,
                Session::SelectPrev => -1,
                Session::SelectFirst => isize::MIN / 2,
                _ => isize::MAX / 2,
            };
            model.run_mut().into_iter().for_each(|run| select(run, by));
            return Vec::new();
        }
        Session::New => return by_hand(model, argument, now),
        Session::Fork => return fork(model, argument, now),
        Session::Settle(how) => return settle(model, how, now),
        _ => {}
    }
    let Some(run) = model.run() else { return Vec::new() };
    let Some(session) = run.look.selected.and_then(|id| run.folds.sessions.get(id)) else {
        model.say(Level::Info, "there is no session yet", now);
        return Vec::new();
    };
    let (run_id, id, doing) = (run.id, session.id, session.doing);
    match it {
        Session::Open => {
            model.screen = Screen::Session;
            if let Some(run) = model.run_mut() {
                run.turn_page();
                // Who looks at one session does not want to be led to another.
                run.look.pinned = true;
            }
            return load(model);
        }
        Session::Message => {
            if doing == Doing::Ended {
                model.say(Level::Warning, "the session has ended: it takes no messages", now);
            } else if let Some(run) = model.run_mut() {
                run.composer.target = NudgeTarget::Session(id);
                run.look.typing = true;
            }
        }
        Session::Interrupt => {
            if steered(model, now).is_none() {
                return Vec::new();
            }
            if doing != Doing::Working {
                model.say(Level::Info, "no turn of it runs", now);
                return Vec::new();
            }
            return vec![UiEffect::Send(run_id, Command::Interrupt { session: id })];
        }
        Session::End if steered(model, now).is_some() => {
            model.overlays.push(Overlay::Ask(Ask::new(Question::EndSession(run_id, id), now)));
        }
        _ => {}
    }
    Vec::new()
}

/// `session.fork TEXT`: the selected session's conversation goes on in a new session.
fn fork(model: &mut Model, argument: Option<&str>, now: Now) -> Vec<UiEffect> {
    let Some(run_id) = steered(model, now) else { return Vec::new() };
    let selected = model.run().and_then(|run| run.folds.sessions.get(run.look.selected?));
    let Some(session) = selected.map(|session| session.id) else {
        model.say(Level::Info, "there is no session yet", now);
        return Vec::new();
    };
    match argument.map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => vec![UiEffect::Send(run_id, Command::Fork { session, prompt: text.to_owned() })],
        None => {
            let palette = Palette::asking(model.screen, "session.fork ", "write what the fork is to do");
            model.overlays.push(Overlay::Palette(Box::new(palette)));
            Vec::new()
        }
    }
}

/// Asks before the work of the selected session is kept, merged or discarded.
fn settle(model: &mut Model, how: Settle, now: Now) -> Vec<UiEffect> {
    let selected = model.run().and_then(|run| Some((run.id, run.folds.sessions.get(run.look.selected?)?)));
    let Some((run_id, session)) = selected else {
        model.say(Level::Info, "there is no session yet", now);
        return Vec::new();
    };
    let (id, isolated) = (session.id, session.who.isolated.as_ref());
    if isolated.is_none_or(crate::fold::sessions::Isolated::is_removed) {
        model.say(Level::Info, "it has no worktree of its own", now);
        return Vec::new();
    }
    model.overlays.push(Overlay::Ask(Ask::new(Question::Settle(run_id, id, how), now)));
    Vec::new()
}

/// The dialog; from the palette also at once: `session.new codex fix the tests`.
fn by_hand(model: &mut Model, argument: Option<&str>, now: Now) -> Vec<UiEffect> {
    let Some(id) = steered(model, now) else { return Vec::new() };
    match argument.and_then(|text| text.split_once(' ')) {
        Some((adapter, prompt)) if !prompt.trim().is_empty() => {
            let (adapter, prompt) = (Some(adapter.to_owned()), prompt.trim().to_owned());
            vec![UiEffect::Send(id, Command::Spawn { adapter, prompt, cwd: None })]
        }
        _ => {
            let Some((hand, effects)) = model.run().map(|run| ByHand::open(model, run)) else {
                return Vec::new();
            };
            model.overlays.push(Overlay::ByHand(Box::new(hand)));
            effects
        }
    }
}

/// Another tab of the session view.
pub fn tab(model: &mut Model, by: usize) -> Vec<UiEffect> {
    if let Some(run) = model.run_mut() {
        let at = Tab::ALL.iter().position(|tab| *tab == run.look.tab).unwrap_or(0);
        run.look.tab = Tab::ALL[(at + by) % Tab::ALL.len()];
        run.turn_page();
    }
    load(model)
}

/// Reads the selected session from the journal, if its raw lines are not there.
pub(super) fn load(model: &mut Model) -> Vec<UiEffect> {
    let Some(run) = model.run_mut() else { return Vec::new() };
    let Some(session) = run.look.selected else { return Vec::new() };
    // Git knows the present only.
    let until = (run.access == Access::Past).then_some(run.folds.seq);
    let mut effects: Vec<UiEffect> = Vec::new();
    if until.is_none() {
        effects.extend(read_tree(run));
    }
    let known = run.texts.read.as_ref().is_some_and(|(known, _)| *known == session);
    if !known && matches!(run.look.tab, Tab::Raw | Tab::Diff) {
        effects.push(UiEffect::ReadSession { instance: run.id, dir: run.dir.clone(), session, until });
    }
    effects
}

/// The diff tab of an isolated session asks git.
fn read_tree(run: &mut RunModel) -> Option<UiEffect> {
    let session = run.folds.sessions.get(run.look.selected?)?;
    let (id, isolated) = (session.id, session.who.isolated.as_ref());
    let isolated = isolated.filter(|isolated| !isolated.is_removed() && run.look.tab == Tab::Diff);
    let text = &mut run.texts.tree;
    let Some(isolated) = isolated else {
        // The diff of the journal's activities takes the place again.
        if text.of.take().is_some() {
            run.texts.read = None;
        }
        return None;
    };
    if text.of != Some(id) {
        *text = TreeText { of: Some(id), ..TreeText::default() };
        run.texts.diff.set("");
    }
    if std::mem::replace(&mut text.asked, true) {
        text.again = true;
        return None;
    }
    let tree = Box::new(isolated.tree.clone());
    Some(UiEffect::Shelf(Shelf::ReadTree { instance: run.id, session: id, tree }))
}

/// Git has answered.
pub fn tree_read(run: &mut RunModel, session: SessionId, diff: Result<String, String>) -> Option<UiEffect> {
    let text = &mut run.texts.tree;
    if text.of != Some(session) {
        return None;
    }
    run.texts.diff.set(diff.as_deref().unwrap_or_default());
    text.read = Some(diff.map(|_| ()));
    text.asked = false;
    if std::mem::take(&mut text.again) { read_tree(run) } else { None }
}

/// Whether an event may have changed the diff of the worktree that is shown.
pub fn reread(run: &mut RunModel, event: &Event) -> Option<UiEffect> {
    if event.session_id.is_none() || run.texts.tree.of != event.session_id {
        return None;
    }
    let touches = match &event.body {
        Body::Session(Happened::ActivityAdded(added)) => {
            matches!(
                added.activity,
                Activity::FileChange { .. } | Activity::Shell { .. } | Activity::ToolCall { .. }
            )
        }
        Body::Session(Happened::SessionTurnFinished(_) | Happened::SessionChanged(_)) => true,
        _ => false,
    };
    if !touches {
        return None;
    }
    let effect = read_tree(run);
    if run.texts.tree.of.is_some() {
        return effect;
    }
    // The worktree is gone: what was seen of the work stands in the journal.
    let (instance, dir) = (run.id, run.dir.clone());
    event.session_id.map(|session| UiEffect::ReadSession { instance, dir, session, until: None })
}

/// An action on watchers.
pub fn watcher(model: &mut Model, it: Watcher, now: Now) -> Vec<UiEffect> {
    match it {
        Watcher::Next | Watcher::Prev | Watcher::First | Watcher::Last => {
            let by = match it {
                Watcher::Next => 1,
                Watcher::Prev => -1,
                Watcher::First => isize::MIN / 2,
                _ => isize::MAX / 2,
            };
            model.run_mut().into_iter().for_each(|run| verdict(run, by));
        }
        Watcher::Explain if model.run().is_some_and(|run| run.spoken.is_empty()) => {
            model.overlays.push(Overlay::Watchers(crate::ui::overlays::watchers::Watchers::default()));
        }
        Watcher::Explain => explain(model),
        Watcher::Toggle | Watcher::Mute | Watcher::Allow | Watcher::Tune => switch(model, it, now),
    }
    if let Some(run) = model.run_mut()
        && run.look.focus != Pane::Watchers
        && model.overlays.is_empty()
        && let Some(run) = model.run_mut()
    {
        run.look.focus = Pane::Watchers;
    }
    Vec::new()
}

/// The same for the watcher of the selected verdict.
fn switch(model: &mut Model, it: Watcher, now: Now) {
    let found = model.run().and_then(|run| {
        let What::Watcher(spoke) = &run.spoken.iter().rev().nth(run.look.verdict)?.what else { return None };
        Some((spoke.watcher.clone(), spoke.rule.clone()))
    });
    match found {
        Some((name, rule)) => switch_watcher(model, it, name, Some(rule), now),
        None => {
            model.say(Level::Info, "select a verdict of a watcher first, or choose one in the list (W)", now)
        }
    }
}

/// Whether the configuration has a watcher on. One that is not in it (an old verdict's) counts as on.
pub fn configured(watchers: &crate::config::Watchers, name: &str) -> bool {
    let entry = watchers.watchers.iter().find(|entry| entry.name == name);
    entry.is_none_or(|entry| watchers.has_on(entry))
}

/// Asks before a watcher is switched, one rule of it allowed or no longer allowed, or keys of it set.
pub fn switch_watcher(model: &mut Model, it: Watcher, name: String, rule: Option<String>, now: Now) {
    let Some(id) = steered(model, now) else { return };
    let Some(folds) = model.run().map(|run| &run.folds) else { return };
    let watch = &folds.watch;
    let mode = watch.mode(&name, configured(&folds.watchers, &name));
    let turned = |to| if mode == to { WatcherMode::On } else { to };
    let allowed =
        rule.as_deref().is_some_and(|rule| watch.is_allowed(&crate::fold::watch::key(&name, rule, None)));
    let (mode, rule, taken_back) = match it {
        Watcher::Mute => (turned(WatcherMode::Muted), None, false),
        Watcher::Allow => (mode, rule, allowed),
        Watcher::Tune => return model.overlays.push(Overlay::Tune(Tune::new(model, id, name))),
        _ => (turned(WatcherMode::Off), None, false),
    };
    let command = Command::SetWatcher { name, mode, rule, config: None, taken_back };
    model.overlays.push(Overlay::Ask(Ask::new(Question::Watcher(id, command), now)));
}
