//! Instances that the reference has written: what was said in them, as a sheet or as the beginning of a new run.

use crate::{
    error::UserError,
    protocol::{Item, item::ItemView},
    store::{self, Listed},
    text::{clean, clean_line, cut_middle},
};

/// Characters of what was said before that a new run is told.
const TOLD: usize = 24_000;
/// Characters of one message of it, at each end.
const TOLD_EACH: usize = 1_500;

/// What was said in an instance of the reference, as lines of a sheet.
pub fn read_reference(listed: &Listed) -> Result<Vec<String>, UserError> {
    let items = store::legacy::items(&listed.dir)?;
    let mut all = lines(&items);
    for session in store::legacy::sessions(&listed.dir) {
        all.push(String::new());
        all.push(
            clean_line(&format!("── session {} {} {}", session.adapter, session.status, session.id))
                .into_string(),
        );
        for message in &session.messages {
            all.extend(told(&message.role, &message.content));
        }
    }
    if all.is_empty() {
        all.push("Nothing of what was said was saved.".to_owned());
    }
    Ok(all)
}

pub(super) fn lines(items: &[Item]) -> Vec<String> {
    items
        .iter()
        .flat_map(|item| said(item).map(|(who, text)| told(&who, &text)).unwrap_or_default())
        .collect()
}

fn told(who: &str, text: &str) -> Vec<String> {
    let (text, _) = cut_middle(text, 4_000, 4_000);
    let text = clean(&format!("{who}: {text}")).into_string();
    text.lines().map(str::to_owned).collect()
}

/// Who has said what.
fn said(item: &Item) -> Option<(String, String)> {
    let (who, text) = match item.view() {
        ItemView::User(text) => ("user".to_owned(), text),
        ItemView::Assistant { text, .. } => ("orchestrator".to_owned(), text),
        ItemView::Call(call) => (call.name, call.arguments),
        ItemView::Output { output, .. } => ("result".to_owned(), output),
        ItemView::System(_) | ItemView::Reasoning { .. } | ItemView::Other => return None,
    };
    (!text.trim().is_empty()).then_some((who, text))
}

/// The task of a new run that goes on where an instance of the reference has ended.
pub fn continued_task(listed: &Listed) -> Result<String, UserError> {
    let items = store::legacy::items(&listed.dir)?;
    let mut parts = Vec::new();
    let mut left = TOLD;
    // The newest first, as far as there is room.
    for (who, text) in items.iter().rev().filter_map(said) {
        let (text, _) = cut_middle(&text, TOLD_EACH, TOLD_EACH);
        let part = format!("{who}: {text}");
        let Some(rest) = left.checked_sub(part.chars().count()) else { break };
        left = rest;
        parts.push(part);
    }
    if parts.is_empty() && listed.meta.task.is_empty() {
        return Err(UserError::failed(
            format!("nothing of '{}' was saved that a new run could go on from", listed.meta.name),
            "n starts a new run",
        ));
    }
    parts.reverse();
    let task = &listed.meta.task;
    Ok(format!(
        "Go on with this task, which another run has begun:\n\n{task}\n\nThe end of what was said and done in it (check \
         the files before repeating anything):\n\n{}",
        parts.join("\n\n")
    ))
}
