//! What is drawn over a screen and takes its keys. Each is a struct with `key` and `draw`; the model is given to both,
//! without the overlays themselves.

pub mod ask;
pub mod budget;
pub mod by_hand;
pub mod changes;
pub mod delete;
pub mod explain;
pub mod help;
pub mod inbox;
pub mod ledger;
pub mod log;
pub mod messages;
pub mod page;
pub mod palette;
pub mod sheet;
pub mod themes;
pub mod tune;
pub mod watchers;

use ratatui::layout::Rect;

use super::{
    input::KeyPress,
    kit::Canvas,
    model::Model,
    msg::{Now, UiEffect},
};

/// An overlay.
pub enum Overlay {
    Help(help::Help),
    Palette(Box<palette::Palette>),
    /// A question with a safe answer: abort, end a session, quit …
    Ask(ask::Ask),
    Inbox(Box<inbox::Card>),
    Messages(messages::Messages),
    Explain(explain::Explain),
    Watchers(watchers::Watchers),
    Ledger(ledger::Ledger),
    Budget(budget::Budget),
    Changes(changes::Changes),
    Log(log::Log),
    Themes(themes::Pick),
    /// A typed word before something is deleted.
    Delete(delete::Delete),
    /// A session is started by hand.
    ByHand(Box<by_hand::ByHand>),
    /// Keys of a watcher.
    Tune(tune::Tune),
    /// A text that scrolls.
    Sheet(sheet::Sheet),
}

/// What becomes of an overlay after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    Stay,
    Close,
}

impl Overlay {
    /// A key.
    pub fn key(&mut self, model: &mut Model, key: &KeyPress, now: Now) -> (After, Vec<UiEffect>) {
        match self {
            Self::Help(it) => it.key(key),
            Self::Palette(it) => it.key(model, key, now),
            Self::Ask(it) => it.key(model, key, now),
            Self::Inbox(it) => it.key(model, key, now),
            Self::Messages(it) => it.key(model, key),
            Self::Explain(it) => it.key(model, key, now),
            Self::Watchers(it) => it.key(model, key, now),
            Self::Ledger(it) => it.key(model, key),
            Self::Budget(it) => it.key(key),
            Self::Changes(it) => it.key(model, key),
            Self::Log(it) => it.key(model, key),
            Self::Themes(it) => it.key(model, key),
            Self::Delete(it) => it.key(key),
            Self::ByHand(it) => it.key(model, key),
            Self::Tune(it) => it.key(key),
            Self::Sheet(it) => it.key(model, key),
        }
    }

    /// Draws it over an area.
    pub fn draw(&mut self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        match self {
            Self::Help(it) => it.draw(model, canvas, area),
            Self::Palette(it) => it.draw(model, canvas, area),
            Self::Ask(it) => it.draw(model, canvas, area),
            Self::Inbox(it) => it.draw(model, canvas, area),
            Self::Messages(it) => it.draw(model, canvas, area),
            Self::Explain(it) => it.draw(model, canvas, area),
            Self::Watchers(it) => it.draw(model, canvas, area),
            Self::Ledger(it) => it.draw(model, canvas, area),
            Self::Budget(it) => it.draw(model, canvas, area),
            Self::Changes(it) => it.draw(model, canvas, area),
            Self::Log(it) => it.draw(model, canvas, area),
            Self::Themes(it) => it.draw(model, canvas, area),
            Self::Delete(it) => it.draw(canvas, area),
            Self::ByHand(it) => it.draw(model, canvas, area),
            Self::Tune(it) => it.draw(canvas, area),
            Self::Sheet(it) => it.draw(canvas, area),
        }
    }

