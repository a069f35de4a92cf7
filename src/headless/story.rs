//! Events as lines for a person who reads them in a terminal or a CI log. Pure: an event in, clean text out.

use std::{borrow::Cow, collections::BTreeMap};

use crate::{
    fold::caps::{RUN, amount, key},
    protocol::{
        Body, Event, SessionId, Stamp, Wire,
        event::{Activity, Guard, History, Human, Run, Session, TurnStatus, Verdict},
        item::{self, ItemView},
    },
    text::{CleanText, clean, cut_middle},
};

/// Characters that are shown of a message, at each end.
const SAID: usize = 2_000;
/// Characters that are shown of thoughts, outputs and arguments, at each end.
const ASIDE: usize = 200;

/// Tells the events of one instance, in their order.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// Short ids of sessions.
    sessions: BTreeMap<SessionId, String>,
}

impl Story {
    /// An event that was told at another time: only the names in it are kept.
    pub fn heard(&mut self, event: &Event) {
        if let (Body::Session(Session::SessionStarted(started)), Some(id)) = (&event.body, event.session_id) {
            self.sessions.insert(id, started.short_id.clone());
        }
    }

    /// One event, as one or more lines; `None`: there is nothing to say about it.
    pub fn tell(&mut self, event: &Event) -> Option<CleanText> {
        let (who, text) = self.words(event)?;
        let mut line = format!("{} ", event.timestamp.clock());
        let rest = text.trim_end();
        match who {
            Some(who) => line.push_str(&format!("{who}: {rest}")),
            None => line.push_str(rest),
        }
        Some(clean(&line.replace('\n', "\n         ")))
    }

    /// Who, and what.
    fn words(&mut self, event: &Event) -> Option<(Option<Cow<'static, str>>, String)> {
        let plain = |text: String| Some((None, text));
        match &event.body {
            Body::Run(run) => run_words(run, &event.timestamp).and_then(plain),
            Body::History(history) => history_words(history),
            Body::Human(human) => self.human(human).and_then(plain),
            Body::Guard(guard) => guard_words(guard).and_then(plain),
            Body::Session(session) => {
                let id = event.session_id?;
                self.heard(event);
                let name = self.name(id);
                session_words(session).map(|text| (Some(Cow::Owned(name)), text))
            }
            Body::Unknown { kind, payload } => plain(format!("{kind} {}", short(payload.get()))),
        }
    }

    fn name(&self, id: SessionId) -> String {
        self.sessions.get(&id).filter(|name| !name.is_empty()).cloned().unwrap_or_else(|| id.short())
    }

    fn human(&self, human: &Human) -> Option<String> {
        Some(match human {
            Human::NudgeQueued(nudge) => format!("nudge by {}: {}", nudge.by, said(&nudge.text)),
            Human::NudgeWithdrawn(_) => "a nudge was withdrawn".to_owned(),
            Human::InboxOpened(card) => {
                let from = card.session.map(|id| format!(" from {}", self.name(id))).unwrap_or_default();
                format!("needs you{from}: {}", said(&card.title))
            }
            Human::InboxClosed(closed) => {
                let text = closed.text.as_deref().map(|text| format!(" ({})", short(text)));
                let about = if closed.about.is_empty() {
                    String::new()
                } else {
                    format!(" · {}", said(&closed.about))
                };
                format!("answered by {}: {}{}{about}", closed.by, closed.choice, text.unwrap_or_default())
            }
            Human::NudgeChanged(_)
            | Human::NudgeSent(_)
            | Human::NudgeSeen(_)
            | Human::CommandReceived(_) => {
                return None;
            }
        })
    }
}

fn said(text: &str) -> String {
    cut_middle(text, SAID, SAID).0
}

fn short(text: &str) -> String {
    cut_middle(text, ASIDE, ASIDE).0
}

