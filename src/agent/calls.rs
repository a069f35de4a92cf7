//! Tool calls in flight: which may start now, what each waits for, how its result goes back to the model.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use crate::{
    protocol::{
        InboxId, SessionId, ToolCall,
        event::{InboxKind, ToolFinished, ToolStarted},
        item,
    },
    tools::{self, Parsed},
};

use super::{
    cards,
    effect::{BashCall, BashResult, Effect, Timer},
    ending::Why,
    machine::Machine,
};

/// The calls of the step.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// Not started, in the order in which the model gave them.
    pub pending: VecDeque<ToolCall>,
    /// By call id.
    pub running: BTreeMap<String, Running>,
}

/// A call that has started and not returned.
#[derive(Debug)]
pub(super) struct Running {
    pub name: String,
    pub started_ms: u64,
    pub on: On,
}

/// What a call waits for.
#[derive(Debug)]
pub(super) enum On {
    Bash,
    /// Its directory is being looked at.
    Directory(Box<tools::Delegate>),
    /// The end of a turn.
    Turn {
        session: SessionId,
        turn: u32,
        converse: bool,
    },
    /// Any of these, or the human.
    Sessions(Vec<SessionId>),
    Sleep,
    Answer(InboxId),
    /// The merge at the end of a session.
    Settling(SessionId, Box<tools::EndSession>),
    Journal,
}

impl Calls {
    pub(super) fn bash_runs(&self) -> bool {
        self.running.values().any(|call| matches!(call.on, On::Bash))
    }

    /// The ids of the calls for which `fits` holds.
    pub(super) fn ids(&self, fits: impl Fn(&On) -> bool) -> Vec<String> {
        self.running.iter().filter(|(_, call)| fits(&call.on)).map(|(id, _)| id.clone()).collect()
    }
}

impl Machine {
    /// Starts what may start. True: something was done.
    pub(super) fn do_calls(&mut self) -> bool {
        if self.calls.pending.is_empty() && self.calls.running.is_empty() {
            self.finish_step(false);
            return true;
        }
        let mut bash_blocked = self.calls.bash_runs();
        // One directory is looked at at a time, so that sessions are numbered in the order of their calls.
        let mut delegate_blocked = !self.calls.ids(|on| matches!(on, On::Directory(_))).is_empty();
        let next = self.calls.pending.iter().position(|call| match call.name.as_str() {
            "bash" => !std::mem::replace(&mut bash_blocked, true),
            "delegate" => !std::mem::replace(&mut delegate_blocked, true),
            "exit" => self.calls.running.is_empty() && self.calls.pending.len() == 1,
            _ => true,
        });
        // Several `exit` in one reply: the last one waits for the others, so take the first when only exits are left.
        let only_exits =
            self.calls.running.is_empty() && self.calls.pending.iter().all(|call| call.name == "exit");
        let next = next.or(only_exits.then_some(0));
        let Some(call) = next.and_then(|at| self.calls.pending.remove(at)) else { return false };
        self.start_call(call);
        true
    }

