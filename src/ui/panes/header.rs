//! The first row: which run, its state, and what is spent. Budgets are gauges where there is room.

use jiff::Timestamp;
use ratatui::{layout::Rect, style::Style};

use crate::{
    fold::run::RunView,
    protocol::{
        command::Cap,
        event::{RunState, Stamp},
    },
    ui::{
        kit::{Canvas, Span, clock, cut, money, span, tilde, tokens_short, width},
        model::{Model, RunModel},
        msg::Access,
        render::diff::short_path,
        skin::{Sign, Skin},
    },
};

/// Width from which gauges have bars.
pub const WIDE: u16 = 120;

/// Sign, long word, short word and style of a state.
pub fn state(run: &RunView, skin: &Skin) -> (&'static str, &'static str, &'static str, Style) {
    let ended = run.end.as_ref().map(|end| crate::store::state_word(RunState::Ended, Some(&end.stopped_by)));
    let (sign, long, short, style) = match (run.status.state, ended) {
        (RunState::Running, _) => (Sign::Running, "RUNNING", "RUN", skin.ok()),
        (RunState::Pausing, _) => (Sign::Paused, "PAUSING…", "PAUSING", skin.warn()),
        (RunState::Paused, _) => (Sign::Paused, "PAUSED", "PAUSED", skin.warn()),
        (RunState::Sleeping, _) => (Sign::Sleeping, "SLEEPING", "SLEEP", skin.warn()),
        (RunState::Stopping, _) => (Sign::Aborted, "STOPPING", "STOPPING", skin.error()),
        (RunState::Ended, Some("done")) => (Sign::Done, "DONE", "DONE", skin.ok()),
        (RunState::Ended, Some("paused")) => (Sign::Paused, "PAUSED (saved)", "SAVED", skin.warn()),
        (RunState::Ended, Some("stopped")) => (Sign::Warning, "STOPPED", "STOPPED", skin.warn()),
        (RunState::Ended, Some("aborted")) => (Sign::Aborted, "ABORTED", "ABORTED", skin.error()),
        (RunState::Ended, _) => (Sign::Failed, "FAILED", "FAILED", skin.error()),
    };
    (skin.sign(sign), long, short, style)
}

/// Seconds since a time of the journal.
pub fn since(text: &str, now: Timestamp) -> u64 {
    let then = Stamp::parse(text).map_or(now, |stamp| stamp.at);
    u64::try_from(now.as_second() - then.as_second()).unwrap_or(0)
}

/// Seconds for the clock: of the whole run, or until the sleep ends.
fn seconds(run: &RunModel, now: Timestamp) -> u64 {
    let folds = &run.folds;
    if let (RunState::Sleeping, Some(until)) = (folds.run.status.state, &folds.run.status.until) {
        let until = Stamp::parse(until).map_or(now, |stamp| stamp.at);
        return u64::try_from(until.as_second() - now.as_second()).unwrap_or(0);
    }
    (folds.spend.minutes(now) * 60.0) as u64
}

/// `41k/100k` with its style; a bar before it where `bar` is not 0.
fn gauge(label: &str, spent: u64, cap: Option<f64>, bar: usize, run: &RunModel, skin: &Skin) -> Vec<Span> {
    let about = if spent > 0 && run.folds.estimated() { "~" } else { "" };
    let mut spans = vec![span(format!("{label} "), skin.dim())];
    let Some(cap) = cap else {
        spans.push(span(format!("{about}{}", tokens_short(spent)), skin.text()));
        return spans;
    };
    let share = if cap > 0.0 { spent as f64 / cap } else { 1.0 };
    let warn_at = run.folds.spend.caps.warn_at_percent;
    let style = skin.spent(share, warn_at);
    if bar > 0 {
        spans.push(span(format!("{} ", skin.gauge(share, bar)), style));
    }
    let sign = if share >= 1.0 {
        "!!"
    } else if share * 100.0 >= warn_at {
        "!"
    } else {
        ""
    };
    let style = if sign.is_empty() { skin.text() } else { style };
    spans.push(span(format!("{about}{}/{}{sign}", tokens_short(spent), tokens_short(cap as u64)), style));
    spans
}

fn budgets(run: &RunModel, skin: &Skin, wide: bool, all: bool) -> Vec<Span> {
    let (folds, spend) = (&run.folds, &run.folds.spend);
    let spent = |cap| folds.spent(cap, jiff::Timestamp::UNIX_EPOCH) as u64;
    let mut spans = Vec::new();
    if wide {
        let orchestrator = folds.cap(Cap::MaxOrchestratorTokens);
        let executors = folds.cap(Cap::MaxExecutorTokens);
        spans.extend(gauge("orch", spent(Cap::MaxOrchestratorTokens), orchestrator, 8, run, skin));
        spans.push(span("   ", skin.text()));
        spans.extend(gauge("exec", spent(Cap::MaxExecutorTokens), executors, 8, run, skin));
        if all && let Some(cap) = folds.cap(Cap::MaxTokens) {
            spans.push(span("   ", skin.text()));
            spans.extend(gauge("all", spent(Cap::MaxTokens), Some(cap), 8, run, skin));
        }
    } else {
        spans.extend(gauge("", spent(Cap::MaxTokens), folds.cap(Cap::MaxTokens), 0, run, skin).split_off(1));
    }
    let dollars = folds.spent(Cap::MaxCostUsd, jiff::Timestamp::UNIX_EPOCH);
    let mut cost = money(spend.cost().map(|_| dollars), folds.estimated());
    let mut style = skin.text();
    if let Some(cap) = folds.cap(Cap::MaxCostUsd) {
        cost.push_str(&format!("/${cap:.2}"));
        style = skin.spent(dollars / cap.max(0.01), spend.caps.warn_at_percent);
    }
    spans.push(span("  ", skin.text()));
    spans.push(span(cost, style));
    spans.push(span(" ", skin.text()));
    spans
}

