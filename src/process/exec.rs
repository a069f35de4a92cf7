//! The `__exec` helper: the first moments of every child, before it becomes the program.
//!
//! `zwarm-tui __exec [--stdin null] [--rlimit NAME=N]… [--confine] [--landlock DIR]… -- PROGRAM ARGUMENT…` makes a session of
//! its own, asks to be killed with its parent (Linux), sets its limits, confines itself, then reads **one byte**
//! from its stdin, lets signals do what they do by default, and becomes the program. The end of stdin instead of the byte means that the parent died before
//! it could record the child: the helper ends without ever running the program.
//!
//! It is not responsible for recording or stopping anything: that is the parent's.

use std::{
    ffi::{OsStr, OsString},
    io::Write as _,
    os::{fd::AsFd as _, unix::process::CommandExt as _},
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
};

use rustix::process::{Resource, Rlimit, setrlimit, setsid};

/// What the helper ends with when the program does not exist.
pub const NOT_FOUND: i32 = 127;
/// What it ends with when the program cannot be run, or the child cannot be confined as asked.
pub const CANNOT_RUN: i32 = 126;
/// What it ends with when its parent was gone before the byte came.
pub const ORPHANED: i32 = 125;

/// What the helper is told to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Orders {
    /// Whether `/dev/null` takes the place of stdin after the byte.
    pub(super) stdin_null: bool,
    /// Limits by name (`core`, `nofile`, `nproc`, `fsize`, `as`, `cpu`), soft and hard alike.
    /// `nproc` counts all processes of the user and does nothing for root.
    pub(super) limits: Vec<(String, u64)>,
    /// Directories that it may write to (an empty list: none at all); `None`: not confined.
    pub(super) writable: Option<Vec<PathBuf>>,
    pub(super) program: OsString,
    pub(super) args: Vec<OsString>,
}

impl Orders {
    /// As arguments of the helper, `__exec` included.
    pub(super) fn to_args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec!["__exec".into()];
        if self.stdin_null {
            args.extend(["--stdin".into(), "null".into()]);
        }
        for (name, limit) in &self.limits {
            args.extend(["--rlimit".into(), format!("{name}={limit}").into()]);
        }
        if let Some(dirs) = &self.writable {
            args.push("--confine".into());
            args.extend(dirs.iter().flat_map(|dir| ["--landlock".into(), dir.into()]));
        }
        args.push("--".into());
        args.push(self.program.clone());
        args.extend(self.args.iter().cloned());
        args
    }

    /// Reads the arguments after `__exec`.
    pub(super) fn parse(args: Vec<OsString>) -> Result<Self, String> {
        let mut orders = Self::default();
        let mut args = args.into_iter();
        loop {
            let Some(word) = args.next() else { return Err("'--' is missing".to_owned()) };
            let mut value = || args.next().ok_or_else(|| format!("'{}' needs a value", word.display()));
            match word.to_str() {
                Some("--") => break,
                Some("--stdin") => orders.stdin_null = value()? == OsStr::new("null"),
                Some("--confine") => {
                    orders.writable.get_or_insert_default();
                }
                Some("--landlock") => orders.writable.get_or_insert_default().push(value()?.into()),
                Some("--rlimit") => {
                    let text = value()?;
                    let parts = text.to_str().and_then(|text| text.split_once('='));
                    let limit = parts.and_then(|(name, n)| Some((name.to_owned(), n.parse().ok()?)));
                    orders.limits.push(limit.ok_or_else(|| format!("'{}' is no limit", text.display()))?);
                }
                _ => return Err(format!("'{}' is not known", word.display())),
            }
        }
        orders.program = args.next().ok_or("the program is missing")?;
        orders.args = args.collect();
        Ok(orders)
    }
}

/// Runs the helper: `args` are those after `__exec` (`__exec` itself, with or without the program before it, is
/// accepted too). Returns only by becoming the program or by ending.
pub fn exec_main(mut args: Vec<OsString>) -> ! {
    if let Some(at) = args.iter().take(2).position(|arg| arg == "__exec") {
        args.drain(..=at);
    }
    let (code, message) = match Orders::parse(args) {
        Ok(orders) => become_program(&orders),
        Err(message) => (CANNOT_RUN, format!("__exec: {message}")),
    };
    if !message.is_empty() {
        let _ = writeln!(std::io::stderr(), "zwarm-tui: {message}");
    }
    std::process::exit(code)
}