    fn start_call(&mut self, call: ToolCall) {
        let (call_id, name) = (call.call_id.clone(), call.name.clone());
        let arguments = call.arguments.clone();
        self.record(ToolStarted { call_id: call_id.clone(), name: name.clone(), arguments });
        let started_ms = self.now.mono_ms;
        let running = |on| Running { name: name.clone(), started_ms, on };
        self.calls.running.insert(call_id.clone(), running(On::Journal));
        // The last step after a budget stop has only `exit`, whatever the model asks for.
        let offered = match self.step.wraps_up {
            true => Some(&[][..]),
            false => self.rules.config.orchestrator.tools.as_deref(),
        };
        let parsed = match tools::parse(&call, offered) {
            Ok(parsed) => parsed,
            Err(text) => return self.give(&call_id, false, &text, 0),
        };
        if parsed.touches_the_world() {
            self.out.push(Effect::Sync);
        }
        match parsed {
            Parsed::Bash(bash) => {
                self.calls.running.insert(call_id.clone(), running(On::Bash));
                let step = self.state.run.progress.step;
                let timeout = Duration::from_secs(bash.timeout_seconds);
                let (command, cwd) = (bash.command, bash.cwd);
                self.out.push(Effect::RunBash(BashCall { call_id, step, command, cwd, timeout }));
            }
            Parsed::Delegate(delegate) => {
                let dir = delegate.working_dir.clone();
                self.calls.running.insert(call_id.clone(), running(On::Directory(Box::new(delegate))));
                let short_id = self.next_short_id();
                self.out.push(Effect::CheckDir { key: call_id, dir, short_id, fork_of: None });
            }
            Parsed::Converse(converse) => self.converse(&call_id, &converse),
            Parsed::CheckSession { session_id } => {
                let result = tools::check_session(&self.state.sessions, &session_id, self.now.stamp.at);
                self.tell_of(&session_id);
                self.give_result(&call_id, result);
            }
            Parsed::GetTrajectory { session_id, full, last } => {
                match self.state.sessions.find(&session_id).map(|session| session.id) {
                    Some(session) => {
                        self.out.push(Effect::ReadTrajectory { call_id, session, full, last });
                    }
                    None => self.give_result(
                        &call_id,
                        Err(tools::unknown_session(&self.state.sessions, &session_id)),
                    ),
                }
            }
            Parsed::EndSession(end) => self.end_session_call(&call_id, &end),
            Parsed::ListSessions { status } => {
                let result = Ok(tools::list_sessions(&self.state.sessions, status.as_deref()));
                self.give_result(&call_id, result);
            }
            Parsed::Wait { session_ids, timeout_seconds } => {
                self.wait_call(&call_id, session_ids.as_deref(), timeout_seconds);
            }
            Parsed::Sleep { seconds } => {
                self.calls.running.insert(call_id.clone(), running(On::Sleep));
                self.out.push(Effect::SetTimer(Timer::Call(call_id), Duration::from_secs(seconds)));
            }
            Parsed::Chat { message, wait } => self.chat(&call_id, &message, wait),
            Parsed::Exit { exit_message } => self.exit_call(&call_id, &exit_message),
        }
    }

    /// Hands a JSON result back; `Err` is a result too, with `success: false`.
    pub(super) fn give_result(
        &mut self,
        call_id: &str,
        result: Result<serde_json::Value, serde_json::Value>,
    ) {
        match result {
            Ok(value) => self.give(call_id, true, &value.to_string(), 0),
            Err(value) => self.give(call_id, false, &value.to_string(), 0),
        }
    }

    /// Hands a result back to the model.
    pub(super) fn give(&mut self, call_id: &str, ok: bool, output: &str, cut_bytes: u64) {
        let Some(call) = self.calls.running.remove(call_id) else { return };
        self.out.push(Effect::ClearTimer(Timer::Call(call_id.to_owned())));
        let wire = self.state.history.open_call(call_id).map_or(self.rules.model.wire, |open| open.wire);
        self.add_item(item::tool_output(wire, call_id, output));
        let duration_ms = self.now.mono_ms.saturating_sub(call.started_ms);
        let (call_id, name) = (call_id.to_owned(), call.name);
        self.record(ToolFinished { call_id: call_id.clone(), name, ok, duration_ms, cut_bytes });
        self.compress(wire, &call_id, output);
    }

    pub(super) fn bash_returned(&mut self, call_id: &str, result: BashResult) {
        self.fleet.looks.stirred = true;
        self.give(call_id, result.ok, &result.output, result.cut_bytes);
    }

    fn wait_call(&mut self, call_id: &str, wanted: Option<&[String]>, timeout_seconds: u64) {
        let sessions = match wanted {
            None => {
                let busy = self.state.sessions.all.iter().filter(|session| session.turn.is_some());
                busy.map(|session| session.id).collect::<Vec<_>>()
            }
            Some(wanted) => {
                let mut found = Vec::new();
                for text in wanted {
                    match self.state.sessions.find(text) {
                        Some(session) => found.push(session.id),
                        None => {
                            let error = tools::unknown_session(&self.state.sessions, text);
                            return self.give_result(call_id, Err(error));
                        }
                    }
                }
                found
            }
        };
        let busy =
            |id: &SessionId| self.state.sessions.get(*id).is_some_and(|session| session.turn.is_some());
        if sessions.is_empty() || sessions.iter().any(|id| !busy(id)) {
            return self.give_wait(call_id, &sessions, "session");
        }
        if let Some(call) = self.calls.running.get_mut(call_id) {
            call.on = On::Sessions(sessions);
        }
        self.out
            .push(Effect::SetTimer(Timer::Call(call_id.to_owned()), Duration::from_secs(timeout_seconds)));
    }

