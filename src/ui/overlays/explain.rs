//! Why a watcher spoke: rule, reason, evidence, step, and what it had said before.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::{
    After, Overlay,
    budget::number,
    page::Page,
    watchers::{Watchers, changes},
};
use crate::{
    protocol::command::WatcherMode,
    ui::{
        actions::{Act, Watcher},
        input::KeyPress,
        kit::{Canvas, centred, hanging, span},
        model::{Model, RunModel, run::What},
        msg::{Now, UiEffect},
        update::act::act,
    },
};

/// Lines of evidence that are shown.
const EVIDENCE: usize = 200;

/// Cells of a label.
const LABEL: usize = 10;

/// The explanation of the row that is selected in the watchers' pane.
pub struct Explain {
    page: Page,
}

impl Default for Explain {
    fn default() -> Self {
        Self { page: Page::plain(LABEL) }
    }
}

impl Explain {
    pub fn key(&mut self, model: &mut Model, key: &KeyPress, now: Now) -> (After, Vec<UiEffect>) {
        if self.page.is_typing() || (key.event.code == KeyCode::Esc && self.page.view.finds().is_some()) {
            return self.page.key(model, key, "").unwrap_or((After::Stay, Vec::new()));
        }
        match key.event.code {
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q') => (After::Close, Vec::new()),
            KeyCode::Char('d') => (After::Close, act(model, Act::Watcher(Watcher::Toggle), None, now)),
            KeyCode::Char('m') => (After::Close, act(model, Act::Watcher(Watcher::Mute), None, now)),
            KeyCode::Char('w') => (After::Close, act(model, Act::Watcher(Watcher::Allow), None, now)),
            KeyCode::Char('t') => (After::Close, act(model, Act::Watcher(Watcher::Tune), None, now)),
            KeyCode::Char('W') => {
                model.overlays.push(Overlay::Watchers(Watchers::default()));
                (After::Close, Vec::new())
            }
            KeyCode::Char('j') => (After::Stay, self.other(model, Watcher::Next, now)),
            KeyCode::Char('k') => (After::Stay, self.other(model, Watcher::Prev, now)),
            _ => self.page.key(model, key, "the explanation").unwrap_or((After::Stay, Vec::new())),
        }
    }

    fn other(&mut self, model: &mut Model, which: Watcher, now: Now) -> Vec<UiEffect> {
        self.page.view.reset(LABEL);
        act(model, Act::Watcher(which), None, now)
    }

    fn lines(model: &Model) -> (String, Vec<String>) {
        let Some(run) = model.run() else { return (String::new(), Vec::new()) };
        let Some(spoken) = run.spoken.iter().rev().nth(run.look.verdict) else {
            return ("Watchers".to_owned(), vec!["No watcher has spoken yet.".to_owned()]);
        };
        match &spoken.what {
            What::Watcher(spoke) => {
                let session = spoke.session.and_then(|id| run.folds.sessions.get(id));
                let mut lines = vec![
                    format!(
                        "Verdict   {:?}{}",
                        spoke.verdict,
                        if spoke.muted { " (muted: without effect)" } else { "" }
                    ),
                    format!("Rule      {}/{}", spoke.watcher, spoke.rule),
                    format!("When      {} at step {}, gate {:?}", spoken.at, spoke.step, spoke.gate),
                ];
                lines.extend(session.map(|session| format!("Session   {}", session.short_id)));
                lines.extend(now_set(run, &spoke.watcher, &spoke.rule));
                lines.extend(changes(run, &spoke.watcher, None));
                lines.push(format!("Reason    {}", spoke.reason));
                if !spoke.guidance.is_empty() {
                    lines.push(format!("Guidance  {}", spoke.guidance));
                }
                if !spoke.evidence.is_null() {
                    lines.push(String::new());
                    lines.push("Evidence".to_owned());
                    let evidence = serde_yaml::to_string(&spoke.evidence).unwrap_or_default();
                    lines.extend(evidence.lines().take(EVIDENCE).map(|line| format!("  {line}")));
                }
                let same = |other: &&crate::ui::model::run::Spoken| matches!(&other.what, What::Watcher(old) if old.watcher == spoke.watcher && old.step < spoke.step);
                let before: Vec<_> = run.spoken.iter().rev().filter(same).take(8).collect();
                if !before.is_empty() {
                    lines.push(String::new());
                    lines.push("Before".to_owned());
                    for other in before {
                        if let What::Watcher(old) = &other.what {
                            lines.push(format!(
                                "  {} {:?} {}: {}",
                                other.at, old.verdict, old.rule, old.reason
                            ));
                        }
                    }
                }
                (format!("Watcher {}", spoke.watcher), lines)
            }
            What::Budget { cap, spent, of, exceeded } => {
                let word = if *exceeded { "is spent" } else { "is nearly spent" };
                let of = of.map(|of| format!(" of {}", number(*cap, of))).unwrap_or_default();
                let name = crate::ui::model::notable::cap_name(*cap);
                let lines = vec![
                    format!("Cap       {name} {word}"),
                    format!("Spent     {}{of}", number(*cap, *spent)),
                    format!("When      {}", spoken.at),
                    String::new(),
                    "$ shows the budget, : budget.raise sets a cap.".to_owned(),
                ];
                ("Budget".to_owned(), lines)
            }
            What::Decided { title, choice, by } => (
                "Decision".to_owned(),
                vec![
                    format!("Question  {title}"),
                    format!("Answer    {choice}"),
                    format!("By        {by}"),
                    format!("When      {}", spoken.at),
                ],
            ),
        }
    }

    pub fn draw(&mut self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let (title, text) = Self::lines(model);
        self.page.lines = text.iter().map(|line| crate::text::clean_line(line).into_string()).collect();
        let cells = area.width.saturating_sub(6).min(100);
        let room = usize::from(cells.saturating_sub(4));
        let rows: usize = self.page.lines.iter().map(|line| hanging(line, LABEL, room).len()).sum();
        let height = u16::try_from(rows + 2).unwrap_or(u16::MAX).min(area.height.saturating_sub(2)).max(4);
        let place = centred(area, cells, height);
        let (title_style, plain) = (canvas.skin.title(true), canvas.skin.text());
        let inner = canvas.popup(place, &[span(title, title_style)], &[]);
        self.page.draw(canvas, inner, &|_, _| plain);
    }
}

/// How the watcher is switched and set in this run, where that was changed.
fn now_set(run: &RunModel, watcher: &str, rule: &str) -> Option<String> {
    let watch = &run.folds.watch;
    let mut parts = Vec::new();
    let configured = crate::ui::update::session::configured(&run.folds.watchers, watcher);
    match watch.mode(watcher, configured) {
        WatcherMode::On if configured => {}
        WatcherMode::On => parts.push("switched on".to_owned()),
        WatcherMode::Muted => parts.push("muted".to_owned()),
        WatcherMode::Off => parts.push("switched off".to_owned()),
    }
    if watch.is_allowed(&crate::fold::watch::key(watcher, rule, None)) {
        parts.push("this rule is allowed".to_owned());
    }
    parts.extend(watch.tuned.get(watcher).map(|set| format!("set to {set}")));
    (!parts.is_empty()).then(|| format!("Now       {} for this run", parts.join(", ")))
}
