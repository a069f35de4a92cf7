//! The inbox: cards are opened for what only the human can decide, and closed by a reply that names what was shown.

use crate::protocol::{
    InboxId, Reply, SessionId,
    event::{Choice, InboxClosed, InboxKind, InboxOpened, NudgeQueued, RunState, WatcherChanged},
    ids::NudgeId,
};

use super::{calls::On, effect::Effect, ending::Why, launch::Human, machine::Machine, run::Phase};

pub(super) fn choice(id: &str, key: char, label: &str, wants_text: bool) -> Choice {
    Choice { id: id.to_owned(), key, label: label.to_owned(), wants_text }
}

/// For a question of the orchestrator.
pub(super) fn question_choices(wait: bool) -> Vec<Choice> {
    if wait { vec![choice("answer", 'g', "answer", true)] } else { vec![choice("read", 'c', "read", false)] }
}

/// For a pause by a watcher.
pub(super) fn watcher_choices(at_tools: bool) -> Vec<Choice> {
    let mut all = vec![
        choice("continue_once", 'c', "continue once", false),
        choice("guide", 'g', "continue with guidance", true),
        choice("allow_rule", 'w', "allow this rule for the rest of the run", false),
        choice("leave_paused", 's', "leave paused", false),
    ];
    if at_tools {
        all.push(choice("edit", 'e', "edit the arguments, then continue", true));
        all.push(choice("reject", 'r', "reject with a reason", true));
    }
    all.push(choice("abort", 'X', "abort the run", false));
    all
}

/// For a cap that is spent.
pub(super) fn budget_choices() -> Vec<Choice> {
    vec![
        choice("raise", '+', "raise the cap to", true),
        choice("finish_step", 'c', "finish this step, then pause", false),
        choice("wrap_up", 'w', "wrap up: one last step with exit only", false),
        choice("abort", 'X', "abort the run", false),
    ]
}

/// For a cap of a session that is spent. The run goes on meanwhile.
pub(super) fn session_budget_choices() -> Vec<Choice> {
    vec![
        choice("raise", '+', "raise the cap to, and let the session go on", true),
        choice("leave", 's', "leave it stopped", false),
    ]
}

/// For an error that stops the run.
pub(super) fn failure_choices() -> Vec<Choice> {
    vec![
        choice("retry", 'c', "try again", false),
        choice("leave_paused", 's', "leave paused", false),
        choice("abort", 'X', "abort the run", false),
    ]
}

/// Cells of what a decision is said to be about.
const ABOUT: usize = 160;

/// The digest of what is shown: CRC-32 over kind, title and detail, as eight hex digits.
fn digest(what: InboxKind, title: &str, detail: &serde_json::Value) -> String {
    format!("{:08x}", crc32fast::hash(format!("{what:?}\n{title}\n{detail}").as_bytes()))
}

/// What a card asks, in short: its title, with the command that an approval is about.
fn about(opened: &InboxOpened) -> String {
    let command = opened.detail["command"].as_str().filter(|_| opened.what == InboxKind::Approval);
    let text = command.map_or_else(|| opened.title.clone(), |command| format!("{}: {command}", opened.title));
    crate::text::cut::ellipsis(&text, ABOUT)
}

impl Machine {
    /// Opens a card.
    pub(super) fn open_card(
        &mut self,
        what: InboxKind,
        session: Option<SessionId>,
        title: &str,
        detail: serde_json::Value,
        choices: Vec<Choice>,
    ) -> InboxId {
        let inbox_id = InboxId(self.new_id());
        let digest = digest(what, title, &detail);
        let title = title.to_owned();
        let opened = InboxOpened { inbox_id, what, session, title, detail, choices, digest };
        match session {
            Some(id) => self.record_for(id, opened),
            None => self.record(opened),
        }
        self.out.push(Effect::Sync);
        inbox_id
    }

