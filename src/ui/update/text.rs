//! Actions on a text: scrolling, searching, copying, opening.

use crate::ui::{
    actions::{Item, Scroll as Act},
    model::{Level, Model, Screen, reads::Text, run::Tab},
    msg::{Now, Shelf, UiEffect},
    render::{Scroll, Transcript, diff::DiffView, lines::Lines, transcript::Filter},
};

/// Cells of one move to the side.
pub const SIDE: isize = 8;

/// Where an action moves to. `None`: it does something else.
pub fn movement(it: Act) -> Option<Scroll> {
    Some(match it {
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
        Act::Left | Act::Right | Act::Search | Act::SearchNext | Act::SearchPrev => return None,
    })
}

/// Scrolls the focused text.
pub fn scroll(model: &mut Model, it: Act, now: Now) -> Vec<UiEffect> {
    let in_session = model.screen == Screen::Session;
    let Some(run) = model.run_mut() else { return Vec::new() };
    let Some(mut text) = run.reads(in_session) else { return Vec::new() };
    let steps = matches!(it, Act::StepNext | Act::StepPrev);
    if steps && matches!(text, Text::Lines(_)) {
        model.say(Level::Info, "steps are in the Transcript tab: [ and ] change the tab", now);
        return Vec::new();
    }
    let reading = text.reading();
    match it {
        Act::Search => run.look.search = Some(String::new()),
        Act::SearchNext | Act::SearchPrev => reading.next_find(it == Act::SearchNext),
        Act::Left | Act::Right => {
            let by = if it == Act::Right { SIDE } else { -SIDE };
            if !reading.sideways(by) {
                model.say(Level::Info, "nothing is cut at the side: long lines wrap", now);
            }
        }
        _ => movement(it).into_iter().for_each(|to| reading.scroll(to)),
    }
    Vec::new()
}

