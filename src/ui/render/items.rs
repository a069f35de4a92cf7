//! How each kind of event looks: one function a kind, an event in, rows out. No state, no reading of files.

mod about;
mod block;
mod call;
mod history;
mod plain;
mod session;

pub use about::{asked, decided};
pub use block::{EXPANDED_ROWS, ITEM_SHOWN};
pub use plain::text;

use super::{Brush, Strip};
use crate::{
    fold::view::{Outcome, Row, StepInfo},
    protocol::{Body, Event},
    ui::theme::{Icon, Role},
};

/// One row of a transcript with all that is known of it.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    pub event: &'a Event,
    pub row: &'a Row,
    /// Opened by the reader.
    pub open: bool,
    /// Of a call, or of the call whose output this is.
    pub outcome: Option<&'a Outcome>,
    /// Of a call: the event of its output.
    pub output: Option<&'a Event>,
    /// Of a step.
    pub step: Option<&'a StepInfo>,
    /// The first row of all.
    pub first: bool,
    /// The newest step.
    pub newest: bool,
}

/// Rows of an item.
#[derive(Clone, Debug, Default)]
pub struct Painted {
    pub rows: Vec<Strip>,
    /// Some code in it is not highlighted yet.
    pub pending: bool,
}

/// Paints one row of a transcript; at least one row comes out.
pub fn paint(shown: &Shown<'_>, brush: &Brush<'_>) -> Painted {
    let mut painted = Painted::default();
    match &shown.event.body {
        Body::History(body) => history::paint(shown, body, brush, &mut painted),
        Body::Session(body) => session::paint(shown, body, brush, &mut painted),
        Body::Run(body) => about::run(shown, body, brush, &mut painted.rows),
        Body::Human(body) => about::human(shown, body, brush, &mut painted.rows),
        Body::Guard(body) => about::guard(body, brush, &mut painted.rows),
        Body::Unknown { .. } => {}
    }
    if painted.rows.is_empty() {
        let kind = crate::text::clean_line(shown.event.body.kind());
        let mut strip = brush.mark(Icon::Note, Role::Dim);
        strip.push(&*kind, brush.style(Role::Dim));
        painted.rows.push(strip.cut(brush.width));
    }
    painted
}

/// What stands where a line of the journal cannot be read.
pub fn unreadable(why: &str, brush: &Brush<'_>) -> Painted {
    let mut strip = brush.mark(Icon::Warn, Role::Warn);
    strip.push(format!("unreadable: {}", crate::text::clean_line(why)), brush.style(Role::Warn));
    Painted { rows: vec![strip.cut(brush.width)], pending: false }
}

#[cfg(test)]
#[path = "items_tests.rs"]
mod tests;
