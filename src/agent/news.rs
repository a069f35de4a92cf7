//! What the tasks of sessions report, and where each report goes.

use crate::{
    executors::News,
    protocol::{
        SessionId,
        event::{ActivityAdded, NudgeSeen, NudgeSent, ProblemRaised, SentHow, SessionChanged, TurnStatus},
    },
};

use super::machine::Machine;

impl Machine {
    /// What a session's task reports.
    pub(super) fn session_news(&mut self, id: SessionId, news: News) {
        match news {
            News::Started { native_id, cli_version, model, pid, shared_pid } => {
                let shared_pid = Some(shared_pid);
                let changed =
                    SessionChanged { native_id, cli_version, model, pid, shared_pid, ..Default::default() };
                self.record_for(id, changed);
            }
            News::Prepared => {
                let prepared = Some(true);
                self.record_for(id, SessionChanged { prepared, ..Default::default() });
            }
            News::Activity { turn, activity } => {
                self.record_for(id, ActivityAdded { turn, activity });
                self.activity_seen();
            }
            News::Usage { .. } => self.turn_counted(id, news),
            News::Streaming { usage, model } => self.turn_streams(id, usage, model),
            News::Asked(request) => self.asked(id, request),
            News::AskDropped { key } => self.ask_dropped(id, &key),
            News::SteerTaken { nudge, .. } => {
                self.taken(nudge);
                self.record_for(id, NudgeSent { nudge_id: nudge, how: SentHow::Steer });
            }
            News::SteerSeen { nudge, turn } => {
                self.taken(nudge);
                self.record_for(id, NudgeSeen { nudge_id: nudge, step: None, turn: Some(turn) });
            }
            News::SteerRefused { nudge, why } => self.steer_refused(id, nudge, &why),
            News::TurnEnded { turn, status, response, error } => {
                self.turn_ended(id, turn, status, response, error)
            }
            News::Problem { message, hint } => self.session_problem(id, &message, &hint),
            News::Limited { message, until } => self.session_limited(id, &message, until),
            News::Ended { error } => self.session_task_ended(id, error),
        }
    }

    pub(super) fn session_problem(&mut self, id: SessionId, message: &str, hint: &str) {
        let Some(session) = self.state.sessions.get(id) else { return };
        let place = format!("executor:{}", session.who.adapter);
        let (message, hint) = (format!("{}: {message}", session.short_id), hint.to_owned());
        self.record_for(id, ProblemRaised { place, message, hint, fatal: false });
    }

    fn session_task_ended(&mut self, id: SessionId, error: Option<String>) {
        self.fleet.live.remove(&id);
        self.nothing_posted(id);
        let running =
            self.state.sessions.get(id).and_then(|session| session.turn.as_ref().map(|turn| turn.number));
        let waiting = self.fleet.queue.contains(&id);
        if let Some(turn) = running.filter(|_| !waiting) {
            let error = error.clone().unwrap_or_else(|| "the executor ended in mid-turn".to_owned());
            self.turn_ended(id, turn, TurnStatus::Failed, String::new(), Some(error));
        }
        if let Some(error) = error {
            self.session_problem(id, &error, "");
        }
        self.tidy(id, false);
    }
}
