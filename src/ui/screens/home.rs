//! Home: the instances of this directory.

use ratatui::layout::Rect;

use crate::{
    store::Listed,
    ui::{
        actions::Browse,
        input::KeyPress,
        kit::{Canvas, ago, fit, money, span, tokens},
        model::{Hit, Level, Model, Screen},
        msg::{Now, UiEffect},
        panes::header,
        update::act::resume,
    },
};

/// The list.
#[derive(Clone, Debug, Default)]
pub struct Home {
    all: Vec<Listed>,
    selected: usize,
    everywhere: bool,
}

impl Home {
    /// True where all known projects are listed.
    pub fn everywhere(&self) -> bool {
        self.everywhere
    }

    /// True while a filter or a name is typed.
    pub fn typing(&self) -> bool {
        false
    }

    /// Moves the choice.
    pub fn step(&mut self, by: isize) {
        self.selected = self.selected.saturating_add_signed(by).min(self.all.len().saturating_sub(1));
    }

    /// Chooses a row.
    pub fn select(&mut self, row: usize) {
        self.selected = row.min(self.all.len().saturating_sub(1));
    }
}

/// A key while something is typed.
pub fn key(_model: &mut Model, _key: &KeyPress, _now: Now) -> Vec<UiEffect> {
    Vec::new()
}

/// A pasted text.
pub fn paste(_model: &mut Model, _text: &str) -> Vec<UiEffect> {
    Vec::new()
}

/// The list was read.
pub fn listed(model: &mut Model, all: Vec<Listed>) {
    let chosen = model.home.all.get(model.home.selected).map(|listed| listed.meta.id.clone());
    model.home.all = all;
    let at = chosen.and_then(|id| model.home.all.iter().position(|listed| listed.meta.id == id));
    model.home.select(at.unwrap_or(model.home.selected));
}

/// An action of the browser.
pub fn act(model: &mut Model, it: Browse, now: Now) -> Vec<UiEffect> {
    let chosen = model.home.all.get(model.home.selected).cloned();
    match (it, chosen) {
        (Browse::Next, _) => model.home.step(1),
        (Browse::Prev, _) => model.home.step(-1),
        (Browse::First, _) => model.home.select(0),
        (Browse::Last, _) => model.home.select(usize::MAX),
        (Browse::Refresh, _) => return vec![UiEffect::List { everywhere: model.home.everywhere }],
        (Browse::Scope, _) => {
            model.home.everywhere = !model.home.everywhere;
            return vec![UiEffect::List { everywhere: model.home.everywhere }];
        }
        (Browse::Open, Some(listed)) => {
            let own = model.runs.iter().find(|run| run.id.to_string() == listed.meta.id).map(|run| run.id);
            if let Some(id) = own {
                model.shown = Some(id);
                model.screen = Screen::Run;
                return Vec::new();
            }
            return vec![UiEffect::Open(Box::new(listed))];
        }
        (Browse::Resume, Some(listed)) => {
            if listed.live.is_some() {
                model.say(Level::Info, "it is live: Enter opens it", now);
                return Vec::new();
            }
            let working_dir = listed.meta.working_dir.clone().into();
            return resume(model, listed.dir, working_dir).into_iter().collect();
        }
        (Browse::CopyId, Some(listed)) => {
            return vec![UiEffect::Copy { text: listed.meta.id.clone(), what: "the id".to_owned() }];
        }
        (Browse::Export, Some(listed)) => return vec![UiEffect::Export(listed.dir)],
        _ => {}
    }
    Vec::new()
}

/// Draws the list.
pub fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let (strong, dim, plain) = (canvas.skin.strong(), canvas.skin.dim(), canvas.skin.text());
    let dir = crate::ui::kit::tilde(&model.fixed.working_dir.display().to_string(), &model.fixed.user_home);
    canvas.spans(
        Rect { height: 1, ..area },
        &[span(" zwarm ", dim), span("instances  ", strong), span(dir, dim)],
    );
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    if model.home.all.is_empty() {
        canvas.put(list.x + 1, list.y + 1, list.width, "no instance yet: n starts a run", dim);
    }
    let room = usize::from(list.height);
    let top = (model.home.selected + 1).saturating_sub(room);
    for (n, listed) in model.home.all.iter().enumerate().skip(top).take(room) {
        let line = Rect { y: list.y + u16::try_from(n - top).unwrap_or(0), height: 1, ..list };
        let meta = &listed.meta;
        let state = if listed.live.is_some() { format!("{} (live)", meta.state) } else { meta.state.clone() };
        let seconds = i64::try_from(header::since(&meta.updated_at, canvas.now.wall)).unwrap_or(0);
        let ascii = canvas.skin.ascii;
        canvas.spans(
            line,
            &[
                span(format!(" {} ", meta.id.chars().take(8).collect::<String>()), dim),
                span(format!("{} ", fit(&meta.name, 24, ascii)), strong),
                span(format!("{} ", fit(&state, 14, ascii)), plain),
                span(
                    format!(
                        "{:>5} {:>7} {:>8} ",
                        meta.steps,
                        tokens(meta.tokens),
                        money(meta.cost_usd, meta.estimated)
                    ),
                    plain,
                ),
                span(format!("{:>8}  ", ago(seconds)), dim),
                span(meta.task.clone(), dim),
            ],
        );
        if n == model.home.selected {
            let style = canvas.skin.selected();
            canvas.paint(line, style);
        }
        canvas.hit(line, Hit::Row(n));
    }
}
