//! The text of an event without any layout: what is copied, opened in the pager and searched. Raw; who shows it cleans it.

use crate::protocol::{
    Body, Event,
    event::{Activity, Guard, History, Human, Run, Session},
    item::{self, ItemView},
};

/// The text of one row (`part`: see [`crate::fold::view::Row`]). Empty: nothing to read.
pub fn text(event: &Event, part: u8) -> String {
    match &event.body {
        Body::History(History::ItemAdded(added)) => match item::view(added.wire, added.item.get()) {
            ItemView::System(text) | ItemView::User(text) => text,
            ItemView::Assistant { text, .. } if part == 0 => text,
            ItemView::Assistant { calls, .. } => calls
                .get(usize::from(part) - 1)
                .map(|call| called(&call.name, &call.arguments))
                .unwrap_or_default(),
            ItemView::Reasoning { summary } => summary,
            ItemView::Call(call) => called(&call.name, &call.arguments),
            ItemView::Output { output, .. } => super::call::facts(&output).body,
            ItemView::Other => String::new(),
        },
        Body::History(History::ToolStarted(started)) => {
            format!("{}\n(edited by the human)", called(&started.name, &started.arguments))
        }
        Body::Session(body) => session(body),
        Body::Run(Run::ProblemRaised(problem)) => {
            format!("{}: {}\n{}", problem.place, problem.message, problem.hint)
        }
        Body::Run(Run::RunStarted(started)) => {
            format!("{} {}\n{}", started.instance_name, started.model, started.task)
        }
        Body::Run(Run::RunStateChanged(changed)) => format!("{} {}", changed.by, changed.reason),
        Body::Run(Run::RunFinished(finished)) => {
            format!("{}\n{}", finished.stopped_by, finished.exit_message)
        }
        Body::Run(Run::StepStarted(started)) => format!("step {}", started.step),
        Body::Human(Human::InboxOpened(opened)) => opened.title.clone(),
        Body::Human(Human::InboxClosed(closed)) => {
            let text = closed.text.as_deref().unwrap_or_default();
            format!("{} {} {text} {}", closed.choice, closed.by, closed.about)
        }
        Body::Human(Human::NudgeQueued(queued)) => queued.text.clone(),
        Body::Guard(Guard::WatcherSpoke(spoke)) => {
            format!("{}: {}\n{}", spoke.watcher, spoke.reason, spoke.guidance)
        }
        _ => String::new(),
    }
}

fn called(name: &str, arguments: &str) -> String {
    format!("{name}\n{}", super::call::arguments(arguments))
}

fn session(body: &Session) -> String {
    match body {
        Session::SessionTurnStarted(started) => started.prompt.clone(),
        Session::SessionTurnFinished(finished) => finished.error.clone().unwrap_or_default(),
        Session::SessionCompleted(completed) => completed.exit_message.clone().unwrap_or_default(),
        Session::ActivityAdded(added) => match &added.activity {
            Activity::Message { text } | Activity::Reasoning { text } => text.clone(),
            Activity::Shell { command, output, .. } => format!("$ {command}\n{output}"),
            Activity::FileChange { changes, diff } => {
                let paths: Vec<_> = changes.iter().map(|change| change.path.as_str()).collect();
                format!("{}\n{diff}", paths.join("\n"))
            }
            Activity::ToolCall { name, arguments, result, .. } => {
                format!("{}\n{result}", called(name, arguments))
            }
            Activity::Plan { items } => items
                .iter()
                .map(|item| format!("[{}] {}", item.status, item.text))
                .collect::<Vec<_>>()
                .join("\n"),
            Activity::Error { message, .. } => message.clone(),
            Activity::Unknown { raw } => raw.to_string(),
        },
        Session::FilesFound(found) => {
            found.changes.iter().map(|change| change.path.as_str()).collect::<Vec<_>>().join("\n")
        }
        Session::SessionStarted(_) | Session::SessionTurnQueued(_) | Session::SessionChanged(_) => {
            String::new()
        }
    }
}
