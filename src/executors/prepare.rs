//! Before the first turn in a worktree: that it is there, and the set-up command in it. Its output streams and is
//! recorded like a command of the executor; where it fails the turn fails, and the next turn tries it again.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{
    News, Order, Prepare,
    bound::{self, MAX_OUTPUT},
    session::Session,
};
use crate::{
    process::{ChildKind, environment, shell},
    protocol::event::{Activity, TurnStatus},
};

/// Longest time that a set-up may take (a turn's own time-out is usually shorter).
const SETUP: Duration = Duration::from_secs(3600);
/// Characters at the end of its output that the error tells.
const TAIL: usize = 2_000;
/// The stream of its output.
const STREAM: &str = "output:setup";

/// False: the session was ended meanwhile.
pub(super) async fn prepare(session: &mut Session) -> bool {
    let Some(prepare) = session.spec.prepare.clone() else { return true };
    loop {
        match session.orders.next().await {
            Order::Turn { turn, prompt } => match ready(session, &prepare, turn).await {
                Ready::Yes => {
                    session.orders.give_back(Order::Turn { turn, prompt });
                    return true;
                }
                Ready::No { status, error } => {
                    let response = String::new();
                    session.news.send(News::TurnEnded { turn, status, response, error }).await;
                }
                Ready::Ended { turn } => {
                    let (status, response, error) = (TurnStatus::Interrupted, String::new(), None);
                    session.news.send(News::TurnEnded { turn, status, response, error }).await;
                    return false;
                }
            },
            Order::Steer { nudge, .. } => {
                session.news.send(News::SteerRefused { nudge, why: "no turn runs".to_owned() }).await;
            }
            Order::End | Order::Kill => return false,
            Order::Interrupt | Order::Answer { .. } | Order::Recall { .. } => {}
        }
    }
}

enum Ready {
    Yes,
    No { status: TurnStatus, error: Option<String> },
    Ended { turn: u32 },
}

async fn ready(session: &mut Session, prepare: &Prepare, turn: u32) -> Ready {
    let (tree, cwd) = (&prepare.tree, session.spec.cwd.clone());
    if !cwd.is_dir() {
        let error = format!(
            "the worktree '{}' is not there any more (hint: what was committed is still in the branch '{}'; \
             delegate anew)",
            tree.worktree, tree.branch
        );
        return Ready::No { status: TurnStatus::Failed, error: Some(error) };
    }
    let Some(command) = &prepare.command else { return Ready::Yes };
    session.raw.turn(turn);
    let cancel = CancellationToken::new();
    let call = shell::ShellCall {
        command: command.clone(),
        cwd: cwd.clone(),
        timeout: SETUP,
        env: environment(ChildKind::Bash, session.config()),
        writable: None,
        label: format!("{} set-up", session.spec.short_id),
    };
    let (deltas, processes) = (session.deltas.clone(), session.setup.processes.clone());
    let live = |piece: &str| deltas.push(turn, STREAM, piece);
    let running = shell::run(&processes, call, cancel.clone(), &live);
    tokio::pin!(running);
    let (mut interrupted, mut ended) = (false, false);
    let result = loop {
        tokio::select! {
            result = &mut running => break result,
            order = session.orders.next(), if !ended => match order {
                Order::Steer { nudge, .. } => {
                    let why = "is being set up".to_owned();
                    session.news.send(News::SteerRefused { nudge, why }).await;
                }
                Order::End | Order::Kill => {
                    ended = true;
                    cancel.cancel();
                }
                Order::Interrupt => {
                    interrupted = true;
                    cancel.cancel();
                }
                Order::Turn { .. } | Order::Answer { .. } | Order::Recall { .. } => {}
            },
        }
    };
    let output = format!("{}{}", result.stdout, result.stderr);
    let activity = Activity::Shell {
        command: command.clone(),
        cwd: cwd.display().to_string(),
        exit_code: result.exit_code,
        output: bound::cut(&output, MAX_OUTPUT),
        duration_ms: u64::try_from(result.duration.as_millis()).ok(),
    };
    session.news.send(News::Activity { turn, activity }).await;
    match result.exit_code {
        _ if ended => Ready::Ended { turn },
        _ if interrupted => Ready::No { status: TurnStatus::Interrupted, error: None },
        Some(0) => {
            session.news.send(News::Prepared).await;
            Ready::Yes
        }
        code => {
            let why = match (&result.error, code) {
                (Some(error), _) => error.clone(),
                (None, Some(code)) => format!("exit code {code}"),
                (None, None) => "it did not end by itself".to_owned(),
            };
            let error = format!("executor.setup_command failed ({why}): {}", tail(&output));
            Ready::No { status: TurnStatus::Failed, error: Some(error) }
        }
    }
}

fn tail(output: &str) -> String {
    let text = output.trim_end();
    match text.char_indices().rev().nth(TAIL) {
        Some((at, _)) => format!("…{}", &text[at..]),
        None => text.to_owned(),
    }
}
