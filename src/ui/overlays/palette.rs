//! The command palette: every action by fuzzy search, with its key. What is typed after an id is its argument. The same
//! list also searches what was sent before (`ctrl-r`).

use crossterm::event::{KeyCode, KeyModifiers};
use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};
use ratatui::layout::Rect;

use super::After;
use crate::ui::{
    actions::{Context, Row, TABLE, find},
    input::KeyPress,
    kit::{Canvas, centred, row, span},
    model::{Level, Model, Screen},
    msg::{Now, UiEffect},
    skin::Sign,
    update::act::{act, cannot},
};

/// Characters of what is typed.
const QUERY: usize = 400;

/// Something that can be chosen.
#[derive(Clone)]
enum Entry {
    Action(&'static Row),
    /// A text that was sent before.
    Text(String),
}

impl Entry {
    /// It is listed, and found by its words.
    fn is_offered(&self) -> bool {
        !matches!(self, Self::Action(row) if row.group.is_empty())
    }
}

/// The palette.
pub struct Palette {
    title: &'static str,
    query: String,
    entries: Vec<Entry>,
    /// Places in `entries`, best first.
    found: Vec<usize>,
    selected: usize,
    matcher: Matcher,
    /// No run is in view.
    at_home: bool,
    /// What is missing behind the id that stands there.
    missing: Option<&'static str>,
}

impl Palette {
    /// Of the actions that make sense on a screen. Those without a group (moving about) are found by their id only.
    pub fn actions(screen: Screen) -> Self {
        let fits = |row: &&Row| match screen {
            Screen::Home | Screen::NewRun => matches!(row.context, Context::Browser | Context::Global),
            Screen::Run | Screen::Session => row.context != Context::Browser,
        };
        let mut rows: Vec<&'static Row> = TABLE.iter().filter(fits).collect();
        let at_home = matches!(screen, Screen::Home | Screen::NewRun);
        // What belongs to the screen comes first, and what needs a run only for who looks for it.
        rows.sort_by_key(|row| at_home && row.context != Context::Browser);
        let mut palette = Self::new("Commands", rows.into_iter().map(Entry::Action).collect());
        palette.at_home = at_home;
        palette.search();
        palette
    }

    /// With the beginning of a command, and what has to be written behind it.
    pub fn asking(screen: Screen, begun: &str, missing: &'static str) -> Self {
        let mut palette = Self::actions(screen);
        palette.paste(begun);
        palette.missing = Some(missing);
        palette
    }

    /// Of texts, the newest first.
    pub fn texts(texts: &[String]) -> Self {
        Self::new("Sent before", texts.iter().rev().cloned().map(Entry::Text).collect())
    }

    fn new(title: &'static str, entries: Vec<Entry>) -> Self {
        let matcher = Matcher::new(Config::DEFAULT);
        let mut palette = Self {
            title,
            query: String::new(),
            entries,
            found: Vec::new(),
            selected: 0,
            matcher,
            at_home: false,
            missing: None,
        };
        palette.search();
        palette
    }

    fn words(entry: &Entry) -> String {
        match entry {
            Entry::Action(row) if row.group.is_empty() => format!("Move: {}", row.text),
            Entry::Action(row) => format!("{}: {}", row.group, row.text),
            Entry::Text(text) => text.replace('\n', " "),
        }
    }

    /// It is listed for what is typed.
    fn offers(&self) -> impl Fn(&Entry) -> bool + use<> {
        let idle = self.at_home && self.query.is_empty();
        move |entry| {
            entry.is_offered() && !(idle && matches!(entry, Entry::Action(row) if row.act.needs_run()))
        }
    }

    /// The argument after an id, if the query begins with one.
    fn argument(&self) -> Option<(&'static Row, &str)> {
        let (id, rest) = self.query.split_once(' ')?;
        find(id).map(|row| (row, rest.trim()))
    }

    fn search(&mut self) {
        self.selected = 0;
        let id = self.query.split(' ').next().unwrap_or_default();
        let is_it = |entry: &Entry| matches!(entry, Entry::Action(row) if row.id == id);
        let named = self.entries.iter().position(is_it);
        if named.is_some() && self.argument().is_some() {
            self.found = named.into_iter().collect();
            return;
        }
        let pattern = Pattern::parse(&self.query, CaseMatching::Smart, Normalization::Smart);
        let mut buffer = Vec::new();
        let offers = self.offers();
        let mut scored: Vec<(u32, usize)> = Vec::new();
        for (at, entry) in
            self.entries.iter().enumerate().filter(|(at, entry)| Some(*at) != named && offers(entry))
        {
            let mut text = Self::words(entry);
            if let Entry::Action(row) = entry {
                text.push(' ');
                text.push_str(row.id);
            }
            if let Some(score) = pattern.score(Utf32Str::new(&text, &mut buffer), &mut self.matcher) {
                scored.push((score, at));
            }
        }
        if !self.query.is_empty() {
            scored.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
        }
        self.found = named.into_iter().chain(scored.into_iter().map(|(_, at)| at)).collect();
    }