fn run_words(run: &Run, at: &Stamp) -> Option<String> {
    Some(match run {
        Run::RunStarted(started) => {
            let again = if started.resumed { " goes on" } else { "" };
            // An instance of `exec` has no orchestrator, so no model.
            let with =
                if started.model.is_empty() { String::new() } else { format!(" with {}", started.model) };
            let task =
                if started.task.is_empty() { String::new() } else { format!("\n{}", said(&started.task)) };
            format!("'{}'{again}{with} in {}{task}", started.instance_name, started.working_dir)
        }
        Run::RunStateChanged(changed) => {
            let state = serde_json::to_value(changed.state).unwrap_or_default();
            let until = changed
                .until
                .as_deref()
                .map(|until| format!(" until {}", at.tell(until)))
                .unwrap_or_default();
            let reason = if changed.reason.is_empty() {
                String::new()
            } else {
                format!(": {}", short(&changed.reason))
            };
            format!("{}{until} (by {}){reason}", state.as_str().unwrap_or("?"), changed.by)
        }
        Run::RunRenamed(renamed) => format!("renamed to '{}'", renamed.name),
        Run::StepStarted(step) => format!("── step {} ──", step.step),
        Run::StepFinished(step) if step.interrupted => format!("step {} was interrupted", step.step),
        Run::StepFinished(_) => return None,
        Run::ProblemRaised(problem) => {
            let hint =
                if problem.hint.is_empty() { String::new() } else { format!("\nhint: {}", problem.hint) };
            format!("problem in {}: {}{hint}", problem.place, said(&problem.message))
        }
        Run::Recovered(recovered) => format!(
            "recovered: {} unfinished bytes set aside, {} damaged lines skipped, {} processes ended",
            recovered.torn_bytes, recovered.skipped_lines, recovered.reaped_processes
        ),
        Run::ClockChanged(clock) => format!("the clock went {}", clock.words()),
        Run::RunFinished(end) => {
            let cost =
                end.usage.cost_usd.map_or_else(|| "cost unknown".to_owned(), |cost| format!("${cost:.4}"));
            let message = if end.exit_message.is_empty() {
                String::new()
            } else {
                format!("\n{}", said(&end.exit_message))
            };
            let unmerged: String =
                end.unmerged.iter().map(|line| format!("\nnot merged: {}", said(line))).collect();
            format!(
                "ended by {} after {} steps, {} tokens, {cost}{message}{unmerged}",
                end.stopped_by, end.steps, end.usage.total
            )
        }
    })
}

fn history_words(history: &History) -> Option<(Option<Cow<'static, str>>, String)> {
    let who = |name: &'static str| Some(Cow::Borrowed(name));
    Some(match history {
        History::ItemAdded(added) => return item_words(added.wire, added.item.get()),
        History::ToolStarted(tool) => (None, format!("→ {} {}", tool.name, short(&tool.arguments))),
        History::ToolFinished(tool) => {
            let sign = if tool.ok { "✔" } else { "✘" };
            let cut = if tool.cut_bytes > 0 {
                format!(", {} bytes left out", tool.cut_bytes)
            } else {
                String::new()
            };
            (None, format!("{sign} {} in {:.1} s{cut}", tool.name, tool.duration_ms as f64 / 1000.0))
        }
        History::ContextCompacted(done) => (
            who("history"),
            format!(
                "{} of {} items {} it to save room (~{} to ~{} tokens)",
                done.removed_count,
                done.original_count,
                if done.summary { "were summed up and left" } else { "left" },
                done.tokens_before,
                done.tokens_after
            ),
        ),
        History::CompactionUndone(_) => (who("history"), "the last compaction was undone".to_owned()),
        History::ItemReplaced(_) | History::UsageRecorded(_) => return None,
    })
}

