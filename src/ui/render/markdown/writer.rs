//! Writes the events of a markdown text as rows.

use pulldown_cmark::{CodeBlockKind, Event, Tag, TagEnd};
use ratatui::style::{Modifier, Style};

use super::table::Table;
use crate::{
    text::{clean_line, cut, wrap::Break},
    ui::{
        render::{Brush, Strip, highlight::Answer},
        theme::{Code, Content, Icon, Role},
    },
};

/// Quotes and lists within each other that are indented; deeper ones are not indented further.
const NEST_SHOWN: usize = 8;

/// A quote or a list item that encloses what is written.
struct Nest {
    first: Strip,
    rest: Strip,
    fresh: bool,
}

/// Prefixes of the rows.
struct Margin {
    first: Strip,
    rest: Strip,
    started: bool,
    nest: Vec<Nest>,
}

pub(super) struct Writer<'a, 'o> {
    brush: Brush<'a>,
    out: &'o mut Vec<Strip>,
    margin: Margin,
    /// The line that is being written.
    line: Strip,
    styles: Vec<Style>,
    lists: Vec<Option<u64>>,
    links: Vec<(String, usize)>,
    code: Option<(String, String)>,
    table: Option<Table>,
    pending: bool,
}

impl Margin {
    fn take(&mut self) -> (Strip, Strip) {
        let mut first = if self.started { self.rest.clone() } else { self.first.clone() };
        let mut rest = self.rest.clone();
        self.started = true;
        for nest in &mut self.nest {
            first.push_all(if nest.fresh { &nest.first } else { &nest.rest });
            rest.push_all(&nest.rest);
            nest.fresh = false;
        }
        (first, rest)
    }
}

impl<'a, 'o> Writer<'a, 'o> {
    pub(super) fn new(brush: Brush<'a>, first: Strip, rest: Strip, out: &'o mut Vec<Strip>) -> Self {
        let styles = vec![brush.style(Role::Text)];
        let margin = Margin { first, rest, started: false, nest: Vec::new() };
        Self {
            brush,
            out,
            margin,
            line: Strip::default(),
            styles,
            lists: Vec::new(),
            links: Vec::new(),
            code: None,
            table: None,
            pending: false,
        }
    }

    pub(super) fn finish(mut self) -> bool {
        self.flush();
        if !self.margin.started {
            let (first, _) = self.margin.take();
            self.out.push(first);
        }
        self.pending
    }

    /// Rows that are written so far.
    pub(super) fn rows(&self) -> usize {
        self.out.len()
    }

