//! The tabs of the session view that are not the transcript: what keys do there, and the lines of two of them.

use std::borrow::Cow;

use crate::{
    fold::sessions::Session,
    ui::{
        actions::{Item, Scroll as Act},
        kit::{money, tokens},
        model::{RunModel, run::Tab},
        msg::UiEffect,
        render::Scroll,
    },
};

/// Cells of a label in the tab of what is known.
pub const LABEL: usize = 12;

/// The lines of the tab that is shown. Empty: it has none (yet).
pub fn lines(run: &RunModel) -> Cow<'_, [String]> {
    match (run.look.tab, &run.texts.read) {
        (Tab::Raw, Some((_, read))) => Cow::Borrowed(&read.lines[..]),
        (Tab::Info, _) => {
            let session = run.look.selected.and_then(|id| run.folds.sessions.get(id));
            Cow::Owned(session.map(info).unwrap_or_default())
        }
        _ => Cow::Borrowed(&[]),
    }
}

/// Moves within the tab. `Err`: why nothing happens.
pub fn scroll(run: &mut RunModel, it: Act) -> Result<(), &'static str> {
    let to = match it {
        Act::Down => Scroll::Lines(1),
        Act::Up => Scroll::Lines(-1),
        Act::HalfDown => Scroll::HalfPage(1),
        Act::HalfUp => Scroll::HalfPage(-1),
        Act::PageDown => Scroll::Page(1),
        Act::PageUp => Scroll::Page(-1),
        Act::Top => Scroll::Top,
        Act::Bottom => Scroll::Bottom,
        Act::StepNext | Act::StepPrev if run.look.tab == Tab::Diff => {
            run.texts.diff.next_file(it == Act::StepNext);
            return Ok(());
        }
        Act::StepNext | Act::StepPrev => {
            return Err("steps are in the Transcript tab: [ and ] change the tab");
        }
        Act::Search | Act::SearchNext | Act::SearchPrev if run.look.tab == Tab::Diff => {
            return Err("the diff is not searched here: o opens it in $PAGER");
        }
        Act::Search => {
            run.look.search = Some(String::new());
            return Ok(());
        }
        Act::SearchNext | Act::SearchPrev => {
            with_lines(run, |view, lines| view.next_find(lines, it == Act::SearchNext));
            return Ok(());
        }
    };
    by(run, to);
    Ok(())
}

/// Moves by lines, pages, to an end.
pub fn by(run: &mut RunModel, to: Scroll) {
    if run.look.tab != Tab::Diff {
        return with_lines(run, |view, lines| view.scroll(lines, to));
    }
    let diff = &mut run.texts.diff;
    match to {
        Scroll::Lines(by) => diff.scroll(by),
        Scroll::HalfPage(by) => diff.scroll(by * 10),
        Scroll::Page(by) => diff.page(by),
        Scroll::Top => diff.scroll(isize::MIN / 2),
        Scroll::Bottom => diff.scroll(isize::MAX / 2),
        _ => {}
    }
}

/// The search line has another text.
pub fn search(run: &mut RunModel, query: &str) {
    with_lines(run, |view, lines| view.search(lines, query));
}

fn with_lines(run: &mut RunModel, what: impl FnOnce(&mut crate::ui::render::lines::LinesView, &[String])) {
    let mut view = std::mem::take(&mut run.texts.lines);
    what(&mut view, &lines(run));
    run.texts.lines = view;
}

/// Does something with what the tab shows. `Err`: what is to be said, where nothing else tells that it was done or why
/// not.
pub fn item(run: &mut RunModel, it: Item) -> Result<Vec<UiEffect>, &'static str> {
    match it {
        Item::Filter => return Err("only the Transcript tab has roles to filter: [ and ] change the tab"),
        Item::Select => return Err("lines are selected in the Transcript tab; here y copies one, Y all"),
        _ => {}
    }
    if run.look.tab == Tab::Diff { diff_item(run, it) } else { line_item(run, it) }
}

fn diff_item(run: &mut RunModel, it: Item) -> Result<Vec<UiEffect>, &'static str> {
    let text = match &run.texts.read {
        _ if run.texts.diff.files.is_empty() => return Err("no change of a file was seen yet"),
        Some((_, read)) => crate::text::clean_whole(&read.diff).into_string(),
        None => String::new(),
    };
    match it {
        Item::Toggle => run.texts.diff.toggle(),
        Item::Wrap => return Err("the lines of a diff are cut: o opens it whole in $PAGER"),
        _ if text.is_empty() => return Err("it is git's diff of the worktree: look at it there"),
        Item::Pager | Item::PagerAll => return Ok(vec![UiEffect::Page(text)]),
        _ => return Ok(vec![UiEffect::Copy { text, what: "the diff".to_owned() }]),
    }
    Ok(Vec::new())
}