fn item_words(wire: Wire, raw: &str) -> Option<(Option<Cow<'static, str>>, String)> {
    let (who, text) = match item::view(wire, raw) {
        ItemView::User(text) => ("user", said(&text)),
        ItemView::Assistant { text, .. } => ("orchestrator", said(&text)),
        ItemView::Reasoning { summary } => ("orchestrator thinks", short(&summary)),
        ItemView::Output { output, .. } => ("result", short(&output)),
        ItemView::System(_) | ItemView::Call(_) | ItemView::Other => return None,
    };
    (!text.trim().is_empty()).then_some((Some(Cow::Borrowed(who)), text))
}

fn session_words(session: &Session) -> Option<String> {
    Some(match session {
        Session::SessionStarted(started) => {
            let model = started.model.as_deref().map(|model| format!(" ({model})")).unwrap_or_default();
            format!("{}{model} starts: {}", started.adapter, short(&started.task))
        }
        Session::SessionTurnQueued(turn) => {
            format!(
                "turn {} {}",
                turn.turn,
                if turn.held { "is held until the run goes on" } else { "waits for a free place" }
            )
        }
        Session::SessionTurnStarted(turn) if turn.turn > 1 => {
            format!("turn {}: {}", turn.turn, short(&turn.prompt))
        }
        Session::SessionTurnFinished(turn) => {
            let word = match turn.status {
                TurnStatus::Completed => "done",
                TurnStatus::Interrupted => "interrupted",
                TurnStatus::Failed => "failed",
            };
            let error = turn.error.as_deref().map(|error| format!(": {}", said(error))).unwrap_or_default();
            format!("turn {} {word} in {:.1} s{error}", turn.turn, turn.duration_ms as f64 / 1000.0)
        }
        Session::ActivityAdded(added) => activity_words(&added.activity),
        Session::FilesFound(found) => {
            let whose = if found.shared { " (perhaps by another session)" } else { "" };
            let paths: Vec<&str> = found.changes.iter().map(|change| change.path.as_str()).collect();
            let more = if found.more > 0 { format!(" and {} more", found.more) } else { String::new() };
            format!("git found changed{whose}: {}{more}", short(&paths.join(", ")))
        }
        Session::SessionCompleted(end) => {
            format!(
                "ended as {}{}",
                end.status,
                end.exit_message.as_deref().map(|m| format!(": {}", said(m))).unwrap_or_default()
            )
        }
        Session::SessionChanged(changed) => match (&changed.work, &changed.tree) {
            (Some(work), _) => said(&work.message),
            (None, Some(tree)) => {
                let notes: String = tree.notes.iter().map(|note| format!("\nnote: {}", said(note))).collect();
                format!("works in '{}' on the branch '{}'{notes}", tree.worktree, tree.branch)
            }
            (None, None) => return None,
        },
        Session::SessionTurnStarted(_) => return None,
    })
}

/// One activity in words.
pub fn activity_words(activity: &Activity) -> String {
    match activity {
        Activity::Message { text } => said(text),
        Activity::Reasoning { text } => format!("thinks: {}", short(text)),
        Activity::Shell { command, exit_code, output, .. } => {
            let code =
                exit_code.map_or_else(|| "no exit code".to_owned(), |code| format!("exit code {code}"));
            let output = if output.trim().is_empty() {
                String::new()
            } else {
                format!("\n{}", short(output.trim_end()))
            };
            format!("$ {} ({code}){output}", short(command))
        }
        Activity::FileChange { changes, .. } => {
            let list = changes.iter().map(|change| {
                let kind = serde_json::to_value(change.kind).unwrap_or_default();
                format!(
                    "{} {} (+{} −{})",
                    kind.as_str().unwrap_or("?"),
                    change.path,
                    change.added,
                    change.removed
                )
            });
            list.collect::<Vec<_>>().join("\n")
        }
        Activity::ToolCall { name, arguments, ok, .. } => {
            format!("tool {name} {} {}", short(arguments), if *ok { "✔" } else { "✘" })
        }
        Activity::Plan { items } => {
            let list = items.iter().map(|item| format!("{} {}", mark(&item.status), item.text));
            format!("plan\n{}", list.collect::<Vec<_>>().join("\n"))
        }
        Activity::Error { message, will_retry } => {
            format!("error: {}{}", said(message), if *will_retry { " (it tries again)" } else { "" })
        }
        Activity::Unknown { raw } => format!("? {}", short(&raw.to_string())),
    }
}

