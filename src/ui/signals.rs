//! Signals and the hang-up of the terminal, on threads of their own, because the loop itself may be stuck.
//!
//! The first HUP, TERM, INT or hang-up is reported to the loop, which has ten seconds to pause, save and leave;
//! then the terminal is given back and the process ends. STOP and CONT are only reported.

use std::{os::fd::AsFd, time::Duration};

use rustix::event::{PollFd, PollFlags, poll};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

use super::terminal;

/// How long an orderly end may take after a signal or a hang-up.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// How long giving the terminal back may take then.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// What the outside asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// End in order; the number of the signal (1: also when the terminal has gone).
    End(i32),
    /// Stop (`kill -TSTP`).
    Stop,
    /// Stopped by force before, and running again.
    Continue,
}

/// Starts the threads. They end with the process.
pub fn watch() -> std::io::Result<mpsc::Receiver<Outside>> {
    let (to, from) = mpsc::channel(8);
    let (gone, told) = mpsc::channel(1);
    std::thread::Builder::new().name("zwarm-hangup".into()).spawn(move || {
        if wait_for_hang_up() {
            let _ = gone.blocking_send(());
        }
        // Kept open otherwise: a closed channel would look like a hang-up.
        std::mem::forget(gone);
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("zwarm-signals".into()).spawn(move || {
        if let Some(number) = runtime.block_on(forward(to, told)) {
            std::thread::sleep(DEADLINE);
            // A terminal that takes nothing must not hold the process.
            std::thread::spawn(terminal::restore);
            std::thread::sleep(LAST_WORDS);
            std::process::exit(crate::error::code::SIGNAL + number);
        }
    })?;
    Ok(from)
}

/// Blocks until the terminal is gone. False: there is none that could go.
fn wait_for_hang_up() -> bool {
    let Ok(tty) = std::fs::File::options().read(true).open("/dev/tty") else { return false };
    loop {
        let mut fds = [PollFd::from_borrowed_fd(tty.as_fd(), PollFlags::empty())];
        match poll(&mut fds, None) {
            Ok(_) if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => {
                return true;
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

struct Signals {
    hup: Signal,
    term: Signal,
    int: Signal,
    stop: Signal,
    cont: Signal,
}

fn signals() -> std::io::Result<Signals> {
    Ok(Signals {
        hup: signal(SignalKind::hangup())?,
        term: signal(SignalKind::terminate())?,
        int: signal(SignalKind::interrupt())?,
        stop: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
        cont: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
    })
}

/// Reports until something says "end"; its number.
async fn forward(to: mpsc::Sender<Outside>, mut gone: mpsc::Receiver<()>) -> Option<i32> {
    let mut all = signals().ok()?;
    loop {
        let outside = tokio::select! {
            _ = all.hup.recv() => Outside::End(1),
            _ = all.term.recv() => Outside::End(15),
            _ = all.int.recv() => Outside::End(2),
            Some(()) = gone.recv() => Outside::End(1),
            _ = all.stop.recv() => Outside::Stop,
            _ = all.cont.recv() => Outside::Continue,
            () = to.closed() => return None,
        };
        // A loop that does not read eight reports is stuck: the deadline is for it.
        let _ = to.try_send(outside);
        if let Outside::End(number) = outside {
            return Some(number);
        }
    }
}

/// Stops this process as the shell's job control does. Returns when it runs again.
pub fn stop_here() {
    // To the whole group: a wrapper (a shell script, cargo) must stop with us.
    let _ = rustix::process::kill_current_process_group(rustix::process::Signal::STOP);
}
