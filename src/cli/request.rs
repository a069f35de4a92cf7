//! From options to what is asked for: the working directory, the task, the configuration, the instance.

use std::{
    io::{IsTerminal, Read},
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::options::{Settings, TaskArgs};
use crate::{
    config::{self, Loaded, Sources, trust::Trust},
    error::UserError,
    store::{self, Listed, Origin},
    text::clean_line,
};

/// Bytes that a task may have.
const MAX_TASK: u64 = 1024 * 1024;
/// Characters of an instance's name that are kept.
const MAX_NAME: usize = 60;

/// The directory to work in: absolute, existing.
pub fn working_dir(given: Option<&Path>) -> Result<PathBuf, UserError> {
    let given = given.unwrap_or(Path::new("."));
    let shown = given.display();
    let real = given.canonicalize().map_err(|_| {
        UserError::usage(
            format!("the directory '{shown}' does not exist"),
            "create it, or name another one with -w",
        )
    })?;
    if !real.is_dir() {
        return Err(UserError::usage(format!("'{shown}' is not a directory"), "name a directory with -w"));
    }
    Ok(real)
}

/// That a run can write its state there.
pub fn check_writable(dir: &Path) -> Result<(), UserError> {
    rustix::fs::access(dir, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).map_err(|_| {
        UserError::failed(
            format!("the directory '{}' cannot be written", dir.display()),
            "make it writable, or name another one with -w",
        )
    })
}

/// Where the configuration is read from.
pub fn sources(working_dir: &Path, settings: &Settings, flags: Value) -> Sources {
    let mut sources = Sources::new(working_dir);
    // A file of -c is relative to where the command was typed, not to -w.
    sources.file =
        settings.config.as_ref().map(|file| std::path::absolute(file).unwrap_or_else(|_| file.clone()));
    sources.sets.clone_from(&settings.set);
    sources.flags = flags;
    if settings.trust_project {
        sources.trust = Trust::Given;
    }
    sources
}

/// The configuration of a run without a screen: what the project wants and is not trusted is an error.
pub fn load_trusted(sources: &Sources) -> Result<Loaded, UserError> {
    let loaded = config::load(sources)?;
    match &loaded.untrusted {
        Some(untrusted) => Err(untrusted.error()),
        None => Ok(loaded),
    }
}

/// The task: `-t`, `-f`, or what is piped in. `None`: none was given. `Err`: one was given and is empty.
pub fn task(args: &TaskArgs, read_stdin: bool) -> Result<Option<String>, UserError> {
    let (text, from) = match (&args.task, &args.task_file) {
        (Some(text), _) => (text.clone(), "the option -t".to_owned()),
        (None, Some(file)) if file != Path::new("-") => {
            let shown = file.display();
            let opened = std::fs::File::open(file).and_then(bounded);
            let text = opened.map_err(|error| {
                UserError::usage(
                    format!("the task file '{shown}' cannot be read: {error}"),
                    "name another file with -f",
                )
            })?;
            (text, format!("the file '{shown}'"))
        }
        (None, None) if !read_stdin || std::io::stdin().is_terminal() => return Ok(None),
        _ => {
            let text = bounded(std::io::stdin().lock()).map_err(|error| {
                UserError::usage(
                    format!("the task cannot be read from standard input: {error}"),
                    "give it by -t",
                )
            })?;
            if args.task_file.is_none() && text.trim().is_empty() {
                return Ok(None);
            }
            (text, "standard input".to_owned())
        }
    };
    if text.trim().is_empty() {
        return Err(UserError::usage(format!("the task from {from} is empty"), "say what is to be done"));
    }
    Ok(Some(text.trim_end().to_owned()))
}

/// The error of a run that nobody gave a task.
pub fn no_task() -> UserError {
    UserError::usage(
        "there is no task",
        "give it by -t TEXT, by -f FILE or on standard input; --demo needs none",
    )
}

fn bounded(reader: impl Read) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    reader.take(MAX_TASK + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_TASK {
        return Err(std::io::Error::other(format!("it has more than {MAX_TASK} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| std::io::Error::other("it is not UTF-8 text"))
}

/// A name as it may be shown and typed; `None`: nothing is left of it.
pub fn name(given: &str) -> Option<String> {
    let clean = clean_line(given);
    let kept: String = clean
        .chars()
        .map(|c| if c == '/' || c == '\\' || c == '⏎' || c.is_whitespace() { '-' } else { c })
        .take(MAX_NAME)
        .collect();
    let kept = kept.trim_start_matches(['-', '.']).trim_end_matches('-');
    (!kept.is_empty()).then(|| kept.to_owned())
}

/// The instance that is meant; without a needle the newest. `state_dir`: `<working_dir>/.zwarm`.
pub fn instance(state_dir: &Path, needle: Option<&str>) -> Result<Listed, UserError> {
    match needle {
        Some(needle) => store::find(state_dir, needle),
        None => store::list(state_dir).into_iter().next().ok_or_else(|| {
            UserError::usage(
                format!("there is no instance in '{}'", state_dir.display()),
                "start one with 'zwarm-tui run -t TASK', or name another directory with -w",
            )
        }),
    }
}

/// The instance to go on with; without a needle the newest that nobody runs and that is ours.
pub fn resumable(state_dir: &Path, needle: Option<&str>, further_task: bool) -> Result<Listed, UserError> {
    let ready = |listed: &Listed| listed.origin == Origin::Ours && listed.live.is_none();
    let found = match needle {
        Some(needle) => store::find(state_dir, needle)?,
        None => store::list(state_dir)
            .into_iter()
            .find(|listed| ready(listed) && (further_task || listed.meta.stopped_by != "exit"))
            .ok_or_else(|| {
                UserError::usage(
                    "there is no instance to resume",
                    "'zwarm-tui instances' lists what is there",
                )
            })?,
    };
    let name = clean_line(&found.meta.name);
    if let Some(pid) = found.live {
        return Err(UserError::usage(
            format!("the instance '{name}' runs in process {pid}"),
            format!("steer it from here: zwarm-tui nudge TEXT -i {}", short(&found)),
        ));
    }
    match &found.origin {
        Origin::Ours => {}
        Origin::Reference(_) => {
            return Err(UserError::usage(
                format!("the instance '{name}' belongs to the Python program and is only read"),
                "start a new run with its task",
            ));
        }
        Origin::Damaged(why) => {
            return Err(UserError::failed(
                format!("the instance '{name}' cannot be resumed: {}", clean_line(why)),
                "",
            ));
        }
    }
    if found.meta.stopped_by == "exit" && !further_task {
        return Err(UserError::usage(
            format!("the instance '{name}' has ended by itself"),
            "give it a further task with -t",
        ));
    }
    Ok(found)
}

/// The first eight characters of an instance's id.
pub fn short(listed: &Listed) -> String {
    listed.meta.id.chars().take(8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cleaned_never_refused() {
        assert_eq!(name("nightly build"), Some("nightly-build".into()));
        assert_eq!(name("../../x"), Some("x".into()));
        assert_eq!(name("-rf"), Some("rf".into()));
        assert_eq!(name("\u{1b}]0;evil\u{7}ok"), Some("ok".into()));
        assert_eq!(name(&"é".repeat(300)).map(|name| name.chars().count()), Some(60));
        assert_eq!(name("  \n "), None);
    }

    #[test]
    fn an_empty_task_is_an_error_and_none_is_none() {
        let empty = TaskArgs { task: Some(" \n".into()), ..TaskArgs::default() };
        let error = task(&empty, false).unwrap_err();
        assert_eq!(error.message, "the task from the option -t is empty");
        assert_eq!(task(&TaskArgs::default(), false), Ok(None));
        let given = TaskArgs { task: Some("do it\n".into()), ..TaskArgs::default() };
        assert_eq!(task(&given, false), Ok(Some("do it".into())));
    }
}
