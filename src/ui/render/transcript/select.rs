//! What is acted upon: the item at the cursor, or a range of lines.

use super::{Spot, Transcript};
use crate::{
    protocol::Pos,
    text::{CleanText, clean_whole},
    ui::render::items,
};

/// Lines of one selection.
const LINES_MAX: usize = 20_000;

/// A range of lines, both ends included, in the order in which they were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Selection {
    from: Spot,
    to: Spot,
}

impl Transcript {
    /// Begins (or ends) choosing lines; [`super::Scroll::Lines`] then moves the end of the range.
    pub fn toggle_select(&mut self) -> bool {
        if self.selection.take().is_some() || self.rows() == 0 {
            return false;
        }
        self.stop_following();
        let spot = Spot { row: self.place.cursor, line: 0 }.max(self.place.top);
        self.selection = Some(Selection { from: spot, to: spot });
        true
    }

    /// Ends choosing lines. True: there was a choice.
    pub fn clear_selection(&mut self) -> bool {
        self.selection.take().is_some()
    }

    /// True while lines are chosen.
    pub fn is_selecting(&self) -> bool {
        self.selection.is_some()
    }

    /// The chosen lines as they are shown, or else the text of the item at the cursor.
    pub fn selected_text(&mut self) -> Option<CleanText> {
        let Some(selection) = self.selection else { return self.item_text() };
        let (mut spot, end) = (selection.from.min(selection.to), selection.from.max(selection.to));
        let mut text = String::new();
        for _ in 0..LINES_MAX {
            text.push_str(self.line_text(spot).trim_end());
            let next = self.moved(spot, 1);
            if spot >= end || next == spot {
                return Some(clean_whole(&text));
            }
            text.push('\n');
            spot = next;
        }
        text.push_str(&format!("… only {LINES_MAX} lines"));
        Some(clean_whole(&text))
    }

    /// The whole text of the item at the cursor (with the output of a call).
    pub fn item_text(&mut self) -> Option<CleanText> {
        let cursor = self.place.cursor;
        if let Some(stream) = cursor.checked_sub(self.view.rows.len()) {
            return self.streams.list.get(stream).map(|stream| clean_whole(stream.source()));
        }
        let row = *self.view.rows.get(cursor)?;
        let shown = self.view.shown(cursor)?;
        let text = |journal: &mut super::Journal, pos: Pos, part: u8| {
            journal.get(pos).map_or_else(|why| why, |event| items::text(&event, part))
        };
        let mut all = text(&mut self.journal, shown, row.part);
        let output = self.view.outcome(cursor).and_then(|call| call.output);
        if let Some(output) = output.and_then(|output| self.view.rows.get(output as usize)).copied() {
            all.push('\n');
            all.push_str(&text(&mut self.journal, output.pos(), output.part));
        }
        Some(clean_whole(&all))
    }

    /// Puts the cursor on the item at a line of the area that was drawn last. True: it has moved.
    pub fn click(&mut self, line: u16) -> bool {
        let spot = self.moved(self.place.top, isize::try_from(line).unwrap_or(0));
        let before = std::mem::replace(&mut self.place.cursor, spot.row);
        before != spot.row
    }

    pub(super) fn is_selected(&self, spot: Spot) -> bool {
        self.selection.is_some_and(|s| (s.from.min(s.to)..=s.from.max(s.to)).contains(&spot))
    }

    pub(super) fn select_move(&mut self, by: isize) {
        let Some(selection) = self.selection else { return };
        let to = self.moved(selection.to, by);
        self.selection = Some(Selection { to, ..selection });
        self.place.cursor = to.row;
        let height = isize::from(self.look.height.max(1) as i16);
        let end = self.moved(self.place.top, height - 1);
        if to < self.place.top {
            self.place.top = to;
        } else if to > end {
            self.place.top = self.moved(to, 1 - height);
        }
    }

    fn line_text(&mut self, spot: Spot) -> String {
        let text =
            |strip: Option<&crate::ui::render::Strip>| strip.map(|s| s.text().to_owned()).unwrap_or_default();
        match spot.row.checked_sub(self.view.rows.len()) {
            Some(stream) => text(self.streams.list.get(stream).and_then(|stream| stream.row(spot.line))),
            None => text(self.laid(spot.row).rows.get(spot.line)),
        }
    }
}
