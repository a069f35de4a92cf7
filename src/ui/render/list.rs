//! A list of any length: which rows are visible, and which one is chosen. What a row looks like is the caller's.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Brush, Strip};
use crate::ui::theme::Role;

/// The state of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListState {
    pub selected: usize,
    top: usize,
    height: usize,
}

impl ListState {
    /// Moves the choice by rows.
    pub fn step(&mut self, by: isize, len: usize) {
        self.selected = self.selected.saturating_add_signed(by).min(len.saturating_sub(1));
    }

    /// Moves it by pages.
    pub fn page(&mut self, by: isize, len: usize) {
        self.step(by.saturating_mul(self.height.max(1) as isize), len);
    }

    /// The rows that are visible in so many cells, with the chosen one among them.
    pub fn visible(&mut self, height: usize, len: usize) -> std::ops::Range<usize> {
        self.height = height;
        self.selected = self.selected.min(len.saturating_sub(1));
        self.top = self.top.min(self.selected).max((self.selected + 1).saturating_sub(height));
        self.top = self.top.min(len.saturating_sub(height));
        self.top..(self.top + height).min(len)
    }

    /// The row at a line of the area that was drawn last.
    pub fn at(&self, line: u16, len: usize) -> Option<usize> {
        let row = self.top + usize::from(line);
        (usize::from(line) < self.height && row < len).then_some(row)
    }

    /// Draws the visible rows; `row` is asked for these only.
    pub fn render(
        &mut self,
        len: usize,
        row: impl Fn(usize) -> Strip,
        area: Rect,
        buf: &mut Buffer,
        brush: &Brush<'_>,
        focused: bool,
    ) {
        let visible = self.visible(usize::from(area.height), len);
        for (y, at) in (area.y..area.bottom()).zip(visible) {
            row(at).draw(buf, area.x, y, area.width);
            if focused && at == self.selected {
                buf.set_style(Rect { y, height: 1, ..area }, brush.style(Role::Selected));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_row_stays_visible_and_nothing_else_is_asked_for() {
        let mut state = ListState::default();
        assert_eq!(state.visible(5, 1_000_000), 0..5);
        state.step(7, 1_000_000);
        assert_eq!(state.visible(5, 1_000_000), 3..8);
        state.page(-1, 1_000_000);
        assert_eq!((state.selected, state.visible(5, 1_000_000)), (2, 2..7));
        assert_eq!((state.at(1, 1_000_000), state.at(5, 1_000_000)), (Some(3), None));
        state.step(isize::MAX, 1_000_000);
        assert_eq!(state.visible(5, 1_000_000), 999_995..1_000_000);
        assert_eq!(state.visible(5, 3), 0..3);
        assert_eq!(state.visible(0, 0), 0..0);
    }
}
