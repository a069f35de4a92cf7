//! `pause | resume | nudge | abort`: a command for a run of another process, dropped into its folder; waits until it
//! was received.

use std::{ops::ControlFlow, time::Duration};

use super::{Place, runtime};
use crate::{
    cli::{Steer, request},
    error::{UserError, code},
    fold::Sessions,
    headless::Out,
    protocol::{
        Body, Command, NudgeId, NudgeTarget, Sender, SessionId,
        command::Delivery,
        event::{Human, Run},
    },
    store::{self, Feed, Listed, Reader},
    text::clean_line,
};

/// How long the run's answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends it and says whether it was received.
pub(super) fn steer(place: &Place, steer: &Steer, out: &mut Out) -> Result<i32, UserError> {
    let target = match steer {
        Steer::Pause { target, .. } | Steer::Resume { target, .. } => target,
        Steer::Nudge { target, .. } | Steer::Abort { target, .. } => target,
    };
    let found = store::find(&place.state_dir(), &target.instance)?;
    let name = clean_line(&found.meta.name).into_string();
    let Some(pid) = found.live else {
        return Err(UserError::failed(
            format!("the instance '{name}' does not run"),
            format!("go on with it: zwarm-tui run --resume -i {}", request::short(&found)),
        ));
    };
    let command = command(steer, &found)?;
    let from = Reader::open(&found.dir)?.scan(0, &mut |_, _| ControlFlow::Continue(()))?;
    store::commands::drop_in(&found.dir, &command)?;
    let received = runtime()?.block_on(received(&found, &command, from));
    let what = describe(steer);
    if received {
        out.say(&format!("'{name}' has received: {what}"));
        return Ok(code::OK);
    }
    out.note(&format!(
        "process {pid} has not answered within {} s; '{what}' stays in its folder",
        PATIENCE.as_secs()
    ));
    Ok(code::ERROR)
}

fn describe(steer: &Steer) -> String {
    match steer {
        Steer::Pause { now: false, .. } => "pause".to_owned(),
        Steer::Pause { now: true, .. } => "pause now".to_owned(),
        Steer::Resume { step: false, .. } => "resume".to_owned(),
        Steer::Resume { step: true, .. } => "one step".to_owned(),
        Steer::Nudge { session: None, .. } => "a nudge to the orchestrator".to_owned(),
        Steer::Nudge { session: Some(session), .. } => format!("a nudge to {session}"),
        Steer::Abort { at_once: false, .. } => "abort".to_owned(),
        Steer::Abort { at_once: true, .. } => "abort at once".to_owned(),
    }
}

fn command(steer: &Steer, found: &Listed) -> Result<Command, UserError> {
    Ok(match steer {
        Steer::Pause { now, .. } => Command::Pause { now: *now },
        Steer::Resume { step: false, .. } => Command::Resume,
        Steer::Resume { step: true, .. } => Command::StepOnce,
        Steer::Abort { at_once, .. } => Command::Abort { at_once: *at_once },
        Steer::Nudge { text, session, queue, .. } => {
            if text.trim().is_empty() {
                return Err(UserError::usage(
                    "the nudge is empty",
                    "say something: zwarm-tui nudge TEXT -i ID",
                ));
            }
            let target = match session {
                None => NudgeTarget::Orchestrator,
                Some(session) => NudgeTarget::Session(session_id(found, session)?),
            };
            let how = if *queue { Delivery::Queue } else { Delivery::Auto };
            Command::Nudge { nudge: NudgeId::random(), target, text: text.clone(), how }
        }
    })
}

pub(super) fn session_id(found: &Listed, needle: &str) -> Result<SessionId, UserError> {
    let mut sessions = Sessions::default();
    Reader::open(&found.dir)?.scan(0, &mut |_, event| {
        if let Ok(event) = event {
            sessions.apply(&event);
        }
        ControlFlow::Continue(())
    })?;
    sessions.find(needle).map(|session| session.id).ok_or_else(|| {
        let known: Vec<&str> = sessions.all.iter().map(|session| session.short_id.as_str()).collect();
        UserError::usage(
            format!("there is no session '{needle}'"),
            if known.is_empty() {
                "it has none yet".to_owned()
            } else {
                format!("its sessions are {}", known.join(", "))
            },
        )
    })
}

/// Whether the run records the command in time.
async fn received(found: &Listed, command: &Command, from: u64) -> bool {
    let mut feed = Feed::foreign(&found.dir, from);
    let seen = async {
        while let Some(published) = feed.next().await {
            match &published.recorded.event.body {
                Body::Human(Human::CommandReceived(got))
                    if got.from == Sender::Process && got.command == *command =>
                {
                    return true;
                }
                Body::Run(Run::RunFinished(_)) => return matches!(command, Command::Abort { .. }),
                _ => {}
            }
        }
        false
    };
    tokio::time::timeout(PATIENCE, seen).await.unwrap_or(false)
}
