//! The budget: what is spent of each cap, how fast, what is in flight, and what each session has cost.

use crossterm::event::KeyCode;
use ratatui::{layout::Rect, style::Style};

use super::{After, scrolled};
use crate::{
    fold::{
        caps::{self, OF_A_SESSION},
        sessions::{Doing, Session},
    },
    protocol::command::Cap,
    ui::{
        input::KeyPress,
        kit::{Canvas, Span, centred, cut, fit, money, row, span, tokens},
        model::{Model, RunModel},
        msg::UiEffect,
        skin::Skin,
    },
};

/// Cells of a bar.
const BAR: usize = 12;
/// Cells of the popup.
const WIDTH: u16 = 84;

/// The overlay.
#[derive(Default)]
pub struct Budget {
    top: usize,
    height: usize,
}

type Line = Vec<Span>;

impl Budget {
    pub fn key(&mut self, key: &KeyPress) -> (After, Vec<UiEffect>) {
        match key.event.code {
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | '$') => (After::Close, Vec::new()),
            _ => {
                self.top = scrolled(self.top, key, self.height).unwrap_or(self.top);
                (After::Stay, Vec::new())
            }
        }
    }

    pub fn draw(&mut self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let width = area.width.saturating_sub(4).min(WIDTH);
        let (skin, now) = (canvas.skin, canvas.now.wall);
        let lines = model.run().map_or_else(Vec::new, |run| lines(run, skin, now, usize::from(width) > 62));
        let wanted = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
        let place = centred(area, width, wanted.clamp(5, area.height.saturating_sub(2).max(5)));
        let title = canvas.skin.title(true);
        let inner = canvas.popup(place, &[span("Budget", title)], &[]);
        self.height = usize::from(inner.height);
        self.top = self.top.min(lines.len().saturating_sub(self.height));
        for (y, line) in lines.iter().skip(self.top).take(self.height).enumerate() {
            let at = row(inner, u16::try_from(y).unwrap_or(0));
            canvas.spans(Rect { x: at.x + 1, width: at.width.saturating_sub(2), ..at }, line);
        }
    }
}

fn lines(run: &RunModel, skin: &Skin, now: jiff::Timestamp, wide: bool) -> Vec<Line> {
    let mut lines: Vec<Line> =
        caps::ALL.into_iter().map(|(cap, _)| of_run(run, cap, skin, now, wide)).collect();
    lines.push(Vec::new());
    lines.push(pace(run, skin, now));
    let flight = &run.folds.flight;
    let in_flight = flight.orchestrator + flight.executors();
    if in_flight > 0 {
        let text = format!("in flight   ~{} tokens stream and are not counted yet", tokens(in_flight));
        lines.push(vec![span(text, skin.text())]);
    }
    if run.folds.spend.cost_unknown {
        let text = "the price of a model is unknown: dollars count only what is known";
        lines.push(vec![span(text, skin.warn())]);
    }
    lines.push(Vec::new());
    let sessions = &run.folds.sessions.all;
    let heading = if sessions.is_empty() { "no session yet" } else { "sessions" };
    lines.push(vec![span(heading, skin.dim())]);
    lines.extend(sessions.iter().rev().map(|session| of_session(run, session, skin, now)));
    lines.push(Vec::new());
    lines.push(vec![span(": budget.raise max_tokens 600k   sets a cap", skin.dim())]);
    lines
}

/// A value of a cap in few cells.
pub(super) fn number(cap: Cap, value: f64) -> String {
    match cap {
        Cap::MaxCostUsd => format!("${value:.2}"),
        Cap::MaxMinutes => format!("{value:.1}"),
        Cap::MaxSessions | Cap::MaxTotalSessions | Cap::MaxSteps => format!("{value:.0}"),
        _ => tokens(value as u64),
    }
}

fn label(cap: Cap) -> &'static str {
    match cap {
        Cap::MaxTokens => "all tokens",
        Cap::MaxOrchestratorTokens => "orchestrator",
        Cap::MaxExecutorTokens => "executors",
        Cap::MaxCostUsd => "dollars",
        Cap::MaxMinutes => "minutes",
        Cap::MaxSessions => "sessions open",
        Cap::MaxTotalSessions => "sessions in all",
        Cap::MaxSteps => "steps",
    }
}

