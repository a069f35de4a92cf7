//! The ledger: what was delegated to whom, what came of it, and the evidence.

use crossterm::event::KeyCode;
use ratatui::{layout::Rect, style::Style};

use super::After;
use crate::{
    fold::ledger::{Entry, EntryState},
    ui::{
        input::KeyPress,
        kit::{Canvas, Span, centred, fit, hanging, row, span, tokens},
        model::{Hit, Model, Screen},
        msg::UiEffect,
        skin::{Sign, Skin},
    },
};

/// The list and what is chosen in it.
#[derive(Default)]
pub struct Ledger {
    selected: usize,
    /// First line of the details.
    top: usize,
    height: usize,
}

impl Ledger {
    pub fn key(&mut self, model: &mut Model, key: &KeyPress) -> (After, Vec<UiEffect>) {
        let entries = model.run().map_or(0, |run| run.folds.ledger.entries.len());
        let last = entries.saturating_sub(1);
        match key.event.code {
            KeyCode::Esc | KeyCode::Char('q' | 'L') => return (After::Close, Vec::new()),
            KeyCode::Down | KeyCode::Char('j') => self.select((self.selected + 1).min(last)),
            KeyCode::Up | KeyCode::Char('k') => self.select(self.selected.saturating_sub(1)),
            KeyCode::Home | KeyCode::Char('g') => self.select(0),
            KeyCode::End | KeyCode::Char('G') => self.select(last),
            KeyCode::PageDown | KeyCode::Char(' ') => self.top += self.height.max(1),
            KeyCode::PageUp => self.top = self.top.saturating_sub(self.height.max(1)),
            KeyCode::Enter => {
                let session = self.chosen(model).map(|entry| entry.session);
                if let (Some(session), Some(run)) = (session, model.run_mut()) {
                    (run.look.selected, run.look.pinned) = (Some(session), true);
                    model.screen = Screen::Session;
                    return (After::Close, Vec::new());
                }
            }
            KeyCode::Char('y') => {
                if let Some(entry) = self.chosen(model) {
                    let text = details(entry).join("\n");
                    return (After::Stay, vec![UiEffect::Copy { text, what: "the entry".to_owned() }]);
                }
            }
            _ => {}
        }
        (After::Stay, Vec::new())
    }

    fn select(&mut self, at: usize) {
        (self.selected, self.top) = (at, 0);
    }

    fn chosen<'a>(&self, model: &'a Model) -> Option<&'a Entry> {
        model.run()?.folds.ledger.entries.get(self.selected)
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
        let count = format!("{} delegated", entries.len());
        let inner = canvas.popup(place, &[span("Ledger", title)], &[span(count, dim)]);
        if entries.is_empty() {
            canvas.put(inner.x + 1, inner.y, inner.width, "nothing was delegated yet", dim);
            return;
        }
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
        let body = Rect { y: inner.y + used + 1, height: inner.height.saturating_sub(used + 1), ..inner };
        self.height = usize::from(body.height);
        let cells = usize::from(body.width.saturating_sub(2));
        let lines: Vec<String> =
            details(&entries[self.selected]).iter().flat_map(|line| hanging(line, LABEL, cells)).collect();
        self.top = self.top.min(lines.len().saturating_sub(self.height));
        for (n, line) in lines.iter().skip(self.top).take(self.height).enumerate() {
            let at = row(body, u16::try_from(n).unwrap_or(0));
            let style = if line.starts_with('!') { canvas.skin.warn() } else { plain };
            canvas.put(at.x + 1, at.y, at.width.saturating_sub(2), line, style);
        }
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
