//! A diff on the screen: files that fold, lines that scroll. Only visible lines are painted.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{FileDiff, header, line, parse};
use crate::ui::{render::Brush, theme::Role};

/// Files with more changed lines begin closed.
const OPEN_LINES: usize = 400;

/// The state of a shown diff.
#[derive(Clone, Debug, Default)]
pub struct DiffView {
    pub files: Vec<FileDiff>,
    open: Vec<bool>,
    /// What each row shows: a file, and its line (`None`: its header).
    rows: Vec<(u32, Option<u32>)>,
    top: usize,
    cursor: usize,
    height: usize,
}

impl DiffView {
    /// Shows a diff, keeping what was folded and the place by file name.
    pub fn set(&mut self, diff: &str) {
        let before = std::mem::take(&mut self.files);
        let was = self.rows.get(self.cursor).copied();
        let files = parse(diff);
        let known = |file: &FileDiff| before.iter().position(|old| old.path == file.path);
        let open = |file: &FileDiff| known(file).map_or(file.lines.len() <= OPEN_LINES, |at| self.open[at]);
        let opened: Vec<bool> = files.iter().map(open).collect();
        let place = was.and_then(|(file, _)| before.get(file as usize)).map(|file| file.path.clone());
        (self.files, self.open) = (files, opened);
        self.build();
        let same = |at: &&(u32, Option<u32>)| place.as_ref() == Some(&self.files[at.0 as usize].path);
        if self.rows.get(self.cursor).filter(same).is_none()
            && let Some(at) = self.rows.iter().position(|row| same(&row))
        {
            self.cursor = at;
        }
        self.scroll(0);
    }

    /// The file at the cursor.
    pub fn file(&self) -> Option<&FileDiff> {
        let (file, _) = self.rows.get(self.cursor)?;
        self.files.get(*file as usize)
    }

    /// The line number (in the new file) at the cursor, for an editor.
    pub fn line_number(&self) -> Option<u32> {
        let (file, line) = *self.rows.get(self.cursor)?;
        let line = self.files.get(file as usize)?.lines.get(line? as usize)?;
        (line.number > 0).then_some(line.number)
    }

    /// Moves the cursor by rows.
    pub fn scroll(&mut self, by: isize) {
        self.cursor = self.cursor.saturating_add_signed(by).min(self.rows.len().saturating_sub(1));
        self.keep_visible();
    }

    /// Moves by pages.
    pub fn page(&mut self, by: isize) {
        self.scroll(by.saturating_mul(self.height.max(1) as isize));
    }

    /// To the next (or previous) file.
    pub fn next_file(&mut self, forward: bool) {
        let is_header = |at: &usize| self.rows[*at].1.is_none();
        let found = if forward {
            (self.cursor + 1..self.rows.len()).find(is_header)
        } else {
            (0..self.cursor).rev().find(is_header)
        };
        self.cursor = found.unwrap_or(self.cursor);
        self.keep_visible();
    }

    /// Opens or closes the file at the cursor.
    pub fn toggle(&mut self) {
        let Some((file, _)) = self.rows.get(self.cursor).copied() else { return };
        if let Some(open) = self.open.get_mut(file as usize) {
            *open = !*open;
        }
        self.build();
        self.cursor = self.rows.iter().position(|row| *row == (file, None)).unwrap_or(0);
        self.keep_visible();
    }

    /// Draws it.
    pub fn render(&mut self, area: Rect, buf: &mut Buffer, brush: &Brush<'_>, focused: bool) {
        self.height = usize::from(area.height);
        self.keep_visible();
        let brush = Brush { width: usize::from(area.width), ..*brush };
        for (y, (at, (file, row))) in (area.y..area.bottom()).zip(self.rows.iter().enumerate().skip(self.top))
        {
            let shown = &self.files[*file as usize];
            let strip = match row {
                Some(at) => line(&shown.lines[*at as usize], &brush),
                None => header(shown, self.open[*file as usize], &brush),
            };
            strip.draw(buf, area.x, y, area.width);
            if focused && at == self.cursor {
                buf.set_style(Rect { y, height: 1, ..area }, brush.style(Role::Selected));
            }
        }
    }

    fn build(&mut self) {
        self.rows.clear();
        for (at, file) in self.files.iter().enumerate() {
            self.rows.push((at as u32, None));
            if self.open[at] {
                self.rows.extend((0..file.lines.len()).map(|line| (at as u32, Some(line as u32))));
            }
        }
    }

    fn keep_visible(&mut self) {
        let height = self.height.max(1);
        self.top = self.top.min(self.cursor).max((self.cursor + 1).saturating_sub(height));
        self.top = self.top.min(self.rows.len().saturating_sub(height));
    }
}