/// `step 13/60`.
pub fn step(run: &RunModel) -> String {
    let progress = &run.folds.run.progress;
    match progress.last_step {
        0 => format!("step {}", progress.step),
        last => format!("step {}/{last}", progress.step),
    }
}

/// Which step is looked back at.
fn past(model: &Model, wide: bool) -> String {
    let Some((replay, _)) = model.past() else { return String::new() };
    let newest = model.present().map_or(0, |run| run.folds.run.progress.step);
    match wide {
        true => format!("  LOOKING BACK: {} of {newest}", replay.when()),
        false => format!("  PAST {}/{newest}", replay.step),
    }
}

/// What stands at the left, with more or less of it: the state and its clock are never cut.
fn left(model: &Model, run: &RunModel, canvas: &Canvas<'_>, more: bool) -> Vec<Span> {
    let skin = canvas.skin;
    let wide = canvas.buf.area.width >= WIDE;
    let (sign, long, short, style) = match run.health.store {
        Some(_) => (skin.sign(Sign::Paused), "HELD (disk)", "HELD", skin.error()),
        None if run.has_crashed() && run.folds.seq == 0 => {
            (skin.sign(Sign::Warning), "UNREADABLE", "UNREAD", skin.error())
        }
        None if run.has_crashed() => (skin.sign(Sign::Warning), "CRASHED", "CRASHED", skin.error()),
        None => state(&run.folds.run, skin),
    };
    let time = clock(seconds(run, run.wall(canvas.now.wall)));
    // Where there is little room: minutes and seconds, from an hour on hours as well.
    let time = if wide { time } else { time.strip_prefix("00:").unwrap_or(&time).to_owned() };
    let name_cells = if more { 40 } else { 14 };
    let mut left = vec![span(" zwarm ", skin.dim())];
    if wide {
        left.push(span(format!("{} ", skin.sign(Sign::Into)), skin.dim()));
    }
    left.push(span(cut(&run.name, name_cells, skin.ascii), skin.strong()));
    if wide {
        let id: String = run.id.short().chars().take(6).collect();
        left.push(span(format!("  {id}"), skin.dim()));
    }
    if wide && more {
        let dir = tilde(&run.working_dir.display().to_string(), &model.fixed.user_home);
        left.push(span(format!("  {}", short_path(&dir, 30)), skin.dim()));
    }
    left.push(span("  ", skin.text()));
    left.push(span(format!("{sign} {}", if wide { long } else { short }), style));
    left.push(span(format!(" {time}"), skin.text()));
    match run.access {
        Access::Ours => {}
        Access::Foreign => left.push(span(if wide { "  (another process)" } else { " (other)" }, skin.dim())),
        Access::ReadOnly => left.push(span(if wide { "  (read-only)" } else { " (read)" }, skin.dim())),
        Access::Past => left.push(span(past(model, wide), skin.warn())),
    }
    let since = Stamp::parse(&run.folds.run.status.since).filter(|_| run.state() == RunState::Paused);
    if let Some(since) = since.filter(|_| wide && more) {
        left.push(span(format!(" since {}", since.clock()), skin.dim()));
    }
    let why = &run.folds.run.status.reason;
    if matches!(run.state(), RunState::Paused | RunState::Sleeping)
        && !["", "paused"].contains(&why.as_str())
        && more
    {
        left.push(span(format!("  {}", cut(why, if wide { 40 } else { 20 }, skin.ascii)), skin.warn()));
    }
    left
}

/// Draws it: as much as there is room for.
pub fn draw(model: &Model, run: &RunModel, canvas: &mut Canvas<'_>, area: Rect) {
    let skin = canvas.skin;
    let wide = area.width >= WIDE;
    let cells = |spans: &[Span]| spans.iter().map(|(text, _)| width(text)).sum::<usize>();
    let step = |gap: &str| span(format!("{}{gap}", step(run)), skin.text());
    let mut rights = Vec::new();
    if wide {
        rights.push(budgets(run, skin, true, true));
        rights.push(budgets(run, skin, true, false));
    }
    let mut short = vec![step("  ")];
    short.extend(budgets(run, skin, false, false));
    rights.push(short);
    let mut shorter = vec![step("  ")];
    let total = run.folds.spent(Cap::MaxTokens, jiff::Timestamp::UNIX_EPOCH) as u64;
    shorter.extend(gauge("", total, run.folds.cap(Cap::MaxTokens), 0, run, skin).split_off(1));
    shorter.push(span(" ", skin.text()));
    rights.push(shorter);
    rights.push(vec![step(" ")]);
    let lefts = [left(model, run, canvas, true), left(model, run, canvas, false)];
    let mut best = (&lefts[1], Vec::new());
    'found: for right in rights {
        for left in &lefts {
            if cells(left) + cells(&right) < usize::from(area.width) {
                best = (left, right);
                break 'found;
            }
        }
    }
    canvas.ends(area, best.0, &best.1);
}
