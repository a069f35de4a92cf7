//! `history`: the events of an instance.

use std::{collections::VecDeque, ops::ControlFlow};

use super::Place;
use crate::{
    cli::{Which, request},
    error::{UserError, code},
    headless::{Out, story::Story},
    protocol::Event,
    store::{Origin, Reader, legacy},
    text::clean_line,
};

/// Prints the newest events, oldest first.
pub(super) fn history(
    place: &Place,
    which: &Which,
    kind: Option<&str>,
    limit: usize,
    out: &mut Out,
) -> Result<i32, UserError> {
    let found = request::instance(&place.state_dir(), which.instance.as_deref())?;
    let mut story = Story::default();
    let mut newest: VecDeque<String> = VecDeque::new();
    let mut kinds: std::collections::BTreeSet<String> = std::collections::BTreeSet::new();
    let mut damaged = 0;
    let mut take = |event: &Event| {
        // Told even where it is not printed: the story learns the names of sessions.
        let told = story.tell(event);
        kinds.insert(event.body.kind().to_owned());
        if kind.is_some_and(|kind| kind != event.body.kind()) {
            return;
        }
        let line = match which.json {
            true => event.to_line(&event.body.payload().unwrap_or_else(|_| "null".to_owned())),
            false => match (told, kind) {
                (Some(text), _) => text.into_string(),
                (None, Some(_)) => bare(event),
                (None, None) => return,
            },
        };
        newest.push_back(line);
        if limit > 0 && newest.len() > limit {
            newest.pop_front();
        }
    };
    if let Origin::Reference(_) = found.origin {
        damaged += legacy::events(&found.dir, &mut |_, event| take(&event))?;
    } else {
        Reader::open(&found.dir)?.scan(0, &mut |_, event| {
            match event {
                Ok(event) => take(&event),
                Err(_) => damaged += 1,
            }
            ControlFlow::Continue(())
        })?;
    }
    if let Some(kind) = kind.filter(|kind| !kinds.contains(*kind)) {
        let near = crate::config::closest(kind, kinds.iter().map(String::as_str));
        let hint = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
        out.note(&format!("there is no event of the kind '{kind}'{hint}"));
    }
    for line in &newest {
        if which.json { out.json(line) } else { out.say(line) }
    }
    if damaged > 0 {
        out.note(&format!("{damaged} damaged lines were passed over"));
    }
    out.flush();
    Ok(code::OK)
}

/// An event that the story passes over, as its payload.
fn bare(event: &Event) -> String {
    let payload = event.body.payload().unwrap_or_default();
    format!("{} {} {}", event.timestamp.clock(), event.body.kind(), clean_line(&payload))
}
