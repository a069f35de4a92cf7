//! From keys to actions: the topmost overlay first, then a search line, then the keymap of the focused context, then
//! the text that is being written. Also pastes and the mouse.

use std::time::Instant;

use crossterm::event::{
    KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::layout::Position;

use super::{
    actions::{Act, Browse, Context, Go, Open, Run},
    keymap::Found,
    keys::Chord,
    model::{Hit, Model, Pane, Screen, reads::Text},
    msg::{Now, UiEffect},
    overlays::{After, Overlay, help::Help},
    render::Scroll,
    update::{act::act, text},
};

/// Rows that one notch of the wheel moves.
const WHEEL: isize = 3;

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct KeyPress {
    pub event: KeyEvent,
    pub chord: Chord,
    /// When the key before it was pressed.
    pub before: Option<Instant>,
}

/// Where keys are looked up, innermost first.
pub fn contexts(model: &Model) -> Vec<Context> {
    if model.typing() {
        return vec![Context::Composer];
    }
    match model.screen {
        Screen::Home => vec![Context::Browser, Context::Global],
        Screen::NewRun => vec![Context::Global],
        Screen::Session => vec![Context::SessionView, Context::Text, Context::Global],
        Screen::Run => match model.run().map(|run| run.look.focus) {
            Some(Pane::Orchestrator | Pane::Live) => vec![Context::Text, Context::Global],
            Some(Pane::Sessions) => vec![Context::Sessions, Context::Global],
            Some(Pane::Watchers) => vec![Context::Watchers, Context::Global],
            None => vec![Context::Global],
        },
    }
}

/// A key.
pub fn key(model: &mut Model, event: KeyEvent, now: Now) -> Vec<UiEffect> {
    if event.kind == KeyEventKind::Release {
        return Vec::new();
    }
    let before = model.pressed.last.replace(now.instant);
    let event = in_burst(model, event, now);
    let press = KeyPress { event, chord: Chord::of(&event), before };
    if model.too_small() {
        return blind(model, &press, now);
    }
    if let Some(help) = help_over(model, &press) {
        model.overlays.push(help);
        return Vec::new();
    }
    if !model.overlays.is_empty() {
        return overlay(model, now, |overlay, model| overlay.key(model, &press, now));
    }
    if model.screen == Screen::NewRun {
        return super::screens::new_run::key(model, &press, now);
    }
    if model.screen == Screen::Home && model.home.typing() {
        return super::screens::home::key(model, &press, now);
    }
    if let Some(line) = model.run().and_then(|run| run.look.search.clone())
        && !model.typing()
    {
        return search_line(model, line, &press, now);
    }
    let prefix = model.pressed.prefix.take();
    match model.fixed.keymap.find(&contexts(model), prefix, press.chord) {
        Found::Act(found) => act(model, found, None, now),
        Found::Prefix => {
            model.pressed.prefix = Some(press.chord);
            Vec::new()
        }
        Found::Nothing if prefix.is_none() && model.typing() => {
            if let Some(run) = model.run_mut() {
                run.composer.key(event);
            }
            Vec::new()
        }
        Found::Nothing => Vec::new(),
    }
}

/// The key of the help over an overlay; a letter only where none is being written.
fn help_over(model: &Model, press: &KeyPress) -> Option<Overlay> {
    let top = model.overlays.last().filter(|top| !matches!(top, Overlay::Help(_)))?;
    let letter = matches!(press.event.code, KeyCode::Char(_));
    let found = model.fixed.keymap.find(&[Context::Global], None, press.chord);
    let asked = matches!(found, Found::Act(Act::Open(Open::Help))) && !(letter && top.is_typing());
    asked.then(|| Overlay::Help(Help::over(top.hints(model))))
}

/// An Enter in the middle of a paste that the terminal does not bracket is a new line: it sends and starts nothing.
fn in_burst(model: &mut Model, event: KeyEvent, now: Now) -> KeyEvent {
    let plain = !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    let writes = plain && matches!(event.code, KeyCode::Char(_) | KeyCode::Enter | KeyCode::Tab);
    let held = event.code == KeyCode::Enter && plain && model.pressed.burst.holds(now.instant);
    if writes {
        model.pressed.burst.typed(now.instant);
    }
    let text = match model.overlays.last() {
        None => model.typing() || model.screen == Screen::NewRun,
        Some(top) => matches!(top, Overlay::Inbox(_)),
    };
    // Ctrl-J is the new line of every text; where there is none it does nothing.
    if held && text { KeyEvent::new(KeyCode::Char('j'), KeyModifiers::CONTROL) } else { event }
}

/// On a screen that shows only the notice, three keys act.
fn blind(model: &mut Model, press: &KeyPress, now: Now) -> Vec<UiEffect> {
    match press.event.code {
        KeyCode::Char('X') if matches!(model.overlays.last(), Some(Overlay::Ask(_))) => {
            overlay(model, now, |overlay, model| overlay.key(model, press, now))
        }
        KeyCode::Char('p') => act(model, Act::Run(Run::Pause), None, now),
        KeyCode::Char('X') => act(model, Act::Run(Run::Abort), None, now),
        KeyCode::Char('q') => act(model, Act::Go(Go::Back), None, now),
        _ => Vec::new(),
    }
}

/// Lets the topmost overlay do something.
pub fn overlay(
    model: &mut Model,
    now: Now,
    what: impl FnOnce(&mut Overlay, &mut Model) -> (After, Vec<UiEffect>),
) -> Vec<UiEffect> {
    let _ = now;
    let Some(mut top) = model.overlays.pop() else { return Vec::new() };
    let at = model.overlays.len();
    let (after, effects) = what(&mut top, model);
    if after == After::Stay {
        model.overlays.insert(at.min(model.overlays.len()), top);
    }
    effects
}

/// What a key does in a search line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// It has another text.
    Text,
    /// To the next find, or the one before.
    Step(bool),
    /// The line closes, the finds stay marked.
    Keep,
    /// The line closes, the view goes back.
    Back,
    Nothing,
}

