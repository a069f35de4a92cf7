//! Lines over the screen, as most overlays show them: they scroll, wrap, are searched, copied and opened in the pager
//! by the same keys as every text. Each overlay has its own keys beside these.

use std::borrow::Cow;

use ratatui::{layout::Rect, style::Style};

use super::After;
use crate::ui::{
    actions::{Act, Context, Item, Scroll},
    input::{KeyPress, Typed, edit_line},
    keymap::Found,
    kit::Canvas,
    model::Model,
    msg::UiEffect,
    panes::texts,
    render::{
        Reading,
        lines::{Lines, LinesView, Looks},
    },
    update::text::{SIDE, movement},
};

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Took {
    Yes,
    /// It is a key of the text, but not for moving in it.
    Item(Item),
    No,
}

/// A key of a text that scrolls and is searched; `line`: the search line, while one is typed.
pub fn read(text: &mut dyn Reading, line: &mut Option<String>, model: &Model, key: &KeyPress) -> Took {
    if let Some(typed) = line {
        match edit_line(typed, key) {
            Typed::Text => text.search(typed, &model.term.wake),
            Typed::Step(forward) => text.next_find(forward),
            Typed::Keep => {
                if line.take().is_none_or(|line| line.is_empty()) {
                    text.search_end(false);
                }
            }
            Typed::Back => {
                *line = None;
                text.search_end(true);
            }
            Typed::Nothing => {}
        }
        return Took::Yes;
    }
    if key.event.code == crossterm::event::KeyCode::Esc && text.search_end(true) {
        return Took::Yes;
    }
    match model.fixed.keymap.find(&[Context::Text], None, key.chord) {
        Found::Act(Act::Scroll(it)) => {
            match it {
                Scroll::Search => *line = Some(String::new()),
                Scroll::SearchNext | Scroll::SearchPrev => text.next_find(it == Scroll::SearchNext),
                Scroll::Left | Scroll::Right => {
                    text.sideways(if it == Scroll::Right { SIDE } else { -SIDE });
                }
                _ => movement(it).into_iter().for_each(|to| text.scroll(to)),
            }
            Took::Yes
        }
        Found::Act(Act::Item(it)) => Took::Item(it),
        _ => Took::No,
    }
}

/// Lines and how they are looked at.
#[derive(Default)]
pub struct Page {
    pub lines: Vec<String>,
    pub view: LinesView,
    /// The search line, while one is typed.
    line: Option<String>,
}

impl Page {
    /// Without a row that is acted upon.
    pub fn plain(label: usize) -> Self {
        Self { view: LinesView::page(label), ..Self::default() }
    }

    /// Keys are text for the search line.
    pub fn is_typing(&self) -> bool {
        self.line.is_some()
    }

    /// The lines with their view.
    pub fn text(&mut self) -> Lines<'_> {
        Lines { view: &mut self.view, lines: Cow::Borrowed(&self.lines) }
    }

    /// A key; `what`: the name of all lines for the clipboard. `None`: it is not a key of texts.
    pub fn key(&mut self, model: &Model, key: &KeyPress, what: &str) -> Option<(After, Vec<UiEffect>)> {
        let mut text = Lines { view: &mut self.view, lines: Cow::Borrowed(&self.lines) };
        let stay = |effects| Some((After::Stay, effects));
        match read(&mut text, &mut self.line, model, key) {
            Took::Yes => stay(Vec::new()),
            Took::No => None,
            Took::Item(it) => {
                let all = || self.lines.join("\n");
                let copy = |text: String, what: &str| vec![UiEffect::Copy { text, what: what.to_owned() }];
                match it {
                    Item::Copy if self.view.is_page() => stay(copy(all(), what)),
                    Item::Copy => {
                        let at = self.view.cursor(&self.lines);
                        stay(copy(self.lines.get(at).cloned().unwrap_or_default(), "the line"))
                    }
                    Item::CopyPane => stay(copy(all(), what)),
                    Item::Pager | Item::PagerAll => stay(vec![UiEffect::Page(all())]),
                    Item::Wrap => {
                        self.view.toggle_wrap();
                        stay(Vec::new())
                    }
                    Item::Toggle | Item::Select | Item::Filter => None,
                }
            }
        }
    }

    /// Draws the lines; the last row is the search line while one is typed.
    pub fn draw(&mut self, canvas: &mut Canvas<'_>, area: Rect, of: &dyn Fn(usize, &str) -> Style) {
        let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }.intersection(area);
        let body = texts::search_line(self.line.as_deref(), self.view.finds(), canvas, area);
        let looks = Looks { of, selected: canvas.skin.selected(), found: canvas.skin.found() };
        self.view.render(&self.lines, body, canvas.buf, &looks, true);
    }
}