    pub fn key(&mut self, model: &mut Model, key: &KeyPress, now: Now) -> (After, Vec<UiEffect>) {
        let ctrl = key.event.modifiers.contains(KeyModifiers::CONTROL);
        let last = self.found.len().saturating_sub(1);
        match key.event.code {
            KeyCode::Esc => return (After::Close, Vec::new()),
            KeyCode::Char('c' | 'g') if ctrl => return (After::Close, Vec::new()),
            KeyCode::Enter => return self.run(model, self.selected, now),
            KeyCode::Down => self.selected = (self.selected + 1).min(last),
            KeyCode::Up => self.selected = self.selected.saturating_sub(1),
            KeyCode::Char('n') if ctrl => self.selected = (self.selected + 1).min(last),
            KeyCode::Char('p') if ctrl => self.selected = self.selected.saturating_sub(1),
            KeyCode::PageDown => self.selected = (self.selected + 10).min(last),
            KeyCode::PageUp => self.selected = self.selected.saturating_sub(10),
            KeyCode::Tab => {
                if let Some(Entry::Action(row)) = self.found.get(self.selected).map(|at| &self.entries[*at]) {
                    self.query = format!("{} ", row.id);
                    self.search();
                }
            }
            KeyCode::Char('u') if ctrl => {
                self.query.clear();
                self.search();
            }
            KeyCode::Backspace => {
                self.query.pop();
                self.search();
            }
            KeyCode::Char(c) if !ctrl && self.query.len() < QUERY => {
                self.query.push(c);
                self.search();
            }
            _ => {}
        }
        (After::Stay, Vec::new())
    }

    pub fn paste(&mut self, text: &str) -> bool {
        self.query.push_str(crate::text::cut::at_most(&crate::text::clean_line(text), QUERY));
        self.search();
        true
    }

    /// Runs what is in a row.
    pub fn run(&mut self, model: &mut Model, choice: usize, now: Now) -> (After, Vec<UiEffect>) {
        let Some(entry) = self.found.get(choice).map(|at| self.entries[*at].clone()) else {
            return (After::Stay, Vec::new());
        };
        match entry {
            Entry::Action(row) => {
                if let Some(why) = cannot(model, row.act) {
                    model.say(Level::Info, why, now);
                    return (After::Stay, Vec::new());
                }
                let argument =
                    self.argument().map(|(_, rest)| rest.to_owned()).filter(|rest| !rest.is_empty());
                (After::Close, act(model, row.act, argument.as_deref(), now))
            }
            Entry::Text(text) => {
                if let Some(run) = model.run_mut() {
                    run.composer.set(&text);
                    run.look.typing = true;
                }
                (After::Close, Vec::new())
            }
        }
    }

    pub fn draw(&mut self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let height = area.height.saturating_sub(4).min(20);
        let place = centred(area, area.width.saturating_sub(10).min(84), height);
        let (title, dim, text) = (canvas.skin.title(true), canvas.skin.dim(), canvas.skin.text());
        let inner = canvas.popup(place, &[span(self.title, title)], &[]);
        if inner.height < 3 {
            return;
        }
        canvas.put(inner.x, inner.y, 2, "> ", dim);
        let used = canvas.put(inner.x + 2, inner.y, inner.width.saturating_sub(3), &self.query, text);
        canvas.cursor = Some((inner.x + 2 + used, inner.y).into());
        let rows = usize::from(inner.height) - 2;
        let top = (self.selected + 1).saturating_sub(rows);
        for (n, at) in self.found.iter().enumerate().skip(top).take(rows) {
            let line = row(inner, u16::try_from(n - top + 1).unwrap_or(0));
            let entry = &self.entries[*at];
            let mark = if n == self.selected { canvas.skin.sign(Sign::Selected) } else { " " };
            let key = match entry {
                Entry::Action(row) => model.fixed.keymap.label(row.id, canvas.skin.ascii),
                Entry::Text(_) => String::new(),
            };
            let key_style = canvas.skin.key();
            let why = match entry {
                Entry::Action(row) => cannot(model, row.act),
                Entry::Text(_) => None,
            };
            let style = if why.is_some() { dim } else { text };
            let right =
                why.map_or_else(|| span(format!(" {key} "), key_style), |why| span(format!(" {why} "), dim));
            canvas.ends(line, &[span(format!("{mark} {}", Self::words(entry)), style)], &[right]);
            if n == self.selected {
                let style = canvas.skin.selected();
                canvas.paint(line, style);
            }
            canvas.hit(line, crate::ui::model::Hit::Choice(n));
        }
        let last = row(inner, inner.height - 1);
        let offers = self.offers();
        let offered = self.entries.iter().filter(|entry| offers(entry)).count();
        let count = format!(" {} of {}", self.found.len(), offered.max(self.found.len()));
        let asks = self.missing.filter(|_| self.argument().is_some());
        let asks = asks.map(|what| span(format!(" {what}"), canvas.skin.accent()));
        canvas.spans(last, &[asks.unwrap_or_else(|| span(count, dim))]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(query: &str) -> String {
        let mut palette = Palette::actions(Screen::Run);
        palette.paste(query);
        palette.found.first().map(|at| Palette::words(&palette.entries[*at])).unwrap_or_default()
    }

    #[test]
    fn the_best_match_comes_first_and_an_id_takes_an_argument() {
        assert!(best("pau").starts_with("Run: pause"));
        assert!(best("ledg").contains("ledger"));
        let mut palette = Palette::actions(Screen::Run);
        palette.paste("budget.raise max_tokens 600000");
        assert_eq!(palette.found.len(), 1);
        assert_eq!(
            palette.argument().map(|(row, rest)| (row.id, rest)),
            Some(("budget.raise", "max_tokens 600000"))
        );
    }

    #[test]
    fn every_id_can_be_typed_and_is_the_first_then() {
        for (screen, of_it) in [(Screen::Run, false), (Screen::Home, true)] {
            for row in TABLE.iter().filter(|row| (row.context == Context::Browser) == of_it) {
                let mut palette = Palette::actions(screen);
                palette.paste(row.id);
                let first = palette.found.first().map(|at| &palette.entries[*at]);
                assert!(matches!(first, Some(Entry::Action(found)) if found.id == row.id), "{}", row.id);
            }
        }
        assert!(Palette::actions(Screen::Run).found.len() < TABLE.len(), "moving about is not listed");
    }
}