    pub(super) fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(text) => {
                let style = self.style().patch(self.brush.style(Role::Content(Content::Code)));
                self.push(&clean_line(&text), style);
            }
            Event::Html(text) | Event::InlineHtml(text) => {
                let dim = self.brush.style(Role::Dim);
                self.push(&clean_line(&text), dim);
                if text.ends_with('\n') {
                    self.flush();
                }
            }
            Event::SoftBreak => self.push(" ", self.style()),
            Event::HardBreak => self.flush(),
            Event::Rule => {
                self.gap();
                let sign = self.brush.sign(Icon::Rule);
                let room = self.brush.width.saturating_sub(self.margin.rest.width() + 1);
                self.line.push(sign.repeat(room), self.brush.style(Role::Content(Content::Rule)));
                self.flush();
            }
            Event::TaskListMarker(done) => {
                let icon = if done { Icon::Good } else { Icon::Todo };
                self.push(&format!("{} ", self.brush.sign(icon)), self.style());
            }
            Event::FootnoteReference(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.push(&clean_line(&text), self.style());
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.gap(),
            Tag::Heading { .. } => {
                self.gap();
                self.styles.push(self.brush.style(Role::Content(Content::Heading)));
            }
            Tag::BlockQuote(_) => {
                self.gap();
                let bar = Strip::of(
                    format!("{} ", self.brush.sign(Icon::Bar)),
                    self.brush.style(Role::Content(Content::Quote)),
                );
                self.nest(bar.clone(), bar);
                self.styles.push(self.brush.style(Role::Content(Content::Quote)));
            }
            Tag::CodeBlock(kind) => {
                self.gap();
                let language = match kind {
                    CodeBlockKind::Fenced(info) => {
                        info.split([' ', ',', '{']).next().unwrap_or_default().to_owned()
                    }
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some((language, String::new()));
            }
            Tag::List(first) => {
                self.flush();
                if self.lists.is_empty() {
                    self.gap();
                }
                self.lists.push(first);
            }
            Tag::Item => self.item(),
            Tag::Table(alignments) => {
                self.gap();
                self.table = Some(Table::new(alignments.len()));
            }
            Tag::TableRow | Tag::TableHead => self.table_mut(Table::row),
            Tag::TableCell => {}
            Tag::Emphasis => self.modify(Modifier::ITALIC),
            Tag::Strong => self.modify(Modifier::BOLD),
            Tag::Strikethrough => self.modify(Modifier::CROSSED_OUT),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.links.push((dest_url.to_string(), self.line.text().len()));
                self.styles.push(self.style().patch(self.brush.style(Role::Content(Content::Link))));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.flush(),
            TagEnd::Heading(_) => {
                self.flush();
                self.styles.pop();
            }
            TagEnd::BlockQuote(_) => {
                self.flush();
                self.margin.nest.pop();
                self.styles.pop();
            }
            TagEnd::CodeBlock => self.code_block(),
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
            }
            TagEnd::Item => {
                self.flush();
                if self.margin.nest.last().is_some_and(|nest| nest.fresh) {
                    let (first, _) = self.margin.take();
                    self.out.push(first);
                }
                self.margin.nest.pop();
            }
            TagEnd::Table => self.end_table(),
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.line);
                self.table_mut(|table| table.cell(cell));
            }
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => {
                self.styles.pop();
            }
            TagEnd::Link | TagEnd::Image => self.end_link(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some((_, code)) = &mut self.code {
            code.push_str(text);
            return;
        }
        let plain = text.bytes().all(|b| (b' '..0x7f).contains(&b));
        // Entities may have become control characters: `&#27;`.
        if plain { self.push(text, self.style()) } else { self.push(&clean_line(text), self.style()) }
    }

    fn push(&mut self, text: &str, style: Style) {
        self.line.push(text, style);
    }

    fn style(&self) -> Style {
        self.styles.last().copied().unwrap_or_default()
    }

    fn modify(&mut self, modifier: Modifier) {
        self.styles.push(self.style().add_modifier(modifier));
    }

    fn nest(&mut self, first: Strip, rest: Strip) {
        let shown = self.margin.nest.len() < NEST_SHOWN;
        let (first, rest) = if shown { (first, rest) } else { Default::default() };
        self.margin.nest.push(Nest { first, rest, fresh: true });
    }

    fn item(&mut self) {
        self.flush();
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            _ => format!("{} ", self.brush.sign(Icon::Bullet)),
        };
        let first = self.brush.strip(marker, Role::Accent);
        let rest = self.brush.indent(&first);
        self.nest(first, rest);
    }

    /// An empty row between blocks of the text itself.
    fn gap(&mut self) {
        self.flush();
        if self.margin.nest.is_empty() && self.margin.started {
            self.out.push(self.margin.rest.clone());
        }
    }

    fn flush(&mut self) {
        if self.table.is_some() || self.line.is_empty() {
            return;
        }
        let line = std::mem::take(&mut self.line);
        let (first, rest) = self.margin.take();
        self.brush.lay(&line, Break::Words, &first, &rest, self.out);
    }

    fn end_link(&mut self) {
        self.styles.pop();
        let Some((url, from)) = self.links.pop() else { return };
        let shown = self.line.text().get(from..).unwrap_or_default();
        if !url.is_empty() && url != shown && url.trim_start_matches("mailto:") != shown {
            let url = cut::ellipsis(&clean_line(&url), 80);
            self.push(&format!(" ({url})"), self.brush.style(Role::Dim));
        }
    }

    fn code_block(&mut self) {
        let Some((language, code)) = self.code.take() else { return };
        let code = crate::text::clean(&code);
        let code = code.strip_suffix('\n').unwrap_or(&code);
        let plain = self.brush.style(Role::Code(Code::Plain));
        let answer = self.brush.code.get(&language, code);
        self.pending |= matches!(answer, Answer::Pending);
        let (mut first, mut rest) = self.margin.take();
        first.push("  ", plain);
        rest.push("  ", plain);
        for (at, line) in code.split('\n').enumerate() {
            let mut strip = Strip::default();
            let mut from = 0;
            let pieces = match &answer {
                Answer::Ready(lines) => lines.get(at).map_or(&[][..], Vec::as_slice),
                Answer::Pending | Answer::Plain => &[],
            };
            for (end, code) in pieces {
                let piece = line.get(from..*end as usize).unwrap_or_default();
                strip.push(piece, self.brush.style(Role::Code(*code)));
                from += piece.len();
            }
            strip.push(&line[from..], plain);
            let first = if at == 0 { &first } else { &rest };
            self.brush.lay(&strip, Break::Anywhere, first, &rest, self.out);
        }
    }

    fn table_mut(&mut self, change: impl FnOnce(&mut Table)) {
        if let Some(table) = &mut self.table {
            change(table);
        }
    }

    fn end_table(&mut self) {
        let Some(table) = self.table.take() else { return };
        let (first, rest) = self.margin.take();
        let room = self.brush.width.saturating_sub(rest.width());
        for (at, row) in table.rows(&self.brush, room).into_iter().enumerate() {
            let mut strip = if at == 0 { first.clone() } else { rest.clone() };
            strip.push_all(&row);
            self.out.push(strip);
        }
    }
}
