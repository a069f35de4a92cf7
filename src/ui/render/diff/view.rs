//! A diff on the screen: files that fold, lines that scroll and are searched. Only visible lines are painted.

use std::sync::Arc;

use ratatui::{buffer::Buffer, layout::Rect};
use tokio::sync::Notify;

use super::{FileDiff, LineKind, code::Coded, header, height, line, parse, rows};
use crate::ui::{
    render::{Brush, Reading, Scroll, Strip, reading::Finds, transcript::SearchStatus},
    theme::Role,
};

/// Files with more changed lines begin closed.
const OPEN_LINES: usize = 400;
/// Finds that are kept.
const FINDS_MAX: usize = 100_000;

/// A file, and its line (`None`: its header).
type Row = (u32, Option<u32>);

/// The state of a shown diff.
#[derive(Clone, Debug, Default)]
pub struct DiffView {
    pub files: Vec<FileDiff>,
    open: Vec<bool>,
    /// The colours of the files' code.
    code: Vec<Coded>,
    rows: Vec<Row>,
    top: usize,
    cursor: usize,
    height: usize,
    width: usize,
    /// Long lines wrap; else they are cut.
    wrap: bool,
    /// Cells of the lines that are passed over.
    left: usize,
    find: Option<Finds<Row, (usize, usize)>>,
}

impl Reading for DiffView {
    fn scroll(&mut self, to: Scroll) {
        let page = self.height.max(1) as isize;
        match to {
            Scroll::Lines(by) => self.move_by(by),
            Scroll::HalfPage(by) => self.move_by(by.saturating_mul((page / 2).max(1))),
            Scroll::Page(by) => self.move_by(by.saturating_mul(page)),
            Scroll::Top => self.move_by(isize::MIN / 2),
            Scroll::Bottom => self.move_by(isize::MAX / 2),
            Scroll::StepNext | Scroll::ItemNext => self.next_file(true),
            Scroll::StepPrev | Scroll::ItemPrev => self.next_file(false),
        }
    }

    fn sideways(&mut self, by: isize) -> bool {
        self.left = self.left.saturating_add_signed(by);
        !self.wrap
    }

    fn search(&mut self, query: &str, _wake: &Arc<Notify>) {
        let before = self.find.take().map_or((self.cursor, self.top), |find| find.before);
        (self.cursor, self.top) = before;
        if query.is_empty() {
            return;
        }
        self.find = Some(Finds::new(query, before));
        self.look_in();
        let here = self.here();
        let found = self.find.as_ref().and_then(|find| find.from(here));
        self.go(found);
    }

    fn next_find(&mut self, forward: bool) {
        let here = self.here();
        let found = self.find.as_ref().and_then(|find| find.next(here, forward));
        self.go(found);
    }

    fn search_end(&mut self, back: bool) -> bool {
        let Some(find) = self.find.take() else { return false };
        if back {
            (self.cursor, self.top) = find.before;
            self.move_by(0);
        }
        true
    }