/// A key in a search line.
pub fn edit_line(line: &mut String, press: &KeyPress) -> Typed {
    let ctrl = press.event.modifiers.contains(KeyModifiers::CONTROL);
    match press.event.code {
        KeyCode::Enter => return Typed::Keep,
        KeyCode::Esc => return Typed::Back,
        KeyCode::Char('c') if ctrl => return Typed::Back,
        KeyCode::Down => return Typed::Step(true),
        KeyCode::Up => return Typed::Step(false),
        KeyCode::Backspace => {
            if line.pop().is_none() {
                return Typed::Back;
            }
        }
        KeyCode::Char('u') if ctrl => line.clear(),
        KeyCode::Char('w') if ctrl => {
            let kept = line.trim_end().rfind(' ').map_or(0, |at| at + 1);
            line.truncate(kept);
        }
        KeyCode::Char(c) if !ctrl => line.push(c),
        _ => return Typed::Nothing,
    }
    Typed::Text
}

fn search_line(model: &mut Model, mut line: String, press: &KeyPress, now: Now) -> Vec<UiEffect> {
    match edit_line(&mut line, press) {
        Typed::Text => text::search(model, line),
        Typed::Step(forward) => text::search_step(model, forward, now),
        Typed::Keep => text::search_done(model, true),
        Typed::Back => text::search_done(model, false),
        Typed::Nothing => Vec::new(),
    }
}

/// A pasted text: into what takes text, else into the composer, which is opened.
pub fn paste(model: &mut Model, pasted: &str, now: Now) -> Vec<UiEffect> {
    model.pressed.last = Some(now.instant);
    model.pressed.burst.brackets();
    if let Some(mut top) = model.overlays.pop() {
        top.paste(pasted);
        model.overlays.push(top);
        return Vec::new();
    }
    match model.screen {
        Screen::NewRun => super::screens::new_run::paste(model, pasted),
        Screen::Home => super::screens::home::paste(model, pasted),
        Screen::Run | Screen::Session => {
            if let Some(line) = model.run().and_then(|run| run.look.search.clone()) {
                return text::search(model, line + &crate::text::clean_line(pasted));
            }
            super::update::replay::leave(model);
            if let Some(run) = model.run_mut() {
                run.look.typing = true;
                run.composer.paste(pasted);
            }
            Vec::new()
        }
    }
}

