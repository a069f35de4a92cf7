//! What the human's command is told, and when: pure. A card of the inbox that is answered at once (by a rule, or because
//! nobody is there and the run ends) is not worth a call.

use serde_json::{Map, Value, json};

use crate::{
    protocol::{
        Body, Event, InboxId, InstanceId, SessionId,
        event::{Human, InboxOpened, Run, RunFinished, Session},
    },
    text::{clean_line, cut::at_most},
};

/// Bytes of a title, and of a message.
const MAX_TITLE: usize = 300;
const MAX_MESSAGE: usize = 4000;
/// Milliseconds that a card must be open before it is told.
pub const HOLD_MS: u64 = 250;
/// Cards that may wait to be told; the rest are dropped.
const MAX_HELD: usize = 64;

/// What is known of the run, and what is about to be told.
#[derive(Debug)]
pub struct Words {
    about: Map<String, Value>,
    shorts: Vec<(SessionId, String)>,
    /// Cards with the time (milliseconds) at which they are told.
    held: Vec<(InboxId, u64, Value)>,
}

impl Words {
    /// For a run.
    pub fn new(instance: InstanceId, name: &str, working_dir: &str) -> Self {
        let about =
            json!({ "instance": instance, "name": clean_line(name).as_ref(), "working_dir": working_dir });
        let about = if let Value::Object(map) = about { map } else { Map::new() };
        Self { about, shorts: Vec::new(), held: Vec::new() }
    }

    /// Follows an event at a time; what is told now.
    pub fn apply(&mut self, event: &Event, now_ms: u64) -> Option<Value> {
        match &event.body {
            Body::Session(Session::SessionStarted(started)) => {
                if let Some(id) = event.session_id {
                    self.shorts.push((id, started.short_id.clone()));
                }
                None
            }
            Body::Human(Human::InboxOpened(opened)) if self.held.len() < MAX_HELD => {
                let word = self.needed(opened);
                self.held.push((opened.inbox_id, now_ms + HOLD_MS, word));
                None
            }
            Body::Human(Human::InboxClosed(closed)) => {
                self.held.retain(|(id, ..)| *id != closed.inbox_id);
                None
            }
            Body::Run(Run::RunFinished(finished)) => {
                self.held.clear();
                Some(self.ended(finished))
            }
            _ => None,
        }
    }

    /// The journal cannot be written, so no event can say it.
    pub fn held_up(&self, message: &str) -> Value {
        self.word("needs_you", json!({ "what": "disk", "title": title(message) }))
    }

    /// When the next card is told.
    pub fn due(&self) -> Option<u64> {
        self.held.iter().map(|(_, at, _)| *at).min()
    }

    /// The cards that are told at a time.
    pub fn ripe(&mut self, now_ms: u64) -> Vec<Value> {
        let (ripe, rest) = std::mem::take(&mut self.held).into_iter().partition(|(_, at, _)| *at <= now_ms);
        self.held = rest;
        let ripe: Vec<(InboxId, u64, Value)> = ripe;
        ripe.into_iter().map(|(.., word)| word).collect()
    }

    fn needed(&self, opened: &InboxOpened) -> Value {
        let short = |id: &SessionId| {
            self.shorts.iter().find(|(known, _)| known == id).map(|(_, short)| short.as_str())
        };
        let more = json!({
            "what": opened.what,
            "title": title(&opened.title),
            "session": opened.session.as_ref().and_then(short),
            "inbox_id": opened.inbox_id,
        });
        self.word("needs_you", more)
    }

    fn ended(&self, finished: &RunFinished) -> Value {
        let message = crate::text::clean(at_most(&finished.exit_message, MAX_MESSAGE)).into_string();
        let more = json!({
            "stopped_by": finished.stopped_by,
            "exit_code": finished.exit_code,
            "exit_message": message,
            "steps": finished.steps,
            "tokens": finished.usage.total,
        });
        self.word("ended", more)
    }

    fn word(&self, event: &str, more: Value) -> Value {
        let mut word = Map::from_iter([("event".to_owned(), json!(event))]);
        word.extend(self.about.clone());
        if let Value::Object(more) = more {
            word.extend(more);
        }
        Value::Object(word)
    }
}

fn title(text: &str) -> String {
    at_most(&clean_line(text), MAX_TITLE).to_owned()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::protocol::{
        Stamp,
        event::{InboxClosed, InboxKind, VERSION},
    };

    fn event(body: impl Into<Body>) -> Event {
        let (id, timestamp) = (Uuid::nil(), Stamp::parse("2026-11-24T06:43:56Z").unwrap());
        Event { v: VERSION, id, seq: 1, timestamp, session_id: None, task_id: None, body: body.into() }
    }

    fn opened(id: u128, title: &str) -> Event {
        event(InboxOpened {
            inbox_id: InboxId(Uuid::from_u128(id)),
            what: InboxKind::Question,
            session: None,
            title: title.to_owned(),
            detail: Value::Null,
            choices: Vec::new(),
            digest: String::new(),
        })
    }

    fn closed(id: u128) -> Event {
        let inbox_id = InboxId(Uuid::from_u128(id));
        let (choice, by, digest) = ("answer".to_owned(), "config".to_owned(), String::new());
        event(InboxClosed { inbox_id, choice, text: None, by, digest, about: String::new() })
    }

    #[test]
    fn a_card_is_told_when_it_stays_open_and_not_when_it_is_answered_at_once() {
        let mut words = Words::new(InstanceId(Uuid::nil()), "port\x1b[31m", "/work");
        assert_eq!(words.apply(&opened(1, "Which\nparser?"), 1000), None);
        assert_eq!(words.apply(&opened(2, "x"), 1010), None);
        assert_eq!(words.apply(&closed(2), 1020), None);
        assert_eq!((words.due(), words.ripe(1249)), (Some(1250), vec![]));
        let told = words.ripe(1250);
        assert_eq!(told.len(), 1);
        assert_eq!((&told[0]["event"], &told[0]["what"]), (&json!("needs_you"), &json!("question")));
        assert_eq!((&told[0]["name"], &told[0]["working_dir"]), (&json!("port"), &json!("/work")));
        assert!(!told[0]["title"].as_str().unwrap().contains('\n'));
        assert_eq!(words.due(), None);
    }

    #[test]
    fn the_end_is_told_once_and_what_waited_for_the_human_before_it_is_not() {
        let mut words = Words::new(InstanceId(Uuid::nil()), "n", "/w");
        words.apply(&opened(1, "a"), 0);
        let finished = RunFinished {
            stopped_by: "watcher_pause".to_owned(),
            steps: 3,
            exit_message: "so\x07".to_owned(),
            exit_code: 3,
            usage: crate::protocol::event::UsageTotals::default(),
            open_sessions: Vec::new(),
            unmerged: Vec::new(),
        };
        let told = words.apply(&event(finished), 10).unwrap();
        assert_eq!((&told["event"], &told["exit_code"]), (&json!("ended"), &json!(3)));
        assert_eq!((&told["stopped_by"], &told["exit_message"]), (&json!("watcher_pause"), &json!("so")));
        assert!(words.ripe(10_000).is_empty());
    }
}