/// Only comes back when something is wrong: the exit code and what to say.
fn become_program(orders: &Orders) -> (i32, String) {
    if let Err(error) = setsid() {
        return (CANNOT_RUN, format!("no session of its own: {error}"));
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
    {
        return (CANNOT_RUN, format!("cannot be tied to its parent: {error}"));
    }
    for (name, limit) in &orders.limits {
        if let Err(message) = set_limit(name, *limit) {
            return (CANNOT_RUN, message);
        }
    }
    if let Some(dirs) = &orders.writable
        && let Err(message) = confine(dirs)
    {
        return (CANNOT_RUN, message);
    }
    if !byte_came() {
        return (ORPHANED, String::new());
    }
    if let Err(error) = hear_signals() {
        return (CANNOT_RUN, format!("cannot hear signals: {error}"));
    }
    let stdin = if orders.stdin_null { Stdio::null() } else { Stdio::inherit() };
    let error = Command::new(&orders.program).args(&orders.args).stdin(stdin).exec();
    let code = if error.kind() == std::io::ErrorKind::NotFound { NOT_FOUND } else { CANNOT_RUN };
    (code, format!("cannot run '{}': {error}", orders.program.display()))
}

/// A signal that is ignored stays ignored in every child, and a shell cannot even trap it: who starts us by `&` from
/// a script has us ignore INT and QUIT, and `nohup` HUP. A signal with a handler is back at its default in the
/// program that we become; so each gets one.
fn hear_signals() -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT};
    for signal in [SIGHUP, SIGINT, SIGQUIT] {
        signal_hook::flag::register(signal, Arc::default())?;
    }
    Ok(())
}

/// Waits for the one byte; read without a buffer, since what follows belongs to the program.
fn byte_came() -> bool {
    let stdin = std::io::stdin();
    let mut byte = [0_u8; 1];
    loop {
        match rustix::io::read(stdin.as_fd(), &mut byte) {
            Ok(read) => return read == 1,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

fn set_limit(name: &str, limit: u64) -> Result<(), String> {
    let resource = match name {
        "core" => Resource::Core,
        "nofile" => Resource::Nofile,
        "nproc" => Resource::Nproc,
        "fsize" => Resource::Fsize,
        "as" => Resource::As,
        "cpu" => Resource::Cpu,
        _ => return Err(format!("'{name}' is no limit")),
    };
    setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })
        .map_err(|error| format!("cannot limit '{name}' to {limit}: {error}"))
}

/// Takes away the right to write outside `dirs` (and the harmless devices). Reading and running stay free. Where the
/// system cannot do it the child must not run: a promise that is not kept is worse than none.
#[cfg(target_os = "linux")]
fn confine(dirs: &[PathBuf]) -> Result<(), String> {
    use landlock::{
        ABI, AccessFs, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, path_beneath_rules,
    };
    const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/random"];
    // V3 has all that concerns files (also truncation and renames between folders).
    let writing = AccessFs::from_write(ABI::V3);
    let status = Ruleset::default()
        .handle_access(writing)
        .and_then(|rules| rules.create())
        .and_then(|rules| rules.add_rules(path_beneath_rules(dirs, writing)))
        .and_then(|rules| {
            rules.add_rules(path_beneath_rules(DEVICES, AccessFs::WriteFile | AccessFs::Truncate))
        })
        .and_then(|rules| rules.restrict_self())
        .map_err(|error| format!("cannot confine it: {error}"))?;
    match status.ruleset {
        RulesetStatus::NotEnforced => Err("cannot confine it: this kernel has no landlock".to_owned()),
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn confine(_: &[PathBuf]) -> Result<(), String> {
    Err("cannot confine it: only Linux has landlock".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_survive_the_way_through_the_arguments() {
        let orders = Orders {
            stdin_null: true,
            limits: vec![("core".into(), 0), ("nofile".into(), 256)],
            writable: Some(vec!["/a b".into(), "--".into()]),
            program: "bash".into(),
            args: vec!["-lc".into(), "--stdin".into()],
        };
        assert_eq!(Orders::parse(orders.to_args()[1..].to_vec()), Ok(orders.clone()));
        let nowhere = Orders { writable: Some(Vec::new()), ..orders };
        assert_eq!(Orders::parse(nowhere.to_args()[1..].to_vec()), Ok(nowhere));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let parse = |args: &[&str]| Orders::parse(args.iter().map(OsString::from).collect()).unwrap_err();
        assert_eq!(parse(&["true"]), "'true' is not known");
        assert_eq!(parse(&["--rlimit", "core", "--", "true"]), "'core' is no limit");
        assert_eq!(parse(&["--stdin", "null"]), "'--' is missing");
        assert_eq!(parse(&["--"]), "the program is missing");
    }
}