fn line_item(run: &mut RunModel, it: Item) -> Result<Vec<UiEffect>, &'static str> {
    let all = lines(run);
    if all.is_empty() {
        return Err("there is nothing to act on yet");
    }
    let what = if run.look.tab == Tab::Raw { "the raw lines" } else { "what is known of it" };
    match it {
        Item::Copy => {
            let text = all.get(run.texts.lines.cursor(&all)).cloned().unwrap_or_default();
            Ok(vec![UiEffect::Copy { text, what: "the line".to_owned() }])
        }
        Item::CopyPane => Ok(vec![UiEffect::Copy { text: all.join("\n"), what: what.to_owned() }]),
        Item::Pager | Item::PagerAll => Ok(vec![UiEffect::Page(all.join("\n"))]),
        Item::Wrap if run.texts.lines.toggle_wrap() => Err("long lines wrap"),
        Item::Wrap => Err("long lines are cut"),
        _ => Err("nothing folds here: w wraps or cuts, o opens it in $PAGER"),
    }
}

/// What is known of a session.
fn info(session: &Session) -> Vec<String> {
    let who = &session.who;
    let mut lines = vec![
        format!("Session     {}  {}", session.short_id, session.id),
        format!("Executor    {} {}", who.adapter, who.cli_version.as_deref().unwrap_or_default()),
        format!("Model       {}", who.model.as_deref().unwrap_or("not said")),
        format!("Directory   {}", who.working_dir),
    ];
    let optional = [("Branch", &who.branch), ("Worktree", &who.worktree), ("Its own id", &who.native_id)];
    if let Some(isolated) = &who.isolated {
        let carried = if isolated.tree.carried { " (with what was not committed)" } else { "" };
        lines.push(format!("Base        {}{carried}", isolated.tree.base));
        let work = isolated.work.as_ref().map_or("not merged", |work| work.message.as_str());
        lines.push(format!("Work        {work}"));
        lines.extend(isolated.tree.notes.iter().map(|note| format!("Note        {note}")));
    }
    if let Some(parent) = &who.parent {
        lines.push(format!("Forked from {} after turn {}", parent.native_id, parent.turns));
    }
    lines.extend(optional.iter().filter_map(|(name, value)| Some(format!("{name:<11} {}", value.as_ref()?))));
    if let Some(pid) = who.pid {
        let shared = if who.shared_pid { " (shared with other sessions)" } else { "" };
        lines.push(format!("Process     {pid}{shared}"));
    }
    let usage = &session.spent.usage;
    let about = if session.spent.estimated { "~" } else { "" };
    lines.push(format!(
        "Tokens      {about}{} (in {}, cached {}, out {}, reasoning {})",
        tokens(usage.total()),
        tokens(usage.input),
        tokens(usage.cached_input),
        tokens(usage.output),
        tokens(usage.reasoning)
    ));
    lines.push(format!("Cost        {}", money(session.spent.cost(), session.spent.estimated)));
    lines.push(format!("Turns       {}", session.turns));
    lines.push(format!(
        "Started     {}",
        session.started_at.get(..19).unwrap_or(&session.started_at).replace('T', " ")
    ));
    let native = who.native_id.as_deref().map(|id| match who.adapter.as_str() {
        "codex" => format!("codex resume {id}"),
        "claude" => format!("claude --resume {id}"),
        _ => String::new(),
    });
    lines.extend(native.filter(|text| !text.is_empty()).map(|text| format!("By itself   {text}")));
    if let Some(end) = &session.end {
        lines.push(format!("Ended       {} {}", end.status, end.message.as_deref().unwrap_or_default()));
    }
    lines.push(String::new());
    lines.push("Task".to_owned());
    lines.extend(session.task.lines().map(|line| format!("  {line}")));
    if let Some(last) = &session.last {
        lines.push(String::new());
        lines.push(format!(
            "Answer of turn {} ({})",
            last.number,
            format!("{:?}", last.status).to_lowercase()
        ));
        lines.extend(last.response.lines().map(|line| format!("  {line}")));
    }
    lines.into_iter().map(|line| crate::text::clean_line(&line).into_string()).collect()
}
