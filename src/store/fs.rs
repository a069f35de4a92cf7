//! The file calls by which the store writes: a thin seam, so that tests can let the n-th call fail and see that
//! nothing acknowledged is lost. [`Disk`] is the real thing; reading goes past the seam except for the journal's own.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    path::Path,
};

/// Which file it is, whatever its name: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub dev: u64,
    pub ino: u64,
}

/// Reading at an offset.
pub trait ReadAt {
    /// Reads at most `buf.len()` bytes; 0 at the end of the file.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl ReadAt for File {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buf, offset)
    }
}

/// A file that is written at its end.
pub trait FsFile: ReadAt + Send + fmt::Debug {
    /// One write; it may take less than all.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Puts the content on the disk (fdatasync).
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file to a length.
    fn cut(&mut self, len: u64) -> io::Result<()>;
    /// Which file it is.
    fn identity(&self) -> io::Result<Identity>;
}

/// The calls that change a folder.
pub trait Fs: Send + Sync + fmt::Debug {
    /// Opens to read and to append, 0600; made if it is missing. A symbolic link is refused.
    fn append(&self, path: &Path) -> io::Result<Box<dyn FsFile>>;
    /// The same for a file that must not exist.
    fn create(&self, path: &Path) -> io::Result<Box<dyn FsFile>>;
    /// Gives a file another name, replacing what has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Puts a folder's entries on the disk.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Which file has this name.
    fn identity(&self, path: &Path) -> io::Result<Identity>;
}

/// The real file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    let no_follow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
    options.read(true).append(true).mode(0o600).custom_flags(no_follow);
    options
}

impl Fs for Disk {
    fn append(&self, path: &Path) -> io::Result<Box<dyn FsFile>> {
        Ok(Box::new(options().create(true).open(path)?))
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn FsFile>> {
        Ok(Box::new(options().create_new(true).open(path)?))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
    fn identity(&self, path: &Path) -> io::Result<Identity> {
        std::fs::metadata(path).map(|found| identity(&found))
    }
}

impl FsFile for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(self, bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }
    fn identity(&self) -> io::Result<Identity> {
        self.metadata().map(|found| identity(&found))
    }
}

fn identity(found: &std::fs::Metadata) -> Identity {
    Identity { dev: found.dev(), ino: found.ino() }
}

/// Writes `bytes` from `*done` on; `*done` says how far it came, also on an error.
pub(super) fn write_from(file: &mut dyn FsFile, bytes: &[u8], done: &mut usize) -> io::Result<()> {
    while let Some(rest) = bytes.get(*done..).filter(|rest| !rest.is_empty()) {
        match file.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => *done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes all of `bytes`.
pub(super) fn write_all(file: &mut dyn FsFile, bytes: &[u8]) -> io::Result<()> {
    write_from(file, bytes, &mut 0)
}

/// Reads at most `limit` bytes of a regular file; more, or something that is no file, is an error.
pub(super) fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    use std::io::Read;
    let file = File::open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a file"));
    }
    if found.len() > limit {
        let why = format!("its {} bytes are more than the {limit} that are read of it", found.len());
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or(0));
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
