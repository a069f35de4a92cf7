//! One effect at a time.

use std::{sync::Arc, time::Duration};

use super::Driver;
use crate::{
    agent::{
        effect::{Effect, Heard, Input},
        launch::Ended,
    },
    error::code,
    executors::{News, Order, SessionSpec},
    protocol::{
        Body, Command, Notice, SessionId,
        event::{Activity, Gate, Moment, RunFinished, Session},
    },
    watchers::{self, Sight},
};

/// The longest that stopping may take (ARCHITECTURE §6); the ladders fit into it.
const STOP_WITHIN: Duration = Duration::from_secs(8);

impl Driver {
    pub(super) async fn perform(&mut self, effect: Effect) -> Option<Ended> {
        match effect {
            Effect::Record(recorded) => {
                self.close_tails(&recorded.event.body, recorded.event.session_id);
                self.keeper.conversations.apply(&recorded.event);
                self.journal.append(recorded);
            }
            Effect::Sync => return self.sync().await,
            Effect::AskWatchers { ask, gate, sight, seen } => self.ask_watchers(ask, gate, sight, seen),
            Effect::CallModel { call, step: Some(step), request } => self.call_model(call, step, request),
            Effect::CallModel { call, step: None, request } => self.summarize(call, request),
            Effect::CancelModel { call } => self.cancel_model(call),
            Effect::SurveyFiles { session, turn, dir } => self.survey(Some(session).zip(turn), dir),
            Effect::RunBash(call) => self.run_bash(call),
            Effect::CancelBash { call_id } => {
                if let Some(cancel) = self.running.bash.remove(&call_id) {
                    cancel.cancel();
                }
            }
            Effect::CheckDir { key, dir, short_id, fork_of } => self.check_dir(key, dir, short_id, fork_of),
            Effect::Settle { session, tree, how, title } => self.settle(session, *tree, how, title),
            Effect::ReadTrajectory { call_id, session, full, last } => {
                self.read_trajectory(call_id, session, full, last);
            }
            Effect::StartSession(spec) => self.start_session(*spec),
            Effect::Order(session, order) => self.order(session, order),
            Effect::SetTimer(timer, after) => self.timers.set(timer, after),
            Effect::ClearTimer(timer) => self.timers.clear(&timer),
            Effect::Snapshot => self.keeper.note(&self.machine, true),
            Effect::RetryStore => self.journal.retry(),
            Effect::StopAll { at_once } => self.stop_all(at_once),
            Effect::Notice(notice) => self.link.notify(notice),
            Effect::Finish(finished) => return Some(self.ended(*finished)),
        }
        None
    }

    /// Live text is void once the finished event is there.
    fn close_tails(&self, body: &Body, session: Option<SessionId>) {
        let Body::Session(body) = body else { return };
        let prefix = match body {
            Session::ActivityAdded(added) => match &added.activity {
                Activity::Message { .. } => "text:",
                Activity::Reasoning { .. } => "reasoning:",
                Activity::Shell { .. } => "output:",
                Activity::FileChange { .. } | Activity::ToolCall { .. } => "tool:",
                _ => return,
            },
            Session::SessionTurnFinished(_) => "",
            _ => return,
        };
        self.link.tails.close(|key| key.session == session && key.item.starts_with(prefix));
    }

    /// Waits until everything recorded is on disk. While it cannot be written the run is held: only the human (or the
    /// end of the program) gets through.
    async fn sync(&mut self) -> Option<Ended> {
        let mut failed = false;
        loop {
            let Err(error) = self.journal.sync().await else {
                if failed {
                    // The machine was never told that it failed, and need not be told that it works.
                    self.inboxes.health.mark_unchanged();
                    self.link.notify(Notice::StoreRestored);
                }
                return None;
            };
            failed = true;
            let message = error.to_string();
            self.link.notify(Notice::StoreFailed { message: message.clone() });
            tracing::error!("the journal cannot be written: {message}");
            if !self.machine.rules.human_present() {
                return Some(self.give_up(&message).await);
            }
            loop {
                match self.held_command().await {
                    None | Some(Command::Abort { .. } | Command::Shutdown { .. }) => {
                        return Some(self.give_up(&message).await);
                    }
                    Some(Command::Resume | Command::StepOnce) => {
                        self.journal.retry();
                        break;
                    }
                    Some(_) => self.link.notify(Notice::StoreFailed { message: message.clone() }),
                }
            }
        }
    }

