//! What a thread hears: notifications and requests of the server.

use serde_json::Value;

use super::{Effect, Phase, Thread, problem};
use crate::{
    executors::{
        ApprovalRequest, News,
        bound::{self, MAX_SHORT, MAX_TEXT},
        codex::{
            fault::{self, Fault},
            item::{self, text},
            turn::{Seen, Stage},
        },
        rpc::{self, METHOD_NOT_FOUND},
    },
    protocol::event::{Activity, TurnStatus},
};

/// Approval requests that may wait at once; more are refused.
const MAX_ASKS: usize = 100;

impl Thread {
    pub(super) fn notified(&mut self, method: &str, params: &Value) -> Vec<Effect> {
        match method {
            "thread/tokenUsage/updated" => self.counted(params),
            "account/rateLimits/updated" => {
                self.limits = params["rateLimits"].clone();
                Vec::new()
            }
            "serverRequest/resolved" => self.resolved(&params["requestId"]),
            "thread/started" => {
                let thread = &params["thread"];
                if !thread["forkedFromId"].is_null() {
                    self.spent.forked(text(thread, "id"));
                }
                Vec::new()
            }
            _ if self.id.as_deref() != Some(text(params, "threadId")) => Vec::new(),
            "turn/started" => self.turn_started(text(&params["turn"], "id")),
            "turn/completed" if self.is_current(text(&params["turn"], "id")) => {
                self.turn_completed(&params["turn"])
            }
            _ if !self.is_current(text(params, "turnId")) => Vec::new(),
            _ => self.in_turn(method, params),
        }
    }

