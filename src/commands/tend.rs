//! `init`, `reset`, `clean`, `completions`, `man`.

use std::{
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use super::{Place, shown};
use crate::{
    agent::trees,
    cli::Cli,
    error::{UserError, code},
    headless::Out,
    process,
    store::{self, Lock, Origin},
    text::say::count,
};

/// The commented configuration that `init` writes.
const DEFAULT_CONFIG: &str = include_str!("../../assets/config.toml");
/// Keeps an executor's `git add -A` away from the journal; the configuration may be committed.
const GITIGNORE: &str = "*\n!config.toml\n";

fn failed<'a>(doing: &'a str, path: &'a Path) -> impl FnOnce(std::io::Error) -> UserError + 'a {
    move |error| {
        UserError::failed(
            format!("'{}' cannot be {doing}: {error}", path.display()),
            "look at its permissions",
        )
    }
}

/// `init`.
pub(super) fn init(place: &Place, force: bool, out: &mut Out) -> Result<i32, UserError> {
    let folder = place.working_dir.join(".zwarm");
    let path = folder.join("config.toml");
    if path.exists() && !force {
        return Err(UserError::failed(
            format!("'{}' is there already", shown(place, &path)),
            "--force replaces it",
        ));
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed("created", &folder))?;
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        write(&ignore, GITIGNORE).map_err(failed("written", &ignore))?;
    }
    store::replace(&path, DEFAULT_CONFIG.as_bytes()).map_err(failed("written", &path))?;
    out.say(&format!("wrote '{}': every key with its default, in comments", shown(place, &path)));
    Ok(code::OK)
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}

/// `reset`.
pub(super) fn reset(place: &Place, yes: bool, out: &mut Out) -> Result<i32, UserError> {
    let state_dir = place.state_dir();
    let all = store::list(&state_dir);
    let (live, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|listed| listed.live.is_some());
    for listed in &live {
        out.note(&format!("'{}' runs in process {} and stays", listed.meta.name, listed.live.unwrap_or(0)));
    }
    let rest: Vec<_> = rest
        .into_iter()
        .filter(|listed| !matches!(listed.origin, Origin::Reference(_)) && listed.dir.starts_with(&state_dir))
        .collect();
    if rest.is_empty() {
        out.say("there is nothing to delete");
        return Ok(code::OK);
    }
    let question =
        format!("delete {} in '{}'? Type 'delete':", count(rest.len(), "instance"), shown(place, &state_dir));
    if !yes && out.ask(&question).as_deref() != Some("delete") {
        return Err(UserError::usage("nothing was deleted", "type 'delete' when asked, or add --yes"));
    }
    let mut deleted = 0;
    for listed in rest {
        // Held while it goes, so that nobody resumes it meanwhile.
        let Ok(lock) = Lock::take(&listed.dir) else { continue };
        process::reap(&listed.dir);
        fs::remove_dir_all(&listed.dir).map_err(failed("deleted", &listed.dir))?;
        drop(lock);
        deleted += 1;
    }
    out.say(&format!("deleted {}", count(deleted, "instance")));
    let left = trees::left(&place.home, None);
    if left > 0 {
        out.note(&format!("{} stay; 'zwarm-tui clean' removes those without work", count(left, "worktree")));
    }
    Ok(code::OK)
}

/// `clean`: processes that carry the mark of a run of this directory, and only of runs that are dead; worktrees of this
/// directory's repository in which nothing would be lost.
pub(super) fn clean(place: &Place, out: &mut Out) -> Result<i32, UserError> {
    let mut ended = 0;
    for listed in store::list(&place.state_dir()) {
        if listed.live.is_some() || listed.origin != Origin::Ours {
            continue;
        }
        let Ok(lock) = Lock::take(&listed.dir) else { continue };
        let reaped = process::reap(&listed.dir);
        drop(lock);
        if reaped.ended > 0 {
            out.say(&format!(
                "'{}': ended {} processes ({})",
                listed.meta.name,
                reaped.ended,
                reaped.labels.join(", ")
            ));
        }
        ended += reaped.ended;
    }
    if ended == 0 {
        out.say("no process was left behind");
    }
    for found in super::runtime()?.block_on(trees::tidy(&place.home, &place.working_dir))? {
        let tree = &found.tree;
        match found.removed {
            true => out.say(&format!("removed the worktree of '{}': nothing was left in it", tree.branch)),
            false => out.say(&format!("'{}' stays in '{}': {}", tree.branch, tree.worktree, found.message)),
        }
    }
    Ok(code::OK)
}

/// `completions`.
pub(super) fn completions(shell: clap_complete::Shell, out: &mut Out) -> Result<i32, UserError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::definition(), "zwarm-tui", &mut script);
    out.raw(&script);
    Ok(code::OK)
}

/// `man`: the page of the program and of each command, one after the other.
pub(super) fn manual(out: &mut Out) -> Result<i32, UserError> {
    let failed = |error| UserError::failed(format!("the manual cannot be printed: {error}"), "");
    let mut page = Vec::new();
    let definition = Cli::definition();
    clap_mangen::Man::new(definition.clone()).render(&mut page).map_err(failed)?;
    out.raw(&page);
    Ok(code::OK)
}
