//! The ledger: what was delegated to whom, what came of it, and the evidence.

use std::sync::Arc;

use crossterm::event::KeyCode;
use ratatui::{layout::Rect, style::Style};
use tokio::sync::Notify;

use super::{
    After,
    page::{Took, read},
};
use crate::{
    fold::ledger::{Entry, EntryState},
    ui::{
        actions::Item,
        input::KeyPress,
        kit::{Canvas, Span, centred, fit, row, span, tokens},
        model::{Hit, Model, Screen},
        msg::UiEffect,
        panes::texts,
        render::{
            Reading, Scroll,
            lines::{LinesView, Looks},
            reading::Finds,
            transcript::SearchStatus,
        },
        skin::{Sign, Skin},
    },
};

/// The list and what is chosen in it.
pub struct Ledger {
    selected: usize,
    /// How the details of the chosen one are looked at.
    details: LinesView,
    /// The search line, while one is typed.
    line: Option<String>,
    /// Finds: an entry, and a line of its details.
    find: Option<Finds<(usize, usize), usize>>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { selected: 0, details: LinesView::page(LABEL), line: None, find: None }
    }
}

/// The ledger with its entries: what keys of texts act on.
struct Open<'a> {
    ledger: &'a mut Ledger,
    entries: &'a [Entry],
}

impl Reading for Open<'_> {
    fn scroll(&mut self, to: Scroll) {
        let last = self.entries.len().saturating_sub(1);
        let ledger = &mut *self.ledger;
        match to {
            Scroll::Lines(by) => ledger.select(ledger.selected.saturating_add_signed(by).min(last)),
            Scroll::Top => ledger.select(0),
            Scroll::Bottom => ledger.select(last),
            _ => {
                let lines = self.entries.get(ledger.selected).map(details).unwrap_or_default();
                ledger.details.scroll(&lines, to);
            }
        }
    }

    fn search(&mut self, query: &str, _wake: &Arc<Notify>) {
        let before = self.ledger.find.take().map_or(self.ledger.selected, |find| find.before);
        self.ledger.select(before);
        if query.is_empty() {
            return;
        }
        let mut find = Finds::new(query, before);
        for (at, entry) in self.entries.iter().enumerate() {
            let has = |(n, line): (usize, &String)| find.needle.is_in(line).then_some((at, n));
            let found: Vec<_> = details(entry).iter().enumerate().filter_map(has).collect();
            find.places.extend(found);
        }
        let first = find.from((before, 0));
        self.ledger.find = Some(find);
        self.go(first);
    }

    fn next_find(&mut self, forward: bool) {
        let here = self.ledger.here();
        let to = self.ledger.find.as_ref().and_then(|find| find.next(here, forward));
        self.go(to);
    }

    fn search_end(&mut self, back: bool) -> bool {
        let Some(find) = self.ledger.find.take() else { return false };
        self.ledger.details.search_end(false);
        if back {
            self.ledger.select(find.before);
        }
        true
    }

    fn finds(&self) -> Option<SearchStatus> {
        self.ledger.finds()
    }
}

impl Open<'_> {
    fn go(&mut self, to: Option<(usize, usize)>) {
        let (Some((entry, line)), Some(find)) = (to, &self.ledger.find) else { return };
        let Some(lines) = self.entries.get(entry).map(details) else { return };
        let query = find.needle.query().to_owned();
        self.ledger.select(entry);
        self.ledger.details.search(&lines, &query);
        self.ledger.details.show(&lines, line);
    }
}

impl Ledger {
    /// A search line is being typed.
    pub fn is_typing(&self) -> bool {
        self.line.is_some()
    }

