//! What the watchers, the budgets and the human's decisions have said, the newest first.

use ratatui::{layout::Rect, style::Style};

use crate::{
    protocol::event::Verdict,
    ui::{
        kit::{Canvas, fit, span, tokens_short},
        model::{
            Hit, Pane, RunModel,
            notable::cap_name,
            run::{Spoken, What},
        },
        skin::{Sign, Skin},
    },
};

/// `1 nudge 1 pause`, for the title; with the tokens that watchers' own models took.
pub fn summary(run: &RunModel) -> String {
    let count = |wanted: Verdict| {
        let is_it =
            |spoken: &&Spoken| matches!(&spoken.what, What::Watcher(spoke) if spoke.verdict == wanted);
        run.spoken.iter().filter(is_it).count()
    };
    let mut parts = Vec::new();
    for (verdict, word) in [(Verdict::Nudge, "nudge"), (Verdict::Pause, "pause"), (Verdict::Abort, "abort")] {
        match count(verdict) {
            0 => {}
            1 => parts.push(format!("1 {word}")),
            n => parts.push(format!("{n} {word}s")),
        }
    }
    let spent = run.folds.spend.watchers.total();
    if spent > 0 {
        parts.push(format!("own tokens {}", tokens_short(spent)));
    }
    parts.join(" ")
}

/// How often a watcher or a budget had something to say, for the tab.
pub fn said(run: &RunModel) -> usize {
    let said = |spoken: &&Spoken| match &spoken.what {
        What::Watcher(spoke) => spoke.verdict != Verdict::Continue && !spoke.muted,
        What::Budget { .. } => true,
        What::Decided { .. } => false,
    };
    run.spoken.iter().filter(said).count()
}

fn line(spoken: &Spoken, skin: &Skin) -> (&'static str, &'static str, Style, String, String) {
    match &spoken.what {
        What::Watcher(spoke) => {
            let (sign, word, style) = match spoke.verdict {
                _ if spoke.muted => (Sign::Ok, "muted", skin.dim()),
                Verdict::Continue => (Sign::Ok, "ok", skin.dim()),
                Verdict::Nudge => (Sign::Nudge, "nudge", skin.warn()),
                Verdict::Pause => (Sign::Paused, "pause", skin.warn()),
                Verdict::Abort => (Sign::Aborted, "abort", skin.error()),
            };
            (skin.sign(sign), word, style, spoke.watcher.clone(), spoke.reason.clone())
        }
        What::Budget { cap, spent, of, exceeded } => {
            let (sign, word, style) = match exceeded {
                true => (Sign::Paused, "spent", skin.error()),
                false => (Sign::Warning, "warns", skin.warn()),
            };
            let of = of.map(|of| format!("/{}", tokens_short(of as u64))).unwrap_or_default();
            let text = format!("{} {}{of}", cap_name(*cap), tokens_short(*spent as u64));
            (skin.sign(sign), word, style, "budget".to_owned(), text)
        }
        What::Decided { title, choice, by } => {
            let text = format!("{} \"{title}\"", choice.replace('_', " "));
            (skin.sign(Sign::Done), "said", skin.accent(), by.clone(), text)
        }
    }
}

/// Draws the rows.
pub fn draw(run: &RunModel, canvas: &mut Canvas<'_>, area: Rect) {
    if area.is_empty() {
        return;
    }
    canvas.hit(area, Hit::Pane(Pane::Watchers));
    if run.spoken.is_empty() {
        let dim = canvas.skin.dim();
        canvas.put(area.x, area.y, area.width, "  no watcher has spoken yet (W lists them)", dim);
        return;
    }
    let room = usize::from(area.height);
    let top = (run.look.verdict + 1).saturating_sub(room);
    for (n, spoken) in run.spoken.iter().rev().enumerate().skip(top).take(room) {
        let y = area.y + u16::try_from(n - top).unwrap_or(0);
        let place = Rect::new(area.x, y, area.width, 1);
        let skin = canvas.skin;
        let (sign, word, style, who, text) = line(spoken, skin);
        let at = spoken.at.get(..5).unwrap_or(&spoken.at);
        canvas.spans(
            place,
            &[
                span(format!("{at} "), skin.dim()),
                span(format!("{sign} {} ", fit(word, 6, skin.ascii)), style),
                span(format!("{} ", fit(&who, 10, skin.ascii)), skin.text()),
                span(text, skin.dim()),
            ],
        );
        if n == run.look.verdict && run.look.focus == Pane::Watchers && !run.look.typing {
            let style = canvas.skin.selected();
            canvas.paint(place, style);
        }
        canvas.hit(place, Hit::Verdict(n));
    }
}