    fn finds(&self) -> Option<SearchStatus> {
        let here = self.here();
        self.find.as_ref().map(|find| find.status(here))
    }
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
        self.code = files.iter().map(Coded::new).collect();
        (self.files, self.open) = (files, opened);
        self.build();
        self.look_in();
        let same = |at: &&Row| place.as_ref() == Some(&self.files[at.0 as usize].path);
        if self.rows.get(self.cursor).filter(same).is_none()
            && let Some(at) = self.rows.iter().position(|row| same(&row))
        {
            self.cursor = at;
        }
        self.move_by(0);
    }

    /// The file at the cursor.
    pub fn file(&self) -> Option<&FileDiff> {
        let (file, _) = self.rows.get(self.cursor)?;
        self.files.get(*file as usize)
    }

    /// The text of the row at the cursor.
    pub fn text(&self) -> Option<&str> {
        let (file, line) = *self.rows.get(self.cursor)?;
        let file = self.files.get(file as usize)?;
        Some(line.map_or(&file.path, |at| &file.lines[at as usize].text))
    }

    /// All of it as a unified diff, as far as it is kept.
    pub fn all(&self) -> String {
        let mut all = String::new();
        for file in &self.files {
            all.push_str(&format!("--- a/{0}\n+++ b/{0}\n", file.path));
            for line in &file.lines {
                let sign = match line.kind {
                    LineKind::Context => " ",
                    LineKind::Added => "+",
                    LineKind::Removed => "-",
                    LineKind::Hunk | LineKind::Note => "",
                };
                all.push_str(&format!("{sign}{}\n", line.text));
            }
        }
        all
    }

    /// The line number (in the new file) at the cursor, for an editor.
    pub fn line_number(&self) -> Option<u32> {
        let (file, line) = *self.rows.get(self.cursor)?;
        let line = self.files.get(file as usize)?.lines.get(line? as usize)?;
        (line.number > 0).then_some(line.number)
    }

    /// To the next (or previous) file.
    fn next_file(&mut self, forward: bool) {
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

    /// Wraps long lines or cuts them.
    pub fn toggle_wrap(&mut self) -> bool {
        self.wrap = !self.wrap;
        self.keep_visible();
        self.wrap
    }

    /// A click on a row of the view; on the header of a file it opens or closes it.
    pub fn click(&mut self, row: usize) {
        let mut left = row;
        let passed = |at: &usize| {
            let height = self.rows_of(*at);
            let over = left >= height;
            left = left.saturating_sub(height);
            over
        };
        let at = self.top + (self.top..self.rows.len()).take_while(passed).count();
        if at >= self.rows.len() {
            return;
        }
        let again = std::mem::replace(&mut self.cursor, at) == at;
        if again && self.rows[at].1.is_none() {
            self.toggle();
        }
    }

    /// Draws it.
    pub fn render(&mut self, area: Rect, buf: &mut Buffer, brush: &Brush<'_>, focused: bool) {
        (self.height, self.width) = (usize::from(area.height), usize::from(area.width));
        self.keep_visible();
        let brush = Brush { width: self.width, ..*brush };
        let rows = (self.top..self.rows.len())
            .flat_map(|at| self.strips(at, &brush).into_iter().map(move |row| (at, row)));
        for (y, (at, mut strip)) in (area.y..area.bottom()).zip(rows) {
            if let Some(find) = &self.find {
                let found: Vec<_> = find.needle.ranges(strip.text()).collect();
                found.into_iter().for_each(|range| strip.patch(range, brush.style(Role::Match)));
            }
            if focused && at == self.cursor {
                strip = bare(&strip, &brush);
            }
            strip.draw(buf, area.x, y, area.width);
            if focused && at == self.cursor {
                buf.set_style(Rect { y, height: 1, ..area }, brush.style(Role::Selected));
            }
        }
    }

    /// A row as it is shown.
    fn strips(&self, at: usize, brush: &Brush<'_>) -> Vec<Strip> {
        let (file, row) = self.rows[at];
        let shown = &self.files[file as usize];
        let Some(row) = row else { return vec![header(shown, self.open[file as usize], brush)] };
        let code = self.code[file as usize].pieces(row as usize, brush.code);
        let shown = &shown.lines[row as usize];
        if self.wrap { rows(shown, &code, brush) } else { vec![line(shown, &code, self.left, brush)] }
    }

    /// How many rows of the screen a row takes.
    fn rows_of(&self, at: usize) -> usize {
        match self.rows.get(at) {
            Some((file, Some(row))) if self.wrap => {
                height(&self.files[*file as usize].lines[*row as usize], self.width)
            }
            _ => 1,
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

    /// Looks through all files, also those that are closed.
    fn look_in(&mut self) {
        let Some(find) = &mut self.find else { return };
        find.places.clear();
        for (at, file) in self.files.iter().enumerate() {
            let header = find.needle.is_in(&file.path).then_some((at as u32, None));
            let lines = file.lines.iter().enumerate().filter(|(_, line)| find.needle.is_in(&line.text));
            let lines = lines.map(|(line, _)| (at as u32, Some(line as u32)));
            let room = FINDS_MAX.saturating_sub(find.places.len());
            find.places.extend(header.into_iter().chain(lines).take(room));
        }
    }

    fn here(&self) -> Row {
        self.rows.get(self.cursor).copied().unwrap_or_default()
    }

    /// To a find; its file is opened.
    fn go(&mut self, place: Option<Row>) {
        let Some(place) = place else { return };
        if place.1.is_some() && !std::mem::replace(&mut self.open[place.0 as usize], true) {
            self.build();
        }
        self.cursor = self.rows.iter().position(|row| *row == place).unwrap_or(self.cursor);
        self.keep_visible();
    }

    fn move_by(&mut self, by: isize) {
        self.cursor = self.cursor.saturating_add_signed(by).min(self.rows.len().saturating_sub(1));
        self.keep_visible();
    }

    /// The first row that is shown where `last` is the last one, in so many rows of the screen.
    fn first_above(&self, last: usize, height: usize) -> usize {
        if !self.wrap {
            return (last + 1).saturating_sub(height);
        }
        let mut room = height.saturating_sub(self.rows_of(last));
        let fits = |at: &usize| {
            let rows = self.rows_of(*at);
            let fits = rows <= room;
            room = room.saturating_sub(rows);
            fits
        };
        last - (0..last).rev().take_while(fits).count()
    }

    fn keep_visible(&mut self) {
        let height = self.height.max(1);
        self.top = self.top.min(self.cursor).max(self.first_above(self.cursor, height));
        self.top = self.top.min(self.first_above(self.rows.len().saturating_sub(1), height));
    }
}

/// The same without marks that the chosen row's own colours would hide.
fn bare(strip: &Strip, brush: &Brush<'_>) -> Strip {
    let reversed = ratatui::style::Modifier::REVERSED;
    let mut out = Strip::default();
    for (range, style) in strip.pieces() {
        let style = if style.add_modifier.contains(reversed) { brush.style(Role::Strong) } else { style };
        out.push(&strip.text()[range], style);
    }
    out
}