    pub fn key(&mut self, model: &mut Model, key: &KeyPress) -> (After, Vec<UiEffect>) {
        let entries = model.run().map(|run| run.folds.ledger.entries.as_slice()).unwrap_or_default();
        let mut line = self.line.take();
        let took = read(&mut Open { ledger: self, entries }, &mut line, model, key);
        self.line = line;
        match (took, key.event.code) {
            (Took::Yes, _) => {}
            (Took::Item(Item::Copy | Item::CopyPane), _) => {
                if let Some(entry) = entries.get(self.selected) {
                    let text = details(entry).join("\n");
                    return (After::Stay, vec![UiEffect::Copy { text, what: "the entry".to_owned() }]);
                }
            }
            (Took::Item(Item::Pager | Item::PagerAll), _) => {
                let all: Vec<String> = entries.iter().map(|entry| details(entry).join("\n")).collect();
                return (After::Stay, vec![UiEffect::Page(all.join("\n\n"))]);
            }
            (_, KeyCode::Esc | KeyCode::Char('q' | 'L')) => return (After::Close, Vec::new()),
            (_, KeyCode::Enter) => {
                let session = entries.get(self.selected).map(|entry| entry.session);
                if let (Some(session), Some(run)) = (session, model.run_mut()) {
                    (run.look.selected, run.look.pinned) = (Some(session), true);
                    run.turn_page();
                    model.screen = Screen::Session;
                    return (After::Close, Vec::new());
                }
            }
            _ => {}
        }
        (After::Stay, Vec::new())
    }

    fn select(&mut self, at: usize) {
        self.selected = at;
        self.details.reset(LABEL);
    }

    /// The find that is shown, or the beginning of the chosen entry.
    fn here(&self) -> (usize, usize) {
        (self.selected, self.details.at())
    }

    fn finds(&self) -> Option<SearchStatus> {
        let here = self.here();
        self.find.as_ref().map(|find| find.status(here))
    }

    /// A click on a row.
    pub fn click(&mut self, row: usize) -> (After, Vec<UiEffect>) {
        self.select(row);
        (After::Stay, Vec::new())
    }

    pub fn draw(&mut self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let place = centred(area, area.width.saturating_sub(4).min(130), area.height.saturating_sub(2));
        let entries = model.run().map(|run| run.folds.ledger.entries.as_slice()).unwrap_or_default();
        let (title, dim, plain) = (canvas.skin.title(true), canvas.skin.dim(), canvas.skin.text());
        let mut right: Vec<Span> = texts::found(self.finds(), canvas).into_iter().collect();
        right.push(span(format!("{} delegated", entries.len()), dim));
        let inner = canvas.popup(place, &[span("Ledger", title)], &right);
        if entries.is_empty() {
            canvas.put(inner.x + 1, inner.y, inner.width, "nothing was delegated yet", dim);
            return;
        }
        let inner = texts::search_line(self.line.as_deref(), self.finds(), canvas, inner);
        self.selected = self.selected.min(entries.len() - 1);
        let most = usize::from((inner.height / 2).max(1));
        let rows = entries.len().min(most);
        let first = (self.selected + 1).saturating_sub(rows);
        for (n, entry) in entries.iter().enumerate().skip(first).take(rows) {
            let line = row(inner, u16::try_from(n - first).unwrap_or(0));
            let mark = if n == self.selected { canvas.skin.sign(Sign::Selected) } else { " " };
            let mut spans = vec![span(format!("{mark} "), plain)];
            spans.extend(summary(entry, canvas.skin));
            canvas.spans(line, &spans);
            if n == self.selected {
                let style = canvas.skin.selected();
                canvas.paint(line, style);
            }
            canvas.hit(line, Hit::Choice(n));
        }
        let used = u16::try_from(rows).unwrap_or(0);
        let rule = row(inner, used);
        let across = if canvas.skin.ascii { "-" } else { "─" }.repeat(usize::from(rule.width));
        let border = canvas.skin.border(false);
        canvas.put(rule.x, rule.y, rule.width, &across, border);
        let body = Rect {
            x: inner.x + 1,
            y: inner.y + used + 1,
            width: inner.width.saturating_sub(2),
            height: inner.height.saturating_sub(used + 1),
        };
        let lines = details(&entries[self.selected]);
        let skin = canvas.skin;
        let of = |_: usize, line: &str| if line.starts_with('!') { skin.warn() } else { plain };
        let looks = Looks { of: &of, selected: skin.selected(), found: skin.found() };
        self.details.render(&lines, body, canvas.buf, &looks, true);
    }
}

