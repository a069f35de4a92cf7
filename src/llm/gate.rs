//! Waiting until a file exists, without polling where the system tells of new files.

use std::{io, path::Path};

/// Waits until `dir/name` exists; the directory is made if it is missing.
pub async fn wait(dir: &Path, name: &str) -> io::Result<()> {
    tokio::fs::create_dir_all(dir).await?;
    let path = dir.join(name);
    wait_in(dir, &path).await
}

#[cfg(target_os = "linux")]
async fn wait_in(dir: &Path, path: &Path) -> io::Result<()> {
    use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
    use tokio::{io::AsyncReadExt, net::unix::pipe::Receiver};

    let watcher = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
    inotify::add_watch(&watcher, dir, WatchFlags::CREATE | WatchFlags::MOVED_TO)?;
    // The watch is no pipe, but is read like one.
    let mut watcher = Receiver::from_owned_fd_unchecked(watcher)?;
    let mut heap = [0u8; 4096];
    // The watch is there before the first look, so nothing is missed between them.
    while !path.try_exists()? {
        if watcher.read(&mut heap).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
async fn wait_in(_dir: &Path, path: &Path) -> io::Result<()> {
    while !path.try_exists()? {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn it_waits_for_its_own_file_and_for_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("go");
        let mut waiting = pin!(wait_in(dir.path(), &path));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        std::fs::write(dir.path().join("other"), "").unwrap();
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("the other file opened it"),
            () = tokio::task::yield_now() => {}
        }
        std::fs::write(&path, "").unwrap();
        waiting.await.unwrap();
        wait(dir.path(), "go").await.unwrap();
    }
}
