//! `session merge | keep | discard`: the work of a session in its worktree, while its run is alive or after its end.

use std::{ops::ControlFlow, time::Duration};

use serde_json::json;

use super::{Place, runtime, steer};
use crate::{
    agent::trees,
    cli::{Which, request},
    error::{UserError, code},
    headless::Out,
    protocol::{
        Body, Command, SessionId,
        event::{Human, ProblemRaised, Run, Session},
        tree::{Outcome, Settle, Settled},
    },
    store::{self, Feed, Listed, Origin, Reader},
    text::clean_line,
};

/// How long a running instance may take for it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Does it and says what came of it.
pub(super) fn settle(
    place: &Place,
    session: &str,
    which: &Which,
    (how, sure): (Settle, bool),
    out: &mut Out,
) -> Result<i32, UserError> {
    let found = request::instance(&place.state_dir(), which.instance.as_deref())?;
    if found.origin != Origin::Ours {
        return Err(UserError::usage("its sessions have no worktrees", "they belong to the Python program"));
    }
    let id = steer::session_id(&found, session)?;
    let question = format!("remove the branch and the worktree of {session}? Type 'discard':");
    if how == Settle::Discard && !sure && out.ask(&question).as_deref() != Some("discard") {
        return Err(UserError::usage("nothing was discarded", "type 'discard' when asked, or add --yes"));
    }
    let runtime = runtime()?;
    let message = match found.live {
        None => runtime.block_on(trees::settle(&found.dir, id, how))?,
        Some(_) => {
            let from = Reader::open(&found.dir)?.scan(0, &mut |_, _| ControlFlow::Continue(()))?;
            let command = Command::Settle { session: id, how };
            store::commands::drop_in(&found.dir, &command)?;
            runtime.block_on(answer(&found, &command, id, from))?
        }
    };
    if which.json {
        out.say(&json!({ "session": id.to_string(), "message": message }).to_string());
    } else {
        out.say(&clean_line(&message));
    }
    Ok(code::OK)
}

/// What the running instance records of it.
async fn answer(found: &Listed, command: &Command, id: SessionId, from: u64) -> Result<String, UserError> {
    let mut feed = Feed::foreign(&found.dir, from);
    let mut received = false;
    let seen = async {
        while let Some(published) = feed.next().await {
            let event = &published.recorded.event;
            match &event.body {
                Body::Human(Human::CommandReceived(got)) => received |= got.command == *command,
                Body::Run(Run::ProblemRaised(ProblemRaised { message, hint, place, .. }))
                    if received && place == "session" =>
                {
                    return Err(UserError::failed(message.clone(), hint.clone()));
                }
                Body::Session(Session::SessionChanged(changed)) if event.session_id == Some(id) => {
                    if let Some(Settled { outcome, message, .. }) = &changed.work {
                        return match outcome {
                            Outcome::Refused | Outcome::Conflicts => {
                                Err(UserError::failed(message.clone(), ""))
                            }
                            _ => Ok(message.clone()),
                        };
                    }
                }
                Body::Run(Run::RunFinished(_)) => break,
                _ => {}
            }
        }
        Err(UserError::failed("the run has ended meanwhile", "try it again"))
    };
    tokio::time::timeout(PATIENCE, seen).await.unwrap_or_else(|_| {
        Err(UserError::failed("the run has not answered in time", "'zwarm-tui status' says what it does"))
    })
}
