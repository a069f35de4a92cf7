//! Actions on a text: scrolling, searching, copying, opening.

use crate::ui::{
    actions::{Item, Scroll as Act},
    model::{Level, Model, Screen, run::Tab},
    msg::{Now, Shelf, UiEffect},
    render::{Scroll, transcript::Filter},
    screens::session::tabs,
};

/// Scrolls the focused text.
pub fn scroll(model: &mut Model, it: Act, now: Now) -> Vec<UiEffect> {
    let in_session = model.screen == Screen::Session;
    let Some(run) = model.run_mut() else { return Vec::new() };
    if in_session && run.look.tab != Tab::Transcript {
        if let Err(why) = tabs::scroll(run, it) {
            model.say(Level::Info, why, now);
        }
        return Vec::new();
    }
    if it == Act::Search {
        if run.text(in_session).is_some() {
            run.look.search = Some(String::new());
        }
        return Vec::new();
    }
    let Some(text) = run.text(in_session) else { return Vec::new() };
    let to = match it {
        Act::Down => Scroll::Lines(1),
        Act::Up => Scroll::Lines(-1),
        Act::HalfDown => Scroll::HalfPage(1),
        Act::HalfUp => Scroll::HalfPage(-1),
        Act::PageDown => Scroll::Page(1),
        Act::PageUp => Scroll::Page(-1),
        Act::Top => Scroll::Top,
        Act::Bottom => Scroll::Bottom,
        Act::StepNext => Scroll::StepNext,
        Act::StepPrev => Scroll::StepPrev,
        Act::SearchNext => {
            text.search_next();
            return Vec::new();
        }
        Act::SearchPrev => {
            text.search_prev();
            return Vec::new();
        }
        Act::Search => return Vec::new(),
    };
    text.scroll(to);
    Vec::new()
}

/// The search line has another text.
pub fn search(model: &mut Model, line: String) -> Vec<UiEffect> {
    let wake = model.term.wake.clone();
    let in_session = model.screen == Screen::Session;
    if let Some(run) = model.run_mut() {
        if in_session && run.look.tab != Tab::Transcript {
            tabs::search(run, &line);
        } else if let Some(text) = run.text(in_session) {
            text.search(&line, move || wake.notify_one());
        }
        run.look.search = Some(line);
    }
    Vec::new()
}

/// The search line is closed; `keep`: the finds stay marked, else the view goes back.
pub fn search_done(model: &mut Model, keep: bool) -> Vec<UiEffect> {
    let in_session = model.screen == Screen::Session;
    if let Some(run) = model.run_mut() {
        let line = run.look.search.take().unwrap_or_default();
        if in_session && run.look.tab != Tab::Transcript {
            if !keep {
                run.texts.lines.search_end();
            }
            return Vec::new();
        }
        if (!keep || line.is_empty())
            && let Some(text) = run.text(in_session)
        {
            text.search_end(!keep);
        }
    }
    Vec::new()
}

/// To the next find while the line is being typed.
pub fn search_step(model: &mut Model, forward: bool, now: Now) -> Vec<UiEffect> {
    scroll(model, if forward { Act::SearchNext } else { Act::SearchPrev }, now)
}

/// Does something with the item under the cursor.
pub fn item(model: &mut Model, it: Item, now: Now) -> Vec<UiEffect> {
    let in_session = model.screen == Screen::Session;
    let Some(run) = model.run_mut() else { return Vec::new() };
    if in_session && run.look.tab != Tab::Transcript {
        return tabs::item(run, it).unwrap_or_else(|why| {
            model.say(Level::Info, why, now);
            Vec::new()
        });
    }
    let Some(text) = run.text(in_session) else { return Vec::new() };
    let copy = |text: String, what: &str| vec![UiEffect::Copy { text, what: what.to_owned() }];
    match it {
        Item::Toggle => {
            text.toggle_item();
        }
        Item::Pager => {
            return text.item_text().map(|text| UiEffect::Page(text.into_string())).into_iter().collect();
        }
        Item::PagerAll => {
            let all = Box::new(text.exporter());
            model.say(Level::Info, "reading the whole transcript for $PAGER", now);
            return vec![UiEffect::Shelf(Shelf::WriteOut(all))];
        }
        Item::Copy => {
            let what = if text.is_selecting() { "the chosen lines" } else { "the item" };
            let found = text.selected_text();
            text.clear_selection();
            return found.map(|text| copy(text.into_string(), what)).unwrap_or_default();
        }
        Item::CopyPane => {
            let all = Box::new(text.exporter());
            return vec![UiEffect::Shelf(Shelf::Gather(all, "the pane (its newest part)"))];
        }
        Item::Select => {
            text.toggle_select();
        }
        Item::Wrap => {
            let wraps = text.toggle_wrap();
            model.say(Level::Info, if wraps { "long lines wrap" } else { "long lines are cut" }, now);
        }
        Item::Filter => {
            let (next, word) = match text.filter() {
                Filter::All => (Filter::Messages, "only what was said"),
                Filter::Messages => (Filter::Work, "only calls, commands and changes"),
                Filter::Work => (Filter::Attention, "only nudges, guards and problems"),
                Filter::Attention => (Filter::All, "everything"),
            };
            text.set_filter(next);
            model.say(Level::Info, format!("shown: {word}"), now);
        }
    }
    Vec::new()
}
