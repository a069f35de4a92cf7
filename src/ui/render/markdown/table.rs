//! A table: columns as wide as they need, narrowed (widest first) until the table fits; cells wrap.

use crate::{
    text::wrap::Break,
    ui::{
        render::{Brush, Strip},
        theme::{Content, Icon, Role},
    },
};

/// Cells of the narrowest column.
const NARROWEST: usize = 3;
/// Columns and rows that are laid out.
const COLUMNS_MAX: usize = 40;
const ROWS_MAX: usize = 2_000;

#[derive(Default)]
pub(super) struct Table {
    columns: usize,
    rows: Vec<Vec<Strip>>,
    left_out: usize,
}

impl Table {
    pub(super) fn new(columns: usize) -> Self {
        Self { columns: columns.min(COLUMNS_MAX), ..Self::default() }
    }

    pub(super) fn row(&mut self) {
        if self.rows.len() < ROWS_MAX {
            self.rows.push(Vec::new());
        } else {
            self.left_out += 1;
        }
    }

    pub(super) fn cell(&mut self, cell: Strip) {
        let columns = self.columns;
        if let Some(row) = self.rows.last_mut().filter(|row| self.left_out == 0 && row.len() < columns) {
            row.push(cell);
        }
    }

    /// The rows of the screen.
    pub(super) fn rows(&self, brush: &Brush<'_>, room: usize) -> Vec<Strip> {
        let widths = self.widths(room);
        let line = brush.style(Role::Content(Content::Rule));
        let bar = Strip::of(format!(" {} ", brush.sign(Icon::Bar)), line);
        let mut out = Vec::new();
        for (at, cells) in self.rows.iter().enumerate() {
            let wrapped: Vec<Vec<Strip>> = widths
                .iter()
                .enumerate()
                .map(|(column, width)| {
                    let mut rows = Vec::new();
                    let cell = cells.get(column).cloned().unwrap_or_default();
                    cell.wrap(*width, Break::Words, &Strip::default(), &Strip::default(), &mut rows);
                    rows
                })
                .collect();
            for height in 0..wrapped.iter().map(Vec::len).max().unwrap_or(0) {
                let mut strip = Strip::default();
                let mut column = 0;
                for (index, (rows, width)) in wrapped.iter().zip(&widths).enumerate() {
                    if index > 0 {
                        strip.push_all(&bar);
                        column += bar.width();
                    }
                    strip.push_all(rows.get(height).unwrap_or(&Strip::default()));
                    column += width;
                    if index + 1 < widths.len() {
                        strip.pad(column, brush.style(Role::Text));
                    }
                }
                out.push(strip.cut(room));
            }
            if at == 0 {
                let dashes: Vec<_> =
                    widths.iter().map(|width| brush.sign(Icon::Rule).repeat(*width)).collect();
                let cross = if brush.ascii { "-+-" } else { "─┼─" };
                out.push(Strip::of(dashes.join(cross), line).cut(room));
            }
        }
        if self.left_out > 0 {
            out.push(brush.strip(format!("… {} more rows", self.left_out), Role::Dim));
        }
        out
    }

    fn widths(&self, room: usize) -> Vec<usize> {
        let widest =
            |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(Strip::width).max();
        let mut widths: Vec<usize> = (0..self.columns).map(|at| widest(at).unwrap_or(0).max(1)).collect();
        let bars = 3 * self.columns.saturating_sub(1);
        let room = room.saturating_sub(bars).max(self.columns * NARROWEST);
        let mut total: usize = widths.iter().sum();
        // Columns above a limit are narrowed to it; the limit falls until all fit.
        let mut limit = widths.iter().copied().max().unwrap_or(0);
        while total > room && limit > NARROWEST {
            limit = if limit > 2 * room { limit * 9 / 10 } else { limit - 1 };
            for width in &mut widths {
                *width = (*width).min(limit);
            }
            total = widths.iter().sum();
        }
        widths
    }
}
