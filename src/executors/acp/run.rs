//! One session with an ACP agent: how its process is started.

use std::{
    collections::{BTreeMap, VecDeque},
    ffi::OsString,
};

use super::protocol::Acp;
use crate::{
    executors::{
        session::{Ending, Session},
        stdio::{Played, play},
    },
    process::{ChildKind, ChildSpec, Ladder, Stream, environment, find_program},
};

/// Plays one session.
pub(in crate::executors) async fn run(mut session: Session) -> Ending {
    let name = session.spec.adapter.clone();
    let agent = session.config().executors.get(&name).cloned().unwrap_or_default();
    let Some((program, arguments)) = agent.acp.split_first() else {
        return Err(format!("the adapter '{name}' has no command (hint: set executors.{name}.acp)"));
    };
    let Some(program) = find_program(program, None) else {
        return Err(format!(
            "the program '{program}' of the adapter '{name}' is not there (hint: install it, or correct \
             executors.{name}.acp)"
        ));
    };
    let spec = ChildSpec {
        program,
        args: arguments.iter().map(OsString::from).collect(),
        cwd: session.spec.cwd.clone(),
        env: variables(&session, &agent.env),
        stdin: Stream::Piped,
        label: format!("{} {name}", session.spec.short_id),
        writable: None,
        ladder: Ladder::Plain,
        session: Some(session.spec.id.to_string()),
    };
    let resume = session.spec.resume.clone();
    let cwd = session.spec.cwd.display().to_string();
    let mut machine = Acp::new(cwd, resume, session.spec.model.clone());
    match play(&mut session, &mut machine, spec, &mut VecDeque::new()).await {
        Played::Ended => Ok(()),
        Played::Died { why, .. } => Err(format!("{name}: {why}")),
    }
}

fn variables(session: &Session, own: &BTreeMap<String, Option<String>>) -> Vec<(OsString, OsString)> {
    let mut variables = environment(ChildKind::Acp, session.config());
    for (name, value) in own {
        variables.retain(|(known, _)| known != name.as_str());
        if let Some(value) = value {
            variables.push((name.into(), value.into()));
        }
    }
    variables
}