    pub(super) fn close_card(&mut self, inbox: InboxId, choice: &str, text: Option<String>, by: &str) {
        let Some(opened) = self.state.inbox.get(inbox) else { return };
        let (session, digest, about) = (opened.session, opened.digest.clone(), about(opened));
        let (choice, by) = (choice.to_owned(), by.to_owned());
        let closed = InboxClosed { inbox_id: inbox, choice, text, by, digest, about };
        match session {
            Some(id) => self.record_for(id, closed),
            None => self.record(closed),
        }
        self.out.push(Effect::Sync);
    }

    /// Cards about a session's budget are void: it is ended.
    pub(super) fn drop_session_cards(&mut self, id: SessionId) {
        let own = |opened: &&InboxOpened| opened.what == InboxKind::Budget && opened.session == Some(id);
        let open = self.state.inbox.open.iter().map(|card| &card.opened);
        let void: Vec<_> = open.filter(own).map(|opened| opened.inbox_id).collect();
        void.into_iter().for_each(|inbox| self.close_card(inbox, "leave", None, "dropped"));
    }

    /// The human answers a card.
    pub(super) fn reply(&mut self, reply: Reply) {
        let Some(opened) = self.state.inbox.get(reply.inbox).cloned() else {
            return self.problem("inbox", "that entry is no longer open", "");
        };
        if reply.digest.as_ref().is_some_and(|digest| *digest != opened.digest) {
            return self.problem(
                "inbox",
                "the answer is about something else than what is asked now",
                "answer again",
            );
        }
        if !opened.choices.iter().any(|choice| choice.id == reply.choice) {
            let known: Vec<_> = opened.choices.iter().map(|choice| choice.id.as_str()).collect();
            let message = format!("'{}' is not a choice of this entry", reply.choice);
            return self.problem("inbox", &message, &format!("choices: {}", known.join(", ")));
        }
        let text = reply.text.clone().filter(|text| !text.trim().is_empty());
        match opened.what {
            InboxKind::Approval => {
                self.leave_answered(reply.inbox, &reply.choice);
                self.answer_approval(reply.inbox, &reply.choice, text.clone(), "human");
                if let (Some(id), "decline", Some(why)) = (opened.session, reply.choice.as_str(), text) {
                    self.tell_why(id, why);
                }
            }
            InboxKind::Question => self.answer_question(reply.inbox, &reply.choice, text),
            InboxKind::WatcherPause => self.answer_watcher(&opened, &reply.choice, text),
            InboxKind::Budget => self.answer_budget(&opened, &reply.choice, text),
            InboxKind::Failure => {
                self.close_card(reply.inbox, &reply.choice, text, "human");
                match reply.choice.as_str() {
                    "retry" => self.resume(),
                    "abort" => self.abort(false, Why::HumanAbort, "aborted by the human"),
                    _ => {}
                }
            }
        }
    }

    fn answer_question(&mut self, inbox: InboxId, choice: &str, text: Option<String>) {
        let answer = text.clone().unwrap_or_default();
        self.close_card(inbox, choice, text, "human");
        let waits = |on: &On| matches!(on, On::Answer(card) if *card == inbox);
        for call_id in self.calls.ids(waits) {
            self.give_result(&call_id, Ok(serde_json::json!({ "success": true, "answer": answer })));
        }
    }

    fn answer_watcher(&mut self, opened: &InboxOpened, choice: &str, text: Option<String>) {
        let at_tools = opened.detail.get("gate").and_then(|gate| gate.as_str()) == Some("tools");
        let watcher = opened.detail.get("watcher").and_then(|w| w.as_str()).unwrap_or_default().to_owned();
        let rule = opened.detail.get("rule").and_then(|rule| rule.as_str()).unwrap_or_default().to_owned();
        if choice == "edit" && !self.edit_pending(text.as_deref().unwrap_or_default()) {
            return;
        }
        // The card stays: what it asks is not decided.
        if choice == "leave_paused" {
            return;
        }
        self.close_card(opened.inbox_id, choice, text.clone(), "human");
        match choice {
            "abort" => return self.abort(false, Why::HumanAbort, "aborted by the human"),
            "guide" => self.guide(text.unwrap_or_default()),
            "allow_rule" => {
                let mode = crate::protocol::command::WatcherMode::On;
                self.record(WatcherChanged {
                    watcher,
                    mode,
                    by: "human".to_owned(),
                    rule: Some(rule),
                    config: None,
                    taken_back: false,
                });
            }
            "reject" => self.reject_pending(&text.unwrap_or_else(|| "no reason was given".to_owned())),
            _ => {}
        }
        if !at_tools {
            self.step.passed = true;
        }
        self.resume();
    }

