//! A card of the inbox: what waits for the human, with its choices. Keys answer it only when it was drawn and nothing
//! was typed for 0.7 seconds, so that an answer is never given by accident.

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::layout::Rect;

use super::After;
use crate::{
    protocol::{
        Command, InboxId, Reply,
        event::{Choice, InboxKind, InboxOpened, Stamp},
    },
    ui::{
        input::KeyPress,
        kit::{Canvas, centred, clock, span},
        model::{Hit, Level, Model, composer::Composer},
        msg::{Now, Purpose, UiEffect},
        panes::composer::draw_text,
        skin::Sign,
    },
};

mod shown;

pub use shown::says_nothing;
use shown::{DIFF, detail, removed};

/// Without typing for so long, keys answer.
pub const QUIET: Duration = Duration::from_millis(700);
/// A card.
pub struct Card {
    /// Which one; the oldest open one takes its place when it is closed.
    id: Option<InboxId>,
    drawn: Option<Instant>,
    selected: usize,
    /// The text that goes with a choice.
    answer: Option<(Choice, Composer)>,
    /// That text is only a suggestion so far.
    suggested: bool,
    /// What is wrong with it.
    wrong: Option<String>,
    top: usize,
    /// Rows of the detail that were shown last.
    shown: usize,
}

impl Card {
    /// The oldest open card.
    pub fn oldest(model: &Model) -> Option<Self> {
        Some(Self::of(model.run()?.oldest_card()?.inbox_id))
    }

    fn of(id: InboxId) -> Self {
        Self {
            id: Some(id),
            drawn: None,
            selected: 0,
            answer: None,
            suggested: false,
            wrong: None,
            top: 0,
            shown: 5,
        }
    }

    /// A text is being written: keys are letters.
    pub fn is_typing(&self) -> bool {
        self.answer.is_some()
    }

    /// To the card behind this one or before it, around the end.
    fn other(&mut self, model: &Model, by: isize) {
        let Some(run) = model.run() else { return };
        let ids: Vec<_> = run.folds.inbox.open.iter().map(|card| card.opened.inbox_id).collect();
        let at = ids.iter().position(|id| Some(*id) == self.id).unwrap_or(0);
        let next = (at as isize + by).rem_euclid(ids.len().max(1) as isize) as usize;
        if let Some(id) = ids.get(next).filter(|id| Some(**id) != self.id) {
            *self = Self::of(*id);
        }
    }

    /// The card is still open; else the next one is taken. False: nothing waits any more.
    pub fn renew(&mut self, model: &Model) -> bool {
        let Some(run) = model.run() else { return false };
        if self.id.is_some_and(|id| run.folds.inbox.get(id).is_some()) {
            return true;
        }
        match Self::oldest(model) {
            Some(next) => {
                *self = next;
                true
            }
            None => false,
        }
    }

