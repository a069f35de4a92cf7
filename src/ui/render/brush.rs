//! What every renderer needs to know: the theme, the width, the signs, and where highlighted code comes from.

use ratatui::style::Style;

use super::{highlight::Highlighter, strip::Strip};
use crate::{
    text::wrap::Break,
    ui::theme::{Icon, Role, Theme},
};

/// How to paint. Borrowed for one layout.
#[derive(Clone, Copy)]
pub struct Brush<'a> {
    pub theme: &'a Theme,
    /// Cells of a row.
    pub width: usize,
    /// Only ASCII signs.
    pub ascii: bool,
    /// False: long lines are cut at the right edge instead of being wrapped.
    pub wrap: bool,
    pub code: &'a Highlighter,
}

impl Brush<'_> {
    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// A strip in a role.
    pub fn strip(&self, text: impl AsRef<str>, role: Role) -> Strip {
        Strip::of(text, self.style(role))
    }

    /// A sign.
    pub fn sign(&self, icon: Icon) -> &'static str {
        icon.sign(self.ascii)
    }

    /// A sign and a blank, in a role.
    pub fn mark(&self, icon: Icon, role: Role) -> Strip {
        self.strip(format!("{} ", self.sign(icon)), role)
    }

    /// Blanks as wide as a strip.
    pub fn indent(&self, like: &Strip) -> Strip {
        Strip::of(" ".repeat(like.width()), self.style(Role::Text))
    }

    /// Wraps one line, or cuts it where wrapping is off.
    pub fn lay(&self, line: &Strip, at: Break, first: &Strip, rest: &Strip, out: &mut Vec<Strip>) {
        if self.wrap {
            line.wrap(self.width, at, first, rest, out);
        } else {
            let mut row = first.clone();
            row.push_all(line);
            out.push(row.cut(self.width));
        }
    }
}