fn state(entry: &Entry, skin: &Skin) -> (Sign, &'static str, Style) {
    match entry.state {
        EntryState::Working => (Sign::Running, "working", skin.ok()),
        EntryState::Answered => (Sign::Idle, "answered", skin.text()),
        EntryState::Interrupted => (Sign::Paused, "interrupted", skin.warn()),
        EntryState::Failed => (Sign::Failed, "failed", skin.error()),
        EntryState::Completed => (Sign::Done, "completed", skin.ok()),
        EntryState::Cancelled => (Sign::Aborted, "cancelled", skin.dim()),
    }
}

fn tested(entry: &Entry) -> &'static str {
    match entry.evidence.tested {
        Some(true) => "tests pass",
        Some(false) => "tests fail",
        None => "not tested",
    }
}

fn summary(entry: &Entry, skin: &Skin) -> Vec<Span> {
    let (sign, word, style) = state(entry, skin);
    let tested_style = match entry.evidence.tested {
        Some(true) => skin.ok(),
        Some(false) => skin.error(),
        None => skin.dim(),
    };
    let doubt = if entry.contradictions.is_empty() { " " } else { skin.sign(Sign::Warning) };
    let about = if entry.evidence.estimated { "~" } else { "" };
    vec![
        span(fit(&entry.short_id, 4, skin.ascii), skin.strong()),
        span(fit(&entry.adapter, 7, skin.ascii), skin.dim()),
        span(format!("{} {}", skin.sign(sign), fit(word, 12, skin.ascii)), style),
        span(format!("{:>7} ", format!("{about}{}", tokens(entry.evidence.tokens))), skin.text()),
        span(fit(tested(entry), 11, skin.ascii), tested_style),
        span(format!("{doubt} "), skin.warn()),
        span(crate::text::clean_line(&entry.task).into_string(), skin.dim()),
    ]
}

/// Cells of a label.
const LABEL: usize = 10;

/// A text with its label before the first line and blanks before the others.
fn labelled(label: &str, text: &str) -> Vec<String> {
    let label = |n: usize| if n == 0 { label } else { "" };
    text.lines().enumerate().map(|(n, line)| format!("{:<LABEL$}{line}", label(n))).collect()
}

/// All that is known of an entry.
fn details(entry: &Entry) -> Vec<String> {
    let evidence = &entry.evidence;
    let mut lines =
        vec![format!("{} {} · {} turns · {}", entry.short_id, entry.adapter, entry.turns, tested(entry))];
    lines.extend(entry.contradictions.iter().map(|claim| format!("! the evidence contradicts: {claim}")));
    lines.extend(labelled("task", &entry.task));
    if !entry.result.is_empty() {
        lines.extend(labelled("result", &entry.result));
    }
    for (n, file) in evidence.files.iter().enumerate() {
        lines.push(format!("{} {file}", if n == 0 { "files    " } else { "         " }));
    }
    if evidence.more_files > 0 {
        lines.push(format!("          and {} more", evidence.more_files));
    }
    if evidence.more_commands > 0 {
        lines.push(format!("          {} earlier commands", evidence.more_commands));
    }
    for (n, (command, exit)) in evidence.commands.iter().enumerate() {
        let exit = exit.map_or_else(|| "no exit code".to_owned(), |code| format!("exit {code}"));
        lines.push(format!("{} {command}  ({exit})", if n == 0 { "commands " } else { "         " }));
    }
    lines
        .iter()
        .flat_map(|line| crate::text::clean(line).lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}
