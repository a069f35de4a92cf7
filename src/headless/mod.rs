//! A run without a screen: prints events as they are committed, turns signals into commands, gives the exit code.
//! One client of the instance like any other: it knows events and commands, no model, no executor.

pub mod out;
pub mod signals;
pub mod story;

use std::{ops::ControlFlow, path::Path, time::Duration};

use tokio::{sync::broadcast::error::RecvError, time::Instant};

use crate::{
    agent::launch::{Ended, Launch, Running, What},
    companions::Companions,
    error::{UserError, code},
    protocol::{
        Body, Command, Notice, Published,
        event::{Run, RunKind},
    },
    store::{Feed, Reader},
};
pub use out::Out;
use signals::{Signal, Signals};
use story::Story;

/// How events are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines for a person.
    Text,
    /// The lines of the journal.
    Json,
}

/// After a second interrupt: how long the children's end is waited for.
const HURRY: Duration = Duration::from_secs(2);
/// After the run's task has ended: how long its last events are waited for.
const LAST_EVENTS: Duration = Duration::from_secs(5);
/// The same where the disk has failed.
const NO_EVENTS: Duration = Duration::from_millis(200);
/// The number of SIGPIPE: nobody reads standard output any more.
const PIPE: i32 = 13;

/// Starts a run, prints it to its end and returns the exit code.
pub async fn run(launch: Launch, format: Format, out: &mut Out) -> Result<i32, UserError> {
    let signals = Signals::new()?;
    let mut story = Story::default();
    let from = match &launch.what {
        What::New { .. } => 0,
        What::Resume { dir, .. } => end_of(dir, &mut story)?,
    };
    let again = match launch.kind {
        RunKind::Run => "zwarm-tui run --resume -i",
        RunKind::Exec => "zwarm-tui exec -t TASK --session",
    };
    let companions = Companions::default();
    let running = companions.start(launch).await?;
    let resume = format!("{again} {}", running.link.instance.short());
    let printer = Printer { format, story, last: false };
    let (ended, signal) = follow(running, from, printer, signals, out).await;
    for warning in companions.finish().await {
        out.note(&format!("warning: {warning}"));
    }
    Ok(finish(ended, signal, &resume, out))
}

/// The offset after the last whole line of a journal: what a resumed run adds comes after it. The story hears the
/// names of what was before.
fn end_of(dir: &Path, story: &mut Story) -> Result<u64, UserError> {
    let reader = Reader::open(dir)?;
    Ok(reader.scan(0, &mut |_, event| {
        if let Ok(event) = event {
            story.heard(&event);
        }
        ControlFlow::Continue(())
    })?)
}

/// Prints a running instance to its end: how it ended (`None`: it did not say), and the signal that asked for it.
async fn follow(
    running: Running,
    from: u64,
    mut printer: Printer,
    mut signals: Signals,
    out: &mut Out,
) -> (Option<Ended>, Option<i32>) {
    let Running { link, mut done } = running;
    let mut feed = Feed::live(&link.dir, link.events(), from);
    let mut notices = link.notices();
    let mut watch = Interrupts::default();
    let mut ended: Option<Option<Ended>> = None;
    let mut failed = false;
    while !(printer.last && ended.is_some()) {
        tokio::select! {
            biased;
            signal = signals.next() => {
                let command = watch.signal(signal, out);
                if !link.try_send(command) {
                    tracing::info!("a signal came when the run had ended");
                }
            }
            () = sleep_until(watch.deadline), if watch.deadline.is_some() => break,
            published = feed.next(), if !printer.last => {
                printer.print(published, out);
                if out.closed() && watch.first.is_none() {
                    watch.first = Some(PIPE);
                    link.try_send(Command::Shutdown { signal: Some(PIPE) });
                }
            }
            result = &mut done, if ended.is_none() => {
                ended = Some(result.ok());
                // What could not be written cannot come either.
                let last = if failed { NO_EVENTS } else { LAST_EVENTS };
                watch.deadline = Some(watch.deadline.unwrap_or(Instant::now() + last));
            }
            notice = notices.recv() => match notice {
                Ok(notice) => {
                    failed |= matches!(notice, Notice::StoreFailed { .. });
                    print_notice(&notice, out);
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => tokio::time::sleep(Duration::from_millis(5)).await,
            },
        }
    }
    out.flush();
    (ended.flatten(), watch.first)
}

/// Prints what comes out of the journal.
struct Printer {
    format: Format,
    story: Story,
    /// `run_finished` is out, or nothing more will come.
    last: bool,
}

impl Printer {
    fn print(&mut self, published: Option<Published>, out: &mut Out) {
        let Some(published) = published else {
            self.last = true;
            return;
        };
        let event = &published.recorded.event;
        match self.format {
            Format::Json => out.json(&published.recorded.line),
            Format::Text => {
                if let Some(text) = self.story.tell(event) {
                    out.text(&text);
                }
            }
        }
        self.last = matches!(&event.body, Body::Run(Run::RunFinished(_)));
        if self.format == Format::Json {
            out.flush();
        }
    }
}

/// What signals have asked for.
#[derive(Default)]
struct Interrupts {
    first: Option<i32>,
    deadline: Option<Instant>,
}

impl Interrupts {
    /// The first: pause, save, leave. A second interrupt: kill and leave.
    fn signal(&mut self, signal: Signal, out: &mut Out) -> Command {
        let number = signal.number();
        if self.first.is_some() && signal == Signal::Interrupt {
            self.deadline = Some(Instant::now() + HURRY);
            return Command::Abort { at_once: true };
        }
        if self.first.is_none() {
            self.first = Some(number);
            out.note("stopping: children are ended and everything is saved (again: kill at once)");
        }
        Command::Shutdown { signal: Some(number) }
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    if let Some(deadline) = deadline {
        tokio::time::sleep_until(deadline).await;
    }
}

fn print_notice(notice: &Notice, out: &mut Out) {
    match notice {
        Notice::StoreFailed { message } => out.note(&format!("the run is held, the disk fails: {message}")),
        Notice::StoreRestored => out.note("the disk works again"),
        Notice::Warning { message } => out.note(&format!("warning: {message}")),
        Notice::InFlight(_) | Notice::Closed => {}
    }
}

/// The exit code; says how to go on.
fn finish(ended: Option<Ended>, signal: Option<i32>, resume: &str, out: &mut Out) -> i32 {
    let by_signal = signal.map(|number| code::SIGNAL + number);
    let Some(ended) = ended else {
        if by_signal.is_none() {
            out.note("error: the run ended without saying why");
        }
        return by_signal.unwrap_or(code::ERROR);
    };
    if ended.resume_hint.is_some() && !out.closed() {
        out.note(&format!("resume: {resume}"));
    }
    match by_signal {
        Some(number) if ended.exit_code != code::OK => number,
        _ => ended.exit_code,
    }
}
