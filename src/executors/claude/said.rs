//! Blocks of claude's messages as activities.

use serde_json::Value;

use super::wire::text;
use crate::{
    executors::bound::{MAX_SHORT, MAX_TEXT, cut},
    protocol::event::Activity,
};

/// The model of messages that claude made up itself: errors, mostly.
const SYNTHETIC: &str = "<synthetic>";

/// A text or a thought. `None`: nothing to show (calls are shown when they have returned).
pub(super) fn activity(block: &Value, model: &str, subagent: bool) -> Option<Activity> {
    let said = text(block, "text");
    match text(block, "type") {
        "text" if said.is_empty() => None,
        "text" if model == SYNTHETIC => {
            Some(Activity::Error { message: cut(said, MAX_SHORT), will_retry: false })
        }
        "text" if subagent => Some(Activity::Message { text: cut(&format!("[subagent] {said}"), MAX_TEXT) }),
        "text" => Some(Activity::Message { text: cut(said, MAX_TEXT) }),
        "thinking" => {
            let thought = text(block, "thinking");
            (!thought.is_empty()).then(|| Activity::Reasoning { text: cut(thought, MAX_TEXT) })
        }
        _ => None,
    }
}
