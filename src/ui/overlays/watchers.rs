//! All watchers of the run, also those that have never spoken: how each is switched and set, the rules of it that are
//! allowed. The keys are those of a verdict: `m`, `d`, `t`, and `w` on an allowed rule takes that back.

use crossterm::event::KeyCode;
use ratatui::{layout::Rect, style::Style};
use serde_json::Value;

use super::{After, Overlay, explain::Explain};
use crate::{
    config::{WatcherEntry, names},
    protocol::command::WatcherMode,
    ui::{
        actions::Watcher,
        input::KeyPress,
        kit::{Canvas, Span, centred, fit, hanging, row, span},
        model::{
            Hit, Level, Model, RunModel,
            run::{Spoken, What},
        },
        msg::{Now, UiEffect},
        skin::{Sign, Skin},
        update::session::switch_watcher,
    },
};

/// Lines of the details that there is always room for, where the screen has it.
const DETAILS: usize = 10;
/// Cells of the labels in the details.
const LABEL: usize = 10;

/// The list and what is chosen in it.
#[derive(Default)]
pub struct Watchers {
    selected: usize,
    /// First line of the details.
    top: usize,
    height: usize,
}

/// A row: a watcher, or one of its rules that is allowed.
struct Row<'a> {
    entry: &'a WatcherEntry,
    rule: Option<&'a str>,
}

fn rows(run: &RunModel) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for entry in &run.folds.watchers.watchers {
        rows.push(Row { entry, rule: None });
        let allowed = run.folds.watch.allowed.iter().filter_map(|key| key.split_once('/'));
        let own = allowed.filter(|(watcher, _)| *watcher == entry.name);
        rows.extend(own.map(|(_, rule)| Row { entry, rule: Some(rule) }));
    }
    rows
}

impl Watchers {
    pub fn key(&mut self, model: &mut Model, key: &KeyPress, now: Now) -> (After, Vec<UiEffect>) {
        let last = model.run().map_or(0, |run| rows(run).len()).saturating_sub(1);
        match key.event.code {
            KeyCode::Esc | KeyCode::Char('q' | 'W') => return (After::Close, Vec::new()),
            KeyCode::Down | KeyCode::Char('j') => self.select((self.selected + 1).min(last)),
            KeyCode::Up | KeyCode::Char('k') => self.select(self.selected.saturating_sub(1)),
            KeyCode::Home | KeyCode::Char('g') => self.select(0),
            KeyCode::End | KeyCode::Char('G') => self.select(last),
            KeyCode::PageDown | KeyCode::Char(' ') => self.top += self.height.max(1),
            KeyCode::PageUp => self.top = self.top.saturating_sub(self.height.max(1)),
            KeyCode::Char('d') => self.switch(model, Watcher::Toggle, now),
            KeyCode::Char('m') => self.switch(model, Watcher::Mute, now),
            KeyCode::Char('t') => self.switch(model, Watcher::Tune, now),
            KeyCode::Char('w') => self.switch(model, Watcher::Allow, now),
            KeyCode::Enter => self.explain(model, now),
            _ => {}
        }
        (After::Stay, Vec::new())
    }

    fn select(&mut self, at: usize) {
        (self.selected, self.top) = (at, 0);
    }

    /// A click on a row.
    pub fn click(&mut self, row: usize) -> (After, Vec<UiEffect>) {
        self.select(row);
        (After::Stay, Vec::new())
    }

    /// The chosen watcher, the allowed rule of it where one is chosen, and why it cannot be switched on.
    fn chosen(&self, model: &Model) -> Option<(String, Option<String>, Option<String>)> {
        let run = model.run()?;
        let rows = rows(run);
        let row = rows.get(self.selected)?;
        let lacks = (!run.folds.watchers.has_on(row.entry))
            .then(|| row.entry.lacks(run.folds.watch.tuned.get(&row.entry.name)))
            .flatten();
        Some((row.entry.name.clone(), row.rule.map(str::to_owned), lacks))
    }

