//! Moving the view. Every move walks over the few rows that it passes; jumps go by row, never by laying out what is
//! between.

use super::{Spot, Transcript};

/// Lines of one move.
const LINES_MAX: isize = 10_000;

/// Moves of the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scroll {
    /// Down, or up where negative; where the end is reached, the cursor goes on alone.
    Lines(isize),
    /// Half of a page is `HalfPage`.
    Page(isize),
    HalfPage(isize),
    Top,
    /// And follow what comes.
    Bottom,
    StepNext,
    StepPrev,
    ItemNext,
    ItemPrev,
}

impl Transcript {
    /// Moves the view. True: something has moved.
    pub fn scroll(&mut self, scroll: Scroll) -> bool {
        let before = (self.place.top, self.place.cursor, self.place.follow, self.selection);
        let page = isize::from(self.look.height.max(2) as i16) - 1;
        match scroll {
            Scroll::Lines(by) if self.selection.is_some() => self.select_move(by),
            Scroll::Lines(by) => self.lines(by),
            Scroll::Page(by) => self.lines(by.saturating_mul(page)),
            Scroll::HalfPage(by) => self.lines(by.saturating_mul((page / 2).max(1))),
            Scroll::Top => self.go(Spot { row: self.heights.near(0).unwrap_or(0), line: 0 }),
            Scroll::Bottom => {
                self.place.follow = true;
                self.place.top = self.bottom();
                self.place.cursor = self.last().unwrap_or(0);
            }
            Scroll::StepNext => self.step(true),
            Scroll::StepPrev => self.step(false),
            Scroll::ItemNext => self.item(true),
            Scroll::ItemPrev => self.item(false),
        }
        before != (self.place.top, self.place.cursor, self.place.follow, self.selection)
    }

    /// The step at the cursor, or the last before it that has ended.
    pub fn ended_step_at_cursor(&self) -> Option<u32> {
        let rows = &self.view.rows;
        let at = rows.get(self.place.cursor).or(rows.last())?.step;
        let ended = |step: &&crate::fold::view::StepInfo| step.finished && step.step <= at;
        self.view.steps.iter().rev().find(ended).map(|step| step.step)
    }

    /// Where the view is, in (estimated) lines: above, visible, all. For a scroll bar.
    pub fn position(&self) -> (u64, u64, u64) {
        let streams: usize = self.streams.list.iter().map(super::streams::Stream::len).sum();
        let all = self.heights.total() + streams as u64;
        let above = self.heights.before(self.place.top.row) + self.place.top.line as u64;
        let visible = u64::from(self.look.height).min(all);
        (above.min(all - visible), visible, all)
    }

    /// Goes to a share (0 to 1) of all lines: a click on the scroll bar.
    pub fn scroll_to(&mut self, share: f64) {
        let line = (self.heights.total() as f64 * share.clamp(0.0, 1.0)) as u64;
        match self.heights.find(line) {
            Some(row) => self.go(Spot { row, line: 0 }),
            None => {
                self.scroll(Scroll::Bottom);
            }
        }
    }

    /// The last row: a stream, or the last visible event.
    pub(super) fn last(&self) -> Option<usize> {
        match self.streams.list.len() {
            0 => self.heights.near(self.heights.len().checked_sub(1)?),
            streams => Some(self.view.rows.len() + streams - 1),
        }
    }

    pub(super) fn next(&self, row: usize) -> Option<usize> {
        let next = if row < self.heights.len() { self.heights.next(row) } else { Some(row + 1) };
        next.or(Some(self.view.rows.len())).filter(|next| *next < self.rows())
    }

    pub(super) fn previous(&self, row: usize) -> Option<usize> {
        match row.checked_sub(self.view.rows.len()) {
            Some(stream) if stream > 0 => Some(row - 1),
            _ => self.heights.previous(row),
        }
    }