    /// Guidance of the human goes the way of a nudge.
    fn guide(&mut self, text: String) {
        if !text.trim().is_empty() {
            let nudge_id = NudgeId(self.new_id());
            let target = crate::protocol::NudgeTarget::Orchestrator;
            self.record(NudgeQueued { nudge_id, target, text, by: "human".to_owned() });
        }
    }

    /// The calls that wait get the human's reason as their result.
    fn reject_pending(&mut self, reason: &str) {
        let pending: Vec<_> = self.calls.pending.drain(..).collect();
        for call in pending {
            let error =
                serde_json::json!({ "success": false, "error": format!("rejected by the human: {reason}") });
            self.give_unstarted(&call, &error.to_string());
        }
    }

    /// Replaces the arguments of the calls that wait: YAML, a list of `{name, arguments}` in their order.
    fn edit_pending(&mut self, text: &str) -> bool {
        let edited: Result<Vec<Edited>, _> = serde_yaml::from_str(text);
        let fits = |edited: &Vec<Edited>| {
            edited.len() == self.calls.pending.len()
                && edited.iter().zip(&self.calls.pending).all(|(new, old)| new.name == old.name)
        };
        match edited {
            Ok(edited) if fits(&edited) => {
                for (call, new) in self.calls.pending.iter_mut().zip(edited) {
                    call.arguments = new.arguments.to_string();
                }
                true
            }
            Ok(_) => {
                self.problem(
                    "inbox",
                    "the edited calls are not the calls that wait",
                    "keep their number and names",
                );
                false
            }
            Err(error) => {
                self.problem(
                    "inbox",
                    &format!("the edited arguments are not YAML: {error}"),
                    "edit them again",
                );
                false
            }
        }
    }

    /// Cards that ask whether to go on are void once the run goes on.
    pub(super) fn drop_cards_of_the_pause(&mut self) {
        let about = |what| matches!(what, InboxKind::WatcherPause | InboxKind::Failure | InboxKind::Budget);
        let open = self.state.inbox.open.iter().map(|card| &card.opened);
        let of_the_run = open.filter(|opened| opened.session.is_none());
        let void: Vec<_> =
            of_the_run.filter(|opened| about(opened.what)).map(|opened| opened.inbox_id).collect();
        for inbox in void {
            if self.state.inbox.get(inbox).is_some_and(|opened| opened.what == InboxKind::WatcherPause)
                && self.step.phase == Phase::Between
            {
                self.step.passed = true;
            }
            self.close_card(inbox, "continue_once", None, "human");
        }
    }

    /// A watcher wants the run paused.
    pub(super) fn watcher_pauses(
        &mut self,
        title: &str,
        detail: serde_json::Value,
        at_tools: bool,
        by: &str,
    ) {
        match self.rules.human {
            Human::Absent { continue_on_pause: true, .. } => {
                self.problem(by, title, "recorded; the run goes on (--on-pause continue)");
            }
            Human::Absent { .. } => self.end(Why::WatcherPause, title),
            Human::Present => {
                self.open_card(InboxKind::WatcherPause, None, title, detail, watcher_choices(at_tools));
                if self.run_state() == RunState::Running {
                    self.pause(title, by);
                }
            }
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Edited {
    name: String,
    arguments: serde_json::Value,
}
