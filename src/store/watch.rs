//! Waiting until something in a folder changes: by file events on Linux, else by a look each second.

use std::{io, path::Path, time::Duration};

/// How often a folder is looked at where the system has no file events (or no more of them).
const POLL: Duration = Duration::from_secs(1);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Something that may matter.
    Some,
    /// The folder itself is gone.
    Gone,
}

/// A watched folder.
#[derive(Debug)]
pub(super) struct Watch {
    source: Source,
}

#[derive(Debug)]
enum Source {
    #[cfg(target_os = "linux")]
    Events(linux::Events),
    Poll(Box<Path>, tokio::time::Interval),
}

impl Watch {
    /// Watches a folder; with a name, only what happens to the entry of that name. Must be called within a tokio
    /// runtime. What changes after this call is seen.
    pub(super) fn new(dir: &Path, name: Option<&'static str>) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        match linux::Events::new(dir, name) {
            Ok(events) => return Ok(Self { source: Source::Events(events) }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
            Err(error) => tracing::warn!(%error, "no file events: the folder is looked at each second"),
        }
        let _ = name;
        dir.metadata()?;
        let mut interval = tokio::time::interval_at(tokio::time::Instant::now() + POLL, POLL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        Ok(Self { source: Source::Poll(dir.into(), interval) })
    }

    /// Waits for the next change. Cancel-safe.
    pub(super) async fn changed(&mut self) -> Change {
        match &mut self.source {
            #[cfg(target_os = "linux")]
            Source::Events(events) => events.changed().await,
            Source::Poll(dir, interval) => {
                interval.tick().await;
                if dir.exists() { Change::Some } else { Change::Gone }
            }
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{io, mem::MaybeUninit, os::fd::OwnedFd, path::Path};

    use rustix::{
        fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags},
        io::Errno,
    };
    use tokio::io::unix::AsyncFd;

    use super::Change;

    #[derive(Debug)]
    pub(super) struct Events {
        fd: AsyncFd<OwnedFd>,
        name: Option<&'static str>,
    }

    impl Events {
        pub(super) fn new(dir: &Path, name: Option<&'static str>) -> io::Result<Self> {
            let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
            let wanted = WatchFlags::MODIFY
                | WatchFlags::CLOSE_WRITE
                | WatchFlags::CREATE
                | WatchFlags::MOVED_TO
                | WatchFlags::DELETE_SELF
                | WatchFlags::MOVE_SELF
                | WatchFlags::ONLYDIR;
            inotify::add_watch(&fd, dir, wanted)?;
            Ok(Self { fd: registered(fd)?, name })
        }

        pub(super) async fn changed(&mut self) -> Change {
            loop {
                let Ok(mut ready) = self.fd.readable().await else { return Change::Gone };
                match drain(self.fd.get_ref(), self.name) {
                    Some(change) => return change,
                    None => ready.clear_ready(),
                }
            }
        }
    }

    #[expect(
        deprecated,
        reason = "its successor is an unsafe fn, as a type could lie about its descriptor; an OwnedFd owns the one it names"
    )]
    fn registered(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
        AsyncFd::new(fd)
    }

    /// Takes all events that wait. `None`: nothing of interest is left.
    fn drain(fd: &OwnedFd, name: Option<&str>) -> Option<Change> {
        let mut buf = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(fd, &mut buf);
        let mut change = None;
        loop {
            match events.next() {
                Ok(event) => {
                    let gone = ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::IGNORED;
                    let about = event.file_name().map(|found| found.to_string_lossy().into_owned());
                    if event.events().intersects(gone) {
                        change = Some(Change::Gone);
                    } else if name.is_none_or(|name| about.is_none_or(|about| about == name)) {
                        change = change.or(Some(Change::Some));
                    }
                }
                Err(Errno::INTR) => {}
                Err(_) => return change,
            }
        }
    }
}
