//! Drives a protocol machine over the pipes of one child: reads lines, writes lines, hands orders in, reports news.
//! Knows no protocol and decides nothing but when a child is given up.

use std::{collections::VecDeque, time::Duration};

use tokio::{
    io::AsyncWriteExt,
    process::{ChildStdin, ChildStdout},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};

use super::{
    News, Order,
    lines::{Line, Lines, StderrTail},
    raw::Way,
    session::Session,
    shape::{Effect, Machine},
};
use crate::process::{Child, ChildSpec};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(45);
/// How long a turn may take to end by itself when its session is ended.
const LAST_TURN: Duration = Duration::from_secs(2);
/// How long the rest of a dead child's output is read.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long a machine that [`Machine::waits`] is left waiting.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// Lines that may wait for a child that does not read.
const MAX_UNREAD: usize = 1024;

/// How it ended.
#[derive(Debug)]
pub(super) enum Played {
    /// By an order.
    Ended,
    /// The child died, or never came to speak. `spoke`: the handshake was over.
    Died { why: String, spoke: bool },
}

/// A child and the ends of its pipes. Its writer task ends with the queue or with the pipe.
struct Pipes {
    child: Child,
    /// `None`: nothing more is written.
    to: Option<mpsc::Sender<String>>,
    writer: JoinHandle<()>,
    lines: Lines<ChildStdout>,
    stderr: StderrTail,
}

impl Drop for Pipes {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

/// What happened next.
enum Next {
    Line(Line),
    Silence,
    Order(Order),
    Quiet,
}

/// Starts a child and plays a session with it until an order ends it or it dies. `held`: orders that came before it
/// was ready; what is not used of them stays there.
pub(super) async fn play(
    session: &mut Session,
    machine: &mut impl Machine,
    spec: ChildSpec,
    held: &mut VecDeque<Order>,
) -> Played {
    let mut pipes = match start(session, spec).await {
        Ok(pipes) => pipes,
        Err(why) => return Played::Died { why, spoke: false },
    };
    match open(session, machine, &mut pipes, held).await {
        Opened::Ready => {}
        Opened::Over(order) => return end(session, machine, pipes, order).await,
        Opened::Failed(why) => {
            let why = with_stderr(why, &mut pipes).await;
            return Played::Died { why, spoke: false };
        }
    }
    loop {
        let next = match held.pop_front() {
            Some(order) => Next::Order(order),
            None => next(session, &mut pipes, machine.waits().then_some(PATIENCE)).await,
        };
        let effects = match next {
            Next::Order(order @ (Order::End | Order::Kill)) => {
                return end(session, machine, pipes, order).await;
            }
            Next::Order(order) => {
                if let Order::Turn { turn, .. } = &order {
                    session.raw.turn(*turn);
                }
                machine.order(order)
            }
            Next::Line(line) => machine.line(&line),
            Next::Quiet => machine.waited(),
            Next::Silence => return died(session, machine, pipes).await,
        };
        if let Err(why) = perform(session, &pipes, effects).await {
            tracing::warn!(why, label = session.spec.short_id, "the child's input is lost");
            pipes.child.kill();
        }
    }
}

async fn start(session: &Session, spec: ChildSpec) -> Result<Pipes, String> {
    let mut child = session.setup.processes.spawn(spec).await.map_err(|error| error.to_string())?;
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err("a pipe of the child is missing".to_owned());
    };
    let (to, from) = mpsc::channel(MAX_UNREAD);
    let writer = tokio::spawn(write(stdin, from));
    Ok(Pipes { child, to: Some(to), writer, lines: Lines::new(stdout), stderr: StderrTail::drain(stderr) })
}

/// Writes what comes, until nothing can come any more: then the child's stdin is closed.
async fn write(mut stdin: ChildStdin, mut from: mpsc::Receiver<String>) {
    while let Some(mut line) = from.recv().await {
        line.push('\n');
        if stdin.write_all(line.as_bytes()).await.is_err() {
            return;
        }
    }
}

enum Opened {
    Ready,
    Over(Order),
    Failed(String),
}

/// The handshake. Orders are held; one that ends the session ends the wait.
async fn open(
    session: &mut Session,
    machine: &mut impl Machine,
    pipes: &mut Pipes,
    held: &mut VecDeque<Order>,
) -> Opened {
    let opening = machine.opening();
    if let Err(why) = perform(session, pipes, opening).await {
        return Opened::Failed(why);
    }
    let deadline = tokio::time::Instant::now() + HANDSHAKE;
    while !machine.ready() {
        if let Some(why) = machine.refused() {
            return Opened::Failed(why.to_owned());
        }
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        let effects = match next(session, pipes, Some(left)).await {
            Next::Line(line) => machine.line(&line),
            Next::Order(order @ (Order::End | Order::Kill)) => return Opened::Over(order),
            Next::Order(order) => {
                held.push_back(order);
                continue;
            }
            Next::Silence => return Opened::Failed(exit(pipes).await),
            Next::Quiet => return Opened::Failed(format!("no answer within {} s", HANDSHAKE.as_secs())),
        };
        if let Err(why) = perform(session, pipes, effects).await {
            return Opened::Failed(why);
        }
    }
    Opened::Ready
}