    fn opened<'a>(&self, model: &'a Model) -> Option<&'a InboxOpened> {
        model.run()?.folds.inbox.get(self.id?)
    }

    /// For the status bar.
    pub fn hints(&self, model: &Model) -> Vec<(String, String)> {
        if self.answer.is_some() {
            return vec![
                ("⏎".into(), "send".into()),
                ("^J".into(), "newline".into()),
                ("Esc".into(), "back".into()),
            ];
        }
        let choices = self.opened(model).map(|opened| opened.choices.clone()).unwrap_or_default();
        let mut hints: Vec<_> = choices.iter().map(|c| (c.key.to_string(), c.id.replace('_', " "))).collect();
        if model.run().is_some_and(|run| run.folds.inbox.open.len() > 1) {
            hints.push(("← →".to_owned(), "other cards".to_owned()));
        }
        hints.push(("Esc".to_owned(), "later".to_owned()));
        hints
    }

    /// True when keys may answer. `key` itself is not counted: `model.pressed.last` is the one before.
    fn live(&self, before: Option<Instant>, now: Now) -> bool {
        let quiet = |at: Instant| now.instant.saturating_duration_since(at) >= QUIET;
        self.drawn.is_some_and(quiet) && before.is_none_or(quiet)
    }

    fn page(&self) -> usize {
        self.shown.saturating_sub(1).max(1)
    }

    pub fn paste(&mut self, text: &str) -> bool {
        if let Some((_, composer)) = &mut self.answer {
            composer.paste(text);
            return true;
        }
        false
    }

    pub fn key(&mut self, model: &mut Model, key: &KeyPress, now: Now) -> (After, Vec<UiEffect>) {
        if self.answer.is_some() {
            return self.answer_key(model, key, now);
        }
        let Some(opened) = self.opened(model).cloned() else { return (After::Close, Vec::new()) };
        let ctrl = key.event.modifiers.contains(KeyModifiers::CONTROL);
        match key.event.code {
            KeyCode::Esc => return (After::Close, Vec::new()),
            KeyCode::Char('c') if ctrl => return (After::Close, Vec::new()),
            KeyCode::Right | KeyCode::Tab => self.other(model, 1),
            KeyCode::Left | KeyCode::BackTab => self.other(model, -1),
            KeyCode::PageDown => self.top += self.page(),
            KeyCode::PageUp => self.top = self.top.saturating_sub(self.page()),
            KeyCode::Down | KeyCode::Char('j') => {
                self.selected = (self.selected + 1).min(opened.choices.len().saturating_sub(1));
            }
            KeyCode::Up | KeyCode::Char('k') => self.selected = self.selected.saturating_sub(1),
            _ if !self.live(key.before, now) => {
                model.say(Level::Info, "keys of the card are live after 0.7 s without typing", now);
            }
            KeyCode::Enter => return self.choose(model, self.selected, now),
            KeyCode::Char(c) if !ctrl => {
                if let Some(at) = opened.choices.iter().position(|choice| choice.key == c) {
                    return self.choose(model, at, now);
                }
            }
            _ => {}
        }
        (After::Stay, Vec::new())
    }

    fn answer_key(&mut self, model: &mut Model, key: &KeyPress, now: Now) -> (After, Vec<UiEffect>) {
        let Some((choice, composer)) = &mut self.answer else { return (After::Stay, Vec::new()) };
        let extra = key.event.modifiers.intersects(KeyModifiers::SHIFT | KeyModifiers::ALT);
        match key.event.code {
            KeyCode::Esc => (self.answer, self.wrong) = (None, None),
            KeyCode::Enter if !extra => {
                let (choice, text) = (choice.clone(), composer.text());
                self.wrong = self.opened(model).and_then(|opened| refused(opened, &choice, &text));
                if self.wrong.is_none() {
                    return self.send(model, &choice, Some(text), now);
                }
            }
            KeyCode::Enter => composer.newline(),
            KeyCode::Char('j') if key.event.modifiers.contains(KeyModifiers::CONTROL) => composer.newline(),
            _ => {
                // What is typed replaces what was only suggested.
                if std::mem::take(&mut self.suggested) && matches!(key.event.code, KeyCode::Char(_)) {
                    composer.set("");
                }
                composer.key(key.event);
                self.wrong = None;
            }
        }
        (After::Stay, Vec::new())
    }

    /// One of the choices.
    pub fn choose(&mut self, model: &mut Model, at: usize, now: Now) -> (After, Vec<UiEffect>) {
        let Some(opened) = self.opened(model).cloned() else { return (After::Close, Vec::new()) };
        let Some(choice) = opened.choices.get(at).cloned() else { return (After::Stay, Vec::new()) };
        self.selected = at;
        let Some(run) = model.run() else { return (After::Close, Vec::new()) };
        if choice.id == "edit" {
            let text = opened.detail.get("calls").and_then(|calls| serde_yaml::to_string(calls).ok());
            let purpose = Purpose::Arguments(run.id, opened.inbox_id);
            let text = text.unwrap_or_default();
            return (After::Stay, vec![UiEffect::Edit { purpose, text, ending: ".yaml" }]);
        }
        if choice.wants_text {
            let mut composer = Composer::default();
            if choice.id == "raise"
                && let Some(suggested) = opened.detail.get("suggested").and_then(serde_json::Value::as_f64)
            {
                composer.set(&format!("{suggested}"));
                self.suggested = true;
            }
            self.answer = Some((choice, composer));
            return (After::Stay, Vec::new());
        }
        self.send(model, &choice, None, now)
    }

    fn send(
        &mut self,
        model: &mut Model,
        choice: &Choice,
        text: Option<String>,
        now: Now,
    ) -> (After, Vec<UiEffect>) {
        let Some(opened) = self.opened(model).cloned() else { return (After::Close, Vec::new()) };
        let Some((id, can)) = model.run().map(|run| (run.id, run.can_steer())) else {
            return (After::Close, Vec::new());
        };
        if !can {
            model.say(Level::Warning, "nobody runs this instance: resume it to answer", now);
            return (After::Close, Vec::new());
        }
        let reply = Reply {
            inbox: opened.inbox_id,
            choice: choice.id.clone(),
            text,
            digest: Some(opened.digest.clone()),
        };
        (After::Close, vec![UiEffect::Send(id, Command::Reply(reply))])
    }

    pub fn draw(&mut self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let Some(run) = model.run() else { return };
        let Some(opened) = self.opened(model) else { return };
        self.drawn.get_or_insert(canvas.now.instant);
        let at =
            run.folds.inbox.open.iter().position(|card| card.opened.inbox_id == opened.inbox_id).unwrap_or(0);
        let cells = area.width.saturating_sub(8).clamp(30, 100).min(area.width);
        let mut body = detail(opened, usize::from(cells.saturating_sub(4)));
        let mut title_rows = shown::title(opened, usize::from(cells.saturating_sub(4)));
        let heading = title_rows.remove(0);
        body.splice(0..0, title_rows);
        let removed = removed(opened);
        if let Some(told) = &removed {
            body.insert(0, told.clone());
        }
        let choices = u16::try_from(opened.choices.len()).unwrap_or(0);
        let wanted = u16::try_from(body.len()).unwrap_or(u16::MAX).saturating_add(choices + 6);
        let place = centred(area, cells, wanted.min(area.height.saturating_sub(2)).max(8));
        let (warn, dim) = (canvas.skin.warn(), canvas.skin.dim());
        let since = run.folds.inbox.open.get(at).and_then(|card| Stamp::parse(&card.since));
        let waiting = since.map_or(0, |since| (canvas.now.wall.as_second() - since.at.as_second()).max(0));
        let waiting = clock(u64::try_from(waiting).unwrap_or(0));
        let kind = kind(opened.what);
        let title =
            format!("Inbox {}/{} {} {kind}", at + 1, run.folds.inbox.open.len(), canvas.skin.sign(Sign::Ok));
        let inner = canvas.popup(place, &[span(title, warn)], &[span(format!("waiting {waiting}"), dim)]);
        let foot = if self.answer.is_some() { 3 } else { choices + 1 };
        let room = inner.height.saturating_sub(foot + 1);
        canvas.put(inner.x + 1, inner.y, inner.width.saturating_sub(2), &heading, warn);
        let place = Rect::new(inner.x + 1, inner.y + 1, inner.width.saturating_sub(2), room);
        self.body(&body, removed.is_some(), canvas, place);
        let y = (inner.y + room + 1).min(inner.bottom());
        let rest = Rect::new(inner.x, y, inner.width, inner.bottom() - y);
        match &self.answer {
            Some((choice, composer)) => {
                let (label, style) = match &self.wrong {
                    Some(wrong) => (wrong.clone(), canvas.skin.error()),
                    None => (format!("{}:", choice.label), dim),
                };
                canvas.put(rest.x + 1, rest.y, rest.width.saturating_sub(2), &label, style);
                let field = Rect::new(
                    rest.x + 1,
                    rest.y + 1,
                    rest.width.saturating_sub(2),
                    rest.height.saturating_sub(1),
                );
                draw_text(composer, canvas, field, true);
            }
            None => self.choices(&opened.choices, canvas, rest),
        }
    }

    /// The detail; its last row, which is else empty, says what lies beyond.
    fn body(&mut self, body: &[String], warned: bool, canvas: &mut Canvas<'_>, area: Rect) {
        self.shown = usize::from(area.height.saturating_sub(1));
        self.top = self.top.min(body.len().saturating_sub(self.shown));
        let (warn, ok, error, plain) =
            (canvas.skin.warn(), canvas.skin.ok(), canvas.skin.error(), canvas.skin.text());
        let diff = body.iter().position(|line| line == DIFF).unwrap_or(body.len());
        for (n, line) in body.iter().enumerate().skip(self.top).take(self.shown) {
            let y = area.y + u16::try_from(n - self.top).unwrap_or(0);
            let style = match line.chars().next() {
                _ if n == 0 && warned => warn,
                Some('+') if n > diff => ok,
                Some('-') if n > diff => error,
                _ => plain,
            };
            canvas.put(area.x, y, area.width, line, style);
        }
        let below = body.len().saturating_sub(self.top + self.shown);
        let beyond = match (self.top, below) {
            (0, 0) => return,
            (0, below) => format!("{below} more lines below: PgDn"),
            (above, 0) => format!("{above} lines above: PgUp"),
            (above, below) => format!("{above} lines above: PgUp   {below} below: PgDn"),
        };
        let (more, y) = (canvas.skin.sign(Sign::More), area.bottom().saturating_sub(1));
        canvas.put(area.x, y, area.width, &format!("{more} {beyond}"), warn);
    }

    fn choices(&self, choices: &[Choice], canvas: &mut Canvas<'_>, area: Rect) {
        for (n, choice) in choices.iter().enumerate() {
            let y = area.y + u16::try_from(n).unwrap_or(0);
            if y >= area.bottom() {
                return;
            }
            let line = Rect::new(area.x + 1, y, area.width.saturating_sub(2), 1);
            let mark = if n == self.selected { canvas.skin.sign(Sign::Selected) } else { " " };
            let more = if choice.wants_text { canvas.skin.sign(Sign::More) } else { "" };
            let (key, plain) = (canvas.skin.key(), canvas.skin.text());
            canvas.spans(
                line,
                &[
                    span(format!("{mark} {}", choice.key), key),
                    span(format!("  {}{more}", choice.label), plain),
                ],
            );
            canvas.hit(line, Hit::Choice(n));
        }
        let y = area.y + u16::try_from(choices.len()).unwrap_or(0);
        if y < area.bottom() {
            let dim = canvas.skin.dim();
            let text = "Keys are live after 0.7 s without typing.   Esc: decide later";
            canvas.put(area.x + 1, y, area.width.saturating_sub(2), text, dim);
        }
    }
}

/// Why a cap cannot be raised to what was written. `None`: it can, or no cap is.
fn refused(opened: &InboxOpened, choice: &Choice, text: &str) -> Option<String> {
    if choice.id != "raise" {
        return None;
    }
    let least = opened.detail.get("least").and_then(serde_json::Value::as_f64).unwrap_or(0.0);
    match crate::fold::caps::parse_amount(text) {
        None => Some(format!("'{}' is not a number: for example 250k or 1.5m", text.trim())),
        Some(value) if value <= least => Some(format!(
            "'{}' is not more than what is spent ({least:.0}): name a larger number",
            text.trim()
        )),
        Some(_) => None,
    }
}

fn kind(what: InboxKind) -> &'static str {
    match what {
        InboxKind::Approval => "approval",
        InboxKind::Question => "question",
        InboxKind::WatcherPause => "watcher pause",
        InboxKind::Budget => "budget",
        InboxKind::Failure => "failure",
    }
}
