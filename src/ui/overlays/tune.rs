//! Setting keys of a watcher for this run: one line of YAML.

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::layout::Rect;
use serde_json::Value;

use super::After;
use crate::{
    config::names,
    protocol::{Command, InstanceId, command::WatcherMode},
    ui::{
        input::KeyPress,
        kit::{Canvas, centred, span, wrap},
        model::Model,
        msg::UiEffect,
        update::session::configured,
    },
};

/// Characters that can be typed.
const MOST: usize = 400;

/// The line.
pub struct Tune {
    id: InstanceId,
    watcher: String,
    /// As it is switched: that stays, but one that the configuration has off is switched on.
    mode: WatcherMode,
    /// It is off in the configuration, and setting it switches it on.
    wakes: bool,
    typed: String,
    /// Why it cannot be sent.
    wrong: String,
}

impl Tune {
    /// Begins with what is set now.
    pub fn new(model: &Model, id: InstanceId, watcher: String) -> Self {
        let run = model.run();
        let own = run.and_then(|run| {
            let entries = &run.folds.watchers.watchers;
            Some(entries.iter().find(|entry| entry.name == watcher)?.config.clone())
        });
        let mut keys = own.and_then(|config| config.as_object().cloned()).unwrap_or_default();
        let tuned = run.and_then(|run| run.folds.watch.tuned.get(&watcher));
        keys.extend(tuned.and_then(Value::as_object).cloned().unwrap_or_default());
        let typed: Vec<String> = keys.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        let typed = typed.join(", ").chars().take(MOST).collect();
        let switched = run.and_then(|run| run.folds.watch.modes.get(&watcher).copied());
        let wakes = switched.is_none() && run.is_some_and(|run| !configured(&run.folds.watchers, &watcher));
        let mode = switched.unwrap_or_default();
        Self { id, watcher, mode, wakes, typed, wrong: String::new() }
    }

    pub fn key(&mut self, key: &KeyPress) -> (After, Vec<UiEffect>) {
        let ctrl = key.event.modifiers.contains(KeyModifiers::CONTROL);
        match key.event.code {
            KeyCode::Esc => return (After::Close, Vec::new()),
            KeyCode::Char('c' | 'g') if ctrl => return (After::Close, Vec::new()),
            KeyCode::Enter => match self.config() {
                Ok(config) => {
                    let (name, config) = (self.watcher.clone(), Some(config));
                    let command =
                        Command::SetWatcher { name, mode: self.mode, rule: None, config, taken_back: false };
                    return (After::Close, vec![UiEffect::Send(self.id, command)]);
                }
                Err(why) => self.wrong = why,
            },
            KeyCode::Char('u') if ctrl => self.typed.clear(),
            KeyCode::Backspace => {
                self.typed.pop();
            }
            KeyCode::Char(c) if !ctrl && self.typed.chars().count() < MOST => self.typed.push(c),
            _ => {}
        }
        (After::Stay, Vec::new())
    }

    /// What is typed, as a map; whether the watcher knows the keys is judged where it runs.
    fn config(&self) -> Result<Value, String> {
        let text = format!("{{{}}}", self.typed.trim().trim_start_matches('{').trim_end_matches('}'));
        match serde_yaml::from_str::<Value>(&text) {
            Ok(Value::Object(keys)) if !keys.is_empty() && keys.values().all(|value| !value.is_null()) => {
                Ok(Value::Object(keys))
            }
            Ok(_) => Err("write KEY: VALUE, more after commas".to_owned()),
            Err(error) => Err(format!("that is no YAML: {error}")),
        }
    }

    fn about(&self) -> String {
        let row = names::WATCHERS.iter().find(|(name, _)| *name == self.watcher);
        match row {
            Some((_, [])) => "It has no keys.".to_owned(),
            Some((_, keys)) => format!("Its keys: {}", keys.join(", ")),
            None => format!("Its keys: {}", names::CUSTOM_WATCHER.join(", ")),
        }
    }

    pub fn draw(&mut self, canvas: &mut Canvas<'_>, area: Rect) {
        let place = centred(area, area.width.saturating_sub(4).clamp(20, 74), 9);
        let (title, plain, dim, warn, accent) = (
            canvas.skin.title(true),
            canvas.skin.text(),
            canvas.skin.dim(),
            canvas.skin.warn(),
            canvas.skin.accent(),
        );
        let inner = canvas.popup(place, &[span(format!("Tune {}", self.watcher), title)], &[]);
        let cells = inner.width.saturating_sub(4);
        let holds = match self.wakes {
            true => "It is off in the configuration: setting it also switches it on, for this run.",
            false => "What is set here holds for this run, from the next look on.",
        };
        let text = [self.about(), holds.to_owned()];
        let mut lines: Vec<_> =
            text.iter().flat_map(|line| wrap(line, usize::from(cells))).map(|line| (line, plain)).collect();
        lines.extend(wrap(&self.wrong, usize::from(cells)).into_iter().map(|line| (line, warn)));
        let room = usize::from(inner.height.saturating_sub(2));
        for (y, (line, style)) in (inner.y..).zip(lines.iter().take(room)) {
            canvas.put(inner.x + 2, y, cells, line, *style);
        }
        let y = inner.bottom().saturating_sub(1);
        let mut x = inner.x + 2;
        x += canvas.put(x, y, cells, "set: ", dim);
        // The end of a long line is where the cursor is.
        let left = usize::from(inner.right().saturating_sub(x + 2));
        let skip = self.typed.chars().count().saturating_sub(left);
        let shown: String = self.typed.chars().skip(skip).collect();
        x += canvas.put(x, y, inner.right().saturating_sub(x), &shown, accent);
        canvas.cursor = Some((x.min(inner.right().saturating_sub(1)), y).into());
    }
}
