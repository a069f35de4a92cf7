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
    use tokio::io::unix::AsyncFd;

    let watcher = AsyncFd::register(inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?)?;
    inotify::add_watch(watcher.get_ref(), dir, WatchFlags::CREATE | WatchFlags::MOVED_TO)?;
    // The watch is there before the first look, so nothing is missed between them.
    while !path.try_exists()? {
        let mut ready = watcher.readable().await?;
        let mut heap = [0u8; 4096];
        while matches!(rustix::io::read(watcher.get_ref(), &mut heap), Ok(read) if read > 0) {}
        ready.clear_ready();
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