/// The search line has another text.
pub fn search(model: &mut Model, line: String) -> Vec<UiEffect> {
    let wake = model.term.wake.clone();
    let in_session = model.screen == Screen::Session;
    if let Some(run) = model.run_mut() {
        if let Some(mut text) = run.reads(in_session) {
            text.reading().search(&line, &wake);
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
            && let Some(mut text) = run.reads(in_session)
        {
            text.reading().search_end(!keep);
        }
    }
    Vec::new()
}

/// To the next find while the line is being typed.
pub fn search_step(model: &mut Model, forward: bool, now: Now) -> Vec<UiEffect> {
    scroll(model, if forward { Act::SearchNext } else { Act::SearchPrev }, now)
}

/// What is to be done, and what is to be said.
type Done = (Vec<UiEffect>, Option<&'static str>);

fn said(text: &'static str) -> Done {
    (Vec::new(), Some(text))
}

fn copied(text: String, what: &str) -> Done {
    (vec![UiEffect::Copy { text, what: what.to_owned() }], None)
}

/// Does something with the item under the cursor.
pub fn item(model: &mut Model, it: Item, now: Now) -> Vec<UiEffect> {
    let in_session = model.screen == Screen::Session;
    let Some(run) = model.run_mut() else { return Vec::new() };
    if in_session
        && run.look.tab == Tab::Raw
        && matches!(it, Item::Pager | Item::PagerAll)
        && let Some(session) = run.look.selected
    {
        // The screen holds the beginnings of long lines; the pager has the whole of them.
        let dir = run.dir.clone();
        let text = run.lines();
        let at = text.view.cursor(&text.lines);
        let seq = run.texts.read.as_ref().and_then(|(_, read)| read.seqs.get(at)).copied();
        let line = seq.filter(|_| it == Item::Pager);
        return vec![UiEffect::Shelf(Shelf::WriteRaw { dir, session, line })];
    }
    let isolated = run.texts.tree.of.is_some();
    let raw = run.look.tab == Tab::Raw;
    let whole = run.texts.read.as_ref().map(|(_, read)| read.diff.clone()).filter(|_| !isolated);
    let (effects, word) = match run.reads(in_session) {
        None => return Vec::new(),
        Some(Text::Transcript(text)) => of_transcript(text, it),
        Some(Text::Lines(mut text)) => of_lines(&mut text, it, raw),
        Some(Text::Diff(view)) => of_diff(view, it, whole),
    };
    if let Some(word) = word {
        model.say(Level::Info, word, now);
    }
    effects
}

fn of_transcript(text: &mut Transcript, it: Item) -> Done {
    match it {
        Item::Toggle => {
            text.toggle_item();
            (Vec::new(), None)
        }
        Item::Pager => {
            let page = text.item_text().map(|text| UiEffect::Page(text.into_string()));
            (page.into_iter().collect(), None)
        }
        Item::PagerAll => {
            let all = Box::new(text.exporter());
            (vec![UiEffect::Shelf(Shelf::WriteOut(all))], Some("reading the whole transcript for $PAGER"))
        }
        Item::Copy => {
            let what = if text.is_selecting() { "the chosen lines" } else { "the item" };
            let found = text.selected_text();
            text.clear_selection();
            found.map_or((Vec::new(), None), |text| copied(text.into_string(), what))
        }
        Item::CopyPane => {
            let all = Box::new(text.exporter());
            (vec![UiEffect::Shelf(Shelf::Gather(all, "the pane (its newest part)"))], None)
        }
        Item::Select => {
            text.toggle_select();
            (Vec::new(), None)
        }
        Item::Wrap => said(if text.toggle_wrap() { "long lines wrap" } else { "long lines are cut" }),
        Item::Filter => {
            let (next, word) = match text.filter() {
                Filter::All => (Filter::Messages, "shown: only what was said"),
                Filter::Messages => (Filter::Work, "shown: only calls, commands and changes"),
                Filter::Work => (Filter::Attention, "shown: only nudges, guards and problems"),
                Filter::Attention => (Filter::All, "shown: everything"),
            };
            text.set_filter(next);
            said(word)
        }
    }
}

fn of_lines(text: &mut Lines<'_>, it: Item, raw: bool) -> Done {
    if text.lines.is_empty() {
        return said("there is nothing to act on yet");
    }
    let what = if raw { "the raw lines" } else { "what is known of it" };
    match it {
        Item::Filter => said("only the Transcript tab has roles to filter: [ and ] change the tab"),
        Item::Select => said("lines are selected in the Transcript tab; here y copies one, Y all"),
        Item::Toggle => said("nothing folds here: w wraps or cuts, o opens it in $PAGER"),
        Item::Copy => {
            copied(text.lines.get(text.view.cursor(&text.lines)).cloned().unwrap_or_default(), "the line")
        }
        Item::CopyPane => copied(text.lines.join("\n"), what),
        Item::Pager | Item::PagerAll => (vec![UiEffect::Page(text.lines.join("\n"))], None),
        Item::Wrap if text.view.toggle_wrap() => said("long lines wrap"),
        Item::Wrap => said("long lines are cut: ← and → move to the side"),
    }
}

/// `whole`: the diff as it was told; `None` where git tells it.
fn of_diff(view: &mut DiffView, it: Item, whole: Option<String>) -> Done {
    if view.files.is_empty() {
        return said("no change of a file was seen yet");
    }
    let text = whole.map_or_else(|| view.all(), |diff| crate::text::clean_whole(&diff).into_string());
    match it {
        Item::Filter => said("only the Transcript tab has roles to filter: [ and ] change the tab"),
        Item::Select => said("lines are selected in the Transcript tab; here y copies one, Y all"),
        Item::Wrap if view.toggle_wrap() => said("long lines wrap"),
        Item::Wrap => said("long lines are cut: ← and → move to the side"),
        Item::Toggle => {
            view.toggle();
            (Vec::new(), None)
        }
        Item::Copy => copied(view.text().unwrap_or_default().to_owned(), "the line"),
        Item::CopyPane => copied(text, "the diff"),
        Item::Pager | Item::PagerAll => (vec![UiEffect::Page(text)], None),
    }
}