fn mark(status: &str) -> &'static str {
    match status {
        "completed" => "[x]",
        "in_progress" => "[>]",
        _ => "[ ]",
    }
}

fn guard_words(guard: &Guard) -> Option<String> {
    Some(match guard {
        Guard::WatcherSpoke(spoke) if spoke.verdict > Verdict::Continue => {
            let verdict = serde_json::to_value(spoke.verdict).unwrap_or_default();
            let muted = if spoke.muted { " (muted)" } else { "" };
            format!(
                "watcher {} says {}{muted}: {}",
                spoke.watcher,
                verdict.as_str().unwrap_or("?"),
                said(&spoke.reason)
            )
        }
        Guard::BudgetWarned(warned) => {
            let (spent, of) = (amount(warned.which, warned.spent), amount(warned.which, warned.cap));
            let about = about(warned.estimated);
            format!("budget: {about}{spent} of {of} are spent ({})", key(&warned.scope, warned.which))
        }
        Guard::BudgetExceeded(gone) => {
            let who = if gone.scope == RUN { String::new() } else { format!("{}: ", gone.scope) };
            let (spent, of) = (amount(gone.which, gone.spent), amount(gone.which, gone.cap));
            let (about, key) = (about(gone.estimated), key(&gone.scope, gone.which));
            format!(
                "budget: {who}the cap of {of} stops it, {about}{spent} are spent ({key}): {}",
                gone.action
            )
        }
        Guard::BudgetChanged(changed) => {
            let to = changed.cap.map_or_else(|| "none".to_owned(), |cap| amount(changed.which, cap));
            format!("budget: {} is now {to}", key(&changed.scope, changed.which))
        }
        Guard::WatcherChanged(changed) => {
            format!("watcher {}: {} (by {})", changed.watcher, crate::fold::watch::told(changed), changed.by)
        }
        Guard::WatcherSpoke(_) | Guard::WatchersRun(_) => return None,
    })
}

fn about(estimated: bool) -> &'static str {
    if estimated { "~" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::event::{ActivityAdded, SessionStarted, Stamp, StepFinished, StepStarted, VERSION};

    fn event(session: Option<SessionId>, body: Body) -> Event {
        let timestamp = Stamp::parse("2026-11-24T06:43:56.512590+01:00").unwrap();
        Event {
            v: VERSION,
            id: uuid::Uuid::nil(),
            seq: 1,
            timestamp,
            session_id: session,
            task_id: None,
            body,
        }
    }

    #[test]
    fn events_become_lines_and_foreign_text_is_cleaned() {
        let mut story = Story::default();
        let id = SessionId::random();
        let started: SessionStarted = serde_json::from_str(
            r#"{"adapter":"codex","mode":"sync","task":"write\nit","short_id":"s1","model":null,"native_id":null,"cli_version":null,"pid":null}"#,
        )
        .unwrap();
        let text = "evil\u{1b}]0;title\u{7} [/x]".to_owned();
        let said = ActivityAdded { turn: 1, activity: Activity::Message { text } };
        let told: Vec<Option<String>> = [
            event(None, StepStarted { step: 3 }.into()),
            event(None, StepFinished { step: 3, duration_ms: 5, interrupted: false }.into()),
            event(Some(id), started.into()),
            event(Some(id), said.into()),
        ]
        .iter()
        .map(|event| story.tell(event).map(CleanText::into_string))
        .collect();
        assert_eq!(
            told,
            [
                Some("06:43:56 ── step 3 ──".into()),
                None,
                Some("06:43:56 s1: codex starts: write\n         it".into()),
                Some("06:43:56 s1: evil [/x]".into()),
            ]
        );
    }
}
