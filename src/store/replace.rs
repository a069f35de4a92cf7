//! Atomic replacement of a small file: either the old content is there or the new one, whatever happens between.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use super::fs::{Disk, Fs, write_all};

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Replaces a file (0600): a temporary one in the same folder, fdatasync, rename, fsync of the folder.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_on(&Disk, path, bytes)
}

/// The same on a given file system. A folder that stands in the file's place is moved aside.
pub fn replace_on(fs: &dyn Fs, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary(path)?;
    let written = fs.create(&temporary).and_then(|mut file| {
        write_all(file.as_mut(), bytes)?;
        file.sync()
    });
    let placed = written.and_then(|()| {
        if std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) {
            fs.rename(path, &aside(path))?;
        }
        fs.rename(&temporary, path)
    });
    if let Err(error) = placed {
        let _ = fs.remove(&temporary);
        return Err(error);
    }
    fs.sync_dir(folder(path))
}

/// Replaces a file only if its content differs; `true`: it was written.
pub(super) fn replace_if_changed(fs: &dyn Fs, path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let same = std::fs::metadata(path)
        .is_ok_and(|found| found.is_file() && found.len() == bytes.len() as u64)
        && std::fs::read(path).is_ok_and(|old| old == bytes);
    if !same {
        replace_on(fs, path, bytes)?;
    }
    Ok(!same)
}

/// Removes temporary files that a killed process has left. Only the owner of a folder may call it.
pub(super) fn sweep(dir: &Path) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let left = name.to_str().is_some_and(|name| name.starts_with('.') && name.ends_with(".tmp"));
        if left && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// `.<name>.<pid>.<n>.tmp` beside a file.
pub(super) fn temporary(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut temporary = OsString::from(".");
    temporary.push(name);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    temporary.push(format!(".{}.{number}.tmp", std::process::id()));
    Ok(path.with_file_name(temporary))
}

/// A free name beside a file for what is in its way.
fn aside(path: &Path) -> PathBuf {
    let named = |number: u32| {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".aside.{number}"));
        path.with_file_name(name)
    };
    (0..1000).map(named).find(|free| std::fs::symlink_metadata(free).is_err()).unwrap_or_else(|| named(1000))
}

/// The folder that a file is in.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_private_and_leaves_no_temporary_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("meta.json");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(!replace_if_changed(&Disk, &path, b"two").unwrap());
        assert!(replace_if_changed(&Disk, &path, b"2").unwrap());
    }

    #[test]
    fn a_folder_in_the_way_is_moved_aside_and_a_link_is_replaced_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.json");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("kept"), "x").unwrap();
        replace(&path, b"{}").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"{}");
        assert!(dir.path().join("state.json.aside.0/kept").exists());

        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        std::fs::write(&target, "untouched").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"untouched");
        assert_eq!(std::fs::read(&link).unwrap(), b"new");
    }

    #[test]
    fn what_a_killed_process_left_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".meta.json.1.0.tmp"), "half").unwrap();
        std::fs::write(dir.path().join("meta.json"), "{}").unwrap();
        sweep(dir.path());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