async fn next(session: &mut Session, pipes: &mut Pipes, at_most: Option<Duration>) -> Next {
    let quiet = async {
        match at_most {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    let line = tokio::select! {
        biased;
        order = session.orders.next() => return Next::Order(order),
        line = pipes.lines.next() => line,
        _ = pipes.child.wait() => timeout(LAST_WORDS, pipes.lines.next()).await.unwrap_or(None),
        () = quiet => return Next::Quiet,
    };
    match line {
        Some(line) => {
            session.raw.line(Way::Out, &line.text);
            Next::Line(line)
        }
        None => Next::Silence,
    }
}

async fn perform(session: &mut Session, pipes: &Pipes, effects: Vec<Effect>) -> Result<(), String> {
    for effect in effects {
        match effect {
            Effect::Write(line) => {
                session.raw.line(Way::In, &line);
                let sent = pipes.to.as_ref().is_none_or(|to| to.try_send(line).is_ok());
                if !sent {
                    return Err("it does not read its input".to_owned());
                }
            }
            Effect::News(News::Started { native_id, cli_version, model, .. }) => {
                let pid = Some(pipes.child.pid);
                let started = News::Started { native_id, cli_version, model, pid, shared_pid: false };
                session.news.send(started).await;
            }
            Effect::News(news) => session.news.send(news).await,
            Effect::Live { turn, item, text } => session.deltas.push(turn, item, text),
        }
    }
    Ok(())
}

/// Ends the child by its ladder, its turn first.
async fn end(session: &mut Session, machine: &mut impl Machine, mut pipes: Pipes, order: Order) -> Played {
    let mut kill = order == Order::Kill;
    if !kill && machine.works() {
        let interrupt = machine.order(Order::Interrupt);
        if perform(session, &pipes, interrupt).await.is_ok() {
            kill = last_turn(session, machine, &mut pipes).await;
        }
    }
    let effects = machine.ended("the session was ended");
    let _ = perform(session, &pipes, effects).await;
    // Without the queue the writer ends and closes the child's stdin: the ladder may begin with that.
    pipes.to = None;
    let Pipes { child, lines, .. } = &mut pipes;
    let mut drain = async || while lines.next().await.is_some() {};
    if kill {
        child.kill();
        child.finish().await;
    } else {
        tokio::select! {
            () = child.stop() => {}
            () = async { drain().await; std::future::pending().await } => {}
            () = told_to_kill(session) => {
                child.kill();
                child.finish().await;
            }
        }
    }
    Played::Ended
}

/// Lets the interrupted turn end. True: there was an order to kill instead.
async fn last_turn(session: &mut Session, machine: &mut impl Machine, pipes: &mut Pipes) -> bool {
    let deadline = tokio::time::Instant::now() + LAST_TURN;
    while machine.works() {
        let line = tokio::select! {
            line = pipes.lines.next() => line,
            () = tokio::time::sleep_until(deadline) => None,
            () = told_to_kill(session) => return true,
        };
        let Some(line) = line else { return false };
        session.raw.line(Way::Out, &line.text);
        let effects = machine.line(&line);
        if perform(session, pipes, effects).await.is_err() {
            return false;
        }
    }
    false
}

/// Waits for an order to kill; nothing else matters any more.
async fn told_to_kill(session: &mut Session) {
    match session.orders.next().await {
        Order::Kill => {}
        // Once all are to end this is all that comes, again and again.
        Order::End => std::future::pending().await,
        _ => Box::pin(told_to_kill(session)).await,
    }
}

/// The child's output has ended by itself.
async fn died(session: &mut Session, machine: &mut impl Machine, mut pipes: Pipes) -> Played {
    let why = exit(&mut pipes).await;
    let why = with_stderr(why, &mut pipes).await;
    let effects = machine.ended(&why);
    let _ = perform(session, &pipes, effects).await;
    Played::Died { why, spoke: true }
}

async fn exit(pipes: &mut Pipes) -> String {
    let status = match timeout(LAST_WORDS, pipes.child.wait()).await {
        Ok(status) => status,
        Err(_) => {
            pipes.child.kill();
            pipes.child.wait().await
        }
    };
    format!("it ended with {status}")
}

/// Adds the end of its stderr; nothing is left of the child afterwards.
async fn with_stderr(why: String, pipes: &mut Pipes) -> String {
    pipes.child.kill();
    let _ = timeout(LAST_WORDS, pipes.child.finish()).await;
    match pipes.stderr.end().await {
        text if text.is_empty() => why,
        text => format!("{why}: {text}"),
    }
}