    fn switch(&self, model: &mut Model, it: Watcher, now: Now) {
        match self.chosen(model) {
            None => {}
            Some((name, _, Some(why))) if matches!(it, Watcher::Toggle | Watcher::Mute) => {
                model.say(Level::Info, format!("off in the configuration: {why}{}", sets(&name)), now);
            }
            Some((_, None, _)) if it == Watcher::Allow => {
                model.say(
                    Level::Info,
                    "a rule is allowed from a verdict; here an allowed one is taken back",
                    now,
                );
            }
            Some((name, rule, _)) => switch_watcher(model, it, name, rule, now),
        }
    }

    /// Explains the newest verdict of the chosen watcher.
    fn explain(&self, model: &mut Model, now: Now) {
        let Some((name, _, _)) = self.chosen(model) else { return };
        let newest = model.run().and_then(|run| {
            run.spoken
                .iter()
                .rev()
                .position(|spoken| matches!(&spoken.what, What::Watcher(it) if it.watcher == name))
        });
        match (newest, model.run_mut()) {
            (Some(newest), Some(run)) => {
                run.look.verdict = newest;
                model.overlays.push(Overlay::Explain(Explain::default()));
            }
            _ => model.say(Level::Info, "it has not spoken yet", now),
        }
    }

    pub fn draw(&mut self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let Some(run) = model.run() else { return };
        let rows = rows(run);
        let wanted = u16::try_from(rows.len() + DETAILS + 3).unwrap_or(u16::MAX);
        let (width, height) =
            (area.width.saturating_sub(4).min(100), area.height.saturating_sub(2).min(wanted));
        let place = centred(area, width, height);
        let (title, dim, plain) = (canvas.skin.title(true), canvas.skin.dim(), canvas.skin.text());
        let inner = canvas.popup(place, &[span("Watchers of this run", title)], &[]);
        if rows.is_empty() {
            canvas.put(inner.x + 1, inner.y, inner.width, "no watcher is configured", dim);
            return;
        }
        self.selected = self.selected.min(rows.len() - 1);
        let shown = rows.len().min(usize::from((inner.height * 3 / 5).max(1)));
        let first = (self.selected + 1).saturating_sub(shown);
        for (n, it) in rows.iter().enumerate().skip(first).take(shown) {
            let line = row(inner, u16::try_from(n - first).unwrap_or(0));
            let mark = if n == self.selected { canvas.skin.sign(Sign::Selected) } else { " " };
            let mut spans = vec![span(format!("{mark} "), plain)];
            spans.extend(summary(run, it, canvas.skin));
            canvas.spans(line, &spans);
            if n == self.selected {
                let style = canvas.skin.selected();
                canvas.paint(line, style);
            }
            canvas.hit(line, Hit::Choice(n));
        }
        let used = u16::try_from(shown).unwrap_or(0);
        let rule = row(inner, used);
        let across = if canvas.skin.ascii { "-" } else { "─" }.repeat(usize::from(rule.width));
        let border = canvas.skin.border(false);
        canvas.put(rule.x, rule.y, rule.width, &across, border);
        let body = Rect { y: inner.y + used + 1, height: inner.height.saturating_sub(used + 1), ..inner };
        self.height = usize::from(body.height);
        let cells = usize::from(body.width.saturating_sub(2));
        let told = details(run, &rows[self.selected]);
        let lines: Vec<String> = told.iter().flat_map(|line| hanging(line, LABEL, cells)).collect();
        self.top = self.top.min(lines.len().saturating_sub(self.height));
        for (n, line) in lines.iter().skip(self.top).take(self.height).enumerate() {
            let at = row(body, u16::try_from(n).unwrap_or(0));
            canvas.put(at.x + 1, at.y, at.width.saturating_sub(2), line, plain);
        }
    }
}

/// What helps where a watcher lacks something.
fn sets(name: &str) -> &'static str {
    if names::NEEDED.iter().any(|(known, _)| *known == name) { ": t sets that" } else { "" }
}

/// How a watcher is switched.
fn state(run: &RunModel, entry: &WatcherEntry, skin: &Skin) -> (&'static str, Style) {
    let configured = run.folds.watchers.has_on(entry);
    match run.folds.watch.mode(&entry.name, configured) {
        WatcherMode::Off if !configured => ("off (config)", skin.dim()),
        WatcherMode::On => ("on", skin.ok()),
        WatcherMode::Muted => ("muted", skin.warn()),
        WatcherMode::Off => ("off", skin.warn()),
    }
}

