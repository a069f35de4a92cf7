//! Permission requests of an agent and our answers: an option is chosen by its kind, never by its place.

use serde_json::{Value, json};

use super::{
    calls::{diffs, kind_of_change, shown_command},
    text,
};
use crate::executors::{
    ApprovalRequest, Decision,
    bound::{MAX_SHORT, cut},
    rpc::{id_of, key_of, response},
};

#[derive(Debug)]
struct Ask {
    key: String,
    options: Value,
}

/// The open requests.
#[derive(Debug, Default)]
pub(super) struct Asks {
    open: Vec<Ask>,
}

impl Asks {
    /// The agent asks. `call`: what is known of the tool call, the request's own fields on top.
    pub(super) fn opened(&mut self, id: &Value, params: &Value, call: &Value, cwd: &str) -> ApprovalRequest {
        let key = key_of(id);
        self.open.push(Ask { key: key.clone(), options: params["options"].clone() });
        let kind = match text(call, "kind") {
            "execute" => "shell",
            kind if kind_of_change(kind) => "file_change",
            _ => "tool",
        };
        let mut command = shown_command(call);
        if kind != "shell" {
            let paths = call["locations"].as_array().into_iter().flatten().map(|place| text(place, "path"));
            let unnamed: Vec<_> = paths.filter(|path| !command.contains(path)).collect();
            command = [vec![command.as_str()], unnamed].concat().join(" ");
        }
        let diff = diffs(call).into_iter().map(|(_, diff)| diff).collect::<String>();
        let dir = text(&call["rawInput"], "cwd");
        ApprovalRequest {
            key,
            kind: kind.to_owned(),
            command: cut(&command, MAX_SHORT),
            cwd: if dir.is_empty() { cwd } else { dir }.to_owned(),
            reason: cut(text(&call["rawInput"], "description"), MAX_SHORT),
            diff,
            ..ApprovalRequest::default()
        }
    }

    /// The line that answers. `None`: there is no such request any more.
    pub(super) fn answered(&mut self, key: &str, decision: Decision) -> Option<String> {
        let at = self.open.iter().position(|ask| ask.key == key)?;
        let ask = self.open.remove(at);
        let wanted: &[&str] = match decision {
            Decision::Accept => &["allow_once", "allow_always"],
            Decision::AcceptForSession => &["allow_always", "allow_once"],
            Decision::Decline => &["reject_once", "reject_always"],
            Decision::Cancel => &[],
        };
        let of_kind = |kind: &&str| {
            let mut options = ask.options.as_array().into_iter().flatten();
            options.find(|option| text(option, "kind") == *kind).map(|option| option["optionId"].clone())
        };
        let outcome = match wanted.iter().find_map(of_kind) {
            Some(option) => json!({"outcome": "selected", "optionId": option}),
            None => json!({"outcome": "cancelled"}),
        };
        Some(response(&id_of(&ask.key), json!({"outcome": outcome})))
    }

    /// All open ones are void: their keys, and the lines that say so to the agent.
    pub(super) fn close(&mut self) -> Vec<(String, String)> {
        let open = std::mem::take(&mut self.open).into_iter();
        let cancelled = |key: &str| response(&id_of(key), json!({"outcome": {"outcome": "cancelled"}}));
        open.map(|ask| (ask.key.clone(), cancelled(&ask.key))).collect()
    }
}
