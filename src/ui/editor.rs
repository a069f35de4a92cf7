//! `$EDITOR` and `$PAGER`: the terminal has been given back before they are called.

use std::{
    io::{Read, Write},
    ops::ControlFlow,
    path::Path,
    process::{Command, Stdio},
};

use super::render::transcript::export::Exporter;
use crate::protocol::SessionId;

/// Bytes of an edited text that are read.
const MAX: u64 = 16 << 20;

/// Lets the human edit a text; an error: the text is as it was.
pub(super) fn edit(text: &str, ending: &str, dir: &Path) -> Result<String, String> {
    let file = write(text, ending, dir).map_err(|error| format!("no file for the editor: {error}"))?;
    let editor = editor();
    let status = shell(&editor, file.path()).status().map_err(|error| format!("'{editor}': {error}"))?;
    if !status.success() {
        return Err(format!("'{editor}' ended with {status}"));
    }
    let bytes = read_bounded(file.path(), MAX).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Lets the human edit a file of theirs, at a line where the editor is known to take one.
pub(super) fn open(path: &Path, line: Option<u32>) -> Result<(), String> {
    let editor = editor();
    let program = editor.split_whitespace().next().unwrap_or_default();
    let program = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let takes_line =
        ["vi", "vim", "nvim", "nano", "emacs", "kak", "micro", "joe", "ne", "mg"].contains(&program);
    let call = match line.filter(|_| takes_line) {
        Some(line) => format!("{editor} +{line}"),
        None => editor.clone(),
    };
    let status = shell(&call, path).status().map_err(|error| format!("'{editor}': {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("'{editor}' ended with {status}")) }
}

/// What the human edits with.
fn editor() -> String {
    let set = |name: &&str| std::env::var(name).ok().filter(|editor| !editor.trim().is_empty());
    ["VISUAL", "EDITOR"].iter().find_map(set).unwrap_or_else(|| "vi".to_owned())
}

/// A whole file of at most so many bytes.
pub(super) fn read_bounded(path: &Path, max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path)?.take(max + 1).read_to_end(&mut bytes)?;
    if read as u64 > max {
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "the file is too long"));
    }
    Ok(bytes)
}

/// Shows a text in the pager; the file lies in `dir`, which is the user's own, while the pager shows it.
pub(super) fn page(text: &str, dir: &Path) -> Result<(), String> {
    let file = write(text, ".txt", dir).map_err(|error| format!("no file for the pager: {error}"))?;
    page_file(&file)
}

/// Shows a file in the pager.
pub(super) fn page_file(file: &tempfile::NamedTempFile) -> Result<(), String> {
    let set = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
    let pager = set.unwrap_or_else(|| "less -R".to_owned());
    shell(&pager, file.path()).status().map(|_| ()).map_err(|error| format!("'{pager}': {error}"))
}

/// A whole transcript as a private file in `dir`, which is the user's own.
pub(super) fn write_out(all: Exporter, dir: &Path) -> Result<tempfile::NamedTempFile, String> {
    let written = (|| -> std::io::Result<tempfile::NamedTempFile> {
        let file = write("", ".txt", dir)?;
        all.write(&mut std::io::BufWriter::new(file.as_file()))?;
        Ok(file)
    })();
    written.map_err(|error| format!("the transcript cannot be written for the pager: {error}"))
}

/// Writes the raw lines of a session (or the one with a sequence number) into a private file, each of them whole.
pub(super) fn write_raw(
    instance: &Path,
    session: SessionId,
    line: Option<u64>,
    dir: &Path,
) -> Result<tempfile::NamedTempFile, String> {
    let told = |error: &dyn std::fmt::Display| format!("the lines cannot be read: {error}");
    let reader = crate::store::Reader::open(instance).map_err(|error| told(&error))?;
    let mut file = write("", ".jsonl", dir).map_err(|error| told(&error))?;
    let mut out = std::io::BufWriter::new(&mut file);
    let mut written = Ok(());
    let each = &mut |_, event: Result<crate::protocol::Event, _>| {
        if let Ok(event) = event
            && event.session_id == Some(session)
            && line.is_none_or(|line| line == event.seq)
        {
            let text = event.to_line(&event.body.payload().unwrap_or_default());
            written = writeln!(out, "{}", crate::text::clean_whole(&text));
        }
        if written.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    reader.scan(0, each).map_err(|error| told(&error))?;
    written.and_then(|()| out.flush()).map_err(|error| told(&error))?;
    drop(out);
    Ok(file)
}

/// A private file that goes away with its handle.
fn write(text: &str, ending: &str, dir: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    std::fs::create_dir_all(dir)?;
    let mut file = tempfile::Builder::new().prefix("zwarm-").suffix(ending).tempfile_in(dir)?;
    file.write_all(text.as_bytes())?;
    file.flush()?;
    Ok(file)
}

/// The human's own command line (it may hold arguments) with a file after it.
fn shell(line: &str, file: &Path) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{line} \"$1\"")).arg("sh").arg(file);
    command.stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
    command
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_the_pager_shows_is_private_and_goes_away_with_its_handle() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("state");
        let file = write("secret", ".txt", &dir).unwrap();
        let path = file.path().to_owned();
        assert!(path.starts_with(&dir), "{}", path.display());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(file);
        assert!(std::fs::read_dir(&dir).unwrap().next().is_none());
    }
}