    fn give_wait(&mut self, call_id: &str, sessions: &[SessionId], woke_by: &str) {
        let asking = self.fleet.asking();
        let result = tools::wait_result(&self.state.sessions, sessions, &asking, woke_by);
        for id in sessions {
            self.fleet.tell(&self.state, *id);
        }
        self.give_result(call_id, Ok(result));
    }

    /// Wakes `wait` and `sleep`: a session ended its turn or asks, or the human said something.
    pub(super) fn wake_waiters(&mut self, session: Option<SessionId>, woke_by: &str) {
        let concerned = |on: &On| match (on, session) {
            (On::Sessions(ids), Some(session)) => ids.contains(&session),
            (On::Sessions(_), None) | (On::Sleep, _) => true,
            _ => false,
        };
        for call_id in self.calls.ids(concerned) {
            self.return_waiter(&call_id, woke_by);
        }
    }

    fn return_waiter(&mut self, call_id: &str, woke_by: &str) {
        let Some(call) = self.calls.running.get(call_id) else { return };
        match &call.on {
            On::Sessions(ids) => {
                let ids = ids.clone();
                self.give_wait(call_id, &ids, woke_by);
            }
            On::Sleep => {
                let slept = self.now.mono_ms.saturating_sub(call.started_ms) / 1000;
                let result =
                    serde_json::json!({ "success": true, "slept_seconds": slept, "woke_by": woke_by });
                self.give_result(call_id, Ok(result));
            }
            _ => {}
        }
    }

    pub(super) fn call_timed_out(&mut self, call_id: &str) {
        self.return_waiter(call_id, "timeout");
    }

    fn chat(&mut self, call_id: &str, message: &str, wait: bool) {
        if !self.rules.human_present() {
            let error =
                serde_json::json!({ "success": false, "error": "no human is present; decide yourself" });
            return if wait {
                self.give_result(call_id, Err(error))
            } else {
                self.give_result(call_id, Ok(serde_json::json!({ "success": true })))
            };
        }
        let detail = serde_json::json!({ "message": message, "call_id": call_id });
        let choices = cards::question_choices(wait);
        let inbox = self.open_card(InboxKind::Question, None, message, detail, choices);
        if !wait {
            return self.give_result(call_id, Ok(serde_json::json!({ "success": true })));
        }
        if let Some(call) = self.calls.running.get_mut(call_id) {
            call.on = On::Answer(inbox);
        }
    }

    fn exit_call(&mut self, call_id: &str, message: &str) {
        let running: Vec<_> =
            self.state.sessions.all.iter().filter(|session| session.turn.is_some()).collect();
        if !running.is_empty() && !std::mem::replace(&mut self.step.exit_warned, true) {
            let names: Vec<_> = running.iter().map(|session| session.short_id.clone()).collect();
            let hint = "wait for them or end them; a second `exit` ends the run and leaves them resumable";
            let error = serde_json::json!({ "success": false, "running": names, "hint": hint });
            return self.give_result(call_id, Err(error));
        }
        let unmerged = self.unmerged_words(false);
        if !unmerged.is_empty() && !std::mem::replace(&mut self.step.exit_warned, true) {
            let hint = "their work is not in the working directory yet: end_session with the verdict completed \
                        merges it, failed or cancelled leaves it aside; a second `exit` ends the run and leaves \
                        these branches";
            let error = serde_json::json!({ "success": false, "unmerged": unmerged, "hint": hint });
            return self.give_result(call_id, Err(error));
        }
        self.give(call_id, true, message, 0);
        self.finish_step(false);
        self.end(Why::Exit, message);
    }

    /// Ends every call in flight that will not return by itself.
    pub(super) fn interrupt_calls(&mut self) {
        for call_id in self.calls.ids(|on| matches!(on, On::Bash)) {
            self.out.push(Effect::CancelBash { call_id });
        }
        let passive = |on: &On| matches!(on, On::Sessions(_) | On::Sleep);
        for call_id in self.calls.ids(passive) {
            self.return_waiter(&call_id, "human");
        }
    }
}