/// A mouse event: the wheel, or the left button going down (see also [`super::update::visible`]).
pub fn mouse(model: &mut Model, event: MouseEvent, now: Now) -> Vec<UiEffect> {
    let at = Position::new(event.column, event.row);
    let hit = model.term.hits.iter().rev().find(|(area, _)| area.contains(at)).copied();
    match event.kind {
        MouseEventKind::ScrollDown => wheel(model, hit.map(|(_, hit)| hit), WHEEL, now),
        MouseEventKind::ScrollUp => wheel(model, hit.map(|(_, hit)| hit), -WHEEL, now),
        MouseEventKind::Down(MouseButton::Left) => {
            let Some((area, hit)) = hit else { return Vec::new() };
            click(model, hit, event.row.saturating_sub(area.y), now)
        }
        _ => Vec::new(),
    }
}

fn wheel(model: &mut Model, hit: Option<Hit>, by: isize, now: Now) -> Vec<UiEffect> {
    if !model.overlays.is_empty() {
        let code = if by > 0 { KeyCode::Down } else { KeyCode::Up };
        let event = KeyEvent::new(code, KeyModifiers::NONE);
        let press = KeyPress { event, chord: Chord::of(&event), before: None };
        // A list goes by its rows, a text by as many lines as everywhere.
        let times = if model.overlays.last().is_some_and(Overlay::is_text) { WHEEL } else { 1 };
        return (0..times)
            .flat_map(|_| overlay(model, now, |overlay, model| overlay.key(model, &press, now)))
            .collect();
    }
    let in_session = model.screen == Screen::Session;
    if model.screen == Screen::Home {
        let it = if by > 0 { Browse::Next } else { Browse::Prev };
        return super::screens::home::act(model, it, now);
    }
    let Some(run) = model.run_mut() else { return Vec::new() };
    match hit {
        Some(Hit::Pane(Pane::Orchestrator)) if !in_session => {
            run.texts.orchestrator.scroll(Scroll::Lines(by));
        }
        Some(Hit::Pane(Pane::Live)) => {
            if in_session {
                run.reads(true).into_iter().for_each(|mut text| text.reading().scroll(Scroll::Lines(by)));
            } else {
                run.live().map(|text| text.scroll(Scroll::Lines(by)));
            }
        }
        Some(Hit::Pane(Pane::Watchers) | Hit::Verdict(_)) => {
            super::update::session::verdict(run, by.signum())
        }
        Some(Hit::Pane(Pane::Sessions) | Hit::Session(_)) => super::update::session::select(run, by.signum()),
        _ => {}
    }
    Vec::new()
}

fn click(model: &mut Model, hit: Hit, line: u16, now: Now) -> Vec<UiEffect> {
    if !model.overlays.is_empty() {
        let Hit::Choice(choice) = hit else { return Vec::new() };
        return overlay(model, now, |overlay, model| overlay.click(model, choice, now));
    }
    let in_session = model.screen == Screen::Session;
    match hit {
        Hit::Act(found) => return act(model, found, None, now),
        Hit::Row(row) if model.screen == Screen::NewRun => return super::screens::new_run::click(model, row),
        Hit::Row(row) => return super::screens::home::click(model, row, now),
        Hit::Choice(_) | Hit::Nothing => {}
        Hit::Composer => return act(model, Act::Write(super::actions::Write::Focus), None, now),
        Hit::Pane(pane) => {
            let Some(run) = model.run_mut() else { return Vec::new() };
            run.look.typing = false;
            if !in_session {
                run.look.focus = pane;
            }
            match run.reads(in_session) {
                Some(Text::Transcript(text)) => {
                    text.click(line);
                }
                Some(Text::Lines(text)) => text.view.click(&text.lines, usize::from(line)),
                Some(Text::Diff(view)) => view.click(usize::from(line)),
                None => {}
            }
        }
        Hit::Session(id) => {
            let Some(run) = model.run_mut() else { return Vec::new() };
            run.look.typing = false;
            run.look.focus = Pane::Sessions;
            (run.look.selected, run.look.pinned) = (Some(id), true);
        }
        Hit::Verdict(at) => {
            let Some(run) = model.run_mut() else { return Vec::new() };
            run.look.typing = false;
            (run.look.focus, run.look.verdict) = (Pane::Watchers, at);
        }
    }
    Vec::new()
}
