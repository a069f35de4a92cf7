//! Where the run stands: launches, state, steps, the way it ended.

use serde::{Deserialize, Serialize};

use crate::protocol::{
    Body, Event,
    event::{Run, RunKind, RunState},
};

/// The run as its events tell it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunView {
    pub name: String,
    /// The task of the newest launch that had one.
    pub task: String,
    pub working_dir: String,
    pub model: String,
    pub kind: RunKind,
    pub demo: bool,
    pub git_base: Option<String>,
    pub launches: u32,
    pub progress: Progress,
    pub status: Status,
    /// The end of the newest launch.
    pub end: Option<End>,
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The newest step that began (0: none yet).
    pub step: u32,
    /// It has begun and not finished.
    pub in_step: bool,
    /// The step at which this launch's allowance ends (`max_steps` more than where the launch began).
    pub last_step: u32,
    /// RFC 3339.
    pub first_started: Option<String>,
    /// RFC 3339 of the newest step's start.
    pub step_started: Option<String>,
}

/// Its state, why, by whom and since when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub state: RunState,
    pub reason: String,
    pub by: String,
    /// RFC 3339, only while sleeping.
    pub until: Option<String>,
    /// RFC 3339.
    pub since: String,
}

/// How a launch ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    pub stopped_by: String,
    pub exit_message: String,
    pub exit_code: i32,
    /// RFC 3339.
    pub at: String,
}

impl RunView {
    /// Follows one event.
    pub fn apply(&mut self, event: &Event) {
        let Body::Run(body) = &event.body else { return };
        let at = event.timestamp.to_string();
        match body {
            Run::RunStarted(started) => {
                self.launches += 1;
                self.name.clone_from(&started.instance_name);
                if !started.task.is_empty() {
                    self.task.clone_from(&started.task);
                }
                self.working_dir.clone_from(&started.working_dir);
                self.model.clone_from(&started.model);
                self.kind = started.kind;
                self.demo = started.demo;
                self.git_base = self.git_base.take().or_else(|| started.git_base.clone());
                let allowance = started.config.pointer("/orchestrator/max_steps").and_then(|v| v.as_u64());
                let allowance = u32::try_from(allowance.unwrap_or(0)).unwrap_or(u32::MAX);
                self.progress.last_step = self.progress.step.saturating_add(allowance);
                self.progress.first_started.get_or_insert_with(|| at.clone());
                self.status = Status { state: RunState::Running, since: at, ..Status::default() };
                self.end = None;
            }
            Run::RunStateChanged(changed) => {
                self.status = Status {
                    state: changed.state,
                    reason: changed.reason.clone(),
                    by: changed.by.clone(),
                    until: changed.until.clone(),
                    since: at,
                };
            }
            Run::RunRenamed(renamed) => self.name.clone_from(&renamed.name),
            Run::StepStarted(started) => {
                self.progress.step = started.step;
                self.progress.in_step = true;
                self.progress.step_started = Some(at);
            }
            Run::StepFinished(_) => self.progress.in_step = false,
            Run::RunFinished(finished) => {
                self.status = Status { state: RunState::Ended, since: at.clone(), ..self.status.clone() };
                self.end = Some(End {
                    stopped_by: finished.stopped_by.clone(),
                    exit_message: finished.exit_message.clone(),
                    exit_code: finished.exit_code,
                    at,
                });
            }
            Run::ProblemRaised(_) | Run::Recovered(_) | Run::ClockChanged(_) => {}
        }
    }
}