    /// The next command, from the screen or from another process, while everything else waits.
    async fn held_command(&mut self) -> Option<Command> {
        let inboxes = &mut self.inboxes;
        loop {
            let dropped_in = async {
                match &mut inboxes.dropped_in {
                    Some(inlet) => inlet.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                command = inboxes.commands.recv() => return command.map(|(command, _)| command),
                dropped = dropped_in => match dropped {
                    Ok(command) => return Some(command),
                    Err(error) => tracing::warn!("a command of another process was set aside: {error}"),
                },
            }
        }
    }

    /// The journal cannot be written and nobody can help: every child is stopped, and the launch is over unrecorded.
    async fn give_up(&mut self, message: &str) -> Ended {
        self.leaves.executors.shutdown(STOP_WITHIN).await;
        self.leaves.processes.kill_all();
        Ended {
            stopped_by: "error".to_owned(),
            exit_code: code::ERROR,
            exit_message: message.to_owned(),
            usage: self.machine.state.spend.totals(),
            resume_hint: Some(self.resume_hint()),
        }
    }

    fn ask_watchers(&mut self, ask: u64, gate: Gate, sight: Arc<Sight>, seen: Moment) {
        let wanted = watchers::in_run(&self.machine.rules.config.watchers, &self.machine.state.watch);
        if self.running.watchers.as_ref().unwrap_or(&self.machine.rules.config.watchers) != &wanted {
            match self.leaves.panel.with_config(&wanted) {
                Ok(panel) => self.leaves.panel = Arc::new(panel),
                Err(error) => tracing::warn!("the watchers stay as they are: {error}"),
            }
            self.running.watchers = Some(wanted);
        }
        let panel = self.leaves.panel.clone();
        let modes = self.machine.state.watch.modes.clone();
        let inputs = self.outboxes.inputs.clone();
        self.running.tasks.spawn(async move {
            let looked = panel.looking(gate, &modes);
            let outcomes = panel.look(sight, gate, &modes).await;
            let heard = Heard { looked, outcomes, seen: Some(seen) };
            let _ = inputs.send(Input::WatchersSpoke { ask, gate, heard }).await;
        });
    }

    fn start_session(&mut self, spec: SessionSpec) {
        let id = spec.id;
        let handle = self.leaves.executors.start(spec, self.outboxes.news.clone());
        self.running.sessions.insert(id, handle.orders);
    }

    fn order(&mut self, session: SessionId, order: Order) {
        if matches!(order, Order::Turn { .. }) {
            self.guard(session);
        }
        let lost = match self.running.sessions.get(&session) {
            Some(orders) => orders.try_send(order).is_err(),
            None => true,
        };
        if lost {
            let message = "the session does not take orders any more".to_owned();
            let news = News::Problem { message, hint: String::new() };
            let _ = self.outboxes.inputs.try_send(Input::Session(session, news));
        }
    }

    /// Every child by its ladder, all at once; asked again: killed.
    fn stop_all(&mut self, at_once: bool) {
        for cancel in self.running.bash.values() {
            cancel.cancel();
        }
        if at_once {
            for orders in self.running.sessions.values() {
                let _ = orders.try_send(Order::Kill);
            }
            return self.leaves.processes.kill_all();
        }
        let (executors, processes) = (self.leaves.executors.clone(), self.leaves.processes.clone());
        let inputs = self.outboxes.inputs.clone();
        let settling = self.running.settling.clone();
        settling.close();
        self.running.tasks.spawn(async move {
            let settled = tokio::time::timeout(STOP_WITHIN, settling.wait());
            let _ = tokio::join!(executors.shutdown(STOP_WITHIN), settled);
            processes.stop_all(Duration::from_secs(1)).await;
            processes.kill_all();
            let _ = inputs.send(Input::Stopped).await;
        });
    }

    fn ended(&self, finished: RunFinished) -> Ended {
        Ended {
            resume_hint: (finished.stopped_by != "exit").then(|| self.resume_hint()),
            stopped_by: finished.stopped_by,
            exit_code: finished.exit_code,
            exit_message: finished.exit_message,
            usage: finished.usage,
        }
    }

    fn resume_hint(&self) -> String {
        format!("zwarm-tui --resume -i {}", self.link.instance.short())
    }
}
