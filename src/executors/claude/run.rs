//! One claude session: how its process is started, and started again where the conversation is known otherwise than
//! we think.

use std::{collections::VecDeque, ffi::OsString};

use super::protocol::Claude;
use crate::{
    config::{Approval, Sandbox},
    executors::{
        SessionSpec,
        session::{Ending, Session},
        stdio::{Played, play},
    },
    process::{ChildKind, ChildSpec, Ladder, Stream, environment, find_program},
};

/// claude's word for a conversation that it has not (stderr).
const UNKNOWN_CONVERSATION: &str = "No conversation found";
/// claude's word for a conversation that it has already (stderr).
const KNOWN_CONVERSATION: &str = "is already in use";

/// How the conversation is named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Start {
    New,
    Resume,
    /// A new one that begins with all of another one.
    Fork(String),
}

/// Plays one session.
pub(in crate::executors) async fn run(mut session: Session) -> Ending {
    let Some(program) = find_program("claude", session.config().executor.claude_path.as_deref()) else {
        return Err("the program 'claude' is not there (hint: install it with 'npm install -g \
                    @anthropic-ai/claude-code', or set executor.claude_path)"
            .to_owned());
    };
    let resume = session.spec.resume.clone();
    let turns = resume.as_ref().map_or(0, |resume| resume.turns);
    let parent = resume.as_ref().and_then(|resume| resume.fork_of.clone());
    let known = resume.and_then(|resume| resume.native_id);
    let fresh = || parent.clone().map_or(Start::New, Start::Fork);
    let begun = known.is_some() && (turns > 0 || parent.is_none());
    let mut start = if begun { Start::Resume } else { fresh() };
    let native = known.unwrap_or_else(|| session.spec.id.to_string());
    let mut held = VecDeque::new();
    let mut again = true;
    loop {
        let spec = ChildSpec {
            program: program.clone(),
            args: arguments(&session, &start, &native),
            cwd: session.spec.cwd.clone(),
            env: variables(&session),
            stdin: Stream::Piped,
            label: format!("{} claude", session.spec.short_id),
            writable: None,
            ladder: Ladder::Claude,
            session: Some(session.spec.id.to_string()),
        };
        let cwd = session.spec.cwd.display().to_string();
        let seed = uuid::Uuid::new_v4().as_u128();
        let mut machine = Claude::new(native.clone(), cwd, session.spec.model.clone(), seed, turns);
        let (why, spoke) = match play(&mut session, &mut machine, spec, &mut held).await {
            Played::Ended => return Ok(()),
            Played::Died { why, spoke } => (why, spoke),
        };
        let new = turns == 0 || parent.is_some();
        // It died before its first turn was on the disk, or after that but before we knew.
        start = match start {
            Start::Resume if !spoke && again && new && why.contains(UNKNOWN_CONVERSATION) => fresh(),
            Start::New | Start::Fork(_) if !spoke && again && why.contains(KNOWN_CONVERSATION) => {
                Start::Resume
            }
            _ => return Err(format!("claude: {why}")),
        };
        again = false;
    }
}

fn arguments(session: &Session, start: &Start, native: &str) -> Vec<OsString> {
    let spec = &session.spec;
    let fixed = [
        "-p",
        "--input-format",
        "stream-json",
        "--output-format",
        "stream-json",
        "--verbose",
        "--include-partial-messages",
        "--replay-user-messages",
        "--permission-prompt-tool",
        "stdio",
        "--permission-mode",
        permission_mode(spec),
        match start {
            Start::New | Start::Fork(_) => "--session-id",
            Start::Resume => "--resume",
        },
        native,
    ];
    let mut arguments: Vec<OsString> = fixed.into_iter().map(OsString::from).collect();
    if let Start::Fork(parent) = start {
        arguments.extend(["--resume".into(), parent.into(), "--fork-session".into()]);
    }
    if let Some(model) = &spec.model {
        arguments.extend(["--model".into(), model.into()]);
    }
    arguments.extend(session.config().executor.claude_args.iter().map(OsString::from));
    arguments
}

/// The policy in claude's words. What the mode does not allow by itself comes to us as a request.
fn permission_mode(spec: &SessionSpec) -> &'static str {
    match (spec.sandbox, spec.approval) {
        (Sandbox::ReadOnly, _) => "plan",
        (Sandbox::DangerFullAccess, _) => "bypassPermissions",
        (Sandbox::WorkspaceWrite, Approval::Untrusted) => "default",
        (Sandbox::WorkspaceWrite, _) => "acceptEdits",
    }
}

fn variables(session: &Session) -> Vec<(OsString, OsString)> {
    let config = session.config();
    let mut variables = environment(ChildKind::Claude, config);
    let mut add = |name: &str, value: &str| {
        if !config.executor.env.contains_key(name) {
            variables.retain(|(known, _)| known != name);
            variables.push((name.into(), value.into()));
        }
    };
    add("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
    // claude refuses bypassPermissions as root unless it is told that it is in a sandbox. Only who wrote
    // danger-full-access gets that.
    if session.spec.sandbox == Sandbox::DangerFullAccess && rustix::process::geteuid().is_root() {
        add("IS_SANDBOX", "1");
    }
    variables
}