fn of_run(run: &RunModel, cap: Cap, skin: &Skin, now: jiff::Timestamp, wide: bool) -> Line {
    let folds = &run.folds;
    let (spent, limit) = match cap {
        Cap::MaxSessions => (folds.sessions.open().count() as f64, folds.cap(cap)),
        Cap::MaxTotalSessions => (folds.sessions.all.len() as f64, folds.cap(cap)),
        Cap::MaxSteps => (
            f64::from(folds.run.progress.step),
            Some(f64::from(folds.run.progress.last_step)).filter(|last| *last > 0.0),
        ),
        _ => (folds.spent(cap, now), folds.cap(cap)),
    };
    let counted =
        matches!(cap, Cap::MaxTokens | Cap::MaxOrchestratorTokens | Cap::MaxExecutorTokens | Cap::MaxCostUsd);
    let about = if counted && spent > 0.0 && folds.estimated() { "~" } else { "" };
    let more = if cap == Cap::MaxCostUsd && folds.spend.cost_unknown { "+?" } else { "" };
    let spent_text = format!("{about}{}{more}", number(cap, spent));
    let mut line = vec![
        span(fit(label(cap), 16, skin.ascii), skin.dim()),
        span(format!("{spent_text:>9}"), skin.text()),
    ];
    let Some(limit) = limit else {
        line.push(span("  no cap", skin.dim()));
        return line;
    };
    let share = if limit > 0.0 { spent / limit } else { 1.0 };
    let style = skin.spent(share, folds.spend.caps.warn_at_percent);
    line.push(span(format!(" of {:>7}  {:>4.0} %  ", number(cap, limit), share * 100.0), style));
    if wide {
        line.push(span(skin.gauge(share, BAR), style));
    }
    line
}

/// How fast it goes, and for how long it lasts.
fn pace(run: &RunModel, skin: &Skin, now: jiff::Timestamp) -> Line {
    let folds = &run.folds;
    let flight = (folds.flight.orchestrator + folds.flight.executors()) as f64;
    let rate = folds.spend.rate(now) + flight / folds.spend.minutes(now).clamp(1.0, 5.0);
    let about = if folds.estimated() { "~" } else { "" };
    let mut text = match folds.spend.minutes(now) {
        ..1.0 => "rate        after the first minute".to_owned(),
        _ => format!("rate        {about}{} tokens a minute", tokens(rate as u64)),
    };
    if !run.can_steer() {
        text = format!("it took     {:.1} minutes", folds.spend.minutes(now));
    } else if let Some(cap) =
        folds.cap(Cap::MaxTokens).filter(|_| rate >= 1.0 && folds.spend.minutes(now) >= 1.0)
    {
        let left = ((cap - folds.spent(Cap::MaxTokens, now)) / rate).max(0.0);
        match left {
            ..1.0 => text.push_str(", so less than a minute to the cap"),
            _ => text.push_str(&format!(", so {left:.0} minutes to the cap")),
        }
    }
    vec![span(text, skin.text())]
}

fn of_session(run: &RunModel, session: &Session, skin: &Skin, now: jiff::Timestamp) -> Line {
    let caps = &run.folds.spend.caps;
    let (spent, estimated) = run.folds.session_tokens(session);
    let about = if estimated { "~" } else { "" };
    let cap = |which| caps.cap(&session.short_id, which);
    let shares = OF_A_SESSION.into_iter().filter_map(|which| {
        let cap = cap(which).filter(|cap| *cap > 0.0)?;
        let spent = if which == Cap::MaxTokens { spent as f64 } else { session.spent_of(which, now) };
        Some(spent / cap)
    });
    let share = shares.fold(0.0, f64::max);
    let style: Style = if share > 0.0 { skin.spent(share, caps.warn_at_percent) } else { skin.text() };
    let of = |which| cap(which).map_or_else(String::new, |cap| format!("/{}", number(which, cap)));
    let cost = money(session.spent.cost(), estimated);
    let working = if session.doing == Doing::Working { "running" } else { "" };
    vec![
        span(fit(&session.short_id, 5, skin.ascii), skin.strong()),
        span(fit(&session.who.adapter, 8, skin.ascii), skin.dim()),
        span(format!("{:>14}  ", format!("{about}{}{}", tokens(spent), of(Cap::MaxTokens))), style),
        span(format!("{:>14}  ", format!("{cost}{}", of(Cap::MaxCostUsd))), style),
        span(format!("{:>9} min ", format!("{:.1}{}", session.minutes(now), of(Cap::MaxMinutes))), style),
        span(cut(working, 8, skin.ascii), skin.ok()),
    ]
}