    /// What the status bar says while it is on top.
    pub fn hints(&self, model: &Model) -> Vec<(String, String)> {
        let pairs =
            |list: &[(&str, &str)]| list.iter().map(|(k, t)| ((*k).to_owned(), (*t).to_owned())).collect();
        match self {
            Self::Help(_) => pairs(&[("type", "to filter"), ("↑↓", "scroll"), ("Esc", "close")]),
            Self::Palette(_) => {
                pairs(&[("↑↓", "choose"), ("Tab", "complete"), ("⏎", "run"), ("Esc", "close")])
            }
            Self::Ask(it) => it.hints(),
            Self::Inbox(it) => it.hints(model),
            Self::Budget(_) => pairs(&[("j k", "scroll"), ("Esc", "close")]),
            Self::Messages(_) | Self::Sheet(_) => {
                pairs(&[("j k", "scroll"), ("/", "search"), ("y", "copy"), ("o", "pager"), ("Esc", "close")])
            }
            Self::Ledger(_) => pairs(&[
                ("j k", "choose"),
                ("⏎", "its session"),
                ("␣", "scroll"),
                ("/", "search"),
                ("y", "copy"),
                ("Esc", "close"),
            ]),
            Self::Changes(_) => pairs(&[
                ("j k", "move"),
                ("⏎", "open in $EDITOR"),
                ("[ ]", "file"),
                ("/", "search"),
                ("Tab", "fold"),
                ("← →", "side"),
                ("r", "read anew"),
                ("o", "pager"),
                ("Esc", "close"),
            ]),
            Self::Log(_) => pairs(&[
                ("j k", "scroll"),
                ("/", "search"),
                ("r", "read anew"),
                ("o", "pager"),
                ("y", "copy"),
                ("Esc", "close"),
            ]),
            Self::Themes(_) => pairs(&[("j k", "try"), ("⏎", "keep"), ("Esc", "as before")]),
            Self::Delete(_) => pairs(&[("⏎", "delete, once the word stands there"), ("Esc", "keep it")]),
            Self::ByHand(_) => pairs(&[
                ("Tab", "next field"),
                ("← →", "choose"),
                ("⏎", "start"),
                ("^G", "editor"),
                ("Esc", "cancel"),
            ]),
            Self::Explain(_) => pairs(&[
                ("j k", "others"),
                ("m", "mute"),
                ("d", "off/on"),
                ("w", "allow"),
                ("t", "tune"),
                ("W", "all"),
                ("Esc", "close"),
            ]),
            Self::Watchers(_) => pairs(&[
                ("j k", "choose"),
                ("m", "mute"),
                ("d", "off/on"),
                ("t", "tune"),
                ("w", "take back"),
                ("⏎", "last verdict"),
                ("Esc", "close"),
            ]),
            Self::Tune(_) => pairs(&[("⏎", "set for this run"), ("Esc", "leave it")]),
        }
    }

    /// Letters are written into it now.
    pub fn is_typing(&self) -> bool {
        match self {
            Self::Help(_) | Self::Palette(_) | Self::Delete(_) | Self::ByHand(_) | Self::Tune(_) => true,
            Self::Inbox(it) => it.is_typing(),
            Self::Changes(it) => it.is_typing(),
            Self::Ledger(it) => it.is_typing(),
            Self::Log(it) => it.is_typing(),
            Self::Messages(it) => it.is_typing(),
            Self::Sheet(it) => it.is_typing(),
            Self::Ask(_) | Self::Explain(_) | Self::Watchers(_) | Self::Budget(_) | Self::Themes(_) => false,
        }
    }

    /// It shows a text that scrolls.
    pub fn is_text(&self) -> bool {
        matches!(
            self,
            Self::Help(_)
                | Self::Messages(_)
                | Self::Changes(_)
                | Self::Log(_)
                | Self::Sheet(_)
                | Self::Budget(_)
        )
    }

    /// A pasted text. False: it takes none.
    pub fn paste(&mut self, text: &str) -> bool {
        match self {
            Self::Inbox(it) => it.paste(text),
            Self::Palette(it) => it.paste(text),
            Self::Help(it) => it.paste(text),
            Self::ByHand(it) => it.paste(text),
            _ => true,
        }
    }

    /// A click on one of its rows or buttons.
    pub fn click(&mut self, model: &mut Model, choice: usize, now: Now) -> (After, Vec<UiEffect>) {
        match self {
            Self::Palette(it) => it.run(model, choice, now),
            Self::Ask(it) => it.choose(model, choice, now),
            Self::Inbox(it) => it.choose(model, choice, now),
            Self::Ledger(it) => it.click(choice),
            Self::Changes(it) => it.click(choice),
            Self::Watchers(it) => it.click(choice),
            Self::ByHand(it) => it.click(model, choice),
            Self::Themes(it) => {
                it.apply(model, choice);
                (After::Stay, Vec::new())
            }
            _ => (After::Stay, Vec::new()),
        }
    }
}

/// Moves a scroll position by the usual keys; `None`: not one of them.
pub fn scrolled(top: usize, key: &KeyPress, page: usize) -> Option<usize> {
    use crossterm::event::KeyCode::{Char, Down, End, Home, PageDown, PageUp, Up};
    let page = page.max(1);
    Some(match key.event.code {
        Down | Char('j') => top + 1,
        Up | Char('k') => top.saturating_sub(1),
        PageDown | Char(' ') => top + page,
        PageUp => top.saturating_sub(page),
        Home | Char('g') => 0,
        End | Char('G') => usize::MAX / 2,
        _ => return None,
    })
}

#[cfg(test)]
mod views_tests;
