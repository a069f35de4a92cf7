//! `zwarm-tui`: the helper that starts children (`__exec`), or a command line. The one place that prints an error.

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;
use zwarm_tui::{cli::Cli, commands, error::code, headless::Out, process};

fn main() -> ExitCode {
    let mut args: Vec<OsString> = std::env::args_os().collect();
    if args.get(1).is_some_and(|arg| arg == "__exec") {
        process::exec_main(args.split_off(2));
    }
    no_core_dumps();
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output and are no errors.
            let _ = error.print();
            return exit(error.exit_code());
        }
    };
    let mut out = Out::new();
    let code = commands::run(cli, &mut out).unwrap_or_else(|error| {
        out.error(&error);
        error.code
    });
    out.flush();
    exit(code)
}

fn exit(number: i32) -> ExitCode {
    ExitCode::from(u8::try_from(number).unwrap_or(code::ERROR as u8))
}

/// A core file would hold the keys of the environment.
fn no_core_dumps() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Core).maximum;
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
