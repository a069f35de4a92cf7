//! What an agent streams in a turn, as live text and activities: messages and thoughts in pieces, calls, plans.

use serde_json::Value;

use super::{calls::Calls, text};
use crate::{
    executors::{
        News,
        bound::{self, LIVE_STEP, MAX_RESPONSE, MAX_TEXT, cut, grow},
        shape::Effect,
    },
    protocol::event::{Activity, PlanItem},
};

/// Most entries of a plan.
const MAX_PLAN: usize = 500;

/// Which way a piece of text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tone {
    Says,
    Thinks,
}

#[derive(Debug)]
struct Piece {
    tone: Tone,
    /// The agent's own id of the message, where it has one.
    id: String,
    /// The stream of its live text.
    item: String,
    text: String,
}

/// The feed of one turn.
#[derive(Debug, Default)]
pub(super) struct Feed {
    turn: u32,
    open: Option<Piece>,
    pub(super) calls: Calls,
    /// The newest message: the answer, when the turn ends.
    answer: String,
    /// Pieces so far: names those without an id.
    count: u32,
    /// Characters that the model wrote.
    pub(super) chars: u64,
    /// Of these, told.
    told: u64,
}

impl Feed {
    pub(super) fn new(turn: u32) -> Self {
        Self { turn, ..Self::default() }
    }

    /// Whether enough was written since this last said so.
    pub(super) fn grown(&mut self) -> bool {
        let grown = self.chars >= self.told + LIVE_STEP;
        if grown {
            self.told = self.chars;
        }
        grown
    }

    /// One `session/update`.
    pub(super) fn update(&mut self, update: &Value, cwd: &str) -> Vec<Effect> {
        match text(update, "sessionUpdate") {
            "agent_message_chunk" => self.chunk(Tone::Says, update),
            "agent_thought_chunk" => self.chunk(Tone::Thinks, update),
            "tool_call" | "tool_call_update" => self.call(update, cwd),
            "plan" => {
                let mut out = self.flush();
                out.push(self.activity(plan(update)));
                out
            }
            // Echoes of ours, and the agent's own household.
            "user_message_chunk"
            | "available_commands_update"
            | "current_mode_update"
            | "config_option_update"
            | "session_info_update"
            | "usage_update" => Vec::new(),
            _ => vec![self.activity(Activity::Unknown { raw: bound::raw(update) })],
        }
    }

    fn activity(&self, activity: Activity) -> Effect {
        Effect::News(News::Activity { turn: self.turn, activity })
    }

    fn chunk(&mut self, tone: Tone, update: &Value) -> Vec<Effect> {
        let piece = text(&update["content"], "text");
        let id = text(update, "messageId");
        let goes_on = self.open.as_ref().is_some_and(|open| open.tone == tone && open.id == id);
        let mut out = if goes_on { Vec::new() } else { self.flush() };
        if piece.is_empty() {
            return out;
        }
        self.chars += piece.len() as u64;
        let count = &mut self.count;
        let open = self.open.get_or_insert_with(|| {
            *count += 1;
            let prefix = if tone == Tone::Says { "text" } else { "reasoning" };
            let item =
                if id.is_empty() { format!("{prefix}:{count}") } else { format!("{prefix}:{id}.{count}") };
            Piece { tone, id: id.to_owned(), item, text: String::new() }
        });
        grow(&mut open.text, piece, MAX_RESPONSE);
        out.push(Effect::Live { turn: self.turn, item: open.item.clone(), text: piece.to_owned() });
        out
    }

    fn call(&mut self, update: &Value, cwd: &str) -> Vec<Effect> {
        let mut out = Vec::new();
        let new = text(update, "sessionUpdate") == "tool_call";
        if new {
            out.extend(self.flush());
        }
        let brought = self.calls.update(update, cwd);
        if let Some(text) = brought.output.filter(|text| !text.is_empty()) {
            let item = format!("output:{}", self::text(update, "toolCallId"));
            out.push(Effect::Live { turn: self.turn, item, text });
        }
        out.extend(brought.done.map(|activity| self.activity(activity)));
        out
    }

    /// The open piece of text is whole.
    fn flush(&mut self) -> Vec<Effect> {
        let Some(piece) = self.open.take().filter(|piece| !piece.text.trim().is_empty()) else {
            return Vec::new();
        };
        let activity = match piece.tone {
            Tone::Says => {
                let text = cut(&piece.text, MAX_TEXT);
                self.answer = cut(&piece.text, MAX_RESPONSE);
                Activity::Message { text }
            }
            Tone::Thinks => Activity::Reasoning { text: cut(piece.text.trim(), MAX_TEXT) },
        };
        vec![self.activity(activity)]
    }

    /// Closes everything: the last activities, and the answer.
    pub(super) fn close(&mut self, cwd: &str) -> (Vec<Effect>, String) {
        let mut out = self.flush();
        let open = self.calls.close(cwd);
        out.extend(open.into_iter().map(|activity| self.activity(activity)));
        (out, std::mem::take(&mut self.answer))
    }
}

fn plan(update: &Value) -> Activity {
    let entries = update["entries"].as_array().into_iter().flatten().take(MAX_PLAN);
    let items = entries.map(|entry| PlanItem {
        text: text(entry, "content").to_owned(),
        status: text(entry, "status").to_owned(),
    });
    Activity::Plan { items: items.collect() }
}
