//! Actions on a text: scrolling, searching, copying, opening.

use crate::ui::{
    actions::{Item, Scroll as Act},
    model::{Level, Model, Screen, run::Tab},
    msg::{Now, Shelf, UiEffect},
    render::{Scroll, transcript::Filter},
    screens,
};

/// Scrolls the focused text.
pub fn scroll(model: &mut Model, it: Act) -> Vec<UiEffect> {
    let in_session = model.screen == Screen::Session;
    let Some(run) = model.run_mut() else { return Vec::new() };
    if in_session && run.look.tab != Tab::Transcript {
        let by = match it {
            Act::Down => 1,
            Act::Up => -1,
            Act::HalfDown => 10,
            Act::HalfUp => -10,
            Act::PageDown => 20,
            Act::PageUp => -20,
            Act::Top => isize::MIN / 2,
            Act::Bottom => isize::MAX / 2,
            Act::StepNext | Act::StepPrev => {
                run.texts.diff.next_file(it == Act::StepNext);
                0
            }
            Act::Search | Act::SearchNext | Act::SearchPrev => 0,
        };
        screens::session::scroll(run, by);
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
        if let Some(text) = run.text(in_session) {
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
        if (!keep || line.is_empty())
            && let Some(text) = run.text(in_session)
        {
            text.search_end(!keep);
        }
    }
    Vec::new()
}

/// To the next find while the line is being typed.
pub fn search_step(model: &mut Model, forward: bool) -> Vec<UiEffect> {
    scroll(model, if forward { Act::SearchNext } else { Act::SearchPrev })
}

/// Does something with the item under the cursor.
pub fn item(model: &mut Model, it: Item, now: Now) -> Vec<UiEffect> {
    let in_session = model.screen == Screen::Session;
    let Some(run) = model.run_mut() else { return Vec::new() };
    if in_session && run.look.tab != Tab::Transcript {
        return screens::session::item(run, it);
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
            text.toggle_wrap();
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