    /// The top at which the last line is at the bottom.
    pub(super) fn bottom(&mut self) -> Spot {
        let Some(mut row) = self.last() else { return Spot::default() };
        let mut left = usize::from(self.look.height.max(1));
        loop {
            let height = self.height_of(row);
            if height >= left {
                return Spot { row, line: height - left };
            }
            left -= height;
            match self.previous(row) {
                Some(previous) => row = previous,
                None => return Spot { row, line: 0 },
            }
        }
    }

    /// A spot so many lines further; stops at the ends.
    pub(super) fn moved(&mut self, from: Spot, by: isize) -> Spot {
        let mut spot = from;
        let mut left = by.unsigned_abs();
        while left > 0 {
            if by > 0 {
                let rest = self.height_of(spot.row).saturating_sub(spot.line + 1);
                if left <= rest {
                    spot.line += left;
                    break;
                }
                let Some(row) = self.next(spot.row) else {
                    spot.line += rest;
                    break;
                };
                left -= rest + 1;
                spot = Spot { row, line: 0 };
            } else {
                if left <= spot.line {
                    spot.line -= left;
                    break;
                }
                left -= spot.line + 1;
                let Some(row) = self.previous(spot.row) else {
                    spot.line = 0;
                    break;
                };
                spot = Spot { row, line: self.height_of(row).saturating_sub(1) };
            }
        }
        spot
    }

    /// Shows a spot at the top (or as near as the end allows) and stops following.
    pub(super) fn go(&mut self, spot: Spot) {
        self.stop_following();
        let bottom = self.bottom();
        self.place.top = spot.min(bottom);
        self.place.cursor = spot.row;
    }

    pub(super) fn stop_following(&mut self) {
        if self.place.follow {
            self.place.follow = false;
            self.place.seen = self.view.rows.len();
        }
    }

    fn lines(&mut self, by: isize) {
        let by = by.clamp(-LINES_MAX, LINES_MAX);
        let from = if self.place.follow { self.bottom() } else { self.place.top };
        let bottom = self.bottom();
        let to = self.moved(from, by).min(bottom);
        if by < 0 && to != from {
            self.stop_following();
        }
        self.place.top = to;
        if to == from {
            return self.item(by > 0);
        }
        self.keep_cursor_visible();
    }

    /// The cursor goes along with the view.
    pub(super) fn keep_cursor_visible(&mut self) {
        let top = self.place.top;
        let end = self.moved(top, isize::from(self.look.height.max(1) as i16) - 1);
        let whole_top =
            if top.line == 0 { Some(top.row) } else { self.next(top.row).filter(|row| *row <= end.row) };
        let first = whole_top.unwrap_or(top.row);
        self.place.cursor = self.place.cursor.clamp(first, end.row.max(first));
    }

    fn item(&mut self, down: bool) {
        let cursor = self.place.cursor;
        let to = if down { self.next(cursor) } else { self.previous(cursor) };
        let Some(to) = to else { return };
        if !down {
            self.stop_following();
        }
        self.place.cursor = to;
        self.show(to);
    }

    /// Moves the view as little as needed to show a row.
    pub(super) fn show(&mut self, row: usize) {
        let top = if self.place.follow { self.bottom() } else { self.place.top };
        let height = isize::from(self.look.height.max(1) as i16);
        if row < top.row || (row == top.row && top.line > 0) {
            self.place.top = Spot { row, line: 0 };
            return;
        }
        let end = self.moved(top, height - 1);
        let tall = self.height_of(row).clamp(1, height as usize);
        let last = Spot { row, line: tall - 1 };
        self.place.top = if last > end { self.moved(last, 1 - height) } else { top };
    }

    fn step(&mut self, down: bool) {
        let (steps, here) = (&self.view.steps, self.place.cursor as u32);
        let found = if down {
            steps.get(steps.partition_point(|step| step.row <= here))
        } else {
            steps.partition_point(|step| step.row < here).checked_sub(1).map(|at| &steps[at])
        };
        if let Some(row) = found.map(|step| step.row as usize) {
            self.go(Spot { row, line: 0 });
        }
    }
}
