//! The way round a codex whose app-server does not answer: `codex exec --json`, one process a turn, the same threads.
//! It streams no text, cannot be steered and asks nobody; what would need leave is refused by codex itself.

mod heard;

use std::{ffi::OsString, path::PathBuf, time::Duration};

use tokio::{io::AsyncWriteExt, time::timeout};

use self::heard::Heard;
use super::process::told;
use crate::{
    config::Sandbox,
    executors::{
        News, Order, SessionSpec,
        lines::{Lines, StderrTail},
        raw::Way,
        registry,
        session::{Ending, Session},
    },
    process::{Child, ChildKind, ChildSpec, Ladder, Stream, environment},
    protocol::event::TurnStatus,
};

/// How long the process may take to leave after its turn is over.
const LEAVING: Duration = Duration::from_secs(5);
/// What it is called where versions are shown.
const SHOWN: &str = "codex exec (its app-server does not answer)";

/// Plays the session from here on. `why`: what is wrong with the app-server.
pub(super) async fn run(mut session: Session, why: String) -> Ending {
    let adapter = registry::find("codex", session.config()).and_then(|adapter| adapter.path);
    let Some(program) = adapter else { return Err("the program 'codex' is not there".to_owned()) };
    let message = format!(
        "{why}; this session goes by 'codex exec': no live text, no messages in mid-turn, no questions"
    );
    session.news.send(News::Problem { message, hint: "update codex or zwarm-tui".to_owned() }).await;
    let resume = session.spec.resume.clone().unwrap_or_default();
    let mut heard = Heard::new(resume.native_id, resume.counted, session.spec.clone());
    loop {
        match session.orders.next().await {
            Order::Turn { turn, prompt } => {
                session.raw.turn(turn);
                if turn_of(&mut session, &mut heard, &program, turn, prompt).await {
                    return Ok(());
                }
            }
            Order::Steer { nudge, .. } => refuse(&session, nudge, "has no running turn").await,
            Order::End | Order::Kill => return Ok(()),
            Order::Interrupt | Order::Answer { .. } | Order::Recall { .. } => {}
        }
    }
}

async fn refuse(session: &Session, nudge: crate::protocol::NudgeId, why: &str) {
    session.news.send(News::SteerRefused { nudge, why: why.to_owned() }).await;
}

/// One turn. True: the session is to end.
async fn turn_of(
    session: &mut Session,
    heard: &mut Heard,
    program: &std::path::Path,
    turn: u32,
    prompt: String,
) -> bool {
    heard.begin(turn, prompt.len());
    let spec = child(session, heard.native(), program.to_owned());
    let mut child = match session.setup.processes.spawn(spec).await {
        Ok(child) => child,
        Err(error) => {
            report(session, heard.ended(None, &error.to_string())).await;
            return false;
        }
    };
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        report(session, heard.ended(None, "codex was started without its pipes")).await;
        return false;
    };
    session.raw.line(Way::In, &serde_json::Value::from(prompt.as_str()).to_string());
    // The prompt goes by stdin: an argument has a limit. Its end is what codex waits for.
    let writing = tokio::spawn(async move {
        let _ = stdin.write_all(prompt.as_bytes()).await;
    });
    let (mut lines, mut stderr) = (Lines::new(stdout), StderrTail::drain(stderr));
    let (mut stopped, mut over) = (None, false);
    while stopped.is_none() {
        tokio::select! {
            biased;
            order = session.orders.next() => match order {
                Order::Steer { nudge, .. } => refuse(session, nudge, "cannot take messages in mid-turn").await,
                order @ (Order::Interrupt | Order::End | Order::Kill) => {
                    (stopped, over) = (Some(TurnStatus::Interrupted), order != Order::Interrupt);
                    if order == Order::Kill {
                        child.kill();
                    }
                }
                Order::Turn { .. } | Order::Answer { .. } | Order::Recall { .. } => {}
            },
            line = lines.next() => match line {
                Some(line) => {
                    session.raw.line(Way::Out, &line.text);
                    let news = heard.line(&line.text, child.pid);
                    report(session, news).await;
                }
                None => break,
            },
        }
    }
    let status = leave(&mut child, &mut lines, stopped.is_some()).await;
    writing.abort();
    let tail = stderr.end().await;
    report(session, heard.ended(stopped, &format!("codex exec ended ({status}){}", told(&tail)))).await;
    over
}

/// Waits for its end, or brings it about; its output is drained meanwhile.
async fn leave(
    child: &mut Child,
    lines: &mut Lines<tokio::process::ChildStdout>,
    stop: bool,
) -> std::process::ExitStatus {
    if !stop && timeout(LEAVING, child.wait()).await.is_ok() {
        return child.finish().await;
    }
    let drained = async {
        while lines.next().await.is_some() {}
        std::future::pending::<()>().await
    };
    tokio::select! {
        () = child.stop() => {}
        () = drained => {}
    }
    child.finish().await
}

async fn report(session: &Session, news: Vec<News>) {
    for news in news {
        session.news.send(news).await;
    }
}

fn child(session: &Session, native: Option<&str>, program: PathBuf) -> ChildSpec {
    ChildSpec {
        program,
        args: arguments(&session.spec, &session.config().executor.codex_args, native),
        cwd: session.spec.cwd.clone(),
        env: environment(ChildKind::Codex, session.config()),
        stdin: Stream::Piped,
        label: format!("{} codex exec", session.spec.short_id),
        writable: None,
        ladder: Ladder::Plain,
        session: Some(session.spec.id.to_string()),
    }
}

/// The sandbox and the directory are given every time (a resumed thread would be read-only), before `resume` (which does
/// not know them).
fn arguments(spec: &SessionSpec, more: &[String], native: Option<&str>) -> Vec<OsString> {
    let sandbox = match spec.sandbox {
        Sandbox::ReadOnly => "read-only",
        Sandbox::WorkspaceWrite => "workspace-write",
        Sandbox::DangerFullAccess => "danger-full-access",
    };
    let mut all: Vec<OsString> = ["exec", "--sandbox", sandbox, "--cd"].map(OsString::from).to_vec();
    all.push(spec.cwd.clone().into());
    if spec.sandbox == Sandbox::WorkspaceWrite {
        for key in ["exclude_slash_tmp", "exclude_tmpdir_env_var"] {
            all.extend(["-c".into(), format!("sandbox_workspace_write.{key}=true").into()]);
        }
    }
    if let Some(model) = &spec.model {
        all.extend(["--model".into(), model.into()]);
    }
    all.extend(more.iter().map(OsString::from));
    if native.is_some() {
        all.push("resume".into());
    }
    all.extend(["--json", "--skip-git-repo-check"].map(OsString::from));
    all.extend(native.map(OsString::from));
    all.push("-".into());
    all
}