fn of<'a>(run: &'a RunModel, name: &'a str) -> impl Iterator<Item = &'a Spoken> {
    run.spoken
        .iter()
        .rev()
        .filter(move |spoken| matches!(&spoken.what, What::Watcher(it) if it.watcher == name))
}

fn summary(run: &RunModel, row: &Row<'_>, skin: &Skin) -> Vec<Span> {
    if let Some(rule) = row.rule {
        let text = format!("  allowed: {rule}");
        return vec![span(text, skin.accent())];
    }
    let (word, style) = state(run, row.entry, skin);
    let said = match of(run, &row.entry.name).count() {
        0 => "silent so far".to_owned(),
        1 => "spoke once".to_owned(),
        n => format!("spoke {n} times"),
    };
    let tuned = run.folds.watch.tuned.get(&row.entry.name).and_then(Value::as_object);
    let tuned = tuned.map(|keys| format!("tuned: {}", written(keys))).unwrap_or_default();
    vec![
        span(fit(&row.entry.name, 20, skin.ascii), skin.text()),
        span(format!(" {} ", fit(word, 12, skin.ascii)), style),
        span(format!("{} ", fit(&said, 15, skin.ascii)), skin.dim()),
        span(tuned, skin.accent()),
    ]
}

fn written(keys: &serde_json::Map<String, Value>) -> String {
    let each: Vec<String> = keys.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    crate::text::clean_line(&each.join(", ")).into_string()
}

fn details(run: &RunModel, row: &Row<'_>) -> Vec<String> {
    let name = &row.entry.name;
    let mut lines = Vec::new();
    if let Some(rule) = row.rule {
        lines.push(format!("Rule      {name}/{rule}"));
        lines.push(
            "Now       allowed for the rest of the run: it says nothing (w takes that back)".to_owned(),
        );
        lines.extend(changes(run, name, Some(rule)));
        return lines;
    }
    let known = names::WATCHERS.iter().find(|(known, _)| known == name).map(|(_, keys)| *keys);
    let keys = known.unwrap_or(&names::CUSTOM_WATCHER).join(", ");
    if !run.folds.watchers.has_on(row.entry) && run.folds.watch.mode(name, false) == WatcherMode::Off {
        let how = row.entry.lacks(run.folds.watch.tuned.get(name));
        let how =
            how.map(|why| why + sets(name)).unwrap_or_else(|| "d switches it on for this run".to_owned());
        lines.push(format!("Now       off in the configuration; {how}"));
    }
    lines.push(format!("Keys      {}", if keys.is_empty() { "none" } else { &keys }));
    let configured = row.entry.config.as_object().map(written).unwrap_or_default();
    let configured = if configured.is_empty() { "its defaults".to_owned() } else { configured };
    lines.push(format!("Config    {configured}"));
    if let Some(tuned) = run.folds.watch.tuned.get(name).and_then(Value::as_object) {
        lines.push(format!("Tuned     {} for this run", written(tuned)));
    }
    if let Some(Spoken { at, what: What::Watcher(it) }) = of(run, name).next() {
        lines.push(format!("Last      {at} {:?} at step {}: {}", it.verdict, it.step, it.reason));
    }
    lines.extend(changes(run, name, None));
    lines
}

/// What the human changed of a watcher, or of one rule of it, the newest first.
pub(super) fn changes(run: &RunModel, watcher: &str, rule: Option<&str>) -> Vec<String> {
    let own = run.folds.switched.iter().rev().filter(|(_, changed)| {
        changed.watcher == watcher && (rule.is_none() || changed.rule.as_deref() == rule)
    });
    let tell = |(at, changed): &(String, crate::protocol::event::WatcherChanged)| {
        let what = crate::fold::watch::told(changed);
        format!("Changed   {at} {what} (by {})", changed.by)
    };
    own.map(tell).collect()
}

#[cfg(test)]
#[path = "watchers_tests.rs"]
mod tests;
