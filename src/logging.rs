//! The program's own log: one file a day in the user's state folder, five are kept. Every line has its secrets and
//! control sequences taken out before it is written. Nothing of a run is lost with it: the journal is elsewhere.

use std::{
    fs::File,
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::{
    error::UserError,
    text::{Redactor, clean},
};

/// Files that are kept.
const KEPT: usize = 5;
/// Words for `--log-level`.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Keeps the log open; what is pending is written when it is dropped.
#[derive(Debug)]
pub struct Log {
    redactor: Arc<RwLock<Redactor>>,
    _guard: Option<WorkerGuard>,
}

impl Log {
    /// Begins to log into `dir` at a level. A folder that cannot be written is no reason not to run: `warning` says so.
    pub fn start(dir: &Path, level: &str) -> Result<(Self, Option<String>), UserError> {
        if !LEVELS.contains(&level) {
            return Err(UserError::usage(
                format!("there is no log level '{level}'"),
                format!("the levels are {}", LEVELS.map(|level| format!("'{level}'")).join(", ")),
            ));
        }
        let redactor = Arc::new(RwLock::new(Redactor::new([])));
        if level == "off" {
            return Ok((Self { redactor, _guard: None }, None));
        }
        let appender = match open(dir) {
            Ok(appender) => appender,
            Err(error) => {
                let warning = format!("there is no log: '{}' cannot be written: {error}", dir.display());
                return Ok((Self { redactor, _guard: None }, Some(warning)));
            }
        };
        let (writer, guard) = tracing_appender::non_blocking(appender);
        let filter = EnvFilter::new(format!("warn,zwarm_tui={level}"));
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_env_filter(filter)
            .with_writer(Redacting { redactor: redactor.clone(), writer })
            .finish();
        // A second call in one process (tests) keeps the first.
        let _ = tracing::subscriber::set_global_default(subscriber);
        Ok((Self { redactor, _guard: Some(guard) }, None))
    }

    /// From now on these values are taken out too.
    pub fn hide(&self, secrets: &[(String, String)]) {
        let redactor = Redactor::new(secrets.iter().map(|(_, value)| value.clone()));
        *self.redactor.write().unwrap_or_else(PoisonError::into_inner) = redactor;
    }
}

fn open(dir: &Path) -> Result<Daily, io::Error> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mut daily = Daily { dir: dir.to_owned(), day: String::new(), file: None };
    daily.turn(&today())?;
    Ok(daily)
}

/// UTC, so that the name does not depend on the place.
fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

/// A file a day, each 0600 whatever the umask (which `tracing_appender`'s own rolling file leaves to the umask).
#[derive(Debug)]
struct Daily {
    dir: PathBuf,
    day: String,
    file: Option<File>,
}

impl Daily {
    /// Opens the file of a day and removes the oldest ones.
    fn turn(&mut self, day: &str) -> io::Result<()> {
        let path = self.dir.join(format!("zwarm-tui.{day}.log"));
        let file = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        (self.day, self.file) = (day.to_owned(), Some(file));
        let ours = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("zwarm-tui.") && name.ends_with(".log"))
        };
        let entries = std::fs::read_dir(&self.dir)?.flatten();
        let mut all: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(ours).collect();
        all.sort();
        for old in all.iter().rev().skip(KEPT) {
            let _ = std::fs::remove_file(old);
        }
        Ok(())
    }
}

impl io::Write for Daily {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let today = today();
        if today != self.day {
            // A new file that cannot be opened is no reason to lose the line.
            let _ = self.turn(&today);
        }
        self.file.as_mut().map_or(Ok(bytes.len()), |file| file.write(bytes))
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}

/// Makes writers that take secrets out.
struct Redacting {
    redactor: Arc<RwLock<Redactor>>,
    writer: NonBlocking,
}

impl<'a> MakeWriter<'a> for Redacting {
    type Writer = Line<'a>;
    fn make_writer(&'a self) -> Line<'a> {
        Line { redactor: &self.redactor, writer: self.writer.clone() }
    }
}

/// Writes one formatted event.
struct Line<'a> {
    redactor: &'a RwLock<Redactor>,
    writer: NonBlocking,
}

impl io::Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let redactor = self.redactor.read().unwrap_or_else(PoisonError::into_inner);
        let clean = clean(&redactor.redact(&text));
        self.writer.write_all(clean.as_bytes())?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_line_of_the_log_holds_no_secret_and_no_control_sequence() {
        let dir = tempfile::tempdir().unwrap();
        let (writer, guard) = tracing_appender::non_blocking(open(dir.path()).unwrap());
        let redactor = Arc::new(RwLock::new(Redactor::new(["canary-12345678".to_owned()])));
        let redacting = Redacting { redactor, writer };
        redacting
            .make_writer()
            .write_all(b"key=canary-12345678 \x1b]0;evil\x07 sk-abcdefghij0123456789\n")
            .unwrap();
        drop(redacting);
        drop(guard);
        let file = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.starts_with("key="), "{text:?}");
        assert!(
            !text.contains("canary") && !text.contains("abcdefghij") && !text.contains('\u{1b}'),
            "{text:?}"
        );
    }

    #[test]
    fn five_files_are_kept_and_each_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let mut daily = open(dir.path()).unwrap();
        for day in 1..=8 {
            daily.turn(&format!("2020-01-0{day}")).unwrap();
        }
        let files: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap()).collect();
        assert_eq!(files.len(), KEPT);
        assert!(files.iter().all(|file| file.metadata().unwrap().permissions().mode() & 0o777 == 0o600));
    }

    #[test]
    fn a_level_that_does_not_exist_is_an_error() {
        let error = Log::start(Path::new("/nonexistent"), "loud").unwrap_err();
        assert_eq!(error.message, "there is no log level 'loud'");
    }
}