    /// Whether this is the running turn (a turn without an id yet is any).
    fn is_current(&self, native: &str) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.native.as_deref().is_none_or(|id| id == native))
    }

    fn in_turn(&mut self, method: &str, params: &Value) -> Vec<Effect> {
        let Some(turn) = &mut self.turn else { return Vec::new() };
        let activity = match method {
            "item/started" => {
                let seen = turn.began(&params["item"]);
                return self.seen(seen);
            }
            "item/completed" => turn.finished(&params["item"]),
            "turn/plan/updated" => turn.planned(params),
            "error" => turn.erred(params),
            _ => return self.delta(method, params),
        };
        let turn = turn.number;
        activity.map(|activity| Effect::News(News::Activity { turn, activity })).into_iter().collect()
    }

    fn seen(&mut self, seen: Seen) -> Vec<Effect> {
        let Some(turn) = self.turn.as_ref().map(|turn| turn.number) else { return Vec::new() };
        let mut out: Vec<Effect> = Vec::new();
        if let Some((nudge, taken)) = seen.nudge {
            if !taken {
                out.push(Effect::News(News::SteerTaken { nudge, turn }));
            }
            out.push(Effect::News(News::SteerSeen { nudge, turn }));
        }
        out.extend(
            seen.activities.into_iter().map(|activity| Effect::News(News::Activity { turn, activity })),
        );
        if seen.cut {
            out.push(self.estimate());
        }
        out
    }

    fn delta(&mut self, method: &str, params: &Value) -> Vec<Effect> {
        let (kind, of_model) = match method {
            "item/agentMessage/delta" | "item/plan/delta" => ("text", true),
            "item/reasoning/summaryTextDelta" | "item/reasoning/textDelta" => ("reasoning", true),
            "item/reasoning/summaryPartAdded" => return self.new_part(params),
            "item/commandExecution/outputDelta" => ("output", false),
            "item/fileChange/outputDelta" | "item/mcpToolCall/progress" => ("tool", false),
            _ => return Vec::new(),
        };
        let piece = match text(params, "delta") {
            "" => text(params, "message"),
            piece => piece,
        };
        let id = text(params, "itemId");
        let Some(turn) = self.turn.as_mut().filter(|_| !piece.is_empty()) else { return Vec::new() };
        turn.grew(id, piece);
        let (turn, prompt) = (turn.number, turn.prompt.len());
        let mut out = vec![Effect::Delta { turn, item: format!("{kind}:{id}"), text: piece.to_owned() }];
        if of_model {
            self.spent.streamed(piece);
            let (live, model) = (self.spent.live(prompt), self.model.clone());
            out.extend(live.map(|usage| Effect::News(News::Streaming { usage, model })));
        }
        out
    }

    /// A further part of a reasoning summary begins a paragraph of its own.
    fn new_part(&mut self, params: &Value) -> Vec<Effect> {
        let Some(turn) = self.turn.as_mut().filter(|_| params["summaryIndex"].as_u64() > Some(0)) else {
            return Vec::new();
        };
        let id = text(params, "itemId");
        turn.grew(id, "\n\n");
        vec![Effect::Delta { turn: turn.number, item: format!("reasoning:{id}"), text: "\n\n".to_owned() }]
    }

    fn counted(&mut self, params: &Value) -> Vec<Effect> {
        let thread = text(params, "threadId");
        let own = self.id.as_deref() == Some(thread);
        let now = self.turn.as_ref().and_then(|turn| turn.native.as_deref());
        if own && now == Some(text(params, "turnId")) {
            self.spent.begins(thread, &params["tokenUsage"]);
        }
        let Some(usage) = self.spent.updated(thread, &params["tokenUsage"]) else { return Vec::new() };
        if let Some(turn) = self.turn.as_mut().filter(|turn| own && turn.interrupt == Some(Stage::Sent)) {
            turn.settled = true;
        }
        let model = self.model.clone();
        vec![Effect::News(News::Usage { usage, model, cost_usd: None, estimated: false })]
    }

    fn estimate(&mut self) -> Effect {
        let prompt = self.turn.as_ref().map_or(0, |turn| turn.prompt.len());
        let usage = self.spent.cut(prompt);
        Effect::News(News::Usage { usage, model: self.model.clone(), cost_usd: None, estimated: true })
    }

    fn turn_started(&mut self, native: &str) -> Vec<Effect> {
        if self.turn.is_some() {
            return self.turn_id(native);
        }
        // A turn that nobody ordered would work, and spend, unseen.
        let Some(id) = &self.id else { return Vec::new() };
        let stop = crate::executors::codex::params::interrupt(id, native);
        vec![problem("codex began a turn by itself; it was stopped".to_owned(), ""), stop]
    }

    fn turn_completed(&mut self, native: &Value) -> Vec<Effect> {
        let error = &native["error"];
        let fault = (!error.is_null()).then(|| fault::fault(error));
        let status = match text(native, "status") {
            "completed" => TurnStatus::Completed,
            "interrupted" => TurnStatus::Interrupted,
            _ => TurnStatus::Failed,
        };
        let mut out = vec![Effect::Timer(None)];
        if let Some(turn) = &mut self.turn {
            turn.answer_from(native);
        }
        if let Some(fault) = fault.as_ref().filter(|fault| fault.limit) {
            let until = fault::reset(&self.limits);
            out.push(Effect::News(News::Limited { message: fault.message.clone(), until }));
        }
        if status == TurnStatus::Interrupted {
            out.extend(self.clean());
        }
        out.extend(self.end_turn(status, fault));
        if self.ending {
            out.push(Effect::Timer(Some(super::ENDING)));
            if status != TurnStatus::Interrupted {
                out.extend(self.leave());
            }
        }
        out
    }

    /// Ends the running turn, if there is one: requests are void, a request that was cut is estimated.
    pub(super) fn end_turn(&mut self, status: TurnStatus, fault: Option<Fault>) -> Vec<Effect> {
        let mut out = self.asks_dropped();
        let Some(turn) = &self.turn else { return out };
        let cut = status != TurnStatus::Completed
            && turn.native.is_some()
            && !turn.settled
            && (turn.has_open(true) || status == TurnStatus::Interrupted && !turn.has_open(false));
        if cut {
            out.push(self.estimate());
        }
        if let Some(turn) = self.turn.take() {
            out.extend(turn.end(status, fault).into_iter().map(Effect::News));
        }
        out
    }

    pub(super) fn asks_dropped(&mut self) -> Vec<Effect> {
        let asks = std::mem::take(&mut self.asks);
        asks.into_iter().map(|key| Effect::News(News::AskDropped { key })).collect()
    }

    /// A request of the server is settled. One that we have not answered was withdrawn.
    fn resolved(&mut self, id: &Value) -> Vec<Effect> {
        let key = rpc::key_of(id);
        let open = self.asks.remove(&key);
        open.then(|| Effect::News(News::AskDropped { key })).into_iter().collect()
    }

    /// The server asks. What we do not know is refused at once: an open request would hold the turn for ever.
    pub(super) fn asked(&mut self, id: &Value, method: &str, params: &Value) -> Vec<Effect> {
        let refuse = |why: &str| {
            vec![Effect::Refuse { id: id.clone(), code: METHOD_NOT_FOUND, why: bound::cut(why, MAX_SHORT) }]
        };
        if self.phase != Phase::Open || self.turn.is_none() || self.asks.len() >= MAX_ASKS {
            return refuse("zwarm-tui cannot answer this now");
        }
        let (mut paths, mut diff) = (Vec::new(), String::new());
        let kind = match method {
            "item/commandExecution/requestApproval" => "shell",
            "item/fileChange/requestApproval" => {
                let open = self.turn.as_ref().map(|turn| turn.change(text(params, "itemId")));
                (paths, diff) = open.unwrap_or_default();
                "file_change"
            }
            _ => {
                let mut out = refuse(&format!("zwarm-tui does not support '{method}'"));
                out.extend(self.unknown_request(method));
                return out;
            }
        };
        let key = rpc::key_of(id);
        self.asks.insert(key.clone());
        let short = |field: &str| bound::cut(text(params, field), MAX_SHORT);
        let command = match kind {
            "shell" => bound::cut(&item::plain_command(text(params, "command")), MAX_SHORT),
            _ => bound::cut(&paths.join(" "), MAX_SHORT),
        };
        let cwd = match short("cwd") {
            cwd if cwd.is_empty() => self.spec.cwd.display().to_string(),
            cwd => cwd,
        };
        let mut reason = short("reason");
        if !text(params, "grantRoot").is_empty() {
            reason = format!("{reason} (asks for all of '{}')", short("grantRoot")).trim_start().to_owned();
        }
        let (diff, outside) = (bound::cut(&diff, MAX_TEXT), Vec::new());
        let ask = ApprovalRequest { key, kind: kind.to_owned(), command, cwd, reason, diff, paths, outside };
        vec![Effect::News(News::Asked(ask))]
    }

    /// A refused request is shown: the turn goes on without what codex wanted.
    fn unknown_request(&self, method: &str) -> Option<Effect> {
        let turn = self.turn.as_ref()?.number;
        let message = format!("codex asked '{method}', which zwarm-tui does not support; it was refused");
        let activity = Activity::Error { message: bound::cut(&message, MAX_SHORT), will_retry: true };
        Some(Effect::News(News::Activity { turn, activity }))
    }
}
